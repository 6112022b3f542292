/* What an instance offers besides calls: its end, its usage, its host modules' states. */
#include "runtime/instance.h"

#include "core/alloc.h"
#include "core/options.h"
#include "runtime/fiber.h"
#include "runtime/ticks.h"
#include "runtime/wait_waker.h"

#include <sched.h>
#include <string.h>

#include <wasm_sandbox/plugin/error.h>

void *wsb__instance_host_state(const wsb_instance *instance, const wsb_host_module_ops *ops)
{
    for (size_t i = 0; i < instance->runtime->host_module_count; i++) {
        if (instance->runtime->host_modules[i] == ops) {
            return instance->states[i];
        }
    }
    return NULL;
}

wsb_module *wsb_instance_module(const wsb_instance *instance)
{
    return instance->module;
}

void wsb__instance_event(wsb_instance *instance, wsb_event_kind kind, const char *operation,
                         const char *subject, wsb_str detail, uint64_t used, uint64_t allowed)
{
    if (instance->on_event == NULL) {
        return;
    }
    wsb_event event = {.size = sizeof event,
                       .kind = kind,
                       .operation = operation != NULL ? operation : "",
                       .subject = subject != NULL ? subject : "",
                       .detail = detail,
                       .used = used,
                       .allowed = allowed,
                       .tag = instance->tag};
    instance->on_event(&event, instance->on_event_data);
}

/* Looked up when first needed, as the memory is. */
static bool find_refusal_counter(wsb_instance *instance)
{
    if (!instance->refusals_known && instance->counts_refusals) {
        instance->refusals_known =
            instance->ops->export_get(instance->engine_instance, wsb_cstr("wsb:grow_refused"),
                                      WSB_EXTERN_GLOBAL, &instance->refusal_counter);
        instance->counts_refusals = instance->refusals_known;
    }
    return instance->refusals_known;
}

bool wsb__instance_note_refusals(wsb_instance *instance)
{
    wsb_raw_value counter = {.u64 = 0};
    if (!find_refusal_counter(instance)) {
        return false;
    }
    instance->ops->global_get(instance->engine_instance, &instance->refusal_counter, WSB_I64,
                              &counter);
    uint64_t before = atomic_load_explicit(&instance->refusals, memory_order_relaxed);
    atomic_store_explicit(&instance->refusals, counter.u64, memory_order_relaxed);
    return counter.u64 > before;
}

void wsb__instance_free(wsb_instance *instance)
{
    wsb_runtime *runtime = instance->runtime;
    if (runtime->fork_generation != atomic_load(&wsb__fork_generation)) {
        return; /* a forked child has only a copy of the memory, not of what belongs to it */
    }
    wsb__watchdog_remove(&runtime->watchdog, &instance->watch);
    if (instance->engine_instance != NULL) {
        instance->ops->instance_destroy(instance->engine_instance);
    }
    for (size_t i = 0; i < runtime->host_module_count; i++) {
        if (instance->state_made[i]) {
            runtime->host_modules[i]->instance_destroy(instance->states[i]);
        }
    }
    if (instance->link != NULL) {
        wsb__link_release(instance->module, instance->link);
    }
    for (wsb_function *function = instance->functions; function != NULL;) {
        wsb_function *next = function->next;
        wsb__free(function);
        function = next;
    }
    wsb__map_destroy(instance->function_map);
    wsb__wait_waker_release(instance);
    wsb__fiber_fini(instance);
    wsb_module_destroy(instance->module);
    wsb__free(instance);
}

static bool is_in_use(wsb_instance *instance)
{
    uint32_t state = atomic_load(&instance->watch.state);
    return state != WSB__IDLE && state != WSB__CLOSED;
}

/* In a forked child, for an instance that was made before. */
static bool is_of_parent(const wsb_instance *instance)
{
    return instance->fork_generation != atomic_load(&wsb__fork_generation);
}

void wsb_instance_destroy(wsb_instance *instance)
{
    if (instance == NULL) {
        return;
    }
    if (is_of_parent(instance)) {
        return; /* nobody is here who could end a call, and no lock can be trusted */
    }
    uint32_t state = atomic_load(&instance->watch.state);
    if (state == WSB__RUNNING && wsb__instance_is_mine(instance)) {
        instance->doomed = true; /* in its own callback: when that call ends */
        wsb_instance_cancel(instance);
        return;
    }
    if (state == WSB__RUNNING || state == WSB__SUSPENDED) {
        /* The caller broke the rule. Waiting is the only answer that frees nothing in use. */
        wsb_instance_cancel(instance);
    }
    while (is_in_use(instance)) {
        sched_yield();
    }
    wsb__instance_free(instance);
}

void wsb_instance_cancel(wsb_instance *instance)
{
    if (instance == NULL) {
        return;
    }
    atomic_store(&instance->stop, true);
    if (is_of_parent(instance)) {
        return;
    }
    wsb__watchdog_cancel(&instance->runtime->watchdog, &instance->watch);
    wsb__fiber_wake(instance);
}

void wsb_instance_cancel_from_signal(wsb_instance *instance)
{
    atomic_store(&instance->stop, true);
    instance->watch.interrupt(instance->watch.engine);
}

/* Memory now: the engine is asked where the instance is idle, which no caller can disturb since it
 * is marked; else as of the last host call. */
static uint64_t memory_now(wsb_instance *instance)
{
    uint32_t expected = WSB__IDLE;
    if (instance->has_memory && instance->engine_instance != NULL &&
        atomic_compare_exchange_strong(&instance->watch.state, &expected, WSB__OBSERVED)) {
        uint8_t *base;
        uint64_t size;
        wsb_call_context_memory_all((wsb_call_context *)instance, &base, &size);
        wsb__instance_note_refusals(instance);
        atomic_store(&instance->watch.state, WSB__IDLE);
    }
    return atomic_load_explicit(&instance->memory_size, memory_order_relaxed);
}

/* Times with those of a call that is running or suspended. */
static void times_now(const wsb_instance *instance, wsb_usage *usage)
{
    uint64_t wall = atomic_load_explicit(&instance->wall_ticks, memory_order_relaxed);
    uint64_t in_long = atomic_load_explicit(&instance->long_ticks, memory_order_relaxed);
    usage->wall_time = wsb__ticks_to_ns(wall);
    usage->cpu_time = atomic_load_explicit(&instance->cpu_ns, memory_order_relaxed) +
                      wsb__ticks_to_ns(wall > in_long ? wall - in_long : 0);
    const wsb__watch *watch = &instance->watch;
    uint32_t state = atomic_load((_Atomic uint32_t *)&watch->state);
    if (state != WSB__RUNNING && state != WSB__SUSPENDED) {
        return;
    }
    uint64_t started =
        atomic_load_explicit((_Atomic uint64_t *)&watch->started, memory_order_acquire);
    if (started == 0) {
        return; /* just starting, or in the totals already */
    }
    int clock = atomic_load_explicit((_Atomic int *)&watch->cpu_clock, memory_order_relaxed);
    uint64_t now = wsb__ticks();
    uint64_t cpu = state == WSB__RUNNING ? wsb__cpu_clock_ns(clock) : 0;
    usage->wall_time += wsb__ticks_to_ns(now > started ? now - started : 0);
    usage->cpu_time += wsb__watch_cpu_used(watch, cpu);
}

static uint64_t counter_of(const wsb_instance *instance, wsb_counter counter)
{
    return atomic_load_explicit((_Atomic uint64_t *)&instance->counters[counter],
                                memory_order_relaxed);
}

void wsb_instance_usage(const wsb_instance *instance, wsb_usage *out_usage)
{
    wsb_usage usage = WSB_USAGE_INIT;
    size_t size = out_usage->size < sizeof usage ? out_usage->size : sizeof usage;
    wsb_instance *observed = (wsb_instance *)(uintptr_t)instance;
    times_now(instance, &usage);
    usage.memory = memory_now(observed);
    usage.memory_peak = usage.memory;
    usage.memory_refusals = atomic_load_explicit(&observed->refusals, memory_order_relaxed);
    usage.fuel = atomic_load_explicit(&observed->fuel_used, memory_order_relaxed);
    usage.calls = atomic_load_explicit(&observed->calls, memory_order_relaxed);
    usage.host_calls = atomic_load_explicit(&observed->host_calls, memory_order_relaxed);
    usage.files_open = counter_of(instance, WSB_COUNTER_FILES_OPEN);
    usage.bytes_read = counter_of(instance, WSB_COUNTER_BYTES_READ);
    usage.bytes_written = counter_of(instance, WSB_COUNTER_BYTES_WRITTEN);
    usage.output_bytes = counter_of(instance, WSB_COUNTER_OUTPUT_BYTES);
    usage.size = out_usage->size;
    memcpy(out_usage, &usage, size);
}
