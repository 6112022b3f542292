#include "core/signal_word.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Longer waits come back early, which is allowed: a time that does not fit is not the end. */
#define LONGEST_NS ((uint64_t)3600 * 1000000000u)

bool wsb__word_wait(_Atomic uint32_t *word, uint32_t value, uint64_t timeout_ns)
{
    uint64_t ns = timeout_ns < LONGEST_NS ? timeout_ns : LONGEST_NS;
    const struct timespec timeout = {.tv_sec = (time_t)(ns / 1000000000u),
                                     .tv_nsec = (long)(ns % 1000000000u)};
    if (atomic_load_explicit(word, memory_order_acquire) != value) {
        return true;
    }
    long result = syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value,
                          timeout_ns == UINT64_MAX ? NULL : &timeout, NULL, 0);
    return result == 0 || errno != ETIMEDOUT || timeout_ns > LONGEST_NS;
}

void wsb__word_wake(_Atomic uint32_t *word, uint32_t count)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count < INT_MAX ? (int)count : INT_MAX, NULL, NULL,
            0);
}
