/* One side of RPC over the channel "rpc", in both framings. Freestanding. */
#define WSB_GUEST_IMPLEMENTATION
#include <wasm_sandbox_guest.h>
#include <wasm_sandbox_guest_rpc.h>

static wsb_guest_rpc rpcs[2];
static uint32_t notes;

static bool is_json(const wsb_guest_rpc_request *request)
{
    return request->user_data != 0;
}

static bool two_numbers(const wsb_guest_rpc_request *request, int64_t *out)
{
    wsb_guest_json value;
    wsb_guest_msgpack_reader r = wsb_guest_msgpack_read(request->params);
    uint32_t count;
    if (!is_json(request))
        return wsb_guest_msgpack_array(&r, &count) && count == 2 &&
               wsb_guest_msgpack_int(&r, &out[0]) && wsb_guest_msgpack_int(&r, &out[1]);
    for (uint32_t i = 0; i < 2; i++) {
        if (!wsb_guest_json_at(request->params, i, &value) || !wsb_guest_json_int(value, &out[i]))
            return false;
    }
    return true;
}

static int add(wsb_guest_rpc_request *request, wsb_guest_buffer *result)
{
    int64_t numbers[2];
    if (!two_numbers(request, numbers))
        return wsb_guest_rpc_fail(request, WSB_GUEST_RPC_INVALID_PARAMS, "add takes two numbers");
    int64_t sum = numbers[0] + numbers[1];
    bool good = is_json(request) ? wsb_guest_json_write_int(result, sum)
                                 : wsb_guest_msgpack_write_int(result, sum);
    return good ? WSB_GUEST_OK : WSB_GUEST_NO_MEMORY;
}

static int echo(wsb_guest_rpc_request *request, wsb_guest_buffer *result)
{
    return wsb_guest_buffer_append(result, request->params.data, request->params.len)
               ? WSB_GUEST_OK
               : WSB_GUEST_NO_MEMORY;
}

static int refuse(wsb_guest_rpc_request *request, wsb_guest_buffer *result)
{
    (void)wsb_guest_buffer_text(result, "ignored");
    return wsb_guest_rpc_fail(request, 7, "a \"quoted\" refusal");
}

static int broken(wsb_guest_rpc_request *request, wsb_guest_buffer *result)
{
    (void)request;
    return wsb_guest_buffer_text(result, "{\"a\":") ? WSB_GUEST_OK : WSB_GUEST_NO_MEMORY;
}

static int nothing(wsb_guest_rpc_request *request, wsb_guest_buffer *result)
{
    (void)request;
    (void)result;
    return WSB_GUEST_OK;
}

static int internal(wsb_guest_rpc_request *request, wsb_guest_buffer *result)
{
    (void)request;
    (void)result;
    return WSB_GUEST_IO;
}

static int note(wsb_guest_rpc_request *request, wsb_guest_buffer *result)
{
    (void)result;
    notes += request->is_notification;
    return WSB_GUEST_OK;
}

static int large(wsb_guest_rpc_request *request, wsb_guest_buffer *result)
{
    (void)request;
    for (int i = 0; i < 1000; i++) {
        if (!wsb_guest_buffer_text(result, i ? ",1000000" : "[1"))
            return WSB_GUEST_NO_MEMORY;
    }
    return wsb_guest_buffer_text(result, "]") ? WSB_GUEST_OK : WSB_GUEST_NO_MEMORY;
}

/* Asks the host for the same with its own parameters, while the host waits for this. */
static int ask_back(wsb_guest_rpc_request *request, wsb_guest_buffer *result)
{
    wsb_guest_answer answer = WSB_GUEST_ANSWER_INIT;
    wsb_guest_rpc *rpc = &rpcs[is_json(request) ? WSB_GUEST_RPC_JSON : WSB_GUEST_RPC_MSGPACK];
    int status = wsb_guest_rpc_call(rpc, "twice", request->params, WSB_GUEST_FOREVER, &answer);
    if (status == WSB_GUEST_REMOTE)
        status = wsb_guest_rpc_fail(request, answer.code, wsb_guest_answer_message(&answer));
    else if (status == WSB_GUEST_OK &&
             !wsb_guest_buffer_append(result, answer.data.data, answer.data.len))
        status = WSB_GUEST_NO_MEMORY;
    wsb_guest_answer_free(&answer);
    return status;
}

static const wsb_guest_rpc_method methods[] = {
    {"add", add},       {"echo", echo},       {"refuse", refuse},
    {"broken", broken}, {"nothing", nothing}, {"internal", internal},
    {"note", note},     {"large", large},     {"ask_back", ask_back},
};

static wsb_guest_rpc *rpc_of(int32_t framing)
{
    wsb_guest_rpc *rpc = &rpcs[framing & 1];
    if (!rpc->methods)
        wsb_guest_rpc_init(rpc, wsb_guest_channel_open(framing & 1 ? "rpc_msgpack" : "rpc_json"),
                           (wsb_guest_rpc_framing)(framing & 1), methods,
                           sizeof methods / sizeof methods[0], framing & 1 ? 0 : rpc);
    return rpc;
}

WSB_GUEST_SCALAR(serve_one) int32_t serve_one(int32_t framing)
{
    return wsb_guest_rpc_serve_one(rpc_of(framing), WSB_GUEST_NO_WAIT);
}

WSB_GUEST_SCALAR(serve) int32_t serve(int32_t framing)
{
    return wsb_guest_rpc_serve(rpc_of(framing));
}

WSB_GUEST_SCALAR(notes_seen) uint32_t notes_seen(void)
{
    return notes;
}

/* "method\nparams" */
static wsb_guest_result call(int32_t framing, wsb_guest_bytes input, bool notify)
{
    static wsb_guest_answer answer = WSB_GUEST_ANSWER_INIT;
    uint8_t *text = (uint8_t *)(uintptr_t)input.data;
    uint32_t at = 0;
    while (at + 1 < input.len && text[at] != '\n')
        at++;
    text[at] = 0;
    wsb_guest_bytes params = {input.data + at + 1, input.len - at - 1};
    wsb_guest_rpc *rpc = rpc_of(framing);
    int status =
        notify ? wsb_guest_rpc_notify(rpc, (const char *)text, params, WSB_GUEST_FOREVER)
               : wsb_guest_rpc_call(rpc, (const char *)text, params, WSB_GUEST_MS(2000), &answer);
    if (status == WSB_GUEST_REMOTE)
        return wsb_guest_error(answer.code, wsb_guest_answer_message(&answer));
    if (status != WSB_GUEST_OK)
        return wsb_guest_error(status, wsb_guest_status_text(status));
    return notify ? wsb_guest_ok("", 0) : wsb_guest_ok(answer.data.data, answer.data.len);
}

WSB_GUEST_FUNCTION(call_json, bytes)
{
    return call(WSB_GUEST_RPC_JSON, input, false);
}

WSB_GUEST_FUNCTION(call_msgpack, bytes)
{
    return call(WSB_GUEST_RPC_MSGPACK, input, false);
}

WSB_GUEST_FUNCTION(notify_json, bytes)
{
    return call(WSB_GUEST_RPC_JSON, input, true);
}

WSB_GUEST_FUNCTION(notify_msgpack, bytes)
{
    return call(WSB_GUEST_RPC_MSGPACK, input, true);
}
