/* Asynchronous work: its part in a sandbox, from being made to its end. */
#include "sandbox/work.h"

#include "core/alloc.h"
#include "runtime/executor.h"
#include "runtime/runtime.h"

#include <wasm_sandbox/plugin/error.h>

static void release_block(wsb_future *future)
{
    wsb__free(future);
}

void *wsb__work_create(size_t size, wsb__result_kind kind, const wsb__task_ops *ops,
                       void (*release)(wsb_future *future))
{
    wsb__work *work = wsb__calloc(1, size);
    if (!work)
        return NULL;
    wsb__future_init(&work->future, kind, release ? release : release_block);
    work->future.task.ops = ops;
    return work;
}

static wsb__work **list_of(const wsb__work *work)
{
    return work->slot ? &work->slot->works : &work->sandbox->works;
}

static void enlist(wsb__work *work)
{
    wsb__work **list = list_of(work);
    work->next = *list;
    if (work->next)
        work->next->previous = work;
    *list = work;
    work->listed = true;
}

static void unlist(wsb__work *work)
{
    if (work->next)
        work->next->previous = work->previous;
    if (work->previous)
        work->previous->next = work->next;
    else
        *list_of(work) = work->next;
    work->listed = false;
}

static wsb_status join_locked(wsb__work *work, wsb_sandbox *sandbox, const wsb_instance_id *id,
                              const char *operation, wsb_error **out_error)
{
    if (sandbox->closing) {
        wsb_error_details details = {.operation = operation};
        return wsb_error_set(out_error, WSB_ERROR_CLOSED, &details,
                             "%s: the sandbox is being destroyed", operation);
    }
    wsb__slot *slot = id ? wsb__id_table_get(sandbox->instances, *id) : NULL;
    if (id && !slot)
        return wsb__sandbox_id_error(sandbox, true, *id, operation, out_error);
    work->sandbox = sandbox;
    work->slot = slot;
    if (slot)
        slot->pending += 2; /* its own, and its maker's until it was submitted */
    else
        sandbox->users++;
    enlist(work);
    return WSB_OK;
}

wsb_status wsb__work_join(wsb__work *work, wsb_sandbox *sandbox, const wsb_instance_id *id,
                          const char *operation, wsb_error **out_error)
{
    pthread_mutex_lock(&sandbox->lock);
    wsb_status status = join_locked(work, sandbox, id, operation, out_error);
    pthread_mutex_unlock(&sandbox->lock);
    return status;
}

/* From here on nobody finds the work in its sandbox. */
static void leave_list(wsb__work *work)
{
    wsb_sandbox *sandbox = work->sandbox;
    if (!sandbox)
        return;
    pthread_mutex_lock(&sandbox->lock);
    unlist(work);
    if (work->slot && work->slot->waiter == work) {
        work->slot->waiter = NULL;
        atomic_fetch_and(&work->slot->state, ~(unsigned)WSB__SLOT_WANTED);
    }
    pthread_mutex_unlock(&sandbox->lock);
}

/* After this the sandbox and the slot may be gone. */
static void let_go(wsb_sandbox *sandbox, wsb__slot *slot)
{
    if (slot)
        wsb__slot_let_go(sandbox, slot);
    else if (sandbox)
        wsb__sandbox_leave(sandbox);
}

void wsb__work_abandon(wsb__work *work)
{
    wsb_sandbox *sandbox = work->sandbox;
    wsb__slot *slot = work->slot;
    leave_list(work);
    wsb__future_abandon(&work->future);
    wsb_future_destroy(&work->future);
    if (slot)
        wsb__slot_let_go(sandbox, slot); /* as its maker */
    let_go(sandbox, slot);
}

wsb__step wsb__work_end(wsb__work *work, wsb_status status, wsb_error *error)
{
    wsb_sandbox *sandbox = work->sandbox;
    wsb__slot *slot = work->slot;
    leave_list(work);
    wsb__future_finish(&work->future, status, error);
    let_go(sandbox, slot);
    return WSB__STEP_DONE;
}

/* A drop that came before the executor had the work could not cancel it. */
static void note_submitted(wsb__work *work)
{
    wsb_sandbox *sandbox = work->sandbox;
    if (!sandbox)
        return;
    pthread_mutex_lock(&sandbox->lock);
    work->submitted = true;
    bool stopped =
        sandbox->closing || (work->slot && (atomic_load(&work->slot->state) & WSB__SLOT_DROPPED));
    if (work->listed && stopped)
        wsb__task_cancel(&work->future.task);
    pthread_mutex_unlock(&sandbox->lock);
}

wsb_status wsb__work_submit(wsb__work *work, wsb__strand *strand, const wsb_async_options *options,
                            wsb_future **out_future, wsb_error **out_error)
{
    wsb_sandbox *sandbox = work->sandbox;
    wsb__slot *slot = work->slot;
    wsb_status status = wsb__executor_submit(options->executor, strand, &work->future.task,
                                             options->queue_timeout, out_error);
    if (status != WSB_OK)
        return status;
    /* It may have ended: the caller's reference, still ours, keeps the block. */
    note_submitted(work);
    *out_future = &work->future;
    if (slot)
        wsb__slot_let_go(sandbox, slot);
    return WSB_OK;
}

wsb_status wsb__work_options(const wsb_async_options *given, wsb_sandbox *sandbox,
                             wsb_async_options *out_options, wsb_error **out_error)
{
    wsb_status status = wsb__async_options(given, out_options, out_error);
    if (status != WSB_OK || out_options->executor)
        return status;
    if (sandbox)
        return wsb_sandbox_executor(sandbox, &out_options->executor, out_error);
    wsb_error_details details = {.operation = "call asynchronously",
                                 .suggestion = "set wsb_async_options.executor"};
    return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, &details,
                         "call asynchronously: no executor was named, and there is no sandbox that "
                         "has one");
}

wsb_status wsb__work_refused(const wsb__work *work, const char *operation, wsb_error **out_error)
{
    wsb_error_details details = {.operation = operation};
    bool dropped = work->slot && (atomic_load(&work->slot->state) & WSB__SLOT_DROPPED);
    return wsb_error_set(out_error, WSB_ERROR_CANCELLED, &details,
                         dropped ? "%s: the instance was dropped before it began"
                                 : "%s: cancelled before it began",
                         operation);
}

void wsb__works_cancel(wsb__work *first)
{
    for (wsb__work *work = first; work; work = work->next) {
        if (work->submitted)
            wsb__task_cancel(&work->future.task);
    }
}
