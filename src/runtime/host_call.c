/* From the guest into the host: the path that every import takes, and what it may do there. */
#include "runtime/host_call.h"

#include "core/alloc.h"
#include "runtime/fiber.h"
#include "runtime/instance.h"
#include "runtime/ticks.h"
#include "runtime/wait.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <wasm_sandbox/plugin/error.h>

/* More values than any compiler makes; beyond it they are put on the heap. */
enum { VALUES_ON_STACK = 16 };

static inline wsb_instance *enter(void *context, void *caller, const wsb__host_binding *binding)
{
    wsb_instance *instance = context;
    uint64_t calls = atomic_load_explicit(&instance->host_calls, memory_order_relaxed);
    atomic_store_explicit(&instance->host_calls, calls + 1, memory_order_relaxed);
    instance->caller = caller;
    instance->host_operation = binding->name;
    return instance;
}

/* It waits after all: in fiber mode the engine could not suspend its guest. */
static wsb_host_result refuse_to_wait(wsb_instance *instance)
{
    wsb__wait_drop(instance);
    wsb_call_context_fail((wsb_call_context *)instance, WSB_ERROR_INTERNAL,
                          "it is pending and was declared to never wait");
    return WSB_HOST_TRAP;
}

wsb_host_result wsb__host_call_settle(wsb_instance *instance, wsb_raw_value *values,
                                      wsb_host_result result)
{
    if (result == WSB_HOST_PENDING && wsb__fiber_can_suspend(instance)) {
        return wsb__fiber_suspend_host(instance);
    }
    if (result == WSB_HOST_PENDING) {
        result = wsb__wait_out(instance, values);
    }
    if (result != WSB_HOST_DONE) {
        return WSB_HOST_TRAP;
    }
    instance->ending.status = wsb__due(instance);
    instance->ending.message[0] = '\0';
    return instance->ending.status == WSB_OK ? WSB_HOST_DONE : WSB_HOST_TRAP;
}

static inline wsb_host_result leave(wsb_instance *instance, const wsb__host_binding *binding,
                                    wsb_raw_value *values, wsb_host_result result)
{
    if (__builtin_expect(result != WSB_HOST_DONE || instance->ending.status != WSB_OK, 0)) {
        if (result == WSB_HOST_PENDING && binding->never_waits) {
            result = refuse_to_wait(instance);
        }
        result = wsb__host_call_settle(instance, values, result);
    }
    instance->caller = NULL;
    return result;
}

wsb_host_result wsb__host_call_module(void *data, void *context, void *caller,
                                      wsb_raw_value *values)
{
    const wsb__host_binding *binding = data;
    wsb_instance *instance = enter(context, caller, binding);
    wsb_host_result result =
        binding->raw((wsb_call_context *)instance, values, instance->states[binding->slot]);
    return leave(instance, binding, values, result);
}

wsb_host_result wsb__host_call_raw(void *data, void *context, void *caller, wsb_raw_value *values)
{
    const wsb__host_binding *binding = data;
    wsb_instance *instance = enter(context, caller, binding);
    wsb_host_result result = binding->raw((wsb_call_context *)instance, values, binding->user_data);
    return leave(instance, binding, values, result);
}

static wsb_host_result call_typed(wsb_instance *instance, const wsb__host_binding *binding,
                                  wsb_value *typed, wsb_raw_value *values)
{
    const wsb_function_type *type = &binding->type;
    wsb_value *results = typed + type->param_count;
    for (size_t i = 0; i < type->param_count; i++) {
        typed[i].type = type->params[i];
        typed[i].of = values[i];
    }
    memset(results, 0, type->result_count * sizeof *results);
    for (size_t i = 0; i < type->result_count; i++) {
        results[i].type = type->results[i];
    }
    wsb_host_result result =
        binding->typed((wsb_call_context *)instance, typed, results, binding->user_data);
    if (result != WSB_HOST_DONE) {
        return result;
    }
    for (size_t i = 0; i < type->result_count; i++) {
        if (results[i].type != type->results[i]) {
            wsb_call_context_fail((wsb_call_context *)instance, WSB_ERROR_TYPE_MISMATCH,
                                  "it gave %s as result %zu, which is declared %s",
                                  wsb_value_type_name(results[i].type), i,
                                  wsb_value_type_name(type->results[i]));
            return WSB_HOST_TRAP;
        }
        if (results[i].type == WSB_FUNCREF && results[i].of.ref != NULL) {
            wsb_call_context_fail((wsb_call_context *)instance, WSB_ERROR_UNSUPPORTED,
                                  "it gave a funcref as result %zu, which can only be null", i);
            return WSB_HOST_TRAP;
        }
        values[i] = results[i].of;
    }
    return WSB_HOST_DONE;
}

wsb_host_result wsb__host_call_typed(void *data, void *context, void *caller, wsb_raw_value *values)
{
    const wsb__host_binding *binding = data;
    wsb_instance *instance = enter(context, caller, binding);
    wsb_value on_stack[VALUES_ON_STACK];
    wsb_value *typed = on_stack;
    size_t count = binding->type.param_count + binding->type.result_count;
    if (count > VALUES_ON_STACK) {
        typed = wsb__calloc(count, sizeof *typed);
    }
    wsb_host_result result = WSB_HOST_TRAP;
    if (typed == NULL) {
        wsb_call_context_fail((wsb_call_context *)instance, WSB_ERROR_OUT_OF_MEMORY,
                              "no memory for %zu values", count);
    } else {
        result = call_typed(instance, binding, typed, values);
    }
    if (typed != on_stack) {
        wsb__free(typed);
    }
    return leave(instance, binding, values, result);
}

wsb_status wsb_call_context_memory(wsb_call_context *context, uint64_t offset, uint64_t length,
                                   uint8_t **out_data)
{
    uint8_t *base;
    uint64_t size;
    if (!((wsb_instance *)context)->has_memory) {
        return WSB_ERROR_NOT_FOUND;
    }
    wsb_call_context_memory_all(context, &base, &size);
    if (offset > size || length > size - offset) {
        return WSB_ERROR_LIMIT_EXCEEDED;
    }
    *out_data = base + offset;
    return WSB_OK;
}

/* Looking an export up is a good part of making an instance, so it is done when first needed, by
 * whoever holds the instance. Others read `has_memory` meanwhile: it stays as it is. */
__attribute__((noinline, cold)) static bool find_memory(wsb_instance *instance)
{
    instance->memory_known =
        instance->has_memory && instance->engine_instance != NULL &&
        instance->ops->export_get(instance->engine_instance, wsb_cstr("wsb:memory"),
                                  WSB_EXTERN_MEMORY, &instance->memory);
    return instance->memory_known;
}

void wsb_call_context_memory_all(wsb_call_context *context, uint8_t **out_base, uint64_t *out_size)
{
    wsb_instance *instance = (wsb_instance *)context;
    if (__builtin_expect(!instance->memory_known, 0) && !find_memory(instance)) {
        *out_base = NULL;
        *out_size = 0;
        return;
    }
    instance->ops->memory_get(instance->engine_instance, instance->caller, &instance->memory,
                              out_base, out_size);
    atomic_store_explicit(&instance->memory_size, *out_size, memory_order_relaxed);
}

void wsb_call_context_fail(wsb_call_context *context, wsb_status status, const char *format, ...)
{
    wsb__ending *ending = &((wsb_instance *)context)->ending;
    va_list arguments;
    ending->status = status == WSB_OK || status == WSB_ERROR_EXIT ? WSB_ERROR_TRAP : status;
    va_start(arguments, format);
    vsnprintf(ending->message, sizeof ending->message, format, arguments);
    va_end(arguments);
}

void wsb_call_context_exit(wsb_call_context *context, int32_t code)
{
    wsb__ending *ending = &((wsb_instance *)context)->ending;
    ending->status = WSB_ERROR_EXIT;
    ending->exit_code = code;
}

static uint64_t remaining_itself(const wsb_instance *instance)
{
    const wsb__watch *watch = &instance->watch;
    if (watch->wall_limit_ticks == UINT64_MAX) {
        return UINT64_MAX;
    }
    uint64_t started = atomic_load_explicit(&watch->started, memory_order_relaxed);
    uint64_t elapsed = wsb__ticks() - started;
    return elapsed >= watch->wall_limit_ticks ? 0
                                              : wsb__ticks_to_ns(watch->wall_limit_ticks - elapsed);
}

uint64_t wsb_call_context_remaining(wsb_call_context *context)
{
    uint64_t shortest = UINT64_MAX;
    for (const wsb_instance *instance = (const wsb_instance *)context; instance != NULL;
         instance = instance->outer) {
        uint64_t remaining = remaining_itself(instance);
        shortest = remaining < shortest ? remaining : shortest;
    }
    return shortest;
}

void *wsb_call_context_user_data(wsb_call_context *context)
{
    return ((wsb_instance *)context)->user_data;
}

wsb_instance *wsb_call_context_instance(wsb_call_context *context)
{
    return (wsb_instance *)context;
}

void wsb_call_context_count(wsb_call_context *context, wsb_counter counter, int64_t delta)
{
    if ((unsigned)counter >= WSB_COUNTER_COUNT_) {
        return;
    }
    _Atomic uint64_t *value = &((wsb_instance *)context)->counters[counter];
    uint64_t now = atomic_load_explicit(value, memory_order_relaxed);
    atomic_store_explicit(value, now + (uint64_t)delta, memory_order_relaxed);
}

void wsb_call_context_event(wsb_call_context *context, wsb_event_kind kind, const char *operation,
                            const char *subject, wsb_str detail, uint64_t used, uint64_t allowed)
{
    wsb__instance_event((wsb_instance *)context, kind, operation, subject, detail, used, allowed);
}

wsb_status wsb_call_context_charge(wsb_call_context *context, wsb_str name, int64_t amount)
{
    wsb_instance *instance = (wsb_instance *)context;
    int index = wsb__limit_registry_find(&instance->runtime->limits, name);
    if (index < 0) {
        return WSB_ERROR_NOT_FOUND;
    }
    uint64_t used = instance->named_used[index];
    uint64_t allowed = instance->named_limit[index];
    if (amount < 0) {
        uint64_t back = (uint64_t)0 - (uint64_t)amount;
        instance->named_used[index] = used > back ? used - back : 0;
        return WSB_OK;
    }
    if (used > allowed || (uint64_t)amount > allowed - used) {
        wsb__instance_event(instance, WSB_EVENT_LIMIT_HIT, instance->host_operation,
                            instance->runtime->limits.limits[index]->name, (wsb_str){NULL, 0}, used,
                            allowed);
        return WSB_ERROR_LIMIT_EXCEEDED;
    }
    instance->named_used[index] = used + (uint64_t)amount;
    return WSB_OK;
}
