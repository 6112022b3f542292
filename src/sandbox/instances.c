/* Instances of a sandbox, by id: taking one for a call, giving it back, dropping it. */
#include "core/alloc.h"
#include "runtime/instance.h"
#include "sandbox/work.h"

#include <wasm_sandbox/plugin/error.h>

static wsb_status refuse(wsb_status status, const char *operation, const char *suggestion,
                         const char *why, wsb_error **out_error)
{
    wsb_error_details details = {.operation = operation, .suggestion = suggestion};
    return wsb_error_set(out_error, status, &details, "%s: %s", operation, why);
}

wsb_status wsb__slot_acquire(wsb_sandbox *sandbox, wsb_instance_id id, const char *operation,
                             wsb__slot **out_slot, wsb_error **out_error)
{
    if (!sandbox)
        return refuse(WSB_ERROR_INVALID_ARGUMENT, operation, NULL, "the sandbox is NULL",
                      out_error);
    /* A lock that another thread held when this process was forked is never given back. */
    wsb_status status = wsb__runtime_check_fork(sandbox->runtime, operation, out_error);
    if (status != WSB_OK)
        return status;
    pthread_mutex_lock(&sandbox->lock);
    wsb__slot *slot = wsb__id_table_get(sandbox->instances, id);
    if (!slot) {
        status = wsb__sandbox_id_error(sandbox, true, id, operation, out_error);
    } else if (atomic_load_explicit(&slot->state, memory_order_acquire) != 0 || slot->works) {
        status = WSB_ERROR_BUSY;
    } else {
        atomic_store_explicit(&slot->state, WSB__SLOT_RUNNING, memory_order_relaxed);
        slot->runner = pthread_self();
        *out_slot = slot;
    }
    pthread_mutex_unlock(&sandbox->lock);
    if (status == WSB_ERROR_BUSY)
        return refuse(status, operation, "wait for its call to end, or use another instance",
                      "the instance is running", out_error);
    return status;
}

static void link_slot(wsb_sandbox *sandbox, wsb__slot *slot)
{
    slot->next = sandbox->slots;
    if (slot->next)
        slot->next->previous = slot;
    sandbox->slots = slot;
}

static void unlink_slot(wsb_sandbox *sandbox, wsb__slot *slot)
{
    if (slot->next)
        slot->next->previous = slot->previous;
    if (slot->previous)
        slot->previous->next = slot->next;
    else
        sandbox->slots = slot->next;
}

/* Destroys a slot that is out of the table and that nobody holds. */
static void destroy_slot(wsb_sandbox *sandbox, wsb__slot *slot)
{
    wsb_instance_destroy(slot->instance);
    pthread_mutex_lock(&sandbox->lock);
    unlink_slot(sandbox, slot);
    pthread_cond_broadcast(&sandbox->changed);
    pthread_mutex_unlock(&sandbox->lock);
    wsb__free(slot);
}

static bool is_running(const wsb__slot *slot)
{
    return atomic_load_explicit(&slot->state, memory_order_acquire) & WSB__SLOT_RUNNING;
}

static bool is_at_rest(const wsb__slot *slot)
{
    return slot->pending == 0 && !is_running(slot);
}

/* Somebody has let go of a slot; called under the lock, which it gives back. */
static void note_rest(wsb_sandbox *sandbox, wsb__slot *slot)
{
    unsigned state = atomic_load_explicit(&slot->state, memory_order_relaxed);
    bool dropped = (state & WSB__SLOT_DROPPED) && is_at_rest(slot);
    bool deferred = slot->deferred;
    if (dropped && !deferred)
        pthread_cond_broadcast(&sandbox->changed);
    pthread_mutex_unlock(&sandbox->lock);
    if (dropped && deferred)
        destroy_slot(sandbox, slot);
}

void wsb__slot_release(wsb_sandbox *sandbox, wsb__slot *slot)
{
    unsigned expected = WSB__SLOT_RUNNING;
    /* Nothing of the slot or the sandbox may be touched once it is idle: both may be gone. */
    if (atomic_compare_exchange_strong_explicit(&slot->state, &expected, 0, memory_order_release,
                                                memory_order_relaxed))
        return;
    pthread_mutex_lock(&sandbox->lock);
    atomic_fetch_and_explicit(&slot->state, ~(unsigned)(WSB__SLOT_RUNNING | WSB__SLOT_WANTED),
                              memory_order_release);
    if (slot->waiter)
        wsb__task_wake(&slot->waiter->future.task);
    slot->waiter = NULL;
    note_rest(sandbox, slot);
}

void wsb__slot_let_go(wsb_sandbox *sandbox, wsb__slot *slot)
{
    pthread_mutex_lock(&sandbox->lock);
    slot->pending--;
    note_rest(sandbox, slot);
}

/* Whether waiting for `slot` could never end, or must not be: its call runs on this thread, or on
 * one that waits (perhaps through others) for a call of this thread; or this thread is one of those
 * that asynchronous calls need to end. */
static bool would_deadlock(const wsb_sandbox *sandbox, const wsb__slot *slot)
{
    pthread_t self = pthread_self();
    if (wsb__executor_is_stepping())
        return true;
    while (slot && is_running(slot)) {
        if (pthread_equal(slot->runner, self))
            return true;
        const wsb__waiter *waiter = sandbox->waiters;
        while (waiter && !pthread_equal(waiter->thread, slot->runner))
            waiter = waiter->next;
        slot = waiter ? waiter->slot : NULL;
    }
    return false;
}

static void wait_for(wsb_sandbox *sandbox, wsb__slot *slot)
{
    wsb__waiter waiter = {sandbox->waiters, pthread_self(), slot};
    sandbox->waiters = &waiter;
    while (!is_at_rest(slot))
        pthread_cond_wait(&sandbox->changed, &sandbox->lock);
    wsb__waiter **link = &sandbox->waiters;
    while (*link != &waiter)
        link = &(*link)->next;
    *link = waiter.next;
}

void wsb__slot_stop(wsb__slot *slot)
{
    unsigned before =
        atomic_fetch_or_explicit(&slot->state, WSB__SLOT_DROPPED, memory_order_acq_rel);
    if (before & WSB__SLOT_RUNNING)
        wsb_instance_cancel(slot->instance);
    wsb__works_cancel(slot->works);
}

void wsb__slot_drop(wsb_sandbox *sandbox, wsb__slot *slot)
{
    wsb__slot_stop(slot);
    if (!is_at_rest(slot)) {
        if (would_deadlock(sandbox, slot)) {
            slot->deferred = true;
            return;
        }
        wait_for(sandbox, slot);
    }
    pthread_mutex_unlock(&sandbox->lock);
    destroy_slot(sandbox, slot);
    pthread_mutex_lock(&sandbox->lock);
}

static wsb_status add(wsb_sandbox *sandbox, wsb_instance *instance, wsb_instance_id *out_id,
                      wsb_error **out_error)
{
    wsb_status status = WSB_ERROR_OUT_OF_MEMORY;
    wsb__slot *slot = wsb__calloc(1, sizeof *slot);
    if (slot) {
        slot->instance = instance;
        pthread_mutex_lock(&sandbox->lock);
        status = wsb__id_table_add(sandbox->instances, slot, out_id);
        if (status == WSB_OK)
            link_slot(sandbox, slot);
        pthread_mutex_unlock(&sandbox->lock);
    }
    if (status == WSB_OK)
        return WSB_OK;
    wsb__free(slot);
    wsb_instance_destroy(instance);
    return refuse(status, "create instance", NULL, "no room for another id", out_error);
}

wsb_status wsb_sandbox_create_instance(wsb_sandbox *sandbox, wsb_module_id module,
                                       const wsb_instance_config *config, wsb_instance_id *out_id,
                                       wsb_error **out_error)
{
    return wsb__sandbox_create_instance(sandbox, module, config, NULL, out_id, out_error);
}

wsb_status wsb__sandbox_create_instance(wsb_sandbox *sandbox, wsb_module_id module,
                                        const wsb_instance_config *config,
                                        const wsb__making *making, wsb_instance_id *out_id,
                                        wsb_error **out_error)
{
    if (!out_id)
        return refuse(WSB_ERROR_INVALID_ARGUMENT, "create instance", NULL,
                      "the place for the id is NULL", out_error);
    wsb_status status = wsb__sandbox_enter(sandbox, "create instance", out_error);
    if (status != WSB_OK)
        return status;
    wsb_module *found = NULL;
    wsb_instance *instance = NULL;
    status = wsb_sandbox_module(sandbox, module, &found, out_error);
    if (status == WSB_OK)
        status = wsb__instance_create(found, config, making, &instance, out_error);
    if (status == WSB_OK)
        status = add(sandbox, instance, out_id, out_error);
    wsb_module_destroy(found);
    wsb__sandbox_leave(sandbox);
    return status;
}

wsb_status wsb_sandbox_drop_instance(wsb_sandbox *sandbox, wsb_instance_id id,
                                     wsb_error **out_error)
{
    wsb_status status = wsb__sandbox_enter(sandbox, "drop instance", out_error);
    if (status != WSB_OK)
        return status;
    pthread_mutex_lock(&sandbox->lock);
    wsb__slot *slot = wsb__id_table_remove(sandbox->instances, id);
    if (slot)
        wsb__slot_drop(sandbox, slot);
    else
        status = wsb__sandbox_id_error(sandbox, true, id, "drop instance", out_error);
    pthread_mutex_unlock(&sandbox->lock);
    wsb__sandbox_leave(sandbox);
    return status;
}

wsb_status wsb_sandbox_cancel(wsb_sandbox *sandbox, wsb_instance_id instance, wsb_error **out_error)
{
    if (!sandbox)
        return refuse(WSB_ERROR_INVALID_ARGUMENT, "cancel", NULL, "the sandbox is NULL", out_error);
    wsb_status status = WSB_OK;
    pthread_mutex_lock(&sandbox->lock);
    wsb__slot *slot = wsb__id_table_get(sandbox->instances, instance);
    if (slot)
        wsb_instance_cancel(slot->instance);
    else
        status = wsb__sandbox_id_error(sandbox, true, instance, "cancel", out_error);
    pthread_mutex_unlock(&sandbox->lock);
    return status;
}

wsb_status wsb_sandbox_usage(wsb_sandbox *sandbox, wsb_instance_id instance, wsb_usage *out_usage,
                             wsb_error **out_error)
{
    if (!sandbox || !out_usage)
        return refuse(WSB_ERROR_INVALID_ARGUMENT, "read usage", NULL,
                      "the sandbox or the place for the result is NULL", out_error);
    wsb_status status = WSB_OK;
    pthread_mutex_lock(&sandbox->lock);
    wsb__slot *slot = wsb__id_table_get(sandbox->instances, instance);
    if (slot)
        wsb_instance_usage(slot->instance, out_usage);
    else
        status = wsb__sandbox_id_error(sandbox, true, instance, "read usage", out_error);
    pthread_mutex_unlock(&sandbox->lock);
    return status;
}
