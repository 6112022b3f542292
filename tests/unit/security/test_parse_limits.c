#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after those: */
#include <cmocka.h>

#include <string.h>
#include <wasm_sandbox/limits.h>

static void size_is(const char *text, uint64_t expected)
{
    uint64_t value = 1;
    assert_int_equal(wsb_parse_size(wsb_cstr(text), &value, NULL), WSB_OK);
    assert_true(value == expected);
}

static void time_is(const char *text, uint64_t expected)
{
    uint64_t value = 1;
    assert_int_equal(wsb_parse_duration(wsb_cstr(text), &value, NULL), WSB_OK);
    assert_true(value == expected);
}

static void test_sizes(void **state)
{
    (void)state;
    size_is("4096B", 4096);
    size_is("64MiB", 64 * WSB_MIB);
    size_is("1.5GB", 1500000000);
    size_is("512KiB", 512 * 1024);
    size_is("0.5KiB", 512);
    size_is("1.1GiB", 1181116006);
    size_is("007KB", 7000);
    size_is("2TB", 2000000000000);
    size_is("1.000000000000000001TiB", (uint64_t)1 << 40);
    size_is("9223372036854775807B", INT64_MAX);
    size_is("unlimited", WSB_UNLIMITED);
    size_is("none", WSB_NONE);
}

static void test_times(void **state)
{
    (void)state;
    time_is("5s", 5 * WSB_SECOND);
    time_is("250ms", 250 * WSB_MILLISECOND);
    time_is("1.5min", 90 * WSB_SECOND);
    time_is("10us", 10000);
    time_is("100ns", 100);
    time_is("2h", 7200 * WSB_SECOND);
    time_is("0.1s", 100 * WSB_MILLISECOND);
    time_is("unlimited", WSB_UNLIMITED);
}

static void test_refuses_all_else_with_a_hint(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "64",
        "64 MiB",
        "MiB",
        "-1B",
        "+1B",
        "1e3B",
        "1.B",
        ".5B",
        "1..5B",
        "0x10B",
        "1MIB",
        "1mb",
        "64MiBs",
        "0B",
        "0.0GB",
        "0.1B",
        "9223372036854775808B",
        "99999999999999999999B",
        "8388608TiB",
        "1,5GB",
        "Unlimited",
        "1.0000000000000000001B",
        "5s",
        "nan",
        "inf",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t value = 77;
        wsb_error *error = NULL;
        assert_int_equal(wsb_parse_size(wsb_cstr(bad[i]), &value, &error),
                         WSB_ERROR_INVALID_ARGUMENT);
        assert_int_equal(value, 77);
        assert_non_null(strstr(wsb_error_suggestion(error), "64MiB"));
        wsb_error_destroy(error);
    }
    uint64_t value;
    assert_int_equal(wsb_parse_duration(wsb_cstr("5"), &value, NULL), WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_parse_duration(wsb_cstr("5m"), &value, NULL), WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_parse_duration(wsb_cstr("5MiB"), &value, NULL),
                     WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_parse_size((wsb_str){"1B\0", 3}, &value, NULL),
                     WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_parse_size(wsb_cstr("1B"), NULL, NULL), WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_parse_size((wsb_str){NULL, 3}, &value, NULL), WSB_ERROR_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_refuses_all_else_with_a_hint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
