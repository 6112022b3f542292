#include "runtime/code_cache_evict.h"

#include "core/alloc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NAME_LENGTH 64
#define LOCK_NAME ".lock"
/* Nobody writes one file for so long. */
#define TEMP_AGE 3600

typedef struct entry {
    char name[NAME_LENGTH + 1];
    bool kept;
    struct timespec used;
    uint64_t size;
} entry;

typedef struct entry_list {
    entry *entries;
    size_t count;
    size_t capacity;
    uint64_t total;
} entry_list;

static bool is_entry(const char *name)
{
    return strspn(name, "0123456789abcdef") == NAME_LENGTH && name[NAME_LENGTH] == '\0';
}

static bool add(entry_list *list, const char *name, const char *keep, const struct stat *st)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 64;
        entry *entries = wsb__realloc(list->entries, capacity * sizeof *entries);
        if (!entries)
            return false;
        list->entries = entries;
        list->capacity = capacity;
    }
    entry *e = &list->entries[list->count++];
    memcpy(e->name, name, sizeof e->name);
    e->kept = strcmp(name, keep) == 0;
    e->used = st->st_mtim;
    e->size = (uint64_t)st->st_size;
    list->total += e->size;
    return true;
}

/* Entries go onto the list; forgotten temporary files go. */
static bool consider(int folder, const char *name, const char *keep, time_t now, entry_list *list)
{
    struct stat st;
    bool temp = strncmp(name, ".tmp-", 5) == 0;
    if (!temp && !is_entry(name))
        return true;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
        return true;
    if (!temp)
        return add(list, name, keep, &st);
    if (now - st.st_mtim.tv_sec > TEMP_AGE)
        unlinkat(folder, name, 0);
    return true;
}

static void scan(int folder, const char *keep, entry_list *list)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return;
    }
    time_t now = time(NULL);
    for (struct dirent *d = readdir(dir); d; d = readdir(dir))
        if (!consider(folder, d->d_name, keep, now, list))
            break;
    closedir(dir);
}

static int by_use(const void *left, const void *right)
{
    const entry *a = left;
    const entry *b = right;
    if (a->kept != b->kept)
        return a->kept ? 1 : -1;
    if (a->used.tv_sec != b->used.tv_sec)
        return a->used.tv_sec < b->used.tv_sec ? -1 : 1;
    if (a->used.tv_nsec != b->used.tv_nsec)
        return a->used.tv_nsec < b->used.tv_nsec ? -1 : 1;
    return strcmp(a->name, b->name);
}

static void remove_oldest(int folder, uint64_t max_bytes, entry_list *list)
{
    if (list->total <= max_bytes)
        return;
    qsort(list->entries, list->count, sizeof *list->entries, by_use);
    for (size_t i = 0; i < list->count && list->total > max_bytes; i++) {
        /* Gone already is as good. */
        if (unlinkat(folder, list->entries[i].name, 0) == 0 || errno == ENOENT)
            list->total -= list->entries[i].size;
    }
}

void wsb__code_cache_evict(int folder, uint64_t max_bytes, const char *keep)
{
    int lock = openat(folder, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (lock < 0)
        return;
    int locked;
    do
        locked = flock(lock, LOCK_EX);
    while (locked != 0 && errno == EINTR);
    if (locked == 0) {
        entry_list list = {NULL, 0, 0, 0};
        scan(folder, keep, &list);
        remove_oldest(folder, max_bytes, &list);
        wsb__free(list.entries);
    }
    close(lock);
}
