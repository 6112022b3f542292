/* A side that is attached to an executor: one task reads the channel, ends asynchronous calls and
 * makes a task of each request. */
#ifndef WSB_COMMUNICATION_RPC_BACKGROUND_H
#define WSB_COMMUNICATION_RPC_BACKGROUND_H

#include "communication/rpc/rpc_state.h"

/* A call whose outcome is a future. */
typedef struct wsb__rpc_async {
    wsb_future future; /* first */
    wsb__rpc_call call;
    wsb_rpc_channel *rpc;        /* a reference to its memory */
    struct wsb__rpc_async *next; /* in `unsent` or in `ended` */
    uint64_t deadline;
    wsb_buf frame; /* where there was no room for it */
    bool is_unsent;
    char method[];
} wsb__rpc_async;

/* What wakes the task; others may hold it when the task is gone. */
typedef struct wsb__rpc_alarm {
    wsb_waker waker;
    wsb__lock lock;
    wsb__task *task; /* NULL: gone */
} wsb__rpc_alarm;

typedef struct wsb__rpc_background {
    wsb__task task; /* first */
    _Atomic uint32_t over;
    wsb_rpc_channel *rpc;
    wsb_executor *executor; /* a reference */
    wsb__rpc_alarm *alarm;
    wsb__rpc_scratch *scratch;
    unsigned events; /* waited for */
    bool is_over;    /* the channel gives nothing any more */
    /* Under the lock: */
    bool ending;
    uint64_t calls; /* asynchronous ones that are not finished */
    uint64_t next_deadline;
    wsb__rpc_async *first_unsent;
    wsb__rpc_async *last_unsent;
    wsb__rpc_async *ended;
} wsb__rpc_background;

wsb__rpc_alarm *wsb__rpc_alarm_create(wsb__task *task); /* NULL: out of memory */
void wsb__rpc_alarm_silence(wsb__rpc_alarm *alarm);

/* --- of the task (rpc_async.c) --- */

/* Sends what waits for room. Returns whether something still does. */
bool wsb__rpc_async_flush(wsb__rpc_background *background);
/* Ends those whose time is up; gives when the next one's is. */
uint64_t wsb__rpc_async_expire(wsb__rpc_background *background);
/* Finishes the futures of those that have ended. */
void wsb__rpc_async_finish(wsb__rpc_background *background);

/* --- requests (rpc_request_task.c) --- */

/* Makes a task of the request in scratch->in, or refuses it. */
void wsb__rpc_request_start(wsb__rpc_background *background);

#endif
