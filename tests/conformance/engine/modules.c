/* Compiling, linking, serializing. */
#include <stdlib.h>

#include "conformance.h"

static void test_compile_and_close(void **state)
{
    (void)state;
    guest g;
    guest_init(&g);
    guest_open(&g, "calls");
    guest_close(&g);
}

static void refuse(guest *g, wsb_bytes bytes)
{
    void *module = NULL;
    memset(&g->failure, 0, sizeof g->failure);
    assert_int_equal(ops->module_compile(g->engine, bytes, &module, &g->failure),
                     WSB_ENGINE_FAILED);
    assert_null(module);
    assert_int_not_equal(g->failure.message[0], '\0');
}

static void test_invalid_modules(void **state)
{
    (void)state;
    static const char text[] = "(module)";
    guest g;
    guest_init(&g);
    ASSERT_OK(&g, guest_load(&g, "calls"));
    refuse(&g, wsb_bytes_of("", 0));
    refuse(&g, wsb_bytes_of(text, sizeof text - 1));
    wsb_bytes bytes = guest_bytes("calls");
    refuse(&g, wsb_bytes_of(bytes.data, bytes.len / 2));
    uint8_t *broken = malloc(bytes.len);
    assert_non_null(broken);
    memcpy(broken, bytes.data, bytes.len);
    memset(broken + bytes.len / 2, 0xff, bytes.len / 4);
    refuse(&g, wsb_bytes_of(broken, bytes.len));
    free(broken);
    free((void *)bytes.data);
    guest_close(&g);
}

static void test_missing_import(void **state)
{
    (void)state;
    guest g;
    guest_init(&g);
    assert_int_equal(guest_load(&g, "hosts"), WSB_ENGINE_FAILED);
    assert_null(g.link);
    assert_int_not_equal(g.failure.message[0], '\0');
    guest_close(&g);
}

/* What does not fit is a trap, and of its kind. */
static void misfit(const char *name, wsb_trap trap)
{
    guest g;
    guest_init(&g);
    ASSERT_OK(&g, guest_load(&g, name));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(guest_instantiate(&g, &g.instance), WSB_ENGINE_TRAPPED);
        assert_null(g.instance);
        assert_int_equal(g.failure.trap, trap);
        assert_int_not_equal(g.failure.message[0], '\0');
    }
    guest_close(&g);
}

static void test_segments(void **state)
{
    (void)state;
    misfit("data_segment", WSB_TRAP_MEMORY_OUT_OF_BOUNDS);
    misfit("element_segment", WSB_TRAP_TABLE_OUT_OF_BOUNDS);
}

static void test_short_options(void **state)
{
    (void)state;
    guest g;
    guest_init(&g);
    g.options.size = sizeof(size_t);
    assert_int_not_equal(ops->engine_create(&g.options, &g.engine, &g.failure), WSB_ENGINE_OK);
    assert_null(g.engine);
}

static void keep(wsb_bytes bytes, void *user_data)
{
    wsb_bytes *out = user_data;
    uint8_t *copy = malloc(bytes.len + 1);
    assert_non_null(copy);
    assert_null(out->data);
    memcpy(copy, bytes.data, bytes.len);
    *out = wsb_bytes_of(copy, bytes.len);
}

/* Serialized with one number of pooled instances, loaded with another. */
static void round_trip(uint64_t pool_from, uint64_t pool_to)
{
    guest from;
    guest to;
    wsb_bytes bytes = {NULL, 0};
    guest_init(&from);
    guest_init(&to);
    from.options.pool_instances = pool_from;
    to.options.pool_instances = pool_to;
    guest_open(&from, "calls");
    ASSERT_OK(&from, ops->module_serialize(from.module, keep, &bytes, &from.failure));
    assert_true(bytes.len > 0);
    ASSERT_OK(&to, ops->engine_create(&to.options, &to.engine, &to.failure));
    ASSERT_OK(&to, ops->module_deserialize(to.engine, bytes, &to.module, &to.failure));
    free((void *)bytes.data);
    ASSERT_OK(&to, ops->link(to.engine, to.module, NULL, 0, &to.link, &to.failure));
    ASSERT_OK(&to, guest_instantiate(&to, &to.instance));
    wsb_raw_value values[2] = {{.i32 = 40}, {.i32 = 2}};
    ASSERT_OK(&to, guest_call(&to, "add", "ii:i", values));
    assert_int_equal(values[0].i32, 42);
    guest_close(&to);
    guest_close(&from);
}

static void test_serialize(void **state)
{
    (void)state;
    NEEDS(SERIALIZE);
    round_trip(0, 0);
    if (!declares(WSB_ENGINE_POOLING))
        return;
    round_trip(4, 0);
    round_trip(0, 4);
}

static void test_deserialize_garbage(void **state)
{
    (void)state;
    NEEDS(SERIALIZE);
    guest g;
    void *module = NULL;
    guest_init(&g);
    ASSERT_OK(&g, ops->engine_create(&g.options, &g.engine, &g.failure));
    assert_int_equal(
        ops->module_deserialize(g.engine, wsb_bytes_of("garbage", 7), &module, &g.failure),
        WSB_ENGINE_FAILED);
    assert_int_equal(ops->module_deserialize(g.engine, wsb_bytes_of("", 0), &module, &g.failure),
                     WSB_ENGINE_FAILED);
    assert_null(module);
    guest_close(&g);
}

int run_module_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compile_and_close), cmocka_unit_test(test_invalid_modules),
        cmocka_unit_test(test_missing_import),    cmocka_unit_test(test_short_options),
        cmocka_unit_test(test_serialize),         cmocka_unit_test(test_deserialize_garbage),
        cmocka_unit_test(test_segments),
    };
    return cmocka_run_group_tests_name("modules", tests, NULL, NULL);
}
