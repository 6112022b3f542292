/* What is inside of a wsb_waker: embed one to make a waker of your own. */
#ifndef WSB_CORE_WAKER_H
#define WSB_CORE_WAKER_H

#include <stdatomic.h>

#include <wasm_sandbox/waker.h>

struct wsb_waker {
    _Atomic unsigned refs;
    void (*wake)(wsb_waker *waker);    /* any thread, several at once */
    void (*destroy)(wsb_waker *waker); /* the last reference went */
};

/* For embedding: one reference, the caller's. */
static inline void wsb__waker_init(wsb_waker *waker, void (*wake)(wsb_waker *waker),
                                   void (*destroy)(wsb_waker *waker))
{
    atomic_init(&waker->refs, 1);
    waker->wake = wake;
    waker->destroy = destroy;
}

#endif
