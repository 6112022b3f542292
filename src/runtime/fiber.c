/* Calls in parts: guests of instances in fiber mode that are suspended and go on on any thread. */
#include "runtime/fiber.h"

#include "core/alloc.h"
#include "runtime/call_steps.h"
#include "runtime/fiber_wait.h"
#include "runtime/wait.h"
#include "runtime/wait_waker.h"

#include <assert.h>
#include <stdio.h>

#include <wasm_sandbox/plugin/error.h>

/* What a thread was in when it began to run a part of a call. */
typedef struct outside {
    unsigned depth;
    wsb_instance *current;
} outside;

wsb_status wsb__fiber_init(wsb_instance *instance, wsb_error **out_error)
{
    wsb__fiber *fiber = wsb__calloc(1, sizeof *fiber);
    if (fiber == NULL) {
        return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL, "no memory for an instance");
    }
    instance->fiber = fiber;
    return WSB_OK;
}

void wsb__fiber_fini(wsb_instance *instance)
{
    if (instance->fiber != NULL) {
        wsb__free(instance->fiber);
        instance->fiber = NULL;
    }
}

/* A call that is stepped is no part of the one in whose host function the stepping thread may be:
 * its deadline is another. */
static outside step_aside(wsb__thread *thread)
{
    outside left = {.depth = thread->depth, .current = thread->current};
    thread->depth = 0;
    thread->current = NULL;
    return left;
}

static void step_back(wsb__thread *thread, outside left)
{
    thread->depth = left.depth;
    thread->current = left.current;
}

/* On a guest's own stack there is no room for another guest: none may be entered from there, see
 * wsb__call_refused(). */
static void enter_fiber(wsb_instance *instance, wsb__thread *thread)
{
    thread->depth += WSB__MAX_DEPTH;
    thread->current = instance;
}

static void leave_fiber(wsb__thread *thread)
{
    thread->depth -= WSB__MAX_DEPTH;
}

/* --- Blocking calls --- */

static wsb_engine_result enter_blocking(
    wsb_engine_result (*enter)(void *, const wsb_engine_handle *, const wsb_function_type *,
                               wsb_raw_value *, wsb_engine_failure *),
    void *engine_instance, const wsb_engine_handle *function, const wsb_function_type *type,
    wsb_raw_value *values, wsb_engine_failure *out_failure)
{
    wsb__thread *thread = &wsb__this_thread;
    wsb_instance *instance = thread->current;
    enter_fiber(instance, thread);
    instance->fiber->blocking = true;
    wsb_engine_result result = enter(engine_instance, function, type, values, out_failure);
    while (result == WSB_ENGINE_YIELDED) { /* nobody asked it to */
        result = instance->ops->function_resume(engine_instance, out_failure);
    }
    if (result == WSB_ENGINE_SUSPENDED) {
        snprintf(out_failure->message, sizeof out_failure->message,
                 "the engine suspended a guest whose host function did not ask for it");
        result = WSB_ENGINE_FAILED;
    }
    instance->fiber->blocking = false;
    leave_fiber(thread);
    return result;
}

wsb_engine_result wsb__fiber_enter(void *engine_instance, const wsb_engine_handle *function,
                                   const wsb_function_type *type, wsb_raw_value *values,
                                   wsb_engine_failure *out_failure)
{
    const wsb_runtime_ops *ops = wsb__this_thread.current->ops;
    return enter_blocking(ops->function_call, engine_instance, function, type, values, out_failure);
}

wsb_engine_result wsb__fiber_enter_references(void *engine_instance,
                                              const wsb_engine_handle *function,
                                              const wsb_function_type *type, wsb_raw_value *values,
                                              wsb_engine_failure *out_failure)
{
    const wsb_runtime_ops *ops = wsb__this_thread.current->ops;
    return enter_blocking(ops->function_call_references, engine_instance, function, type, values,
                          out_failure);
}

bool wsb__fiber_should_yield(void *context)
{
    const wsb_instance *instance = context;
    return !instance->fiber->blocking && wsb__executor_should_yield();
}

/* --- Parts of a call --- */

static void begin_part(wsb_instance *instance, wsb__thread *thread, uint64_t now)
{
    instance->fiber->slice_started = now;
    wsb__call_note_thread(instance, thread, now);
    enter_fiber(instance, thread);
}

/* What the part took goes from the thread's clock to `cpu_before`; a short one, as everywhere, by
 * the wall clock. */
static void end_part(wsb_instance *instance, uint64_t now)
{
    wsb__watch *watch = &instance->watch;
    uint64_t slice_started = instance->fiber->slice_started;
    uint64_t took = now > slice_started ? now - slice_started : 0;
    uint64_t before = atomic_load_explicit(&watch->cpu_before, memory_order_relaxed);
    before =
        took > wsb__ticks_per_ms ? wsb__call_cpu_used(instance) : before + wsb__ticks_to_ns(took);
    atomic_store_explicit(&watch->cpu_base, UINT64_MAX, memory_order_relaxed);
    atomic_store_explicit(&watch->cpu_before, before, memory_order_relaxed);
}

/* The last thing of a part: from here on another thread may step the call. */
static wsb__progress suspend(wsb_instance *instance, wsb__progress progress, uint64_t now)
{
    end_part(instance, now);
    wsb__step_ends(now);
    if (instance->wait_began == UINT64_MAX) { /* else it goes on with a wait */
        instance->wait_began = now;
    }
    atomic_store_explicit(&instance->thread, NULL, memory_order_relaxed);
    atomic_store(&instance->watch.state, WSB__SUSPENDED);
    return progress;
}

/* As note_end() of call.c, for a call that can have been on several threads. */
static void count_call(wsb_instance *instance, uint64_t now)
{
    const wsb__fiber *fiber = instance->fiber;
    wsb__watch *watch = &instance->watch;
    uint64_t elapsed = now > fiber->started ? now - fiber->started : 0;
    uint64_t used =
        atomic_load_explicit(&watch->cpu_before, memory_order_relaxed) - fiber->cpu_at_begin;
    atomic_store_explicit(&watch->started, 0, memory_order_relaxed);
    wsb__call_add(&instance->wall_ticks, elapsed);
    wsb__call_add(&instance->long_ticks, elapsed);
    wsb__call_add(&instance->cpu_ns, used);
    wsb__call_add(&instance->calls, 1);
}

/* The next call of a sequence goes on from here; any other begins at 0. */
static void reset_cpu(wsb_instance *instance)
{
    wsb__watch *watch = &instance->watch;
    if (instance->sequence.active) {
        instance->sequence.cpu_before =
            atomic_load_explicit(&watch->cpu_before, memory_order_relaxed);
        instance->sequence.cpu_base = wsb__this_thread.cpu_sample;
    }
    atomic_store_explicit(&watch->cpu_before, 0, memory_order_relaxed);
}

static wsb_status end_call(wsb_instance *instance, wsb_engine_result result, wsb_error **out_error)
{
    wsb__fiber *fiber = instance->fiber;
    uint64_t now = wsb__ticks();
    wsb_status status = WSB_OK;
    if (fiber->pending) { /* the engine failed and did not resume it */
        fiber->pending = false;
        wsb__wait_drop(instance);
    }
    if (result != WSB_ENGINE_OK) {
        instance->failed_after = wsb__call_elapsed(instance);
    }
    end_part(instance, now);
    count_call(instance, now);
    if (result != WSB_ENGINE_OK) {
        status = wsb__call_failed(instance, result, &instance->failure, fiber->label, out_error);
    }
    if (fiber->extras) {
        wsb__call_end_extras(instance);
    }
    reset_cpu(instance);
    return wsb__call_finish(instance, status, out_error);
}

/* What came of running the guest, on the thread that ran it. */
static wsb__progress go_on(wsb_instance *instance, wsb_engine_result result, wsb_status *out_status,
                           wsb_error **out_error)
{
    const wsb__fiber *fiber = instance->fiber;
    uint64_t now = wsb__ticks();
    while (result == WSB_ENGINE_SUSPENDED && fiber->pending &&
           wsb__fiber_wait_is_over(instance, now)) {
        if (wsb__executor_should_yield()) {
            result = WSB_ENGINE_YIELDED; /* it waits again and again for what is there already */
            break;
        }
        instance->wait_began = instance->wait_ended = now;
        result = instance->ops->function_resume(instance->engine_instance, &instance->failure);
        now = wsb__ticks();
    }
    leave_fiber(&wsb__this_thread);
    if (result == WSB_ENGINE_SUSPENDED && fiber->pending) {
        return suspend(instance, WSB__CALL_SUSPENDED, now);
    }
    if (result == WSB_ENGINE_YIELDED) {
        return suspend(instance, WSB__CALL_YIELDED, now);
    }
    if (result == WSB_ENGINE_SUSPENDED) {
        snprintf(instance->failure.message, sizeof instance->failure.message,
                 "the engine suspended a guest whose host function did not ask for it");
        result = WSB_ENGINE_FAILED;
    }
    wsb__executor_set_interrupt(NULL, NULL); /* else the end of the step does it */
    *out_status = end_call(instance, result, out_error);
    return WSB__CALL_ENDED;
}

static void set_interrupt(const wsb_instance *instance)
{
    wsb__executor_set_interrupt(instance->runtime->interrupt, instance->watch.engine);
}

static wsb__progress begin_fiber(wsb_instance *instance, wsb__thread *thread,
                                 const wsb__target *target, wsb_raw_value *values,
                                 wsb_status *out_status, wsb_error **out_error)
{
    wsb__fiber *fiber = instance->fiber;
    if (!wsb__call_may_enter(instance, thread) || !wsb__call_take(instance)) {
        *out_status = wsb__call_refused(instance, target->label, out_error);
        return WSB__CALL_ENDED;
    }
    begin_part(instance, thread, wsb__ticks());
    fiber->label = target->label;
    fiber->pending = false;
    fiber->started = fiber->slice_started;
    fiber->deadline_at = 0;
    atomic_store_explicit(&instance->watch.started, fiber->started, memory_order_release);
    if (!wsb__call_watched(instance) || atomic_load(&instance->stop)) {
        leave_fiber(thread);
        *out_status = wsb__call_finish(
            instance, wsb__call_refuse_taken(instance, target->label, out_error), out_error);
        return WSB__CALL_ENDED;
    }
    fiber->extras = instance->extras & ~(uint32_t)WSB__EXTRA_WATCHED;
    if (fiber->extras) {
        wsb__call_begin_extras(instance);
    }
    fiber->cpu_at_begin = atomic_load_explicit(&instance->watch.cpu_before, memory_order_relaxed);
    set_interrupt(instance);
    const wsb_runtime_ops *ops = instance->ops;
    wsb_engine_result result =
        (target->enter == wsb__fiber_enter_references ? ops->function_call_references
                                                      : ops->function_call)(
            instance->engine_instance, &target->handle, target->type, values, &instance->failure);
    return go_on(instance, result, out_status, out_error);
}

wsb__progress wsb__call_begin(wsb_instance *instance, const wsb__target *target,
                              wsb_raw_value *values, wsb_status *out_status, wsb_error **out_error)
{
    wsb__thread *thread = &wsb__this_thread;
    wsb__progress progress = WSB__CALL_ENDED;
    outside left = step_aside(thread);
    if (instance->fiber == NULL) {
        *out_status = wsb__call(instance, target, values, out_error);
    } else {
        progress = begin_fiber(instance, thread, target, values, out_status, out_error);
    }
    step_back(thread, left);
    return progress;
}

void wsb__call_arm(wsb_instance *instance, wsb__task *task)
{
    wsb__fiber *fiber = instance->fiber;
    if (fiber == NULL || atomic_load(&instance->watch.state) != WSB__SUSPENDED) {
        return;
    }
    wsb__lock_acquire(&fiber->lock);
    fiber->task = task;
    wsb__lock_release(&fiber->lock);
    wsb__fiber_arm_wait(instance, task);
    if (atomic_load(&instance->stop)) {
        wsb__task_hurry(task); /* the cancellation may have come before there was a task */
    }
}

/* The timer of a deadline stays: most guests that wait again do so under the same one. */
static void unwatch_wait(wsb__task *task)
{
    if (task->fds != NULL || !task->timer.hurry) {
        wsb__task_unwatch(task);
    }
}

/* Gives the task that it was armed with; NULL: none. */
static wsb__task *disarm(wsb_instance *instance)
{
    wsb__fiber *fiber = instance->fiber;
    wsb__lock_acquire(&fiber->lock);
    wsb__task *task = fiber->task;
    fiber->task = NULL;
    wsb__lock_release(&fiber->lock);
    wsb__wait_waker_lower(instance);
    if (task != NULL) {
        unwatch_wait(task);
    }
    return task;
}

void wsb__fiber_wake(wsb_instance *instance)
{
    wsb__fiber *fiber = instance->fiber;
    if (fiber == NULL) {
        return;
    }
    wsb__lock_acquire(&fiber->lock);
    if (fiber->task != NULL) {
        wsb__task_hurry(fiber->task);
    }
    wsb__lock_release(&fiber->lock);
}

/* The watchdog knows of the guest again, which is to end at once where it is due: one that yielded
 * is not asked before the next interrupt. */
static void watch_again(wsb_instance *instance, uint64_t now)
{
    const wsb__fiber *fiber = instance->fiber;
    atomic_store(&instance->watch.state, WSB__RUNNING);
    if (!wsb__call_watched(instance)) {
        atomic_store(&instance->stop, true); /* the thread is there since the call began */
    }
    bool due = fiber->pending ? fiber->wait == WSB__WAIT_DUE /* it was looked at */
                              : wsb__due_at(instance, now) != WSB_OK;
    if (due || atomic_load(&instance->stop)) {
        wsb__watchdog_cancel(&instance->runtime->watchdog, &instance->watch);
    }
}

wsb__progress wsb__call_continue(wsb_instance *instance, wsb_status *out_status,
                                 wsb_error **out_error)
{
    wsb__thread *thread = &wsb__this_thread;
    wsb__fiber *fiber = instance->fiber;
    assert(fiber != NULL && atomic_load(&instance->watch.state) == WSB__SUSPENDED);
    *out_status = wsb__runtime_check_fork(instance->runtime, fiber->label, out_error);
    if (*out_status != WSB_OK) {
        return WSB__CALL_ENDED;
    }
    if (thread->generation == 0 && !wsb__thread_learn(thread)) {
        atomic_store(&instance->stop, true); /* without a clock its CPU time cannot be limited */
    }
    wsb__task *task = disarm(instance);
    outside left = step_aside(thread);
    uint64_t now = wsb__step_began();
    begin_part(instance, thread, now);
    wsb__progress progress = WSB__CALL_SUSPENDED;
    if (!fiber->pending || wsb__fiber_wait_is_over(instance, now)) {
        watch_again(instance, now);
        instance->wait_ended = now;
        set_interrupt(instance);
        wsb_engine_result result =
            instance->ops->function_resume(instance->engine_instance, &instance->failure);
        progress = go_on(instance, result, out_status, out_error);
    } else {
        leave_fiber(thread);
        progress = suspend(instance, WSB__CALL_SUSPENDED, now);
    }
    if (progress == WSB__CALL_ENDED && task != NULL) {
        wsb__task_unwatch(task); /* the instance may be gone */
    }
    step_back(thread, left);
    return progress;
}

/* --- Sequences --- */

/* CPU time of a sequence on the thread that it leaves, which can have done other things since, or
 * be gone: then at most as much as time has passed. */
static uint64_t cpu_elsewhere(const wsb_instance *instance)
{
    const wsb__sequence *sequence = &instance->sequence;
    clockid_t clock =
        atomic_load_explicit((_Atomic int *)&instance->watch.cpu_clock, memory_order_relaxed);
    uint64_t cpu = wsb__cpu_clock_ns(clock);
    uint64_t wall = wsb__ticks_to_ns(wsb__ticks() - sequence->started);
    return cpu > sequence->cpu_base && cpu - sequence->cpu_base < wall ? cpu - sequence->cpu_base
                                                                       : wall;
}

void wsb__sequence_adopt(wsb_instance *instance)
{
    wsb__thread *thread = &wsb__this_thread;
    wsb__sequence *sequence = &instance->sequence;
    wsb__thread *from = atomic_load_explicit(&instance->thread, memory_order_relaxed);
    if (!sequence->active || from == thread || atomic_load(&instance->watch.state) != WSB__HELD) {
        return;
    }
    if (thread->generation == 0 && !wsb__thread_learn(thread)) {
        atomic_store(&instance->stop, true);
    }
    if (instance->fiber == NULL && sequence->entered) {
        sequence->cpu_before += cpu_elsewhere(instance);
    }
    atomic_store_explicit(&instance->thread, thread, memory_order_relaxed);
    wsb__thread_sample_cpu(thread, wsb__ticks());
    sequence->cpu_base = thread->cpu_sample;
}
