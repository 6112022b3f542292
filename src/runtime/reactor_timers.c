#include "runtime/reactor.h"

#include "core/alloc.h"

static void put(wsb__timer_heap *heap, size_t index, wsb__timer *timer)
{
    heap->items[index] = timer;
    atomic_store_explicit(&timer->index, index + 1, memory_order_relaxed);
}

static void move_up(wsb__timer_heap *heap, size_t index, wsb__timer *timer)
{
    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (heap->items[parent]->at <= timer->at) {
            break;
        }
        put(heap, index, heap->items[parent]);
        index = parent;
    }
    put(heap, index, timer);
}

static void move_down(wsb__timer_heap *heap, size_t index, wsb__timer *timer)
{
    for (;;) {
        size_t child = 2 * index + 1;
        if (child + 1 < heap->count && heap->items[child + 1]->at < heap->items[child]->at) {
            child++;
        }
        if (child >= heap->count || heap->items[child]->at >= timer->at) {
            break;
        }
        put(heap, index, heap->items[child]);
        index = child;
    }
    put(heap, index, timer);
}

wsb_status wsb__timer_heap_add(wsb__timer_heap *heap, wsb__timer *timer)
{
    if (heap->count == heap->capacity) {
        size_t capacity = heap->capacity > 0 ? heap->capacity * 2 : 64;
        wsb__timer **items = capacity <= SIZE_MAX / sizeof *items
                                 ? wsb__realloc(heap->items, capacity * sizeof *items)
                                 : NULL;
        if (items == NULL) {
            return WSB_ERROR_OUT_OF_MEMORY;
        }
        heap->items = items;
        heap->capacity = capacity;
    }
    move_up(heap, heap->count++, timer);
    return WSB_OK;
}

void wsb__timer_heap_remove(wsb__timer_heap *heap, wsb__timer *timer)
{
    size_t index = atomic_load_explicit(&timer->index, memory_order_relaxed);
    if (index == 0) {
        return;
    }
    index--;
    wsb__timer *last = heap->items[--heap->count];
    atomic_store_explicit(&timer->index, 0, memory_order_relaxed);
    if (last == timer) {
        return;
    }
    if (last->at < timer->at) {
        move_up(heap, index, last);
    } else {
        move_down(heap, index, last);
    }
}

void wsb__timer_heap_fini(wsb__timer_heap *heap)
{
    wsb__free(heap->items);
}
