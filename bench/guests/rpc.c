/* The guest of bench_rpc: serves `add` over a channel in either framing, and as an ordinary
 * function with JSON. Without a C library. */
#define WSB_GUEST_IMPLEMENTATION
#include <wasm_sandbox_guest.h>
#include <wasm_sandbox_guest_rpc.h>

static bool json_numbers(wsb_guest_bytes params, int64_t *out)
{
    wsb_guest_json value;
    for (uint32_t i = 0; i < 2; i++) {
        if (!wsb_guest_json_at(params, i, &value) || !wsb_guest_json_int(value, &out[i]))
            return false;
    }
    return true;
}

static bool msgpack_numbers(wsb_guest_bytes params, int64_t *out)
{
    uint32_t count;
    wsb_guest_msgpack_reader reader = wsb_guest_msgpack_read(params);
    return wsb_guest_msgpack_array(&reader, &count) && count == 2 &&
           wsb_guest_msgpack_int(&reader, &out[0]) && wsb_guest_msgpack_int(&reader, &out[1]);
}

static int add(wsb_guest_rpc_request *request, wsb_guest_buffer *result)
{
    int64_t numbers[2];
    bool json = request->user_data != 0;
    if (!(json ? json_numbers(request->params, numbers)
               : msgpack_numbers(request->params, numbers)))
        return wsb_guest_rpc_fail(request, WSB_GUEST_RPC_INVALID_PARAMS, "add takes two numbers");
    int64_t sum = numbers[0] + numbers[1];
    bool good =
        json ? wsb_guest_json_write_int(result, sum) : wsb_guest_msgpack_write_int(result, sum);
    return good ? WSB_GUEST_OK : WSB_GUEST_NO_MEMORY;
}

static const wsb_guest_rpc_method methods[] = {{"add", add}};

WSB_GUEST_SCALAR(serve) int32_t serve(int32_t framing)
{
    static wsb_guest_rpc rpc;
    wsb_guest_rpc_init(&rpc, wsb_guest_channel_open("rpc"), (wsb_guest_rpc_framing)framing, methods,
                       1, framing == WSB_GUEST_RPC_JSON ? &rpc : 0);
    return wsb_guest_rpc_serve(&rpc);
}

WSB_GUEST_FUNCTION(add_json, json)
{
    int64_t numbers[2];
    static wsb_guest_buffer text;
    text.len = 0;
    if (!json_numbers(input, numbers) || !wsb_guest_json_write_int(&text, numbers[0] + numbers[1]))
        return wsb_guest_error(1, "add takes two numbers");
    return wsb_guest_ok(text.data, text.len);
}
