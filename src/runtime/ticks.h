/* A clock that costs a few nanoseconds: the processor's counter where it is constant, else
 * CLOCK_MONOTONIC. One tick is not a nanosecond; convert with the functions below. */
#ifndef WSB_RUNTIME_TICKS_H
#define WSB_RUNTIME_TICKS_H

#include <stdatomic.h>
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

/* One reading for all that a thread does in a row, where that is some hundred nanoseconds: no guest
 * runs in it, nobody's callback, and nothing waits. Whoever begins it sets this, and clears it
 * before any of those. 0: none. */
extern _Thread_local uint64_t wsb__moment __attribute__((tls_model("initial-exec")));

/* As wsb__ticks(), or of the moment. */
static inline uint64_t wsb__ticks_recent(void)
{
    uint64_t moment = wsb__moment;
    return moment != 0 ? moment : wsb__ticks();
}

/* Nanoseconds a tick and ticks a nanosecond, with 32 bits of fraction; read and refined without a
 * lock. 0: not known yet. */
typedef struct wsb__tick_rates {
    _Atomic uint64_t ns;
    _Atomic uint64_t ticks;
} wsb__tick_rates;

extern wsb__tick_rates wsb__tick_rate;

/* Waits until they are known. */
void wsb__ticks_measure(void);

static inline uint64_t wsb__tick_scale(uint64_t value, const _Atomic uint64_t *rate)
{
    uint64_t factor = atomic_load_explicit((_Atomic uint64_t *)rate, memory_order_relaxed);
    if (__builtin_expect(factor == 0, 0)) {
        wsb__ticks_measure();
        factor = atomic_load_explicit((_Atomic uint64_t *)rate, memory_order_relaxed);
    }
    unsigned __int128 scaled = (unsigned __int128)value * factor >> 32;
    return __builtin_expect(scaled > UINT64_MAX, 0) ? UINT64_MAX : (uint64_t)scaled;
}

/* A span of ticks in nanoseconds and back; saturating. */
static inline uint64_t wsb__ticks_to_ns(uint64_t ticks)
{
    return wsb__tick_scale(ticks, &wsb__tick_rate.ns);
}

static inline uint64_t wsb__ns_to_ticks(uint64_t ns)
{
    return wsb__tick_scale(ns, &wsb__tick_rate.ticks);
}

#endif
