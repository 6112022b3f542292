/* Futures: waiting, being told, giving up, in every order. */
#include "unit/executor/executor_test.h"

#include <fcntl.h>
#include <sys/resource.h>

static void test_wait_poll_and_status(void **state)
{
    counter gate = 0;
    wsb_executor *executor = executor_of(1, 1, 0);
    probe *self = start(executor, NULL, hold_thread, &gate);
    wsb_future *future = &self->future;
    (void)state;
    uint64_t begin = wsb__monotonic_ns();
    assert_false(wsb_future_wait(future, 0));
    assert_false(wsb_future_wait(future, 5 * MS));
    assert_true(wsb__monotonic_ns() - begin >= 5 * MS);
    assert_false(wsb_future_poll(future));
    assert_int_equal(wsb_future_status(future), WSB_ERROR_WOULD_BLOCK);
    bump(&gate);
    assert_true(wsb_future_wait(future, UINT64_MAX));
    assert_true(wsb_future_wait(future, 0));
    assert_true(wsb_future_poll(future));
    assert_int_equal(wsb_future_status(future), WSB_OK);
    wsb_future_destroy(future);
    wsb_executor_destroy(executor);
}

static void test_null_is_refused(void **state)
{
    int fd;
    uint64_t id;
    (void)state;
    wsb_future_destroy(NULL);
    wsb_future_cancel(NULL);
    assert_false(wsb_future_wait(NULL, 0));
    assert_false(wsb_future_poll(NULL));
    assert_int_equal(wsb_future_status(NULL), WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_future_on_done(NULL, NULL, NULL, NULL), WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_future_fd(NULL, &fd, NULL), WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_future_take_id(NULL, &id, NULL), WSB_ERROR_INVALID_ARGUMENT);
    wsb_future *future = plain(WSB__RESULT_ID);
    assert_int_equal(wsb_future_on_done(future, NULL, NULL, NULL), WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_future_fd(future, NULL, NULL), WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_future_take_id(future, NULL, NULL), WSB_ERROR_INVALID_ARGUMENT);
    wsb__future_abandon(future);
    wsb_future_destroy(future);
}

/* --- being told --- */

static void count_call(wsb_future *future, void *user_data)
{
    assert_true(wsb_future_poll(future));
    bump(user_data);
}

static void count_and_destroy(wsb_future *future, void *user_data)
{
    bump(user_data);
    wsb_future_destroy(future);
}

static void test_one_callback_before_or_after_the_end(void **state)
{
    counter calls = 0;
    wsb_future *before = plain(WSB__RESULT_ID);
    wsb_future *after = plain(WSB__RESULT_ID);
    (void)state;
    assert_int_equal(wsb_future_on_done(before, count_call, &calls, NULL), WSB_OK);
    assert_int_equal(wsb_future_on_done(before, count_call, &calls, NULL),
                     WSB_ERROR_ALREADY_EXISTS);
    assert_int_equal(calls, 0);
    wsb__future_finish(before, WSB_OK, NULL);
    assert_int_equal(calls, 1);
    assert_int_equal(wsb_future_on_done(before, count_call, &calls, NULL),
                     WSB_ERROR_ALREADY_EXISTS);
    wsb__future_finish(after, WSB_OK, NULL);
    assert_int_equal(wsb_future_on_done(after, count_call, &calls, NULL), WSB_OK);
    assert_int_equal(wsb_future_on_done(after, count_call, &calls, NULL), WSB_ERROR_ALREADY_EXISTS);
    assert_int_equal(calls, 2);
    wsb_future_destroy(before);
    wsb_future_destroy(after);
}

static void *end_it(void *argument)
{
    wsb__future_finish(argument, WSB_OK, NULL);
    return NULL;
}

static void test_a_callback_that_races_with_the_end_comes_once(void **state)
{
    enum { ROUNDS = 1000 };
    counter calls = 0;
    (void)state;
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        pthread_t thread;
        wsb_future *future = plain(WSB__RESULT_ID);
        assert_int_equal(pthread_create(&thread, NULL, end_it, future), 0);
        for (unsigned spin = 0; spin < i * 20; spin++) {
            atomic_signal_fence(memory_order_seq_cst);
        }
        assert_int_equal(
            wsb_future_on_done(future, i % 2 ? count_and_destroy : count_call, &calls, NULL),
            WSB_OK);
        pthread_join(thread, NULL);
        assert_int_equal(calls, i);
        if (i % 2 == 0) {
            wsb_future_destroy(future);
        }
    }
}

/* The next one is made in the callback of the last. */
typedef struct chain {
    wsb_executor *executor;
    counter left;
    counter ended;
} chain;

static void make_next(wsb_future *future, void *user_data)
{
    chain *all = user_data;
    wsb_future_destroy(future);
    if (atomic_fetch_sub(&all->left, 1) > 1) {
        probe *next = probe_new(do_nothing, NULL);
        if (wsb_future_on_done(&next->future, make_next, all, NULL) == WSB_OK &&
            probe_submit(all->executor, NULL, next, 0) == WSB_OK) {
            return;
        }
    }
    bump(&all->ended);
}

static void test_callbacks_make_calls(void **state)
{
    chain all = {.executor = executor_of(2, 2, 0), .left = 1000};
    probe *first = probe_new(do_nothing, NULL);
    (void)state;
    assert_int_equal(wsb_future_on_done(&first->future, make_next, &all, NULL), WSB_OK);
    assert_int_equal(probe_submit(all.executor, NULL, first, 0), WSB_OK);
    assert_true(await(&all.ended, 1));
    assert_int_equal(all.left, 0);
    wsb_executor_destroy(all.executor);
}

/* Callbacks of one strand come in its order. */
typedef struct sequence {
    uint64_t expected;
    counter calls;
    _Atomic bool wrong;
} sequence;

static void check_sequence(wsb_future *future, void *user_data)
{
    sequence *all = user_data;
    uint64_t number;
    if (wsb_future_take_id(future, &number, NULL) != WSB_OK || number != all->expected++) {
        atomic_store(&all->wrong, true);
    }
    wsb_future_destroy(future);
    bump(&all->calls);
}

static void test_callbacks_of_a_strand_keep_its_order(void **state)
{
    enum { COUNT = 2000 };
    sequence all = {.expected = 0};
    wsb__strand strand = {.turn = NULL};
    wsb_executor *executor = executor_of(4, 4, 0);
    (void)state;
    for (uint64_t i = 0; i < COUNT; i++) {
        probe *self = probe_new(do_nothing, NULL);
        self->number = i;
        assert_int_equal(wsb_future_on_done(&self->future, check_sequence, &all, NULL), WSB_OK);
        assert_int_equal(probe_submit(executor, &strand, self, 0), WSB_OK);
    }
    assert_true(await(&all.calls, COUNT));
    assert_false(all.wrong);
    wsb_executor_destroy(executor);
}

/* --- the descriptor --- */

static bool is_readable(int fd, int timeout_ms)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    return poll(&one, 1, timeout_ms) == 1 && (one.revents & POLLIN) != 0;
}

static void test_the_descriptor_tells_of_the_end(void **state)
{
    int fd = -1;
    int again = -1;
    wsb_future *future = plain(WSB__RESULT_ID);
    wsb_future *ended = plain(WSB__RESULT_ID);
    (void)state;
    assert_int_equal(wsb_future_fd(future, &fd, NULL), WSB_OK);
    assert_int_equal(wsb_future_fd(future, &again, NULL), WSB_OK);
    assert_int_equal(fd, again);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_false(is_readable(fd, 0));
    wsb__future_finish(future, WSB_OK, NULL);
    assert_true(is_readable(fd, 0));
    assert_true(is_readable(fd, 0));
    wsb__future_finish(ended, WSB_OK, NULL);
    assert_int_equal(wsb_future_fd(ended, &again, NULL), WSB_OK);
    assert_true(is_readable(again, 0));
    wsb_future_destroy(future);
    wsb_future_destroy(ended);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void test_a_descriptor_that_races_with_the_end(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 500; i++) {
        pthread_t thread;
        int fd;
        wsb_future *future = plain(WSB__RESULT_ID);
        assert_int_equal(pthread_create(&thread, NULL, end_it, future), 0);
        for (unsigned spin = 0; spin < i * 40; spin++) {
            atomic_signal_fence(memory_order_seq_cst);
        }
        assert_int_equal(wsb_future_fd(future, &fd, NULL), WSB_OK);
        assert_true(is_readable(fd, 60000));
        pthread_join(thread, NULL);
        wsb_future_destroy(future);
    }
}

static void test_no_descriptor_left(void **state)
{
    struct rlimit before;
    struct rlimit none;
    int fd;
    wsb_error *error = NULL;
    wsb_future *future = plain(WSB__RESULT_ID);
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(wsb_future_fd(future, &fd, &error), WSB_ERROR_IO);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_non_null(wsb_error_suggestion(error));
    wsb_error_destroy(error);
    assert_int_equal(wsb_future_fd(future, &fd, NULL), WSB_OK);
    wsb__future_finish(future, WSB_OK, NULL);
    assert_true(is_readable(fd, 0));
    wsb_future_destroy(future);
}

/* --- giving up --- */

static void test_given_up_before_the_end(void **state)
{
    counter released = 0;
    counter gate = 0;
    wsb_executor *executor = executor_of(1, 1, 0);
    probe *self = probe_new(hold_thread, &gate);
    (void)state;
    self->released = &released;
    assert_int_equal(probe_submit(executor, NULL, self, 0), WSB_OK);
    wsb_future_destroy(&self->future);
    assert_int_equal(released, 0);
    bump(&gate);
    assert_true(await(&released, 1));
    wsb_executor_destroy(executor);
}

static void *cancel_and_destroy(void *argument)
{
    wsb_future_cancel(argument);
    wsb_future_destroy(argument);
    return NULL;
}

static void test_given_up_while_it_ends(void **state)
{
    enum { ROUNDS = 300 };
    counter released = 0;
    wsb_executor *executor = executor_of(2, 2, 0);
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_t thread;
        probe *self = probe_new(i % 2 ? do_nothing : wait_for_cancel, NULL);
        self->released = &released;
        assert_int_equal(probe_submit(executor, NULL, self, 0), WSB_OK);
        assert_int_equal(pthread_create(&thread, NULL, cancel_and_destroy, &self->future), 0);
        pthread_join(thread, NULL);
    }
    assert_true(await(&released, ROUNDS));
    wsb_executor_destroy(executor);
}

static counter stops;

static void stop_it(wsb_future *future)
{
    bump(&stops);
    wsb__future_finish(future, WSB_ERROR_CANCELLED, NULL);
}

static void test_one_without_a_task_is_stopped(void **state)
{
    wsb_future *future = plain(WSB__RESULT_DATA);
    (void)state;
    wsb_future_cancel(future); /* there is nothing to stop it with */
    future->stop = stop_it;
    wsb_future_cancel(future);
    wsb_future_cancel(future);
    assert_int_equal(stops, 1);
    assert_int_equal(wsb_future_status(future), WSB_ERROR_CANCELLED);
    wsb_future_destroy(future);
}

static void test_async_options_are_checked(void **state)
{
    wsb_async_options copy;
    wsb_async_options given = WSB_ASYNC_OPTIONS_INIT;
    (void)state;
    given.queue_timeout = 5;
    assert_int_equal(wsb__async_options(&given, &copy, NULL), WSB_OK);
    assert_int_equal(copy.queue_timeout, 5);
    assert_int_equal(wsb__async_options(NULL, &copy, NULL), WSB_OK);
    assert_int_equal(copy.queue_timeout, 0);
    assert_null(copy.executor);
    given.size = 1;
    assert_int_equal(wsb__async_options(&given, &copy, NULL), WSB_ERROR_INVALID_ARGUMENT);
}

/* Of a queued call; what it calls with comes on top. */
static void test_a_future_is_small(void **state)
{
    (void)state;
    assert_true(sizeof(wsb_future) <= 256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wait_poll_and_status),
        cmocka_unit_test(test_null_is_refused),
        cmocka_unit_test(test_one_callback_before_or_after_the_end),
        cmocka_unit_test(test_a_callback_that_races_with_the_end_comes_once),
        cmocka_unit_test(test_callbacks_make_calls),
        cmocka_unit_test(test_callbacks_of_a_strand_keep_its_order),
        cmocka_unit_test(test_the_descriptor_tells_of_the_end),
        cmocka_unit_test(test_a_descriptor_that_races_with_the_end),
        cmocka_unit_test(test_no_descriptor_left),
        cmocka_unit_test(test_given_up_before_the_end),
        cmocka_unit_test(test_given_up_while_it_ends),
        cmocka_unit_test(test_one_without_a_task_is_stopped),
        cmocka_unit_test(test_async_options_are_checked),
        cmocka_unit_test(test_a_future_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
