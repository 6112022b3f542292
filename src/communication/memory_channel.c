#include "communication/memory_channel.h"

#include "communication/memory_lane.h"
#include "core/alloc.h"
#include "runtime/thread.h"
#include "runtime/ticks.h"

#include <wasm_sandbox/plugin/error.h>

enum { MESSAGES, RESULTS, LANES };

typedef struct memory_end {
    struct memory_channel *channel;
    wsb__lane *out[LANES];
    wsb__lane *in[LANES];
} memory_end;

/* A lane on cache lines of its own: each is used by other threads. */
typedef union padded_lane {
    wsb__lane lane;
    uint8_t padding[(sizeof(wsb__lane) / WSB__CACHE_LINE + 1) * WSB__CACHE_LINE];
} padded_lane;

typedef struct memory_channel {
    _Atomic unsigned ends_left;
    unsigned fork_generation;
    memory_end ends[2];
    void *memory; /* that this is in, on a cache line */
    uint8_t after_shared[WSB__CACHE_LINE];
    padded_lane lanes[2][LANES]; /* by the sending end */
} memory_channel;

enum { LANES_AT = (offsetof(memory_channel, lanes)) % WSB__CACHE_LINE };

/* Such that the lanes start on a cache line. */
static memory_channel *allocate(void)
{
    void *memory = wsb__calloc(1, sizeof(memory_channel) + WSB__CACHE_LINE);
    if (!memory)
        return NULL;
    uintptr_t lanes = (uintptr_t)memory + LANES_AT;
    uintptr_t shift = (WSB__CACHE_LINE - lanes % WSB__CACHE_LINE) % WSB__CACHE_LINE;
    memory_channel *channel = (memory_channel *)((uint8_t *)memory + shift);
    channel->memory = memory;
    return channel;
}

/* A forked child has a copy of the queue, which leads nowhere, and maybe a lock that a thread held
 * which is not there. It uses nothing of it. */
static bool is_forked(const memory_end *end)
{
    return __builtin_expect(end->channel->fork_generation !=
                                atomic_load_explicit(&wsb__fork_generation, memory_order_relaxed),
                            0);
}

wsb_status wsb__memory_create(const wsb_channel_options *options, void *user_data,
                              void *out_ends[2], wsb_error **out_error)
{
    (void)user_data;
    memory_channel *channel = allocate();
    if (!channel)
        return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL, "%s",
                             wsb_status_text(WSB_ERROR_OUT_OF_MEMORY));
    wsb__ticks_init();
    wsb__fork_watch();
    atomic_init(&channel->ends_left, 2);
    channel->fork_generation = atomic_load(&wsb__fork_generation);
    for (int end = 0; end < 2; end++) {
        channel->ends[end].channel = channel;
        for (int lane = 0; lane < LANES; lane++) {
            wsb__lane *made = &channel->lanes[end][lane].lane;
            wsb__lane_init(made, options->capacity, options->max_messages);
            channel->ends[end].out[lane] = made;
            channel->ends[1 - end].in[lane] = made;
        }
    }
    out_ends[0] = &channel->ends[0];
    out_ends[1] = &channel->ends[1];
    return WSB_OK;
}

void wsb__memory_destroy(void *self)
{
    memory_end *end = self;
    memory_channel *channel = end->channel;
    /* A copy in a child goes when the child does: what is half-done in it must not be touched. */
    if (is_forked(end))
        return;
    if (atomic_fetch_sub_explicit(&channel->ends_left, 1, memory_order_acq_rel) != 1)
        return;
    for (int i = 0; i < 2; i++)
        for (int lane = 0; lane < LANES; lane++)
            wsb__lane_fini(&channel->lanes[i][lane].lane);
    wsb__free(channel->memory);
}

wsb_status wsb__memory_send(void *self, wsb_bytes message)
{
    memory_end *end = self;
    return is_forked(end) ? WSB_ERROR_FORKED : wsb__lane_send(end->out[MESSAGES], message);
}

wsb_status wsb__memory_receive(void *self, wsb_buf *io_message)
{
    memory_end *end = self;
    return is_forked(end) ? WSB_ERROR_FORKED : wsb__lane_receive(end->in[MESSAGES], io_message);
}

wsb_status wsb__memory_send_result(void *self, wsb_bytes result)
{
    memory_end *end = self;
    return is_forked(end) ? WSB_ERROR_FORKED : wsb__lane_send(end->out[RESULTS], result);
}

wsb_status wsb__memory_receive_result(void *self, wsb_buf *io_result)
{
    memory_end *end = self;
    return is_forked(end) ? WSB_ERROR_FORKED : wsb__lane_receive(end->in[RESULTS], io_result);
}

/* The lane that an event is about, and what it is there; NULL for what is no event. */
static wsb__lane *lane_of(const memory_end *end, wsb_channel_event event,
                          wsb__lane_event *out_event)
{
    *out_event = event & (WSB_CHANNEL_CAN_SEND | WSB_CHANNEL_CAN_SEND_RESULT) ? WSB__LANE_ROOM
                                                                              : WSB__LANE_MESSAGE;
    switch (event) {
    case WSB_CHANNEL_CAN_RECEIVE:
        return end->in[MESSAGES];
    case WSB_CHANNEL_CAN_SEND:
        return end->out[MESSAGES];
    case WSB_CHANNEL_CAN_RECEIVE_RESULT:
        return end->in[RESULTS];
    case WSB_CHANNEL_CAN_SEND_RESULT:
        return end->out[RESULTS];
    default:
        return NULL;
    }
}

wsb_status wsb__memory_wait(void *self, wsb_channel_event event, wsb_waker *waker)
{
    memory_end *end = self;
    wsb__lane_event what;
    wsb__lane *lane = lane_of(end, event, &what);
    if (!lane)
        return WSB_ERROR_INVALID_ARGUMENT;
    return is_forked(end) ? WSB_ERROR_FORKED : wsb__lane_wait(lane, what, waker);
}

void wsb__memory_unwait(void *self, wsb_channel_event event, wsb_waker *waker)
{
    memory_end *end = self;
    wsb__lane_event what;
    wsb__lane *lane = lane_of(end, event, &what);
    if (lane && !is_forked(end))
        wsb__lane_unwait(lane, what, waker);
}

void wsb__memory_close(void *self)
{
    memory_end *end = self;
    if (is_forked(end))
        return;
    for (int lane = 0; lane < LANES; lane++) {
        wsb__lane_close(end->out[lane], WSB__LANE_SENDER);
        wsb__lane_close(end->in[lane], WSB__LANE_RECEIVER);
    }
}

void wsb__memory_stats(void *self, wsb_channel_stats *out_stats)
{
    memory_end *end = self;
    if (is_forked(end))
        return;
    wsb__lane_sender_stats(end->out[MESSAGES], &out_stats->messages);
    wsb__lane_receiver_stats(end->in[MESSAGES], &out_stats->messages);
    wsb__lane_sender_stats(end->out[RESULTS], &out_stats->results);
    wsb__lane_receiver_stats(end->in[RESULTS], &out_stats->results);
}

const wsb_channel_ops wsb__memory_channel_ops = {
    .size = sizeof(wsb_channel_ops),
    .abi_version = WSB_CHANNEL_ABI_VERSION,
    .type = "memory",
    .create = wsb__memory_create,
    .destroy = wsb__memory_destroy,
    .send = wsb__memory_send,
    .receive = wsb__memory_receive,
    .send_result = wsb__memory_send_result,
    .receive_result = wsb__memory_receive_result,
    .wait = wsb__memory_wait,
    .unwait = wsb__memory_unwait,
    .close = wsb__memory_close,
    .stats = wsb__memory_stats,
};

wsb_status wsb_memory_channel_create(uint64_t capacity, wsb_channel **out_end,
                                     wsb_channel **out_other, wsb_error **out_error)
{
    wsb_channel_options options = WSB_CHANNEL_OPTIONS_INIT;
    options.capacity = capacity;
    return wsb_channel_create(&wsb__memory_channel_ops, &options, NULL, out_end, out_other,
                              out_error);
}
