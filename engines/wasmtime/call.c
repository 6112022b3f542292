/* Calling a guest's function. */
#include <stdlib.h>

#include "backend.h"

static size_t room_of(const wsb_function_type *type)
{
    return type->param_count > type->result_count ? type->param_count : type->result_count;
}

/* A call on a fiber ends in the function_call() or function_resume() of that moment. */
static wsb_engine_failure *failure_of(const wt_instance *instance, wsb_engine_failure *of_caller)
{
    return instance->on_fiber ? instance->fiber.failure : of_caller;
}

/* Kept out of the fast path. */
__attribute__((noinline, cold)) static wsb_engine_result fail_call(wt_instance *instance,
                                                                   wasmtime_error_t *error,
                                                                   wasm_trap_t *trap,
                                                                   wsb_engine_failure *out_failure)
{
    wsb_engine_result outcome = instance->outcome;
    out_failure = failure_of(instance, out_failure);
    instance->outcome = WSB_ENGINE_OK;
    if (outcome == WSB_ENGINE_HOST_TRAP) {
        /* Frequent (each command ends so), and the library knows why. */
        if (trap)
            wasm_trap_delete(trap);
        if (error)
            wasmtime_error_delete(error);
        return wt_fail_text(out_failure, outcome, "a host function ended the guest");
    }
    if (trap)
        return wt_fail_trap(out_failure, trap);
    /* Traps without a code are those that wt_references_*() caused. */
    return wt_fail_error(out_failure, outcome ? outcome : WSB_ENGINE_TRAPPED, error);
}

static inline wsb_engine_result call_raw(wt_instance *instance, const wsb_engine_handle *function,
                                         size_t count, wsb_raw_value *values,
                                         wsb_engine_failure *out_failure)
{
    /* In the instance: the address of a variable here would cost each call a guard of its frame. */
    instance->trap = NULL;
    wasmtime_error_t *error =
        wsb_wasmtime_call(instance->context, (const wasmtime_func_t *)function,
                          (wasmtime_val_raw_t *)values, count, &instance->trap);
    if (__builtin_expect(error || instance->trap, false))
        return fail_call(instance, error, instance->trap, out_failure);
    return WSB_ENGINE_OK;
}

WT_CHANGES_THREAD static wsb_engine_result
call_plain(wt_instance *instance, const wsb_engine_handle *function, const wsb_function_type *type,
           wsb_raw_value *values, wsb_engine_failure *out_failure)
{
    return call_raw(instance, function, room_of(type), values, out_failure);
}

WT_CHANGES_THREAD static wsb_engine_result call_references(wt_instance *instance,
                                                           const wsb_engine_handle *function,
                                                           const wsb_function_type *type,
                                                           wsb_raw_value *values,
                                                           wsb_engine_failure *out_failure)
{
    wasmtime_externref_t *roots = calloc(type->param_count + 1, sizeof *roots);
    if (!roots)
        return wt_fail_text(failure_of(instance, out_failure), WSB_ENGINE_FAILED, "out of memory");
    const char *problem =
        wt_references_in(instance->context, type->params, type->param_count, values, roots);
    wsb_engine_result result = WSB_ENGINE_FAILED;
    if (problem)
        result = wt_fail_text(failure_of(instance, out_failure), WSB_ENGINE_FAILED, problem);
    else
        result = call_plain(instance, function, type, values, out_failure);
    wt_references_drop(roots, type->param_count);
    free(roots);
    if (result != WSB_ENGINE_OK)
        return result;
    problem = wt_references_out(instance->context, type->results, type->result_count, values);
    if (!problem)
        return WSB_ENGINE_OK;
    return wt_fail_text(failure_of(instance, out_failure), WSB_ENGINE_FAILED, problem);
}

wsb_engine_result wt_function_call(void *self, const wsb_engine_handle *function,
                                   const wsb_function_type *type, wsb_raw_value *values,
                                   wsb_engine_failure *out_failure)
{
    wt_instance *instance = self;
    if (instance->on_fiber)
        return wt_fiber_call(instance, call_plain, function, type, values, out_failure);
    return call_raw(instance, function, room_of(type), values, out_failure);
}

wsb_engine_result wt_function_call_references(void *self, const wsb_engine_handle *function,
                                              const wsb_function_type *type, wsb_raw_value *values,
                                              wsb_engine_failure *out_failure)
{
    wt_instance *instance = self;
    if (instance->on_fiber)
        return wt_fiber_call(instance, call_references, function, type, values, out_failure);
    return call_references(instance, function, type, values, out_failure);
}
