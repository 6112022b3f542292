/* What the headers for guests in C import, natively: an allocator, and a channel whose other side
 * has sent all that it will before the guest begins. */
#ifndef WSB_FUZZ_GUEST_PEER_H
#define WSB_FUZZ_GUEST_PEER_H

#define WSB_GUEST_NATIVE
#include <wasm_sandbox_guest_rpc.h>

#include "communication/rpc/frame.h"

#include <stdlib.h>

enum { PEER_FRAMES = 40 };

typedef struct peer_lane {
    wsb_guest_bytes frames[PEER_FRAMES];
    size_t count;
    size_t next;
} peer_lane;

/* The other side, and the memory that there is. */
static struct {
    const wsb__rpc_framing *framing;
    peer_lane lanes[2];
    uint32_t capacity; /* of the channel */
    bool closed;
    bool lenient; /* the guest took what the host refuses, and may give it back */
    /* By the host's reader: calls of the guest, by id, that were answered; whether there was an
     * error without an id, or something that is no answer to the host. */
    uint64_t answered;
    bool nameless;
    bool unsure;
    size_t blocks;
    size_t until_failure; /* of an allocation; 0: never */
} peer;

static void require(bool holds)
{
    if (!holds)
        abort();
}

void *wsb_alloc(uint32_t size)
{
    if (peer.until_failure && --peer.until_failure == 0)
        return NULL;
    peer.blocks++;
    return malloc(size);
}

void wsb_free(void *memory, uint32_t size)
{
    require(memory && size > 0); /* its headers do not rely on more */
    peer.blocks--;
    free(memory);
}

/* Whether the host reads the frame at all: what it refuses, it does not send either. */
static bool host_reads(wsb_guest_bytes frame)
{
    wsb__rpc_reader reader;
    wsb__rpc_reader_init(&reader, peer.framing);
    wsb_status status = wsb__rpc_open(&reader, wsb_bytes_of(frame.data, frame.len));
    wsb__rpc_reader_fini(&reader);
    return status == WSB_OK;
}

/* What came on the lane of results. */
static void note_answers(wsb_guest_bytes frame)
{
    wsb__rpc_reader reader;
    wsb__rpc_message message;
    uint64_t id = 0;
    wsb__rpc_reader_init(&reader, peer.framing);
    if (wsb__rpc_open(&reader, wsb_bytes_of(frame.data, frame.len)) == WSB_OK) {
        while (wsb__rpc_next(&reader, &message) == WSB_OK) {
            if (message.kind != WSB__RPC_RESULT && message.kind != WSB__RPC_ERROR)
                peer.unsure = true;
            else if (peer.framing->read_id(message.id, &id))
                peer.answered |= id < 64 ? UINT64_C(1) << id : 0;
            else
                peer.nameless = peer.nameless || message.kind == WSB__RPC_ERROR;
        }
    }
    wsb__rpc_reader_fini(&reader);
}

/* Whether the guest may think that its call was answered. */
static bool was_answered(uint32_t id, bool with_error)
{
    return peer.lenient || peer.unsure || (with_error && peer.nameless) ||
           (id < 64 && (peer.answered >> id & 1));
}

static wsb_guest_rpc_framing guest_framing(void)
{
    return peer.framing == &wsb__rpc_json ? WSB_GUEST_RPC_JSON : WSB_GUEST_RPC_MSGPACK;
}

int64_t wsb_guest_receive_(int32_t channel, int32_t lane, uintptr_t data, uint32_t room,
                           int64_t timeout)
{
    peer_lane *from = &peer.lanes[lane];
    (void)channel;
    if (from->next == from->count)
        return peer.closed    ? WSB_GUEST_CLOSED
               : timeout == 0 ? WSB_GUEST_WOULD_BLOCK
                              : WSB_GUEST_TIMED_OUT;
    wsb_guest_bytes frame = from->frames[from->next];
    if (frame.len > room)
        return frame.len;
    memset((uint8_t *)data, 0xa5, room);
    if (frame.len > 0)
        memcpy((uint8_t *)data, frame.data, frame.len);
    from->next++;
    if (lane == WSB_GUEST_RESULTS)
        note_answers(frame);
    peer.lenient =
        peer.lenient || (wsb_guest_rpc_well_formed_(guest_framing(), frame) && !host_reads(frame));
    return frame.len;
}

int32_t wsb_guest_send_(int32_t channel, int32_t lane, uintptr_t data, uint32_t len,
                        int64_t timeout)
{
    wsb_bytes frame = wsb_bytes_of((const uint8_t *)data, len);
    (void)channel;
    (void)timeout;
    if (len > peer.capacity)
        return WSB_GUEST_TOO_LARGE;
    require(peer.lenient || wsb__rpc_check_frame(frame, lane == WSB_GUEST_RESULTS) == WSB_OK);
    return WSB_GUEST_OK;
}

int32_t wsb_guest_wait_(uintptr_t entries, uint32_t count, int64_t timeout)
{
    wsb_guest_wait_entry *entry = (wsb_guest_wait_entry *)entries;
    (void)timeout;
    require(count == 1);
    for (int lane = 0; lane < 2; lane++) {
        if (peer.closed || peer.lanes[lane].next < peer.lanes[lane].count)
            entry->ready |= lane ? WSB_GUEST_CAN_RECEIVE_RESULT : WSB_GUEST_CAN_RECEIVE;
    }
    return entry->ready ? 1 : WSB_GUEST_TIMED_OUT;
}

#endif
