/* One side of an RPC conversation, from the inside; see docs/internals/rpc.md. */
#ifndef WSB_COMMUNICATION_RPC_STATE_H
#define WSB_COMMUNICATION_RPC_STATE_H

#include "communication/rpc/frame.h"
#include "core/lock.h"
#include "core/map.h"
#include "core/waker.h"
#include "runtime/future.h"

/* Frames are read and written with this, by one thread at a time; its memory is used again. As a
 * waker it ends the sleep of the thread that has it. */
typedef struct wsb__rpc_scratch {
    wsb_waker waker;
    _Atomic uint32_t woken; /* 0, 1 */
    struct wsb__rpc_scratch *next;
    wsb__rpc_reader reader;
    wsb_buf in;     /* a frame that came */
    wsb_buf out;    /* own calls */
    wsb_buf answer; /* to what came */
} wsb__rpc_scratch;

/* An own call without an answer. Whoever takes it out of the table gives it its outcome. */
typedef struct wsb__rpc_call {
    uint64_t id;
    uint64_t began;            /* ticks */
    wsb_str method;            /* lives as long as the call */
    wsb__rpc_scratch *waiter;  /* of the thread that waits; NULL: asynchronous */
    _Atomic uint32_t *pending; /* of that thread: its calls without an outcome */
    struct wsb__rpc_async *async;
    wsb_status status;
    int32_t code;
    wsb_buf result;
    wsb_error *error;
} wsb__rpc_call;

/* The calls by their ids: id & mask tells the slot. */
typedef struct wsb__rpc_calls {
    wsb__rpc_call **slots;
    uint64_t mask;
    uint64_t count;
    uint64_t next_id;
} wsb__rpc_calls;

/* A method that is served. */
typedef struct wsb__rpc_method {
    struct wsb__rpc_method *next;
    wsb_rpc_method_fn serve;
    void *user_data;
    void (*destroy)(void *user_data);
    char name[];
} wsb__rpc_method;

/* An answer for which the channel had no room. */
typedef struct wsb__rpc_answer {
    struct wsb__rpc_answer *next;
    size_t len;
    uint8_t data[];
} wsb__rpc_answer;

struct wsb_rpc_channel {
    _Atomic unsigned refs; /* of the memory of this struct: the owner's, each asynchronous call's */
    unsigned fork_generation;
    const wsb__rpc_framing *framing;
    wsb_channel *channel;
    wsb_rpc_options options; /* resolved */

    wsb__lock lock;        /* all that follows */
    wsb__lock_event quiet; /* `users` has become 0, or an asynchronous call has ended meanwhile */
    bool closed;
    uint64_t users; /* threads and tasks inside */
    wsb__rpc_calls calls;
    wsb__rpc_scratch *idle;
    unsigned idle_count;
    _Atomic(wsb__rpc_scratch *) leader; /* who reads the channel; NULL: nobody. Taken and given up
                                         * without the lock, too */
    _Atomic(wsb__rpc_scratch *) followers; /* who wait until another delivers, or for the lead;
                                            * changed under the lock */
    wsb__map *methods;
    wsb__rpc_method *first_method;
    wsb__rpc_answer *first_answer; /* that wait for room */
    wsb__rpc_answer *last_answer;
    uint64_t in_service; /* frames that are being served, or whose answer waits for room */
    uint64_t in_service_bytes;
    struct wsb__rpc_background *background; /* attached; NULL: no. Stays until destroyed */
    wsb_rpc_stats stats;
};

/* --- one side (rpc_channel.c) --- */

/* A thread or task begins and ends to use it. WSB_ERROR_FORKED, WSB_ERROR_OUT_OF_MEMORY. It may be
 * closed. */
WSB_NODISCARD wsb_status wsb__rpc_enter(wsb_rpc_channel *rpc, wsb__rpc_scratch **out_scratch);
void wsb__rpc_leave(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch);
/* The same under the lock, where it was made by this process. */
WSB_NODISCARD wsb_status wsb__rpc_enter_locked(wsb_rpc_channel *rpc,
                                               wsb__rpc_scratch **out_scratch);
void wsb__rpc_leave_locked(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch);
bool wsb__rpc_is_forked(const wsb_rpc_channel *rpc);
void wsb__rpc_unref(wsb_rpc_channel *rpc);

/* Sets an error whose operation is "<what> '<name>'"; an empty name is left away. */
wsb_status wsb__rpc_error(wsb_status status, const char *what, wsb_str name, const char *suggestion,
                          wsb_error **out_error, const char *format, ...) WSB_PRINTF(6, 7);
/* The same, where the status says all there is to say. */
wsb_status wsb__rpc_status_error(wsb_status status, const char *what, wsb_str name,
                                 wsb_error **out_error);

/* --- scratches (rpc_scratch.c) --- */

/* Under the lock. NULL: out of memory. */
wsb__rpc_scratch *wsb__rpc_scratch_take(wsb_rpc_channel *rpc);
void wsb__rpc_scratch_give(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch);
void wsb__rpc_scratch_destroy_idle(wsb_rpc_channel *rpc);

/* --- own calls (rpc_calls.c) --- */

/* Under the lock. Gives the call its id; from here on any thread may end it.
 * WSB_ERROR_LIMIT_EXCEEDED, WSB_ERROR_OUT_OF_MEMORY. */
WSB_NODISCARD wsb_status wsb__rpc_calls_add(wsb_rpc_channel *rpc, wsb__rpc_call *call);
/* Under the lock. Takes a call out; NULL where there is none with this id. */
wsb__rpc_call *wsb__rpc_calls_take(wsb_rpc_channel *rpc, uint64_t id);
/* Without the lock. It is not made after all, and nothing was sent; waits for whoever is ending it:
 * the other side can answer what it was not asked. */
void wsb__rpc_calls_forget(wsb_rpc_channel *rpc, wsb__rpc_call *call, wsb__rpc_scratch *self);
/* Without the lock. The outcome of a call that was taken: counts it, tells whoever waits. `self` is
 * the caller's scratch, which needs no waking; NULL: none. */
void wsb__rpc_call_end(wsb_rpc_channel *rpc, wsb__rpc_call *call, wsb__rpc_scratch *self);
/* Without the lock. Takes the call, if it is there, and ends it with this outcome. */
void wsb__rpc_calls_end(wsb_rpc_channel *rpc, uint64_t id, wsb_status status,
                        wsb__rpc_scratch *self);
/* Gives all that are there this outcome. */
void wsb__rpc_calls_fail(wsb_rpc_channel *rpc, wsb_status status, wsb__rpc_scratch *self);
/* Ends calls of one thread that have no answer, and waits for those that are getting one. */
void wsb__rpc_calls_give_up(wsb_rpc_channel *rpc, wsb__rpc_call *calls, size_t count,
                            wsb_status status, wsb__rpc_scratch *self);
/* Gives the calls that a frame of results is about their outcomes. */
void wsb__rpc_deliver(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch);

/* --- waiting (rpc_wait.c) --- */

/* What a thread waits for. */
typedef struct wsb__rpc_goal {
    uint64_t began;      /* ticks */
    uint64_t timeout_ns; /* since then; UINT64_MAX: none */
    uint64_t deadline;   /* ns, CLOCK_MONOTONIC, made of those when it is needed; 0: not yet */
    bool serves;         /* until the other side closes; else: */
    bool hands_over;     /* the sending may run a guest on this thread */
    _Atomic uint32_t pending;
    const size_t *ends; /* of each frame in scratch->out that is to be sent */
    size_t only_end;    /* the place of `ends` where there is one frame */
    size_t frames;
    size_t sent;
} wsb__rpc_goal;

/* Sends, and then waits until no call is pending; delivers and serves meanwhile. WSB_OK,
 * WSB_ERROR_TIMEOUT, WSB_ERROR_CLOSED, or why it could not be sent (with `*out_error` set). */
WSB_NODISCARD wsb_status wsb__rpc_wait(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch,
                                       wsb__rpc_goal *goal, wsb_error **out_error);

/* --- serving (rpc_serve.c, rpc_answers.c) --- */

/* Serves the frame in scratch->in, or refuses it where too much is being served. */
void wsb__rpc_serve_frame(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch, bool hands_over);
/* Counts a frame as being served; false: too many. */
bool wsb__rpc_admit(wsb_rpc_channel *rpc, size_t len);
/* Serves a frame that was admitted. */
void wsb__rpc_serve_admitted(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch, bool hands_over);
/* Answers a frame's requests with WSB_RPC_SERVER_BUSY. */
void wsb__rpc_refuse_frame(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch);

/* Makes scratch->answer of errors for all requests of the frame in scratch->in; false where there
 * are none. */
bool wsb__rpc_write_refusal(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch, int32_t code);

/* Sends scratch->answer, or keeps it until there is room; the frame of `len` bytes has been served
 * then. */
void wsb__rpc_send_answer(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch, size_t len,
                          bool hands_over);
/* Sends what waits for room. Returns whether something still does. */
bool wsb__rpc_flush_answers(wsb_rpc_channel *rpc);
/* The frame of `len` bytes is served, its answer is sent or dropped. */
void wsb__rpc_served(wsb_rpc_channel *rpc, size_t len);
void wsb__rpc_drop_answers(wsb_rpc_channel *rpc);

/* --- in the background (rpc_background.c, rpc_async.c) --- */

/* Under the lock: what the background waits for has changed. Nothing where none is attached. */
void wsb__rpc_background_tell(wsb_rpc_channel *rpc);
/* Asks it to end; when nobody is inside any more, it has. */
void wsb__rpc_background_end(wsb_rpc_channel *rpc);
void wsb__rpc_background_release(wsb_rpc_channel *rpc);
/* Under the lock: the call has its outcome. */
void wsb__rpc_async_ended(wsb_rpc_channel *rpc, struct wsb__rpc_async *async);

#endif
