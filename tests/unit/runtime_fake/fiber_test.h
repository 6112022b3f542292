/* What the tests of suspended calls share: guests that wait for what the test decides. */
#ifndef WSB_TESTS_FIBER_TEST_H
#define WSB_TESTS_FIBER_TEST_H

#include "unit/runtime/fiber_driver.h"
#include "unit/runtime_fake/fake_runtime.h"

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
