/* The asynchronous calls of instance.h. */
#include "runtime/instance.h"
#include "sandbox/async_call.h"

static wsb_status structured(wsb_instance *instance, wsb_encoding form, wsb_str function,
                             wsb_bytes data, const wsb_async_options *options,
                             wsb_future **out_future, wsb_error **out_error)
{
    wsb__request request = {
        .kind = WSB__CALL_STRUCTURED, .name = function, .form = form, .data = data};
    return wsb__instance_submit(instance, &request, options, out_future, out_error);
}

wsb_status wsb_function_call_async(wsb_function *function, const wsb_value *args, size_t arg_count,
                                   const wsb_async_options *options, wsb_future **out_future,
                                   wsb_error **out_error)
{
    wsb__request request = {
        .kind = WSB__CALL_TYPED, .function = function, .args = args, .arg_count = arg_count};
    return wsb__instance_submit(function ? function->instance : NULL, &request, options, out_future,
                                out_error);
}

wsb_status wsb_instance_run_async(wsb_instance *instance, const wsb_async_options *options,
                                  wsb_future **out_future, wsb_error **out_error)
{
    wsb__request request = {.kind = WSB__CALL_COMMAND};
    return wsb__instance_submit(instance, &request, options, out_future, out_error);
}

wsb_status wsb_instance_call_json_async(wsb_instance *instance, wsb_str function, wsb_str text,
                                        const wsb_async_options *options, wsb_future **out_future,
                                        wsb_error **out_error)
{
    return structured(instance, WSB_ENCODING_JSON, function, wsb_bytes_of(text.data, text.len),
                      options, out_future, out_error);
}

wsb_status wsb_instance_call_msgpack_async(wsb_instance *instance, wsb_str function, wsb_bytes data,
                                           const wsb_async_options *options,
                                           wsb_future **out_future, wsb_error **out_error)
{
    return structured(instance, WSB_ENCODING_MSGPACK, function, data, options, out_future,
                      out_error);
}

wsb_status wsb_instance_call_bytes_async(wsb_instance *instance, wsb_str function, wsb_bytes data,
                                         const wsb_async_options *options, wsb_future **out_future,
                                         wsb_error **out_error)
{
    return structured(instance, WSB_ENCODING_BYTES, function, data, options, out_future, out_error);
}
