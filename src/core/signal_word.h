/* A word that threads wait on (futex(2)): the one place that knows how this system does it. */
#ifndef WSB_CORE_SIGNAL_WORD_H
#define WSB_CORE_SIGNAL_WORD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Sleeps while *word is `value`, at most `timeout_ns` (UINT64_MAX: without end). May return early
 * without cause: the caller looks again. False when the time is up. */
bool wsb__word_wait(_Atomic uint32_t *word, uint32_t value, uint64_t timeout_ns);

/* Wakes at most `count` threads that sleep on the word (UINT32_MAX: all). */
void wsb__word_wake(_Atomic uint32_t *word, uint32_t count);

#endif
