/* Standard output and error, under the call's `max_output`. */
#include "core/buffer.h"
#include "host/wasi/internal.h"
#include "host/wasi/os.h"

#include <errno.h>
#include <unistd.h>

/* What a pipe or terminal that says it is writable takes without blocking: PIPE_BUF, and the
 * room below which a terminal does not call itself writable. */
enum { PIPE_STEP = 4096, TTY_STEP = 256 };

static int capture(wsb__wasi_stream *stream, const wsb__wasi_iovecs *iovecs, uint64_t *out_count)
{
    uint64_t room = iovecs->total;
    wsb_status status = wsb__buf_reserve(&stream->captured, room, SIZE_MAX - 1);
    for (int i = 0; i < iovecs->count && status == WSB_OK; i++) {
        status = wsb__buf_append(&stream->captured, iovecs->list[i].iov_base,
                                 iovecs->list[i].iov_len, SIZE_MAX - 1);
    }
    if (status != WSB_OK)
        return WASI_ENOMEM;
    *out_count = room;
    return 0;
}

static int callback(wsb__wasi_stream *stream, const wsb__wasi_iovecs *iovecs, uint64_t *out_count)
{
    for (int i = 0; i < iovecs->count; i++) {
        const struct iovec *part = &iovecs->list[i];
        if (part->iov_len == 0)
            continue;
        if (stream->write(wsb_bytes_of(part->iov_base, part->iov_len), stream->user_data) != WSB_OK)
            return *out_count > 0 ? 0 : WASI_EIO;
        *out_count += part->iov_len;
    }
    return 0;
}

static int wait_or_again(wsb__wasi_call *call, const wsb__wasi_entry *entry, int fd)
{
    if (entry->flags & WASI_FDFLAG_NONBLOCK)
        return WASI_EAGAIN;
    return wsb__wasi_wait_fd(call, fd, POLLOUT, UINT64_MAX);
}

static int write_regular(const wsb__wasi_stream *stream, const wsb__wasi_iovecs *iovecs,
                         uint64_t *out_count)
{
    ssize_t count;
    do
        count = writev(stream->fd, iovecs->list, iovecs->count);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return wsb__wasi_errno(errno);
    *out_count = (uint64_t)count;
    return 0;
}

static int write_waiting(wsb__wasi_call *call, const wsb__wasi_entry *entry,
                         wsb__wasi_stream *stream, wsb__wasi_iovecs *iovecs, uint64_t *out_count)
{
    size_t count = 0;
    int error = EINTR;
    while (error == EINTR) {
        if (stream->poll_first) {
            struct pollfd poll_fd = {.fd = stream->fd, .events = POLLOUT};
            if (poll(&poll_fd, 1, 0) == 0)
                return wait_or_again(call, entry, stream->fd);
            wsb__wasi_cut_iovecs(iovecs, stream->tty ? TTY_STEP : PIPE_STEP);
        }
        error = wsb__os_write(stream->fd, iovecs->list, iovecs->count, !stream->poll_first, &count);
        if (error == EOPNOTSUPP && !stream->poll_first) {
            stream->poll_first = true;
            error = EINTR;
        }
    }
    if (error == EAGAIN)
        return wait_or_again(call, entry, stream->fd);
    if (error)
        return wsb__wasi_errno(error);
    *out_count = count;
    return 0;
}

/* What the call may still put out. What is captured and was not cleared counts too, or calls of
 * the same instance would add up without end. */
static uint64_t room_for(const wsb__wasi *wasi, const wsb__wasi_stream *stream)
{
    if (stream->kind != WSB_OUTPUT_CAPTURE)
        return wasi->output_left;
    uint64_t kept = wasi->streams[1].captured.len + wasi->streams[2].captured.len;
    uint64_t room = kept < wasi->max_output ? wasi->max_output - kept : 0;
    return room < wasi->output_left ? room : wasi->output_left;
}

/* Cuts a write to what the call may still put out. */
static int within_limit(wsb__wasi_call *call, wsb__wasi_stream *stream, wsb__wasi_iovecs *iovecs)
{
    wsb__wasi *wasi = call->wasi;
    uint64_t room = room_for(wasi, stream);
    if (iovecs->total <= room)
        return 0;
    stream->truncated = true;
    if (!wasi->output_reported) {
        wasi->output_reported = true;
        wsb__wasi_limit_hit(call, "max_output", wsb_cstr(NULL),
                            wsb__wasi_add(wasi->max_output - room, iovecs->total),
                            wasi->max_output);
    }
    wsb__wasi_cut_iovecs(iovecs, room);
    return room == 0 ? WASI_EPIPE : 0;
}

static int write_to(wsb__wasi_call *call, const wsb__wasi_entry *entry, wsb__wasi_stream *stream,
                    wsb__wasi_iovecs *iovecs, uint64_t *out_count)
{
    switch (stream->kind) {
    case WSB_OUTPUT_CAPTURE:
        return capture(stream, iovecs, out_count);
    case WSB_OUTPUT_CALLBACK:
        return callback(stream, iovecs, out_count);
    case WSB_OUTPUT_FD:
        return stream->fd_type == WASI__FD_REGULAR
                   ? write_regular(stream, iovecs, out_count)
                   : write_waiting(call, entry, stream, iovecs, out_count);
    default:
        *out_count = iovecs->total; /* discarded */
        return 0;
    }
}

int wsb__wasi_stream_write(wsb__wasi_call *call, wsb__wasi_entry *entry, wsb__wasi_iovecs *iovecs,
                           uint64_t *out_count)
{
    wsb__wasi *wasi = call->wasi;
    wsb__wasi_stream *stream = &wasi->streams[entry->grant];
    *out_count = 0;
    if (iovecs->total == 0)
        return 0;
    int result = stream->kind == WSB_OUTPUT_DISCARD ? 0 : within_limit(call, stream, iovecs);
    if (!result)
        result = write_to(call, entry, stream, iovecs, out_count);
    if (result)
        return result;
    if (stream->kind != WSB_OUTPUT_DISCARD && wasi->output_left != UINT64_MAX)
        wasi->output_left -= *out_count;
    wsb_call_context_count(call->context, WSB_COUNTER_OUTPUT_BYTES, (int64_t)*out_count);
    return 0;
}
