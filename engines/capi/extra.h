/* What the standard wasm-c-api (wasm.h) lacks, or cannot do soundly: functions that the src/lib.rs
 * of each engine adds under the same names; docs/internals/engines.md says why each. */
#ifndef WSB_ENGINE_CAPI_EXTRA_H
#define WSB_ENGINE_CAPI_EXTRA_H

#include <wasm.h>
#include <wasm_sandbox/plugin/engine.h>

/* A store and the one instance in it. */
typedef struct wsbx_instance wsbx_instance;

/* Takes what is known of a failure, while the failing function runs. Texts are UTF-8, not
 * terminated. `frame`: innermost first; without a name `len` is 0; `offset` in the module. */
typedef struct wsbx_sink {
    void *data;
    void (*message)(void *data, const char *text, size_t len);
    void (*frame)(void *data, const char *name, size_t len, uint32_t function, uint64_t offset);
} wsbx_sink;

/* How something ended: these, or WSBX_TRAP plus a wsb_trap. */
enum { WSBX_OK = 0, WSBX_FAILED = 1, WSBX_UNSUPPORTED = 2, WSBX_TRAP = 16 };

/* A host function. `call` returns false to end the guest. */
typedef struct wsbx_import {
    const wsb_function_type *type;
    bool (*call)(void *env, void *caller, wsb_raw_value *values);
    void *env;
} wsbx_import;

/* An engine with the proposals that the backend declares. */
wasm_engine_t *wsbx_engine_new(uint64_t max_stack);

/* As wasm_module_new(), without a store and with what is wrong. `out_result` on failure only. */
wasm_module_t *wsbx_module_new(const wasm_engine_t *engine, const uint8_t *bytes, size_t len,
                               const wsbx_sink *sink, uint32_t *out_result);

/* Whether `types` are those of all of the module's imports, in order. */
bool wsbx_imports_match(const wasm_module_t *module, const wsb_function_type *const *types,
                        size_t count);

/* `max_stack` is the engine's; `imports` match; each `env` lives as long as the instance. */
wsbx_instance *wsbx_instance_new(const wasm_engine_t *engine, const wasm_module_t *module,
                                 uint64_t max_stack, const wsbx_import *imports, size_t count,
                                 const wsbx_sink *sink, uint32_t *out_result);
void wsbx_instance_delete(wsbx_instance *instance);

/* The following may be called by host functions, too. */
bool wsbx_export(const wsbx_instance *instance, const char *name, size_t len, wsb_extern_kind kind,
                 wsb_engine_handle *out_handle);
void wsbx_memory(const wsbx_instance *instance, const wsb_engine_handle *memory, uint8_t **out_base,
                 uint64_t *out_size);
void wsbx_global_get(const wsbx_instance *instance, const wsb_engine_handle *global,
                     wsb_raw_value *out_value);
void wsbx_global_set(wsbx_instance *instance, const wsb_engine_handle *global, wsb_value_type type,
                     const wsb_raw_value *value);

/* Not these. */
bool wsbx_memory_grow(wsbx_instance *instance, const wsb_engine_handle *memory, uint64_t pages);
uint32_t wsbx_call(wsbx_instance *instance, const wsb_engine_handle *function,
                   const wsb_function_type *type, wsb_raw_value *values, const wsbx_sink *sink);

#endif
