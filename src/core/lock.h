/* A lock that is held for tens of nanoseconds: spins a little, then sleeps. */
#ifndef WSB_CORE_LOCK_H
#define WSB_CORE_LOCK_H

#include "core/relax.h"
#include "core/signal_word.h"

typedef struct wsb__lock {
    _Atomic uint32_t word; /* 0 free, 1 held, 2 held and others may sleep */
} wsb__lock;

/* Long enough for the holder to finish where it runs, too short to matter where it does not. */
enum { WSB__LOCK_SPINS = 8 };

static inline bool wsb__lock_try(wsb__lock *lock)
{
    uint32_t unlocked = 0;
    return atomic_compare_exchange_strong_explicit(&lock->word, &unlocked, 1, memory_order_acquire,
                                                   memory_order_relaxed);
}

static inline void wsb__lock_acquire(wsb__lock *lock)
{
    if (__builtin_expect(wsb__lock_try(lock), 1))
        return;
    for (int i = 0; i < WSB__LOCK_SPINS; i++) {
        wsb__relax();
        if (atomic_load_explicit(&lock->word, memory_order_relaxed) == 0 && wsb__lock_try(lock))
            return;
    }
    while (atomic_exchange_explicit(&lock->word, 2, memory_order_acquire) != 0)
        (void)wsb__word_wait(&lock->word, 2, UINT64_MAX);
}

static inline void wsb__lock_release(wsb__lock *lock)
{
    if (atomic_exchange_explicit(&lock->word, 0, memory_order_release) == 2)
        wsb__word_wake(&lock->word, 1);
}

/* What threads wait for with a lock held. */
typedef struct wsb__lock_event {
    _Atomic uint32_t count;
} wsb__lock_event;

/* Gives the lock back until the event is told, or for no reason: the caller looks again. */
static inline void wsb__lock_await(wsb__lock *lock, wsb__lock_event *event)
{
    uint32_t count = atomic_load_explicit(&event->count, memory_order_relaxed);
    wsb__lock_release(lock);
    (void)wsb__word_wait(&event->count, count, UINT64_MAX);
    wsb__lock_acquire(lock);
}

/* With the lock held; wakes all. */
static inline void wsb__lock_tell(wsb__lock_event *event)
{
    atomic_fetch_add_explicit(&event->count, 1, memory_order_relaxed);
    wsb__word_wake(&event->count, UINT32_MAX);
}

#endif
