/* Threads: more of them when all are held, time slices, handing over, fork(2). */
#include "unit/executor/executor_test.h"

#include <signal.h>
#include <sys/wait.h>

/* As a guest in direct mode that reads from a pipe. */
static wsb__step read_pipe(probe *self)
{
    char byte;
    const int *fd = self->data;
    return read(*fd, &byte, 1) == 1 ? WSB__STEP_DONE : WSB__STEP_YIELD;
}

static void test_more_threads_when_all_are_held(void **state)
{
    enum { HELD = 6 };
    int fds[2];
    probe *holders[HELD];
    wsb_executor *executor = executor_of(2, 8, 0);
    (void)state;
    assert_int_equal(pipe(fds), 0);
    for (int i = 0; i < HELD; i++) {
        holders[i] = start(executor, NULL, read_pipe, &fds[0]);
    }
    /* All of them hold a thread, and this one runs nevertheless. */
    assert_int_equal(finish(start(executor, NULL, do_nothing, NULL)), WSB_OK);
    for (int i = 0; i < HELD; i++) {
        assert_true(await(&holders[i]->steps, 1));
    }
    wsb_executor_stats stats = stats_of(executor);
    assert_in_range(stats.threads, HELD + 1, 8);
    assert_int_equal(stats.threads_peak, stats.threads);
    for (int i = 0; i < HELD; i++) {
        assert_int_equal(write(fds[1], "x", 1), 1);
    }
    for (int i = 0; i < HELD; i++) {
        assert_int_equal(finish(holders[i]), WSB_OK);
    }
    AWAIT_STATS(executor, now.threads == 2); /* they leave when they are idle */
    assert_int_equal(finish(start(executor, NULL, do_nothing, NULL)), WSB_OK);
    wsb_executor_destroy(executor);
    close(fds[0]);
    close(fds[1]);
}

/* What is only to end does not wait for those that hold all threads there may be. */
static void test_ends_while_all_threads_are_held(void **state)
{
    int fds[2];
    wsb__strand strand = {0};
    wsb_executor *executor = executor_of(1, 1, 0);
    (void)state;
    assert_int_equal(pipe(fds), 0);
    probe *suspended = start(executor, &strand, wait_for_cancel, NULL);
    AWAIT_STATS(executor, now.suspended == 1);
    probe *behind = start(executor, &strand, do_nothing, NULL);
    probe *holder = start(executor, NULL, read_pipe, &fds[0]);
    assert_true(await(&holder->steps, 1));
    probe *queued = start(executor, NULL, do_nothing, NULL);
    for (int i = 0; i < 3; i++) { /* again when the thread for it has left */
        probe *more = start(executor, NULL, do_nothing, NULL);
        wsb_future_cancel(&more->future);
        assert_int_equal(finish(more), WSB_ERROR_CANCELLED);
    }
    wsb_future_cancel(&queued->future);
    wsb_future_cancel(&behind->future);
    wsb_future_cancel(&suspended->future);
    assert_int_equal(finish(queued), WSB_ERROR_CANCELLED);
    assert_int_equal(finish(behind), WSB_ERROR_CANCELLED);
    assert_int_equal(finish(suspended), WSB_OK);
    AWAIT_STATS(executor, now.running == 1);
    assert_int_equal(stats_of(executor).threads_peak, 1);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(finish(holder), WSB_OK);
    wsb_executor_destroy(executor);
    close(fds[0]);
    close(fds[1]);
}

static void measure_stack(wsb_future *future, void *user_data)
{
    pthread_attr_t attributes;
    size_t size;
    (void)future;
    assert_int_equal(pthread_getattr_np(pthread_self(), &attributes), 0);
    assert_int_equal(pthread_attr_getstacksize(&attributes, &size), 0);
    pthread_attr_destroy(&attributes);
    atomic_store((counter *)user_data, (uint32_t)size);
    wsb__word_wake(user_data, UINT32_MAX);
}

/* A callback can rely on as much stack as on any other thread of the executor. */
static void test_callbacks_have_stack_while_all_are_held(void **state)
{
    int fds[2];
    counter meanwhile = 0;
    wsb_executor *executor = executor_of(1, 1, 0);
    (void)state;
    assert_int_equal(pipe(fds), 0);
    probe *holder = start(executor, NULL, read_pipe, &fds[0]);
    assert_true(await(&holder->steps, 1));
    probe *queued = start(executor, NULL, do_nothing, NULL);
    assert_int_equal(wsb_future_on_done(&queued->future, measure_stack, &meanwhile, NULL), WSB_OK);
    wsb_future_cancel(&queued->future);
    assert_true(await(&meanwhile, 1));
    assert_int_equal(finish(queued), WSB_ERROR_CANCELLED);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(finish(holder), WSB_OK);
    wsb_executor_destroy(executor);
    assert_true(meanwhile >= 4 * 1024 * 1024);
    close(fds[0]);
    close(fds[1]);
}

static void test_never_more_than_max_threads(void **state)
{
    enum { HELD = 5 };
    int fds[2];
    probe *holders[HELD];
    wsb_executor *executor = executor_of(1, 3, 0);
    (void)state;
    assert_int_equal(pipe(fds), 0);
    for (int i = 0; i < HELD; i++) {
        holders[i] = start(executor, NULL, read_pipe, &fds[0]);
    }
    AWAIT_STATS(executor, now.running == 3);
    wsb_executor_stats stats = stats_of(executor);
    assert_int_equal(stats.threads, 3);
    assert_int_equal(stats.queued, HELD - 3);
    for (int i = 0; i < HELD; i++) {
        assert_int_equal(write(fds[1], "x", 1), 1);
    }
    for (int i = 0; i < HELD; i++) {
        assert_int_equal(finish(holders[i]), WSB_OK);
    }
    assert_int_equal(stats_of(executor).threads_peak, 3);
    wsb_executor_destroy(executor);
    close(fds[0]);
    close(fds[1]);
}

/* --- time slices --- */

typedef struct guest {
    _Atomic bool epoch;
    counter interrupts;
} guest;

static void interrupt_guest(void *engine)
{
    guest *self = engine;
    atomic_store(&self->epoch, true);
    bump(&self->interrupts);
}

/* A guest that spins, and looks whether to make room when its engine interrupts it. */
static wsb__step spin_as_guest(probe *self)
{
    guest *engine = self->data;
    wsb__step step = WSB__STEP_DONE;
    wsb__executor_set_interrupt(interrupt_guest, engine);
    while (atomic_load(&self->asks) == 0) {
        if (atomic_exchange(&engine->epoch, false) && wsb__executor_should_yield()) {
            step = WSB__STEP_YIELD;
            break;
        }
    }
    wsb__executor_set_interrupt(NULL, NULL);
    return step;
}

static void test_spinning_guests_make_room(void **state)
{
    enum { GUESTS = 3 };
    static guest engines[GUESTS];
    probe *guests[GUESTS];
    wsb_executor *executor = executor_of(1, 1, 0);
    (void)state;
    for (int i = 0; i < GUESTS; i++) {
        guests[i] = start(executor, NULL, spin_as_guest, &engines[i]);
    }
    for (int i = 0; i < 20; i++) {
        assert_int_equal(finish(start(executor, NULL, do_nothing, NULL)), WSB_OK);
    }
    for (int i = 0; i < GUESTS; i++) {
        wsb_future_cancel(&guests[i]->future);
        assert_int_equal(finish(guests[i]), WSB_OK);
    }
    assert_true(stats_of(executor).slices > 0);
    wsb_executor_destroy(executor);
}

static wsb__step compute_alone(probe *self)
{
    uint64_t end = wsb__monotonic_ns() + 20 * MS;
    wsb__executor_set_interrupt(interrupt_guest, self->data);
    while (wsb__monotonic_ns() < end) {
        if (wsb__executor_should_yield()) {
            self->number++;
        }
    }
    wsb__executor_set_interrupt(NULL, NULL);
    return WSB__STEP_DONE;
}

static void test_one_that_is_alone_is_not_disturbed(void **state)
{
    static guest engine;
    uint64_t yields;
    wsb_executor *executor = executor_of(2, 2, 0);
    probe *self = start(executor, NULL, compute_alone, &engine);
    (void)state;
    assert_true(wsb_future_wait(&self->future, LONG_NS));
    assert_int_equal(wsb_future_take_id(&self->future, &yields, NULL), WSB_OK);
    assert_int_equal(yields, 0);
    assert_int_equal(engine.interrupts, 0);
    wsb_future_destroy(&self->future);
    assert_false(wsb__executor_should_yield()); /* nor is a thread that steps none */
    wsb__executor_set_interrupt(interrupt_guest, &engine);
    wsb_executor_destroy(executor);
}

/* --- handing over --- */

typedef struct conversation {
    pthread_t stepped_on;
    counter answers;
} conversation;

static wsb__step answer(probe *self)
{
    conversation *talk = self->data;
    if (atomic_load(&self->steps) > 1) {
        talk->stepped_on = pthread_self();
        bump(&talk->answers);
    }
    return wsb__task_cancelled(&self->future.task) ? WSB__STEP_DONE : WSB__STEP_WAIT;
}

static void test_a_woken_task_is_stepped_on_this_thread(void **state)
{
    conversation talk = {.answers = 0};
    wsb_executor *executor = executor_of(1, 1, 0);
    probe *self = start(executor, NULL, answer, &talk);
    (void)state;
    for (uint32_t i = 1; i <= 100; i++) {
        AWAIT_STATS(executor, now.suspended == 1);
        wsb__handoff_begin();
        wsb__task_wake(&self->future.task);
        assert_int_equal(atomic_load(&talk.answers), i - 1);
        wsb__handoff_end();
        assert_int_equal(atomic_load(&talk.answers), i);
        assert_true(pthread_equal(talk.stepped_on, pthread_self()));
    }
    assert_int_equal(stats_of(executor).suspended, 1);
    wsb__handoff_begin(); /* nothing is woken: nothing happens */
    wsb__handoff_end();
    wsb_future_cancel(&self->future);
    assert_int_equal(finish(self), WSB_OK);
    wsb_executor_destroy(executor);
}

static void test_only_the_first_is_kept(void **state)
{
    conversation talks[2] = {{.answers = 0}};
    wsb_executor *executor = executor_of(1, 1, 0);
    probe *both[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        both[i] = start(executor, NULL, answer, &talks[i]);
    }
    AWAIT_STATS(executor, now.suspended == 2);
    wsb__handoff_begin();
    wsb__task_wake(&both[0]->future.task);
    wsb__task_wake(&both[1]->future.task);
    wsb__task_wake(&both[0]->future.task);
    assert_true(await(&talks[1].answers, 1)); /* on a thread of the executor */
    wsb__handoff_end();
    assert_true(pthread_equal(talks[0].stepped_on, pthread_self()));
    assert_false(pthread_equal(talks[1].stepped_on, pthread_self()));
    for (int i = 0; i < 2; i++) {
        wsb_future_cancel(&both[i]->future);
        assert_int_equal(finish(both[i]), WSB_OK);
    }
    wsb_executor_destroy(executor);
}

/* The caller's lock may be taken by the callback: it is called elsewhere. */
static void lock_and_note(wsb_future *future, void *user_data)
{
    pthread_mutex_t *lock = user_data;
    pthread_mutex_lock(lock);
    pthread_mutex_unlock(lock);
    wsb_future_destroy(future);
}

static void test_a_callback_is_not_called_while_handing_over(void **state)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    counter released = 0;
    wsb_executor *executor = executor_of(1, 1, 0);
    (void)state;
    for (uint32_t i = 1; i <= 50; i++) {
        probe *self = probe_new(wait_once, NULL);
        self->released = &released;
        assert_int_equal(wsb_future_on_done(&self->future, lock_and_note, &lock, NULL), WSB_OK);
        assert_int_equal(probe_submit(executor, NULL, self, 0), WSB_OK);
        AWAIT_STATS(executor, now.suspended == 1);
        pthread_mutex_lock(&lock);
        wsb__handoff_begin();
        wsb__task_wake(&self->future.task);
        wsb__handoff_end();
        assert_true(wsb_future_poll(&self->future));
        pthread_mutex_unlock(&lock);
        assert_true(await(&released, i));
    }
    wsb_executor_destroy(executor);
    pthread_mutex_destroy(&lock);
}

/* The time slice ends also where nobody else waits: the caller has a timeout of its own. */
static wsb__step wait_then_spin(probe *self)
{
    return atomic_load(&self->steps) == 1 ? WSB__STEP_WAIT : spin_as_guest(self);
}

static void test_handing_over_ends_with_the_slice(void **state)
{
    static guest engine;
    wsb_executor *executor = executor_of(1, 1, 0);
    probe *self = start(executor, NULL, wait_then_spin, &engine);
    (void)state;
    AWAIT_STATS(executor, now.suspended == 1);
    wsb__handoff_begin();
    wsb__task_wake(&self->future.task);
    wsb__handoff_end(); /* comes back */
    wsb_future_cancel(&self->future);
    assert_int_equal(finish(self), WSB_OK);
    wsb_executor_destroy(executor);
}

/* Wakers of different executors, and the end of one meanwhile. */
static void test_destroying_while_others_hand_over(void **state)
{
    conversation talk = {.answers = 0};
    (void)state;
    for (int i = 0; i < 50; i++) {
        wsb_executor *executor = executor_of(1, 1, 0);
        probe *self = start(executor, NULL, wait_once, &talk);
        AWAIT_STATS(executor, now.suspended == 1);
        wsb__handoff_begin();
        wsb__task_wake(&self->future.task);
        wsb__handoff_end();
        wsb_executor_destroy(executor);
        assert_int_equal(finish(self), WSB_OK);
    }
}

/* --- fork --- */

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define IS_THREAD_SANITIZER 1 /* it allows a forked child of threads no thread */
#endif
#endif
#if !defined(IS_THREAD_SANITIZER) && defined(__SANITIZE_THREAD__)
#define IS_THREAD_SANITIZER 1
#endif

static int use_in_child(void)
{
#ifndef IS_THREAD_SANITIZER
    wsb_executor *executor = executor_of(2, 2, 0);
    wsb__strand strands[100] = {{.turn = NULL}};
    for (int i = 0; i < 100; i++) {
        probe *self = probe_new(do_nothing, NULL);
        if (probe_submit(executor, &strands[i], self, 0) != WSB_OK ||
            !wsb_future_wait(&self->future, LONG_NS)) {
            return 4;
        }
        wsb_future_destroy(&self->future);
    }
    wsb_executor_destroy(executor);
#endif
    return 0;
}

static int child_of_fork(wsb_executor *executor, probe *waiting)
{
    wsb_error *error = NULL;
    probe *self = probe_new(do_nothing, NULL);
    if (wsb__executor_submit(executor, NULL, &self->future.task, UINT64_MAX, &error) !=
            WSB_ERROR_FORKED ||
        wsb_error_suggestion(error) == NULL) {
        return 1;
    }
    wsb_error_destroy(error);
    wsb__future_abandon(&self->future);
    wsb_future_destroy(&self->future);
    if (wsb_future_wait(&waiting->future, UINT64_MAX)) {
        return 2; /* nobody could end it: it does not hang, either */
    }
    wsb__task_wake(&waiting->future.task);
    wsb_future_cancel(&waiting->future);
    wsb_executor_stats stats = stats_of(executor);
    if (stats.threads != 0) {
        return 3;
    }
    wsb_future_destroy(&waiting->future);
    wsb_executor_destroy(executor);
    return use_in_child(); /* one that is made here works */
}

static wsb__step go_round(probe *self)
{
    return wsb__task_cancelled(&self->future.task) ? WSB__STEP_DONE : WSB__STEP_YIELD;
}

static void test_a_forked_child_is_refused(void **state)
{
    wsb_executor *executor = executor_of(2, 2, 0);
    wsb__strand strand = {.turn = NULL};
    probe *waiting = start(executor, NULL, wait_for_cancel, NULL);
    probe *busy = start(executor, &strand, go_round, NULL);
    (void)state;
    for (int i = 0; i < 5; i++) {
        int status;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            alarm(30);
            _exit(child_of_fork(executor, waiting));
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    wsb_future_cancel(&waiting->future);
    wsb_future_cancel(&busy->future);
    assert_int_equal(finish(waiting), WSB_OK);
    assert_int_equal(finish(busy), WSB_OK);
    wsb_executor_destroy(executor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_more_threads_when_all_are_held),
        cmocka_unit_test(test_ends_while_all_threads_are_held),
        cmocka_unit_test(test_callbacks_have_stack_while_all_are_held),
        cmocka_unit_test(test_never_more_than_max_threads),
        cmocka_unit_test(test_spinning_guests_make_room),
        cmocka_unit_test(test_one_that_is_alone_is_not_disturbed),
        cmocka_unit_test(test_a_woken_task_is_stepped_on_this_thread),
        cmocka_unit_test(test_only_the_first_is_kept),
        cmocka_unit_test(test_a_callback_is_not_called_while_handing_over),
        cmocka_unit_test(test_handing_over_ends_with_the_slice),
        cmocka_unit_test(test_destroying_while_others_hand_over),
        cmocka_unit_test(test_a_forked_child_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
