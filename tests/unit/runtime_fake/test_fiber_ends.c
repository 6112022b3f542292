/* How suspended calls end otherwise: cancelled, late, destroyed, forked, refused, out of memory. */
#include "unit/core/fail_nth.h"
#include "unit/runtime_fake/fiber_test.h"

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Far more than it takes, far less than the guests of these tests would. */
#define SOON (2000 * NS_PER_MS)

static void a_cancelled_wait_ends(void **state)
{
    waiting how = {.timeout_ns = FOREVER};
    wsb_executor *executor = executor_of(1);
    wsb_instance *instance = waiter(*state, NULL, &how);
    driver call;
    drive(&call, executor, instance, "callhost 0");
    until_at_least(&call.suspended, 1);
    uint64_t start = now_ns();
    wsb_instance_cancel(instance);
    assert_int_equal(driver_wait(&call), WSB_ERROR_CANCELLED);
    assert_true(now_ns() - start < SOON);
    assert_int_equal(how.resumed, 0);
    assert_int_equal(how.dropped, 1);
    MUST_FAIL(WSB_ERROR_CLOSED, "ended this instance",
              wsb_function_call(call.function, NULL, 0, NULL, 0, err));
    wsb_instance_destroy(instance);
    wsb_executor_destroy(executor);
}

/* Before it begins, while it begins, while it waits: whenever the cancellation comes. */
static void a_cancellation_is_never_missed(void **state)
{
    wsb_executor *executor = executor_of(2);
    for (int i = 0; i < 200; i++) {
        waiting how = {.timeout_ns = FOREVER, .wants_waker = true};
        wsb_instance *instance = waiter(*state, NULL, &how);
        driver call;
        drive(&call, executor, instance, "sleephost 0");
        for (int spin = 0; spin < i * 20; spin++) {
            (void)atomic_load(&how.begun);
        }
        if (i % 2 == 0) {
            wsb_instance_cancel(instance);
        } else {
            wsb__task_cancel(&call.task);
        }
        assert_int_equal(driver_wait(&call), WSB_ERROR_CANCELLED);
        assert_int_equal(how.dropped, how.begun);
        wsb_waker_unref(how.waker);
        wsb_instance_destroy(instance);
    }
    wsb_executor_destroy(executor);
}

static void a_deadline_ends_a_wait(void **state)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    waiting how = {.timeout_ns = FOREVER};
    wsb_executor *executor = executor_of(1);
    limits.max_wall_time = 10 * NS_PER_MS;
    wsb_instance *instance = waiter(*state, &limits, &how);
    driver call;
    uint64_t start = now_ns();
    drive(&call, executor, instance, "callhost 0");
    assert_int_equal(driver_wait(&call), WSB_ERROR_TIMEOUT);
    uint64_t took = now_ns() - start;
    assert_true(took >= 9 * NS_PER_MS && took < SOON);
    assert_int_equal(how.dropped, 1);
    wsb_instance_destroy(instance);
    wsb_executor_destroy(executor);
}

enum { SPINNERS = 40 };

/* One thread, many guests that spin: a deadline and a cancellation go before them. With 2 ms for
 * each in turn, a place at the end of the queue would be 80 ms away. */
static void ends_go_before_slices(void **state)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    waiting how = {.timeout_ns = FOREVER};
    wsb_executor *executor = executor_of(1);
    wsb_instance *spinners[SPINNERS];
    driver spins[SPINNERS];
    driver waits;
    limits.max_wall_time = 300 * NS_PER_MS;
    config.mode = WSB_EXECUTION_FIBER;
    wsb_instance *instance = waiter(*state, &limits, &how);
    drive(&waits, executor, instance, "callhost 0");
    for (int i = 0; i < SPINNERS; i++) {
        spinners[i] = instantiate(*state, FAKE_GUEST, &config);
        drive(&spins[i], executor, spinners[i], "spin");
    }
    until_at_least(&waits.suspended, 1);
    assert_int_equal(driver_wait(&waits), WSB_ERROR_TIMEOUT);
    until_at_least(&spins[SPINNERS - 1].yielded, 1);
    for (int i = SPINNERS - 1; i >= 0; i--) {
        uint32_t slices = atomic_load(&spins[0].yielded);
        wsb_instance_cancel(spinners[i]);
        assert_int_equal(driver_wait(&spins[i]), WSB_ERROR_CANCELLED);
        if (i > 1) { /* not all of the others had their turn before */
            assert_true(atomic_load(&spins[0].yielded) <= slices + 1);
        }
    }
    for (int i = 0; i < SPINNERS; i++) {
        wsb_instance_destroy(spinners[i]);
    }
    wsb_instance_destroy(instance);
    wsb_executor_destroy(executor);
}

/* CPU time is that of all parts together. */
static void cpu_time_adds_up(void **state)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_executor *executor = executor_of(1);
    wsb_usage usage = WSB_USAGE_INIT;
    driver calls[2];
    wsb_instance *instances[2];
    limits.max_cpu_time = 20 * NS_PER_MS;
    config.limits = &limits;
    config.mode = WSB_EXECUTION_FIBER;
    for (int i = 0; i < 2; i++) {
        instances[i] = instantiate(*state, FAKE_GUEST, &config);
        drive(&calls[i], executor, instances[i], "spin");
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(driver_wait(&calls[i]), WSB_ERROR_CPU_TIME);
        assert_true(calls[i].yielded > 0);
        wsb_instance_usage(instances[i], &usage);
        assert_true(usage.cpu_time >= 15 * NS_PER_MS);
        wsb_instance_destroy(instances[i]);
    }
    wsb_executor_destroy(executor);
}

static void *destroy_it(void *argument)
{
    wsb_instance_destroy(*(wsb_instance **)argument);
    return NULL;
}

/* Against the rules, and nothing is freed under the call. */
static void destroying_a_suspended_one_ends_it_first(void **state)
{
    waiting how = {.timeout_ns = FOREVER};
    wsb_executor *executor = executor_of(1);
    wsb_instance *instance = waiter(*state, NULL, &how);
    driver call;
    drive(&call, executor, instance, "callhost 0");
    until_at_least(&call.suspended, 1);
    run_threads(1, destroy_it, &instance, sizeof instance);
    assert_int_equal(driver_wait(&call), WSB_ERROR_CANCELLED);
    assert_int_equal(how.dropped, 1);
    wsb_executor_destroy(executor);
}

static wsb_host_result destroy_and_wait(wsb_call_context *context, wsb_raw_value *values,
                                        void *user_data)
{
    (void)values;
    wsb_instance_destroy(wsb_call_context_instance(context));
    return begin_wait(context, user_data);
}

static void a_guest_destroyed_by_its_own_host_function_ends(void **state)
{
    waiting how = {.timeout_ns = FOREVER};
    wsb_executor *executor = executor_of(1);
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    config.imports = imports_of(destroy_and_wait, &how, NULL);
    config.mode = WSB_EXECUTION_FIBER;
    wsb_instance *instance = instantiate(*state, FAKE_CALLER, &config);
    wsb_imports_destroy(config.imports);
    driver call;
    drive(&call, executor, instance, "callhost 0");
    assert_int_equal(driver_wait(&call), WSB_ERROR_CANCELLED);
    assert_int_equal(how.dropped, 1);
    wsb_executor_destroy(executor);
    assert_int_equal(wsb_fake_engine_live().instances, 0);
}

/* The engine fails where it should go on: the pending state goes once. */
static void a_failed_resume_drops_the_wait(void **state)
{
    waiting how = {.timeout_ns = NS_PER_MS};
    wsb_executor *executor = executor_of(1);
    wsb_instance *instance = waiter(*state, NULL, &how);
    driver call;
    assert_true(wsb_fake_engine_fail("function_resume", 1, WSB_ENGINE_FAILED));
    drive(&call, executor, instance, "callhost 0");
    assert_int_equal(driver_wait(&call), WSB_ERROR_INTERNAL);
    assert_int_equal(how.dropped, 1);
    assert_int_equal(how.resumed, 0);
    wsb_instance_destroy(instance);
    wsb_executor_destroy(executor);
}

static void ending_the_executor_ends_them_all(void **state)
{
    wsb_executor *executor = executor_of(2);
    wsb_instance *instances[10];
    waiting hows[10] = {{0}};
    driver calls[10];
    for (int i = 0; i < 10; i++) {
        hows[i].timeout_ns = FOREVER;
        instances[i] = waiter(*state, NULL, &hows[i]);
        drive(&calls[i], executor, instances[i], i % 2 == 0 ? "callhost 0" : "spin");
    }
    for (int i = 0; i < 10; i += 2) {
        until_at_least(&calls[i].suspended, 1);
    }
    wsb_executor_destroy(executor);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(calls[i].done, 1);
        assert_int_equal(driver_wait(&calls[i]), WSB_ERROR_CANCELLED);
        assert_int_equal(hows[i].dropped, i % 2 == 0);
        wsb_instance_destroy(instances[i]);
    }
}

/* A child has neither the threads nor the locks: it refuses, and does not hang. */
static void a_forked_child_refuses(void **state)
{
    waiting how = {.timeout_ns = FOREVER, .wants_waker = true};
    wsb_instance *instance = waiter(*state, NULL, &how);
    wsb_function *function = function_of(instance, "callhost 0");
    wsb_raw_value values[2] = {{.u64 = 0}};
    wsb_status status = WSB_OK;
    assert_int_equal(wsb__call_begin(instance, &function->target, values, &status, NULL),
                     WSB__CALL_SUSPENDED);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        wsb_waker_wake(how.waker);
        bool ok = wsb__call_continue(instance, &status, NULL) == WSB__CALL_ENDED &&
                  status == WSB_ERROR_FORKED;
        ok = ok &&
             wsb__call_begin(instance, &function->target, values, &status, NULL) == WSB__CALL_ENDED;
        ok = ok && status == WSB_ERROR_FORKED;
        wsb_instance_cancel(instance);
        wsb_instance_destroy(instance);
        _exit(ok ? 0 : 1);
    }
    int ended;
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_true(WIFEXITED(ended) && WEXITSTATUS(ended) == 0);
    wake_taken(&how);
    assert_int_equal(wsb__call_continue(instance, &status, NULL), WSB__CALL_ENDED);
    assert_int_equal(status, WSB_OK);
    wsb_instance_destroy(instance);
}

/* So many guests at once as there are stacks; one more is refused and can be called again. */
static void more_than_max_fibers_are_refused(void **state)
{
    (void)state;
    wsb_runtime_options options = WSB_RUNTIME_OPTIONS_INIT;
    wsb_runtime *runtime;
    waiting how = {.timeout_ns = FOREVER, .wants_waker = true};
    wsb_executor *executor = executor_of(1);
    options.max_fibers = 1;
    MUST(fake_runtime_of(fake_ops(), &options, &runtime, err));
    wsb_instance *first = waiter(runtime, NULL, &how);
    wsb_instance *second = waiter(runtime, NULL, &how);
    wsb_function *nop = function_of(second, "nop");
    driver call;
    driver more;
    drive(&call, executor, first, "callhost 0");
    until_at_least(&call.suspended, 1);
    MUST_FAIL(WSB_ERROR_LIMIT_EXCEEDED, "all of the 1 guests in fiber mode",
              wsb_function_call(nop, NULL, 0, NULL, 0, err));
    drive(&more, executor, second, "nop");
    assert_int_equal(driver_wait(&more), WSB_ERROR_LIMIT_EXCEEDED);
    wake_taken(&how);
    assert_int_equal(driver_wait(&call), WSB_OK);
    MUST(wsb_function_call(nop, NULL, 0, NULL, 0, err));
    drive(&more, executor, second, "nop");
    assert_int_equal(driver_wait(&more), WSB_OK);
    wsb_instance_destroy(first);
    wsb_instance_destroy(second);
    wsb_executor_destroy(executor);
    wsb_runtime_destroy(runtime);
}

static void what_the_engine_refuses_is_said(void **state)
{
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_module *module = compile(*state, FAKE_GUEST);
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance *instance;
    wsb_error *error = NULL;
    limits.max_stack = 300000; /* an engine of its own */
    config.limits = &limits;
    config.mode = WSB_EXECUTION_FIBER;
    assert_true(wsb_fake_engine_fail("engine_create", 1, WSB_ENGINE_FAILED));
    assert_int_equal(wsb_instance_create(module, &config, &instance, &error),
                     WSB_ERROR_LIMIT_EXCEEDED);
    assert_string_equal(wsb_error_subject(error), "max_fibers");
    assert_non_null(strstr(wsb_error_message(error), "engine_create was told to fail"));
    assert_non_null(strstr(wsb_error_suggestion(error), "max_fibers"));
    wsb_error_destroy(error);
    MUST(wsb_instance_create(module, &config, &instance, err));
    wsb_instance_destroy(instance);
    /* A pool that cannot be had is done without. */
    limits.max_stack = 310000;
    assert_true(wsb_fake_engine_fail("engine_create", 1, WSB_ENGINE_POOL_EXHAUSTED));
    MUST(wsb_instance_create(module, &config, &instance, err));
    wsb_instance_destroy(instance);
    config.mode = (wsb_execution_mode)7;
    MUST_FAIL(WSB_ERROR_INVALID_ARGUMENT, "7 is no execution mode",
              wsb_instance_create(module, &config, &instance, err));
    wsb_module_destroy(module);
}

static void engines_without_fibers_say_so(void **state)
{
    (void)state;
    wsb_runtime_options options = WSB_RUNTIME_OPTIONS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_instance *instance;
    wsb_runtime *runtime;
    options.max_fibers = 10;
    MUST_FAIL(WSB_ERROR_UNSUPPORTED, "'fake-small' has no fibers",
              fake_runtime_of(wsb_fake_small_engine_ops(), &options, &runtime, err));
    MUST(fake_runtime_of(wsb_fake_small_engine_ops(), NULL, &runtime, err));
    wsb_module *module = compile(runtime, FAKE_GUEST);
    config.mode = WSB_EXECUTION_FIBER;
    MUST_FAIL(WSB_ERROR_UNSUPPORTED, "engine 'fake-small' does not have the feature fibers",
              wsb_instance_create(module, &config, &instance, err));
    config.mode = WSB_EXECUTION_FIBER_IF_ABLE;
    MUST(wsb_instance_create(module, &config, &instance, err));
    assert_null(instance->fiber);
    driver call;
    wsb_executor *executor = executor_of(1);
    drive(&call, executor, instance, "nop"); /* it holds its thread */
    assert_int_equal(driver_wait(&call), WSB_OK);
    wsb_executor_destroy(executor);
    wsb_instance_destroy(instance);
    wsb_module_destroy(module);
    wsb_runtime_destroy(runtime);
}

static wsb_host_result call_other(wsb_call_context *context, wsb_raw_value *values, void *user_data)
{
    wsb_error *error = NULL;
    wsb_function *function = function_of(user_data, "callhost 0");
    (void)values;
    wsb_status status = wsb_function_call(function, NULL, 0, NULL, 0, &error);
    if (status != WSB_OK) {
        wsb_call_context_fail(context, status, "%s", wsb_error_message(error));
        wsb_error_destroy(error);
        return WSB_HOST_TRAP;
    }
    return WSB_HOST_DONE;
}

/* From a guest's own stack no other guest is entered; into one, from anywhere. */
static void guests_in_fiber_mode_call_no_guests(void **state)
{
    waiting how = {.timeout_ns = NS_PER_MS};
    wsb_executor *executor = executor_of(1);
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_instance *inner = waiter(*state, NULL, &how);
    config.imports = imports_of(call_other, inner, NULL);
    wsb_instance *direct = instantiate(*state, FAKE_CALLER, &config);
    assert_int_equal(call_plain(direct, "callhost 0"), WSB_OK);
    assert_int_equal(how.resumed, 1);
    config.mode = WSB_EXECUTION_FIBER;
    for (int i = 0; i < 2; i++) {
        wsb_instance *outer = instantiate(*state, FAKE_CALLER, &config);
        driver call;
        if (i == 0) {
            drive(&call, executor, outer, "callhost 0");
            assert_int_equal(driver_wait(&call), WSB_ERROR_UNSUPPORTED);
        } else {
            MUST_FAIL(WSB_ERROR_UNSUPPORTED, "in fiber mode, which cannot call into guests",
                      wsb_function_call(function_of(outer, "callhost 0"), NULL, 0, NULL, 0, err));
        }
        wsb_instance_destroy(outer);
    }
    assert_int_equal(call_plain(inner, "callhost 0"), WSB_OK);
    wsb_imports_destroy(config.imports);
    wsb_instance_destroy(direct);
    wsb_instance_destroy(inner);
    wsb_executor_destroy(executor);
}

/* Declared to never wait, and it does: in either mode that ends the guest, once. */
static void who_declares_to_never_wait_does_not(void **state)
{
    wsb_executor *executor = executor_of(1);
    for (int mode = WSB_EXECUTION_DIRECT; mode <= WSB_EXECUTION_FIBER; mode++) {
        waiting how = {.timeout_ns = 0};
        wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
        wsb_host_function function = WSB_HOST_FUNCTION_INIT;
        driver call;
        function.module = wsb_cstr("env");
        function.name = wsb_cstr("work");
        function.call_raw = wait_here;
        function.never_waits = true;
        MUST(wsb_imports_create(&config.imports, err));
        MUST(wsb_imports_define(config.imports, &function, err));
        config.user_data = &how;
        config.mode = (wsb_execution_mode)mode;
        wsb_instance *instance = instantiate(*state, FAKE_CALLER, &config);
        wsb_imports_destroy(config.imports);
        drive(&call, executor, instance, "callhost 0");
        assert_int_equal(driver_wait(&call), WSB_ERROR_INTERNAL);
        assert_int_equal(how.dropped, 1);
        wsb_instance_destroy(instance);
    }
    wsb_executor_destroy(executor);
}

/* All from the runtime to the end of a suspended call, by hand. */
static wsb_status whole_life(void)
{
    waiting how = {.timeout_ns = FOREVER, .wants_waker = true};
    wsb_runtime *runtime = NULL;
    wsb_module *module = NULL;
    wsb_instance *instance = NULL;
    wsb_function *function = NULL;
    wsb_raw_value values[2] = {{.u64 = 0}};
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_host_function import = WSB_HOST_FUNCTION_INIT;
    wsb_status status = fake_runtime_of(fake_ops(), NULL, &runtime, NULL);
    import.module = wsb_cstr("env");
    import.name = wsb_cstr("work");
    import.call_raw = wait_here;
    config.user_data = &how;
    config.mode = WSB_EXECUTION_FIBER;
    if (status == WSB_OK) {
        status = wsb_imports_create(&config.imports, NULL);
    }
    if (status == WSB_OK) {
        status = wsb_imports_define(config.imports, &import, NULL);
    }
    if (status == WSB_OK) {
        status = wsb_module_compile(runtime, wsb_bytes_of(FAKE_CALLER, strlen(FAKE_CALLER)), NULL,
                                    &module, NULL);
    }
    if (status == WSB_OK) {
        status = wsb_instance_create(module, &config, &instance, NULL);
    }
    if (status == WSB_OK) {
        status = wsb_instance_function(instance, wsb_cstr("callhost 0"), &function, NULL);
    }
    if (status == WSB_OK && wsb__call_begin(instance, &function->target, values, &status, NULL) ==
                                WSB__CALL_SUSPENDED) {
        wsb_waker_wake(how.waker);
        assert_int_equal(wsb__call_continue(instance, &status, NULL), WSB__CALL_ENDED);
    }
    assert_int_equal(how.dropped, 0);
    wsb_waker_unref(how.waker);
    wsb_instance_destroy(instance);
    wsb_imports_destroy(config.imports);
    wsb_module_destroy(module);
    wsb_runtime_destroy(runtime);
    return status;
}

static void no_allocation_is_trusted(void **state)
{
    (void)state;
    EXPECT_OUT_OF_MEMORY_UNTIL_OK(whole_life());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cancelled_wait_ends),
        cmocka_unit_test(a_cancellation_is_never_missed),
        cmocka_unit_test(a_deadline_ends_a_wait),
        cmocka_unit_test(ends_go_before_slices),
        cmocka_unit_test(cpu_time_adds_up),
        cmocka_unit_test(destroying_a_suspended_one_ends_it_first),
        cmocka_unit_test(a_guest_destroyed_by_its_own_host_function_ends),
        cmocka_unit_test(a_failed_resume_drops_the_wait),
        cmocka_unit_test(ending_the_executor_ends_them_all),
        cmocka_unit_test(a_forked_child_refuses),
        cmocka_unit_test(more_than_max_fibers_are_refused),
        cmocka_unit_test(what_the_engine_refuses_is_said),
        cmocka_unit_test(engines_without_fibers_say_so),
        cmocka_unit_test(guests_in_fiber_mode_call_no_guests),
        cmocka_unit_test(who_declares_to_never_wait_does_not),
        cmocka_unit_test(no_allocation_is_trusted),
    };
    return cmocka_run_group_tests(tests, make_fake_runtime, drop_fake_runtime);
}
