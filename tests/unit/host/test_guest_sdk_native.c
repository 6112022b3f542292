/* The headers for guests in C, natively, with a host that is made up: what a real one does not do,
 * and what buffers hold when something fails. */
#include <string.h>

#include <cmocka.h>

#define WSB_GUEST_NATIVE
#include <wasm_sandbox_guest_host.h>
#include <wasm_sandbox_guest_rpc.h>

/* What the next imports that write give, in order: their message, or an error or length alone. */
typedef struct step {
    const char *message;
    int64_t returns; /* where there is no message */
} step;

static const step *script;
static size_t steps;

static void will(const step *rows, size_t count)
{
    script = rows;
    steps = count;
}

static int64_t play(uintptr_t data, uint32_t room)
{
    assert_true(steps > 0);
    const step *now = script;
    size_t len = 0;
    if (now->message)
        len = now->returns ? (size_t)now->returns : strlen(now->message);
    if (len > room)
        return (int64_t)len; /* it is kept */
    script++;
    steps--;
    if (!now->message)
        return now->returns;
    memcpy((uint8_t *)data, now->message, len);
    return (int64_t)len;
}

void *wsb_alloc(uint32_t size)
{
    return test_malloc(size);
}

void wsb_free(void *memory, uint32_t size)
{
    (void)size;
    test_free(memory);
}

int64_t wsb_guest_receive_(int32_t channel, int32_t lane, uintptr_t data, uint32_t room,
                           int64_t timeout)
{
    (void)channel;
    (void)lane;
    (void)timeout;
    return play(data, room);
}

int32_t wsb_guest_send_(int32_t channel, int32_t lane, uintptr_t data, uint32_t len,
                        int64_t timeout)
{
    (void)channel;
    (void)lane;
    (void)data;
    (void)len;
    (void)timeout;
    return WSB_GUEST_OK;
}

int32_t wsb_guest_wait_(uintptr_t entries, uint32_t count, int64_t timeout)
{
    (void)entries;
    (void)count;
    (void)timeout;
    return WSB_GUEST_INVALID;
}

int64_t wsb_guest_host_call_(uintptr_t name, uint32_t name_len, uint32_t encoding, uintptr_t input,
                             uint32_t input_len, uintptr_t room, uint32_t room_len)
{
    (void)name;
    (void)name_len;
    (void)encoding;
    (void)input;
    (void)input_len;
    return play(room, room_len);
}

int64_t wsb_guest_host_take_(uintptr_t room, uint32_t room_len)
{
    return play(room, room_len);
}

static void check(const wsb_guest_buffer *buffer, const char *text)
{
    assert_int_equal(buffer->len, strlen(text));
    assert_string_equal((const char *)buffer->data, text);
}

#define WILL(...)                                                                                  \
    will((const step[]){__VA_ARGS__}, sizeof((const step[]){__VA_ARGS__}) / sizeof(step))

static void test_receive_fails(void **state)
{
    (void)state;
    wsb_guest_buffer buffer = WSB_GUEST_BUFFER_INIT;
    WILL({"first", 0}, {NULL, WSB_GUEST_TIMED_OUT}, {NULL, 0});
    assert_int_equal(wsb_guest_channel_receive(0, &buffer, 1), WSB_GUEST_OK);
    check(&buffer, "first");
    assert_int_equal(wsb_guest_channel_receive(0, &buffer, 1), WSB_GUEST_TIMED_OUT);
    check(&buffer, "");
    assert_int_equal(wsb_guest_channel_receive(0, &buffer, 1), WSB_GUEST_OK);
    check(&buffer, "");
    wsb_guest_buffer_free(&buffer);
}

/* Nothing behind what there was room for is written or looked at. */
static void test_receive_grows_again(void **state)
{
    (void)state;
    wsb_guest_buffer buffer = WSB_GUEST_BUFFER_INIT;
    WILL({NULL, 100}, {NULL, 100000});
    assert_int_equal(wsb_guest_channel_receive(0, &buffer, 1), WSB_GUEST_IO);
    check(&buffer, "");
    WILL({NULL, INT64_MAX});
    assert_int_equal(wsb_guest_channel_receive(0, &buffer, 1), WSB_GUEST_NO_MEMORY);
    check(&buffer, "");
    wsb_guest_buffer_free(&buffer);
}

static void test_host_answers(void **state)
{
    (void)state;
    wsb_guest_answer answer = WSB_GUEST_ANSWER_INIT;
    WILL({"\0\0\0\0text", 8}, {NULL, WSB_GUEST_NOT_FOUND}, {"\7\0\0\0no", 6}, {"\7\0\0\0", 4});
    assert_int_equal(wsb_guest_call_json("f", "1", &answer), WSB_GUEST_OK);
    check(&answer.data, "text");
    assert_int_equal(wsb_guest_call_json("f", "1", &answer), WSB_GUEST_NOT_FOUND);
    check(&answer.data, "");
    assert_int_equal(wsb_guest_call_json("f", "1", &answer), WSB_GUEST_REMOTE);
    check(&answer.data, "no");
    assert_int_equal(wsb_guest_call_json("f", "1", &answer), WSB_GUEST_REMOTE);
    check(&answer.data, "");
    assert_int_equal(answer.code, 7);
    /* Too short, or longer than what was promised. */
    WILL({"\1\2\3", 3}, {NULL, 1000}, {NULL, 100000}, {NULL, INT64_MAX});
    assert_int_equal(wsb_guest_call_json("f", "1", &answer), WSB_GUEST_MALFORMED);
    check(&answer.data, "");
    assert_int_equal(wsb_guest_call_json("f", "1", &answer), WSB_GUEST_IO);
    check(&answer.data, "");
    assert_int_equal(wsb_guest_call_json("f", "1", &answer), WSB_GUEST_NO_MEMORY);
    check(&answer.data, "");
    wsb_guest_answer_free(&answer);
}

/* An answer that is used again holds nothing of the one before. */
static void test_rpc_answers(void **state)
{
    (void)state;
    wsb_guest_answer answer = WSB_GUEST_ANSWER_INIT;
    const wsb_guest_bytes none = {NULL, 0};
    wsb_guest_rpc rpc;
    wsb_guest_rpc_init(&rpc, 0, WSB_GUEST_RPC_JSON, NULL, 0, NULL);
    WILL({"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"first\"}", 0},
         {"{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":5,\"message\":\"\"}}", 0},
         {"{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":3}", 0}, {NULL, WSB_GUEST_TIMED_OUT});
    assert_int_equal(wsb_guest_rpc_call(&rpc, "m", none, 1, &answer), WSB_GUEST_OK);
    check(&answer.data, "\"first\"");
    assert_int_equal(wsb_guest_rpc_call(&rpc, "m", none, 1, &answer), WSB_GUEST_REMOTE);
    assert_int_equal(answer.code, 5);
    check(&answer.data, "");
    assert_int_equal(wsb_guest_rpc_call(&rpc, "m", none, 1, &answer), WSB_GUEST_OK);
    check(&answer.data, "3");
    assert_int_equal(wsb_guest_rpc_call(&rpc, "m", none, 1, &answer), WSB_GUEST_TIMED_OUT);
    check(&answer.data, "");
    wsb_guest_rpc_free(&rpc);
    wsb_guest_answer_free(&answer);
}

#define ANSWER(id, rest) "{\"jsonrpc\":\"2.0\",\"id\":" id "," rest "}"

/* Late ones and those made up end no call, nor does a second one; an error without an id is about
 * what was sent last. */
static void test_which_call_is_answered(void **state)
{
    (void)state;
    wsb_guest_answer answer = WSB_GUEST_ANSWER_INIT;
    const wsb_guest_bytes none = {NULL, 0};
    wsb_guest_rpc rpc;
    wsb_guest_rpc_init(&rpc, 0, WSB_GUEST_RPC_JSON, NULL, 0, NULL);
    WILL({ANSWER("null", "\"result\":5"), 0}, {ANSWER("\"1\"", "\"result\":6"), 0},
         {ANSWER("null", "\"error\":{\"code\":9,\"message\":\"m\"}"), 0},
         {ANSWER("1", "\"result\":7"), 0}, {ANSWER("2.0", "\"result\":8"), 0},
         {"[" ANSWER("2", "\"result\":1") "," ANSWER("2", "\"result\":2") "]", 0});
    assert_int_equal(wsb_guest_rpc_call(&rpc, "m", none, 1, &answer), WSB_GUEST_REMOTE);
    assert_int_equal(answer.code, 9);
    assert_int_equal(wsb_guest_rpc_call(&rpc, "m", none, 1, &answer), WSB_GUEST_OK);
    check(&answer.data, "1");
    wsb_guest_rpc_free(&rpc);
    wsb_guest_rpc_init(&rpc, 0, WSB_GUEST_RPC_MSGPACK, NULL, 0, NULL);
    WILL({"\x94\1\xc0\xc0\5", 5}, {"\x94\1\xc0\x92\7\xa1m\xc0", 8}, {"\x94\1\1\xc0\5", 5},
         {"\x94\1\xcc\2\xc0\6", 6});
    assert_int_equal(wsb_guest_rpc_call(&rpc, "m", none, 1, &answer), WSB_GUEST_REMOTE);
    assert_int_equal(answer.code, 7);
    assert_int_equal(wsb_guest_rpc_call(&rpc, "m", none, 1, &answer), WSB_GUEST_OK);
    check(&answer.data, "\6");
    assert_int_equal(steps, 0);
    wsb_guest_rpc_free(&rpc);
    wsb_guest_answer_free(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_receive_fails),          cmocka_unit_test(test_receive_grows_again),
        cmocka_unit_test(test_host_answers),           cmocka_unit_test(test_rpc_answers),
        cmocka_unit_test(test_which_call_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
