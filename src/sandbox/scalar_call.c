/* The scalar convention: exports over numbers, their arguments by position. */
#include "core/alloc.h"
#include "sandbox/structured.h"

#define INLINE_VALUES 16

/* Room for arguments and results: the caller's array for the usual few, else the heap. */
static wsb_raw_value *take_values(wsb_raw_value *few, const wsb_function_type *type,
                                  size_t *out_count)
{
    size_t count = type->param_count > type->result_count ? type->param_count : type->result_count;
    *out_count = count;
    return count <= INLINE_VALUES ? few : wsb__calloc(count, sizeof *few);
}

static wsb_status no_memory(const wsb__site *site, wsb_error **out_error)
{
    return wsb__site_error(site, WSB_ERROR_OUT_OF_MEMORY, NULL, out_error,
                           "out of memory for the values");
}

wsb_status wsb__scalar_call_json(wsb_function *function, const wsb__site *site, wsb_str text,
                                 wsb_buf *out_json, wsb_error **out_error)
{
    const wsb_function_type *type = wsb_function_get_type(function);
    wsb_status status = wsb__scalar_check_type(site, type, out_error);
    if (status != WSB_OK)
        return status;
    wsb_raw_value few[INLINE_VALUES];
    size_t count = 0;
    wsb_raw_value *values = take_values(few, type, &count);
    if (!values)
        return no_memory(site, out_error);
    wsb_buf json = WSB_BUF_INIT;
    status = wsb__json_args(site, text, type, values, out_error);
    if (status == WSB_OK)
        status = wsb_function_call_raw(function, values, count, out_error);
    if (status == WSB_OK)
        status = wsb__json_results(site, type, values, &json, out_error);
    if (values != few)
        wsb__free(values);
    if (status == WSB_OK)
        *out_json = json;
    else
        wsb_buf_fini(&json);
    return status;
}

wsb_status wsb__scalar_call_msgpack(wsb_function *function, const wsb__site *site, wsb_bytes data,
                                    wsb_buf *out_data, wsb_error **out_error)
{
    const wsb_function_type *type = wsb_function_get_type(function);
    wsb_status status = wsb__scalar_check_type(site, type, out_error);
    if (status != WSB_OK)
        return status;
    wsb_raw_value few[INLINE_VALUES];
    size_t count = 0;
    wsb_raw_value *values = take_values(few, type, &count);
    if (!values)
        return no_memory(site, out_error);
    wsb_buf packed = WSB_BUF_INIT;
    status = wsb__msgpack_args(site, data, type, values, out_error);
    if (status == WSB_OK)
        status = wsb_function_call_raw(function, values, count, out_error);
    if (status == WSB_OK)
        status = wsb__msgpack_results(site, type, values, &packed, out_error);
    if (values != few)
        wsb__free(values);
    if (status == WSB_OK)
        *out_data = packed;
    else
        wsb_buf_fini(&packed);
    return status;
}
