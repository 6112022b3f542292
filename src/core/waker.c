#include "core/waker.h"

#include "core/alloc.h"

#include <wasm_sandbox/plugin/error.h>

/* The public kind: calls a function. */
typedef struct function_waker {
    wsb_waker base;
    void (*wake)(void *user_data);
    void *user_data;
    void (*destroy)(void *user_data);
} function_waker;

static void wake_function(wsb_waker *waker)
{
    function_waker *self = (function_waker *)waker;
    self->wake(self->user_data);
}

static void destroy_function(wsb_waker *waker)
{
    function_waker *self = (function_waker *)waker;
    if (self->destroy != NULL) {
        self->destroy(self->user_data);
    }
    wsb__free(self);
}

wsb_status wsb_waker_create(void (*wake)(void *user_data), void *user_data,
                            void (*destroy)(void *user_data), wsb_waker **out_waker,
                            wsb_error **out_error)
{
    if (wake == NULL || out_waker == NULL) {
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT,
                             &(wsb_error_details){.operation = "create waker"},
                             "create waker: `wake` and `out_waker` must not be NULL");
    }
    function_waker *self = wsb__alloc(sizeof *self);
    if (self == NULL) {
        return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY,
                             &(wsb_error_details){.operation = "create waker"},
                             "create waker: out of memory");
    }
    wsb__waker_init(&self->base, wake_function, destroy_function);
    self->wake = wake;
    self->user_data = user_data;
    self->destroy = destroy;
    *out_waker = &self->base;
    return WSB_OK;
}

wsb_waker *wsb_waker_ref(wsb_waker *waker)
{
    if (waker != NULL) {
        atomic_fetch_add_explicit(&waker->refs, 1, memory_order_relaxed);
    }
    return waker;
}

void wsb_waker_unref(wsb_waker *waker)
{
    if (waker != NULL && atomic_fetch_sub_explicit(&waker->refs, 1, memory_order_acq_rel) == 1) {
        waker->destroy(waker);
    }
}

void wsb_waker_wake(wsb_waker *waker)
{
    if (waker != NULL) {
        waker->wake(waker);
    }
}
