/**
 * @file wasm_sandbox_guest_channel.h
 * For guests in C: the guest's end of a channel.
 *
 *     int32_t channel = wsb_guest_channel_open("jobs");
 *     wsb_guest_buffer message = WSB_GUEST_BUFFER_INIT;
 *     while (wsb_guest_channel_receive(channel, &message, WSB_GUEST_FOREVER) == WSB_GUEST_OK)
 *         wsb_guest_channel_send_result(channel, message.data, message.len, WSB_GUEST_FOREVER);
 *     wsb_guest_buffer_free(&message);
 *
 * A guest that uses this header cannot be instantiated where no channel is granted. Timeouts are
 * nanoseconds; the deadline of the call that the host made into the guest holds in any case.
 */
#ifndef WASM_SANDBOX_GUEST_CHANNEL_H
#define WASM_SANDBOX_GUEST_CHANNEL_H

#include <wasm_sandbox_guest_buffer.h>

WSB_GUEST_IMPORT_("wsb_channel", "open") int32_t wsb_guest_open_(uintptr_t name, uint32_t len);
WSB_GUEST_IMPORT_("wsb_channel", "send")
int32_t wsb_guest_send_(int32_t channel, int32_t lane, uintptr_t data, uint32_t len,
                        int64_t timeout);
WSB_GUEST_IMPORT_("wsb_channel", "receive")
int64_t wsb_guest_receive_(int32_t channel, int32_t lane, uintptr_t data, uint32_t room,
                           int64_t timeout);
WSB_GUEST_IMPORT_("wsb_channel", "wait")
int32_t wsb_guest_wait_(uintptr_t entries, uint32_t count, int64_t timeout);
WSB_GUEST_IMPORT_("wsb_channel", "close") int32_t wsb_guest_close_(int32_t channel);

/** Do not wait: WSB_GUEST_WOULD_BLOCK. */
#define WSB_GUEST_NO_WAIT ((int64_t)0)
/** Wait as long as the host lets the guest run. */
#define WSB_GUEST_FOREVER ((int64_t)-1)
/** A timeout of so many milliseconds. */
#define WSB_GUEST_MS(count) ((int64_t)(count) * 1000000)

/** The two lanes, which are independent of each other. */
typedef enum wsb_guest_lane { WSB_GUEST_MESSAGES = 0, WSB_GUEST_RESULTS = 1 } wsb_guest_lane;

/** What can be waited for. Each also happens when the channel is closed. */
typedef enum wsb_guest_event {
    WSB_GUEST_CAN_RECEIVE = 1,
    WSB_GUEST_CAN_SEND = 2,
    WSB_GUEST_CAN_RECEIVE_RESULT = 4,
    WSB_GUEST_CAN_SEND_RESULT = 8
} wsb_guest_event;

/** One entry of wsb_guest_channel_wait(). */
typedef struct wsb_guest_wait_entry {
    int32_t channel;
    uint32_t events; /**< wsb_guest_event, one or more */
    uint32_t ready;  /**< written: those that may have happened */
} wsb_guest_wait_entry;

/** Opens a channel that the host has granted under this name (UTF-8, terminated). @return a handle
 * from 0, or WSB_GUEST_NOT_FOUND, WSB_GUEST_NO_ROOM (64 are open). */
static inline int32_t wsb_guest_channel_open(const char *name)
{
    wsb_guest_bytes text = wsb_guest_text(name);
    return wsb_guest_open_(wsb_guest_address_(text.data), text.len);
}

/** Gives the handle back. */
static inline int wsb_guest_channel_close(int32_t channel)
{
    return wsb_guest_close_(channel);
}

/** Sends on a lane. @return WSB_GUEST_OK, WSB_GUEST_WOULD_BLOCK, WSB_GUEST_TIMED_OUT,
 * WSB_GUEST_CLOSED, WSB_GUEST_TOO_LARGE, WSB_GUEST_MALFORMED (a channel that checks messages). */
static inline int wsb_guest_channel_send_on(int32_t channel, wsb_guest_lane lane, const void *data,
                                            uint32_t len, int64_t timeout)
{
    return wsb_guest_send_(channel, lane, wsb_guest_address_(data), len, timeout);
}

/** Sends a message, whole. */
static inline int wsb_guest_channel_send(int32_t channel, const void *data, uint32_t len,
                                         int64_t timeout)
{
    return wsb_guest_channel_send_on(channel, WSB_GUEST_MESSAGES, data, len, timeout);
}

/** Sends a result, whole. */
static inline int wsb_guest_channel_send_result(int32_t channel, const void *data, uint32_t len,
                                                int64_t timeout)
{
    return wsb_guest_channel_send_on(channel, WSB_GUEST_RESULTS, data, len, timeout);
}

/** Receives into memory of yours. @return the message's length, or an error. Where the length is
 * larger than `room` nothing was written: receive again with more room. */
static inline int64_t wsb_guest_channel_receive_into(int32_t channel, wsb_guest_lane lane,
                                                     void *memory, uint32_t room, int64_t timeout)
{
    return wsb_guest_receive_(channel, lane, wsb_guest_address_(memory), room, timeout);
}

/**
 * Receives on a lane into a buffer that grows as needed; what it held is replaced.
 *
 * @return WSB_GUEST_OK, WSB_GUEST_WOULD_BLOCK, WSB_GUEST_TIMED_OUT, WSB_GUEST_CLOSED (and no
 *         message is left), WSB_GUEST_NO_MEMORY (the message is not lost: receive it again).
 */
static inline int wsb_guest_channel_receive_on(int32_t channel, wsb_guest_lane lane,
                                               wsb_guest_buffer *io_message, int64_t timeout)
{
    io_message->len = 0;
    if (!wsb_guest_buffer_reserve(io_message, 64))
        return WSB_GUEST_NO_MEMORY;
    io_message->data[0] = 0;
    int64_t length = wsb_guest_channel_receive_into(channel, lane, io_message->data,
                                                    io_message->capacity, timeout);
    if (length > (int64_t)io_message->capacity) {
        if (length > 0x7fffffff || !wsb_guest_buffer_reserve(io_message, (uint32_t)length))
            return WSB_GUEST_NO_MEMORY;
        length = wsb_guest_channel_receive_into(channel, lane, io_message->data,
                                                io_message->capacity, WSB_GUEST_NO_WAIT);
        if (length > (int64_t)io_message->capacity)
            return WSB_GUEST_IO; /* not the message whose length it was */
    }
    if (length < 0)
        return (int)length;
    io_message->len = (uint32_t)length;
    io_message->data[length] = 0;
    return WSB_GUEST_OK;
}

/** Receives the oldest message. */
static inline int wsb_guest_channel_receive(int32_t channel, wsb_guest_buffer *io_message,
                                            int64_t timeout)
{
    return wsb_guest_channel_receive_on(channel, WSB_GUEST_MESSAGES, io_message, timeout);
}

/** Receives the oldest result. */
static inline int wsb_guest_channel_receive_result(int32_t channel, wsb_guest_buffer *io_result,
                                                   int64_t timeout)
{
    return wsb_guest_channel_receive_on(channel, WSB_GUEST_RESULTS, io_result, timeout);
}

/** Waits until at least one of 1 to 64 entries is ready. Then send or receive with
 * WSB_GUEST_NO_WAIT. @return how many are, or an error. */
static inline int wsb_guest_channel_wait(wsb_guest_wait_entry *entries, uint32_t count,
                                         int64_t timeout)
{
    return wsb_guest_wait_(wsb_guest_address_(entries), count, timeout);
}

#endif
