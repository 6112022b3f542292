/**
 * @file channel.h
 * Channels: whole messages between a host and a guest, or between two hosts.
 *
 * A channel has two ends. Each end sends to the other on two lanes, messages and results, which
 * are independent of each other: one that is full does not hold up the other.
 */
#ifndef WASM_SANDBOX_CHANNEL_H
#define WASM_SANDBOX_CHANNEL_H

#include <wasm_sandbox/executor.h>
#include <wasm_sandbox/waker.h>

WSB_BEGIN_DECLS

/** One end of a channel. Reference-counted; any number of threads may send and receive.
 * [thread-safe] */
typedef struct wsb_channel wsb_channel;

/** How a channel is made. */
typedef struct wsb_channel_options {
    size_t size;
    uint64_t capacity;     /**< bytes of messages in each lane and direction; 0: 1 MiB */
    uint64_t max_messages; /**< in each lane and direction; 0: capacity / 32, from 16 to 65,536 */
} wsb_channel_options;

/** Every option at its default. */
#define WSB_CHANNEL_OPTIONS_INIT {sizeof(wsb_channel_options), 0, 0}

/** What an end can be waited for. Each also happens when the channel is closed. */
typedef enum wsb_channel_event {
    WSB_CHANNEL_CAN_RECEIVE = 1,
    WSB_CHANNEL_CAN_SEND = 2,
    WSB_CHANNEL_CAN_RECEIVE_RESULT = 4,
    WSB_CHANNEL_CAN_SEND_RESULT = 8
} wsb_channel_event;

/** One lane, seen from one end. */
typedef struct wsb_lane_stats {
    uint64_t sent;       /**< messages that this end sent */
    uint64_t sent_bytes; /**< of those */
    uint64_t received;   /**< messages that this end received */
    uint64_t received_bytes;
    uint64_t depth;       /**< messages that wait for this end now */
    uint64_t depth_bytes; /**< of those */
    uint64_t depth_peak;  /**< the most that ever waited */
    uint64_t depth_bytes_peak;
    uint64_t dropped;            /**< messages for this end that were never received: it closed */
    uint64_t refused;            /**< sends that failed for lack of room, or as too large */
    uint64_t send_blocked_ns;    /**< that threads waited for room */
    uint64_t receive_blocked_ns; /**< that threads waited for a message */
    wsb_histogram latency;       /**< of received messages: from sent to received */
} wsb_lane_stats;

/** What went through an end. */
typedef struct wsb_channel_stats {
    size_t size;
    wsb_lane_stats messages;
    wsb_lane_stats results;
} wsb_channel_stats;

/** To be filled in by wsb_channel_get_stats(). */
#define WSB_CHANNEL_STATS_INIT                                                                     \
    {                                                                                              \
        sizeof(wsb_channel_stats), {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {{0}}},                    \
        {                                                                                          \
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,                                                    \
            {{0}}                                                                                  \
        }                                                                                          \
    }

/**
 * Creates a channel in memory: the short way for the type "memory" of a factory.
 *
 * @param capacity  bytes of messages that can wait in each lane and direction; 0: 1 MiB
 * @param out_end, out_other  the two ends. Caller owns a reference to each; release with
 *        wsb_channel_destroy(). [thread-safe]
 */
WSB_API WSB_NODISCARD wsb_status wsb_memory_channel_create(uint64_t capacity, wsb_channel **out_end,
                                                           wsb_channel **out_other,
                                                           wsb_error **out_error);

/** Another reference. NULL gives NULL. [thread-safe] */
WSB_API wsb_channel *wsb_channel_ref(wsb_channel *channel);

/** Gives a reference back; the last one of an end closes it. NULL is allowed. [thread-safe] */
WSB_API void wsb_channel_destroy(wsb_channel *channel);

/** The type that it was made as: "memory". Static. [thread-safe] */
WSB_API const char *wsb_channel_type(const wsb_channel *channel);

/**
 * Sends a message, whole.
 *
 * @param message  Copied.
 * @param timeout_ns  to wait for room: 0 not at all, UINT64_MAX without end
 * @return WSB_ERROR_WOULD_BLOCK (full, and timeout 0), WSB_ERROR_TIMEOUT, WSB_ERROR_CLOSED (either
 *         end is closed), WSB_ERROR_LIMIT_EXCEEDED (larger than the capacity: it would never fit;
 *         the error has both), WSB_ERROR_MALFORMED (a type that checks its messages), or what a
 *         type of your own returns. [thread-safe]
 */
WSB_API WSB_NODISCARD wsb_status wsb_channel_send(wsb_channel *channel, wsb_bytes message,
                                                  uint64_t timeout_ns, wsb_error **out_error);

/**
 * Receives the oldest message.
 *
 * @param io_message  takes the message; what it held is replaced, and its memory may be used
 *        again, so that a loop with one buffer does not allocate. Caller owns; release with
 *        wsb_buf_fini().
 * @param timeout_ns  to wait for one: 0 not at all, UINT64_MAX without end
 * @return WSB_ERROR_WOULD_BLOCK, WSB_ERROR_TIMEOUT, WSB_ERROR_CLOSED (this end is closed; or the
 *         other one is, and all that it sent was received). [thread-safe]
 */
WSB_API WSB_NODISCARD wsb_status wsb_channel_receive(wsb_channel *channel, wsb_buf *io_message,
                                                     uint64_t timeout_ns, wsb_error **out_error);

/** As wsb_channel_send(), on the lane of results. [thread-safe] */
WSB_API WSB_NODISCARD wsb_status wsb_channel_send_result(wsb_channel *channel, wsb_bytes result,
                                                         uint64_t timeout_ns,
                                                         wsb_error **out_error);

/** As wsb_channel_receive(), on the lane of results. [thread-safe] */
WSB_API WSB_NODISCARD wsb_status wsb_channel_receive_result(wsb_channel *channel,
                                                            wsb_buf *io_result, uint64_t timeout_ns,
                                                            wsb_error **out_error);

/** Closes this end: its own sends and receives fail from now on, those who wait in them are let
 * go; the other end can receive what was sent before. Closing twice is allowed. [thread-safe] */
WSB_API void wsb_channel_close(wsb_channel *channel);

/** Fills in `out_stats` as far as its `size` goes. [thread-safe] */
WSB_API void wsb_channel_get_stats(wsb_channel *channel, wsb_channel_stats *out_stats);

/**
 * A descriptor that becomes readable (POLLIN) when `event` may have happened. Then send or receive
 * with timeout 0 until WSB_ERROR_WOULD_BLOCK: that makes it unreadable until it happens again.
 * The same one each time. Do not read or close it.
 *
 * @param out_fd  Borrowed; valid while the end is.
 * @return WSB_ERROR_INVALID_ARGUMENT (not exactly one event), WSB_ERROR_IO (no descriptor left).
 *         [thread-safe]
 */
WSB_API WSB_NODISCARD wsb_status wsb_channel_fd(wsb_channel *channel, wsb_channel_event event,
                                                int *out_fd, wsb_error **out_error);

/**
 * Wakes `waker` once when `event` may have happened, at once where it has. One waiter is woken for
 * each message or room: whoever was woken and then does not send or receive calls
 * wsb_channel_unwait(), which wakes the next one instead.
 *
 * @param event  exactly one
 * @param waker  Referenced until it was woken or wsb_channel_unwait(). [thread-safe]
 */
WSB_API WSB_NODISCARD wsb_status wsb_channel_wait(wsb_channel *channel, wsb_channel_event event,
                                                  wsb_waker *waker, wsb_error **out_error);

/** Takes a wsb_channel_wait() back; nothing happens where there is none. [thread-safe] */
WSB_API void wsb_channel_unwait(wsb_channel *channel, wsb_channel_event event, wsb_waker *waker);

/** Creates channels by type. The built-in types ("memory", "rpc") are registered in a new factory
 * just as others can be (plugin/channel.h). [one thread at a time] */
typedef struct wsb_channel_factory wsb_channel_factory;

/** Caller owns; release with wsb_channel_factory_destroy(). */
WSB_API WSB_NODISCARD wsb_status wsb_channel_factory_create(wsb_channel_factory **out_factory,
                                                            wsb_error **out_error);

/** Channels that it made live on. NULL is allowed. */
WSB_API void wsb_channel_factory_destroy(wsb_channel_factory *factory);

/**
 * Creates a channel.
 *
 * "memory" keeps messages in memory. "rpc" does, too, and lets through only well-formed frames of
 * RPC (rpc.h): requests and notifications as messages, responses as results.
 *
 * @param type  as registered
 * @param options  NULL: defaults
 * @param out_end, out_other  Caller owns a reference to each; release with wsb_channel_destroy().
 * @return WSB_ERROR_NOT_FOUND (the error lists the types), or what the type's create() returns.
 */
WSB_API WSB_NODISCARD wsb_status wsb_channel_factory_create_channel(
    wsb_channel_factory *factory, wsb_str type, const wsb_channel_options *options,
    wsb_channel **out_end, wsb_channel **out_other, wsb_error **out_error);

WSB_END_DECLS

#endif
