/* wsb-test: pure */
#include "structured_support.h"

#include <float.h>
#include <locale.h>
#include <math.h>

static const char *convert_signed(int64_t value, wsb_value_type type, wsb_raw_value *out)
{
    wsb__number number = {WSB__NUMBER_SIGNED, {.s = value}};
    return wsb__number_convert(&number, type, out);
}

static const char *convert_unsigned(uint64_t value, wsb_value_type type, wsb_raw_value *out)
{
    wsb__number number = {WSB__NUMBER_UNSIGNED, {.u = value}};
    return wsb__number_convert(&number, type, out);
}

static const char *convert_real(double value, wsb_value_type type, wsb_raw_value *out)
{
    wsb__number number = {WSB__NUMBER_REAL, {.r = value}};
    return wsb__number_convert(&number, type, out);
}

static void i32_takes_both_readings_of_its_bits(void **state)
{
    (void)state;
    wsb_raw_value value;
    assert_null(convert_signed(INT32_MIN, WSB_I32, &value));
    assert_int_equal(value.i32, INT32_MIN);
    assert_null(convert_signed(UINT32_MAX, WSB_I32, &value));
    assert_int_equal(value.i32, -1);
    assert_non_null(convert_signed((int64_t)INT32_MIN - 1, WSB_I32, &value));
    assert_non_null(convert_signed((int64_t)UINT32_MAX + 1, WSB_I32, &value));
    assert_non_null(convert_unsigned((uint64_t)UINT32_MAX + 1, WSB_I32, &value));
    assert_non_null(convert_unsigned(UINT64_MAX, WSB_I32, &value));
    assert_non_null(convert_real(5.0, WSB_I32, &value));
}

static void i64_keeps_every_bit(void **state)
{
    (void)state;
    wsb_raw_value value;
    assert_null(convert_signed(9007199254740993, WSB_I64, &value));
    assert_true(value.i64 == 9007199254740993);
    assert_null(convert_signed(INT64_MIN, WSB_I64, &value));
    assert_true(value.i64 == INT64_MIN);
    assert_null(convert_unsigned(UINT64_MAX, WSB_I64, &value));
    assert_true(value.u64 == UINT64_MAX);
    assert_non_null(convert_real(1.0, WSB_I64, &value));
}

static void floats_take_only_exact_integers(void **state)
{
    (void)state;
    wsb_raw_value value;
    assert_null(convert_signed(9007199254740992, WSB_F64, &value));
    assert_non_null(convert_signed(9007199254740993, WSB_F64, &value));
    assert_non_null(convert_signed(INT64_MAX, WSB_F64, &value));
    assert_null(convert_signed(INT64_MIN, WSB_F64, &value));
    assert_non_null(convert_unsigned(UINT64_MAX, WSB_F64, &value));
    assert_null(convert_unsigned((uint64_t)1 << 63, WSB_F64, &value));
    assert_null(convert_signed(16777216, WSB_F32, &value));
    assert_non_null(convert_signed(16777217, WSB_F32, &value));
}

static void f32_rounds_but_does_not_overflow(void **state)
{
    (void)state;
    wsb_raw_value value;
    assert_null(convert_real(0.1, WSB_F32, &value));
    assert_true(value.f32 == 0.1f);
    assert_null(convert_real(3.4028235e38, WSB_F32, &value));
    assert_true(value.f32 == FLT_MAX);
    assert_non_null(convert_real(3.5e38, WSB_F32, &value));
    assert_null(convert_real((double)INFINITY, WSB_F32, &value));
    assert_true(isinf(value.f32));
}

static void failure_leaves_the_value(void **state)
{
    (void)state;
    wsb_raw_value value = {.u64 = 77};
    assert_non_null(convert_real(1.5, WSB_I32, &value));
    assert_true(value.u64 == 77);
}

static void expect_f64(double value, const char *expected)
{
    char text[WSB__NUMBER_TEXT];
    assert_int_equal(wsb__print_f64(text, value), strlen(expected));
    assert_string_equal(text, expected);
}

static void prints_the_shortest_that_reads_back(void **state)
{
    (void)state;
    char text[WSB__NUMBER_TEXT];
    expect_f64(0.1, "0.1");
    expect_f64(8, "8.0");
    expect_f64(-0.0, "-0.0");
    expect_f64(0.1 + 0.2, "0.30000000000000004");
    expect_f64(1e22, "1e+22");
    expect_f64(DBL_MAX, "1.7976931348623157e+308");
    expect_f64(5e-324, "4.94065645841247e-324");
    wsb__print_f32(text, 0.1f);
    assert_string_equal(text, "0.1");
    wsb__print_f32(text, FLT_MAX);
    assert_string_equal(text, "3.4028235e+38");
}

static void prints_integers(void **state)
{
    (void)state;
    char text[WSB__NUMBER_TEXT];
    wsb__print_signed(text, INT64_MIN);
    assert_string_equal(text, "-9223372036854775808");
    wsb__print_unsigned(text, UINT64_MAX);
    assert_string_equal(text, "18446744073709551615");
    assert_int_equal(wsb__print_signed(text, 0), 1);
}

static void printing_ignores_the_locale(void **state)
{
    (void)state;
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8") && !setlocale(LC_NUMERIC, "fr_FR.UTF-8"))
        skip();
    expect_f64(1.5, "1.5");
    setlocale(LC_NUMERIC, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(i32_takes_both_readings_of_its_bits),
        cmocka_unit_test(i64_keeps_every_bit),
        cmocka_unit_test(floats_take_only_exact_integers),
        cmocka_unit_test(f32_rounds_but_does_not_overflow),
        cmocka_unit_test(failure_leaves_the_value),
        cmocka_unit_test(prints_the_shortest_that_reads_back),
        cmocka_unit_test(prints_integers),
        cmocka_unit_test(printing_ignores_the_locale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
