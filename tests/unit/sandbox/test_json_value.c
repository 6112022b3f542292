/* wsb-test: pure */
#include "structured_support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void expect_args(const char *params, const char *text, wsb_status expected, const char *part)
{
    test_type storage;
    wsb_raw_value values[16];
    wsb_error *error = NULL;
    wsb_status status =
        wsb__json_args(&test_site, wsb_cstr(text), make_type(&storage, params, ""), values, &error);
    assert_error(status, expected, error, part);
}

static void arguments_by_position(void **state)
{
    (void)state;
    test_type storage;
    wsb_raw_value values[4];
    const wsb_function_type *type = make_type(&storage, "iIfF", "");
    assert_int_equal(wsb__json_args(&test_site, wsb_cstr("[5, 9007199254740993, 0.5, -2.25]"), type,
                                    values, NULL),
                     WSB_OK);
    assert_int_equal(values[0].i32, 5);
    assert_true(values[1].i64 == 9007199254740993);
    assert_true(values[2].f32 == 0.5f && values[3].f64 == -2.25);
    expect_args("", "[]", WSB_OK, NULL);
    expect_args("i", "7", WSB_OK, NULL);
    expect_args("i", "[7]", WSB_OK, NULL);
}

static void wrong_counts(void **state)
{
    (void)state;
    expect_args("ii", "[1]", WSB_ERROR_TYPE_MISMATCH, "takes 2 arguments (i32, i32), given 1");
    expect_args("ii", "[1, 2, 3]", WSB_ERROR_TYPE_MISMATCH, "given 3");
    expect_args("ii", "1", WSB_ERROR_TYPE_MISMATCH, "given 1");
    expect_args("", "null", WSB_ERROR_TYPE_MISMATCH, "takes 0 arguments");
    expect_args("i", "[]", WSB_ERROR_TYPE_MISMATCH, "takes 1 argument (i32), given 0");
}

static void wrong_types(void **state)
{
    (void)state;
    expect_args("ii", "[1, \"2\"]", WSB_ERROR_TYPE_MISMATCH, "argument 2 (i32): a string");
    expect_args("i", "[[1]]", WSB_ERROR_TYPE_MISMATCH, "an array is not a number");
    expect_args("i", "{\"a\": 1}", WSB_ERROR_TYPE_MISMATCH, "an object");
    expect_args("i", "[true]", WSB_ERROR_TYPE_MISMATCH, "a boolean");
    expect_args("i", "[null]", WSB_ERROR_TYPE_MISMATCH, "null");
    expect_args("i", "[5.0]", WSB_ERROR_TYPE_MISMATCH, "5.0 is not an integer");
    expect_args("i", "[4294967296]", WSB_ERROR_TYPE_MISMATCH, "4294967296 is outside of i32");
    expect_args("F", "[9007199254740993]", WSB_ERROR_TYPE_MISMATCH, "exactly");
    expect_args("f", "[1e300]", WSB_ERROR_TYPE_MISMATCH, "range of f32");
}

static void malformed(void **state)
{
    (void)state;
    expect_args("i", "", WSB_ERROR_MALFORMED, "line 1");
    expect_args("i", "[1", WSB_ERROR_MALFORMED, "line 1");
    expect_args("i", "[1,\n2x]", WSB_ERROR_MALFORMED, "line 2, column");
    expect_args("i", "[1] 2", WSB_ERROR_MALFORMED, "end of file expected");
    expect_args("i", "[NaN]", WSB_ERROR_MALFORMED, NULL);
    expect_args("i", "[Infinity]", WSB_ERROR_MALFORMED, NULL);
    expect_args("i", "[01]", WSB_ERROR_MALFORMED, NULL);
    expect_args("i", "[99999999999999999999]", WSB_ERROR_MALFORMED, "big integer");
    expect_args("F", "[1e999]", WSB_ERROR_MALFORMED, "overflow");
    expect_args("i", "{\"a\": 1, \"a\": 2}", WSB_ERROR_MALFORMED, "duplicate");
    expect_args("i", "[\"\xff\xfe\"]", WSB_ERROR_MALFORMED, "line 1");
    expect_args("i", "[\"\xed\xa0\x80\"]", WSB_ERROR_MALFORMED, NULL);
    wsb_error *error = NULL;
    json_t *json = NULL;
    wsb_status status = wsb__json_parse(&test_site, (wsb_str){"[1\0]", 4}, &json, &error);
    assert_error(status, WSB_ERROR_MALFORMED, error, NULL);
    status = wsb__json_parse(&test_site, (wsb_str){NULL, 4}, &json, NULL);
    assert_int_equal(status, WSB_ERROR_INVALID_ARGUMENT);
}

/* `count` times `open`, then as often `close`. */
static wsb_status parse_nested(size_t count, wsb_error **out_error)
{
    char *text = malloc(2 * count);
    assert_non_null(text);
    memset(text, '[', count);
    memset(text + count, ']', count);
    json_t *json = NULL;
    wsb_status status = wsb__json_parse(&test_site, (wsb_str){text, 2 * count}, &json, out_error);
    free(text);
    if (status == WSB_OK)
        json_decref(json);
    return status;
}

static void depth_is_bounded(void **state)
{
    (void)state;
    wsb_error *error = NULL;
    assert_int_equal(parse_nested(512, NULL), WSB_OK);
    wsb_status status = parse_nested(513, &error);
    assert_error(status, WSB_ERROR_MALFORMED, error, "deeper than 512");
    error = NULL;
    status = parse_nested(100000, &error);
    assert_error(status, WSB_ERROR_MALFORMED, error, "column 513");
}

static void value_count_is_bounded(void **state)
{
    (void)state;
    size_t len = 2 * WSB__STRUCTURED_MAX_VALUES + 4;
    char *text = malloc(len);
    assert_non_null(text);
    for (size_t i = 0; i < len; i++)
        text[i] = i % 2 ? '0' : ',';
    text[0] = '[';
    text[len - 1] = ']';
    json_t *json = NULL;
    wsb_error *error = NULL;
    wsb_status status = wsb__json_parse(&test_site, (wsb_str){text, len}, &json, &error);
    assert_error(status, WSB_ERROR_MALFORMED, error, "1000000 values");
    free(text);
}

static void brackets_in_strings_do_not_count(void **state)
{
    (void)state;
    char text[2048];
    memset(text, '[', sizeof text);
    memcpy(text, "\"\\\"", 3);
    text[sizeof text - 1] = '"';
    json_t *json = NULL;
    assert_int_equal(wsb__json_parse(&test_site, (wsb_str){text, sizeof text}, &json, NULL),
                     WSB_OK);
    json_decref(json);
}

static void expect_results(const char *types, const wsb_raw_value *values, const char *expected)
{
    test_type storage;
    wsb_buf buf = WSB_BUF_INIT;
    assert_int_equal(
        wsb__json_results(&test_site, make_type(&storage, "", types), values, &buf, NULL), WSB_OK);
    assert_string_equal((const char *)buf.data, expected);
    wsb_buf_fini(&buf);
}

static void results(void **state)
{
    (void)state;
    expect_results("", NULL, "null");
    expect_results("i", (wsb_raw_value[]){{.i32 = -8}}, "-8");
    expect_results("F", (wsb_raw_value[]){{.f64 = 0.1}}, "0.1");
    expect_results("iI", (wsb_raw_value[]){{.i32 = 1}, {.i64 = INT64_MIN}},
                   "[1,-9223372036854775808]");
    expect_results("ifF", (wsb_raw_value[]){{.i32 = 1}, {.f32 = 0.25f}, {.f64 = 2}},
                   "[1,0.25,2.0]");
}

static void results_that_json_cannot_say(void **state)
{
    (void)state;
    test_type storage;
    wsb_buf buf = WSB_BUF_INIT;
    wsb_error *error = NULL;
    wsb_raw_value value = {.f64 = (double)NAN};
    wsb_status status =
        wsb__json_results(&test_site, make_type(&storage, "", "F"), &value, &buf, &error);
    assert_error(status, WSB_ERROR_TYPE_MISMATCH, error, "NaN");
    error = NULL;
    value.f32 = -INFINITY;
    status = wsb__json_results(&test_site, make_type(&storage, "", "f"), &value, &buf, &error);
    assert_non_null(strstr(wsb_error_suggestion(error), "MessagePack"));
    assert_error(status, WSB_ERROR_TYPE_MISMATCH, error, "-Infinity");
    wsb_buf_fini(&buf);
}

static void vectors_have_no_form(void **state)
{
    (void)state;
    test_type storage;
    wsb_error *error = NULL;
    wsb_status status = wsb__scalar_check_type(&test_site, make_type(&storage, "iv", ""), &error);
    assert_error(status, WSB_ERROR_TYPE_MISMATCH, error, "parameter 2 has type v128");
    error = NULL;
    status = wsb__scalar_check_type(&test_site, make_type(&storage, "i", "v"), &error);
    assert_error(status, WSB_ERROR_TYPE_MISMATCH, error, "result 1 has type v128");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_by_position),
        cmocka_unit_test(wrong_counts),
        cmocka_unit_test(wrong_types),
        cmocka_unit_test(malformed),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(value_count_is_bounded),
        cmocka_unit_test(brackets_in_strings_do_not_count),
        cmocka_unit_test(results),
        cmocka_unit_test(results_that_json_cannot_say),
        cmocka_unit_test(vectors_have_no_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
