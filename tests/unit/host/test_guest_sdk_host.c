/* The C SDK: functions of the host, and its readers of JSON and MessagePack. */
#include "unit/host/sdk_test.h"

#include "core/buffer.h"

typedef struct fixture {
    wsb_runtime *runtime;
    wsb_imports *imports;
    wsb_instance *instance;
} fixture;

static wsb_status echo(wsb_call_context *context, wsb_bytes input, wsb_buf *io_output,
                       void *user_data)
{
    (void)user_data;
    if (input.len >= 7 && memcmp(input.data, "\"wrong\"", 7) == 0)
        return wsb_call_context_report(context, -44, "this is wrong");
    if (input.len == 4 && memcmp(input.data, "null", 4) == 0)
        return wsb_call_context_report(context, 5, "%s", "");
    return wsb__buf_append(io_output, input.data, input.len, SIZE_MAX / 2);
}

static void define(fixture *f, const char *name, wsb_encoding encoding)
{
    wsb_structured_function function = WSB_STRUCTURED_FUNCTION_INIT;
    function.name = wsb_cstr(name);
    function.encoding = encoding;
    function.call = echo;
    MUST(wsb_imports_define_structured(f->imports, &function, err));
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    assert_non_null(f);
    MUST(wsb_runtime_create(test_engine(), NULL, &f->runtime, err));
    MUST(wsb_imports_create(&f->imports, err));
    define(f, "json", WSB_ENCODING_JSON);
    define(f, "bytes", WSB_ENCODING_BYTES);
    config.imports = f->imports;
    config.mode = test_mode;
    wsb_module *module = load_guest(f->runtime, "sdk_host");
    MUST(wsb_instance_create(module, &config, &f->instance, err));
    wsb_module_destroy(module);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    wsb_instance_destroy(f->instance);
    wsb_imports_destroy(f->imports);
    wsb_runtime_destroy(f->runtime);
    free(f);
    return 0;
}

static void test_calls(void **state)
{
    fixture *f = *state;
    give(f->instance, "call_json", TEXT("json\n{\"a\": [1]}"), TEXT("{\"a\": [1]}"));
    give(f->instance, "call_msgpack", TEXT("json\n\x92\x01\xa1\x61"), TEXT("\x92\x01\xa1\x61"));
    give(f->instance, "call_bytes", TEXT("bytes\n\x00\xff"), TEXT("\x00\xff"));
    give(f->instance, "call_bytes", TEXT("bytes\n"), TEXT(""));
}

static void test_errors(void **state)
{
    fixture *f = *state;
    refuse(f->instance, "call_json", TEXT("json\n\"wrong\""), -44, "this is wrong");
    refuse(f->instance, "call_json", TEXT("json\nnull"), 5, "the other side reported an error");
    refuse(f->instance, "call_json", TEXT("json\n{"), -9, "malformed");
    refuse(f->instance, "call_json", TEXT("absent\n1"), -2, "not granted");
    refuse(f->instance, "call_bytes", TEXT("json\n1"), -1, "invalid");
    refuse(f->instance, "call_json", TEXT("bytes\n1"), -1, "invalid");
    give(f->instance, "call_json", TEXT("json\n1"), TEXT("1"));
}

/* Longer than what the guest had room for at first, and than its whole memory was. */
static void test_large_answers(void **state)
{
    fixture *f = *state;
    static char input[3 * 1024 * 1024];
    memset(input, 'x', sizeof input);
    memcpy(input, "bytes\n", 6);
    for (size_t len = 200; len < sizeof input; len = len * 3 + 1) {
        give(f->instance, "call_bytes", input, len, input + 6, len - 6);
        memcpy(input, "bytes\n", 6);
    }
    wsb_raw_value none = {.u64 = 0};
    MUST(wsb_function_call_raw(function_of(f->instance, "forget"), &none, 1, err));
}

static void test_json_is_read_as_the_host_reads_it(void **state)
{
    fixture *f = *state;
    const char *const rows[][2] = {
        {"null", "null"},
        {" [ 1 , -2 , true , false , null ] ", "[1,-2,true,false,null]"},
        {"{\"a\" : { } , \"b\" : [ ] , \"c\":[[[]],{}]}", "{\"a\":{},\"b\":[],\"c\":[[[]],{}]}"},
        {"[9223372036854775807, -9223372036854775808]",
         "[9223372036854775807,-9223372036854775808]"},
        {"[9223372036854775808, 1.5, 1e3, -0, -0.0]", "[9223372036854775808,1.5,1e3,0,-0.0]"},
        {"\"\\u0041\\n\\\"\\\\\\/\\b\\f\\r\\t\"",
         "\"A\\u000a\\\"\\\\/\\u0008\\u000c\\u000d\\u0009\""},
        {"\"\\u00e9\\u20ac\\ud83d\\ude00\"", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"",
         "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        give(f->instance, "read_json", rows[i][0], strlen(rows[i][0]), rows[i][1],
             strlen(rows[i][1]));
}

static void test_what_is_not_json(void **state)
{
    fixture *f = *state;
    const char *const rows[] = {
        "",
        " ",
        "nul",
        "nulll",
        "tru",
        "[",
        "]",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "{\"a\",1}",
        "[}",
        "{]",
        "[1}",
        "{\"a\":1]",
        "1 2",
        "01",
        "-",
        "+1",
        ".5",
        "1.",
        "1.e1",
        "1e",
        "1e+",
        "0x1",
        "--1",
        "NaN",
        "\"",
        "\"a",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\\ud800\\n\"",
        "\"\x01\"",
        "\"\n\"",
        "\"\xff\"",
        "\"\xc0\x80\"",
        "\"\xed\xa0\x80\"",
        "\"\xf4\x90\x80\x80\"",
        "\"\xe2\x82\"",
        "\"\xc3\"",
        "'a'",
        "[1]]",
        "{}}",
        "//",
        ("\xef\xbb\xbf"
         "1"),
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        refuse(f->instance, "read_json", rows[i], strlen(rows[i]), 1, "not JSON");
    refuse(f->instance, "read_json", "1\0", 2, 1, "not JSON");
    char deep[1200];
    memset(deep, '[', 600);
    memset(deep + 600, ']', 600);
    refuse(f->instance, "read_json", deep, sizeof deep, 1, "not JSON");
    give(f->instance, "read_json", deep + 88, 1024, deep + 88, 1024);
}

static void test_msgpack(void **state)
{
    fixture *f = *state;
    char text[70000];
    const struct {
        const char *data;
        size_t len;
    } rows[] = {
        {TEXT("\xc0")},
        {TEXT("\x93\xc2\xc3\x7f")},
        {TEXT("\x98\xe0\xd0\x80\xd1\x80\x00\xd2\x80\x00\x00\x00\xd3\x80\x00\x00\x00\x00\x00\x00\x00"
              "\xcc\x80\xcd\x01\x00\xce\x00\x01\x00\x00")},
        {TEXT("\x92\xcf\x00\x00\x00\x01\x00\x00\x00\x00\xd0\xdf")},
        {TEXT("\xcb\x40\x09\x21\xfb\x54\x44\x2d\x18")},
        {TEXT("\x82\xa1\x61\x81\x01\x90\xc4\x02\x00\xff\x80")},
        {TEXT("\xd4\x05\x01")},
        {TEXT("\xc7\x03\x05\x01\x02\x03")},
        {TEXT("\xcf\xff\xff\xff\xff\xff\xff\xff\xff")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        give(f->instance, "read_msgpack", rows[i].data, rows[i].len, rows[i].data, rows[i].len);
    for (unsigned len = 0; len < 66000; len = len * 2 + 1) {
        size_t head = len < 32 ? 1 : len < 256 ? 2 : len < 65536 ? 3 : 5;
        memset(text, 'x', sizeof text);
        text[0] = (char)(len < 32 ? 0xa0 | len : len < 256 ? 0xd9 : len < 65536 ? 0xda : 0xdb);
        for (size_t i = 1; i < head; i++)
            text[i] = (char)(len >> (8 * (head - 1 - i)));
        give(f->instance, "read_msgpack", text, head + len, text, head + len);
    }
}

static void test_what_is_not_msgpack(void **state)
{
    fixture *f = *state;
    const struct {
        const char *data;
        size_t len;
    } rows[] = {
        {TEXT("")},
        {TEXT("\xc1")},
        {TEXT("\xc0\xc0")},
        {TEXT("\x91")},
        {TEXT("\x81\x01")},
        {TEXT("\xdc\xff")},
        {TEXT("\xdd\xff\xff\xff\xff")},
        {TEXT("\xdd\xff\xff\xff\xff\xdd\xff\xff\xff\xff")},
        {TEXT("\xdf\xff\xff\xff\xff")},
        {TEXT("\xa2\x61")},
        {TEXT("\xd9\x05\x61")},
        {TEXT("\xdb\xff\xff\xff\xff\x61")},
        {TEXT("\xc6\xff\xff\xff\xfb\x61")},
        {TEXT("\xc9\xff\xff\xff\xff\x01\x01")},
        {TEXT("\xcc")},
        {TEXT("\xcb\x00\x00\x00\x00\x00\x00\x00")},
        {TEXT("\xcf\x00\x00\x00\x00\x00\x00\x00")},
        {TEXT("\xd3\x00")},
        {TEXT("\xd8\x01\x01")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        refuse(f->instance, "read_msgpack", rows[i].data, rows[i].len, 1, "not MessagePack");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_large_answers),
        cmocka_unit_test(test_json_is_read_as_the_host_reads_it),
        cmocka_unit_test(test_what_is_not_json),
        cmocka_unit_test(test_msgpack),
        cmocka_unit_test(test_what_is_not_msgpack),
    };
    return RUN_IN_BOTH_MODES(tests, setup, teardown);
}
