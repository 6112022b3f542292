/* Tasks for tests of the executor: what a step does is a function, and their end is a future. */
#ifndef TESTS_UNIT_EXECUTOR_TEST_H
#define TESTS_UNIT_EXECUTOR_TEST_H

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/signal_word.h"
#include "runtime/future.h"
#include "runtime/ticks.h"

/* Far more than anything here takes, also with a sanitizer on a busy machine. */
#define LONG_NS (UINT64_C(60) * 1000000000u)
#define MS UINT64_C(1000000)

/* --- counts that threads wait for --- */

typedef _Atomic uint32_t counter;

static inline void bump(counter *count)
{
    atomic_fetch_add(count, 1);
    wsb__word_wake(count, UINT32_MAX);
}

static inline bool await(counter *count, uint32_t at_least)
{
    uint64_t begin = wsb__monotonic_ns();
    uint32_t now;
    while ((now = atomic_load(count)) < at_least) {
        if (wsb__monotonic_ns() - begin > LONG_NS) {
            return false;
        }
        wsb__word_wait(count, now, 100 * MS);
    }
    return true;
}

/* --- tasks --- */

typedef struct probe {
    wsb_future future;
    wsb__step (*body)(struct probe *probe);
    void (*asked)(struct probe *probe); /* from cancel(); may be NULL */
    void *data;
    uint64_t number;
    counter steps;
    counter asks;
    counter *released; /* may be NULL */
    struct pollfd fds[4];
    wsb__step next; /* what the step gives that is not the last */
} probe;

static inline wsb__step probe_step(wsb__task *task)
{
    probe *self = (probe *)task;
    bump(&self->steps);
    wsb__step step = self->body(self);
    if (step == WSB__STEP_DONE) {
        self->future.result.id = self->number;
        wsb__future_finish(&self->future, WSB_OK, NULL);
    }
    return step;
}

static inline void probe_discard(wsb__task *task)
{
    wsb__future_finish((wsb_future *)task, WSB_ERROR_CANCELLED, NULL);
}

static inline void probe_cancel(wsb__task *task)
{
    probe *self = (probe *)task;
    bump(&self->asks);
    if (self->asked != NULL) {
        self->asked(self);
    }
}

static const wsb__task_ops probe_ops = {probe_step, probe_discard, probe_cancel};

static inline void probe_release(wsb_future *future)
{
    probe *self = (probe *)future;
    if (self->released != NULL) {
        bump(self->released);
    }
    free(self);
}

static inline probe *probe_new(wsb__step (*body)(probe *), void *data)
{
    probe *self = calloc(1, sizeof *self);
    if (self == NULL) {
        abort();
    }
    wsb__future_init(&self->future, WSB__RESULT_ID, probe_release);
    self->future.task.ops = &probe_ops;
    self->body = body;
    self->data = data;
    return self;
}

static inline wsb_status probe_submit(wsb_executor *executor, wsb__strand *strand, probe *self,
                                      uint64_t timeout_ns)
{
    wsb_status status =
        wsb__executor_submit(executor, strand, &self->future.task, timeout_ns, NULL);
    if (status != WSB_OK) {
        wsb__future_abandon(&self->future);
        wsb_future_destroy(&self->future);
    }
    return status;
}

/* Submits; must be taken. */
static inline probe *start(wsb_executor *executor, wsb__strand *strand, wsb__step (*body)(probe *),
                           void *data)
{
    probe *self = probe_new(body, data);
    assert_int_equal(probe_submit(executor, strand, self, 0), WSB_OK);
    return self;
}

/* Waits for its end and gives it up. */
static inline wsb_status finish(probe *self)
{
    assert_true(wsb_future_wait(&self->future, LONG_NS));
    wsb_status status = wsb_future_status(&self->future);
    wsb_future_destroy(&self->future);
    return status;
}

/* One that the test ends itself; no task. */
static inline wsb_future *plain(wsb__result_kind kind)
{
    wsb_future *future = malloc(sizeof(probe));
    assert_non_null(future);
    memset(future, 0, sizeof(probe));
    wsb__future_init(future, kind, probe_release);
    return future;
}

static inline wsb_executor *executor_of(uint32_t workers, uint32_t max_threads, uint64_t max_queued)
{
    wsb_executor_options options = WSB_EXECUTOR_OPTIONS_INIT;
    wsb_executor *executor;
    options.workers = workers;
    options.max_threads = max_threads;
    options.max_queued = max_queued;
    assert_int_equal(wsb_executor_create(&options, &executor, NULL), WSB_OK);
    return executor;
}

static inline wsb_executor_stats stats_of(const wsb_executor *executor)
{
    wsb_executor_stats stats = WSB_EXECUTOR_STATS_INIT;
    wsb_executor_get_stats(executor, &stats);
    return stats;
}

/* --- bodies --- */

static inline wsb__step do_nothing(probe *self)
{
    (void)self;
    return WSB__STEP_DONE;
}

/* Waits on its thread, as a guest in direct mode does, until `data` (a counter) is not 0. */
static inline wsb__step hold_thread(probe *self)
{
    await(self->data, 1);
    return WSB__STEP_DONE;
}

/* The first step waits without a thread, the second is the last. */
static inline wsb__step wait_once(probe *self)
{
    return atomic_load(&self->steps) == 1 ? WSB__STEP_WAIT : WSB__STEP_DONE;
}

/* Waits until it is asked to end. */
static inline wsb__step wait_for_cancel(probe *self)
{
    return wsb__task_cancelled(&self->future.task) ? WSB__STEP_DONE : WSB__STEP_WAIT;
}

/* Computes until it is asked to end, as a guest that spins. */
static inline wsb__step spin_until_asked(probe *self)
{
    while (atomic_load(&self->asks) == 0) {
    }
    return WSB__STEP_DONE;
}

/* Until the statistics, named `now`, are as expected: for what nobody is told of. */
#define AWAIT_STATS(executor, condition)                                                           \
    do {                                                                                           \
        uint64_t begin_ = wsb__monotonic_ns();                                                     \
        for (;;) {                                                                                 \
            wsb_executor_stats now = stats_of(executor);                                           \
            if (condition) {                                                                       \
                break;                                                                             \
            }                                                                                      \
            assert_true(wsb__monotonic_ns() - begin_ < LONG_NS);                                   \
            usleep(200);                                                                           \
        }                                                                                          \
    } while (0)

#endif
