#include "runtime/ticks.h"

#include <pthread.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

bool wsb__ticks_native = false;
uint64_t wsb__ticks_per_ms = 1000000; /* x86-64 counts at 1 to 5 GHz */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint64_t first_ticks;
static uint64_t first_ns;

_Thread_local uint64_t wsb__moment __attribute__((tls_model("initial-exec")));
enum { FRACTION = 32 };
wsb__tick_rates wsb__tick_rate = {(uint64_t)1 << FRACTION, (uint64_t)1 << FRACTION};

/* How long the first measurement takes: long enough for 0.1 %, short enough for a start-up. */
enum { FIRST_MEASUREMENT_NS = 50000 };

/* Not inside of those who look at the other clock, whose frames it would enlarge. */
__attribute__((noinline)) uint64_t wsb__monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t wsb__monotonic_in(uint64_t ns)
{
    uint64_t until;
    bool endless = ns == UINT64_MAX || __builtin_add_overflow(wsb__monotonic_ns(), ns, &until);
    return endless ? UINT64_MAX : until;
}

static bool counter_is_constant(void)
{
#if defined(__x86_64__)
    unsigned a;
    unsigned b;
    unsigned c;
    unsigned d = 0;
    /* Advanced power management information: invariant TSC (AMD64 manual 3, E.4.6; Intel SDM 2A,
     * CPUID). */
    return __get_cpuid(0x80000007u, &a, &b, &c, &d) != 0 && (d & (1u << 8)) != 0;
#elif defined(__aarch64__)
    return true;
#else
    return false;
#endif
}

/* `ns` nanoseconds are `ticks` ticks. */
static void set_rate(uint64_t ns, uint64_t ticks)
{
    const double one = (double)((uint64_t)1 << FRACTION);
    double rate = (double)ns / (double)ticks;
    atomic_store_explicit(&wsb__tick_rate.ticks, (uint64_t)(one / rate), memory_order_relaxed);
    atomic_store_explicit(&wsb__tick_rate.ns, (uint64_t)(one * rate), memory_order_release);
}

/* Both clocks at one moment. A thread that loses its processor between the readings would make the
 * rate, and with it every deadline, wrong by as much: of three attempts the one counts whose
 * readings are the closest together. */
static void read_both(uint64_t *out_ticks, uint64_t *out_ns)
{
    uint64_t closest = UINT64_MAX;
    for (int i = 0; i < 3; i++) {
        uint64_t before = wsb__ticks();
        uint64_t ns = wsb__monotonic_ns();
        uint64_t apart = wsb__ticks() - before;
        if (i == 0 || apart < closest) {
            closest = apart;
            *out_ticks = before + apart / 2;
            *out_ns = ns;
        }
    }
}

void wsb__ticks_refine(void)
{
    if (!wsb__ticks_native) {
        return;
    }
    uint64_t ns;
    uint64_t ticks;
    read_both(&ticks, &ns);
    ns -= first_ns;
    ticks -= first_ticks;
    if (ticks > 0 && ticks < UINT64_MAX / 2 && ns >= FIRST_MEASUREMENT_NS) {
        set_rate(ns, ticks);
    }
}

void wsb__ticks_measure(void)
{
    while (atomic_load_explicit(&wsb__tick_rate.ns, memory_order_acquire) == 0) {
        wsb__ticks_refine();
    }
}

static void init(void)
{
    wsb__ticks_native = counter_is_constant();
    if (!wsb__ticks_native) {
        return;
    }
    atomic_store(&wsb__tick_rate.ticks, 0);
    atomic_store(&wsb__tick_rate.ns, 0);
#if defined(__aarch64__)
    uint64_t frequency;
    __asm__("mrs %0, cntfrq_el0" : "=r"(frequency));
    wsb__ticks_per_ms = frequency / 1000;
#endif
    read_both(&first_ticks, &first_ns);
}

void wsb__ticks_init(void)
{
    pthread_once(&once, init);
}
