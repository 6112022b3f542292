/* What is known about descriptors, and what can be changed about them. */
#include "host/wasi/internal.h"
#include "host/wasi/os.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

uint8_t wsb__wasi_filetype(uint32_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return WASI_FILETYPE_REGULAR_FILE;
    case S_IFDIR:
        return WASI_FILETYPE_DIRECTORY;
    case S_IFLNK:
        return WASI_FILETYPE_SYMBOLIC_LINK;
    case S_IFCHR:
        return WASI_FILETYPE_CHARACTER_DEVICE;
    case S_IFBLK:
        return WASI_FILETYPE_BLOCK_DEVICE;
    case S_IFSOCK:
        return WASI_FILETYPE_SOCKET_STREAM;
    default:
        return WASI_FILETYPE_UNKNOWN;
    }
}

static uint64_t to_ns(struct timespec time)
{
    uint64_t ns;
    if (time.tv_sec < 0 || __builtin_mul_overflow((uint64_t)time.tv_sec, WSB_SECOND, &ns))
        return 0;
    return wsb__wasi_add(ns, (uint64_t)time.tv_nsec);
}

int wsb__wasi_store_filestat(const wsb__wasi_call *call, uint32_t offset, const struct stat *st)
{
    uint8_t raw[WASI_FILESTAT_SIZE] = {0};
    size_t size = call->snapshot_0 ? WASI_FILESTAT_SIZE_0 : WASI_FILESTAT_SIZE;
    uint8_t *at = wsb__wasi_range(call, offset, size);
    if (!at)
        return WASI_EFAULT;
    wsb__put64(raw, st->st_dev);
    wsb__put64(raw + 8, st->st_ino);
    raw[16] = wsb__wasi_filetype(st->st_mode);
    uint8_t *rest = raw + (call->snapshot_0 ? 24 : 32);
    if (call->snapshot_0)
        wsb__put32(raw + 20, st->st_nlink > UINT32_MAX ? UINT32_MAX : (uint32_t)st->st_nlink);
    else
        wsb__put64(raw + 24, st->st_nlink);
    wsb__put64(rest, st->st_size < 0 ? 0 : (uint64_t)st->st_size);
    wsb__put64(rest + 8, to_ns(st->st_atim));
    wsb__put64(rest + 16, to_ns(st->st_mtim));
    wsb__put64(rest + 24, to_ns(st->st_ctim));
    memcpy(at, raw, size);
    return 0;
}

int wsb__wasi_times(uint64_t atim, uint64_t mtim, uint32_t flags, struct timespec out[2])
{
    const uint32_t both_a = WASI_FSTFLAG_ATIM | WASI_FSTFLAG_ATIM_NOW;
    const uint32_t both_m = WASI_FSTFLAG_MTIM | WASI_FSTFLAG_MTIM_NOW;
    if ((flags & ~(uint32_t)WASI_FSTFLAGS_ALL) || (flags & both_a) == both_a ||
        (flags & both_m) == both_m)
        return WASI_EINVAL;
    const uint64_t values[2] = {atim, mtim};
    const uint32_t set[2] = {WASI_FSTFLAG_ATIM, WASI_FSTFLAG_MTIM};
    const uint32_t now[2] = {WASI_FSTFLAG_ATIM_NOW, WASI_FSTFLAG_MTIM_NOW};
    for (int i = 0; i < 2; i++) {
        out[i].tv_sec = 0;
        out[i].tv_nsec = flags & now[i] ? UTIME_NOW : UTIME_OMIT;
        if (flags & set[i]) {
            out[i].tv_sec = (time_t)(values[i] / WSB_SECOND);
            out[i].tv_nsec = (long)(values[i] % WSB_SECOND);
        }
    }
    return 0;
}

static uint8_t entry_filetype(const wsb__wasi *wasi, const wsb__wasi_entry *entry)
{
    if (entry->kind == WASI__FILE)
        return WASI_FILETYPE_REGULAR_FILE;
    if (entry->kind != WASI__STREAM)
        return WASI_FILETYPE_DIRECTORY;
    const wsb__wasi_stream *stream = &wasi->streams[entry->grant];
    if (stream->tty)
        return WASI_FILETYPE_CHARACTER_DEVICE;
    return stream->fd_type == WASI__FD_REGULAR ? WASI_FILETYPE_REGULAR_FILE : WASI_FILETYPE_UNKNOWN;
}

int wsb__wasi_fd_fdstat_get(wsb__wasi_call *call)
{
    const wsb__wasi_entry *entry = wsb__wasi_entry_get(call->wasi, wsb__wasi_u32(call, 0));
    if (!entry)
        return WASI_EBADF;
    uint8_t *at = wsb__wasi_range(call, wsb__wasi_u32(call, 1), WASI_FDSTAT_SIZE);
    if (!at)
        return WASI_EFAULT;
    memset(at, 0, WASI_FDSTAT_SIZE);
    at[0] = entry_filetype(call->wasi, entry);
    wsb__put16(at + 2, entry->flags);
    wsb__put64(at + 8, entry->rights);
    wsb__put64(at + 16, entry->inheriting);
    return 0;
}

int wsb__wasi_fd_fdstat_set_flags(wsb__wasi_call *call)
{
    const uint16_t synchronous = WASI_FDFLAG_DSYNC | WASI_FDFLAG_RSYNC | WASI_FDFLAG_SYNC;
    wsb__wasi_entry *entry = wsb__wasi_entry_get(call->wasi, wsb__wasi_u32(call, 0));
    uint32_t flags = wsb__wasi_u32(call, 1);
    if (!entry)
        return WASI_EBADF;
    if (flags & ~(uint32_t)WASI_FDFLAGS_ALL)
        return WASI_EINVAL;
    if (!(entry->rights & WASI_FD_FDSTAT_SET_FLAGS))
        return WASI_ENOTCAPABLE;
    if ((flags ^ entry->flags) & synchronous)
        return WASI_ENOTSUP; /* can be chosen when a file is opened only */
    if (entry->kind == WASI__FILE && ((flags ^ entry->flags) & WASI_FDFLAG_APPEND)) {
        int host = fcntl(entry->fd, F_GETFL);
        if (host < 0)
            return wsb__wasi_errno(errno);
        host = flags & WASI_FDFLAG_APPEND ? host | O_APPEND : host & ~O_APPEND;
        if (fcntl(entry->fd, F_SETFL, host) != 0)
            return wsb__wasi_errno(errno);
    }
    entry->flags = (uint16_t)flags;
    return 0;
}

int wsb__wasi_fd_fdstat_set_rights(wsb__wasi_call *call)
{
    wsb__wasi_entry *entry = wsb__wasi_entry_get(call->wasi, wsb__wasi_u32(call, 0));
    uint64_t rights = wsb__wasi_u64(call, 1);
    uint64_t inheriting = wsb__wasi_u64(call, 2);
    if (!entry)
        return WASI_EBADF;
    if ((rights & ~entry->rights) || (inheriting & ~entry->inheriting))
        return WASI_ENOTCAPABLE;
    entry->rights = rights;
    entry->inheriting = inheriting;
    return 0;
}

int wsb__wasi_fd_filestat_get(wsb__wasi_call *call)
{
    const wsb__wasi_entry *entry = wsb__wasi_entry_get(call->wasi, wsb__wasi_u32(call, 0));
    struct stat st = {0};
    if (!entry)
        return WASI_EBADF;
    if (!(entry->rights & WASI_FD_FILESTAT_GET))
        return WASI_ENOTCAPABLE;
    if (entry->kind != WASI__STREAM) {
        if (fstat(entry->fd, &st) != 0)
            return wsb__wasi_errno(errno);
        return wsb__wasi_store_filestat(call, wsb__wasi_u32(call, 1), &st);
    }
    /* A stream tells its type; what else the host's file is, is not the guest's business. */
    uint8_t type = entry_filetype(call->wasi, entry);
    st.st_mode = type == WASI_FILETYPE_CHARACTER_DEVICE ? S_IFCHR
                 : type == WASI_FILETYPE_REGULAR_FILE   ? S_IFREG
                                                        : 0;
    st.st_nlink = 1;
    return wsb__wasi_store_filestat(call, wsb__wasi_u32(call, 1), &st);
}

int wsb__wasi_fd_filestat_set_times(wsb__wasi_call *call)
{
    const wsb__wasi_entry *entry = wsb__wasi_entry_get(call->wasi, wsb__wasi_u32(call, 0));
    struct timespec times[2];
    if (!entry)
        return WASI_EBADF;
    int result = wsb__wasi_times(wsb__wasi_u64(call, 1), wsb__wasi_u64(call, 2),
                                 wsb__wasi_u32(call, 3), times);
    if (result)
        return result;
    if (entry->kind == WASI__STREAM || !(entry->rights & WASI_FD_FILESTAT_SET_TIMES))
        return WASI_ENOTCAPABLE;
    return futimens(entry->fd, times) == 0 ? 0 : wsb__wasi_errno(errno);
}

static int sync_with(wsb__wasi_call *call, uint64_t right, int (*function)(int fd))
{
    const wsb__wasi_entry *entry = wsb__wasi_entry_get(call->wasi, wsb__wasi_u32(call, 0));
    if (!entry)
        return WASI_EBADF;
    if (entry->kind == WASI__STREAM)
        return WASI_EINVAL;
    if (!(entry->rights & right))
        return WASI_ENOTCAPABLE;
    return function(entry->fd) == 0 ? 0 : wsb__wasi_errno(errno);
}

int wsb__wasi_fd_sync(wsb__wasi_call *call)
{
    return sync_with(call, WASI_FD_SYNC, fsync);
}

int wsb__wasi_fd_datasync(wsb__wasi_call *call)
{
    return sync_with(call, WASI_FD_DATASYNC, fdatasync);
}

int wsb__wasi_fd_advise(wsb__wasi_call *call)
{
    static const int advices[] = {POSIX_FADV_NORMAL,   POSIX_FADV_SEQUENTIAL, POSIX_FADV_RANDOM,
                                  POSIX_FADV_WILLNEED, POSIX_FADV_DONTNEED,   POSIX_FADV_NOREUSE};
    wsb__wasi_entry *entry;
    uint64_t offset = wsb__wasi_u64(call, 1);
    uint64_t length = wsb__wasi_u64(call, 2);
    uint32_t advice = wsb__wasi_u32(call, 3);
    int result = wsb__wasi_file(call, wsb__wasi_u32(call, 0), WASI_FD_ADVISE, &entry);
    if (result)
        return result;
    if (advice >= sizeof advices / sizeof *advices || offset > INT64_MAX || length > INT64_MAX ||
        offset + length > INT64_MAX)
        return WASI_EINVAL;
    int error = posix_fadvise(entry->fd, (off_t)offset, (off_t)length, advices[advice]);
    return error ? wsb__wasi_errno(error) : 0;
}

static const wsb__wasi_grant *preopen_of(const wsb__wasi_call *call)
{
    const wsb__wasi_entry *entry = wsb__wasi_entry_get(call->wasi, wsb__wasi_u32(call, 0));
    return entry && entry->kind == WASI__PREOPEN ? wsb__wasi_grant_of(call->wasi, entry) : NULL;
}

int wsb__wasi_fd_prestat_get(wsb__wasi_call *call)
{
    const wsb__wasi_grant *grant = preopen_of(call);
    if (!grant)
        return WASI_EBADF;
    uint8_t *at = wsb__wasi_range(call, wsb__wasi_u32(call, 1), WASI_PRESTAT_SIZE);
    if (!at)
        return WASI_EFAULT;
    memset(at, 0, WASI_PRESTAT_SIZE); /* tag 0: a directory */
    wsb__put32(at + 4, grant->name_length);
    return 0;
}

int wsb__wasi_fd_prestat_dir_name(wsb__wasi_call *call)
{
    const wsb__wasi_grant *grant = preopen_of(call);
    uint32_t length = wsb__wasi_u32(call, 2);
    if (!grant)
        return WASI_EBADF;
    if (length < grant->name_length)
        return WASI_ENAMETOOLONG;
    uint8_t *at = wsb__wasi_range(call, wsb__wasi_u32(call, 1), length);
    if (!at)
        return WASI_EFAULT;
    memcpy(at, grant->name, grant->name_length);
    return 0;
}
