/* Guests on stacks of their own: calls that can be suspended.
 *
 * Wasmtime runs a function on a fiber, and suspends it in an asynchronous host function. Such a
 * function converts each value that passes through it, so that only two exist, without parameters:
 * "enter" is what runs on the fiber, and makes the call in the way of all others; "suspend" is
 * called by a host function, which is an ordinary one, when it has to wait. */
#include <stdlib.h>

#include "backend.h"

static const char module_name[] = "wsb";
static const char enter_name[] = "enter";
static const char suspend_name[] = "suspend";

WT_CHANGES_THREAD static wasm_trap_t *enter(void *env, wasmtime_caller_t *caller,
                                            wasmtime_val_raw_t *values, size_t count)
{
    wt_instance *instance = wasmtime_context_get_data(wasmtime_caller_context(caller));
    wt_fiber *fiber = &instance->fiber;
    (void)env;
    (void)values;
    (void)count;
    fiber->result = fiber->call(instance, &fiber->function, fiber->type, fiber->values, NULL);
    return NULL;
}

wasmtime_error_t *wt_fibers_init(wt_engine *engine)
{
    wasm_functype_t *type = wasm_functype_new_0_0();
    engine->fiber_functions = wasmtime_linker_new(engine->engine);
    wasmtime_error_t *error = wasmtime_linker_define_func_unchecked(
        engine->fiber_functions, module_name, sizeof module_name - 1, enter_name,
        sizeof enter_name - 1, type, enter, NULL, NULL);
    if (!error)
        error = wsb_wasmtime_define_suspend(engine->fiber_functions);
    wasm_functype_delete(type);
    return error;
}

void wt_fibers_fini(wt_engine *engine)
{
    if (engine->fiber_functions)
        wasmtime_linker_delete(engine->fiber_functions);
}

/* One of the two for the instance's store. */
static bool find(const wt_instance *instance, wasmtime_context_t *context, const char *name,
                 wasmtime_func_t *out_function)
{
    wasmtime_extern_t item;
    if (!wasmtime_linker_get(instance->engine->fiber_functions, context, module_name,
                             sizeof module_name - 1, name, strlen(name), &item))
        return false;
    *out_function = item.of.func;
    wasmtime_extern_delete(&item);
    return true;
}

static bool take_stack(wt_engine *engine)
{
    uint_fast64_t calls = atomic_load_explicit(&engine->calls, memory_order_relaxed);
    do {
        if (calls >= engine->fibers)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&engine->calls, &calls, calls + 1,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

/* The call has ended. */
static void finish(wt_instance *instance)
{
    wt_fiber *fiber = &instance->fiber;
    fiber->active = false;
    fiber->waiting = false;
    fiber->yielded = false;
    atomic_fetch_sub_explicit(&instance->engine->calls, 1, memory_order_relaxed);
}

/* The guest has not begun: there was no stack. */
static wsb_engine_result fail_begin(wasmtime_error_t *error, wsb_engine_failure *out_failure)
{
    wsb_engine_result result =
        wsb_wasmtime_error_is_pool(error) ? WSB_ENGINE_POOL_EXHAUSTED : WSB_ENGINE_FAILED;
    return wt_fail_error(out_failure, result, error);
}

static wsb_engine_result run(wt_instance *instance, wsb_engine_failure *out_failure)
{
    wt_fiber *fiber = &instance->fiber;
    wasmtime_error_t *error = NULL;
    fiber->failure = out_failure;
    /* Collecting references suspends the guest, too, for nothing that there is to wait for. */
    while (!wsb_wasmtime_fiber_poll(fiber->fiber, &fiber->waiting, &error)) {
        if (fiber->waiting)
            return WSB_ENGINE_SUSPENDED;
        if (fiber->yielded)
            return WSB_ENGINE_YIELDED;
    }
    finish(instance);
    if (__builtin_expect(error != NULL, false))
        return fail_begin(error, out_failure);
    return fiber->result;
}

static bool prepare(wt_instance *instance)
{
    wasmtime_func_t function;
    if (!instance->fiber.fiber && find(instance, instance->context, enter_name, &function))
        instance->fiber.fiber = wsb_wasmtime_fiber_new(instance->context, &function);
    return instance->fiber.fiber != NULL;
}

wsb_engine_result wt_fiber_call(wt_instance *instance, wt_call_fn call,
                                const wsb_engine_handle *function, const wsb_function_type *type,
                                wsb_raw_value *values, wsb_engine_failure *out_failure)
{
    wt_fiber *fiber = &instance->fiber;
    if (fiber->active || !prepare(instance))
        return wt_fail_text(out_failure, WSB_ENGINE_FAILED,
                            fiber->active ? "a call of it is suspended" : "out of memory");
    if (!take_stack(instance->engine))
        return wt_fail_text(out_failure, WSB_ENGINE_POOL_EXHAUSTED,
                            "as many guests as the engine has stacks for are in a call");
    fiber->call = call;
    fiber->function = *function;
    fiber->type = type;
    fiber->values = values;
    fiber->active = true;
    wsb_wasmtime_fiber_begin(fiber->fiber, instance->context);
    return run(instance, out_failure);
}

wsb_engine_result wt_function_resume(void *instance, wsb_engine_failure *out_failure)
{
    wt_instance *self = instance;
    if (!self->fiber.active)
        return wt_fail_text(out_failure, WSB_ENGINE_FAILED, "no call of it is suspended");
    self->fiber.waiting = false;
    self->fiber.yielded = false;
    return run(self, out_failure);
}

WT_CHANGES_THREAD wasm_trap_t *wt_fiber_suspend(wt_instance *instance, wasmtime_context_t *context)
{
    wt_fiber *fiber = &instance->fiber;
    if (!fiber->has_suspend)
        fiber->has_suspend = find(instance, context, suspend_name, &fiber->suspend);
    if (!fiber->has_suspend)
        return wasmtime_trap_new("out of memory", strlen("out of memory"));
    fiber->waiting = true;
    return wsb_wasmtime_suspend(context, &fiber->suspend) ? NULL : wsb_wasmtime_quiet_trap();
}

bool wt_fiber_yields(wt_instance *instance)
{
    wt_fiber *fiber = &instance->fiber;
    if (!fiber->active || !fiber->should_yield || !fiber->should_yield(instance->host))
        return false;
    fiber->yielded = true;
    return true;
}

void wt_fiber_drop(wt_instance *instance)
{
    wt_fiber *fiber = &instance->fiber;
    wsb_engine_failure unused;
    if (fiber->active) {
        fiber->failure = &unused;
        instance->outcome = WSB_ENGINE_HOST_TRAP; /* which describes no frames */
        wsb_wasmtime_fiber_end(fiber->fiber);
        finish(instance);
    }
    wsb_wasmtime_fiber_delete(fiber->fiber);
    fiber->fiber = NULL;
}
