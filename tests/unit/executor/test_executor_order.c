/* Who runs when: strands, the queue, making room, waking. */
#include "unit/executor/executor_test.h"

enum { TASKS = 2000, STRANDS = 4 };

typedef struct order {
    uint64_t seen[STRANDS];
    _Atomic int inside[STRANDS];
    _Atomic bool wrong;
} order;

static wsb__step check_order(probe *self)
{
    order *all = self->data;
    uint64_t strand = self->number % STRANDS;
    if (atomic_fetch_add(&all->inside[strand], 1) != 0 ||
        all->seen[strand] != self->number / STRANDS) {
        atomic_store(&all->wrong, true);
    }
    if (self->number % 7 == 0 && atomic_load(&self->steps) == 1) {
        atomic_fetch_sub(&all->inside[strand], 1);
        return WSB__STEP_YIELD; /* it keeps its turn */
    }
    all->seen[strand]++;
    atomic_fetch_sub(&all->inside[strand], 1);
    return WSB__STEP_DONE;
}

static void test_a_strand_keeps_its_order(void **state)
{
    static probe *probes[TASKS];
    order all = {.wrong = false};
    wsb__strand strands[STRANDS] = {{.turn = NULL}};
    wsb_executor *executor = executor_of(4, 0, 0);
    (void)state;
    for (uint64_t i = 0; i < TASKS; i++) {
        probes[i] = probe_new(check_order, &all);
        probes[i]->number = i;
        assert_int_equal(probe_submit(executor, &strands[i % STRANDS], probes[i], 0), WSB_OK);
    }
    for (uint64_t i = TASKS; i-- > 0;) {
        /* The last one of a strand has ended: so have all before it. */
        assert_true(i < TASKS - STRANDS || wsb_future_wait(&probes[i]->future, LONG_NS));
        assert_true(wsb_future_poll(&probes[i]->future));
        wsb_future_destroy(&probes[i]->future);
    }
    assert_false(all.wrong);
    for (int i = 0; i < STRANDS; i++) {
        assert_null(strands[i].turn);
    }
    wsb_executor_destroy(executor);
}

typedef struct meeting {
    counter arrived;
    uint32_t expected;
} meeting;

static wsb__step meet(probe *self)
{
    meeting *all = self->data;
    bump(&all->arrived);
    return await(&all->arrived, all->expected) ? WSB__STEP_DONE : WSB__STEP_WAIT;
}

static void test_strands_run_in_parallel(void **state)
{
    meeting all = {.expected = 3};
    wsb__strand strands[3] = {{.turn = NULL}};
    probe *probes[3];
    wsb_executor *executor = executor_of(3, 3, 0);
    (void)state;
    for (int i = 0; i < 3; i++) {
        probes[i] = start(executor, &strands[i], meet, &all);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(finish(probes[i]), WSB_OK);
    }
    wsb_executor_destroy(executor);
}

static void test_one_strand_over_two_executors(void **state)
{
    static probe *probes[TASKS];
    order all = {.wrong = false};
    wsb__strand strand = {.turn = NULL};
    wsb_executor *executors[2] = {executor_of(2, 0, 0), executor_of(2, 0, 0)};
    (void)state;
    for (uint64_t i = 0; i < TASKS; i++) {
        probes[i] = probe_new(check_order, &all);
        probes[i]->number = i * STRANDS;
        assert_int_equal(probe_submit(executors[i % 2], &strand, probes[i], 0), WSB_OK);
    }
    for (uint64_t i = 0; i < TASKS; i++) {
        assert_int_equal(finish(probes[i]), WSB_OK);
    }
    assert_false(all.wrong);
    wsb_executor_destroy(executors[0]);
    wsb_executor_destroy(executors[1]);
}

/* A strand may go as soon as somebody knows of the end of its last task. */
static void test_a_strand_may_go_at_its_end(void **state)
{
    wsb_executor *executor = executor_of(2, 0, 0);
    (void)state;
    for (int i = 0; i < 3000; i++) {
        wsb__strand *strand = calloc(1, sizeof *strand);
        probe *self = start(executor, strand, do_nothing, NULL);
        while (!wsb_future_poll(&self->future)) {
        }
        memset(strand, 0xff, sizeof *strand);
        free(strand);
        wsb_future_destroy(&self->future);
    }
    wsb_executor_destroy(executor);
}

typedef struct turns {
    uint64_t steps[3];
    _Atomic bool unfair;
} turns;

/* Each has its turn before anybody has the next one. */
static wsb__step take_turn(probe *self)
{
    turns *all = self->data;
    uint64_t mine = ++all->steps[self->number];
    for (int i = 0; i < 3; i++) {
        if (all->steps[i] + 1 < mine || all->steps[i] > mine + 1) {
            atomic_store(&all->unfair, true);
        }
    }
    return mine < 1000 ? WSB__STEP_YIELD : WSB__STEP_DONE;
}

static void test_those_that_make_room_go_to_the_end(void **state)
{
    turns all = {.unfair = false};
    counter gate = 0;
    probe *probes[3];
    wsb_executor *executor = executor_of(1, 1, 0);
    probe *holder = start(executor, NULL, hold_thread, &gate);
    (void)state;
    for (uint64_t i = 0; i < 3; i++) {
        probes[i] = probe_new(take_turn, &all);
        probes[i]->number = i;
        assert_int_equal(probe_submit(executor, NULL, probes[i], 0), WSB_OK);
    }
    bump(&gate);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(finish(probes[i]), WSB_OK);
    }
    assert_int_equal(finish(holder), WSB_OK);
    assert_false(all.unfair);
    assert_int_equal(stats_of(executor).slices, 3 * 999);
    wsb_executor_destroy(executor);
}

typedef struct overtaking {
    uint64_t steps; /* of the one that computes */
    _Atomic bool stop;
} overtaking;

/* Always ready, never made room: as endless short calls. */
static wsb__step wake_again(probe *self)
{
    overtaking *all = self->data;
    wsb__task_wake(&self->future.task);
    return atomic_load(&all->stop) ? WSB__STEP_DONE : WSB__STEP_WAIT;
}

static wsb__step compute(probe *self)
{
    overtaking *all = self->data;
    if (++all->steps < 100) {
        return WSB__STEP_YIELD;
    }
    atomic_store(&all->stop, true);
    return WSB__STEP_DONE;
}

static void test_those_that_make_room_do_not_starve(void **state)
{
    overtaking all = {.stop = false};
    probe *probes[3];
    wsb_executor *executor = executor_of(1, 1, 0);
    (void)state;
    probes[0] = start(executor, NULL, wake_again, &all);
    probes[1] = start(executor, NULL, wake_again, &all);
    probes[2] = start(executor, NULL, compute, &all);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(finish(probes[i]), WSB_OK);
    }
    wsb_executor_destroy(executor);
}

/* Two tasks that wake each other for ever do not keep the others from running. */
static wsb__step ping(probe *self)
{
    probe **other = self->data;
    wsb__task_wake(&(*other)->future.task);
    return wsb__task_cancelled(&self->future.task) ? WSB__STEP_DONE : WSB__STEP_WAIT;
}

static void test_the_woken_do_not_overtake_for_ever(void **state)
{
    probe *pair[2];
    counter gate = 0;
    wsb_executor *executor = executor_of(1, 1, 0);
    probe *holder = start(executor, NULL, hold_thread, &gate);
    (void)state;
    pair[0] = probe_new(ping, &pair[1]);
    pair[1] = probe_new(ping, &pair[0]);
    assert_int_equal(probe_submit(executor, NULL, pair[0], 0), WSB_OK);
    assert_int_equal(probe_submit(executor, NULL, pair[1], 0), WSB_OK);
    bump(&gate);
    assert_int_equal(finish(holder), WSB_OK);
    assert_true(await(&pair[0]->steps, 100));
    for (int i = 0; i < 100; i++) {
        assert_int_equal(finish(start(executor, NULL, do_nothing, NULL)), WSB_OK);
    }
    for (int i = 0; i < 2; i++) {
        wsb_future_cancel(&pair[i]->future);
        assert_true(wsb_future_wait(&pair[i]->future, LONG_NS));
        assert_int_equal(wsb_future_status(&pair[i]->future), WSB_OK);
    }
    wsb_executor_destroy(executor); /* nothing wakes them any more */
    wsb_future_destroy(&pair[0]->future);
    wsb_future_destroy(&pair[1]->future);
}

static wsb__step wake_itself(probe *self)
{
    wsb__task_wake(&self->future.task);
    return atomic_load(&self->steps) < 1000 ? WSB__STEP_WAIT : WSB__STEP_DONE;
}

static void test_a_wake_during_the_step_is_not_lost(void **state)
{
    wsb_executor *executor = executor_of(2, 0, 0);
    (void)state;
    assert_int_equal(finish(start(executor, NULL, wake_itself, NULL)), WSB_OK);
    wsb_executor_destroy(executor);
}

/* The other side of a wait: the flag is set before the wake, and a step that begins after the wake
 * sees it. */
typedef struct mailbox {
    _Atomic(probe *) reader;
    _Atomic uint64_t written;
    _Atomic bool stop;
} mailbox;

static wsb__step read_mail(probe *self)
{
    mailbox *mail = self->data;
    uint64_t now = atomic_load_explicit(&mail->written, memory_order_relaxed);
    self->number = now;
    return now == 20000 ? WSB__STEP_DONE : WSB__STEP_WAIT;
}

static void *write_mail(void *argument)
{
    mailbox *mail = argument;
    for (int i = 0; i < 10000; i++) {
        atomic_fetch_add_explicit(&mail->written, 1, memory_order_relaxed);
        wsb__task_wake(&atomic_load(&mail->reader)->future.task);
    }
    return NULL;
}

static void test_no_wake_is_lost_between_threads(void **state)
{
    mailbox mail = {.written = 0};
    pthread_t threads[2];
    wsb_executor *executor = executor_of(2, 0, 0);
    (void)state;
    probe *reader = start(executor, NULL, read_mail, &mail);
    atomic_store(&mail.reader, reader);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_mail, &mail), 0);
    }
    assert_true(wsb_future_wait(&reader->future, LONG_NS));
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    wsb_future_destroy(&reader->future);
    wsb_executor_destroy(executor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_strand_keeps_its_order),
        cmocka_unit_test(test_strands_run_in_parallel),
        cmocka_unit_test(test_one_strand_over_two_executors),
        cmocka_unit_test(test_a_strand_may_go_at_its_end),
        cmocka_unit_test(test_those_that_make_room_go_to_the_end),
        cmocka_unit_test(test_those_that_make_room_do_not_starve),
        cmocka_unit_test(test_the_woken_do_not_overtake_for_ever),
        cmocka_unit_test(test_a_wake_during_the_step_is_not_lost),
        cmocka_unit_test(test_no_wake_is_lost_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
