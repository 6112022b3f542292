/**
 * @file plugin/limit.h
 * Limits of your own: named counters that host functions charge.
 */
#ifndef WASM_SANDBOX_PLUGIN_LIMIT_H
#define WASM_SANDBOX_PLUGIN_LIMIT_H

#include <wasm_sandbox/host_function.h>
#include <wasm_sandbox/limits.h>
#include <wasm_sandbox/runtime.h>

WSB_BEGIN_DECLS

/** For `wsb_limit_ops.abi_version`. */
#define WSB_LIMIT_ABI_VERSION 1u

/** What is counted from zero: an instance's life, or each call. */
typedef enum wsb_limit_scope { WSB_LIMIT_INSTANCE = 0, WSB_LIMIT_CALL = 1 } wsb_limit_scope;

/** A limit. Static. */
typedef struct wsb_limit_ops {
    size_t size;
    uint32_t abi_version;
    const char *name; /**< as in wsb_named_limit */
    const char *unit; /**< for messages: "bytes", "queries" */
    wsb_limit_scope scope;
    uint64_t default_value; /**< WSB_UNLIMITED for none */
    /** Refuses a configured value with a reason; may be NULL. */
    wsb_status (*validate)(uint64_t value, wsb_error **out_error);
} wsb_limit_ops;

/** Registers a limit, before the runtime's first module is compiled.
 * @param ops  Borrowed; static.
 * @return WSB_ERROR_ABI_MISMATCH, WSB_ERROR_ALREADY_EXISTS (also the built-in names),
 *         WSB_ERROR_BUSY (too late), WSB_ERROR_LIMIT_EXCEEDED (more than 16). [setup only] */
WSB_API WSB_NODISCARD wsb_status wsb_runtime_register_limit(wsb_runtime *runtime,
                                                            const wsb_limit_ops *ops,
                                                            wsb_error **out_error);

/**
 * Charges a limit from inside a host function.
 *
 * @param amount  in the limit's unit; negative gives back
 * @return WSB_ERROR_LIMIT_EXCEEDED, nothing charged and an event reported, where it does not
 *         fit; WSB_ERROR_NOT_FOUND for an unknown name. [callback-safe]
 */
WSB_API WSB_NODISCARD wsb_status wsb_call_context_charge(wsb_call_context *context, wsb_str name,
                                                         int64_t amount);

WSB_END_DECLS

#endif
