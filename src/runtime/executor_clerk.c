/* One thread beyond all others, where those are held: it ends tasks that are to end. Whoever drops
 * or destroys an instance waits for that, and must not wait for guests of others. */
#include "runtime/executor_state.h"

#include "core/alloc.h"

/* The next that is to end; NULL: leave. With the lock held, but meanwhile. */
static wsb__task *next_task(wsb_executor *executor, wsb__wakes *wakes)
{
    wsb__task *task = wsb__queue_take_urgent(executor);
    while (task == NULL && (wakes->count > 0 || wakes->monitor)) {
        pthread_mutex_unlock(&executor->lock);
        wsb__wakes_do(executor, wakes);
        pthread_mutex_lock(&executor->lock);
        task = wsb__queue_take_urgent(executor);
    }
    return task;
}

static void *run(void *argument)
{
    wsb__worker *clerk = argument;
    wsb_executor *executor = clerk->executor;
    wsb__wakes wakes = {.count = 0};
    wsb__task *task;
    wsb__this_executor_thread.worker = clerk;
    pthread_mutex_lock(&executor->lock);
    while ((task = next_task(executor, &wakes)) != NULL) {
        wsb__step_run(clerk, task, &wakes);
    }
    executor->has_clerk = false;
    wsb__worker_leave(clerk);
    return NULL;
}

void wsb__clerk_start(wsb_executor *executor)
{
    wsb__worker *clerk = wsb__calloc(1, sizeof *clerk);
    if (clerk == NULL) {
        return; /* the next tick tries again */
    }
    clerk->executor = executor;
    clerk->visitor = true;
    clerk->clerk = true;
    if (!wsb__thread_start(&clerk->thread, WSB__WORKER_STACK, "wsb-clerk", run, clerk)) {
        wsb__free(clerk);
        return;
    }
    wsb__worker_link(clerk);
    executor->visitor_count++;
    executor->has_clerk = true;
}
