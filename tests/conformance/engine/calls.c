/* Calls, values, memory and globals from outside. */
#include "conformance.h"

static int open_calls(void **state)
{
    static guest g;
    guest_init(&g);
    guest_open(&g, "calls");
    *state = &g;
    return 0;
}

static int close_calls(void **state)
{
    guest_close(*state);
    return 0;
}

static void test_call(void **state)
{
    guest *g = *state;
    wsb_raw_value values[2] = {{.i32 = -5}, {.i32 = 3}};
    ASSERT_OK(g, guest_call(g, "add", "ii:i", values));
    assert_int_equal(values[0].i32, -2);
    ASSERT_OK(g, guest_call(g, "nop", ":", NULL));
}

static void test_all_types(void **state)
{
    guest *g = *state;
    wsb_raw_value values[4] = {
        {.i32 = INT32_MIN}, {.i64 = INT64_MAX}, {.f32 = 1.25f}, {.f64 = -2.5}};
    ASSERT_OK(g, guest_call(g, "all", "iIfd:dfIi", values));
    assert_true(values[0].f64 == -2.5);
    assert_true(values[1].f32 == 1.25f);
    assert_true(values[2].i64 == INT64_MAX);
    assert_int_equal(values[3].i32, INT32_MIN);
}

static void test_exports(void **state)
{
    guest *g = *state;
    wsb_engine_handle handle;
    assert_true(ops->export_get(g->instance, wsb_cstr("add"), WSB_EXTERN_FUNCTION, &handle));
    assert_false(ops->export_get(g->instance, wsb_cstr("add"), WSB_EXTERN_MEMORY, &handle));
    assert_false(ops->export_get(g->instance, wsb_cstr("memory"), WSB_EXTERN_GLOBAL, &handle));
    assert_false(ops->export_get(g->instance, wsb_cstr("ad"), WSB_EXTERN_FUNCTION, &handle));
    assert_false(ops->export_get(g->instance, wsb_cstr(""), WSB_EXTERN_FUNCTION, &handle));
    assert_false(ops->export_get(g->instance, wsb_cstr("\xff"), WSB_EXTERN_FUNCTION, &handle));
    assert_false(
        ops->export_get(g->instance, (wsb_str){"add\0x", 5}, WSB_EXTERN_FUNCTION, &handle));
}

static wsb_engine_handle global_of(guest *g, const char *name)
{
    wsb_engine_handle handle;
    assert_true(ops->export_get(g->instance, wsb_cstr(name), WSB_EXTERN_GLOBAL, &handle));
    return handle;
}

static void test_globals(void **state)
{
    guest *g = *state;
    static const struct {
        const char *name;
        wsb_value_type type;
        wsb_raw_value before;
        wsb_raw_value after;
        size_t width;
    } cases[] = {
        {"g_i32", WSB_I32, {.i32 = 7}, {.i32 = -1}, 4},
        {"g_i64", WSB_I64, {.i64 = -9}, {.i64 = INT64_MIN}, 8},
        {"g_f32", WSB_F32, {.f32 = 1.5f}, {.f32 = -0.0f}, 4},
        {"g_f64", WSB_F64, {.f64 = 2.5}, {.f64 = 1e300}, 8},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wsb_engine_handle global = global_of(g, cases[i].name);
        wsb_raw_value value;
        memset(&value, 0xaa, sizeof value);
        ops->global_get(g->instance, &global, cases[i].type, &value);
        assert_memory_equal(&value, &cases[i].before, cases[i].width);
        ops->global_set(g->instance, &global, cases[i].type, &cases[i].after);
        ops->global_get(g->instance, &global, cases[i].type, &value);
        assert_memory_equal(&value, &cases[i].after, cases[i].width);
    }
    wsb_raw_value seen[1];
    ASSERT_OK(g, guest_call(g, "global_i32", ":i", seen));
    assert_int_equal(seen[0].i32, -1);
}

static void test_memory(void **state)
{
    guest *g = *state;
    wsb_engine_handle memory;
    uint8_t *base = NULL;
    uint64_t size = 0;
    assert_true(ops->export_get(g->instance, wsb_cstr("memory"), WSB_EXTERN_MEMORY, &memory));
    ops->memory_get(g->instance, NULL, &memory, &base, &size);
    assert_int_equal(size, PAGE);
    base[size - 1] = 9;
    assert_true(ops->memory_grow(g->instance, &memory, 0));
    assert_true(ops->memory_grow(g->instance, &memory, 3));
    ops->memory_get(g->instance, NULL, &memory, &base, &size);
    assert_int_equal(size, 4 * PAGE);
    assert_int_equal(base[PAGE - 1], 9);
    assert_int_equal(base[size - 1], 0);
    assert_false(ops->memory_grow(g->instance, &memory, UINT64_MAX));
    assert_false(ops->memory_grow(g->instance, &memory, UINT64_MAX / PAGE));
    ops->memory_get(g->instance, NULL, &memory, &base, &size);
    assert_int_equal(size, 4 * PAGE);
}

/* What was known of a memory before it grew must not be used after, least of all where it moved. */
static void test_memory_moves(void **state)
{
    (void)state;
    NEEDS(MEMORY64);
    NEEDS(POOLING); /* others clear 4 GiB */
    guest g;
    guest_init(&g);
    g.limits.max_memory = WSB_UNLIMITED;
    guest_open(&g, "wide_memory");
    uint64_t pages = 1;
    static const int64_t steps[] = {0, 1, 65536, 1};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        wsb_raw_value values[1] = {{.i64 = steps[i]}};
        ASSERT_OK(&g, guest_call(&g, "grow", "I:I", values));
        pages += values[0].i64 < 0 ? 0 : (uint64_t)steps[i];
        uint8_t *base = NULL;
        uint64_t size = 0;
        ops->memory_get(g.instance, NULL, &g.host.memory, &base, &size);
        assert_true(size == pages * PAGE);
        assert_int_equal(base[i], i);
        base[i + 1] = (uint8_t)(i + 1);
        base[size - 1] = 1;
    }
    guest_close(&g);
}

static void test_fuel(void **state)
{
    (void)state;
    NEEDS(FUEL);
    guest g;
    guest_init(&g);
    g.options.fuel = true;
    guest_open(&g, "calls");
    wsb_raw_value values[2] = {{.i32 = 1}, {.i32 = 2}};
    ops->instance_set_fuel(g.instance, 100000);
    ASSERT_OK(&g, guest_call(&g, "add", "ii:i", values));
    uint64_t left = ops->instance_get_fuel(g.instance);
    assert_true(left > 0 && left < 100000);
    values[0].i64 = 1000;
    ASSERT_OK(&g, guest_call(&g, "count", "I:", values));
    assert_true(left - ops->instance_get_fuel(g.instance) >= 1000);
    ops->instance_set_fuel(g.instance, 5000);
    assert_int_equal(guest_call(&g, "spin", ":", NULL), WSB_ENGINE_NO_FUEL);
    assert_int_not_equal(g.failure.message[0], '\0');
    ops->instance_set_fuel(g.instance, 0);
    assert_int_equal(guest_call(&g, "spin", ":", NULL), WSB_ENGINE_NO_FUEL);
    guest_close(&g);
}

static void test_select(void **state)
{
    (void)state;
    static const char *const names[] = {"eqz", "eq", "ne", "typed", "block"};
    guest g;
    guest_init(&g);
    guest_open(&g, "select");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        wsb_raw_value value = {.i32 = 0};
        ASSERT_OK(&g, guest_call(&g, names[i], "i:i", &value));
        assert_int_equal(value.i32, 1);
        value.i32 = 5;
        ASSERT_OK(&g, guest_call(&g, names[i], "i:i", &value));
        assert_int_equal(value.i32, 2);
    }
    guest_close(&g);
}

int run_call_tests(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, open_calls, close_calls)
    const struct CMUnitTest tests[] = {
        CASE(test_call),
        CASE(test_all_types),
        CASE(test_exports),
        CASE(test_globals),
        CASE(test_memory),
        cmocka_unit_test(test_memory_moves),
        cmocka_unit_test(test_fuel),
        cmocka_unit_test(test_select),
    };
    return cmocka_run_group_tests_name("calls", tests, NULL, NULL);
}
