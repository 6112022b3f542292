#include "runtime/code_key.h"

#include "runtime/code_cache_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wasm_sandbox/plugin/error.h>

/* A file that keeps vanishing between making and reading it is somebody else's doing. */
#define ATTEMPTS 8

static wsb_status refuse(wsb_status status, const char *path, const char *hint, const char *why,
                         wsb_error **out_error)
{
    return wsb_error_set(
        out_error, status,
        &(wsb_error_details){.operation = "load key", .subject = "key_path", .suggestion = hint},
        "load key '%s': %s", path, why);
}

static wsb_status failed(const char *path, int error, wsb_error **out_error)
{
    return refuse(WSB_ERROR_IO, path, "make the folder writable, or choose another key_path",
                  strerror(error), out_error);
}

static wsb_status check_file(int fd, const char *path, wsb_error **out_error)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return failed(path, errno, out_error);
    if (!S_ISREG(st.st_mode))
        return refuse(WSB_ERROR_ACCESS_DENIED, path, "choose another key_path",
                      "it is not a regular file", out_error);
    if (st.st_uid != geteuid())
        return refuse(WSB_ERROR_ACCESS_DENIED, path, "choose a key_path of your own",
                      "it belongs to another user", out_error);
    if (st.st_mode & 077)
        return refuse(WSB_ERROR_ACCESS_DENIED, path,
                      "delete it: who could read it may have made compiled modules with it",
                      "group or others have access to it (its mode must be 0600)", out_error);
    if (st.st_size != WSB__KEY_BYTES)
        return refuse(WSB_ERROR_MALFORMED, path, "delete it, a new one is made",
                      "a key has exactly 32 bytes", out_error);
    return WSB_OK;
}

/* `*out_missing` tells a file that is not there from other failures. */
static wsb_status read_key(const char *path, wsb__key *out_key, bool *out_missing,
                           wsb_error **out_error)
{
    *out_missing = false;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        *out_missing = errno == ENOENT;
        if (errno == ELOOP)
            return refuse(WSB_ERROR_ACCESS_DENIED, path, "name the file itself",
                          "it is a symbolic link", out_error);
        return *out_missing ? WSB_ERROR_NOT_FOUND : failed(path, errno, out_error);
    }
    wsb__key key;
    wsb_status status = check_file(fd, path, out_error);
    if (status == WSB_OK && !wsb__read_all(fd, key.bytes, sizeof key.bytes))
        status = failed(path, errno, out_error);
    close(fd);
    if (status == WSB_OK)
        *out_key = key;
    wsb__code_key_wipe(&key);
    return status;
}

static bool write_key(const char *path)
{
    wsb__key key;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    struct iovec piece = {key.bytes, sizeof key.bytes};
    /* On disk before it gets its name: a crash must not leave a key of no length behind. */
    bool done = wsb__random_bytes(key.bytes, sizeof key.bytes) && wsb__write_all(fd, &piece, 1) &&
                fsync(fd) == 0;
    int error = errno;
    wsb__code_key_wipe(&key);
    close(fd);
    errno = error;
    return done;
}

/* Gives a complete file its name unless there is one already: who comes first wins. */
static bool publish(const char *temp, const char *path)
{
    if (link(temp, path) == 0 || errno == EEXIST)
        return true;
    /* Not every file system has hard links. */
    return renameat2(AT_FDCWD, temp, AT_FDCWD, path, RENAME_NOREPLACE) == 0 || errno == EEXIST;
}

static wsb_status make_key(const char *path, wsb_error **out_error)
{
    char temp[PATH_MAX + WSB__TEMP_NAME_BYTES];
    char name[WSB__TEMP_NAME_BYTES];
    if (!wsb__make_folders_above(path) || !wsb__temp_name(name))
        return failed(path, errno, out_error);
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash - path) + 1 : 0;
    snprintf(temp, sizeof temp, "%.*s%s", folder, path, name);
    bool done = write_key(temp) && publish(temp, path);
    int error = errno;
    unlink(temp);
    return done ? WSB_OK : failed(path, error, out_error);
}

wsb_status wsb__code_key_load(wsb_str path, wsb__key *out_key, wsb_error **out_error)
{
    char file[PATH_MAX];
    if (!wsb__path_copy(path, file, sizeof file))
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT,
                             &(wsb_error_details){.operation = "load key", .subject = "key_path"},
                             "load key: the path is empty, too long or has a NUL byte in it");
    for (int i = 0; i < ATTEMPTS; i++) {
        bool missing;
        wsb_status status = read_key(file, out_key, &missing, out_error);
        if (!missing)
            return status;
        status = make_key(file, out_error);
        if (status != WSB_OK)
            return status;
    }
    return refuse(WSB_ERROR_IO, file, "choose another key_path",
                  "it vanishes as soon as it is made", out_error);
}

void wsb__code_key_wipe(wsb__key *key)
{
    if (key)
        explicit_bzero(key, sizeof *key);
}
