/* The messages of a lane, oldest first: short ones in the slot itself, long ones as blocks. Slots
 * come in chunks that are made and released as the queue grows and shrinks. Not locked: the lane
 * does. */
#ifndef WSB_COMMUNICATION_MEMORY_SLOTS_H
#define WSB_COMMUNICATION_MEMORY_SLOTS_H

#include <wasm_sandbox/error.h>

/* The longest message that is kept in its slot. */
enum { WSB__SLOT_INLINE = 112, WSB__CHUNK_SLOTS = 31 };

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

/* Zeroed is empty. */
typedef struct wsb__slots {
    wsb__chunk *oldest;
    wsb__chunk *newest;
    wsb__chunk *spare;
    uint32_t first; /* in `oldest` */
    uint32_t end;   /* in `newest` */
} wsb__slots;

/* The slot after the newest, which wsb__slots_push() then makes part of the queue; NULL when out
 * of memory. */
wsb__slot *wsb__slots_next(wsb__slots *slots);

static inline void wsb__slots_push(wsb__slots *slots)
{
    slots->end++;
}

/* The oldest one; there must be one. */
static inline wsb__slot *wsb__slots_oldest(const wsb__slots *slots)
{
    return &slots->oldest->slots[slots->first];
}

/* Takes the oldest one out; its block is the caller's. */
void wsb__slots_pop(wsb__slots *slots);

/* Releases all messages and all memory. */
void wsb__slots_fini(wsb__slots *slots);

#endif
