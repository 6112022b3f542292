/* Imports, and host functions as Wasmtime calls them. */
#include <stdlib.h>

#include "backend.h"

/* The trap with which a host function ends the guest. */
static wasm_trap_t *end_guest(wt_instance *instance)
{
    instance->outcome = WSB_ENGINE_HOST_TRAP;
    return wsb_wasmtime_quiet_trap();
}

/* Of a host function that is not done: suspends the guest until it is. NULL when the guest goes
 * on. */
WT_CHANGES_THREAD static wasm_trap_t *not_done(const wt_import *import, wt_instance *instance,
                                               wasmtime_caller_t *caller, wsb_raw_value *values,
                                               wsb_host_result result)
{
    while (result == WSB_HOST_PENDING && import->may_wait) {
        wasm_trap_t *trap = wt_fiber_suspend(instance, wasmtime_caller_context(caller));
        if (trap)
            return trap;
        result = instance->fiber.resume(instance->host, caller, values);
    }
    return result == WSB_HOST_DONE ? NULL : end_guest(instance);
}

WT_CHANGES_THREAD static wasm_trap_t *call_host(void *env, wasmtime_caller_t *caller,
                                                wasmtime_val_raw_t *raw, size_t count)
{
    const wt_import *import = env;
    wt_instance *instance = wasmtime_context_get_data(wasmtime_caller_context(caller));
    wsb_raw_value *values = (wsb_raw_value *)raw;
    (void)count;
    wsb_host_result result = import->call(import->data, instance->host, caller, values);
    if (__builtin_expect(result == WSB_HOST_DONE, true))
        return NULL;
    return not_done(import, instance, caller, values, result);
}

static wasm_trap_t *refuse(const char *text)
{
    return wasmtime_trap_new(text, strlen(text));
}

static const char *take_results(wasmtime_context_t *context, const wsb_function_type *type,
                                wsb_raw_value *values)
{
    wasmtime_externref_t *roots = calloc(type->result_count + 1, sizeof *roots);
    if (!roots)
        return "out of memory";
    const char *problem =
        wt_references_in(context, type->results, type->result_count, values, roots);
    wt_references_drop(roots, type->result_count);
    free(roots);
    return problem;
}

/* As call_host(), for signatures with references. */
WT_CHANGES_THREAD static wasm_trap_t *call_host_references(void *env, wasmtime_caller_t *caller,
                                                           wasmtime_val_raw_t *raw, size_t count)
{
    const wt_import *import = env;
    wasmtime_context_t *context = wasmtime_caller_context(caller);
    wt_instance *instance = wasmtime_context_get_data(context);
    wsb_raw_value *values = (wsb_raw_value *)raw;
    const wsb_function_type *type = import->type;
    (void)count;

    const char *problem = wt_references_out(context, type->params, type->param_count, values);
    if (problem)
        return refuse(problem);
    wsb_host_result result = import->call(import->data, instance->host, caller, values);
    if (result != WSB_HOST_DONE) {
        wasm_trap_t *trap = not_done(import, instance, caller, values, result);
        if (trap)
            return trap;
    }
    problem = take_results(context, type, values);
    return problem ? refuse(problem) : NULL;
}

static wasm_valtype_t *make_value_type(wsb_value_type type)
{
    switch (type) {
    case WSB_I32:
        return wasm_valtype_new(WASM_I32);
    case WSB_I64:
        return wasm_valtype_new(WASM_I64);
    case WSB_F32:
        return wasm_valtype_new(WASM_F32);
    case WSB_F64:
        return wasm_valtype_new(WASM_F64);
    case WSB_V128:
        return wasmtime_wasm_valtype_v128();
    case WSB_FUNCREF:
        return wasm_valtype_new(WASM_FUNCREF);
    case WSB_EXTERNREF:
        return wasm_valtype_new(WASM_EXTERNREF);
    case WSB_OTHER:
    default:
        return NULL;
    }
}

static bool make_types(const wsb_value_type *types, size_t count, wasm_valtype_vec_t *out)
{
    wasm_valtype_vec_new_uninitialized(out, count);
    for (size_t i = 0; i < count; i++) {
        out->data[i] = make_value_type(types[i]);
        if (!out->data[i]) {
            /* Uninitialized places are NULL, which deleting allows. */
            wasm_valtype_vec_delete(out);
            return false;
        }
    }
    return true;
}

static wasm_functype_t *make_function_type(const wsb_function_type *type)
{
    wasm_valtype_vec_t params;
    wasm_valtype_vec_t results;
    if (!make_types(type->params, type->param_count, &params))
        return NULL;
    if (!make_types(type->results, type->result_count, &results)) {
        wasm_valtype_vec_delete(&params);
        return NULL;
    }
    return wasm_functype_new(&params, &results);
}

static wsb_engine_result define(wasmtime_linker_t *linker, bool fibers,
                                const wsb_engine_import *import, wt_import *env,
                                wsb_engine_failure *out_failure)
{
    const wsb_function_type *type = &import->type;
    wasm_functype_t *function_type = make_function_type(type);
    if (!function_type)
        return wt_fail_text(out_failure, WSB_ENGINE_UNSUPPORTED_BY_ENGINE,
                            "a host function with a type of reference that only guests can handle");
    env->call = import->call;
    env->data = import->data;
    env->type = type;
    env->may_wait = fibers && !import->never_waits;
    bool references = wt_has_references(type->params, type->param_count) ||
                      wt_has_references(type->results, type->result_count);
    wasmtime_error_t *error = wasmtime_linker_define_func_unchecked(
        linker, import->module.data, import->module.len, import->name.data, import->name.len,
        function_type, references ? call_host_references : call_host, env, NULL);
    wasm_functype_delete(function_type);
    return error ? wt_fail_error(out_failure, WSB_ENGINE_FAILED, error) : WSB_ENGINE_OK;
}

static wsb_engine_result resolve(wt_link *link, const wt_module *module,
                                 const wsb_engine_import *imports, size_t count,
                                 wsb_engine_failure *out_failure)
{
    wasmtime_linker_t *linker = wasmtime_linker_new(link->engine->engine);
    /* A module may import the same function twice. */
    wasmtime_linker_allow_shadowing(linker, true);
    wsb_engine_result result = WSB_ENGINE_OK;
    for (size_t i = 0; i < count && result == WSB_ENGINE_OK; i++)
        result =
            define(linker, link->engine->fibers > 0, &imports[i], &link->imports[i], out_failure);
    if (result == WSB_ENGINE_OK) {
        wasmtime_error_t *error =
            wasmtime_linker_instantiate_pre(linker, module->module, &link->pre);
        if (error)
            result = wt_fail_error(out_failure, WSB_ENGINE_FAILED, error);
    }
    wasmtime_linker_delete(linker);
    return result;
}

wsb_engine_result wt_link_create(void *engine, void *module, const wsb_engine_import *imports,
                                 size_t import_count, void **out_link,
                                 wsb_engine_failure *out_failure)
{
    wt_link *link = calloc(1, sizeof *link);
    if (link)
        link->imports = calloc(import_count + 1, sizeof *link->imports);
    if (!link || !link->imports) {
        free(link);
        return wt_fail_text(out_failure, WSB_ENGINE_FAILED, "out of memory");
    }
    link->engine = engine;
    wsb_engine_result result = resolve(link, module, imports, import_count, out_failure);
    if (result != WSB_ENGINE_OK) {
        free(link->imports);
        free(link);
        return result;
    }
    *out_link = link;
    return WSB_ENGINE_OK;
}

void wt_link_destroy(void *link)
{
    wt_link *self = link;
    wasmtime_instance_pre_delete(self->pre);
    free(self->imports);
    free(self);
}
