#include "communication/channel.h"

#include "core/alloc.h"
#include "core/options.h"

#include <wasm_sandbox/plugin/error.h>

enum { DEFAULT_CAPACITY = 1024 * 1024, FEWEST_MESSAGES = 16, MOST_MESSAGES = 65536 };

/* Finite numbers leave room for sums of two. */
#define LARGEST ((uint64_t)INT64_MAX)

static wsb_status check_option(const char *name, uint64_t value, wsb_error **out_error)
{
    if (value <= LARGEST || value == WSB_UNLIMITED)
        return WSB_OK;
    return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT,
                         &(wsb_error_details){.operation = "create channel",
                                              .subject = name,
                                              .suggestion = "0 is the default, WSB_UNLIMITED lifts "
                                                            "the bound",
                                              .used = value,
                                              .allowed = LARGEST},
                         "create channel: %s is out of range", name);
}

static wsb_status resolve(const wsb_channel_options *given, wsb_channel_options *out,
                          wsb_error **out_error)
{
    wsb_status status =
        wsb__options_copy(given, out, sizeof *out, "wsb_channel_options", out_error);
    if (status == WSB_OK)
        status = check_option("capacity", out->capacity, out_error);
    if (status == WSB_OK)
        status = check_option("max_messages", out->max_messages, out_error);
    if (status != WSB_OK)
        return status;
    if (out->capacity == 0)
        out->capacity = DEFAULT_CAPACITY;
    if (out->max_messages == 0) {
        uint64_t messages = out->capacity / 32;
        out->max_messages = messages < FEWEST_MESSAGES ? FEWEST_MESSAGES
                            : messages > MOST_MESSAGES ? MOST_MESSAGES
                                                       : messages;
    }
    return WSB_OK;
}

static wsb_status out_of_memory(wsb_error **out_error)
{
    return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL, "%s",
                         wsb_status_text(WSB_ERROR_OUT_OF_MEMORY));
}

static void set_up(wsb_channel *channel, const wsb_channel_ops *ops, void *end,
                   const wsb_channel_options *options)
{
    atomic_init(&channel->refs, 1);
    atomic_init(&channel->watchers, 1);
    channel->ops = ops;
    channel->end = end;
    channel->options = *options;
}

/* Both handles are there before the ends are, so that nothing made has to be taken apart again. */
static wsb_status make_ends(const wsb_channel_ops *ops, const wsb_channel_options *options,
                            void *user_data, wsb_channel *channels[2], wsb_error **out_error)
{
    void *ends[2] = {NULL, NULL};
    if (!channels[0] || !channels[1])
        return out_of_memory(out_error);
    wsb_status status = ops->create(options, user_data, ends, out_error);
    for (int i = 0; i < 2 && status == WSB_OK; i++)
        set_up(channels[i], ops, ends[i], options);
    return status;
}

wsb_status wsb__channel_make(const wsb_channel_ops *ops, const wsb_channel_options *options,
                             void *user_data, wsb_channel **out_end, wsb_channel **out_other,
                             wsb_error **out_error)
{
    wsb_channel_options resolved;
    if (!out_end || !out_other)
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "create channel: a NULL argument");
    wsb_status status = resolve(options, &resolved, out_error);
    if (status != WSB_OK)
        return status;
    wsb_channel *channels[2] = {wsb__calloc(1, sizeof(wsb_channel)),
                                wsb__calloc(1, sizeof(wsb_channel))};
    status = make_ends(ops, &resolved, user_data, channels, out_error);
    if (status != WSB_OK) {
        wsb__free(channels[0]);
        wsb__free(channels[1]);
        return status;
    }
    *out_end = channels[0];
    *out_other = channels[1];
    return WSB_OK;
}

wsb_status wsb_channel_create(const wsb_channel_ops *ops, const wsb_channel_options *options,
                              void *user_data, wsb_channel **out_end, wsb_channel **out_other,
                              wsb_error **out_error)
{
    wsb_status status = wsb__channel_check_ops(ops, out_error);
    if (status != WSB_OK)
        return status;
    return wsb__channel_make(ops, options, user_data, out_end, out_other, out_error);
}

wsb_channel *wsb_channel_ref(wsb_channel *channel)
{
    if (channel)
        atomic_fetch_add_explicit(&channel->refs, 1, memory_order_relaxed);
    return channel;
}

bool wsb__channel_try_ref(wsb_channel *channel)
{
    unsigned refs = atomic_load_explicit(&channel->refs, memory_order_relaxed);
    while (refs != 0)
        if (atomic_compare_exchange_weak_explicit(&channel->refs, &refs, refs + 1,
                                                  memory_order_acquire, memory_order_relaxed))
            return true;
    return false;
}

void wsb__channel_drop_memory(wsb_channel *channel)
{
    if (atomic_fetch_sub_explicit(&channel->watchers, 1, memory_order_acq_rel) == 1)
        wsb__free(channel);
}

void wsb_channel_destroy(wsb_channel *channel)
{
    if (!channel || atomic_fetch_sub_explicit(&channel->refs, 1, memory_order_acq_rel) != 1)
        return;
    channel->ops->close(channel->end);
    wsb__channel_unwatch(channel);
    channel->ops->destroy(channel->end);
    wsb__channel_drop_memory(channel);
}

void wsb_channel_close(wsb_channel *channel)
{
    if (channel)
        channel->ops->close(channel->end);
}

const char *wsb_channel_type(const wsb_channel *channel)
{
    return channel ? channel->ops->type : "";
}

static void add_counters(const wsb__channel_counters *counters, wsb_lane_stats *stats)
{
    stats->refused += atomic_load_explicit(&counters->refused, memory_order_relaxed);
    stats->send_blocked_ns +=
        atomic_load_explicit(&counters->send_blocked_ns, memory_order_relaxed);
    stats->receive_blocked_ns +=
        atomic_load_explicit(&counters->receive_blocked_ns, memory_order_relaxed);
}

void wsb_channel_get_stats(wsb_channel *channel, wsb_channel_stats *out_stats)
{
    if (!channel || !out_stats || out_stats->size < sizeof out_stats->size)
        return;
    wsb_channel_stats stats = WSB_CHANNEL_STATS_INIT;
    channel->ops->stats(channel->end, &stats);
    add_counters(&channel->messages, &stats.messages);
    add_counters(&channel->results, &stats.results);
    /* A caller built against another header has another size. */
    stats.size = out_stats->size;
    memcpy(out_stats, &stats, stats.size < sizeof stats ? stats.size : sizeof stats);
}
