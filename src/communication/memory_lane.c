#include "communication/memory_lane.h"

#include "core/alloc.h"
#include "runtime/histogram.h"
#include "runtime/ticks.h"

/* Counters that are written with the lock held: no need for a locked instruction. */
#define GET(field) atomic_load_explicit(&(field), memory_order_relaxed)
#define SET(field, value) atomic_store_explicit(&(field), (value), memory_order_relaxed)

_Static_assert(offsetof(wsb__lane, capacity) % WSB__CACHE_LINE == 0 &&
                   offsetof(wsb__lane, in) % WSB__CACHE_LINE == 0 &&
                   offsetof(wsb__lane, out) % WSB__CACHE_LINE == 0,
               "what one side writes is on lines of its own");

void wsb__lane_init(wsb__lane *lane, uint64_t capacity, uint64_t max_messages)
{
    lane->capacity = capacity;
    lane->max_messages = max_messages;
}

void wsb__lane_fini(wsb__lane *lane)
{
    wsb__slots_fini(&lane->in, &lane->out);
    wsb__blocks_fini(&lane->blocks);
    wsb__waiters_wake_all(&lane->waiters[WSB__LANE_MESSAGE]);
    wsb__waiters_wake_all(&lane->waiters[WSB__LANE_ROOM]);
}

static void wake(wsb_waker *waker)
{
    if (__builtin_expect(waker != NULL, 0)) {
        wsb_waker_wake(waker);
        wsb_waker_unref(waker);
    }
}

static bool fits(const wsb__lane *lane, size_t len)
{
    return GET(lane->depth) < lane->max_messages && len <= lane->capacity - GET(lane->bytes);
}

/* Without the lock: whether a send can only fail. Whoever has seen that there is room again, by
 * whatever way, sees it here. */
static bool is_crowded(const wsb__lane *lane, size_t len)
{
    return GET(lane->crowded) && !fits(lane, len) && GET(lane->closed) == 0;
}

static bool is_empty(const wsb__lane *lane)
{
    return GET(lane->depth) == 0 && GET(lane->closed) == 0;
}

/* With the lock: whether a message may come in. */
static wsb_status admit(wsb__lane *lane, size_t len)
{
    if (GET(lane->closed) != 0)
        return WSB_ERROR_CLOSED;
    if (__builtin_expect(fits(lane, len), 1))
        return WSB_OK;
    SET(lane->crowded, true);
    return WSB_ERROR_WOULD_BLOCK;
}

/* A lane that several messages waited in keeps the memory of them this long. */
enum { SEVERAL = 3, KEEP_MS = 200 };

/* With the lock: the next slot is filled in. */
static void count_sent(wsb__lane *lane, size_t len, uint64_t now)
{
    wsb__slots_push(&lane->in);
    uint64_t depth = GET(lane->depth) + 1;
    uint64_t bytes = GET(lane->bytes) + len;
    SET(lane->depth, depth);
    SET(lane->bytes, bytes);
    lane->sent++;
    lane->sent_bytes += len;
    if (depth >= SEVERAL)
        lane->busy_at = now;
    if (depth > lane->peak)
        lane->peak = depth;
    if (bytes > lane->bytes_peak)
        lane->bytes_peak = bytes;
}

/* With the lock: the next sender, where there is room left for one. A receive wakes one sender
 * only, but may have made room for several. */
static wsb_waker *next_sender(wsb__lane *lane)
{
    return fits(lane, 1) ? wsb__waiters_take(&lane->waiters[WSB__LANE_ROOM]) : NULL;
}

/* Puts a message in: `block` where it is long. */
static wsb_status put(wsb__lane *lane, wsb_bytes message, const wsb__block *block)
{
    uint64_t now = wsb__ticks_recent();
    wsb__lock_acquire(&lane->lock);
    wsb_status status = admit(lane, message.len);
    wsb__slot *slot = status == WSB_OK ? wsb__slots_next(&lane->in, &lane->out) : NULL;
    if (!slot) {
        wsb__lock_release(&lane->lock);
        return status == WSB_OK ? WSB_ERROR_OUT_OF_MEMORY : status;
    }
    slot->sent_at = now;
    slot->len = message.len;
    if (block)
        slot->of.block = *block;
    else if (message.len > 0)
        memcpy(slot->of.bytes, message.data, message.len);
    count_sent(lane, message.len, now);
    wsb_waker *receiver = wsb__waiters_take(&lane->waiters[WSB__LANE_MESSAGE]);
    wsb_waker *sender = next_sender(lane);
    wsb__lock_release(&lane->lock);
    wake(receiver);
    wake(sender);
    return WSB_OK;
}

/* With the lock: what is kept and what waits are together no more than what may wait. */
static uint8_t *keep(wsb__lane *lane, wsb__block block)
{
    return wsb__blocks_give(&lane->blocks, block, lane->capacity - GET(lane->bytes));
}

static void give_back(wsb__lane *lane, wsb__block block)
{
    wsb__lock_acquire(&lane->lock);
    uint8_t *dropped = keep(lane, block);
    wsb__lock_release(&lane->lock);
    wsb__free(dropped);
}

/* Copied without the lock: the others go on meanwhile. */
static wsb_status send_long(wsb__lane *lane, wsb_bytes message)
{
    wsb__block block = {0};
    uint8_t *dropped = NULL;
    wsb__lock_acquire(&lane->lock);
    wsb_status status = admit(lane, message.len);
    if (status == WSB_OK)
        block = wsb__blocks_take(&lane->blocks, message.len, &dropped);
    wsb__lock_release(&lane->lock);
    wsb__free(dropped);
    if (status != WSB_OK)
        return status;
    if (!block.data)
        block = wsb__block_make(message.len);
    if (!block.data)
        return WSB_ERROR_OUT_OF_MEMORY;
    memcpy(block.data, message.data, message.len);
    block.data[message.len] = 0;
    status = put(lane, message, &block);
    if (status != WSB_OK)
        give_back(lane, block);
    return status;
}

wsb_status wsb__lane_send(wsb__lane *lane, wsb_bytes message)
{
    if (message.len > lane->capacity)
        return GET(lane->closed) != 0 ? WSB_ERROR_CLOSED : WSB_ERROR_LIMIT_EXCEEDED;
    if (is_crowded(lane, message.len))
        return WSB_ERROR_WOULD_BLOCK;
    return message.len > WSB__SLOT_INLINE ? send_long(lane, message) : put(lane, message, NULL);
}

/* With the lock, after a message was taken out. */
static void count_received(wsb__lane *lane, size_t len, uint64_t sent_at, uint64_t now)
{
    SET(lane->depth, GET(lane->depth) - 1);
    SET(lane->bytes, GET(lane->bytes) - len);
    if (GET(lane->crowded))
        SET(lane->crowded, false);
    lane->received++;
    lane->received_bytes += len;
    wsb__histogram_add_span(&lane->latency, sent_at, now);
}

/* With the lock: moves the oldest message to `io_message`, which has room for a short one. What
 * is returned is to be released after the lock. */
static uint8_t *take_out(wsb__lane *lane, wsb_buf *io_message, uint64_t now)
{
    wsb__slot *slot = wsb__slots_oldest(&lane->out);
    size_t len = slot->len;
    uint8_t *dropped = NULL;
    if (len > WSB__SLOT_INLINE) {
        wsb__block old = {io_message->data, io_message->capacity};
        io_message->data = slot->of.block.data;
        io_message->capacity = slot->of.block.capacity;
        dropped = keep(lane, old);
    } else {
        memcpy(io_message->data, slot->of.bytes, len);
        io_message->data[len] = 0;
    }
    io_message->len = len;
    uint64_t sent_at = slot->sent_at;
    wsb__slots_pop(&lane->out);
    count_received(lane, len, sent_at, now);
    return dropped;
}

/* What a lane keeps for a burst, on its way to be released after the lock. */
typedef struct leftovers {
    wsb__chunk *chunks;
    wsb__blocks blocks;
} leftovers;

/* With the lock: whether the lane is empty, and its last burst is a while ago. */
static bool is_idle(const wsb__lane *lane, uint64_t now)
{
    return GET(lane->depth) == 0 &&
           (lane->out.spare_count >= SEVERAL || lane->blocks.count >= SEVERAL) &&
           now - lane->busy_at > KEEP_MS * wsb__ticks_per_ms && now > lane->busy_at;
}

/* With the lock. */
static void take_leftovers(wsb__lane *lane, leftovers *out)
{
    out->chunks = wsb__slots_take_spares(&lane->out);
    out->blocks = lane->blocks;
    lane->blocks.count = 0;
    lane->blocks.bytes = 0;
}

static void release(leftovers *left)
{
    wsb__chunks_free(left->chunks);
    wsb__blocks_fini(&left->blocks);
}

wsb_status wsb__lane_receive(wsb__lane *lane, wsb_buf *io_message)
{
    if (is_empty(lane))
        return WSB_ERROR_WOULD_BLOCK;
    wsb_buf into = *io_message;
    uint8_t *fresh = NULL;
    if (into.capacity <= WSB__SLOT_INLINE) {
        fresh = wsb__alloc(WSB__SLOT_INLINE + 1);
        if (!fresh)
            return WSB_ERROR_OUT_OF_MEMORY;
        into = (wsb_buf){fresh, 0, WSB__SLOT_INLINE + 1};
    }
    uint64_t now = wsb__ticks_recent();
    wsb__lock_acquire(&lane->lock);
    uint8_t closed = GET(lane->closed);
    if (GET(lane->depth) == 0 || (closed & WSB__LANE_RECEIVER)) {
        wsb__lock_release(&lane->lock);
        wsb__free(fresh);
        return closed ? WSB_ERROR_CLOSED : WSB_ERROR_WOULD_BLOCK;
    }
    uint8_t *dropped = take_out(lane, &into, now);
    wsb_waker *sender = wsb__waiters_take(&lane->waiters[WSB__LANE_ROOM]);
    leftovers left;
    bool idle = is_idle(lane, now);
    if (__builtin_expect(idle, 0))
        take_leftovers(lane, &left);
    wsb__lock_release(&lane->lock);
    if (__builtin_expect(idle, 0))
        release(&left);
    if (fresh)
        wsb__free(io_message->data);
    *io_message = into;
    wsb__free(dropped);
    wake(sender);
    return WSB_OK;
}

/* With the lock: whether a wait for it has to end. After a send that found too little room, what
 * is left does not count: whoever needs more would be woken at once, for nothing, for ever. */
static bool has_happened(const wsb__lane *lane, wsb__lane_event event)
{
    if (GET(lane->closed) != 0)
        return true;
    if (event == WSB__LANE_MESSAGE)
        return GET(lane->depth) > 0;
    return fits(lane, 1) && !GET(lane->crowded);
}

wsb_status wsb__lane_wait(wsb__lane *lane, wsb__lane_event event, wsb_waker *waker)
{
    wsb_status status = WSB_OK;
    wsb__lock_acquire(&lane->lock);
    bool now = has_happened(lane, event);
    if (!now)
        status = wsb__waiters_add(&lane->waiters[event], waker);
    wsb__lock_release(&lane->lock);
    if (now)
        wsb_waker_wake(waker);
    return status;
}

void wsb__lane_unwait(wsb__lane *lane, wsb__lane_event event, wsb_waker *waker)
{
    wsb_waker *next = NULL;
    wsb__lock_acquire(&lane->lock);
    bool waited = wsb__waiters_remove(&lane->waiters[event], waker);
    if (!waited && (event == WSB__LANE_MESSAGE ? GET(lane->depth) > 0 : fits(lane, 1)))
        next = wsb__waiters_take(&lane->waiters[event]);
    wsb__lock_release(&lane->lock);
    if (waited)
        wsb_waker_unref(waker);
    wake(next);
}

/* With the lock: nobody can receive them any more. */
static void drop_messages(wsb__lane *lane, wsb__slots_in *out_in, wsb__slots_out *out_out)
{
    *out_in = lane->in;
    *out_out = lane->out;
    lane->in = (wsb__slots_in){0};
    lane->out = (wsb__slots_out){0};
    lane->dropped += GET(lane->depth);
    SET(lane->depth, 0);
    SET(lane->bytes, 0);
}

void wsb__lane_close(wsb__lane *lane, uint8_t end)
{
    wsb__slots_in in = {0};
    wsb__slots_out out = {0};
    wsb__waiters waiters[2];
    wsb__lock_acquire(&lane->lock);
    SET(lane->closed, (uint8_t)(GET(lane->closed) | end));
    if (end == WSB__LANE_RECEIVER)
        drop_messages(lane, &in, &out);
    memcpy(waiters, lane->waiters, sizeof waiters);
    memset(lane->waiters, 0, sizeof lane->waiters);
    wsb__lock_release(&lane->lock);
    wsb__slots_fini(&in, &out);
    wsb__waiters_wake_all(&waiters[WSB__LANE_MESSAGE]);
    wsb__waiters_wake_all(&waiters[WSB__LANE_ROOM]);
}

void wsb__lane_sender_stats(wsb__lane *lane, wsb_lane_stats *out_stats)
{
    wsb__lock_acquire(&lane->lock);
    out_stats->sent = lane->sent;
    out_stats->sent_bytes = lane->sent_bytes;
    wsb__lock_release(&lane->lock);
}

void wsb__lane_receiver_stats(wsb__lane *lane, wsb_lane_stats *out_stats)
{
    wsb__lock_acquire(&lane->lock);
    out_stats->received = lane->received;
    out_stats->received_bytes = lane->received_bytes;
    out_stats->depth = GET(lane->depth);
    out_stats->depth_bytes = GET(lane->bytes);
    out_stats->depth_peak = lane->peak;
    out_stats->depth_bytes_peak = lane->bytes_peak;
    out_stats->dropped = lane->dropped;
    out_stats->latency = lane->latency;
    wsb__lock_release(&lane->lock);
}
