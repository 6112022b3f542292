/* The pool: what it holds, what it refuses, and that refusing is told apart from failing. */
#include "conformance.h"

static void test_exhaustion(void **state)
{
    (void)state;
    NEEDS(POOLING);
    enum { SLOTS = 4 };
    guest g;
    void *instances[SLOTS];
    void *more = NULL;
    guest_init(&g);
    g.options.pool_instances = SLOTS;
    if (all_on_fibers)
        g.options.fibers = SLOTS; /* with more, the pool may be larger */
    ASSERT_OK(&g, guest_load(&g, "calls"));
    for (int i = 0; i < SLOTS; i++)
        ASSERT_OK(&g, guest_instantiate(&g, &instances[i]));
    assert_int_equal(guest_instantiate(&g, &more), WSB_ENGINE_POOL_EXHAUSTED);
    assert_null(more);
    ops->instance_destroy(instances[0]);
    ASSERT_OK(&g, guest_instantiate(&g, &instances[0]));
    wsb_raw_value values[2] = {{.i32 = 1}, {.i32 = 2}};
    ASSERT_OK(&g, instance_call(instances[0], "add", "ii:i", values, &g.failure));
    for (int i = 0; i < SLOTS; i++)
        ops->instance_destroy(instances[i]);
    guest_close(&g);
}

/* A slot that was used shows nothing of its last guest. */
static void test_slots_are_clean(void **state)
{
    (void)state;
    NEEDS(POOLING);
    guest g;
    guest_init(&g);
    g.options.pool_instances = 1;
    ASSERT_OK(&g, guest_load(&g, "limits"));
    for (int i = 0; i < 3; i++) {
        uint8_t *base = NULL;
        uint64_t size = 0;
        wsb_engine_handle memory;
        ASSERT_OK(&g, guest_instantiate(&g, &g.instance));
        assert_true(ops->export_get(g.instance, wsb_cstr("memory"), WSB_EXTERN_MEMORY, &memory));
        assert_true(ops->memory_grow(g.instance, &memory, 30));
        ops->memory_get(g.instance, NULL, &memory, &base, &size);
        assert_int_equal(size, 32 * PAGE);
        for (uint64_t at = 0; at < size; at++)
            assert_int_equal(base[at], 0);
        memset(base, 0xee, (size_t)size);
        ops->instance_destroy(g.instance);
        g.instance = NULL;
    }
    guest_close(&g);
}

static void misfit(const char *name)
{
    guest pooled;
    guest plain;
    guest_init(&pooled);
    guest_init(&plain);
    pooled.options.pool_instances = 2;
    pooled.limits.max_table_elements = plain.limits.max_table_elements = 4000000;
    pooled.limits.max_memory = plain.limits.max_memory = 8192 * WSB_MIB;
    wsb_engine_result result = guest_load(&pooled, name);
    if (result == WSB_ENGINE_OK)
        result = guest_instantiate(&pooled, &pooled.instance);
    if (result != WSB_ENGINE_POOL_EXHAUSTED && result != WSB_ENGINE_OK)
        fail_msg("%s: result %d, %s", name, result, pooled.failure.message);
    guest_close(&pooled);
    guest_open(&plain, name);
    guest_close(&plain);
}

static void test_misfits(void **state)
{
    (void)state;
    NEEDS(POOLING);
    misfit("many_tables");
    misfit("large_table");
    if (declares(WSB_ENGINE_MEMORY64))
        misfit("large_memory");
}

/* What does not fit is told apart from what is not allowed. */
static void test_limits_in_pool(void **state)
{
    (void)state;
    NEEDS(POOLING);
    guest g;
    void *instance = NULL;
    guest_init(&g);
    g.options.pool_instances = 2;
    ASSERT_OK(&g, guest_load(&g, "limits"));
    g.limits.max_memory = PAGE;
    assert_int_equal(guest_instantiate(&g, &instance), WSB_ENGINE_LIMIT);
    g.limits.max_memory = 4 * PAGE;
    g.limits.max_table_elements = 150;
    assert_int_equal(guest_instantiate(&g, &instance), WSB_ENGINE_LIMIT);
    g.limits.max_table_elements = 200;
    ASSERT_OK(&g, guest_instantiate(&g, &g.instance));
    guest_close(&g);
}

/* An instance that is allowed more than a slot holds either gets it, or is sent elsewhere. */
static void test_more_than_a_slot(void **state)
{
    (void)state;
    NEEDS(POOLING);
    NEEDS(MEMORY64);
    guest g;
    guest_init(&g);
    g.options.pool_instances = 2;
    g.limits.max_memory = WSB_UNLIMITED;
    g.limits.max_table_elements = WSB_UNLIMITED;
    ASSERT_OK(&g, guest_load(&g, "wide_memory"));
    wsb_engine_result result = guest_instantiate(&g, &g.instance);
    if (result == WSB_ENGINE_OK) {
        wsb_raw_value values[1] = {{.i64 = 65536}};
        ASSERT_OK(&g, guest_call(&g, "grow", "I:I", values));
        assert_int_equal(values[0].i64, 1);
    } else {
        assert_int_equal(result, WSB_ENGINE_POOL_EXHAUSTED);
    }
    guest_close(&g);
}

static void test_impossible_pool(void **state)
{
    (void)state;
    NEEDS(POOLING);
    guest g;
    guest_init(&g);
    g.options.pool_instances = 90000;
    g.options.fibers = 0; /* whose stacks the system may refuse first */
    wsb_engine_result result = ops->engine_create(&g.options, &g.engine, &g.failure);
    assert_true(result == WSB_ENGINE_POOL_EXHAUSTED || result == WSB_ENGINE_OK);
    guest_close(&g);
    g.options.pool_instances = UINT64_MAX;
    assert_int_equal(ops->engine_create(&g.options, &g.engine, &g.failure),
                     WSB_ENGINE_POOL_EXHAUSTED);
    assert_null(g.engine);
}

int run_pool_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exhaustion),       cmocka_unit_test(test_slots_are_clean),
        cmocka_unit_test(test_misfits),          cmocka_unit_test(test_limits_in_pool),
        cmocka_unit_test(test_more_than_a_slot), cmocka_unit_test(test_impossible_pool),
    };
    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
