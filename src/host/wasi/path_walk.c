/* Resolves a path beneath a directory where the kernel has no openat2(2): component by component,
 * each opened with O_NOFOLLOW, symbolic links read and followed here, ".." answered from the
 * stack of directories that were walked through. What is held open cannot be swapped. */
#include "host/wasi/internal.h"
#include "host/wasi/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_DEPTH = 128, MAX_LINKS = 40 };

typedef struct walk {
    int flags; /* of the last component */
    uint32_t mode;
    int stack[MAX_DEPTH]; /* the first is the caller's */
    int depth;
    int links;   /* followed, or lost to a race */
    size_t next; /* in `rest` */
    char rest[WASI__PATH_SIZE];
} walk;

static int top(const walk *w)
{
    return w->stack[w->depth - 1];
}

static int push(walk *w, int fd)
{
    if (w->depth == MAX_DEPTH) {
        close(fd);
        return ENAMETOOLONG;
    }
    w->stack[w->depth++] = fd;
    return 0;
}

static int pop(walk *w)
{
    if (w->depth == 1)
        return EXDEV; /* above the directory */
    close(w->stack[--w->depth]);
    return 0;
}

/* Puts a link's text before what is left of the path. */
static int follow(walk *w, int fd, const char *name)
{
    char target[WASI__PATH_SIZE];
    size_t length;
    if (++w->links > MAX_LINKS)
        return ELOOP;
    int error = wsb__os_read_link(fd, name, target, sizeof target, &length);
    if (error)
        return error;
    if (length == 0 || length == sizeof target)
        return ENAMETOOLONG;
    if (target[0] == '/')
        return EXDEV;
    size_t left = strlen(w->rest + w->next);
    if (length + left + 1 > sizeof w->rest)
        return ENAMETOOLONG;
    memmove(w->rest + length, w->rest + w->next, left + 1);
    memcpy(w->rest, target, length);
    w->next = 0;
    return 0;
}

/* Steps into a component that is not the last one. */
static int enter(walk *w, const char *name)
{
    struct stat st;
    int fd = openat(top(w), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int error = fstat(fd, &st) == 0 ? 0 : errno;
    if (!error && S_ISDIR(st.st_mode))
        return push(w, fd);
    if (!error)
        error = S_ISLNK(st.st_mode) ? follow(w, fd, "") : ENOTDIR;
    close(fd);
    return error;
}

static bool is_link(int dir_fd, const char *name)
{
    struct stat st;
    return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

/* An O_PATH descriptor of a link is the link: to be followed it must be looked at. */
static int open_last_path(walk *w, const char *name, bool no_follow, int *out_fd)
{
    struct stat st;
    int fd = openat(top(w), name, (w->flags & ~O_DIRECTORY) | O_NOFOLLOW);
    if (fd < 0)
        return errno;
    int error = fstat(fd, &st) == 0 ? 0 : errno;
    if (!error && S_ISLNK(st.st_mode) && !no_follow) {
        error = follow(w, fd, "");
        close(fd);
        return error ? error : EAGAIN;
    }
    if (!error && (w->flags & O_DIRECTORY) && !S_ISDIR(st.st_mode))
        error = ENOTDIR;
    if (error)
        close(fd);
    else
        *out_fd = fd;
    return error;
}

/* Opens the last component; EAGAIN where it was a link, whose text now is what is left. */
static int open_last(walk *w, const char *name, int *out_fd)
{
    bool no_follow = (w->flags & O_NOFOLLOW) != 0;
    if (w->flags & O_PATH)
        return open_last_path(w, name, no_follow, out_fd);
    int fd = openat(top(w), name, w->flags | O_NOFOLLOW, w->flags & O_CREAT ? w->mode : 0);
    if (fd >= 0) {
        *out_fd = fd;
        return 0;
    }
    int error = errno;
    /* With O_DIRECTORY the kernel calls a link ENOTDIR. */
    if ((error != ELOOP && error != ENOTDIR) || no_follow)
        return error;
    if (error == ENOTDIR && !is_link(top(w), name))
        return error;
    error = follow(w, top(w), name);
    if (error == EINVAL || error == ENOENT)
        return EAGAIN; /* swapped in between; `links` bounds it, the name is given back */
    return error ? error : EAGAIN;
}

/* Takes the next component out of the rest; its length, 0 at the end. `*out_slash` says whether
 * anything stands behind it, `*out_more` whether that is more than slashes. */
static size_t next_component(walk *w, char *name, bool *out_slash, bool *out_more)
{
    while (w->rest[w->next] == '/')
        w->next++;
    size_t length = strcspn(w->rest + w->next, "/");
    if (length > 0 && length <= NAME_MAX)
        memcpy(name, w->rest + w->next, length);
    name[length <= NAME_MAX ? length : 0] = '\0';
    w->next += length;
    *out_slash = w->rest[w->next] == '/';
    size_t after = w->next + strspn(w->rest + w->next, "/");
    *out_more = w->rest[after] != '\0';
    return length;
}

/* One component. `*out_done` where the path ended and *out_fd was opened. */
static int step(walk *w, bool *out_done, int *out_fd)
{
    char name[NAME_MAX + 1];
    bool slash;
    bool more;
    size_t start = w->next;
    size_t length = next_component(w, name, &slash, &more);
    if (length > NAME_MAX)
        return ENAMETOOLONG;
    if (length > 0 && strcmp(name, ".") != 0) {
        if (strcmp(name, "..") == 0)
            return pop(w);
        if (more)
            return enter(w, name);
        if (slash) {
            if (w->flags & O_CREAT)
                return EISDIR;
            w->flags |= O_DIRECTORY;
            w->flags &= ~O_NOFOLLOW; /* "link/" means what the link is to */
        }
        int error = open_last(w, name, out_fd);
        *out_done = error == 0;
        if (error != EAGAIN)
            return error;
        if (w->next != 0 && ++w->links <= MAX_LINKS)
            w->next = start; /* a lost race: the same name again */
        return w->links > MAX_LINKS ? ELOOP : 0;
    }
    if (more)
        return 0;
    /* The path ends in a directory that was walked into: "." or "..". */
    if (w->flags & O_CREAT)
        return EISDIR;
    *out_fd = openat(top(w), ".", w->flags & ~O_NOFOLLOW);
    *out_done = *out_fd >= 0;
    return *out_done ? 0 : errno;
}

int wsb__wasi_walk(int dir_fd, const char *path, int flags, uint32_t mode, int *out_fd)
{
    walk w;
    size_t length = strlen(path);
    if (length == 0)
        return ENOENT;
    if (path[0] == '/')
        return EXDEV;
    if (length >= sizeof w.rest)
        return ENAMETOOLONG;
    w.flags = flags;
    w.mode = mode;
    w.stack[0] = dir_fd;
    w.depth = 1;
    w.links = 0;
    w.next = 0;
    memcpy(w.rest, path, length + 1);
    bool done = false;
    int error = 0;
    while (!done && !error)
        error = step(&w, &done, out_fd);
    while (w.depth > 1)
        close(w.stack[--w.depth]);
    return error;
}
