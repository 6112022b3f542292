#include "security/limits.h"

#include "core/options.h"

#include <wasm_sandbox/plugin/error.h>

/* One row a limit: where it is, its default, and whether nothing at all makes sense for it. */
typedef struct limit_row {
    const char *name;
    size_t offset;
    uint64_t fallback;
    uint64_t least; /* smallest finite value */
    bool none_allowed;
    bool unlimited_allowed;
} limit_row;

#define AT(field) #field, offsetof(wsb_resource_limits, field)

static const limit_row rows[] = {
    {AT(max_memory), 64 * WSB_MIB, 1, true, true},
    {AT(max_table_elements), 1000000, 1, true, true},
    {AT(max_stack), (uint64_t)512 * 1024, WSB__STACK_MIN, false, false},
    {AT(max_cpu_time), 30 * WSB_SECOND, 1, false, true},
    {AT(max_wall_time), 30 * WSB_SECOND, 1, false, true},
    {AT(fuel), WSB_UNLIMITED, 1, false, true},
    {AT(max_file_descriptors), 16, 1, true, true},
    {AT(max_network_connections), 4, 1, true, true},
    {AT(max_read_bytes), 1024 * WSB_MIB, 1, true, true},
    {AT(max_write_bytes), 1024 * WSB_MIB, 1, true, true},
    {AT(max_output), 16 * WSB_MIB, 1, true, true},
};

bool wsb__limit_is_builtin(wsb_str name)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (name.len == strlen(rows[i].name) && memcmp(name.data, rows[i].name, name.len) == 0)
            return true;
    return false;
}

static wsb_status refuse(const limit_row *row, uint64_t value, uint64_t allowed,
                         const char *suggestion, const char *why, wsb_error **out_error)
{
    return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT,
                         &(wsb_error_details){
                             .operation = "resolve limits",
                             .subject = row->name,
                             .suggestion = suggestion,
                             .used = value,
                             .allowed = allowed,
                         },
                         "limit %s: %s", row->name, why);
}

static wsb_status resolve_row(const limit_row *row, uint64_t *value, wsb_error **out_error)
{
    if (*value == 0) {
        *value = row->fallback;
    } else if (*value == WSB_NONE) {
        if (!row->none_allowed)
            return refuse(row, 0, row->least,
                          "give a finite value, or leave it out for the default",
                          "WSB_NONE makes no sense here: nothing could run", out_error);
        *value = 0;
    } else if (*value == WSB_UNLIMITED) {
        if (!row->unlimited_allowed)
            return refuse(row, *value, 0,
                          "give a finite value that fits the stack of the calling threads",
                          "WSB_UNLIMITED makes no sense here: the guest shares its thread's stack",
                          out_error);
    } else {
        if (*value > WSB__LIMIT_MAX)
            return refuse(row, *value, WSB__LIMIT_MAX,
                          row->unlimited_allowed ? "use WSB_UNLIMITED to lift the limit" : "",
                          "the value is out of range", out_error);
        if (*value < row->least)
            return refuse(row, *value, row->least, "raise it, or leave it out for the default",
                          "the value is too small for anything to run", out_error);
    }
    return WSB_OK;
}

wsb_status wsb_resource_limits_resolve(const wsb_resource_limits *limits,
                                       wsb_resource_limits *out_resolved, wsb_error **out_error)
{
    if (!out_resolved)
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "resolve limits: out_resolved is NULL");
    wsb_resource_limits resolved;
    wsb_status status =
        wsb__options_copy(limits, &resolved, sizeof resolved, "wsb_resource_limits", out_error);
    if (status != WSB_OK)
        return status;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t value;
        uint8_t *field = (uint8_t *)&resolved + rows[i].offset;
        memcpy(&value, field, sizeof value);
        status = resolve_row(&rows[i], &value, out_error);
        if (status != WSB_OK)
            return status;
        memcpy(field, &value, sizeof value);
    }
    if (resolved.named_count > 0 && !resolved.named)
        return wsb_error_set(
            out_error, WSB_ERROR_INVALID_ARGUMENT,
            &(wsb_error_details){.operation = "resolve limits", .subject = "named"},
            "limits: named_count is %zu, but named is NULL", resolved.named_count);
    *out_resolved = resolved;
    return WSB_OK;
}
