/* Reading directories. A cookie is the kernel's own position: it stays good when entries before
 * or behind it are deleted, and nothing has to be remembered between calls. */
#include "host/wasi/internal.h"
#include "host/wasi/os.h"

#include <dirent.h>
#include <errno.h>

/* How much is emitted before the deadline is looked at again. */
enum { STEP = 256 * 1024, BUFFER = 16 * 1024 };

static uint8_t filetype(uint8_t type)
{
    switch (type) {
    case DT_REG:
        return WASI_FILETYPE_REGULAR_FILE;
    case DT_DIR:
        return WASI_FILETYPE_DIRECTORY;
    case DT_LNK:
        return WASI_FILETYPE_SYMBOLIC_LINK;
    case DT_CHR:
        return WASI_FILETYPE_CHARACTER_DEVICE;
    case DT_BLK:
        return WASI_FILETYPE_BLOCK_DEVICE;
    case DT_SOCK:
        return WASI_FILETYPE_SOCKET_STREAM;
    default:
        return WASI_FILETYPE_UNKNOWN;
    }
}

static uint64_t put(uint8_t *out, uint64_t used, uint64_t room, const void *data, uint64_t length)
{
    uint64_t part = length < room - used ? length : room - used;
    memcpy(out + used, data, part);
    return used + part;
}

/* An entry that does not fit is cut: that is how the guest knows that there is more. */
static uint64_t emit(uint8_t *out, uint64_t used, uint64_t room, const wsb__os_entry *entry)
{
    uint8_t head[WASI_DIRENT_SIZE] = {0};
    bool above = entry->name_length == 2 && memcmp(entry->name, "..", 2) == 0;
    wsb__put64(head, entry->next);
    /* What lies above may be outside. */
    wsb__put64(head + 8, above ? 0 : entry->inode);
    wsb__put32(head + 16, (uint32_t)entry->name_length);
    head[20] = filetype(entry->type);
    used = put(out, used, room, head, sizeof head);
    return put(out, used, room, entry->name, entry->name_length);
}

/* Emits one buffer's worth. `*out_end`: there is nothing behind. */
static int read_some(int fd, uint8_t *out, uint64_t room, uint64_t *used, uint64_t *cookie,
                     bool *out_end)
{
    _Alignas(8) uint8_t buffer[BUFFER];
    size_t length;
    int error = wsb__os_read_directory(fd, *cookie, buffer, sizeof buffer, &length);
    if (error)
        return error == EBADF ? WASI_EACCES : wsb__wasi_errno(error); /* may be searched only */
    *out_end = length == 0;
    size_t position = 0;
    wsb__os_entry entry;
    while (*used < room && wsb__os_next_entry(buffer, length, &position, &entry)) {
        *used = emit(out, *used, room, &entry);
        *cookie = entry.next;
    }
    return 0;
}

int wsb__wasi_fd_readdir(wsb__wasi_call *call)
{
    wsb__wasi *wasi = call->wasi;
    wsb__wasi_entry *entry;
    uint64_t room = wsb__wasi_u32(call, 2);
    uint8_t *out = wsb__wasi_range(call, wsb__wasi_u32(call, 1), room);
    if (!out || !wsb__wasi_range(call, wsb__wasi_u32(call, 4), 4))
        return WASI_EFAULT;
    int result =
        wsb__wasi_directory(call, wsb__wasi_u32(call, 0), WASI_FD_READDIR, wsb_cstr(NULL), &entry);
    if (result)
        return result;
    if (!call->resumed) {
        wasi->progress = 0;
        wasi->progress_cookie = wsb__wasi_u64(call, 3);
    }
    uint64_t stop = wasi->progress + STEP;
    bool end = false;
    while (!result && !end && wasi->progress < room) {
        if (wasi->progress >= stop)
            return wsb__wasi_breathe(call);
        result = read_some(entry->fd, out, room, &wasi->progress, &wasi->progress_cookie, &end);
    }
    if (result)
        return result;
    return wsb__wasi_store32(call, wsb__wasi_u32(call, 4), (uint32_t)wasi->progress);
}
