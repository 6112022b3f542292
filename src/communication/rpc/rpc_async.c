/* Calls whose outcome is a future. */
#include "communication/rpc/rpc_background.h"
#include "communication/rpc/rpc_call.h"
#include "core/alloc.h"
#include "core/buffer.h"
#include "runtime/ticks.h"

static void release(wsb_future *future)
{
    wsb__rpc_async *async = (wsb__rpc_async *)future;
    wsb_rpc_channel *rpc = async->rpc;
    wsb_buf_fini(&async->frame);
    wsb_buf_fini(&async->call.result);
    wsb_error_destroy(async->call.error);
    wsb__free(async);
    wsb__rpc_unref(rpc);
}

static void stop(wsb_future *future)
{
    wsb__rpc_async *async = (wsb__rpc_async *)future;
    if (!wsb__rpc_is_forked(async->rpc))
        wsb__rpc_calls_end(async->rpc, async->call.id, WSB_ERROR_CANCELLED, NULL);
}

/* Under the lock. */
static void unlist(wsb__rpc_background *background, wsb__rpc_async *async)
{
    wsb__rpc_async *before = NULL;
    wsb__rpc_async *at = background->first_unsent;
    for (; at != async; at = at->next)
        before = at;
    if (before)
        before->next = async->next;
    else
        background->first_unsent = async->next;
    if (background->last_unsent == async)
        background->last_unsent = before;
    async->is_unsent = false;
}

void wsb__rpc_async_ended(wsb_rpc_channel *rpc, wsb__rpc_async *async)
{
    wsb__rpc_background *background = rpc->background;
    if (async->is_unsent)
        unlist(background, async);
    async->next = background->ended;
    background->ended = async;
    wsb__rpc_background_tell(rpc);
    if (background->ending)
        wsb__lock_tell(&rpc->quiet);
}

void wsb__rpc_async_finish(wsb__rpc_background *background)
{
    wsb_rpc_channel *rpc = background->rpc;
    wsb__lock_acquire(&rpc->lock);
    wsb__rpc_async *ended = background->ended;
    background->ended = NULL;
    wsb__lock_release(&rpc->lock);
    while (ended) {
        wsb__rpc_async *async = ended;
        ended = async->next;
        wsb__rpc_call *call = &async->call;
        wsb_error *error = NULL;
        wsb_status status = wsb__rpc_outcome_error(call, &error);
        async->future.result.data = call->result;
        call->result = (wsb_buf)WSB_BUF_INIT;
        wsb__lock_acquire(&rpc->lock);
        background->calls--;
        wsb__lock_release(&rpc->lock);
        wsb__future_finish(&async->future, status, error);
    }
}

/* Takes the first frame that waits for room, with the id of its call. */
static bool take_unsent(wsb__rpc_background *background, wsb_buf *out_frame, uint64_t *out_id)
{
    wsb_rpc_channel *rpc = background->rpc;
    wsb__lock_acquire(&rpc->lock);
    wsb__rpc_async *async = background->first_unsent;
    if (async) {
        unlist(background, async);
        *out_frame = async->frame;
        *out_id = async->call.id;
        async->frame = (wsb_buf)WSB_BUF_INIT;
    }
    wsb__lock_release(&rpc->lock);
    return async != NULL;
}

/* Under the lock. A call that has ended meanwhile needs no frame any more. */
static bool list_unsent(wsb__rpc_background *background, wsb_buf *frame, uint64_t id, bool first)
{
    wsb_rpc_channel *rpc = background->rpc;
    wsb__rpc_calls *calls = &rpc->calls;
    wsb__rpc_call *call = calls->slots ? calls->slots[id & calls->mask] : NULL;
    if (!call || call->id != id)
        return false;
    wsb__rpc_async *async = call->async;
    async->frame = *frame;
    *frame = (wsb_buf)WSB_BUF_INIT;
    async->is_unsent = true;
    async->next = first ? background->first_unsent : NULL;
    if (first || !background->last_unsent)
        background->first_unsent = async;
    else
        background->last_unsent->next = async;
    if (!async->next)
        background->last_unsent = async;
    return true;
}

bool wsb__rpc_async_flush(wsb__rpc_background *background)
{
    wsb_rpc_channel *rpc = background->rpc;
    wsb_buf frame = WSB_BUF_INIT;
    uint64_t id = 0;
    while (take_unsent(background, &frame, &id)) {
        wsb_status status =
            wsb_channel_send(rpc->channel, wsb_bytes_of(frame.data, frame.len), 0, NULL);
        bool waits = false;
        if (status == WSB_ERROR_WOULD_BLOCK) {
            wsb__lock_acquire(&rpc->lock);
            waits = list_unsent(background, &frame, id, true);
            wsb__lock_release(&rpc->lock);
        } else if (status != WSB_OK) {
            wsb__rpc_calls_end(rpc, id, status, NULL);
        }
        wsb_buf_fini(&frame);
        if (waits)
            return true;
    }
    return false;
}

/* Under the lock: one whose time is up, else NULL; `*io_next` gets the earliest deadline. */
static wsb__rpc_call *take_late(wsb_rpc_channel *rpc, uint64_t *io_at, uint64_t now,
                                uint64_t *io_next)
{
    wsb__rpc_calls *calls = &rpc->calls;
    for (; calls->slots && *io_at <= calls->mask; ++*io_at) {
        wsb__rpc_call *call = calls->slots[*io_at];
        if (!call || !call->async)
            continue;
        if (call->async->deadline <= now)
            return wsb__rpc_calls_take(rpc, call->id);
        if (call->async->deadline < *io_next)
            *io_next = call->async->deadline;
    }
    return NULL;
}

uint64_t wsb__rpc_async_expire(wsb__rpc_background *background)
{
    wsb_rpc_channel *rpc = background->rpc;
    uint64_t at = 0;
    uint64_t next = UINT64_MAX;
    wsb__lock_acquire(&rpc->lock);
    uint64_t due = background->next_deadline;
    wsb__lock_release(&rpc->lock);
    /* All are looked at only when the earliest that there was is over. */
    uint64_t now = due == UINT64_MAX ? 0 : wsb__monotonic_ns();
    if (due == UINT64_MAX || now < due)
        return due;
    for (;;) {
        wsb__lock_acquire(&rpc->lock);
        wsb__rpc_call *call = take_late(rpc, &at, now, &next);
        if (!call)
            background->next_deadline = next;
        wsb__lock_release(&rpc->lock);
        if (!call)
            return next;
        call->status = WSB_ERROR_TIMEOUT;
        wsb__rpc_call_end(rpc, call, NULL);
    }
}

static wsb__rpc_async *create(wsb_rpc_channel *rpc, wsb_str method, uint64_t timeout_ns)
{
    wsb__rpc_async *async = wsb__calloc(1, sizeof *async + method.len + 1);
    if (!async)
        return NULL;
    wsb__future_init(&async->future, WSB__RESULT_DATA, release);
    async->future.stop = stop;
    if (method.len)
        memcpy(async->method, method.data, method.len);
    wsb__rpc_call_init(&async->call, (wsb_str){async->method, method.len});
    async->call.async = async;
    async->rpc = rpc;
    async->deadline = wsb__monotonic_in(timeout_ns);
    atomic_fetch_add_explicit(&rpc->refs, 1, memory_order_relaxed);
    return async;
}

/* Takes part in the conversation from now on; the task has to know its deadline. */
static wsb_status begin(wsb_rpc_channel *rpc, wsb__rpc_async *async, wsb_error **out_error)
{
    /* The lock is taken twice: between, the call can end, but not be finished, which is counted. */
    wsb__lock_acquire(&rpc->lock);
    rpc->background->calls++;
    wsb__lock_release(&rpc->lock);
    wsb_status status = wsb__rpc_add_call(rpc, &async->call, out_error);
    wsb__lock_acquire(&rpc->lock);
    wsb__rpc_background *background = rpc->background;
    if (status != WSB_OK) {
        background->calls--;
        if (background->ending) {
            wsb__lock_tell(&rpc->quiet);
            wsb__rpc_background_tell(rpc);
        }
    } else if (async->deadline < background->next_deadline) {
        background->next_deadline = async->deadline;
        wsb__rpc_background_tell(rpc);
    }
    wsb__lock_release(&rpc->lock);
    return status;
}

/* Whether the call was still without an outcome: then it never was. */
static bool give_up(wsb_rpc_channel *rpc, uint64_t id)
{
    wsb__lock_acquire(&rpc->lock);
    bool taken = wsb__rpc_calls_take(rpc, id) != NULL;
    rpc->background->calls -= taken;
    wsb__lock_release(&rpc->lock);
    return taken;
}

/* Sends the frame, or leaves it to the task. WSB_OK also where the call has ended already: then
 * the future says how. */
static wsb_status send_frame(wsb_rpc_channel *rpc, uint64_t id, wsb_buf *frame,
                             wsb_error **out_error)
{
    wsb__lock_acquire(&rpc->lock);
    bool others = rpc->background->first_unsent != NULL;
    wsb__lock_release(&rpc->lock);
    wsb_error *error = NULL;
    wsb_status status = WSB_ERROR_WOULD_BLOCK;
    if (!others)
        status = wsb_channel_send(rpc->channel, wsb_bytes_of(frame->data, frame->len), 0,
                                  out_error ? &error : NULL);
    if (status == WSB_ERROR_WOULD_BLOCK) {
        wsb__lock_acquire(&rpc->lock);
        if (list_unsent(rpc->background, frame, id, false))
            wsb__rpc_background_tell(rpc);
        wsb__lock_release(&rpc->lock);
        status = WSB_OK;
    } else if (status != WSB_OK && !give_up(rpc, id)) {
        status = WSB_OK;
    }
    if (status == WSB_OK)
        wsb_error_destroy(error);
    else if (out_error)
        *out_error = error;
    return status;
}

static wsb_status call_async(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch, wsb_str method,
                             wsb_bytes params, uint64_t timeout_ns, wsb_future **out_future,
                             wsb_error **out_error)
{
    wsb_status status = wsb__rpc_check_call(rpc, scratch, method, params, out_error);
    if (status != WSB_OK)
        return status;
    wsb__rpc_async *async = create(rpc, method, timeout_ns);
    if (!async)
        return wsb__rpc_error(WSB_ERROR_OUT_OF_MEMORY, "call", method, NULL, out_error,
                              "out of memory");
    status = begin(rpc, async, out_error);
    if (status == WSB_OK) {
        uint64_t id = async->call.id;
        scratch->out.len = 0;
        status =
            rpc->framing->write_call(&scratch->out, rpc->options.max_message, &id, method, params);
        if (status == WSB_OK)
            status = send_frame(rpc, id, &scratch->out, out_error);
        else
            status =
                give_up(rpc, id) ? wsb__rpc_write_failed(rpc, method, status, out_error) : WSB_OK;
    }
    if (status == WSB_OK) {
        *out_future = &async->future;
        return WSB_OK;
    }
    wsb__future_abandon(&async->future);
    wsb_future_destroy(&async->future);
    return status;
}

wsb_status wsb_rpc_channel_call_async(wsb_rpc_channel *rpc, wsb_str method, wsb_bytes params,
                                      uint64_t timeout_ns, wsb_future **out_future,
                                      wsb_error **out_error)
{
    wsb__rpc_scratch *scratch;
    if (!rpc || !out_future)
        return wsb__rpc_error(WSB_ERROR_INVALID_ARGUMENT, "call", method, NULL, out_error,
                              "a NULL argument");
    wsb_status status = wsb__rpc_enter(rpc, &scratch);
    if (status != WSB_OK)
        return wsb__rpc_status_error(status, "call", method, out_error);
    wsb__lock_acquire(&rpc->lock);
    bool attached = rpc->background != NULL;
    wsb__lock_release(&rpc->lock);
    if (attached)
        status = call_async(rpc, scratch, method, params, timeout_ns, out_future, out_error);
    else
        status = wsb__rpc_error(WSB_ERROR_INVALID_ARGUMENT, "call", method,
                                "call wsb_rpc_channel_attach() first", out_error,
                                "no executor is attached that would see the answer");
    wsb__rpc_leave(rpc, scratch);
    return status;
}
