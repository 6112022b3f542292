#include "child.h"

#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void drain(int fd, char *output, size_t capacity)
{
    char scratch[4096];
    size_t len = 0;
    for (;;) {
        ssize_t count = read(fd, scratch, sizeof scratch);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            break;
        }
        size_t room = capacity - 1 - len;
        size_t take = (size_t)count < room ? (size_t)count : room;
        memcpy(output + len, scratch, take);
        len += take;
    }
    output[len] = 0;
}

double spawn_timed(char *const argv[], char *output, size_t capacity)
{
    int pipes[2];
    posix_spawn_file_actions_t actions;
    pid_t child;
    if (pipe2(pipes, O_CLOEXEC) != 0 || posix_spawn_file_actions_init(&actions) != 0 ||
        posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO) != 0) {
        bench_fail("cannot set up a pipe");
    }
    double start = bench_now_ns();
    int problem = posix_spawnp(&child, argv[0], &actions, NULL, argv, environ);
    if (problem) {
        bench_fail("%s: %s", argv[0], strerror(problem));
    }
    close(pipes[1]);
    drain(pipes[0], output, capacity);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    double elapsed = bench_now_ns() - start;
    close(pipes[0]);
    posix_spawn_file_actions_destroy(&actions);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        bench_fail("%s ended with status 0x%x; it printed: %s", argv[0], (unsigned)status, output);
    }
    return elapsed;
}
