/* What the tests of suspended calls share: a task that makes one call, on an executor. */
#ifndef WSB_TESTS_FIBER_TEST_H
#define WSB_TESTS_FIBER_TEST_H

#include "core/signal_word.h"
#include "runtime/fiber.h"
#include "unit/runtime_fake/fake_runtime.h"

#include <sched.h>

#define NS_PER_MS ((uint64_t)1000000)
#define FOREVER UINT64_MAX

/* A call on an executor, as the asynchronous functions make it. */
typedef struct driver {
    wsb__task task;
    wsb_instance *instance;
    wsb_function *function;
    wsb_raw_value values[4];
    bool in_call;
    wsb_status status;
    wsb_error *error;
    _Atomic uint32_t suspended; /* times */
    _Atomic uint32_t yielded;
    _Atomic uint32_t done;
} driver;

static inline wsb__step driver_step(wsb__task *task)
{
    driver *self = (driver *)task;
    wsb__progress progress = self->in_call
                                 ? wsb__call_continue(self->instance, &self->status, &self->error)
                                 : wsb__call_begin(self->instance, &self->function->target,
                                                   self->values, &self->status, &self->error);
    self->in_call = progress != WSB__CALL_ENDED;
    if (self->in_call) {
        bool waits = progress == WSB__CALL_SUSPENDED;
        wsb__call_arm(self->instance, task);
        atomic_fetch_add(waits ? &self->suspended : &self->yielded, 1);
        return waits ? WSB__STEP_WAIT : WSB__STEP_YIELD;
    }
    wsb__task_end(task, &self->done, 1);
    wsb__word_wake(&self->done, UINT32_MAX);
    return WSB__STEP_DONE;
}

static inline void driver_discard(wsb__task *task)
{
    driver *self = (driver *)task;
    self->status = WSB_ERROR_CANCELLED;
    wsb__task_end(task, &self->done, 1);
    wsb__word_wake(&self->done, UINT32_MAX);
}

static inline void driver_cancel(wsb__task *task)
{
    wsb_instance_cancel(((driver *)task)->instance);
}

static const wsb__task_ops driver_ops = {driver_step, driver_discard, driver_cancel};

static inline void drive(driver *self, wsb_executor *executor, wsb_instance *instance,
                         const char *name)
{
    memset(self, 0, sizeof *self);
    self->task.ops = &driver_ops;
    self->instance = instance;
    self->function = function_of(instance, name);
    MUST(wsb__executor_submit(executor, NULL, &self->task, 0, err));
}

static inline wsb_status driver_wait(driver *self)
{
    while (atomic_load(&self->done) == 0) {
        wsb__word_wait(&self->done, 0, FOREVER);
    }
    wsb_error_destroy(self->error);
    self->error = NULL;
    return self->status;
}

static inline void until_at_least(_Atomic uint32_t *counter, uint32_t count)
{
    while (atomic_load(counter) < count) {
        sched_yield();
    }
}

static inline wsb_executor *executor_of(uint32_t workers)
{
    wsb_executor_options options = WSB_EXECUTOR_OPTIONS_INIT;
    wsb_executor *executor;
    options.workers = workers;
    options.max_threads = workers;
    MUST(wsb_executor_create(&options, &executor, err));
    return executor;
}

/* What the import "work" does in a guest, and what it saw. */
typedef struct waiting {
    uint64_t timeout_ns;
    struct pollfd *fds;
    size_t fd_count;
    bool wants_waker;
    bool wakes_itself; /* before the wait has begun */
    unsigned again;    /* more waits in `resume` */
    _Atomic(wsb_waker *) waker;
    _Atomic uint32_t begun;
    _Atomic uint32_t resumed;
    _Atomic uint32_t resumed_ready;
    _Atomic uint32_t dropped;
} waiting;

static inline wsb_host_result begin_wait(wsb_call_context *context, waiting *self);

static inline void count_drop(void *state)
{
    atomic_fetch_add(&((waiting *)state)->dropped, 1);
}

static inline wsb_host_result after_wait(wsb_call_context *context, wsb_raw_value *values,
                                         bool ready, void *state)
{
    waiting *self = state;
    (void)values;
    atomic_fetch_add(&self->resumed, 1);
    atomic_fetch_add(&self->resumed_ready, ready);
    if (self->again > 0) {
        self->again--;
        return begin_wait(context, self);
    }
    return WSB_HOST_DONE;
}

static inline wsb_host_result begin_wait(wsb_call_context *context, waiting *self)
{
    if (self->wants_waker) {
        wsb_waker *waker = wsb_call_context_waker(context);
        if (waker == NULL) {
            wsb_call_context_fail(context, WSB_ERROR_OUT_OF_MEMORY, "no memory for a waker");
            return WSB_HOST_TRAP;
        }
        if (self->wakes_itself) {
            wsb_waker_wake(waker);
        }
        wsb_waker_unref(atomic_exchange(&self->waker, waker));
    }
    wsb_call_context_wait(context, self->fds, self->fd_count, self->timeout_ns, after_wait,
                          count_drop, self);
    atomic_fetch_add(&self->begun, 1);
    return WSB_HOST_PENDING;
}

static inline wsb_host_result wait_here(wsb_call_context *context, wsb_raw_value *values,
                                        void *user_data)
{
    (void)values;
    (void)user_data;
    return begin_wait(context, wsb_call_context_user_data(context));
}

static inline wsb_instance *waiter_in(wsb_runtime *runtime, wsb_execution_mode mode,
                                      const wsb_resource_limits *limits, waiting *how)
{
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    config.imports = imports_of(wait_here, NULL, NULL);
    config.limits = limits;
    config.user_data = how;
    config.mode = mode;
    wsb_instance *instance = instantiate(runtime, FAKE_CALLER, &config);
    wsb_imports_destroy(config.imports);
    return instance;
}

static inline wsb_instance *waiter(wsb_runtime *runtime, const wsb_resource_limits *limits,
                                   waiting *how)
{
    return waiter_in(runtime, WSB_EXECUTION_FIBER, limits, how);
}

/* The waker that the guest took is woken and given back. */
static inline void wake_taken(waiting *how)
{
    wsb_waker *waker = atomic_exchange(&how->waker, NULL);
    wsb_waker_wake(waker);
    wsb_waker_unref(waker);
}

#endif
