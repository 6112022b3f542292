#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exit_status.h"
#include "text.h"

int cli_open_input(const char *option, const char *path, int *out_exit)
{
    struct stat file;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        bool missing = errno == ENOENT || errno == ENOTDIR;
        cli_fail("%s '%s': %s", option, path, strerror(errno));
        *out_exit = missing ? CLI_EXIT_NOT_FOUND : CLI_EXIT_REFUSED;
        return -1;
    }
    if (fstat(fd, &file) == 0 && S_ISDIR(file.st_mode)) {
        cli_fail("%s '%s' is a directory", option, path);
        close(fd);
        *out_exit = CLI_EXIT_REFUSED;
        return -1;
    }
    return fd;
}

static bool fail(const char *option, const char *path, const char *problem, int *out_exit)
{
    cli_fail("%s '%s': %s", option, path, problem);
    *out_exit = CLI_EXIT_REFUSED;
    return false;
}

/* Room for more: doubled, so that a large pipe is not copied again and again. */
static void grow(wsb_buf *data)
{
    if (data->len == data->capacity) {
        data->capacity = data->capacity ? data->capacity * 2 : (size_t)64 * 1024;
        data->data = cli_reallocate(data->data, data->capacity);
    }
}

bool cli_read_file(const char *option, const char *path, size_t max, wsb_buf *out_data,
                   int *out_exit)
{
    wsb_buf data = WSB_BUF_INIT;
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : cli_open_input(option, path, out_exit);
    ssize_t count = 1;
    int problem = 0;
    if (fd < 0) {
        return false;
    }
    while (count != 0 && data.len <= max && !problem) {
        grow(&data);
        count = read(fd, data.data + data.len, data.capacity - data.len);
        if (count > 0) {
            data.len += (size_t)count;
        } else if (count < 0 && errno != EINTR) {
            problem = errno;
        }
    }
    if (!is_stdin) {
        close(fd);
    }
    if (problem || data.len > max) {
        char size[32];
        char too_large[64];
        cli_format(max, CLI_UNIT_BYTES, size, sizeof size);
        snprintf(too_large, sizeof too_large, "it is larger than %s", size);
        free(data.data);
        return fail(option, path, problem ? strerror(problem) : too_large, out_exit);
    }
    *out_data = data;
    return true;
}
