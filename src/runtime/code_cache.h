/* Compiled modules kept in a directory of envelopes. [thread-safe], also between processes. */
#ifndef WSB_RUNTIME_CODE_CACHE_H
#define WSB_RUNTIME_CODE_CACHE_H

#include "runtime/envelope.h"

#include <wasm_sandbox/runtime.h>

typedef struct wsb__code_cache wsb__code_cache;

/* What an entry's name is made from. All are part of it. */
typedef struct wsb__code_cache_subject {
    wsb_bytes module; /* the module as it was given */
    wsb_str engine;
    wsb_str version;
    wsb_bytes variant;
    wsb_bytes bounds; /* bounds and options of the scan; opaque */
} wsb__code_cache_subject;

/* The name of an entry. */
typedef struct wsb__code_cache_name {
    char text[65]; /* terminated hex */
} wsb__code_cache_name;

/* Opens (or makes, mode 0700) the cache. `key` is copied. `max_bytes` 0: 1 GiB. Statuses:
 * WSB_ERROR_ACCESS_DENIED (not a directory, not the user's own, or others may write there),
 * WSB_ERROR_INVALID_ARGUMENT (the path), WSB_ERROR_IO, WSB_ERROR_OUT_OF_MEMORY. */
WSB_NODISCARD wsb_status wsb__code_cache_open(wsb_str directory, uint64_t max_bytes,
                                              const wsb__key *key, wsb__code_cache **out_cache,
                                              wsb_error **out_error);
void wsb__code_cache_close(wsb__code_cache *cache);

/* One hash pass over the module. */
void wsb__code_cache_key(const wsb__code_cache *cache, const wsb__code_cache_subject *subject,
                         wsb__code_cache_name *out_name);

/* Reads an entry into memory and authenticates what was read. `parts` view `out_bytes`, which the
 * caller owns (wsb_buf_fini()). False is a miss: there is none, or it was damaged or foreign, in
 * which case it is gone now. Also checks that engine, version and variant are the subject's. */
WSB_NODISCARD bool wsb__code_cache_load(wsb__code_cache *cache, const wsb__code_cache_name *name,
                                        const wsb__code_cache_subject *subject, wsb_buf *out_bytes,
                                        wsb__envelope_parts *out_parts);

/* Keeps an entry; then makes room, least recently used first. False where that failed, which is
 * no reason to fail anything else. */
bool wsb__code_cache_store(wsb__code_cache *cache, const wsb__code_cache_name *name,
                           const wsb__envelope_parts *parts);

#endif
