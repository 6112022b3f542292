/* JSON as a caller or a guest gives it: arguments of a function, and on to MessagePack and back.
 * What was accepted must be accepted again, and mean the same. */
#include "sandbox/structured.h"

#include <stdlib.h>

static const wsb__site site = {{"f", 1}, "JSON", "the arguments", WSB_ERROR_MALFORMED};

static bool same_values(const wsb_raw_value *a, const wsb_raw_value *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (a[i].words[0] != b[i].words[0] || a[i].words[1] != b[i].words[1])
            return false;
    return true;
}

/* Arguments of (i32, i64, f32, f64), printed as results and read again. */
static void try_arguments(wsb_str text)
{
    static const wsb_value_type types[] = {WSB_I32, WSB_I64, WSB_F32, WSB_F64};
    const wsb_function_type type = {types, 4, types, 4};
    wsb_raw_value values[4];
    wsb_raw_value again[4];
    wsb_buf json = WSB_BUF_INIT;
    memset(values, 0, sizeof values);
    memset(again, 0, sizeof again);
    if (wsb__json_args(&site, text, &type, values, NULL) == WSB_OK &&
        (wsb__json_results(&site, &type, values, &json, NULL) != WSB_OK ||
         wsb__json_args(&site, (wsb_str){(const char *)json.data, json.len}, &type, again, NULL) !=
             WSB_OK ||
         !same_values(values, again, 4)))
        abort();
    wsb_buf_fini(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wsb_str text = {(const char *)data, size};
    wsb_buf packed = WSB_BUF_INIT;
    wsb_buf json = WSB_BUF_INIT;
    wsb_error *error = NULL;
    try_arguments(text);
    if (wsb__json_to_msgpack(&site, text, &packed, &error) == WSB_OK) {
        /* No JSON lacks a form in MessagePack, nor on the way back. */
        if (wsb__msgpack_to_json(&site, wsb_bytes_of(packed.data, packed.len), &json, &error) !=
            WSB_OK)
            abort();
        json_t *parsed = NULL;
        if (wsb__json_parse(&site, (wsb_str){(const char *)json.data, json.len}, &parsed, &error) !=
            WSB_OK)
            abort();
        json_decref(parsed);
    }
    wsb_error_destroy(error);
    wsb_buf_fini(&packed);
    wsb_buf_fini(&json);
    return 0;
}
