#include "runtime/tick.h"

#include "runtime/host_call.h"
#include "runtime/ticks.h"

#include <wsb_native_module.h>

#include <wasm_sandbox/plugin/error.h>

/* What a guest may use up until it looks again: as much as takes it a few hundred microseconds, by
 * the time that the last part took. Compiled code takes some ten microseconds for the least, an
 * interpreter a tenth of a millisecond, a guest that misses the cache with each operator three.
 * More is for functions and loops with many ways through them, which pay for the longest. */
enum { LEAST = 30000, MOST = 480000 };

enum { PAGE = 65536 };

static const wsb_value_type i64[] = {WSB_I64};
const wsb_function_type wsb__tick_type = {i64, 1, i64, 1};

void wsb__tick_no_interrupt(void *engine)
{
    (void)engine;
}

/* Hands out the next part of `left`, so that the guest comes back soon in any case. */
static int64_t next_slice(wsb__tick_state *tick, uint64_t left)
{
    uint64_t slice = left < tick->slice ? left : tick->slice;
    tick->reserve = left - slice;
    return (int64_t)slice;
}

/* What is left of the fuel: 0 also where more was used than there was. */
static uint64_t fuel_left(const wsb__tick_state *tick, int64_t budget)
{
    if (budget >= 0) {
        return tick->reserve + (uint64_t)budget; /* a part of what was handed out */
    }
    uint64_t debt = (uint64_t)0 - (uint64_t)budget;
    return tick->reserve > debt ? tick->reserve - debt : 0;
}

/* Time that the guest does not run counts, too: the next part is then smaller than it could be. */
static void adapt_slice(wsb__tick_state *tick)
{
    uint64_t now = wsb__ticks();
    uint64_t took = now - tick->last;
    tick->last = now;
    if (took > wsb__ticks_per_ms) {
        tick->slice = LEAST;
    } else if (took < wsb__ticks_per_ms / 4 && tick->slice < MOST) {
        tick->slice *= 2;
    } else if (took > wsb__ticks_per_ms / 2 && tick->slice > LEAST) {
        tick->slice /= 2;
    }
}

static wsb_host_result end_guest(wsb_instance *instance, wsb_engine_result how)
{
    instance->tick.ended = how;
    return WSB_HOST_TRAP;
}

wsb_host_result wsb__tick(void *data, void *context, void *caller, wsb_raw_value *values)
{
    wsb_instance *instance = context;
    wsb__tick_state *tick = &instance->tick;
    (void)data;
    (void)caller;
    if (tick->ended != WSB_ENGINE_OK) {
        return WSB_HOST_TRAP; /* nothing that a guest may catch: once it has ended, it has */
    }
    uint64_t left = tick->fuel ? fuel_left(tick, values[0].i64) : UINT64_MAX;
    if (left == 0) {
        return end_guest(instance, WSB_ENGINE_NO_FUEL);
    }
    if (wsb__should_stop(instance)) {
        return end_guest(instance, WSB_ENGINE_INTERRUPTED);
    }
    adapt_slice(tick);
    values[0].i64 = next_slice(tick, left);
    return WSB_HOST_DONE;
}

wsb_host_result wsb__tick_host_call(void *data, void *context, void *caller, wsb_raw_value *values)
{
    const wsb__host_binding *binding = data;
    wsb_instance *instance = context;
    wsb_host_result result = binding->call(data, context, caller, values);
    if (result == WSB_HOST_DONE && wsb__should_stop(instance)) {
        return end_guest(instance, WSB_ENGINE_INTERRUPTED);
    }
    return result;
}

static wsb_status not_found(const wsb_instance *instance, const char *name, wsb_error **out_error)
{
    return wsb_error_set(out_error, WSB_ERROR_INTERNAL, NULL,
                         "instantiate: engine '%s' does not find the global '%s', which holds a "
                         "limit",
                         instance->ops->id, name);
}

static bool find_global(wsb_instance *instance, const char *name, wsb_engine_handle *out_handle)
{
    return instance->ops->export_get(instance->engine_instance, wsb_cstr(name), WSB_EXTERN_GLOBAL,
                                     out_handle);
}

/* The guest compares as signed numbers or as unsigned ones: the same, up to the largest signed. */
static wsb_status set_limit(wsb_instance *instance, const char *name, uint64_t limit,
                            wsb_error **out_error)
{
    wsb_engine_handle handle;
    wsb_raw_value value = {.u64 = limit < INT64_MAX ? limit : INT64_MAX};
    if (!find_global(instance, name, &handle)) {
        return not_found(instance, name, out_error);
    }
    instance->ops->global_set(instance->engine_instance, &handle, WSB_I64, &value);
    return WSB_OK;
}

wsb_status wsb__tick_prepare(wsb_instance *instance, wsb_error **out_error)
{
    uint64_t flags = instance->link->compiled->flags;
    wsb__tick_state *tick = &instance->tick;
    wsb_status status = WSB_OK;
    tick->slice = LEAST;
    if (flags & WSB__MODULE_HAS_MEMORY_LIMIT) {
        uint64_t bytes = instance->limits.max_memory;
        status = set_limit(instance, "wsb:memory_limit",
                           bytes == WSB_UNLIMITED ? bytes : bytes / PAGE, out_error);
    }
    if (status == WSB_OK && (flags & WSB__MODULE_HAS_TABLE_LIMIT)) {
        status =
            set_limit(instance, "wsb:table_limit", instance->limits.max_table_elements, out_error);
    }
    tick->fuel = (instance->link->compiled->added & WSBN_ADD_FUEL) != 0;
    if (status == WSB_OK && tick->fuel && (flags & WSB__MODULE_HAS_BUDGET)) {
        tick->has_budget = find_global(instance, "wsb:budget", &tick->budget);
        status = tick->has_budget ? WSB_OK : not_found(instance, "wsb:budget", out_error);
    }
    return status;
}

void wsb__tick_set_fuel(wsb_instance *instance, uint64_t fuel)
{
    wsb__tick_state *tick = &instance->tick;
    wsb_raw_value value = {.i64 = next_slice(tick, fuel)};
    if (tick->has_budget) {
        instance->ops->global_set(instance->engine_instance, &tick->budget, WSB_I64, &value);
    } else {
        tick->reserve = fuel; /* a guest without code */
    }
}

uint64_t wsb__tick_get_fuel(wsb_instance *instance)
{
    const wsb__tick_state *tick = &instance->tick;
    wsb_raw_value value = {.i64 = 0};
    if (tick->has_budget) {
        instance->ops->global_get(instance->engine_instance, &tick->budget, WSB_I64, &value);
    }
    return fuel_left(tick, value.i64);
}
