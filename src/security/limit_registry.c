#include "security/limit_registry.h"

#include "core/buffer.h"
#include "security/limits.h"

#include <stdio.h>
#include <wasm_sandbox/plugin/error.h>

#define WSB__LIMIT_NAME_MAX ((size_t)64)

static bool name_valid(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return len > 0 && len <= WSB__LIMIT_NAME_MAX && name[len] == '\0';
}

int wsb__limit_registry_find(const wsb__limit_registry *registry, wsb_str name)
{
    for (size_t i = 0; i < registry->count; i++)
        if (wsb__str_equal(wsb_cstr(registry->limits[i]->name), name))
            return (int)i;
    return -1;
}

static wsb_status mismatch(const char *name, const char *why, wsb_error **out_error)
{
    return wsb_error_set(out_error, WSB_ERROR_ABI_MISMATCH,
                         &(wsb_error_details){.operation = "register limit",
                                              .subject = name,
                                              .suggestion = "build it against this library's "
                                                            "plugin/limit.h"},
                         "register limit '%s': %s", name, why);
}

/* Reads nothing of the table before its version and size are known to fit. */
static wsb_status check_ops(const wsb_limit_ops *ops, wsb_error **out_error)
{
    if (!ops)
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "register limit: ops is NULL");
    if (ops->size < offsetof(wsb_limit_ops, name) || ops->abi_version != WSB_LIMIT_ABI_VERSION)
        return mismatch("?", "its abi_version is not this library's", out_error);
    if (ops->size != sizeof *ops)
        return mismatch("?", "size is not that of wsb_limit_ops", out_error);
    if (!ops->name)
        return mismatch("?", "member name is missing", out_error);
    if (!ops->unit)
        return mismatch(ops->name, "member unit is missing", out_error);
    return WSB_OK;
}

wsb_status wsb__limit_registry_add(wsb__limit_registry *registry, const wsb_limit_ops *ops,
                                   wsb_error **out_error)
{
    wsb_status status = check_ops(ops, out_error);
    if (status != WSB_OK)
        return status;
    wsb_error_details details = {.operation = "register limit", .subject = ops->name};
    if (!name_valid(ops->name))
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, &details,
                             "register limit '%s': a name is 1 to 64 of a-z 0-9 _", ops->name);
    if (ops->scope != WSB_LIMIT_INSTANCE && ops->scope != WSB_LIMIT_CALL)
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, &details,
                             "register limit '%s': scope %d is unknown", ops->name,
                             (int)ops->scope);
    if (wsb__limit_is_builtin(wsb_cstr(ops->name)) ||
        wsb__limit_registry_find(registry, wsb_cstr(ops->name)) >= 0)
        return wsb_error_set(out_error, WSB_ERROR_ALREADY_EXISTS, &details,
                             "register limit '%s': there is one of that name", ops->name);
    if (registry->count == WSB__LIMIT_REGISTRY_MAX) {
        details.used = details.allowed = WSB__LIMIT_REGISTRY_MAX;
        return wsb_error_set(out_error, WSB_ERROR_LIMIT_EXCEEDED, &details,
                             "register limit '%s': a runtime has at most %d limits", ops->name,
                             WSB__LIMIT_REGISTRY_MAX);
    }
    registry->limits[registry->count++] = ops;
    return WSB_OK;
}

static wsb_status unknown_name(const wsb__limit_registry *registry, wsb_str name,
                               wsb_error **out_error)
{
    char known[1200] = "register it with wsb_runtime_register_limit() first";
    size_t len = strlen(known);
    for (size_t i = 0; i < registry->count && len < sizeof known - WSB__LIMIT_NAME_MAX - 32; i++) {
        const char *lead = i == 0 ? "; registered: " : ", ";
        len += (size_t)snprintf(known + len, sizeof known - len, "%s%s", lead,
                                registry->limits[i]->name);
    }
    int shown = name.len > WSB__LIMIT_NAME_MAX ? (int)WSB__LIMIT_NAME_MAX : (int)name.len;
    return wsb_error_set(
        out_error, WSB_ERROR_NOT_FOUND,
        &(wsb_error_details){
            .operation = "resolve limits", .subject = "named", .suggestion = known},
        "limits: there is no limit named '%.*s'", shown, name.data ? name.data : "");
}

static wsb_status resolve_value(const wsb_limit_ops *ops, uint64_t given, uint64_t *out_value,
                                wsb_error **out_error)
{
    uint64_t value = given ? given : ops->default_value;
    if (value == WSB_NONE)
        value = 0;
    else if (value != WSB_UNLIMITED && value > WSB__LIMIT_MAX)
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT,
                             &(wsb_error_details){.operation = "resolve limits",
                                                  .subject = ops->name,
                                                  .suggestion = "use WSB_UNLIMITED to lift it",
                                                  .used = value,
                                                  .allowed = WSB__LIMIT_MAX},
                             "limit %s: the value is out of range", ops->name);
    if (given && ops->validate) {
        wsb_status status = ops->validate(value, out_error);
        if (status != WSB_OK)
            return status;
    }
    *out_value = value;
    return WSB_OK;
}

wsb_status wsb__limit_registry_resolve(const wsb__limit_registry *registry,
                                       const wsb_named_limit *named, size_t count,
                                       uint64_t out_values[WSB__LIMIT_REGISTRY_MAX],
                                       wsb_error **out_error)
{
    uint64_t values[WSB__LIMIT_REGISTRY_MAX] = {0};
    bool given[WSB__LIMIT_REGISTRY_MAX] = {false};
    for (size_t i = 0; i < registry->count; i++) {
        wsb_status status = resolve_value(registry->limits[i], 0, &values[i], out_error);
        if (status != WSB_OK)
            return status;
    }
    if (count > 0 && !named)
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL, "limits: named is NULL");
    for (size_t i = 0; i < count; i++) {
        int index = wsb__limit_registry_find(registry, named[i].name);
        if (index < 0)
            return unknown_name(registry, named[i].name, out_error);
        const wsb_limit_ops *ops = registry->limits[index];
        if (given[index])
            return wsb_error_set(
                out_error, WSB_ERROR_INVALID_ARGUMENT,
                &(wsb_error_details){.operation = "resolve limits", .subject = ops->name},
                "limit %s: given twice", ops->name);
        given[index] = true;
        wsb_status status = resolve_value(ops, named[i].value, &values[index], out_error);
        if (status != WSB_OK)
            return status;
    }
    memcpy(out_values, values, sizeof values);
    return WSB_OK;
}
