/* Guest memory and globals from the host, between calls and inside host functions. */
#include "runtime/instance.h"

#include <sched.h>
#include <string.h>

#include <wasm_sandbox/plugin/error.h>

enum { PAGE = 65536 };

/* Marks an idle instance as taken, so that no call can start meanwhile; an instance that runs is
 * open only to its own host functions. */
typedef enum access { ACCESS_REFUSED, ACCESS_TAKEN, ACCESS_INSIDE } access;

static access begin_access(wsb_instance *instance)
{
    uint32_t expected = WSB__IDLE;
    while (!atomic_compare_exchange_strong(&instance->watch.state, &expected, WSB__OBSERVED)) {
        if (expected != WSB__OBSERVED) {
            break;
        }
        sched_yield(); /* another thread looks at it: nanoseconds */
        expected = WSB__IDLE;
    }
    if (expected == WSB__IDLE) {
        return ACCESS_TAKEN;
    }
    if (expected == WSB__CLOSED) {
        return ACCESS_INSIDE; /* for good: its memory can still be looked at */
    }
    bool own = wsb__instance_is_mine(instance) &&
               (expected == WSB__HELD || (expected == WSB__RUNNING && instance->caller != NULL));
    return own ? ACCESS_INSIDE : ACCESS_REFUSED;
}

static void end_access(wsb_instance *instance, access how)
{
    if (how == ACCESS_TAKEN) {
        atomic_store(&instance->watch.state, WSB__IDLE);
    }
}

static wsb_status busy(const char *operation, wsb_error **out_error)
{
    wsb_error_details details = {.operation = operation,
                                 .suggestion = "wait for the call to end, or do it in a host "
                                               "function of that call"};
    return wsb_error_set(out_error, WSB_ERROR_BUSY, &details, "%s: the instance is running a call",
                         operation);
}

static wsb_status check_range(wsb_instance *instance, const char *operation, uint64_t offset,
                              uint64_t length, uint8_t **out_data, wsb_error **out_error)
{
    uint64_t size;
    uint8_t *base;
    if (!instance->has_memory) {
        (void)wsb_error_set(out_error, WSB_ERROR_NOT_FOUND, NULL, "%s: the guest has no memory",
                            operation);
        return WSB_ERROR_NOT_FOUND;
    }
    wsb_call_context_memory_all((wsb_call_context *)instance, &base, &size);
    if (offset > size || length > size - offset) {
        wsb_error_details details = {
            .operation = operation, .subject = "memory", .used = offset, .allowed = size};
        (void)wsb_error_set(out_error, WSB_ERROR_LIMIT_EXCEEDED, &details,
                            "%s: %llu bytes at %llu are not inside the guest's memory of %llu",
                            operation, (unsigned long long)length, (unsigned long long)offset,
                            (unsigned long long)size);
        return WSB_ERROR_LIMIT_EXCEEDED;
    }
    *out_data = base + offset;
    return WSB_OK;
}

static wsb_status check_usable(wsb_instance *instance, const char *operation, wsb_error **out_error)
{
    if (instance == NULL) {
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL, "%s: no instance",
                             operation);
    }
    if (instance->engine_instance == NULL) {
        return wsb_error_set(out_error, WSB_ERROR_BUSY, NULL, "%s: the instance is being made",
                             operation); /* by a host module that makes its state */
    }
    return wsb__runtime_check_fork(instance->runtime, operation, out_error);
}

wsb_status wsb__instance_memory(wsb_instance *instance, uint64_t offset, uint64_t length,
                                uint8_t **out_data, wsb_error **out_error)
{
    access how = begin_access(instance);
    if (how == ACCESS_REFUSED) {
        return busy("access memory", out_error);
    }
    wsb_status status = check_range(instance, "access memory", offset, length, out_data, out_error);
    end_access(instance, how);
    return status;
}

wsb_status wsb_instance_read_memory(wsb_instance *instance, uint64_t offset, void *out_data,
                                    size_t length, wsb_error **out_error)
{
    uint8_t *data;
    wsb_status status = check_usable(instance, "read memory", out_error);
    if (status != WSB_OK) {
        return status;
    }
    access how = begin_access(instance);
    if (how == ACCESS_REFUSED) {
        return busy("read memory", out_error);
    }
    status = check_range(instance, "read memory", offset, length, &data, out_error);
    if (status == WSB_OK && length > 0) {
        memcpy(out_data, data, length);
    }
    end_access(instance, how);
    return status;
}

wsb_status wsb_instance_write_memory(wsb_instance *instance, uint64_t offset, const void *data,
                                     size_t length, wsb_error **out_error)
{
    uint8_t *target;
    wsb_status status = check_usable(instance, "write memory", out_error);
    if (status != WSB_OK) {
        return status;
    }
    access how = begin_access(instance);
    if (how == ACCESS_REFUSED) {
        return busy("write memory", out_error);
    }
    status = check_range(instance, "write memory", offset, length, &target, out_error);
    if (status == WSB_OK && length > 0) {
        memcpy(target, data, length);
    }
    end_access(instance, how);
    return status;
}

uint64_t wsb_instance_memory_size(const wsb_instance *instance)
{
    wsb_usage usage = WSB_USAGE_INIT;
    if (instance == NULL) {
        return 0;
    }
    wsb_instance_usage(instance, &usage);
    return usage.memory;
}

wsb_status wsb_instance_grow_memory(wsb_instance *instance, uint64_t pages, wsb_error **out_error)
{
    wsb_status status = check_usable(instance, "grow memory", out_error);
    if (status != WSB_OK) {
        return status;
    }
    if (!instance->has_memory) {
        return wsb_error_set(out_error, WSB_ERROR_NOT_FOUND, NULL,
                             "grow memory: the guest has no memory");
    }
    access how = begin_access(instance);
    if (how != ACCESS_TAKEN) {
        end_access(instance, how);
        return busy("grow memory", out_error);
    }
    uint8_t *base;
    uint64_t size;
    wsb_call_context_memory_all((wsb_call_context *)instance, &base, &size);
    if (base == NULL) {
        end_access(instance, how);
        return wsb_error_set(out_error, WSB_ERROR_INTERNAL, NULL,
                             "grow memory: the engine does not find the memory");
    }
    uint64_t limit = instance->limits.max_memory;
    bool grown = pages == 0 ||
                 (pages <= (limit > size ? limit - size : 0) / PAGE &&
                  instance->ops->memory_grow(instance->engine_instance, &instance->memory, pages));
    end_access(instance, how);
    if (grown) {
        return WSB_OK;
    }
    wsb_error_details details = {.operation = "grow memory",
                                 .subject = "max_memory",
                                 .used = size,
                                 .allowed = instance->limits.max_memory,
                                 .suggestion = "raise max_memory, or the module's own maximum"};
    return wsb_error_set(out_error, WSB_ERROR_LIMIT_EXCEEDED, &details,
                         "grow memory: %llu pages beyond %llu bytes were refused: max_memory is "
                         "%llu",
                         (unsigned long long)pages, (unsigned long long)size,
                         (unsigned long long)instance->limits.max_memory);
}

/* The exported global of that name, with a handle. */
static wsb_status find_global(wsb_instance *instance, wsb_str name, const char *operation,
                              const wsb_extern_info **out_info, wsb_engine_handle *out_handle,
                              wsb_error **out_error)
{
    const wsb_extern_info *info = wsb__module_info_export(instance->module->info, name);
    if (info == NULL || info->kind != WSB_EXTERN_GLOBAL ||
        !instance->ops->export_get(instance->engine_instance, name, WSB_EXTERN_GLOBAL,
                                   out_handle)) {
        (void)wsb_error_set(out_error, WSB_ERROR_NOT_FOUND, NULL, "%s '%.*s': no such export",
                            operation, (int)name.len, name.data);
        return WSB_ERROR_NOT_FOUND;
    }
    if (info->value_type > WSB_V128) {
        (void)wsb_error_set(out_error, WSB_ERROR_UNSUPPORTED, NULL,
                            "%s '%.*s': it is a reference, which only the guest can use", operation,
                            (int)name.len, name.data);
        return WSB_ERROR_UNSUPPORTED;
    }
    if (info->value_type == WSB_V128 && (instance->ops->features & WSB_ENGINE_VECTORS) == 0) {
        (void)wsb_error_set(out_error, WSB_ERROR_UNSUPPORTED, NULL,
                            "%s '%.*s': it is v128, which engine '%s' cannot pass to the host",
                            operation, (int)name.len, name.data, instance->ops->id);
        return WSB_ERROR_UNSUPPORTED;
    }
    *out_info = info;
    return WSB_OK;
}

wsb_status wsb_instance_get_global(wsb_instance *instance, wsb_str name, wsb_value *out_value,
                                   wsb_error **out_error)
{
    const wsb_extern_info *info;
    wsb_engine_handle handle;
    wsb_status status = check_usable(instance, "read global", out_error);
    if (status != WSB_OK) {
        return status;
    }
    access how = begin_access(instance);
    if (how == ACCESS_REFUSED) {
        return busy("read global", out_error);
    }
    status = find_global(instance, name, "read global", &info, &handle, out_error);
    if (status == WSB_OK) {
        wsb_value value = {.type = info->value_type};
        instance->ops->global_get(instance->engine_instance, &handle, info->value_type, &value.of);
        *out_value = value;
    }
    end_access(instance, how);
    return status;
}

static wsb_status check_global_write(const wsb_extern_info *info, const wsb_value *value,
                                     wsb_error **out_error)
{
    if (!info->is_mutable) {
        return wsb_error_set(out_error, WSB_ERROR_ACCESS_DENIED, NULL,
                             "write global '%.*s': it is constant", (int)info->name.len,
                             info->name.data);
    }
    if (value->type != info->value_type) {
        return wsb_error_set(out_error, WSB_ERROR_TYPE_MISMATCH, NULL,
                             "write global '%.*s': the value is %s and must be %s",
                             (int)info->name.len, info->name.data, wsb_value_type_name(value->type),
                             wsb_value_type_name(info->value_type));
    }
    return WSB_OK;
}

wsb_status wsb_instance_set_global(wsb_instance *instance, wsb_str name, const wsb_value *value,
                                   wsb_error **out_error)
{
    const wsb_extern_info *info;
    wsb_engine_handle handle;
    wsb_status status = check_usable(instance, "write global", out_error);
    if (status != WSB_OK) {
        return status;
    }
    access how = begin_access(instance);
    if (how == ACCESS_REFUSED) {
        return busy("write global", out_error);
    }
    status = find_global(instance, name, "write global", &info, &handle, out_error);
    if (status == WSB_OK) {
        status = check_global_write(info, value, out_error);
    }
    if (status == WSB_OK) {
        instance->ops->global_set(instance->engine_instance, &handle, info->value_type, &value->of);
    }
    end_access(instance, how);
    return status;
}
