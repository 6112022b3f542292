/* Standard input. Nothing here blocks the thread: what is not there is waited for by the runtime,
 * under the call's deadline. */
#include "core/alloc.h"
#include "host/wasi/internal.h"
#include "host/wasi/os.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STASH_SIZE = 4096 };

bool wsb__wasi_stream_init_fd(wsb__wasi_stream *stream, int fd)
{
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        return false;
    stream->fd = fd;
    stream->tty = S_ISCHR(st.st_mode) && isatty(fd);
    stream->fd_type = WASI__FD_OTHER;
    if (S_ISREG(st.st_mode))
        stream->fd_type = WASI__FD_REGULAR;
    else if (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))
        stream->fd_type = WASI__FD_PIPE;
    return true;
}

/* Copies into as many iovecs as it takes. */
static uint64_t scatter(const wsb__wasi_iovecs *iovecs, const uint8_t *data, uint64_t length)
{
    uint64_t done = 0;
    for (int i = 0; i < iovecs->count && done < length; i++) {
        uint64_t part = iovecs->list[i].iov_len;
        if (part > length - done)
            part = length - done;
        if (part > 0)
            memcpy(iovecs->list[i].iov_base, data + done, part);
        done += part;
    }
    return done;
}

static int wait_or_again(wsb__wasi_call *call, const wsb__wasi_entry *entry, int fd,
                         uint64_t timeout_ns)
{
    if (entry->flags & WASI_FDFLAG_NONBLOCK)
        return WASI_EAGAIN;
    return wsb__wasi_wait_fd(call, fd, POLLIN, timeout_ns);
}

static int read_fd(wsb__wasi_call *call, const wsb__wasi_entry *entry, wsb__wasi_stream *stream,
                   const wsb__wasi_iovecs *iovecs, uint64_t *out_count)
{
    bool regular = stream->fd_type == WASI__FD_REGULAR;
    size_t count = 0;
    int error = EINTR;
    while (error == EINTR) {
        if (!regular && stream->poll_first) {
            struct pollfd poll_fd = {.fd = stream->fd, .events = POLLIN};
            if (poll(&poll_fd, 1, 0) == 0)
                return wait_or_again(call, entry, stream->fd, UINT64_MAX);
        }
        error = wsb__os_read(stream->fd, iovecs->list, iovecs->count,
                             !regular && !stream->poll_first, &count);
        if (error == EOPNOTSUPP && !regular && !stream->poll_first) {
            stream->poll_first = true;
            error = EINTR;
        }
    }
    if (error == EAGAIN)
        return wait_or_again(call, entry, stream->fd, UINT64_MAX);
    if (error)
        return wsb__wasi_errno(error);
    *out_count = count;
    return 0;
}

static uint64_t take_stash(wsb__wasi_stream *stream, const wsb__wasi_iovecs *iovecs)
{
    uint64_t count = scatter(iovecs, stream->stash + stream->stash_used,
                             stream->stash_length - stream->stash_used);
    stream->stash_used += (uint32_t)count;
    return count;
}

static int read_callback(wsb__wasi_call *call, const wsb__wasi_entry *entry,
                         wsb__wasi_stream *stream, const wsb__wasi_iovecs *iovecs,
                         uint64_t *out_count)
{
    if (stream->stash_used < stream->stash_length) {
        *out_count = take_stash(stream, iovecs);
        return 0;
    }
    int first = 0;
    while (iovecs->list[first].iov_len == 0)
        first++; /* the total is not zero */
    size_t count = 0;
    const struct iovec *into = &iovecs->list[first];
    wsb_status status =
        stream->at_end ? WSB_OK
                       : stream->read(into->iov_base, into->iov_len, &count, stream->user_data);
    if (status == WSB_ERROR_WOULD_BLOCK)
        return wait_or_again(call, entry, -1, stream->poll_ns);
    if (status != WSB_OK || count > into->iov_len)
        return WASI_EIO;
    *out_count = count;
    return 0;
}

int wsb__wasi_stream_read(wsb__wasi_call *call, wsb__wasi_entry *entry, wsb__wasi_iovecs *iovecs,
                          uint64_t *out_count)
{
    wsb__wasi_stream *stream = &call->wasi->streams[entry->grant];
    *out_count = 0;
    if (iovecs->total == 0)
        return 0;
    uint64_t length = iovecs->total;
    int result = wsb__wasi_may_read(call, &length);
    if (result)
        return result;
    wsb__wasi_cut_iovecs(iovecs, length);
    switch (stream->kind) {
    case WSB_INPUT_BYTES:
        *out_count = scatter(iovecs, stream->bytes.data, stream->bytes.len);
        if (*out_count > 0)
            stream->bytes.data += *out_count;
        stream->bytes.len -= *out_count;
        return 0;
    case WSB_INPUT_FD:
        return read_fd(call, entry, stream, iovecs, out_count);
    case WSB_INPUT_CALLBACK:
        return read_callback(call, entry, stream, iovecs, out_count);
    default:
        return 0; /* empty */
    }
}

/* Asks a callback ahead of the guest's read: there is no other way to know. */
static bool fill_stash(wsb__wasi_stream *stream)
{
    if (stream->stash_used < stream->stash_length || stream->at_end)
        return true;
    if (!stream->stash)
        stream->stash = wsb__alloc(STASH_SIZE);
    if (!stream->stash)
        return true; /* the read will tell */
    size_t count = 0;
    wsb_status status = stream->read(stream->stash, STASH_SIZE, &count, stream->user_data);
    if (status == WSB_ERROR_WOULD_BLOCK)
        return false;
    stream->stash_used = 0;
    stream->stash_length = status == WSB_OK && count <= STASH_SIZE ? (uint32_t)count : 0;
    stream->at_end = status == WSB_OK && count == 0;
    return true;
}

bool wsb__wasi_stream_readable(wsb__wasi_stream *stream, uint64_t *out_bytes)
{
    *out_bytes = 0;
    if (stream->kind == WSB_INPUT_BYTES)
        *out_bytes = stream->bytes.len;
    if (stream->kind != WSB_INPUT_CALLBACK)
        return true;
    bool readable = fill_stash(stream);
    *out_bytes = stream->stash_length - stream->stash_used;
    return readable;
}
