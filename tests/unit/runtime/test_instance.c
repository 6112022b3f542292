/* Instances: memory and its limit, start functions, globals, serialization, fork. */
#include "unit/runtime/runtime_test.h"

#include <sys/wait.h>
#include <unistd.h>

static const char grower[] =
    "(module (memory (export \"memory\") 1 100)"
    " (global (export \"counter\") (mut i64) (i64.const 5))"
    " (global (export \"fixed\") f32 (f32.const 1.5))"
    " (func (export \"grow\") (param i32) (result i32) local.get 0 memory.grow)"
    " (func (export \"must_grow\") (param i32)"
    "   (if (i32.eq (memory.grow (local.get 0)) (i32.const -1)) (then unreachable))))";

static wsb_instance *with_memory(wsb_runtime *runtime, uint64_t max_memory, wsb_event_fn on_event,
                                 void *data)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    limits.max_memory = max_memory;
    config.limits = &limits;
    config.on_event = on_event;
    config.on_event_data = data;
    return instantiate(runtime, grower, &config);
}

static int32_t grow(wsb_instance *instance, int32_t pages)
{
    wsb_value arg = wsb_value_i32(pages);
    wsb_value result;
    MUST(wsb_function_call(function_of(instance, "grow"), &arg, 1, &result, 1, err));
    return result.of.i32;
}

static void count_event(const wsb_event *event, void *data)
{
    if (event->kind == WSB_EVENT_MEMORY_REFUSED && strcmp(event->subject, "max_memory") == 0) {
        ++*(int *)data;
    }
}

static wsb_host_result woken(wsb_call_context *context, wsb_raw_value *values, bool ready,
                             void *data)
{
    (void)context;
    (void)values;
    (void)ready;
    ++*(int *)data;
    return WSB_HOST_DONE;
}

static wsb_host_result nap(wsb_call_context *context, wsb_raw_value *values, void *data)
{
    (void)values;
    wsb_call_context_wait(context, NULL, 0, 30 * WSB_MILLISECOND, woken, NULL, data);
    return WSB_HOST_PENDING;
}

static void memory_grows_to_the_limit_and_not_beyond(void **state)
{
    int events = 0;
    wsb_usage usage = WSB_USAGE_INIT;
    wsb_instance *instance = with_memory(*state, 4 * 65536, count_event, &events);
    assert_int_equal(grow(instance, 3), 1);
    assert_int_equal(events, 0);
    assert_int_equal(grow(instance, 1), -1);
    assert_int_equal(events, 1);
    wsb_instance_usage(instance, &usage);
    assert_int_equal(usage.memory, 4 * 65536);
    assert_int_equal(usage.memory_refusals, 1);
    MUST_FAIL(WSB_ERROR_LIMIT_EXCEEDED, "max_memory is 262144",
              wsb_instance_grow_memory(instance, 1, err));
    wsb_instance_destroy(instance);
}

static void a_guest_that_dies_of_a_refusal_is_out_of_memory(void **state)
{
    wsb_instance *instance = with_memory(*state, 2 * 65536, NULL, NULL);
    wsb_value arg = wsb_value_i32(2);
    wsb_error *error = NULL;
    assert_int_equal(
        wsb_function_call(function_of(instance, "must_grow"), &arg, 1, NULL, 0, &error),
        WSB_ERROR_GUEST_OUT_OF_MEMORY);
    assert_string_equal(wsb_error_subject(error), "max_memory");
    assert_int_equal(wsb_error_allowed(error), 2 * 65536);
    wsb_error_destroy(error);
    wsb_instance_destroy(instance);
}

static void a_minimum_above_the_limit_is_refused(void **state)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_instance *instance;
    config.limits = &limits;
    limits.max_memory = 65536;
    limits.max_table_elements = 10;
    wsb_module *memory = compile(*state, "(module (memory 2))");
    wsb_module *table = compile(*state, "(module (table 11 funcref))");
    MUST_FAIL(WSB_ERROR_LIMIT_EXCEEDED, "max_memory is 65536",
              wsb_instance_create(memory, &config, &instance, err));
    MUST_FAIL(WSB_ERROR_LIMIT_EXCEEDED, "max_table_elements is 10",
              wsb_instance_create(table, &config, &instance, err));
    wsb_module_destroy(memory);
    wsb_module_destroy(table);
}

static void the_start_function_is_under_the_deadline(void **state)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_instance *instance;
    config.limits = &limits;
    limits.max_wall_time = 20 * WSB_MILLISECOND;
    wsb_module *spins = compile(*state, "(module (func $s (loop br 0)) (start $s))");
    wsb_module *traps = compile(*state, "(module (func $s unreachable) (start $s))");
    wsb_module *data = compile(*state, "(module (memory 1) (data (i32.const 65536) \"x\"))");
    MUST_FAIL(WSB_ERROR_TIMEOUT, "start function",
              wsb_instance_create(spins, &config, &instance, err));
    MUST_FAIL(WSB_ERROR_TRAP, "start function",
              wsb_instance_create(traps, &config, &instance, err));
    MUST_FAIL(WSB_ERROR_TRAP, "filled", wsb_instance_create(data, &config, &instance, err));
    wsb_module_destroy(spins);
    wsb_module_destroy(traps);
    wsb_module_destroy(data);
}

static void a_reactor_is_initialized_once(void **state)
{
    static const char reactor[] =
        "(module (global $n (mut i32) (i32.const 0))"
        " (func (export \"_initialize\") (global.set $n (i32.add (global.get $n) (i32.const 1))))"
        " (func (export \"count\") (result i32) global.get $n))";
    wsb_instance *instance = instantiate(*state, reactor, NULL);
    wsb_value result;
    MUST(wsb_function_call(function_of(instance, "count"), NULL, 0, &result, 1, err));
    assert_int_equal(result.of.i32, 1);
    wsb_instance_destroy(instance);
}

/* Each of the guest's functions takes 30 ms of the 50 ms that the whole has. */
static void a_buffer_call_has_one_deadline(void **state)
{
    static const char slow[] =
        "(module (import \"env\" \"nap\" (func $nap)) (memory (export \"memory\") 1)"
        " (func (export \"wsb_alloc\") (param i32) (result i32) call $nap i32.const 64)"
        " (func (export \"wsb_free\") (param i32 i32) call $nap)"
        " (func (export \"f\") (param i32 i32) (result i64) call $nap i64.const 0))";
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_host_function function = WSB_HOST_FUNCTION_INIT;
    wsb_buf out = WSB_BUF_INIT;
    int naps = 0;
    MUST(wsb_imports_create(&config.imports, err));
    function.module = wsb_cstr("env");
    function.name = wsb_cstr("nap");
    function.call_raw = nap;
    function.user_data = &naps;
    MUST(wsb_imports_define(config.imports, &function, err));
    limits.max_wall_time = 50 * WSB_MILLISECOND;
    config.limits = &limits;
    wsb_instance *instance = instantiate(*state, slow, &config);
    MUST_FAIL(WSB_ERROR_TIMEOUT, "max_wall_time is 50.0 ms",
              wsb_instance_call_bytes(instance, wsb_cstr("f"), wsb_bytes_of("x", 1), &out, err));
    assert_int_equal(naps, 1);
    wsb_instance_destroy(instance);
    wsb_imports_destroy(config.imports);
}

static void globals_and_memory_can_be_used(void **state)
{
    wsb_instance *instance = with_memory(*state, 0, NULL, NULL);
    wsb_value value = wsb_value_i64(-9);
    char text[4];
    MUST(wsb_instance_set_global(instance, wsb_cstr("counter"), &value, err));
    value = wsb_value_i32(0);
    MUST(wsb_instance_get_global(instance, wsb_cstr("counter"), &value, err));
    assert_int_equal(value.of.i64, -9);
    value = wsb_value_f32(1);
    MUST_FAIL(WSB_ERROR_ACCESS_DENIED, "constant",
              wsb_instance_set_global(instance, wsb_cstr("fixed"), &value, err));
    MUST_FAIL(WSB_ERROR_TYPE_MISMATCH, "must be i64",
              wsb_instance_set_global(instance, wsb_cstr("counter"), &value, err));
    MUST_FAIL(WSB_ERROR_NOT_FOUND, "nothing",
              wsb_instance_get_global(instance, wsb_cstr("nothing"), &value, err));
    MUST(wsb_instance_write_memory(instance, 65532, "abcd", 4, err));
    MUST(wsb_instance_read_memory(instance, 65532, text, 4, err));
    assert_memory_equal(text, "abcd", 4);
    MUST_FAIL(WSB_ERROR_LIMIT_EXCEEDED, "not inside",
              wsb_instance_read_memory(instance, 65533, text, 4, err));
    MUST_FAIL(WSB_ERROR_LIMIT_EXCEEDED, "not inside",
              wsb_instance_read_memory(instance, UINT64_MAX, text, 4, err));
    wsb_instance_destroy(instance);
}

static void more_instances_than_the_pool_holds_are_served(void **state)
{
    enum { MANY = 100 }; /* the pool of these tests has 64 */
    wsb_instance *instances[MANY];
    wsb_module *module = compile(*state, grower);
    for (int i = 0; i < MANY; i++) {
        MUST(wsb_instance_create(module, NULL, &instances[i], err));
    }
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(grow(instances[i], 1), 1);
        wsb_instance_destroy(instances[i]);
    }
    wsb_module_destroy(module);
}

static wsb_runtime *runtime_with_key(uint8_t first)
{
    uint8_t key[32] = {first};
    wsb_runtime *runtime;
    wsb_runtime_options options = WSB_RUNTIME_OPTIONS_INIT;
    options.key = wsb_bytes_of(key, sizeof key);
    options.avoid_pool = true;
    MUST(wsb_runtime_create(test_engine(), &options, &runtime, err));
    return runtime;
}

static void a_serialized_module_needs_its_key(void **state)
{
    TEST_NEEDS(*state, SERIALIZE);
    wsb_runtime *mine = runtime_with_key(1);
    wsb_runtime *other = runtime_with_key(2);
    wsb_module *module = compile(mine, grower);
    wsb_module *again;
    wsb_buf bytes = WSB_BUF_INIT;
    wsb_instance *instance;
    MUST(wsb_module_serialize(module, &bytes, err));
    wsb_bytes view = wsb_bytes_of(bytes.data, bytes.len);
    MUST(wsb_module_deserialize(mine, view, &again, err));
    MUST(wsb_instance_create(again, NULL, &instance, err));
    assert_int_equal(grow(instance, 1), 1);
    wsb_instance_destroy(instance);
    wsb_module_destroy(again);
    MUST_FAIL(WSB_ERROR_UNTRUSTED, "", wsb_module_deserialize(other, view, &again, err));
    bytes.data[bytes.len - 1] ^= 1;
    MUST_FAIL(WSB_ERROR_UNTRUSTED, "", wsb_module_deserialize(mine, view, &again, err));
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    limits.fuel = 1000;
    config.limits = &limits;
    bytes.data[bytes.len - 1] ^= 1;
    MUST(wsb_module_deserialize(mine, view, &again, err));
    MUST_FAIL(WSB_ERROR_UNSUPPORTED, "compiled in advance",
              wsb_instance_create(again, &config, &instance, err));
    wsb_module_destroy(again);
    wsb_buf_fini(&bytes);
    wsb_module_destroy(module);
    wsb_runtime_destroy(mine);
    wsb_runtime_destroy(other);
}

static void a_forked_child_is_refused(void **state)
{
    wsb_instance *instance = with_memory(*state, 0, NULL, NULL);
    wsb_function *function = function_of(instance, "grow");
    pid_t child = fork();
    if (child == 0) {
        wsb_value arg = wsb_value_i32(1);
        wsb_value result;
        wsb_status status = wsb_function_call(function, &arg, 1, &result, 1, NULL);
        wsb_instance_destroy(instance);
        wsb_runtime_destroy(*state);
        _exit(status == WSB_ERROR_FORKED ? 0 : 1);
    }
    int ended = -1;
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_int_equal(ended, 0);
    assert_int_equal(grow(instance, 1), 1);
    wsb_instance_destroy(instance);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_grows_to_the_limit_and_not_beyond),
        cmocka_unit_test(a_guest_that_dies_of_a_refusal_is_out_of_memory),
        cmocka_unit_test(a_minimum_above_the_limit_is_refused),
        cmocka_unit_test(the_start_function_is_under_the_deadline),
        cmocka_unit_test(a_reactor_is_initialized_once),
        cmocka_unit_test(a_buffer_call_has_one_deadline),
        cmocka_unit_test(globals_and_memory_can_be_used),
        cmocka_unit_test(more_instances_than_the_pool_holds_are_served),
        cmocka_unit_test(a_serialized_module_needs_its_key),
        cmocka_unit_test(a_forked_child_is_refused),
    };
    return cmocka_run_group_tests(tests, make_runtime, drop_runtime);
}
