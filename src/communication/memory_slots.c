#include "communication/memory_slots.h"

#include "core/alloc.h"

static wsb__chunk *take_chunk(wsb__slots *slots)
{
    wsb__chunk *chunk = slots->spare;
    slots->spare = NULL;
    if (!chunk)
        chunk = wsb__alloc(sizeof *chunk);
    if (chunk)
        chunk->next = NULL;
    return chunk;
}

/* One is kept: a queue that goes back and forth over the edge of a chunk does not allocate. */
static void drop_chunk(wsb__slots *slots, wsb__chunk *chunk)
{
    if (slots->spare)
        wsb__free(chunk);
    else
        slots->spare = chunk;
}

wsb__slot *wsb__slots_next(wsb__slots *slots)
{
    if (__builtin_expect(!slots->newest || slots->end == WSB__CHUNK_SLOTS, 0)) {
        wsb__chunk *chunk = take_chunk(slots);
        if (!chunk)
            return NULL;
        if (slots->newest) {
            slots->newest->next = chunk;
        } else {
            slots->oldest = chunk;
            slots->first = 0;
        }
        slots->newest = chunk;
        slots->end = 0;
    }
    return &slots->newest->slots[slots->end];
}

void wsb__slots_pop(wsb__slots *slots)
{
    wsb__chunk *chunk = slots->oldest;
    slots->first++;
    if (chunk == slots->newest) {
        /* Empty: the next message goes to the front again, which is still in the cache. */
        if (slots->first == slots->end)
            slots->first = slots->end = 0;
    } else if (slots->first == WSB__CHUNK_SLOTS) {
        slots->oldest = chunk->next;
        slots->first = 0;
        drop_chunk(slots, chunk);
    }
}

void wsb__slots_fini(wsb__slots *slots)
{
    wsb__chunk *chunk = slots->oldest;
    uint32_t first = slots->first;
    while (chunk) {
        wsb__chunk *next = chunk->next;
        uint32_t end = next ? WSB__CHUNK_SLOTS : slots->end;
        for (uint32_t i = first; i < end; i++)
            if (chunk->slots[i].len > WSB__SLOT_INLINE)
                wsb__free(chunk->slots[i].of.block.data);
        wsb__free(chunk);
        chunk = next;
        first = 0;
    }
    wsb__free(slots->spare);
    *slots = (wsb__slots){0};
}
