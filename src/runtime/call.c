/* From the host into the guest: the path that every call takes. */
#include "runtime/call_steps.h"
#include "runtime/nest.h"
#include "runtime/tick.h"

#include <sched.h>

#include <wasm_sandbox/plugin/error.h>

/* wsb__call_may_enter() with what is rare: a thread's first call, and stacks that are not a
 * thread's own. */
__attribute__((noinline, cold)) bool wsb__call_may_enter_after_all(const wsb_instance *instance,
                                                                   wsb__thread *thread)
{
    if (thread->generation == 0 && !wsb__thread_learn(thread)) {
        return false;
    }
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    bool own = here >= thread->stack_low && here < thread->stack_high;
    return instance->fork_generation == thread->generation && thread->depth < WSB__MAX_DEPTH &&
           (own ? wsb__call_stack_is_enough(instance, thread)
                : instance->runtime->allow_foreign_stacks);
}

/* Rare ways into an instance that is not idle: after a look at it, and inside a sequence. */
__attribute__((noinline, cold)) bool wsb__call_take_after_all(wsb_instance *instance, uint32_t from)
{
    while (from == WSB__OBSERVED) {
        sched_yield(); /* another thread looks at it: nanoseconds */
        from = WSB__IDLE;
        if (atomic_compare_exchange_strong(&instance->watch.state, &from, WSB__RUNNING)) {
            return true;
        }
    }
    if (from != WSB__HELD || !wsb__instance_is_mine(instance)) {
        return false;
    }
    atomic_store(&instance->watch.state, WSB__RUNNING);
    return true;
}

static inline void note_start(wsb_instance *instance, wsb__thread *thread, uint64_t now)
{
    wsb__call_note_thread(instance, thread, now);
    atomic_store_explicit(&instance->watch.started, now, memory_order_release);
    if (__builtin_expect(thread->depth++ > 0, 0)) {
        wsb__nest_begin(instance, thread);
    }
    thread->current = instance;
}

static inline void leave_thread(wsb_instance *instance, wsb__thread *thread)
{
    thread->depth--;
    if (__builtin_expect(instance->outer != NULL, 0)) {
        wsb__nest_end(instance, thread);
    }
}

static inline void note_end(wsb_instance *instance, wsb__thread *thread, uint64_t started,
                            uint64_t cpu_base)
{
    uint64_t now_ticks = wsb__ticks();
    uint64_t elapsed = now_ticks > started ? now_ticks - started : 0;
    /* Readers of usage count what is running by it: from here on the call is in the totals. */
    atomic_store_explicit(&instance->watch.started, 0, memory_order_relaxed);
    wsb__call_add(&instance->wall_ticks, elapsed);
    if (__builtin_expect(elapsed > wsb__ticks_per_ms, 0)) {
        uint64_t now = wsb__cpu_clock_ns(CLOCK_THREAD_CPUTIME_ID);
        wsb__call_add(&instance->long_ticks, elapsed);
        wsb__call_add(&instance->cpu_ns, now > cpu_base ? now - cpu_base : 0);
    }
    wsb__call_add(&instance->calls, 1);
    leave_thread(instance, thread);
}

/* In a sequence the limits go on from where the last call left them. True when they do. */
static bool continue_sequence(wsb_instance *instance)
{
    wsb__sequence *sequence = &instance->sequence;
    wsb__watch *watch = &instance->watch;
    if (!sequence->entered) {
        sequence->entered = true;
        sequence->started = atomic_load_explicit(&watch->started, memory_order_relaxed);
        sequence->cpu_base = atomic_load_explicit(&watch->cpu_base, memory_order_relaxed);
        sequence->cpu_before = 0;
        sequence->fuel_left = instance->limits.fuel;
        return false;
    }
    atomic_store_explicit(&watch->started, sequence->started, memory_order_relaxed);
    atomic_store_explicit(&watch->cpu_base, sequence->cpu_base, memory_order_relaxed);
    atomic_store_explicit(&watch->cpu_before, sequence->cpu_before, memory_order_relaxed);
    return true;
}

static void set_fuel(wsb_instance *instance, uint64_t fuel)
{
    if (instance->tick.fuel) {
        wsb__tick_set_fuel(instance, fuel);
    } else {
        instance->ops->instance_set_fuel(instance->engine_instance, fuel);
    }
}

static uint64_t get_fuel(wsb_instance *instance)
{
    return instance->tick.fuel ? wsb__tick_get_fuel(instance)
                               : instance->ops->instance_get_fuel(instance->engine_instance);
}

/* Not inside of wsb__call(), whose frame they would enlarge. */
__attribute__((noinline)) void wsb__call_begin_extras(wsb_instance *instance)
{
    bool sequence = (instance->extras & WSB__EXTRA_SEQUENCE) != 0;
    bool continued = sequence && continue_sequence(instance);
    if (instance->extras & WSB__EXTRA_FUEL) {
        set_fuel(instance, sequence ? instance->sequence.fuel_left : instance->limits.fuel);
    }
    if (continued) {
        return;
    }
    if (instance->extras & WSB__EXTRA_BEGIN) {
        for (size_t i = 0; i < WSB__MAX_HOST_MODULES; i++) {
            if (instance->state_made[i] && instance->runtime->host_modules[i]->call_begin != NULL) {
                instance->runtime->host_modules[i]->call_begin(instance->states[i]);
            }
        }
    }
    if (instance->extras & WSB__EXTRA_CALL_LIMITS) {
        for (size_t i = 0; i < instance->runtime->limits.count; i++) {
            if (instance->runtime->limits.limits[i]->scope == WSB_LIMIT_CALL) {
                instance->named_used[i] = 0;
            }
        }
    }
}

__attribute__((noinline)) void wsb__call_end_extras(wsb_instance *instance)
{
    if (instance->extras & WSB__EXTRA_FUEL) {
        bool sequence = (instance->extras & WSB__EXTRA_SEQUENCE) != 0;
        uint64_t given = sequence ? instance->sequence.fuel_left : instance->limits.fuel;
        uint64_t left = get_fuel(instance);
        wsb__call_add(&instance->fuel_used, given > left ? given - left : 0);
        instance->sequence.fuel_left = left;
    }
    if ((instance->extras & WSB__EXTRA_REFUSALS) && wsb__instance_note_refusals(instance)) {
        uint8_t *base;
        uint64_t size = 0;
        wsb_call_context_memory_all((wsb_call_context *)instance, &base, &size);
        wsb__instance_event(instance, WSB_EVENT_MEMORY_REFUSED, "memory.grow", "max_memory",
                            (wsb_str){NULL, 0}, size, instance->limits.max_memory);
    }
}

wsb_status wsb__call_refuse_taken(wsb_instance *instance, const char *name, wsb_error **out_error)
{
    wsb_engine_failure failure = {.message = "the watchdog thread cannot be started"};
    wsb_engine_result result = WSB_ENGINE_FAILED;
    if (atomic_load(&instance->stop)) {
        instance->ending.status = WSB_ERROR_CANCELLED;
        result = WSB_ENGINE_INTERRUPTED;
    }
    return wsb__call_failed(instance, result, &failure, name, out_error);
}

wsb_status wsb__call_finish_doomed(wsb_instance *instance, wsb_status status, wsb_error **out_error)
{
    instance->ending.status = WSB_ERROR_CANCELLED;
    atomic_store(&instance->watch.state, WSB__CLOSED);
    if (!instance->sequence.active && !instance->making &&
        atomic_load(&instance->async_calls) == 0) {
        wsb__instance_free(instance);
    }
    return status != WSB_OK ? status
                            : wsb_error_set(out_error, WSB_ERROR_CLOSED, NULL,
                                            "call: the instance was destroyed during the call");
}

wsb_status wsb__call(wsb_instance *instance, const wsb__target *target, wsb_raw_value *values,
                     wsb_error **out_error)
{
    wsb__thread *thread = &wsb__this_thread;
    if (!wsb__call_may_enter(instance, thread) || !wsb__call_take(instance)) {
        return wsb__call_refused(instance, target->label, out_error);
    }
    uint64_t started = wsb__ticks();
    note_start(instance, thread, started);
    uint64_t cpu_base = thread->cpu_sample;
    if (__builtin_expect(!wsb__call_watched(instance) || atomic_load(&instance->stop), 0)) {
        leave_thread(instance, thread);
        return wsb__call_finish(
            instance, wsb__call_refuse_taken(instance, target->label, out_error), out_error);
    }
    uint32_t extras = instance->extras & ~(uint32_t)WSB__EXTRA_WATCHED;
    if (extras) {
        wsb__call_begin_extras(instance);
    }
    wsb_engine_failure *failure = &instance->failure;
    wsb_engine_result result =
        target->enter(instance->engine_instance, &target->handle, target->type, values, failure);
    if (__builtin_expect(result != WSB_ENGINE_OK, 0)) {
        instance->failed_after = wsb__call_elapsed(instance);
    }
    note_end(instance, thread, started, cpu_base);
    wsb_status status = WSB_OK;
    if (__builtin_expect(result != WSB_ENGINE_OK, 0)) {
        status = wsb__call_failed(instance, result, failure, target->label, out_error);
    }
    if (extras) {
        wsb__call_end_extras(instance);
    }
    return wsb__call_finish(instance, status, out_error);
}

wsb_status wsb__sequence_begin(wsb_instance *instance, const char *name, wsb_error **out_error)
{
    wsb__thread *thread = &wsb__this_thread;
    if (!wsb__call_may_enter(instance, thread) || !wsb__call_take(instance)) {
        return wsb__call_refused(instance, name, out_error);
    }
    atomic_store_explicit(&instance->thread, thread, memory_order_relaxed);
    instance->sequence = (wsb__sequence){.active = true};
    instance->extras |= WSB__EXTRA_SEQUENCE;
    atomic_store(&instance->watch.state, WSB__HELD);
    return WSB_OK;
}

void wsb__sequence_end(wsb_instance *instance)
{
    uint32_t held = WSB__HELD;
    instance->sequence.active = false;
    instance->extras &= ~(uint32_t)WSB__EXTRA_SEQUENCE;
    bool doomed = instance->doomed;
    atomic_compare_exchange_strong(&instance->watch.state, &held, WSB__IDLE);
    if (doomed && atomic_load(&instance->async_calls) == 0) {
        wsb__instance_free(instance);
    }
}
