#include "runtime/file.h"

#include "core/alloc.h"
#include "core/auto.h"
#include "core/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <wasm_sandbox/plugin/error.h>

enum { CHUNK = 65536 };

static wsb_status failed(wsb_str path, int error, uint64_t max, wsb_error **out_error)
{
    wsb_status status = error == ENOENT || error == ENOTDIR ? WSB_ERROR_NOT_FOUND
                        : error == EACCES || error == EPERM ? WSB_ERROR_ACCESS_DENIED
                        : error == EISDIR                   ? WSB_ERROR_INVALID_ARGUMENT
                        : error == ENOMEM                   ? WSB_ERROR_OUT_OF_MEMORY
                        : error == EFBIG                    ? WSB_ERROR_LIMIT_EXCEEDED
                                                            : WSB_ERROR_IO;
    wsb_error_details details = {.operation = "read file"};
    if (error == EFBIG) {
        details.subject = "max_module_size";
        details.allowed = max;
    }
    char text[128];
    return wsb_error_set(out_error, status, &details, "read file '%.*s': %s", (int)path.len,
                         path.data, strerror_r(error, text, sizeof text));
}

/* 0, or an errno. */
static int read_all(int fd, uint64_t max, size_t expected, wsb_buf *data)
{
    size_t chunk = expected < CHUNK ? CHUNK : expected + 1;
    for (;;) {
        if (wsb__buf_reserve(data, chunk, SIZE_MAX) != WSB_OK) {
            return ENOMEM;
        }
        ssize_t got = read(fd, data->data + data->len, chunk);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return errno;
        }
        if (got == 0) {
            return 0;
        }
        data->len += (size_t)got;
        data->data[data->len] = 0;
        if (data->len > max) {
            return EFBIG;
        }
        chunk = CHUNK;
    }
}

wsb_status wsb__file_read(wsb_str path, uint64_t max, wsb_buf *out_data, wsb_error **out_error)
{
    WSB_AUTO_BUF data = WSB_BUF_INIT;
    struct stat info;
    if (path.len == 0 || memchr(path.data, 0, path.len) != NULL) {
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "read file: the path is empty or has a NUL byte");
    }
    char *terminated = wsb__str_dup(path);
    if (terminated == NULL) {
        return failed(path, ENOMEM, max, out_error);
    }
    int fd = open(terminated, O_RDONLY | O_CLOEXEC);
    int error = fd < 0 ? errno : 0;
    wsb__free(terminated);
    if (error == 0) {
        error = fstat(fd, &info) != 0 ? errno : S_ISDIR(info.st_mode) ? EISDIR : 0;
    }
    if (error == 0) {
        size_t expected = S_ISREG(info.st_mode) && info.st_size > 0 ? (size_t)info.st_size : 0;
        error = expected > max ? EFBIG : read_all(fd, max, expected, &data);
    }
    if (fd >= 0) {
        close(fd);
    }
    if (error != 0) {
        return failed(path, error, max, out_error);
    }
    *out_data = data;
    data = (wsb_buf)WSB_BUF_INIT;
    return WSB_OK;
}
