/* The inside of a sandbox. See docs/internals/sandbox.md. */
#ifndef WSB_SANDBOX_STATE_H
#define WSB_SANDBOX_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <wasm_sandbox/sandbox.h>

#include "core/id_table.h"

/* A slot's state: whether a call holds it, and whether it was dropped. */
enum { WSB__SLOT_RUNNING = 1, WSB__SLOT_DROPPED = 2 };

/* An instance of a sandbox. Used by one thread at a time, the one that set RUNNING; nobody else
 * touches the instance but to cancel it or read its usage, under the sandbox's lock. */
typedef struct wsb__slot {
    wsb_instance *instance;
    _Atomic unsigned state;
    pthread_t runner; /* while RUNNING; under the lock */
    bool deferred;    /* dropped from inside: the call that holds it destroys it */
} wsb__slot;

/* A thread that waits for a slot's call to end, on its own stack. */
typedef struct wsb__waiter {
    struct wsb__waiter *next;
    pthread_t thread;
    const wsb__slot *slot;
} wsb__waiter;

struct wsb_sandbox {
    wsb_runtime *runtime;
    wsb_instance_id main_instance;
    pthread_mutex_t lock;   /* of what follows; held for a few instructions only */
    pthread_cond_t changed; /* a dropped slot came to rest, or `slots` or `users` fell */
    wsb__id_table *modules;
    wsb__id_table *instances;
    size_t slots; /* that exist, also those no longer in the table */
    size_t users; /* threads loading modules, creating or dropping instances */
    wsb__waiter *waiters;
    bool closing;
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

/* Takes an instance for the calling thread alone; WSB_ERROR_NOT_FOUND, WSB_ERROR_BUSY. */
WSB_NODISCARD wsb_status wsb__slot_acquire(wsb_sandbox *sandbox, wsb_instance_id id,
                                           const char *operation, wsb__slot **out_slot,
                                           wsb_error **out_error);
void wsb__slot_release(wsb_sandbox *sandbox, wsb__slot *slot);

/* Cancels, waits, destroys; `slot` is out of the table already. Called under the lock, which it
 * gives up in between. */
void wsb__slot_drop(wsb_sandbox *sandbox, wsb__slot *slot);

#endif
