#include "runtime/code_cache_files.h"

#include <errno.h>
#include <limits.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

bool wsb__path_copy(wsb_str path, char *out, size_t capacity)
{
    if (path.len == 0 || !path.data || path.len >= capacity || memchr(path.data, '\0', path.len))
        return false;
    memcpy(out, path.data, path.len);
    out[path.len] = '\0';
    return true;
}

static bool make_folder(const char *path)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

/* `path` is cut at each slash in turn. */
static bool make_above(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        bool made = make_folder(path);
        *slash = '/';
        if (!made)
            return false;
    }
    return true;
}

bool wsb__make_folders_above(const char *file)
{
    char path[PATH_MAX];
    if (!wsb__path_copy(wsb_cstr(file), path, sizeof path)) {
        errno = ENAMETOOLONG;
        return false;
    }
    return make_above(path);
}

bool wsb__make_folders(const char *path)
{
    return wsb__make_folders_above(path) && make_folder(path);
}

bool wsb__random_bytes(void *out, size_t len)
{
    uint8_t *to = out;
    while (len > 0) {
        ssize_t got = getrandom(to, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        to += got;
        len -= (size_t)got;
    }
    return true;
}

bool wsb__temp_name(char out[WSB__TEMP_NAME_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t random[16];
    if (!wsb__random_bytes(random, sizeof random))
        return false;
    memcpy(out, ".tmp-", 5);
    for (size_t i = 0; i < sizeof random; i++) {
        out[5 + 2 * i] = digits[random[i] >> 4];
        out[6 + 2 * i] = digits[random[i] & 15];
    }
    out[WSB__TEMP_NAME_BYTES - 1] = '\0';
    return true;
}

bool wsb__write_all(int fd, struct iovec *pieces, size_t count)
{
    while (count > 0) {
        if (pieces->iov_len == 0) {
            pieces++;
            count--;
            continue;
        }
        ssize_t wrote = writev(fd, pieces, (int)count);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return false;
        size_t done = (size_t)wrote;
        while (count > 0 && done >= pieces->iov_len) {
            done -= pieces->iov_len;
            pieces++;
            count--;
        }
        if (count > 0) {
            pieces->iov_base = (uint8_t *)pieces->iov_base + done;
            pieces->iov_len -= done;
        }
    }
    return true;
}

bool wsb__read_all(int fd, uint8_t *out, size_t len)
{
    while (len > 0) {
        ssize_t got = read(fd, out, len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            errno = EIO;
        if (got <= 0)
            return false;
        out += got;
        len -= (size_t)got;
    }
    return true;
}
