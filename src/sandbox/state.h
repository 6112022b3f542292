/* The inside of a sandbox. See docs/internals/sandbox.md. */
#ifndef WSB_SANDBOX_STATE_H
#define WSB_SANDBOX_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <wasm_sandbox/sandbox.h>

#include "core/id_table.h"

/* A slot's state: whether a blocking call holds it, whether it was dropped, and whether an
 * asynchronous call waits for the blocking one to end. */
enum { WSB__SLOT_RUNNING = 1, WSB__SLOT_DROPPED = 2, WSB__SLOT_WANTED = 4 };

struct wsb__work;

/* An instance of a sandbox. Used by one call at a time: the blocking one that set RUNNING, or the
 * asynchronous one whose turn it is. Nobody else touches the instance but to cancel it or read its
 * usage, under the sandbox's lock. */
typedef struct wsb__slot {
    wsb_instance *instance;
    _Atomic unsigned state;
    pthread_t runner;        /* while RUNNING; this and what follows under the lock */
    bool deferred;           /* dropped where nobody may wait: the last one to let go destroys it */
    struct wsb__work *works; /* asynchronous calls that have not ended */
    struct wsb__work *waiter; /* of those, the one that waits for RUNNING to end */
    size_t pending;           /* asynchronous calls that still touch the slot */
    struct wsb__slot *next;   /* of the sandbox's slots */
    struct wsb__slot *previous;
} wsb__slot;

/* A thread that waits for a slot's call to end, on its own stack. */
typedef struct wsb__waiter {
    struct wsb__waiter *next;
    pthread_t thread;
    const wsb__slot *slot;
} wsb__waiter;

/* The host's end of a channel that the builder made. */
typedef struct wsb__channel_end {
    struct wsb__channel_end *next;
    wsb_channel *channel;
    size_t name_len;
    char name[];
} wsb__channel_end;

struct wsb_sandbox {
    wsb_runtime *runtime;
    wsb_instance_id main_instance;
    pthread_mutex_t lock;   /* of what follows; held for a few instructions only */
    pthread_cond_t changed; /* a dropped slot came to rest, or `slots` or `users` fell */
    wsb__id_table *modules;
    wsb__id_table *instances;
    wsb__slot *slots;        /* that exist, also those no longer in the table */
    size_t users;            /* that load modules, create or drop instances */
    struct wsb__work *works; /* asynchronous ones of those */
    wsb__waiter *waiters;
    bool closing;
    wsb_executor *executor; /* NULL: not needed yet */
    wsb__channel_end *channels;
};

/* Error for an id that is not live: stale, or from elsewhere. Called under the lock. */
wsb_status wsb__sandbox_id_error(const wsb_sandbox *sandbox, bool is_instance, uint64_t id,
                                 const char *operation, wsb_error **out_error);

/* Holds the sandbox open while a module is loaded or an instance created. */
WSB_NODISCARD wsb_status wsb__sandbox_enter(wsb_sandbox *sandbox, const char *operation,
                                            wsb_error **out_error);
void wsb__sandbox_leave(wsb_sandbox *sandbox);

/* Loads a module from the file `path`, or from `bytes` where that is NULL. */
WSB_NODISCARD wsb_status wsb__sandbox_load(wsb_sandbox *sandbox, const wsb_str *path,
                                           wsb_bytes bytes, const wsb_module_options *options,
                                           wsb_module_id *out_id, wsb_error **out_error);

struct wsb__making;

/* wsb_sandbox_create_instance(); `making` may be NULL. */
WSB_NODISCARD wsb_status wsb__sandbox_create_instance(wsb_sandbox *sandbox, wsb_module_id module,
                                                      const wsb_instance_config *config,
                                                      const struct wsb__making *making,
                                                      wsb_instance_id *out_id,
                                                      wsb_error **out_error);

/* run.c: a sandbox with the module of the file `path` and a deadline; the limit for a timeout. */
WSB_NODISCARD wsb_status wsb__run_build(wsb_str path, uint64_t limit_ns, wsb_sandbox **out_sandbox,
                                        wsb_error **out_error);
uint64_t wsb__run_limit(uint64_t timeout_ns);

/* Takes an instance for the calling thread alone; WSB_ERROR_NOT_FOUND, WSB_ERROR_BUSY. */
WSB_NODISCARD wsb_status wsb__slot_acquire(wsb_sandbox *sandbox, wsb_instance_id id,
                                           const char *operation, wsb__slot **out_slot,
                                           wsb_error **out_error);
void wsb__slot_release(wsb_sandbox *sandbox, wsb__slot *slot);

/* An asynchronous call has let go of the slot, or never got hold of it. */
void wsb__slot_let_go(wsb_sandbox *sandbox, wsb__slot *slot);

/* Cancels what runs in it and what is queued. Nothing new can begin. Called under the lock. */
void wsb__slot_stop(wsb__slot *slot);

/* Stops, waits where that is allowed, destroys; `slot` is out of the table already. Called under
 * the lock, which it gives up in between. */
void wsb__slot_drop(wsb_sandbox *sandbox, wsb__slot *slot);

/* Gives the host's end of a channel to the sandbox; takes ownership on success only. */
WSB_NODISCARD wsb_status wsb__sandbox_keep_channel(wsb_sandbox *sandbox, wsb_str name,
                                                   wsb_channel *channel, wsb_error **out_error);

#endif
