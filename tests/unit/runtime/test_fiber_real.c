/* Guests of real engines that sleep without a thread, and make room for others. */
#include "unit/runtime/fiber_driver.h"

/* sleep(ns): WASI's poll_oneoff with one clock; then spin, add, and a trap. */
static const char guest[] =
    "(module (import \"wasi_snapshot_preview1\" \"poll_oneoff\""
    "  (func $poll (param i32 i32 i32 i32) (result i32)))"
    " (memory (export \"memory\") 1)"
    " (func (export \"sleep\") (param i64) (result i32)"
    "  (i32.store (i32.const 16) (i32.const 1))"
    "  (i64.store (i32.const 24) (local.get 0))"
    "  (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))"
    " (func (export \"spin\") (loop $on (br $on)))"
    " (func (export \"add\") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))"
    " (func (export \"trap\") unreachable))";

static int make_fiber_runtime(void **state)
{
    wsb_runtime_options options = WSB_RUNTIME_OPTIONS_INIT;
    wsb_runtime *runtime;
    bool able = (test_features_of(test_engine()) & WSB_ENGINE_FIBERS) != 0;
    options.pool_instances = test_pool(test_engine(), 64);
    options.max_fibers = able ? 64 : 0;
    MUST(wsb_runtime_create(test_engine(), &options, &runtime, err));
    *state = runtime;
    return 0;
}

static wsb_instance *sleeper(wsb_runtime *runtime, const wsb_resource_limits *limits)
{
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_capabilities capabilities;
    wsb_capabilities_minimal(&capabilities);
    config.capabilities = &capabilities;
    config.limits = limits;
    config.mode = WSB_EXECUTION_FIBER;
    return instantiate(runtime, guest, &config);
}

static void sleep_in(driver *call, wsb_executor *executor, wsb_instance *instance, uint64_t ns)
{
    driver_prepare(call, instance, "sleep");
    call->values[0].u64 = ns;
    driver_submit(call, executor);
}

static void sleepers_hold_no_thread(void **state)
{
    enum { SLEEPERS = 20 };
    TEST_NEEDS(*state, FIBERS);
    wsb_executor *executor = executor_of(1);
    wsb_instance *instances[SLEEPERS];
    driver calls[SLEEPERS];
    for (int i = 0; i < SLEEPERS; i++) {
        instances[i] = sleeper(*state, NULL);
        sleep_in(&calls[i], executor, instances[i], 20 * NS_PER_MS);
    }
    for (int i = 0; i < SLEEPERS; i++) {
        assert_int_equal(driver_wait(&calls[i]), WSB_OK);
        assert_int_equal(calls[i].values[0].u32, 0);
        assert_true(calls[i].suspended >= 1);
        wsb_instance_destroy(instances[i]);
    }
    wsb_executor_destroy(executor);
}

/* One thread: a guest spins, others sleep, wake up and compute; all but it end. */
static void a_spinning_guest_lets_others_end(void **state)
{
    TEST_NEEDS(*state, FIBERS);
    wsb_executor *executor = executor_of(1);
    wsb_instance *spinner = sleeper(*state, NULL);
    wsb_instance *other = sleeper(*state, NULL);
    driver spins;
    driver call;
    drive(&spins, executor, spinner, "spin");
    for (int i = 0; i < 5; i++) {
        sleep_in(&call, executor, other, NS_PER_MS);
        assert_int_equal(driver_wait(&call), WSB_OK);
        driver_prepare(&call, other, "add");
        call.values[0].u32 = 2;
        call.values[1].u32 = 3;
        driver_submit(&call, executor);
        assert_int_equal(driver_wait(&call), WSB_OK);
        assert_int_equal(call.values[0].u32, 5);
    }
    assert_true(spins.yielded > 0);
    assert_int_equal(spins.done, 0);
    wsb_instance_cancel(spinner);
    assert_int_equal(driver_wait(&spins), WSB_ERROR_CANCELLED);
    wsb_instance_destroy(spinner);
    wsb_instance_destroy(other);
    wsb_executor_destroy(executor);
}

static void sleepers_end_by_deadline_cancellation_and_trap(void **state)
{
    TEST_NEEDS(*state, FIBERS);
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_executor *executor = executor_of(1);
    driver call;
    limits.max_wall_time = 20 * NS_PER_MS;
    wsb_instance *instance = sleeper(*state, &limits);
    sleep_in(&call, executor, instance, 3600 * 1000 * NS_PER_MS);
    assert_int_equal(driver_wait(&call), WSB_ERROR_TIMEOUT);
    wsb_instance_destroy(instance);
    instance = sleeper(*state, NULL);
    sleep_in(&call, executor, instance, 3600 * 1000 * NS_PER_MS);
    until_at_least(&call.suspended, 1);
    wsb_instance_cancel(instance);
    assert_int_equal(driver_wait(&call), WSB_ERROR_CANCELLED);
    wsb_instance_destroy(instance);
    instance = sleeper(*state, NULL);
    drive(&call, executor, instance, "trap");
    assert_int_equal(driver_wait(&call), WSB_ERROR_TRAP);
    wsb_instance_destroy(instance);
    instance = sleeper(*state, &limits); /* and a spinning one, slice by slice */
    drive(&call, executor, instance, "spin");
    assert_int_equal(driver_wait(&call), WSB_ERROR_TIMEOUT);
    wsb_instance_destroy(instance);
    wsb_executor_destroy(executor);
}

static void blocking_calls_work_as_ever(void **state)
{
    TEST_NEEDS(*state, FIBERS);
    wsb_raw_value values[2] = {{.u64 = NS_PER_MS}};
    wsb_instance *instance = sleeper(*state, NULL);
    MUST(wsb_function_call_raw(function_of(instance, "sleep"), values, 2, err));
    assert_int_equal(values[0].u32, 0);
    values[0].u32 = 20;
    values[1].u32 = 3;
    MUST(wsb_function_call_raw(function_of(instance, "add"), values, 2, err));
    assert_int_equal(values[0].u32, 23);
    MUST_FAIL(WSB_ERROR_TRAP, "",
              wsb_function_call_raw(function_of(instance, "trap"), values, 2, err));
    wsb_instance_destroy(instance);
}

/* More instances than the pool has places for, and calls that are resumed elsewhere. */
static void instances_beyond_the_pool_sleep_too(void **state)
{
    enum { SLEEPERS = 80, ROUNDS = 3 };
    TEST_NEEDS(*state, FIBERS);
    wsb_executor *executor = executor_of(2);
    static wsb_instance *instances[SLEEPERS];
    static driver calls[SLEEPERS];
    wsb_module *module = compile(*state, guest);
    wsb_capabilities capabilities;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_capabilities_minimal(&capabilities);
    config.capabilities = &capabilities;
    config.mode = WSB_EXECUTION_FIBER;
    for (int i = 0; i < SLEEPERS; i++) {
        MUST(wsb_instance_create(module, &config, &instances[i], err));
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < SLEEPERS / 2; i++) { /* of either kind, fewer than there are stacks */
            sleep_in(&calls[i], executor, instances[2 * i], NS_PER_MS);
        }
        for (int i = 0; i < SLEEPERS / 2; i++) {
            assert_int_equal(driver_wait(&calls[i]), WSB_OK);
        }
    }
    for (int i = 0; i < SLEEPERS; i++) {
        wsb_instance_destroy(instances[i]);
    }
    wsb_module_destroy(module);
    wsb_executor_destroy(executor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sleepers_hold_no_thread),
        cmocka_unit_test(a_spinning_guest_lets_others_end),
        cmocka_unit_test(sleepers_end_by_deadline_cancellation_and_trap),
        cmocka_unit_test(blocking_calls_work_as_ever),
        cmocka_unit_test(instances_beyond_the_pool_sleep_too),
    };
    return cmocka_run_group_tests(tests, make_fiber_runtime, drop_runtime);
}
