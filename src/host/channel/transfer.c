/* send and receive: each is tried, waited for, and tried again until it is done or its time is up.
 * Nothing here blocks the thread. */
#include "communication/channel.h"
#include "host/channel/state.h"
#include "runtime/ticks.h"
#include "runtime/wait.h"

/* Larger buffers are not kept for the next message. */
enum { KEPT_BUFFER = 256 * 1024 };

/* The arguments, all of the guest's choosing; read again whenever the call goes on. */
typedef struct guest_transfer {
    wsb_call_context *context;
    wsb__guest_end *end;
    int32_t handle;
    uint32_t lane;
    uint32_t len;  /* of the message, or the room for one */
    uint8_t *data; /* in the guest's memory, which stays where it is until the guest runs again */
    uint64_t timeout_ns;
} guest_transfer;

typedef struct guest_direction {
    int64_t (*attempt)(const guest_transfer *transfer); /* a length, 0, or an error */
    wsb_resume_fn resume;
    wsb_channel_event events[WSB__GUEST_LANES];
    bool gives_length; /* 64 bits */
} guest_direction;

static bool parse(wsb_call_context *context, const wsb_raw_value *values,
                  wsb__guest_channels *channels, guest_transfer *out)
{
    *out = (guest_transfer){.context = context,
                            .end = wsb__guest_handle(channels, values[0].i32),
                            .handle = values[0].i32,
                            .lane = values[1].u32,
                            .len = values[3].u32};
    return out->end && out->lane < WSB__GUEST_LANES &&
           wsb_call_context_memory(context, values[2].u32, out->len, &out->data) == WSB_OK &&
           wsb__guest_timeout(values[4].i64, &out->timeout_ns);
}

/* One try; what a descriptor of the host's shows follows from it, as in wsb_channel_send(). */
static wsb_status try_once(const wsb__transfer *one)
{
    wsb_status status = wsb__transfer_try(one);
    if (status == WSB_ERROR_WOULD_BLOCK)
        wsb__channel_rearm(one->channel, one->event);
    return status;
}

static int64_t attempt_send(const guest_transfer *transfer)
{
    if (transfer->len > transfer->end->channel->options.capacity)
        return WSB__GUEST_TOO_LARGE;
    const wsb__transfer one = {.channel = transfer->end->channel,
                               .event = transfer->lane == 0 ? WSB_CHANNEL_CAN_SEND
                                                            : WSB_CHANNEL_CAN_SEND_RESULT,
                               .message = wsb_bytes_of(transfer->data, transfer->len)};
    return wsb__guest_error_of(try_once(&one));
}

static int64_t attempt_receive(const guest_transfer *transfer)
{
    wsb__guest_end *end = transfer->end;
    wsb_buf *message = &end->message[transfer->lane];
    int *keeper = &end->keeper[transfer->lane];
    if (*keeper >= 0 && *keeper != transfer->handle)
        return WSB__GUEST_NO_ROOM;
    const wsb__transfer one = {.channel = end->channel,
                               .event = transfer->lane == 0 ? WSB_CHANNEL_CAN_RECEIVE
                                                            : WSB_CHANNEL_CAN_RECEIVE_RESULT,
                               .io_message = message};
    wsb_status status = *keeper < 0 ? try_once(&one) : WSB_OK;
    if (status != WSB_OK)
        return wsb__guest_error_of(status);
    *keeper = transfer->handle;
    if (message->len > transfer->len)
        return (int64_t)message->len;
    if (message->len > 0)
        memcpy(transfer->data, message->data, message->len);
    int64_t length = (int64_t)message->len;
    *keeper = -1;
    if (message->capacity > KEPT_BUFFER)
        wsb_buf_fini(message);
    return length;
}

static wsb__channel_counters *counters_of(wsb_channel *channel, wsb_channel_event event)
{
    return wsb__event_is_result(event) ? &channel->results : &channel->messages;
}

/* `used`: it was woken, and for what it did then; nothing is left of the wait in the channel. */
static void end_wait(wsb__guest_channels *channels, bool used)
{
    uint64_t began = channels->instance->wait_began;
    wsb_channel *channel = channels->waits_on;
    if (!channel)
        return;
    wsb__channel_counters *counters = counters_of(channel, channels->event);
    if (!used)
        wsb_channel_unwait(channel, channels->event, channels->waker);
    wsb_waker_unref(channels->waker);
    channels->waits_on = NULL;
    channels->waker = NULL;
    uint64_t now = wsb__ticks_recent(); /* those of two processors may be a little apart */
    uint64_t waited = now > began ? wsb__ticks_to_ns(now - began) : 0;
    atomic_fetch_add_explicit(wsb__event_is_send(channels->event) ? &counters->send_blocked_ns
                                                                  : &counters->receive_blocked_ns,
                              waited, memory_order_relaxed);
}

static void drop(void *state)
{
    end_wait(state, false);
}

/* 0 when the call waits now, else an error. A message that comes before is not missed: the channel
 * wakes at once. */
static int begin_wait(const guest_transfer *transfer, const guest_direction *direction,
                      wsb__guest_channels *channels, uint64_t left_ns)
{
    wsb_waker *waker = wsb_call_context_waker(transfer->context);
    wsb_channel_event event = direction->events[transfer->lane];
    if (!waker)
        return WSB__GUEST_NO_ROOM;
    wsb_status status = wsb_channel_wait(transfer->end->channel, event, waker, NULL);
    if (status != WSB_OK) {
        wsb_waker_unref(waker);
        return wsb__guest_error_of(status);
    }
    channels->waits_on = transfer->end->channel;
    channels->event = event;
    channels->waker = waker;
    wsb_call_context_wait(transfer->context, NULL, 0, left_ns, direction->resume, drop, channels);
    wsb__wait_is_brief(transfer->context);
    return 0;
}

static wsb_host_result finish(wsb_raw_value *values, const guest_direction *direction,
                              int64_t result)
{
    if (direction->gives_length)
        values[0].i64 = result;
    else
        values[0].i32 = (int32_t)result;
    return WSB_HOST_DONE;
}

/* A send that came to nothing for lack of room is counted, as that of a thread is. */
static int64_t count_refused(const guest_transfer *transfer, const guest_direction *direction,
                             int64_t result)
{
    wsb_channel_event event = direction->events[transfer->lane];
    if (wsb__event_is_send(event) &&
        (result == WSB__GUEST_WOULD_BLOCK || result == WSB__GUEST_TIMED_OUT ||
         result == WSB__GUEST_TOO_LARGE))
        atomic_fetch_add_explicit(&counters_of(transfer->end->channel, event)->refused, 1,
                                  memory_order_relaxed);
    return result;
}

static wsb_host_result step(wsb_call_context *context, wsb_raw_value *values,
                            wsb__guest_channels *channels, const guest_direction *direction,
                            bool resumed, bool woken)
{
    guest_transfer transfer;
    if (!parse(context, values, channels, &transfer)) {
        end_wait(channels, false);
        return finish(values, direction, WSB__GUEST_INVALID);
    }
    wsb__moment = resumed ? channels->instance->wait_ended : 0;
    int64_t result = direction->attempt(&transfer);
    /* After the attempt: what woke this one and was not used wakes another. */
    end_wait(channels, woken && result >= 0);
    wsb__moment = 0;
    if (result == WSB__GUEST_WOULD_BLOCK && transfer.timeout_ns > 0) {
        if (!resumed)
            wsb__guest_wait_from_now(channels, transfer.timeout_ns);
        uint64_t left = wsb__guest_wait_left(channels);
        result = left > 0 ? begin_wait(&transfer, direction, channels, left) : WSB__GUEST_TIMED_OUT;
        if (result == 0)
            return WSB_HOST_PENDING;
    }
    return finish(values, direction, count_refused(&transfer, direction, result));
}

static wsb_host_result resume_send(wsb_call_context *context, wsb_raw_value *values, bool ready,
                                   void *state);
static wsb_host_result resume_receive(wsb_call_context *context, wsb_raw_value *values, bool ready,
                                      void *state);

static const guest_direction sending = {
    .attempt = attempt_send,
    .resume = resume_send,
    .events = {WSB_CHANNEL_CAN_SEND, WSB_CHANNEL_CAN_SEND_RESULT},
    .gives_length = false,
};

static const guest_direction receiving = {
    .attempt = attempt_receive,
    .resume = resume_receive,
    .events = {WSB_CHANNEL_CAN_RECEIVE, WSB_CHANNEL_CAN_RECEIVE_RESULT},
    .gives_length = true,
};

static wsb_host_result resume_send(wsb_call_context *context, wsb_raw_value *values, bool ready,
                                   void *state)
{
    return step(context, values, state, &sending, true, ready);
}

static wsb_host_result resume_receive(wsb_call_context *context, wsb_raw_value *values, bool ready,
                                      void *state)
{
    return step(context, values, state, &receiving, true, ready);
}

wsb_host_result wsb__guest_send(wsb_call_context *context, wsb_raw_value *values, void *state)
{
    return step(context, values, state, &sending, false, false);
}

wsb_host_result wsb__guest_receive(wsb_call_context *context, wsb_raw_value *values, void *state)
{
    return step(context, values, state, &receiving, false, false);
}
