/**
 * @file rpc.h
 * Remote procedure calls over a channel, in both directions: this side calls the other's methods
 * and serves its own.
 *
 * Two framings: JSON-RPC 2.0 (https://www.jsonrpc.org/specification), complete with batches; and
 * MessagePack-RPC (https://github.com/msgpack-rpc/msgpack-rpc/blob/master/spec.md), compact, whose
 * errors are arrays [code, message] or [code, message, data]. Requests and notifications travel as
 * messages, responses as results, so that a flood of requests cannot hold up the answers.
 */
#ifndef WASM_SANDBOX_RPC_H
#define WASM_SANDBOX_RPC_H

#include <wasm_sandbox/channel.h>
#include <wasm_sandbox/future.h>

WSB_BEGIN_DECLS

/** One side of an RPC conversation. [thread-safe] */
typedef struct wsb_rpc_channel wsb_rpc_channel;

/** How calls are written. Both sides must use the same. */
typedef enum wsb_rpc_framing {
    WSB_RPC_JSON = 0,   /**< JSON-RPC 2.0; parameters and results are JSON text */
    WSB_RPC_MSGPACK = 1 /**< MessagePack-RPC; parameters and results are MessagePack */
} wsb_rpc_framing;

/** The codes of JSON-RPC 2.0, section 5.1; used in both framings. */
typedef enum wsb_rpc_code {
    WSB_RPC_PARSE_ERROR = -32700,
    WSB_RPC_INVALID_REQUEST = -32600,
    WSB_RPC_METHOD_NOT_FOUND = -32601,
    WSB_RPC_INVALID_PARAMS = -32602,
    WSB_RPC_INTERNAL_ERROR = -32603,
    WSB_RPC_SERVER_BUSY = -32000 /**< of this library: too many requests at once */
} wsb_rpc_code;

/** How a side is made. 0 is the default in each field. */
typedef struct wsb_rpc_options {
    size_t size;
    wsb_rpc_framing framing;
    uint64_t max_outstanding; /**< own calls without an answer; 0: 1,024 */
    uint64_t max_batch;       /**< calls in one batch of the other side; 0: 1,024 */
    uint64_t max_message;     /**< bytes of a frame; 0: 16 MiB */
} wsb_rpc_options;

/** JSON-RPC 2.0, every bound at its default. */
#define WSB_RPC_OPTIONS_INIT {sizeof(wsb_rpc_options), WSB_RPC_JSON, 0, 0, 0}

/** A request that is served. Borrowed; valid until the method returns. */
typedef struct wsb_rpc_request wsb_rpc_request;

/** The method's name. */
WSB_API wsb_str wsb_rpc_request_method(const wsb_rpc_request *request);
/** The parameters as they came: JSON text or MessagePack; empty where there are none. Well-formed.
 */
WSB_API wsb_bytes wsb_rpc_request_params(const wsb_rpc_request *request);
/** Whether it wants no answer. */
WSB_API bool wsb_rpc_request_is_notification(const wsb_rpc_request *request);
/**
 * Makes the answer an error: return what this returns.
 *
 * @param code  of wsb_rpc_code or your own (outside of -32768 to -32000)
 * @param format  the message, UTF-8
 * @return WSB_ERROR_REMOTE
 */
WSB_API wsb_status wsb_rpc_request_fail(wsb_rpc_request *request, int32_t code, const char *format,
                                        ...) WSB_PRINTF(3, 4);

/**
 * Serves a method.
 *
 * @param io_result  empty; receives the result in the framing's encoding (wsb_buf_assign()); left
 *        empty it is null
 * @return WSB_OK; wsb_rpc_request_fail(); any other status is WSB_RPC_INTERNAL_ERROR to the other
 *         side, with the status's text and nothing else of this one.
 */
typedef wsb_status (*wsb_rpc_method_fn)(wsb_rpc_request *request, wsb_buf *io_result,
                                        void *user_data);

/**
 * Makes one side on an end of a channel, of any type. Nothing else may use that end.
 *
 * @param channel  Referenced.
 * @param options  NULL: defaults
 * @param out_rpc  Caller owns; release with wsb_rpc_channel_destroy().
 */
WSB_API WSB_NODISCARD wsb_status wsb_rpc_channel_create(wsb_channel *channel,
                                                        const wsb_rpc_options *options,
                                                        wsb_rpc_channel **out_rpc,
                                                        wsb_error **out_error);

/** The same with JSON-RPC 2.0 and defaults. */
WSB_API WSB_NODISCARD wsb_status wsb_json_rpc_channel_create(wsb_channel *channel,
                                                             wsb_rpc_channel **out_rpc,
                                                             wsb_error **out_error);

/** Closes it, waits for methods that run, and releases it. Not from inside one of its methods, and
 * not on a thread of the executor that it is attached to. NULL is allowed. */
WSB_API void wsb_rpc_channel_destroy(wsb_rpc_channel *rpc);

/** Closes the channel's end; calls that wait fail with WSB_ERROR_CLOSED. */
WSB_API void wsb_rpc_channel_close(wsb_rpc_channel *rpc);

/**
 * Calls a method of the other side and waits. Any number of threads may call at once; whoever
 * waits also delivers what comes for others, and serves what the other side asks meanwhile.
 *
 * @param params  JSON text (an array or object) or MessagePack (an array or map) as framed; empty:
 *        none
 * @param timeout_ns  UINT64_MAX: without end
 * @param out_result  its encoding as the parameters'. Caller owns; release with wsb_buf_fini().
 * @return WSB_ERROR_REMOTE (the other side's error: wsb_error_code() and its message),
 *         WSB_ERROR_TIMEOUT (a late answer is dropped and counted), WSB_ERROR_CLOSED,
 *         WSB_ERROR_MALFORMED (the parameters, or the frame that answers),
 *         WSB_ERROR_LIMIT_EXCEEDED (`max_outstanding`, `max_message`, the channel's capacity).
 */
WSB_API WSB_NODISCARD wsb_status wsb_rpc_channel_call(wsb_rpc_channel *rpc, wsb_str method,
                                                      wsb_bytes params, uint64_t timeout_ns,
                                                      wsb_buf *out_result, wsb_error **out_error);

/** The same without waiting: needs wsb_rpc_channel_attach(). wsb_future_cancel() gives the call
 * up; wsb_future_take_data() gives the result. */
WSB_API WSB_NODISCARD wsb_status wsb_rpc_channel_call_async(wsb_rpc_channel *rpc, wsb_str method,
                                                            wsb_bytes params, uint64_t timeout_ns,
                                                            wsb_future **out_future,
                                                            wsb_error **out_error);

/** Tells the other side, which gives no answer. `timeout_ns` is for room in the channel. */
WSB_API WSB_NODISCARD wsb_status wsb_rpc_channel_notify(wsb_rpc_channel *rpc, wsb_str method,
                                                        wsb_bytes params, uint64_t timeout_ns,
                                                        wsb_error **out_error);

/** One call of a batch. */
typedef struct wsb_rpc_batch_call {
    wsb_str method;
    wsb_bytes params;
    bool is_notification;
    wsb_status status; /**< of this call, as wsb_rpc_channel_call() */
    int32_t code;      /**< where the status is WSB_ERROR_REMOTE */
    wsb_buf result;    /**< Caller owns; release with wsb_buf_fini(). */
    wsb_error *error;  /**< of this call. Caller owns; release with wsb_error_destroy(). */
} wsb_rpc_batch_call;

/** Makes several calls in one frame (JSON-RPC) or one after the other (MessagePack-RPC) and waits
 * for all answers, in whatever order they come. WSB_OK where each has its own outcome. */
WSB_API WSB_NODISCARD wsb_status wsb_rpc_channel_call_batch(wsb_rpc_channel *rpc,
                                                            wsb_rpc_batch_call *calls, size_t count,
                                                            uint64_t timeout_ns,
                                                            wsb_error **out_error);

/** Offers a method to the other side. Takes ownership of `user_data` on success only.
 * WSB_ERROR_ALREADY_EXISTS; names that begin with "rpc." are reserved:
 * WSB_ERROR_INVALID_ARGUMENT. */
WSB_API WSB_NODISCARD wsb_status wsb_rpc_channel_register(wsb_rpc_channel *rpc, wsb_str method,
                                                          wsb_rpc_method_fn serve, void *user_data,
                                                          void (*destroy)(void *user_data),
                                                          wsb_error **out_error);

/** Serves what comes on the calling thread until the channel is closed (WSB_OK), or for
 * `timeout_ns` (WSB_ERROR_TIMEOUT). */
WSB_API WSB_NODISCARD wsb_status wsb_rpc_channel_serve(wsb_rpc_channel *rpc, uint64_t timeout_ns,
                                                       wsb_error **out_error);

/** Serves what comes on the threads of an executor, in the background. Once only. The executor is
 * referenced. */
WSB_API WSB_NODISCARD wsb_status wsb_rpc_channel_attach(wsb_rpc_channel *rpc,
                                                        wsb_executor *executor,
                                                        wsb_error **out_error);

/** What a side did. */
typedef struct wsb_rpc_stats {
    size_t size;
    uint64_t calls;           /**< own */
    uint64_t calls_failed;    /**< of those, ended with another status than WSB_OK */
    uint64_t calls_timed_out; /**< of those, with WSB_ERROR_TIMEOUT */
    uint64_t outstanding;
    uint64_t notifications; /**< own */
    uint64_t requests;      /**< of the other side: served, notifications, too */
    uint64_t refused;       /**< frames not served: answered with WSB_RPC_SERVER_BUSY */
    uint64_t dropped;       /**< answers that found no room */
    uint64_t malformed;     /**< frames of the other side */
    uint64_t unknown_ids;   /**< answers to no call: late, twice, or made up */
    wsb_histogram latency;  /**< of own calls */
} wsb_rpc_stats;

/** To be filled in by wsb_rpc_channel_get_stats(). */
#define WSB_RPC_STATS_INIT                                                                         \
    {                                                                                              \
        sizeof(wsb_rpc_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,                                       \
        {{0}}                                                                                      \
    }

/** Fills in `out_stats` as far as its `size` goes. */
WSB_API void wsb_rpc_channel_get_stats(wsb_rpc_channel *rpc, wsb_rpc_stats *out_stats);

WSB_END_DECLS

#endif
