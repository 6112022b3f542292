/* Each allocation fails once: nothing leaks, nobody waits for ever, and afterwards all is well. */
/* wsb-test: pure */
#include "rpc_test.h"

#include "unit/core/fail_nth.h"

static wsb_status make(conversation *c)
{
    wsb_rpc_options options = WSB_RPC_OPTIONS_INIT;
    options.framing = c->framing;
    wsb_status status = wsb_rpc_channel_create(c->near_end, &options, &c->near, NULL);
    if (status == WSB_OK)
        status = wsb_rpc_channel_register(c->near, wsb_cstr("echo"), echo, NULL, NULL, NULL);
    if (status == WSB_OK)
        return WSB_OK;
    wsb_rpc_channel_destroy(c->near);
    c->near = NULL;
    return status;
}

static void making(void **state)
{
    conversation c = begin_raw(*(wsb_rpc_framing *)*state, NULL, NULL);
    wsb_rpc_channel_destroy(c.near);
    c.near = NULL;
    wsb_channel_destroy(c.near_end);
    wsb_channel_destroy(c.far_end);
    assert_int_equal(wsb_memory_channel_create(0, &c.near_end, &c.far_end, NULL), WSB_OK);
    EXPECT_OUT_OF_MEMORY_UNTIL_OK(make(&c));
    finish(&c);
}

static void send_both(conversation *c)
{
    bool is_json = c->framing == WSB_RPC_JSON;
    wsb_buf answer =
        encode(c->framing,
               is_json ? "[{\"jsonrpc\":\"2.0\",\"result\":[5],\"\\u0069d\":1}]" : "[1,1,null,5]");
    wsb_buf request =
        encode(c->framing, is_json ? "{\"jsonrpc\":\"2.0\",\"method\":\"\\u0065cho\",\"id\":1}"
                                   : "[0,1,\"echo\",[]]");
    assert_int_equal(wsb_channel_send_result(c->far_end, view(&answer), 0, NULL), WSB_OK);
    assert_int_equal(wsb_channel_send(c->far_end, view(&request), 0, NULL), WSB_OK);
    wsb_buf_fini(&answer);
    wsb_buf_fini(&request);
}

/* With an answer that is there already. */
static void calling(void **state)
{
    bool succeeded = false;
    for (unsigned n = 1; !succeeded; n++) {
        conversation c = begin_raw(*(wsb_rpc_framing *)*state, NULL, NULL);
        wsb_buf params = encode(c.framing, "{\"a\": [1, 2]}");
        wsb_buf result = WSB_BUF_INIT;
        wsb_error *error = NULL;
        offer(c.near, "echo", echo, NULL);
        send_both(&c);
        fail_nth_start(n);
        wsb_status status =
            wsb_rpc_channel_call(c.near, wsb_cstr("m"), view(&params), FOREVER, &result, &error);
        fail_nth_stop();
        succeeded = status == WSB_OK;
        if (!succeeded)
            assert_int_equal(status, WSB_ERROR_OUT_OF_MEMORY);
        assert_int_equal(stats_of(c.near).outstanding, 0);
        assert_true(n < 100);
        wsb_error_destroy(error);
        wsb_buf_fini(&result);
        wsb_buf_fini(&params);
        finish(&c);
    }
}

/* A request is answered, or dropped and counted; the next one is served. */
static void serving(void **state)
{
    for (unsigned n = 1; n < 40; n++) {
        conversation c = begin_raw(*(wsb_rpc_framing *)*state, NULL, NULL);
        wsb_buf answer = WSB_BUF_INIT;
        offer(c.near, "echo", echo, NULL);
        send_both(&c);
        fail_nth_start(n);
        wsb_status status = wsb_rpc_channel_serve(c.near, 0, NULL);
        fail_nth_stop();
        assert_true(status == WSB_ERROR_TIMEOUT || status == WSB_ERROR_OUT_OF_MEMORY);
        bool answered = wsb_channel_receive_result(c.far_end, &answer, 0, NULL) == WSB_OK;
        send_both(&c);
        assert_int_equal(wsb_rpc_channel_serve(c.near, 0, NULL), WSB_ERROR_TIMEOUT);
        assert_int_equal(wsb_rpc_channel_serve(c.near, 0, NULL), WSB_ERROR_TIMEOUT);
        assert_int_equal(wsb_channel_receive_result(c.far_end, &answer, 0, NULL), WSB_OK);
        if (!answered && status == WSB_ERROR_TIMEOUT)
            assert_true(stats_of(c.near).dropped > 0);
        wsb_buf_fini(&answer);
        finish(&c);
    }
}

static void calling_a_batch(void **state)
{
    bool succeeded = false;
    for (unsigned n = 1; !succeeded; n++) {
        conversation c = begin_raw(*(wsb_rpc_framing *)*state, NULL, NULL);
        wsb_rpc_batch_call calls[2] = {{.method = wsb_cstr("m")},
                                       {.method = wsb_cstr("n"), .is_notification = true}};
        send_both(&c);
        fail_nth_start(n);
        wsb_status status = wsb_rpc_channel_call_batch(c.near, calls, 2, FOREVER, NULL);
        fail_nth_stop();
        if (status == WSB_OK)
            status = calls[0].status;
        succeeded = status == WSB_OK;
        if (!succeeded)
            assert_int_equal(status, WSB_ERROR_OUT_OF_MEMORY);
        wsb_buf_fini(&calls[0].result);
        wsb_error_destroy(calls[0].error);
        assert_int_equal(stats_of(c.near).outstanding, 0);
        assert_true(n < 100);
        finish(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(making),
        BOTH(calling),
        BOTH(serving),
        BOTH(calling_a_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
