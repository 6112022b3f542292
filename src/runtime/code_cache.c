#include "runtime/code_cache.h"

#include "core/alloc.h"
#include "core/buffer.h"
#include "runtime/code_cache_evict.h"
#include "runtime/code_cache_files.h"
#include "runtime/code_key.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wasm_sandbox/plugin/error.h>

#define DEFAULT_MAX_BYTES (1024 * WSB_MIB)
#define NAME_FORMAT 1u

struct wsb__code_cache {
    int folder;
    uint64_t max_bytes;
    wsb__key key;
};

static wsb_status refuse(wsb_status status, const char *path, const char *hint, const char *why,
                         wsb_error **out_error)
{
    return wsb_error_set(out_error, status,
                         &(wsb_error_details){.operation = "open code cache",
                                              .subject = "code_cache",
                                              .suggestion = hint},
                         "open code cache '%s': %s", path, why);
}

/* Who can write here could only remove entries or make us read bad ones, which authentication
 * refuses; but a cache that others fill is never meant. */
static wsb_status check_folder(int fd, const char *path, wsb_error **out_error)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return refuse(WSB_ERROR_IO, path, "", strerror(errno), out_error);
    if (st.st_uid != geteuid())
        return refuse(WSB_ERROR_ACCESS_DENIED, path, "choose a directory of your own",
                      "it belongs to another user", out_error);
    if (st.st_mode & 022)
        return refuse(WSB_ERROR_ACCESS_DENIED, path, "chmod it to 0700",
                      "group or others may write there", out_error);
    return WSB_OK;
}

static wsb_status open_folder(const char *path, int *out_fd, wsb_error **out_error)
{
    if (!wsb__make_folders(path))
        return refuse(WSB_ERROR_IO, path, "choose another directory", strerror(errno), out_error);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOTDIR)
        return refuse(WSB_ERROR_ACCESS_DENIED, path, "choose another directory",
                      "it is not a directory", out_error);
    if (fd < 0)
        return refuse(WSB_ERROR_IO, path, "choose another directory", strerror(errno), out_error);
    wsb_status status = check_folder(fd, path, out_error);
    if (status == WSB_OK)
        *out_fd = fd;
    else
        close(fd);
    return status;
}

wsb_status wsb__code_cache_open(wsb_str directory, uint64_t max_bytes, const wsb__key *key,
                                wsb__code_cache **out_cache, wsb_error **out_error)
{
    char path[PATH_MAX];
    if (!wsb__path_copy(directory, path, sizeof path))
        return refuse(WSB_ERROR_INVALID_ARGUMENT, "", "",
                      "the path is empty, too long or has a NUL byte in it", out_error);
    wsb__code_cache *cache = wsb__calloc(1, sizeof *cache);
    if (!cache)
        return refuse(WSB_ERROR_OUT_OF_MEMORY, path, "", wsb_status_text(WSB_ERROR_OUT_OF_MEMORY),
                      out_error);
    wsb_status status = open_folder(path, &cache->folder, out_error);
    if (status != WSB_OK) {
        wsb__free(cache);
        return status;
    }
    cache->max_bytes = max_bytes ? max_bytes : DEFAULT_MAX_BYTES;
    cache->key = *key;
    *out_cache = cache;
    return WSB_OK;
}

void wsb__code_cache_close(wsb__code_cache *cache)
{
    if (!cache)
        return;
    close(cache->folder);
    wsb__code_key_wipe(&cache->key);
    wsb__free(cache);
}

/* Each field with its length, so that none can be taken for a part of its neighbour. */
static void hash_field(wsb__key_hash *hash, const void *data, size_t len)
{
    uint64_t length = len;
    crypto_generichash_blake2b_update(hash, (const uint8_t *)&length, sizeof length);
    crypto_generichash_blake2b_update(hash, data, len);
}

void wsb__code_cache_key(const wsb__code_cache *cache, const wsb__code_cache_subject *subject,
                         wsb__code_cache_name *out_name)
{
    uint32_t format = NAME_FORMAT;
    uint8_t digest[32];
    wsb__key_hash hash;
    wsb__key_hash_start(&hash, &cache->key, "wsb cache name1");
    hash_field(&hash, &format, sizeof format);
    hash_field(&hash, subject->engine.data, subject->engine.len);
    hash_field(&hash, subject->version.data, subject->version.len);
    hash_field(&hash, subject->variant.data, subject->variant.len);
    hash_field(&hash, subject->bounds.data, subject->bounds.len);
    hash_field(&hash, subject->module.data, subject->module.len);
    crypto_generichash_blake2b_final(&hash, digest, sizeof digest);
    sodium_bin2hex(out_name->text, sizeof out_name->text, digest, sizeof digest);
}

/* Each entry has a key of its own, made from its name: an authentic entry under another's name
 * does not authenticate. */
static void entry_key(const wsb__code_cache *cache, const wsb__code_cache_name *name,
                      wsb__key *out_key)
{
    wsb__key_hash hash;
    wsb__key_hash_start(&hash, &cache->key, "wsb cache entry");
    crypto_generichash_blake2b_update(&hash, (const uint8_t *)name->text, sizeof name->text - 1);
    crypto_generichash_blake2b_final(&hash, out_key->bytes, sizeof out_key->bytes);
}

/* `*out_damaged` where the file can never be an entry, rather than us being short of memory. */
static bool read_entry(int fd, uint64_t max_bytes, wsb_buf *out_bytes, bool *out_damaged)
{
    *out_damaged = true;
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_size < 0 ||
        (uint64_t)st.st_size > max_bytes)
        return false;
    size_t size = (size_t)st.st_size;
    wsb_buf bytes = WSB_BUF_INIT;
    if (wsb__buf_reserve(&bytes, size, SIZE_MAX) != WSB_OK) {
        *out_damaged = false;
        return false;
    }
    if (!wsb__read_all(fd, bytes.data, size)) {
        wsb_buf_fini(&bytes);
        return false;
    }
    bytes.len = size;
    bytes.data[size] = 0;
    *out_bytes = bytes;
    return true;
}

static bool same(const void *a, size_t a_len, const void *b, size_t b_len)
{
    return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

static bool fits(const wsb__envelope_parts *parts, const wsb__code_cache_subject *subject)
{
    return same(parts->engine.data, parts->engine.len, subject->engine.data, subject->engine.len) &&
           same(parts->version.data, parts->version.len, subject->version.data,
                subject->version.len) &&
           same(parts->variant.data, parts->variant.len, subject->variant.data,
                subject->variant.len);
}

static bool open_entry(const wsb__code_cache *cache, const wsb__code_cache_name *name,
                       const wsb__code_cache_subject *subject, wsb_bytes bytes,
                       wsb__envelope_parts *out_parts)
{
    wsb__key key;
    wsb__envelope_parts parts;
    entry_key(cache, name, &key);
    bool good = wsb__envelope_open(&key, bytes, &parts, NULL) == WSB_OK && fits(&parts, subject);
    wsb__code_key_wipe(&key);
    if (good)
        *out_parts = parts;
    return good;
}

bool wsb__code_cache_load(wsb__code_cache *cache, const wsb__code_cache_name *name,
                          const wsb__code_cache_subject *subject, wsb_buf *out_bytes,
                          wsb__envelope_parts *out_parts)
{
    int fd = openat(cache->folder, name->text,
                    O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        /* A symbolic link was not made here. */
        if (errno == ELOOP)
            unlinkat(cache->folder, name->text, 0);
        return false;
    }
    wsb_buf bytes = WSB_BUF_INIT;
    bool damaged;
    bool read = read_entry(fd, cache->max_bytes, &bytes, &damaged);
    if (read && open_entry(cache, name, subject, wsb_bytes_of(bytes.data, bytes.len), out_parts)) {
        (void)futimens(fd, NULL); /* now the most recently used */
        close(fd);
        *out_bytes = bytes;
        return true;
    }
    close(fd);
    wsb_buf_fini(&bytes);
    if (damaged)
        unlinkat(cache->folder, name->text, 0);
    return false;
}

static bool write_entry(const wsb__code_cache *cache, const char *name, wsb__sealed *sealed)
{
    char temp[WSB__TEMP_NAME_BYTES];
    if (!wsb__temp_name(temp))
        return false;
    int fd =
        openat(cache->folder, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool done = wsb__write_all(fd, sealed->pieces, WSB__ENVELOPE_PIECES);
    done = close(fd) == 0 && done;
    done = done && renameat(cache->folder, temp, cache->folder, name) == 0;
    if (!done)
        unlinkat(cache->folder, temp, 0);
    return done;
}

bool wsb__code_cache_store(wsb__code_cache *cache, const wsb__code_cache_name *name,
                           const wsb__envelope_parts *parts)
{
    wsb__key key;
    wsb__sealed sealed;
    entry_key(cache, name, &key);
    wsb_status status = wsb__envelope_seal_pieces(&key, parts, &sealed, NULL);
    wsb__code_key_wipe(&key);
    /* What does not fit would push everything else out, and then go itself. */
    if (status != WSB_OK || sealed.size > cache->max_bytes ||
        !write_entry(cache, name->text, &sealed))
        return false;
    wsb__code_cache_evict(cache->folder, cache->max_bytes, name->text);
    return true;
}
