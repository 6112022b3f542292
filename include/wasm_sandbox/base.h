/**
 * @file base.h
 * Views, owned buffers, and the macros every other header uses.
 *
 * Conventions of the whole API:
 *  - Ownership. "Caller owns; release with X." / "Borrowed; valid until Y." / "Copied." /
 *    "Takes ownership on success only."
 *  - Threads. [thread-safe] any thread, any time. [one thread at a time] the caller serialises.
 *    [setup only] before the object is first used. [callback-safe] may be called from inside a
 *    host function or another callback of this library.
 *  - Outputs (`out_*`) are untouched on failure. `out_error` is always last and may be NULL.
 *  - Options structs start with `size`, filled by their `*_INIT` macro; NULL means all defaults,
 *    zero is always the safest value.
 *  - Callbacks must return normally: neither longjmp nor a C++ exception may pass through them.
 */
#ifndef WASM_SANDBOX_BASE_H
#define WASM_SANDBOX_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
#define WSB_BEGIN_DECLS extern "C" {
#define WSB_END_DECLS }
#else
#define WSB_BEGIN_DECLS
#define WSB_END_DECLS
#endif

/* Exported; its result must be looked at; checked as printf(3). */
#if defined(__GNUC__)
#define WSB_API __attribute__((visibility("default")))
#define WSB_NODISCARD __attribute__((warn_unused_result))
#define WSB_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define WSB_API
#define WSB_NODISCARD
#define WSB_PRINTF(fmt, args)
#endif

/** The version of these headers; wsb_version() tells that of the library that is loaded. */
#define WSB_VERSION_MAJOR 0
#define WSB_VERSION_MINOR 1
#define WSB_VERSION_PATCH 0
#define WSB_VERSION_STRING "0.1.0"

/** "No limit", where a limit has to be lifted explicitly. A limit of 0 is the finite default. */
#define WSB_UNLIMITED UINT64_MAX
/** "None at all": a limit of zero, which plain 0 cannot say. */
#define WSB_NONE (UINT64_MAX - 1)

WSB_BEGIN_DECLS

/** Text: UTF-8, `len` bytes, not necessarily terminated. Passed by value; never owned. */
typedef struct wsb_str {
    const char *data;
    size_t len;
} wsb_str;

/** Bytes. Passed by value; never owned. */
typedef struct wsb_bytes {
    const uint8_t *data;
    size_t len;
} wsb_bytes;

/**
 * Owned bytes. Start from `WSB_BUF_INIT`; release with wsb_buf_fini(). `data[len]` is always a
 * NUL that `len` does not count, so text can be printed as it is. `data` is NULL when empty.
 */
typedef struct wsb_buf {
    uint8_t *data;
    size_t len;
    size_t capacity; /**< private */
} wsb_buf;

/** Nothing owned: releasing it is allowed and does nothing. */
#define WSB_BUF_INIT {NULL, 0, 0}

/** Releases what `buf` owns and empties it. NULL is allowed. [thread-safe] */
WSB_API void wsb_buf_fini(wsb_buf *buf);

/** The version of the library that is loaded, "major.minor.patch". Static. [thread-safe] */
WSB_API const char *wsb_version(void);

/** A view of a C string; NULL gives an empty view. */
static inline wsb_str wsb_cstr(const char *text)
{
    wsb_str view;
    view.data = text;
    view.len = text ? strlen(text) : 0;
    return view;
}

/** A view of `len` bytes at `data`. */
static inline wsb_bytes wsb_bytes_of(const void *data, size_t len)
{
    wsb_bytes view;
    view.data = (const uint8_t *)data;
    view.len = len;
    return view;
}

WSB_END_DECLS

#endif
