/* The inside of a future: a task with a result. Embedded first in each kind of asynchronous call.
 */
#ifndef WSB_RUNTIME_FUTURE_H
#define WSB_RUNTIME_FUTURE_H

#include <wasm_sandbox/future.h>

#include "runtime/executor.h"

/* What a future gives; see wsb_future_take_…(). */
typedef enum wsb__result_kind {
    WSB__RESULT_VALUES,
    WSB__RESULT_DATA,
    WSB__RESULT_EXIT_CODE,
    WSB__RESULT_ID
} wsb__result_kind;

struct wsb_future {
    wsb__task task;        /* its ops are the kind's; those without a task leave them NULL */
    _Atomic unsigned refs; /* the caller's and, until it is done, the call's */
    _Atomic uint32_t done; /* see future.c, as `callback` */
    _Atomic uint32_t callback;
    wsb__result_kind kind;
    unsigned fork_generation; /* when it was made; its executor may be gone before it */
    wsb_status status;
    wsb_error *error;
    _Atomic bool taken;
    size_t value_count;
    union {
        wsb_value *values; /* owned */
        wsb_buf data;
        int32_t exit_code;
        uint64_t id;
    } result;
    wsb_future_fn on_done;
    void *on_done_data;
    _Atomic int fd;                   /* eventfd + 1; 0: none */
    void (*stop)(wsb_future *future); /* cancels one without a task; else NULL */
    /* Frees the kind's block; the last reference went, and error and result are released. */
    void (*release)(wsb_future *future);
};

/* Two references, the caller's and the call's. `release` frees the whole block. */
void wsb__future_init(wsb_future *future, wsb__result_kind kind, void (*release)(wsb_future *));

/* The call has ended: `result` (where `status` is WSB_OK) was set before; takes `error`. Wakes
 * those who wait, calls the callback, and gives the call's reference back. The last thing that a
 * step does before DONE: instance and future may be gone then. */
void wsb__future_finish(wsb_future *future, wsb_status status, wsb_error *error);

/* Gives the call's reference back without an end: it was never submitted. */
void wsb__future_abandon(wsb_future *future);

/* A copy that is checked; the executor may be NULL in it. */
WSB_NODISCARD wsb_status wsb__async_options(const wsb_async_options *options,
                                            wsb_async_options *out_options, wsb_error **out_error);

#endif
