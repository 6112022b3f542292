/* The guest's descriptors: indices into a table that grows with what is open, never with a
 * number that the guest chose. */
#include "core/alloc.h"
#include "host/wasi/internal.h"

#include <unistd.h>

uint64_t wsb__wasi_directory_rights(const wsb_filesystem_capability *capability)
{
    uint64_t rights = WASI_PATH_OPEN | WASI_FD_READDIR | WASI_PATH_READLINK |
                      WASI_PATH_FILESTAT_GET | WASI__FILE_READ_RIGHTS;
    if (capability->access != WSB_FILESYSTEM_READ_WRITE)
        return rights;
    rights |= WASI_PATH_FILESTAT_SET_SIZE | WASI_PATH_FILESTAT_SET_TIMES | WASI_PATH_LINK_SOURCE |
              WASI__FILE_WRITE_RIGHTS;
    if (capability->allow_create)
        rights |= WASI_PATH_CREATE_DIRECTORY | WASI_PATH_CREATE_FILE | WASI_PATH_LINK_TARGET |
                  WASI_PATH_SYMLINK | WASI_PATH_RENAME_TARGET;
    if (capability->allow_delete)
        rights |= WASI_PATH_RENAME_SOURCE | WASI_PATH_REMOVE_DIRECTORY | WASI_PATH_UNLINK_FILE;
    return rights;
}

void wsb__wasi_entry_put(wsb__wasi *wasi, uint32_t number, const wsb__wasi_entry *entry)
{
    wasi->entries[number] = *entry;
    if (number >= wasi->entry_count)
        wasi->entry_count = number + 1;
    while (wasi->lowest_free < wasi->entry_count &&
           wasi->entries[wasi->lowest_free].kind != WASI__FREE)
        wasi->lowest_free++;
}

/* Doubles. What was allocated with the state stays there. */
static bool grow(wsb__wasi *wasi)
{
    if (wasi->entry_capacity > INT32_MAX / 2)
        return false;
    uint32_t capacity = wasi->entry_capacity * 2;
    wsb__wasi_entry *entries = wsb__calloc(capacity, sizeof *entries);
    if (!entries)
        return false;
    memcpy(entries, wasi->entries, sizeof *entries * wasi->entry_count);
    if (wasi->entries != wasi->first_entries)
        wsb__free(wasi->entries);
    wasi->entries = entries;
    wasi->entry_capacity = capacity;
    return true;
}

int wsb__wasi_may_open(const wsb__wasi_call *call)
{
    const wsb__wasi *wasi = call->wasi;
    if (wasi->open_files < wasi->max_open_files)
        return 0;
    wsb__wasi_limit_hit(call, "max_file_descriptors", wsb_cstr(NULL), wasi->open_files + 1,
                        wasi->max_open_files);
    return WASI_ENFILE;
}

int wsb__wasi_entry_add(const wsb__wasi_call *call, const wsb__wasi_entry *entry,
                        uint32_t *out_number)
{
    wsb__wasi *wasi = call->wasi;
    int result = wsb__wasi_may_open(call);
    if (result)
        return result;
    if (wasi->lowest_free == wasi->entry_capacity && !grow(wasi))
        return WASI_ENOMEM;
    *out_number = wasi->lowest_free;
    wsb__wasi_entry_put(wasi, wasi->lowest_free, entry);
    wasi->open_files++;
    wsb_call_context_count(call->context, WSB_COUNTER_FILES_OPEN, 1);
    return 0;
}

void wsb__wasi_entry_close(wsb__wasi *wasi, wsb__wasi_entry *entry)
{
    uint32_t number = (uint32_t)(entry - wasi->entries);
    if (entry->kind != WASI__FREE && entry->kind != WASI__STREAM && entry->fd >= 0)
        close(entry->fd);
    *entry = (wsb__wasi_entry){.kind = WASI__FREE, .fd = -1};
    if (number < wasi->lowest_free)
        wasi->lowest_free = number;
}

void wsb__wasi_table_fini(wsb__wasi *wasi)
{
    for (uint32_t i = 0; i < wasi->entry_count; i++)
        wsb__wasi_entry_close(wasi, &wasi->entries[i]);
    if (wasi->entries != wasi->first_entries)
        wsb__free(wasi->entries);
    wasi->entries = wasi->first_entries;
}

int wsb__wasi_file(wsb__wasi_call *call, uint32_t number, uint64_t rights,
                   wsb__wasi_entry **out_entry)
{
    wsb__wasi_entry *entry = wsb__wasi_entry_get(call->wasi, number);
    if (!entry)
        return WASI_EBADF;
    if (entry->kind == WASI__PREOPEN || entry->kind == WASI__DIRECTORY)
        return WASI_EISDIR;
    if (entry->kind == WASI__STREAM)
        return WASI_ESPIPE;
    if ((entry->rights & rights) != rights) /* not open for that, or given away */
        return rights & (WASI_FD_READ | WASI_FD_WRITE) ? WASI_EBADF : WASI_ENOTCAPABLE;
    *out_entry = entry;
    return 0;
}

int wsb__wasi_directory(wsb__wasi_call *call, uint32_t number, uint64_t rights, wsb_str path,
                        wsb__wasi_entry **out_entry)
{
    wsb__wasi_entry *entry = wsb__wasi_entry_get(call->wasi, number);
    if (!entry)
        return WASI_EBADF;
    if (entry->kind != WASI__PREOPEN && entry->kind != WASI__DIRECTORY)
        return WASI_ENOTDIR;
    if ((entry->rights & rights) == rights) {
        *out_entry = entry;
        return 0;
    }
    const wsb__wasi_grant *grant = wsb__wasi_grant_of(call->wasi, entry);
    if ((grant->rights & rights) == rights)
        return WASI_ENOTCAPABLE; /* the guest gave it away itself */
    wsb__wasi_denied(call, "filesystem", path);
    return grant->writable ? WASI_ENOTCAPABLE : WASI_EROFS;
}

static bool is_counted(const wsb__wasi_entry *entry)
{
    return entry->kind == WASI__FILE || entry->kind == WASI__DIRECTORY;
}

/* Closes an entry that the guest had open. */
static void guest_close(const wsb__wasi_call *call, wsb__wasi_entry *entry)
{
    if (is_counted(entry)) {
        call->wasi->open_files--;
        wsb_call_context_count(call->context, WSB_COUNTER_FILES_OPEN, -1);
    }
    wsb__wasi_entry_close(call->wasi, entry);
}

int wsb__wasi_fd_close(wsb__wasi_call *call)
{
    wsb__wasi_entry *entry = wsb__wasi_entry_get(call->wasi, wsb__wasi_u32(call, 0));
    if (!entry)
        return WASI_EBADF;
    guest_close(call, entry);
    return 0;
}

int wsb__wasi_fd_renumber(wsb__wasi_call *call)
{
    wsb__wasi *wasi = call->wasi;
    uint32_t target = wsb__wasi_u32(call, 1);
    wsb__wasi_entry *from = wsb__wasi_entry_get(wasi, wsb__wasi_u32(call, 0));
    wsb__wasi_entry *to = wsb__wasi_entry_get(wasi, target);
    if (!from || !to)
        return WASI_EBADF;
    if (from == to)
        return 0;
    if (from->kind == WASI__PREOPEN || to->kind == WASI__PREOPEN) {
        wsb__wasi_denied(call, "filesystem", wsb_cstr("a preopened directory keeps its number"));
        return WASI_ENOTSUP;
    }
    guest_close(call, to);
    wsb__wasi_entry moved = *from;
    from->kind = WASI__STREAM; /* owns nothing any more */
    wsb__wasi_entry_close(wasi, from);
    wsb__wasi_entry_put(wasi, target, &moved);
    return 0;
}
