/* The threads: they look for a task, spin for some microseconds, and sleep. */
#include "runtime/executor_state.h"

#include <signal.h>

#include "core/alloc.h"
#include "core/relax.h"
#include "core/signal_word.h"
#include "runtime/ticks.h"

/* A thread beyond `workers` leaves when it had nothing to do for so long. */
#define IDLE_NS UINT64_C(1000000000)

/* How long a thread looks before it sleeps, about: 3 to 10 microseconds, what falling asleep and
 * being woken costs. */
enum { SPIN_FRACTION_OF_MS = 100 };

static void spin(const wsb_executor *executor)
{
    uint64_t until = wsb__ticks() + wsb__ticks_per_ms / SPIN_FRACTION_OF_MS;
    while (atomic_load_explicit(&executor->ready_count, memory_order_relaxed) == 0 &&
           wsb__ticks() < until) {
        wsb__relax();
    }
}

void wsb__worker_link(wsb__worker *worker)
{
    wsb_executor *executor = worker->executor;
    worker->previous = NULL;
    worker->next = executor->workers;
    if (worker->next != NULL) {
        worker->next->previous = worker;
    }
    executor->workers = worker;
}

void wsb__worker_unlink(wsb__worker *worker)
{
    if (worker->previous != NULL) {
        worker->previous->next = worker->next;
    } else {
        worker->executor->workers = worker->next;
    }
    if (worker->next != NULL) {
        worker->next->previous = worker->previous;
    }
}

static void link_idle(wsb__worker *worker)
{
    wsb_executor *executor = worker->executor;
    worker->idle = true;
    worker->previous_idle = NULL;
    worker->next_idle = executor->idle;
    if (worker->next_idle != NULL) {
        worker->next_idle->previous_idle = worker;
    }
    executor->idle = worker;
}

static void unlink_idle(wsb__worker *worker)
{
    worker->idle = false;
    if (worker->previous_idle != NULL) {
        worker->previous_idle->next_idle = worker->next_idle;
    } else {
        worker->executor->idle = worker->next_idle;
    }
    if (worker->next_idle != NULL) {
        worker->next_idle->previous_idle = worker->previous_idle;
    }
}

static bool is_extra(const wsb_executor *executor)
{
    return executor->thread_count > executor->options.workers;
}

/* Until there may be something. With the lock held, but meanwhile. False where it is to leave; it
 * does not search any more then. */
static bool sleep_until_called(wsb__worker *worker)
{
    wsb_executor *executor = worker->executor;
    atomic_store_explicit(&worker->word, 0, memory_order_relaxed);
    link_idle(worker);
    executor->searching--;
    while (worker->idle) {
        bool extra = is_extra(executor);
        pthread_mutex_unlock(&executor->lock);
        bool called = wsb__word_wait(&worker->word, 0, extra ? IDLE_NS : UINT64_MAX);
        pthread_mutex_lock(&executor->lock);
        if (worker->idle && ((!called && is_extra(executor)) || executor->threads_end)) {
            unlink_idle(worker);
            return false;
        }
    }
    return true; /* who called counts it as searching */
}

/* With the lock held, but meanwhile; NULL: leave. */
static wsb__task *next_task(wsb__worker *worker, wsb__wakes *wakes)
{
    wsb_executor *executor = worker->executor;
    bool spun = false;
    for (;;) {
        wsb__task *task = wsb__queue_take(executor);
        if (task != NULL) {
            executor->searching--;
            if (atomic_load_explicit(&executor->ready_count, memory_order_relaxed) > 0) {
                wsb__queue_call_thread(executor, wakes);
            }
            return task;
        }
        if (executor->threads_end) {
            executor->searching--;
            return NULL;
        }
        if (!spun && executor->searching == 1) {
            pthread_mutex_unlock(&executor->lock);
            wsb__wakes_do(executor, wakes);
            spin(executor);
            pthread_mutex_lock(&executor->lock);
            spun = true;
        } else if (sleep_until_called(worker)) {
            spun = false;
        } else {
            return NULL;
        }
    }
}

/* Joins those that have left, but for the calling one: at most one is left over at a time. */
static void join_finished(wsb_executor *executor)
{
    wsb__worker *worker = executor->workers;
    while (worker != NULL) {
        if (!worker->finished) {
            worker = worker->next;
            continue;
        }
        wsb__worker_unlink(worker);
        pthread_mutex_unlock(&executor->lock);
        pthread_join(worker->thread, NULL);
        wsb__free(worker);
        pthread_mutex_lock(&executor->lock);
        worker = executor->workers;
    }
}

void wsb__worker_leave(wsb__worker *worker)
{
    wsb_executor *executor = worker->executor;
    join_finished(executor);
    worker->finished = true;
    executor->visitor_count--;
    pthread_cond_broadcast(&executor->changed);
    pthread_mutex_unlock(&executor->lock);
}

static void *run(void *argument)
{
    wsb__worker *worker = argument;
    wsb_executor *executor = worker->executor;
    wsb__wakes wakes = {.count = 0};
    wsb__task *task;
    wsb__this_executor_thread.worker = worker;
    pthread_mutex_lock(&executor->lock);
    while ((task = next_task(worker, &wakes)) != NULL) {
        wsb__step_run(worker, task, &wakes);
    }
    executor->thread_count--;
    executor->visitor_count++; /* it is inside still */
    wsb__worker_leave(worker);
    return NULL;
}

bool wsb__thread_start(pthread_t *thread, size_t stack, const char *name, void *(*function)(void *),
                       void *argument)
{
    sigset_t all;
    sigset_t before;
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) {
        return false;
    }
    bool started = pthread_attr_setstacksize(&attributes, stack) == 0;
    sigfillset(&all); /* they are the host's */
    /* But for those that a thread raises itself: engines turn them into traps, and a blocked one
     * ends the process. */
    static const int own[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        sigdelset(&all, own[i]);
    }
    pthread_sigmask(SIG_SETMASK, &all, &before);
    started = started && pthread_create(thread, &attributes, function, argument) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (started) {
        pthread_setname_np(*thread, name);
    }
    return started;
}

wsb_status wsb__worker_start(wsb_executor *executor)
{
    wsb__worker *worker = wsb__calloc(1, sizeof *worker);
    if (worker == NULL) {
        return WSB_ERROR_OUT_OF_MEMORY;
    }
    worker->executor = executor;
    if (!wsb__thread_start(&worker->thread, WSB__WORKER_STACK, "wsb-worker", run, worker)) {
        wsb__free(worker);
        return WSB_ERROR_IO;
    }
    wsb__worker_link(worker);
    executor->thread_count++;
    if (executor->thread_count > executor->stats.threads_peak) {
        executor->stats.threads_peak = executor->thread_count;
    }
    return WSB_OK;
}

void wsb__workers_end(wsb_executor *executor)
{
    executor->threads_end = true;
    for (wsb__worker *each = executor->idle; each != NULL; each = each->next_idle) {
        atomic_store(&each->word, 1);
        wsb__word_wake(&each->word, 1);
    }
    while (executor->thread_count > 0 || executor->visitor_count > 0) {
        pthread_cond_wait(&executor->changed, &executor->lock);
    }
    join_finished(executor);
}
