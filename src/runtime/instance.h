/* An instance, as the runtime layer sees it. */
#ifndef WSB_RUNTIME_INSTANCE_H
#define WSB_RUNTIME_INSTANCE_H

#include <wasm_sandbox/instance.h>
#include <wasm_sandbox/plugin/host_module.h>

#include "core/lock.h"
#include "core/map.h"
#include "runtime/executor.h"
#include "runtime/module.h"
#include "runtime/thread.h"

/* What a call needs beyond the common path; none of it costs a call that has none of it. */
enum {
    WSB__EXTRA_FUEL = 1,        /* set and read fuel */
    WSB__EXTRA_BEGIN = 2,       /* host modules want to know of each call */
    WSB__EXTRA_CALL_LIMITS = 4, /* named limits with call scope */
    WSB__EXTRA_REFUSALS = 8,    /* the host wants events of refused memory.grow */
    WSB__EXTRA_WATCHED = 16,    /* has a deadline or a CPU limit */
    WSB__EXTRA_SEQUENCE = 32    /* calls are part of a sequence */
};

/* Why an instance ended or is ending. */
typedef struct wsb__ending {
    wsb_status status; /* WSB_OK: it has not */
    int32_t exit_code;
    char message[256];
} wsb__ending;

/* Several calls that count as one: see wsb__sequence_begin(). */
typedef struct wsb__sequence {
    bool active;
    bool entered; /* its first call was made */
    uint64_t started;
    uint64_t cpu_base;
    uint64_t cpu_before; /* as in wsb__watch */
    uint64_t fuel_left;
} wsb__sequence;

/* Of an instance whose module was rewritten for an engine without fuel or interruption; tick.c. */
typedef struct wsb__tick_state {
    bool fuel;               /* the budget is fuel: `reserve` and the global are what is left */
    bool has_budget;         /* `budget` is set */
    wsb_engine_result ended; /* how the tick ended the guest; OK: it did not */
    uint64_t reserve;        /* fuel that was not handed out yet */
    uint64_t slice;          /* how much is handed out at once */
    uint64_t last;           /* ticks when it was the last time */
    wsb_engine_handle budget;
} wsb__tick_state;

/* A pending host function; see wsb_call_context_wait(). */
typedef struct wsb__pending {
    struct pollfd *fds;
    size_t fd_count;
    uint64_t timeout_ns;
    wsb_resume_fn resume;
    void (*drop)(void *state);
    void *state;
    bool brief; /* see wait.h */
} wsb__pending;

/* Of an instance in fiber mode: its present call, which can be in several parts; fiber.c. */
typedef struct wsb__fiber {
    wsb__lock lock;
    wsb__task *task; /* to be woken by a cancellation; under the lock; NULL: none */
    bool blocking;   /* the call holds its thread until it ends */
    bool pending;    /* a host function is */
    enum {
        WSB__WAIT_GOES_ON,
        WSB__WAIT_READY,
        WSB__WAIT_TIMED_OUT,
        WSB__WAIT_DUE,    /* the guest is */
        WSB__WAIT_FAILED  /* `ending` says why */
    } wait;               /* how it ended */
    uint64_t until_ns;    /* CLOCK_MONOTONIC; the wait's own timeout */
    uint64_t deadline_ns; /* the call's, as far as is known since: */
    uint64_t deadline_at; /* ticks; 0: not known */
    const char *label;    /* of the call's target */
    uint32_t extras;
    uint64_t started;       /* ticks */
    uint64_t slice_started; /* the same */
    uint64_t cpu_at_begin;  /* `cpu_before` then */
} wsb__fiber;

struct wsb__wait_waker;

/* What a call enters. */
typedef struct wsb__target {
    wsb_engine_result (*enter)(void *instance, const wsb_engine_handle *function,
                               const wsb_function_type *type, wsb_raw_value *values,
                               wsb_engine_failure *out_failure); /* one of the engine's */
    const wsb_function_type *type;
    const char *label; /* for errors: "call 'add'" */
    wsb_engine_handle handle;
} wsb__target;

struct wsb_function {
    wsb__target target;
    wsb_instance *instance;
    wsb_function *next; /* prepared before */
    const wsb_extern_info *info;
    uint32_t slots; /* the larger of parameters and results */
    bool has_references;
    char label[96]; /* "call 'name'" */
};

/* Used also as wsb_call_context: a call context is the instance while it runs. */
struct wsb_instance {
    wsb__watch watch;         /* first: the fields of every call */
    unsigned fork_generation; /* the runtime's */
    _Atomic bool stop;        /* cancelled: sticky */
    uint32_t extras;
    const wsb_runtime_ops *ops;
    void *engine_instance;
    void *caller;                /* the engine's, while a host function runs */
    wsb__thread *_Atomic thread; /* that runs it; others look whether it is theirs */
    bool ended_by_outer;         /* the call that it is part of is over its limit, or cancelled */
    wsb_instance *outer;         /* whose host function made the present call; NULL: none */
    bool doomed;                 /* destroyed in its own callback */
    bool making;                 /* wsb_instance_create() has not returned */
    bool has_memory;             /* cleared where the engine does not find it */
    bool memory_known;           /* `memory` is set: looked up when first needed */
    bool counts_refusals;        /* memory.grow is used; cleared as above */
    bool refusals_known;         /* `refusal_counter` is set */
    wsb_engine_handle memory;
    uint64_t stack_need; /* bytes below the caller's stack pointer */
    _Atomic uint64_t calls;
    _Atomic uint64_t host_calls;
    _Atomic uint64_t wall_ticks;
    _Atomic uint64_t long_ticks; /* the part of wall_ticks in calls long enough for `cpu_ns` */
    _Atomic uint64_t cpu_ns;
    _Atomic uint64_t memory_size;
    _Atomic uint64_t counters[WSB_COUNTER_COUNT_];
    _Atomic uint64_t fuel_used;
    _Atomic uint64_t refusals;
    wsb_runtime *runtime;
    wsb_module *module;
    wsb__link *link;
    wsb_resource_limits limits;
    wsb__sequence sequence;
    wsb__tick_state tick;
    uint64_t cpu_quiet_until; /* ticks: its CPU time cannot be used up before */
    wsb_engine_handle refusal_counter;
    wsb__ending ending;
    wsb__strand strand;           /* of its asynchronous calls */
    _Atomic uint32_t async_calls; /* of those, that have not ended */
    uint64_t failed_after;        /* ticks that a call had taken when it failed */
    const char *operation;        /* of the present call, for errors */
    const char *host_operation;   /* the import that is running */
    wsb__pending pending;
    uint64_t wait_began;           /* ticks: when a host function began to wait the last time, */
    uint64_t wait_ended;           /* and when that was over */
    struct wsb__wait_waker *waker; /* the last one that a host function took; wait_waker.h */
    wsb__fiber *fiber;             /* NULL: direct mode */
    struct wsb__report *report;    /* of the structured function that runs; else NULL */
    wsb_event_fn on_event;
    void *on_event_data;
    uint64_t tag;
    void *user_data;
    wsb_function *functions; /* prepared, the last one first */
    size_t function_count;
    wsb__map *function_map; /* by name, where they are more than a few */
    uint64_t named_limit[WSB__LIMIT_REGISTRY_MAX];
    uint64_t named_used[WSB__LIMIT_REGISTRY_MAX];
    void *states[WSB__MAX_HOST_MODULES];
    bool state_made[WSB__MAX_HOST_MODULES];
    /* Of the call that failed and closed it: empty texts until then. The last member, so that the
     * larger part of an instance need not be cleared when it is made. */
    wsb_engine_failure failure;
};

/* Whether the calling thread is the one that runs it. */
static inline bool wsb__instance_is_mine(wsb_instance *instance)
{
    return atomic_load_explicit(&instance->thread, memory_order_relaxed) == &wsb__this_thread;
}

/* The state that a host module made for an instance; NULL where the instance does not use it. */
void *wsb__instance_host_state(const wsb_instance *instance, const wsb_host_module_ops *ops);

/* For who may have to stop the start function: from begin() to end() the instance can be
 * cancelled. */
typedef struct wsb__making {
    void (*begin)(void *context, wsb_instance *instance);
    void (*end)(void *context);
    void *context;
} wsb__making;

/* wsb_instance_create(); `making` may be NULL. */
WSB_NODISCARD wsb_status wsb__instance_create(wsb_module *module, const wsb_instance_config *config,
                                              const wsb__making *making,
                                              wsb_instance **out_instance, wsb_error **out_error);

/* What the scan found about a function's export. */
const wsb_extern_info *wsb__function_info(const wsb_function *function);

/* What wsb_function_call() makes of its arguments, checked, and of the values that came back.
 * `values` has room for the larger of parameters and results. */
WSB_NODISCARD wsb_status wsb__function_arguments(const wsb_function *function,
                                                 const wsb_value *args, size_t arg_count,
                                                 wsb_raw_value *values, wsb_error **out_error);
void wsb__function_results(const wsb_function *function, const wsb_raw_value *values,
                           wsb_value *results);

/* The function that wsb_instance_run() calls. */
WSB_NODISCARD wsb_status wsb__instance_command(wsb_instance *instance, wsb_function **out_function,
                                               wsb_error **out_error);

/* A checked view of guest memory while the instance is idle or inside one of its host functions.
 * Statuses as wsb_call_context_memory(). */
WSB_NODISCARD wsb_status wsb__instance_memory(wsb_instance *instance, uint64_t offset,
                                              uint64_t length, uint8_t **out_data,
                                              wsb_error **out_error);

/* Calls under the call limits; `values` has room for the larger of parameters and results. */
WSB_NODISCARD wsb_status wsb__call(wsb_instance *instance, const wsb__target *target,
                                   wsb_raw_value *values, wsb_error **out_error);

/* Makes the calls until wsb__sequence_end() one as far as limits of scope "call" go: one deadline,
 * one CPU time, one fuel, one budget of output. No other thread can call in between. On failure
 * (busy, closed, …) nothing was begun. `name` as in wsb__call(). */
WSB_NODISCARD wsb_status wsb__sequence_begin(wsb_instance *instance, const char *name,
                                             wsb_error **out_error);
void wsb__sequence_end(wsb_instance *instance);

/* Asked on the guest's thread, by the engine after an interrupt, or by the guest's own tick some
 * ten thousand times a second: it costs one look at the clock while nothing is due. */
bool wsb__should_stop(void *instance);

/* Ticks since the present call, or the sequence that it is part of, started. */
uint64_t wsb__call_elapsed(const wsb_instance *instance);

/* Nanoseconds of CPU time that it took, as far as known to the calling thread, which runs it. */
uint64_t wsb__call_cpu_used(const wsb_instance *instance);

/* The status with which a call ends whose deadline, CPU time or cancellation has come; WSB_OK
 * where none has. */
wsb_status wsb__due(wsb_instance *instance);
/* The same at a time in ticks. */
wsb_status wsb__due_at(wsb_instance *instance, uint64_t now);

/* Makes the error of a call that did not end well, and closes the instance; not where its guest
 * did not begin, for want of a stack. */
wsb_status wsb__call_failed(wsb_instance *instance, wsb_engine_result result,
                            const wsb_engine_failure *failure, const char *name,
                            wsb_error **out_error);

/* Refuses to enter: busy, closed, forked, too deep, too little stack. */
wsb_status wsb__call_refused(wsb_instance *instance, const char *name, wsb_error **out_error);

/* Reports an event to the host. */
void wsb__instance_event(wsb_instance *instance, wsb_event_kind kind, const char *operation,
                         const char *subject, wsb_str detail, uint64_t used, uint64_t allowed);

/* Releases everything; the instance is idle or closed. */
void wsb__instance_free(wsb_instance *instance);

/* Reads the counter of refused memory.grow; true when there are new ones. Not while it runs. */
bool wsb__instance_note_refusals(wsb_instance *instance);

#endif
