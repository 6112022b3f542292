#include "communication/rpc/rpc_background.h"

#include "core/alloc.h"
#include "runtime/executor.h"

/* Then other tasks have their turn. */
enum { FRAMES_A_STEP = 64 };

static const wsb_channel_event all_events[] = {WSB_CHANNEL_CAN_RECEIVE, WSB_CHANNEL_CAN_SEND,
                                               WSB_CHANNEL_CAN_RECEIVE_RESULT,
                                               WSB_CHANNEL_CAN_SEND_RESULT};

void wsb__rpc_background_tell(wsb_rpc_channel *rpc)
{
    if (rpc->background)
        wsb_waker_wake(&rpc->background->alarm->waker);
}

static void stop_waiting(wsb__rpc_background *background)
{
    for (size_t i = 0; i < 4; i++)
        if (background->events & (unsigned)all_events[i])
            wsb_channel_unwait(background->rpc->channel, all_events[i], &background->alarm->waker);
    background->events = 0;
}

/* Whether the channel could be waited for: else the task is stepped again. */
static bool start_waiting(wsb__rpc_background *background, unsigned events)
{
    for (size_t i = 0; i < 4; i++) {
        if (!(events & (unsigned)all_events[i]))
            continue;
        if (wsb_channel_wait(background->rpc->channel, all_events[i], &background->alarm->waker,
                             NULL) != WSB_OK)
            return false;
        background->events |= (unsigned)all_events[i];
    }
    return true;
}

/* WSB_OK where there may be more. */
static wsb_status read_results(wsb__rpc_background *background)
{
    wsb__rpc_scratch *scratch = background->scratch;
    for (int i = 0; i < FRAMES_A_STEP; i++) {
        wsb_status status =
            wsb_channel_receive_result(background->rpc->channel, &scratch->in, 0, NULL);
        if (status != WSB_OK)
            return status;
        wsb__rpc_deliver(background->rpc, scratch);
    }
    return WSB_OK;
}

static wsb_status read_requests(wsb__rpc_background *background)
{
    for (int i = 0; i < FRAMES_A_STEP; i++) {
        wsb_status status =
            wsb_channel_receive(background->rpc->channel, &background->scratch->in, 0, NULL);
        if (status != WSB_OK)
            return status;
        wsb__rpc_request_start(background);
    }
    return WSB_OK;
}

/* Reads and sends; gives what to wait for before there is more to do. */
static unsigned work(wsb__rpc_background *background, bool *out_more)
{
    wsb_rpc_channel *rpc = background->rpc;
    unsigned events = 0;
    wsb_status results = read_results(background);
    if (results != WSB_OK && results != WSB_ERROR_WOULD_BLOCK)
        wsb__rpc_calls_fail(rpc, results, background->scratch);
    else
        events |= WSB_CHANNEL_CAN_RECEIVE_RESULT;
    if (wsb__rpc_flush_answers(rpc))
        events |= WSB_CHANNEL_CAN_SEND_RESULT;
    if (wsb__rpc_async_flush(background))
        events |= WSB_CHANNEL_CAN_SEND;
    wsb_status requests = read_requests(background);
    bool no_requests = requests == WSB_ERROR_CLOSED || requests == WSB_ERROR_FORKED;
    if (!no_requests)
        events |= WSB_CHANNEL_CAN_RECEIVE;
    /* Closed in between, the results are looked at once more: calls that wait end with them. */
    background->is_over = no_requests && !(events & WSB_CHANNEL_CAN_RECEIVE_RESULT);
    *out_more = results == WSB_OK || requests == WSB_OK;
    return events;
}

/* All is given up; the memory stays until the owner releases it. */
static void end(wsb__rpc_background *background)
{
    wsb_rpc_channel *rpc = background->rpc;
    wsb__rpc_scratch *scratch = background->scratch;
    wsb__rpc_alarm_silence(background->alarm);
    (void)wsb__task_end(&background->task, &background->over, 1);
    wsb__rpc_leave(rpc, scratch);
}

/* Whether nothing is left that this task has to finish. */
static bool wind_up(wsb__rpc_background *background)
{
    wsb_rpc_channel *rpc = background->rpc;
    wsb__rpc_calls_fail(rpc, WSB_ERROR_CLOSED, background->scratch);
    wsb__rpc_async_finish(background);
    wsb__lock_acquire(&rpc->lock);
    bool finished = background->calls == 0;
    wsb__lock_release(&rpc->lock);
    return finished;
}

static bool is_ending(wsb__rpc_background *background)
{
    wsb__lock_acquire(&background->rpc->lock);
    bool ending = background->ending;
    wsb__lock_release(&background->rpc->lock);
    return ending;
}

static wsb__step step(wsb__task *task)
{
    wsb__rpc_background *background = (wsb__rpc_background *)task;
    bool more = false;
    wsb__task_unwatch(task);
    stop_waiting(background);
    /* Callbacks of futures belong on the executor's threads; one that hands over is another. */
    if (wsb__executor_is_visiting())
        return WSB__STEP_YIELD;
    if (is_ending(background)) {
        if (!wind_up(background))
            return WSB__STEP_WAIT; /* whoever has the last call tells */
        end(background);
        return WSB__STEP_DONE;
    }
    unsigned events = background->is_over ? 0 : work(background, &more);
    uint64_t next = wsb__rpc_async_expire(background);
    wsb__rpc_async_finish(background);
    if (more || !start_waiting(background, events))
        return WSB__STEP_YIELD;
    if (wsb__task_watch(task, NULL, 0, next) != WSB_OK)
        return WSB__STEP_YIELD;
    return WSB__STEP_WAIT;
}

/* It never began. Nobody can have made an asynchronous call that is in another thread's hands for
 * longer than a moment. */
static void discard(wsb__task *task)
{
    wsb__rpc_background *background = (wsb__rpc_background *)task;
    wsb_rpc_channel *rpc = background->rpc;
    while (!wind_up(background)) {
        wsb__lock_acquire(&rpc->lock);
        while (background->calls > 0 && !background->ended)
            wsb__lock_await(&rpc->lock, &rpc->quiet);
        wsb__lock_release(&rpc->lock);
    }
    end(background);
}

static void cancel(wsb__task *task)
{
    (void)task; /* `ending` says it, and the task is woken */
}

static const wsb__task_ops background_ops = {.step = step, .discard = discard, .cancel = cancel};

static wsb__rpc_background *create(wsb_rpc_channel *rpc, wsb_executor *executor)
{
    wsb__rpc_background *background = wsb__calloc(1, sizeof *background);
    if (!background)
        return NULL;
    background->task.ops = &background_ops;
    background->rpc = rpc;
    background->next_deadline = UINT64_MAX;
    background->alarm = wsb__rpc_alarm_create(&background->task);
    if (!background->alarm) {
        wsb__free(background);
        return NULL;
    }
    background->executor = wsb__executor_ref(executor);
    return background;
}

static void release(wsb__rpc_background *background)
{
    wsb__rpc_alarm_silence(background->alarm);
    wsb_waker_unref(&background->alarm->waker);
    wsb_executor_destroy(background->executor);
    wsb__free(background);
}

static wsb_status install(wsb_rpc_channel *rpc, wsb__rpc_background *background)
{
    wsb__lock_acquire(&rpc->lock);
    wsb_status status = rpc->background ? WSB_ERROR_ALREADY_EXISTS
                        : rpc->closed   ? WSB_ERROR_CLOSED
                                        : WSB_OK;
    if (status == WSB_OK) {
        background->scratch = wsb__rpc_scratch_take(rpc);
        status = background->scratch ? WSB_OK : WSB_ERROR_OUT_OF_MEMORY;
    }
    if (status == WSB_OK) {
        rpc->users++;
        /* The alarm must not ring before the task is the executor's. */
        status = wsb__executor_submit(background->executor, NULL, &background->task, 0, NULL);
        if (status == WSB_OK) {
            rpc->background = background;
        } else {
            rpc->users--;
            wsb__rpc_scratch_give(rpc, background->scratch);
        }
    }
    wsb__lock_release(&rpc->lock);
    return status;
}

wsb_status wsb_rpc_channel_attach(wsb_rpc_channel *rpc, wsb_executor *executor,
                                  wsb_error **out_error)
{
    wsb_status status = WSB_ERROR_INVALID_ARGUMENT;
    if (rpc && executor)
        status = wsb__rpc_is_forked(rpc) ? WSB_ERROR_FORKED : WSB_OK;
    wsb__rpc_background *background = status == WSB_OK ? create(rpc, executor) : NULL;
    if (status == WSB_OK)
        status = background ? install(rpc, background) : WSB_ERROR_OUT_OF_MEMORY;
    if (status == WSB_OK)
        return WSB_OK;
    if (background)
        release(background);
    return wsb__rpc_error(status, "attach RPC to executor", wsb_cstr(NULL), NULL, out_error, "%s",
                          status == WSB_ERROR_ALREADY_EXISTS ? "it is attached already"
                                                             : wsb_status_text(status));
}

void wsb__rpc_background_end(wsb_rpc_channel *rpc)
{
    wsb__lock_acquire(&rpc->lock);
    wsb__rpc_background *background = rpc->background;
    if (background)
        background->ending = true;
    wsb__lock_release(&rpc->lock);
    if (background)
        wsb__task_cancel(&background->task);
}

void wsb__rpc_background_release(wsb_rpc_channel *rpc)
{
    if (rpc->background)
        release(rpc->background);
    rpc->background = NULL;
}
