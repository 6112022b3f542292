/* Instances: one store each, with its limits and its way of being interrupted. */
#include <stdlib.h>

#include "backend.h"

static wasmtime_error_t *on_epoch(wasmtime_context_t *context, void *data, uint64_t *out_delta,
                                  wasmtime_update_deadline_kind_t *out_kind)
{
    wt_instance *instance = data;
    (void)context;
    *out_delta = 1;
    *out_kind = WASMTIME_UPDATE_DEADLINE_CONTINUE;
    if (!instance->should_stop(instance->host)) {
        if (wt_fiber_yields(instance))
            *out_kind = WASMTIME_UPDATE_DEADLINE_YIELD;
        return NULL;
    }
    instance->outcome = WSB_ENGINE_INTERRUPTED;
    return wasmtime_error_new("interrupted");
}

static bool fits_pool(const wsb_engine_instance_options *options)
{
    return options->max_memory <= WT_POOL_MEMORY &&
           options->max_table_elements <= WT_POOL_TABLE_ELEMENTS;
}

static wsb_engine_result fail_create(wt_instance *instance, wasmtime_error_t *error,
                                     wasm_trap_t *trap, wsb_engine_failure *out_failure)
{
    wsb_engine_result result = WSB_ENGINE_FAILED;
    if (trap)
        result = wt_fail_trap(out_failure, trap);
    else if (instance->limits.refused)
        result = wt_fail_error(out_failure, WSB_ENGINE_LIMIT, error);
    else if (wsb_wasmtime_error_is_pool(error))
        result = wt_fail_error(out_failure, WSB_ENGINE_POOL_EXHAUSTED, error);
    else
        result = wt_fail_error(out_failure, WSB_ENGINE_FAILED, error);
    wt_instance_destroy(instance);
    return result;
}

wsb_engine_result wt_instance_create(void *link, const wsb_engine_instance_options *options,
                                     void **out_instance, wsb_engine_failure *out_failure)
{
    const wt_link *from = link;
    if (options->size < sizeof *options)
        return wt_fail_text(out_failure, WSB_ENGINE_FAILED, "instance options are too short");
    if (from->engine->pooled && !fits_pool(options))
        return wt_fail_text(out_failure, WSB_ENGINE_POOL_EXHAUSTED,
                            "the instance is allowed more than a slot of the pool holds");
    wt_instance *instance = calloc(1, sizeof *instance);
    if (!instance)
        return wt_fail_text(out_failure, WSB_ENGINE_FAILED, "out of memory");
    instance->host = options->host;
    instance->should_stop = options->should_stop;
    instance->engine = from->engine;
    instance->on_fiber = from->engine->fibers > 0;
    instance->fiber.should_yield = options->should_yield;
    instance->fiber.resume = options->resume;
    instance->limits.memory_left = options->max_memory;
    instance->limits.table_left = options->max_table_elements;

    instance->store = wasmtime_store_new(from->engine->engine, instance, NULL);
    instance->context = wasmtime_store_context(instance->store);
    wsb_wasmtime_store_limits(instance->store, &instance->limits);
    wasmtime_store_epoch_deadline_callback(instance->store, on_epoch, instance, NULL);
    wasmtime_context_set_epoch_deadline(instance->context, 1);
    /* Initial values of tables and globals can be code, too, which is not charged. */
    if (from->engine->fuel)
        wt_instance_set_fuel(instance, UINT64_MAX);

    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error =
        wasmtime_instance_pre_instantiate(from->pre, instance->context, &instance->instance, &trap);
    if (error || trap)
        return fail_create(instance, error, trap, out_failure);
    if (from->engine->fuel)
        wt_instance_set_fuel(instance, 0);
    *out_instance = instance;
    return WSB_ENGINE_OK;
}

void wt_instance_destroy(void *instance)
{
    wt_instance *self = instance;
    wt_fiber_drop(self);
    wasmtime_store_delete(self->store);
    free(self);
}

void wt_instance_set_fuel(void *instance, uint64_t fuel)
{
    /* Fails only on an engine without fuel, where the library does not call it. */
    wasmtime_error_t *error = wasmtime_context_set_fuel(((wt_instance *)instance)->context, fuel);
    if (error)
        wasmtime_error_delete(error);
}

uint64_t wt_instance_get_fuel(void *instance)
{
    uint64_t fuel = 0;
    wasmtime_error_t *error = wasmtime_context_get_fuel(((wt_instance *)instance)->context, &fuel);
    if (error)
        wasmtime_error_delete(error);
    return fuel;
}
