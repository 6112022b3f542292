/* Who waits for something, in the order of their coming. Not locked: the lane does. */
#ifndef WSB_COMMUNICATION_MEMORY_WAITERS_H
#define WSB_COMMUNICATION_MEMORY_WAITERS_H

#include <wasm_sandbox/waker.h>

/* Zeroed is empty. */
typedef struct wsb__waiters {
    wsb_waker **wakers; /* a ring, each with a reference */
    size_t first;
    size_t count;
    size_t capacity; /* a power of two, or 0 */
} wsb__waiters;

/* Adds one, with a reference of its own. WSB_ERROR_OUT_OF_MEMORY. */
WSB_NODISCARD wsb_status wsb__waiters_add(wsb__waiters *waiters, wsb_waker *waker);

/* Takes the first one out, with its reference; NULL where there is none. */
static inline wsb_waker *wsb__waiters_take(wsb__waiters *waiters)
{
    if (__builtin_expect(waiters->count == 0, 1))
        return NULL;
    wsb_waker *waker = waiters->wakers[waiters->first];
    waiters->first = (waiters->first + 1) & (waiters->capacity - 1);
    waiters->count--;
    return waker;
}

/* Takes that one out; the reference is the caller's then. */
bool wsb__waiters_remove(wsb__waiters *waiters, const wsb_waker *waker);

/* Wakes all, gives their references back, and releases the memory. Without a lock: take a copy and
 * zero the original first. */
void wsb__waiters_wake_all(wsb__waiters *waiters);

#endif
