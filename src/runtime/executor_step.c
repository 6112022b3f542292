/* One step of a task, and what is counted around it. */
#include "runtime/executor_state.h"

#include <sched.h>

#include "runtime/histogram.h"
#include "runtime/thread.h"
#include "runtime/ticks.h"

enum { GUARD_SPINS = 100 };

void wsb__guard_take(wsb__worker *worker)
{
    for (unsigned spins = 0; atomic_exchange_explicit(&worker->guard, 1, memory_order_acquire) != 0;
         spins++) {
        if (spins >= GUARD_SPINS) {
            sched_yield();
        }
    }
}

void wsb__guard_give(wsb__worker *worker)
{
    atomic_store_explicit(&worker->guard, 0, memory_order_release);
}

/* The task leaves the queue for good. @return whether it is discarded. */
static bool first_step(wsb_executor *executor, wsb__task *task, uint64_t now, wsb__wakes *wakes)
{
    bool ending = executor->ending;
    uint32_t set = WSB__TASK_BEGUN | (ending ? WSB__TASK_DISCARDED : 0u);
    uint32_t old = wsb__task_change(task, WSB__TASK_URGENT, set);
    bool discard = ending || (old & WSB__TASK_CANCELLED) != 0;
    if (discard) {
        wsb__task_change(task, 0, WSB__TASK_DISCARDED);
        executor->stats.cancelled++;
    } else {
        wsb__histogram_add_span(&executor->stats.waited, task->submitted_ticks, now);
    }
    executor->stats.queued--;
    wsb__room_made(executor, wakes);
    return discard;
}

static void begin_slice(wsb__worker *worker, uint64_t now)
{
    worker->slice_end = now + worker->executor->slice_ticks;
    worker->began_at = now;
    atomic_store_explicit(&worker->began, now, memory_order_relaxed);
}

/* With the lock held. @return whether the task is discarded instead. */
static bool begin(wsb__worker *worker, wsb__task *task, wsb__wakes *wakes)
{
    wsb_executor *executor = worker->executor;
    uint64_t now = wsb__ticks_recent();
    bool discard = false;
    uint32_t old = wsb__task_change(task, WSB__TASK_QUEUED | WSB__TASK_WAITING | WSB__TASK_WOKEN,
                                    WSB__TASK_RUNNING);
    if ((old & WSB__TASK_BEGUN) == 0) {
        discard = first_step(executor, task, now, wakes);
    }
    if (worker->visitor) {
        wsb__queue_tick(executor, wakes); /* its time slice ends in any case */
    }
    executor->stats.running++;
    worker->stepping = task;
    worker->ended = false;
    worker->following = NULL;
    worker->elsewhere = NULL;
    worker->ended_at = 0;
    begin_slice(worker, now);
    if ((old & WSB__TASK_ENDED) == 0) { /* else it calls back, and nobody asks it to end */
        atomic_store_explicit(&worker->current, task, memory_order_release);
    }
    return discard;
}

/* Nobody reaches the task through this thread from here on. */
static void forget(wsb__worker *worker)
{
    wsb__guard_take(worker);
    atomic_store_explicit(&worker->current, NULL, memory_order_relaxed);
    worker->interrupt = NULL;
    wsb__guard_give(worker);
}

/* A task that ended without wsb__task_end() gives its strand up here; it may be gone. */
static void give_up_strand(wsb__worker *worker, wsb__strand *strand)
{
    if (!worker->ended && strand != NULL) {
        pthread_mutex_lock(wsb__strand_lock(strand));
        worker->following = wsb__strand_leave(strand);
        pthread_mutex_unlock(wsb__strand_lock(strand));
    }
}

static void after_end(wsb__worker *worker, uint64_t submitted, wsb__wakes *wakes)
{
    wsb_executor *executor = worker->executor;
    executor->stats.completed++;
    wsb__histogram_add_span(&executor->stats.latency, submitted, worker->ended_at);
    if (worker->elsewhere != NULL) {
        wsb__queue_push(executor, worker->elsewhere, wakes);
        return; /* it stays in flight */
    }
    executor->in_flight--;
    if (executor->ending) {
        pthread_cond_broadcast(&executor->changed);
    }
}

static void after_wait(wsb_executor *executor, wsb__task *task, wsb__wakes *wakes)
{
    wsb_executor_stats *stats = &executor->stats;
    uint32_t old = atomic_load_explicit(&task->state, memory_order_relaxed);
    do {
        if ((old & WSB__TASK_WOKEN) != 0) {
            wsb__queue_push(executor, task, wakes);
            return;
        }
    } while (!atomic_compare_exchange_weak(&task->state, &old,
                                           (old & ~WSB__TASK_RUNNING) | WSB__TASK_WAITING));
    wsb__list_append(&executor->waiting, task);
    stats->suspended++;
    if (stats->suspended > stats->suspended_peak) {
        stats->suspended_peak = stats->suspended;
    }
}

/* It stays: what it ran counts against its next slice, too. */
static void count_run(const wsb__worker *worker, wsb__task *task)
{
    uint64_t began = worker->slice_end - worker->executor->slice_ticks;
    task->ran_ticks += worker->ended_at > began ? worker->ended_at - began : 0;
}

/* The lock is held again. */
static void after(wsb__worker *worker, wsb__task *task, wsb__step step, uint64_t submitted,
                  wsb__wakes *wakes)
{
    wsb_executor *executor = worker->executor;
    executor->stats.running--;
    if (!worker->visitor) {
        executor->searching++; /* it looks for the next one itself */
    }
    if (worker->following != NULL) {
        wsb__queue_push(executor, worker->following, wakes);
    }
    if (step == WSB__STEP_DONE) {
        after_end(worker, submitted, wakes);
        return;
    }
    count_run(worker, task);
    if (step == WSB__STEP_YIELD) {
        executor->stats.slices++;
        wsb__queue_push_yielded(executor, task, wakes);
    } else {
        after_wait(executor, task, wakes);
    }
}

/* Without the lock: the step itself, and what has to be done before others may take the task. */
static wsb__step run(wsb__worker *worker, wsb__task *task, bool discard)
{
    wsb__strand *strand = task->strand;
    wsb__step step = WSB__STEP_DONE;
    wsb__moment = 0; /* whatever the step does, it does not belong to it */
    if (discard) {
        task->ops->discard(task);
    } else {
        step = task->ops->step(task);
    }
    if (worker->ended_at == 0) {
        worker->ended_at = wsb__ticks();
    }
    forget(worker);
    worker->stepping = NULL;
    atomic_store_explicit(&worker->began, 0, memory_order_relaxed);
    if (step == WSB__STEP_DONE) {
        give_up_strand(worker, strand);
    }
    if (worker->following != NULL && worker->following->executor != worker->executor) {
        wsb__queue_push_alone(worker->following);
        worker->following = NULL;
    }
    return step;
}

void wsb__step_run(wsb__worker *worker, wsb__task *task, wsb__wakes *wakes)
{
    wsb_executor *executor = worker->executor;
    uint64_t submitted = task->submitted_ticks;
    bool discard = begin(worker, task, wakes);
    pthread_mutex_unlock(&executor->lock);
    wsb__wakes_do(executor, wakes);
    wsb__step step = run(worker, task, discard);
    pthread_mutex_lock(&executor->lock);
    after(worker, task, step, submitted, wakes);
}

bool wsb__task_finish_elsewhere(wsb__task *task, const wsb__task_ops *run)
{
    wsb__worker *worker = wsb__this_executor_thread.worker;
    if (worker == NULL || !worker->visitor || worker->clerk || worker->stepping != task) {
        return false;
    }
    /* ENDED stays: nobody can cancel it any more. */
    task->ops = run;
    task->strand = NULL;
    wsb__task_change(task, WSB__TASK_RUNNING | WSB__TASK_WOKEN, 0);
    worker->elsewhere = task;
    return true;
}

bool wsb__executor_is_stepping(void)
{
    return wsb__this_executor_thread.worker != NULL;
}

bool wsb__executor_is_visiting(void)
{
    const wsb__worker *worker = wsb__this_executor_thread.worker;
    return worker != NULL && worker->visitor && !worker->clerk;
}

uint64_t wsb__step_began(void)
{
    wsb__worker *worker = wsb__this_executor_thread.worker;
    uint64_t began = worker != NULL ? worker->began_at : 0;
    if (began == 0) {
        return wsb__ticks();
    }
    worker->began_at = 0;
    return began;
}

void wsb__step_ends(uint64_t now)
{
    wsb__worker *worker = wsb__this_executor_thread.worker;
    if (worker != NULL) {
        worker->ended_at = now;
    }
}

bool wsb__executor_should_yield(void)
{
    const wsb__worker *worker = wsb__this_executor_thread.worker;
    return worker != NULL && worker->stepping != NULL &&
           (worker->visitor ||
            atomic_load_explicit(&worker->executor->ready_count, memory_order_relaxed) > 0) &&
           wsb__ticks() >= worker->slice_end;
}

void wsb__executor_set_interrupt(void (*interrupt)(void *engine), void *engine)
{
    wsb__worker *worker = wsb__this_executor_thread.worker;
    if (worker != NULL) {
        wsb__guard_take(worker);
        worker->interrupt = interrupt;
        worker->engine = engine;
        wsb__guard_give(worker);
    }
}

void wsb__handoff_begin(void)
{
    wsb__executor_thread *thread = &wsb__this_executor_thread;
    /* Not inside of a guest: what is stepped would run on top of it. */
    thread->handing_over = thread->worker == NULL && wsb__this_thread.depth == 0;
}

bool wsb__visit_begin(wsb__task *task, wsb__wakes *wakes)
{
    wsb__executor_thread *thread = &wsb__this_executor_thread;
    wsb__worker *visitor = &thread->visitor;
    if (!thread->handing_over || thread->kept != NULL) {
        return false;
    }
    visitor->executor = task->executor;
    visitor->visitor = true;
    visitor->round = 0;
    task->executor->visitor_count++;
    wsb__worker_link(visitor);
    thread->kept = task;
    thread->kept_is_discarded = begin(visitor, task, wakes);
    return true;
}

/* Steps what was kept. */
static void visit(wsb__executor_thread *thread, wsb__task *task)
{
    wsb_executor *executor = task->executor;
    wsb__worker *visitor = &thread->visitor;
    wsb__wakes wakes = {.count = 0};
    uint64_t submitted = task->submitted_ticks;
    bool in_moment = wsb__moment != 0;
    if ((atomic_load(&task->state) & WSB__TASK_WOKEN) != 0) {
        wsb__task_change(task, WSB__TASK_WOKEN, 0); /* since it was kept: the step sees it */
    }
    /* Since then the channel's code, or a waker's, may have run, which is no part of the step. */
    begin_slice(visitor, wsb__ticks());
    thread->worker = visitor;
    wsb__step step = run(visitor, task, thread->kept_is_discarded);
    pthread_mutex_lock(&executor->lock);
    after(visitor, task, step, submitted, &wakes);
    thread->worker = NULL;
    wsb__worker_unlink(visitor);
    executor->visitor_count--;
    if (executor->ending) {
        pthread_cond_broadcast(&executor->changed);
    }
    pthread_mutex_unlock(&executor->lock);
    wsb__wakes_do(executor, &wakes);
    wsb__moment = in_moment ? visitor->ended_at : 0;
}

void wsb__handoff_end(void)
{
    wsb__executor_thread *thread = &wsb__this_executor_thread;
    wsb__task *task = thread->kept;
    thread->handing_over = false;
    thread->kept = NULL;
    /* In a forked child it is the parent's, and locks may be held for good. */
    if (task != NULL && !wsb__executor_is_forked(task->executor)) {
        visit(thread, task);
    }
}
