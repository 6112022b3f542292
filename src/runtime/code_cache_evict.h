/* Keeping the code cache within its size. */
#ifndef WSB_RUNTIME_CODE_CACHE_EVICT_H
#define WSB_RUNTIME_CODE_CACHE_EVICT_H

#include <stdint.h>

/* Removes the least recently used entries until the rest takes at most `max_bytes`, `keep` (just
 * stored) last of all; and temporary files that their writers left behind. One process at a time
 * does it; files that others remove meanwhile are fine. */
void wsb__code_cache_evict(int folder, uint64_t max_bytes, const char *keep);

#endif
