/* Writes MessagePack from JSON text. The nesting was bounded when it was parsed. */
#include "communication/codec/codec.h"
#include "core/buffer.h"

static int pack_value(msgpack_packer *packer, json_t *json);

static int pack_string(msgpack_packer *packer, const char *text, size_t len)
{
    int failed = msgpack_pack_str(packer, len);
    return failed ? failed : msgpack_pack_str_body(packer, text, len);
}

static int pack_array(msgpack_packer *packer, json_t *json)
{
    size_t count = json_array_size(json);
    int failed = msgpack_pack_array(packer, count);
    for (size_t i = 0; i < count && !failed; i++)
        failed = pack_value(packer, json_array_get(json, i));
    return failed;
}

static int pack_object(msgpack_packer *packer, json_t *json)
{
    int failed = msgpack_pack_map(packer, json_object_size(json));
    for (void *at = json_object_iter(json); at && !failed; at = json_object_iter_next(json, at)) {
        const char *key = json_object_iter_key(at);
        failed = pack_string(packer, key, strlen(key));
        if (!failed)
            failed = pack_value(packer, json_object_iter_value(at));
    }
    return failed;
}

static int pack_value(msgpack_packer *packer, json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return pack_object(packer, json);
    case JSON_ARRAY:
        return pack_array(packer, json);
    case JSON_STRING:
        return pack_string(packer, json_string_value(json), json_string_length(json));
    case JSON_INTEGER:
        return msgpack_pack_int64(packer, json_integer_value(json));
    case JSON_REAL:
        return msgpack_pack_double(packer, json_real_value(json));
    case JSON_TRUE:
        return msgpack_pack_true(packer);
    case JSON_FALSE:
        return msgpack_pack_false(packer);
    case JSON_NULL:
        return msgpack_pack_nil(packer);
    }
    return -1;
}

wsb_status wsb__json_to_msgpack(const wsb__site *site, wsb_str text, wsb_buf *out_data,
                                wsb_error **out_error)
{
    json_t *json = NULL;
    wsb_status status = wsb__json_parse(site, text, &json, out_error);
    if (status != WSB_OK)
        return status;
    msgpack_packer packer;
    wsb__msgpack_packer(&packer, out_data);
    int failed = pack_value(&packer, json);
    json_decref(json);
    if (!failed)
        return WSB_OK;
    return wsb__site_error(site, WSB_ERROR_OUT_OF_MEMORY, NULL, out_error,
                           "out of memory for %s as MessagePack", site->subject);
}
