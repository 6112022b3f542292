/* "wsb_channel" and "wsb_host" while the n-th allocation of the library fails. */
#include "unit/core/fail_nth.h"
#include "unit/host/channel_test.h"

static wsb_status create(fixture *f, wsb_module *module, wsb_imports *imports)
{
    const wsb_channel_grant grants[] = {{wsb_cstr("jobs"), f->guest}};
    wsb_capabilities capabilities = WSB_CAPABILITIES_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_instance *instance = NULL;
    capabilities.channels = grants;
    capabilities.channel_count = 1;
    config.capabilities = &capabilities;
    config.imports = imports;
    config.mode = test_mode;
    wsb_status status = wsb_instance_create(module, &config, &instance, NULL);
    wsb_instance_destroy(instance);
    return status;
}

static void test_instances(void **state)
{
    fixture *f = *state;
    wsb_module *module = compile(f->runtime, driver);
    EXPECT_OUT_OF_MEMORY_UNTIL_OK(create(f, module, NULL));
    wsb_module_destroy(module);
}

static wsb_status define(wsb_imports *imports)
{
    wsb_structured_function function = WSB_STRUCTURED_FUNCTION_INIT;
    function.name = wsb_cstr("nothing");
    function.call = nothing;
    return wsb_imports_define_structured(imports, &function, NULL);
}

static const char caller[] =
    "(module (import \"wsb_host\" \"call\" (func $call (param i32 i32 i32 i32 i32 i32 i32)"
    "                                             (result i64)))"
    " (memory (export \"memory\") 1) (data (i32.const 0) \"nothing\\01\")"
    /* MessagePack to a function of JSON */
    " (func (export \"call\") (result i64)"
    "  (call $call (i32.const 0) (i32.const 7) (i32.const 1) (i32.const 7) (i32.const 1)"
    "   (i32.const 100) (i32.const 100))))";

static void test_host_functions(void **state)
{
    fixture *f = *state;
    wsb_imports *imports;
    wsb_instance *instance;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_raw_value value = {.u64 = 0};
    MUST(wsb_imports_create(&imports, err));
    EXPECT_OUT_OF_MEMORY_UNTIL_OK(define(imports));
    assert_int_equal(define(imports), WSB_ERROR_ALREADY_EXISTS);
    wsb_module *module = compile(f->runtime, caller);
    EXPECT_OUT_OF_MEMORY_UNTIL_OK(create(f, module, imports));
    config.imports = imports;
    config.mode = test_mode;
    MUST(wsb_instance_create(module, &config, &instance, err));
    wsb_function *call = function_of(instance, "call");
    for (unsigned n = 1; value.i64 != 5; n++) {
        fail_nth_start(n);
        wsb_status status = wsb_function_call_raw(call, &value, 1, NULL);
        fail_nth_stop();
        assert_int_equal(status, WSB_OK);
        assert_true(value.i64 == 5 || value.i64 == NO_ROOM);
        assert_true(n < 100);
    }
    wsb_instance_destroy(instance);
    wsb_module_destroy(module);
    wsb_imports_destroy(imports);
}

/* Calls with ever later failures until one has `expected`; before, the guest is told, or in the
 * library's own part of the call its caller. */
static void until(fixture *f, const char *name, const wsb_raw_value *args, int64_t expected)
{
    wsb_function *function = function_of(f->instance, name);
    bool wide = wsb_function_get_type(function)->results[0] == WSB_I64;
    int64_t result = NO_ROOM;
    for (unsigned n = 1; result != expected; n++) {
        wsb_raw_value values[8];
        memcpy(values, args, 5 * sizeof *args);
        fail_nth_start(n);
        wsb_status status = wsb_function_call_raw(function, values, 8, NULL);
        fail_nth_stop();
        assert_int_equal(status, WSB_OK);
        result = wide ? values[0].i64 : values[0].i32;
        assert_true(result == expected || result == NO_ROOM);
        assert_true(n < 100);
    }
}

static void test_transfers(void **state)
{
    fixture *f = *state;
    const uint32_t entry[3] = {0, CAN_RECEIVE, 0};
    const wsb_raw_value send[5] = {
        {.u32 = 0}, {.u32 = 0}, {.u32 = 0}, {.u32 = 2000}, {.i64 = 1000000}};
    const wsb_raw_value receive[5] = {
        {.u32 = 0}, {.u32 = 0}, {.u32 = BUFFER}, {.u32 = CAPACITY}, {.i64 = 1000000}};
    const wsb_raw_value wait[5] = {{.u32 = ENTRIES}, {.u32 = 1}, {.i64 = 1000000}};
    assert_int_equal(open_named(f, "jobs"), 0);
    put(f->instance, ENTRIES, entry, sizeof entry);
    until(f, "wait", wait, TIMED_OUT);
    until(f, "receive", receive, TIMED_OUT);
    MUST(wsb_channel_send(f->host, wsb_bytes_of(driver, 1500), 0, err));
    until(f, "wait", wait, 1);
    until(f, "receive", receive, 1500);
    assert_memory(f->instance, BUFFER, driver, 1500);
    until(f, "send", send, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_instances),
        TEST(test_host_functions),
        TEST(test_transfers),
    };
    return RUN_IN_BOTH_MODES(tests, NULL, NULL);
}
