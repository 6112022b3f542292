/**
 * @file future.h
 * The result of an asynchronous call, before it is there.
 */
#ifndef WASM_SANDBOX_FUTURE_H
#define WASM_SANDBOX_FUTURE_H

#include <wasm_sandbox/executor.h>
#include <wasm_sandbox/value.h>

WSB_BEGIN_DECLS

/** A call that was made and ends later. [thread-safe]. Release with wsb_future_destroy(). */
typedef struct wsb_future wsb_future;

/** How an asynchronous call is made. */
typedef struct wsb_async_options {
    size_t size;
    wsb_executor *executor; /**< NULL: the sandbox's; needed where there is no sandbox */
    /** ns to wait for room where the executor's queue is full; 0: WSB_ERROR_WOULD_BLOCK at once,
     * UINT64_MAX: as long as it takes. */
    uint64_t queue_timeout;
} wsb_async_options;

/** The sandbox's executor, no waiting. */
#define WSB_ASYNC_OPTIONS_INIT {sizeof(wsb_async_options), NULL, 0}

/** Runs on a thread of the executor, or at once on the caller's where the call has ended already.
 * Must not wait for other futures of the executor; may make asynchronous calls and may destroy
 * `future`. */
typedef void (*wsb_future_fn)(wsb_future *future, void *user_data);

/** Gives the future up: a call that has not ended goes on, and its result is dropped. Cancel it
 * first to stop it. NULL is allowed. */
WSB_API void wsb_future_destroy(wsb_future *future);

/** Waits at most `timeout_ns` (UINT64_MAX: without end). @return whether the call has ended. */
WSB_API bool wsb_future_wait(wsb_future *future, uint64_t timeout_ns);

/** Whether the call has ended, without waiting. */
WSB_API bool wsb_future_poll(const wsb_future *future);

/**
 * Stops the call: one that has not begun ends with WSB_ERROR_CANCELLED and leaves its instance as
 * it is; a running or waiting guest is stopped as by wsb_instance_cancel(), which closes its
 * instance, also where the guest returns at the same moment and the call ends with WSB_OK. Nothing
 * happens where it has ended. Does not wait. [callback-safe]
 */
WSB_API void wsb_future_cancel(wsb_future *future);

/** Calls `done` once when the call has ended. One function for each future: a second is
 * WSB_ERROR_ALREADY_EXISTS. */
WSB_API WSB_NODISCARD wsb_status wsb_future_on_done(wsb_future *future, wsb_future_fn done,
                                                    void *user_data, wsb_error **out_error);

/**
 * A descriptor that is readable (POLLIN) from when the call has ended, for poll(2), epoll, libuv
 * and the like. The same one each time. Do not read or close it.
 *
 * @param out_fd  Borrowed; valid until the future is destroyed.
 * @return WSB_ERROR_IO where the process has no descriptor left.
 */
WSB_API WSB_NODISCARD wsb_status wsb_future_fd(wsb_future *future, int *out_fd,
                                               wsb_error **out_error);

/** How the call ended, as its blocking twin would have returned; WSB_ERROR_WOULD_BLOCK while it
 * has not. */
WSB_API wsb_status wsb_future_status(const wsb_future *future);

/**
 * Takes the results of a typed call.
 *
 * @param count  of `results`: exactly as many as the function has
 * @return how the call ended, with its error object in `out_error` (once); WSB_ERROR_WOULD_BLOCK
 *         while it has not, WSB_ERROR_INVALID_ARGUMENT for another kind of call or count,
 *         WSB_ERROR_CLOSED where it was taken already.
 */
WSB_API WSB_NODISCARD wsb_status wsb_future_take_values(wsb_future *future, wsb_value *results,
                                                        size_t count, wsb_error **out_error);

/** Takes the bytes of a JSON, MessagePack or bytes call, or of an RPC. Caller owns `out_data`;
 * release with wsb_buf_fini(). Statuses as wsb_future_take_values(). */
WSB_API WSB_NODISCARD wsb_status wsb_future_take_data(wsb_future *future, wsb_buf *out_data,
                                                      wsb_error **out_error);

/** The exit code of a command. Statuses as wsb_future_take_values(). */
WSB_API WSB_NODISCARD wsb_status wsb_future_take_exit_code(wsb_future *future, int32_t *out_code,
                                                           wsb_error **out_error);

/** The id of the module or instance that was made. Statuses as wsb_future_take_values(). */
WSB_API WSB_NODISCARD wsb_status wsb_future_take_id(wsb_future *future, uint64_t *out_id,
                                                    wsb_error **out_error);

WSB_END_DECLS

#endif
