/* Wakers of waiting host functions, in both modes. */
#include "unit/core/fail_nth.h"
#include "unit/runtime_fake/fiber_test.h"

#include <unistd.h>

static const wsb_execution_mode modes[] = {WSB_EXECUTION_DIRECT, WSB_EXECUTION_FIBER};

#define FOR_EACH_MODE(mode)                                                                        \
    for (size_t at_ = 0; at_ < 2; at_++)                                                           \
        for (wsb_execution_mode mode = modes[at_], *once_ = &mode; once_ != NULL; once_ = NULL)

/* Wakes what the guest takes, as soon as it has. */
static void *wake_each(void *argument)
{
    waiting *how = argument;
    for (uint32_t i = 1; i <= 100; i++) {
        until_at_least(&how->begun, i);
        wake_taken(how);
    }
    return NULL;
}

static void a_wake_ends_the_wait(void **state)
{
    wsb_executor *executor = executor_of(1);
    FOR_EACH_MODE(mode)
    {
        waiting how = {.timeout_ns = FOREVER, .wants_waker = true, .again = 99};
        wsb_instance *instance = waiter_in(*state, mode, NULL, &how);
        driver call;
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, wake_each, &how), 0);
        drive(&call, executor, instance, "callhost 0");
        assert_int_equal(driver_wait(&call), WSB_OK);
        pthread_join(thread, NULL);
        assert_int_equal(how.resumed, 100);
        assert_int_equal(how.resumed_ready, 100);
        assert_int_equal(how.dropped, 0);
        wsb_instance_destroy(instance);
    }
    wsb_executor_destroy(executor);
}

/* Also with a descriptor that is not ready beside it. */
static void a_wake_before_the_wait_is_not_lost(void **state)
{
    wsb_executor *executor = executor_of(1);
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    struct pollfd fd = {.fd = pipe_fds[0], .events = POLLIN};
    for (int with_fd = 0; with_fd < 2; with_fd++) {
        FOR_EACH_MODE(mode)
        {
            waiting how = {.timeout_ns = FOREVER,
                           .fds = &fd,
                           .fd_count = (size_t)with_fd,
                           .wants_waker = true,
                           .wakes_itself = true,
                           .again = 4};
            wsb_instance *instance = waiter_in(*state, mode, NULL, &how);
            driver call;
            fd.revents = POLLHUP;
            drive(&call, executor, instance, "callhost 0");
            assert_int_equal(driver_wait(&call), WSB_OK);
            assert_int_equal(how.resumed_ready, 5);
            assert_true(!with_fd || fd.revents == 0);
            wsb_waker_unref(how.waker);
            wsb_instance_destroy(instance);
        }
    }
    wsb_executor_destroy(executor);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

/* A waker of an earlier wait, kept: it does nothing to the next one, nor to an instance that is
 * gone. */
static void a_late_wake_does_nothing(void **state)
{
    FOR_EACH_MODE(mode)
    {
        waiting how = {.timeout_ns = 1, .wants_waker = true};
        wsb_instance *instance = waiter_in(*state, mode, NULL, &how);
        assert_int_equal(call_plain(instance, "callhost 0"), WSB_OK);
        wsb_waker *first = atomic_exchange(&how.waker, NULL);
        wsb_waker_wake(first);
        how.timeout_ns = 5 * NS_PER_MS;
        assert_int_equal(call_plain(instance, "callhost 0"), WSB_OK);
        assert_int_equal(how.resumed, 2);
        assert_int_equal(how.resumed_ready, 0);
        assert_ptr_not_equal(first, how.waker);
        wsb_instance_destroy(instance);
        wsb_waker_wake(first);
        wsb_waker_wake(how.waker);
        wsb_waker_unref(first);
        wsb_waker_unref(how.waker);
    }
}

static wsb_host_result take_and_leave(wsb_call_context *context, wsb_raw_value *values,
                                      void *user_data)
{
    _Atomic(wsb_waker *) *taken = user_data;
    (void)values;
    wsb_waker *one = wsb_call_context_waker(context);
    wsb_waker *two = wsb_call_context_waker(context);
    assert_ptr_equal(one, two);
    wsb_waker_unref(two);
    wsb_waker_unref(atomic_exchange(taken, one));
    return WSB_HOST_DONE;
}

/* A host function that took one and did not wait after all. */
static void a_waker_without_a_wait_is_harmless(void **state)
{
    FOR_EACH_MODE(mode)
    {
        _Atomic(wsb_waker *) taken = NULL;
        wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
        config.imports = imports_of(take_and_leave, &taken, NULL);
        config.mode = mode;
        wsb_instance *instance = instantiate(*state, FAKE_CALLER, &config);
        wsb_imports_destroy(config.imports);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(call_plain(instance, "callhost 0"), WSB_OK);
            wsb_waker_wake(taken);
        }
        wsb_instance_destroy(instance);
        wsb_waker_wake(taken);
        wsb_waker_unref(taken);
    }
}

typedef struct storm {
    waiting *how;
    _Atomic bool over;
} storm;

/* Wakes whatever waker is there, again and again. */
static void *wake_wildly(void *argument)
{
    storm *self = *(storm **)argument;
    while (!atomic_load(&self->over)) {
        wsb_waker *waker = atomic_exchange(&self->how->waker, NULL);
        for (int i = 0; i < 3; i++) {
            wsb_waker_wake(waker);
        }
        wsb_waker_unref(waker);
    }
    return NULL;
}

static void many_threads_wake_at_once(void **state)
{
    enum { THREADS = 3, ROUNDS = 3000 };
    wsb_executor *executor = executor_of(2);
    FOR_EACH_MODE(mode)
    {
        waiting how = {.timeout_ns = FOREVER, .wants_waker = true, .again = ROUNDS};
        storm all = {.how = &how};
        storm *given = &all;
        wsb_instance *instance = waiter_in(*state, mode, NULL, &how);
        pthread_t threads[THREADS];
        driver call;
        for (int i = 0; i < THREADS; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, wake_wildly, &given), 0);
        }
        drive(&call, executor, instance, "callhost 0");
        assert_int_equal(driver_wait(&call), WSB_OK);
        atomic_store(&all.over, true);
        for (int i = 0; i < THREADS; i++) {
            pthread_join(threads[i], NULL);
        }
        assert_int_equal(how.resumed, ROUNDS + 1);
        assert_int_equal(how.resumed_ready, ROUNDS + 1);
        wsb_waker_unref(how.waker);
        wsb_instance_destroy(instance);
    }
    wsb_executor_destroy(executor);
}

static void *cancel_when_it_waits(void *argument)
{
    driver *call = *(driver **)argument;
    waiting *how = call->instance->user_data;
    until_at_least(&how->begun, 1);
    wsb_instance_cancel(call->instance);
    return NULL;
}

/* A cancellation is no wake: the guest ends, and `resume` is not called. */
static void a_cancellation_is_told_from_a_wake(void **state)
{
    wsb_executor *executor = executor_of(1);
    FOR_EACH_MODE(mode)
    {
        waiting how = {.timeout_ns = FOREVER, .wants_waker = true};
        wsb_instance *instance = waiter_in(*state, mode, NULL, &how);
        driver call;
        driver *given = &call;
        drive(&call, executor, instance, "callhost 0");
        run_threads(1, cancel_when_it_waits, &given, sizeof given);
        assert_int_equal(driver_wait(&call), WSB_ERROR_CANCELLED);
        assert_int_equal(how.resumed, 0);
        assert_int_equal(how.dropped, 1);
        wsb_waker_wake(how.waker);
        wsb_waker_unref(how.waker);
        wsb_instance_destroy(instance);
    }
    wsb_executor_destroy(executor);
}

/* A wake and a cancellation at the same time: one of both, and the state goes once. */
static void wakes_and_cancellations_race(void **state)
{
    wsb_executor *executor = executor_of(2);
    FOR_EACH_MODE(mode)
    {
        for (int i = 0; i < 100; i++) {
            waiting how = {.timeout_ns = FOREVER, .wants_waker = true};
            wsb_instance *instance = waiter_in(*state, mode, NULL, &how);
            driver call;
            driver *given = &call;
            pthread_t thread;
            drive(&call, executor, instance, "callhost 0");
            assert_int_equal(pthread_create(&thread, NULL, cancel_when_it_waits, &given), 0);
            until_at_least(&how.begun, 1);
            wake_taken(&how);
            pthread_join(thread, NULL);
            wsb_status status = driver_wait(&call);
            assert_true(status == WSB_OK || status == WSB_ERROR_CANCELLED);
            assert_int_equal(how.resumed + how.dropped, 1);
            wsb_instance_destroy(instance);
        }
    }
    wsb_executor_destroy(executor);
}

static void out_of_memory_gives_none(void **state)
{
    FOR_EACH_MODE(mode)
    {
        waiting how = {.timeout_ns = 0, .wants_waker = true};
        wsb_instance *instance = waiter_in(*state, mode, NULL, &how);
        wsb_function *function = function_of(instance, "callhost 0");
        fail_nth_start(1);
        wsb_status status = wsb_function_call(function, NULL, 0, NULL, 0, NULL);
        fail_nth_stop();
        assert_int_equal(status, WSB_ERROR_OUT_OF_MEMORY);
        assert_int_equal(how.begun, 0);
        wsb_instance_destroy(instance);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wake_ends_the_wait),
        cmocka_unit_test(a_wake_before_the_wait_is_not_lost),
        cmocka_unit_test(a_late_wake_does_nothing),
        cmocka_unit_test(a_waker_without_a_wait_is_harmless),
        cmocka_unit_test(many_threads_wake_at_once),
        cmocka_unit_test(a_cancellation_is_told_from_a_wake),
        cmocka_unit_test(wakes_and_cancellations_race),
        cmocka_unit_test(out_of_memory_gives_none),
    };
    return cmocka_run_group_tests(tests, make_fake_runtime, drop_fake_runtime);
}
