/* poll_oneoff: clocks and descriptors. It never sleeps here: the runtime waits, under the call's
 * deadline, and everything is looked at again afterwards. */
#include "core/alloc.h"
#include "host/wasi/internal.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>

enum { MAX_SUBSCRIPTIONS = 4096 };

typedef enum item_state { ITEM_WAITS = 0, ITEM_READY } item_state;

/* One subscription. */
typedef struct item {
    uint64_t userdata;
    uint64_t deadline; /* ns of `clock` */
    uint64_t bytes;
    uint32_t number; /* of the guest's descriptor */
    int poll_index;  /* in `fds`, -1: none */
    uint16_t error;
    uint8_t type; /* WASI_EVENT_* */
    uint8_t clock;
    bool hangup;
    uint8_t state;
} item;

struct wsb__wasi_poll {
    uint32_t count;
    uint32_t fd_count;
    struct pollfd *fds;
    item items[];
};

static uint64_t host_now(uint8_t clock)
{
    struct timespec now;
    clock_gettime(clock == WASI_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * WSB_SECOND + (uint64_t)now.tv_nsec;
}

/* Sleeping needs the monotonic clock's bit; a point in time also that of its own clock. */
static uint16_t parse_clock(const wsb__wasi *wasi, uint32_t clock, uint64_t timeout, uint32_t flags,
                            item *out)
{
    if (flags & ~(uint32_t)WASI_SUBCLOCK_ABSTIME)
        return WASI_EINVAL;
    if (clock == WASI_CLOCK_PROCESS_CPUTIME || clock == WASI_CLOCK_THREAD_CPUTIME)
        return WASI_ENOTSUP;
    if (clock > WASI_CLOCK_THREAD_CPUTIME)
        return WASI_EINVAL;
    bool absolute = (flags & WASI_SUBCLOCK_ABSTIME) != 0;
    if (!(wasi->clocks & WSB_CLOCK_MONOTONIC))
        return WASI_ENOTSUP;
    if (absolute && clock == WASI_CLOCK_REALTIME && !(wasi->clocks & WSB_CLOCK_REALTIME))
        return WASI_ENOTSUP;
    out->clock = absolute ? (uint8_t)clock : WASI_CLOCK_MONOTONIC;
    out->deadline = absolute ? timeout : wsb__wasi_add(host_now(WASI_CLOCK_MONOTONIC), timeout);
    return 0;
}

static uint16_t parse_fd(struct wsb__wasi_poll *poll, const wsb__wasi *wasi, item *out)
{
    const wsb__wasi_entry *entry = wsb__wasi_entry_get(wasi, out->number);
    bool reads = out->type == WASI_EVENT_FD_READ;
    if (!entry || entry->kind == WASI__PREOPEN || entry->kind == WASI__DIRECTORY)
        return WASI_EBADF;
    if (!(entry->rights & WASI_POLL_FD_READWRITE) ||
        !(entry->rights & (reads ? WASI_FD_READ : WASI_FD_WRITE)))
        return WASI_ENOTCAPABLE;
    if (entry->kind == WASI__FILE)
        return 0;
    const wsb__wasi_stream *stream = &wasi->streams[entry->grant];
    bool is_fd = stream->kind == (reads ? (int)WSB_INPUT_FD : (int)WSB_OUTPUT_FD);
    if (!is_fd || stream->fd_type == WASI__FD_REGULAR)
        return 0;
    out->poll_index = (int)poll->fd_count;
    poll->fds[poll->fd_count++] =
        (struct pollfd){.fd = stream->fd, .events = reads ? POLLIN : POLLOUT};
    return 0;
}

static void parse(struct wsb__wasi_poll *poll, const wsb__wasi_call *call, const uint8_t *raw,
                  item *out)
{
    const uint8_t *clock = raw + (call->snapshot_0 ? 24 : 16); /* snapshot 0: an identifier first */
    *out = (item){.userdata = wsb__get64(raw), .type = raw[8], .poll_index = -1};
    if (out->type == WASI_EVENT_CLOCK) {
        out->error = parse_clock(call->wasi, wsb__get32(clock), wsb__get64(clock + 8),
                                 wsb__get16(clock + 24), out);
        if (out->error == WASI_ENOTSUP)
            wsb__wasi_denied(call, "clocks", wsb_cstr(NULL));
    } else if (out->type == WASI_EVENT_FD_READ || out->type == WASI_EVENT_FD_WRITE) {
        out->number = wsb__get32(raw + 16);
        out->error = parse_fd(poll, call->wasi, out);
    } else {
        out->error = WASI_EINVAL;
    }
    if (out->error)
        out->state = ITEM_READY;
}

static int begin(wsb__wasi_call *call, uint32_t count)
{
    size_t size = call->snapshot_0 ? WASI_SUBSCRIPTION_SIZE_0 : WASI_SUBSCRIPTION_SIZE;
    const uint8_t *raw = wsb__wasi_range(call, wsb__wasi_u32(call, 0), (uint64_t)count * size);
    if (!raw)
        return WASI_EFAULT;
    wsb__free(call->wasi->poll);
    struct wsb__wasi_poll *poll =
        wsb__alloc(sizeof *poll + count * (sizeof(item) + sizeof(struct pollfd)));
    call->wasi->poll = poll;
    if (!poll)
        return WASI_ENOMEM;
    poll->count = count;
    poll->fd_count = 0;
    poll->fds = (struct pollfd *)(poll->items + count);
    for (uint32_t i = 0; i < count; i++)
        parse(poll, call, raw + i * size, &poll->items[i]);
    return 0;
}

static void look_at_host_fd(const struct pollfd *fd, item *out)
{
    if (fd->revents == 0)
        return;
    int available = 0;
    out->state = ITEM_READY;
    out->hangup = (fd->revents & POLLHUP) != 0;
    if (fd->revents & POLLNVAL)
        out->error = WASI_EBADF;
    else if (out->type == WASI_EVENT_FD_READ && ioctl(fd->fd, FIONREAD, &available) == 0)
        out->bytes = available > 0 ? (uint64_t)available : 0;
}

static void look_at_fd(const struct wsb__wasi_poll *poll, wsb__wasi *wasi, item *out)
{
    if (out->poll_index >= 0) {
        look_at_host_fd(&poll->fds[out->poll_index], out);
        return;
    }
    wsb__wasi_entry *entry = wsb__wasi_entry_get(wasi, out->number);
    out->state = ITEM_READY;
    if (out->type == WASI_EVENT_FD_WRITE || !entry)
        return;
    struct stat st;
    if (entry->kind == WASI__STREAM)
        out->state = wsb__wasi_stream_readable(&wasi->streams[entry->grant], &out->bytes)
                         ? ITEM_READY
                         : ITEM_WAITS;
    else if (fstat(entry->fd, &st) == 0 && (uint64_t)st.st_size > entry->position)
        out->bytes = (uint64_t)st.st_size - entry->position;
}

/* Looks at everything that waits yet. Returns how many are ready; `*out_timeout` is the time
 * until the first of the others could be. */
static uint32_t look(struct wsb__wasi_poll *poll_state, wsb__wasi *wasi, uint64_t *out_timeout)
{
    uint32_t ready = 0;
    *out_timeout = UINT64_MAX;
    while (poll_state->fd_count > 0 && poll(poll_state->fds, poll_state->fd_count, 0) < 0 &&
           errno == EINTR)
        continue;
    for (uint32_t i = 0; i < poll_state->count; i++) {
        item *one = &poll_state->items[i];
        uint64_t wait = UINT64_MAX;
        if (one->state == ITEM_WAITS && one->type == WASI_EVENT_CLOCK) {
            uint64_t now = host_now(one->clock);
            one->state = one->deadline <= now ? ITEM_READY : ITEM_WAITS;
            wait = one->deadline - now;
        } else if (one->state == ITEM_WAITS) {
            look_at_fd(poll_state, wasi, one);
            if (one->poll_index < 0)
                wait = wasi->streams[0].poll_ns;
        }
        ready += one->state == ITEM_READY;
        if (one->state == ITEM_WAITS && wait < *out_timeout)
            *out_timeout = wait;
    }
    return ready;
}

static int emit(wsb__wasi_call *call, const struct wsb__wasi_poll *poll, uint32_t ready)
{
    uint8_t *at = wsb__wasi_range(call, wsb__wasi_u32(call, 1), (uint64_t)ready * WASI_EVENT_SIZE);
    if (!at)
        return WASI_EFAULT;
    for (uint32_t i = 0; i < poll->count; i++) {
        const item *one = &poll->items[i];
        if (one->state != ITEM_READY)
            continue;
        memset(at, 0, WASI_EVENT_SIZE);
        wsb__put64(at, one->userdata);
        wsb__put16(at + 8, one->error);
        at[10] = one->type;
        wsb__put64(at + 16, one->bytes);
        wsb__put16(at + 24, one->hangup ? WASI_EVENT_HANGUP : 0);
        at += WASI_EVENT_SIZE;
    }
    return wsb__wasi_store32(call, wsb__wasi_u32(call, 3), ready);
}

int wsb__wasi_poll_oneoff(wsb__wasi_call *call)
{
    wsb__wasi *wasi = call->wasi;
    uint32_t count = wsb__wasi_u32(call, 2);
    if (count == 0 || count > MAX_SUBSCRIPTIONS)
        return WASI_EINVAL;
    if (!wsb__wasi_range(call, wsb__wasi_u32(call, 1), (uint64_t)count * WASI_EVENT_SIZE) ||
        !wsb__wasi_range(call, wsb__wasi_u32(call, 3), 4))
        return WASI_EFAULT;
    int result = call->resumed ? 0 : begin(call, count);
    if (result)
        return result;
    uint64_t timeout;
    uint32_t ready = look(wasi->poll, wasi, &timeout);
    if (ready > 0)
        return emit(call, wasi->poll, ready);
    wsb_call_context_wait(call->context, wasi->poll->fds, wasi->poll->fd_count, timeout,
                          call->resume, NULL, wasi);
    return WASI__PENDING;
}
