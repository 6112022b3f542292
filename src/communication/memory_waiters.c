#include "communication/memory_waiters.h"

#include "core/alloc.h"

static wsb_waker **place(const wsb__waiters *waiters, size_t index)
{
    return &waiters->wakers[(waiters->first + index) & (waiters->capacity - 1)];
}

static wsb_status grow(wsb__waiters *waiters)
{
    size_t capacity = waiters->capacity ? waiters->capacity * 2 : 4;
    wsb_waker **wakers = wsb__calloc(capacity, sizeof(wsb_waker *));
    if (!wakers)
        return WSB_ERROR_OUT_OF_MEMORY;
    for (size_t i = 0; i < waiters->count; i++)
        wakers[i] = *place(waiters, i);
    wsb__free(waiters->wakers);
    waiters->wakers = wakers;
    waiters->first = 0;
    waiters->capacity = capacity;
    return WSB_OK;
}

wsb_status wsb__waiters_add(wsb__waiters *waiters, wsb_waker *waker)
{
    if (waiters->count == waiters->capacity) {
        wsb_status status = grow(waiters);
        if (status != WSB_OK)
            return status;
    }
    *place(waiters, waiters->count++) = wsb_waker_ref(waker);
    return WSB_OK;
}

bool wsb__waiters_remove(wsb__waiters *waiters, const wsb_waker *waker)
{
    for (size_t i = 0; i < waiters->count; i++) {
        if (*place(waiters, i) != waker)
            continue;
        for (size_t j = i; j + 1 < waiters->count; j++)
            *place(waiters, j) = *place(waiters, j + 1);
        waiters->count--;
        return true;
    }
    return false;
}

void wsb__waiters_wake_all(wsb__waiters *waiters)
{
    wsb_waker *waker;
    while ((waker = wsb__waiters_take(waiters)) != NULL) {
        wsb_waker_wake(waker);
        wsb_waker_unref(waker);
    }
    wsb__free(waiters->wakers);
    *waiters = (wsb__waiters){0};
}
