#include "host/function/encode.h"

#include "core/auto.h"
#include "core/buffer.h"

#include <wasm_sandbox/plugin/error.h>

static wsb__site site_of(const wsb__structured *function, const char *subject)
{
    return (wsb__site){function->name, "a host function", subject, WSB_ERROR_MALFORMED};
}

static wsb_str text_of(wsb_bytes data)
{
    return (wsb_str){(const char *)data.data, data.len};
}

/* Checks data without keeping what it says. */
static wsb_status check(const wsb__site *site, wsb_encoding encoding, wsb_bytes data,
                        wsb_error **out_error)
{
    json_t *json = NULL;
    if (encoding == WSB_ENCODING_MSGPACK)
        return wsb__msgpack_check(site, data, out_error);
    wsb_status status = wsb__json_parse(site, text_of(data), &json, out_error);
    if (status == WSB_OK)
        json_decref(json);
    return status;
}

static wsb_status transcode(const wsb__site *site, wsb_encoding from, wsb_bytes data,
                            wsb_buf *out_data, wsb_error **out_error)
{
    return from == WSB_ENCODING_JSON
               ? wsb__json_to_msgpack(site, text_of(data), out_data, out_error)
               : wsb__msgpack_to_json(site, data, out_data, out_error);
}

bool wsb__encodings_meet(const wsb__structured *function, wsb_encoding encoding)
{
    return (function->encoding == WSB_ENCODING_BYTES) == (encoding == WSB_ENCODING_BYTES);
}

static int guest_error_of(wsb_status status)
{
    switch (status) {
    case WSB_OK:
        return 0;
    case WSB_ERROR_OUT_OF_MEMORY:
        return WSB__GUEST_NO_ROOM;
    case WSB_ERROR_LIMIT_EXCEEDED:
        return WSB__GUEST_TOO_LARGE;
    default:
        return WSB__GUEST_MALFORMED;
    }
}

int wsb__encode_input(const wsb__structured *function, wsb_encoding encoding, wsb_bytes data,
                      wsb_buf *storage, wsb_bytes *out_input)
{
    wsb__site site = site_of(function, "the guest's input");
    *out_input = data;
    if (encoding == WSB_ENCODING_BYTES)
        return data.len > WSB__BUFFER_MAX_BYTES ? WSB__GUEST_TOO_LARGE : 0;
    if (data.len > WSB__STRUCTURED_MAX_BYTES)
        return WSB__GUEST_TOO_LARGE;
    if (encoding == function->encoding)
        return guest_error_of(check(&site, encoding, data, NULL));
    wsb_status status = transcode(&site, encoding, data, storage, NULL);
    *out_input = wsb_bytes_of(storage->data, storage->len);
    return guest_error_of(status);
}

static wsb_status too_large(const wsb__structured *function, const wsb_buf *output, size_t allowed,
                            wsb_error **out_error)
{
    wsb_error_details details = {
        .operation = "call a host function", .used = output->len, .allowed = allowed};
    return wsb_error_set(out_error, WSB_ERROR_LIMIT_EXCEEDED, &details,
                         "it returned %zu bytes, more than the %zu allowed%s", output->len, allowed,
                         function->encoding == WSB_ENCODING_BYTES ? "" : " for structured data");
}

/* Nothing is null. */
static wsb_status fill_in(wsb_encoding encoding, wsb_buf *output)
{
    if (output->len > 0 || encoding == WSB_ENCODING_BYTES)
        return WSB_OK;
    return encoding == WSB_ENCODING_JSON ? wsb__buf_append(output, "null", 4, 4)
                                         : wsb__buf_append(output, "\xc0", 1, 1);
}

/* Without memory to check it the output is nobody's fault: the guest is told. */
static wsb_status check_own(const wsb__site *site, wsb_encoding encoding, wsb_bytes data,
                            int *out_guest_error, wsb_error **out_error)
{
    wsb_error *error = NULL;
    wsb_status status = check(site, encoding, data, &error);
    if (status != WSB_ERROR_OUT_OF_MEMORY && out_error) {
        *out_error = error;
        return status;
    }
    wsb_error_destroy(error);
    if (status != WSB_ERROR_OUT_OF_MEMORY)
        return status;
    *out_guest_error = WSB__GUEST_NO_ROOM;
    return WSB_OK;
}

static wsb_status transcode_output(const wsb__site *site, wsb_encoding from, wsb_buf *io_output,
                                   int *out_guest_error, wsb_error **out_error)
{
    WSB_AUTO_BUF other = WSB_BUF_INIT;
    wsb_bytes data = wsb_bytes_of(io_output->data, io_output->len);
    wsb_status status = transcode(site, from, data, &other, NULL);
    if (status == WSB_OK) {
        wsb_buf written = other;
        other = *io_output;
        *io_output = written;
        return WSB_OK;
    }
    *out_guest_error = guest_error_of(status);
    return check_own(site, from, data, out_guest_error, out_error);
}

wsb_status wsb__encode_output(const wsb__structured *function, wsb_encoding encoding,
                              wsb_buf *io_output, int *out_guest_error, wsb_error **out_error)
{
    wsb__site site = site_of(function, "its results");
    wsb_encoding own = function->encoding;
    size_t allowed = own == WSB_ENCODING_BYTES ? WSB__BUFFER_MAX_BYTES : WSB__STRUCTURED_MAX_BYTES;
    *out_guest_error = 0;
    if (io_output->len > allowed)
        return too_large(function, io_output, allowed, out_error);
    if (io_output->len == 0) {
        if (fill_in(encoding, io_output) != WSB_OK)
            *out_guest_error = WSB__GUEST_NO_ROOM;
        return WSB_OK;
    }
    if (own == WSB_ENCODING_BYTES)
        return WSB_OK;
    if (own == encoding)
        return check_own(&site, own, wsb_bytes_of(io_output->data, io_output->len), out_guest_error,
                         out_error);
    return transcode_output(&site, own, io_output, out_guest_error, out_error);
}
