/* The inside of an executor, for executor*.c and reactor*.c. */
#ifndef WSB_RUNTIME_EXECUTOR_STATE_H
#define WSB_RUNTIME_EXECUTOR_STATE_H

#include "runtime/executor.h"

#include <pthread.h>

/* Of a task. QUEUED, RUNNING and WAITING change under the executor's lock only. */
enum {
    WSB__TASK_QUEUED = 1,  /* in a queue, or kept by a thread that hands over */
    WSB__TASK_RUNNING = 2, /* being stepped, or discarded */
    WSB__TASK_WAITING = 4, /* in the list of those that wait */
    WSB__TASK_WOKEN = 8,   /* since its present or last step began */
    WSB__TASK_BEGUN = 16,
    WSB__TASK_CANCELLED = 32,
    WSB__TASK_CANCELLING = 64, /* a thread is asking it to end: the end waits */
    WSB__TASK_ENDING = 128,    /* and does so now */
    WSB__TASK_ENDED = 256,
    WSB__TASK_DISCARDED = 512,
    WSB__TASK_URGENT = 1024, /* not in the queue of those that are ready: before them */
    WSB__TASK_HURRY = 2048,  /* when it is queued next, before them */
    WSB__TASK_YIELDED = 4096 /* in the queue of those that had their slice */
};

void wsb__list_append(wsb__task_list *list, wsb__task *task);
void wsb__list_remove(wsb__task_list *list, wsb__task *task);
wsb__task *wsb__list_take(wsb__task_list *list);

/* Guests of instances in direct mode run on this stack, under their own max_stack, and callbacks of
 * futures; most of it is never touched. */
#define WSB__WORKER_STACK ((size_t)8 * 1024 * 1024)

/* A thread that steps tasks: one of the executor's, or a visitor that hands over. */
typedef struct wsb__worker {
    wsb_executor *executor;
    struct wsb__worker *next; /* of all; as the next members, under the executor's lock */
    struct wsb__worker *previous;
    struct wsb__worker *next_idle;
    struct wsb__worker *previous_idle;
    pthread_t thread;
    bool visitor;           /* not counted among the executor's threads */
    bool clerk;             /* a visitor that is a thread of the executor's nevertheless */
    bool idle;              /* in the list of those that sleep */
    bool finished;          /* has left, to be joined */
    uint64_t round;         /* the last in which its task was asked to end */
    _Atomic uint32_t word;  /* 1: woken */
    _Atomic uint64_t began; /* ticks when its present step began; 0: it steps none */

    /* For others that look at what is stepped: it cannot end while they hold the guard. */
    _Atomic uint32_t guard;
    _Atomic(wsb__task *) current;
    void (*interrupt)(void *engine);
    void *engine;

    /* Of the present step; its thread's alone. */
    wsb__task *stepping;  /* not to be looked into once it has ended */
    uint64_t slice_end;   /* ticks */
    uint64_t began_at;    /* the same; 0: taken */
    uint64_t ended_at;    /* the same; 0: not told */
    bool ended;           /* wsb__task_end() was called, and: */
    wsb__task *following; /* has the strand's turn now */
    wsb__task *elsewhere; /* goes on on another thread */
} wsb__worker;

/* A caller that waits for room in the queue, on its stack. */
typedef struct wsb__submitter {
    struct wsb__submitter *next;
    struct wsb__submitter *previous;
    _Atomic uint32_t word; /* of enum wsb__room */
} wsb__submitter;

enum wsb__room { WSB__ROOM_NONE = 0, WSB__ROOM_GIVEN = 1, WSB__ROOM_CLOSED = 2 };

/* Threads to be woken after the lock. Their words are set already: where the memory of one is gone
 * by then, the system call does nothing. */
typedef struct wsb__wakes {
    _Atomic uint32_t *words[4];
    unsigned count;
    bool monitor; /* tell it that tasks wait; the executor stays until then */
} wsb__wakes;

struct wsb__reactor;
typedef struct wsb__monitor wsb__monitor;

struct wsb_executor {
    _Atomic unsigned refs;
    unsigned fork_generation;
    wsb_executor_options options; /* none of them 0 */
    uint64_t slice_ticks;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* the end waits on it: fewer in flight, fewer threads */
    wsb__task_list ready;
    wsb__task_list yielded; /* those that had their slice: behind what is ready, within bounds */
    unsigned overtaken;     /* how often in a row those were */
    wsb__task_list urgent;  /* those that are to end: cheap, and somebody waits */
    wsb__task_list waiting;
    _Atomic uint64_t ready_count; /* of all three; changed under the lock */
    wsb__submitter *first_submitter;
    wsb__submitter *last_submitter;
    uint64_t in_flight; /* tasks that have not ended */
    bool ending;

    wsb__worker *workers; /* all, also visitors and those to be joined */
    wsb__worker *idle;    /* the last to sleep is the first to wake */
    uint32_t thread_count;
    uint32_t visitor_count; /* threads that are inside without a task in flight */
    uint64_t round;         /* of asking what runs to end */
    uint32_t searching;     /* threads that look for a task before they sleep */
    bool threads_end;
    bool has_clerk;
    bool ticking; /* the monitor looks every few milliseconds */

    wsb_executor_stats stats; /* but for what is counted above */

    pthread_mutex_t monitor_lock; /* while it is made */
    _Atomic(wsb__monitor *) monitor;
};

/* What this thread is to executors. */
typedef struct wsb__executor_thread {
    wsb__worker *worker; /* NULL: it steps no task */
    wsb__worker visitor; /* the thread itself, while it hands over */
    wsb__task *kept;     /* begun by the visitor */
    bool kept_is_discarded;
    bool handing_over;
} wsb__executor_thread;

extern _Thread_local wsb__executor_thread wsb__this_executor_thread
    __attribute__((tls_model("initial-exec")));

/* --- executor_queue.c: with the lock held, but wsb__wakes_do() --- */

/* Sets and clears bits, gives what was there. */
uint32_t wsb__task_change(wsb__task *task, uint32_t clear, uint32_t set);
/* To the end of the queue, or of the urgent one where it was cancelled before it began. */
void wsb__queue_push(wsb_executor *executor, wsb__task *task, wsb__wakes *wakes);
/* As wsb__queue_push(), of one that made room. */
void wsb__queue_push_yielded(wsb_executor *executor, wsb__task *task, wsb__wakes *wakes);
/* NULL: there is none. */
wsb__task *wsb__queue_take(wsb_executor *executor);
/* The same of those that are to end. */
wsb__task *wsb__queue_take_urgent(wsb_executor *executor);
/* One that was cancelled and is in the queue still. */
void wsb__queue_hurry(wsb_executor *executor, wsb__task *task, wsb__wakes *wakes);
/* One more thread comes to take what is there. */
void wsb__queue_call_thread(wsb_executor *executor, wsb__wakes *wakes);
/* As wsb__queue_push(), without locks, into the task's own executor. */
void wsb__queue_push_alone(wsb__task *task);
/* The monitor shall look every few milliseconds. */
void wsb__queue_tick(wsb_executor *executor, wsb__wakes *wakes);

void wsb__wakes_add(wsb__wakes *wakes, _Atomic uint32_t *word, uint32_t value);
/* Without the lock; the executor may be gone by then where no monitor is to be told. */
void wsb__wakes_do(wsb_executor *executor, wsb__wakes *wakes);

/* --- executor_submit.c: with the lock held --- */

/* A task has left the queue for good. */
void wsb__room_made(wsb_executor *executor, wsb__wakes *wakes);
/* Nobody gets room any more. */
void wsb__room_close(wsb_executor *executor);

/* --- executor_strand.c --- */

/* The lock of a strand, taken before the executor's. */
pthread_mutex_t *wsb__strand_lock(const wsb__strand *strand);
/* With the strand's lock held. @return whether it is the task's turn. */
bool wsb__strand_enter(wsb__strand *strand, wsb__task *task);
/* Gives the task whose turn it is now; NULL: none. */
wsb__task *wsb__strand_leave(wsb__strand *strand);
/* Once in a process. */
void wsb__strand_prepare(void);

/* --- executor_step.c --- */

/* Steps a task that was taken from the queue. With the lock held, as after it; does the wakes. */
void wsb__step_run(wsb__worker *worker, wsb__task *task, wsb__wakes *wakes);
void wsb__guard_take(wsb__worker *worker);
void wsb__guard_give(wsb__worker *worker);

/* --- executor_step.c: with the lock held --- */

/* Begins a task that waits, where the calling thread hands over: its step is that thread's. */
bool wsb__visit_begin(wsb__task *task, wsb__wakes *wakes);

/* --- executor_cancel.c: with the lock held, which is given back meanwhile --- */

/* Asks the tasks that are being stepped to end, those that were cancelled or `all`. @return whether
 * there was one. */
bool wsb__cancel_running(wsb_executor *executor, bool all);
void wsb__cancel_waiting(wsb_executor *executor);

/* --- executor_thread.c: with the lock held --- */

wsb_status wsb__worker_start(wsb_executor *executor);
void wsb__worker_link(wsb__worker *worker);
void wsb__worker_unlink(wsb__worker *worker);
/* The last thing of a thread, which counts as a visitor by then: joins those that left before, and
 * gives the lock back. */
void wsb__worker_leave(wsb__worker *worker);
/* Ends and joins all; gives the lock back meanwhile. */
void wsb__workers_end(wsb_executor *executor);

/* --- executor_clerk.c: with the lock held --- */

/* Starts the thread that ends what is to end; it leaves when that is done. There is none. */
void wsb__clerk_start(wsb_executor *executor);

/* --- executor_monitor.c: without locks --- */

/* The timers and descriptors; made where they are not there. */
wsb_status wsb__monitor_need(wsb_executor *executor, struct wsb__reactor **out_reactor);
/* Starts to look every few milliseconds. */
void wsb__monitor_tell(wsb_executor *executor);
void wsb__monitor_end(wsb_executor *executor);
/* Starts a thread of ours: no signals, a name. */
bool wsb__thread_start(pthread_t *thread, size_t stack, const char *name, void *(*run)(void *),
                       void *argument);

#endif
