/* Modules of a sandbox, by id. */
#include "sandbox/state.h"

#include <wasm_sandbox/plugin/error.h>

static wsb_status no_place(const char *operation, wsb_error **out_error)
{
    wsb_error_details details = {.operation = operation};
    return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, &details,
                         "%s: the place for the result is NULL", operation);
}

/* Takes ownership of `module`. */
static wsb_status add(wsb_sandbox *sandbox, wsb_module *module, wsb_module_id *out_id,
                      wsb_error **out_error)
{
    pthread_mutex_lock(&sandbox->lock);
    wsb_status status = wsb__id_table_add(sandbox->modules, module, out_id);
    pthread_mutex_unlock(&sandbox->lock);
    if (status == WSB_OK)
        return WSB_OK;
    wsb_module_destroy(module);
    wsb_error_details details = {.operation = "load module"};
    return wsb_error_set(out_error, status, &details, "load module: no room for another id");
}

wsb_status wsb__sandbox_load(wsb_sandbox *sandbox, const wsb_str *path, wsb_bytes bytes,
                             const wsb_module_options *options, wsb_module_id *out_id,
                             wsb_error **out_error)
{
    if (!out_id)
        return no_place("load module", out_error);
    wsb_status status = wsb__sandbox_enter(sandbox, "load module", out_error);
    if (status != WSB_OK)
        return status;
    wsb_module *module = NULL;
    if (path)
        status = wsb_module_compile_file(sandbox->runtime, *path, options, &module, out_error);
    else
        status = wsb_module_compile(sandbox->runtime, bytes, options, &module, out_error);
    if (status == WSB_OK)
        status = add(sandbox, module, out_id, out_error);
    wsb__sandbox_leave(sandbox);
    return status;
}

wsb_status wsb_sandbox_load_module(wsb_sandbox *sandbox, wsb_bytes bytes, wsb_module_id *out_id,
                                   wsb_error **out_error)
{
    return wsb__sandbox_load(sandbox, NULL, bytes, NULL, out_id, out_error);
}

wsb_status wsb_sandbox_load_module_file(wsb_sandbox *sandbox, wsb_str path, wsb_module_id *out_id,
                                        wsb_error **out_error)
{
    return wsb__sandbox_load(sandbox, &path, (wsb_bytes){NULL, 0}, NULL, out_id, out_error);
}

wsb_status wsb_sandbox_module(wsb_sandbox *sandbox, wsb_module_id id, wsb_module **out_module,
                              wsb_error **out_error)
{
    if (!sandbox || !out_module)
        return no_place("look up module", out_error);
    pthread_mutex_lock(&sandbox->lock);
    wsb_module *module = wsb__id_table_get(sandbox->modules, id);
    wsb_status status = WSB_OK;
    if (module)
        *out_module = wsb_module_ref(module);
    else
        status = wsb__sandbox_id_error(sandbox, false, id, "look up module", out_error);
    pthread_mutex_unlock(&sandbox->lock);
    return status;
}

wsb_status wsb_sandbox_unload_module(wsb_sandbox *sandbox, wsb_module_id id, wsb_error **out_error)
{
    if (!sandbox)
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "unload module: the sandbox is NULL");
    pthread_mutex_lock(&sandbox->lock);
    wsb_module *module = wsb__id_table_remove(sandbox->modules, id);
    wsb_status status = WSB_OK;
    if (!module)
        status = wsb__sandbox_id_error(sandbox, false, id, "unload module", out_error);
    pthread_mutex_unlock(&sandbox->lock);
    wsb_module_destroy(module);
    return status;
}
