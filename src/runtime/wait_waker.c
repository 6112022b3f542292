#include "runtime/wait_waker.h"

#include "core/alloc.h"
#include "core/waker.h"

#include <sched.h>
#include <unistd.h>

/* OPEN → AIMED → WAKING → WOKEN, or OPEN → WOKEN; the thread of the wait takes an aim back, AIMED →
 * OPEN, and ends it. */
enum { OPEN, AIMED, WAKING, WOKEN, ENDED };

typedef struct wsb__wait_waker {
    wsb_waker base;
    unsigned fork_generation;
    uint64_t host_call; /* of the instance, that took it: its `host_calls` then */
    _Atomic uint32_t state;
    int fd;          /* where it is aimed at: an eventfd, or */
    wsb__task *task; /* NULL: the eventfd */
} wait_waker;

static bool change(wait_waker *waker, uint32_t from, uint32_t to)
{
    return atomic_compare_exchange_strong(&waker->state, &from, to);
}

static bool is_forked(const wait_waker *waker)
{
    return waker->fork_generation != atomic_load(&wsb__fork_generation);
}

/* The target stays until the wait has taken the aim back, which waits for a wake that is under way.
 */
static void wake(wsb_waker *base)
{
    wait_waker *waker = (wait_waker *)base;
    if (is_forked(waker)) {
        return; /* in a child nobody waits */
    }
    while (!change(waker, AIMED, WAKING)) {
        uint32_t state = atomic_load(&waker->state);
        if ((state != OPEN && state != AIMED) || change(waker, OPEN, WOKEN)) {
            return;
        }
    }
    if (waker->task != NULL) {
        wsb__task_wake(waker->task);
    } else {
        uint64_t one = 1;
        ssize_t written = write(waker->fd, &one, sizeof one);
        (void)written; /* full means that a wake-up is pending already */
    }
    atomic_store_explicit(&waker->state, WOKEN, memory_order_release);
}

static void destroy(wsb_waker *base)
{
    wsb__free((wait_waker *)base);
}

static wait_waker *create(void)
{
    wait_waker *waker = wsb__calloc(1, sizeof *waker);
    if (waker == NULL) {
        return NULL;
    }
    wsb__waker_init(&waker->base, wake, destroy);
    waker->fork_generation = atomic_load(&wsb__fork_generation);
    return waker;
}

/* Whether it is for the wait that the present host function makes or is about to make. */
static bool is_present(const wsb_instance *instance, const wait_waker *waker)
{
    return waker != NULL && atomic_load_explicit(&waker->state, memory_order_relaxed) != ENDED &&
           waker->host_call == atomic_load_explicit(&instance->host_calls, memory_order_relaxed);
}

/* The last one, where nobody else has it any more: the usual case of a guest that waits again and
 * again. */
static bool reuse(wait_waker *waker)
{
    if (waker == NULL || atomic_load_explicit(&waker->base.refs, memory_order_acquire) != 1) {
        return false;
    }
    atomic_store_explicit(&waker->state, OPEN, memory_order_relaxed);
    return true;
}

wsb_waker *wsb_call_context_waker(wsb_call_context *context)
{
    wsb_instance *instance = (wsb_instance *)context;
    wait_waker *waker = instance->waker;
    if (is_present(instance, waker)) {
        return wsb_waker_ref(&waker->base);
    }
    wsb__wait_waker_end(instance); /* its host function did not wait */
    if (!reuse(waker)) {
        waker = create();
        if (waker == NULL) {
            return NULL;
        }
        wsb__wait_waker_release(instance);
        instance->waker = waker;
    }
    waker->host_call = atomic_load_explicit(&instance->host_calls, memory_order_relaxed);
    return wsb_waker_ref(&waker->base);
}

bool wsb__wait_waker_woken(const wsb_instance *instance)
{
    const wait_waker *waker = instance->waker;
    if (!is_present(instance, waker)) {
        return false;
    }
    uint32_t state = atomic_load_explicit(&waker->state, memory_order_acquire);
    return state == WAKING || state == WOKEN;
}

static bool aim(wsb_instance *instance, int fd, wsb__task *task)
{
    wait_waker *waker = instance->waker;
    if (!is_present(instance, waker)) {
        return false;
    }
    if (atomic_load_explicit(&waker->state, memory_order_acquire) == OPEN) {
        waker->fd = fd;
        waker->task = task;
    }
    return !change(waker, OPEN, AIMED);
}

bool wsb__wait_waker_aim_at_fd(wsb_instance *instance, int fd)
{
    return aim(instance, fd, NULL);
}

bool wsb__wait_waker_aim_at_task(wsb_instance *instance, wsb__task *task)
{
    return aim(instance, -1, task);
}

static void lower(wait_waker *waker)
{
    if (waker == NULL || is_forked(waker)) {
        return;
    }
    uint32_t state = atomic_load_explicit(&waker->state, memory_order_acquire);
    while (state == WAKING || (state == AIMED && !change(waker, AIMED, OPEN))) {
        sched_yield(); /* the last instructions of a wake */
        state = atomic_load_explicit(&waker->state, memory_order_acquire);
    }
}

void wsb__wait_waker_lower(wsb_instance *instance)
{
    lower(instance->waker);
}

void wsb__wait_waker_end(wsb_instance *instance)
{
    wait_waker *waker = instance->waker;
    lower(waker);
    if (waker != NULL) {
        atomic_store_explicit(&waker->state, ENDED, memory_order_relaxed);
    }
}

void wsb__wait_waker_release(wsb_instance *instance)
{
    if (instance->waker != NULL) {
        wsb__wait_waker_end(instance);
        wsb_waker_unref(&instance->waker->base);
        instance->waker = NULL;
    }
}
