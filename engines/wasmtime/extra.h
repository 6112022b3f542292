/* Functions that src/lib.rs adds to Wasmtime's C API; docs/internals/engines.md says why each. */
#ifndef WSB_ENGINE_WASMTIME_EXTRA_H
#define WSB_ENGINE_WASMTIME_EXTRA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wasmtime.h>

/* What an instance may still take; UINT64_MAX: no limit. `refused` is set when something was
 * asked for that was not left, `grows` whenever a memory is about to grow. */
typedef struct wsb_wasmtime_limits {
    uint64_t memory_left;
    uint64_t table_left;
    bool refused;
    bool grows;
} wsb_wasmtime_limits;

/* As wasm_engine_new_with_config(), but returns the error where that aborts. Takes `config`. */
wasmtime_error_t *wsb_wasmtime_engine_new(wasm_config_t *config, wasm_engine_t **out_engine);

/* Takes settings out of the hands of the environment. */
void wsb_wasmtime_config_harden(wasm_config_t *config);

/* Lets the pool ask the kernel which pages a guest wrote, where the kernel can tell. */
void wsb_wasmtime_pool_scan_pages(wasmtime_pooling_allocation_config_t *pool);

/* Limits the sums over all tables and over the memory and the heap of references. `limits` must
 * outlive the store. */
void wsb_wasmtime_store_limits(wasmtime_store_t *store, wsb_wasmtime_limits *limits);

/* wasmtime_memory_data() and wasmtime_memory_data_size() in one. */
void wsb_wasmtime_memory(wasmtime_context_t *context, const wasmtime_memory_t *memory,
                         uint8_t **out_base, uint64_t *out_size);

/* As wasmtime_func_call_unchecked(). */
wasmtime_error_t *wsb_wasmtime_call(wasmtime_context_t *context, const wasmtime_func_t *function,
                                    wasmtime_val_raw_t *values, size_t count,
                                    wasm_trap_t **out_trap);

/* Defines "wsb" "suspend": the function in which a guest waits. */
wasmtime_error_t *wsb_wasmtime_define_suspend(wasmtime_linker_t *linker);

/* Calls it, on the stack of a fiber's call. False: the call is being dropped. */
bool wsb_wasmtime_suspend(wasmtime_context_t *context, const wasmtime_func_t *suspend);

/* Calls one function of a store on a stack of its own. */
typedef struct wsb_wasmtime_fiber wsb_wasmtime_fiber;

/* `function` has no parameters and no results. The store must outlive the fiber. */
wsb_wasmtime_fiber *wsb_wasmtime_fiber_new(const wasmtime_context_t *context,
                                           const wasmtime_func_t *function);

/* Prepares a call, which the first poll begins. There must be none. */
void wsb_wasmtime_fiber_begin(wsb_wasmtime_fiber *fiber, wasmtime_context_t *context);

/* Runs the call until it ends (true) or is suspended. In "suspend" it stays while `waiting` is set.
 * An error means that it has not begun. */
bool wsb_wasmtime_fiber_poll(wsb_wasmtime_fiber *fiber, const bool *waiting,
                             wasmtime_error_t **out_error);

/* Drops a call that is suspended: "suspend" fails in the guest. */
void wsb_wasmtime_fiber_end(wsb_wasmtime_fiber *fiber);

/* Of a fiber without a call, or NULL. */
void wsb_wasmtime_fiber_delete(wsb_wasmtime_fiber *fiber);

/* `error` of the following is a wasmtime_error_t or a wasm_trap_t. */

/* Whether a pool had no slot left. */
bool wsb_wasmtime_error_is_pool(const void *error);

/* Hands out the text without the backtrace; with `root` the innermost cause only. */
void wsb_wasmtime_error_text(const void *error, bool root,
                             void (*emit)(const char *text, size_t len, void *data), void *data);

/* A trap for a host function to return, made without walking the guest's stack. */
wasm_trap_t *wsb_wasmtime_quiet_trap(void);

/* In the archive, but its header shows it only with the component model. */
void wasmtime_config_concurrency_support_set(wasm_config_t *config, bool enable);

#endif
