/* What an instance that imports "wsb_channel" has: the ends that it may open, its handles, and the
 * wait that it is in. Used by one thread at a time: that of the guest's call. */
#ifndef WSB_HOST_CHANNEL_STATE_H
#define WSB_HOST_CHANNEL_STATE_H

#include "host/guest_abi.h"

enum { WSB__GUEST_HANDLES = 64, WSB__GUEST_LANES = 2 };

typedef struct wsb__guest_end {
    wsb_str name;
    wsb_channel *channel;
    /* For each lane what was received last: a buffer that is used again, or the message that a
     * handle keeps. One for all handles of the end, so that what the host holds for a guest stays
     * within one more message a lane. */
    wsb_buf message[WSB__GUEST_LANES];
    int keeper[WSB__GUEST_LANES]; /* the handle; -1: none */
} wsb__guest_end;

typedef struct wsb__guest_channels {
    wsb_instance *instance;
    size_t end_count;
    wsb__guest_end *ends;
    int16_t handles[WSB__GUEST_HANDLES]; /* index of the end; -1: not open */
    uint64_t until;                      /* ns of the monotonic clock, of the call that waits */
    wsb_channel *waits_on;               /* of send and receive; NULL: they do not wait */
    wsb_channel_event event;
    wsb_waker *waker;
    struct wsb__guest_poll *poll; /* of wait(); NULL: it does not wait */
} wsb__guest_channels;

wsb_status wsb__guest_channels_create(wsb_instance *instance, const wsb_capabilities *capabilities,
                                      const wsb_resource_limits *limits, void **out_state,
                                      wsb_error **out_error);
void wsb__guest_channels_destroy(void *state);

/* The end of an open handle; NULL where it is not one. */
wsb__guest_end *wsb__guest_handle(wsb__guest_channels *channels, int32_t handle);

/* Nanoseconds of a guest's timeout (0, UINT64_MAX for -1); false where it is none. */
bool wsb__guest_timeout(int64_t timeout, uint64_t *out_ns);

/* Notes when a wait of `timeout_ns` from now is over, and how much of it is left. */
void wsb__guest_wait_from_now(wsb__guest_channels *channels, uint64_t timeout_ns);
uint64_t wsb__guest_wait_left(const wsb__guest_channels *channels);

/* The guest's error for a status of a channel; 0 for WSB_OK. */
int wsb__guest_error_of(wsb_status status);

/* The functions of the module. */
wsb_host_result wsb__guest_open(wsb_call_context *context, wsb_raw_value *values, void *state);
wsb_host_result wsb__guest_send(wsb_call_context *context, wsb_raw_value *values, void *state);
wsb_host_result wsb__guest_receive(wsb_call_context *context, wsb_raw_value *values, void *state);
wsb_host_result wsb__guest_wait(wsb_call_context *context, wsb_raw_value *values, void *state);
wsb_host_result wsb__guest_close(wsb_call_context *context, wsb_raw_value *values, void *state);

#endif
