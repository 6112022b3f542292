/**
 * @file plugin/host_module.h
 * What a host module implements: functions that guests import, with state for each instance that
 * is made from its capabilities and limits. WASI is one. For plain functions see
 * host_function.h.
 */
#ifndef WASM_SANDBOX_PLUGIN_HOST_MODULE_H
#define WASM_SANDBOX_PLUGIN_HOST_MODULE_H

#include <wasm_sandbox/instance.h>

WSB_BEGIN_DECLS

/** For `wsb_host_module_ops.abi_version`. */
#define WSB_HOST_MODULE_ABI_VERSION 2u

/** One function of a host module: always raw. */
typedef struct wsb_host_module_function {
    const char *name;
    const char *signature; /**< "iiI:i": i i32, I i64, f f32, F f64; parameters ':' results */
    wsb_raw_host_fn call;  /**< `user_data` is the instance's state from instance_create() */
    bool never_waits;      /**< never returns WSB_HOST_PENDING: called faster in fiber mode */
} wsb_host_module_function;

/** A host module. Static; every member but call_begin must be set. */
typedef struct wsb_host_module_ops {
    size_t size;
    uint32_t abi_version;
    const char *id;                            /**< "wasi" */
    const char *const *module_names;           /**< import module names served, NULL-terminated */
    const wsb_host_module_function *functions; /**< ends with a NULL name */
    /**
     * Makes the state for an instance whose module imports any of the names.
     *
     * @param limits  resolved
     * @param out_state  NULL is a valid state
     */
    wsb_status (*instance_create)(wsb_instance *instance, const wsb_capabilities *capabilities,
                                  const wsb_resource_limits *limits, void **out_state,
                                  wsb_error **out_error);
    void (*instance_destroy)(void *state);
    /** Before each call from the host into the guest; may be NULL. Must be cheap. */
    void (*call_begin)(void *state);
} wsb_host_module_ops;

/** Registers a host module with a runtime, before its first module is compiled.
 * @param ops  Borrowed; static.
 * @return WSB_ERROR_ABI_MISMATCH, WSB_ERROR_ALREADY_EXISTS (id or a module name),
 *         WSB_ERROR_BUSY (too late). [setup only] */
WSB_API WSB_NODISCARD wsb_status wsb_runtime_register_host_module(wsb_runtime *runtime,
                                                                  const wsb_host_module_ops *ops,
                                                                  wsb_error **out_error);

/** Counters that a host module keeps for usage and limits. */
typedef enum wsb_counter {
    WSB_COUNTER_FILES_OPEN = 0,
    WSB_COUNTER_BYTES_READ = 1,
    WSB_COUNTER_BYTES_WRITTEN = 2,
    WSB_COUNTER_OUTPUT_BYTES = 3,
    WSB_COUNTER_COUNT_ = 4
} wsb_counter;

/** Adds to a counter of usage (negative to give back). On the guest's thread. */
WSB_API void wsb_call_context_count(wsb_call_context *context, wsb_counter counter, int64_t delta);

/** Reports an event; fills in `size` and `tag`. On the guest's thread. */
WSB_API void wsb_call_context_event(wsb_call_context *context, wsb_event_kind kind,
                                    const char *operation, const char *subject, wsb_str detail,
                                    uint64_t used, uint64_t allowed);

/** Ends the guest as an exit with `code`: return WSB_HOST_TRAP right after. */
WSB_API void wsb_call_context_exit(wsb_call_context *context, int32_t code);

/** The whole memory of the guest now: base and size in bytes; {NULL, 0} without one. Borrowed;
 * valid until the host function returns, waits, or calls into the guest. */
WSB_API void wsb_call_context_memory_all(wsb_call_context *context, uint8_t **out_base,
                                         uint64_t *out_size);

/** The instance that makes the call. Borrowed. */
WSB_API wsb_instance *wsb_call_context_instance(wsb_call_context *context);

WSB_END_DECLS

#endif
