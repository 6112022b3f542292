/* Memory of long messages, used again: what a receiver's buffer held before goes to the next
 * sender. Not locked: the lane does. */
#ifndef WSB_COMMUNICATION_MEMORY_BLOCKS_H
#define WSB_COMMUNICATION_MEMORY_BLOCKS_H

#include "communication/memory_slots.h"

/* Kept are as many as a lane full of them: to give them back to the heap and to take them again
 * costs more than to copy what they hold. */
enum { WSB__BLOCKS_KEPT = 16, WSB__BLOCKS_KEPT_BYTES = 1024 * 1024 };

/* Zeroed is empty. */
typedef struct wsb__blocks {
    wsb__block kept[WSB__BLOCKS_KEPT];
    uint32_t count;
    size_t bytes; /* of them */
} wsb__blocks;

/* A kept block for `len` bytes and a NUL; `data` is NULL where none fits well. `out_dropped` gets
 * what the caller has to release after the lock; may be NULL. */
wsb__block wsb__blocks_take(wsb__blocks *blocks, size_t len, uint8_t **out_dropped);

/* Keeps the block where no more than `max_bytes` are kept then; returns what the caller has to
 * release after the lock; may be NULL. */
uint8_t *wsb__blocks_give(wsb__blocks *blocks, wsb__block block, uint64_t max_bytes);

/* A new block for `len` bytes and a NUL; `data` is NULL when out of memory. */
wsb__block wsb__block_make(size_t len);

void wsb__blocks_fini(wsb__blocks *blocks);

#endif
