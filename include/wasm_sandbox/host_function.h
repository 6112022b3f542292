/**
 * @file host_function.h
 * Functions of the host that a guest may import.
 */
#ifndef WASM_SANDBOX_HOST_FUNCTION_H
#define WASM_SANDBOX_HOST_FUNCTION_H

#include <wasm_sandbox/error.h>
#include <wasm_sandbox/module.h>
#include <wasm_sandbox/value.h>
#include <wasm_sandbox/waker.h>

WSB_BEGIN_DECLS

/** The call that a host function serves. Borrowed; valid until the host function returns. Used
 * on the thread that it was given on. */
typedef struct wsb_call_context wsb_call_context;

/** How a host function ended. */
typedef enum wsb_host_result {
    WSB_HOST_DONE = 0, /**< The guest goes on with the results. */
    /** The guest traps. Say why with wsb_call_context_fail() before. */
    WSB_HOST_TRAP = 1,
    /** Not finished: wsb_call_context_wait() has said what to wait for. */
    WSB_HOST_PENDING = 2
} wsb_host_result;

/**
 * A typed host function. `args` and `results` have the lengths of the declared signature and
 * `results` is zeroed with the declared types set.
 */
typedef wsb_host_result (*wsb_host_fn)(wsb_call_context *context, const wsb_value *args,
                                       wsb_value *results, void *user_data);

/**
 * A raw host function: `values` holds the arguments on entry and takes the results, in order;
 * it has room for the larger of the two. The fastest form. References are not offered raw:
 * declare a typed function for those.
 */
typedef wsb_host_result (*wsb_raw_host_fn)(wsb_call_context *context, wsb_raw_value *values,
                                           void *user_data);

/** One function that a guest may import. Exactly one of `call` and `call_raw` is set. Strings
 * and arrays are copied when it is defined. */
typedef struct wsb_host_function {
    size_t size;
    wsb_str module; /**< import module name, for instance "env" */
    wsb_str name;   /**< import field name */
    const wsb_value_type *params;
    size_t param_count;
    const wsb_value_type *results;
    size_t result_count;
    wsb_host_fn call;
    wsb_raw_host_fn call_raw;
    void *user_data;
    void (*destroy)(void *user_data); /**< called once when the set is destroyed; may be NULL */
    bool never_waits; /**< never returns WSB_HOST_PENDING: called faster in fiber mode */
} wsb_host_function;

/** No function; set the names, the signature, and `call` or `call_raw`. */
#define WSB_HOST_FUNCTION_INIT                                                                     \
    {sizeof(wsb_host_function),                                                                    \
     {NULL, 0},                                                                                    \
     {NULL, 0},                                                                                    \
     NULL,                                                                                         \
     0,                                                                                            \
     NULL,                                                                                         \
     0,                                                                                            \
     NULL,                                                                                         \
     NULL,                                                                                         \
     NULL,                                                                                         \
     NULL,                                                                                         \
     false}

/**
 * A set of host functions, granted to the instances that are created with it. Reference-counted;
 * functions can be added until it is first used. [one thread at a time] until then,
 * [thread-safe] after.
 */
typedef struct wsb_imports wsb_imports;

/** Creates an empty set. Caller owns; release with wsb_imports_destroy(). [thread-safe] */
WSB_API WSB_NODISCARD wsb_status wsb_imports_create(wsb_imports **out_imports,
                                                    wsb_error **out_error);

/** Drops the caller's reference; instances that use the set keep it alive. NULL is allowed. */
WSB_API void wsb_imports_destroy(wsb_imports *imports);

/**
 * Adds a function. Takes ownership of `user_data` on success only.
 *
 * @return WSB_ERROR_ALREADY_EXISTS for a name that the set has (a host module's is shadowed),
 *         WSB_ERROR_BUSY once the set is in use, WSB_ERROR_INVALID_ARGUMENT. [setup only]
 */
WSB_API WSB_NODISCARD wsb_status wsb_imports_define(wsb_imports *imports,
                                                    const wsb_host_function *function,
                                                    wsb_error **out_error);

/**
 * A function of the host with structured data. Guests call it by name through the import module
 * "wsb_host" (the guest SDKs do it in one line), which exists only for instances whose set has
 * such functions.
 *
 * @param input  in the declared encoding, well-formed. Borrowed for the call.
 * @param io_output  empty; receives the result in the same encoding (wsb_buf_assign()); left empty
 *        it is null (JSON, MessagePack) or no bytes. What is not well-formed is an error.
 * @return WSB_OK; wsb_call_context_report(), which reaches the guest as an error with message and
 *         code; any other status ends the guest with it (say why with wsb_call_context_fail()).
 */
typedef wsb_status (*wsb_structured_fn)(wsb_call_context *context, wsb_bytes input,
                                        wsb_buf *io_output, void *user_data);

/** One such function. Strings are copied when it is defined. */
typedef struct wsb_structured_function {
    size_t size;
    wsb_str name;          /**< any UTF-8, at most 256 bytes: "lookup" */
    wsb_encoding encoding; /**< of input and output; guests that use the other one are transcoded */
    wsb_structured_fn call;
    void *user_data;
    void (*destroy)(void *user_data); /**< called once when the set is destroyed; may be NULL */
} wsb_structured_function;

/** JSON; set `name` and `call`. */
#define WSB_STRUCTURED_FUNCTION_INIT                                                               \
    {sizeof(wsb_structured_function), {NULL, 0}, WSB_ENCODING_JSON, NULL, NULL, NULL}

/** Adds a function with structured data. Takes ownership of `user_data` on success only. Statuses
 * as wsb_imports_define(). [setup only] */
WSB_API WSB_NODISCARD wsb_status wsb_imports_define_structured(
    wsb_imports *imports, const wsb_structured_function *function, wsb_error **out_error);

/** In a structured function: the guest's call fails with this code and message (UTF-8, copied, at
 * most 1,000 bytes). @return WSB_ERROR_REMOTE, to be returned. [callback-safe] */
WSB_API wsb_status wsb_call_context_report(wsb_call_context *context, int32_t code,
                                           const char *format, ...) WSB_PRINTF(3, 4);

/**
 * A range of the guest's memory, checked against its present size.
 *
 * @param offset  first byte, a guest address
 * @param length  bytes; 0 is allowed at any offset up to the memory's size
 * @param out_data  Borrowed; valid until the host function returns or calls into the guest.
 * @return WSB_ERROR_LIMIT_EXCEEDED where any byte is outside the memory, WSB_ERROR_NOT_FOUND
 *         where the guest has no memory. [callback-safe]
 */
WSB_API WSB_NODISCARD wsb_status wsb_call_context_memory(wsb_call_context *context, uint64_t offset,
                                                         uint64_t length, uint8_t **out_data);

/** Sets the message (UTF-8, copied) with which the guest traps when the host function then
 * returns WSB_HOST_TRAP. `status` is what the caller of the guest gets; WSB_OK counts as
 * WSB_ERROR_TRAP. [callback-safe] */
WSB_API void wsb_call_context_fail(wsb_call_context *context, wsb_status status, const char *format,
                                   ...) WSB_PRINTF(3, 4);

/** Nanoseconds left until the call's deadline; UINT64_MAX without one. [callback-safe] */
WSB_API uint64_t wsb_call_context_remaining(wsb_call_context *context);

struct pollfd;

/**
 * Continues a pending host function, on the guest's thread, with the same `values`.
 *
 * @param ready  whether a descriptor became ready; false when the timeout passed
 */
typedef wsb_host_result (*wsb_resume_fn)(wsb_call_context *context, wsb_raw_value *values,
                                         bool ready, void *state);

/**
 * Waits without breaking the deadline or cancellation: call it, then return WSB_HOST_PENDING at
 * once. When the deadline passes or the instance is cancelled first, `resume` is not called: the
 * guest ends there, and `state` is released with `drop` (which may be NULL).
 *
 * @param fds  as in poll(2), `revents` is filled in; valid until `resume` or `drop` ran. NULL: none
 * @param timeout_ns  from now; UINT64_MAX: as long as the deadline allows. [callback-safe]
 */
WSB_API void wsb_call_context_wait(wsb_call_context *context, struct pollfd *fds, size_t fd_count,
                                   uint64_t timeout_ns, wsb_resume_fn resume,
                                   void (*drop)(void *state), void *state);

/**
 * A waker for the wait that the host function is about to begin: when it is woken, `resume` gets
 * `ready` true. Take it, hand it to whoever will know, call wsb_call_context_wait() (with a
 * timeout, and no descriptors or some), and return WSB_HOST_PENDING. A wake in between is not lost;
 * one that comes after the wait ended does nothing.
 *
 * @return a reference; release with wsb_waker_unref(). NULL when out of memory. [callback-safe]
 */
WSB_API wsb_waker *wsb_call_context_waker(wsb_call_context *context);

/** `wsb_instance_config.user_data` of the instance that makes the call. [callback-safe] */
WSB_API void *wsb_call_context_user_data(wsb_call_context *context);

WSB_END_DECLS

#endif
