/* Every allocation of the library goes through here, so that tests can make the n-th one fail. */
#ifndef WSB_CORE_ALLOC_H
#define WSB_CORE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

/* Set by tests only, before the threads that allocate: true makes this allocation fail. */
extern bool (*wsb__alloc_fails)(void);

static inline bool wsb__alloc_refused(void)
{
    return __builtin_expect(wsb__alloc_fails != NULL, 0) && wsb__alloc_fails();
}

/* As malloc(3), but never NULL for 0 bytes while there is memory. */
static inline void *wsb__alloc(size_t size)
{
    return wsb__alloc_refused() ? NULL : malloc(size ? size : 1);
}

/* Zeroed; NULL also where count * size overflows. */
static inline void *wsb__calloc(size_t count, size_t size)
{
    return wsb__alloc_refused() ? NULL : calloc(count ? count : 1, size ? size : 1);
}

static inline void *wsb__realloc(void *memory, size_t size)
{
    return wsb__alloc_refused() ? NULL : realloc(memory, size ? size : 1);
}

static inline void wsb__free(void *memory)
{
    free(memory);
}

#endif
