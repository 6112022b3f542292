/* MessagePack as a caller or a guest gives it. Our own check and msgpack-c must agree about what
 * is a message, and what becomes JSON must be JSON. */
#include "sandbox/structured.h"

#include <stdlib.h>

static const wsb__site site = {{"f", 1}, "MessagePack", "the arguments", WSB_ERROR_MALFORMED};

/* Integers above 2^63 - 1 are printed exactly, but our JSON reader does not take them. */
static bool is_json(const wsb_buf *json)
{
    json_error_t problem;
    json_t *parsed = json_loadb((const char *)json->data, json->len,
                                JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL |
                                    JSON_DECODE_INT_AS_REAL,
                                &problem);
    /* Keys with a NUL are valid JSON that jansson cannot hold. */
    bool ok = parsed || json_error_code(&problem) == json_error_null_byte_in_key;
    json_decref(parsed);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const wsb_value_type types[] = {WSB_I32, WSB_I64, WSB_F32, WSB_F64};
    const wsb_function_type type = {types, 4, types, 4};
    wsb_raw_value values[4];
    wsb_bytes message = wsb_bytes_of(data, size);
    wsb_error *error = NULL;
    msgpack_unpacked unpacked;
    if (wsb__msgpack_check(&site, message, &error) == WSB_OK) {
        if (wsb__msgpack_parse(&site, message, &unpacked, &error) != WSB_OK)
            abort();
        msgpack_unpacked_destroy(&unpacked);
    }
    wsb_error_destroy(error);
    error = NULL;
    wsb_buf packed = WSB_BUF_INIT;
    wsb_buf json = WSB_BUF_INIT;
    if (wsb__msgpack_args(&site, message, &type, values, NULL) == WSB_OK &&
        wsb__msgpack_results(&site, &type, values, &packed, NULL) != WSB_OK)
        abort();
    if (wsb__msgpack_to_json(&site, message, &json, NULL) == WSB_OK && !is_json(&json))
        abort();
    wsb_buf_fini(&packed);
    wsb_buf_fini(&json);
    return 0;
}
