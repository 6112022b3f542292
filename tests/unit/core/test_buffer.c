#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after those: */
#include <cmocka.h>

#include "core/buffer.h"
#include "unit/core/fail_nth.h"

static void test_appends_under_its_cap(void **state)
{
    (void)state;
    wsb_buf buf = WSB_BUF_INIT;
    assert_int_equal(wsb__buf_append(&buf, "abc", 3, 5), WSB_OK);
    assert_int_equal(wsb__buf_append(&buf, "def", 3, 5), WSB_ERROR_LIMIT_EXCEEDED);
    assert_int_equal(wsb__buf_append(&buf, "de", 2, 5), WSB_OK);
    assert_string_equal((char *)buf.data, "abcde");
    assert_int_equal(wsb__buf_append(&buf, "", 0, 5), WSB_OK);
    assert_int_equal(wsb__buf_reserve(&buf, SIZE_MAX, SIZE_MAX), WSB_ERROR_LIMIT_EXCEEDED);
    assert_int_equal(wsb__buf_reserve(&buf, SIZE_MAX - 5, SIZE_MAX), WSB_ERROR_OUT_OF_MEMORY);
    assert_int_equal(buf.len, 5);
    wsb_buf_fini(&buf);
    assert_null(buf.data);
    wsb_buf_fini(&buf);
    wsb_buf_fini(NULL);
}

static void test_never_allocates_beyond_its_cap(void **state)
{
    (void)state;
    wsb_buf buf = WSB_BUF_INIT;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(wsb__buf_append(&buf, "x", 1, 1000), WSB_OK);
    assert_true(buf.capacity <= 1001);
    assert_int_equal(buf.data[1000], 0);
    wsb_buf_fini(&buf);
}

static void test_prints(void **state)
{
    (void)state;
    wsb_buf buf = WSB_BUF_INIT;
    assert_int_equal(wsb__buf_printf(&buf, 10, "%d-%s", 42, "ab"), WSB_OK);
    assert_int_equal(wsb__buf_printf(&buf, 10, "%s", "123456"), WSB_ERROR_LIMIT_EXCEEDED);
    assert_int_equal(wsb__buf_printf(&buf, 10, "%s", "12345"), WSB_OK);
    assert_string_equal((char *)buf.data, "42-ab12345");
    wsb_buf_fini(&buf);
}

static void test_stays_whole_without_memory(void **state)
{
    (void)state;
    wsb_buf buf = WSB_BUF_INIT;
    fail_nth_start(1);
    assert_int_equal(wsb__buf_append(&buf, "abc", 3, 5), WSB_ERROR_OUT_OF_MEMORY);
    fail_nth_start(1);
    assert_null(wsb__str_dup(wsb_cstr("x")));
    fail_nth_stop();
    assert_null(buf.data);
    char *copy = wsb__str_dup((wsb_str){"xyz", 2});
    assert_string_equal(copy, "xy");
    free(copy);
}

static void check_utf8(const char *text, bool valid)
{
    size_t len = strlen(text);
    char longer[64];
    assert_int_equal(wsb__utf8_valid(text, len), valid);
    /* The same behind the word-wise fast path. */
    memcpy(longer, "12345678abcdefg", 15);
    memcpy(longer + 15, text, len);
    memcpy(longer + 15 + len, "tail of text", 12);
    assert_int_equal(wsb__utf8_valid(longer, 15 + len + 12), valid);
}

static void test_judges_utf8(void **state)
{
    (void)state;
    check_utf8("", true);
    check_utf8("plain", true);
    check_utf8("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", true);
    check_utf8("\xf4\x8f\xbf\xbf", true);
    check_utf8("\x80", false);
    check_utf8("\xc0\xaf", false);
    check_utf8("\xe0\x9f\xbf", false);
    check_utf8("\xed\xa0\x80", false);
    check_utf8("\xf0\x8f\xbf\xbf", false);
    check_utf8("\xf4\x90\x80\x80", false);
    check_utf8("\xf5\x80\x80\x80", false);
    check_utf8("\xe2\x82", false);
    check_utf8("\xff", false);
    assert_true(wsb__utf8_valid("a\0b", 3));
    assert_false(wsb__utf8_valid("\xe2\x82\xac", 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends_under_its_cap),
        cmocka_unit_test(test_never_allocates_beyond_its_cap),
        cmocka_unit_test(test_prints),
        cmocka_unit_test(test_stays_whole_without_memory),
        cmocka_unit_test(test_judges_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
