/* Inside of a channel: an end of some type, who refers to it, and those who wait for it through a
 * descriptor. */
#ifndef WSB_COMMUNICATION_CHANNEL_H
#define WSB_COMMUNICATION_CHANNEL_H

#include "core/waker.h"

#include <wasm_sandbox/plugin/channel.h>

enum { WSB__CHANNEL_EVENTS = 4 };

/* What the library counts for every type, of one lane. */
typedef struct wsb__channel_counters {
    _Atomic uint64_t refused;
    _Atomic uint64_t send_blocked_ns;
    _Atomic uint64_t receive_blocked_ns;
} wsb__channel_counters;

struct wsb_channel {
    _Atomic unsigned refs;     /* 0: closed and gone, but for the memory of this struct … */
    _Atomic unsigned watchers; /* … which these hold, and all of `refs` together one more */
    const wsb_channel_ops *ops;
    void *end;
    wsb_channel_options options; /* resolved */
    wsb__channel_counters messages;
    wsb__channel_counters results;
    _Atomic(struct wsb__channel_watch *) watches[WSB__CHANNEL_EVENTS];
};

/* A transfer that is tried until it succeeds or the time is up. */
typedef struct wsb__transfer {
    wsb_channel *channel;
    wsb_channel_event event; /* what has to happen for it to succeed */
    wsb_bytes message;       /* to be sent */
    wsb_buf *io_message;     /* where it is received */
} wsb__transfer;

static inline bool wsb__event_is_send(wsb_channel_event event)
{
    return (event & (WSB_CHANNEL_CAN_SEND | WSB_CHANNEL_CAN_SEND_RESULT)) != 0;
}

static inline bool wsb__event_is_result(wsb_channel_event event)
{
    return (event & (WSB_CHANNEL_CAN_RECEIVE_RESULT | WSB_CHANNEL_CAN_SEND_RESULT)) != 0;
}

/* WSB_ERROR_ABI_MISMATCH (the missing member is named), WSB_ERROR_INVALID_ARGUMENT (the type's
 * name). */
WSB_NODISCARD wsb_status wsb__channel_check_ops(const wsb_channel_ops *ops, wsb_error **out_error);

/* The same as wsb_channel_create() for a table that was checked before. */
WSB_NODISCARD wsb_status wsb__channel_make(const wsb_channel_ops *ops,
                                           const wsb_channel_options *options, void *user_data,
                                           wsb_channel **out_end, wsb_channel **out_other,
                                           wsb_error **out_error);

/* Another reference to a channel that may be gone but for its memory; false where it is. */
bool wsb__channel_try_ref(wsb_channel *channel);

/* Gives back what a watcher holds. */
void wsb__channel_drop_memory(wsb_channel *channel);

/* Tries once. */
wsb_status wsb__transfer_try(const wsb__transfer *transfer);

/* Tries again until `timeout_ns` have passed, after a try that would block. The statuses are those
 * of the transfer, WSB_ERROR_TIMEOUT, WSB_ERROR_OUT_OF_MEMORY. */
wsb_status wsb__transfer_wait(const wsb__transfer *transfer, uint64_t timeout_ns);

/* Sleeps until *woken is not 0; false where the time (of CLOCK_MONOTONIC; UINT64_MAX: endless) is
 * up before. */
bool wsb__channel_sleep(_Atomic uint32_t *woken, uint64_t deadline);

/* Says what went wrong and what to do about it. */
wsb_status wsb__transfer_failed(const wsb__transfer *transfer, wsb_status status,
                                uint64_t timeout_ns, wsb_error **out_error);

/* After a try that would block: the descriptor of the event, if there is one, becomes unreadable
 * until it happens again. */
void wsb__channel_rearm(wsb_channel *channel, wsb_channel_event event);

/* The last reference is gone: no descriptor is watched any more. */
void wsb__channel_unwatch(wsb_channel *channel);

#endif
