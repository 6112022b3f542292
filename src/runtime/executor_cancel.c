#include "runtime/executor_state.h"

#include "core/signal_word.h"

/* Keeps the task from ending until unpin(). False where it has ended, or another thread asks it to
 * end already, or where it was discarded. */
static bool pin(wsb__task *task)
{
    const uint32_t over = WSB__TASK_ENDED | WSB__TASK_CANCELLING | WSB__TASK_DISCARDED;
    uint32_t old = atomic_load(&task->state);
    do {
        if ((old & over) != 0) {
            return false;
        }
    } while (!atomic_compare_exchange_weak(&task->state, &old,
                                           old | WSB__TASK_CANCELLED | WSB__TASK_CANCELLING));
    return true;
}

static void unpin(wsb__task *task)
{
    uint32_t old = atomic_fetch_and(&task->state, ~(uint32_t)WSB__TASK_CANCELLING);
    if ((old & WSB__TASK_ENDING) != 0) {
        wsb__word_wake(&task->state, 1); /* it may be gone: the address only */
    }
}

/* It is pinned and has begun. */
static void ask(wsb__task *task)
{
    task->ops->cancel(task);
    wsb__task_hurry(task);
}

/* A pinned task that has not begun comes first, whatever is before it in its strand. With the
 * locks held. False where it has begun. */
static bool hurry(wsb_executor *executor, wsb__task *task, wsb__wakes *wakes)
{
    uint32_t state = atomic_load(&task->state);
    wsb__strand *strand = task->strand;
    if ((state & WSB__TASK_BEGUN) != 0) {
        return (state & WSB__TASK_DISCARDED) != 0;
    }
    if ((state & WSB__TASK_QUEUED) != 0) {
        wsb__queue_hurry(executor, task, wakes);
    } else if (strand != NULL && strand->turn != task) {
        wsb__list_remove(&strand->behind, task);
        task->strand = NULL;
        wsb__queue_push(executor, task, wakes);
    } /* else it is just getting its turn: then it is urgent */
    return true;
}

void wsb__task_cancel(wsb__task *task)
{
    wsb_executor *executor = task->executor;
    wsb__wakes wakes = {.count = 0};
    if (executor == NULL || !pin(task)) {
        return;
    }
    /* Not before: the executor can be gone where the task has ended. */
    if (wsb__executor_is_forked(executor)) {
        unpin(task);
        return;
    }
    pthread_mutex_t *strand_lock = task->strand != NULL ? wsb__strand_lock(task->strand) : NULL;
    if (strand_lock != NULL) {
        pthread_mutex_lock(strand_lock);
    }
    pthread_mutex_lock(&executor->lock);
    bool hurried = hurry(executor, task, &wakes);
    if (!hurried) {
        wsb__queue_tick(executor, &wakes); /* asks again, for as long as it runs */
    }
    pthread_mutex_unlock(&executor->lock);
    if (strand_lock != NULL) {
        pthread_mutex_unlock(strand_lock);
    }
    wsb__wakes_do(executor, &wakes);
    if (!hurried) {
        ask(task);
    }
    unpin(task);
}

bool wsb__task_cancelled(const wsb__task *task)
{
    return (atomic_load(&task->state) & WSB__TASK_CANCELLED) != 0;
}

/* The task that a thread steps, pinned, where it is to be asked. */
static wsb__task *pin_current(wsb__worker *worker, bool all)
{
    wsb__guard_take(worker);
    wsb__task *task = atomic_load_explicit(&worker->current, memory_order_acquire);
    if (task != NULL && ((!all && !wsb__task_cancelled(task)) || !pin(task))) {
        task = NULL;
    }
    wsb__guard_give(worker);
    return task;
}

static wsb__task *pin_next(wsb_executor *executor, bool all)
{
    for (wsb__worker *each = executor->workers; each != NULL; each = each->next) {
        if (each->round != executor->round) {
            each->round = executor->round;
            wsb__task *task = pin_current(each, all);
            if (task != NULL) {
                return task;
            }
        }
    }
    return NULL;
}

bool wsb__cancel_running(wsb_executor *executor, bool all)
{
    bool any = false;
    wsb__task *task;
    executor->round++;
    while ((task = pin_next(executor, all)) != NULL) {
        any = true;
        pthread_mutex_unlock(&executor->lock);
        ask(task);
        unpin(task);
        pthread_mutex_lock(&executor->lock);
    }
    return any;
}

/* The first that waits and was not asked yet. One that was is woken already, and will leave. */
static wsb__task *pin_waiting(wsb_executor *executor)
{
    wsb__task *task = executor->waiting.first;
    while (task != NULL && (wsb__task_cancelled(task) || !pin(task))) {
        task = task->next;
    }
    return task;
}

void wsb__cancel_waiting(wsb_executor *executor)
{
    wsb__task *task;
    while ((task = pin_waiting(executor)) != NULL) {
        pthread_mutex_unlock(&executor->lock);
        ask(task);
        unpin(task);
        pthread_mutex_lock(&executor->lock);
    }
}
