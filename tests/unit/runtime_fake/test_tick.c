/* Deadlines, fuel and cancellation on an engine that has none of them: by the tick. */
#include "unit/runtime_fake/fake_runtime.h"

#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include <wasm_sandbox/plugin/host_module.h>

/* `cost` is 1 for entering and 99,999; the others as their names say. */
#define GUEST                                                                                      \
    "(module (@custom \"fake\" \"cost: fuel 99999\") (func (export \"nop\"))"                      \
    " (func (export \"spin\")) (func (export \"cost\")) (func (export \"trap unreachable\")))"

#define STARTING_GUEST                                                                             \
    "(module (@custom \"fake\" \"wsb:start: fuel 99\\n_initialize: fuel 99\")"                     \
    " (func $start) (start $start) (func (export \"_initialize\")) (func (export \"nop\")))"

static wsb_instance *fueled(wsb_runtime *runtime, const char *guest, uint64_t fuel)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    limits.fuel = fuel;
    config.limits = &limits;
    return instantiate(runtime, guest, &config);
}

static uint64_t fuel_used(wsb_instance *instance)
{
    wsb_usage usage = WSB_USAGE_INIT;
    wsb_instance_usage(instance, &usage);
    return usage.fuel;
}

/* One call: how it ends, and what it used. */
static void uses(wsb_runtime *runtime, const char *name, uint64_t fuel, wsb_status expected,
                 uint64_t used)
{
    wsb_instance *instance = fueled(runtime, GUEST, fuel);
    assert_int_equal(call_plain(instance, name), expected);
    assert_int_equal(fuel_used(instance), used);
    assert_int_equal(call_plain(instance, "nop"), expected == WSB_OK ? WSB_OK : WSB_ERROR_CLOSED);
    wsb_instance_destroy(instance);
}

static void fuel_is_counted_to_the_unit(void **state)
{
    uses(*state, "nop", 2, WSB_OK, 1);
    uses(*state, "nop", 1, WSB_ERROR_OUT_OF_FUEL, 1); /* looked at when there is none left */
    uses(*state, "cost", 100001, WSB_OK, 100000);
    uses(*state, "cost", 99999, WSB_ERROR_OUT_OF_FUEL, 99999);
    uses(*state, "cost", 1, WSB_ERROR_OUT_OF_FUEL, 1);
    uses(*state, "spin", 30000, WSB_ERROR_OUT_OF_FUEL, 30000);
    uses(*state, "spin", 30001, WSB_ERROR_OUT_OF_FUEL, 30001);
    uses(*state, "spin", 1234567, WSB_ERROR_OUT_OF_FUEL, 1234567);
}

static void all_the_fuel_that_there_can_be(void **state)
{
    uses(*state, "cost", INT64_MAX, WSB_OK, 100000);
    uses(*state, "cost", INT64_MAX - 1, WSB_OK, 100000);
}

static void each_call_has_its_own_fuel(void **state)
{
    wsb_instance *instance = fueled(*state, GUEST, 100001);
    for (uint64_t i = 1; i <= 20; i++) {
        MUST(call_plain(instance, "cost"));
        assert_int_equal(fuel_used(instance), i * 100000);
    }
    assert_int_equal(call_plain(instance, "trap unreachable"), WSB_ERROR_TRAP);
    assert_int_equal(fuel_used(instance), 2000001);
    wsb_instance_destroy(instance);
}

static void calls_that_are_one_share_their_fuel(void **state)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_instance *instance = fueled(*state, STARTING_GUEST, 201);
    assert_int_equal(fuel_used(instance), 200);
    MUST(call_plain(instance, "nop"));
    assert_int_equal(fuel_used(instance), 201);
    wsb_instance_destroy(instance);
    limits.fuel = 199;
    config.limits = &limits;
    wsb_module *module = compile(*state, STARTING_GUEST);
    MUST_FAIL(WSB_ERROR_OUT_OF_FUEL, "_initialize",
              wsb_instance_create(module, &config, &instance, err));
    wsb_module_destroy(module);
}

static wsb_host_result call_inner(wsb_call_context *context, wsb_raw_value *values, void *data)
{
    wsb_status *expected = wsb_call_context_user_data(context);
    (void)values;
    *expected = call_plain(data, "spin");
    return WSB_HOST_DONE;
}

/* A guest with `limits` that calls `spin` of `inner`. */
static wsb_instance *outer_of(wsb_runtime *runtime, const wsb_resource_limits *limits,
                              wsb_instance *inner, wsb_status *out_status)
{
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    config.imports = imports_of(call_inner, inner, NULL);
    config.limits = limits;
    config.user_data = out_status;
    wsb_instance *outer = instantiate(runtime, FAKE_CALLER, &config);
    wsb_imports_destroy(config.imports);
    return outer;
}

static void fuel_that_runs_out_inside_ends_what_is_inside(void **state)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_status status = WSB_OK;
    limits.fuel = 10;
    wsb_instance *inner = fueled(*state, GUEST, 100000);
    wsb_instance *outer = outer_of(*state, &limits, inner, &status);
    MUST(call_plain(outer, "callhost 0"));
    assert_int_equal(status, WSB_ERROR_OUT_OF_FUEL);
    assert_int_equal(fuel_used(inner), 100000);
    assert_int_equal(fuel_used(outer), 1);
    wsb_instance_destroy(outer);
    wsb_instance_destroy(inner);
}

static void an_outer_deadline_ends_what_is_inside(void **state)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_status status = WSB_OK;
    limits.max_wall_time = 5 * WSB_MILLISECOND;
    limits.max_cpu_time = WSB_UNLIMITED;
    wsb_instance *inner = fueled(*state, GUEST, 0);
    wsb_instance *outer = outer_of(*state, &limits, inner, &status);
    assert_int_equal(call_plain(outer, "sleephost 0"), WSB_ERROR_TIMEOUT);
    assert_int_equal(status, WSB_ERROR_TIMEOUT);
    wsb_instance_destroy(outer);
    wsb_instance_destroy(inner);
}

static void a_deadline_comes_before_the_fuel_is_used_up(void **state)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    limits.fuel = INT64_MAX;
    config.limits = &limits;
    for (int by_cpu = 0; by_cpu < 2; by_cpu++) {
        limits.max_wall_time = by_cpu ? WSB_UNLIMITED : 3 * WSB_MILLISECOND;
        limits.max_cpu_time = by_cpu ? 3 * WSB_MILLISECOND : WSB_UNLIMITED;
        wsb_instance *instance = instantiate(*state, GUEST, &config);
        assert_int_equal(call_plain(instance, "spin"),
                         by_cpu ? WSB_ERROR_CPU_TIME : WSB_ERROR_TIMEOUT);
        assert_true(fuel_used(instance) > 0);
        assert_true(fuel_used(instance) < limits.fuel);
        wsb_instance_destroy(instance);
    }
}

typedef struct slow {
    unsigned calls;
    bool cancel;
} slow;

static wsb_host_result take_a_millisecond(wsb_call_context *context, wsb_raw_value *values,
                                          void *data)
{
    struct timespec time = {.tv_nsec = 1000000};
    slow *self = data;
    (void)values;
    nanosleep(&time, NULL);
    self->calls++;
    if (self->cancel) {
        wsb_instance_cancel_from_signal(wsb_call_context_instance(context));
    }
    return WSB_HOST_DONE;
}

/* A guest is looked at after each host function, however little it computes itself. */
static void slow_host_functions_do_not_outlast_the_deadline(void **state)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    slow count = {0, false};
    limits.max_wall_time = 20 * WSB_MILLISECOND;
    wsb_instance *instance = caller_of(*state, &limits, take_a_millisecond, &count);
    assert_int_equal(call_plain(instance, "sleephost 0"), WSB_ERROR_TIMEOUT);
    assert_in_range(count.calls, 1, 21);
    wsb_instance_destroy(instance);
    count = (slow){0, true};
    instance = caller_of(*state, NULL, take_a_millisecond, &count);
    assert_int_equal(call_plain(instance, "sleephost 0"), WSB_ERROR_CANCELLED);
    assert_int_equal(count.calls, 1);
    wsb_instance_destroy(instance);
}

static void *cancel_soon(void *instance)
{
    wsb_usage usage = WSB_USAGE_INIT;
    do {
        wsb_instance_usage(instance, &usage);
        sched_yield();
    } while (usage.wall_time == 0);
    wsb_instance_cancel_from_signal(instance);
    return NULL;
}

static void a_cancellation_from_a_signal_needs_no_interrupt(void **state)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    limits.max_wall_time = WSB_UNLIMITED;
    limits.max_cpu_time = WSB_UNLIMITED;
    config.limits = &limits;
    for (int i = 0; i < 20; i++) {
        pthread_t thread;
        wsb_instance *instance = instantiate(*state, GUEST, &config);
        assert_int_equal(pthread_create(&thread, NULL, cancel_soon, instance), 0);
        assert_int_equal(call_plain(instance, "spin"), WSB_ERROR_CANCELLED);
        pthread_join(thread, NULL);
        wsb_instance_destroy(instance);
    }
}

static void a_cancellation_before_the_first_call_is_not_lost(void **state)
{
    wsb_instance *instance = instantiate(*state, GUEST, NULL);
    wsb_instance_cancel_from_signal(instance);
    assert_int_equal(call_plain(instance, "spin"), WSB_ERROR_CANCELLED);
    assert_int_equal(call_plain(instance, "nop"), WSB_ERROR_CLOSED);
    wsb_instance_destroy(instance);
}

/* A backend that takes the tick's trap for one of the guest's, and calls the guest once more. */
static wsb_engine_result call_twice(void *instance, const wsb_engine_handle *function,
                                    const wsb_function_type *type, wsb_raw_value *values,
                                    wsb_engine_failure *out_failure)
{
    const wsb_runtime_ops *real = wsb_fake_small_engine_ops();
    wsb_engine_result result = real->function_call(instance, function, type, values, out_failure);
    if (result == WSB_ENGINE_HOST_TRAP) {
        result = real->function_call(instance, function, type, values, out_failure);
        assert_int_equal(result, WSB_ENGINE_HOST_TRAP); /* ended is ended */
    }
    return result == WSB_ENGINE_OK ? result : WSB_ENGINE_TRAPPED;
}

static void who_was_ended_stays_ended(void **state)
{
    (void)state;
    wsb_runtime_ops ops = *wsb_fake_small_engine_ops();
    wsb_runtime *runtime;
    ops.function_call = call_twice;
    MUST(fake_runtime_of(&ops, NULL, &runtime, err));
    uses(runtime, "spin", 100, WSB_ERROR_OUT_OF_FUEL, 100);
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    limits.max_wall_time = WSB_MILLISECOND;
    config.limits = &limits;
    wsb_instance *instance = instantiate(runtime, GUEST, &config);
    assert_int_equal(call_plain(instance, "spin"), WSB_ERROR_TIMEOUT);
    wsb_instance_destroy(instance);
    wsb_runtime_destroy(runtime);
}

static int make_small_runtime(void **state)
{
    fake_is_small = true;
    return make_fake_runtime(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fuel_is_counted_to_the_unit),
        cmocka_unit_test(all_the_fuel_that_there_can_be),
        cmocka_unit_test(each_call_has_its_own_fuel),
        cmocka_unit_test(calls_that_are_one_share_their_fuel),
        cmocka_unit_test(fuel_that_runs_out_inside_ends_what_is_inside),
        cmocka_unit_test(an_outer_deadline_ends_what_is_inside),
        cmocka_unit_test(a_deadline_comes_before_the_fuel_is_used_up),
        cmocka_unit_test(slow_host_functions_do_not_outlast_the_deadline),
        cmocka_unit_test(a_cancellation_from_a_signal_needs_no_interrupt),
        cmocka_unit_test(a_cancellation_before_the_first_call_is_not_lost),
        cmocka_unit_test(who_was_ended_stays_ended),
    };
    return cmocka_run_group_tests(tests, make_small_runtime, drop_fake_runtime);
}
