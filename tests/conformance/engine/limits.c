/* Limits of memory and tables. */
#include "conformance.h"

static void open_limits(guest *g, uint64_t memory, uint64_t elements)
{
    guest_init(g);
    g->limits.max_memory = memory;
    g->limits.max_table_elements = elements;
    guest_open(g, "limits");
}

static int32_t grow(guest *g, const char *name, uint32_t by)
{
    wsb_raw_value values[1] = {{.u32 = by}};
    ASSERT_OK(g, guest_call(g, name, "i:i", values));
    return values[0].i32;
}

static void test_memory_limit(void **state)
{
    (void)state;
    NEEDS(MEMORY_LIMIT);
    guest g;
    open_limits(&g, 4 * PAGE, 1000);
    assert_int_equal(grow(&g, "grow", 3), -1);
    assert_int_equal(grow(&g, "grow", 2), 2);
    assert_int_equal(grow(&g, "grow", 1), -1);
    assert_int_equal(grow(&g, "grow", 0), 4);
    assert_int_equal(grow(&g, "grow", UINT32_MAX), -1);
    assert_false(ops->memory_grow(g.instance, &g.host.memory, 1));
    guest_close(&g);
}

static void test_limit_off_a_page(void **state)
{
    (void)state;
    NEEDS(MEMORY_LIMIT);
    guest g;
    open_limits(&g, 4 * PAGE - 1, 1000);
    assert_int_equal(grow(&g, "grow", 2), -1);
    assert_int_equal(grow(&g, "grow", 1), 2);
    guest_close(&g);
}

static void test_memory_minimum(void **state)
{
    (void)state;
    NEEDS(MEMORY_LIMIT);
    guest g;
    guest_init(&g);
    ASSERT_OK(&g, guest_load(&g, "limits"));
    g.limits.max_memory = 2 * PAGE - 1;
    void *instance = NULL;
    assert_int_equal(guest_instantiate(&g, &instance), WSB_ENGINE_LIMIT);
    assert_null(instance);
    assert_int_not_equal(g.failure.message[0], '\0');
    g.limits.max_memory = 2 * PAGE;
    ASSERT_OK(&g, guest_instantiate(&g, &g.instance));
    assert_int_equal(grow(&g, "grow", 1), -1);
    guest_close(&g);
}

static void test_unlimited(void **state)
{
    (void)state;
    guest g;
    open_limits(&g, WSB_UNLIMITED, WSB_UNLIMITED);
    assert_int_equal(grow(&g, "grow", 2000), 2);
    assert_int_equal(grow(&g, "grow_a", 2000), 100);
    guest_close(&g);
}

/* The limit is the instance's: all tables together. */
static void test_table_limit(void **state)
{
    (void)state;
    NEEDS(TABLE_LIMIT);
    guest g;
    open_limits(&g, 64 * PAGE, 1000);
    assert_int_equal(grow(&g, "grow_a", 801), -1);
    assert_int_equal(grow(&g, "grow_a", 500), 100);
    assert_int_equal(grow(&g, "grow_b", 301), -1);
    assert_int_equal(grow(&g, "grow_b", 300), 100);
    assert_int_equal(grow(&g, "grow_a", 1), -1);
    assert_int_equal(grow(&g, "grow_b", 1), -1);
    guest_close(&g);
}

static void test_table_minimum(void **state)
{
    (void)state;
    NEEDS(TABLE_LIMIT);
    guest g;
    guest_init(&g);
    ASSERT_OK(&g, guest_load(&g, "limits"));
    void *instance = NULL;
    g.limits.max_table_elements = 199;
    assert_int_equal(guest_instantiate(&g, &instance), WSB_ENGINE_LIMIT);
    assert_null(instance);
    g.limits.max_table_elements = 200;
    ASSERT_OK(&g, guest_instantiate(&g, &g.instance));
    guest_close(&g);
}

int run_limit_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_limit),   cmocka_unit_test(test_limit_off_a_page),
        cmocka_unit_test(test_memory_minimum), cmocka_unit_test(test_unlimited),
        cmocka_unit_test(test_table_limit),    cmocka_unit_test(test_table_minimum),
    };
    return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
