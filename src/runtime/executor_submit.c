/* Admission: the bounded queue, and those who wait for room in it, first come, first served. */
#include "runtime/executor_state.h"

#include "core/signal_word.h"
#include "runtime/ticks.h"

#include <wasm_sandbox/plugin/error.h>

static const char operation[] = "call asynchronously";

static void accept_task(wsb_executor *executor)
{
    wsb_executor_stats *stats = &executor->stats;
    stats->queued++;
    executor->in_flight++;
    if (stats->queued > stats->queued_peak) {
        stats->queued_peak = stats->queued;
    }
}

static void unlink_submitter(wsb_executor *executor, wsb__submitter *submitter)
{
    if (submitter->previous != NULL) {
        submitter->previous->next = submitter->next;
    } else {
        executor->first_submitter = submitter->next;
    }
    if (submitter->next != NULL) {
        submitter->next->previous = submitter->previous;
    } else {
        executor->last_submitter = submitter->previous;
    }
}

static void link_submitter(wsb_executor *executor, wsb__submitter *submitter)
{
    submitter->next = NULL;
    submitter->previous = executor->last_submitter;
    if (submitter->previous != NULL) {
        submitter->previous->next = submitter;
    } else {
        executor->first_submitter = submitter;
    }
    executor->last_submitter = submitter;
    atomic_store(&submitter->word, WSB__ROOM_NONE);
}

void wsb__room_made(wsb_executor *executor, wsb__wakes *wakes)
{
    wsb__submitter *first = executor->first_submitter;
    if (first != NULL && executor->stats.queued < executor->options.max_queued) {
        unlink_submitter(executor, first);
        accept_task(executor);
        wsb__wakes_add(wakes, &first->word, WSB__ROOM_GIVEN);
    }
}

void wsb__room_close(wsb_executor *executor)
{
    wsb__submitter *next;
    for (wsb__submitter *each = executor->first_submitter; each != NULL; each = next) {
        next = each->next;
        atomic_store(&each->word, WSB__ROOM_CLOSED);
        wsb__word_wake(&each->word, 1);
    }
    executor->first_submitter = NULL;
    executor->last_submitter = NULL;
}

/* With the lock held. */
static wsb_status admit(wsb_executor *executor)
{
    if (executor->ending) {
        return WSB_ERROR_CLOSED;
    }
    if (executor->thread_count == 0) {
        wsb_status status = wsb__worker_start(executor);
        if (status != WSB_OK) {
            return status;
        }
        executor->searching++;
    }
    if (executor->stats.queued >= executor->options.max_queued ||
        executor->first_submitter != NULL) {
        return WSB_ERROR_WOULD_BLOCK;
    }
    accept_task(executor);
    return WSB_OK;
}

/* What became of a wait, whose time may be up; with the lock held. */
static wsb_status wait_outcome(wsb_executor *executor, wsb__submitter *submitter)
{
    uint32_t room = atomic_load(&submitter->word);
    if (room == WSB__ROOM_NONE) {
        unlink_submitter(executor, submitter);
        return WSB_ERROR_TIMEOUT;
    }
    return room == WSB__ROOM_GIVEN ? WSB_OK : WSB_ERROR_CLOSED;
}

/* Gives the time it took. */
static uint64_t wait_for_room(wsb__submitter *self, uint64_t begin, uint64_t timeout_ns)
{
    uint64_t waited = 0;
    while (atomic_load_explicit(&self->word, memory_order_acquire) == WSB__ROOM_NONE &&
           waited < timeout_ns) {
        wsb__word_wait(&self->word, WSB__ROOM_NONE,
                       timeout_ns == UINT64_MAX ? timeout_ns : timeout_ns - waited);
        waited = wsb__monotonic_ns() - begin;
    }
    return waited;
}

static wsb_status refuse(const wsb_executor *executor, wsb_status status, wsb_error **out_error)
{
    wsb_error_details details = {.operation = operation};
    switch (status) {
    case WSB_ERROR_WOULD_BLOCK:
    case WSB_ERROR_TIMEOUT:
        details.subject = "max_queued";
        details.used = executor->options.max_queued;
        details.allowed = executor->options.max_queued;
        details.suggestion = "make fewer calls at a time, wait longer (queue_timeout), or set a "
                             "larger max_queued";
        return wsb_error_set(out_error, status, &details,
                             "%s: the executor's queue is full: %llu calls wait for their turn",
                             operation, (unsigned long long)executor->options.max_queued);
    case WSB_ERROR_CLOSED:
        return wsb_error_set(out_error, status, &details, "%s: the executor is being destroyed",
                             operation);
    case WSB_ERROR_FORKED:
        details.suggestion = "create an executor in the child, after fork()";
        return wsb_error_set(out_error, status, &details,
                             "%s: the executor was made before fork() and its threads do not run "
                             "in the child",
                             operation);
    case WSB_ERROR_OUT_OF_MEMORY:
        return wsb_error_set(out_error, status, &details, "%s: out of memory", operation);
    default:
        details.suggestion = "raise the limits on threads, open files and memory of this process";
        return wsb_error_set(out_error, status, &details,
                             "%s: the system gives no thread or descriptor for the executor",
                             operation);
    }
}

/* With the executor's lock held, and the strand's where there is one. */
static void place(wsb_executor *executor, wsb__strand *strand, wsb__task *task, wsb__wakes *wakes)
{
    executor->stats.submitted++;
    task->submitted_ticks = wsb__ticks();
    if (strand == NULL || wsb__strand_enter(strand, task)) {
        wsb__queue_push(executor, task, wakes);
    }
}

/* Waiting for room on a thread that makes room could be waiting for oneself. */
static bool may_wait(const wsb_executor *executor, uint64_t timeout_ns)
{
    const wsb__worker *worker = wsb__this_executor_thread.worker;
    return timeout_ns > 0 && (worker == NULL || worker->executor != executor);
}

static void lock_both(wsb_executor *executor, const wsb__strand *strand)
{
    if (strand != NULL) {
        pthread_mutex_lock(wsb__strand_lock(strand));
    }
    pthread_mutex_lock(&executor->lock);
}

static void unlock_both(wsb_executor *executor, const wsb__strand *strand)
{
    pthread_mutex_unlock(&executor->lock);
    if (strand != NULL) {
        pthread_mutex_unlock(wsb__strand_lock(strand));
    }
}

/* With both locks held, and meanwhile without. The executor stays, also where it ends. */
static wsb_status admit_later(wsb_executor *executor, const wsb__strand *strand,
                              uint64_t timeout_ns)
{
    wsb__submitter self;
    uint64_t begin = wsb__monotonic_ns();
    executor->visitor_count++;
    link_submitter(executor, &self);
    unlock_both(executor, strand);
    uint64_t waited = wait_for_room(&self, begin, timeout_ns);
    lock_both(executor, strand);
    executor->visitor_count--;
    executor->stats.blocked_ns += waited;
    if (executor->ending) {
        pthread_cond_broadcast(&executor->changed);
    }
    return wait_outcome(executor, &self);
}

wsb_status wsb__executor_submit(wsb_executor *executor, wsb__strand *strand, wsb__task *task,
                                uint64_t timeout_ns, wsb_error **out_error)
{
    wsb__wakes wakes = {.count = 0};
    if (wsb__executor_is_forked(executor)) {
        return refuse(executor, WSB_ERROR_FORKED, out_error);
    }
    /* Without it no time slice would end, and no timer ring: better no call than such a one. */
    struct wsb__reactor *reactor;
    wsb_status status = wsb__monitor_need(executor, &reactor);
    if (status != WSB_OK) {
        return refuse(executor, status, out_error);
    }
    task->executor = executor;
    task->strand = strand;
    lock_both(executor, strand);
    status = admit(executor);
    if (status == WSB_ERROR_WOULD_BLOCK && may_wait(executor, timeout_ns)) {
        status = admit_later(executor, strand, timeout_ns);
    }
    if (status == WSB_OK) {
        place(executor, strand, task, &wakes);
    } else {
        executor->stats.refused += status == WSB_ERROR_WOULD_BLOCK || status == WSB_ERROR_TIMEOUT;
    }
    unlock_both(executor, strand);
    wsb__wakes_do(executor, &wakes);
    return status == WSB_OK ? WSB_OK : refuse(executor, status, out_error);
}
