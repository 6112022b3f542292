/* Inside of the Wasmtime backend: its objects, and the functions of wsb_runtime_ops by file. */
#ifndef WSB_ENGINE_WASMTIME_BACKEND_H
#define WSB_ENGINE_WASMTIME_BACKEND_H

#include <stdatomic.h>

#include <wasm_sandbox/plugin/engine.h>

#include "extra.h"

/* The pool's own bounds. An instance that is allowed more is not served from the pool, so that
 * the pool never bounds it below its limit. */
#define WT_POOL_MEMORY ((uint64_t)1 << 32)
#define WT_POOL_TABLE_ELEMENTS ((uint64_t)1000000)

typedef struct wt_engine {
    wasm_engine_t *engine;
    bool fuel;
    bool pooled;
    uint64_t fibers;            /* calls at once; 0: calls run on their caller's stack */
    atomic_uint_fast64_t calls; /* that have begun, where it has fibers */
    wasmtime_linker_t *fiber_functions;
} wt_engine;

typedef struct wt_module {
    wt_engine *engine;
    wasmtime_module_t *module;
} wt_module;

/* The environment of a host function as Wasmtime calls it. */
typedef struct wt_import {
    wsb_engine_host_fn call;
    void *data;
    const wsb_function_type *type; /* the caller's; lives until unlink() */
    bool may_wait;                 /* the guest can be suspended in it */
} wt_import;

typedef struct wt_link {
    wt_engine *engine;
    wasmtime_instance_pre_t *pre;
    wt_import *imports;
} wt_link;

typedef struct wt_instance wt_instance;

/* A call on the caller's stack, or on the fiber's. */
typedef wsb_engine_result (*wt_call_fn)(wt_instance *instance, const wsb_engine_handle *function,
                                        const wsb_function_type *type, wsb_raw_value *values,
                                        wsb_engine_failure *out_failure);

/* The call of a guest that has a stack of its own, and what it takes to suspend it. */
typedef struct wt_fiber {
    wsb_wasmtime_fiber *fiber; /* NULL before the first call */
    bool active;               /* there is a call */
    bool waiting;              /* in a host function, which it may not leave */
    bool yielded;
    wsb_engine_result result; /* of `call`, when it has ended */
    wt_call_fn call;
    const wsb_function_type *type;
    wsb_raw_value *values;
    wsb_engine_failure *failure; /* of the present function_call() or function_resume() */
    wsb_engine_handle function;
    bool (*should_yield)(void *host);
    wsb_host_result (*resume)(void *host, void *caller, wsb_raw_value *values);
    bool has_suspend;
    wasmtime_func_t suspend;
} wt_fiber;

/* Where a memory is. */
typedef struct wt_place {
    wasmtime_memory_t memory; /* its store's id is zero: none */
    uint8_t *base;
    uint64_t size;
} wt_place;

struct wt_instance {
    void *host;
    bool (*should_stop)(void *host);
    /* Set by the one who ends the guest (a host function, the epoch callback), for the call that
     * then returns; WSB_ENGINE_OK otherwise. */
    wsb_engine_result outcome;
    wasm_trap_t *trap; /* of the call that has just ended */
    wasmtime_context_t *context;
    wasmtime_store_t *store;
    wasmtime_instance_t instance;
    wsb_wasmtime_limits limits;
    wt_place place; /* as it was when `limits.grows` was cleared */
    wt_engine *engine;
    bool on_fiber; /* its calls run on a stack of its own */
    wt_fiber fiber;
};

_Static_assert(sizeof(wasmtime_func_t) <= sizeof(wsb_engine_handle), "function handle");
_Static_assert(sizeof(wasmtime_memory_t) <= sizeof(wsb_engine_handle), "memory handle");
_Static_assert(sizeof(wasmtime_global_t) <= sizeof(wsb_engine_handle), "global handle");
_Static_assert(sizeof(wasmtime_val_raw_t) == sizeof(wsb_raw_value),
               "raw values are passed through");

/* engine.c */
wsb_engine_result wt_engine_create(const wsb_engine_options *options, void **out_engine,
                                   wsb_engine_failure *out_failure);
void wt_engine_destroy(void *engine);
void wt_engine_interrupt(void *engine);

/* module.c */
wsb_engine_result wt_module_compile(void *engine, wsb_bytes bytes, void **out_module,
                                    wsb_engine_failure *out_failure);
void wt_module_destroy(void *module);
wsb_engine_result wt_module_serialize(void *module, void (*emit)(wsb_bytes bytes, void *user_data),
                                      void *user_data, wsb_engine_failure *out_failure);
wsb_engine_result wt_module_deserialize(void *engine, wsb_bytes bytes, void **out_module,
                                        wsb_engine_failure *out_failure);

/* link.c */
wsb_engine_result wt_link_create(void *engine, void *module, const wsb_engine_import *imports,
                                 size_t import_count, void **out_link,
                                 wsb_engine_failure *out_failure);
void wt_link_destroy(void *link);

/* instance.c */
wsb_engine_result wt_instance_create(void *link, const wsb_engine_instance_options *options,
                                     void **out_instance, wsb_engine_failure *out_failure);
void wt_instance_destroy(void *instance);
void wt_instance_set_fuel(void *instance, uint64_t fuel);
uint64_t wt_instance_get_fuel(void *instance);

/* call.c */
wsb_engine_result wt_function_call(void *self, const wsb_engine_handle *function,
                                   const wsb_function_type *type, wsb_raw_value *values,
                                   wsb_engine_failure *out_failure);
wsb_engine_result wt_function_call_references(void *self, const wsb_engine_handle *function,
                                              const wsb_function_type *type, wsb_raw_value *values,
                                              wsb_engine_failure *out_failure);

/* Of a function that may return on another thread than it was called on: nothing in it may keep
 * the address of a thread's own data, and AddressSanitizer's frames are such. */
#define WT_CHANGES_THREAD __attribute__((no_sanitize("address"), noinline))

/* fiber.c */
wasmtime_error_t *wt_fibers_init(wt_engine *engine);
void wt_fibers_fini(wt_engine *engine);
wsb_engine_result wt_fiber_call(wt_instance *instance, wt_call_fn call,
                                const wsb_engine_handle *function, const wsb_function_type *type,
                                wsb_raw_value *values, wsb_engine_failure *out_failure);
wsb_engine_result wt_function_resume(void *instance, wsb_engine_failure *out_failure);
/* Within a host function: the guest is suspended until function_resume(). NULL when it goes on; the
 * trap with which it ends when it is dropped. */
wasm_trap_t *wt_fiber_suspend(wt_instance *instance, wasmtime_context_t *context);
/* Asked at an epoch: whether the guest is to be suspended. */
bool wt_fiber_yields(wt_instance *instance);
/* Drops the guest's stack. */
void wt_fiber_drop(wt_instance *instance);

/* maps.c: whether the system allows so many guests with stacks of their own; else FAILED, with what
 * to change. */
wsb_engine_result wt_maps_check(uint64_t guests, wsb_engine_failure *out_failure);

/* access.c */
bool wt_export_get(void *instance, wsb_str name, wsb_extern_kind kind,
                   wsb_engine_handle *out_handle);
void wt_memory_get(void *instance, void *caller, const wsb_engine_handle *memory,
                   uint8_t **out_base, uint64_t *out_size);
bool wt_memory_grow(void *instance, const wsb_engine_handle *memory, uint64_t pages);
void wt_global_get(void *instance, const wsb_engine_handle *global, wsb_value_type type,
                   wsb_raw_value *out_value);
void wt_global_set(void *instance, const wsb_engine_handle *global, wsb_value_type type,
                   const wsb_raw_value *value);

/* references.c: raw references to and from the host's pointers. NULL on success, else what is
 * wrong (static). `roots` of wt_references_in() keep the references alive until
 * wt_references_drop(); it has a place for each value. */
bool wt_has_references(const wsb_value_type *types, size_t count);
const char *wt_references_in(wasmtime_context_t *context, const wsb_value_type *types, size_t count,
                             wsb_raw_value *values, wasmtime_externref_t *roots);
void wt_references_drop(wasmtime_externref_t *roots, size_t count);
const char *wt_references_out(wasmtime_context_t *context, const wsb_value_type *types,
                              size_t count, wsb_raw_value *values);

/* failure.c: each takes and releases `error` or `trap`. */
wsb_engine_result wt_fail_text(wsb_engine_failure *out_failure, wsb_engine_result result,
                               const char *text);
wsb_engine_result wt_fail_error(wsb_engine_failure *out_failure, wsb_engine_result result,
                                wasmtime_error_t *error);
wsb_engine_result wt_fail_trap(wsb_engine_failure *out_failure, wasm_trap_t *trap);

#endif
