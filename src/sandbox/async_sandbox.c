/* The asynchronous calls of sandbox.h. */
#include "sandbox/async_call.h"

static wsb_status structured(wsb_sandbox *sandbox, wsb_instance_id instance, wsb_encoding form,
                             wsb_str name, wsb_bytes data, const wsb_async_options *options,
                             wsb_future **out_future, wsb_error **out_error)
{
    wsb__request request = {.kind = WSB__CALL_STRUCTURED, .name = name, .form = form, .data = data};
    return wsb__sandbox_submit(sandbox, instance, &request, options, out_future, out_error);
}

wsb_status wsb_sandbox_call_function_async(wsb_sandbox *sandbox, wsb_instance_id instance,
                                           wsb_str name, const wsb_value *args, size_t arg_count,
                                           const wsb_async_options *options,
                                           wsb_future **out_future, wsb_error **out_error)
{
    wsb__request request = {
        .kind = WSB__CALL_TYPED, .name = name, .args = args, .arg_count = arg_count};
    return wsb__sandbox_submit(sandbox, instance, &request, options, out_future, out_error);
}

wsb_status wsb_sandbox_call_function_json_async(wsb_sandbox *sandbox, wsb_instance_id instance,
                                                wsb_str name, wsb_str text,
                                                const wsb_async_options *options,
                                                wsb_future **out_future, wsb_error **out_error)
{
    return structured(sandbox, instance, WSB_ENCODING_JSON, name, wsb_bytes_of(text.data, text.len),
                      options, out_future, out_error);
}

wsb_status wsb_sandbox_call_function_msgpack_async(wsb_sandbox *sandbox, wsb_instance_id instance,
                                                   wsb_str name, wsb_bytes data,
                                                   const wsb_async_options *options,
                                                   wsb_future **out_future, wsb_error **out_error)
{
    return structured(sandbox, instance, WSB_ENCODING_MSGPACK, name, data, options, out_future,
                      out_error);
}

wsb_status wsb_sandbox_call_function_bytes_async(wsb_sandbox *sandbox, wsb_instance_id instance,
                                                 wsb_str name, wsb_bytes data,
                                                 const wsb_async_options *options,
                                                 wsb_future **out_future, wsb_error **out_error)
{
    return structured(sandbox, instance, WSB_ENCODING_BYTES, name, data, options, out_future,
                      out_error);
}

wsb_status wsb_sandbox_run_async(wsb_sandbox *sandbox, wsb_instance_id instance,
                                 const wsb_async_options *options, wsb_future **out_future,
                                 wsb_error **out_error)
{
    wsb__request request = {.kind = WSB__CALL_COMMAND};
    return wsb__sandbox_submit(sandbox, instance, &request, options, out_future, out_error);
}

wsb_status wsb_sandbox_call_async(wsb_sandbox *sandbox, wsb_str name, const wsb_value *args,
                                  size_t arg_count, const wsb_async_options *options,
                                  wsb_future **out_future, wsb_error **out_error)
{
    return wsb_sandbox_call_function_async(sandbox, wsb_sandbox_main_instance(sandbox), name, args,
                                           arg_count, options, out_future, out_error);
}

wsb_status wsb_sandbox_call_json_async(wsb_sandbox *sandbox, wsb_str name, wsb_str text,
                                       const wsb_async_options *options, wsb_future **out_future,
                                       wsb_error **out_error)
{
    return wsb_sandbox_call_function_json_async(sandbox, wsb_sandbox_main_instance(sandbox), name,
                                                text, options, out_future, out_error);
}
