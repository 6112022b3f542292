/* wsb-test: pure */
#include "structured_support.h"

#include <stdlib.h>

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

static void expect_message(const uint8_t *data, size_t len, wsb_status expected, const char *part)
{
    wsb_error *error = NULL;
    wsb_status status = wsb__msgpack_check(&test_site, (wsb_bytes){data, len}, &error);
    assert_error(status, expected, error, part);
}

static void whole_messages(void **state)
{
    (void)state;
    expect_message(BYTES(0x05), WSB_OK, NULL);
    expect_message(BYTES(0xff), WSB_OK, NULL);
    expect_message(BYTES(0x92, 0x05, 0x03), WSB_OK, NULL);
    expect_message(BYTES(0x81, 0xa1, 'a', 0x90), WSB_OK, NULL);
    expect_message(BYTES(0xc4, 2, 0xff, 0xff), WSB_OK, NULL);
    expect_message(BYTES(0xd4, 1, 9), WSB_OK, NULL);
    expect_message(BYTES(0xc7, 2, 1, 9, 9), WSB_OK, NULL);
    expect_message(BYTES(0xcb, 0, 0, 0, 0, 0, 0, 0, 0), WSB_OK, NULL);
    expect_message(BYTES(0xdf, 0, 0, 0, 0), WSB_OK, NULL);
}

static void what_is_declared_is_not_believed(void **state)
{
    (void)state;
    expect_message(BYTES(0xdd, 0xff, 0xff, 0xff, 0xff), WSB_ERROR_MALFORMED, "more elements");
    expect_message(BYTES(0xdf, 0xff, 0xff, 0xff, 0xff), WSB_ERROR_MALFORMED, "more elements");
    expect_message(BYTES(0xdb, 0xff, 0xff, 0xff, 0xff), WSB_ERROR_MALFORMED, "longer");
    expect_message(BYTES(0xc6, 0xff, 0xff, 0xff, 0xff, 1), WSB_ERROR_MALFORMED, "longer");
    expect_message(BYTES(0xc9, 0xff, 0xff, 0xff, 0xff, 1), WSB_ERROR_MALFORMED, "longer");
    expect_message(BYTES(0xdd, 0xff, 0xff), WSB_ERROR_MALFORMED, "inside a length");
}

static void malformed(void **state)
{
    (void)state;
    expect_message(NULL, 0, WSB_ERROR_MALFORMED, "before its last value");
    expect_message(NULL, 3, WSB_ERROR_INVALID_ARGUMENT, "NULL");
    expect_message(BYTES(0xc1), WSB_ERROR_MALFORMED, "0xc1");
    expect_message(BYTES(0x05, 0x05), WSB_ERROR_MALFORMED, "bytes follow");
    expect_message(BYTES(0x92, 0x05), WSB_ERROR_MALFORMED, "declares more elements");
    expect_message(BYTES(0x92, 0xcd, 0x05), WSB_ERROR_MALFORMED, "longer");
    expect_message(BYTES(0xa2, 0xff, 0xfe), WSB_ERROR_MALFORMED, "UTF-8");
    expect_message(BYTES(0xca, 0, 0), WSB_ERROR_MALFORMED, "longer");
}

static void depth_is_bounded(void **state)
{
    (void)state;
    uint8_t data[34];
    memset(data, 0x91, sizeof data);
    data[32] = 0;
    expect_message(data, 33, WSB_OK, NULL);
    data[32] = 0x91;
    data[33] = 0;
    expect_message(data, 34, WSB_ERROR_MALFORMED, "deeper");
}

static void value_count_is_bounded(void **state)
{
    (void)state;
    size_t len = 2000005;
    uint8_t *data = calloc(1, len);
    assert_non_null(data);
    memcpy(data, "\xdd\x00\x1e\x84\x80", 5); /* 2,000,000 zeros */
    expect_message(data, len, WSB_ERROR_MALFORMED, "1000000 values");
    free(data);
}

static void expect_args(const char *params, const uint8_t *data, size_t len, wsb_status expected,
                        const char *part)
{
    test_type storage;
    wsb_raw_value values[16];
    wsb_error *error = NULL;
    wsb_status status = wsb__msgpack_args(&test_site, (wsb_bytes){data, len},
                                          make_type(&storage, params, ""), values, &error);
    assert_error(status, expected, error, part);
}

static void arguments(void **state)
{
    (void)state;
    expect_args("ii", BYTES(0x92, 5, 3), WSB_OK, NULL);
    expect_args("i", BYTES(5), WSB_OK, NULL);
    expect_args("I", BYTES(0xcf, 255, 255, 255, 255, 255, 255, 255, 255), WSB_OK, NULL);
    expect_args("F", BYTES(0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0), WSB_OK, NULL);
    expect_args("i", BYTES(0x92, 5, 3), WSB_ERROR_TYPE_MISMATCH, "given 2");
    expect_args("ii", BYTES(5), WSB_ERROR_TYPE_MISMATCH, "given 1");
    expect_args("i", BYTES(0xa1, '5'), WSB_ERROR_TYPE_MISMATCH, "a string");
    expect_args("i", BYTES(0xd4, 1, 5), WSB_ERROR_TYPE_MISMATCH, "an extension type");
    expect_args("i", BYTES(0xc4, 1, 5), WSB_ERROR_TYPE_MISMATCH, "binary data");
    expect_args("i", BYTES(0xc0), WSB_ERROR_TYPE_MISMATCH, "nil");
    expect_args("i", BYTES(0xca, 0x40, 0, 0, 0), WSB_ERROR_TYPE_MISMATCH, "2.0 is not an integer");
    expect_args("i", BYTES(0xca, 0x7f, 0xc0, 0, 0), WSB_ERROR_TYPE_MISMATCH, "NaN");
    expect_args("i", BYTES(0xce, 255, 255, 255, 255), WSB_OK, NULL);
    expect_args("i", BYTES(0xcf, 0, 0, 0, 1, 0, 0, 0, 0), WSB_ERROR_TYPE_MISMATCH, "outside");
}

static void results(void **state)
{
    (void)state;
    test_type storage;
    wsb_buf buf = WSB_BUF_INIT;
    wsb_raw_value values[2] = {{.i32 = -1}, {.f32 = 2}};
    assert_int_equal(
        wsb__msgpack_results(&test_site, make_type(&storage, "", "if"), values, &buf, NULL),
        WSB_OK);
    assert_int_equal(buf.len, 7);
    assert_memory_equal(buf.data, "\x92\xff\xca\x40\x00\x00\x00", 7);
    wsb_buf_fini(&buf);
    assert_int_equal(
        wsb__msgpack_results(&test_site, make_type(&storage, "", ""), values, &buf, NULL), WSB_OK);
    assert_memory_equal(buf.data, "\xc0", 1);
    wsb_buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_messages),
        cmocka_unit_test(what_is_declared_is_not_believed),
        cmocka_unit_test(malformed),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(value_count_is_bounded),
        cmocka_unit_test(arguments),
        cmocka_unit_test(results),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
