/* The bounded queue: refusing, waiting for room, what is counted. */
#include "unit/executor/executor_test.h"

#include "runtime/histogram.h"
#include "unit/core/fail_nth.h"

#include <signal.h>

static void test_a_full_queue_refuses(void **state)
{
    counter gate = 0;
    wsb_executor *executor = executor_of(1, 1, 2);
    probe *holder = start(executor, NULL, hold_thread, &gate);
    wsb_error *error = NULL;
    (void)state;
    assert_true(await(&holder->steps, 1)); /* it is not in the queue any more */
    probe *first = start(executor, NULL, do_nothing, NULL);
    probe *second = start(executor, NULL, do_nothing, NULL);
    probe *third = probe_new(do_nothing, NULL);
    assert_int_equal(wsb__executor_submit(executor, NULL, &third->future.task, 0, &error),
                     WSB_ERROR_WOULD_BLOCK);
    assert_string_equal(wsb_error_subject(error), "max_queued");
    wsb_error_destroy(error);
    assert_int_equal(probe_submit(executor, NULL, third, 3 * MS), WSB_ERROR_TIMEOUT);
    wsb_executor_stats stats = stats_of(executor);
    assert_int_equal(stats.queued, 2);
    assert_int_equal(stats.queued_peak, 2);
    assert_int_equal(stats.refused, 2);
    assert_int_equal(stats.running, 1);
    assert_true(stats.blocked_ns >= 3 * MS);
    bump(&gate);
    assert_int_equal(finish(holder), WSB_OK);
    assert_int_equal(finish(first), WSB_OK);
    assert_int_equal(finish(second), WSB_OK);
    assert_int_equal(finish(start(executor, NULL, do_nothing, NULL)), WSB_OK);
    wsb_executor_destroy(executor);
}

static void test_those_behind_in_a_strand_count(void **state)
{
    counter gate = 0;
    wsb__strand strand = {.turn = NULL};
    wsb_executor *executor = executor_of(2, 2, 2);
    probe *holder = start(executor, &strand, hold_thread, &gate);
    (void)state;
    assert_true(await(&holder->steps, 1));
    probe *first = start(executor, &strand, do_nothing, NULL);
    probe *second = start(executor, &strand, do_nothing, NULL);
    assert_int_equal(probe_submit(executor, NULL, probe_new(do_nothing, NULL), 0),
                     WSB_ERROR_WOULD_BLOCK);
    bump(&gate);
    assert_int_equal(finish(holder), WSB_OK);
    assert_int_equal(finish(first), WSB_OK);
    assert_int_equal(finish(second), WSB_OK);
    wsb_executor_destroy(executor);
}

typedef struct waiting_submitter {
    wsb_executor *executor;
    uint64_t timeout_ns;
    probe *probe;
    wsb_status status;
    pthread_t thread;
} waiting_submitter;

static void *submit(void *argument)
{
    waiting_submitter *self = argument;
    self->status = probe_submit(self->executor, NULL, self->probe, self->timeout_ns);
    return NULL;
}

static wsb__step note_order(probe *self)
{
    counter *order = self->data;
    self->number = atomic_fetch_add(order, 1);
    return WSB__STEP_DONE;
}

enum { SUBMITTERS = 8 };

static void test_those_who_wait_for_room_get_it(void **state)
{
    counter gate = 0;
    counter order = 0;
    waiting_submitter all[SUBMITTERS];
    wsb_executor *executor = executor_of(1, 1, 1);
    probe *holder = start(executor, NULL, hold_thread, &gate);
    (void)state;
    assert_true(await(&holder->steps, 1));
    probe *first = start(executor, NULL, note_order, &order);
    for (int i = 0; i < SUBMITTERS; i++) {
        all[i] = (waiting_submitter){.executor = executor,
                                     .timeout_ns = i % 2 == 0 ? UINT64_MAX : LONG_NS,
                                     .probe = probe_new(note_order, &order)};
        assert_int_equal(pthread_create(&all[i].thread, NULL, submit, &all[i]), 0);
    }
    bump(&gate);
    assert_int_equal(finish(holder), WSB_OK);
    assert_int_equal(finish(first), WSB_OK);
    for (int i = 0; i < SUBMITTERS; i++) {
        pthread_join(all[i].thread, NULL);
        assert_int_equal(all[i].status, WSB_OK);
        assert_int_equal(finish(all[i].probe), WSB_OK);
    }
    assert_int_equal(atomic_load(&order), SUBMITTERS + 1);
    assert_true(stats_of(executor).queued_peak <= 1);
    wsb_executor_destroy(executor);
}

/* A thread of the executor that waited for room could wait for itself. */
static wsb__step submit_from_inside(probe *self)
{
    wsb_executor *executor = self->future.task.executor;
    probe *more = probe_new(do_nothing, NULL);
    self->number = (uint64_t)probe_submit(executor, NULL, more, UINT64_MAX);
    if (self->number == WSB_OK) {
        wsb_future_destroy(&more->future);
        return WSB__STEP_YIELD;
    }
    return WSB__STEP_DONE;
}

static void test_its_own_threads_do_not_wait_for_room(void **state)
{
    uint64_t status;
    wsb_executor *executor = executor_of(1, 1, 1);
    probe *self = start(executor, NULL, submit_from_inside, NULL);
    (void)state;
    /* The queue is full when it is filled from outside while that one runs. */
    while (!wsb_future_poll(&self->future)) {
        probe *more = probe_new(do_nothing, NULL);
        if (probe_submit(executor, NULL, more, 0) == WSB_OK) {
            wsb_future_destroy(&more->future);
        }
    }
    assert_int_equal(wsb_future_take_id(&self->future, &status, NULL), WSB_OK);
    assert_int_equal(status, WSB_ERROR_WOULD_BLOCK);
    wsb_future_destroy(&self->future);
    wsb_executor_destroy(executor);
}

static void test_statistics_add_up(void **state)
{
    enum { COUNT = 1000 };
    static probe *probes[COUNT];
    wsb_executor *executor = executor_of(2, 2, 0);
    uint64_t waited = 0;
    uint64_t latency = 0;
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        probes[i] = start(executor, NULL, do_nothing, NULL);
    }
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(finish(probes[i]), WSB_OK);
    }
    AWAIT_STATS(executor, now.completed == COUNT && now.running == 0);
    wsb_executor_stats stats = stats_of(executor);
    for (int i = 0; i < 24; i++) {
        waited += stats.waited.counts[i];
        latency += stats.latency.counts[i];
    }
    assert_int_equal(stats.submitted, COUNT);
    assert_int_equal(stats.cancelled, 0);
    assert_int_equal(stats.queued, 0);
    assert_int_equal(stats.suspended, 0);
    assert_int_equal(waited, COUNT);
    assert_int_equal(latency, COUNT);
    assert_in_range(stats.threads_peak, 1, 2);
    wsb_executor_destroy(executor);
}

static void test_histograms_have_powers_of_two(void **state)
{
    wsb_histogram histogram = {{0}};
    const uint64_t ns[] = {0, 999, 1000, 1999, 2000, 3999, 4000, UINT64_MAX};
    const uint64_t expected[] = {2, 2, 2, 1};
    (void)state;
    for (size_t i = 0; i < sizeof ns / sizeof ns[0]; i++) {
        wsb__histogram_add(&histogram, ns[i]);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(histogram.counts[i], expected[i]);
    }
    assert_int_equal(histogram.counts[23], 1);
}

/* Of a program built against an older library: nothing behind its struct is written. */
static void test_statistics_go_as_far_as_asked(void **state)
{
    wsb_executor_stats stats;
    wsb_executor *executor = executor_of(1, 1, 0);
    (void)state;
    assert_int_equal(finish(start(executor, NULL, do_nothing, NULL)), WSB_OK);
    memset(&stats, 0x5a, sizeof stats);
    stats.size = offsetof(wsb_executor_stats, completed);
    wsb_executor_get_stats(executor, &stats);
    assert_int_equal(stats.size, offsetof(wsb_executor_stats, completed));
    assert_int_equal(stats.submitted, 1);
    assert_int_equal(stats.completed, UINT64_C(0x5a5a5a5a5a5a5a5a));
    wsb_executor_destroy(executor);
}

static void test_options_are_checked(void **state)
{
    wsb_executor_options options = WSB_EXECUTOR_OPTIONS_INIT;
    wsb_executor *executor = NULL;
    wsb_error *error = NULL;
    (void)state;
    options.workers = 3;
    options.max_threads = 2;
    assert_int_equal(wsb_executor_create(&options, &executor, &error), WSB_ERROR_INVALID_ARGUMENT);
    assert_string_equal(wsb_error_subject(error), "max_threads");
    wsb_error_destroy(error);
    options.size = 3;
    assert_int_equal(wsb_executor_create(&options, &executor, NULL), WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_executor_create(NULL, NULL, NULL), WSB_ERROR_INVALID_ARGUMENT);
    assert_null(executor);
    assert_int_equal(wsb_executor_create(NULL, &executor, NULL), WSB_OK);
    wsb_executor_destroy(executor);
    wsb_executor_destroy(NULL);
}

static wsb_status create_and_use(void)
{
    wsb_executor *executor;
    wsb_status status = wsb_executor_create(NULL, &executor, NULL);
    if (status != WSB_OK) {
        return status;
    }
    probe *self = probe_new(do_nothing, NULL);
    status = probe_submit(executor, NULL, self, 0);
    if (status == WSB_OK) {
        finish(self);
    }
    wsb_executor_destroy(executor);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    EXPECT_OUT_OF_MEMORY_UNTIL_OK(create_and_use());
}

static _Atomic pthread_t signalled;

static void on_signal(int number)
{
    (void)number;
    atomic_store(&signalled, pthread_self());
}

static void test_its_threads_take_no_signals(void **state)
{
    counter gate = 0;
    struct sigaction action = {.sa_handler = on_signal};
    struct sigaction before;
    wsb_executor *executor = executor_of(2, 2, 0);
    probe *holders[2];
    (void)state;
    sigaction(SIGUSR1, &action, &before);
    for (int i = 0; i < 2; i++) {
        holders[i] = start(executor, NULL, hold_thread, &gate);
    }
    for (int i = 0; i < 2; i++) {
        assert_true(await(&holders[i]->steps, 1));
    }
    for (int i = 0; i < 100; i++) {
        kill(getpid(), SIGUSR1);
        assert_true(pthread_equal(atomic_load(&signalled), pthread_self()));
    }
    bump(&gate);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(finish(holders[i]), WSB_OK);
    }
    wsb_executor_destroy(executor);
    sigaction(SIGUSR1, &before, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_full_queue_refuses),
        cmocka_unit_test(test_those_behind_in_a_strand_count),
        cmocka_unit_test(test_those_who_wait_for_room_get_it),
        cmocka_unit_test(test_its_own_threads_do_not_wait_for_room),
        cmocka_unit_test(test_statistics_add_up),
        cmocka_unit_test(test_histograms_have_powers_of_two),
        cmocka_unit_test(test_statistics_go_as_far_as_asked),
        cmocka_unit_test(test_options_are_checked),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_its_threads_take_no_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
