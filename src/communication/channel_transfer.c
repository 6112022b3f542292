/* Sending and receiving: the first try, and what is said where it fails. */
#include "communication/channel.h"

#include <wasm_sandbox/plugin/error.h>

wsb_status wsb__transfer_try(const wsb__transfer *transfer)
{
    const wsb_channel_ops *ops = transfer->channel->ops;
    void *end = transfer->channel->end;
    switch (transfer->event) {
    case WSB_CHANNEL_CAN_SEND:
        return ops->send(end, transfer->message);
    case WSB_CHANNEL_CAN_RECEIVE:
        return ops->receive(end, transfer->io_message);
    case WSB_CHANNEL_CAN_SEND_RESULT:
        return ops->send_result(end, transfer->message);
    default:
        return ops->receive_result(end, transfer->io_message);
    }
}

static const char *operation_of(const wsb__transfer *transfer)
{
    switch (transfer->event) {
    case WSB_CHANNEL_CAN_SEND:
        return "send";
    case WSB_CHANNEL_CAN_RECEIVE:
        return "receive";
    case WSB_CHANNEL_CAN_SEND_RESULT:
        return "send result";
    default:
        return "receive result";
    }
}

static wsb_status too_large(const wsb__transfer *transfer, wsb_error **out_error)
{
    const wsb_channel *channel = transfer->channel;
    wsb_error_details details = {
        .operation = operation_of(transfer),
        .subject = "capacity",
        .suggestion = "send it in parts, or create the channel with a larger capacity",
        .used = transfer->message.len,
        .allowed = channel->options.capacity,
    };
    return wsb_error_set(out_error, WSB_ERROR_LIMIT_EXCEEDED, &details,
                         "%s: a message of %zu bytes can never pass the channel '%s', whose "
                         "capacity is %llu",
                         details.operation, transfer->message.len, channel->ops->type,
                         (unsigned long long)channel->options.capacity);
}

static const char *suggestion_for(wsb_status status, bool sends)
{
    switch (status) {
    case WSB_ERROR_WOULD_BLOCK:
        return sends ? "try again later, give it a timeout, or create the channel with a larger "
                       "capacity or max_messages"
                     : "try again later, or give it a timeout";
    case WSB_ERROR_TIMEOUT:
        return sends ? "see whether the other end still receives, or give it a longer timeout"
                     : "see whether the other end still sends, or give it a longer timeout";
    case WSB_ERROR_CLOSED:
        return sends ? "stop sending: nothing will arrive any more"
                     : "stop receiving: nothing will come any more";
    case WSB_ERROR_MALFORMED:
        return "this type checks what is sent; send what it is for, or use the type 'memory'";
    case WSB_ERROR_FORKED:
        return "create a channel in the child, after fork()";
    default:
        return NULL;
    }
}

static const char *reason_for(wsb_status status, bool sends)
{
    switch (status) {
    case WSB_ERROR_WOULD_BLOCK:
        return sends ? "there is no room for it" : "there is no message";
    case WSB_ERROR_TIMEOUT:
        return sends ? "the other end made no room in time" : "no message came in time";
    case WSB_ERROR_CLOSED:
        return sends ? "an end is closed" : "it is closed, and everything was received";
    case WSB_ERROR_MALFORMED:
        return "not a message that may pass";
    case WSB_ERROR_FORKED:
        return "it was made before fork(), in the parent";
    default:
        return wsb_status_text(status);
    }
}

wsb_status wsb__transfer_failed(const wsb__transfer *transfer, wsb_status status,
                                uint64_t timeout_ns, wsb_error **out_error)
{
    bool sends = wsb__event_is_send(transfer->event);
    if (sends && status == WSB_ERROR_LIMIT_EXCEEDED)
        return too_large(transfer, out_error);
    wsb_error_details details = {
        .operation = operation_of(transfer),
        .subject = transfer->channel->ops->type,
        .suggestion = suggestion_for(status, sends),
    };
    if (sends && status == WSB_ERROR_WOULD_BLOCK) {
        details.subject = "capacity";
        details.used = transfer->message.len;
        details.allowed = transfer->channel->options.capacity;
    } else if (status == WSB_ERROR_TIMEOUT) {
        details.allowed = timeout_ns;
    }
    return wsb_error_set(out_error, status, &details, "%s: channel '%s': %s", details.operation,
                         transfer->channel->ops->type, reason_for(status, sends));
}

static wsb_status bad_argument(const wsb__transfer *transfer, wsb_error **out_error)
{
    wsb_error_details details = {.operation = operation_of(transfer)};
    return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, &details, "%s: a NULL argument",
                         details.operation);
}

static void count_refused(const wsb__transfer *transfer, wsb_status status)
{
    wsb__channel_counters *counters = wsb__event_is_result(transfer->event)
                                          ? &transfer->channel->results
                                          : &transfer->channel->messages;
    if (status == WSB_ERROR_WOULD_BLOCK || status == WSB_ERROR_TIMEOUT ||
        status == WSB_ERROR_LIMIT_EXCEEDED)
        atomic_fetch_add_explicit(&counters->refused, 1, memory_order_relaxed);
}

/* After a first try that did not succeed. */
static wsb_status go_on(const wsb__transfer *transfer, wsb_status status, uint64_t timeout_ns,
                        wsb_error **out_error)
{
    if (status == WSB_ERROR_WOULD_BLOCK) {
        wsb__channel_rearm(transfer->channel, transfer->event);
        if (timeout_ns > 0)
            status = wsb__transfer_wait(transfer, timeout_ns);
    }
    if (status == WSB_OK)
        return WSB_OK;
    if (wsb__event_is_send(transfer->event))
        count_refused(transfer, status);
    return wsb__transfer_failed(transfer, status, timeout_ns, out_error);
}

static inline wsb_status send(const wsb__transfer *transfer, uint64_t timeout_ns,
                              wsb_error **out_error)
{
    if (!transfer->channel || (transfer->message.len > 0 && !transfer->message.data))
        return bad_argument(transfer, out_error);
    /* For every type alike: a peer's memory is bounded by what was agreed on. */
    wsb_status status = transfer->message.len <= transfer->channel->options.capacity
                            ? wsb__transfer_try(transfer)
                            : WSB_ERROR_LIMIT_EXCEEDED;
    return __builtin_expect(status == WSB_OK, 1) ? WSB_OK
                                                 : go_on(transfer, status, timeout_ns, out_error);
}

static inline wsb_status receive(const wsb__transfer *transfer, uint64_t timeout_ns,
                                 wsb_error **out_error)
{
    if (!transfer->channel || !transfer->io_message)
        return bad_argument(transfer, out_error);
    wsb_status status = wsb__transfer_try(transfer);
    return __builtin_expect(status == WSB_OK, 1) ? WSB_OK
                                                 : go_on(transfer, status, timeout_ns, out_error);
}

wsb_status wsb_channel_send(wsb_channel *channel, wsb_bytes message, uint64_t timeout_ns,
                            wsb_error **out_error)
{
    wsb__transfer transfer = {channel, WSB_CHANNEL_CAN_SEND, message, NULL};
    return send(&transfer, timeout_ns, out_error);
}

wsb_status wsb_channel_receive(wsb_channel *channel, wsb_buf *io_message, uint64_t timeout_ns,
                               wsb_error **out_error)
{
    wsb__transfer transfer = {channel, WSB_CHANNEL_CAN_RECEIVE, {NULL, 0}, io_message};
    return receive(&transfer, timeout_ns, out_error);
}

wsb_status wsb_channel_send_result(wsb_channel *channel, wsb_bytes result, uint64_t timeout_ns,
                                   wsb_error **out_error)
{
    wsb__transfer transfer = {channel, WSB_CHANNEL_CAN_SEND_RESULT, result, NULL};
    return send(&transfer, timeout_ns, out_error);
}

wsb_status wsb_channel_receive_result(wsb_channel *channel, wsb_buf *io_result, uint64_t timeout_ns,
                                      wsb_error **out_error)
{
    wsb__transfer transfer = {channel, WSB_CHANNEL_CAN_RECEIVE_RESULT, {NULL, 0}, io_result};
    return receive(&transfer, timeout_ns, out_error);
}
