#include "runtime/watchdog.h"

#include "runtime/thread.h"
#include "runtime/ticks.h"

#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <wasm_sandbox/plugin/error.h>

/* How soon an instance that is due and has not stopped is interrupted again; for how long others
 * make room for it: one that is in a long bulk operation cannot use it. */
enum { AGAIN_NS = 1000000, PRESS_NS = 10000000, MAX_ROUNDS = 4, SLICE_NS = 100000 };

/* How long it rests at least between two looks, so that others get the lock however many
 * instances there are to look at. */
enum { REST_NS = 20000 };

wsb_status wsb__watchdog_init(wsb__watchdog *watchdog, wsb_error **out_error)
{
    pthread_condattr_t attributes;
    memset(watchdog, 0, sizeof *watchdog);
    watchdog->wake_at = UINT64_MAX;
    if (pthread_condattr_init(&attributes) != 0) {
        return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL, "no memory for a watchdog");
    }
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    int failed = pthread_cond_init(&watchdog->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    if (failed != 0 || pthread_mutex_init(&watchdog->lock, NULL) != 0) {
        return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL, "no memory for a watchdog");
    }
    return WSB_OK;
}

void wsb__watchdog_fini(wsb__watchdog *watchdog)
{
    if (watchdog->started) {
        pthread_mutex_lock(&watchdog->lock);
        watchdog->stopping = true;
        pthread_cond_signal(&watchdog->wake);
        pthread_mutex_unlock(&watchdog->lock);
        pthread_join(watchdog->thread, NULL);
    }
    pthread_cond_destroy(&watchdog->wake);
    pthread_mutex_destroy(&watchdog->lock);
}

static bool is_running(wsb__watch *watch)
{
    return atomic_load(&watch->state) == WSB__RUNNING;
}

static void unlink_watch(wsb__watchdog *watchdog, wsb__watch *watch)
{
    if (watch->previous != NULL) {
        watch->previous->next = watch->next;
    } else {
        watchdog->first = watch->next;
    }
    if (watch->next != NULL) {
        watch->next->previous = watch->previous;
    }
    watch->previous = NULL;
    watch->next = NULL;
}

static void link_watch(wsb__watchdog *watchdog, wsb__watch *watch)
{
    watch->previous = NULL;
    watch->next = watchdog->first;
    if (watch->next != NULL) {
        watch->next->previous = watch;
    }
    watchdog->first = watch;
    atomic_store(&watch->listed, true);
}

/* Ticks from `now` until the running call could be due; 0 when it is. */
static uint64_t until_due(wsb__watch *watch, uint64_t now)
{
    uint64_t started = atomic_load_explicit(&watch->started, memory_order_relaxed);
    uint64_t elapsed = started != 0 && now > started ? now - started : 0; /* 0: just starting */
    if (elapsed < watch->shortest_ticks) {
        return watch->shortest_ticks - elapsed;
    }
    if (elapsed >= watch->wall_limit_ticks) {
        return 0;
    }
    /* Only the CPU time can be used up. It runs no faster than the clock. */
    uint64_t used = wsb__watch_cpu_used(
        watch, wsb__cpu_clock_ns(atomic_load_explicit(&watch->cpu_clock, memory_order_relaxed)));
    if (used >= watch->cpu_limit_ns) {
        return 0;
    }
    uint64_t left = wsb__ns_to_ticks(watch->cpu_limit_ns - used) + 1;
    uint64_t wall_left = watch->wall_limit_ticks - elapsed;
    return left < wall_left ? left : wall_left;
}

static void wake_waiter(const wsb__watch *watch)
{
    if (watch->wait_fd > 0) {
        uint64_t one = 1;
        ssize_t written = write(watch->wait_fd - 1, &one, sizeof one);
        (void)written; /* full means that a wake-up is pending already */
    }
}

/* With the lock held. */
static void set_pressing(wsb__watchdog *watchdog, wsb__watch *watch, bool pressing)
{
    if (watch->pressing == pressing) {
        return;
    }
    watch->pressing = pressing;
    if (pressing) {
        watchdog->holding = true;
        atomic_fetch_add(&watchdog->pressing, 1);
    } else {
        atomic_fetch_sub(&watchdog->pressing, 1);
    }
}

static void not_due(wsb__watchdog *watchdog, wsb__watch *watch)
{
    watch->due_since = 0;
    set_pressing(watchdog, watch, false);
}

static void interrupt_due(wsb__watchdog *watchdog, wsb__watch *watch, uint64_t now)
{
    if (watch->due_since == 0) {
        watch->due_since = now;
    }
    set_pressing(watchdog, watch, now - watch->due_since < wsb__ns_to_ticks(PRESS_NS));
    watch->interrupt(watch->engine);
}

void wsb__watchdog_settle(wsb__watchdog *watchdog, wsb__watch *watch)
{
    pthread_mutex_lock(&watchdog->lock);
    not_due(watchdog, watch);
    pthread_mutex_unlock(&watchdog->lock);
}

/* Waits until nobody presses any more. All must wait until then: a thread that goes on would have
 * the processor before the one whose time is up, which has had more than its share of it. On a busy
 * machine a thread is let go, and before it runs at all the next call is due: it waits again, or it
 * would go on until the next interrupt. */
void wsb__watchdog_make_room(wsb__watchdog *watchdog)
{
    const struct timespec limit = {.tv_nsec = PRESS_NS};
    for (int round = 0; round < MAX_ROUNDS; round++) {
        uint32_t pressing = atomic_load_explicit(&watchdog->pressing, memory_order_relaxed);
        if (pressing == 0) {
            return;
        }
        syscall(SYS_futex, &watchdog->pressing, FUTEX_WAIT_PRIVATE, pressing, &limit, NULL, 0);
    }
}

/* The watchdog itself lets those go on that made room, at its next look: the call that was due also
 * needs the processor to return to its caller, and whoever wakes fifty threads runs after them. */
static void release_waiting(wsb__watchdog *watchdog)
{
    if (watchdog->holding && atomic_load(&watchdog->pressing) == 0) {
        watchdog->holding = false;
        syscall(SYS_futex, &watchdog->pressing, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
    }
}

/* Looks at one instance; gives ticks until it must be looked at again, UINT64_MAX for never. */
static uint64_t look(wsb__watchdog *watchdog, wsb__watch *watch, uint64_t now)
{
    if (!is_running(watch)) {
        /* It lists itself again when it next starts; it may just have done so. */
        atomic_store(&watch->listed, false);
        if (!is_running(watch)) {
            watch->cancelled = false;
            not_due(watchdog, watch);
            unlink_watch(watchdog, watch);
            return UINT64_MAX;
        }
        atomic_store(&watch->listed, true);
    }
    uint64_t left = watch->cancelled ? 0 : until_due(watch, now);
    if (left == 0) {
        interrupt_due(watchdog, watch, now);
        return wsb__ns_to_ticks(AGAIN_NS);
    }
    not_due(watchdog, watch);
    return left;
}

static uint64_t look_at_all(wsb__watchdog *watchdog)
{
    uint64_t now = wsb__ticks();
    uint64_t soonest = UINT64_MAX;
    wsb__watch *next;
    wsb__ticks_refine();
    for (wsb__watch *watch = watchdog->first; watch != NULL; watch = next) {
        next = watch->next;
        uint64_t left = look(watchdog, watch, now);
        soonest = left < soonest ? left : soonest;
    }
    release_waiting(watchdog);
    return soonest == UINT64_MAX || soonest > UINT64_MAX - now ? UINT64_MAX : now + soonest;
}

static void wait_until(wsb__watchdog *watchdog, uint64_t at)
{
    uint64_t now = wsb__ticks();
    if (at == UINT64_MAX) {
        pthread_cond_wait(&watchdog->wake, &watchdog->lock);
        return;
    }
    uint64_t ns = at > now ? wsb__ticks_to_ns(at - now) : 0;
    uint64_t limit = (uint64_t)3600 * 1000000000u; /* it looks again at least every hour */
    ns = ns < limit ? ns : limit;
    uint64_t until = wsb__monotonic_ns() + (ns > REST_NS ? ns : REST_NS);
    struct timespec absolute = {.tv_sec = (time_t)(until / 1000000000u),
                                .tv_nsec = (long)(until % 1000000000u)};
    pthread_cond_timedwait(&watchdog->wake, &watchdog->lock, &absolute);
}

/* struct sched_attr of sched_setattr(2), which Debian 12's C library does not declare. */
typedef struct scheduling {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime;
    uint64_t deadline;
    uint64_t period;
} scheduling;

/* A watchdog that waits for the processor is no watchdog. Where the process may (as root, or with
 * RLIMIT_RTPRIO), it takes the lowest real-time priority: its work is a few microseconds for each
 * call that ran out of time. Elsewhere it asks for short slices, so that a wake-up is served soon
 * (Linux 6.12 and later; before that it changes nothing). */
static void ask_for_prompt_wake_ups(void)
{
    const struct sched_param lowest = {.sched_priority = sched_get_priority_min(SCHED_RR)};
    scheduling now = {.size = sizeof now};
    if (pthread_setschedparam(pthread_self(), SCHED_RR, &lowest) != 0 &&
        syscall(SYS_sched_getattr, 0, &now, sizeof now, 0) == 0) {
        now.runtime = SLICE_NS;
        syscall(SYS_sched_setattr, 0, &now, 0);
    }
}

static void *run(void *argument)
{
    wsb__watchdog *watchdog = argument;
    ask_for_prompt_wake_ups();
    pthread_mutex_lock(&watchdog->lock);
    while (!watchdog->stopping) {
        watchdog->wake_at = look_at_all(watchdog);
        wait_until(watchdog, watchdog->wake_at);
    }
    pthread_mutex_unlock(&watchdog->lock);
    return NULL;
}

/* With the lock held. The thread takes no signals: they are the host's. */
static bool start(wsb__watchdog *watchdog)
{
    sigset_t all;
    sigset_t before;
    pthread_attr_t attributes;
    if (watchdog->started) {
        return true;
    }
    if (pthread_attr_init(&attributes) != 0) {
        return false;
    }
    pthread_attr_setstacksize(&attributes, (size_t)256 * 1024);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    watchdog->started = pthread_create(&watchdog->thread, &attributes, run, watchdog) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return watchdog->started;
}

/* With the lock held. */
static void wake_by(wsb__watchdog *watchdog, uint64_t at)
{
    if (at < watchdog->wake_at) {
        watchdog->wake_at = at;
        pthread_cond_signal(&watchdog->wake);
    }
}

bool wsb__watchdog_add(wsb__watchdog *watchdog, wsb__watch *watch)
{
    pthread_mutex_lock(&watchdog->lock);
    bool ok = start(watchdog);
    if (ok && !atomic_load(&watch->listed)) {
        uint64_t now = wsb__ticks();
        uint64_t left = until_due(watch, now); /* a call that goes on has less than a new one */
        link_watch(watchdog, watch);
        if (left <= UINT64_MAX - now) {
            wake_by(watchdog, now + left);
        }
    }
    pthread_mutex_unlock(&watchdog->lock);
    return ok;
}

void wsb__watchdog_remove(wsb__watchdog *watchdog, wsb__watch *watch)
{
    pthread_mutex_lock(&watchdog->lock);
    if (atomic_load(&watch->listed)) {
        not_due(watchdog, watch);
        unlink_watch(watchdog, watch);
        atomic_store(&watch->listed, false);
    }
    pthread_mutex_unlock(&watchdog->lock);
}

void wsb__watchdog_cancel(wsb__watchdog *watchdog, wsb__watch *watch)
{
    pthread_mutex_lock(&watchdog->lock);
    if (is_running(watch)) {
        watch->cancelled = true;
        wake_waiter(watch);
        interrupt_due(watchdog, watch, wsb__ticks());
        /* One interrupt can come just before the guest looks away; the watchdog repeats it. */
        if (start(watchdog)) {
            if (!atomic_load(&watch->listed)) {
                link_watch(watchdog, watch);
            }
            wake_by(watchdog, 0);
        }
    }
    pthread_mutex_unlock(&watchdog->lock);
}

void wsb__watchdog_redirect(wsb__watchdog *watchdog, wsb__watch *watch,
                            void (*interrupt)(void *engine), void *engine)
{
    pthread_mutex_lock(&watchdog->lock);
    watch->interrupt = interrupt;
    watch->engine = engine;
    pthread_mutex_unlock(&watchdog->lock);
}

void wsb__watchdog_set_wait(wsb__watchdog *watchdog, wsb__watch *watch, int fd)
{
    pthread_mutex_lock(&watchdog->lock);
    watch->wait_fd = fd + 1;
    pthread_mutex_unlock(&watchdog->lock);
}
