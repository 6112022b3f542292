/* Waiting with descriptors and with wakers of others. */
#include "communication/channel.h"
#include "core/alloc.h"
#include "runtime/thread.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <wasm_sandbox/plugin/error.h>

/* A descriptor that is readable from an event until somebody tries for nothing. */
typedef struct wsb__channel_watch {
    wsb_waker waker;
    wsb_channel *channel; /* its memory only */
    wsb_channel_event event;
    int fd;
    unsigned fork_generation;
    _Atomic bool raised; /* readable, and the type does not hold the waker */
} wsb__channel_watch;

/* The descriptor is the parent's, too: a child must neither raise nor lower it. */
static bool is_forked(const wsb__channel_watch *watch)
{
    return watch->fork_generation !=
           atomic_load_explicit(&wsb__fork_generation, memory_order_relaxed);
}

static void raise_fd(const wsb__channel_watch *watch)
{
    uint64_t one = 1;
    while (write(watch->fd, &one, sizeof one) < 0 && errno == EINTR)
        continue;
}

static void lower_fd(const wsb__channel_watch *watch)
{
    uint64_t count;
    while (read(watch->fd, &count, sizeof count) < 0 && errno == EINTR)
        continue;
}

static void wake_watch(wsb_waker *waker)
{
    wsb__channel_watch *watch = (wsb__channel_watch *)waker;
    wsb_channel *channel = watch->channel;
    if (is_forked(watch))
        return;
    raise_fd(watch);
    /* Perhaps nobody looks at the descriptor while a thread waits for the same: a wake is handed on
     * at once. Only then may the waker be registered anew, else that would be taken back here. */
    if (wsb__channel_try_ref(channel)) {
        channel->ops->unwait(channel->end, watch->event, waker);
        atomic_store_explicit(&watch->raised, true, memory_order_release);
        wsb_channel_destroy(channel);
    }
}

static void destroy_watch(wsb_waker *waker)
{
    wsb__channel_watch *watch = (wsb__channel_watch *)waker;
    close(watch->fd);
    wsb__channel_drop_memory(watch->channel);
    wsb__free(watch);
}

static bool is_event(wsb_channel_event event)
{
    return event == WSB_CHANNEL_CAN_RECEIVE || event == WSB_CHANNEL_CAN_SEND ||
           event == WSB_CHANNEL_CAN_RECEIVE_RESULT || event == WSB_CHANNEL_CAN_SEND_RESULT;
}

static wsb_status not_an_event(const char *operation, wsb_channel_event event,
                               wsb_error **out_error)
{
    return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT,
                         &(wsb_error_details){.operation = operation,
                                              .subject = "event",
                                              .suggestion = "wait for each event by itself"},
                         "%s: %d is not exactly one wsb_channel_event", operation, (int)event);
}

static _Atomic(wsb__channel_watch *) *place_of(wsb_channel *channel, wsb_channel_event event)
{
    return &channel->watches[__builtin_ctz((unsigned)event)];
}

/* Lets the type wake it; readable at once where that cannot be had, so that it is tried again. */
static void arm(wsb__channel_watch *watch)
{
    wsb_channel *channel = watch->channel;
    if (channel->ops->wait(channel->end, watch->event, &watch->waker) == WSB_OK)
        return;
    raise_fd(watch);
    atomic_store_explicit(&watch->raised, true, memory_order_release);
}

void wsb__channel_rearm(wsb_channel *channel, wsb_channel_event event)
{
    wsb__channel_watch *watch =
        atomic_load_explicit(place_of(channel, event), memory_order_acquire);
    if (!watch || is_forked(watch) ||
        !atomic_exchange_explicit(&watch->raised, false, memory_order_acq_rel))
        return;
    lower_fd(watch);
    arm(watch);
}

void wsb__channel_unwatch(wsb_channel *channel)
{
    for (int i = 0; i < WSB__CHANNEL_EVENTS; i++) {
        wsb__channel_watch *watch =
            atomic_load_explicit(&channel->watches[i], memory_order_acquire);
        if (!watch)
            continue;
        channel->ops->unwait(channel->end, watch->event, &watch->waker);
        wsb_waker_unref(&watch->waker);
    }
}

static wsb_status create_watch(wsb_channel *channel, wsb_channel_event event,
                               wsb__channel_watch **out_watch, wsb_error **out_error)
{
    wsb_error_details details = {.operation = "channel descriptor"};
    wsb__channel_watch *watch = wsb__calloc(1, sizeof *watch);
    if (!watch)
        return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, &details, "%s",
                             wsb_status_text(WSB_ERROR_OUT_OF_MEMORY));
    watch->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (watch->fd < 0) {
        int number = errno;
        wsb__free(watch);
        details.suggestion = "allow the process more open files (ulimit -n)";
        return wsb_error_set(out_error, WSB_ERROR_IO, &details,
                             "channel descriptor: the system gives none: %s", strerror(number));
    }
    wsb__waker_init(&watch->waker, wake_watch, destroy_watch);
    wsb__fork_watch();
    watch->fork_generation = atomic_load(&wsb__fork_generation);
    watch->channel = channel;
    watch->event = event;
    atomic_fetch_add_explicit(&channel->watchers, 1, memory_order_relaxed);
    *out_watch = watch;
    return WSB_OK;
}

wsb_status wsb_channel_fd(wsb_channel *channel, wsb_channel_event event, int *out_fd,
                          wsb_error **out_error)
{
    if (!channel || !out_fd)
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "channel descriptor: a NULL argument");
    if (!is_event(event))
        return not_an_event("channel descriptor", event, out_error);
    wsb__channel_watch *there =
        atomic_load_explicit(place_of(channel, event), memory_order_acquire);
    if (!there) {
        wsb__channel_watch *watch = NULL;
        wsb_status status = create_watch(channel, event, &watch, out_error);
        if (!watch)
            return status;
        if (atomic_compare_exchange_strong_explicit(place_of(channel, event), &there, watch,
                                                    memory_order_acq_rel, memory_order_acquire)) {
            there = watch;
            arm(watch);
        } else {
            wsb_waker_unref(&watch->waker);
        }
    }
    *out_fd = there->fd;
    return WSB_OK;
}

wsb_status wsb_channel_wait(wsb_channel *channel, wsb_channel_event event, wsb_waker *waker,
                            wsb_error **out_error)
{
    wsb_error_details details = {.operation = "channel wait"};
    if (!channel || !waker)
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, &details,
                             "channel wait: a NULL argument");
    if (!is_event(event))
        return not_an_event("channel wait", event, out_error);
    wsb_status status = channel->ops->wait(channel->end, event, waker);
    if (status == WSB_OK)
        return WSB_OK;
    return wsb_error_set(out_error, status, &details, "channel wait: channel '%s': %s",
                         channel->ops->type, wsb_status_text(status));
}

void wsb_channel_unwait(wsb_channel *channel, wsb_channel_event event, wsb_waker *waker)
{
    if (channel && waker && is_event(event))
        channel->ops->unwait(channel->end, event, waker);
}
