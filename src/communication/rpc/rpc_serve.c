/* Serving: finds the method, runs it, and makes the answer of what it returned. */
#include "communication/rpc/rpc_state.h"
#include "core/buffer.h"
#include "runtime/ticks.h"

#include <stdarg.h>
#include <stdio.h>
#include <wasm_sandbox/plugin/error.h>

/* Methods that call back serve while they wait, and what they serve may call back again: as deep
 * as the other side likes, on our stack. */
enum { MAX_DEPTH = 16 };
static _Thread_local unsigned depth;

struct wsb_rpc_request {
    const wsb__rpc_message *message;
    int32_t code;
    char text[1024]; /* UTF-8 without control characters */
};

wsb_str wsb_rpc_request_method(const wsb_rpc_request *request)
{
    return request ? request->message->method : (wsb_str){"", 0};
}

wsb_bytes wsb_rpc_request_params(const wsb_rpc_request *request)
{
    return request ? request->message->params : wsb_bytes_of(NULL, 0);
}

bool wsb_rpc_request_is_notification(const wsb_rpc_request *request)
{
    return request && request->message->kind == WSB__RPC_NOTIFICATION;
}

wsb_status wsb_rpc_request_fail(wsb_rpc_request *request, int32_t code, const char *format, ...)
{
    char text[sizeof request->text];
    va_list args;
    if (!request || !format)
        return WSB_ERROR_INVALID_ARGUMENT;
    va_start(args, format);
    int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t kept = length < 0 ? 0 : (size_t)length < sizeof text ? (size_t)length : sizeof text - 1;
    wsb__sanitize(request->text, sizeof request->text, text, kept);
    request->code = code;
    return WSB_ERROR_REMOTE;
}

static const char *text_of(int32_t code)
{
    switch (code) {
    case WSB_RPC_PARSE_ERROR:
        return "Parse error";
    case WSB_RPC_INVALID_REQUEST:
        return "Invalid Request";
    case WSB_RPC_METHOD_NOT_FOUND:
        return "Method not found";
    case WSB_RPC_SERVER_BUSY:
        return "Server busy";
    default:
        return "Internal error";
    }
}

/* Makes room for one more answer in a batch. */
static wsb_status separate(wsb__rpc_scratch *scratch, size_t max)
{
    if (!scratch->reader.is_batch)
        return WSB_OK;
    return wsb__buf_append(&scratch->answer, scratch->answer.len ? "," : "[", 1, max);
}

/* `text` NULL: the code's own. What does not fit is dropped. */
static void append_error(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch, wsb_bytes id,
                         int32_t code, const char *text)
{
    size_t max = rpc->options.max_message - 1; /* the end of a batch */
    size_t len = scratch->answer.len;
    wsb_status status = separate(scratch, max);
    if (status == WSB_OK)
        status = rpc->framing->write_error(&scratch->answer, max, id, code,
                                           wsb_cstr(text ? text : text_of(code)));
    if (status == WSB_OK)
        return;
    scratch->answer.len = len;
    wsb__lock_acquire(&rpc->lock);
    rpc->stats.dropped++;
    wsb__lock_release(&rpc->lock);
}

static void append_result(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch, wsb_bytes id,
                          const wsb_buf *result)
{
    wsb_bytes value = wsb_bytes_of(result->data, result->len);
    size_t max = rpc->options.max_message - 1;
    size_t len = scratch->answer.len;
    if (value.len > 0 && rpc->framing->check_value(&scratch->reader, value, false)) {
        append_error(rpc, scratch, id, WSB_RPC_INTERNAL_ERROR,
                     wsb_status_text(WSB_ERROR_MALFORMED));
        return;
    }
    wsb_status status = separate(scratch, max);
    if (status == WSB_OK)
        status = rpc->framing->write_result(&scratch->answer, max, id, value);
    if (status == WSB_OK)
        return;
    scratch->answer.len = len;
    append_error(rpc, scratch, id, WSB_RPC_INTERNAL_ERROR, wsb_status_text(status));
}

static wsb__rpc_method *find_method(wsb_rpc_channel *rpc, wsb_str name)
{
    wsb__lock_acquire(&rpc->lock);
    rpc->stats.requests++;
    wsb__rpc_method *method = wsb__map_get(rpc->methods, name);
    wsb__lock_release(&rpc->lock);
    return method;
}

static void run_method(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch, wsb__rpc_method *method,
                       const wsb__rpc_message *message)
{
    wsb_rpc_request request;
    wsb_buf result = WSB_BUF_INIT;
    request.message = message;
    request.code = 0;
    request.text[0] = '\0';
    wsb__moment = 0;
    wsb_status status = method->serve(&request, &result, method->user_data);
    if (message->kind == WSB__RPC_REQUEST) {
        if (status == WSB_OK)
            append_result(rpc, scratch, message->id, &result);
        else if (status == WSB_ERROR_REMOTE && (request.code || request.text[0]))
            append_error(rpc, scratch, message->id, request.code, request.text);
        else
            append_error(rpc, scratch, message->id, WSB_RPC_INTERNAL_ERROR,
                         wsb_status_text(status));
    }
    wsb_buf_fini(&result);
}

static void count_malformed(wsb_rpc_channel *rpc)
{
    wsb__lock_acquire(&rpc->lock);
    rpc->stats.malformed++;
    wsb__lock_release(&rpc->lock);
}

static void serve_message(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch,
                          const wsb__rpc_message *message)
{
    if (message->kind == WSB__RPC_REQUEST || message->kind == WSB__RPC_NOTIFICATION) {
        wsb__rpc_method *method = find_method(rpc, message->method);
        if (method)
            run_method(rpc, scratch, method, message);
        else if (message->kind == WSB__RPC_REQUEST)
            append_error(rpc, scratch, message->id, WSB_RPC_METHOD_NOT_FOUND, NULL);
        return;
    }
    /* The id of what could be an answer is one of ours, not of theirs. */
    count_malformed(rpc);
    append_error(rpc, scratch, message->names_method ? message->id : wsb_bytes_of(NULL, 0),
                 WSB_RPC_INVALID_REQUEST, NULL);
}

/* What is wrong with a frame as a whole; 0: nothing. */
static int32_t open_frame(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch, const char **out_text)
{
    wsb__rpc_reader *reader = &scratch->reader;
    *out_text = NULL;
    if (scratch->in.len > rpc->options.max_message) {
        reader->is_batch = false;
        *out_text = "Invalid Request: too large";
        return WSB_RPC_INVALID_REQUEST;
    }
    wsb_status status = wsb__rpc_open(reader, wsb_bytes_of(scratch->in.data, scratch->in.len));
    if (status == WSB_OK && reader->left > 0 && reader->left <= rpc->options.max_batch)
        return 0;
    if (reader->left > rpc->options.max_batch)
        *out_text = "Invalid Request: too many calls in a batch";
    reader->is_batch = false;
    if (status == WSB_ERROR_MALFORMED)
        return WSB_RPC_PARSE_ERROR;
    return status == WSB_OK ? WSB_RPC_INVALID_REQUEST : WSB_RPC_INTERNAL_ERROR;
}

static void end_batch(wsb__rpc_scratch *scratch)
{
    /* There is room: one byte was kept free all the time, and the closing NUL's is not needed. */
    if (scratch->reader.is_batch && scratch->answer.len > 0 &&
        wsb__buf_append(&scratch->answer, "]", 1, SIZE_MAX - 1) != WSB_OK)
        scratch->answer.len = 0;
}

void wsb__rpc_serve_admitted(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch, bool hands_over)
{
    wsb__rpc_message message;
    const char *text;
    scratch->answer.len = 0;
    int32_t code = open_frame(rpc, scratch, &text);
    depth++;
    if (code) {
        count_malformed(rpc);
        append_error(rpc, scratch, wsb_bytes_of(NULL, 0), code, text);
    }
    while (!code && wsb__rpc_next(&scratch->reader, &message) == WSB_OK)
        serve_message(rpc, scratch, &message);
    depth--;
    if (!code)
        end_batch(scratch);
    wsb__rpc_send_answer(rpc, scratch, scratch->in.len, hands_over);
}

bool wsb__rpc_write_refusal(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch, int32_t code)
{
    wsb__rpc_message message;
    const char *text;
    scratch->answer.len = 0;
    if (open_frame(rpc, scratch, &text) != 0)
        return false;
    while (wsb__rpc_next(&scratch->reader, &message) == WSB_OK)
        if (message.kind == WSB__RPC_REQUEST)
            append_error(rpc, scratch, message.id, code, NULL);
    end_batch(scratch);
    return scratch->answer.len > 0;
}

void wsb__rpc_refuse_frame(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch)
{
    bool sent = true;
    if (wsb__rpc_write_refusal(rpc, scratch, WSB_RPC_SERVER_BUSY))
        sent = wsb_channel_send_result(rpc->channel,
                                       wsb_bytes_of(scratch->answer.data, scratch->answer.len), 0,
                                       NULL) == WSB_OK;
    wsb__lock_acquire(&rpc->lock);
    rpc->stats.refused++;
    rpc->stats.dropped += !sent;
    wsb__lock_release(&rpc->lock);
}

void wsb__rpc_serve_frame(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch, bool hands_over)
{
    if (depth < MAX_DEPTH && wsb__rpc_admit(rpc, scratch->in.len))
        wsb__rpc_serve_admitted(rpc, scratch, hands_over);
    else
        wsb__rpc_refuse_frame(rpc, scratch);
}
