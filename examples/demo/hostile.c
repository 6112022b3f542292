/* What a sandbox is for: each argument is a way to misbehave. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int loop_forever(void)
{
    volatile unsigned long counter = 0;
    for (;;) {
        counter = counter + 1;
    }
}

static int eat_memory(void)
{
    for (size_t eaten = 0;; eaten++) {
        char *megabyte = malloc(1 << 20);
        if (!megabyte) {
            fprintf(stderr, "guest: no more after %zu MiB\n", eaten);
            abort();
        }
        /* Read back later by nobody; volatile keeps the compiler from noticing. */
        for (volatile char *byte = megabyte; byte < megabyte + (1 << 20); byte += 4096) {
            *byte = 1;
        }
    }
}

static int complain(const char *what)
{
    fprintf(stderr, "guest: %s: %s\n", what, strerror(errno));
    return 1;
}

static int write_outside(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0 || write(fd, "owned\n", 6) != 6) {
        return complain(path);
    }
    puts("guest: written!");
    return 0;
}

static int read_through_link(const char *target)
{
    char buffer[100];
    if (symlink(target, "/box/link") != 0) {
        complain("symlink");
    }
    int fd = open("/box/link", O_RDONLY);
    ssize_t count = fd < 0 ? -1 : read(fd, buffer, sizeof buffer);
    if (count < 0) {
        return complain("/box/link");
    }
    printf("guest: read %.*s\n", (int)count, buffer);
    return 0;
}

static int sleep_long(void)
{
    struct timespec hour = {3600, 0};
    return nanosleep(&hour, NULL) != 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "loop") == 0) {
        return loop_forever();
    }
    if (strcmp(what, "memory") == 0) {
        return eat_memory();
    }
    if (strcmp(what, "sleep") == 0) {
        return sleep_long();
    }
    if (strcmp(what, "write") == 0 && argc == 3) {
        return write_outside(argv[2]);
    }
    if (strcmp(what, "link") == 0 && argc == 3) {
        return read_through_link(argv[2]);
    }
    return 99;
}
