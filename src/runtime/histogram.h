/* Counting durations. */
#ifndef WSB_RUNTIME_HISTOGRAM_H
#define WSB_RUNTIME_HISTOGRAM_H

#include <wasm_sandbox/executor.h>

#include "runtime/ticks.h"

/* Counts a duration; the caller owns the histogram or holds a lock. */
static inline void wsb__histogram_add(wsb_histogram *histogram, uint64_t ns)
{
    enum { LAST = sizeof histogram->counts / sizeof histogram->counts[0] - 1 };
    uint64_t us = ns / 1000;
    unsigned bucket = us == 0 ? 0 : 64 - (unsigned)__builtin_clzll(us);
    histogram->counts[bucket < LAST ? bucket : LAST]++;
}

/* The same of a span of ticks. Counters of two processors may be a little apart. */
static inline void wsb__histogram_add_span(wsb_histogram *histogram, uint64_t from, uint64_t to)
{
    wsb__histogram_add(histogram, to > from ? wsb__ticks_to_ns(to - from) : 0);
}

#endif
