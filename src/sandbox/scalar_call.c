/* The scalar convention: exports over numbers, their arguments by position. */
#include "core/alloc.h"
#include "runtime/instance.h"
#include "sandbox/structured.h"

wsb_status wsb__scalar_begin(wsb__structured *call, wsb_bytes data, wsb_error **out_error)
{
    const wsb_function_type *type = wsb_function_get_type(call->function);
    wsb_status status = wsb__scalar_check_type(&call->site, type, out_error);
    if (status != WSB_OK)
        return status;
    if (call->function->slots > WSB__FEW_VALUES)
        call->values = wsb__calloc(call->function->slots, sizeof *call->values);
    if (!call->values)
        return wsb__site_error(&call->site, WSB_ERROR_OUT_OF_MEMORY, NULL, out_error,
                               "out of memory for the values");
    if (call->form == WSB_ENCODING_MSGPACK)
        status = wsb__msgpack_args(&call->site, data, type, call->values, out_error);
    else
        status = wsb__json_args(&call->site, (wsb_str){(const char *)data.data, data.len}, type,
                                call->values, out_error);
    if (status == WSB_OK)
        call->next = call->function;
    return status;
}

wsb_status wsb__scalar_finish(wsb__structured *call, wsb_buf *out_data, wsb_error **out_error)
{
    const wsb_function_type *type = wsb_function_get_type(call->function);
    wsb_status status =
        call->form == WSB_ENCODING_MSGPACK
            ? wsb__msgpack_results(&call->site, type, call->values, &call->payload, out_error)
            : wsb__json_results(&call->site, type, call->values, &call->payload, out_error);
    if (status == WSB_OK) {
        *out_data = call->payload;
        call->payload = (wsb_buf)WSB_BUF_INIT;
    }
    return status;
}
