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
    fiber->pending = true;
    fiber->wait = WSB__WAIT_GOES_ON;
    fiber->until_ns = wsb__monotonic_in(pending->timeout_ns);
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

bool wsb__fiber_wait_is_over(wsb_instance *instance, uint64_t now)
{
    wsb__fiber *fiber = instance->fiber;
    if (fiber->wait != WSB__WAIT_GOES_ON) {
        return true;
    }
    wsb_status due = wsb__due_at(instance, now);
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
        if (result != WSB_HOST_DONE || !pending.brief || instance->ending.status != WSB_OK) {
            result = wsb__host_call_settle(instance, values, result);
        }
    } else {
        wsb__wait_drop(instance);
    }
    instance->caller = NULL;
    return result;
}

/* Whether the deadline is watched still, and nothing else is to be. It is not taken for known very
 * long: the rate of ticks is measured better and better. */
static bool deadline_is_watched(const wsb_instance *instance, const wsb__task *task)
{
    enum { KNOWN_MS = 1000 };
    const wsb__fiber *fiber = instance->fiber;
    bool known = fiber->deadline_at != 0 &&
                 fiber->slice_started - fiber->deadline_at < KNOWN_MS * wsb__ticks_per_ms;
    bool nothing_else = !fiber->pending ||
                        (instance->pending.fd_count == 0 && fiber->until_ns >= fiber->deadline_ns);
    return known && nothing_else &&
           (fiber->deadline_ns == UINT64_MAX || wsb__task_watches(task, fiber->deadline_ns));
}

/* False where the deadline has come. */
static bool look_up_deadline(wsb_instance *instance)
{
    wsb__fiber *fiber = instance->fiber;
    fiber->deadline_ns =
        wsb__monotonic_in(wsb_call_context_remaining((wsb_call_context *)instance));
    fiber->deadline_at = fiber->slice_started;
    return fiber->deadline_ns == UINT64_MAX || fiber->deadline_ns > wsb__monotonic_ns();
}

static wsb_status watch_deadline(wsb_instance *instance, wsb__task *task)
{
    const wsb__fiber *fiber = instance->fiber;
    const wsb__pending *pending = &instance->pending;
    if (!fiber->pending) {
        task->timer.hurry = true;
        return wsb__task_watch(task, NULL, 0, fiber->deadline_ns);
    }
    bool own = fiber->until_ns < fiber->deadline_ns;
    task->timer.hurry = !own;
    return wsb__task_watch(task, pending->fds, pending->fd_count,
                           own ? fiber->until_ns : fiber->deadline_ns);
}

void wsb__fiber_arm_wait(wsb_instance *instance, wsb__task *task)
{
    const wsb__fiber *fiber = instance->fiber;
    bool watched = deadline_is_watched(instance, task);
    if (!watched) {
        wsb__task_unwatch(task);
        if (!look_up_deadline(instance)) {
            wsb__task_hurry(task);
            return;
        }
    }
    bool over = fiber->pending && wsb__wait_waker_aim_at_task(instance, task);
    if (!over && !watched) {
        wsb_status status = watch_deadline(instance, task);
        /* One that yielded is in the queue: its deadline is looked at in its turn. */
        if (status != WSB_OK && fiber->pending) {
            fail_wait(instance, status, wsb_status_text(status));
            over = true;
        }
    }
    if (over) {
        wsb__task_wake(task);
    }
}
