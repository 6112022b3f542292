/* The C SDK's side of RPC: what it answers, frame by frame, and conversations with rpc.h. */
#include "unit/host/sdk_rpc_test.h"

#include <pthread.h>

#include "core/buffer.h"

enum { CLOSED = -5 };

#define RESULT(id, result) "{\"jsonrpc\":\"2.0\",\"result\":" result ",\"id\":" id "}"
#define ERROR(id, code, text)                                                                      \
    "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":" code ",\"message\":\"" text "\"},\"id\":" id "}"
#define INVALID_REQUEST(id) ERROR(id, "-32600", "invalid request")
#define CALL_OF(id, method, params)                                                                \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":" params "}"
#define NOTE_OF(method) "{\"jsonrpc\":\"2.0\",\"method\":\"" method "\"}"

static void test_json_frames(void **state)
{
    fixture *f = *state;
    const char *const rows[][2] = {
        {CALL_OF("1", "add", "[1, 2]"), RESULT("1", "3")},
        /* Ids come back as they are written. */
        {CALL_OF("\"a\\u0062\"", "add", "[1,-2]"), RESULT("\"a\\u0062\"", "-1")},
        {CALL_OF("null", "add", "[1,2]"), RESULT("null", "3")},
        {CALL_OF("-1.50e3", "add", "[1,2]"), RESULT("-1.50e3", "3")},
        {CALL_OF("12345678901234567890123", "add", "[1,2]"),
         RESULT("12345678901234567890123", "3")},
        {" { \"params\" : {\"a\": [1]} ,\n\"id\":1,\"\\u006dethod\":\"ech\\u006f\","
         "\"jsonrpc\":\"2.0\" , \"extra\" : 1 } ",
         RESULT("1", "{\"a\": [1]}")},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}", RESULT("1", "null")},
        {CALL_OF("1", "nothing", "[]"), RESULT("1", "null")},
        {CALL_OF("1", "refuse", "[]"), ERROR("1", "7", "a \\\"quoted\\\" refusal")},
        {CALL_OF("1", "add", "{}"), ERROR("1", "-32602", "add takes two numbers")},
        {CALL_OF("1", "add", "[1,\"2\"]"), ERROR("1", "-32602", "add takes two numbers")},
        {CALL_OF("1", "absent", "[]"), ERROR("1", "-32601", "method not found")},
        {CALL_OF("1", "", "[]"), ERROR("1", "-32601", "method not found")},
        {CALL_OF("1", "add ", "[]"), ERROR("1", "-32601", "method not found")},
        {CALL_OF("1", "broken", "[]"), ERROR("1", "-32603", "malformed data")},
        {CALL_OF("1", "internal", "[]"), ERROR("1", "-32603", "input/output error")},
        {"", ERROR("null", "-32700", "parse error")},
        {"{\"jsonrpc\":\"2.0\",\"method\"", ERROR("null", "-32700", "parse error")},
        {"{} x", ERROR("null", "-32700", "parse error")},
        {"[1,", ERROR("null", "-32700", "parse error")},
        {"\"\xff\"", ERROR("null", "-32700", "parse error")},
        {"{}", INVALID_REQUEST("null")},
        {"1", INVALID_REQUEST("null")},
        {"\"add\"", INVALID_REQUEST("null")},
        {"{\"id\":1,\"method\":\"add\",\"params\":[1,2]}", INVALID_REQUEST("1")},
        {"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"add\"}", INVALID_REQUEST("1")},
        {"{\"jsonrpc\":2.0,\"id\":1,\"method\":\"add\"}", INVALID_REQUEST("1")},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", INVALID_REQUEST("1")},
        {"{\"jsonrpc\":\"2.0\",\"id\":[1],\"method\":\"add\"}", INVALID_REQUEST("null")},
        {"{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"add\"}", INVALID_REQUEST("null")},
        {CALL_OF("1", "add", "3"), INVALID_REQUEST("1")},
        {CALL_OF("1", "add", "null"), INVALID_REQUEST("1")},
        {RESULT("1", "3"), INVALID_REQUEST("1")},
        /* Notifications. */
        {NOTE_OF("note"), NULL},
        {NOTE_OF("refuse"), NULL},
        {NOTE_OF("internal"), NULL},
        {NOTE_OF("absent"), NULL},
        /* Batches. */
        {"[]", ERROR("null", "-32600", "an empty batch")},
        {"[1]", "[" INVALID_REQUEST("null") "]"},
        {"[1,2]", "[" INVALID_REQUEST("null") "," INVALID_REQUEST("null") "]"},
        {"[" NOTE_OF("note") "," NOTE_OF("absent") "]", NULL},
        {"[" CALL_OF("1", "add", "[1,2]") "," NOTE_OF("note") "," CALL_OF(
             "\"x\"", "absent", "[]") ", {} ," NOTE_OF("note") "," CALL_OF("2", "echo", "[0]") "]",
         "[" RESULT("1", "3") "," ERROR("\"x\"", "-32601", "method not found") "," INVALID_REQUEST(
             "null") "," RESULT("2", "[0]") "]"},
        {"[" NOTE_OF("note") "," CALL_OF("1", "add", "[1,2]") "]", "[" RESULT("1", "3") "]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        exchange(f, JSON, rows[i][0], strlen(rows[i][0]), rows[i][1],
                 rows[i][1] ? strlen(rows[i][1]) : 0);
    wsb_raw_value notes = {.u64 = 0};
    MUST(wsb_function_call_raw(function_of(f->instance, "notes_seen"), &notes, 1, err));
    assert_int_equal(notes.u32, 5);
    assert_int_equal(CALL(f->instance, "serve_one", JSON), WOULD_BLOCK);
}

/* A string with something particular at each place, as strings are read eight bytes at once. */
static void test_json_strings(void **state)
{
    const struct {
        const char *part;
        bool good;
    } rows[] = {{"a", true},
                {"\\\"", true},
                {"\\\\", true},
                {"\\u00e9", true},
                {"\xc3\xa9", true},
                {"\x7f", true},
                {"\xf0\x9f\x98\x80", true},
                {"\x1f", false},
                {"\x01", false},
                {"\xff", false},
                {"\x80", false},
                {"\xc3", false},
                {"\xed\xa0\x80", false},
                {"\\x", false},
                {"\"", false},
                {"\xc0\x80", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int before = 0; before < 18; before++) {
            for (int after = 0; after < 18; after += before % 8 ? 17 : 1) {
                char frame[256];
                char answer[256];
                char text[64];
                snprintf(text, sizeof text, "[\"%.*s%s%.*s\"]", before, "abcdefghijklmnopqrs",
                         rows[i].part, after, "ABCDEFGHIJKLMNOPQRS");
                snprintf(frame, sizeof frame, CALL_OF("1", "echo", "%s"), text);
                snprintf(answer, sizeof answer, RESULT("1", "%s"), text);
                const char *expected =
                    rows[i].good ? answer : ERROR("null", "-32700", "parse error");
                exchange(*state, JSON, frame, strlen(frame), expected, strlen(expected));
            }
        }
    }
}

/* Of several members with a name the first counts, however it is written. */
static void test_json_members(void **state)
{
    const char *const rows[][2] = {
        {"{\"id\":1,\"i\\u0064\":2,\"jsonrpc\":\"2.0\",\"jsonrpc\":\"1\",\"method\":\"echo\","
         "\"method\":7,\"params\":[1],\"params\":2,\"\":3,\"ids\":4,\"method\\u0000\":5}",
         RESULT("1", "[1]")},
        {"{\"\\u0069d\":2,\"id\":1,\"jsonrpc\":\"\\u0032.0\",\"method\":\"\\u0065cho\"}",
         RESULT("2", "null")},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"i\":1,\"idx\":2,\"Id\":3}", NULL},
        {"{\"jsonrpc\":\"2.0\",\"jsonrpc\":\"2.0\",\"id\":\"x\",\"error\":1}",
         INVALID_REQUEST("\"x\"")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        exchange(*state, JSON, rows[i][0], strlen(rows[i][0]), rows[i][1],
                 rows[i][1] ? strlen(rows[i][1]) : 0);
}

static void test_large_batches_and_answers(void **state)
{
    fixture *f = *state;
    char frame[CAPACITY];
    size_t len = 1;
    frame[0] = '[';
    for (int i = 0; i < 1025; i++) {
        frame[len++] = '1';
        frame[len++] = i < 1024 ? ',' : ']';
    }
    exchange(f, JSON, frame, len, TEXT(ERROR("null", "-32600", "too many calls in a batch")));
    /* Larger than the channel: the caller is told what it can be told. */
    const char *batch = "[" CALL_OF("1", "large", "[]") "," CALL_OF("2", "large", "[]") "," CALL_OF(
        "3", "large", "[]") "]";
    exchange(f, JSON, batch, strlen(batch), TEXT(ERROR("null", "-32603", "too large")));
}

static void test_msgpack_frames(void **state)
{
    fixture *f = *state;
    const struct {
        const char *frame;
        size_t len;
        const char *answer;
        size_t answer_len;
    } rows[] = {
        {TEXT("\x94\x00\x07\xa3"
              "add\x92\x01\x02"),
         TEXT("\x94\x01\x07\xc0\x03")},
        {TEXT("\x94\x00\xce\xff\xff\xff\xff\xa3"
              "add\x92\x01\x02"),
         TEXT("\x94\x01\xce\xff\xff\xff\xff\xc0\x03")},
        {TEXT("\x94\x00\x07\xa4"
              "echo\x81\xa1\x61\xc0"),
         TEXT("\x94\x01\x07\xc0\x81\xa1\x61\xc0")},
        {TEXT("\x94\x00\x07\xa7nothing\x90"), TEXT("\x94\x01\x07\xc0\xc0")},
        {TEXT("\x94\x00\x07\xa6refuse\x90"), TEXT("\x94\x01\x07\x92\x07\xb2"
                                                  "a \"quoted\" refusal\xc0")},
        {TEXT("\x94\x00\x07\xa3"
              "add\x90"),
         TEXT("\x94\x01\x07\x92\xd1\x80\xa6\xb5"
              "add takes two numbers\xc0")},
        {TEXT("\x94\x00\x07\xa6"
              "absent\x90"),
         TEXT("\x94\x01\x07\x92\xd1\x80\xa7\xb0method not found\xc0")},
        {TEXT("\x94\x00\x07\xa6"
              "broken\x90"),
         TEXT("\x94\x01\x07\x92\xd1\x80\xa5\xaemalformed data\xc0")},
        {TEXT(""), TEXT("\x94\x01\xc0\x92\xd1\x80\x44\xabparse error\xc0")},
        {TEXT("\x94\x00\x07"), TEXT("\x94\x01\xc0\x92\xd1\x80\x44\xabparse error\xc0")},
        {TEXT("\xdd\xff\xff\xff\xff"), TEXT("\x94\x01\xc0\x92\xd1\x80\x44\xabparse error\xc0")},
        {TEXT("\x01"), TEXT("\x94\x01\xc0\x92\xd1\x80\xa8\xafinvalid request\xc0")},
        {TEXT("\x94\x03\x07\xa3"
              "add\x90"),
         TEXT("\x94\x01\xc0\x92\xd1\x80\xa8\xafinvalid request\xc0")},
        {TEXT("\x94\x00\xff\xa3"
              "add\x90"),
         TEXT("\x94\x01\xc0\x92\xd1\x80\xa8\xafinvalid request\xc0")},
        {TEXT("\x94\x00\x07\xa3"
              "add\x01"),
         TEXT("\x94\x01\x07\x92\xd1\x80\xa8\xafinvalid request\xc0")},
        {TEXT("\x94\x00\x07\x01\x90"), TEXT("\x94\x01\x07\x92\xd1\x80\xa8\xafinvalid request\xc0")},
        {TEXT("\x93\x02\xa4note\x90"), NULL, 0},
        {TEXT("\x93\x02\xa6"
              "absent\x90"),
         NULL, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        exchange(f, MSGPACK, rows[i].frame, rows[i].len, rows[i].answer, rows[i].answer_len);
    wsb_raw_value notes = {.u64 = 0};
    MUST(wsb_function_call_raw(function_of(f->instance, "notes_seen"), &notes, 1, err));
    assert_int_equal(notes.u32, 1);
}

/* --- with rpc.h at the other end --- */

static void *run_guest(void *data)
{
    fixture *f = data;
    f->served = (int)CALL(f->instance, "serve", (uint64_t)f->served);
    return NULL;
}

static wsb_rpc_channel *make_rpc(fixture *f, int framing)
{
    wsb_rpc_options options = WSB_RPC_OPTIONS_INIT;
    options.framing = (wsb_rpc_framing)framing;
    MUST(wsb_rpc_channel_create(f->host[framing], &options, &f->rpc, err));
    return f->rpc;
}

/* The first of the parameters twice: only of [n], in either framing; else an error. */
static wsb_status twice(wsb_rpc_request *request, wsb_buf *io_result, void *user_data)
{
    wsb_bytes params = wsb_rpc_request_params(request);
    char text[16];
    (*(int *)user_data)++;
    if (params.len == 2 && params.data[0] == 0x91 && params.data[1] < 64) {
        uint8_t byte = (uint8_t)(params.data[1] * 2);
        return wsb__buf_append(io_result, &byte, 1, SIZE_MAX / 2);
    }
    if (params.len != 3 || params.data[0] != '[' || params.data[1] < '0' || params.data[1] > '9')
        return wsb_rpc_request_fail(request, 41, "not a digit");
    snprintf(text, sizeof text, "%d", (params.data[1] - '0') * 2);
    return wsb__buf_append(io_result, text, strlen(text), SIZE_MAX / 2);
}

static void expect_call(wsb_rpc_channel *rpc, const char *method, const void *params, size_t len,
                        const void *result, size_t result_len)
{
    wsb_buf out = WSB_BUF_INIT;
    MUST(wsb_rpc_channel_call(rpc, wsb_cstr(method), wsb_bytes_of(params, len), UINT64_MAX, &out,
                              err));
    assert_int_equal(out.len, result_len);
    assert_memory_equal(out.data, result, result_len);
    wsb_buf_fini(&out);
}

static void expect_failure(wsb_rpc_channel *rpc, const char *method, const void *params, size_t len,
                           int32_t code, const char *message)
{
    wsb_buf out = WSB_BUF_INIT;
    wsb_error *error = NULL;
    assert_int_equal(wsb_rpc_channel_call(rpc, wsb_cstr(method), wsb_bytes_of(params, len),
                                          UINT64_MAX, &out, &error),
                     WSB_ERROR_REMOTE);
    assert_int_equal(wsb_error_code(error), code);
    assert_non_null(strstr(wsb_error_message(error), message));
    wsb_error_destroy(error);
}

static void host_calls_guest(fixture *f, int framing)
{
    wsb_rpc_channel *rpc = make_rpc(f, framing);
    pthread_t thread;
    int asked = 0;
    bool json = framing == JSON;
    MUST(wsb_rpc_channel_register(rpc, wsb_cstr("twice"), twice, &asked, NULL, err));
    f->served = framing;
    assert_int_equal(pthread_create(&thread, NULL, run_guest, f), 0);
    for (int i = 0; i < 50; i++) {
        if (json)
            expect_call(rpc, "add", TEXT("[20, 22]"), TEXT("42"));
        else
            expect_call(rpc, "add", TEXT("\x92\x14\x16"), TEXT("\x2a"));
    }
    /* The guest asks back while the host waits for it. */
    if (json)
        expect_call(rpc, "ask_back", TEXT("[8]"), TEXT("16"));
    else
        expect_call(rpc, "ask_back", TEXT("\x91\x08"), TEXT("\x10"));
    expect_failure(rpc, "ask_back", json ? "[]" : "\x90", json ? 2 : 1, 41, "not a digit");
    expect_failure(rpc, "refuse", NULL, 0, 7, "a \"quoted\" refusal");
    expect_failure(rpc, "absent", NULL, 0, WSB_RPC_METHOD_NOT_FOUND, "not found");
    MUST(wsb_rpc_channel_notify(rpc, wsb_cstr("note"), wsb_bytes_of(NULL, 0), UINT64_MAX, err));
    if (json)
        expect_call(rpc, "add", TEXT("[1,1]"), TEXT("2"));
    wsb_rpc_channel_close(rpc);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(f->served, 0);
    assert_int_equal(asked, 2);
}

static void test_the_host_calls_the_guest_in_json(void **state)
{
    host_calls_guest(*state, JSON);
}

static void test_the_host_calls_the_guest_in_msgpack(void **state)
{
    host_calls_guest(*state, MSGPACK);
}

static void *run_host(void *data)
{
    fixture *f = data;
    MUST(wsb_rpc_channel_serve(f->rpc, UINT64_MAX, err));
    return NULL;
}

static void guest_calls_host(fixture *f, int framing)
{
    wsb_rpc_channel *rpc = make_rpc(f, framing);
    pthread_t thread;
    int asked = 0;
    MUST(wsb_rpc_channel_register(rpc, wsb_cstr("twice"), twice, &asked, NULL, err));
    assert_int_equal(pthread_create(&thread, NULL, run_host, f), 0);
    for (int i = 0; i < 50; i++) {
        if (framing == JSON)
            give(f->instance, "call_json", TEXT("twice\n[4]"), TEXT("8"));
        else
            give(f->instance, "call_msgpack", TEXT("twice\n\x91\x04"), TEXT("\x08"));
    }
    const char *call = framing == JSON ? "call_json" : "call_msgpack";
    const char *notify = framing == JSON ? "notify_json" : "notify_msgpack";
    refuse(f->instance, call, TEXT("twice\n"), 41, "not a digit");
    refuse(f->instance, call, TEXT("absent\n"), WSB_RPC_METHOD_NOT_FOUND, "");
    refuse(f->instance, call, TEXT("twice\n{"), -9, "malformed");
    refuse(f->instance, call, TEXT("twice\n7"), -9, "malformed");
    give(f->instance, notify, TEXT("twice\n"), TEXT(""));
    refuse(f->instance, call, TEXT("twice\n"), 41, "not a digit"); /* after the notification */
    assert_int_equal(asked, 53);
    wsb_rpc_channel_close(rpc);
    assert_int_equal(pthread_join(thread, NULL), 0);
    refuse(f->instance, call, TEXT("twice\n"), CLOSED, "closed");
}

static void test_the_guest_calls_the_host_in_json(void **state)
{
    guest_calls_host(*state, JSON);
}

static void test_the_guest_calls_the_host_in_msgpack(void **state)
{
    guest_calls_host(*state, MSGPACK);
}

/* Answers that are nobody's, late, twice or no answers at all do not reach a call. */
static void test_strange_answers(void **state)
{
    fixture *f = *state;
    const char *const strange[] = {
        "",
        "{",
        "[]",
        "7",
        RESULT("77", "1"),
        RESULT("\"1\"", "1"),
        RESULT("null", "1"),
        "{\"jsonrpc\":\"2.0\",\"id\":1}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1,\"error\":1}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1}}",
        "{\"id\":1,\"result\":1}",
        "[1,{},[]," RESULT("9", "1") "]",
    };
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++)
        MUST(wsb_channel_send_result(f->host[JSON], wsb_bytes_of(strange[i], strlen(strange[i])), 0,
                                     err));
    MUST(wsb_channel_send_result(f->host[JSON], wsb_bytes_of(TEXT(RESULT("1", "\"mine\""))), 0,
                                 err));
    give(f->instance, "call_json", TEXT("m\n"), TEXT("\"mine\""));
    MUST(wsb_channel_send_result(f->host[JSON], wsb_bytes_of(TEXT(RESULT("1", "\"again\""))), 0,
                                 err));
    MUST(wsb_channel_send_result(
        f->host[JSON], wsb_bytes_of(TEXT("[" RESULT("2", "\"\\u00e9\"") "," RESULT("2", "0") "]")),
        0, err));
    give(f->instance, "call_json", TEXT("m\n"), TEXT("\"\\u00e9\""));
    MUST(wsb_channel_send_result(
        f->host[JSON], wsb_bytes_of(TEXT(ERROR("null", "-32700", "what\\u003f"))), 0, err));
    refuse(f->instance, "call_json", TEXT("m\n"), -32700, "what?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_json_frames, setup, teardown),
        cmocka_unit_test_setup_teardown(test_json_strings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_json_members, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_batches_and_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_msgpack_frames, setup, teardown),
        cmocka_unit_test_setup_teardown(test_strange_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_host_calls_the_guest_in_json, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_host_calls_the_guest_in_msgpack, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_guest_calls_the_host_in_json, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_guest_calls_the_host_in_msgpack, setup, teardown),
    };
    return RUN_IN_BOTH_MODES(tests, load, unload);
}
