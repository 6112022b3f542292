/* Calls, notifications and batches of the caller's own thread. */
#include "communication/rpc/rpc_call.h"

#include "core/alloc.h"
#include "core/buffer.h"
#include "runtime/ticks.h"

#include <stdio.h>
#include <wasm_sandbox/plugin/error.h>

/* To check and write more than these takes longer than a moment. */
enum { BRIEF_PARAMS = 1024 };

wsb_status wsb__rpc_check_call(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch, wsb_str method,
                               wsb_bytes params, wsb_error **out_error)
{
    if ((method.len && !method.data) || (params.len && !params.data))
        return wsb__rpc_error(WSB_ERROR_INVALID_ARGUMENT, "call", method, NULL, out_error,
                              "NULL with a length");
    if (!wsb__utf8_valid(method.data, method.len))
        return wsb__rpc_error(WSB_ERROR_INVALID_ARGUMENT, "call", method, NULL, out_error,
                              "the method's name is not UTF-8");
    const char *problem =
        params.len ? rpc->framing->check_value(&scratch->reader, params, true) : NULL;
    if (!problem)
        return WSB_OK;
    bool is_memory = scratch->reader.check.out_of_memory && rpc->framing == &wsb__rpc_json;
    return wsb__rpc_error(is_memory ? WSB_ERROR_OUT_OF_MEMORY : WSB_ERROR_MALFORMED, "call", method,
                          "give an array or an object (a map), or nothing", out_error,
                          "the parameters are not %s: %s", rpc->framing->name, problem);
}

wsb_status wsb__rpc_write_failed(wsb_rpc_channel *rpc, wsb_str method, wsb_status status,
                                 wsb_error **out_error)
{
    if (status != WSB_ERROR_LIMIT_EXCEEDED)
        return wsb__rpc_status_error(status, "call", method, out_error);
    wsb_error_details details = {
        .operation = "call",
        .subject = "max_message",
        .suggestion = "send less at once, or raise max_message",
        .allowed = rpc->options.max_message,
    };
    return wsb_error_set(out_error, status, &details, "call: the frame is larger than %llu bytes",
                         (unsigned long long)rpc->options.max_message);
}

static wsb_status add_failed(const wsb_rpc_channel *rpc, wsb_str method, wsb_status status,
                             wsb_error **out_error)
{
    if (status != WSB_ERROR_LIMIT_EXCEEDED)
        return wsb__rpc_status_error(status, "call", method, out_error);
    wsb_error_details details = {
        .operation = "call",
        .subject = "max_outstanding",
        .suggestion = "wait for answers, or raise max_outstanding",
        .used = rpc->options.max_outstanding,
        .allowed = rpc->options.max_outstanding,
    };
    return wsb_error_set(out_error, status, &details, "call: %llu calls have no answer yet",
                         (unsigned long long)rpc->options.max_outstanding);
}

/* Under the lock. */
static wsb_status add(wsb_rpc_channel *rpc, wsb__rpc_call *call)
{
    return rpc->closed ? WSB_ERROR_CLOSED : wsb__rpc_calls_add(rpc, call);
}

wsb_status wsb__rpc_add_call(wsb_rpc_channel *rpc, wsb__rpc_call *call, wsb_error **out_error)
{
    wsb__lock_acquire(&rpc->lock);
    wsb_status status = add(rpc, call);
    wsb__lock_release(&rpc->lock);
    return status == WSB_OK ? WSB_OK : add_failed(rpc, call->method, status, out_error);
}

/* wsb__rpc_enter() and wsb__rpc_add_call() in one: the call is the scratch's. */
static wsb_status enter_with(wsb_rpc_channel *rpc, wsb__rpc_call *call,
                             wsb__rpc_scratch **out_scratch, wsb_error **out_error)
{
    wsb_status status = WSB_ERROR_FORKED;
    if (!wsb__rpc_is_forked(rpc)) {
        wsb__lock_acquire(&rpc->lock);
        status = wsb__rpc_enter_locked(rpc, out_scratch);
        if (status == WSB_OK) {
            call->waiter = *out_scratch;
            status = add(rpc, call);
            if (status != WSB_OK)
                wsb__rpc_leave_locked(rpc, *out_scratch);
        }
        wsb__lock_release(&rpc->lock);
    }
    if (status != WSB_OK)
        (void)add_failed(rpc, call->method, status, out_error);
    return status;
}

void wsb__rpc_call_init(wsb__rpc_call *call, wsb_str method)
{
    call->began = wsb__ticks();
    call->id = 0;
    call->method = method;
    call->waiter = NULL;
    call->pending = NULL;
    call->async = NULL;
    call->status = WSB_OK;
    call->code = 0;
    call->result = (wsb_buf)WSB_BUF_INIT;
    call->error = NULL;
}

wsb_status wsb__rpc_outcome_error(wsb__rpc_call *call, wsb_error **out_error)
{
    const char *suggestion = NULL;
    switch (call->status) {
    case WSB_OK:
        return WSB_OK;
    case WSB_ERROR_REMOTE: /* what the other side said */
        if (out_error)
            *out_error = call->error;
        else
            wsb_error_destroy(call->error);
        call->error = NULL;
        return call->status;
    case WSB_ERROR_TIMEOUT:
        suggestion = "see whether the other side serves, or give it more time";
        return wsb__rpc_error(call->status, "call", call->method, suggestion, out_error,
                              "no answer came in time");
    case WSB_ERROR_CLOSED:
        return wsb__rpc_error(call->status, "call", call->method, NULL, out_error,
                              "the channel was closed before the answer came");
    case WSB_ERROR_MALFORMED:
        return wsb__rpc_error(call->status, "call", call->method, NULL, out_error,
                              "the other side's answer is not a valid response");
    default:
        return wsb__rpc_status_error(call->status, "call", call->method, out_error);
    }
}

static wsb_status exchange(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch, wsb__rpc_call *call,
                           wsb_bytes params, wsb__rpc_goal *goal, wsb_error **out_error)
{
    wsb_str method = call->method;
    scratch->out.len = 0;
    wsb_status status = rpc->framing->write_call(&scratch->out, rpc->options.max_message, &call->id,
                                                 method, params);
    goal->only_end = scratch->out.len;
    goal->ends = &goal->only_end;
    if (status != WSB_OK) {
        wsb__rpc_calls_give_up(rpc, call, 1, status, scratch);
        return wsb__rpc_write_failed(rpc, method, status, out_error);
    }
    status = wsb__rpc_wait(rpc, scratch, goal, out_error);
    if (status != WSB_OK)
        wsb__rpc_calls_give_up(rpc, call, 1, status, scratch);
    if (status != WSB_OK && status != WSB_ERROR_TIMEOUT && goal->sent == 0)
        return status; /* it could not be sent, and the channel has said why */
    /* The answer may have come while it was being given up. */
    return wsb__rpc_outcome_error(call, out_error);
}

/* The call is there already: it can have come to an outcome at any time. */
static wsb_status call_with(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch, wsb__rpc_call *call,
                            wsb_bytes params, wsb__rpc_goal *goal, wsb_error **out_error)
{
    wsb_status status = wsb__rpc_check_call(rpc, scratch, call->method, params, out_error);
    if (status == WSB_OK)
        return exchange(rpc, scratch, call, params, goal, out_error);
    wsb__rpc_calls_forget(rpc, call, scratch);
    return status;
}

wsb_status wsb_rpc_channel_call(wsb_rpc_channel *rpc, wsb_str method, wsb_bytes params,
                                uint64_t timeout_ns, wsb_buf *out_result, wsb_error **out_error)
{
    wsb__rpc_scratch *scratch;
    wsb__rpc_call call;
    if (!rpc || !out_result)
        return wsb__rpc_error(WSB_ERROR_INVALID_ARGUMENT, "call", method, NULL, out_error,
                              "a NULL argument");
    wsb__rpc_call_init(&call, method);
    wsb__rpc_goal goal = {
        .hands_over = true, .frames = 1, .began = call.began, .timeout_ns = timeout_ns};
    atomic_init(&goal.pending, 1);
    call.pending = &goal.pending;
    wsb_status status = enter_with(rpc, &call, &scratch, out_error);
    if (status != WSB_OK)
        return status;
    wsb__moment = params.len <= BRIEF_PARAMS ? call.began : 0;
    status = call_with(rpc, scratch, &call, params, &goal, out_error);
    wsb__moment = 0;
    wsb__rpc_leave(rpc, scratch);
    if (status == WSB_OK)
        *out_result = call.result;
    else
        wsb_buf_fini(&call.result);
    wsb_error_destroy(call.error);
    return status;
}

wsb_status wsb_rpc_channel_notify(wsb_rpc_channel *rpc, wsb_str method, wsb_bytes params,
                                  uint64_t timeout_ns, wsb_error **out_error)
{
    wsb__rpc_scratch *scratch;
    size_t end;
    wsb__rpc_goal goal = {.ends = &end, .frames = 1};
    wsb_status status = rpc ? wsb__rpc_enter(rpc, &scratch) : WSB_ERROR_INVALID_ARGUMENT;
    if (status != WSB_OK)
        return wsb__rpc_status_error(status, "notify", method, out_error);
    goal.began = wsb__ticks();
    goal.timeout_ns = timeout_ns;
    atomic_init(&goal.pending, 0);
    status = wsb__rpc_check_call(rpc, scratch, method, params, out_error);
    if (status == WSB_OK) {
        scratch->out.len = 0;
        status =
            rpc->framing->write_call(&scratch->out, rpc->options.max_message, NULL, method, params);
        end = scratch->out.len;
        status = status == WSB_OK ? wsb__rpc_wait(rpc, scratch, &goal, out_error)
                                  : wsb__rpc_write_failed(rpc, method, status, out_error);
        if (status == WSB_ERROR_TIMEOUT && timeout_ns == 0)
            status = WSB_ERROR_WOULD_BLOCK;
        if (status == WSB_ERROR_TIMEOUT || status == WSB_ERROR_WOULD_BLOCK)
            status = wsb__rpc_error(status, "notify", method, "give it more time", out_error,
                                    "there was no room in the channel");
    }
    if (status == WSB_OK) {
        wsb__lock_acquire(&rpc->lock);
        rpc->stats.notifications++;
        wsb__lock_release(&rpc->lock);
    }
    wsb__rpc_leave(rpc, scratch);
    return status;
}

wsb_status wsb_rpc_channel_serve(wsb_rpc_channel *rpc, uint64_t timeout_ns, wsb_error **out_error)
{
    wsb__rpc_scratch *scratch;
    wsb__rpc_goal goal = {.serves = true};
    wsb_status status = rpc ? wsb__rpc_enter(rpc, &scratch) : WSB_ERROR_INVALID_ARGUMENT;
    if (status != WSB_OK)
        return wsb__rpc_status_error(status, "serve", wsb_cstr(NULL), out_error);
    goal.began = wsb__ticks();
    goal.timeout_ns = timeout_ns;
    atomic_init(&goal.pending, 0);
    status = wsb__rpc_wait(rpc, scratch, &goal, out_error);
    wsb__rpc_leave(rpc, scratch);
    if (status == WSB_ERROR_CLOSED)
        return WSB_OK;
    return wsb__rpc_status_error(status, "serve", wsb_cstr(NULL), out_error);
}
