/* Tries to get out of its directories by every way it knows; says which one worked. Its own
 * directory is "/in", writable; a second, "/ro", is read-only. Outside, beside them, is "secret".
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wasi/libc.h>

static int escapes;

static void worked(const char *how, const char *what)
{
    printf("ESCAPED by %s: %s\n", how, what);
    escapes++;
}

static void try_path(const char *path)
{
    struct stat st;
    char text[256];
    int fd = open(path, O_RDONLY);
    if (fd >= 0) {
        worked("open", path);
        close(fd);
    }
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd >= 0) {
        worked("create", path);
        close(fd);
    }
    if (stat(path, &st) == 0)
        worked("stat", path);
    if (unlink(path) == 0)
        worked("unlink", path);
    if (rmdir(path) == 0)
        worked("rmdir", path);
    if (mkdir(path, 0700) == 0)
        worked("mkdir", path);
    if (rename(path, "/in/taken") == 0 || rename("/in/mine", path) == 0)
        worked("rename", path);
    if (link(path, "/in/taken") == 0 || link("/in/mine", path) == 0)
        worked("link", path);
    if (readlink(path, text, sizeof text) >= 0)
        worked("readlink", path);
    DIR *directory = opendir(path);
    if (directory) {
        worked("opendir", path);
        closedir(directory);
    }
}

static void try_paths(void)
{
    static const char *const paths[] = {
        "/in/../secret",
        "/in/../secret/",
        "/in/sub/../../secret",
        "/in/./.././secret",
        "/secret",
        "/etc/passwd",
        "/in/up/secret",
        "/in/root/etc",
        "/in/magic/etc",
        "/in/mine/../../secret",
        "/in/own_up/secret",
        "/in/up/../secret",
        "/ro/../secret",
        "/ro/out/secret",
        "/in/sub/../up/secret/",
        "../secret",
        "/in//..//secret",
        "/in/up/../../etc/passwd",
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        try_path(paths[i]);
}

static void try_long_paths(void)
{
    static char path[9000];
    strcpy(path, "/in/");
    memset(path + 4, 'x', 300);
    try_path(path);
    for (size_t i = 4; i + 3 < sizeof path; i += 3)
        memcpy(path + i, "../", 3);
    path[8998] = '\0';
    try_path(path);
    path[3000] = '\0';
    try_path(path);
}

static void try_between(void)
{
    if (rename("/ro/file", "/in/taken") == 0 || rename("/in/mine", "/ro/mine") == 0)
        worked("rename", "across");
    if (link("/ro/file", "/in/taken") == 0 || link("/in/mine", "/ro/mine") == 0)
        worked("link", "across");
    if (open("/ro/file", O_WRONLY) >= 0 || open("/ro/new", O_CREAT | O_WRONLY, 0600) >= 0)
        worked("open", "read-only");
    if (unlink("/ro/file") == 0 || mkdir("/ro/dir", 0700) == 0)
        worked("change", "read-only");
}

/* The descriptors themselves: after close, onto and from a preopen. */
static void try_descriptors(void)
{
    int fd = open("/in/mine", O_RDONLY);
    char byte;
    if (fd < 0)
        worked("nothing: cannot open", "/in/mine");
    close(fd);
    if (read(fd, &byte, 1) >= 0 || lseek(fd, 0, SEEK_SET) >= 0)
        worked("use after close", "descriptor");
    for (int number = 3; number < 6; number++) {
        int other = open("/in/mine", O_RDONLY);
        if (__wasilibc_fd_renumber(other, number) == 0 ||
            __wasilibc_fd_renumber(number, other) == 0) {
            if (number < 5)
                worked("renumber", "preopen");
        }
        close(other);
    }
    if (openat(3, "..", O_RDONLY) >= 0 || openat(3, "../secret", O_RDONLY) >= 0)
        worked("openat", "preopen");
}

/* Another process swaps "/in/swap", a directory, with a link that leads out. */
static void try_race(void)
{
    char text[16];
    for (int i = 0; i < 2000; i++) {
        int fd = open("/in/swap/secret", O_RDONLY);
        if (fd < 0)
            continue;
        ssize_t length = read(fd, text, sizeof text);
        if (length >= 6 && memcmp(text, "SECRET", 6) == 0)
            worked("race", "/in/swap/secret");
        close(fd);
    }
}

int main(void)
{
    char text[256];
    if (symlink("/etc", "/in/own_absolute") == 0)
        worked("symlink", "absolute");
    (void)symlink("..", "/in/own_up");
    try_paths();
    try_long_paths();
    if (open("/in/absolute", O_RDONLY) >= 0 || readlink("/in/absolute", text, sizeof text) >= 0)
        worked("open", "/in/absolute");
    try_between();
    try_descriptors();
    try_race();
    printf("%d\n", escapes);
    return escapes ? 1 : 0;
}
