#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after those: */
#include <cmocka.h>

#include "core/id_table.h"
#include "unit/core/fail_nth.h"

static void test_gives_and_takes(void **state)
{
    (void)state;
    int objects[100];
    uint64_t ids[100];
    wsb__id_table *table = wsb__id_table_create();
    for (int i = 0; i < 100; i++) {
        assert_int_equal(wsb__id_table_add(table, &objects[i], &ids[i]), WSB_OK);
        assert_true(ids[i] != 0);
    }
    for (int i = 0; i < 100; i++)
        assert_ptr_equal(wsb__id_table_get(table, ids[i]), &objects[i]);
    assert_ptr_equal(wsb__id_table_remove(table, ids[7]), &objects[7]);
    assert_null(wsb__id_table_remove(table, ids[7]));
    assert_null(wsb__id_table_get(table, ids[7]));
    assert_true(wsb__id_table_owns(table, ids[7]));
    uint64_t fresh;
    assert_int_equal(wsb__id_table_add(table, &objects[7], &fresh), WSB_OK);
    assert_true(fresh != ids[7]);
    assert_null(wsb__id_table_get(table, ids[7]));
    assert_ptr_equal(wsb__id_table_get(table, fresh), &objects[7]);
    wsb__id_table_destroy(table);
}

static void test_refuses_what_it_never_made(void **state)
{
    (void)state;
    int object;
    uint64_t id;
    uint64_t other_id;
    wsb__id_table *table = wsb__id_table_create();
    wsb__id_table *other = wsb__id_table_create();
    assert_int_equal(wsb__id_table_add(table, &object, &id), WSB_OK);
    assert_int_equal(wsb__id_table_add(other, &object, &other_id), WSB_OK);
    assert_null(wsb__id_table_get(table, other_id));
    assert_false(wsb__id_table_owns(table, other_id));
    const uint64_t bad[] = {
        0, UINT64_MAX, id + 1, id - 1, id + ((uint64_t)1 << 24), id ^ ((uint64_t)1 << 63)};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_null(wsb__id_table_get(table, bad[i]));
        assert_null(wsb__id_table_remove(table, bad[i]));
        assert_false(wsb__id_table_owns(table, bad[i]));
    }
    assert_int_equal(wsb__id_table_add(table, NULL, &id), WSB_ERROR_INVALID_ARGUMENT);
    wsb__id_table_destroy(table);
    wsb__id_table_destroy(other);
    wsb__id_table_destroy(NULL);
}

static void test_lists_in_order_of_adding(void **state)
{
    (void)state;
    int object;
    uint64_t ids[5];
    uint64_t listed[8];
    wsb__id_table *table = wsb__id_table_create();
    for (int i = 0; i < 4; i++)
        assert_int_equal(wsb__id_table_add(table, &object, &ids[i]), WSB_OK);
    assert_non_null(wsb__id_table_remove(table, ids[0]));
    assert_non_null(wsb__id_table_remove(table, ids[2]));
    assert_int_equal(wsb__id_table_add(table, &object, &ids[4]), WSB_OK);
    assert_int_equal(wsb__id_table_list(table, listed, 8), 3);
    assert_int_equal(listed[0], ids[1]);
    assert_int_equal(listed[1], ids[3]);
    assert_int_equal(listed[2], ids[4]);
    assert_int_equal(wsb__id_table_list(table, NULL, 0), 3);
    wsb__id_table_destroy(table);
}

static void test_never_gives_an_id_twice(void **state)
{
    (void)state;
    int object;
    uint64_t id;
    uint64_t last = 0;
    wsb__id_table *table = wsb__id_table_create();
    /* All generations of the first slot and some of the second. */
    for (uint32_t i = 0; i < (1u << 24) + 10; i++) {
        assert_true(wsb__id_table_add(table, &object, &id) == WSB_OK);
        if ((id & 0xFFFFFF) == (last & 0xFFFFFF))
            assert_true(id > last);
        last = id;
        assert_true(wsb__id_table_remove(table, id) == &object);
    }
    assert_int_equal(id & 0xFFFFFF, 2);
    wsb__id_table_destroy(table);
}

static void test_survives_without_memory(void **state)
{
    (void)state;
    int object;
    uint64_t id;
    fail_nth_start(1);
    assert_null(wsb__id_table_create());
    fail_nth_stop();
    wsb__id_table *table = wsb__id_table_create();
    EXPECT_OUT_OF_MEMORY_UNTIL_OK(wsb__id_table_add(table, &object, &id));
    assert_ptr_equal(wsb__id_table_get(table, id), &object);
    wsb__id_table_destroy(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gives_and_takes),
        cmocka_unit_test(test_refuses_what_it_never_made),
        cmocka_unit_test(test_lists_in_order_of_adding),
        cmocka_unit_test(test_never_gives_an_id_twice),
        cmocka_unit_test(test_survives_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
