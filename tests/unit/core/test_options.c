#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after those: */
#include <cmocka.h>

#include "core/options.h"

#include <string.h>
#include <wasm_sandbox/value.h>

typedef struct old_options {
    size_t size;
    uint64_t a;
} old_options;

typedef struct new_options {
    size_t size;
    uint64_t a;
    uint64_t b;
} new_options;

static void test_null_is_all_defaults(void **state)
{
    (void)state;
    new_options out = {1, 2, 3};
    assert_int_equal(wsb__options_copy(NULL, &out, sizeof out, "x", NULL), WSB_OK);
    assert_int_equal(out.size, sizeof out);
    assert_int_equal(out.a, 0);
    assert_int_equal(out.b, 0);
}

static void test_a_shorter_struct_gets_defaults(void **state)
{
    (void)state;
    old_options given = {sizeof given, 5};
    new_options out = {0, 0, 3};
    assert_int_equal(wsb__options_copy(&given, &out, sizeof out, "x", NULL), WSB_OK);
    assert_int_equal(out.size, sizeof out);
    assert_int_equal(out.a, 5);
    assert_int_equal(out.b, 0);
}

static void test_an_unknown_tail_must_be_unset(void **state)
{
    (void)state;
    new_options given = {sizeof given, 5, 0};
    old_options out = {0, 0};
    assert_int_equal(wsb__options_copy(&given, &out, sizeof out, "x", NULL), WSB_OK);
    assert_int_equal(out.a, 5);
    given.b = (uint64_t)1 << 63;
    given.a = 6;
    wsb_error *error = NULL;
    assert_int_equal(wsb__options_copy(&given, &out, sizeof out, "wsb_x", &error),
                     WSB_ERROR_ABI_MISMATCH);
    assert_int_equal(out.a, 5);
    assert_string_equal(wsb_error_subject(error), "wsb_x");
    assert_non_null(strstr(wsb_error_message(error), "byte 23"));
    wsb_error_destroy(error);
}

static void test_impossible_sizes(void **state)
{
    (void)state;
    const size_t sizes[] = {0, 1, sizeof(size_t) - 1, 65537, SIZE_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        old_options given = {sizes[i], 5};
        old_options out;
        assert_int_equal(wsb__options_copy(&given, &out, sizeof out, "x", NULL),
                         WSB_ERROR_INVALID_ARGUMENT);
    }
}

static void test_names_and_version(void **state)
{
    (void)state;
    assert_string_equal(wsb_value_type_name(WSB_I32), "i32");
    assert_string_equal(wsb_value_type_name(WSB_EXTERNREF), "externref");
    assert_string_equal(wsb_value_type_name((wsb_value_type)99), "?");
    assert_string_equal(wsb_version(), WSB_VERSION_STRING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_null_is_all_defaults),
        cmocka_unit_test(test_a_shorter_struct_gets_defaults),
        cmocka_unit_test(test_an_unknown_tail_must_be_unset),
        cmocka_unit_test(test_impossible_sizes),
        cmocka_unit_test(test_names_and_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
