/* Small helpers for the files of key and cache. */
#ifndef WSB_RUNTIME_CODE_CACHE_FILES_H
#define WSB_RUNTIME_CODE_CACHE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>
#include <wasm_sandbox/base.h>

/* Copies a path into a terminated buffer; false where it is empty, too long or has a NUL in it. */
bool wsb__path_copy(wsb_str path, char *out, size_t capacity);

/* Makes a folder and those above it with mode 0700 where they are missing; false with errno. */
bool wsb__make_folders(const char *path);

/* The same for the folders above a file. */
bool wsb__make_folders_above(const char *file);

/* Random bytes of the kernel; false with errno. */
bool wsb__random_bytes(void *out, size_t len);

/* A name for a temporary file that no other process makes: ".tmp-" and 32 hex digits. */
#define WSB__TEMP_NAME_BYTES 38
bool wsb__temp_name(char out[WSB__TEMP_NAME_BYTES]);

/* Writes or reads all of it; false with errno (EIO where the file is shorter than asked). `pieces`
 * is changed. */
bool wsb__write_all(int fd, struct iovec *pieces, size_t count);
bool wsb__read_all(int fd, uint8_t *out, size_t len);

#endif
