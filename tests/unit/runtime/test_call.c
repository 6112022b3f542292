/* Calls: values, traps, limits, and what an instance is after them. */
#include "unit/runtime/runtime_test.h"

#include <pthread.h>

static const char arithmetic[] =
    "(module (func (export \"add\") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)"
    " (func (export \"swap\") (param i64 f64) (result f64 i64) local.get 1 local.get 0)"
    " (func $boom (export \"boom\") unreachable)"
    " (func $deep (export \"deep\") call $deep)"
    " (func (export \"spin\") (loop br 0)))";

static void values_go_in_and_come_out(void **state)
{
    wsb_instance *instance = instantiate(*state, arithmetic, NULL);
    wsb_value args[2] = {wsb_value_i32(5), wsb_value_i32(3)};
    wsb_value results[2];
    MUST(wsb_function_call(function_of(instance, "add"), args, 2, results, 1, err));
    assert_int_equal(results[0].type, WSB_I32);
    assert_int_equal(results[0].of.i32, 8);

    wsb_value mixed[2] = {wsb_value_i64(INT64_MIN), wsb_value_f64(0.5)};
    MUST(wsb_function_call(function_of(instance, "swap"), mixed, 2, results, 2, err));
    assert_true(results[0].of.f64 == 0.5);
    assert_true(results[1].of.i64 == INT64_MIN);

    wsb_raw_value raw[2] = {{.i32 = 40}, {.i32 = 2}};
    MUST(wsb_function_call_raw(function_of(instance, "add"), raw, 2, err));
    assert_int_equal(raw[0].i32, 42);
    wsb_instance_destroy(instance);
}

static void vectors_go_in_and_come_out(void **state)
{
    TEST_NEEDS(*state, VECTORS);
    wsb_instance *instance =
        instantiate(*state,
                    "(module (func (export \"splat\") (param i32 v128) (result v128)"
                    " (i32x4.add (i32x4.splat (local.get 0)) (local.get 1))))",
                    NULL);
    wsb_value args[2] = {wsb_value_i32(-3), {.type = WSB_V128, .of.v128 = {1, 0, 0, 0, 1}}};
    wsb_value result;
    MUST(wsb_function_call(function_of(instance, "splat"), args, 2, &result, 1, err));
    assert_int_equal(result.of.v128[0], 0xfe);
    assert_int_equal(result.of.v128[4], 0xfe);
    assert_int_equal(result.of.v128[12], 0xfd);
    wsb_instance_destroy(instance);
}

static void references_go_in_and_come_out(void **state)
{
    TEST_NEEDS(*state, REFERENCES);
    wsb_instance *instance = instantiate(
        *state,
        "(module (func (export \"same\") (param externref) (result externref) local.get 0))", NULL);
    int thing;
    wsb_value reference = wsb_value_externref(&thing);
    wsb_value result;
    MUST(wsb_function_call(function_of(instance, "same"), &reference, 1, &result, 1, err));
    assert_ptr_equal(result.of.ref, &thing);
    wsb_instance_destroy(instance);
}

static void wrong_values_are_refused_and_harm_nothing(void **state)
{
    wsb_instance *instance = instantiate(*state, arithmetic, NULL);
    wsb_function *add = function_of(instance, "add");
    wsb_value args[2] = {wsb_value_i32(1), wsb_value_i64(2)};
    wsb_value result = wsb_value_i32(77);
    MUST_FAIL(WSB_ERROR_TYPE_MISMATCH, "argument 1 is i64 and must be i32",
              wsb_function_call(add, args, 2, &result, 1, err));
    MUST_FAIL(WSB_ERROR_INVALID_ARGUMENT, "1 arguments given, it has 2",
              wsb_function_call(add, args, 1, &result, 1, err));
    MUST_FAIL(WSB_ERROR_INVALID_ARGUMENT, "0 results given",
              wsb_function_call(add, args, 2, NULL, 0, err));
    MUST_FAIL(WSB_ERROR_NOT_FOUND, "'add'",
              wsb_instance_function(instance, wsb_cstr("addd"), &add, err));
    assert_int_equal(result.of.i32, 77);
    args[1] = wsb_value_i32(2);
    MUST(wsb_function_call(add, args, 2, &result, 1, err));
    wsb_instance_destroy(instance);
}

static void a_trap_closes_the_instance_and_says_which(void **state)
{
    wsb_instance *instance = instantiate(*state, arithmetic, NULL);
    wsb_error *error = NULL;
    wsb_status status = wsb_function_call(function_of(instance, "boom"), NULL, 0, NULL, 0, &error);
    assert_int_equal(status, WSB_ERROR_TRAP);
    assert_string_equal(wsb_error_trap(error), "unreachable");
    wsb_error_destroy(error);
    MUST_FAIL(WSB_ERROR_CLOSED, "an earlier call ended this instance",
              wsb_function_call(function_of(instance, "boom"), NULL, 0, NULL, 0, err));
    wsb_instance_destroy(instance);
}

static void a_trap_says_where(void **state)
{
    TEST_NEEDS(*state, BACKTRACES);
    wsb_instance *instance = instantiate(*state, arithmetic, NULL);
    wsb_error *error = NULL;
    assert_int_equal(wsb_function_call(function_of(instance, "boom"), NULL, 0, NULL, 0, &error),
                     WSB_ERROR_TRAP);
    assert_non_null(strstr(wsb_error_backtrace(error), "boom"));
    wsb_error_destroy(error);
    wsb_instance_destroy(instance);
}

static void stack_overflow_names_the_limit(void **state)
{
    wsb_instance *instance = instantiate(*state, arithmetic, NULL);
    wsb_error *error = NULL;
    assert_int_equal(wsb_function_call(function_of(instance, "deep"), NULL, 0, NULL, 0, &error),
                     WSB_ERROR_TRAP);
    assert_string_equal(wsb_error_trap(error), "stack_overflow");
    assert_string_equal(wsb_error_subject(error), "max_stack");
    wsb_error_destroy(error);
    wsb_instance_destroy(instance);
}

static wsb_status spin_with(wsb_runtime *runtime, const wsb_resource_limits *limits,
                            wsb_error **out_error)
{
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    config.limits = limits;
    wsb_instance *instance = instantiate(runtime, arithmetic, &config);
    wsb_status status =
        wsb_function_call(function_of(instance, "spin"), NULL, 0, NULL, 0, out_error);
    wsb_instance_destroy(instance);
    return status;
}

static void an_endless_loop_ends_at_each_limit(void **state)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    limits.max_wall_time = 20 * WSB_MILLISECOND;
    MUST_FAIL(WSB_ERROR_TIMEOUT, "max_wall_time is 20.0 ms", spin_with(*state, &limits, err));
    limits.max_wall_time = 0;
    limits.max_cpu_time = 20 * WSB_MILLISECOND;
    MUST_FAIL(WSB_ERROR_CPU_TIME, "max_cpu_time is 20.0 ms", spin_with(*state, &limits, err));
    limits.max_cpu_time = 0;
    limits.fuel = 100000;
    MUST_FAIL(WSB_ERROR_OUT_OF_FUEL, "fuel of 100000", spin_with(*state, &limits, err));
}

static void *cancel_when_running(void *argument)
{
    wsb_instance *instance = argument;
    wsb_usage usage = WSB_USAGE_INIT;
    do {
        wsb_instance_usage(instance, &usage);
    } while (usage.wall_time < WSB_MILLISECOND);
    wsb_instance_cancel(instance);
    return NULL;
}

static void another_thread_cancels_and_sees_usage_grow(void **state)
{
    wsb_instance *instance = instantiate(*state, arithmetic, NULL);
    wsb_function *spin = function_of(instance, "spin");
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, cancel_when_running, instance), 0);
    MUST_FAIL(WSB_ERROR_CANCELLED, "cancelled", wsb_function_call(spin, NULL, 0, NULL, 0, err));
    pthread_join(thread, NULL);
    MUST_FAIL(WSB_ERROR_CLOSED, "cancelled", wsb_function_call(spin, NULL, 0, NULL, 0, err));
    wsb_instance_destroy(instance);
}

static void cancelling_an_idle_instance_closes_it(void **state)
{
    wsb_instance *instance = instantiate(*state, arithmetic, NULL);
    wsb_value args[2] = {wsb_value_i32(1), wsb_value_i32(2)};
    wsb_value result;
    wsb_instance_cancel(instance);
    MUST_FAIL(WSB_ERROR_CANCELLED, "cancelled",
              wsb_function_call(function_of(instance, "add"), args, 2, &result, 1, err));
    wsb_instance_destroy(instance);
}

static void *call_on_small_stack(void *argument)
{
    wsb_value args[2] = {wsb_value_i32(1), wsb_value_i32(2)};
    wsb_value result;
    MUST_FAIL(WSB_ERROR_LIMIT_EXCEEDED, "of stack",
              wsb_function_call(argument, args, 2, &result, 1, err));
    return NULL;
}

static void too_little_stack_is_refused_instead_of_faulting(void **state)
{
    wsb_instance *instance = instantiate(*state, arithmetic, NULL);
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 * 1024);
    assert_int_equal(
        pthread_create(&thread, &attributes, call_on_small_stack, function_of(instance, "add")), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    wsb_instance_destroy(instance);
}

static void usage_counts_calls_and_time(void **state)
{
    wsb_instance *instance = instantiate(*state, arithmetic, NULL);
    wsb_function *add = function_of(instance, "add");
    wsb_raw_value raw[2] = {{.i32 = 1}, {.i32 = 2}};
    for (int i = 0; i < 1000; i++) {
        MUST(wsb_function_call_raw(add, raw, 2, err));
    }
    wsb_usage usage = WSB_USAGE_INIT;
    wsb_instance_usage(instance, &usage);
    assert_int_equal(usage.calls, 1000);
    assert_true(usage.wall_time > 0 && usage.wall_time < WSB_SECOND);
    assert_int_equal(usage.memory, 0);
    wsb_instance_destroy(instance);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_go_in_and_come_out),
        cmocka_unit_test(vectors_go_in_and_come_out),
        cmocka_unit_test(references_go_in_and_come_out),
        cmocka_unit_test(wrong_values_are_refused_and_harm_nothing),
        cmocka_unit_test(a_trap_closes_the_instance_and_says_which),
        cmocka_unit_test(a_trap_says_where),
        cmocka_unit_test(stack_overflow_names_the_limit),
        cmocka_unit_test(an_endless_loop_ends_at_each_limit),
        cmocka_unit_test(another_thread_cancels_and_sees_usage_grow),
        cmocka_unit_test(cancelling_an_idle_instance_closes_it),
        cmocka_unit_test(too_little_stack_is_refused_instead_of_faulting),
        cmocka_unit_test(usage_counts_calls_and_time),
    };
    return cmocka_run_group_tests(tests, make_runtime, drop_runtime);
}
