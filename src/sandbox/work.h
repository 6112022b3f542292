/* Asynchronous work in a sandbox, or in an instance without one: a future that its owner can find
 * and stop. See docs/internals/sandbox.md. */
#ifndef WSB_SANDBOX_WORK_H
#define WSB_SANDBOX_WORK_H

#include "runtime/future.h"
#include "sandbox/state.h"

/* First in each kind of work. */
typedef struct wsb__work {
    wsb_future future;
    wsb_sandbox *sandbox;   /* NULL: none */
    wsb__slot *slot;        /* NULL: of the sandbox as a whole */
    struct wsb__work *next; /* in the slot's or the sandbox's list; under the sandbox's lock */
    struct wsb__work *previous;
    bool listed;
    bool submitted; /* the executor has it, or has had it */
} wsb__work;

static inline wsb__work *wsb__work_of(wsb__task *task)
{
    return (wsb__work *)task; /* the first member of the first member */
}

/* A block of `size` for a kind of work whose head is a wsb__work; NULL: out of memory. `release`
 * may be NULL where there is nothing to release but the block. */
void *wsb__work_create(size_t size, wsb__result_kind kind, const wsb__task_ops *ops,
                       void (*release)(wsb_future *future));

/* Takes part in a sandbox: in the instance `*id`, or where that is NULL in the sandbox as a whole.
 * wsb__work_submit() comes next. On failure nothing was begun. */
WSB_NODISCARD wsb_status wsb__work_join(wsb__work *work, wsb_sandbox *sandbox,
                                        const wsb_instance_id *id, const char *operation,
                                        wsb_error **out_error);

/* Queues the work. `strand` may be NULL. On failure wsb__work_abandon() comes next. */
WSB_NODISCARD wsb_status wsb__work_submit(wsb__work *work, wsb__strand *strand,
                                          const wsb_async_options *options, wsb_future **out_future,
                                          wsb_error **out_error);

/* The options, checked, with an executor: the sandbox's where none is named. */
WSB_NODISCARD wsb_status wsb__work_options(const wsb_async_options *given, wsb_sandbox *sandbox,
                                           wsb_async_options *out_options, wsb_error **out_error);

/* One that is not submitted: leaves its sandbox where it has joined, and is gone. */
void wsb__work_abandon(wsb__work *work);

/* The last step's last deed: the result is set. Takes `error`. The work may be gone after it. */
wsb__step wsb__work_end(wsb__work *work, wsb_status status, wsb_error *error);

/* As an end before it began: cancelled, or its instance or executor goes. */
wsb_status wsb__work_refused(const wsb__work *work, const char *operation, wsb_error **out_error);

/* Cancels each of a list. Called under the sandbox's lock. */
void wsb__works_cancel(wsb__work *first);

#endif
