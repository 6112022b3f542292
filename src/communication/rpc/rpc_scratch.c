#include "communication/rpc/rpc_state.h"
#include "core/alloc.h"
#include "core/signal_word.h"

/* Frames are rarely larger; a larger buffer is not kept. */
#define KEPT_BYTES ((size_t)64 * 1024)
/* More are used only when many threads or tasks are inside at once. */
#define KEPT_IDLE 16u

static void wake(wsb_waker *waker)
{
    wsb__rpc_scratch *scratch = (wsb__rpc_scratch *)waker;
    if (atomic_exchange_explicit(&scratch->woken, 1, memory_order_acq_rel) == 0)
        wsb__word_wake(&scratch->woken, 1);
}

static void destroy(wsb_waker *waker)
{
    wsb__rpc_scratch *scratch = (wsb__rpc_scratch *)waker;
    wsb__rpc_reader_fini(&scratch->reader);
    wsb_buf_fini(&scratch->in);
    wsb_buf_fini(&scratch->out);
    wsb_buf_fini(&scratch->answer);
    wsb__free(scratch);
}

wsb__rpc_scratch *wsb__rpc_scratch_take(wsb_rpc_channel *rpc)
{
    wsb__rpc_scratch *scratch = rpc->idle;
    if (scratch) {
        rpc->idle = scratch->next;
        rpc->idle_count--;
        return scratch;
    }
    scratch = wsb__alloc(sizeof *scratch);
    if (!scratch)
        return NULL;
    wsb__waker_init(&scratch->waker, wake, destroy);
    atomic_init(&scratch->woken, 0);
    scratch->next = NULL;
    wsb__rpc_reader_init(&scratch->reader, rpc->framing);
    scratch->in = scratch->out = scratch->answer = (wsb_buf)WSB_BUF_INIT;
    return scratch;
}

static void trim(wsb_buf *buf)
{
    if (buf->capacity > KEPT_BYTES)
        wsb_buf_fini(buf);
}

static void trim_scan(wsb__json_scan *scan)
{
    if (scan->key_capacity > KEPT_BYTES / sizeof(wsb__json_key) ||
        scan->decoded.capacity > KEPT_BYTES)
        wsb__json_scan_fini(scan);
}

void wsb__rpc_scratch_give(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch)
{
    if (rpc->idle_count == KEPT_IDLE) {
        wsb_waker_unref(&scratch->waker);
        return;
    }
    trim(&scratch->in);
    trim(&scratch->out);
    trim(&scratch->answer);
    trim(&scratch->reader.text);
    trim_scan(&scratch->reader.scan);
    trim_scan(&scratch->reader.check);
    scratch->next = rpc->idle;
    rpc->idle = scratch;
    rpc->idle_count++;
}

void wsb__rpc_scratch_destroy_idle(wsb_rpc_channel *rpc)
{
    while (rpc->idle) {
        wsb__rpc_scratch *scratch = rpc->idle;
        rpc->idle = scratch->next;
        wsb_waker_unref(&scratch->waker);
    }
}
