/* The type "memory": two ends in one process, with a queue for each lane and direction. */
#ifndef WSB_COMMUNICATION_MEMORY_CHANNEL_H
#define WSB_COMMUNICATION_MEMORY_CHANNEL_H

#include <wasm_sandbox/plugin/channel.h>

extern const wsb_channel_ops wsb__memory_channel_ops;

/* Its members, for types that differ in a few of them; as in plugin/channel.h. */
wsb_status wsb__memory_create(const wsb_channel_options *options, void *user_data,
                              void *out_ends[2], wsb_error **out_error);
void wsb__memory_destroy(void *self);
wsb_status wsb__memory_send(void *self, wsb_bytes message);
wsb_status wsb__memory_receive(void *self, wsb_buf *io_message);
wsb_status wsb__memory_send_result(void *self, wsb_bytes result);
wsb_status wsb__memory_receive_result(void *self, wsb_buf *io_result);
wsb_status wsb__memory_wait(void *self, wsb_channel_event event, wsb_waker *waker);
void wsb__memory_unwait(void *self, wsb_channel_event event, wsb_waker *waker);
void wsb__memory_close(void *self);
void wsb__memory_stats(void *self, wsb_channel_stats *out_stats);

#endif
