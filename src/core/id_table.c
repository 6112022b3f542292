#include "core/id_table.h"

#include "core/alloc.h"

#include <stdatomic.h>

#define WSB__ID_BITS 24
#define WSB__ID_MASK ((uint64_t)0xFFFFFF)
#define WSB__ID_MAX ((uint32_t)0xFFFFFF)
#define NO_SLOT UINT32_MAX

typedef struct id_slot {
    void *object; /* NULL: free or worn out */
    uint32_t generation;
    uint32_t previous; /* live: older one */
    uint32_t next;     /* live: newer one; free: next free one */
} id_slot;

struct wsb__id_table {
    uint16_t tag;
    id_slot *slots;
    uint32_t used; /* slots that were ever in use */
    uint32_t capacity;
    uint32_t free;
    uint32_t oldest;
    uint32_t newest;
    size_t count;
};

/* Tables made one after the other differ; only after 65,535 of them a tag comes again. */
static uint16_t next_tag(void)
{
    static atomic_uint counter;
    return (uint16_t)(atomic_fetch_add(&counter, 1) % 65535 + 1);
}

wsb__id_table *wsb__id_table_create(void)
{
    wsb__id_table *table = wsb__calloc(1, sizeof *table);
    if (!table)
        return NULL;
    table->tag = next_tag();
    table->free = table->oldest = table->newest = NO_SLOT;
    return table;
}

void wsb__id_table_destroy(wsb__id_table *table)
{
    if (!table)
        return;
    wsb__free(table->slots);
    wsb__free(table);
}

static uint64_t id_of(const wsb__id_table *table, uint32_t index)
{
    return (uint64_t)table->tag << (2 * WSB__ID_BITS) |
           (uint64_t)table->slots[index].generation << WSB__ID_BITS | (index + 1);
}

static wsb_status take_fresh_slot(wsb__id_table *table, uint32_t *out_index)
{
    if (table->used == WSB__ID_MAX)
        return WSB_ERROR_LIMIT_EXCEEDED;
    if (table->used == table->capacity) {
        uint32_t capacity = table->capacity ? table->capacity * 2 : 16;
        id_slot *slots = wsb__realloc(table->slots, capacity * sizeof *slots);
        if (!slots)
            return WSB_ERROR_OUT_OF_MEMORY;
        table->slots = slots;
        table->capacity = capacity;
    }
    *out_index = table->used++;
    table->slots[*out_index] = (id_slot){NULL, 0, NO_SLOT, NO_SLOT};
    return WSB_OK;
}

wsb_status wsb__id_table_add(wsb__id_table *table, void *object, uint64_t *out_id)
{
    if (!object)
        return WSB_ERROR_INVALID_ARGUMENT;
    uint32_t index = table->free;
    if (index != NO_SLOT) {
        table->free = table->slots[index].next;
    } else {
        wsb_status status = take_fresh_slot(table, &index);
        if (status != WSB_OK)
            return status;
    }
    id_slot *slot = &table->slots[index];
    slot->object = object;
    slot->previous = table->newest;
    slot->next = NO_SLOT;
    if (table->newest != NO_SLOT)
        table->slots[table->newest].next = index;
    else
        table->oldest = index;
    table->newest = index;
    table->count++;
    *out_id = id_of(table, index);
    return WSB_OK;
}

/* The slot of a live object, or NO_SLOT. */
static uint32_t live_slot(const wsb__id_table *table, uint64_t id)
{
    uint64_t number = id & WSB__ID_MASK;
    if (number == 0 || number > table->used)
        return NO_SLOT;
    uint32_t index = (uint32_t)(number - 1);
    return table->slots[index].object && id_of(table, index) == id ? index : NO_SLOT;
}

void *wsb__id_table_get(const wsb__id_table *table, uint64_t id)
{
    uint32_t index = live_slot(table, id);
    return index != NO_SLOT ? table->slots[index].object : NULL;
}

static void unlink_slot(wsb__id_table *table, const id_slot *slot)
{
    if (slot->previous != NO_SLOT)
        table->slots[slot->previous].next = slot->next;
    else
        table->oldest = slot->next;
    if (slot->next != NO_SLOT)
        table->slots[slot->next].previous = slot->previous;
    else
        table->newest = slot->previous;
}

void *wsb__id_table_remove(wsb__id_table *table, uint64_t id)
{
    uint32_t index = live_slot(table, id);
    if (index == NO_SLOT)
        return NULL;
    id_slot *slot = &table->slots[index];
    void *object = slot->object;
    unlink_slot(table, slot);
    slot->object = NULL;
    table->count--;
    /* A slot whose generations are used up is left alone for good: ids never come again. */
    if (slot->generation < WSB__ID_MAX) {
        slot->generation++;
        slot->next = table->free;
        table->free = index;
    }
    return object;
}

bool wsb__id_table_owns(const wsb__id_table *table, uint64_t id)
{
    uint64_t number = id & WSB__ID_MASK;
    if (id >> (2 * WSB__ID_BITS) != table->tag || number == 0 || number > table->used)
        return false;
    const id_slot *slot = &table->slots[number - 1];
    uint64_t generation = id >> WSB__ID_BITS & WSB__ID_MASK;
    /* A free slot's generation is the next one, which no id has yet; a worn-out slot's is its
     * last. */
    return generation < slot->generation ||
           (generation == slot->generation && (slot->object || generation == WSB__ID_MAX));
}

size_t wsb__id_table_list(const wsb__id_table *table, uint64_t *out_ids, size_t capacity)
{
    size_t written = 0;
    for (uint32_t i = table->oldest; i != NO_SLOT && written < capacity; i = table->slots[i].next)
        out_ids[written++] = id_of(table, i);
    return table->count;
}
