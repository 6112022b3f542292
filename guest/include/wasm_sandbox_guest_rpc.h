/**
 * @file wasm_sandbox_guest_rpc.h
 * For guests in C: remote procedure calls over a channel, in both directions: the guest calls the
 * host's methods and serves its own. JSON-RPC 2.0, or MessagePack-RPC; requests and notifications
 * travel as messages, answers as results.
 *
 *     static int add(wsb_guest_rpc_request *request, wsb_guest_buffer *result)
 *     {
 *         wsb_guest_json a, b;
 *         int64_t x, y;
 *         if (!wsb_guest_json_at(request->params, 0, &a) || !wsb_guest_json_int(a, &x) || …)
 *             return wsb_guest_rpc_fail(request, WSB_GUEST_RPC_INVALID_PARAMS, "two numbers");
 *         return wsb_guest_json_write_int(result, x + y) ? WSB_GUEST_OK : WSB_GUEST_NO_MEMORY;
 *     }
 *     static const wsb_guest_rpc_method methods[] = {{"add", add}};
 *     …
 *     wsb_guest_rpc rpc;
 *     wsb_guest_rpc_init(&rpc, channel, WSB_GUEST_RPC_JSON, methods, 1, NULL);
 *     wsb_guest_rpc_serve(&rpc);                               // until the channel is closed
 *     wsb_guest_rpc_call(&rpc, "log", params, WSB_GUEST_MS(100), &answer); // or: call the host
 */
#ifndef WASM_SANDBOX_GUEST_RPC_H
#define WASM_SANDBOX_GUEST_RPC_H

#include <wasm_sandbox_guest_channel.h>
#include <wasm_sandbox_guest_rpc_frame.h>

enum { WSB_GUEST_RPC_BATCH_MAX = 1024, WSB_GUEST_RPC_NESTED_MAX_ = 16 };

/** A request that a method serves. Valid until it returns. */
typedef struct wsb_guest_rpc_request {
    const char *method;
    wsb_guest_bytes params; /**< as written: JSON (checked) or MessagePack; empty: none */
    bool is_notification;   /**< nobody waits for an answer */
    void *user_data;        /**< of wsb_guest_rpc_init() */
    int32_t code;           /**< private */
    wsb_guest_buffer text;  /**< private */
} wsb_guest_rpc_request;

/**
 * Serves a method.
 *
 * @param result  empty; takes the result in the framing's encoding; left empty it is null
 * @return WSB_GUEST_OK; wsb_guest_rpc_fail(); any other status is an internal error to the caller
 */
typedef int (*wsb_guest_rpc_fn)(wsb_guest_rpc_request *request, wsb_guest_buffer *result);

/** One method of a table. */
typedef struct wsb_guest_rpc_method {
    const char *name;
    wsb_guest_rpc_fn serve;
} wsb_guest_rpc_method;

/* A call that waits for its answer; on its caller's stack. */
typedef struct wsb_guest_rpc_pending_ {
    struct wsb_guest_rpc_pending_ *outer; /* whose method made this call */
    uint32_t id;
    bool done;
    wsb_guest_answer *answer;
} wsb_guest_rpc_pending_;

/** One side of a conversation. Nothing else may use the channel's handle. */
typedef struct wsb_guest_rpc {
    int32_t channel;
    wsb_guest_rpc_framing framing;
    const wsb_guest_rpc_method *methods;
    uint32_t method_count;
    void *user_data;
    /* Private. */
    uint32_t last_id;
    uint32_t nested;
    wsb_guest_rpc_pending_ *pending;
    wsb_guest_buffer incoming;
    wsb_guest_spare_ spare;
} wsb_guest_rpc;

/** Sets one up; release with wsb_guest_rpc_free(). `methods` stays yours; none: it only calls. */
static inline void wsb_guest_rpc_init(wsb_guest_rpc *rpc, int32_t channel,
                                      wsb_guest_rpc_framing framing,
                                      const wsb_guest_rpc_method *methods, uint32_t method_count,
                                      void *user_data)
{
    __builtin_memset(rpc, 0, sizeof *rpc);
    rpc->channel = channel;
    rpc->framing = framing;
    rpc->methods = methods;
    rpc->method_count = method_count;
    rpc->user_data = user_data;
}

/** Releases its memory; the channel stays open. */
static inline void wsb_guest_rpc_free(wsb_guest_rpc *rpc)
{
    wsb_guest_buffer_free(&rpc->incoming);
    wsb_guest_spare_free_(&rpc->spare);
}

/** In a method: the call fails with this code and text (terminated; copied). @return what the
 * method must return. */
static inline int wsb_guest_rpc_fail(wsb_guest_rpc_request *request, int32_t code, const char *text)
{
    request->code = code;
    request->text.len = 0;
    (void)wsb_guest_buffer_text(&request->text, text);
    return WSB_GUEST_REMOTE;
}

/* --- serving --- */

WSB_GUEST_APART_ const wsb_guest_rpc_method *wsb_guest_rpc_find_json_(const wsb_guest_rpc *rpc,
                                                                      wsb_guest_json method)
{
    for (uint32_t i = 0; i < rpc->method_count; i++) {
        if (wsb_guest_json_is(method, rpc->methods[i].name))
            return &rpc->methods[i];
    }
    return 0;
}

WSB_GUEST_HOT_ const wsb_guest_rpc_method *
wsb_guest_rpc_find_(const wsb_guest_rpc *rpc, wsb_guest_rpc_framing framing, wsb_guest_bytes method)
{
    const wsb_guest_rpc_method *at = rpc->methods;
    if (framing == WSB_GUEST_RPC_JSON)
        return wsb_guest_rpc_find_json_(rpc, method);
    for (uint32_t left = rpc->method_count; left; left--, at++) {
        if (wsb_guest_is(method, at->name))
            return at;
    }
    return 0;
}

/* Answers that a method failed with a status. */
WSB_GUEST_APART_ bool wsb_guest_rpc_write_failure_(const wsb_guest_rpc *rpc, wsb_guest_buffer *out,
                                                   wsb_guest_bytes id, int status,
                                                   const wsb_guest_rpc_request *request)
{
    if (status == WSB_GUEST_REMOTE && request->code)
        return wsb_guest_rpc_write_error_(rpc->framing, out, id, request->code,
                                          wsb_guest_view(&request->text));
    return wsb_guest_rpc_write_error_(rpc->framing, out, id, WSB_GUEST_RPC_INTERNAL_ERROR,
                                      wsb_guest_text(wsb_guest_status_text(status)));
}

/* Runs the method and appends its answer, if one is wanted. */
WSB_GUEST_HOT_ bool wsb_guest_rpc_run_(wsb_guest_rpc *rpc, wsb_guest_rpc_framing framing,
                                       const wsb_guest_rpc_method *method,
                                       const wsb_guest_rpc_message_ *message, wsb_guest_buffer *out)
{
    wsb_guest_buffer none = WSB_GUEST_BUFFER_INIT;
    wsb_guest_buffer result = wsb_guest_spare_take_(&rpc->spare);
    bool good = true;
    bool notifies = message->kind == WSB_GUEST_RPC_NOTIFICATION_;
    wsb_guest_rpc_request request;
    request.method = method->name;
    request.params = message->params;
    request.is_notification = notifies;
    request.user_data = rpc->user_data;
    request.code = 0;
    request.text = none;
    int status = method->serve(&request, &result);
    if (status == WSB_GUEST_OK && result.len &&
        !wsb_guest_rpc_well_formed_(framing, wsb_guest_view(&result)))
        status = WSB_GUEST_MALFORMED;
    if (notifies)
        good = true;
    else if (status != WSB_GUEST_OK)
        good = wsb_guest_rpc_write_failure_(rpc, out, message->id, status, &request);
    else if (framing == WSB_GUEST_RPC_JSON)
        good = wsb_guest_rpc_json_write_result_(out, message->id, wsb_guest_view(&result));
    else
        good = wsb_guest_rpc_msgpack_write_result_(out, message->id, wsb_guest_view(&result));
    if (request.text.data)
        wsb_guest_buffer_free(&request.text);
    wsb_guest_spare_give_(&rpc->spare, &result);
    return good;
}

/* Answers one call, if it wants an answer. */
WSB_GUEST_HOT_ bool wsb_guest_rpc_answer_(wsb_guest_rpc *rpc, wsb_guest_rpc_framing framing,
                                          const wsb_guest_rpc_message_ *message,
                                          wsb_guest_buffer *out)
{
    const wsb_guest_rpc_method *method = wsb_guest_rpc_find_(rpc, framing, message->method);
    if (method)
        return wsb_guest_rpc_run_(rpc, framing, method, message, out);
    return message->kind == WSB_GUEST_RPC_NOTIFICATION_ ||
           wsb_guest_rpc_refuse_(rpc->framing, message->id, WSB_GUEST_RPC_METHOD_NOT_FOUND,
                                 "method not found", out);
}

WSB_GUEST_APART_ bool wsb_guest_rpc_answer_json_(wsb_guest_rpc *rpc, wsb_guest_json value,
                                                 wsb_guest_buffer *out)
{
    wsb_guest_rpc_message_ message = wsb_guest_rpc_read_json_(value);
    return message.kind == WSB_GUEST_RPC_REQUEST_ || message.kind == WSB_GUEST_RPC_NOTIFICATION_
               ? wsb_guest_rpc_answer_(rpc, WSB_GUEST_RPC_JSON, &message, out)
               : wsb_guest_rpc_refuse_(rpc->framing, message.id, WSB_GUEST_RPC_INVALID_REQUEST,
                                       "invalid request", out);
}

/* Answers what is no call: well-formed, it is a wrong one. */
WSB_GUEST_APART_ bool wsb_guest_rpc_refuse_msgpack_(const wsb_guest_rpc *rpc, wsb_guest_bytes id,
                                                    wsb_guest_bytes frame, wsb_guest_buffer *out)
{
    const wsb_guest_bytes none = {0, 0};
    return wsb_guest_rpc_is_msgpack_(frame)
               ? wsb_guest_rpc_refuse_(rpc->framing, id, WSB_GUEST_RPC_INVALID_REQUEST,
                                       "invalid request", out)
               : wsb_guest_rpc_refuse_(rpc->framing, none, WSB_GUEST_RPC_PARSE_ERROR, "parse error",
                                       out);
}

WSB_GUEST_APART_ bool wsb_guest_rpc_answer_msgpack_(wsb_guest_rpc *rpc, wsb_guest_bytes frame,
                                                    wsb_guest_buffer *out)
{
    wsb_guest_rpc_message_ message = wsb_guest_rpc_invalid_();
    return wsb_guest_rpc_msgpack_read_call_(frame, &message)
               ? wsb_guest_rpc_answer_(rpc, WSB_GUEST_RPC_MSGPACK, &message, out)
               : wsb_guest_rpc_refuse_msgpack_(rpc, message.id, frame, out);
}

/* The answers of a batch are one frame; without any there is none. */
WSB_GUEST_APART_ bool wsb_guest_rpc_answer_batch_(wsb_guest_rpc *rpc, wsb_guest_json batch,
                                                  wsb_guest_buffer *out)
{
    wsb_guest_json value;
    uint32_t count = 0;
    const wsb_guest_bytes none = {0, 0};
    wsb_guest_json_iterator it = wsb_guest_json_each(batch);
    while (count <= WSB_GUEST_RPC_BATCH_MAX && wsb_guest_json_next(&it, 0, &value))
        count++;
    if (count == 0 || count > WSB_GUEST_RPC_BATCH_MAX)
        return wsb_guest_rpc_refuse_(rpc->framing, none, WSB_GUEST_RPC_INVALID_REQUEST,
                                     count ? "too many calls in a batch" : "an empty batch", out);
    it = wsb_guest_json_each(batch);
    while (wsb_guest_json_next(&it, 0, &value)) {
        uint32_t before = out->len;
        if (!wsb_guest_buffer_text(out, before ? "," : "["))
            return false;
        uint32_t start = out->len;
        if (!wsb_guest_rpc_answer_json_(rpc, value, out))
            return false;
        if (out->len == start)
            out->len = before; /* it wanted no answer */
    }
    return out->len == 0 || wsb_guest_buffer_text(out, "]");
}

static inline bool wsb_guest_rpc_answer_frame_(wsb_guest_rpc *rpc, wsb_guest_bytes frame,
                                               wsb_guest_buffer *out)
{
    wsb_guest_json value;
    const wsb_guest_bytes none = {0, 0};
    if (rpc->framing == WSB_GUEST_RPC_MSGPACK)
        return wsb_guest_rpc_answer_msgpack_(rpc, frame, out);
    if (!wsb_guest_json_parse(frame, &value))
        return wsb_guest_rpc_refuse_(rpc->framing, none, WSB_GUEST_RPC_PARSE_ERROR, "parse error",
                                     out);
    if (wsb_guest_json_type_of(value) == WSB_GUEST_JSON_ARRAY)
        return wsb_guest_rpc_answer_batch_(rpc, value, out);
    return wsb_guest_rpc_answer_json_(rpc, value, out);
}

/* An answer that does not fit the channel, or the guest's memory, becomes an error without an id:
 * whose call it was, only the caller can tell. */
static inline int wsb_guest_rpc_send_answer_(wsb_guest_rpc *rpc, bool good, wsb_guest_buffer *out)
{
    int status = WSB_GUEST_NO_MEMORY;
    const wsb_guest_bytes none = {0, 0};
    if (good && out->len == 0)
        return WSB_GUEST_OK;
    if (good)
        status =
            wsb_guest_channel_send_result(rpc->channel, out->data, out->len, WSB_GUEST_FOREVER);
    if (status != WSB_GUEST_TOO_LARGE && status != WSB_GUEST_NO_MEMORY)
        return status;
    out->len = 0;
    if (!wsb_guest_rpc_refuse_(rpc->framing, none, WSB_GUEST_RPC_INTERNAL_ERROR,
                               wsb_guest_status_text(status), out))
        return WSB_GUEST_NO_MEMORY;
    return wsb_guest_channel_send_result(rpc->channel, out->data, out->len, WSB_GUEST_FOREVER);
}

/* What both buffers held is replaced. */
static inline int wsb_guest_rpc_serve_with_(wsb_guest_rpc *rpc, wsb_guest_buffer *frame,
                                            wsb_guest_buffer *out, int64_t timeout)
{
    int status = wsb_guest_channel_receive(rpc->channel, frame, timeout);
    if (status != WSB_GUEST_OK)
        return status;
    out->len = 0;
    bool good = wsb_guest_rpc_answer_frame_(rpc, wsb_guest_view(frame), out);
    return wsb_guest_rpc_send_answer_(rpc, good, out);
}

/** Serves one frame: a request, a notification, or a batch. @return WSB_GUEST_OK, also where the
 * call failed and its caller was told; WSB_GUEST_TIMED_OUT, WSB_GUEST_WOULD_BLOCK,
 * WSB_GUEST_CLOSED, …: nothing was served. */
static inline int wsb_guest_rpc_serve_one(wsb_guest_rpc *rpc, int64_t timeout)
{
    wsb_guest_buffer frame = wsb_guest_spare_take_(&rpc->spare);
    wsb_guest_buffer out = wsb_guest_spare_take_(&rpc->spare);
    int status = wsb_guest_rpc_serve_with_(rpc, &frame, &out, timeout);
    wsb_guest_spare_give_(&rpc->spare, &out);
    wsb_guest_spare_give_(&rpc->spare, &frame);
    return status;
}

/* Large ones are not kept for the next frame. */
static inline void wsb_guest_rpc_trim_(wsb_guest_buffer *buffer)
{
    if (buffer->capacity > WSB_GUEST_BUFFER_KEPT_)
        wsb_guest_buffer_free(buffer);
}

/** Serves until the channel is closed: WSB_GUEST_OK. */
static inline int wsb_guest_rpc_serve(wsb_guest_rpc *rpc)
{
    wsb_guest_buffer frame = WSB_GUEST_BUFFER_INIT;
    wsb_guest_buffer out = WSB_GUEST_BUFFER_INIT;
    int status = WSB_GUEST_OK;
    while (status == WSB_GUEST_OK) {
        status = wsb_guest_rpc_serve_with_(rpc, &frame, &out, WSB_GUEST_FOREVER);
        wsb_guest_rpc_trim_(&frame);
        wsb_guest_rpc_trim_(&out);
    }
    wsb_guest_buffer_free(&frame);
    wsb_guest_buffer_free(&out);
    return status == WSB_GUEST_CLOSED ? WSB_GUEST_OK : status;
}

/* --- calling --- */

/* The call that an answer is for; NULL where it is late, or made up. One without an id is about a
 * frame that the other side could not read: the last one sent. */
static inline wsb_guest_rpc_pending_ *wsb_guest_rpc_call_of_(const wsb_guest_rpc *rpc,
                                                             const wsb_guest_rpc_message_ *message)
{
    wsb_guest_rpc_pending_ *call = rpc->pending;
    bool json = rpc->framing == WSB_GUEST_RPC_JSON;
    int64_t id = -1;
    wsb_guest_msgpack_reader r = wsb_guest_msgpack_read(message->id);
    if (message->kind == WSB_GUEST_RPC_ERROR_ && message->id.data[0] == (json ? 'n' : 0xc0))
        return call;
    if (!(json ? wsb_guest_json_int(message->id, &id) : wsb_guest_msgpack_int(&r, &id)))
        return 0;
    while (call && call->id != id)
        call = call->outer;
    return call;
}

/* Gives an answer to the call that waits for it. */
static inline void wsb_guest_rpc_deliver_(wsb_guest_rpc *rpc, const wsb_guest_rpc_message_ *message)
{
    wsb_guest_rpc_pending_ *call = wsb_guest_rpc_call_of_(rpc, message);
    bool is_error = message->kind == WSB_GUEST_RPC_ERROR_;
    wsb_guest_bytes data = is_error ? message->text : message->result;
    if (!call || call->done)
        return;
    wsb_guest_answer *answer = call->answer;
    call->done = true;
    wsb_guest_buffer_clear_(&answer->data);
    answer->code = message->code;
    answer->status = is_error ? WSB_GUEST_REMOTE : WSB_GUEST_OK;
    if (!(is_error && rpc->framing == WSB_GUEST_RPC_JSON
              ? wsb_guest_json_string(data, &answer->data)
              : wsb_guest_buffer_append(&answer->data, data.data, data.len)))
        answer->status = WSB_GUEST_NO_MEMORY;
}

/* What came on the lane of results: one answer, or the answers to a batch. */
static inline void wsb_guest_rpc_take_(wsb_guest_rpc *rpc, wsb_guest_bytes frame)
{
    wsb_guest_json value;
    wsb_guest_json one;
    wsb_guest_rpc_message_ message = wsb_guest_rpc_invalid_();
    if (rpc->framing == WSB_GUEST_RPC_MSGPACK) {
        message = wsb_guest_rpc_msgpack_read_answer_(frame);
    } else if (rpc->framing == WSB_GUEST_RPC_JSON && wsb_guest_json_parse(frame, &value)) {
        wsb_guest_json_iterator it = wsb_guest_json_each(value);
        message = wsb_guest_rpc_read_json_(value);
        while (!it.object && wsb_guest_json_next(&it, 0, &one)) {
            wsb_guest_rpc_message_ element = wsb_guest_rpc_read_json_(one);
            if (element.kind == WSB_GUEST_RPC_RESULT_ || element.kind == WSB_GUEST_RPC_ERROR_)
                wsb_guest_rpc_deliver_(rpc, &element);
        }
    }
    if (message.kind == WSB_GUEST_RPC_RESULT_ || message.kind == WSB_GUEST_RPC_ERROR_)
        wsb_guest_rpc_deliver_(rpc, &message);
}

/* Waits for either lane and serves what the other side asks meanwhile. */
static inline int wsb_guest_rpc_meanwhile_(wsb_guest_rpc *rpc, int64_t timeout)
{
    wsb_guest_wait_entry entry = {rpc->channel,
                                  WSB_GUEST_CAN_RECEIVE | WSB_GUEST_CAN_RECEIVE_RESULT, 0};
    int ready = wsb_guest_channel_wait(&entry, 1, timeout);
    if (ready < 0)
        return ready;
    if (entry.ready & WSB_GUEST_CAN_RECEIVE) {
        int status = wsb_guest_rpc_serve_one(rpc, WSB_GUEST_NO_WAIT);
        if (status != WSB_GUEST_OK && status != WSB_GUEST_WOULD_BLOCK && status != WSB_GUEST_CLOSED)
            return status;
    }
    return WSB_GUEST_OK;
}

static inline int wsb_guest_rpc_await_(wsb_guest_rpc *rpc, const wsb_guest_rpc_pending_ *call,
                                       int64_t timeout)
{
    bool serves = rpc->method_count && rpc->nested < WSB_GUEST_RPC_NESTED_MAX_;
    while (!call->done) {
        int status = serves ? wsb_guest_rpc_meanwhile_(rpc, timeout) : WSB_GUEST_OK;
        if (status != WSB_GUEST_OK)
            return status;
        if (call->done)
            break;
        status = wsb_guest_channel_receive_result(rpc->channel, &rpc->incoming,
                                                  serves ? WSB_GUEST_NO_WAIT : timeout);
        if (status == WSB_GUEST_OK)
            wsb_guest_rpc_take_(rpc, wsb_guest_view(&rpc->incoming));
        else if (!serves || status != WSB_GUEST_WOULD_BLOCK)
            return status;
    }
    return call->answer->status;
}

/* None, or an array or object (map). */
static inline bool wsb_guest_rpc_are_params_(const wsb_guest_rpc *rpc, wsb_guest_bytes params)
{
    wsb_guest_json value;
    uint32_t count;
    wsb_guest_msgpack_reader r = wsb_guest_msgpack_read(params);
    if (params.len == 0)
        return true;
    if (rpc->framing == WSB_GUEST_RPC_MSGPACK)
        return wsb_guest_rpc_is_msgpack_(params) &&
               (wsb_guest_msgpack_array(&r, &count) || wsb_guest_msgpack_map(&r, &count));
    return wsb_guest_json_parse(params, &value) &&
           wsb_guest_json_type_of(value) >= WSB_GUEST_JSON_ARRAY;
}

static inline int wsb_guest_rpc_send_call_(wsb_guest_rpc *rpc, const uint32_t *id,
                                           const char *method, wsb_guest_bytes params,
                                           int64_t timeout)
{
    wsb_guest_buffer out = wsb_guest_spare_take_(&rpc->spare);
    wsb_guest_bytes name = wsb_guest_text(method);
    int status = WSB_GUEST_NO_MEMORY;
    if (!wsb_guest_rpc_are_params_(rpc, params))
        status = WSB_GUEST_MALFORMED;
    else if (rpc->framing == WSB_GUEST_RPC_JSON
                 ? wsb_guest_rpc_json_write_call_(&out, id, name, params)
                 : wsb_guest_rpc_msgpack_write_call_(&out, id, name, params))
        status = wsb_guest_channel_send(rpc->channel, out.data, out.len, timeout);
    wsb_guest_spare_give_(&rpc->spare, &out);
    return status;
}

/**
 * Calls a method of the other side and waits for its answer, serving what the other side asks
 * meanwhile (where there are methods). Methods may call in turn, 16 deep with serving.
 *
 * @param params  an array or object (map) in the framing's encoding; empty: none
 * @param timeout  for room and for the answer, each; what is served or dropped meanwhile begins it
 *        anew, as guests need not have a clock
 * @param io_answer  what it held is replaced: the result, or an error's code and text
 * @return WSB_GUEST_OK; WSB_GUEST_REMOTE; WSB_GUEST_TIMED_OUT (a late answer is dropped),
 *         WSB_GUEST_CLOSED, WSB_GUEST_MALFORMED (the parameters), WSB_GUEST_TOO_LARGE,
 *         WSB_GUEST_NO_MEMORY. Also in `io_answer->status`.
 */
static inline int wsb_guest_rpc_call(wsb_guest_rpc *rpc, const char *method, wsb_guest_bytes params,
                                     int64_t timeout, wsb_guest_answer *io_answer)
{
    wsb_guest_rpc_pending_ call = {rpc->pending, ++rpc->last_id, false, io_answer};
    wsb_guest_buffer_clear_(&io_answer->data);
    io_answer->code = 0;
    rpc->pending = &call;
    rpc->nested++;
    int status = wsb_guest_rpc_send_call_(rpc, &call.id, method, params, timeout);
    if (status == WSB_GUEST_OK)
        status = wsb_guest_rpc_await_(rpc, &call, timeout);
    rpc->nested--;
    rpc->pending = call.outer;
    io_answer->status = status;
    return status;
}

/** Tells the other side, which gives no answer. `timeout` is for room in the channel. */
static inline int wsb_guest_rpc_notify(wsb_guest_rpc *rpc, const char *method,
                                       wsb_guest_bytes params, int64_t timeout)
{
    return wsb_guest_rpc_send_call_(rpc, 0, method, params, timeout);
}

#endif
