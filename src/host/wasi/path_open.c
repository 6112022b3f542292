/* path_open: what the capability, the directory's rights and the asked-for rights have in common.
 */
#include "host/wasi/internal.h"
#include "host/wasi/os.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is asked, and what of it will be done. */
typedef struct open_request {
    const wsb__wasi_entry *parent;
    const wsb__wasi_grant *grant;
    uint32_t oflags;
    uint16_t fdflags;
    uint64_t rights;
    uint64_t inheriting;
    int flags;        /* open(2) */
    bool create_lost; /* O_CREAT was asked for and is denied: only what exists is opened */
} open_request;

static int access_flags(uint64_t rights)
{
    if (!(rights & WASI_FD_WRITE))
        return O_RDONLY;
    return rights & WASI_FD_READ ? O_RDWR : O_WRONLY;
}

static int host_flags(const open_request *request, bool follow)
{
    /* Not blocking: opening a FIFO must not hang; for files it means nothing. */
    int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    flags |= follow ? 0 : O_NOFOLLOW;
    flags |= access_flags(request->rights);
    if (request->oflags & WASI_OFLAG_DIRECTORY)
        return flags | O_DIRECTORY; /* for writing: the kernel says EISDIR */
    flags |= request->oflags & WASI_OFLAG_CREAT ? O_CREAT : 0;
    flags |= request->oflags & WASI_OFLAG_EXCL ? O_EXCL : 0;
    flags |= request->oflags & WASI_OFLAG_TRUNC ? O_TRUNC : 0;
    flags |= request->fdflags & WASI_FDFLAG_APPEND ? O_APPEND : 0;
    flags |= request->fdflags & WASI_FDFLAG_DSYNC ? O_DSYNC : 0;
    flags |= request->fdflags & (WASI_FDFLAG_SYNC | WASI_FDFLAG_RSYNC) ? O_SYNC : 0;
    return flags;
}

static int denied(const wsb__wasi_call *call, const open_request *request, wsb_str path)
{
    wsb__wasi_denied(call, "filesystem", path);
    return request->grant->writable ? WASI_ENOTCAPABLE : WASI_EROFS;
}

/* Checks the rights of creating, truncating and writing. */
static int check_rights(const wsb__wasi_call *call, open_request *request, wsb_str path)
{
    const wsb__wasi_entry *parent = request->parent;
    if (request->oflags & WASI_OFLAG_TRUNC) {
        if (!(request->grant->rights & WASI_PATH_FILESTAT_SET_SIZE))
            return denied(call, request, path);
        if (!(parent->rights & WASI_PATH_FILESTAT_SET_SIZE))
            return WASI_ENOTCAPABLE;
    }
    if (request->oflags & WASI_OFLAG_CREAT) {
        request->create_lost = !(request->grant->rights & WASI_PATH_CREATE_FILE);
        if (!request->create_lost && !(parent->rights & WASI_PATH_CREATE_FILE))
            return WASI_ENOTCAPABLE;
        if (request->create_lost && (request->oflags & WASI_OFLAG_EXCL))
            return denied(call, request, path);
    }
    if (request->oflags & WASI_OFLAG_DIRECTORY)
        return 0;
    uint64_t access = request->rights & (WASI_FD_READ | WASI_FD_WRITE);
    if (access & ~parent->inheriting)
        return WASI_ENOTCAPABLE;
    return access & ~request->grant->rights ? denied(call, request, path) : 0;
}

static int prepare(wsb__wasi_call *call, const wsb__wasi_path *path, open_request *request)
{
    uint32_t oflags = wsb__wasi_u32(call, 4);
    uint32_t fdflags = wsb__wasi_u32(call, 7);
    uint32_t lookup = wsb__wasi_u32(call, 1);
    const uint32_t only_files = WASI_OFLAG_CREAT | WASI_OFLAG_EXCL | WASI_OFLAG_TRUNC;
    if ((oflags & ~(uint32_t)WASI_OFLAGS_ALL) || (fdflags & ~(uint32_t)WASI_FDFLAGS_ALL) ||
        (lookup & ~(uint32_t)WASI_LOOKUP_SYMLINK_FOLLOW))
        return WASI_EINVAL;
    if ((oflags & WASI_OFLAG_DIRECTORY) && (oflags & only_files))
        return WASI_EINVAL;
    request->oflags = oflags;
    request->fdflags = (uint16_t)fdflags;
    request->rights = wsb__wasi_u64(call, 5);
    request->inheriting = wsb__wasi_u64(call, 6);
    request->grant = wsb__wasi_grant_of(call->wasi, request->parent);
    request->create_lost = false;
    int result = check_rights(call, request, wsb__wasi_path_view(path));
    if (result)
        return result;
    request->flags = host_flags(request, (lookup & WASI_LOOKUP_SYMLINK_FOLLOW) != 0);
    if (request->create_lost)
        request->flags &= ~O_CREAT;
    return wsb__wasi_may_open(call);
}

/* A process's memory and secrets are files of procfs, also those of the host: /proc/self/mem is a
 * regular file that writes where no page may be written. Looked at once for each file system. */
static bool is_plain_file(wsb__wasi_grant *grant, int fd, const struct stat *st)
{
    if (!S_ISREG(st->st_mode))
        return false;
    if (grant->plain_device == st->st_dev)
        return true;
    if (wsb__os_is_process_files(fd))
        return false;
    grant->plain_device = st->st_dev;
    return true;
}

/* The entry of what was opened. Only files and directories are given to a guest: a FIFO, socket
 * or device could block or do anything. */
static int make_entry(const wsb__wasi *wasi, const open_request *request, int fd,
                      wsb__wasi_entry *out)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return wsb__wasi_errno(errno);
    uint64_t possible = request->parent->inheriting & request->grant->rights;
    *out = (wsb__wasi_entry){.fd = fd, .grant = request->parent->grant};
    if (S_ISDIR(st.st_mode)) {
        out->kind = WASI__DIRECTORY;
        out->rights = request->rights & possible & WASI__DIRECTORY_RIGHTS;
        out->inheriting = request->inheriting & request->parent->inheriting;
        return 0;
    }
    if (!is_plain_file(&wasi->grants[out->grant], fd, &st))
        return WASI_ENOTSUP;
    out->kind = WASI__FILE;
    out->flags = request->fdflags;
    out->rights = request->rights & possible & WASI__FILE_RIGHTS;
    return 0;
}

/* What was opened may have been created: where the rest fails it stays, as with any open(2). */
static int add(wsb__wasi_call *call, const open_request *request, const wsb__wasi_path *path,
               int fd)
{
    wsb__wasi_entry entry;
    uint32_t number = 0;
    int result = make_entry(call->wasi, request, fd, &entry);
    if (result == WASI_ENOTSUP)
        wsb__wasi_denied(call, "filesystem", wsb__wasi_path_view(path));
    if (!result)
        result = wsb__wasi_entry_add(call, &entry, &number);
    if (result) {
        close(fd);
        return result;
    }
    return wsb__wasi_store32(call, wsb__wasi_u32(call, 8), number);
}

int wsb__wasi_path_open(wsb__wasi_call *call)
{
    wsb__wasi_path path;
    wsb__wasi_entry *parent;
    open_request request;
    int result = wsb__wasi_load_path(call, wsb__wasi_u32(call, 2), wsb__wasi_u32(call, 3), &path);
    if (result)
        return result;
    if (!wsb__wasi_range(call, wsb__wasi_u32(call, 8), 4))
        return WASI_EFAULT;
    result = wsb__wasi_directory(call, wsb__wasi_u32(call, 0), WASI_PATH_OPEN,
                                 wsb__wasi_path_view(&path), &parent);
    if (result)
        return result;
    request.parent = parent;
    result = prepare(call, &path, &request);
    if (result)
        return result;
    int fd;
    uint32_t mode = request.flags & O_CREAT ? 0666 : 0;
    int error = wsb__wasi_open_beneath(parent->fd, path.text, request.flags, mode, &fd);
    if (error == ENOENT && request.create_lost)
        return denied(call, &request, wsb__wasi_path_view(&path));
    if (error)
        return wsb__wasi_path_failed(call, error, wsb__wasi_path_view(&path));
    return add(call, &request, &path, fd);
}
