#include "runtime/wait.h"

#include "core/alloc.h"
#include "runtime/nest.h"
#include "runtime/ticks.h"
#include "runtime/wait_waker.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* Descriptors of one wait that need no allocation; a guest polls a handful. */
enum { FDS_ON_STACK = 16 };

void wsb_call_context_wait(wsb_call_context *context, struct pollfd *fds, size_t fd_count,
                           uint64_t timeout_ns, wsb_resume_fn resume, void (*drop)(void *state),
                           void *state)
{
    wsb__pending *pending = &((wsb_instance *)context)->pending;
    ((wsb_instance *)context)->wait_began = UINT64_MAX; /* not yet */
    *pending = (wsb__pending){.fds = fds,
                              .fd_count = fds != NULL ? fd_count : 0,
                              .timeout_ns = timeout_ns,
                              .resume = resume,
                              .drop = drop,
                              .state = state};
}

static uint64_t shorter(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* One ppoll(2) over the wait's descriptors and the wake-up, the last. False where the system
 * refuses: more descriptors than the process may have, or no memory. */
static bool poll_once(const wsb__pending *pending, struct pollfd *all, uint64_t timeout_ns,
                      bool *out_ready)
{
    struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / 1000000000u),
                               .tv_nsec = (long)(timeout_ns % 1000000000u)};
    size_t bytes = pending->fd_count * sizeof *all;
    if (bytes > 0) {
        memcpy(all, pending->fds, bytes);
    }
    int ready = ppoll(all, pending->fd_count + 1, timeout_ns == UINT64_MAX ? NULL : &timeout, NULL);
    if (ready < 0) {
        *out_ready = false; /* a signal of the host's: the caller looks */
        return errno == EINTR;
    }
    if (bytes > 0) {
        memcpy(pending->fds, all, bytes); /* also where none is ready: a waker may have ended it */
    }
    bool woken = all[pending->fd_count].revents != 0;
    if (woken) {
        uint64_t count;
        ssize_t got = read(all[pending->fd_count].fd, &count, sizeof count);
        (void)got;
    }
    *out_ready = ready > (woken ? 1 : 0);
    return true;
}

/* How long it may still wait; 0 where its own timeout passed. */
static uint64_t time_left(const wsb__pending *pending, uint64_t start)
{
    if (pending->timeout_ns == UINT64_MAX || pending->timeout_ns == 0) {
        return pending->timeout_ns;
    }
    uint64_t waited = wsb__monotonic_ns() - start;
    return pending->timeout_ns - shorter(waited, pending->timeout_ns);
}

/* Waits until something is ready, its waker is woken or the wait's own timeout passed: true; or
 * until the guest is due: false. */
static bool wait_under_deadline(wsb_instance *instance, const wsb__pending *pending,
                                struct pollfd *all, bool *out_ready)
{
    wsb_call_context *context = (wsb_call_context *)instance;
    uint64_t start = wsb__monotonic_ns();
    instance->wait_began = wsb__ticks();
    int wake_fd = all[pending->fd_count].fd;
    bool woken = wsb__wait_waker_aim_at_fd(instance, wake_fd);
    *out_ready = false;
    for (uint64_t left = pending->timeout_ns;; left = time_left(pending, start)) {
        wsb_status due = wsb__due(instance);
        if (due != WSB_OK) {
            instance->ending.status = due;
            instance->ending.message[0] = '\0';
            return false;
        }
        if (left == 0 && pending->timeout_ns != 0) {
            return true;
        }
        /* Woken early, it still looks which descriptors are ready. */
        uint64_t timeout = woken ? 0 : shorter(left, wsb_call_context_remaining(context));
        if ((!woken || pending->fd_count > 0) && !poll_once(pending, all, timeout, out_ready)) {
            wsb_call_context_fail(context, WSB_ERROR_IO, "cannot wait for %zu descriptors: %s",
                                  pending->fd_count, strerrorname_np(errno));
            return false;
        }
        *out_ready = *out_ready || woken || wsb__wait_waker_woken(instance);
        if (*out_ready || pending->timeout_ns == 0) {
            return true;
        }
    }
}

/* The descriptors of a wait with room for the wake-up; NULL when out of memory. */
static struct pollfd *poll_set(const wsb__pending *pending, struct pollfd *on_stack, int wake_fd)
{
    struct pollfd *all = on_stack;
    if (pending->fd_count >= FDS_ON_STACK) {
        all = pending->fd_count < SIZE_MAX ? wsb__calloc(pending->fd_count + 1, sizeof *all) : NULL;
    }
    if (all != NULL) {
        all[pending->fd_count] = (struct pollfd){.fd = wake_fd, .events = POLLIN};
    }
    return all;
}

void wsb__wait_drop(wsb_instance *instance)
{
    wsb__pending pending = wsb__wait_take(instance);
    if (pending.drop != NULL) {
        pending.drop(pending.state);
    }
}

wsb__pending wsb__wait_take(wsb_instance *instance)
{
    wsb__pending pending = instance->pending;
    memset(&instance->pending, 0, sizeof instance->pending);
    wsb__wait_waker_end(instance);
    return pending;
}

void wsb__wait_not_asked(wsb_instance *instance)
{
    wsb_call_context_fail((wsb_call_context *)instance, WSB_ERROR_INTERNAL,
                          "it is pending and cannot be waited for");
}

static wsb_host_result wait_once(wsb_instance *instance, wsb_raw_value *values, int wake_fd)
{
    struct pollfd on_stack[FDS_ON_STACK];
    bool ready = false;
    bool go_on = false;
    struct pollfd *all = poll_set(&instance->pending, on_stack, wake_fd);
    if (instance->pending.resume == NULL) {
        wsb__wait_not_asked(instance);
    } else if (all == NULL) {
        wsb_call_context_fail((wsb_call_context *)instance, WSB_ERROR_OUT_OF_MEMORY,
                              "no memory to wait for %zu descriptors", instance->pending.fd_count);
    } else {
        go_on = wait_under_deadline(instance, &instance->pending, all, &ready);
    }
    if (all != on_stack) {
        wsb__free(all);
    }
    if (!go_on) {
        wsb__wait_drop(instance);
        return WSB_HOST_TRAP;
    }
    wsb__pending pending = wsb__wait_take(instance);
    instance->wait_ended = wsb__ticks();
    return pending.resume((wsb_call_context *)instance, values, ready, pending.state);
}

wsb_host_result wsb__wait_out(wsb_instance *instance, wsb_raw_value *values)
{
    int wake_fd = wsb__thread_wake_fd(instance->thread);
    wsb_host_result result = WSB_HOST_PENDING;
    /* Without a descriptor to be woken by, a cancellation would come only after the wait. */
    if (wake_fd < 0) {
        wsb__wait_drop(instance);
        wsb_call_context_fail((wsb_call_context *)instance, WSB_ERROR_IO,
                              "no descriptor is left to wait with");
        return WSB_HOST_TRAP;
    }
    wsb__nest_set_wait(instance, wake_fd);
    while (result == WSB_HOST_PENDING) {
        result = wait_once(instance, values, wake_fd);
    }
    wsb__nest_set_wait(instance, -1);
    return result;
}
