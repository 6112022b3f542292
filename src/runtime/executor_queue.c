#include "runtime/executor_state.h"

#include "core/signal_word.h"

_Thread_local wsb__executor_thread wsb__this_executor_thread
    __attribute__((tls_model("initial-exec")));

/* How many tasks in a row run before one that made room. */
enum { MAX_OVERTAKEN = 16 };

void wsb__list_append(wsb__task_list *list, wsb__task *task)
{
    task->next = NULL;
    task->previous = list->last;
    if (list->last != NULL) {
        list->last->next = task;
    } else {
        list->first = task;
    }
    list->last = task;
}

void wsb__list_remove(wsb__task_list *list, wsb__task *task)
{
    if (task->previous != NULL) {
        task->previous->next = task->next;
    } else {
        list->first = task->next;
    }
    if (task->next != NULL) {
        task->next->previous = task->previous;
    } else {
        list->last = task->previous;
    }
    task->next = NULL;
    task->previous = NULL;
}

wsb__task *wsb__list_take(wsb__task_list *list)
{
    wsb__task *task = list->first;
    if (task != NULL) {
        wsb__list_remove(list, task);
    }
    return task;
}

uint32_t wsb__task_change(wsb__task *task, uint32_t clear, uint32_t set)
{
    uint32_t old = atomic_load_explicit(&task->state, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&task->state, &old, (old & ~clear) | set)) {
    }
    return old;
}

static void count_ready(wsb_executor *executor, uint64_t by)
{
    uint64_t count = atomic_load_explicit(&executor->ready_count, memory_order_relaxed) + by;
    atomic_store_explicit(&executor->ready_count, count, memory_order_relaxed);
}

/* Of one that had its slice, at once or in parts: who waits a moment whenever his is nearly over
 * would be before all others for ever. */
static void put_behind(wsb_executor *executor, wsb__task *task)
{
    task->ran_ticks = 0;
    wsb__task_change(task, 0, WSB__TASK_YIELDED);
    wsb__list_append(&executor->yielded, task);
}

void wsb__queue_push(wsb_executor *executor, wsb__task *task, wsb__wakes *wakes)
{
    uint32_t old = wsb__task_change(task, WSB__TASK_WAITING | WSB__TASK_RUNNING | WSB__TASK_URGENT,
                                    WSB__TASK_QUEUED);
    if ((old & (WSB__TASK_CANCELLED | WSB__TASK_BEGUN)) == WSB__TASK_CANCELLED ||
        (old & WSB__TASK_HURRY) != 0) {
        wsb__task_change(task, 0, WSB__TASK_URGENT);
        wsb__list_append(&executor->urgent, task);
    } else if (task->ran_ticks >= executor->slice_ticks) {
        put_behind(executor, task);
    } else {
        wsb__list_append(&executor->ready, task);
    }
    count_ready(executor, 1);
    wsb__queue_call_thread(executor, wakes);
}

void wsb__queue_push_yielded(wsb_executor *executor, wsb__task *task, wsb__wakes *wakes)
{
    if ((atomic_load(&task->state) & WSB__TASK_HURRY) != 0) {
        wsb__queue_push(executor, task, wakes);
        return;
    }
    wsb__task_change(task, WSB__TASK_RUNNING | WSB__TASK_URGENT, WSB__TASK_QUEUED);
    put_behind(executor, task);
    count_ready(executor, 1);
    wsb__queue_call_thread(executor, wakes);
}

/* A call that is short does not wait for the slices of all that compute; those have their turn
 * after some that overtook them. */
static wsb__task *take_ready(wsb_executor *executor)
{
    if (executor->ready.first != NULL &&
        (executor->yielded.first == NULL || executor->overtaken < MAX_OVERTAKEN)) {
        executor->overtaken += executor->yielded.first != NULL;
        return wsb__list_take(&executor->ready);
    }
    executor->overtaken = 0;
    return wsb__list_take(&executor->yielded);
}

static wsb__task *taken(wsb_executor *executor, wsb__task *task)
{
    if (task != NULL) {
        wsb__task_change(task, WSB__TASK_HURRY | WSB__TASK_YIELDED, 0);
        count_ready(executor, (uint64_t)-1);
    }
    return task;
}

wsb__task *wsb__queue_take_urgent(wsb_executor *executor)
{
    return taken(executor, wsb__list_take(&executor->urgent));
}

wsb__task *wsb__queue_take(wsb_executor *executor)
{
    wsb__task *task = wsb__queue_take_urgent(executor);
    return task != NULL ? task : taken(executor, take_ready(executor));
}

void wsb__queue_hurry(wsb_executor *executor, wsb__task *task, wsb__wakes *wakes)
{
    uint32_t state = atomic_load(&task->state);
    if ((state & WSB__TASK_URGENT) == 0) {
        wsb__list_remove((state & WSB__TASK_YIELDED) != 0 ? &executor->yielded : &executor->ready,
                         task);
        wsb__task_change(task, WSB__TASK_YIELDED, 0);
        count_ready(executor, (uint64_t)-1);
        wsb__queue_push(executor, task, wakes);
    }
}

void wsb__queue_push_alone(wsb__task *task)
{
    wsb_executor *executor = task->executor;
    wsb__wakes wakes = {.count = 0};
    pthread_mutex_lock(&executor->lock);
    wsb__queue_push(executor, task, &wakes);
    pthread_mutex_unlock(&executor->lock);
    wsb__wakes_do(executor, &wakes);
}

void wsb__queue_tick(wsb_executor *executor, wsb__wakes *wakes)
{
    if (!executor->ticking) {
        executor->ticking = true;
        executor->visitor_count++; /* until wsb__wakes_do() */
        wakes->monitor = true;
    }
}

void wsb__queue_call_thread(wsb_executor *executor, wsb__wakes *wakes)
{
    wsb__worker *worker = executor->idle;
    if (executor->searching > 0) {
        return; /* that one will take it, and call the next where there is more */
    }
    if (worker != NULL) {
        executor->idle = worker->next_idle;
        if (worker->next_idle != NULL) {
            worker->next_idle->previous_idle = NULL;
        }
        worker->idle = false;
        executor->searching++;
        wsb__wakes_add(wakes, &worker->word, 1);
    } else if (executor->thread_count < executor->options.workers && !executor->threads_end &&
               wsb__worker_start(executor) == WSB_OK) {
        executor->searching++;
    } else {
        wsb__queue_tick(executor, wakes);
    }
}

void wsb__wakes_add(wsb__wakes *wakes, _Atomic uint32_t *word, uint32_t value)
{
    atomic_store_explicit(word, value, memory_order_release);
    if (wakes->count < sizeof wakes->words / sizeof wakes->words[0]) {
        wakes->words[wakes->count++] = word;
    } else {
        wsb__word_wake(word, 1);
    }
}

void wsb__wakes_do(wsb_executor *executor, wsb__wakes *wakes)
{
    for (unsigned i = 0; i < wakes->count; i++) {
        wsb__word_wake(wakes->words[i], 1);
    }
    wakes->count = 0;
    if (wakes->monitor) {
        wakes->monitor = false;
        wsb__monitor_tell(executor);
        pthread_mutex_lock(&executor->lock);
        executor->visitor_count--;
        pthread_cond_broadcast(&executor->changed);
        pthread_mutex_unlock(&executor->lock);
    }
}

void wsb__task_wake(wsb__task *task)
{
    wsb__wakes wakes = {.count = 0};
    if (wsb__executor_is_forked(task->executor)) {
        return;
    }
    /* Also where it is set already: a step that begins later sees what was done before. */
    uint32_t old = atomic_fetch_or(&task->state, WSB__TASK_WOKEN);
    if ((old & (WSB__TASK_WAITING | WSB__TASK_WOKEN)) != WSB__TASK_WAITING) {
        return;
    }
    wsb_executor *executor = task->executor;
    pthread_mutex_lock(&executor->lock);
    wsb__list_remove(&executor->waiting, task);
    executor->stats.suspended--;
    if (!wsb__visit_begin(task, &wakes)) {
        wsb__queue_push(executor, task, &wakes);
    }
    pthread_mutex_unlock(&executor->lock);
    wsb__wakes_do(executor, &wakes);
}

void wsb__task_hurry(wsb__task *task)
{
    wsb_executor *executor = task->executor;
    wsb__wakes wakes = {.count = 0};
    if (wsb__executor_is_forked(executor)) {
        return;
    }
    pthread_mutex_lock(&executor->lock);
    uint32_t old = wsb__task_change(task, 0, WSB__TASK_WOKEN | WSB__TASK_HURRY);
    if ((old & (WSB__TASK_WAITING | WSB__TASK_WOKEN)) == WSB__TASK_WAITING) {
        wsb__list_remove(&executor->waiting, task);
        executor->stats.suspended--;
        wsb__queue_push(executor, task, &wakes);
    } else if ((old & WSB__TASK_QUEUED) != 0) {
        wsb__queue_hurry(executor, task, &wakes);
    } /* else it is being stepped, or whoever woke it is about to queue it */
    pthread_mutex_unlock(&executor->lock);
    wsb__wakes_do(executor, &wakes);
}
