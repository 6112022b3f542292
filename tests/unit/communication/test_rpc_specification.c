/* The examples of the JSON-RPC 2.0 specification, section 7, every one, word by word: "-->" is
 * sent, "<--" is what comes back, if anything. https://www.jsonrpc.org/specification */
/* wsb-test: pure */
#include "rpc_test.h"

static wsb_status subtract(wsb_rpc_request *request, wsb_buf *io_result, void *user_data)
{
    (void)user_data;
    wsb_bytes params = wsb_rpc_request_params(request);
    json_t *json = json_loadb((const char *)params.data, params.len, 0, NULL);
    json_int_t minuend;
    json_int_t subtrahend;
    int failed = json_is_array(json) ? json_unpack(json, "[I, I]", &minuend, &subtrahend)
                                     : json_unpack(json, "{s: I, s: I}", "minuend", &minuend,
                                                   "subtrahend", &subtrahend);
    json_decref(json);
    if (failed)
        return wsb_rpc_request_fail(request, WSB_RPC_INVALID_PARAMS, "Invalid params");
    char text[32];
    int len = snprintf(text, sizeof text, "%lld", minuend - subtrahend);
    return wsb_buf_assign(io_result, wsb_bytes_of(text, (size_t)len));
}

static wsb_status sum(wsb_rpc_request *request, wsb_buf *io_result, void *user_data)
{
    (void)user_data;
    wsb_bytes params = wsb_rpc_request_params(request);
    json_t *json = json_loadb((const char *)params.data, params.len, 0, NULL);
    json_int_t total = 0;
    for (size_t i = 0; i < json_array_size(json); i++)
        total += json_integer_value(json_array_get(json, i));
    json_decref(json);
    char text[32];
    int len = snprintf(text, sizeof text, "%lld", total);
    return wsb_buf_assign(io_result, wsb_bytes_of(text, (size_t)len));
}

static wsb_status get_data(wsb_rpc_request *request, wsb_buf *io_result, void *user_data)
{
    (void)request;
    (void)user_data;
    return wsb_buf_assign(io_result, wsb_bytes_of("[\"hello\", 5]", 12));
}

static wsb_status take_note(wsb_rpc_request *request, wsb_buf *io_result, void *user_data)
{
    (void)io_result;
    assert_true(wsb_rpc_request_is_notification(request));
    ++*(int *)user_data;
    return WSB_OK;
}

static const struct {
    const char *sent;
    const char *answer; /* NULL: none */
} exchanges[] = {
    /* rpc call with positional parameters */
    {"{\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"params\": [42, 23], \"id\": 1}",
     "{\"jsonrpc\": \"2.0\", \"result\": 19, \"id\": 1}"},
    {"{\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"params\": [23, 42], \"id\": 2}",
     "{\"jsonrpc\": \"2.0\", \"result\": -19, \"id\": 2}"},
    /* rpc call with named parameters */
    {"{\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"params\": {\"subtrahend\": 23, "
     "\"minuend\": 42}, \"id\": 3}",
     "{\"jsonrpc\": \"2.0\", \"result\": 19, \"id\": 3}"},
    {"{\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"params\": {\"minuend\": 42, "
     "\"subtrahend\": 23}, \"id\": 4}",
     "{\"jsonrpc\": \"2.0\", \"result\": 19, \"id\": 4}"},
    /* a notification */
    {"{\"jsonrpc\": \"2.0\", \"method\": \"update\", \"params\": [1,2,3,4,5]}", NULL},
    {"{\"jsonrpc\": \"2.0\", \"method\": \"foobar\"}", NULL},
    /* rpc call of non-existent method */
    {"{\"jsonrpc\": \"2.0\", \"method\": \"foobar\", \"id\": \"1\"}",
     "{\"jsonrpc\": \"2.0\", \"error\": {\"code\": -32601, \"message\": \"Method not found\"}, "
     "\"id\": \"1\"}"},
    /* rpc call with invalid JSON */
    {"{\"jsonrpc\": \"2.0\", \"method\": \"foobar, \"params\": \"bar\", \"baz]",
     "{\"jsonrpc\": \"2.0\", \"error\": {\"code\": -32700, \"message\": \"Parse error\"}, "
     "\"id\": null}"},
    /* rpc call with invalid Request object */
    {"{\"jsonrpc\": \"2.0\", \"method\": 1, \"params\": \"bar\"}",
     "{\"jsonrpc\": \"2.0\", \"error\": {\"code\": -32600, \"message\": \"Invalid Request\"}, "
     "\"id\": null}"},
    /* rpc call Batch, invalid JSON */
    {"[\n"
     "  {\"jsonrpc\": \"2.0\", \"method\": \"sum\", \"params\": [1,2,4], \"id\": \"1\"},\n"
     "  {\"jsonrpc\": \"2.0\", \"method\"\n"
     "]",
     "{\"jsonrpc\": \"2.0\", \"error\": {\"code\": -32700, \"message\": \"Parse error\"}, "
     "\"id\": null}"},
    /* rpc call with an empty Array */
    {"[]",
     "{\"jsonrpc\": \"2.0\", \"error\": {\"code\": -32600, \"message\": \"Invalid Request\"}, "
     "\"id\": null}"},
    /* rpc call with an invalid Batch (but not empty) */
    {"[1]",
     "[{\"jsonrpc\": \"2.0\", \"error\": {\"code\": -32600, \"message\": \"Invalid Request\"}, "
     "\"id\": null}]"},
    /* rpc call with invalid Batch */
    {"[1,2,3]",
     "[{\"jsonrpc\": \"2.0\", \"error\": {\"code\": -32600, \"message\": \"Invalid Request\"}, "
     "\"id\": null},"
     "{\"jsonrpc\": \"2.0\", \"error\": {\"code\": -32600, \"message\": \"Invalid Request\"}, "
     "\"id\": null},"
     "{\"jsonrpc\": \"2.0\", \"error\": {\"code\": -32600, \"message\": \"Invalid Request\"}, "
     "\"id\": null}]"},
    /* rpc call Batch */
    {"["
     "{\"jsonrpc\": \"2.0\", \"method\": \"sum\", \"params\": [1,2,4], \"id\": \"1\"},"
     "{\"jsonrpc\": \"2.0\", \"method\": \"notify_hello\", \"params\": [7]},"
     "{\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"params\": [42,23], \"id\": \"2\"},"
     "{\"foo\": \"boo\"},"
     "{\"jsonrpc\": \"2.0\", \"method\": \"foo.get\", \"params\": {\"name\": \"myself\"}, "
     "\"id\": \"5\"},"
     "{\"jsonrpc\": \"2.0\", \"method\": \"get_data\", \"id\": \"9\"}"
     "]",
     "["
     "{\"jsonrpc\": \"2.0\", \"result\": 7, \"id\": \"1\"},"
     "{\"jsonrpc\": \"2.0\", \"result\": 19, \"id\": \"2\"},"
     "{\"jsonrpc\": \"2.0\", \"error\": {\"code\": -32600, \"message\": \"Invalid Request\"}, "
     "\"id\": null},"
     "{\"jsonrpc\": \"2.0\", \"error\": {\"code\": -32601, \"message\": \"Method not found\"}, "
     "\"id\": \"5\"},"
     "{\"jsonrpc\": \"2.0\", \"result\": [\"hello\", 5], \"id\": \"9\"}"
     "]"},
    /* rpc call Batch (all notifications) */
    {"["
     "{\"jsonrpc\": \"2.0\", \"method\": \"notify_sum\", \"params\": [1,2,4]},"
     "{\"jsonrpc\": \"2.0\", \"method\": \"notify_hello\", \"params\": [7]}"
     "]",
     NULL},
};

static void every_example(void **state)
{
    (void)state;
    conversation c = begin_raw(WSB_RPC_JSON, NULL, NULL);
    wsb_buf answer = WSB_BUF_INIT;
    int notes = 0;
    offer(c.near, "subtract", subtract, NULL);
    offer(c.near, "sum", sum, NULL);
    offer(c.near, "get_data", get_data, NULL);
    offer(c.near, "update", take_note, &notes);
    offer(c.near, "notify_hello", take_note, &notes);
    offer(c.near, "notify_sum", take_note, &notes);
    for (size_t i = 0; i < sizeof exchanges / sizeof exchanges[0]; i++) {
        const char *sent = exchanges[i].sent;
        assert_int_equal(wsb_channel_send(c.far_end, wsb_bytes_of(sent, strlen(sent)), 0, NULL),
                         WSB_OK);
        assert_int_equal(wsb_rpc_channel_serve(c.near, 0, NULL), WSB_ERROR_TIMEOUT);
        wsb_status status = wsb_channel_receive_result(c.far_end, &answer, 0, NULL);
        assert_int_equal(status, exchanges[i].answer ? WSB_OK : WSB_ERROR_WOULD_BLOCK);
        if (exchanges[i].answer)
            assert_says(WSB_RPC_JSON, view(&answer), exchanges[i].answer);
    }
    assert_int_equal(notes, 4);
    wsb_buf_fini(&answer);
    finish(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_example)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
