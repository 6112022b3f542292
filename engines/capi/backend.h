/* Inside of the backends on the wasm-c-api: their objects, and the functions of wsb_runtime_ops by
 * file. Each engine's entry.c makes the table of them. */
#ifndef WSB_ENGINE_CAPI_BACKEND_H
#define WSB_ENGINE_CAPI_BACKEND_H

#include "extra.h"

/* What differs between the engines; each entry.c defines it. */
typedef struct ca_traits {
    uint64_t min_stack;
    uint64_t max_stack;
    const char *stack_problem; /* said when max_stack is not between them */
    bool needs_signals;
} ca_traits;

extern const ca_traits ca_engine_traits;

/* A variant is settings only: what a module leaves behind in an engine (code, signatures) should
 * go when the module goes, so each module has an engine of its own. */
typedef struct ca_engine {
    uint64_t max_stack;
} ca_engine;

typedef struct ca_module {
    wasm_engine_t *engine;
    wasm_module_t *module;
    uint64_t max_stack;
} ca_module;

typedef struct ca_link {
    const ca_module *module;
    const wsb_engine_import *imports; /* the caller's; they live until unlink() */
    size_t import_count;
} ca_link;

typedef struct ca_instance ca_instance;

/* The environment of a host function as the engine calls it. */
typedef struct ca_host {
    ca_instance *instance;
    const wsb_engine_import *import;
} ca_host;

struct ca_instance {
    wsbx_instance *inner;
    void *host;
    /* Set by a host function that ends the guest, for the call that then returns;
     * WSB_ENGINE_OK otherwise. */
    wsb_engine_result outcome;
    ca_host hosts[];
};

/* engine.c */
wsb_engine_result ca_engine_create(const wsb_engine_options *options, void **out_engine,
                                   wsb_engine_failure *out_failure);
void ca_engine_destroy(void *engine);

/* module.c */
wsb_engine_result ca_module_compile(void *engine, wsb_bytes bytes, void **out_module,
                                    wsb_engine_failure *out_failure);
void ca_module_destroy(void *module);
/* serialize.c: not for Wasmi, whose functions of that name abort the process. */
wsb_engine_result ca_module_serialize(void *module, void (*emit)(wsb_bytes bytes, void *user_data),
                                      void *user_data, wsb_engine_failure *out_failure);
wsb_engine_result ca_module_deserialize(void *engine, wsb_bytes bytes, void **out_module,
                                        wsb_engine_failure *out_failure);

/* instance.c */
wsb_engine_result ca_link_create(void *engine, void *module, const wsb_engine_import *imports,
                                 size_t import_count, void **out_link,
                                 wsb_engine_failure *out_failure);
void ca_link_destroy(void *link);
wsb_engine_result ca_instance_create(void *link, const wsb_engine_instance_options *options,
                                     void **out_instance, wsb_engine_failure *out_failure);
void ca_instance_destroy(void *instance);

/* access.c */
wsb_engine_result ca_function_call(void *instance, const wsb_engine_handle *function,
                                   const wsb_function_type *type, wsb_raw_value *values,
                                   wsb_engine_failure *out_failure);
bool ca_export_get(void *instance, wsb_str name, wsb_extern_kind kind,
                   wsb_engine_handle *out_handle);
void ca_memory_get(void *instance, void *caller, const wsb_engine_handle *memory,
                   uint8_t **out_base, uint64_t *out_size);
bool ca_memory_grow(void *instance, const wsb_engine_handle *memory, uint64_t pages);
void ca_global_get(void *instance, const wsb_engine_handle *global, wsb_value_type type,
                   wsb_raw_value *out_value);
void ca_global_set(void *instance, const wsb_engine_handle *global, wsb_value_type type,
                   const wsb_raw_value *value);

/* failure.c */
wsb_engine_result ca_fail_text(wsb_engine_failure *out_failure, wsb_engine_result result,
                               const char *text);
/* Where the engine's texts go;. */
typedef struct ca_sink {
    wsbx_sink sink;
    wsb_engine_failure *failure;
    size_t used; /* of the backtrace */
} ca_sink;
void ca_sink_init(ca_sink *place, wsb_engine_failure *out_failure);
/* What a WSBX_… result, whose texts are there already, means. */
wsb_engine_result ca_fail(uint32_t result, wsb_engine_failure *out_failure);

#endif
