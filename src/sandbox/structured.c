/* wsb_instance_call_json, _msgpack, _bytes: which convention, which encoding. */
#include "sandbox/structured.h"

#include "core/alloc.h"
#include "runtime/instance.h"

#include <wasm_sandbox/plugin/error.h>

static const char *form_name(wsb_encoding form)
{
    switch (form) {
    case WSB_ENCODING_JSON:
        return "JSON";
    case WSB_ENCODING_MSGPACK:
        return "MessagePack";
    default:
        return "bytes";
    }
}

/* The same call, looking at what the guest returned. */
static wsb__site result_site(const wsb__site *site)
{
    return (wsb__site){site->function, site->form, "the guest's results", WSB_ERROR_GUEST};
}

static wsb_bytes bytes_of(const wsb_buf *buf)
{
    return wsb_bytes_of(buf->data, buf->len);
}

static wsb_str text_of(wsb_bytes data)
{
    return (wsb_str){(const char *)data.data, data.len};
}

/* Checks text without keeping what it says. */
static wsb_status check_json(const wsb__site *site, wsb_bytes data, wsb_error **out_error)
{
    json_t *json = NULL;
    wsb_status status = wsb__json_parse(site, text_of(data), &json, out_error);
    if (status == WSB_OK)
        json_decref(json);
    return status;
}

/* Data in encoding `from`, checked, in encoding `to`: in `out_data` where that is another one. */
static wsb_status transcode(const wsb__site *site, wsb_encoding from, wsb_encoding to,
                            wsb_bytes data, wsb_buf *out_data, wsb_error **out_error)
{
    if (from == WSB_ENCODING_BYTES || to == WSB_ENCODING_BYTES)
        return WSB_OK;
    if (from == WSB_ENCODING_JSON)
        return to == from ? check_json(site, data, out_error)
                          : wsb__json_to_msgpack(site, text_of(data), out_data, out_error);
    return to == from ? wsb__msgpack_check(site, data, out_error)
                      : wsb__msgpack_to_json(site, data, out_data, out_error);
}

/* Which convention the function has, and whether this form of call fits it. */
static wsb_status classify(wsb__structured *call, wsb_error **out_error)
{
    const wsb_extern_info *info = wsb__function_info(call->function);
    bool declared_buffer = info->declared && info->convention == WSB_CONVENTION_BUFFER;
    bool bytes = call->form == WSB_ENCODING_BYTES;
    call->is_buffer = declared_buffer || bytes;
    call->guest = info->encoding;
    call->buffer.has_status = info->declared;
    if (bytes && info->declared && !declared_buffer)
        return wsb__site_error(&call->site, WSB_ERROR_TYPE_MISMATCH,
                               "call it with JSON or typed values", out_error,
                               "the function declares the scalar convention");
    if (!bytes && declared_buffer && info->encoding == WSB_ENCODING_BYTES)
        return wsb__site_error(&call->site, WSB_ERROR_TYPE_MISMATCH,
                               "use wsb_instance_call_bytes()", out_error,
                               "the function declares that it takes and returns raw bytes");
    return WSB_OK;
}

static wsb_status begin_buffer(wsb__structured *call, wsb_bytes data, wsb_error **out_error)
{
    wsb__buffer_call *buffer = &call->buffer;
    wsb_status status =
        transcode(&call->site, call->form, call->guest, data, &buffer->encoded, out_error);
    if (status != WSB_OK)
        return status;
    bool transcoded = call->form != WSB_ENCODING_BYTES && call->form != call->guest;
    buffer->input = transcoded ? bytes_of(&buffer->encoded) : data;
    return wsb__buffer_begin(call, out_error);
}

/* All but `few`, which is large and needs no value. */
static void init(wsb__structured *call, wsb_instance *instance, wsb_encoding form, wsb_str name)
{
    call->instance = instance;
    call->function = NULL;
    call->next = NULL;
    call->values = call->few;
    call->site = (wsb__site){name, form_name(form), "the arguments", WSB_ERROR_MALFORMED};
    call->form = form;
    call->status = WSB_OK;
    call->error = NULL;
    call->buffer = (wsb__buffer_call){.step = WSB__BUFFER_ALLOCATE};
    call->payload = (wsb_buf)WSB_BUF_INIT;
}

wsb_status wsb__structured_begin(wsb__structured *call, wsb_instance *instance, wsb_encoding form,
                                 wsb_str name, wsb_bytes data, wsb_error **out_error)
{
    init(call, instance, form, name);
    wsb_status status = wsb_instance_function(instance, name, &call->function, out_error);
    if (status == WSB_OK)
        status = classify(call, out_error);
    if (status != WSB_OK)
        return status;
    return call->is_buffer ? begin_buffer(call, data, out_error)
                           : wsb__scalar_begin(call, data, out_error);
}

void wsb__structured_returned(wsb__structured *call, wsb_status status, wsb_error *error)
{
    if (call->status == WSB_OK) {
        call->status = status;
        call->error = error;
    } else {
        wsb_error_destroy(error);
    }
    call->next = NULL;
    if (call->is_buffer)
        wsb__buffer_returned(call);
}

static wsb_status finish_buffer(wsb__structured *call, wsb_buf *out_data, wsb_error **out_error)
{
    wsb__site site = result_site(&call->site);
    wsb_buf transcoded = WSB_BUF_INIT;
    wsb_status status = wsb__buffer_finish(call, out_error);
    if (status == WSB_OK)
        status = transcode(&site, call->guest, call->form, bytes_of(&call->payload), &transcoded,
                           out_error);
    if (status != WSB_OK) {
        wsb_buf_fini(&transcoded);
        return status;
    }
    if (call->form != WSB_ENCODING_BYTES && call->form != call->guest) {
        *out_data = transcoded;
    } else {
        *out_data = call->payload;
        call->payload = (wsb_buf)WSB_BUF_INIT;
    }
    return WSB_OK;
}

wsb_status wsb__structured_finish(wsb__structured *call, wsb_buf *out_data, wsb_error **out_error)
{
    if (call->status != WSB_OK) {
        if (out_error) {
            *out_error = call->error;
            call->error = NULL;
        }
        return call->status;
    }
    return call->is_buffer ? finish_buffer(call, out_data, out_error)
                           : wsb__scalar_finish(call, out_data, out_error);
}

void wsb__structured_fini(wsb__structured *call)
{
    if (call->values != call->few)
        wsb__free(call->values);
    wsb_error_destroy(call->error);
    wsb_buf_fini(&call->buffer.encoded);
    wsb_buf_fini(&call->payload);
}

/* Makes the guest calls one after the other, on this thread. */
static wsb_status make_calls(wsb__structured *call, wsb_error **out_error)
{
    if (call->is_buffer) {
        wsb_status status =
            wsb__sequence_begin(call->instance, "call a buffer function", out_error);
        if (status != WSB_OK)
            return status;
    }
    while (call->next) {
        wsb_error *error = NULL;
        wsb_status status =
            wsb__call(call->instance, &call->next->target, call->values, out_error ? &error : NULL);
        wsb__structured_returned(call, status, error);
    }
    if (call->is_buffer)
        wsb__sequence_end(call->instance);
    return WSB_OK;
}

static wsb_status call_with(wsb_encoding form, wsb_instance *instance, wsb_str function,
                            wsb_bytes data, wsb_buf *out_data, wsb_error **out_error)
{
    if (!instance || !out_data) {
        wsb_error_details details = {.operation = "call with structured data"};
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, &details,
                             "the instance or the place for the result is NULL");
    }
    wsb__structured call;
    wsb_status status = wsb__structured_begin(&call, instance, form, function, data, out_error);
    if (status == WSB_OK)
        status = make_calls(&call, out_error);
    if (status == WSB_OK)
        status = wsb__structured_finish(&call, out_data, out_error);
    wsb__structured_fini(&call);
    return status;
}

wsb_status wsb_instance_call_json(wsb_instance *instance, wsb_str function, wsb_str text,
                                  wsb_buf *out_json, wsb_error **out_error)
{
    return call_with(WSB_ENCODING_JSON, instance, function, wsb_bytes_of(text.data, text.len),
                     out_json, out_error);
}

wsb_status wsb_instance_call_msgpack(wsb_instance *instance, wsb_str function, wsb_bytes data,
                                     wsb_buf *out_data, wsb_error **out_error)
{
    return call_with(WSB_ENCODING_MSGPACK, instance, function, data, out_data, out_error);
}

wsb_status wsb_instance_call_bytes(wsb_instance *instance, wsb_str function, wsb_bytes data,
                                   wsb_buf *out_data, wsb_error **out_error)
{
    return call_with(WSB_ENCODING_BYTES, instance, function, data, out_data, out_error);
}
