/* Host functions that are pending in guests that are suspended meanwhile. */
#include "runtime/fiber_wait.h"

#include "runtime/fiber.h"
#include "runtime/host_call.h"
#include "runtime/ticks.h"
#include "runtime/wait.h"
#include "runtime/wait_waker.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

wsb_host_result wsb__fiber_suspend_host(wsb_instance *instance)
{
    wsb__fiber *fiber = instance->fiber;
    const wsb__pending *pending = &instance->pending;
    if (pending->resume == NULL) {
        wsb__wait_drop(instance);
        wsb__wait_not_asked(instance);
        return WSB_HOST_TRAP;
    }
    uint64_t now = wsb__monotonic_ns();
    fiber->pending = true;
    fiber->wait = WSB__WAIT_GOES_ON;
    fiber->until_ns =
        pending->timeout_ns < UINT64_MAX - now ? now + pending->timeout_ns : UINT64_MAX;
    return WSB_HOST_PENDING;
}

/* Why a wait cannot go on, for the guest that ends by it. */
static void fail_wait(wsb_instance *instance, wsb_status status, const char *why)
{
    wsb_call_context_fail((wsb_call_context *)instance, status,
                          "cannot wait for %zu descriptors: %s", instance->pending.fd_count, why);
    instance->fiber->wait = WSB__WAIT_FAILED;
}

/* Which descriptors are ready now: true where one is, or none can be asked. */
static bool look_at_descriptors(wsb_instance *instance)
{
    const wsb__pending *pending = &instance->pending;
    int ready = pending->fd_count > 0 ? poll(pending->fds, pending->fd_count, 0) : 0;
    if (ready < 0 && errno != EINTR) {
        fail_wait(instance, WSB_ERROR_IO, strerrorname_np(errno));
        return true;
    }
    if (ready > 0) {
        instance->fiber->wait = WSB__WAIT_READY;
    }
    return ready > 0;
}

bool wsb__fiber_wait_is_over(wsb_instance *instance)
{
    wsb__fiber *fiber = instance->fiber;
    if (fiber->wait != WSB__WAIT_GOES_ON) {
        return true;
    }
    wsb_status due = wsb__due(instance);
    if (due != WSB_OK) {
        instance->ending.status = due;
        instance->ending.message[0] = '\0';
        fiber->wait = WSB__WAIT_DUE;
        return true;
    }
    if (look_at_descriptors(instance)) {
        return true;
    }
    if (wsb__wait_waker_woken(instance)) {
        fiber->wait = WSB__WAIT_READY;
    } else if (fiber->until_ns != UINT64_MAX && wsb__monotonic_ns() >= fiber->until_ns) {
        fiber->wait = WSB__WAIT_TIMED_OUT;
    }
    return fiber->wait != WSB__WAIT_GOES_ON;
}

wsb_host_result wsb__fiber_resume_host(void *context, void *caller, wsb_raw_value *values)
{
    wsb_instance *instance = context;
    wsb__fiber *fiber = instance->fiber;
    wsb_host_result result = WSB_HOST_TRAP;
    if (!fiber->pending) {
        wsb_call_context_fail(context, WSB_ERROR_INTERNAL, "it is resumed and was not pending");
        return WSB_HOST_TRAP;
    }
    fiber->pending = false;
    instance->caller = caller;
    if (fiber->wait == WSB__WAIT_READY || fiber->wait == WSB__WAIT_TIMED_OUT) {
        wsb__pending pending = wsb__wait_take(instance);
        result = pending.resume(context, values, fiber->wait == WSB__WAIT_READY, pending.state);
        result = wsb__host_call_settle(instance, values, result);
    } else {
        wsb__wait_drop(instance);
    }
    instance->caller = NULL;
    return result;
}

/* Nanoseconds of CLOCK_MONOTONIC at which the call's deadline comes; UINT64_MAX: never. */
static uint64_t deadline_ns(wsb_instance *instance)
{
    uint64_t remaining = wsb_call_context_remaining((wsb_call_context *)instance);
    uint64_t now = wsb__monotonic_ns();
    return remaining < UINT64_MAX - now ? now + remaining : UINT64_MAX;
}

void wsb__fiber_arm_wait(wsb_instance *instance, wsb__task *task)
{
    wsb__fiber *fiber = instance->fiber;
    uint64_t deadline = deadline_ns(instance);
    if (deadline <= wsb__monotonic_ns()) {
        wsb__task_hurry(task);
        return;
    }
    if (!fiber->pending) {
        /* It yielded, and is in the queue: only the deadline is to be watched. Without memory for
         * that, it is looked at in its turn. */
        task->timer.hurry = true;
        wsb_status status = wsb__task_watch(task, NULL, 0, deadline);
        (void)status;
        return;
    }
    const wsb__pending *pending = &instance->pending;
    bool over = wsb__wait_waker_aim_at_task(instance, task);
    uint64_t until = fiber->until_ns < deadline ? fiber->until_ns : deadline;
    task->timer.hurry = deadline <= fiber->until_ns;
    if (!over) {
        wsb_status status = wsb__task_watch(task, pending->fds, pending->fd_count, until);
        if (status != WSB_OK) {
            fail_wait(instance, status, wsb_status_text(status));
            over = true;
        }
    }
    if (over) {
        wsb__task_wake(task);
    }
}
