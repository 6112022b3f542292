/* A task that is to end comes before all others, in whatever state it is: wsb__task_hurry(). */
#include "executor_test.h"

enum { CROWD = 5, ROUNDS = 300 };

/* What is stepped is written down, by a single thread. */
typedef struct journal {
    uint64_t numbers[64];
    _Atomic uint32_t count;
} journal;

static void note(journal *list, uint64_t number)
{
    uint32_t at = atomic_load(&list->count);
    if (at < sizeof list->numbers / sizeof list->numbers[0]) {
        list->numbers[at] = number;
        atomic_store(&list->count, at + 1);
    }
}

static wsb__step note_and_end(probe *self)
{
    note(self->data, self->number);
    return WSB__STEP_DONE;
}

/* Its first step is over before the journal begins. */
static wsb__step begin_then_note(probe *self)
{
    if (atomic_load(&self->steps) == 1) {
        return self->next;
    }
    return note_and_end(self);
}

static probe *submit(wsb_executor *executor, wsb__step (*body)(probe *), journal *list,
                     uint64_t number, wsb__step next)
{
    probe *self = probe_new(body, list);
    self->number = number;
    self->next = next;
    assert_int_equal(probe_submit(executor, NULL, self, 0), WSB_OK);
    return self;
}

/* Those that are ready while the only thread is held; the one in question is number 0. */
static void submit_crowd(wsb_executor *executor, journal *list, probe *crowd[CROWD])
{
    for (uint64_t i = 0; i < CROWD; i++) {
        crowd[i] = submit(executor, note_and_end, list, i + 1, WSB__STEP_DONE);
    }
}

static void must_be_first(wsb_executor *executor, const journal *list, probe *self,
                          probe *crowd[CROWD])
{
    for (int i = 0; i < CROWD; i++) {
        assert_int_equal(finish(crowd[i]), WSB_OK);
    }
    assert_int_equal(finish(self), WSB_OK);
    assert_int_equal(list->numbers[0], 0);
    for (uint64_t i = 1; i <= CROWD; i++) {
        assert_int_equal(list->numbers[i], i);
    }
    AWAIT_STATS(executor, now.completed >= CROWD + 2 && now.running == 0);
    wsb_executor_destroy(executor);
}

static void test_one_that_is_queued(void **state)
{
    journal list = {.count = 0};
    counter gate = 0;
    probe *crowd[CROWD];
    wsb_executor *executor = executor_of(1, 1, 0);
    probe *holder = start(executor, NULL, hold_thread, &gate);
    (void)state;
    assert_true(await(&holder->steps, 1));
    submit_crowd(executor, &list, crowd);
    probe *self = submit(executor, note_and_end, &list, 0, WSB__STEP_DONE);
    wsb__task_hurry(&self->future.task);
    wsb__task_hurry(&self->future.task);
    bump(&gate);
    assert_int_equal(finish(holder), WSB_OK);
    must_be_first(executor, &list, self, crowd);
}

/* A task that holds the thread while `data`, a counter, is 0, and has begun before the next. */
static wsb__step make_room_then_hold(probe *self)
{
    if (atomic_load(&self->steps) == 1) {
        return WSB__STEP_YIELD;
    }
    return hold_thread(self);
}

static void test_one_that_made_room(void **state)
{
    journal list = {.count = 0};
    counter start_gate = 0;
    counter gate = 0;
    probe *crowd[CROWD];
    wsb_executor *executor = executor_of(1, 1, 0);
    probe *opener = start(executor, NULL, hold_thread, &start_gate);
    probe *holder = start(executor, NULL, make_room_then_hold, &gate);
    probe *self = submit(executor, begin_then_note, &list, 0, WSB__STEP_YIELD);
    (void)state;
    bump(&start_gate);
    assert_true(await(&holder->steps, 2)); /* the other one has made room behind it */
    assert_int_equal(atomic_load(&self->steps), 1);
    submit_crowd(executor, &list, crowd);
    wsb__task_hurry(&self->future.task);
    wsb__task_hurry(&self->future.task);
    bump(&gate);
    assert_int_equal(finish(holder), WSB_OK);
    assert_int_equal(finish(opener), WSB_OK);
    must_be_first(executor, &list, self, crowd);
}

static void hurry_one_that_waits(bool woken)
{
    journal list = {.count = 0};
    counter gate = 0;
    probe *crowd[CROWD];
    wsb_executor *executor = executor_of(1, 1, 0);
    probe *self = submit(executor, begin_then_note, &list, 0, WSB__STEP_WAIT);
    AWAIT_STATS(executor, now.suspended == 1);
    probe *holder = start(executor, NULL, hold_thread, &gate);
    assert_true(await(&holder->steps, 1));
    submit_crowd(executor, &list, crowd);
    if (woken) {
        wsb__task_wake(&self->future.task);
    }
    wsb__task_hurry(&self->future.task);
    assert_int_equal(stats_of(executor).suspended, 0);
    bump(&gate);
    assert_int_equal(finish(holder), WSB_OK);
    must_be_first(executor, &list, self, crowd);
}

static void test_one_that_waits(void **state)
{
    (void)state;
    hurry_one_that_waits(false);
}

/* Woken as any other before: it still overtakes. */
static void test_one_that_waited_and_was_woken(void **state)
{
    (void)state;
    hurry_one_that_waits(true);
}

/* --- while it is stepped --- */

typedef struct held {
    journal list;
    counter gate;
} held;

static wsb__step hold_then_note(probe *self)
{
    held *all = self->data;
    if (atomic_load(&self->steps) == 1) {
        await(&all->gate, 1);
        return self->next;
    }
    note(&all->list, self->number);
    return WSB__STEP_DONE;
}

static wsb__step note_held(probe *self)
{
    note(&((held *)self->data)->list, self->number);
    return WSB__STEP_DONE;
}

static void hurry_one_that_runs(wsb__step next)
{
    held all = {.gate = 0};
    probe *crowd[CROWD];
    wsb_executor *executor = executor_of(1, 1, 0);
    probe *self = probe_new(hold_then_note, &all);
    self->next = next;
    assert_int_equal(probe_submit(executor, NULL, self, 0), WSB_OK);
    assert_true(await(&self->steps, 1));
    for (uint64_t i = 0; i < CROWD; i++) {
        crowd[i] = probe_new(note_held, &all);
        crowd[i]->number = i + 1;
        assert_int_equal(probe_submit(executor, NULL, crowd[i], 0), WSB_OK);
    }
    wsb__task_hurry(&self->future.task);
    bump(&all.gate);
    for (int i = 0; i < CROWD; i++) {
        assert_int_equal(finish(crowd[i]), WSB_OK);
    }
    assert_int_equal(atomic_load(&self->steps), 2);
    assert_int_equal(finish(self), WSB_OK);
    assert_int_equal(all.list.numbers[0], 0);
    wsb_executor_destroy(executor);
}

static void test_one_that_runs_and_makes_room(void **state)
{
    (void)state;
    hurry_one_that_runs(WSB__STEP_YIELD);
}

static void test_one_that_runs_and_would_wait(void **state)
{
    (void)state;
    hurry_one_that_runs(WSB__STEP_WAIT);
}

/* It hurries once: the next time it is one of many. */
static wsb__step go_round(probe *self)
{
    journal *list = self->data;
    note(list, self->number);
    return atomic_load(&self->steps) < 3 ? WSB__STEP_YIELD : WSB__STEP_DONE;
}

static void test_it_overtakes_once(void **state)
{
    static const uint64_t expected[] = {2, 0, 1, 2, 0, 1, 2, 0, 1};
    journal list = {.count = 0};
    counter gate = 0;
    probe *probes[3];
    wsb_executor *executor = executor_of(1, 1, 0);
    probe *holder = start(executor, NULL, hold_thread, &gate);
    (void)state;
    assert_true(await(&holder->steps, 1));
    for (uint64_t i = 0; i < 3; i++) {
        probes[i] = submit(executor, go_round, &list, i, WSB__STEP_DONE);
    }
    wsb__task_hurry(&probes[2]->future.task);
    bump(&gate);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(finish(probes[i]), WSB_OK);
    }
    assert_int_equal(finish(holder), WSB_OK);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_int_equal(list.numbers[i], expected[i]);
    }
    wsb_executor_destroy(executor);
}

/* --- from many threads, at any time --- */

typedef struct chase {
    probe *self;
    counter ready;
    counter gone; /* the task has ended: it must not be hurried any more */
} chase;

static wsb__step wait_or_make_room(probe *self)
{
    uint32_t steps = atomic_load(&self->steps);
    if (wsb__task_cancelled(&self->future.task) || steps > 20000) {
        return WSB__STEP_DONE;
    }
    return steps % 3 == 0 ? WSB__STEP_YIELD : WSB__STEP_WAIT;
}

/* The future's reference keeps the task's memory also behind its end. */
static void *hurry_it(void *data)
{
    chase *self = data;
    bump(&self->ready);
    while (atomic_load(&self->gone) == 0) {
        wsb__task_hurry(&self->self->future.task);
    }
    return NULL;
}

static void *wake_it(void *data)
{
    chase *self = data;
    bump(&self->ready);
    while (atomic_load(&self->gone) == 0) {
        wsb__task_wake(&self->self->future.task);
    }
    return NULL;
}

static void *cancel_it(void *data)
{
    chase *self = data;
    bump(&self->ready);
    await(&self->ready, 3);
    wsb_future_cancel(&self->self->future);
    return NULL;
}

static void test_hurry_wake_cancel_and_the_end(void **state)
{
    static void *(*const parts[])(void *) = {hurry_it, wake_it, cancel_it};
    wsb_executor *executor = executor_of(2, 2, 0);
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t threads[3];
        chase all = {.ready = 0};
        all.self = start(executor, NULL, wait_or_make_room, NULL);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, parts[i], &all), 0);
        }
        assert_true(wsb_future_wait(&all.self->future, LONG_NS));
        bump(&all.gone);
        for (int i = 0; i < 3; i++) {
            pthread_join(threads[i], NULL);
        }
        wsb_future_destroy(&all.self->future);
    }
    AWAIT_STATS(executor, now.completed == ROUNDS);
    assert_int_equal(stats_of(executor).queued + stats_of(executor).suspended, 0);
    wsb_executor_destroy(executor);
}

/* One that was cancelled before it began, and hurried: discarded once. */
static void test_hurry_one_that_is_cancelled(void **state)
{
    counter gate = 0;
    wsb__strand strand = {NULL, {NULL, NULL}};
    wsb_executor *executor = executor_of(1, 1, 0);
    probe *holder = start(executor, &strand, hold_thread, &gate);
    probe *queued = start(executor, NULL, do_nothing, NULL);
    probe *behind = start(executor, &strand, do_nothing, NULL);
    probe *last = start(executor, &strand, do_nothing, NULL);
    (void)state;
    assert_true(await(&holder->steps, 1));
    wsb__task_hurry(&behind->future.task); /* the strand's order holds */
    wsb__task_hurry(&queued->future.task);
    wsb_future_cancel(&queued->future);
    wsb__task_hurry(&queued->future.task);
    wsb_future_cancel(&behind->future);
    wsb__task_hurry(&behind->future.task);
    assert_false(wsb_future_poll(&last->future));
    bump(&gate);
    assert_int_equal(finish(holder), WSB_OK);
    assert_int_equal(finish(last), WSB_OK);
    assert_int_equal(finish(queued), WSB_ERROR_CANCELLED);
    assert_int_equal(finish(behind), WSB_ERROR_CANCELLED);
    wsb_executor_destroy(executor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_that_is_queued),
        cmocka_unit_test(test_one_that_made_room),
        cmocka_unit_test(test_one_that_waits),
        cmocka_unit_test(test_one_that_waited_and_was_woken),
        cmocka_unit_test(test_one_that_runs_and_makes_room),
        cmocka_unit_test(test_one_that_runs_and_would_wait),
        cmocka_unit_test(test_it_overtakes_once),
        cmocka_unit_test(test_hurry_wake_cancel_and_the_end),
        cmocka_unit_test(test_hurry_one_that_is_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
