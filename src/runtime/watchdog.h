/* Ends calls that run too long. One thread a runtime; see docs/internals/runtime.md. */
#ifndef WSB_RUNTIME_WATCHDOG_H
#define WSB_RUNTIME_WATCHDOG_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <wasm_sandbox/error.h>

/* States of an instance. Only IDLE → RUNNING is contended, by compare-and-swap. */
enum {
    WSB__IDLE = 0,
    WSB__RUNNING = 1,
    WSB__OBSERVED = 2, /* another thread reads usage, for nanoseconds: callers spin */
    WSB__CLOSED = 3,   /* ended by a trap, an exit, a deadline …: never called again */
    WSB__HELD = 4,     /* between the calls of a sequence: only its thread may call */
    WSB__RESERVED = 5, /* for asynchronous calls that wait for their turn: nobody else may call */
    WSB__SUSPENDED = 6 /* in a call that no thread runs: see fiber.h */
};

/* What the watchdog knows of an instance. The calling thread writes the atomics, the watchdog
 * everything above `state` (under its lock). */
typedef struct wsb__watch {
    struct wsb__watch *previous;
    struct wsb__watch *next;
    bool cancelled;           /* interrupt until it stops */
    bool pressing;            /* counted in the watchdog's `pressing` */
    uint64_t due_since;       /* ticks; 0: it is not due */
    int wait_fd;              /* eventfd + 1 of the thread that waits in a host function, or 0 */
    _Atomic uint32_t state;   /* the instance's */
    _Atomic bool listed;      /* on the list: the watchdog looks by itself */
    _Atomic uint64_t started; /* ticks at the start of the present call; 0: none */
    _Atomic int cpu_clock;    /* clockid_t of the calling thread */
    /* The thread's CPU time at the start of the call's part on it, at most 1 ms early; UINT64_MAX
     * between parts. And what the parts before it took. */
    _Atomic uint64_t cpu_base;
    _Atomic uint64_t cpu_before;
    uint64_t wall_limit_ticks; /* UINT64_MAX: none; these three are fixed at creation */
    uint64_t cpu_limit_ns;     /* UINT64_MAX: none */
    uint64_t shortest_ticks;   /* the shorter of the two */
    void (*interrupt)(void *engine);
    void *engine;
} wsb__watch;

typedef struct wsb__watchdog {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct wsb__watch *first;
    uint64_t wake_at; /* ticks at which it looks next; UINT64_MAX: when told */
    bool stopping;
    bool started;
    /* Instances that became due some milliseconds ago at most and still run: others make room. */
    _Atomic uint32_t pressing;
    bool holding; /* others may be waiting for that */
} wsb__watchdog;

WSB_NODISCARD wsb_status wsb__watchdog_init(wsb__watchdog *watchdog, wsb_error **out_error);
void wsb__watchdog_fini(wsb__watchdog *watchdog);

/* Puts an instance on the list; starts the thread when first used. False when it cannot start. */
bool wsb__watchdog_add(wsb__watchdog *watchdog, wsb__watch *watch);

/* CPU time of a running call whose thread's is `thread_cpu`. */
static inline uint64_t wsb__watch_cpu_used(const wsb__watch *watch, uint64_t thread_cpu)
{
    uint64_t base =
        atomic_load_explicit((_Atomic uint64_t *)&watch->cpu_base, memory_order_relaxed);
    uint64_t before =
        atomic_load_explicit((_Atomic uint64_t *)&watch->cpu_before, memory_order_relaxed);
    return before + (thread_cpu > base ? thread_cpu - base : 0);
}

/* Takes it off, before the instance goes. */
void wsb__watchdog_remove(wsb__watchdog *watchdog, wsb__watch *watch);

/* Interrupts the instance, also where it waits, until it stops. */
void wsb__watchdog_cancel(wsb__watchdog *watchdog, wsb__watch *watch);

/* A call that was due has ended: nobody makes room for it any more. */
void wsb__watchdog_settle(wsb__watchdog *watchdog, wsb__watch *watch);

/* On the thread of a guest that is not due: lets those that are have the processor. */
void wsb__watchdog_make_room(wsb__watchdog *watchdog);

/* From now on an interrupt of this call goes there. */
void wsb__watchdog_redirect(wsb__watchdog *watchdog, wsb__watch *watch,
                            void (*interrupt)(void *engine), void *engine);

/* Tells (fd >= 0) or forgets (-1) the eventfd that ends a wait of this instance. */
void wsb__watchdog_set_wait(wsb__watchdog *watchdog, wsb__watch *watch, int fd);

#endif
