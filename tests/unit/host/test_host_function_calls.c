/* Structured functions of the host, called by guests through "wsb_host". */
#include "unit/host/host_test.h"

#include <wasm_sandbox/plugin/channel.h>
#include <wasm_sandbox/plugin/error.h>

#include "core/buffer.h"

enum { NAME = 0, INPUT = 1024, OUT = 4096, PAGE = 65536 };
enum { JSON = WSB_ENCODING_JSON, MSGPACK = WSB_ENCODING_MSGPACK, BYTES = WSB_ENCODING_BYTES };
enum { INVALID = -1, NOT_FOUND = -2, TOO_LARGE = -6, MALFORMED = -9 };

static const char driver[] =
    "(module (import \"wsb_host\" \"call\" (func $call (param i32 i32 i32 i32 i32 i32 i32)"
    "                                             (result i64)))"
    " (import \"wsb_host\" \"take\" (func $take (param i32 i32) (result i64)))"
    " (memory (export \"memory\") 1 4)"
    " (func (export \"call\") (param i32 i32 i32 i32 i32 i32 i32) (result i64)"
    "  (call $call (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4)"
    "   (local.get 5) (local.get 6)))"
    " (func (export \"take\") (param i32 i32) (result i64)"
    "  (call $take (local.get 0) (local.get 1))))";

typedef struct fixture {
    wsb_runtime *runtime;
    wsb_imports *imports;
    unsigned destroyed;
    unsigned calls;
    unsigned events;
    char detail[300];
    wsb_instance *instance;
} fixture;

static wsb_status append(wsb_buf *buf, const void *data, size_t len)
{
    return wsb__buf_append(buf, data, len, SIZE_MAX / 2);
}

static wsb_status echo(wsb_call_context *context, wsb_bytes input, wsb_buf *io_output,
                       void *user_data)
{
    (void)context;
    ((fixture *)user_data)->calls++;
    return append(io_output, input.data, input.len);
}

/* Reports with the code that is its input, and a message that is longer than it may be. */
static wsb_status refuse(wsb_call_context *context, wsb_bytes input, wsb_buf *io_output,
                         void *user_data)
{
    (void)user_data;
    int32_t code = atoi((const char *)input.data);
    (void)!append(io_output, "ignored", 7);
    if (code == 7) {
        char text[1200];
        memset(text, 'x', sizeof text);
        memcpy(text + 999, "\xc3\xa9", 3); /* in two halves at the end */
        return wsb_call_context_report(context, code, "%s", text);
    }
    if (code == 8)
        return wsb_call_context_report(context, code, "bad \xff text");
    return wsb_call_context_report(context, code, "no such user: %d", 12);
}

static wsb_status broken(wsb_call_context *context, wsb_bytes input, wsb_buf *io_output,
                         void *user_data)
{
    (void)context;
    (void)input;
    (void)user_data;
    return append(io_output, "{\"a\":", 5);
}

static wsb_status binary(wsb_call_context *context, wsb_bytes input, wsb_buf *io_output,
                         void *user_data)
{
    (void)context;
    (void)input;
    (void)user_data;
    return append(io_output, "\x92\x01\xd4\x05\x00", 5); /* with an extension: JSON has none */
}

static wsb_status failing(wsb_call_context *context, wsb_bytes input, wsb_buf *io_output,
                          void *user_data)
{
    (void)io_output;
    (void)user_data;
    if (input.len > 4)
        wsb_call_context_fail(context, WSB_ERROR_TRAP, "the database is gone");
    return WSB_ERROR_IO;
}

static wsb_status remote_without_report(wsb_call_context *context, wsb_bytes input,
                                        wsb_buf *io_output, void *user_data)
{
    (void)context;
    (void)input;
    (void)io_output;
    (void)user_data;
    return WSB_ERROR_REMOTE;
}

static void count_destroyed(void *user_data)
{
    ((fixture *)user_data)->destroyed++;
}

static void on_event(const wsb_event *event, void *user_data)
{
    fixture *f = user_data;
    assert_int_equal(event->kind, WSB_EVENT_ACCESS_DENIED);
    assert_string_equal(event->operation, "host_call");
    assert_string_equal(event->subject, "imports");
    assert_true(event->detail.len < sizeof f->detail);
    memcpy(f->detail, event->detail.data, event->detail.len);
    f->detail[event->detail.len] = '\0';
    f->events++;
}

static void define(fixture *f, const char *name, wsb_encoding encoding, wsb_structured_fn call)
{
    wsb_structured_function function = WSB_STRUCTURED_FUNCTION_INIT;
    function.name = wsb_cstr(name);
    function.encoding = encoding;
    function.call = call;
    function.user_data = f;
    function.destroy = count_destroyed;
    MUST(wsb_imports_define_structured(f->imports, &function, err));
}

static wsb_instance *make_instance(fixture *f)
{
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    config.imports = f->imports;
    config.on_event = on_event;
    config.on_event_data = f;
    config.mode = test_mode;
    return instantiate(f->runtime, driver, &config);
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    wsb_runtime_options options = WSB_RUNTIME_OPTIONS_INIT;
    MUST(wsb_runtime_create(test_engine(), &options, &f->runtime, err));
    MUST(wsb_imports_create(&f->imports, err));
    define(f, "echo_json", WSB_ENCODING_JSON, echo);
    define(f, "echo_msgpack", WSB_ENCODING_MSGPACK, echo);
    define(f, "echo_bytes", WSB_ENCODING_BYTES, echo);
    define(f, "nothing_json", WSB_ENCODING_JSON, nothing);
    define(f, "nothing_bytes", WSB_ENCODING_BYTES, nothing);
    define(f, "refuse", WSB_ENCODING_JSON, refuse);
    define(f, "broken", WSB_ENCODING_JSON, broken);
    define(f, "broken_msgpack", WSB_ENCODING_MSGPACK, broken);
    define(f, "binary", WSB_ENCODING_MSGPACK, binary);
    define(f, "failing", WSB_ENCODING_JSON, failing);
    define(f, "remote", WSB_ENCODING_JSON, remote_without_report);
    define(f, "gr\xc3\xbc\xc3\x9f", WSB_ENCODING_JSON, echo);
    f->instance = make_instance(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    wsb_imports_destroy(f->imports);
    assert_int_equal(f->destroyed, 0);
    wsb_instance_destroy(f->instance);
    assert_int_equal(f->destroyed, 12);
    wsb_runtime_destroy(f->runtime);
    free(f);
    return 0;
}

static int64_t call_with(fixture *f, const char *name, int encoding, const void *input, size_t len,
                         uint32_t room)
{
    uint32_t name_len = put_text(f->instance, NAME, name);
    put(f->instance, INPUT, input, len);
    return CALL(f->instance, "call", NAME, name_len, (uint64_t)encoding, INPUT, len, OUT, room);
}

static void expect(fixture *f, const char *name, int encoding, const void *input, size_t len,
                   int32_t code, const void *output, size_t output_len)
{
    uint8_t status[4] = {(uint8_t)code, (uint8_t)((uint32_t)code >> 8),
                         (uint8_t)((uint32_t)code >> 16), (uint8_t)((uint32_t)code >> 24)};
    assert_int_equal(call_with(f, name, encoding, input, len, 2048), (int64_t)output_len + 4);
    assert_memory(f->instance, OUT, status, 4);
    assert_memory(f->instance, OUT + 4, output, output_len);
    assert_int_equal(CALL(f->instance, "take", OUT, 4096), NOT_FOUND);
}

#define TEXT(text) text, sizeof(text) - 1

static void test_same_encoding(void **state)
{
    fixture *f = *state;
    expect(f, "echo_json", JSON, TEXT("{\"a\": [1, 2.5]}"), 0, TEXT("{\"a\": [1, 2.5]}"));
    expect(f, "echo_msgpack", MSGPACK, TEXT("\x81\xa1\x61\x01"), 0, TEXT("\x81\xa1\x61\x01"));
    expect(f, "echo_bytes", BYTES, TEXT("\xff\x00\x7f"), 0, TEXT("\xff\x00\x7f"));
    expect(f, "gr\xc3\xbc\xc3\x9f", JSON, TEXT("1"), 0, TEXT("1"));
    assert_int_equal(f->calls, 4);
}

static void test_transcoded(void **state)
{
    fixture *f = *state;
    expect(f, "echo_json", MSGPACK, TEXT("\x92\x01\xa1\x62"), 0, TEXT("\x92\x01\xa1\x62"));
    expect(f, "echo_msgpack", JSON, TEXT("[1, \"b\"]"), 0, TEXT("[1,\"b\"]"));
}

static void test_empty_output_is_null(void **state)
{
    fixture *f = *state;
    expect(f, "nothing_json", JSON, TEXT("1"), 0, TEXT("null"));
    expect(f, "nothing_json", MSGPACK, TEXT("\x01"), 0, TEXT("\xc0"));
    expect(f, "nothing_bytes", BYTES, TEXT(""), 0, TEXT(""));
}

static void test_reports(void **state)
{
    fixture *f = *state;
    expect(f, "refuse", JSON, TEXT("404 "), 404, TEXT("no such user: 12"));
    expect(f, "refuse", JSON, TEXT("-5 "), -5, TEXT("no such user: 12"));
    expect(f, "refuse", JSON, TEXT("0 "), 1, TEXT("no such user: 12"));
    expect(f, "refuse", JSON, TEXT("8 "), 8, TEXT("bad ? text"));
    char cut[999];
    memset(cut, 'x', sizeof cut);
    expect(f, "refuse", JSON, TEXT("7 "), 7, cut, sizeof cut);
}

static void test_an_answer_larger_than_the_room_is_kept(void **state)
{
    fixture *f = *state;
    assert_int_equal(call_with(f, "echo_json", JSON, TEXT("\"0123456789\""), 15), 16);
    assert_int_equal(CALL(f->instance, "take", OUT, 0), 16);
    assert_int_equal(CALL(f->instance, "take", OUT, 15), 16);
    assert_int_equal(CALL(f->instance, "take", PAGE - 15, 16), INVALID);
    assert_int_equal(CALL(f->instance, "take", PAGE - 16, 16), 16);
    assert_memory(f->instance, PAGE - 12, TEXT("\"0123456789\""));
    assert_int_equal(CALL(f->instance, "take", OUT, 16), NOT_FOUND);
    /* The next call replaces one that was not taken; one that fails before leaves it. */
    assert_int_equal(call_with(f, "echo_json", JSON, TEXT("[1]"), 0), 7);
    assert_int_equal(call_with(f, "absent", JSON, TEXT("[1]"), 100), NOT_FOUND);
    assert_int_equal(CALL(f->instance, "take", OUT, 6), 7);
    assert_int_equal(call_with(f, "nothing_json", JSON, TEXT("1"), 100), 8);
    assert_int_equal(CALL(f->instance, "take", OUT, 100), NOT_FOUND);
}

static void test_malformed_input_does_not_reach_the_function(void **state)
{
    fixture *f = *state;
    const struct {
        const char *name;
        int encoding;
        const char *input;
        size_t len;
    } rows[] = {
        {"echo_json", JSON, TEXT("")},
        {"echo_json", JSON, TEXT("{")},
        {"echo_json", JSON, TEXT("1 2")},
        {"echo_json", JSON, TEXT("\"\xff\"")},
        {"echo_json", MSGPACK, TEXT("")},
        {"echo_json", MSGPACK, TEXT("\xc1")},
        {"echo_json", MSGPACK, TEXT("\xdd\xff\xff\xff\xff")},
        {"echo_json", MSGPACK, TEXT("\xd4\x05\x01")},
        {"echo_msgpack", MSGPACK, TEXT("\x92\x01")},
        {"echo_msgpack", JSON, TEXT("nul")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(
            call_with(f, rows[i].name, rows[i].encoding, rows[i].input, rows[i].len, 100),
            MALFORMED);
    char deep[2048];
    memset(deep, '[', sizeof deep);
    assert_int_equal(call_with(f, "echo_json", JSON, deep, sizeof deep, 100), MALFORMED);
    assert_int_equal(f->calls, 0);
}

static void test_hostile_arguments(void **state)
{
    fixture *f = *state;
    uint32_t name = put_text(f->instance, NAME, "echo_bytes");
    put_text(f->instance, INPUT, "abc");
    const struct {
        uint64_t args[7];
        int64_t expected;
    } rows[] = {
        {{NAME, name, BYTES, INPUT, 3, OUT, 7}, 7},
        {{NAME, name, 3, INPUT, 3, OUT, 7}, INVALID},
        {{NAME, name, 0xffffffff, INPUT, 3, OUT, 7}, INVALID},
        {{NAME, name, JSON, INPUT, 3, OUT, 7}, INVALID}, /* bytes only with bytes */
        {{NAME, name, MSGPACK, INPUT, 3, OUT, 7}, INVALID},
        {{PAGE, name, BYTES, INPUT, 3, OUT, 7}, INVALID},
        {{0xffffffff, name, BYTES, INPUT, 3, OUT, 7}, INVALID},
        {{NAME, PAGE + 1, BYTES, INPUT, 3, OUT, 7}, INVALID},
        {{NAME, 0xffffffff, BYTES, INPUT, 3, OUT, 7}, INVALID},
        {{0xfffffff0, 0x20, BYTES, INPUT, 3, OUT, 7}, INVALID},
        {{NAME, name, BYTES, PAGE - 2, 3, OUT, 7}, INVALID},
        {{NAME, name, BYTES, INPUT, 0xffffffff, OUT, 7}, INVALID},
        {{NAME, name, BYTES, INPUT, 3, PAGE - 6, 7}, INVALID},
        {{NAME, name, BYTES, INPUT, 3, OUT, 0xffffffff}, INVALID},
        {{NAME, name, BYTES, INPUT, 3, 0xffffffff, 2}, INVALID},
        {{NAME, name, BYTES, INPUT, 3, PAGE, 0}, 7},
        {{NAME, name, BYTES, PAGE, 0, OUT, 7}, 4},
        {{NAME, 0, BYTES, INPUT, 3, OUT, 7}, NOT_FOUND},
        {{NAME, PAGE, BYTES, INPUT, 3, OUT, 7}, NOT_FOUND},
        {{PAGE, 0, BYTES, INPUT, 3, OUT, 7}, NOT_FOUND},
        /* The whole memory, and one that overlaps itself. */
        {{NAME, name, BYTES, 0, PAGE, 0, PAGE}, PAGE + 4},
        {{NAME, name, BYTES, OUT, 64, OUT + 1, 68}, 68},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        put_text(f->instance, NAME, "echo_bytes");
        assert_int_equal(call_raw(f->instance, "call", rows[i].args, 7), rows[i].expected);
    }
    assert_int_equal(CALL(f->instance, "take", 0xffffffff, 0xffffffff), INVALID);
    assert_int_equal(CALL(f->instance, "take", PAGE, 1), INVALID);
}

static void test_unknown_names_are_reported(void **state)
{
    fixture *f = *state;
    assert_int_equal(call_with(f, "absent", JSON, TEXT("1"), 100), NOT_FOUND);
    assert_int_equal(f->events, 1);
    assert_string_equal(f->detail, "absent");
    assert_int_equal(CALL(f->instance, "call", 0, PAGE, JSON, INPUT, 1, OUT, 100), NOT_FOUND);
    assert_int_equal(f->events, 2);
    assert_int_equal(strlen(f->detail), strlen("absent"));
}

static void must_end(fixture *f, const char *name, int encoding, const char *input, size_t len,
                     wsb_status status, const char *text)
{
    wsb_raw_value values[8] = {{0}};
    values[1].u32 = put_text(f->instance, NAME, name);
    values[2].u32 = (uint32_t)encoding;
    values[3].u32 = INPUT;
    values[4].u32 = put(f->instance, INPUT, input, len);
    values[5].u32 = OUT;
    values[6].u32 = 100;
    wsb_function *call = function_of(f->instance, "call");
    MUST_FAIL(status, text, wsb_function_call_raw(call, values, 8, err));
    MUST_FAIL(WSB_ERROR_CLOSED, "", wsb_function_call_raw(call, values, 8, err));
    wsb_instance_destroy(f->instance);
    f->instance = make_instance(f);
}

static void test_the_functions_fault_ends_the_guest(void **state)
{
    fixture *f = *state;
    must_end(f, "broken", JSON, TEXT("1"), WSB_ERROR_MALFORMED, "broken");
    must_end(f, "broken", MSGPACK, TEXT("\x01"), WSB_ERROR_MALFORMED, "broken");
    must_end(f, "broken_msgpack", MSGPACK, TEXT("\x01"), WSB_ERROR_MALFORMED, "broken_msgpack");
    must_end(f, "failing", JSON, TEXT("1"), WSB_ERROR_IO, "failing");
    must_end(f, "failing", JSON, TEXT("12345"), WSB_ERROR_IO, "the database is gone");
    must_end(f, "remote", JSON, TEXT("1"), WSB_ERROR_REMOTE, "remote");
}

static void test_what_the_guests_encoding_cannot_say(void **state)
{
    fixture *f = *state;
    assert_int_equal(call_with(f, "binary", JSON, TEXT("1"), 100), MALFORMED);
    expect(f, "binary", MSGPACK, TEXT("\x01"), 0, TEXT("\x92\x01\xd4\x05\x00"));
}

static void test_denied_by_default(void **state)
{
    fixture *f = *state;
    wsb_instance *instance = NULL;
    wsb_module *module = compile(f->runtime, driver);
    wsb_imports *none;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    MUST_FAIL(WSB_ERROR_UNKNOWN_IMPORT, "'wsb_host.call', 'wsb_host.take'",
              wsb_instance_create(module, &config, &instance, err));
    MUST(wsb_imports_create(&none, err));
    config.imports = none;
    MUST_FAIL(WSB_ERROR_UNKNOWN_IMPORT, "wsb_imports_define_structured",
              wsb_instance_create(module, &config, &instance, err));
    assert_null(instance);
    wsb_imports_destroy(none);
    wsb_module_destroy(module);
}

static void refuse_definition(fixture *f, const wsb_structured_function *function,
                              wsb_status status, const char *text)
{
    MUST_FAIL(status, text, wsb_imports_define_structured(f->imports, function, err));
}

static void test_definitions(void **state)
{
    fixture *f = *state;
    wsb_structured_function function = WSB_STRUCTURED_FUNCTION_INIT;
    wsb_imports *used = f->imports;
    char long_name[257];
    memset(long_name, 'n', sizeof long_name);
    function.name = wsb_cstr("late");
    function.call = echo;
    function.user_data = f;
    function.destroy = count_destroyed;
    refuse_definition(f, &function, WSB_ERROR_BUSY, "in use");
    MUST(wsb_imports_create(&f->imports, err));
    function.call = NULL;
    refuse_definition(f, &function, WSB_ERROR_INVALID_ARGUMENT, "`call`");
    function.call = echo;
    function.name = (wsb_str){long_name, 257};
    refuse_definition(f, &function, WSB_ERROR_INVALID_ARGUMENT, "256 bytes");
    function.name = (wsb_str){NULL, 3};
    refuse_definition(f, &function, WSB_ERROR_INVALID_ARGUMENT, "no name");
    function.name = wsb_cstr("a\xff");
    refuse_definition(f, &function, WSB_ERROR_INVALID_ARGUMENT, "UTF-8");
    function.name = wsb_cstr("a");
    function.encoding = (wsb_encoding)7;
    refuse_definition(f, &function, WSB_ERROR_INVALID_ARGUMENT, "encoding");
    function.encoding = WSB_ENCODING_JSON;
    function.size = 3;
    refuse_definition(f, &function, WSB_ERROR_INVALID_ARGUMENT, "");
    function.size = sizeof function;
    function.name = (wsb_str){long_name, 256};
    MUST(wsb_imports_define_structured(f->imports, &function, err));
    refuse_definition(f, &function, WSB_ERROR_ALREADY_EXISTS, "already");
    refuse_definition(f, NULL, WSB_ERROR_INVALID_ARGUMENT, "");
    assert_int_equal(f->destroyed, 0);
    wsb_imports_destroy(f->imports);
    assert_int_equal(f->destroyed, 1);
    f->destroyed = 0;
    f->imports = used;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_same_encoding),
        TEST(test_transcoded),
        TEST(test_empty_output_is_null),
        TEST(test_reports),
        TEST(test_an_answer_larger_than_the_room_is_kept),
        TEST(test_malformed_input_does_not_reach_the_function),
        TEST(test_hostile_arguments),
        TEST(test_unknown_names_are_reported),
        TEST(test_the_functions_fault_ends_the_guest),
        TEST(test_what_the_guests_encoding_cannot_say),
        TEST(test_denied_by_default),
        TEST(test_definitions),
    };
    return RUN_IN_BOTH_MODES(tests, NULL, NULL);
}
