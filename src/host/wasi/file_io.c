/* Reading and writing. Every transfer is positioned and goes straight between the file and the
 * guest's memory; the offset is kept in the entry, so no call needs lseek(2). */
#include "host/wasi/internal.h"
#include "host/wasi/os.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

int wsb__wasi_may_read(wsb__wasi_call *call, uint64_t *length)
{
    wsb__wasi *wasi = call->wasi;
    if (*length <= wasi->read_left)
        return 0;
    if (wasi->read_left == 0) {
        wsb__wasi_limit_hit(call, "max_read_bytes", wsb_cstr(NULL),
                            wsb__wasi_add(wasi->max_read, *length), wasi->max_read);
        return WASI_EDQUOT;
    }
    *length = wasi->read_left;
    return 0;
}

int wsb__wasi_end_read(wsb__wasi_call *call, uint32_t result_offset, uint64_t count)
{
    call->wasi->read_left -= call->wasi->read_left == UINT64_MAX ? 0 : count;
    wsb_call_context_count(call->context, WSB_COUNTER_BYTES_READ, (int64_t)count);
    return wsb__wasi_store32(call, result_offset, (uint32_t)count);
}

static void charge_write(wsb__wasi_call *call, uint64_t count)
{
    call->wasi->write_left -= call->wasi->write_left == UINT64_MAX ? 0 : count;
    wsb_call_context_count(call->context, WSB_COUNTER_BYTES_WRITTEN, (int64_t)count);
}

static int quota_used_up(wsb__wasi_call *call, uint64_t wanted)
{
    wsb__wasi *wasi = call->wasi;
    wsb__wasi_limit_hit(call, "max_write_bytes", wsb_cstr(NULL),
                        wsb__wasi_add(wasi->max_write - wasi->write_left, wanted), wasi->max_write);
    return WASI_EDQUOT;
}

int wsb__wasi_charge_write(wsb__wasi_call *call, uint64_t count)
{
    if (count > call->wasi->write_left)
        return quota_used_up(call, count);
    charge_write(call, count);
    return 0;
}

static int too_large(wsb__wasi_call *call, const wsb__wasi_grant *grant, uint64_t end)
{
    bool own = grant->max_size != UINT64_MAX;
    wsb__wasi_limit_hit(call, own ? "max_file_size" : "max_write_bytes", wsb_cstr(NULL), end,
                        own ? grant->max_size : call->wasi->max_write);
    return WASI_EFBIG;
}

/* Whether a file may come to reach `end`, written from `offset` on. Without a limit of its own a
 * file may not be made to reach further beyond its end than what may be written in all. */
static int may_reach(wsb__wasi_call *call, const wsb__wasi_entry *entry, uint64_t offset,
                     uint64_t end)
{
    const wsb__wasi_grant *grant = wsb__wasi_grant_of(call->wasi, entry);
    if (end <= grant->hole_size)
        return 0;
    struct stat st;
    if (fstat(entry->fd, &st) != 0)
        return wsb__wasi_errno(errno);
    if (st.st_size >= 0 && offset <= (uint64_t)st.st_size && end <= grant->max_size)
        return 0;
    return too_large(call, grant, end);
}

int wsb__wasi_may_write(wsb__wasi_call *call, const wsb__wasi_entry *entry, uint64_t offset,
                        uint64_t *length)
{
    const wsb__wasi_grant *grant = wsb__wasi_grant_of(call->wasi, entry);
    if (*length == 0)
        return 0;
    if (call->wasi->write_left == 0)
        return quota_used_up(call, *length);
    if (*length > call->wasi->write_left)
        *length = call->wasi->write_left;
    uint64_t most = grant->max_size < INT64_MAX ? grant->max_size : INT64_MAX;
    if (offset >= most)
        return too_large(call, grant, wsb__wasi_add(offset, *length));
    if (*length > most - offset)
        *length = most - offset;
    return may_reach(call, entry, offset, offset + *length);
}

/* The arguments that all four functions begin with, checked: where the result goes, too. */
static int begin(wsb__wasi_call *call, size_t result_index, wsb__wasi_iovecs *iovecs)
{
    if (!wsb__wasi_range(call, wsb__wasi_u32(call, result_index), 4))
        return WASI_EFAULT;
    return wsb__wasi_load_iovecs(call, wsb__wasi_u32(call, 1), wsb__wasi_u32(call, 2), iovecs);
}

static int read_at(wsb__wasi_call *call, const wsb__wasi_entry *entry, wsb__wasi_iovecs *iovecs,
                   uint64_t offset, uint64_t *out_count)
{
    uint64_t length = iovecs->total;
    int result = wsb__wasi_may_read(call, &length);
    if (result)
        return result;
    if (offset > INT64_MAX)
        return WASI_EINVAL;
    wsb__wasi_cut_iovecs(iovecs, length);
    ssize_t count;
    do
        count = iovecs->count == 1
                    ? pread(entry->fd, iovecs->list[0].iov_base, length, (off_t)offset)
                    : preadv(entry->fd, iovecs->list, iovecs->count, (off_t)offset);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return wsb__wasi_errno(errno);
    *out_count = (uint64_t)count;
    return 0;
}

static int write_at(wsb__wasi_call *call, const wsb__wasi_entry *entry, wsb__wasi_iovecs *iovecs,
                    uint64_t offset, uint64_t *out_count)
{
    uint64_t length = iovecs->total;
    int result = wsb__wasi_may_write(call, entry, offset, &length);
    if (result)
        return result;
    if (offset > INT64_MAX)
        return WASI_EINVAL;
    wsb__wasi_cut_iovecs(iovecs, length);
    ssize_t count;
    do
        count = iovecs->count == 1
                    ? pwrite(entry->fd, iovecs->list[0].iov_base, length, (off_t)offset)
                    : pwritev(entry->fd, iovecs->list, iovecs->count, (off_t)offset);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return wsb__wasi_errno(errno);
    charge_write(call, (uint64_t)count);
    *out_count = (uint64_t)count;
    return 0;
}

/* Where a write goes: Linux appends whatever the offset is, so the limits look at the end. */
static int write_offset(const wsb__wasi_entry *entry, uint64_t *offset)
{
    struct stat st;
    if (!(entry->flags & WASI_FDFLAG_APPEND))
        return 0;
    if (fstat(entry->fd, &st) != 0)
        return wsb__wasi_errno(errno);
    *offset = (uint64_t)st.st_size;
    return 0;
}

int wsb__wasi_fd_pread(wsb__wasi_call *call)
{
    wsb__wasi_entry *entry;
    wsb__wasi_iovecs iovecs;
    uint64_t count;
    int result = wsb__wasi_file(call, wsb__wasi_u32(call, 0), WASI_FD_READ | WASI_FD_SEEK, &entry);
    if (!result)
        result = begin(call, 4, &iovecs);
    if (!result)
        result = read_at(call, entry, &iovecs, wsb__wasi_u64(call, 3), &count);
    return result ? result : wsb__wasi_end_read(call, wsb__wasi_u32(call, 4), count);
}

int wsb__wasi_fd_pwrite(wsb__wasi_call *call)
{
    wsb__wasi_entry *entry;
    wsb__wasi_iovecs iovecs;
    uint64_t count;
    uint64_t offset = wsb__wasi_u64(call, 3);
    int result = wsb__wasi_file(call, wsb__wasi_u32(call, 0), WASI_FD_WRITE | WASI_FD_SEEK, &entry);
    if (!result)
        result = begin(call, 4, &iovecs);
    if (!result)
        result = write_offset(entry, &offset);
    if (!result)
        result = write_at(call, entry, &iovecs, offset, &count);
    return result ? result : wsb__wasi_store32(call, wsb__wasi_u32(call, 4), (uint32_t)count);
}

/* A stream is not a file: whether it may be read or written is all there is to check. */
static wsb__wasi_entry *stream_of(const wsb__wasi_call *call, uint64_t right)
{
    wsb__wasi_entry *entry = wsb__wasi_entry_get(call->wasi, wsb__wasi_u32(call, 0));
    bool usable = entry && entry->kind == WASI__STREAM && (entry->rights & right) != 0;
    return usable ? entry : NULL;
}

int wsb__wasi_fd_read(wsb__wasi_call *call)
{
    wsb__wasi_iovecs iovecs;
    uint64_t count = 0;
    wsb__wasi_entry *stream = stream_of(call, WASI_FD_READ);
    wsb__wasi_entry *entry = NULL;
    int result = stream ? 0 : wsb__wasi_file(call, wsb__wasi_u32(call, 0), WASI_FD_READ, &entry);
    if (result == WASI_ESPIPE)
        result = WASI_EBADF;
    if (!result)
        result = begin(call, 3, &iovecs);
    if (!result)
        result = stream ? wsb__wasi_stream_read(call, stream, &iovecs, &count)
                        : read_at(call, entry, &iovecs, entry->position, &count);
    if (result)
        return result;
    if (entry)
        entry->position += count;
    return wsb__wasi_end_read(call, wsb__wasi_u32(call, 3), count);
}

int wsb__wasi_fd_write(wsb__wasi_call *call)
{
    wsb__wasi_iovecs iovecs;
    uint64_t count = 0;
    wsb__wasi_entry *stream = stream_of(call, WASI_FD_WRITE);
    wsb__wasi_entry *entry = NULL;
    int result = stream ? 0 : wsb__wasi_file(call, wsb__wasi_u32(call, 0), WASI_FD_WRITE, &entry);
    if (result == WASI_ESPIPE)
        result = WASI_EBADF;
    if (!result)
        result = begin(call, 3, &iovecs);
    if (!result && stream)
        result = wsb__wasi_stream_write(call, stream, &iovecs, &count);
    if (!result && entry) {
        uint64_t offset = entry->position;
        result = write_offset(entry, &offset);
        if (!result)
            result = write_at(call, entry, &iovecs, offset, &count);
        if (!result)
            entry->position = offset + count;
    }
    return result ? result : wsb__wasi_store32(call, wsb__wasi_u32(call, 3), (uint32_t)count);
}

enum { SEEK_FROM_START, SEEK_FROM_HERE, SEEK_FROM_END };

int wsb__wasi_fd_seek(wsb__wasi_call *call)
{
    static const uint8_t order_1[] = {SEEK_FROM_START, SEEK_FROM_HERE, SEEK_FROM_END};
    static const uint8_t order_0[] = {SEEK_FROM_HERE, SEEK_FROM_END, SEEK_FROM_START};
    wsb__wasi_entry *entry;
    int64_t delta = call->values[1].i64;
    uint32_t whence = wsb__wasi_u32(call, 2);
    if (whence > 2)
        return WASI_EINVAL;
    whence = call->snapshot_0 ? order_0[whence] : order_1[whence];
    bool tell = delta == 0 && whence == SEEK_FROM_HERE;
    int result =
        wsb__wasi_file(call, wsb__wasi_u32(call, 0), tell ? WASI_FD_TELL : WASI_FD_SEEK, &entry);
    if (result)
        return result;
    int64_t from = whence == SEEK_FROM_HERE ? (int64_t)entry->position : 0;
    struct stat st;
    if (whence == SEEK_FROM_END) {
        if (fstat(entry->fd, &st) != 0)
            return wsb__wasi_errno(errno);
        from = st.st_size;
    }
    int64_t position;
    if (__builtin_add_overflow(from, delta, &position))
        return WASI_EOVERFLOW;
    if (position < 0)
        return WASI_EINVAL;
    result = wsb__wasi_store64(call, wsb__wasi_u32(call, 3), (uint64_t)position);
    if (!result)
        entry->position = (uint64_t)position;
    return result;
}

int wsb__wasi_fd_tell(wsb__wasi_call *call)
{
    wsb__wasi_entry *entry;
    int result = wsb__wasi_file(call, wsb__wasi_u32(call, 0), WASI_FD_TELL, &entry);
    return result ? result : wsb__wasi_store64(call, wsb__wasi_u32(call, 1), entry->position);
}

/* What makes a file longer without writing is charged like writing. */
static int may_grow(wsb__wasi_call *call, const wsb__wasi_entry *entry, uint64_t end,
                    uint64_t amount)
{
    const wsb__wasi_grant *grant = wsb__wasi_grant_of(call->wasi, entry);
    if (end > INT64_MAX || end > grant->max_size)
        return too_large(call, grant, end);
    return amount > call->wasi->write_left ? quota_used_up(call, amount) : 0;
}

int wsb__wasi_fd_filestat_set_size(wsb__wasi_call *call)
{
    wsb__wasi_entry *entry;
    struct stat st;
    uint64_t size = wsb__wasi_u64(call, 1);
    int result = wsb__wasi_file(call, wsb__wasi_u32(call, 0), WASI_FD_FILESTAT_SET_SIZE, &entry);
    if (result)
        return result;
    if (fstat(entry->fd, &st) != 0)
        return wsb__wasi_errno(errno);
    uint64_t growth = size > (uint64_t)st.st_size ? size - (uint64_t)st.st_size : 0;
    result = growth ? may_grow(call, entry, size, growth) : 0;
    if (result)
        return result;
    if (ftruncate(entry->fd, (off_t)size) != 0)
        return wsb__wasi_errno(errno);
    charge_write(call, growth);
    return 0;
}

int wsb__wasi_fd_allocate(wsb__wasi_call *call)
{
    wsb__wasi_entry *entry;
    uint64_t offset = wsb__wasi_u64(call, 1);
    uint64_t length = wsb__wasi_u64(call, 2);
    int result = wsb__wasi_file(call, wsb__wasi_u32(call, 0), WASI_FD_ALLOCATE, &entry);
    if (result)
        return result;
    if (length == 0 || offset > INT64_MAX || length > INT64_MAX)
        return WASI_EINVAL;
    result = may_grow(call, entry, offset + length, length);
    if (result)
        return result;
    int error = wsb__os_allocate(entry->fd, offset, length);
    if (error)
        return wsb__wasi_errno(error);
    charge_write(call, length);
    return 0;
}
