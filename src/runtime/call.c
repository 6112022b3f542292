/* From the host into the guest: the path that every call takes. */
#include "runtime/instance.h"
#include "runtime/ticks.h"

#include <sched.h>

#include <wasm_sandbox/plugin/error.h>

/* Counters of an instance have one writer, the thread that runs it. */
static inline void add(_Atomic uint64_t *counter, uint64_t amount)
{
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value + amount, memory_order_relaxed);
}

static inline bool stack_is_enough(const wsb_instance *instance, const wsb__thread *thread)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    if (here >= thread->stack_low && here < thread->stack_high) {
        return here - thread->stack_low >= instance->stack_need;
    }
    return instance->runtime->allow_foreign_stacks;
}

/* Everything that can refuse before the instance is touched. */
static inline bool may_enter(const wsb_instance *instance, wsb__thread *thread)
{
    unsigned generation = atomic_load_explicit(&wsb__fork_generation, memory_order_relaxed);
    return __builtin_expect((thread->known || wsb__thread_learn(thread)) &&
                                instance->runtime->fork_generation == generation &&
                                thread->depth < WSB__MAX_DEPTH && stack_is_enough(instance, thread),
                            1);
}

static inline bool take(wsb_instance *instance)
{
    uint32_t expected = WSB__IDLE;
    while (!atomic_compare_exchange_strong(&instance->watch.state, &expected, WSB__RUNNING)) {
        if (expected != WSB__OBSERVED) {
            return false;
        }
        sched_yield(); /* another thread reads usage: nanoseconds */
        expected = WSB__IDLE;
    }
    return true;
}

static inline void note_start(wsb_instance *instance, wsb__thread *thread, uint64_t now)
{
    if (__builtin_expect(now - thread->cpu_sample_ticks > wsb__ticks_per_ms, 0)) {
        wsb__thread_sample_cpu(thread, now);
    }
    wsb__watch *watch = &instance->watch;
    atomic_store_explicit(&watch->started, now, memory_order_relaxed);
    atomic_store_explicit(&watch->cpu_base, thread->cpu_sample, memory_order_relaxed);
    atomic_store_explicit(&watch->cpu_clock, thread->cpu_clock, memory_order_relaxed);
    instance->thread = thread;
    thread->depth++;
}

static inline void note_end(wsb_instance *instance, wsb__thread *thread)
{
    uint64_t started = atomic_load_explicit(&instance->watch.started, memory_order_relaxed);
    uint64_t elapsed = wsb__ticks() - started;
    add(&instance->wall_ticks, elapsed);
    if (__builtin_expect(elapsed > wsb__ticks_per_ms, 0)) {
        uint64_t base = atomic_load_explicit(&instance->watch.cpu_base, memory_order_relaxed);
        uint64_t now = wsb__cpu_clock_ns(CLOCK_THREAD_CPUTIME_ID);
        add(&instance->long_ticks, elapsed);
        add(&instance->cpu_ns, now > base ? now - base : 0);
    }
    add(&instance->calls, 1);
    thread->depth--;
}

static void begin_extras(wsb_instance *instance)
{
    if (instance->extras & WSB__EXTRA_FUEL) {
        instance->ops->instance_set_fuel(instance->engine_instance, instance->limits.fuel);
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

static void end_extras(wsb_instance *instance)
{
    if (instance->extras & WSB__EXTRA_FUEL) {
        uint64_t left = instance->ops->instance_get_fuel(instance->engine_instance);
        add(&instance->fuel_used, instance->limits.fuel > left ? instance->limits.fuel - left : 0);
    }
    if (instance->extras & WSB__EXTRA_GROW_COUNTED) {
        wsb__instance_note_refusals(instance);
    }
}

/* The watchdog must know of the call before the guest runs. */
static inline bool watched(wsb_instance *instance)
{
    return (instance->extras & WSB__EXTRA_WATCHED) == 0 || atomic_load(&instance->watch.listed) ||
           wsb__watchdog_add(&instance->runtime->watchdog, &instance->watch);
}

static wsb_status refuse_taken(wsb_instance *instance, const char *name, wsb_error **out_error)
{
    /* Cancelled before it ran, or no watchdog to guard it. */
    wsb_engine_failure failure = {.message = "the watchdog thread cannot be started"};
    wsb_engine_result result = WSB_ENGINE_FAILED;
    if (atomic_load(&instance->stop)) {
        instance->ending.status = WSB_ERROR_CANCELLED;
        result = WSB_ENGINE_INTERRUPTED;
    }
    return wsb__call_failed(instance, result, &failure, name, out_error);
}

/* The instance was destroyed in one of its callbacks: nothing of it may be used after this. */
static wsb_status finish_doomed(wsb_instance *instance, wsb_status status, wsb_error **out_error)
{
    wsb__instance_free(instance);
    return status != WSB_OK ? status
                            : wsb_error_set(out_error, WSB_ERROR_CLOSED, NULL,
                                            "call: the instance was destroyed during the call");
}

static wsb_status finish(wsb_instance *instance, wsb_status status, wsb_error **out_error)
{
    uint32_t state = status == WSB_OK ? WSB__IDLE : WSB__CLOSED;
    bool doomed = instance->doomed;
    atomic_store_explicit(&instance->watch.state, state, memory_order_release);
    return __builtin_expect(doomed, 0) ? finish_doomed(instance, status, out_error) : status;
}

wsb_status wsb__call(wsb_instance *instance, const wsb_engine_handle *function,
                     const wsb_function_type *type, wsb_raw_value *values, const char *name,
                     wsb_error **out_error)
{
    wsb__thread *thread = &wsb__this_thread;
    if (!may_enter(instance, thread) || !take(instance)) {
        return wsb__call_refused(instance, name, out_error);
    }
    note_start(instance, thread, wsb__ticks());
    if (__builtin_expect(!watched(instance) || atomic_load(&instance->stop), 0)) {
        thread->depth--;
        return finish(instance, refuse_taken(instance, name, out_error), out_error);
    }
    uint32_t extras = instance->extras & ~(uint32_t)WSB__EXTRA_WATCHED;
    if (extras) {
        begin_extras(instance);
    }
    wsb_engine_failure failure;
    failure.trap = WSB_TRAP_UNKNOWN;
    failure.message[0] = '\0';
    failure.backtrace[0] = '\0';
    wsb_engine_result result =
        instance->ops->function_call(instance->engine_instance, function, type, values, &failure);
    note_end(instance, thread);
    wsb_status status = WSB_OK;
    if (__builtin_expect(result != WSB_ENGINE_OK, 0)) {
        status = wsb__call_failed(instance, result, &failure, name, out_error);
    }
    if (extras) {
        end_extras(instance);
    }
    return finish(instance, status, out_error);
}
