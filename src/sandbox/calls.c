/* Calls into the instances of a sandbox. */
#include "core/buffer.h"
#include "sandbox/state.h"

#include <wasm_sandbox/plugin/error.h>

wsb_status wsb_sandbox_call_function(wsb_sandbox *sandbox, wsb_instance_id instance, wsb_str name,
                                     const wsb_value *args, size_t arg_count, wsb_value *results,
                                     size_t result_count, wsb_error **out_error)
{
    wsb__slot *slot = NULL;
    wsb_status status = wsb__slot_acquire(sandbox, instance, "call function", &slot, out_error);
    if (status != WSB_OK)
        return status;
    wsb_function *function = NULL;
    status = wsb_instance_function(slot->instance, name, &function, out_error);
    if (status == WSB_OK)
        status = wsb_function_call(function, args, arg_count, results, result_count, out_error);
    wsb__slot_release(sandbox, slot);
    return status;
}

wsb_status wsb_sandbox_call_function_json(wsb_sandbox *sandbox, wsb_instance_id instance,
                                          wsb_str name, wsb_str text, wsb_buf *out_json,
                                          wsb_error **out_error)
{
    wsb__slot *slot = NULL;
    wsb_status status = wsb__slot_acquire(sandbox, instance, "call function", &slot, out_error);
    if (status != WSB_OK)
        return status;
    status = wsb_instance_call_json(slot->instance, name, text, out_json, out_error);
    wsb__slot_release(sandbox, slot);
    return status;
}

wsb_status wsb_sandbox_call_function_msgpack(wsb_sandbox *sandbox, wsb_instance_id instance,
                                             wsb_str name, wsb_bytes data, wsb_buf *out_data,
                                             wsb_error **out_error)
{
    wsb__slot *slot = NULL;
    wsb_status status = wsb__slot_acquire(sandbox, instance, "call function", &slot, out_error);
    if (status != WSB_OK)
        return status;
    status = wsb_instance_call_msgpack(slot->instance, name, data, out_data, out_error);
    wsb__slot_release(sandbox, slot);
    return status;
}

wsb_status wsb_sandbox_call_function_bytes(wsb_sandbox *sandbox, wsb_instance_id instance,
                                           wsb_str name, wsb_bytes data, wsb_buf *out_data,
                                           wsb_error **out_error)
{
    wsb__slot *slot = NULL;
    wsb_status status = wsb__slot_acquire(sandbox, instance, "call function", &slot, out_error);
    if (status != WSB_OK)
        return status;
    status = wsb_instance_call_bytes(slot->instance, name, data, out_data, out_error);
    wsb__slot_release(sandbox, slot);
    return status;
}

wsb_status wsb_sandbox_run(wsb_sandbox *sandbox, wsb_instance_id instance, int32_t *out_exit_code,
                           wsb_error **out_error)
{
    wsb__slot *slot = NULL;
    wsb_status status = wsb__slot_acquire(sandbox, instance, "run", &slot, out_error);
    if (status != WSB_OK)
        return status;
    status = wsb_instance_run(slot->instance, out_exit_code, out_error);
    wsb__slot_release(sandbox, slot);
    return status;
}

wsb_status wsb_sandbox_output(wsb_sandbox *sandbox, wsb_instance_id instance, wsb_stream stream,
                              wsb_buf *out_data, bool *out_truncated, wsb_error **out_error)
{
    wsb_error_details details = {.operation = "read output"};
    if (!out_data || (stream != WSB_STANDARD_OUTPUT && stream != WSB_STANDARD_ERROR))
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, &details,
                             "read output: the place for it is NULL, or the stream unknown");
    wsb__slot *slot = NULL;
    wsb_status status = wsb__slot_acquire(sandbox, instance, "read output", &slot, out_error);
    if (status != WSB_OK)
        return status;
    bool truncated = false;
    wsb_buf copy = WSB_BUF_INIT;
    wsb_bytes output = wsb_instance_output(slot->instance, stream, &truncated);
    if (output.len)
        status = wsb__buf_append(&copy, output.data, output.len, SIZE_MAX - 1);
    wsb__slot_release(sandbox, slot);
    if (status != WSB_OK)
        return wsb_error_set(out_error, status, &details, "read output: no room for %zu bytes",
                             output.len);
    *out_data = copy;
    if (out_truncated)
        *out_truncated = truncated;
    return WSB_OK;
}

wsb_status wsb_sandbox_clear_output(wsb_sandbox *sandbox, wsb_instance_id instance,
                                    wsb_error **out_error)
{
    wsb__slot *slot = NULL;
    wsb_status status = wsb__slot_acquire(sandbox, instance, "clear output", &slot, out_error);
    if (status != WSB_OK)
        return status;
    wsb_instance_clear_output(slot->instance);
    wsb__slot_release(sandbox, slot);
    return WSB_OK;
}

wsb_status wsb_sandbox_call(wsb_sandbox *sandbox, wsb_str name, const wsb_value *args,
                            size_t arg_count, wsb_value *results, size_t result_count,
                            wsb_error **out_error)
{
    return wsb_sandbox_call_function(sandbox, wsb_sandbox_main_instance(sandbox), name, args,
                                     arg_count, results, result_count, out_error);
}

wsb_status wsb_sandbox_call_json(wsb_sandbox *sandbox, wsb_str name, wsb_str text,
                                 wsb_buf *out_json, wsb_error **out_error)
{
    return wsb_sandbox_call_function_json(sandbox, wsb_sandbox_main_instance(sandbox), name, text,
                                          out_json, out_error);
}
