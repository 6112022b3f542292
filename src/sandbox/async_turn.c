/* Whose instance it is: asynchronous calls among themselves are ordered by their instance's strand;
 * here they meet the blocking ones. */
#include "runtime/instance.h"
#include "runtime/ticks.h"
#include "sandbox/async_call.h"

#include <sched.h>

/* An instance outside of a sandbox does not tell when a blocking call of it ends: its path is the
 * shortest that there is. */
enum { LOOK_AGAIN_NS = 1000000 };

static bool turn_to(wsb_instance *instance, uint32_t from, uint32_t to)
{
    return atomic_compare_exchange_strong(&instance->watch.state, &from, to);
}

void wsb__turn_announce(wsb__async_call *call)
{
    wsb_instance *instance = call->instance;
    atomic_fetch_add(&instance->async_calls, 1);
    /* In a sandbox the slot refuses blocking calls. Where one is running, the turn looks again. */
    if (!call->work.slot)
        (void)turn_to(instance, WSB__IDLE, WSB__RESERVED);
}

bool wsb__turn_give_up(wsb__async_call *call)
{
    wsb_instance *instance = call->instance;
    if (atomic_load(&call->phase) >= WSB__CALL_ENTERED && wsb__instance_is_mine(instance))
        (void)turn_to(instance, WSB__HELD, WSB__IDLE); /* it was never entered */
    if (!call->work.slot && atomic_load(&instance->async_calls) > 1)
        (void)turn_to(instance, WSB__IDLE, WSB__RESERVED);
    bool last = atomic_fetch_sub(&instance->async_calls, 1) == 1;
    if (last)
        (void)turn_to(instance, WSB__RESERVED, WSB__IDLE);
    return last && instance->doomed;
}

/* Whether the instance is reserved now, or closed for good, which the call then says. */
static bool reserve(wsb_instance *instance)
{
    for (;;) {
        uint32_t from = WSB__IDLE;
        if (atomic_compare_exchange_strong(&instance->watch.state, &from, WSB__RESERVED) ||
            from == WSB__RESERVED || from == WSB__CLOSED)
            return true;
        if (from != WSB__OBSERVED)
            return false;
        sched_yield(); /* another thread looks at it: nanoseconds */
    }
}

/* In a sandbox: a blocking call that holds the slot wakes the task when it lets go. */
static wsb__turn take_slot(wsb__async_call *call)
{
    wsb__slot *slot = call->work.slot;
    wsb_sandbox *sandbox = call->work.sandbox;
    wsb__turn turn = WSB__TURN_NOW;
    pthread_mutex_lock(&sandbox->lock);
    slot->waiter = NULL;
    unsigned before = atomic_fetch_or(&slot->state, WSB__SLOT_WANTED);
    if (before & WSB__SLOT_DROPPED)
        turn = WSB__TURN_NEVER;
    else if (before & WSB__SLOT_RUNNING)
        turn = WSB__TURN_LATER;
    if (turn == WSB__TURN_LATER)
        slot->waiter = &call->work;
    else
        atomic_fetch_and(&slot->state, ~(unsigned)WSB__SLOT_WANTED);
    pthread_mutex_unlock(&sandbox->lock);
    return turn;
}

wsb__turn wsb__turn_take(wsb__async_call *call)
{
    wsb_instance *instance = call->instance;
    wsb__turn turn = call->work.slot ? take_slot(call) : WSB__TURN_NOW;
    if (turn != WSB__TURN_NOW)
        return turn;
    if (!reserve(instance)) {
        wsb__task *task = &call->work.future.task;
        if (wsb__task_watch(task, NULL, 0, wsb__monotonic_ns() + LOOK_AGAIN_NS) != WSB_OK)
            wsb__task_wake(task);
        return WSB__TURN_LATER;
    }
    /* Nobody but the call whose turn it is changes a reserved instance. */
    uint32_t waits = WSB__CALL_WAITS;
    if (!atomic_compare_exchange_strong(&call->phase, &waits, WSB__CALL_ENTERED))
        return WSB__TURN_NOW;
    if (atomic_load(&instance->watch.state) == WSB__RESERVED) {
        atomic_store_explicit(&instance->thread, &wsb__this_thread, memory_order_relaxed);
        atomic_store(&instance->watch.state, WSB__HELD);
    }
    return WSB__TURN_NOW;
}
