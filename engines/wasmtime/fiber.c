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

static bool may_go_on(void *env)
{
    return ((const wt_instance *)env)->fiber.go_on;
}

static void suspend(void *env, wasmtime_caller_t *caller, const wasmtime_val_t *args, size_t nargs,
                    wasmtime_val_t *results, size_t nresults, wasm_trap_t **out_trap,
                    wasmtime_async_continuation_t *out_continuation)
{
    (void)env;
    (void)args;
    (void)nargs;
    (void)results;
    (void)nresults;
    (void)out_trap;
    out_continuation->callback = may_go_on;
    out_continuation->env = wasmtime_context_get_data(wasmtime_caller_context(caller));
    out_continuation->finalizer = NULL;
}

wasmtime_error_t *wt_fibers_init(wt_engine *engine)
{
    wasm_functype_t *type = wasm_functype_new_0_0();
    engine->fiber_functions = wasmtime_linker_new(engine->engine);
    wasmtime_error_t *error = wasmtime_linker_define_func_unchecked(
        engine->fiber_functions, module_name, sizeof module_name - 1, enter_name,
        sizeof enter_name - 1, type, enter, NULL, NULL);
    if (!error)
        error = wasmtime_linker_define_async_func(
            engine->fiber_functions, module_name, sizeof module_name - 1, suspend_name,
            sizeof suspend_name - 1, type, suspend, NULL, NULL);
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

/* The call has ended, and so has its future. */
static void finish(wt_instance *instance)
{
    wt_fiber *fiber = &instance->fiber;
    wasmtime_call_future_delete(fiber->future);
    fiber->future = NULL;
    fiber->waiting = false;
    fiber->yielded = false;
    atomic_fetch_sub_explicit(&instance->engine->calls, 1, memory_order_relaxed);
}

/* The guest has not begun: there was no stack. */
static wsb_engine_result fail_begin(wt_fiber *fiber, wsb_engine_failure *out_failure)
{
    if (fiber->trap)
        return wt_fail_trap(out_failure, fiber->trap);
    wsb_engine_result result =
        wsb_wasmtime_error_is_pool(fiber->error) ? WSB_ENGINE_POOL_EXHAUSTED : WSB_ENGINE_FAILED;
    return wt_fail_error(out_failure, result, fiber->error);
}

static wsb_engine_result run(wt_instance *instance, wsb_engine_failure *out_failure)
{
    wt_fiber *fiber = &instance->fiber;
    fiber->failure = out_failure;
    /* Collecting references suspends the guest, too, for nothing that there is to wait for. */
    while (!wasmtime_call_future_poll(fiber->future)) {
        if (fiber->waiting)
            return WSB_ENGINE_SUSPENDED;
        if (fiber->yielded)
            return WSB_ENGINE_YIELDED;
    }
    finish(instance);
    if (__builtin_expect(fiber->trap || fiber->error, false))
        return fail_begin(fiber, out_failure);
    return fiber->result;
}

wsb_engine_result wt_fiber_call(wt_instance *instance, wt_call_fn call,
                                const wsb_engine_handle *function, const wsb_function_type *type,
                                wsb_raw_value *values, wsb_engine_failure *out_failure)
{
    wt_fiber *fiber = &instance->fiber;
    if (!fiber->has_enter)
        fiber->has_enter = find(instance, instance->context, enter_name, &fiber->enter);
    if (!fiber->has_enter || fiber->future)
        return wt_fail_text(out_failure, WSB_ENGINE_FAILED,
                            fiber->future ? "a call of it is suspended" : "out of memory");
    if (!take_stack(instance->engine))
        return wt_fail_text(out_failure, WSB_ENGINE_POOL_EXHAUSTED,
                            "as many guests as the engine has stacks for are in a call");
    fiber->call = call;
    fiber->function = *function;
    fiber->type = type;
    fiber->values = values;
    fiber->trap = NULL;
    fiber->error = NULL;
    fiber->future = wasmtime_func_call_async(instance->context, &fiber->enter, NULL, 0, NULL, 0,
                                             &fiber->trap, &fiber->error);
    return run(instance, out_failure);
}

wsb_engine_result wt_function_resume(void *instance, wsb_engine_failure *out_failure)
{
    wt_instance *self = instance;
    if (!self->fiber.future)
        return wt_fail_text(out_failure, WSB_ENGINE_FAILED, "no call of it is suspended");
    self->fiber.go_on = true;
    self->fiber.waiting = false;
    self->fiber.yielded = false;
    return run(self, out_failure);
}

WT_CHANGES_THREAD wasm_trap_t *wt_fiber_suspend(wt_instance *instance, wasmtime_context_t *context)
{
    wt_fiber *fiber = &instance->fiber;
    wasm_trap_t *trap = NULL;
    if (!fiber->has_suspend)
        fiber->has_suspend = find(instance, context, suspend_name, &fiber->suspend);
    if (!fiber->has_suspend)
        return wasmtime_trap_new("out of memory", strlen("out of memory"));
    fiber->go_on = false;
    fiber->waiting = true;
    wasmtime_error_t *error =
        wasmtime_func_call_unchecked(context, &fiber->suspend, NULL, 0, &trap);
    if (!error && !trap)
        return NULL;
    /* It is being dropped. */
    if (trap)
        wasm_trap_delete(trap);
    if (error)
        wasmtime_error_delete(error);
    return wsb_wasmtime_quiet_trap();
}

bool wt_fiber_yields(wt_instance *instance)
{
    wt_fiber *fiber = &instance->fiber;
    if (!fiber->future || !fiber->should_yield || !fiber->should_yield(instance->host))
        return false;
    fiber->yielded = true;
    return true;
}

void wt_fiber_drop(wt_instance *instance)
{
    wsb_engine_failure unused;
    if (!instance->fiber.future)
        return;
    instance->fiber.failure = &unused;
    instance->outcome = WSB_ENGINE_HOST_TRAP; /* which describes no frames */
    finish(instance);
}
