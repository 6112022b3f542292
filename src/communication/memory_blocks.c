#include "communication/memory_blocks.h"

#include "core/alloc.h"

/* A message is counted by its length, so a much larger block must not carry it. */
static bool fits_well(const wsb__block *block, size_t len)
{
    return block->capacity > len && block->capacity / 4 <= len;
}

static wsb__block take_at(wsb__blocks *blocks, uint32_t index)
{
    wsb__block block = blocks->kept[index];
    blocks->count--;
    blocks->bytes -= block.capacity;
    memmove(&blocks->kept[index], &blocks->kept[index + 1], (blocks->count - index) * sizeof block);
    return block;
}

/* The newest that fits: it is the likeliest to be in the cache. */
wsb__block wsb__blocks_take(wsb__blocks *blocks, size_t len, uint8_t **out_dropped)
{
    *out_dropped = NULL;
    for (uint32_t i = blocks->count; i-- > 0;)
        if (fits_well(&blocks->kept[i], len))
            return take_at(blocks, i);
    /* What is kept is of no use for what is sent now: make room for what is. */
    if (blocks->count > 0)
        *out_dropped = take_at(blocks, 0).data;
    return (wsb__block){0};
}

uint8_t *wsb__blocks_give(wsb__blocks *blocks, wsb__block block, uint64_t max_bytes)
{
    uint64_t most = max_bytes < WSB__BLOCKS_KEPT_BYTES ? max_bytes : WSB__BLOCKS_KEPT_BYTES;
    if (block.capacity <= WSB__SLOT_INLINE || block.capacity > most ||
        blocks->bytes > most - block.capacity || blocks->count == WSB__BLOCKS_KEPT)
        return block.data;
    blocks->kept[blocks->count++] = block;
    blocks->bytes += block.capacity;
    return NULL;
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
