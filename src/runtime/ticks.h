/* A clock that costs a few nanoseconds: the processor's counter where it is constant, else
 * CLOCK_MONOTONIC. One tick is not a nanosecond; convert with the functions below. */
#ifndef WSB_RUNTIME_TICKS_H
#define WSB_RUNTIME_TICKS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

/* Whether the counter is used; set by wsb__ticks_init(). */
extern bool wsb__ticks_native;

/* About a millisecond, for "has a good while passed" where the rate need not be known yet: a third
 * of one to one on x86-64. */
extern uint64_t wsb__ticks_per_ms;

/* Call before the first use of any other function here; cheap when repeated. [thread-safe] */
void wsb__ticks_init(void);

/* Takes one more measurement of the counter's rate; the more time has passed since the first,
 * the better it gets. Called by the watchdog. [thread-safe] */
void wsb__ticks_refine(void);

uint64_t wsb__monotonic_ns(void);

/* The time of CLOCK_MONOTONIC in `ns` from now; UINT64_MAX, never, where that is endless: then
 * without a look at the clock. */
uint64_t wsb__monotonic_in(uint64_t ns);

static inline uint64_t wsb__ticks(void)
{
#if defined(__x86_64__)
    if (__builtin_expect(wsb__ticks_native, 1)) {
        return __rdtsc();
    }
#elif defined(__aarch64__)
    if (__builtin_expect(wsb__ticks_native, 1)) {
        uint64_t value;
        __asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(value));
        return value;
    }
#endif
    return wsb__monotonic_ns();
}

/* A span of ticks in nanoseconds and back; saturating. */
uint64_t wsb__ticks_to_ns(uint64_t ticks);
uint64_t wsb__ns_to_ticks(uint64_t ns);

#endif
