#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after those: */
#include <cmocka.h>

#include "unit/core/fail_nth.h"

#include <wasm_sandbox/plugin/error.h>

static void test_carries_all_details(void **state)
{
    (void)state;
    wsb_error *error = NULL;
    wsb_error_details details = {
        .operation = "load module",
        .subject = "max_memory",
        .suggestion = "raise it",
        .trap = "unreachable",
        .backtrace = "f @ 0x1",
        .used = 7,
        .allowed = 5,
        .code = -3,
    };
    wsb_status status = wsb_error_set(&error, WSB_ERROR_LIMIT_EXCEEDED, &details, "%d > %d", 7, 5);
    assert_int_equal(status, WSB_ERROR_LIMIT_EXCEEDED);
    assert_int_equal(wsb_error_status(error), WSB_ERROR_LIMIT_EXCEEDED);
    assert_string_equal(wsb_error_message(error), "7 > 5");
    assert_string_equal(wsb_error_operation(error), "load module");
    assert_string_equal(wsb_error_subject(error), "max_memory");
    assert_string_equal(wsb_error_suggestion(error), "raise it");
    assert_string_equal(wsb_error_trap(error), "unreachable");
    assert_string_equal(wsb_error_backtrace(error), "f @ 0x1");
    assert_int_equal(wsb_error_used(error), 7);
    assert_int_equal(wsb_error_allowed(error), 5);
    assert_int_equal(wsb_error_code(error), -3);
    wsb_error_destroy(error);
}

static void test_says_nothing_rather_than_null(void **state)
{
    (void)state;
    wsb_error *error = NULL;
    assert_int_equal(wsb_error_set(&error, WSB_ERROR_IO, NULL, "x\n\n"), WSB_ERROR_IO);
    assert_string_equal(wsb_error_message(error), "x");
    assert_string_equal(wsb_error_operation(error), "");
    assert_string_equal(wsb_error_trap(error), "");
    wsb_error_destroy(error);
    assert_string_equal(wsb_error_message(NULL), "");
    wsb_error_destroy(NULL);
    assert_int_equal(wsb_error_set(NULL, WSB_ERROR_IO, NULL, "x"), WSB_ERROR_IO);
}

static void test_keeps_terminals_safe(void **state)
{
    (void)state;
    wsb_error *error = NULL;
    assert_int_equal(
        wsb_error_set(&error, WSB_ERROR_IO, NULL, "a\x1b[2J\x7f\xff \xc2\x9b \xc3\xa9\tb\nc"),
        WSB_ERROR_IO);
    assert_string_equal(wsb_error_message(error), "a?[2J?? ?? \xc3\xa9\tb\nc");
    wsb_error_destroy(error);
}

static void test_caps_texts(void **state)
{
    (void)state;
    char *text = malloc(100001);
    memset(text, 'x', 100000);
    text[100000] = 0;
    wsb_error *error = NULL;
    wsb_error_details details = {.operation = text, .backtrace = text};
    assert_int_equal(wsb_error_set(&error, WSB_ERROR_IO, &details, "%s", text), WSB_ERROR_IO);
    assert_int_equal(strlen(wsb_error_message(error)), 16384);
    assert_int_equal(strlen(wsb_error_backtrace(error)), 16384);
    wsb_error_destroy(error);
    free(text);
}

static void test_out_of_memory_still_gives_an_error(void **state)
{
    (void)state;
    wsb_error *error = NULL;
    fail_nth_start(1);
    assert_int_equal(wsb_error_set(&error, WSB_ERROR_TIMEOUT, NULL, "long gone"),
                     WSB_ERROR_TIMEOUT);
    fail_nth_stop();
    assert_non_null(error);
    assert_int_equal(wsb_error_status(error), WSB_ERROR_TIMEOUT);
    assert_string_equal(wsb_error_message(error), "the deadline passed");
    wsb_error_destroy(error);
}

static void test_names_every_status(void **state)
{
    (void)state;
    assert_string_equal(wsb_status_name(WSB_OK), "WSB_OK");
    assert_string_equal(wsb_status_name(WSB_ERROR_TIMEOUT), "WSB_ERROR_TIMEOUT");
    assert_string_equal(wsb_status_text(WSB_ERROR_TIMEOUT), "the deadline passed");
    assert_string_equal(wsb_status_name((wsb_status)9999), "WSB_ERROR_UNKNOWN");
    assert_string_equal(wsb_status_text((wsb_status)9999), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_carries_all_details),
        cmocka_unit_test(test_says_nothing_rather_than_null),
        cmocka_unit_test(test_keeps_terminals_safe),
        cmocka_unit_test(test_caps_texts),
        cmocka_unit_test(test_out_of_memory_still_gives_an_error),
        cmocka_unit_test(test_names_every_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
