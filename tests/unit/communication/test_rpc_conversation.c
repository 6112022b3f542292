/* Two sides talk, in both framings with the same cases. */
/* wsb-test: pure */
#include "rpc_test.h"

static wsb_status refuse(wsb_rpc_request *request, wsb_buf *io_result, void *user_data)
{
    (void)io_result;
    (void)user_data;
    return wsb_rpc_request_fail(request, 7, "no \"%s\"", "thanks");
}

static wsb_status break_down(wsb_rpc_request *request, wsb_buf *io_result, void *user_data)
{
    (void)request;
    (void)io_result;
    return *(const wsb_status *)user_data;
}

static wsb_status write_garbage(wsb_rpc_request *request, wsb_buf *io_result, void *user_data)
{
    (void)request;
    (void)user_data;
    return wsb_buf_assign(io_result, wsb_bytes_of("\xc1{", 2));
}

static void assert_refused(conversation *c, const char *method, const char *params, int32_t code,
                           const char *text)
{
    wsb_buf result = WSB_BUF_INIT;
    wsb_error *error = NULL;
    wsb_buf encoded = encode(c->framing, params);
    assert_int_equal(
        wsb_rpc_channel_call(c->near, wsb_cstr(method), view(&encoded), AGES, &result, &error),
        WSB_ERROR_REMOTE);
    assert_null(result.data);
    assert_int_equal(wsb_error_code(error), code);
    assert_string_equal(wsb_error_message(error), text);
    wsb_error_destroy(error);
    wsb_buf_fini(&encoded);
}

static void results_and_errors(void **state)
{
    const wsb_status denied = WSB_ERROR_ACCESS_DENIED;
    conversation c = begin(*(wsb_rpc_framing *)*state);
    pthread_t thread = start(serve_thread, c.far);
    offer(c.far, "echo", echo, NULL);
    offer(c.far, "refuse", refuse, NULL);
    offer(c.far, "break", break_down, (void *)&denied);
    offer(c.far, "garbage", write_garbage, NULL);
    offer(c.far, "n\xc3\xa4me \"\\\n", echo, NULL);
    assert_call(c.near, c.framing, "echo", "[1, \"\\u00e4\\u0000\", {\"a\": [null, true]}]",
                "[1, \"\xc3\xa4\\u0000\", {\"a\": [null, true]}]");
    assert_call(c.near, c.framing, "echo", "{\"x\": 1.5}", "{\"x\": 1.5}");
    assert_call(c.near, c.framing, "echo", NULL, c.framing == WSB_RPC_JSON ? "null" : "[]");
    assert_call(c.near, c.framing, "n\xc3\xa4me \"\\\n", "[]", "[]");
    assert_refused(&c, "refuse", "[]", 7, "no \"thanks\"");
    assert_refused(&c, "break", "[]", WSB_RPC_INTERNAL_ERROR, "access denied");
    assert_refused(&c, "garbage", "[]", WSB_RPC_INTERNAL_ERROR, "malformed data");
    assert_refused(&c, "nothing", "[]", WSB_RPC_METHOD_NOT_FOUND, "Method not found");
    assert_refused(&c, "", NULL, WSB_RPC_METHOD_NOT_FOUND, "Method not found");
    wsb_rpc_stats near = stats_of(c.near);
    assert_int_equal(near.calls, 9);
    assert_int_equal(near.calls_failed, 5);
    assert_int_equal(near.outstanding, 0);
    assert_int_equal(stats_of(c.far).requests, 9);
    wsb_rpc_channel_close(c.near);
    join(thread);
    finish(&c);
}

static wsb_status count(wsb_rpc_request *request, wsb_buf *io_result, void *user_data)
{
    (void)io_result;
    assert_true(wsb_rpc_request_is_notification(request));
    assert_memory_equal(wsb_rpc_request_method(request).data, "count", 5);
    ++*(int *)user_data;
    return WSB_OK;
}

static void notifications(void **state)
{
    conversation c = begin(*(wsb_rpc_framing *)*state);
    int counted = 0;
    offer(c.far, "count", count, &counted);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            wsb_rpc_channel_notify(c.near, wsb_cstr("count"), wsb_bytes_of(NULL, 0), 0, NULL),
            WSB_OK);
        assert_int_equal(wsb_rpc_channel_serve(c.far, 0, NULL), WSB_ERROR_TIMEOUT);
    }
    assert_int_equal(counted, 3);
    assert_int_equal(stats_of(c.near).notifications, 3);
    /* Nobody takes them: there is no room at some time. */
    wsb_status status;
    do {
        status = wsb_rpc_channel_notify(c.near, wsb_cstr("count"), wsb_bytes_of(NULL, 0), 0, NULL);
    } while (status == WSB_OK);
    assert_int_equal(status, WSB_ERROR_WOULD_BLOCK);
    finish(&c);
}

static void batches(void **state)
{
    conversation c = begin(*(wsb_rpc_framing *)*state);
    int counted = 0;
    wsb_buf params = encode(c.framing, "[1, 2]");
    wsb_rpc_batch_call calls[4] = {
        {.method = wsb_cstr("echo"), .params = view(&params)},
        {.method = wsb_cstr("count"), .is_notification = true},
        {.method = wsb_cstr("nothing")},
        {.method = wsb_cstr("refuse")},
    };
    pthread_t thread = start(serve_thread, c.far);
    offer(c.far, "echo", echo, NULL);
    offer(c.far, "count", count, &counted);
    offer(c.far, "refuse", refuse, NULL);
    assert_int_equal(wsb_rpc_channel_call_batch(c.near, calls, 4, AGES, NULL), WSB_OK);
    assert_int_equal(calls[0].status, WSB_OK);
    assert_says(c.framing, view(&calls[0].result), "[1, 2]");
    assert_int_equal(calls[2].status, WSB_ERROR_REMOTE);
    assert_int_equal(calls[2].code, WSB_RPC_METHOD_NOT_FOUND);
    assert_int_equal(calls[3].code, 7);
    assert_string_equal(wsb_error_message(calls[3].error), "no \"thanks\"");
    for (size_t i = 0; i < 4; i++) {
        wsb_buf_fini(&calls[i].result);
        wsb_error_destroy(calls[i].error);
    }
    assert_int_equal(wsb_rpc_channel_call_batch(c.near, NULL, 0, 0, NULL), WSB_OK);
    wsb_rpc_channel_close(c.near);
    join(thread);
    assert_int_equal(counted, 1);
    wsb_buf_fini(&params);
    finish(&c);
}

static void bad_arguments(void **state)
{
    conversation c = begin(*(wsb_rpc_framing *)*state);
    wsb_buf result = WSB_BUF_INIT;
    wsb_error *error = NULL;
    wsb_bytes none = {NULL, 0};
    wsb_buf number = encode(c.framing, "5");
    static const char text[] = {(char)0xc1};
    assert_int_equal(wsb_rpc_channel_call(c.near, wsb_cstr("m"), view(&number), 0, &result, &error),
                     WSB_ERROR_MALFORMED);
    assert_non_null(strstr(wsb_error_message(error), "neither an array nor"));
    wsb_error_destroy(error);
    assert_int_equal(
        wsb_rpc_channel_call(c.near, wsb_cstr("m"), wsb_bytes_of(text, 1), 0, &result, NULL),
        WSB_ERROR_MALFORMED);
    assert_int_equal(wsb_rpc_channel_call(c.near, wsb_cstr("\xff"), none, 0, &result, NULL),
                     WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_rpc_channel_call(c.near, wsb_cstr("m"), none, 0, NULL, NULL),
                     WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_rpc_channel_call(NULL, wsb_cstr("m"), none, 0, &result, NULL),
                     WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_rpc_channel_register(c.near, wsb_cstr("rpc.x"), echo, NULL, NULL, NULL),
                     WSB_ERROR_INVALID_ARGUMENT);
    offer(c.near, "rpc", echo, NULL);
    assert_int_equal(wsb_rpc_channel_register(c.near, wsb_cstr("rpc"), echo, NULL, NULL, NULL),
                     WSB_ERROR_ALREADY_EXISTS);
    assert_int_equal(wsb_rpc_channel_serve(NULL, 0, NULL), WSB_ERROR_INVALID_ARGUMENT);
    wsb_rpc_options options = WSB_RPC_OPTIONS_INIT;
    wsb_rpc_channel *rpc = NULL;
    options.framing = 7;
    assert_int_equal(wsb_rpc_channel_create(c.near_end, &options, &rpc, NULL),
                     WSB_ERROR_INVALID_ARGUMENT);
    options.framing = WSB_RPC_JSON;
    options.max_outstanding = UINT64_MAX;
    assert_int_equal(wsb_rpc_channel_create(c.near_end, &options, &rpc, NULL),
                     WSB_ERROR_INVALID_ARGUMENT);
    assert_null(result.data);
    wsb_buf_fini(&number);
    finish(&c);
}

/* n → calls the other side with n - 1, down to 0. */
static wsb_status descend(wsb_rpc_request *request, wsb_buf *io_result, void *user_data)
{
    conversation *c = user_data;
    wsb_buf text = WSB_BUF_INIT;
    wsb_bytes params = wsb_rpc_request_params(request);
    if (c->framing == WSB_RPC_MSGPACK)
        assert_int_equal(wsb__msgpack_to_json(&rpc_site, params, &text, NULL), WSB_OK);
    else
        assert_int_equal(wsb_buf_assign(&text, params), WSB_OK);
    int n = atoi((const char *)text.data + 1);
    wsb_buf_fini(&text);
    if (n == 0)
        return wsb_buf_assign(io_result, params);
    /* Both sides have the same methods: odd ones are served far, even ones near. */
    char next[16];
    snprintf(next, sizeof next, "[%d]", n - 1);
    wsb_buf encoded = encode(c->framing, next);
    wsb_error *error = NULL;
    wsb_status status = wsb_rpc_channel_call(n % 2 ? c->far : c->near, wsb_cstr("descend"),
                                             view(&encoded), AGES, io_result, &error);
    int32_t code = wsb_error_code(error);
    wsb_error_destroy(error);
    wsb_buf_fini(&encoded);
    return status == WSB_ERROR_REMOTE ? wsb_rpc_request_fail(request, code, "below") : status;
}

static void methods_call_back(void **state)
{
    conversation c = begin(*(wsb_rpc_framing *)*state);
    offer(c.near, "descend", descend, &c);
    offer(c.far, "descend", descend, &c);
    pthread_t thread = start(serve_thread, c.far);
    assert_call(c.near, c.framing, "descend", "[11]", "[0]");
    /* Without end it would be our stack that ends. */
    assert_refused(&c, "descend", "[1001]", WSB_RPC_SERVER_BUSY, "below");
    wsb_rpc_channel_close(c.near);
    join(thread);
    finish(&c);
}

static void too_large(void **state)
{
    wsb_rpc_options options = WSB_RPC_OPTIONS_INIT;
    wsb_channel_options small = WSB_CHANNEL_OPTIONS_INIT;
    options.max_message = 1000;
    small.capacity = 500;
    conversation c = begin_raw(*(wsb_rpc_framing *)*state, &options, &small);
    char text[2000];
    memset(text, ' ', sizeof text);
    wsb_buf result = WSB_BUF_INIT;
    for (size_t len = 600; len < 2000; len += 800) {
        wsb_error *error = NULL;
        text[0] = '[';
        text[1] = text[len - 2] = '"';
        text[len - 1] = ']';
        text[len] = '\0';
        wsb_buf params = encode(c.framing, text);
        assert_int_equal(
            wsb_rpc_channel_call(c.near, wsb_cstr("m"), view(&params), AGES, &result, &error),
            WSB_ERROR_LIMIT_EXCEEDED);
        assert_string_equal(wsb_error_subject(error), len < 1000 ? "capacity" : "max_message");
        wsb_error_destroy(error);
        wsb_buf_fini(&params);
        text[len - 2] = text[len - 1] = text[len] = ' ';
    }
    assert_int_equal(stats_of(c.near).outstanding, 0);
    finish(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(results_and_errors), BOTH(notifications),     BOTH(batches),
        BOTH(bad_arguments),      BOTH(methods_call_back), BOTH(too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
