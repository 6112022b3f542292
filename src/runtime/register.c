/* What is added to a runtime before it is used: host modules and limits. */
#include "runtime/runtime.h"

#include <string.h>

#include <wasm_sandbox/plugin/error.h>

static const char *missing_member(const wsb_host_module_ops *ops)
{
    if (ops->id == NULL || ops->id[0] == '\0') {
        return "id";
    }
    if (ops->module_names == NULL || ops->module_names[0] == NULL) {
        return "module_names";
    }
    if (ops->functions == NULL) {
        return "functions";
    }
    if (ops->instance_create == NULL) {
        return "instance_create";
    }
    return ops->instance_destroy == NULL ? "instance_destroy" : NULL;
}

static wsb_status check_host_module(const wsb_host_module_ops *ops, wsb_error **out_error)
{
    wsb_error_details details = {.operation = "register host module",
                                 .suggestion = "build it against this version's headers"};
    if (ops == NULL || ops->size < sizeof *ops || ops->abi_version != WSB_HOST_MODULE_ABI_VERSION) {
        return wsb_error_set(out_error, WSB_ERROR_ABI_MISMATCH, &details,
                             "register host module: built for interface version %u, this library "
                             "has %u",
                             ops != NULL ? ops->abi_version : 0, WSB_HOST_MODULE_ABI_VERSION);
    }
    const char *missing = missing_member(ops);
    if (missing != NULL) {
        return wsb_error_set(out_error, WSB_ERROR_ABI_MISMATCH, &details,
                             "register host module: the member '%s' is not set", missing);
    }
    for (size_t i = 0; ops->functions[i].name != NULL; i++) {
        const char *signature = ops->functions[i].signature;
        if (ops->functions[i].call == NULL || signature == NULL ||
            strspn(signature, "iIfF:") != strlen(signature) || strchr(signature, ':') == NULL) {
            return wsb_error_set(out_error, WSB_ERROR_ABI_MISMATCH, &details,
                                 "register host module '%s': function '%s' has no call, or its "
                                 "signature is not like \"iiI:i\"",
                                 ops->id, ops->functions[i].name);
        }
    }
    return WSB_OK;
}

/* Whether two host modules have a name in common. */
static const char *common_name(const wsb_host_module_ops *a, const wsb_host_module_ops *b)
{
    if (strcmp(a->id, b->id) == 0) {
        return a->id;
    }
    for (size_t i = 0; a->module_names[i] != NULL; i++) {
        for (size_t j = 0; b->module_names[j] != NULL; j++) {
            if (strcmp(a->module_names[i], b->module_names[j]) == 0) {
                return a->module_names[i];
            }
        }
    }
    return NULL;
}

/* With the lock held. */
static wsb_status add_host_module(wsb_runtime *runtime, const wsb_host_module_ops *ops,
                                  wsb_error **out_error)
{
    if (runtime->in_use) {
        return wsb_error_set(out_error, WSB_ERROR_BUSY, NULL,
                             "register host module '%s': the runtime has compiled a module already",
                             ops->id);
    }
    if (runtime->host_module_count == WSB__MAX_HOST_MODULES) {
        return wsb_error_set(out_error, WSB_ERROR_LIMIT_EXCEEDED, NULL,
                             "register host module '%s': there are %d already", ops->id,
                             WSB__MAX_HOST_MODULES);
    }
    for (size_t i = 0; i < runtime->host_module_count; i++) {
        const char *name = common_name(ops, runtime->host_modules[i]);
        if (name != NULL) {
            return wsb_error_set(out_error, WSB_ERROR_ALREADY_EXISTS, NULL,
                                 "register host module '%s': '%s' is taken", ops->id, name);
        }
    }
    runtime->host_modules[runtime->host_module_count++] = ops;
    return WSB_OK;
}

wsb_status wsb_runtime_register_host_module(wsb_runtime *runtime, const wsb_host_module_ops *ops,
                                            wsb_error **out_error)
{
    if (runtime == NULL) {
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "register host module: no runtime");
    }
    wsb_status status = wsb__runtime_check_fork(runtime, "register host module", out_error);
    if (status == WSB_OK) {
        status = check_host_module(ops, out_error);
    }
    if (status != WSB_OK) {
        return status;
    }
    pthread_mutex_lock(&runtime->lock);
    status = add_host_module(runtime, ops, out_error);
    pthread_mutex_unlock(&runtime->lock);
    return status;
}

wsb_status wsb_runtime_register_limit(wsb_runtime *runtime, const wsb_limit_ops *ops,
                                      wsb_error **out_error)
{
    if (runtime == NULL) {
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "register limit: no runtime");
    }
    wsb_status status = wsb__runtime_check_fork(runtime, "register limit", out_error);
    if (status != WSB_OK) {
        return status;
    }
    pthread_mutex_lock(&runtime->lock);
    status = runtime->in_use
                 ? wsb_error_set(out_error, WSB_ERROR_BUSY, NULL,
                                 "register limit: the runtime has compiled a module already")
                 : wsb__limit_registry_add(&runtime->limits, ops, out_error);
    pthread_mutex_unlock(&runtime->lock);
    return status;
}
