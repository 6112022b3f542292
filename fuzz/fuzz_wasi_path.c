/* Paths beneath a directory full of links, some of which lead out: the kernel's resolution and
 * our own walk must find the same file or both refuse, and never what lies outside. The first
 * byte chooses how the path is opened, the rest is the path. */
#include "host/wasi/internal.h"
#include "host/wasi/os.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int root = -1;
static struct stat outside[2];

static void must(bool good)
{
    if (!good)
        abort();
}

static void make_file(int dir, const char *name)
{
    int fd = openat(dir, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    must(fd >= 0);
    close(fd);
}

static void set_up(void)
{
    static const char *const links[][2] = {
        {"..", "a/up"},   {"../..", "a/b/out"}, {"/", "slash"},       {"/etc", "etc"},
        {"a/b", "in"},    {".", "here"},        {"l2", "l1"},         {"l1", "l2"},
        {"a/../f", "f2"}, {"nothing", "dead"},  {"../secret", "sec"}, {"a/b/../../in/g", "g2"},
    };
    char folder[] = "/tmp/wsb-fuzz-path-XXXXXX";
    must(mkdtemp(folder) != NULL);
    int top = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    must(top >= 0);
    make_file(top, "secret");
    must(mkdirat(top, "in", 0700) == 0);
    root = openat(top, "in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    must(root >= 0 && mkdirat(root, "a", 0700) == 0 && mkdirat(root, "a/b", 0700) == 0);
    make_file(root, "f");
    make_file(root, "a/b/g");
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        must(symlinkat(links[i][0], root, links[i][1]) == 0);
    must(fstat(top, &outside[0]) == 0 && fstatat(top, "secret", &outside[1], 0) == 0);
    close(top);
}

/* 0 with what was opened, or an errno. */
static int look(wsb__os_resolver resolver, const char *path, int flags, struct stat *out)
{
    int fd;
    wsb__os_set_resolver(resolver);
    int error = wsb__wasi_open_beneath(root, path, flags, 0, &fd);
    if (error)
        return error;
    must(fstat(fd, out) == 0);
    close(fd);
    for (size_t i = 0; i < 2; i++)
        must(out->st_dev != outside[i].st_dev || out->st_ino != outside[i].st_ino);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[WASI__PATH_SIZE];
    struct stat by_kernel = {0};
    struct stat by_walk = {0};
    if (root < 0)
        set_up();
    if (size < 2 || size > 1024)
        return 0;
    memcpy(path, data + 1, size - 1);
    path[size - 1] = '\0';
    int flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    if (data[0] & 1)
        flags = O_PATH | O_CLOEXEC;
    flags |= data[0] & 2 ? O_NOFOLLOW : 0;
    flags |= data[0] & 4 ? O_DIRECTORY : 0;
    int kernel = look(WSB__OS_RESOLVER_KERNEL, path, flags, &by_kernel);
    int walk = look(WSB__OS_RESOLVER_WALK, path, flags, &by_walk);
    must((kernel == 0) == (walk == 0));
    must(kernel != 0 || (by_kernel.st_dev == by_walk.st_dev && by_kernel.st_ino == by_walk.st_ino));
    return 0;
}
