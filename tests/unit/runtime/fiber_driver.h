/* A task that makes one call on an executor, as the asynchronous functions do. */
#ifndef WSB_TESTS_FIBER_DRIVER_H
#define WSB_TESTS_FIBER_DRIVER_H

#include "core/signal_word.h"
#include "runtime/fiber.h"
#include "unit/runtime/runtime_test.h"

#include <sched.h>

#define NS_PER_MS ((uint64_t)1000000)
#define FOREVER UINT64_MAX

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

static inline void driver_prepare(driver *self, wsb_instance *instance, const char *name)
{
    memset(self, 0, sizeof *self);
    self->task.ops = &driver_ops;
    self->instance = instance;
    self->function = function_of(instance, name);
}

static inline void driver_submit(driver *self, wsb_executor *executor)
{
    MUST(wsb__executor_submit(executor, NULL, &self->task, 0, err));
}

static inline void drive(driver *self, wsb_executor *executor, wsb_instance *instance,
                         const char *name)
{
    driver_prepare(self, instance, name);
    driver_submit(self, executor);
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

#endif
