/* wait: over several handles and events at once. Each event has a waker of its own, so that the
 * guest learns which one happened. */
#include "core/alloc.h"
#include "core/little_endian.h"
#include "core/waker.h"
#include "host/channel/state.h"

#include <pthread.h>

#define ENTRY_SIZE ((size_t)12)

enum { MAX_ENTRIES = 64, ALL_EVENTS = 15, EVENTS = 4 };

typedef struct item {
    wsb_waker waker; /* first */
    struct wsb__guest_poll *poll;
    wsb_channel *channel;
    wsb_channel_event event;
    uint32_t entry;
    bool waits;
    _Atomic bool happened;
} item;

/* One wait. Lives on while a channel still holds one of its wakers. */
typedef struct wsb__guest_poll {
    _Atomic unsigned refs; /* the call's and one for each item whose waker lives */
    pthread_mutex_t lock;
    wsb_waker *target; /* of the guest's call, while it waits; under the lock */
    uint32_t count;
    item items[];
} wsb__guest_poll;

static void poll_unref(wsb__guest_poll *poll)
{
    if (atomic_fetch_sub_explicit(&poll->refs, 1, memory_order_acq_rel) != 1)
        return;
    pthread_mutex_destroy(&poll->lock);
    wsb__free(poll);
}

static wsb_waker *target_of(wsb__guest_poll *poll)
{
    pthread_mutex_lock(&poll->lock);
    wsb_waker *target = wsb_waker_ref(poll->target);
    pthread_mutex_unlock(&poll->lock);
    return target;
}

static void item_wake(wsb_waker *waker)
{
    item *one = (item *)waker;
    atomic_store_explicit(&one->happened, true, memory_order_release);
    wsb_waker *target = target_of(one->poll);
    wsb_waker_wake(target);
    wsb_waker_unref(target);
}

static void item_destroy(wsb_waker *waker)
{
    poll_unref(((item *)waker)->poll);
}

static wsb_waker *set_target(wsb__guest_poll *poll, wsb_waker *target)
{
    pthread_mutex_lock(&poll->lock);
    wsb_waker *before = poll->target;
    poll->target = target;
    pthread_mutex_unlock(&poll->lock);
    return before;
}

static void end_wait(wsb__guest_channels *channels)
{
    wsb__guest_poll *poll = channels->poll;
    if (!poll)
        return;
    channels->poll = NULL;
    wsb_waker_unref(set_target(poll, NULL));
    for (uint32_t i = 0; i < poll->count; i++) {
        if (poll->items[i].waits)
            wsb_channel_unwait(poll->items[i].channel, poll->items[i].event, &poll->items[i].waker);
    }
    for (uint32_t i = poll->count; i > 0; i--)
        wsb_waker_unref(&poll->items[i - 1].waker);
    poll_unref(poll);
}

static void drop(void *state)
{
    end_wait(state);
}

/* How many events the entries name; 0 where one of them is wrong. */
static uint32_t count_events(wsb__guest_channels *channels, const uint8_t *entries, uint32_t count)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t events = wsb__get32(entries + i * ENTRY_SIZE + 4);
        if (!wsb__guest_handle(channels, (int32_t)wsb__get32(entries + i * ENTRY_SIZE)) ||
            events == 0 || (events & ~(uint32_t)ALL_EVENTS))
            return 0;
        total += (uint32_t)__builtin_popcount(events);
    }
    return total;
}

static wsb__guest_poll *make_poll(uint32_t count)
{
    wsb__guest_poll *poll = wsb__calloc(1, sizeof *poll + count * sizeof(item));
    if (!poll)
        return NULL;
    atomic_init(&poll->refs, 1);
    pthread_mutex_init(&poll->lock, NULL);
    return poll;
}

static bool is_kept(const wsb__guest_end *end, int32_t handle, wsb_channel_event event)
{
    return (event == WSB_CHANNEL_CAN_RECEIVE && end->keeper[0] == handle) ||
           (event == WSB_CHANNEL_CAN_RECEIVE_RESULT && end->keeper[1] == handle);
}

static wsb_status watch(wsb__guest_poll *poll, uint32_t entry, int32_t handle,
                        const wsb__guest_end *end, wsb_channel_event event)
{
    item *one = &poll->items[poll->count++];
    atomic_fetch_add_explicit(&poll->refs, 1, memory_order_relaxed);
    wsb__waker_init(&one->waker, item_wake, item_destroy);
    one->poll = poll;
    one->channel = end->channel;
    one->event = event;
    one->entry = entry;
    if (is_kept(end, handle, event)) {
        atomic_store_explicit(&one->happened, true, memory_order_relaxed);
        return WSB_OK;
    }
    wsb_status status = wsb_channel_wait(end->channel, event, &one->waker, NULL);
    one->waits = status == WSB_OK;
    return status;
}

/* Makes the wait of an instance; 0 or an error. */
static int begin(wsb__guest_channels *channels, const uint8_t *entries, uint32_t count)
{
    uint32_t total = count_events(channels, entries, count);
    if (total == 0)
        return WSB__GUEST_INVALID;
    wsb__guest_poll *poll = channels->poll = make_poll(total);
    wsb_status status = poll ? WSB_OK : WSB_ERROR_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < count && status == WSB_OK; i++) {
        int32_t handle = (int32_t)wsb__get32(entries + i * ENTRY_SIZE);
        uint32_t events = wsb__get32(entries + i * ENTRY_SIZE + 4);
        const wsb__guest_end *end = wsb__guest_handle(channels, handle);
        for (uint32_t bit = 0; bit < EVENTS && status == WSB_OK; bit++) {
            if (events & 1u << bit)
                status = watch(poll, i, handle, end, (wsb_channel_event)(1u << bit));
        }
    }
    return wsb__guest_error_of(status);
}

static bool any_happened(const wsb__guest_poll *poll)
{
    for (uint32_t i = 0; i < poll->count; i++) {
        if (atomic_load_explicit(&poll->items[i].happened, memory_order_acquire))
            return true;
    }
    return false;
}

/* Writes what happened into the entries; gives how many of them it is. */
static int32_t report(const wsb__guest_poll *poll, uint8_t *entries, uint32_t count)
{
    uint32_t ready[MAX_ENTRIES] = {0};
    int32_t entries_ready = 0;
    for (uint32_t i = 0; i < poll->count; i++) {
        if (atomic_load_explicit(&poll->items[i].happened, memory_order_acquire))
            ready[poll->items[i].entry] |= (uint32_t)poll->items[i].event;
    }
    for (uint32_t i = 0; i < count; i++) {
        wsb__put32(entries + i * ENTRY_SIZE + 8, ready[i]);
        entries_ready += ready[i] != 0;
    }
    return entries_ready;
}

static wsb_host_result finish(wsb_raw_value *values, wsb__guest_channels *channels, int32_t result)
{
    end_wait(channels);
    values[0].i32 = result;
    return WSB_HOST_DONE;
}

static wsb_host_result resume(wsb_call_context *context, wsb_raw_value *values, bool ready,
                              void *state);

/* Waits for the first of the events, or goes on at once where one happened meanwhile. */
static wsb_host_result wait_on(wsb_call_context *context, wsb_raw_value *values,
                               wsb__guest_channels *channels)
{
    uint64_t left = wsb__guest_wait_left(channels);
    wsb_waker *waker = left > 0 ? wsb_call_context_waker(context) : NULL;
    if (!waker)
        return finish(values, channels, left > 0 ? WSB__GUEST_NO_ROOM : WSB__GUEST_TIMED_OUT);
    wsb_waker_unref(set_target(channels->poll, waker));
    if (any_happened(channels->poll))
        wsb_waker_wake(waker);
    wsb_call_context_wait(context, NULL, 0, left, resume, drop, channels);
    return WSB_HOST_PENDING;
}

static wsb_host_result step(wsb_call_context *context, wsb_raw_value *values,
                            wsb__guest_channels *channels, bool resumed)
{
    uint8_t *entries;
    uint32_t count = values[1].u32;
    uint64_t timeout_ns;
    if (count == 0 || count > MAX_ENTRIES || !wsb__guest_timeout(values[2].i64, &timeout_ns) ||
        wsb_call_context_memory(context, values[0].u32, (uint64_t)count * ENTRY_SIZE, &entries) !=
            WSB_OK)
        return finish(values, channels, WSB__GUEST_INVALID);
    int error = resumed ? 0 : begin(channels, entries, count);
    if (error)
        return finish(values, channels, error);
    if (any_happened(channels->poll))
        return finish(values, channels, report(channels->poll, entries, count));
    if (timeout_ns == 0)
        return finish(values, channels, WSB__GUEST_WOULD_BLOCK);
    if (!resumed)
        wsb__guest_wait_from_now(channels, timeout_ns);
    return wait_on(context, values, channels);
}

static wsb_host_result resume(wsb_call_context *context, wsb_raw_value *values, bool ready,
                              void *state)
{
    (void)ready;
    return step(context, values, state, true);
}

wsb_host_result wsb__guest_wait(wsb_call_context *context, wsb_raw_value *values, void *state)
{
    return step(context, values, state, false);
}
