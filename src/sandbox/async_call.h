/* Asynchronous calls into instances. */
#ifndef WSB_SANDBOX_ASYNC_CALL_H
#define WSB_SANDBOX_ASYNC_CALL_H

#include "sandbox/structured.h"
#include "sandbox/work.h"

enum { WSB__ASYNC_FEW_VALUES = 4 };

typedef enum wsb__call_kind {
    WSB__CALL_TYPED,
    WSB__CALL_COMMAND,
    WSB__CALL_STRUCTURED
} wsb__call_kind;

/* What is asked for. Everything is copied. */
typedef struct wsb__request {
    wsb__call_kind kind;
    wsb_function *function; /* TYPED: prepared; NULL: by name */
    wsb_str name;
    const wsb_value *args; /* TYPED */
    size_t arg_count;
    wsb_encoding form; /* STRUCTURED */
    wsb_bytes data;
} wsb__request;

/* Of a call: a cancellation stops the guest from ENTERED on, and before that only the call. */
enum { WSB__CALL_WAITS, WSB__CALL_CANCELLED, WSB__CALL_ENTERED, WSB__CALL_LEFT };

typedef struct wsb__async_call {
    wsb__work work;
    wsb__request request; /* pointing into this block */
    _Atomic uint32_t phase;
    bool prepared;
    bool in_guest; /* a guest call was begun and has not ended */
    bool in_sequence;
    wsb_instance *instance; /* in a sandbox the slot's, where it has not been dropped */
    wsb_function *next;     /* the guest call to be made; NULL: none is left */
    wsb_raw_value *values;
    wsb_status status; /* of the guest calls; STRUCTURED keeps its own */
    wsb_error *error;
    wsb_value *results;          /* TYPED */
    wsb__structured *structured; /* STRUCTURED, once prepared */
    wsb_raw_value few[WSB__ASYNC_FEW_VALUES];
} wsb__async_call;

/* Calls `instance`, or in a sandbox the instance `id`. */
WSB_NODISCARD wsb_status wsb__instance_submit(wsb_instance *instance, const wsb__request *request,
                                              const wsb_async_options *options,
                                              wsb_future **out_future, wsb_error **out_error);
WSB_NODISCARD wsb_status wsb__sandbox_submit(wsb_sandbox *sandbox, wsb_instance_id id,
                                             const wsb__request *request,
                                             const wsb_async_options *options,
                                             wsb_future **out_future, wsb_error **out_error);

/* --- async_turn.c: whose instance it is --- */

/* Before it is submitted, and after its end or where it was not submitted. An instance outside of a
 * sandbox is kept from blocking calls in between. */
void wsb__turn_announce(wsb__async_call *call);
/* @return whether the instance is to be freed, which its own call destroyed. */
bool wsb__turn_give_up(wsb__async_call *call);

typedef enum wsb__turn { WSB__TURN_NOW, WSB__TURN_LATER, WSB__TURN_NEVER } wsb__turn;

/* On the thread of a step: the instance is this call's until wsb__turn_give_up(). LATER: the task
 * will be woken. NEVER: the slot was dropped. */
wsb__turn wsb__turn_take(wsb__async_call *call);

/* --- async_guest.c: the guest calls of each kind --- */

WSB_NODISCARD wsb_status wsb__guest_prepare(wsb__async_call *call, wsb_error **out_error);
/* `next` has ended so; takes `error`. Sets the `next` one. */
void wsb__guest_returned(wsb__async_call *call, wsb_status status, wsb_error *error);
/* Sets the future's result, or says why there is none. */
WSB_NODISCARD wsb_status wsb__guest_finish(wsb__async_call *call, wsb_error **out_error);
void wsb__guest_fini(wsb__async_call *call);

#endif
