/* What a call says that was refused or did not end well. */
#include "runtime/frames.h"
#include "runtime/instance.h"
#include "runtime/ticks.h"

#include <stdio.h>

#include <wasm_sandbox/plugin/error.h>

/* For how long at most a look at the CPU clock is good. */
enum { QUIET_MS = 20 };

static const char *trap_name(wsb_trap trap)
{
    switch (trap) {
#define NAME(name, value, text)                                                                    \
    case WSB_TRAP_##name:                                                                          \
        return text;
        WSB_TRAP_MAP(NAME)
#undef NAME
    }
    return "unknown";
}

static wsb_status refuse_closed(wsb_instance *instance, const char *name, wsb_error **out_error)
{
    wsb_error_details details = {.operation = name,
                                 .subject = wsb_status_name(instance->ending.status),
                                 .code = instance->ending.exit_code,
                                 .suggestion =
                                     "create a new instance of the module: it takes microseconds"};
    return wsb_error_set(out_error, WSB_ERROR_CLOSED, &details,
                         "%s: an earlier call ended this instance (%s)", name,
                         wsb_status_text(instance->ending.status));
}

static wsb_status refuse_stack(const wsb_instance *instance, const wsb__thread *thread,
                               const char *name, wsb_error **out_error)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    if (here < thread->stack_low || here >= thread->stack_high) {
        wsb_error_details details = {.operation = name,
                                     .suggestion = "call from the thread's own stack, or set "
                                                   "wsb_runtime_options.allow_foreign_stacks"};
        return wsb_error_set(out_error, WSB_ERROR_UNSUPPORTED, &details,
                             "%s: made on a stack that is not its thread's own, whose size "
                             "cannot be checked",
                             name);
    }
    wsb_error_details details = {.operation = name,
                                 .subject = "max_stack",
                                 .used = instance->stack_need,
                                 .allowed = here - thread->stack_low,
                                 .suggestion = "call from a thread with a larger stack, or lower "
                                               "max_stack"};
    return wsb_error_set(out_error, WSB_ERROR_LIMIT_EXCEEDED, &details,
                         "%s: needs %llu bytes of stack (max_stack and a reserve) and this "
                         "thread has %llu left",
                         name, (unsigned long long)instance->stack_need,
                         (unsigned long long)(here - thread->stack_low));
}

static wsb_status refuse_busy(const char *name, wsb_error **out_error)
{
    wsb_error_details details = {
        .operation = name,
        .suggestion = "wait for its call to end, or use another instance of the module"};
    return wsb_error_set(out_error, WSB_ERROR_BUSY, &details,
                         "%s: the instance is running a call already", name);
}

/* Its host functions run on the guest's own stack, which is no larger than the guest needs. */
static wsb_status refuse_in_fiber(const char *name, wsb_error **out_error)
{
    wsb_error_details details = {
        .operation = name,
        .subject = "WSB_EXECUTION_FIBER",
        .suggestion = "make the call after the host function has returned, or make the instance "
                      "that the host function serves in direct mode (WSB_EXECUTION_DIRECT)"};
    return wsb_error_set(out_error, WSB_ERROR_UNSUPPORTED, &details,
                         "%s: made in a host function of an instance in fiber mode, which cannot "
                         "call into guests",
                         name);
}

/* As the call found it; an instance that is idle now may have been busy then. */
static bool stack_is_short(const wsb_instance *instance, const wsb__thread *thread)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    bool own = here >= thread->stack_low && here < thread->stack_high;
    return own ? here - thread->stack_low < instance->stack_need
               : !instance->runtime->allow_foreign_stacks;
}

wsb_status wsb__call_refused(wsb_instance *instance, const char *name, wsb_error **out_error)
{
    wsb__thread *thread = &wsb__this_thread;
    wsb_status status = wsb__runtime_check_fork(instance->runtime, name, out_error);
    if (status != WSB_OK) {
        return status;
    }
    if (thread->generation == 0) {
        return wsb_error_set(out_error, WSB_ERROR_INTERNAL, NULL,
                             "%s: the system does not tell this thread's stack", name);
    }
    if (thread->depth >= WSB__MAX_DEPTH && thread->current->fiber != NULL) {
        return refuse_in_fiber(name, out_error);
    }
    if (thread->depth >= WSB__MAX_DEPTH) {
        wsb_error_details details = {.operation = name,
                                     .used = thread->depth,
                                     .allowed = WSB__MAX_DEPTH,
                                     .suggestion = "return from the host functions first"};
        return wsb_error_set(out_error, WSB_ERROR_LIMIT_EXCEEDED, &details,
                             "%s: %u calls into guests are nested on this thread already", name,
                             thread->depth);
    }
    switch (atomic_load(&instance->watch.state)) {
    case WSB__CLOSED:
        return refuse_closed(instance, name, out_error);
    case WSB__HELD:
    case WSB__RUNNING:
    case WSB__SUSPENDED:
    case WSB__RESERVED:
        return refuse_busy(name, out_error);
    default:
        break;
    }
    return stack_is_short(instance, thread) ? refuse_stack(instance, thread, name, out_error)
                                            : refuse_busy(name, out_error);
}

uint64_t wsb__call_elapsed(const wsb_instance *instance)
{
    uint64_t started = atomic_load_explicit(&instance->watch.started, memory_order_relaxed);
    uint64_t now = wsb__ticks();
    return now > started ? now - started : 0; /* two processors' counters may differ a little */
}

uint64_t wsb__call_cpu_used(const wsb_instance *instance)
{
    return wsb__watch_cpu_used(&instance->watch, wsb__cpu_clock_ns(CLOCK_THREAD_CPUTIME_ID));
}

/* Whether the CPU time is used up. Its clock is slow to read, and it runs no faster than ours: what
 * is left now is a time in which nobody need look again. Kept short, as our clock's rate is known
 * to a part of a thousand only. */
static bool cpu_is_used_up(wsb_instance *instance, uint64_t now)
{
    const wsb__watch *watch = &instance->watch;
    if (watch->cpu_limit_ns == UINT64_MAX || now < instance->cpu_quiet_until) {
        return false;
    }
    uint64_t used = wsb__call_cpu_used(instance);
    if (used >= watch->cpu_limit_ns) {
        return true;
    }
    uint64_t left = wsb__ns_to_ticks(watch->cpu_limit_ns - used);
    uint64_t longest = QUIET_MS * wsb__ticks_per_ms;
    instance->cpu_quiet_until = now + (left < longest ? left : longest);
    return false;
}

static wsb_status due_itself(wsb_instance *instance, uint64_t now)
{
    const wsb__watch *watch = &instance->watch;
    if (atomic_load_explicit(&instance->stop, memory_order_relaxed)) {
        return WSB_ERROR_CANCELLED;
    }
    uint64_t started = atomic_load_explicit(&watch->started, memory_order_relaxed);
    uint64_t elapsed = now > started ? now - started : 0;
    if (elapsed < watch->shortest_ticks) {
        return WSB_OK;
    }
    if (elapsed >= watch->wall_limit_ticks) {
        return WSB_ERROR_TIMEOUT;
    }
    return cpu_is_used_up(instance, now) ? WSB_ERROR_CPU_TIME : WSB_OK;
}

wsb_status wsb__due_at(wsb_instance *instance, uint64_t now)
{
    wsb_status due = due_itself(instance, now);
    for (wsb_instance *outer = instance->outer; due == WSB_OK && outer != NULL;
         outer = outer->outer) {
        due = due_itself(outer, now);
        instance->ended_by_outer = due != WSB_OK;
    }
    return due;
}

wsb_status wsb__due(wsb_instance *instance)
{
    return wsb__due_at(instance, wsb__ticks());
}

bool wsb__should_stop(void *context)
{
    wsb_instance *instance = context;
    wsb_status due = wsb__due(instance);
    if (due == WSB_OK) {
        wsb__watchdog_make_room(&instance->runtime->watchdog);
        return false;
    }
    instance->ending.status = due;
    return true;
}

static wsb_status report_time(wsb_instance *instance, wsb_status status, const char *name,
                              const wsb_engine_failure *failure, wsb_error **out_error)
{
    bool cpu = status == WSB_ERROR_CPU_TIME;
    const char *limit = cpu ? "max_cpu_time" : "max_wall_time";
    uint64_t allowed = cpu ? instance->limits.max_cpu_time : instance->limits.max_wall_time;
    wsb_error_details details = {.operation = name,
                                 .subject = limit,
                                 .used = cpu ? wsb__call_cpu_used(instance)
                                             : wsb__ticks_to_ns(instance->failed_after),
                                 .allowed = allowed,
                                 .backtrace = failure->backtrace,
                                 .suggestion = cpu ? "raise max_cpu_time" : "raise max_wall_time"};
    return wsb_error_set(out_error, status, &details, "%s: stopped after %.1f ms: %s is %.1f ms",
                         name, (double)details.used / 1e6, limit, (double)allowed / 1e6);
}

static wsb_status report_memory(const wsb_instance *instance, const char *name,
                                const wsb_engine_failure *failure, wsb_error **out_error)
{
    wsb_error_details details = {
        .operation = name,
        .subject = "max_memory",
        .used = atomic_load_explicit(&instance->memory_size, memory_order_relaxed),
        .allowed = instance->limits.max_memory,
        .trap = trap_name(failure->trap),
        .backtrace = failure->backtrace,
        .suggestion = "raise max_memory"};
    return wsb_error_set(out_error, WSB_ERROR_GUEST_OUT_OF_MEMORY, &details,
                         "%s: the guest failed (%s) after its memory was refused to grow "
                         "beyond %llu bytes: max_memory is %llu",
                         name, details.trap, (unsigned long long)details.used,
                         (unsigned long long)details.allowed);
}

static wsb_status report_trap(wsb_instance *instance, const char *name,
                              const wsb_engine_failure *failure, wsb_error **out_error)
{
    if (wsb__instance_note_refusals(instance)) {
        instance->ending.status = WSB_ERROR_GUEST_OUT_OF_MEMORY;
        return report_memory(instance, name, failure, out_error);
    }
    bool overflow = failure->trap == WSB_TRAP_STACK_OVERFLOW;
    wsb_error_details details = {.operation = name,
                                 .subject = overflow ? "max_stack" : NULL,
                                 .allowed = overflow ? instance->limits.max_stack : 0,
                                 .suggestion = overflow ? "raise max_stack, if the guest's "
                                                          "recursion is meant to be so deep"
                                                        : NULL,
                                 .trap = trap_name(failure->trap),
                                 .backtrace = failure->backtrace};
    return wsb_error_set(out_error, WSB_ERROR_TRAP, &details, "%s: the guest trapped: %s", name,
                         failure->message[0] != '\0' ? failure->message : details.trap);
}

static wsb_status report_fuel(const wsb_instance *instance, const char *name,
                              const wsb_engine_failure *failure, wsb_error **out_error)
{
    wsb_error_details details = {.operation = name,
                                 .subject = "fuel",
                                 .used = instance->limits.fuel,
                                 .allowed = instance->limits.fuel,
                                 .backtrace = failure->backtrace,
                                 .suggestion = "raise fuel"};
    return wsb_error_set(out_error, WSB_ERROR_OUT_OF_FUEL, &details, "%s: used up its fuel of %llu",
                         name, (unsigned long long)details.allowed);
}

/* A host function ended the guest: its exit, its own words, or its deadline while it waited. */
static wsb_status report_host(wsb_instance *instance, const char *name,
                              const wsb_engine_failure *failure, wsb_error **out_error)
{
    wsb__ending *ending = &instance->ending;
    wsb_error_details details = {
        .operation = name, .code = ending->exit_code, .backtrace = failure->backtrace};
    if (ending->status == WSB_ERROR_EXIT) {
        return wsb_error_set(out_error, WSB_ERROR_EXIT, &details,
                             "%s: the guest exited with code %d", name, ending->exit_code);
    }
    if (ending->status == WSB_OK) {
        ending->status = WSB_ERROR_TRAP;
    }
    if (ending->status == WSB_ERROR_TRAP) {
        details.trap = "host_function";
    }
    const char *host = instance->host_operation != NULL ? instance->host_operation : "?";
    return wsb_error_set(out_error, ending->status, &details,
                         "%s: the host function '%s' ended the guest%s%s", name, host,
                         ending->message[0] != '\0' ? ": " : "", ending->message);
}

static wsb_status report(wsb_instance *instance, wsb_engine_result result,
                         const wsb_engine_failure *failure, const char *name, wsb_error **out_error)
{
    wsb_error_details details = {.operation = name, .backtrace = failure->backtrace};
    if (result == WSB_ENGINE_HOST_TRAP && instance->ending.message[0] != '\0') {
        return report_host(instance, name, failure, out_error); /* also where its status is ours */
    }
    if (instance->ended_by_outer) {
        return wsb_error_set(out_error, instance->ending.status, &details,
                             "%s: the call that it is part of is over its limit or cancelled",
                             name);
    }
    switch (instance->ending.status) {
    case WSB_ERROR_TIMEOUT:
    case WSB_ERROR_CPU_TIME:
        return report_time(instance, instance->ending.status, name, failure, out_error);
    case WSB_ERROR_CANCELLED:
        return wsb_error_set(out_error, WSB_ERROR_CANCELLED, &details, "%s: cancelled", name);
    default:
        break;
    }
    switch (result) {
    case WSB_ENGINE_HOST_TRAP:
        return report_host(instance, name, failure, out_error);
    case WSB_ENGINE_TRAPPED:
        instance->ending.status = WSB_ERROR_TRAP;
        return report_trap(instance, name, failure, out_error);
    case WSB_ENGINE_NO_FUEL:
        instance->ending.status = WSB_ERROR_OUT_OF_FUEL;
        return report_fuel(instance, name, failure, out_error);
    case WSB_ENGINE_UNSUPPORTED_BY_ENGINE:
        instance->ending.status = WSB_ERROR_UNSUPPORTED;
        break;
    default:
        instance->ending.status = WSB_ERROR_INTERNAL;
        break;
    }
    return wsb_error_set(out_error, instance->ending.status, &details, "%s: the engine failed: %s",
                         name, failure->message);
}

/* Before its guest began: the instance can be called again. */
static wsb_status refuse_stacks(const wsb_instance *instance, const wsb_engine_failure *failure,
                                const char *name, wsb_error **out_error)
{
    uint64_t allowed = instance->runtime->max_fibers;
    wsb_error_details details = {.operation = name,
                                 .subject = "max_fibers",
                                 .used = allowed,
                                 .allowed = allowed,
                                 .suggestion = "raise wsb_runtime_options.max_fibers, or have "
                                               "fewer calls in flight"};
    return wsb_error_set(out_error, WSB_ERROR_LIMIT_EXCEEDED, &details,
                         "%s: all of the %llu guests in fiber mode that can be in a call are: %s",
                         name, (unsigned long long)allowed, failure->message);
}

wsb_status wsb__call_failed(wsb_instance *instance, wsb_engine_result result,
                            const wsb_engine_failure *failure, const char *name,
                            wsb_error **out_error)
{
    if (result == WSB_ENGINE_POOL_EXHAUSTED && instance->fiber != NULL) {
        return refuse_stacks(instance, failure, name, out_error);
    }
    if (instance->tick.ended != WSB_ENGINE_OK) {
        result = instance->tick.ended; /* to the engine it was a host function's trap */
    }
    wsb_engine_failure as_given;
    if (failure->backtrace[0] != '\0' && wsb__frames_differ(instance->link->compiled->flags)) {
        as_given = *failure;
        wsb__frames_as_given(instance->module->info, as_given.backtrace);
        failure = &as_given;
    }
    if (instance->has_memory && instance->engine_instance != NULL) {
        uint8_t *base;
        uint64_t size;
        wsb_call_context_memory_all((wsb_call_context *)instance, &base, &size);
    }
    if (atomic_load(&instance->watch.listed)) {
        wsb__watchdog_settle(&instance->runtime->watchdog, &instance->watch);
    }
    return report(instance, result, failure, name, out_error);
}
