/* What is done to names. Each resolves the directory that holds the name beneath the guest's
 * descriptor, then works on that one component, which no call here follows. */
#include "host/wasi/internal.h"
#include "host/wasi/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A path argument with its directory and last component. */
typedef struct target {
    wsb__wasi_entry *entry;
    wsb__wasi_leaf leaf;
    wsb__wasi_path path;
} target;

/* Descriptor, address and length are the arguments `fd`, `at` and `at` + 1. */
static int find_entry(wsb__wasi_call *call, size_t fd, size_t at, uint64_t right, target *out)
{
    int result =
        wsb__wasi_load_path(call, wsb__wasi_u32(call, at), wsb__wasi_u32(call, at + 1), &out->path);
    return result ? result
                  : wsb__wasi_directory(call, wsb__wasi_u32(call, fd), right,
                                        wsb__wasi_path_view(&out->path), &out->entry);
}

static int find_leaf(wsb__wasi_call *call, size_t fd, size_t at, uint64_t right, int dots_errno,
                     target *out)
{
    int result = find_entry(call, fd, at, right, out);
    return result ? result
                  : wsb__wasi_resolve_leaf(call, out->entry, &out->path, dots_errno, &out->leaf);
}

/* Closes the directory after the last call on it. */
static int done(target *t, int host_result)
{
    int result = host_result == 0 ? 0 : wsb__wasi_errno(errno);
    wsb__wasi_leaf_close(&t->leaf);
    return result;
}

int wsb__wasi_path_create_directory(wsb__wasi_call *call)
{
    target t;
    int result = find_leaf(call, 0, 1, WASI_PATH_CREATE_DIRECTORY, WASI_EEXIST, &t);
    return result ? result : done(&t, mkdirat(t.leaf.fd, t.leaf.name, 0777));
}

int wsb__wasi_path_remove_directory(wsb__wasi_call *call)
{
    target t;
    int result = find_leaf(call, 0, 1, WASI_PATH_REMOVE_DIRECTORY, WASI_EINVAL, &t);
    return result ? result : done(&t, unlinkat(t.leaf.fd, t.leaf.name, AT_REMOVEDIR));
}

int wsb__wasi_path_unlink_file(wsb__wasi_call *call)
{
    target t;
    int result = find_leaf(call, 0, 1, WASI_PATH_UNLINK_FILE, WASI_EISDIR, &t);
    return result ? result : done(&t, unlinkat(t.leaf.fd, t.leaf.name, 0));
}

/* A link's text must not name a path of the host, when it is made or when it is read. */
static int check_link_text(const wsb__wasi_call *call, const char *text, size_t length)
{
    if (length == 0 || text[0] != '/')
        return 0;
    wsb__wasi_denied(call, "filesystem", (wsb_str){text, length});
    return WASI_ENOTCAPABLE;
}

int wsb__wasi_path_symlink(wsb__wasi_call *call)
{
    wsb__wasi_path text; /* refuses an absolute one */
    target t;
    int result = wsb__wasi_load_path(call, wsb__wasi_u32(call, 0), wsb__wasi_u32(call, 1), &text);
    if (!result)
        result = find_leaf(call, 2, 3, WASI_PATH_SYMLINK, WASI_EEXIST, &t);
    if (result)
        return result;
    /* A link's text is data like a file's. */
    result = wsb__wasi_charge_write(call, text.length);
    if (!result)
        return done(&t, symlinkat(text.text, t.leaf.fd, t.leaf.name));
    wsb__wasi_leaf_close(&t.leaf);
    return result;
}

int wsb__wasi_path_readlink(wsb__wasi_call *call)
{
    char text[WASI__PATH_SIZE];
    size_t length;
    target t;
    uint32_t room = wsb__wasi_u32(call, 4);
    uint8_t *out = wsb__wasi_range(call, wsb__wasi_u32(call, 3), room);
    if (!out || !wsb__wasi_range(call, wsb__wasi_u32(call, 5), 4))
        return WASI_EFAULT;
    int result = find_leaf(call, 0, 1, WASI_PATH_READLINK, WASI_EINVAL, &t);
    if (result)
        return result;
    /* The kernel would follow "link/", out of the directory too. */
    int error = strchr(t.leaf.name, '/')
                    ? EINVAL
                    : wsb__os_read_link(t.leaf.fd, t.leaf.name, text, sizeof text, &length);
    wsb__wasi_leaf_close(&t.leaf);
    if (error)
        return wsb__wasi_errno(error);
    result = check_link_text(call, text, length);
    if (result)
        return result;
    if (length > room)
        length = room;
    memcpy(out, text, length);
    return wsb__wasi_store32(call, wsb__wasi_u32(call, 5), (uint32_t)length);
}

/* Between two grants only what neither could not do by itself: a small-file grant must not lend
 * its file to one that may write large ones. */
static int check_two_grants(const wsb__wasi_call *call, const target *from, const target *to)
{
    const wsb__wasi_grant *a = wsb__wasi_grant_of(call->wasi, from->entry);
    const wsb__wasi_grant *b = wsb__wasi_grant_of(call->wasi, to->entry);
    if (a == b || a->max_size == b->max_size)
        return 0;
    wsb__wasi_denied(call, "filesystem", wsb__wasi_path_view(&to->path));
    return WASI_EXDEV;
}

static int link_resolved(target *from, target *to)
{
    /* "file/" never names a file, and the kernel would follow "link/". */
    const char *slash = strchr(from->leaf.name, '/');
    if (slash) {
        struct stat st;
        char name[NAME_MAX + 1];
        size_t length = (size_t)(slash - from->leaf.name);
        if (length > NAME_MAX)
            return WASI_ENAMETOOLONG;
        memcpy(name, from->leaf.name, length);
        name[length] = '\0';
        if (fstatat(from->leaf.fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            return wsb__wasi_errno(errno);
        return S_ISDIR(st.st_mode) ? WASI_EPERM : WASI_ENOTDIR;
    }
    if (linkat(from->leaf.fd, from->leaf.name, to->leaf.fd, to->leaf.name, 0) != 0)
        return wsb__wasi_errno(errno);
    return 0;
}

int wsb__wasi_path_link(wsb__wasi_call *call)
{
    target from;
    target to;
    if (wsb__wasi_u32(call, 1) != 0)
        return WASI_EINVAL; /* a link to what a link is to cannot be made without a race */
    int result = find_leaf(call, 0, 2, WASI_PATH_LINK_SOURCE, WASI_EPERM, &from);
    if (result)
        return result;
    result = find_leaf(call, 4, 5, WASI_PATH_LINK_TARGET, WASI_EEXIST, &to);
    if (!result) {
        result = check_two_grants(call, &from, &to);
        if (!result)
            result = link_resolved(&from, &to);
        wsb__wasi_leaf_close(&to.leaf);
    }
    wsb__wasi_leaf_close(&from.leaf);
    return result;
}

int wsb__wasi_path_rename(wsb__wasi_call *call)
{
    target from;
    target to;
    int result = find_leaf(call, 0, 1, WASI_PATH_RENAME_SOURCE, WASI_EBUSY, &from);
    if (result)
        return result;
    result = find_leaf(call, 3, 4, WASI_PATH_RENAME_TARGET, WASI_EBUSY, &to);
    if (!result) {
        result = check_two_grants(call, &from, &to);
        if (!result) {
            /* To replace a file is to delete it. */
            uint64_t rights = wsb__wasi_grant_of(call->wasi, to.entry)->rights;
            int error = wsb__os_rename(from.leaf.fd, from.leaf.name, to.leaf.fd, to.leaf.name,
                                       (rights & WASI_PATH_UNLINK_FILE) != 0);
            result = error ? wsb__wasi_errno(error) : 0;
        }
        wsb__wasi_leaf_close(&to.leaf);
    }
    wsb__wasi_leaf_close(&from.leaf);
    return result;
}

/* Opens what a path names, for looking at it only. */
static int open_path(wsb__wasi_call *call, const target *t, uint32_t lookup, int *out_fd)
{
    int flags = O_PATH | O_CLOEXEC | (lookup & WASI_LOOKUP_SYMLINK_FOLLOW ? 0 : O_NOFOLLOW);
    int error = wsb__wasi_open_beneath(t->entry->fd, t->path.text, flags, 0, out_fd);
    return error ? wsb__wasi_path_failed(call, error, wsb__wasi_path_view(&t->path)) : 0;
}

/* One component that is no link needs no resolution: one system call instead of three. */
static bool stat_directly(const target *t, uint32_t lookup, struct stat *out)
{
    if (strchr(t->path.text, '/') || strcmp(t->path.text, "..") == 0)
        return false;
    if (fstatat(t->entry->fd, t->path.text, out, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    return !S_ISLNK(out->st_mode) || !(lookup & WASI_LOOKUP_SYMLINK_FOLLOW);
}

int wsb__wasi_path_filestat_get(wsb__wasi_call *call)
{
    target t;
    struct stat st;
    uint32_t lookup = wsb__wasi_u32(call, 1);
    int result = find_entry(call, 0, 2, WASI_PATH_FILESTAT_GET, &t);
    if (result)
        return result;
    if (!stat_directly(&t, lookup, &st)) {
        int fd;
        result = open_path(call, &t, lookup, &fd);
        if (result)
            return result;
        result = fstat(fd, &st) == 0 ? 0 : wsb__wasi_errno(errno);
        close(fd);
    }
    return result ? result : wsb__wasi_store_filestat(call, wsb__wasi_u32(call, 4), &st);
}

int wsb__wasi_path_filestat_set_times(wsb__wasi_call *call)
{
    target t;
    struct timespec times[2];
    int fd;
    int result = wsb__wasi_times(wsb__wasi_u64(call, 4), wsb__wasi_u64(call, 5),
                                 wsb__wasi_u32(call, 6), times);
    if (!result)
        result = find_entry(call, 0, 2, WASI_PATH_FILESTAT_SET_TIMES, &t);
    if (!result)
        result = open_path(call, &t, wsb__wasi_u32(call, 1), &fd);
    if (result)
        return result;
    int error = wsb__os_set_times(fd, times);
    close(fd);
    return error ? wsb__wasi_errno(error) : 0;
}
