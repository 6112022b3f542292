/* Several calls at once: one frame where the framing has batches, else one after the other. */
#include "communication/rpc/rpc_call.h"
#include "core/alloc.h"
#include "core/buffer.h"
#include "runtime/ticks.h"

typedef struct batch {
    wsb_rpc_channel *rpc;
    wsb__rpc_scratch *scratch;
    wsb_rpc_batch_call *calls;
    size_t count;
    wsb__rpc_call *records; /* of those that are no notifications, in their order */
    size_t requests;
    size_t *ends;
    wsb__rpc_goal goal;
} batch;

static wsb_status check_all(const batch *self, wsb_error **out_error)
{
    wsb_status status = WSB_OK;
    for (size_t i = 0; i < self->count && status == WSB_OK; i++)
        status = wsb__rpc_check_call(self->rpc, self->scratch, self->calls[i].method,
                                     self->calls[i].params, out_error);
    return status;
}

static wsb_status add_all(batch *self, wsb_error **out_error)
{
    wsb_status status = WSB_OK;
    size_t requests = 0;
    for (size_t i = 0; i < self->count; i++)
        requests += !self->calls[i].is_notification;
    atomic_init(&self->goal.pending, (uint32_t)requests);
    for (size_t i = 0; i < self->count && status == WSB_OK; i++) {
        if (self->calls[i].is_notification)
            continue;
        wsb__rpc_call *record = &self->records[self->requests];
        wsb__rpc_call_init(record, self->calls[i].method);
        record->waiter = self->scratch;
        record->pending = &self->goal.pending;
        status = wsb__rpc_add_call(self->rpc, record, out_error);
        self->requests += status == WSB_OK;
    }
    /* Those that are not there will not be counted down. */
    if (status != WSB_OK)
        atomic_fetch_sub(&self->goal.pending, (uint32_t)(requests - self->requests));
    return status;
}

static wsb_status write_one(batch *self, const wsb_rpc_batch_call *call, size_t *io_request)
{
    wsb_buf *out = &self->scratch->out;
    bool framed = self->rpc->framing->batches_frames;
    size_t max = self->rpc->options.max_message - framed + (framed ? 0 : out->len);
    const uint64_t *id = call->is_notification ? NULL : &self->records[(*io_request)++].id;
    wsb_status status = WSB_OK;
    if (framed)
        status = wsb__buf_append(out, out->len ? "," : "[", 1, max);
    if (status == WSB_OK)
        status = self->rpc->framing->write_call(out, max, id, call->method, call->params);
    if (!framed)
        self->ends[self->goal.frames++] = out->len;
    return status;
}

static wsb_status write_all(batch *self)
{
    wsb_status status = WSB_OK;
    size_t request = 0;
    self->scratch->out.len = 0;
    for (size_t i = 0; i < self->count && status == WSB_OK; i++)
        status = write_one(self, &self->calls[i], &request);
    if (status != WSB_OK || !self->rpc->framing->batches_frames)
        return status;
    status = wsb__buf_append(&self->scratch->out, "]", 1, self->rpc->options.max_message);
    self->ends[0] = self->scratch->out.len;
    self->goal.frames = 1;
    return status;
}

/* Gives each call its own outcome. */
static void hand_out(batch *self)
{
    size_t request = 0;
    for (size_t i = 0; i < self->count; i++) {
        wsb_rpc_batch_call *call = &self->calls[i];
        if (call->is_notification)
            continue;
        wsb__rpc_call *record = &self->records[request++];
        call->code = record->code;
        call->status = wsb__rpc_outcome_error(record, &call->error);
        call->result = record->result;
        record->result = (wsb_buf)WSB_BUF_INIT;
    }
}

static wsb_status exchange(batch *self, wsb_error **out_error)
{
    wsb_status status = check_all(self, out_error);
    if (status != WSB_OK)
        return status;
    status = add_all(self, out_error);
    if (status == WSB_OK) {
        status = write_all(self);
        if (status != WSB_OK)
            (void)wsb__rpc_write_failed(self->rpc, self->calls[0].method, status, out_error);
    }
    if (status == WSB_OK)
        status = wsb__rpc_wait(self->rpc, self->scratch, &self->goal, out_error);
    if (status != WSB_OK)
        wsb__rpc_calls_give_up(self->rpc, self->records, self->requests, status, self->scratch);
    bool was_sent = self->goal.frames > 0 && self->goal.sent == self->goal.frames;
    if (status != WSB_OK && status != WSB_ERROR_TIMEOUT && !was_sent)
        return status;
    hand_out(self);
    return WSB_OK;
}

static void count_notifications(batch *self)
{
    wsb__lock_acquire(&self->rpc->lock);
    self->rpc->stats.notifications += self->count - self->requests;
    wsb__lock_release(&self->rpc->lock);
}

static wsb_status run(batch *self, wsb_error **out_error)
{
    self->records = wsb__calloc(self->count, sizeof *self->records);
    self->ends = wsb__calloc(self->count, sizeof *self->ends);
    self->goal.ends = self->ends;
    wsb_status status = WSB_ERROR_OUT_OF_MEMORY;
    if (self->records && self->ends)
        status = exchange(self, out_error);
    else
        (void)wsb__rpc_write_failed(self->rpc, self->calls[0].method, status, out_error);
    for (size_t i = 0; self->records && i < self->requests; i++) {
        wsb_buf_fini(&self->records[i].result);
        wsb_error_destroy(self->records[i].error);
    }
    if (status == WSB_OK)
        count_notifications(self);
    wsb__free(self->records);
    wsb__free(self->ends);
    return status;
}

wsb_status wsb_rpc_channel_call_batch(wsb_rpc_channel *rpc, wsb_rpc_batch_call *calls, size_t count,
                                      uint64_t timeout_ns, wsb_error **out_error)
{
    batch self = {.rpc = rpc, .calls = calls, .count = count};
    wsb_status status = WSB_ERROR_INVALID_ARGUMENT;
    if (rpc && (calls || count == 0) && count <= UINT32_MAX)
        status = wsb__rpc_enter(rpc, &self.scratch);
    if (status != WSB_OK)
        return wsb__rpc_status_error(status, "call batch", wsb_cstr(NULL), out_error);
    for (size_t i = 0; i < count; i++) {
        calls[i].status = WSB_OK;
        calls[i].code = 0;
        calls[i].result = (wsb_buf)WSB_BUF_INIT;
        calls[i].error = NULL;
    }
    self.goal.began = wsb__ticks();
    self.goal.timeout_ns = timeout_ns;
    self.goal.hands_over = true;
    if (count > 0)
        status = run(&self, out_error);
    wsb__rpc_leave(rpc, self.scratch);
    return status;
}
