/* Host functions. */
#include "conformance.h"

static wsb_host_result host_all(void *data, void *context, void *caller, wsb_raw_value *values)
{
    host_state *state = context;
    (void)caller;
    assert_string_equal(data, "data");
    state->calls++;
    values[0].i32 += 1;
    values[1].i64 += 1;
    values[2].f32 += 1;
    values[3].f64 += 1;
    return WSB_HOST_DONE;
}

static wsb_host_result host_none(void *data, void *context, void *caller, wsb_raw_value *values)
{
    (void)data;
    (void)caller;
    (void)values;
    ((host_state *)context)->calls++;
    return WSB_HOST_DONE;
}

static wsb_host_result host_peek(void *data, void *context, void *caller, wsb_raw_value *values)
{
    host_state *state = context;
    uint8_t *base = NULL;
    uint64_t size = 0;
    (void)data;
    ops->memory_get(state->instance, caller, &state->memory, &base, &size);
    if (values[0].u32 >= size)
        return WSB_HOST_TRAP;
    values[0].i32 = base[values[0].u32];
    return WSB_HOST_DONE;
}

static wsb_host_result host_stop(void *data, void *context, void *caller, wsb_raw_value *values)
{
    (void)data;
    (void)context;
    (void)caller;
    (void)values;
    return WSB_HOST_TRAP;
}

static void open_hosts(guest *g, wsb_engine_import imports[5], signature types[5])
{
    static const struct {
        const char *name;
        const char *types;
        wsb_engine_host_fn call;
    } functions[5] = {
        {"all", "iIfd:iIfd", host_all}, {"none", ":", host_none}, {"peek", "i:i", host_peek},
        {"stop", ":", host_stop},       {"none", ":", host_none},
    };
    for (size_t i = 0; i < 5; i++) {
        signature_parse(&types[i], functions[i].types);
        imports[i] = (wsb_engine_import){wsb_cstr("host"), wsb_cstr(functions[i].name),
                                         types[i].type,    functions[i].call,
                                         "data",           true};
    }
    guest_init(g);
    g->imports = imports;
    g->import_count = 5;
    guest_open(g, "hosts");
}

static void test_values(void **state)
{
    (void)state;
    guest g;
    wsb_engine_import imports[5];
    signature types[5];
    open_hosts(&g, imports, types);
    wsb_raw_value values[4] = {{.i32 = 1}, {.i64 = 2}, {.f32 = 3}, {.f64 = 4}};
    ASSERT_OK(&g, guest_call(&g, "all", "iIfd:iIfd", values));
    assert_int_equal(values[0].i32, 2);
    assert_int_equal(values[1].i64, 3);
    assert_true(values[2].f32 == 4);
    assert_true(values[3].f64 == 5);
    ASSERT_OK(&g, guest_call(&g, "none", ":", NULL));
    assert_int_equal(g.host.calls, 3);
    guest_close(&g);
}

static void test_memory_in_host(void **state)
{
    (void)state;
    guest g;
    wsb_engine_import imports[5];
    signature types[5];
    open_hosts(&g, imports, types);
    wsb_raw_value values[1] = {{.i32 = 16}};
    ASSERT_OK(&g, guest_call(&g, "peek", "i:i", values));
    assert_int_equal(values[0].i32, 42);
    values[0].u32 = (uint32_t)PAGE;
    assert_int_equal(guest_call(&g, "peek", "i:i", values), WSB_ENGINE_HOST_TRAP);
    /* What grew in the same call is seen. */
    values[0].u32 = (uint32_t)PAGE;
    ASSERT_OK(&g, guest_call(&g, "peek_grown", "i:i", values));
    assert_int_equal(values[0].i32, 0);
    guest_close(&g);
}

static void test_host_trap(void **state)
{
    (void)state;
    guest g;
    wsb_engine_import imports[5];
    signature types[5];
    open_hosts(&g, imports, types);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(guest_call(&g, "stop", ":", NULL), WSB_ENGINE_HOST_TRAP);
        wsb_raw_value values[1] = {{.i32 = 16}};
        ASSERT_OK(&g, guest_call(&g, "peek", "i:i", values));
    }
    guest_close(&g);
}

static wsb_host_result host_vector(void *data, void *context, void *caller, wsb_raw_value *values)
{
    (void)data;
    (void)context;
    (void)caller;
    wsb_raw_value vector = values[0];
    int32_t number = values[1].i32;
    vector.v128[0] ^= 0xff;
    values[0].i32 = number + 1;
    values[1] = vector;
    return WSB_HOST_DONE;
}

static void test_vectors(void **state)
{
    (void)state;
    NEEDS(SIMD);
    NEEDS(VECTORS);
    guest g;
    signature type;
    guest_init(&g);
    signature_parse(&type, "vi:iv");
    wsb_engine_import import = {
        wsb_cstr("host"), wsb_cstr("vector"), type.type, host_vector, NULL, true};
    g.imports = &import;
    g.import_count = 1;
    guest_open(&g, "simd");
    wsb_raw_value values[2];
    for (uint8_t i = 0; i < 16; i++) {
        values[0].v128[i] = i;
        values[1].v128[i] = (uint8_t)(100 + i);
    }
    ASSERT_OK(&g, guest_call(&g, "swap", "vv:vv", values));
    for (uint8_t i = 0; i < 16; i++) {
        assert_int_equal(values[0].v128[i], 100 + i);
        assert_int_equal(values[1].v128[i], i);
    }
    values[1].i32 = 6;
    ASSERT_OK(&g, guest_call(&g, "through", "vi:iv", values));
    assert_int_equal(values[0].i32, 7);
    assert_int_equal(values[1].v128[0], 100 ^ 0xff);
    assert_int_equal(values[1].v128[15], 115);

    wsb_engine_handle global;
    wsb_raw_value vector;
    assert_true(ops->export_get(g.instance, wsb_cstr("g_v128"), WSB_EXTERN_GLOBAL, &global));
    ops->global_get(g.instance, &global, WSB_V128, &vector);
    assert_int_equal(vector.v128[12], 4);
    vector.v128[15] = 0x80;
    ops->global_set(g.instance, &global, WSB_V128, &vector);
    ops->global_get(g.instance, &global, WSB_V128, &values[0]);
    assert_memory_equal(values[0].v128, vector.v128, 16);
    guest_close(&g);
}

int run_host_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_memory_in_host),
        cmocka_unit_test(test_host_trap),
        cmocka_unit_test(test_vectors),
    };
    return cmocka_run_group_tests_name("host functions", tests, NULL, NULL);
}
