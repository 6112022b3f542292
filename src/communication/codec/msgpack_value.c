/* MessagePack: unpacking, arguments and results of scalar functions. */
#include "communication/codec/codec.h"
#include "core/buffer.h"

wsb_status wsb__msgpack_parse(const wsb__site *site, wsb_bytes data, msgpack_unpacked *out_message,
                              wsb_error **out_error)
{
    wsb_status status = wsb__msgpack_check(site, data, out_error);
    if (status != WSB_OK)
        return status;
    msgpack_unpacked message;
    msgpack_unpacked_init(&message);
    size_t end = 0;
    msgpack_unpack_return result =
        msgpack_unpack_next(&message, (const char *)data.data, data.len, &end);
    /* The check above let through one whole message only, so anything else is a lack of memory,
     * or a disagreement between two readers, which must not pass either. */
    if (result == MSGPACK_UNPACK_SUCCESS && end == data.len) {
        *out_message = message;
        return WSB_OK;
    }
    msgpack_unpacked_destroy(&message);
    if (result == MSGPACK_UNPACK_NOMEM_ERROR)
        return wsb__site_error(site, WSB_ERROR_OUT_OF_MEMORY, NULL, out_error,
                               "out of memory for %s", site->subject);
    return wsb__site_error(site, site->malformed, NULL, out_error,
                           "%s are not a valid MessagePack message", site->subject);
}

static int append(void *user_data, const char *data, size_t len)
{
    return wsb__buf_append(user_data, data, len, WSB__STRUCTURED_MAX_BYTES) == WSB_OK ? 0 : -1;
}

void wsb__msgpack_packer(msgpack_packer *packer, wsb_buf *buf)
{
    msgpack_packer_init(packer, buf, append);
}

static const char *type_text(msgpack_object_type type)
{
    switch (type) {
    case MSGPACK_OBJECT_NIL:
        return "nil";
    case MSGPACK_OBJECT_BOOLEAN:
        return "a boolean";
    case MSGPACK_OBJECT_STR:
        return "a string";
    case MSGPACK_OBJECT_ARRAY:
        return "an array";
    case MSGPACK_OBJECT_MAP:
        return "a map";
    case MSGPACK_OBJECT_BIN:
        return "binary data";
    case MSGPACK_OBJECT_EXT:
        return "an extension type";
    default:
        return "a number";
    }
}

static bool to_number(const msgpack_object *object, wsb__number *out)
{
    switch (object->type) {
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        out->kind = WSB__NUMBER_UNSIGNED;
        out->of.u = object->via.u64;
        return true;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        out->kind = WSB__NUMBER_SIGNED;
        out->of.s = object->via.i64;
        return true;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        out->kind = WSB__NUMBER_REAL;
        out->of.r = object->via.f64;
        return true;
    default:
        return false;
    }
}

static wsb_status convert_argument(const wsb__site *site, const wsb_function_type *type,
                                   size_t index, const msgpack_object *object, wsb_raw_value *out,
                                   wsb_error **out_error)
{
    wsb__number number;
    if (!to_number(object, &number))
        return wsb__scalar_argument_error(site, type, index, type_text(object->type),
                                          "is not a number", out_error);
    return wsb__scalar_convert(site, type, index, &number, out, out_error);
}

static wsb_status convert_arguments(const wsb__site *site, const msgpack_object *object,
                                    const wsb_function_type *type, wsb_raw_value *values,
                                    wsb_error **out_error)
{
    const msgpack_object *items = object;
    size_t count = 1;
    if (object->type == MSGPACK_OBJECT_ARRAY) {
        items = object->via.array.ptr;
        count = object->via.array.size;
    }
    if (count != type->param_count)
        return wsb__scalar_count_error(site, type, count, out_error);
    wsb_status status = WSB_OK;
    for (size_t i = 0; i < count && status == WSB_OK; i++)
        status = convert_argument(site, type, i, &items[i], &values[i], out_error);
    return status;
}

wsb_status wsb__msgpack_args(const wsb__site *site, wsb_bytes data, const wsb_function_type *type,
                             wsb_raw_value *values, wsb_error **out_error)
{
    msgpack_unpacked message;
    wsb_status status = wsb__msgpack_parse(site, data, &message, out_error);
    if (status != WSB_OK)
        return status;
    status = convert_arguments(site, &message.data, type, values, out_error);
    msgpack_unpacked_destroy(&message);
    return status;
}

static int pack_result(msgpack_packer *packer, wsb_value_type type, const wsb_raw_value *value)
{
    switch (type) {
    case WSB_I32:
        return msgpack_pack_int32(packer, value->i32);
    case WSB_I64:
        return msgpack_pack_int64(packer, value->i64);
    case WSB_F32:
        return msgpack_pack_float(packer, value->f32);
    case WSB_F64:
        return msgpack_pack_double(packer, value->f64);
    default:
        return -1;
    }
}

wsb_status wsb__msgpack_results(const wsb__site *site, const wsb_function_type *type,
                                const wsb_raw_value *values, wsb_buf *out_data,
                                wsb_error **out_error)
{
    msgpack_packer packer;
    wsb__msgpack_packer(&packer, out_data);
    int failed = 0;
    if (type->result_count == 0)
        failed = msgpack_pack_nil(&packer);
    if (type->result_count > 1)
        failed = msgpack_pack_array(&packer, type->result_count);
    for (size_t i = 0; i < type->result_count && !failed; i++)
        failed = pack_result(&packer, type->results[i], &values[i]);
    if (!failed)
        return WSB_OK;
    return wsb__site_error(site, WSB_ERROR_OUT_OF_MEMORY, NULL, out_error,
                           "out of memory for the results");
}
