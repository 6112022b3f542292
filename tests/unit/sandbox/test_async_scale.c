/* Many asynchronous calls, and some that never end. wsb-test: engine */
#include "async_support.h"

#include <malloc.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif

#ifdef IS_SANITIZED
enum { SLEEPERS = 500 };
#else
enum { SLEEPERS = 10000 };
#endif

/* A spinning guest on each thread that is there from the start; short calls of others end. */
static void spinning_guests_keep_nobody(wsb_execution_mode mode, uint32_t max_threads)
{
    enum { COUNT = 200 };
    static wsb_future *futures[COUNT];
    wsb_executor *executor = make_executor(2, max_threads, 0);
    gate *it = gate_create(8);
    wsb_sandbox *sandbox = make_sandbox();
    wsb_module_id module = load(sandbox, WAT_GATED);
    wsb_future *spinning[2];
    gate_open(it);
    for (size_t i = 0; i < 2; i++)
        spinning[i] =
            start_on(executor, sandbox, gated(sandbox, module, it, mode, NULL), "enter_and_spin");
    gate_await(it, 2);
    for (size_t i = 0; i < COUNT; i++)
        futures[i] = start_on(executor, sandbox, gated(sandbox, module, it, mode, NULL), "next");
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(finish(futures[i], 1).of.i32, 1);
    assert_false(wsb_future_poll(spinning[0]) || wsb_future_poll(spinning[1]));
    wsb_sandbox_destroy(sandbox);
    for (size_t i = 0; i < 2; i++)
        finish_fails(spinning[i], 0, WSB_ERROR_CANCELLED, NULL);
    gate_destroy(it);
    wsb_executor_destroy(executor);
}

static bool has_fibers(void)
{
    return (test_features_of(test_engine()) & WSB_ENGINE_FIBERS) != 0;
}

static void spinning_guests_that_hold_threads(void **state)
{
    (void)state;
    spinning_guests_keep_nobody(WSB_EXECUTION_DIRECT, 4);
}

static void spinning_guests_with_slices(void **state)
{
    (void)state;
    if (!has_fibers())
        skip();
    spinning_guests_keep_nobody(WSB_EXECUTION_FIBER, 2);
}

static wsb_sandbox *sandbox_with_fibers(wsb_executor *executor, uint64_t fibers)
{
    wsb_sandbox *sandbox = NULL;
    wsb_error *error = NULL;
    wsb_runtime_options runtime = WSB_RUNTIME_OPTIONS_INIT;
    wsb_sandbox_options options = WSB_SANDBOX_OPTIONS_INIT;
    runtime.max_fibers = fibers;
    options.engine = test_engine();
    options.runtime = &runtime;
    options.executor = executor;
    assert_ok(wsb_sandbox_create(&options, &sandbox, &error), error);
    return sandbox;
}

static void many_asleep_on_two_threads(void **state)
{
    (void)state;
    static wsb_future *futures[SLEEPERS];
    if (!has_fibers())
        skip();
    wsb_executor *executor = make_executor(2, 2, 0);
    wsb_sandbox *sandbox = sandbox_with_fibers(executor, SLEEPERS + 8);
    gate *it = gate_create(SLEEPERS);
    wsb_module_id module = load(sandbox, WAT_GATED);
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    limits.max_memory = 65536;
    limits.max_wall_time = WSB_UNLIMITED;
    for (size_t i = 0; i < SLEEPERS; i++)
        futures[i] = start(sandbox, gated(sandbox, module, it, WSB_EXECUTION_FIBER, &limits),
                           "gated", NULL, 0);
    gate_await(it, SLEEPERS);
    wsb_instance_id other = gated(sandbox, module, it, WSB_EXECUTION_DIRECT, NULL);
    assert_int_equal(finish(start(sandbox, other, "next", NULL, 0), 1).of.i32, 1);
    wsb_executor_stats stats = WSB_EXECUTOR_STATS_INIT;
    wsb_executor_get_stats(executor, &stats);
    assert_true(stats.threads_peak <= 2);
    assert_true(stats.suspended_peak >= SLEEPERS - 2);
    gate_open(it);
    for (size_t i = 0; i < SLEEPERS; i++)
        assert_int_equal(finish(futures[i], 1).of.i32, 7);
    wsb_sandbox_destroy(sandbox);
    wsb_executor_destroy(executor);
    gate_destroy(it);
}

/* What a call takes that waits for its turn, in all. */
static void a_queued_call_is_small(void **state)
{
    (void)state;
    enum { COUNT = 4000 };
    static wsb_future *futures[COUNT];
    gate *it = gate_create(1);
    wsb_sandbox *sandbox = make_sandbox();
    wsb_instance_id id =
        gated(sandbox, load(sandbox, WAT_GATED), it, WSB_EXECUTION_FIBER_IF_ABLE, NULL);
    wsb_future *first = start(sandbox, id, "gated", NULL, 0);
    gate_await(it, 1);
    wsb_value args[] = {wsb_value_i32(5), wsb_value_i32(3)};
    size_t before = mallinfo2().uordblks;
    for (size_t i = 0; i < COUNT; i++)
        futures[i] = start(sandbox, id, "add", args, 2);
    size_t each = (mallinfo2().uordblks - before) / COUNT;
    print_message("a queued call takes %zu bytes\n", each);
#ifndef IS_SANITIZED
    assert_in_range(each, 1, 1023);
#endif
    gate_open(it);
    assert_int_equal(finish(first, 1).of.i32, 7);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(finish(futures[i], 1).of.i32, 8);
    wsb_sandbox_destroy(sandbox);
    gate_destroy(it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spinning_guests_that_hold_threads),
        cmocka_unit_test(spinning_guests_with_slices),
        cmocka_unit_test(many_asleep_on_two_threads),
        cmocka_unit_test(a_queued_call_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
