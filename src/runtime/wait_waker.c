#include "runtime/wait_waker.h"

#include "core/alloc.h"
#include "core/waker.h"

#include <pthread.h>
#include <unistd.h>

typedef struct wsb__wait_waker {
    wsb_waker base;
    unsigned fork_generation;
    uint64_t host_call; /* of the instance, that took it: its `host_calls` then */
    pthread_mutex_t lock;
    bool ended;
    bool woken;
    int fd;          /* eventfd + 1; 0: none */
    wsb__task *task; /* NULL: none */
} wait_waker;

/* A wake before the guest waits costs a lock that nobody else holds. The target is woken with the
 * lock held: it stays until the wait has taken the aim back. */
static void wake(wsb_waker *base)
{
    wait_waker *waker = (wait_waker *)base;
    if (waker->fork_generation != atomic_load(&wsb__fork_generation)) {
        return; /* in a forked child, where nobody waits and the lock may be held for good */
    }
    pthread_mutex_lock(&waker->lock);
    if (!waker->ended && !waker->woken) {
        waker->woken = true;
        if (waker->task != NULL) {
            wsb__task_wake(waker->task);
        } else if (waker->fd > 0) {
            uint64_t one = 1;
            ssize_t written = write(waker->fd - 1, &one, sizeof one);
            (void)written; /* full means that a wake-up is pending already */
        }
    }
    pthread_mutex_unlock(&waker->lock);
}

static void destroy(wsb_waker *base)
{
    wait_waker *waker = (wait_waker *)base;
    pthread_mutex_destroy(&waker->lock);
    wsb__free(waker);
}

static wait_waker *create(void)
{
    wait_waker *waker = wsb__calloc(1, sizeof *waker);
    if (waker == NULL) {
        return NULL;
    }
    wsb__waker_init(&waker->base, wake, destroy);
    waker->fork_generation = atomic_load(&wsb__fork_generation);
    pthread_mutex_init(&waker->lock, NULL);
    return waker;
}

/* Whether it is for the wait that the present host function makes or is about to make. */
static bool is_present(const wsb_instance *instance, const wait_waker *waker)
{
    return waker != NULL && !waker->ended &&
           waker->host_call == atomic_load_explicit(&instance->host_calls, memory_order_relaxed);
}

/* The last one, where nobody else has it any more: the usual case of a guest that waits again and
 * again. */
static bool reuse(wait_waker *waker)
{
    if (waker == NULL || atomic_load_explicit(&waker->base.refs, memory_order_acquire) != 1) {
        return false;
    }
    waker->ended = false;
    waker->woken = false;
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
    wait_waker *waker = instance->waker;
    if (!is_present(instance, waker)) {
        return false;
    }
    pthread_mutex_lock(&waker->lock);
    bool woken = waker->woken;
    pthread_mutex_unlock(&waker->lock);
    return woken;
}

static bool aim(wsb_instance *instance, int fd, wsb__task *task)
{
    wait_waker *waker = instance->waker;
    if (!is_present(instance, waker)) {
        return false;
    }
    pthread_mutex_lock(&waker->lock);
    bool woken = waker->woken;
    if (!woken) {
        waker->fd = fd + 1;
        waker->task = task;
    }
    pthread_mutex_unlock(&waker->lock);
    return woken;
}

bool wsb__wait_waker_aim_at_fd(wsb_instance *instance, int fd)
{
    return aim(instance, fd, NULL);
}

bool wsb__wait_waker_aim_at_task(wsb_instance *instance, wsb__task *task)
{
    return aim(instance, -1, task);
}

static void lower(wait_waker *waker, bool ended)
{
    if (waker == NULL || waker->ended) {
        return;
    }
    pthread_mutex_lock(&waker->lock);
    waker->ended = ended;
    waker->fd = 0;
    waker->task = NULL;
    pthread_mutex_unlock(&waker->lock);
}

void wsb__wait_waker_lower(wsb_instance *instance)
{
    lower(instance->waker, false);
}

void wsb__wait_waker_end(wsb_instance *instance)
{
    lower(instance->waker, true);
}

void wsb__wait_waker_release(wsb_instance *instance)
{
    if (instance->waker != NULL) {
        wsb__wait_waker_end(instance);
        wsb_waker_unref(&instance->waker->base);
        instance->waker = NULL;
    }
}
