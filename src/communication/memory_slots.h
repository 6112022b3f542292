/* The messages of a lane, oldest first: short ones in the slot itself, long ones as blocks. Slots
 * come in chunks that are made and released as the queue grows and shrinks. Not locked: the lane
 * does. */
#ifndef WSB_COMMUNICATION_MEMORY_SLOTS_H
#define WSB_COMMUNICATION_MEMORY_SLOTS_H

#include <wasm_sandbox/error.h>

/* The longest message that is kept in its slot. */
enum { WSB__SLOT_INLINE = 112, WSB__CHUNK_SLOTS = 31, WSB__SPARE_CHUNKS = 1024 };

/* Memory for a message and the NUL after it; `data` NULL: none. */
typedef struct wsb__block {
    uint8_t *data;
    size_t capacity;
} wsb__block;

typedef struct wsb__slot {
    uint64_t sent_at; /* ticks */
    size_t len;
    union {
        uint8_t bytes[WSB__SLOT_INLINE];
        wsb__block block; /* where len > WSB__SLOT_INLINE */
    } of;
} wsb__slot;

typedef struct wsb__chunk {
    struct wsb__chunk *next;
    wsb__slot slots[WSB__CHUNK_SLOTS];
} wsb__chunk;

/* The newest end and the oldest end of a queue are apart, so that a sender and a receiver do not
 * take each other's cache lines. Zeroed is empty. */
typedef struct wsb__slots_in {
    wsb__chunk *newest;
    uint32_t end; /* of what is filled in it */
} wsb__slots_in;

typedef struct wsb__slots_out {
    wsb__chunk *oldest;
    uint32_t first; /* that is not taken out of it; WSB__CHUNK_SLOTS: the next chunk has it */
    uint32_t spare_count;
    wsb__chunk *spares;
} wsb__slots_out;

/* The slot after the newest, of which wsb__slots_push() then makes a part of the queue; NULL when
 * out of memory. */
wsb__slot *wsb__slots_next(wsb__slots_in *in, wsb__slots_out *out);

static inline void wsb__slots_push(wsb__slots_in *in)
{
    in->end++;
}

/* The oldest one; there must be one. */
wsb__slot *wsb__slots_oldest(wsb__slots_out *out);

/* Takes out what wsb__slots_oldest() gave; its block is the caller's. */
static inline void wsb__slots_pop(wsb__slots_out *out)
{
    out->first++;
}

/* Takes out the spare chunks, for wsb__chunks_free() after the lock. */
wsb__chunk *wsb__slots_take_spares(wsb__slots_out *out);
void wsb__chunks_free(wsb__chunk *chunks);

/* Releases all messages and all memory. */
void wsb__slots_fini(wsb__slots_in *in, wsb__slots_out *out);

#endif
