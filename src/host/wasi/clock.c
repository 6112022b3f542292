/* Clocks, each by its own bit of the capability. */
#include "host/wasi/internal.h"

#include <pthread.h>
#include <time.h>

static uint64_t to_ns(const struct timespec *time)
{
    if (time->tv_sec < 0)
        return 0;
    uint64_t ns;
    if (__builtin_mul_overflow((uint64_t)time->tv_sec, WSB_SECOND, &ns))
        return UINT64_MAX;
    return wsb__wasi_add(ns, (uint64_t)time->tv_nsec);
}

/* The CPU clock of the thread that runs the guest, made to go on where another thread takes the
 * instance over: a guest's time never goes back. */
static uint64_t cpu_now(wsb__wasi *wasi)
{
    struct timespec now;
    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) != 0)
        return wasi->cpu_last;
    uint64_t thread = (uint64_t)(uintptr_t)pthread_self();
    uint64_t ns = to_ns(&now);
    if (thread != wasi->cpu_thread) {
        wasi->cpu_thread = thread;
        wasi->cpu_offset = wasi->cpu_last - ns;
    }
    ns += wasi->cpu_offset;
    if ((int64_t)(ns - wasi->cpu_last) > 0)
        wasi->cpu_last = ns;
    return wasi->cpu_last;
}

/* The host's clock for a guest's and the bit that allows it; false for one that does not exist. */
static bool find(uint32_t clock, clockid_t *out_clock, uint32_t *out_bit)
{
    switch (clock) {
    case WASI_CLOCK_REALTIME:
        *out_clock = CLOCK_REALTIME;
        *out_bit = WSB_CLOCK_REALTIME;
        return true;
    case WASI_CLOCK_MONOTONIC:
        *out_clock = CLOCK_MONOTONIC;
        *out_bit = WSB_CLOCK_MONOTONIC;
        return true;
    case WASI_CLOCK_PROCESS_CPUTIME:
    case WASI_CLOCK_THREAD_CPUTIME:
        *out_clock = CLOCK_THREAD_CPUTIME_ID;
        *out_bit = WSB_CLOCK_CPU_TIME;
        return true;
    default:
        return false;
    }
}

int wsb__wasi_clock_now(wsb__wasi *wasi, uint32_t clock, uint64_t *out_ns)
{
    clockid_t host;
    uint32_t bit;
    if (!find(clock, &host, &bit))
        return WASI_EINVAL;
    if (!(wasi->clocks & bit))
        return WASI_ENOTSUP;
    if (bit == WSB_CLOCK_CPU_TIME) {
        *out_ns = cpu_now(wasi);
        return 0;
    }
    struct timespec now;
    if (clock_gettime(host, &now) != 0)
        return WASI_EINVAL;
    *out_ns = to_ns(&now);
    return 0;
}

int wsb__wasi_clock_time_get(wsb__wasi_call *call)
{
    uint64_t now;
    int result = wsb__wasi_clock_now(call->wasi, wsb__wasi_u32(call, 0), &now);
    if (result == WASI_ENOTSUP)
        wsb__wasi_denied(call, "clocks", wsb_cstr(NULL));
    return result ? result : wsb__wasi_store64(call, wsb__wasi_u32(call, 2), now);
}

int wsb__wasi_clock_res_get(wsb__wasi_call *call)
{
    clockid_t host;
    uint32_t bit;
    struct timespec resolution;
    if (!find(wsb__wasi_u32(call, 0), &host, &bit))
        return WASI_EINVAL;
    if (!(call->wasi->clocks & bit)) {
        wsb__wasi_denied(call, "clocks", wsb_cstr(NULL));
        return WASI_ENOTSUP;
    }
    if (clock_getres(host, &resolution) != 0)
        return WASI_EINVAL;
    return wsb__wasi_store64(call, wsb__wasi_u32(call, 1), to_ns(&resolution));
}
