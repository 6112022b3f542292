/* Calls that are suspended and go on, on the fake engine. */
#include "unit/runtime_fake/fiber_test.h"

#include <unistd.h>

static void a_sleeping_guest_goes_on(void **state)
{
    waiting how = {.timeout_ns = NS_PER_MS, .again = 2};
    wsb_executor *executor = executor_of(2);
    wsb_instance *instance = waiter(*state, NULL, &how);
    driver call;
    drive(&call, executor, instance, "callhost 0");
    assert_int_equal(driver_wait(&call), WSB_OK);
    assert_int_equal(how.resumed, 3);
    assert_int_equal(how.resumed_ready, 0);
    assert_true(call.suspended >= 3);
    assert_int_equal(how.dropped, 0);
    wsb_instance_destroy(instance);
    wsb_executor_destroy(executor);
}

static void a_wait_for_what_is_there_does_not_suspend(void **state)
{
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    assert_int_equal(write(pipe_fds[1], "x", 1), 1);
    struct pollfd fd = {.fd = pipe_fds[0], .events = POLLIN};
    waiting how = {.timeout_ns = FOREVER, .fds = &fd, .fd_count = 1};
    wsb_executor *executor = executor_of(1);
    wsb_instance *instance = waiter(*state, NULL, &how);
    driver call;
    drive(&call, executor, instance, "callhost 0");
    assert_int_equal(driver_wait(&call), WSB_OK);
    assert_int_equal(how.resumed_ready, 1);
    assert_int_equal(fd.revents, POLLIN);
    assert_int_equal(call.suspended, 0);
    wsb_instance_destroy(instance);
    wsb_executor_destroy(executor);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static void a_descriptor_ends_the_wait(void **state)
{
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    struct pollfd fd = {.fd = pipe_fds[0], .events = POLLIN};
    waiting how = {.timeout_ns = FOREVER, .fds = &fd, .fd_count = 1};
    wsb_executor *executor = executor_of(1);
    wsb_instance *instance = waiter(*state, NULL, &how);
    driver call;
    drive(&call, executor, instance, "callhost 0");
    until_at_least(&call.suspended, 1);
    assert_int_equal(write(pipe_fds[1], "x", 1), 1);
    assert_int_equal(driver_wait(&call), WSB_OK);
    assert_int_equal(how.resumed_ready, 1);
    assert_int_equal(fd.revents, POLLIN);
    wsb_instance_destroy(instance);
    wsb_executor_destroy(executor);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static void what_is_no_descriptor_is_an_answer(void **state)
{
    struct pollfd fds[2] = {{.fd = -1}, {.fd = 1 << 20, .events = POLLIN}};
    waiting how = {.timeout_ns = FOREVER, .fds = fds, .fd_count = 2};
    wsb_executor *executor = executor_of(1);
    wsb_instance *instance = waiter(*state, NULL, &how);
    driver call;
    drive(&call, executor, instance, "callhost 0");
    /* poll(2) says POLLNVAL, which is an answer. */
    assert_int_equal(driver_wait(&call), WSB_OK);
    assert_int_equal(fds[1].revents, POLLNVAL);
    wsb_instance_destroy(instance);
    wsb_executor_destroy(executor);
}

/* While suspended it is busy, its time runs, and it uses no CPU time. */
static void a_suspended_guest_is_in_its_call(void **state)
{
    waiting how = {.timeout_ns = FOREVER, .wants_waker = true};
    wsb_executor *executor = executor_of(1);
    wsb_instance *instance = waiter(*state, NULL, &how);
    wsb_function *nop = function_of(instance, "nop");
    wsb_usage usage = WSB_USAGE_INIT;
    uint8_t byte;
    driver call;
    drive(&call, executor, instance, "callhost 0");
    until_at_least(&call.suspended, 1);
    MUST_FAIL(WSB_ERROR_BUSY, "running a call", wsb_function_call(nop, NULL, 0, NULL, 0, err));
    MUST_FAIL(WSB_ERROR_BUSY, "running a call",
              wsb_instance_read_memory(instance, 0, &byte, 1, err));
    uint64_t before = 0;
    do {
        wsb_instance_usage(instance, &usage);
        before = before != 0 ? before : usage.wall_time + 1;
    } while (usage.wall_time < before + 5 * NS_PER_MS);
    assert_true(usage.cpu_time < 4 * NS_PER_MS);
    wake_taken(&how);
    assert_int_equal(driver_wait(&call), WSB_OK);
    assert_int_equal(how.resumed_ready, 1);
    wsb_instance_usage(instance, &usage);
    assert_true(usage.wall_time >= before + 5 * NS_PER_MS);
    assert_true(usage.cpu_time < usage.wall_time);
    assert_int_equal(usage.calls, 1);
    MUST(wsb_function_call(nop, NULL, 0, NULL, 0, err));
    wsb_instance_destroy(instance);
    wsb_executor_destroy(executor);
}

enum { MANY = 1000 };

static void a_thousand_wait_on_two_threads(void **state)
{
    wsb_runtime *runtime = *state;
    wsb_executor *executor = executor_of(2);
    driver *calls = calloc(MANY, sizeof *calls);
    waiting *hows = calloc(MANY, sizeof *hows);
    wsb_instance **instances = calloc(MANY, sizeof *instances);
    wsb_module *module = compile(runtime, FAKE_CALLER);
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    config.imports = imports_of(wait_here, NULL, NULL);
    config.mode = WSB_EXECUTION_FIBER;
    for (int i = 0; i < MANY; i++) {
        hows[i].timeout_ns = FOREVER;
        hows[i].wants_waker = true;
        config.user_data = &hows[i];
        MUST(wsb_instance_create(module, &config, &instances[i], err));
        drive(&calls[i], executor, instances[i], "callhost 0");
    }
    for (int i = 0; i < MANY; i++) {
        until_at_least(&calls[i].suspended, 1);
    }
    wsb_executor_stats stats = WSB_EXECUTOR_STATS_INIT;
    wsb_executor_get_stats(executor, &stats);
    assert_true(stats.threads <= 2);
    for (int i = 0; i < MANY; i++) {
        if (i % 3 == 0) {
            wsb_instance_cancel(instances[i]);
        } else {
            wake_taken(&hows[i]);
        }
    }
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(driver_wait(&calls[i]), i % 3 == 0 ? WSB_ERROR_CANCELLED : WSB_OK);
        assert_int_equal(hows[i].resumed + hows[i].dropped, 1);
        assert_int_equal(hows[i].dropped, i % 3 == 0);
        wsb_waker_unref(hows[i].waker);
        wsb_instance_destroy(instances[i]);
    }
    wsb_imports_destroy(config.imports);
    wsb_module_destroy(module);
    wsb_executor_destroy(executor);
    free(calls);
    free(hows);
    free(instances);
}

/* A spinning guest makes room: one thread serves it and many short calls. What was seen is looked
 * at when the guest has ended, which would go on on this stack. */
static void a_spinning_guest_makes_room(void **state)
{
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    config.mode = WSB_EXECUTION_FIBER;
    wsb_executor *executor = executor_of(1);
    wsb_instance *spinner = instantiate(*state, FAKE_GUEST, &config);
    wsb_instance *other = instantiate(*state, FAKE_GUEST, &config);
    wsb_usage usage = WSB_USAGE_INIT;
    driver spins;
    driver call;
    unsigned served = 0;
    drive(&spins, executor, spinner, "spin");
    for (int i = 0; i < 10; i++) {
        drive(&call, executor, other, "nop");
        served += driver_wait(&call) == WSB_OK;
    }
    uint32_t yielded = atomic_load(&spins.yielded);
    uint32_t ended = atomic_load(&spins.done);
    wsb_instance_usage(spinner, &usage);
    wsb_instance_cancel(spinner);
    wsb_status status = driver_wait(&spins);
    wsb_instance_destroy(spinner);
    wsb_instance_destroy(other);
    wsb_executor_destroy(executor);
    assert_int_equal(served, 10);
    assert_true(yielded > 0); /* it came first, and there is one thread */
    assert_int_equal(ended, 0);
    assert_true(usage.cpu_time > 0);
    assert_int_equal(status, WSB_ERROR_CANCELLED);
}

/* Fuel is that of the call, not of its parts. */
static void fuel_is_counted_over_all_parts(void **state)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    waiting how = {.timeout_ns = NS_PER_MS / 10};
    wsb_executor *executor = executor_of(2);
    wsb_usage usage = WSB_USAGE_INIT;
    driver call;
    limits.fuel = 1000;
    wsb_instance *instance = waiter(*state, &limits, &how);
    drive(&call, executor, instance, "callhost 0");
    assert_int_equal(driver_wait(&call), WSB_OK);
    wsb_instance_usage(instance, &usage);
    assert_true(usage.fuel > 0 && usage.fuel < 1000);
    drive(&call, executor, instance, "spin");
    assert_int_equal(driver_wait(&call), WSB_ERROR_OUT_OF_FUEL);
    wsb_instance_destroy(instance);
    wsb_executor_destroy(executor);
}

/* Steps by hand, each on a thread of its own. */
typedef struct by_hand {
    wsb_instance *instance;
    wsb_function *function;
    wsb_raw_value values[2];
    bool begin;
    bool adopt;
    wsb_status status;
    wsb__progress progress;
} by_hand;

static void *step_by_hand(void *argument)
{
    by_hand *self = argument;
    wsb_error *error = NULL;
    if (self->adopt) {
        wsb__sequence_adopt(self->instance);
    }
    self->progress = self->begin ? wsb__call_begin(self->instance, &self->function->target,
                                                   self->values, &self->status, &error)
                                 : wsb__call_continue(self->instance, &self->status, &error);
    wsb_error_destroy(error);
    return NULL;
}

static wsb__progress step_elsewhere(by_hand *self)
{
    run_threads(1, step_by_hand, self, sizeof *self);
    return self->progress;
}

static void each_part_can_be_on_another_thread(void **state)
{
    waiting how = {.timeout_ns = FOREVER, .wants_waker = true, .again = 1};
    wsb_instance *instance = waiter(*state, NULL, &how);
    by_hand call = {
        .instance = instance, .function = function_of(instance, "callhost 0"), .begin = true};
    assert_int_equal(step_elsewhere(&call), WSB__CALL_SUSPENDED);
    call.begin = false;
    assert_int_equal(step_elsewhere(&call), WSB__CALL_SUSPENDED); /* nothing happened yet */
    wake_taken(&how);
    assert_int_equal(step_elsewhere(&call), WSB__CALL_SUSPENDED); /* the second wait */
    assert_int_equal(how.resumed, 1);
    wake_taken(&how);
    assert_int_equal(step_elsewhere(&call), WSB__CALL_ENDED);
    assert_int_equal(call.status, WSB_OK);
    wsb_instance_destroy(instance);
}

/* A sequence is one call as far as limits go, on whatever threads. */
static void a_sequence_wanders(void **state)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    waiting how = {.timeout_ns = FOREVER, .wants_waker = true};
    limits.max_wall_time = 100 * NS_PER_MS;
    wsb_instance *instance = waiter(*state, &limits, &how);
    by_hand call = {.instance = instance,
                    .function = function_of(instance, "callhost 0"),
                    .begin = true,
                    .adopt = true};
    MUST(wsb__sequence_begin(instance, "test", err));
    assert_int_equal(step_elsewhere(&call), WSB__CALL_SUSPENDED);
    wake_taken(&how);
    call.begin = false;
    assert_int_equal(step_elsewhere(&call), WSB__CALL_ENDED);
    assert_int_equal(call.status, WSB_OK);
    call.begin = true;
    call.function = function_of(instance, "nop");
    assert_int_equal(step_elsewhere(&call), WSB__CALL_ENDED);
    assert_int_equal(call.status, WSB_OK);
    MUST_FAIL(WSB_ERROR_BUSY, "", wsb_function_call(call.function, NULL, 0, NULL, 0, err));
    call.function = function_of(instance, "spin"); /* until the deadline of them all */
    assert_int_equal(step_elsewhere(&call), WSB__CALL_ENDED);
    assert_int_equal(call.status, WSB_ERROR_TIMEOUT);
    wsb__sequence_adopt(instance);
    wsb__sequence_end(instance);
    wsb_instance_destroy(instance);
}

/* Blocking calls hold the thread and know nothing of it all. */
static void a_blocking_call_waits_where_it_is(void **state)
{
    waiting how = {.timeout_ns = NS_PER_MS, .again = 2};
    wsb_instance *instance = waiter(*state, NULL, &how);
    assert_int_equal(call_plain(instance, "callhost 0"), WSB_OK);
    assert_int_equal(how.resumed, 3);
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    limits.max_wall_time = 5 * NS_PER_MS;
    wsb_instance *hasty = waiter(*state, &limits, &how);
    how.timeout_ns = FOREVER;
    assert_int_equal(call_plain(hasty, "callhost 0"), WSB_ERROR_TIMEOUT);
    assert_int_equal(how.dropped, 1);
    wsb_instance_destroy(hasty);
    wsb_instance_destroy(instance);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sleeping_guest_goes_on),
        cmocka_unit_test(a_wait_for_what_is_there_does_not_suspend),
        cmocka_unit_test(a_descriptor_ends_the_wait),
        cmocka_unit_test(what_is_no_descriptor_is_an_answer),
        cmocka_unit_test(a_suspended_guest_is_in_its_call),
        cmocka_unit_test(a_thousand_wait_on_two_threads),
        cmocka_unit_test(a_spinning_guest_makes_room),
        cmocka_unit_test(fuel_is_counted_over_all_parts),
        cmocka_unit_test(each_part_can_be_on_another_thread),
        cmocka_unit_test(a_sequence_wanders),
        cmocka_unit_test(a_blocking_call_waits_where_it_is),
    };
    return cmocka_run_group_tests(tests, make_fake_runtime, drop_fake_runtime);
}
