/* Each request that comes in the background is a task: a method that takes its time holds up
 * neither the others nor the answers. */
#include "communication/rpc/rpc_background.h"
#include "core/alloc.h"

typedef struct request_task {
    wsb__task task; /* first */
    _Atomic uint32_t over;
    wsb_rpc_channel *rpc;
    wsb__rpc_scratch *scratch;
} request_task;

static void release(request_task *self)
{
    wsb_rpc_channel *rpc = self->rpc;
    wsb__rpc_scratch *scratch = self->scratch;
    (void)wsb__task_end(&self->task, &self->over, 1);
    wsb__free(self);
    wsb__rpc_leave(rpc, scratch);
}

static wsb__step step(wsb__task *task)
{
    request_task *self = (request_task *)task;
    wsb__rpc_serve_admitted(self->rpc, self->scratch, false);
    release(self);
    return WSB__STEP_DONE;
}

static void discard(wsb__task *task)
{
    request_task *self = (request_task *)task;
    wsb__rpc_served(self->rpc, self->scratch->in.len);
    release(self);
}

/* Methods end by themselves. */
static void cancel(wsb__task *task)
{
    (void)task;
}

static const wsb__task_ops request_ops = {.step = step, .discard = discard, .cancel = cancel};

static request_task *create(wsb__rpc_background *background)
{
    wsb_rpc_channel *rpc = background->rpc;
    request_task *self = wsb__calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->task.ops = &request_ops;
    self->rpc = rpc;
    if (wsb__rpc_enter(rpc, &self->scratch) == WSB_OK)
        return self;
    wsb__free(self);
    return NULL;
}

static void swap_in(wsb__rpc_scratch *a, wsb__rpc_scratch *b)
{
    wsb_buf in = a->in;
    a->in = b->in;
    b->in = in;
}

void wsb__rpc_request_start(wsb__rpc_background *background)
{
    wsb_rpc_channel *rpc = background->rpc;
    wsb__rpc_scratch *scratch = background->scratch;
    size_t len = scratch->in.len;
    if (!wsb__rpc_admit(rpc, len)) {
        wsb__rpc_refuse_frame(rpc, scratch);
        return;
    }
    request_task *self = create(background);
    if (self) {
        swap_in(scratch, self->scratch);
        if (wsb__executor_submit(background->executor, NULL, &self->task, 0, NULL) == WSB_OK)
            return;
        swap_in(scratch, self->scratch);
        wsb__rpc_leave(rpc, self->scratch);
        wsb__free(self);
    }
    wsb__rpc_served(rpc, len);
    wsb__rpc_refuse_frame(rpc, scratch);
}
