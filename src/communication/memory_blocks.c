#include "communication/memory_blocks.h"

#include "core/alloc.h"

/* A message is counted by its length, so a much larger block must not carry it. */
static bool fits_well(const wsb__block *block, size_t len)
{
    return block->capacity > len && block->capacity / 4 <= len;
}

wsb__block wsb__blocks_take(wsb__blocks *blocks, size_t len)
{
    for (uint32_t i = blocks->count; i-- > 0;) {
        wsb__block block = blocks->kept[i];
        if (fits_well(&block, len)) {
            blocks->kept[i] = blocks->kept[--blocks->count];
            return block;
        }
    }
    return (wsb__block){0};
}

uint8_t *wsb__blocks_give(wsb__blocks *blocks, wsb__block block)
{
    if (block.capacity <= WSB__SLOT_INLINE || block.capacity > WSB__BLOCK_KEPT_MAX)
        return block.data;
    if (blocks->count < WSB__BLOCKS_KEPT) {
        blocks->kept[blocks->count++] = block;
        return NULL;
    }
    /* The one that was kept the longest makes room: sizes that nobody sends any more must not
     * stay for good. */
    uint8_t *dropped = blocks->kept[0].data;
    memmove(&blocks->kept[0], &blocks->kept[1], sizeof blocks->kept - sizeof blocks->kept[0]);
    blocks->kept[WSB__BLOCKS_KEPT - 1] = block;
    return dropped;
}

wsb__block wsb__block_make(size_t len)
{
    enum { STEP = 256 }; /* messages of about the same length share blocks */
    if (len > SIZE_MAX - STEP)
        return (wsb__block){0};
    wsb__block block = {.capacity = (len + STEP) & ~(size_t)(STEP - 1)};
    block.data = wsb__alloc(block.capacity);
    return block;
}

void wsb__blocks_fini(wsb__blocks *blocks)
{
    for (uint32_t i = 0; i < blocks->count; i++)
        wsb__free(blocks->kept[i].data);
    *blocks = (wsb__blocks){0};
}
