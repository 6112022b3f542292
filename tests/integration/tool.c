/* The guest of the integration tests: does one thing to the outside world, named by its first
 * argument, and tells what came of it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int result(int value)
{
    if (value < 0) {
        fprintf(stderr, "guest: %s\n", strerror(errno));
        return 1;
    }
    return 0;
}

static int cat(int fd)
{
    char buffer[4096];
    ssize_t count;
    while ((count = read(fd, buffer, sizeof buffer)) > 0) {
        if (write(1, buffer, (size_t)count) != count) {
            return result(-1);
        }
    }
    return result((int)count);
}

static int write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0) {
        return result(-1);
    }
    while (*text) {
        ssize_t written = write(fd, text, strlen(text));
        if (written < 0) {
            return result(-1);
        }
        text += written;
    }
    return result(close(fd));
}

static int list(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    if (!dir) {
        return result(-1);
    }
    while ((entry = readdir(dir))) {
        puts(entry->d_name);
    }
    return 0;
}

static int flood(long count)
{
    static char buffer[65536]; /* wasm-ld gives 64 KiB of stack */
    memset(buffer, 'x', sizeof buffer);
    while (count > 0) {
        size_t next = count < (long)sizeof buffer ? (size_t)count : sizeof buffer;
        ssize_t written = write(1, buffer, next);
        if (written < 0) {
            return result(-1);
        }
        count -= written;
    }
    return 0;
}

static int open_many(const char *path, int count)
{
    int opened = 0;
    while (opened < count && open(path, O_RDONLY) >= 0) {
        opened++;
    }
    printf("%d\n", opened);
    return opened == count ? 0 : result(-1);
}

static int print_all(char **texts)
{
    for (; *texts; texts++) {
        puts(*texts);
    }
    return 0;
}

static int numbers(void)
{
    unsigned char bytes[16];
    if (getentropy(bytes, sizeof bytes) != 0) {
        return result(-1);
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        printf("%02x", bytes[i]);
    }
    return puts("") < 0;
}

static int sleep_for(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    puts("asleep");
    fflush(stdout);
    return result(nanosleep(&time, NULL));
}

static int two_paths(const char *what, const char *from, const char *to)
{
    if (strcmp(what, "write") == 0) {
        return write_file(from, to);
    }
    if (strcmp(what, "rename") == 0) {
        return result(rename(from, to));
    }
    if (strcmp(what, "symlink") == 0) {
        return result(symlink(from, to));
    }
    if (strcmp(what, "link") == 0) {
        return result(link(from, to));
    }
    return strcmp(what, "many") == 0 ? open_many(from, atoi(to)) : 99;
}

static int one_path(const char *what, const char *path)
{
    struct stat info;
    if (strcmp(what, "cat") == 0) {
        int fd = open(path, O_RDONLY);
        return fd < 0 ? result(fd) : cat(fd);
    }
    if (strcmp(what, "list") == 0) {
        return list(path);
    }
    if (strcmp(what, "stat") == 0) {
        return result(stat(path, &info));
    }
    if (strcmp(what, "delete") == 0) {
        return result(unlink(path));
    }
    if (strcmp(what, "mkdir") == 0) {
        return result(mkdir(path, 0777));
    }
    if (strcmp(what, "flood") == 0) {
        return flood(atol(path));
    }
    return strcmp(what, "sleep") == 0 ? sleep_for(atol(path)) : 99;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "args") == 0) {
        return print_all(argv);
    }
    if (strcmp(what, "env") == 0) {
        return print_all(environ);
    }
    if (strcmp(what, "stdin") == 0) {
        return cat(0);
    }
    if (strcmp(what, "random") == 0) {
        return numbers();
    }
    if (strcmp(what, "time") == 0) {
        return printf("%ld\n", (long)time(NULL)) < 0;
    }
    if (argc == 4) {
        return two_paths(what, argv[2], argv[3]);
    }
    return argc == 3 ? one_path(what, argv[2]) : 99;
}
