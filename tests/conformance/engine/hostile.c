/* Guests that try to take the process with them, by what has brought an engine down. */
#include <stdlib.h>

#include "conformance.h"

/* An interpreter whose instructions call each other leaves a frame on the host's stack for each
 * instruction that the compiler did not turn into a jump. */
static void test_grow_often(void **state)
{
    (void)state;
    guest g;
    guest_init(&g);
    g.limits.max_memory = 2 * PAGE;
    g.limits.max_table_elements = 4;
    guest_open(&g, "hostile");
    wsb_raw_value refused[2] = {{.i32 = 300000}, {.i32 = 1000}};
    ASSERT_OK(&g, guest_call(&g, "grow_memory_often", "ii:", refused));
    ASSERT_OK(&g, guest_call(&g, "grow_table_often", "ii:", refused));
    wsb_raw_value by_none[2] = {{.i32 = 300000}, {.i32 = 0}};
    ASSERT_OK(&g, guest_call(&g, "grow_memory_often", "ii:", by_none));
    ASSERT_OK(&g, guest_call(&g, "grow_table_often", "ii:", by_none));
    guest_close(&g);
}

/* An engine may refuse what it cannot tell apart, but neither stop nor mistake it. */
static void test_alike_types(void **state)
{
    (void)state;
    guest g;
    guest_init(&g);
    wsb_engine_result result = guest_load(&g, "alike");
    if (result == WSB_ENGINE_OK) {
        ASSERT_OK(&g, guest_instantiate(&g, &g.instance));
        assert_int_equal(guest_call(&g, "confuse", ":", NULL), WSB_ENGINE_TRAPPED);
        assert_int_equal(g.failure.trap, WSB_TRAP_SIGNATURE_MISMATCH);
    } else {
        assert_int_equal(result, WSB_ENGINE_UNSUPPORTED_BY_ENGINE);
    }
    guest_close(&g);
}

/* A trap with hardly any stack left: what the engine does about it may need some. */
static void test_trap_on_the_last_of_the_stack(void **state)
{
    (void)state;
    NEEDS(STACK_LIMIT);
    guest g;
    guest_init(&g);
    g.options.max_stack = 64 * 1024;
    ASSERT_OK(&g, guest_load(&g, "hostile"));
    int32_t good = 0; /* the deepest that reaches the trap */
    int32_t bad = 1 << 20;
    for (int32_t tries = 0; good + 1 < bad || tries < 200; tries++) {
        int32_t depth = good + 1 < bad ? good + (bad - good) / 2 : good - (tries - 100);
        void *instance = NULL;
        ASSERT_OK(&g, guest_instantiate(&g, &instance));
        wsb_raw_value value = {.i32 = depth};
        assert_int_equal(instance_call(instance, "trap_below", "i:i", &value, &g.failure),
                         WSB_ENGINE_TRAPPED);
        if (g.failure.trap == WSB_TRAP_STACK_OVERFLOW) {
            bad = depth < bad ? depth : bad;
        } else {
            assert_int_equal(g.failure.trap, WSB_TRAP_TABLE_OUT_OF_BOUNDS);
            good = depth > good ? depth : good;
        }
        ops->instance_destroy(instance);
        free(malloc(100000)); /* the allocator still works */
    }
    assert_true(good > 100);
    guest_close(&g);
}

int run_hostile_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grow_often),
        cmocka_unit_test(test_alike_types),
        cmocka_unit_test(test_trap_on_the_last_of_the_stack),
    };
    return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
