/* Calls that can be suspended: what wsb__call() does in one go, in parts. For instances of any
 * mode: one in direct mode is never suspended. See docs/internals/executor.md. */
#ifndef WSB_RUNTIME_FIBER_H
#define WSB_RUNTIME_FIBER_H

#include "runtime/executor.h"
#include "runtime/instance.h"

typedef enum wsb__progress {
    WSB__CALL_ENDED,     /* `out_status` and `out_error` are set, as by wsb__call() */
    WSB__CALL_SUSPENDED, /* a host function is pending: arm, wait, continue */
    WSB__CALL_YIELDED    /* its time slice is over: continue later */
} wsb__progress;

/* Begins a call on a thread that steps a task of an executor. `target` and `values` stay valid
 * until it has ended. Time, CPU time, fuel, cancellation and usage count as in wsb__call(); the
 * deadline runs on while it is suspended. */
wsb__progress wsb__call_begin(wsb_instance *instance, const wsb__target *target,
                              wsb_raw_value *values, wsb_status *out_status, wsb_error **out_error);

/* After SUSPENDED, and before the task yields also after YIELDED: lets `task` be woken when what
 * the guest waits for happens, its timeout or its deadline comes, or the instance is cancelled
 * (also where that happened already). Where it cannot, the guest is ended with the reason by the
 * next continue, and the task is woken. A guest that is to end goes before others in the queue.
 * Undone by the next continue. */
void wsb__call_arm(wsb_instance *instance, wsb__task *task);

/* Goes on, on any thread; where nothing has happened yet it is SUSPENDED again, and armed again by
 * the caller. */
wsb__progress wsb__call_continue(wsb_instance *instance, wsb_status *out_status,
                                 wsb_error **out_error);

/* `enter` of the targets of instances in fiber mode, for blocking calls: suspends and resumes the
 * guest on the calling thread. */
wsb_engine_result wsb__fiber_enter(void *engine_instance, const wsb_engine_handle *function,
                                   const wsb_function_type *type, wsb_raw_value *values,
                                   wsb_engine_failure *out_failure);

/* The same for functions with references in their signatures. */
wsb_engine_result wsb__fiber_enter_references(void *engine_instance,
                                              const wsb_engine_handle *function,
                                              const wsb_function_type *type, wsb_raw_value *values,
                                              wsb_engine_failure *out_failure);

/* Given to the engine. */
bool wsb__fiber_should_yield(void *instance);
wsb_host_result wsb__fiber_resume_host(void *context, void *caller, wsb_raw_value *values);

/* A sequence (instance.h) goes on on the calling thread: each step that goes on within one calls it
 * first. */
void wsb__sequence_adopt(wsb_instance *instance);

/* Inside of the runtime. An instance that is made in fiber mode, and goes. */
WSB_NODISCARD wsb_status wsb__fiber_init(wsb_instance *instance, wsb_error **out_error);
void wsb__fiber_fini(wsb_instance *instance);

/* A suspended guest shall look whether it was cancelled. Any thread. */
void wsb__fiber_wake(wsb_instance *instance);

/* Whether a host function that is pending is left to whoever steps the call. */
static inline bool wsb__fiber_can_suspend(const wsb_instance *instance)
{
    return instance->fiber != NULL && !instance->fiber->blocking;
}

/* Such a host function is: WSB_HOST_PENDING, or WSB_HOST_TRAP where it did not say what for. */
wsb_host_result wsb__fiber_suspend_host(wsb_instance *instance);

#endif
