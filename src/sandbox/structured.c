/* wsb_instance_call_json, _msgpack, _bytes: which convention, which encoding. */
#include "sandbox/structured.h"

#include "core/auto.h"
#include "runtime/instance.h"

#include <wasm_sandbox/plugin/error.h>

static wsb__site site_of(wsb_str function, const char *form)
{
    return (wsb__site){function, form, "the arguments", WSB_ERROR_MALFORMED};
}

/* The same call, looking at what the guest returned. */
static wsb__site result_site(const wsb__site *site)
{
    return (wsb__site){site->function, site->form, "the guest's results", WSB_ERROR_GUEST};
}

static wsb_status find(wsb_instance *instance, wsb_str name, const void *out_data,
                       wsb_function **out_function, wsb_error **out_error)
{
    if (!instance || !out_data) {
        wsb_error_details details = {.operation = "call with structured data"};
        (void)wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, &details,
                            "the instance or the place for the result is NULL");
        return WSB_ERROR_INVALID_ARGUMENT;
    }
    return wsb_instance_function(instance, name, out_function, out_error);
}

static bool is_buffer(const wsb_extern_info *info)
{
    return info->declared && info->convention == WSB_CONVENTION_BUFFER;
}

static wsb_status takes_bytes(const wsb__site *site, wsb_error **out_error)
{
    return wsb__site_error(site, WSB_ERROR_TYPE_MISMATCH, "use wsb_instance_call_bytes()",
                           out_error, "the function declares that it takes and returns raw bytes");
}

/* Checks text without keeping what it says. */
static wsb_status check_json(const wsb__site *site, wsb_bytes data, wsb_error **out_error)
{
    json_t *json = NULL;
    wsb_status status =
        wsb__json_parse(site, (wsb_str){(const char *)data.data, data.len}, &json, out_error);
    if (status == WSB_OK)
        json_decref(json);
    return status;
}

static wsb_bytes bytes_of(const wsb_buf *buf)
{
    return wsb_bytes_of(buf->data, buf->len);
}

static wsb_str text_of(const wsb_buf *buf)
{
    return (wsb_str){(const char *)buf->data, buf->len};
}

/* Calls with `input` in the guest's encoding, already checked, and gives its payload. */
static wsb_status exchange(wsb_function *function, const wsb__site *site, wsb_bytes input,
                           wsb_buf *out_payload, wsb_error **out_error)
{
    return wsb__buffer_call(function->instance, function, site, true, input, out_payload,
                            out_error);
}

static void move(wsb_buf *from, wsb_buf *to)
{
    *to = *from;
    *from = (wsb_buf)WSB_BUF_INIT;
}

static wsb_status json_to_json(wsb_function *function, const wsb__site *site, wsb_bytes text,
                               wsb_buf *out_json, wsb_error **out_error)
{
    WSB_AUTO_BUF payload = WSB_BUF_INIT;
    wsb__site result = result_site(site);
    wsb_status status = check_json(site, text, out_error);
    if (status == WSB_OK)
        status = exchange(function, site, text, &payload, out_error);
    if (status == WSB_OK)
        status = check_json(&result, bytes_of(&payload), out_error);
    if (status == WSB_OK)
        move(&payload, out_json);
    return status;
}

static wsb_status json_to_msgpack_guest(wsb_function *function, const wsb__site *site, wsb_str text,
                                        wsb_buf *out_json, wsb_error **out_error)
{
    WSB_AUTO_BUF input = WSB_BUF_INIT;
    WSB_AUTO_BUF payload = WSB_BUF_INIT;
    WSB_AUTO_BUF json = WSB_BUF_INIT;
    wsb__site result = result_site(site);
    wsb_status status = wsb__json_to_msgpack(site, text, &input, out_error);
    if (status == WSB_OK)
        status = exchange(function, site, bytes_of(&input), &payload, out_error);
    if (status == WSB_OK)
        status = wsb__msgpack_to_json(&result, bytes_of(&payload), &json, out_error);
    if (status == WSB_OK)
        move(&json, out_json);
    return status;
}

static wsb_status msgpack_to_json_guest(wsb_function *function, const wsb__site *site,
                                        wsb_bytes data, wsb_buf *out_data, wsb_error **out_error)
{
    WSB_AUTO_BUF input = WSB_BUF_INIT;
    WSB_AUTO_BUF payload = WSB_BUF_INIT;
    WSB_AUTO_BUF packed = WSB_BUF_INIT;
    wsb__site result = result_site(site);
    wsb_status status = wsb__msgpack_to_json(site, data, &input, out_error);
    if (status == WSB_OK)
        status = exchange(function, site, bytes_of(&input), &payload, out_error);
    if (status == WSB_OK)
        status = wsb__json_to_msgpack(&result, text_of(&payload), &packed, out_error);
    if (status == WSB_OK)
        move(&packed, out_data);
    return status;
}

static wsb_status msgpack_to_msgpack(wsb_function *function, const wsb__site *site, wsb_bytes data,
                                     wsb_buf *out_data, wsb_error **out_error)
{
    WSB_AUTO_BUF payload = WSB_BUF_INIT;
    wsb__site result = result_site(site);
    wsb_status status = wsb__msgpack_check(site, data, out_error);
    if (status == WSB_OK)
        status = exchange(function, site, data, &payload, out_error);
    if (status == WSB_OK)
        status = wsb__msgpack_check(&result, bytes_of(&payload), out_error);
    if (status == WSB_OK)
        move(&payload, out_data);
    return status;
}

wsb_status wsb_instance_call_json(wsb_instance *instance, wsb_str function, wsb_str text,
                                  wsb_buf *out_json, wsb_error **out_error)
{
    wsb_function *found = NULL;
    wsb_status status = find(instance, function, out_json, &found, out_error);
    if (status != WSB_OK)
        return status;
    wsb__site site = site_of(function, "JSON");
    const wsb_extern_info *info = wsb__function_info(found);
    if (!is_buffer(info))
        return wsb__scalar_call_json(found, &site, text, out_json, out_error);
    if (info->encoding == WSB_ENCODING_BYTES)
        return takes_bytes(&site, out_error);
    if (info->encoding == WSB_ENCODING_MSGPACK)
        return json_to_msgpack_guest(found, &site, text, out_json, out_error);
    return json_to_json(found, &site, wsb_bytes_of(text.data, text.len), out_json, out_error);
}

wsb_status wsb_instance_call_msgpack(wsb_instance *instance, wsb_str function, wsb_bytes data,
                                     wsb_buf *out_data, wsb_error **out_error)
{
    wsb_function *found = NULL;
    wsb_status status = find(instance, function, out_data, &found, out_error);
    if (status != WSB_OK)
        return status;
    wsb__site site = site_of(function, "MessagePack");
    const wsb_extern_info *info = wsb__function_info(found);
    if (!is_buffer(info))
        return wsb__scalar_call_msgpack(found, &site, data, out_data, out_error);
    if (info->encoding == WSB_ENCODING_BYTES)
        return takes_bytes(&site, out_error);
    if (info->encoding == WSB_ENCODING_JSON)
        return msgpack_to_json_guest(found, &site, data, out_data, out_error);
    return msgpack_to_msgpack(found, &site, data, out_data, out_error);
}

wsb_status wsb_instance_call_bytes(wsb_instance *instance, wsb_str function, wsb_bytes data,
                                   wsb_buf *out_data, wsb_error **out_error)
{
    wsb_function *found = NULL;
    wsb_status status = find(instance, function, out_data, &found, out_error);
    if (status != WSB_OK)
        return status;
    wsb__site site = site_of(function, "bytes");
    const wsb_extern_info *info = wsb__function_info(found);
    if (info->declared && !is_buffer(info))
        return wsb__site_error(&site, WSB_ERROR_TYPE_MISMATCH, "call it with JSON or typed values",
                               out_error, "the function declares the scalar convention");
    return wsb__buffer_call(instance, found, &site, info->declared, data, out_data, out_error);
}
