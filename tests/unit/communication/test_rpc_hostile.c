/* The other side is written by somebody who means no good, or is not there. */
/* wsb-test: pure */
#include "rpc_test.h"

#include <sys/wait.h>
#include <unistd.h>

static void send_raw(conversation *c, bool result_lane, wsb_bytes frame)
{
    wsb_status status = result_lane ? wsb_channel_send_result(c->far_end, frame, 0, NULL)
                                    : wsb_channel_send(c->far_end, frame, 0, NULL);
    assert_int_equal(status, WSB_OK);
}

static void say(conversation *c, bool result_lane, const char *json)
{
    wsb_buf frame = encode(c->framing, json);
    send_raw(c, result_lane, view(&frame));
    wsb_buf_fini(&frame);
}

static wsb_status call_now(conversation *c, wsb_buf *out_result, wsb_error **out_error)
{
    return wsb_rpc_channel_call(c->near, wsb_cstr("m"), wsb_bytes_of(NULL, 0), 0, out_result,
                                out_error);
}

/* What the far side answers to call 1, by framing, and what the call comes to. */
static const struct {
    const char *json;
    const char *msgpack; /* as JSON */
    wsb_status status;
    uint64_t malformed;
    uint64_t unknown;
} answers[] = {
    {"{\"jsonrpc\":\"2.0\",\"result\":5,\"id\":1}", "[1,1,null,5]", WSB_OK, 0, 0},
    {"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":5,\"message\":\"x\"},\"id\":1}",
     "[1,1,[5,\"x\"],null]", WSB_ERROR_REMOTE, 0, 0},
    {"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":5,\"message\":\"x\",\"data\":[]},\"id\":1}",
     "[1,1,[5,\"x\",[]],null]", WSB_ERROR_REMOTE, 0, 0},
    /* of no call */
    {"{\"jsonrpc\":\"2.0\",\"result\":5,\"id\":2}", "[1,2,null,5]", WSB_ERROR_TIMEOUT, 0, 1},
    {"{\"jsonrpc\":\"2.0\",\"result\":5,\"id\":17}", "[1,17,null,5]", WSB_ERROR_TIMEOUT, 0, 1},
    {"{\"jsonrpc\":\"2.0\",\"result\":5,\"id\":\"1\"}", "[1,4294967295,null,5]", WSB_ERROR_TIMEOUT,
     0, 1},
    {"{\"jsonrpc\":\"2.0\",\"result\":5,\"id\":null}", "[1,null,null,5]", WSB_ERROR_TIMEOUT, 0, 1},
    {"{\"jsonrpc\":\"2.0\",\"result\":5,\"id\":1e0}", "[1,0,null,5]", WSB_ERROR_TIMEOUT, 0, 1},
    /* no responses, but it is clear to what */
    {"{\"jsonrpc\":\"2.0\",\"id\":1}", "[1,1,7,null]", WSB_ERROR_MALFORMED, 1, 0},
    {"{\"jsonrpc\":\"2.0\",\"result\":5,\"error\":{\"code\":5,\"message\":\"x\"},\"id\":1}",
     "[1,1,[5,\"x\"],5]", WSB_ERROR_MALFORMED, 1, 0},
    {"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":2147483648,\"message\":\"x\"},\"id\":1}",
     "[1,1,[2147483648,\"x\"],null]", WSB_ERROR_MALFORMED, 1, 0},
    {"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":1.0,\"message\":\"x\"},\"id\":1}",
     "[1,1,[1.0,\"x\"],null]", WSB_ERROR_MALFORMED, 1, 0},
    {"{\"jsonrpc\":\"2.0\",\"error\":{\"message\":\"x\"},\"id\":1}", "[1,1,[5],null]",
     WSB_ERROR_MALFORMED, 1, 0},
    {"{\"jsonrpc\":\"1.0\",\"result\":5,\"id\":1}", "[1,1,[5,6],null]", WSB_ERROR_MALFORMED, 1, 0},
    {"{\"result\":5,\"id\":1}", "[1,1,[5,\"x\",0,0],null]", WSB_ERROR_MALFORMED, 1, 0},
    /* not even that */
    {"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":1}", "[0,1,\"m\",[]]", WSB_ERROR_TIMEOUT, 1, 0},
    {"{\"jsonrpc\":\"2.0\",\"result\":5,\"id\":1,\"id\":1}", "[1,1,null]", WSB_ERROR_TIMEOUT, 1, 0},
    {"[]", "[]", WSB_ERROR_TIMEOUT, 1, 0},
    {"{", "5", WSB_ERROR_TIMEOUT, 1, 0},
    {"{\"jsonrpc\":\"2.0\",\"result\":5,\"id\":1} x", "{\"a\": 1}", WSB_ERROR_TIMEOUT, 1, 0},
};

static void answers_of_all_kinds(void **state)
{
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        conversation c = begin_raw(*(wsb_rpc_framing *)*state, NULL, NULL);
        bool is_json = c.framing == WSB_RPC_JSON;
        wsb_buf result = WSB_BUF_INIT;
        wsb_error *error = NULL;
        say(&c, true, is_json ? answers[i].json : answers[i].msgpack);
        wsb_status status = call_now(&c, &result, &error);
        wsb_rpc_stats stats = stats_of(c.near);
        if (status != answers[i].status || stats.malformed != answers[i].malformed ||
            stats.unknown_ids != answers[i].unknown)
            fail_msg("answer %zu: %s, %llu malformed, %llu unknown", i, wsb_status_name(status),
                     (unsigned long long)stats.malformed, (unsigned long long)stats.unknown_ids);
        if (status == WSB_OK)
            assert_says(c.framing, view(&result), "5");
        if (status == WSB_ERROR_REMOTE) {
            assert_int_equal(wsb_error_code(error), 5);
            assert_string_equal(wsb_error_message(error), "x");
        }
        assert_int_equal(stats.outstanding, 0);
        wsb_error_destroy(error);
        wsb_buf_fini(&result);
        finish(&c);
    }
}

static void late_and_double_answers_are_dropped(void **state)
{
    conversation c = begin_raw(*(wsb_rpc_framing *)*state, NULL, NULL);
    bool is_json = c.framing == WSB_RPC_JSON;
    wsb_buf result = WSB_BUF_INIT;
    assert_int_equal(call_now(&c, &result, NULL), WSB_ERROR_TIMEOUT);
    const char *late = is_json ? answers[0].json : answers[0].msgpack;
    say(&c, true, late);
    say(&c, true, late);
    say(&c, true, is_json ? "{\"jsonrpc\":\"2.0\",\"result\":6,\"id\":2}" : "[1,2,null,6]");
    assert_int_equal(call_now(&c, &result, NULL), WSB_OK);
    assert_says(c.framing, view(&result), "6");
    wsb_rpc_stats stats = stats_of(c.near);
    assert_int_equal(stats.unknown_ids, 2);
    assert_int_equal(stats.calls_timed_out, 1);
    wsb_buf_fini(&result);
    finish(&c);
}

static const struct {
    const char *json;
    const char *msgpack; /* as JSON; NULL: as its bytes */
    const char *bytes;
    size_t len;
    const char *json_answer;
    const char *msgpack_answer; /* NULL: none */
} requests[] = {
    {"{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":[1],\"id\":0.1e-1}", "[0,3,\"echo\",[1]]",
     NULL, 0, "{\"jsonrpc\":\"2.0\",\"result\":[1],\"id\":0.1e-1}", "[1,3,null,[1]]"},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":\"\\u00e4\\n\"}",
     "[0,4294967295,\"echo\",[]]", NULL, 0,
     "{\"jsonrpc\":\"2.0\",\"result\":null,\"id\":\"\\u00e4\\n\"}", "[1,4294967295,null,[]]"},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":null}", "[0,0,\"echo\",{\"a\":1}]", NULL, 0,
     "{\"jsonrpc\":\"2.0\",\"result\":null,\"id\":null}", "[1,0,null,{\"a\":1}]"},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":5,\"id\":8}", "[0,8,\"echo\",5]", NULL, 0,
     "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"Invalid Request\"},\"id\":8}",
     "[1,8,[-32600,\"Invalid Request\"],null]"},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":[8]}", "[0,-1,\"echo\",[]]", NULL, 0,
     "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"Invalid Request\"},"
     "\"id\":null}",
     "[1,null,[-32600,\"Invalid Request\"],null]"},
    /* an answer, where requests come: its id is one of ours */
    {"{\"jsonrpc\":\"2.0\",\"result\":5,\"id\":8}", "[1,8,null,5]", NULL, 0,
     "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"Invalid Request\"},"
     "\"id\":null}",
     "[1,null,[-32600,\"Invalid Request\"],null]"},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"\\ud800\",\"id\":8}", NULL, "\x94\x00\x01\xa1\xff\x90", 6,
     "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,\"message\":\"Parse error\"},\"id\":null}",
     "[1,null,[-32700,\"Parse error\"],null]"},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"\xff\",\"id\":8}", NULL, "\x94\x00\x01\xdb\xff\xff\xff\xff",
     8, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,\"message\":\"Parse error\"},\"id\":null}",
     "[1,null,[-32700,\"Parse error\"],null]"},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":{\"a\":1,\"\\u0061\":2},\"id\":8}", NULL,
     "\x94\x00\x01\xa1x\xdd\xff\xff\xff\xff", 10,
     "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,\"message\":\"Parse error\"},\"id\":null}",
     "[1,null,[-32700,\"Parse error\"],null]"},
};

static void requests_of_all_kinds(void **state)
{
    conversation c = begin_raw(*(wsb_rpc_framing *)*state, NULL, NULL);
    bool is_json = c.framing == WSB_RPC_JSON;
    wsb_buf answer = WSB_BUF_INIT;
    offer(c.near, "echo", echo, NULL);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        if (is_json)
            send_raw(&c, false, wsb_bytes_of(requests[i].json, strlen(requests[i].json)));
        else if (requests[i].msgpack)
            say(&c, false, requests[i].msgpack);
        else
            send_raw(&c, false, wsb_bytes_of(requests[i].bytes, requests[i].len));
        assert_int_equal(wsb_rpc_channel_serve(c.near, 0, NULL), WSB_ERROR_TIMEOUT);
        assert_int_equal(wsb_channel_receive_result(c.far_end, &answer, 0, NULL), WSB_OK);
        if (is_json) /* ids word by word */
            assert_string_equal((const char *)answer.data, requests[i].json_answer);
        else
            assert_says(c.framing, view(&answer), requests[i].msgpack_answer);
    }
    wsb_buf_fini(&answer);
    finish(&c);
}

/* Every beginning of a request is malformed, and answered. */
static void truncated_frames(void **state)
{
    conversation c = begin_raw(*(wsb_rpc_framing *)*state, NULL, NULL);
    bool is_json = c.framing == WSB_RPC_JSON;
    wsb_buf answer = WSB_BUF_INIT;
    wsb_buf frame = encode(c.framing, is_json ? requests[0].json : requests[0].msgpack);
    for (size_t len = 0; len < frame.len; len++) {
        send_raw(&c, false, wsb_bytes_of(frame.data, len));
        assert_int_equal(wsb_rpc_channel_serve(c.near, 0, NULL), WSB_ERROR_TIMEOUT);
        assert_int_equal(wsb_channel_receive_result(c.far_end, &answer, 0, NULL), WSB_OK);
        assert_non_null(strstr((const char *)answer.data, "Parse error"));
    }
    assert_int_equal(stats_of(c.near).malformed, frame.len);
    wsb_buf_fini(&frame);
    wsb_buf_fini(&answer);
    finish(&c);
}

static void deep_and_large(void **state)
{
    conversation c = begin_raw(*(wsb_rpc_framing *)*state, NULL, NULL);
    size_t len = 400000;
    uint8_t *deep = malloc(len);
    assert_non_null(deep);
    memset(deep, c.framing == WSB_RPC_JSON ? '[' : 0x91, len);
    send_raw(&c, false, wsb_bytes_of(deep, len));
    assert_int_equal(wsb_rpc_channel_serve(c.near, 0, NULL), WSB_ERROR_TIMEOUT);
    send_raw(&c, true, wsb_bytes_of(deep, len));
    assert_int_equal(wsb_rpc_channel_serve(c.near, 0, NULL), WSB_ERROR_TIMEOUT);
    assert_int_equal(stats_of(c.near).malformed, 2);
    free(deep);
    finish(&c);
}

static void many_keys(void **state)
{
    (void)state;
    conversation c = begin_raw(WSB_RPC_JSON, NULL, NULL);
    size_t room = 900000;
    char *text = malloc(room + 100);
    assert_non_null(text);
    size_t len = (size_t)sprintf(text, "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":{");
    for (unsigned i = 0; len < room; i++)
        len += (size_t)sprintf(text + len, "\"%x\\u0061\":0,", i);
    len += (size_t)sprintf(text + len, "\"x\":0}}");
    send_raw(&c, false, wsb_bytes_of(text, len));
    assert_int_equal(wsb_rpc_channel_serve(c.near, 0, NULL), WSB_ERROR_TIMEOUT);
    assert_int_equal(stats_of(c.near).malformed, 0);
    /* One of them twice, the second time written otherwise. */
    memcpy(text + len - 7, "\"0a\":0}}", 9);
    send_raw(&c, false, wsb_bytes_of(text, len + 1));
    assert_int_equal(wsb_rpc_channel_serve(c.near, 0, NULL), WSB_ERROR_TIMEOUT);
    assert_int_equal(stats_of(c.near).malformed, 1);
    free(text);
    finish(&c);
}

/* It asks, and never takes an answer: what we keep is bounded, the rest is told or dropped. */
static void peer_that_never_reads(void **state)
{
    wsb_rpc_options options = WSB_RPC_OPTIONS_INIT;
    wsb_channel_options small = WSB_CHANNEL_OPTIONS_INIT;
    options.max_outstanding = 8;
    small.capacity = 600;
    conversation c = begin_raw(*(wsb_rpc_framing *)*state, &options, &small);
    bool is_json = c.framing == WSB_RPC_JSON;
    const char *ask = is_json ? requests[0].json : requests[0].msgpack;
    offer(c.near, "echo", echo, NULL);
    for (int i = 0; i < 200; i++) {
        say(&c, false, ask);
        assert_int_equal(wsb_rpc_channel_serve(c.near, 0, NULL), WSB_ERROR_TIMEOUT);
    }
    wsb_rpc_stats stats = stats_of(c.near);
    assert_true(stats.refused > 0 && stats.dropped == stats.refused);
    assert_int_equal(stats.requests + stats.refused, 200);
    /* Now it reads: what was kept comes, and what is asked then is served again. */
    wsb_buf answer = WSB_BUF_INIT;
    uint64_t received = 0;
    do {
        while (wsb_channel_receive_result(c.far_end, &answer, 0, NULL) == WSB_OK)
            received++;
        assert_int_equal(wsb_rpc_channel_serve(c.near, 0, NULL), WSB_ERROR_TIMEOUT);
    } while (received < stats.requests);
    assert_int_equal(received, stats.requests);
    say(&c, false, ask);
    assert_int_equal(wsb_rpc_channel_serve(c.near, 0, NULL), WSB_ERROR_TIMEOUT);
    assert_int_equal(stats_of(c.near).requests, stats.requests + 1);
    wsb_buf_fini(&answer);
    finish(&c);
}

static void too_many_in_a_batch(void **state)
{
    (void)state;
    wsb_rpc_options options = WSB_RPC_OPTIONS_INIT;
    options.max_batch = 2;
    conversation c = begin_raw(WSB_RPC_JSON, &options, NULL);
    wsb_buf answer = WSB_BUF_INIT;
    send_raw(&c, false, wsb_bytes_of("[1,2,3]", 7));
    assert_int_equal(wsb_rpc_channel_serve(c.near, 0, NULL), WSB_ERROR_TIMEOUT);
    assert_int_equal(wsb_channel_receive_result(c.far_end, &answer, 0, NULL), WSB_OK);
    assert_non_null(strstr((const char *)answer.data, "too many calls in a batch"));
    wsb_buf_fini(&answer);
    finish(&c);
}

static void too_many_calls(void **state)
{
    wsb_rpc_options options = WSB_RPC_OPTIONS_INIT;
    options.max_outstanding = 1;
    conversation c = begin_raw(*(wsb_rpc_framing *)*state, &options, NULL);
    wsb_rpc_batch_call calls[2] = {{.method = wsb_cstr("a")}, {.method = wsb_cstr("b")}};
    wsb_error *error = NULL;
    assert_int_equal(wsb_rpc_channel_call_batch(c.near, calls, 2, 0, &error),
                     WSB_ERROR_LIMIT_EXCEEDED);
    assert_string_equal(wsb_error_subject(error), "max_outstanding");
    wsb_error_destroy(error);
    assert_int_equal(stats_of(c.near).outstanding, 0);
    finish(&c);
}

static void peer_closes(void **state)
{
    conversation c = begin_raw(*(wsb_rpc_framing *)*state, NULL, NULL);
    wsb_buf result = WSB_BUF_INIT;
    bool is_json = c.framing == WSB_RPC_JSON;
    /* What it said before is heard. */
    say(&c, true, is_json ? answers[0].json : answers[0].msgpack);
    say(&c, false, is_json ? requests[0].json : requests[0].msgpack);
    offer(c.near, "echo", echo, NULL);
    wsb_channel_close(c.far_end);
    assert_int_equal(wsb_rpc_channel_serve(c.near, FOREVER, NULL), WSB_OK);
    assert_int_equal(stats_of(c.near).requests, 1);
    assert_int_equal(call_now(&c, &result, NULL), WSB_ERROR_CLOSED);
    assert_int_equal(stats_of(c.near).outstanding, 0);
    wsb_rpc_channel_close(c.near);
    assert_int_equal(call_now(&c, &result, NULL), WSB_ERROR_CLOSED);
    assert_int_equal(wsb_rpc_channel_serve(c.near, FOREVER, NULL), WSB_OK);
    finish(&c);
}

static void forked_child(void **state)
{
    conversation c = begin_raw(*(wsb_rpc_framing *)*state, NULL, NULL);
    pid_t child = fork();
    if (child == 0) {
        wsb_buf result = WSB_BUF_INIT;
        wsb_status status = call_now(&c, &result, NULL);
        wsb_rpc_channel_close(c.near);
        wsb_rpc_channel_destroy(c.near);
        _exit(status == WSB_ERROR_FORKED ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    finish(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(answers_of_all_kinds),  BOTH(late_and_double_answers_are_dropped),
        BOTH(requests_of_all_kinds), BOTH(truncated_frames),
        BOTH(deep_and_large),        cmocka_unit_test(many_keys),
        BOTH(peer_that_never_reads), cmocka_unit_test(too_many_in_a_batch),
        BOTH(too_many_calls),        BOTH(peer_closes),
        BOTH(forked_child),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
