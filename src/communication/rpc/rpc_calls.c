/* Own calls: their ids, and how they come to an outcome. */
#include "communication/channel.h"
#include "communication/rpc/rpc_state.h"
#include "core/alloc.h"
#include "core/buffer.h"
#include "runtime/histogram.h"
#include "runtime/ticks.h"

#include <wasm_sandbox/plugin/error.h>

/* At most half full, so that a free slot is near. Calls in different slots stay in different ones
 * in a larger table. */
static wsb_status grow(wsb__rpc_calls *calls)
{
    uint64_t slots = calls->slots ? (calls->mask + 1) * 2 : 16;
    wsb__rpc_call **fresh = wsb__calloc(slots, sizeof(wsb__rpc_call *));
    if (!fresh)
        return WSB_ERROR_OUT_OF_MEMORY;
    for (uint64_t i = 0; calls->slots && i <= calls->mask; i++)
        if (calls->slots[i])
            fresh[calls->slots[i]->id & (slots - 1)] = calls->slots[i];
    wsb__free(calls->slots);
    calls->slots = fresh;
    calls->mask = slots - 1;
    return WSB_OK;
}

wsb_status wsb__rpc_calls_add(wsb_rpc_channel *rpc, wsb__rpc_call *call)
{
    wsb__rpc_calls *calls = &rpc->calls;
    if (calls->count >= rpc->options.max_outstanding)
        return WSB_ERROR_LIMIT_EXCEEDED;
    if (!calls->slots || calls->count > calls->mask / 2) {
        wsb_status status = grow(calls);
        if (status != WSB_OK)
            return status;
    }
    do {
        calls->next_id = calls->next_id < rpc->framing->id_max ? calls->next_id + 1 : 1;
    } while (calls->slots[calls->next_id & calls->mask]);
    call->id = calls->next_id;
    calls->slots[call->id & calls->mask] = call;
    calls->count++;
    rpc->stats.calls++;
    return WSB_OK;
}

wsb__rpc_call *wsb__rpc_calls_take(wsb_rpc_channel *rpc, uint64_t id)
{
    wsb__rpc_calls *calls = &rpc->calls;
    if (!calls->slots)
        return NULL;
    wsb__rpc_call **slot = &calls->slots[id & calls->mask];
    wsb__rpc_call *call = *slot;
    if (!call || call->id != id)
        return NULL;
    *slot = NULL;
    calls->count--;
    return call;
}

/* When it is counted down, the call may be gone, and its thread's scratch as well. */
static void tell_waiter(wsb__rpc_call *call, wsb__rpc_scratch *self)
{
    wsb_waker *waiter = call->waiter != self ? wsb_waker_ref(&call->waiter->waker) : NULL;
    bool last = atomic_fetch_sub_explicit(call->pending, 1, memory_order_acq_rel) == 1;
    if (last)
        wsb_waker_wake(waiter);
    wsb_waker_unref(waiter);
}

void wsb__rpc_call_end(wsb_rpc_channel *rpc, wsb__rpc_call *call, wsb__rpc_scratch *self)
{
    uint64_t now = wsb__ticks();
    bool is_async = call->async != NULL; /* which may be gone when the lock is */
    wsb__lock_acquire(&rpc->lock);
    wsb__histogram_add_span(&rpc->stats.latency, call->began, now);
    rpc->stats.calls_failed += call->status != WSB_OK;
    rpc->stats.calls_timed_out += call->status == WSB_ERROR_TIMEOUT;
    if (is_async)
        wsb__rpc_async_ended(rpc, call->async);
    wsb__lock_release(&rpc->lock);
    if (!is_async)
        tell_waiter(call, self);
}

void wsb__rpc_calls_fail(wsb_rpc_channel *rpc, wsb_status status, wsb__rpc_scratch *self)
{
    for (uint64_t i = 0;; i++) {
        wsb__lock_acquire(&rpc->lock);
        wsb__rpc_calls *calls = &rpc->calls;
        while (calls->slots && i <= calls->mask && !calls->slots[i])
            i++;
        bool found = calls->slots && i <= calls->mask;
        wsb__rpc_call *call = found ? wsb__rpc_calls_take(rpc, calls->slots[i]->id) : NULL;
        wsb__lock_release(&rpc->lock);
        if (!call)
            return;
        call->status = status;
        wsb__rpc_call_end(rpc, call, self);
    }
}

/* Waits until those that others have taken have their outcomes. */
static void await_outcomes(_Atomic uint32_t *pending, wsb__rpc_scratch *self)
{
    while (atomic_load_explicit(pending, memory_order_acquire) > 0) {
        (void)atomic_exchange_explicit(&self->woken, 0, memory_order_acq_rel);
        if (atomic_load_explicit(pending, memory_order_acquire) > 0)
            (void)wsb__channel_sleep(&self->woken, UINT64_MAX);
    }
}

void wsb__rpc_calls_end(wsb_rpc_channel *rpc, uint64_t id, wsb_status status,
                        wsb__rpc_scratch *self)
{
    wsb__lock_acquire(&rpc->lock);
    wsb__rpc_call *call = wsb__rpc_calls_take(rpc, id);
    wsb__lock_release(&rpc->lock);
    if (!call)
        return;
    call->status = status;
    wsb__rpc_call_end(rpc, call, self);
}

void wsb__rpc_calls_give_up(wsb_rpc_channel *rpc, wsb__rpc_call *calls, size_t count,
                            wsb_status status, wsb__rpc_scratch *self)
{
    for (size_t i = 0; i < count; i++)
        wsb__rpc_calls_end(rpc, calls[i].id, status, self);
    if (count > 0)
        await_outcomes(calls[0].pending, self);
}

void wsb__rpc_calls_forget(wsb_rpc_channel *rpc, wsb__rpc_call *call, wsb__rpc_scratch *self)
{
    wsb__lock_acquire(&rpc->lock);
    bool was_there = wsb__rpc_calls_take(rpc, call->id) != NULL;
    rpc->stats.calls -= was_there;
    wsb__lock_release(&rpc->lock);
    if (!was_there)
        await_outcomes(call->pending, self);
}

/* What a response says of the call that it answers. */
static void take_outcome(wsb__rpc_call *call, const wsb__rpc_message *message)
{
    switch (message->kind) {
    case WSB__RPC_RESULT:
        call->status = wsb__buf_append(&call->result, message->result.data, message->result.len,
                                       WSB__STRUCTURED_MAX_BYTES);
        break;
    case WSB__RPC_ERROR:
        call->code = message->code;
        call->status = WSB_ERROR_REMOTE;
        {
            char text[1024];
            wsb__sanitize(text, sizeof text, message->text.data, message->text.len);
            wsb_error_details details = {.operation = "call", .code = message->code};
            wsb_error_set(&call->error, WSB_ERROR_REMOTE, &details, "%s", text);
        }
        break;
    default:
        call->status = WSB_ERROR_MALFORMED;
        break;
    }
}

static void count_failed(wsb_rpc_channel *rpc)
{
    wsb__lock_acquire(&rpc->lock);
    rpc->stats.calls_failed++;
    wsb__lock_release(&rpc->lock);
}

static void deliver_one(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch,
                        const wsb__rpc_message *message)
{
    bool is_answer = message->kind == WSB__RPC_RESULT || message->kind == WSB__RPC_ERROR ||
                     (message->kind == WSB__RPC_INVALID && !message->names_method);
    uint64_t id;
    bool has_id = is_answer && rpc->framing->read_id(message->id, &id);
    wsb__lock_acquire(&rpc->lock);
    wsb__rpc_call *call = has_id ? wsb__rpc_calls_take(rpc, id) : NULL;
    bool is_plain = call && !call->async && message->kind == WSB__RPC_RESULT;
    if (is_plain) /* counted here already, as the lock is held */
        wsb__histogram_add_span(&rpc->stats.latency, call->began, wsb__ticks_recent());
    if (!is_answer || message->kind == WSB__RPC_INVALID)
        rpc->stats.malformed++;
    else if (!call)
        rpc->stats.unknown_ids++;
    wsb__lock_release(&rpc->lock);
    if (!call)
        return;
    take_outcome(call, message);
    if (!is_plain) {
        wsb__rpc_call_end(rpc, call, scratch);
        return;
    }
    if (call->status != WSB_OK)
        count_failed(rpc);
    tell_waiter(call, scratch);
}

void wsb__rpc_deliver(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch)
{
    wsb__rpc_message message;
    wsb_status status = WSB_ERROR_MALFORMED;
    if (scratch->in.len <= rpc->options.max_message)
        status = wsb__rpc_open(&scratch->reader, wsb_bytes_of(scratch->in.data, scratch->in.len));
    if (status == WSB_ERROR_MALFORMED || (status == WSB_OK && scratch->reader.left == 0)) {
        wsb__lock_acquire(&rpc->lock);
        rpc->stats.malformed++;
        wsb__lock_release(&rpc->lock);
        return;
    }
    while (status == WSB_OK) {
        status = wsb__rpc_next(&scratch->reader, &message);
        if (status == WSB_OK)
            deliver_one(rpc, scratch, &message);
    }
    /* Nobody knows whose answer that was: none of them must wait for ever. */
    if (status == WSB_ERROR_OUT_OF_MEMORY)
        wsb__rpc_calls_fail(rpc, status, scratch);
}
