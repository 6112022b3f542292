/* wsb-test: pure */
#include "structured_support.h"

static wsb_status to_json(const void *data, size_t len, wsb_buf *out, wsb_error **out_error)
{
    return wsb__msgpack_to_json(&test_site, wsb_bytes_of(data, len), out, out_error);
}

static void expect_json(const void *data, size_t len, const char *expected)
{
    wsb_buf json = WSB_BUF_INIT;
    assert_int_equal(to_json(data, len, &json, NULL), WSB_OK);
    assert_string_equal((const char *)json.data, expected);
    wsb_buf_fini(&json);
}

static void expect_no_json(const void *data, size_t len, const char *part)
{
    wsb_buf json = WSB_BUF_INIT;
    wsb_error *error = NULL;
    wsb_status status = to_json(data, len, &json, &error);
    assert_error(status, WSB_ERROR_TYPE_MISMATCH, error, part);
    wsb_buf_fini(&json);
}

static void msgpack_to_json(void **state)
{
    (void)state;
    expect_json("\xc0", 1, "null");
    expect_json("\x93\xc3\xc2\xff", 4, "[true,false,-1]");
    expect_json("\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9, "18446744073709551615");
    expect_json("\x82\xa1"
                "a\x01\xa1"
                "b\x90",
                7, "{\"a\":1,\"b\":[]}");
    expect_json("\xa5\"\\\n\x00\x7f", 6, "\"\\\"\\\\\\u000a\\u0000\x7f\"");
    expect_json("\xa2\xc3\xa9", 3, "\"\xc3\xa9\"");
    expect_json("\xca\x3d\xcc\xcc\xcd", 5, "0.1");
}

static void what_json_cannot_say(void **state)
{
    (void)state;
    expect_no_json("\xc4\x01\x00", 3, "binary");
    expect_no_json("\xd4\x01\x00", 3, "extension");
    expect_no_json("\xca\x7f\xc0\x00\x00", 5, "NaN");
    expect_no_json("\xca\xff\x80\x00\x00", 5, "infinity");
    expect_no_json("\x81\x01\x02", 3, "key that is not a string");
    expect_no_json("\x82\xa1"
                   "a\x01\xa1"
                   "a\x02",
                   7, "same key twice");
}

static void expect_round_trip(const char *text)
{
    wsb_buf packed = WSB_BUF_INIT;
    wsb_buf json = WSB_BUF_INIT;
    assert_int_equal(wsb__json_to_msgpack(&test_site, wsb_cstr(text), &packed, NULL), WSB_OK);
    assert_int_equal(to_json(packed.data, packed.len, &json, NULL), WSB_OK);
    assert_string_equal((const char *)json.data, text);
    wsb_buf_fini(&packed);
    wsb_buf_fini(&json);
}

static void there_and_back(void **state)
{
    (void)state;
    expect_round_trip("null");
    expect_round_trip("[1,-1,9007199254740993,-9223372036854775808,0.1,1e+22,2.0]");
    expect_round_trip("{\"a\":{\"b\":[true,false,null]},\"c\":\"\\u0000\xf0\x9f\x98\x80\"}");
    expect_round_trip("[[[[\"\"]]]]");
}

static void guest_text_in_errors_is_made_safe(void **state)
{
    (void)state;
    char out[16];
    wsb__sanitize(out, sizeof out, "a\xff\x1b\xc3\xa9\nz", 7);
    assert_string_equal(out, "a??\xc3\xa9\nz");
    wsb__sanitize(out, 4, "ab\xc3\xa9", 4);
    assert_string_equal(out, "ab");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(msgpack_to_json),
        cmocka_unit_test(what_json_cannot_say),
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(guest_text_in_errors_is_made_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
