#include "host/wasi/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

/* The kernel gives up with EAGAIN where anything anywhere was renamed while it looked at "..". */
enum { MAX_TRIES = 128 };

static _Atomic int resolver_now;

void wsb__os_set_resolver(wsb__os_resolver resolver)
{
    atomic_store_explicit(&resolver_now, (int)resolver, memory_order_relaxed);
}

static int openat2_once(int dir_fd, const char *path, int flags, mode_t mode)
{
    struct open_how how = {
        .flags = (uint64_t)(unsigned)flags,
        .mode = mode,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    return (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof how);
}

/* Whether the system call is there at all: an EPERM of its own can also mean the file. */
static bool kernel_can(int dir_fd)
{
    int fd = openat2_once(dir_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return errno != ENOSYS && errno != EPERM;
    close(fd);
    return true;
}

int wsb__os_open_beneath(int dir_fd, const char *path, int flags, mode_t mode, int *out_fd)
{
    int how = atomic_load_explicit(&resolver_now, memory_order_relaxed);
    if (how == WSB__OS_RESOLVER_WALK)
        return ENOSYS;
    int fd = -1;
    for (int tries = 0; tries < MAX_TRIES; tries++) {
        fd = openat2_once(dir_fd, path, flags, mode);
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
            break;
    }
    if (fd >= 0) {
        *out_fd = fd;
        return 0;
    }
    int error = errno;
    if ((error == ENOSYS || error == EPERM) && !kernel_can(dir_fd)) {
        wsb__os_set_resolver(WSB__OS_RESOLVER_WALK);
        return ENOSYS;
    }
    return error == ENOSYS ? EIO : error;
}

bool wsb__os_is_process_files(int fd)
{
    struct statfs about;
    return fstatfs(fd, &about) != 0 || about.f_type == PROC_SUPER_MAGIC;
}

int wsb__os_allocate(int fd, uint64_t offset, uint64_t length)
{
    int result;
    do
        result = fallocate(fd, 0, (off_t)offset, (off_t)length);
    while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
}

struct raw_entry {
    uint64_t inode;
    int64_t next;
    uint16_t length;
    uint8_t type;
    char name[];
};

int wsb__os_read_directory(int fd, uint64_t cookie, void *buffer, size_t size, size_t *out_length)
{
    if (cookie > INT64_MAX)
        return EINVAL;
    if (lseek(fd, (off_t)cookie, SEEK_SET) < 0)
        return errno;
    long count = syscall(SYS_getdents64, fd, buffer, size);
    if (count < 0)
        return errno;
    *out_length = (size_t)count;
    return 0;
}

bool wsb__os_next_entry(const uint8_t *buffer, size_t length, size_t *position,
                        wsb__os_entry *out_entry)
{
    const size_t name_at = offsetof(struct raw_entry, name);
    if (*position > length || length - *position <= name_at)
        return false;
    struct raw_entry raw;
    memcpy(&raw, buffer + *position, name_at);
    if (raw.length <= name_at || raw.length > length - *position)
        return false;
    const char *name = (const char *)buffer + *position + name_at;
    *out_entry = (wsb__os_entry){
        .inode = raw.inode,
        .next = (uint64_t)raw.next,
        .type = raw.type,
        .name = name,
        .name_length = strnlen(name, raw.length - name_at),
    };
    *position += raw.length;
    return true;
}

static int transfer_result(ssize_t count, size_t *out_count)
{
    if (count < 0)
        return errno;
    *out_count = (size_t)count;
    return 0;
}

int wsb__os_read(int fd, const struct iovec *iovecs, int count, bool now, size_t *out_count)
{
    return transfer_result(preadv2(fd, iovecs, count, -1, now ? RWF_NOWAIT : 0), out_count);
}

/* A write to a pipe without readers must not kill the host's process with SIGPIPE. */
int wsb__os_write(int fd, const struct iovec *iovecs, int count, bool now, size_t *out_count)
{
    sigset_t pipe_signal;
    sigset_t pending;
    sigset_t before;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    int result = transfer_result(pwritev2(fd, iovecs, count, -1, now ? RWF_NOWAIT : 0), out_count);
    if (result == EPIPE && !sigismember(&pending, SIGPIPE)) {
        const struct timespec at_once = {0, 0};
        while (sigtimedwait(&pipe_signal, NULL, &at_once) < 0 && errno == EINTR)
            continue;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

int wsb__os_rename(int from_fd, const char *from, int to_fd, const char *to, bool replace)
{
    int result = replace ? renameat(from_fd, from, to_fd, to)
                         : renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE);
    return result == 0 ? 0 : errno;
}

int wsb__os_set_times(int path_fd, const struct timespec times[2])
{
    return utimensat(path_fd, "", times, AT_EMPTY_PATH) == 0 ? 0 : errno;
}

int wsb__os_read_link(int fd, const char *name, char *buffer, size_t size, size_t *out_length)
{
    ssize_t length = readlinkat(fd, name, buffer, size);
    if (length < 0)
        return errno;
    *out_length = (size_t)length;
    return 0;
}
