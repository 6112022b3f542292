#include "audited_channel.h"

#include <pthread.h>
#include <stdlib.h>
#include <wasm_sandbox/plugin/error.h>

/* A message; the bytes follow. */
typedef struct message {
    struct message *next;
    size_t len;
} message;

/* Somebody who waits. */
typedef struct waiter {
    struct waiter *next;
    wsb_waker *waker;
} waiter;

/* First in, first out. */
typedef struct waiters {
    waiter *first;
    waiter **last; /* where the next one goes */
} waiters;

/* What goes from one end to the other on one lane. */
typedef struct lane {
    message *first;
    message **last;
    uint64_t count;
    uint64_t bytes;
    bool crowded; /* a message found no room, and none was made since */
    waiters receivers;
    waiters senders;
    wsb_lane_stats stats; /* of both ends */
} lane;

enum { MESSAGES, RESULTS };

typedef struct channel {
    pthread_mutex_t mutex; /* for all of it */
    wsb_channel_options options;
    const auditor *auditor;
    lane lanes[2][2]; /* by the end that sends, and MESSAGES or RESULTS */
    bool closed[2];   /* by end */
    unsigned ends_left;
} channel;

typedef struct end {
    channel *channel;
    int index; /* 0 or 1 */
} end;

static bool add_waiter(waiters *list, wsb_waker *waker)
{
    waiter *added = malloc(sizeof *added);
    if (!added)
        return false;
    added->next = NULL;
    added->waker = wsb_waker_ref(waker);
    *list->last = added;
    list->last = &added->next;
    return true;
}

/* Takes the first one out, or the one with that waker; its reference is the caller's. */
static wsb_waker *take_waiter(waiters *list, const wsb_waker *waker)
{
    for (waiter **at = &list->first; *at; at = &(*at)->next) {
        waiter *found = *at;
        if (waker && found->waker != waker)
            continue;
        wsb_waker *taken = found->waker;
        *at = found->next;
        if (!*at)
            list->last = at;
        free(found);
        return taken;
    }
    return NULL;
}

/* Never with the mutex held: whoever is woken may use the channel at once. */
static void wake(wsb_waker *waker)
{
    wsb_waker_wake(waker);
    wsb_waker_unref(waker);
}

static void wake_all(waiters *list)
{
    wsb_waker *waker;
    while ((waker = take_waiter(list, NULL)) != NULL)
        wake(waker);
}

/* Moves a list to another place. */
static void move_waiters(waiters *from, waiters *to)
{
    to->first = from->first;
    to->last = from->first ? from->last : &to->first;
    from->first = NULL;
    from->last = &from->first;
}

static void drop_messages(lane *l)
{
    while (l->first) {
        message *dropped = l->first;
        l->first = dropped->next;
        l->stats.dropped++;
        free(dropped);
    }
    l->last = &l->first;
    l->count = l->bytes = 0;
}

static wsb_status audited_create(const wsb_channel_options *options, void *user_data,
                                 void *out_ends[2], wsb_error **out_error)
{
    channel *made = calloc(1, sizeof *made);
    end *ends[2] = {calloc(1, sizeof(end)), calloc(1, sizeof(end))};
    if (!made || !ends[0] || !ends[1]) {
        free(made);
        free(ends[0]);
        free(ends[1]);
        return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL, "create audited channel");
    }
    pthread_mutex_init(&made->mutex, NULL);
    made->options = *options;
    made->auditor = user_data;
    made->ends_left = 2;
    for (int i = 0; i < 4; i++) {
        lane *l = &made->lanes[i / 2][i % 2];
        l->last = &l->first;
        l->receivers.last = &l->receivers.first;
        l->senders.last = &l->senders.first;
    }
    for (int i = 0; i < 2; i++) {
        ends[i]->channel = made;
        ends[i]->index = i;
        out_ends[i] = ends[i];
    }
    return WSB_OK;
}

/* The library closes an end before it destroys it. */
static void audited_destroy(void *self)
{
    end *gone = self;
    channel *c = gone->channel;
    free(gone);
    pthread_mutex_lock(&c->mutex);
    bool is_last = --c->ends_left == 0;
    pthread_mutex_unlock(&c->mutex);
    if (!is_last)
        return;
    for (int i = 0; i < 4; i++)
        drop_messages(&c->lanes[i / 2][i % 2]);
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

static bool has_room(const channel *c, const lane *l, size_t len)
{
    return l->count < c->options.max_messages && len <= c->options.capacity - l->bytes;
}

/* With the mutex held. */
static wsb_status put(channel *c, lane *l, message *sent)
{
    if (c->closed[0] || c->closed[1])
        return WSB_ERROR_CLOSED;
    if (!has_room(c, l, sent->len)) {
        l->crowded = true;
        return WSB_ERROR_WOULD_BLOCK;
    }
    *l->last = sent;
    l->last = &sent->next;
    l->count++;
    l->bytes += sent->len;
    l->stats.sent++;
    l->stats.sent_bytes += sent->len;
    if (l->count > l->stats.depth_peak)
        l->stats.depth_peak = l->count;
    if (l->bytes > l->stats.depth_bytes_peak)
        l->stats.depth_bytes_peak = l->bytes;
    return WSB_OK;
}

static wsb_status send_on(end *from, int which, wsb_bytes bytes)
{
    channel *c = from->channel;
    lane *l = &c->lanes[from->index][which];
    if (bytes.len > c->options.capacity)
        return WSB_ERROR_LIMIT_EXCEEDED;
    message *sent = malloc(sizeof *sent + bytes.len);
    if (!sent)
        return WSB_ERROR_OUT_OF_MEMORY;
    sent->next = NULL;
    sent->len = bytes.len;
    if (bytes.len > 0)
        memcpy(sent + 1, bytes.data, bytes.len);
    /* What is shown is what is sent: the copy, which nobody else can change. */
    if (c->auditor && !c->auditor->may_pass(wsb_bytes_of(sent + 1, sent->len), which == RESULTS,
                                            c->auditor->user_data)) {
        free(sent);
        return WSB_ERROR_ACCESS_DENIED;
    }
    wsb_waker *receiver = NULL, *sender = NULL;
    pthread_mutex_lock(&c->mutex);
    wsb_status status = put(c, l, sent);
    if (status == WSB_OK) {
        receiver = take_waiter(&l->receivers, NULL);
        /* Room for one may be room for several; each sender wakes the next. */
        if (has_room(c, l, 1))
            sender = take_waiter(&l->senders, NULL);
    }
    pthread_mutex_unlock(&c->mutex);
    if (status != WSB_OK)
        free(sent);
    wake(receiver);
    wake(sender);
    return status;
}

/* With the mutex held: takes the oldest message out once it was copied. */
static wsb_status take(channel *c, int self, lane *l, wsb_buf *io_message)
{
    message *oldest = l->first;
    if (c->closed[self] || (!oldest && c->closed[1 - self]))
        return WSB_ERROR_CLOSED;
    if (!oldest)
        return WSB_ERROR_WOULD_BLOCK;
    wsb_status status = wsb_buf_assign(io_message, wsb_bytes_of(oldest + 1, oldest->len));
    if (status != WSB_OK)
        return status;
    l->first = oldest->next;
    if (!l->first)
        l->last = &l->first;
    l->count--;
    l->bytes -= oldest->len;
    l->crowded = false;
    l->stats.received++;
    l->stats.received_bytes += oldest->len;
    free(oldest);
    return WSB_OK;
}

static wsb_status receive_on(end *to, int which, wsb_buf *io_message)
{
    channel *c = to->channel;
    lane *l = &c->lanes[1 - to->index][which];
    pthread_mutex_lock(&c->mutex);
    wsb_status status = take(c, to->index, l, io_message);
    wsb_waker *sender = status == WSB_OK ? take_waiter(&l->senders, NULL) : NULL;
    pthread_mutex_unlock(&c->mutex);
    wake(sender);
    return status;
}

static wsb_status audited_send(void *self, wsb_bytes bytes)
{
    return send_on(self, MESSAGES, bytes);
}

static wsb_status audited_receive(void *self, wsb_buf *io_message)
{
    return receive_on(self, MESSAGES, io_message);
}

static wsb_status audited_send_result(void *self, wsb_bytes bytes)
{
    return send_on(self, RESULTS, bytes);
}

static wsb_status audited_receive_result(void *self, wsb_buf *io_message)
{
    return receive_on(self, RESULTS, io_message);
}

/* Who waits for an event, and whether it can be now. The mutex is held. */
static waiters *waiters_of(end *self, wsb_channel_event event, lane **out_lane, bool *out_can)
{
    channel *c = self->channel;
    int which =
        event == WSB_CHANNEL_CAN_RECEIVE || event == WSB_CHANNEL_CAN_SEND ? MESSAGES : RESULTS;
    bool sends = event == WSB_CHANNEL_CAN_SEND || event == WSB_CHANNEL_CAN_SEND_RESULT;
    lane *l = &c->lanes[sends ? self->index : 1 - self->index][which];
    *out_lane = l;
    *out_can = sends ? has_room(c, l, 1) : l->count > 0;
    return sends ? &l->senders : &l->receivers;
}

static wsb_status audited_wait(void *self, wsb_channel_event event, wsb_waker *waker)
{
    channel *c = ((end *)self)->channel;
    lane *l;
    bool now;
    wsb_status status = WSB_OK;
    pthread_mutex_lock(&c->mutex);
    waiters *list = waiters_of(self, event, &l, &now);
    /* Somebody found too little room: what there is must not wake them again and again. */
    if (list == &l->senders && l->crowded)
        now = false;
    now = now || c->closed[0] || c->closed[1];
    if (!now && !add_waiter(list, waker))
        status = WSB_ERROR_OUT_OF_MEMORY;
    pthread_mutex_unlock(&c->mutex);
    if (now)
        wsb_waker_wake(waker);
    return status;
}

static void audited_unwait(void *self, wsb_channel_event event, wsb_waker *waker)
{
    channel *c = ((end *)self)->channel;
    lane *l;
    bool can;
    pthread_mutex_lock(&c->mutex);
    waiters *list = waiters_of(self, event, &l, &can);
    wsb_waker *waited = take_waiter(list, waker);
    /* It was woken before and did not use it: the next one may. */
    wsb_waker *next = !waited && can ? take_waiter(list, NULL) : NULL;
    pthread_mutex_unlock(&c->mutex);
    wsb_waker_unref(waited);
    wake(next);
}

static void audited_close(void *self)
{
    end *closed = self;
    channel *c = closed->channel;
    waiters woken[8];
    pthread_mutex_lock(&c->mutex);
    c->closed[closed->index] = true;
    for (int which = 0; which < 2; which++)
        drop_messages(&c->lanes[1 - closed->index][which]); /* which were for this end */
    for (int i = 0; i < 4; i++) {
        move_waiters(&c->lanes[i / 2][i % 2].receivers, &woken[2 * i]);
        move_waiters(&c->lanes[i / 2][i % 2].senders, &woken[2 * i + 1]);
    }
    pthread_mutex_unlock(&c->mutex);
    for (int i = 0; i < 8; i++)
        wake_all(&woken[i]);
}

static void fill_in(const lane *out, const lane *in, wsb_lane_stats *stats)
{
    *stats = in->stats;
    stats->sent = out->stats.sent;
    stats->sent_bytes = out->stats.sent_bytes;
    stats->depth = in->count;
    stats->depth_bytes = in->bytes;
}

static void audited_stats(void *self, wsb_channel_stats *out_stats)
{
    end *of = self;
    channel *c = of->channel;
    pthread_mutex_lock(&c->mutex);
    fill_in(&c->lanes[of->index][MESSAGES], &c->lanes[1 - of->index][MESSAGES],
            &out_stats->messages);
    fill_in(&c->lanes[of->index][RESULTS], &c->lanes[1 - of->index][RESULTS], &out_stats->results);
    pthread_mutex_unlock(&c->mutex);
}

const wsb_channel_ops audited_channel = {
    .size = sizeof(wsb_channel_ops),
    .abi_version = WSB_CHANNEL_ABI_VERSION,
    .type = "audited",
    .create = audited_create,
    .destroy = audited_destroy,
    .send = audited_send,
    .receive = audited_receive,
    .send_result = audited_send_result,
    .receive_result = audited_receive_result,
    .wait = audited_wait,
    .unwait = audited_unwait,
    .close = audited_close,
    .stats = audited_stats,
};
