/* Paths of the guest: taken over, resolved beneath a directory, and cut before their last
 * component for everything that does not open. */
#include "host/wasi/internal.h"
#include "host/wasi/os.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int wsb__wasi_load_path(const wsb__wasi_call *call, uint32_t offset, uint32_t length,
                        wsb__wasi_path *out)
{
    const uint8_t *bytes = wsb__wasi_range(call, offset, length);
    if (!bytes)
        return WASI_EFAULT;
    if (length == 0)
        return WASI_ENOENT;
    if (length >= sizeof out->text)
        return WASI_ENAMETOOLONG;
    memcpy(out->text, bytes, length);
    out->text[length] = '\0';
    out->length = length;
    if (memchr(out->text, 0, length))
        return WASI_EINVAL;
    if (out->text[0] != '/')
        return 0;
    wsb__wasi_denied(call, "filesystem", wsb__wasi_path_view(out));
    return WASI_ENOTCAPABLE;
}

int wsb__wasi_open_beneath(int dir_fd, const char *path, int flags, uint32_t mode, int *out_fd)
{
    int error = wsb__os_open_beneath(dir_fd, path, flags, mode, out_fd);
    return error == ENOSYS ? wsb__wasi_walk(dir_fd, path, flags, mode, out_fd) : error;
}

int wsb__wasi_path_failed(const wsb__wasi_call *call, int host_errno, wsb_str path)
{
    if (host_errno != EXDEV)
        return wsb__wasi_errno(host_errno);
    wsb__wasi_denied(call, "filesystem", path);
    return WASI_ENOTCAPABLE;
}

static bool is_dots(const char *name, size_t length)
{
    return (length == 1 && name[0] == '.') || (length == 2 && name[0] == '.' && name[1] == '.');
}

int wsb__wasi_resolve_leaf(const wsb__wasi_call *call, const wsb__wasi_entry *entry,
                           wsb__wasi_path *path, int dots_errno, wsb__wasi_leaf *out)
{
    size_t end = path->length;
    while (end > 1 && path->text[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && path->text[start - 1] != '/')
        start--;
    if (is_dots(path->text + start, end - start))
        return dots_errno;
    if (path->length > end + 1)
        path->text[end + 1] = '\0'; /* one slash behind says all that many would */
    *out = (wsb__wasi_leaf){.fd = entry->fd, .owned = false, .name = path->text + start};
    if (start == 0)
        return 0;
    path->text[start - 1] = '\0';
    int error = wsb__wasi_open_beneath(entry->fd, path->text, O_PATH | O_DIRECTORY | O_CLOEXEC, 0,
                                       &out->fd);
    out->owned = error == 0;
    return error ? wsb__wasi_path_failed(call, error, wsb_cstr(path->text)) : 0;
}

void wsb__wasi_leaf_close(wsb__wasi_leaf *leaf)
{
    if (leaf->owned)
        close(leaf->fd);
    leaf->owned = false;
}
