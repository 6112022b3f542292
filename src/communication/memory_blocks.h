/* Memory of long messages, used again: what a receiver's buffer held before goes to the next
 * sender. Not locked: the lane does. */
#ifndef WSB_COMMUNICATION_MEMORY_BLOCKS_H
#define WSB_COMMUNICATION_MEMORY_BLOCKS_H

#include "communication/memory_slots.h"

/* What an idle lane keeps is at most the product; larger blocks go back to the heap. */
enum { WSB__BLOCKS_KEPT = 4, WSB__BLOCK_KEPT_MAX = 128 * 1024 };

/* Zeroed is empty. */
typedef struct wsb__blocks {
    wsb__block kept[WSB__BLOCKS_KEPT];
    uint32_t count;
} wsb__blocks;

/* A kept block for `len` bytes and a NUL; `data` is NULL where none fits well. */
wsb__block wsb__blocks_take(wsb__blocks *blocks, size_t len);

/* Keeps the block if it is worth it; what is returned is to be released by the caller, after the
 * lock; may be NULL. */
uint8_t *wsb__blocks_give(wsb__blocks *blocks, wsb__block block);

/* A new block for `len` bytes and a NUL; `data` is NULL when out of memory. */
wsb__block wsb__block_make(size_t len);

void wsb__blocks_fini(wsb__blocks *blocks);

#endif
