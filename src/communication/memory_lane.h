/* One lane of a channel in memory, in one direction: a bounded queue of whole messages for any
 * number of senders and receivers. It never blocks. All functions come from any thread. */
#ifndef WSB_COMMUNICATION_MEMORY_LANE_H
#define WSB_COMMUNICATION_MEMORY_LANE_H

#include "communication/memory_blocks.h"
#include "communication/memory_waiters.h"
#include "core/lock.h"

#include <wasm_sandbox/channel.h>

/* What waits are for. */
typedef enum wsb__lane_event { WSB__LANE_MESSAGE, WSB__LANE_ROOM } wsb__lane_event;

/* Which end of it is closed. */
enum { WSB__LANE_SENDER = 1, WSB__LANE_RECEIVER = 2 };

enum { WSB__CACHE_LINE = 64 };

/* What each side writes is on cache lines of its own, so that the two sides do not take them from
 * each other more than they must. */
typedef struct wsb__lane {
    wsb__lock lock;
    /* Read without the lock, too, to see that there is nothing to do; written with it. */
    _Atomic uint8_t closed;
    _Atomic bool crowded; /* a send found no room, and none was made since */
    _Atomic uint64_t depth;
    _Atomic uint64_t bytes;
    uint8_t after_shared[WSB__CACHE_LINE - 24];

    uint64_t capacity;
    uint64_t max_messages;
    wsb__waiters waiters[2]; /* by wsb__lane_event */
    uint8_t after_rare[2 * WSB__CACHE_LINE - 80];

    wsb__slots_in in;
    uint64_t sent;
    uint64_t sent_bytes;
    uint64_t peak;
    uint64_t bytes_peak;
    uint64_t busy_at; /* ticks: when several waited the last time */
    uint8_t after_sender[WSB__CACHE_LINE - 56];

    wsb__slots_out out;
    uint64_t received;
    uint64_t received_bytes;
    uint64_t dropped;
    wsb_histogram latency;
    wsb__blocks blocks;
} wsb__lane;

/* `lane` is zeroed, and best at the start of a cache line. */
void wsb__lane_init(wsb__lane *lane, uint64_t capacity, uint64_t max_messages);

/* Nobody uses it any more; it is closed. */
void wsb__lane_fini(wsb__lane *lane);

/* WSB_OK, WSB_ERROR_WOULD_BLOCK, WSB_ERROR_CLOSED, WSB_ERROR_LIMIT_EXCEEDED,
 * WSB_ERROR_OUT_OF_MEMORY. */
WSB_NODISCARD wsb_status wsb__lane_send(wsb__lane *lane, wsb_bytes message);

/* WSB_OK, WSB_ERROR_WOULD_BLOCK, WSB_ERROR_CLOSED, WSB_ERROR_OUT_OF_MEMORY. */
WSB_NODISCARD wsb_status wsb__lane_receive(wsb__lane *lane, wsb_buf *io_message);

/* Wakes once when the event may have happened, at once where it has. WSB_ERROR_OUT_OF_MEMORY. */
WSB_NODISCARD wsb_status wsb__lane_wait(wsb__lane *lane, wsb__lane_event event, wsb_waker *waker);

/* Takes that back; where it was woken already, another one is woken in its place. */
void wsb__lane_unwait(wsb__lane *lane, wsb__lane_event event, wsb_waker *waker);

/* `end` is WSB__LANE_SENDER or WSB__LANE_RECEIVER; wakes everyone. */
void wsb__lane_close(wsb__lane *lane, uint8_t end);

/* Adds what the sending end did, and what the receiving one did. */
void wsb__lane_sender_stats(wsb__lane *lane, wsb_lane_stats *out_stats);
void wsb__lane_receiver_stats(wsb__lane *lane, wsb_lane_stats *out_stats);

#endif
