/**
 * @file waker.h
 * What a wait is ended with: whoever makes something happen wakes those who wait for it.
 */
#ifndef WASM_SANDBOX_WAKER_H
#define WASM_SANDBOX_WAKER_H

#include <wasm_sandbox/error.h>

WSB_BEGIN_DECLS

/**
 * Ends a wait, once or often, early or late: a wake before the wait begins is not lost, one after
 * its end does nothing. Reference-counted. [thread-safe]
 *
 * Never wake with a lock held that the woken side takes: a waker may run the code that waited.
 */
typedef struct wsb_waker wsb_waker;

/**
 * Makes a waker that calls a function.
 *
 * @param wake  called for each wsb_waker_wake(), on its caller's thread; must be quick, may come
 *        from several threads at once
 * @param destroy  called with `user_data` when the last reference goes; may be NULL
 * @param out_waker  Caller owns a reference; release with wsb_waker_unref(). [thread-safe]
 */
WSB_API WSB_NODISCARD wsb_status wsb_waker_create(void (*wake)(void *user_data), void *user_data,
                                                  void (*destroy)(void *user_data),
                                                  wsb_waker **out_waker, wsb_error **out_error);

/** Another reference. NULL gives NULL. [thread-safe] */
WSB_API wsb_waker *wsb_waker_ref(wsb_waker *waker);

/** Gives a reference back. NULL is allowed. [thread-safe] */
WSB_API void wsb_waker_unref(wsb_waker *waker);

/** Wakes. NULL is allowed. [thread-safe] [callback-safe] */
WSB_API void wsb_waker_wake(wsb_waker *waker);

WSB_END_DECLS

#endif
