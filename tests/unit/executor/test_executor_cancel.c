/* Cancelling in each state, and destroying with everything in flight. */
#include "unit/executor/executor_test.h"

#include "runtime/executor_state.h"

#include <sched.h>

static void test_one_that_has_not_begun_never_does(void **state)
{
    counter gate = 0;
    wsb_executor *executor = executor_of(1, 1, 0);
    probe *holder = start(executor, NULL, hold_thread, &gate);
    probe *before = start(executor, NULL, do_nothing, NULL);
    probe *self = start(executor, NULL, do_nothing, NULL);
    (void)state;
    wsb_future_cancel(&self->future);
    wsb_future_cancel(&self->future);
    bump(&gate);
    assert_true(wsb_future_wait(&self->future, LONG_NS));
    assert_int_equal(self->steps, 0);
    assert_int_equal(self->asks, 0);
    assert_int_equal(finish(self), WSB_ERROR_CANCELLED);
    assert_int_equal(finish(before), WSB_OK);
    assert_int_equal(finish(holder), WSB_OK);
    AWAIT_STATS(executor, now.completed == 3);
    assert_int_equal(stats_of(executor).cancelled, 1);
    wsb_executor_destroy(executor);
}

/* It does not wait for those before it, and those behind it keep their order. */
static void test_one_behind_in_its_strand_ends_at_once(void **state)
{
    counter gate = 0;
    wsb__strand strand = {.turn = NULL};
    wsb_executor *executor = executor_of(2, 2, 0);
    probe *first = start(executor, &strand, hold_thread, &gate);
    probe *second = start(executor, &strand, do_nothing, NULL);
    probe *third = start(executor, &strand, do_nothing, NULL);
    (void)state;
    wsb_future_cancel(&second->future);
    assert_int_equal(finish(second), WSB_ERROR_CANCELLED); /* `first` runs still */
    assert_false(wsb_future_poll(&third->future));
    bump(&gate);
    assert_int_equal(finish(first), WSB_OK);
    assert_int_equal(finish(third), WSB_OK);
    assert_null(strand.turn);
    wsb_executor_destroy(executor);
}

static void test_one_at_its_strands_head_gives_the_turn_on(void **state)
{
    counter gate = 0;
    wsb__strand strand = {.turn = NULL};
    wsb_executor *executor = executor_of(1, 1, 0);
    probe *holder = start(executor, NULL, hold_thread, &gate);
    probe *first = start(executor, &strand, do_nothing, NULL);
    probe *second = start(executor, &strand, do_nothing, NULL);
    (void)state;
    assert_true(await(&holder->steps, 1));
    wsb_future_cancel(&first->future);
    bump(&gate);
    assert_int_equal(finish(first), WSB_ERROR_CANCELLED);
    assert_int_equal(finish(second), WSB_OK);
    assert_int_equal(finish(holder), WSB_OK);
    wsb_executor_destroy(executor);
}

static void test_one_that_waits_is_asked_and_woken(void **state)
{
    wsb_executor *executor = executor_of(1, 1, 0);
    probe *self = start(executor, NULL, wait_for_cancel, NULL);
    (void)state;
    AWAIT_STATS(executor, now.suspended == 1);
    assert_int_equal(stats_of(executor).running, 0);
    wsb_future_cancel(&self->future);
    assert_true(wsb_future_wait(&self->future, LONG_NS));
    assert_int_equal(self->asks, 1);
    assert_int_equal(finish(self), WSB_OK);
    assert_int_equal(stats_of(executor).suspended_peak, 1);
    wsb_executor_destroy(executor);
}

/* Hears only the third time: what is to be cancelled may be just beginning. */
static wsb__step end_when_asked_thrice(probe *self)
{
    return await(&self->asks, 3) ? WSB__STEP_DONE : WSB__STEP_WAIT;
}

static void test_one_that_runs_is_asked_until_it_ends(void **state)
{
    wsb_executor *executor = executor_of(1, 1, 0);
    probe *self = start(executor, NULL, end_when_asked_thrice, NULL);
    (void)state;
    assert_true(await(&self->steps, 1));
    wsb_future_cancel(&self->future);
    assert_int_equal(finish(self), WSB_OK);
    wsb_executor_destroy(executor);
}

static void test_one_that_has_ended_is_left_alone(void **state)
{
    wsb_executor *executor = executor_of(1, 1, 0);
    probe *self = start(executor, NULL, do_nothing, NULL);
    (void)state;
    assert_true(wsb_future_wait(&self->future, LONG_NS));
    wsb_future_cancel(&self->future);
    wsb__task_cancel(&self->future.task);
    assert_int_equal(self->asks, 0);
    assert_int_equal(finish(self), WSB_OK);
    wsb_executor_destroy(executor);
}

/* cancel() never runs when or after the end is known: what it would look at may be gone. */
typedef struct victim {
    _Atomic bool gone;
    _Atomic bool asked_when_gone;
} victim;

static void ask_victim(probe *self)
{
    victim *object = self->data;
    if (atomic_load(&object->gone)) {
        atomic_store(&object->asked_when_gone, true);
    }
}

static void *cancel_it(void *argument)
{
    wsb_future_cancel(argument);
    return NULL;
}

static void test_nobody_is_asked_after_the_end(void **state)
{
    enum { ROUNDS = 500 };
    wsb_executor *executor = executor_of(2, 2, 0);
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_t thread;
        victim object = {.gone = false};
        probe *self = probe_new(i % 2 ? do_nothing : wait_for_cancel, &object);
        self->asked = ask_victim;
        assert_int_equal(probe_submit(executor, NULL, self, 0), WSB_OK);
        assert_int_equal(pthread_create(&thread, NULL, cancel_it, &self->future), 0);
        while (!wsb_future_poll(&self->future)) {
        }
        atomic_store(&object.gone, true);
        pthread_join(thread, NULL);
        assert_false(object.asked_when_gone);
        wsb_future_destroy(&self->future);
    }
    wsb_executor_destroy(executor);
}

static void test_cancelling_many_in_a_strand_from_many_threads(void **state)
{
    enum { COUNT = 400 };
    static probe *probes[COUNT];
    pthread_t threads[4];
    wsb__strand strand = {.turn = NULL};
    wsb_executor *executor = executor_of(2, 2, 0);
    (void)state;
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < COUNT; i++) {
            probes[i] = start(executor, &strand, i % 3 ? do_nothing : wait_for_cancel, NULL);
        }
        for (int i = 0; i < COUNT; i += 4) {
            for (int k = 0; k < 4; k++) {
                assert_int_equal(
                    pthread_create(&threads[k], NULL, cancel_it, &probes[i + k]->future), 0);
            }
            for (int k = 0; k < 4; k++) {
                pthread_join(threads[k], NULL);
            }
        }
        for (int i = 0; i < COUNT; i++) {
            wsb_status status = finish(probes[i]);
            assert_true(status == WSB_OK || status == WSB_ERROR_CANCELLED);
        }
        assert_null(strand.turn);
    }
    wsb_executor_destroy(executor);
}

static wsb__step sleep_long(probe *self)
{
    if (wsb__task_cancelled(&self->future.task)) {
        wsb__task_unwatch(&self->future.task);
        return WSB__STEP_DONE;
    }
    wsb__task_unwatch(&self->future.task);
    return wsb__task_watch(&self->future.task, NULL, 0,
                           wsb__monotonic_ns() + 3600 * UINT64_C(1000000000)) == WSB_OK
               ? WSB__STEP_WAIT
               : WSB__STEP_DONE;
}

static void test_destroying_ends_whatever_is_in_flight(void **state)
{
    enum { KINDS = 6 };
    static wsb__step (*const bodies[KINDS])(probe *) = {
        wait_for_cancel, spin_until_asked,      sleep_long,
        do_nothing,      end_when_asked_thrice, wait_for_cancel};
    enum { COUNT = 300 };
    static probe *probes[COUNT];
    counter released = 0;
    wsb__strand strands[10] = {{.turn = NULL}};
    (void)state;
    for (int round = 0; round < 3; round++) {
        wsb_executor *executor = executor_of(2, 4, 0);
        for (int i = 0; i < COUNT; i++) {
            probes[i] = probe_new(bodies[i % KINDS], NULL);
            probes[i]->released = &released;
            assert_int_equal(
                probe_submit(executor, i % 2 ? &strands[i / 2 % 10] : NULL, probes[i], 0), WSB_OK);
        }
        wsb_executor_destroy(executor);
        for (int i = 0; i < COUNT; i++) {
            assert_true(wsb_future_poll(&probes[i]->future));
            wsb_future_destroy(&probes[i]->future);
        }
        assert_int_equal(released, (uint32_t)(round + 1) * COUNT);
    }
    for (int i = 0; i < 10; i++) {
        assert_null(strands[i].turn);
    }
}

typedef struct blocked {
    wsb_executor *executor;
    wsb_status status;
} blocked;

static void *submit_blocked(void *argument)
{
    blocked *self = argument;
    self->status = probe_submit(self->executor, NULL, probe_new(do_nothing, NULL), UINT64_MAX);
    return NULL;
}

static bool somebody_waits_for_room(wsb_executor *executor)
{
    pthread_mutex_lock(&executor->lock);
    bool waits = executor->first_submitter != NULL;
    pthread_mutex_unlock(&executor->lock);
    return waits;
}

static void test_the_end_refuses_those_who_wait_for_room(void **state)
{
    pthread_t thread;
    wsb_executor *executor = executor_of(1, 1, 1);
    blocked self = {.executor = executor, .status = WSB_OK};
    probe *running = start(executor, NULL, spin_until_asked, NULL);
    (void)state;
    assert_true(await(&running->steps, 1));
    probe *queued = start(executor, NULL, do_nothing, NULL);
    assert_int_equal(pthread_create(&thread, NULL, submit_blocked, &self), 0);
    while (!somebody_waits_for_room(executor)) {
        sched_yield();
    }
    wsb_executor_destroy(executor);
    pthread_join(thread, NULL);
    assert_true(self.status == WSB_ERROR_CLOSED);
    assert_int_equal(finish(running), WSB_OK);
    assert_int_equal(finish(queued), WSB_ERROR_CANCELLED);
}

static void drop_executor(wsb_future *future, void *user_data)
{
    (void)future;
    wsb_executor_destroy(user_data);
}

/* Not allowed, and yet no reason to hang. */
static void test_destroying_on_its_own_thread(void **state)
{
    wsb_executor *executor = executor_of(2, 2, 0);
    probe *self = probe_new(do_nothing, NULL);
    counter released = 0;
    (void)state;
    self->released = &released;
    assert_int_equal(wsb_future_on_done(&self->future, drop_executor, executor, NULL), WSB_OK);
    assert_int_equal(probe_submit(executor, NULL, self, 0), WSB_OK);
    assert_int_equal(finish(self), WSB_OK);
    assert_true(await(&released, 1));
}

static void test_references_keep_it(void **state)
{
    wsb_executor *executor = executor_of(1, 1, 0);
    (void)state;
    assert_ptr_equal(wsb__executor_ref(executor), executor);
    wsb_executor_destroy(executor);
    assert_int_equal(finish(start(executor, NULL, do_nothing, NULL)), WSB_OK);
    wsb_executor_destroy(executor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_that_has_not_begun_never_does),
        cmocka_unit_test(test_one_behind_in_its_strand_ends_at_once),
        cmocka_unit_test(test_one_at_its_strands_head_gives_the_turn_on),
        cmocka_unit_test(test_one_that_waits_is_asked_and_woken),
        cmocka_unit_test(test_one_that_runs_is_asked_until_it_ends),
        cmocka_unit_test(test_one_that_has_ended_is_left_alone),
        cmocka_unit_test(test_nobody_is_asked_after_the_end),
        cmocka_unit_test(test_cancelling_many_in_a_strand_from_many_threads),
        cmocka_unit_test(test_destroying_ends_whatever_is_in_flight),
        cmocka_unit_test(test_the_end_refuses_those_who_wait_for_room),
        cmocka_unit_test(test_destroying_on_its_own_thread),
        cmocka_unit_test(test_references_keep_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
