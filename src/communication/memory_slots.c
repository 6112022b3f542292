#include "communication/memory_slots.h"

#include "core/alloc.h"

static wsb__chunk *take_chunk(wsb__slots_out *out)
{
    wsb__chunk *chunk = out->spares;
    if (chunk) {
        out->spares = chunk->next;
        out->spare_count--;
    } else {
        chunk = wsb__alloc(sizeof *chunk);
    }
    if (chunk)
        chunk->next = NULL;
    return chunk;
}

static wsb_status add_chunk(wsb__slots_in *in, wsb__slots_out *out)
{
    wsb__chunk *chunk = take_chunk(out);
    if (!chunk)
        return WSB_ERROR_OUT_OF_MEMORY;
    if (in->newest) {
        in->newest->next = chunk;
    } else {
        out->oldest = chunk;
        out->first = 0;
    }
    in->newest = chunk;
    in->end = 0;
    return WSB_OK;
}

wsb__slot *wsb__slots_next(wsb__slots_in *in, wsb__slots_out *out)
{
    bool is_full = !in->newest || in->end == WSB__CHUNK_SLOTS;
    if (__builtin_expect(is_full, 0) && add_chunk(in, out) != WSB_OK)
        return NULL;
    return &in->newest->slots[in->end];
}

/* Kept, as the next burst takes them again: the heap would give them back to the system, and each
 * would come again with a page fault. */
static void drop_oldest(wsb__slots_out *out)
{
    wsb__chunk *chunk = out->oldest;
    out->oldest = chunk->next;
    out->first = 0;
    if (out->spare_count == WSB__SPARE_CHUNKS) {
        wsb__free(chunk);
        return;
    }
    chunk->next = out->spares;
    out->spares = chunk;
    out->spare_count++;
}

wsb__chunk *wsb__slots_take_spares(wsb__slots_out *out)
{
    wsb__chunk *spares = out->spares;
    out->spares = NULL;
    out->spare_count = 0;
    return spares;
}

void wsb__chunks_free(wsb__chunk *chunks)
{
    while (chunks) {
        wsb__chunk *next = chunks->next;
        wsb__free(chunks);
        chunks = next;
    }
}

wsb__slot *wsb__slots_oldest(wsb__slots_out *out)
{
    if (__builtin_expect(out->first == WSB__CHUNK_SLOTS, 0))
        drop_oldest(out);
    return &out->oldest->slots[out->first];
}

void wsb__slots_fini(wsb__slots_in *in, wsb__slots_out *out)
{
    while (out->oldest) {
        wsb__chunk *chunk = out->oldest;
        uint32_t end = chunk->next ? WSB__CHUNK_SLOTS : in->end;
        for (uint32_t i = out->first; i < end; i++)
            if (chunk->slots[i].len > WSB__SLOT_INLINE)
                wsb__free(chunk->slots[i].of.block.data);
        out->oldest = chunk->next;
        out->first = 0;
        wsb__free(chunk);
    }
    wsb__chunks_free(out->spares);
    *in = (wsb__slots_in){0};
    *out = (wsb__slots_out){0};
}
