/* What the targets of both framings do. */
#ifndef WSB_FUZZ_RPC_H
#define WSB_FUZZ_RPC_H

#include "communication/rpc/frame.h"

#include <stdlib.h>

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* What was read is written again, and must be read as the same. */
static void write_and_read(const wsb__rpc_framing *framing, const wsb__rpc_message *message)
{
    wsb_buf out = WSB_BUF_INIT;
    wsb__rpc_reader reader;
    wsb__rpc_message again;
    size_t max = WSB__STRUCTURED_MAX_BYTES;
    wsb_status status = WSB_OK;
    uint64_t id = 77;
    bool calls = message->kind == WSB__RPC_REQUEST || message->kind == WSB__RPC_NOTIFICATION;
    if (calls)
        status = framing->write_call(&out, max, message->kind == WSB__RPC_REQUEST ? &id : NULL,
                                     message->method, message->params);
    else if (message->kind == WSB__RPC_RESULT)
        status = framing->write_result(&out, max, message->id, message->result);
    else
        status = framing->write_error(&out, max, message->id, message->code, message->text);
    require(status == WSB_OK);
    wsb__rpc_reader_init(&reader, framing);
    require(wsb__rpc_open(&reader, wsb_bytes_of(out.data, out.len)) == WSB_OK);
    require(wsb__rpc_next(&reader, &again) == WSB_OK);
    require(again.kind == message->kind);
    require(again.code == message->code);
    require(again.method.len == message->method.len && again.text.len == message->text.len);
    require(memcmp(again.method.data ? again.method.data : "",
                   message->method.data ? message->method.data : "", again.method.len) == 0);
    require(again.result.len == message->result.len);
    wsb__rpc_reader_fini(&reader);
    wsb_buf_fini(&out);
}

static void fuzz_rpc_frame(wsb_rpc_framing kind, const wsb__rpc_framing *framing,
                           const uint8_t *data, size_t size)
{
    wsb_bytes frame = wsb_bytes_of(data, size);
    wsb__rpc_reader reader;
    wsb__rpc_message message;
    (void)kind;
    wsb__rpc_reader_init(&reader, framing);
    if (wsb__rpc_open(&reader, frame) == WSB_OK) {
        size_t left = reader.left;
        while (wsb__rpc_next(&reader, &message) == WSB_OK) {
            left--;
            if (message.kind != WSB__RPC_INVALID)
                write_and_read(framing, &message);
        }
        require(left == 0);
    }
    wsb__rpc_reader_fini(&reader);
    wsb_status as_message = wsb__rpc_check_frame(frame, false);
    wsb_status as_result = wsb__rpc_check_frame(frame, true);
    (void)as_message; /* must only not crash */
    (void)as_result;
}

static wsb_status fuzz_echo(wsb_rpc_request *request, wsb_buf *io_result, void *user_data)
{
    (void)user_data;
    wsb_bytes params = wsb_rpc_request_params(request);
    if (params.len % 3 == 2)
        return wsb_rpc_request_fail(request, 1, "%.*s", (int)params.len, (const char *)params.data);
    return params.len ? wsb_buf_assign(io_result, params) : WSB_OK;
}

/* Each line (a message of up to 255 bytes after its length, in MessagePack) is a request or, at
 * odd places, an answer; then one call is made. What comes back must be well-formed. */
static void fuzz_rpc_conversation(wsb_rpc_framing framing, const uint8_t *data, size_t size)
{
    wsb_channel *near_end = NULL;
    wsb_channel *far_end = NULL;
    wsb_rpc_channel *rpc = NULL;
    wsb_rpc_options options = WSB_RPC_OPTIONS_INIT;
    wsb_buf buf = WSB_BUF_INIT;
    options.framing = framing;
    require(wsb_memory_channel_create(16384, &near_end, &far_end, NULL) == WSB_OK);
    require(wsb_rpc_channel_create(near_end, &options, &rpc, NULL) == WSB_OK);
    require(wsb_rpc_channel_register(rpc, wsb_cstr("echo"), fuzz_echo, NULL, NULL, NULL) == WSB_OK);
    size_t messages = 0;
    for (size_t at = 0; at < size && messages < 8; messages++) {
        const uint8_t *end = framing == WSB_RPC_JSON ? memchr(data + at, '\n', size - at) : NULL;
        size_t len = end ? (size_t)(end - data) - at : size - at;
        if (framing == WSB_RPC_MSGPACK) {
            len = data[at] < size - at - 1 ? data[at] : size - at - 1;
            at++;
        }
        wsb_bytes message = wsb_bytes_of(data + at, len);
        wsb_status status = messages % 2 ? wsb_channel_send_result(far_end, message, 0, NULL)
                                         : wsb_channel_send(far_end, message, 0, NULL);
        (void)status;
        at += len + (framing == WSB_RPC_JSON);
    }
    /* Each gives at least one frame a turn. */
    if (wsb_rpc_channel_call(rpc, wsb_cstr("echo"), wsb_bytes_of(NULL, 0), 0, &buf, NULL) == WSB_OK)
        wsb_buf_fini(&buf);
    for (size_t i = 0; i < 8; i++)
        require(wsb_rpc_channel_serve(rpc, 0, NULL) == WSB_ERROR_TIMEOUT);
    while (wsb_channel_receive_result(far_end, &buf, 0, NULL) == WSB_OK)
        require(wsb__rpc_check_frame(wsb_bytes_of(buf.data, buf.len), true) == WSB_OK);
    wsb_rpc_channel_destroy(rpc);
    wsb_channel_destroy(near_end);
    wsb_channel_destroy(far_end);
    wsb_buf_fini(&buf);
}

#endif
