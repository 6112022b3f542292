/* Tasks, and the executor that runs them; see docs/internals/executor.md. */
#ifndef WSB_RUNTIME_EXECUTOR_H
#define WSB_RUNTIME_EXECUTOR_H

#include <poll.h>
#include <stdatomic.h>

#include <wasm_sandbox/executor.h>

/* What a step of a task came to. */
typedef enum wsb__step {
    WSB__STEP_DONE = 0,  /* the task may be gone: the executor does not touch it again */
    WSB__STEP_YIELD = 1, /* behind those that are ready; within bounds, so that none starves */
    WSB__STEP_WAIT = 2   /* until wsb__task_wake(), also one that came during the step */
} wsb__step;

typedef struct wsb__task wsb__task;

/* Inside of reactor*.c, but for the address. Embedded, so that a queued call is one block. */
typedef struct wsb__timer {
    wsb__task *task;
    uint64_t at; /* ns, CLOCK_MONOTONIC */
    bool hurry;  /* set before wsb__task_watch(): it is a deadline, hence wsb__task_hurry() */
    _Atomic size_t index; /* in the heap + 1; 0: not set; written under the reactor's lock */
} wsb__timer;

typedef struct wsb__task_ops {
    /* Runs on a thread of the executor, or on one that hands over (below). At most one thread at a
     * time steps a task. Where the task's memory can go before it returns DONE, it calls
     * wsb__task_end() before that. */
    wsb__step (*step)(wsb__task *task);
    /* Instead of the first step, where the task was cancelled before (wsb__task_cancel()) or the
     * executor ends: finishes it. On a thread of the executor. It may be gone then. */
    void (*discard)(wsb__task *task);
    /* Asks a task that has begun to end soon; it is woken and stepped until it says DONE. Any
     * thread; may be asked again, also while the first step is just beginning; never together with
     * another asking, and never once wsb__task_end() has returned. */
    void (*cancel)(wsb__task *task);
} wsb__task_ops;

typedef struct wsb__task_list {
    wsb__task *first;
    wsb__task *last;
} wsb__task_list;

/* Tasks of one strand run one after the other, each until DONE, in the order of submission. One
 * for each instance; any executors. Zeroed is valid. Must be empty when its storage goes. */
typedef struct wsb__strand {
    wsb__task *turn; /* the one that runs or is the next to; under wsb__strand_lock() */
    wsb__task_list behind;
} wsb__strand;

struct wsb__task {
    const wsb__task_ops *ops;
    wsb_executor *executor;
    wsb__strand *strand; /* NULL: none */
    wsb__task *next;     /* in the one list it is in: queue, waiting, or behind in the strand */
    wsb__task *previous;
    _Atomic uint32_t state; /* bits of executor_state.h */
    bool watching;          /* a timer or descriptors; the step's */
    uint64_t submitted_ticks;
    uint64_t ran_ticks; /* since it was behind others the last time */
    wsb__timer timer;
    struct wsb__fd_wait *fds; /* descriptors being watched; NULL: none */
};

wsb_executor *wsb__executor_ref(wsb_executor *executor);

/* Queues a task whose `ops` are set and the rest zero; it belongs to the executor until DONE or
 * discard(). WSB_ERROR_WOULD_BLOCK, WSB_ERROR_TIMEOUT (no room for `timeout_ns`), WSB_ERROR_CLOSED
 * (the executor ends), WSB_ERROR_FORKED, WSB_ERROR_IO (no thread can be started),
 * WSB_ERROR_OUT_OF_MEMORY: it was not queued. */
WSB_NODISCARD wsb_status wsb__executor_submit(wsb_executor *executor, wsb__strand *strand,
                                              wsb__task *task, uint64_t timeout_ns,
                                              wsb_error **out_error);

/* Queued again where it waits; where it is being stepped, a WAIT that follows ends at once. Any
 * thread; the caller makes sure that the task is still there. */
void wsb__task_wake(wsb__task *task);

/* The same, and before all others, also where it is in the queue already: what is left to do is to
 * end it, and its caller must not wait until many spinning guests had their slices. */
void wsb__task_hurry(wsb__task *task);

/* discard() soon where it has not begun, else cancel(). Any thread; the caller makes sure that the
 * task's memory is still there. Nothing happens after wsb__task_end(); a task that ends without it
 * must not be cancelled once it is DONE. */
void wsb__task_cancel(wsb__task *task);

/* Whether wsb__task_cancel() was called on it. */
bool wsb__task_cancelled(const wsb__task *task);

/* The last thing that the last step (or discard) does before others may learn of the task's end and
 * free it, or its strand: waits for a cancel() that is under way, gives up the strand, and stores
 * `value` in `word` before the next task of the strand can do the same. Gives the word's old value.
 * The next one of the strand starts when the step returns. wsb__future_finish() does it. */
uint32_t wsb__task_end(wsb__task *task, _Atomic uint32_t *word, uint32_t value);

/* For a step after wsb__task_end(): where it does not run on a thread of the executor (handing
 * over), `run` is called on one, in the task's place, and true is given. */
bool wsb__task_finish_elsewhere(wsb__task *task, const wsb__task_ops *run);

/* For a step that is about to return WAIT: wakes the task when a descriptor is ready or at
 * `until_ns` (CLOCK_MONOTONIC; UINT64_MAX: never). `fds` stay valid until wsb__task_unwatch(),
 * which the next step calls first; their `revents` are not filled in: poll(2) tells.
 * WSB_ERROR_OUT_OF_MEMORY, WSB_ERROR_IO (no descriptor left). */
WSB_NODISCARD wsb_status wsb__task_watch(wsb__task *task, struct pollfd *fds, size_t fd_count,
                                         uint64_t until_ns);
/* After it no wake comes of them any more. Cheap where nothing is watched. */
void wsb__task_unwatch(wsb__task *task);

/* Whether the time alone is watched, it is `until_ns`, and it has not come: a step that is about to
 * return WAIT for the same once more need not watch anew. Where it is coming just now, the step's
 * WAIT ends at once. */
bool wsb__task_watches(const wsb__task *task, uint64_t until_ns);

/* Whether the task that the calling thread steps has had its time slice and others wait. Called
 * often: a load and a look at the clock. False where the thread steps none. */
bool wsb__executor_should_yield(void);

/* The monitor calls `interrupt(engine)` when the running task's slice is over and others wait.
 * Called by a step before it enters a guest; NULL when it left it. Quick, and takes no lock. */
void wsb__executor_set_interrupt(void (*interrupt)(void *engine), void *engine);

/* What a step and its executor tell each other of the clock, as to read it costs as much as many
 * instructions: when the step began, to be taken by what it does first (a fresh reading where it
 * was taken), and when it ended, told by what it does last. Ticks. */
uint64_t wsb__step_began(void);
void wsb__step_ends(uint64_t now);

/* Handing over: between begin and end, the first task that the calling thread wakes is not queued
 * but kept, and stepped by end on this thread: a message and its answer then need no other thread.
 * At most one time slice, then it is queued. Not nested, and not on a thread that steps a task:
 * begin is then without effect. */
void wsb__handoff_begin(void);
void wsb__handoff_end(void);

/* Whether the calling thread steps a task: one of an executor, or one that hands over. */
bool wsb__executor_is_stepping(void);
/* The latter only. */
bool wsb__executor_is_visiting(void);

/* Whether the executor was made before a fork(2) of which this process is the child. */
bool wsb__executor_is_forked(const wsb_executor *executor);

#endif
