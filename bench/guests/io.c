/* File and clock operations in loops, timed by the program itself. Built twice: as a guest and
 * natively. Prints "name nanoseconds" lines. Argument: a directory to work in. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 4096, BLOCKS = 1000 };

static char block[BLOCK];

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void report(const char *name, double start, int count)
{
    printf("%s %.2f\n", name, (now_ns() - start) / count);
}

static void transfers(int fd, int count)
{
    double start = now_ns();
    for (int i = 0; i < count; i++) {
        if (pwrite(fd, block, BLOCK, (off_t)(i % BLOCKS) * BLOCK) != BLOCK) {
            fail("pwrite");
        }
    }
    report("pwrite", start, count);
    start = now_ns();
    for (int i = 0; i < count; i++) {
        if (pread(fd, block, BLOCK, (off_t)(i % BLOCKS) * BLOCK) != BLOCK) {
            fail("pread");
        }
    }
    report("pread", start, count);
}

static void opens(const char *path, int count)
{
    double start = now_ns();
    for (int i = 0; i < count; i++) {
        int fd = open(path, O_RDONLY);
        if (fd < 0) {
            fail("open");
        }
        close(fd);
    }
    report("open", start, count);
}

static void clocks(int count)
{
    volatile double sink;
    double start = now_ns();
    for (int i = 0; i < count; i++) {
        sink = now_ns();
    }
    (void)sink;
    report("clock", start, count);
}

int main(int argc, char **argv)
{
    char path[256];
    if (argc < 2 || snprintf(path, sizeof path, "%s/io.bin", argv[1]) >= (int)sizeof path) {
        return 2;
    }
    int fd = open(path, O_CREAT | O_RDWR, 0600);
    if (fd < 0) {
        fail("open");
    }
    memset(block, 7, sizeof block);
    for (int i = 0; i < BLOCKS; i++) { /* the file exists in full before anything is timed */
        if (pwrite(fd, block, BLOCK, (off_t)i * BLOCK) != BLOCK) {
            fail("pwrite");
        }
    }
    transfers(fd, 20000);
    opens(path, 10000);
    clocks(100000);
    close(fd);
    return 0;
}
