#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after those: */
#include <cmocka.h>

#include "core/map.h"
#include "unit/core/fail_nth.h"

#include <stdio.h>

#define KEYS 20000

static void test_finds_what_was_put(void **state)
{
    (void)state;
    static char names[KEYS][32];
    wsb__map *map = wsb__map_create();
    assert_null(wsb__map_get(map, wsb_cstr("x")));
    for (int i = 0; i < KEYS; i++) {
        snprintf(names[i], sizeof names[i], "export_%d_%.*s", i, i % 9, "abcdefghi");
        assert_int_equal(wsb__map_put(map, wsb_cstr(names[i]), names[i]), WSB_OK);
    }
    assert_int_equal(wsb__map_count(map), KEYS);
    for (int i = 0; i < KEYS; i++) {
        char copy[32];
        memcpy(copy, names[i], sizeof copy);
        assert_ptr_equal(wsb__map_get(map, wsb_cstr(copy)), names[i]);
        copy[strlen(copy)] = '!';
        assert_null(wsb__map_get(map, (wsb_str){copy, strlen(names[i]) + 1}));
    }
    wsb__map_destroy(map);
    wsb__map_destroy(NULL);
}

static void test_replaces(void **state)
{
    (void)state;
    int a;
    int b;
    wsb__map *map = wsb__map_create();
    assert_int_equal(wsb__map_put(map, wsb_cstr("k"), &a), WSB_OK);
    assert_int_equal(wsb__map_put(map, wsb_cstr("k"), &b), WSB_OK);
    assert_int_equal(wsb__map_count(map), 1);
    assert_ptr_equal(wsb__map_get(map, wsb_cstr("k")), &b);
    /* The empty key is a key, and a NUL is a byte. */
    assert_int_equal(wsb__map_put(map, (wsb_str){NULL, 0}, &a), WSB_OK);
    assert_ptr_equal(wsb__map_get(map, (wsb_str){"", 0}), &a);
    assert_null(wsb__map_get(map, (wsb_str){"k\0", 2}));
    wsb__map_destroy(map);
}

static void test_reserves_once(void **state)
{
    (void)state;
    wsb__map *map = wsb__map_create();
    assert_int_equal(wsb__map_reserve(map, 100), WSB_OK);
    fail_nth_start(1);
    for (int i = 0; i < 100; i++)
        assert_int_equal(wsb__map_put(map, (wsb_str){(const char *)&fail_nth_left, 0}, map),
                         WSB_OK);
    fail_nth_stop();
    assert_int_equal(wsb__map_reserve(map, SIZE_MAX / 4), WSB_ERROR_OUT_OF_MEMORY);
    wsb__map_destroy(map);
}

static void test_survives_failing_growth(void **state)
{
    (void)state;
    fail_nth_start(1);
    assert_null(wsb__map_create());
    fail_nth_stop();
    wsb__map *map = wsb__map_create();
    fail_nth_start(1);
    assert_int_equal(wsb__map_put(map, wsb_cstr("k"), map), WSB_ERROR_OUT_OF_MEMORY);
    fail_nth_stop();
    assert_int_equal(wsb__map_count(map), 0);
    assert_null(wsb__map_get(map, wsb_cstr("k")));
    wsb__map_destroy(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_what_was_put),
        cmocka_unit_test(test_replaces),
        cmocka_unit_test(test_reserves_once),
        cmocka_unit_test(test_survives_failing_growth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
