/* A call into an instance, as a task: waits for its turn, makes its guest calls one at a time
 * across suspensions, and ends its future. */
#include "sandbox/async_call.h"

#include "core/alloc.h"
#include "runtime/fiber.h"

#include <wasm_sandbox/plugin/error.h>

static const char operation[] = "call asynchronously";

static wsb__async_call *call_of(wsb__task *task)
{
    return (wsb__async_call *)task;
}

/* Last: the instance is free before anybody learns of the end, so that it can be called again. */
static wsb__step end(wsb__async_call *call, wsb_status status, wsb_error *error)
{
    wsb_instance *instance = call->instance;
    wsb__guest_fini(call);
    bool destroyed = wsb__turn_give_up(call);
    wsb__step step = wsb__work_end(&call->work, status, error);
    if (destroyed)
        wsb__instance_free(instance);
    return step;
}

static wsb__step refuse(wsb__async_call *call)
{
    wsb_error *error = NULL;
    wsb_status status = wsb__work_refused(&call->work, operation, &error);
    return end(call, status, error);
}

/* The guest calls are over, or could not begin. */
static wsb__step leave_guest(wsb__async_call *call, wsb_status status, wsb_error *error)
{
    if (call->in_sequence)
        wsb__sequence_end(call->instance);
    atomic_store(&call->phase, WSB__CALL_LEFT);
    if (status == WSB_OK)
        status = wsb__guest_finish(call, &error);
    return end(call, status, error);
}

/* Makes guest calls until one is suspended or none is left. */
static wsb__step make_guest_calls(wsb__async_call *call)
{
    wsb_instance *instance = call->instance;
    wsb__task *task = &call->work.future.task;
    while (call->next) {
        wsb_status status = WSB_OK;
        wsb_error *error = NULL;
        wsb__progress progress = call->in_guest ? wsb__call_continue(instance, &status, &error)
                                                : wsb__call_begin(instance, &call->next->target,
                                                                  call->values, &status, &error);
        call->in_guest = progress != WSB__CALL_ENDED;
        if (call->in_guest) {
            wsb__call_arm(instance, task);
            return progress == WSB__CALL_SUSPENDED ? WSB__STEP_WAIT : WSB__STEP_YIELD;
        }
        wsb__guest_returned(call, status, error);
    }
    return leave_guest(call, WSB_OK, NULL);
}

static wsb__step begin(wsb__async_call *call)
{
    wsb__task_unwatch(&call->work.future.task);
    wsb__turn turn =
        wsb__task_cancelled(&call->work.future.task) ? WSB__TURN_NEVER : wsb__turn_take(call);
    if (turn == WSB__TURN_LATER)
        return WSB__STEP_WAIT;
    if (turn == WSB__TURN_NEVER || atomic_load(&call->phase) == WSB__CALL_CANCELLED)
        return refuse(call);
    wsb_error *error = NULL;
    wsb_status status = wsb__guest_prepare(call, &error);
    if (status != WSB_OK)
        return leave_guest(call, status, error);
    call->prepared = true;
    return make_guest_calls(call);
}

static wsb__step step(wsb__task *task)
{
    wsb__async_call *call = call_of(task);
    if (!call->prepared)
        return begin(call);
    if (call->in_sequence)
        wsb__sequence_adopt(call->instance);
    return make_guest_calls(call);
}

static void discard(wsb__task *task)
{
    (void)refuse(call_of(task));
}

static void cancel(wsb__task *task)
{
    wsb__async_call *call = call_of(task);
    uint32_t phase = WSB__CALL_WAITS;
    if (!atomic_compare_exchange_strong(&call->phase, &phase, WSB__CALL_CANCELLED) &&
        phase == WSB__CALL_ENTERED)
        wsb_instance_cancel(call->instance);
}

static const wsb__task_ops call_ops = {.step = step, .discard = discard, .cancel = cancel};

/* --- making one --- */

static wsb_status invalid(const char *why, wsb_error **out_error)
{
    wsb_error_details details = {.operation = operation};
    return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, &details, "%s: %s", operation, why);
}

static wsb_status check(const wsb__request *request, const void *out_future, wsb_error **out_error)
{
    if (!out_future)
        return invalid("the place for the future is NULL", out_error);
    if ((request->name.len && !request->name.data) || (request->data.len && !request->data.data) ||
        (request->arg_count && !request->args))
        return invalid("a name, data or values are NULL but their length is not 0", out_error);
    return WSB_OK;
}

static wsb__result_kind result_of(wsb__call_kind kind)
{
    switch (kind) {
    case WSB__CALL_TYPED:
        return WSB__RESULT_VALUES;
    case WSB__CALL_COMMAND:
        return WSB__RESULT_EXIT_CODE;
    default:
        return WSB__RESULT_DATA;
    }
}

static void copy(void *to, const void *from, size_t size)
{
    if (size)
        memcpy(to, from, size);
}

/* One block for it all: a queued call is to be small. */
static wsb__async_call *create(const wsb__request *request, wsb_error **out_error)
{
    size_t args_size = 0;
    size_t size = 0;
    wsb__async_call *call = NULL;
    if (!__builtin_mul_overflow(request->arg_count, sizeof *request->args, &args_size) &&
        !__builtin_add_overflow(sizeof *call, args_size, &size) &&
        !__builtin_add_overflow(size, request->name.len, &size) &&
        !__builtin_add_overflow(size, request->data.len, &size))
        call = wsb__work_create(size, result_of(request->kind), &call_ops, NULL);
    if (!call) {
        wsb_error_details details = {.operation = operation};
        (void)wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, &details, "%s: out of memory",
                            operation);
        return NULL;
    }
    wsb_value *args = (wsb_value *)(call + 1);
    char *name = (char *)args + args_size;
    char *data = name + request->name.len;
    copy(args, request->args, args_size);
    copy(name, request->name.data, request->name.len);
    copy(data, request->data.data, request->data.len);
    call->request = *request;
    call->request.args = args;
    call->request.name.data = name;
    call->request.data = wsb_bytes_of(data, request->data.len);
    return call;
}

static wsb_status submit(wsb__async_call *call, const wsb_async_options *options,
                         wsb_future **out_future, wsb_error **out_error)
{
    wsb__turn_announce(call);
    wsb_status status =
        wsb__work_submit(&call->work, &call->instance->strand, options, out_future, out_error);
    if (status != WSB_OK) {
        (void)wsb__turn_give_up(call);
        wsb__work_abandon(&call->work);
    }
    return status;
}

wsb_status wsb__instance_submit(wsb_instance *instance, const wsb__request *request,
                                const wsb_async_options *options, wsb_future **out_future,
                                wsb_error **out_error)
{
    wsb_async_options resolved;
    if (!instance)
        return invalid("the instance or function is NULL", out_error);
    wsb_status status = check(request, out_future, out_error);
    if (status == WSB_OK)
        status = wsb__runtime_check_fork(instance->runtime, operation, out_error);
    if (status == WSB_OK)
        status = wsb__work_options(options, NULL, &resolved, out_error);
    if (status != WSB_OK)
        return status;
    wsb__async_call *call = create(request, out_error);
    if (!call)
        return WSB_ERROR_OUT_OF_MEMORY;
    call->instance = instance;
    return submit(call, &resolved, out_future, out_error);
}

wsb_status wsb__sandbox_submit(wsb_sandbox *sandbox, wsb_instance_id id,
                               const wsb__request *request, const wsb_async_options *options,
                               wsb_future **out_future, wsb_error **out_error)
{
    wsb_async_options resolved;
    if (!sandbox)
        return invalid("the sandbox is NULL", out_error);
    wsb_status status = check(request, out_future, out_error);
    if (status == WSB_OK)
        status = wsb__runtime_check_fork(sandbox->runtime, operation, out_error);
    if (status == WSB_OK)
        status = wsb__work_options(options, sandbox, &resolved, out_error);
    if (status != WSB_OK)
        return status;
    wsb__async_call *call = create(request, out_error);
    if (!call)
        return WSB_ERROR_OUT_OF_MEMORY;
    status = wsb__work_join(&call->work, sandbox, &id, operation, out_error);
    if (status != WSB_OK) {
        wsb__work_abandon(&call->work);
        return status;
    }
    call->instance = call->work.slot->instance;
    return submit(call, &resolved, out_future, out_error);
}
