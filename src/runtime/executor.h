/* Tasks, and the executor that runs them; see docs/internals/executor.md. */
#ifndef WSB_RUNTIME_EXECUTOR_H
#define WSB_RUNTIME_EXECUTOR_H

#include <poll.h>
#include <stdatomic.h>

#include <wasm_sandbox/executor.h>

/* What a step of a task came to. */
typedef enum wsb__step {
    WSB__STEP_DONE = 0,  /* the task may be gone: the executor does not touch it again */
    WSB__STEP_YIELD = 1, /* to the end of the queue */
    WSB__STEP_WAIT = 2   /* until wsb__task_wake(), also one that came during the step */
} wsb__step;

typedef struct wsb__task wsb__task;

/* Inside of executor*.c, but for the address. Embedded, so that a queued call is one block. */
typedef struct wsb__timer {
    wsb__task *task;
    uint64_t at;  /* ns, CLOCK_MONOTONIC */
    bool hurry;   /* set by whoever watches: it is a deadline, hence wsb__task_hurry() */
    size_t index; /* in the heap + 1; 0: not set */
} wsb__timer;

typedef struct wsb__task_ops {
    /* Runs on a thread of the executor, or on one that hands over (below). At most one thread at a
     * time steps a task. */
    wsb__step (*step)(wsb__task *task);
    /* Instead of the first step, where the task was cancelled before (wsb__task_cancel()) or the
     * executor ends: finishes it. It may be gone then. */
    void (*discard)(wsb__task *task);
    /* Asks a task that has begun to end soon; it is stepped until it says DONE. Any thread. */
    void (*cancel)(wsb__task *task);
} wsb__task_ops;

/* Tasks of one strand run one after the other, each until DONE, in the order of submission. One
 * for each instance. Zeroed is valid. Must be empty when its storage goes. */
typedef struct wsb__strand {
    wsb__task *first; /* that has its turn; under the executor's lock */
    wsb__task *last;
} wsb__strand;

struct wsb__task {
    const wsb__task_ops *ops;
    wsb_executor *executor;
    wsb__strand *strand; /* NULL: none */
    wsb__task *next;     /* in the run queue, or behind it in the strand */
    _Atomic uint32_t state;
    bool begun;
    uint64_t submitted_ticks;
    wsb__timer timer;
    struct wsb__fd_wait *fds; /* descriptors being watched; NULL: none */
};

wsb_executor *wsb__executor_ref(wsb_executor *executor);

/* Queues a task whose `ops` are set and the rest zero; it belongs to the executor until DONE or
 * discard(). WSB_ERROR_WOULD_BLOCK, WSB_ERROR_TIMEOUT (no room for `timeout_ns`), WSB_ERROR_CLOSED
 * (the executor ends), WSB_ERROR_FORKED, WSB_ERROR_IO (no thread can be started): it was not
 * queued. */
WSB_NODISCARD wsb_status wsb__executor_submit(wsb_executor *executor, wsb__strand *strand,
                                              wsb__task *task, uint64_t timeout_ns,
                                              wsb_error **out_error);

/* Queued again where it waits; where it is being stepped, a WAIT that follows ends at once. Any
 * thread; the caller makes sure that the task is still there. */
void wsb__task_wake(wsb__task *task);

/* The same, and before all others, also where it is in the queue already: all that is left to do is
 * to end it, and its caller must not wait until many spinning guests had their slices. */
void wsb__task_hurry(wsb__task *task);

/* discard() where it has not begun, else cancel(). Any thread; the caller makes sure that the task
 * is still there, and that it is not called on one that is DONE. */
void wsb__task_cancel(wsb__task *task);

/* For a step that is about to return WAIT: wakes the task when a descriptor is ready or at
 * `until_ns` (CLOCK_MONOTONIC; UINT64_MAX: never). `fds` stay valid until wsb__task_unwatch(),
 * which the next step calls first; their `revents` are not filled in: poll(2) tells.
 * WSB_ERROR_OUT_OF_MEMORY, WSB_ERROR_IO (no descriptor left). */
WSB_NODISCARD wsb_status wsb__task_watch(wsb__task *task, struct pollfd *fds, size_t fd_count,
                                         uint64_t until_ns);
/* After it no wake comes of them any more. Cheap where nothing is watched. */
void wsb__task_unwatch(wsb__task *task);

/* Whether the task that the calling thread steps has had its time slice and others wait. Called
 * often: a load and a look at the clock. False where the thread steps none. */
bool wsb__executor_should_yield(void);

/* The monitor calls `interrupt(engine)` when the running task's slice is over and others wait.
 * Called by a step before it enters a guest; NULL when it left it. */
void wsb__executor_set_interrupt(void (*interrupt)(void *engine), void *engine);

/* Handing over: between begin and end, the first task that the calling thread wakes is not queued
 * but kept, and stepped by end on this thread: a message and its answer then need no other thread.
 * Not nested, and not on a thread that steps a task: begin is then without effect. */
void wsb__handoff_begin(void);
void wsb__handoff_end(void);

/* Counts a duration into a histogram; the caller owns it or holds a lock. */
void wsb__histogram_add(wsb_histogram *histogram, uint64_t ns);

#endif
