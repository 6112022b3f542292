/* The guest calls of an asynchronous call: one for typed calls and commands, a series for those
 * with structured data. */
#include "core/alloc.h"
#include "runtime/instance.h"
#include "sandbox/async_call.h"

#include <wasm_sandbox/plugin/error.h>

static wsb_status no_memory(wsb_error **out_error)
{
    return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL,
                         "no memory for an asynchronous call");
}

static wsb_status take_values(wsb__async_call *call, wsb_function *function, wsb_error **out_error)
{
    call->values = call->few;
    if (function->slots > WSB__ASYNC_FEW_VALUES)
        call->values = wsb__calloc(function->slots, sizeof *call->values);
    return call->values ? WSB_OK : no_memory(out_error);
}

static wsb_status prepare_typed(wsb__async_call *call, wsb_error **out_error)
{
    wsb__request *request = &call->request;
    wsb_status status = WSB_OK;
    if (!request->function)
        status =
            wsb_instance_function(call->instance, request->name, &request->function, out_error);
    if (status == WSB_OK)
        status = take_values(call, request->function, out_error);
    if (status == WSB_OK)
        status = wsb__function_arguments(request->function, request->args, request->arg_count,
                                         call->values, out_error);
    if (status != WSB_OK)
        return status;
    size_t count = wsb_function_get_type(request->function)->result_count;
    call->results = count ? wsb__calloc(count, sizeof *call->results) : NULL;
    if (count && !call->results)
        return no_memory(out_error);
    call->next = request->function;
    return WSB_OK;
}

static wsb_status prepare_command(wsb__async_call *call, wsb_error **out_error)
{
    call->values = call->few;
    return wsb__instance_command(call->instance, &call->next, out_error);
}

static wsb_status prepare_structured(wsb__async_call *call, wsb_error **out_error)
{
    const wsb__request *request = &call->request;
    wsb__structured *structured = wsb__alloc(sizeof *structured);
    if (!structured)
        return no_memory(out_error);
    call->structured = structured;
    wsb_status status = wsb__structured_begin(structured, call->instance, request->form,
                                              request->name, request->data, out_error);
    if (status == WSB_OK && structured->is_buffer)
        status = wsb__sequence_begin(call->instance, "call a buffer function", out_error);
    if (status != WSB_OK)
        return status;
    call->in_sequence = structured->is_buffer;
    call->values = structured->values;
    call->next = structured->next;
    return WSB_OK;
}

wsb_status wsb__guest_prepare(wsb__async_call *call, wsb_error **out_error)
{
    switch (call->request.kind) {
    case WSB__CALL_TYPED:
        return prepare_typed(call, out_error);
    case WSB__CALL_COMMAND:
        return prepare_command(call, out_error);
    default:
        return prepare_structured(call, out_error);
    }
}

void wsb__guest_returned(wsb__async_call *call, wsb_status status, wsb_error *error)
{
    if (call->structured) {
        wsb__structured_returned(call->structured, status, error);
        call->next = call->structured->next;
        return;
    }
    call->status = status;
    call->error = error;
    call->next = NULL;
}

static wsb_status fail(wsb__async_call *call, wsb_error **out_error)
{
    *out_error = call->error;
    call->error = NULL;
    return call->status;
}

static wsb_status finish_typed(wsb__async_call *call, wsb_error **out_error)
{
    wsb_future *future = &call->work.future;
    if (call->status != WSB_OK)
        return fail(call, out_error);
    const wsb_function *function = call->request.function;
    wsb__function_results(function, call->values, call->results);
    future->value_count = wsb_function_get_type(function)->result_count;
    future->result.values = call->results;
    call->results = NULL;
    return WSB_OK;
}

/* An exit is success here. */
static wsb_status finish_command(wsb__async_call *call, wsb_error **out_error)
{
    if (call->status != WSB_OK && call->status != WSB_ERROR_EXIT)
        return fail(call, out_error);
    call->work.future.result.exit_code =
        call->status == WSB_ERROR_EXIT ? wsb_error_code(call->error) : 0;
    return WSB_OK;
}

wsb_status wsb__guest_finish(wsb__async_call *call, wsb_error **out_error)
{
    switch (call->request.kind) {
    case WSB__CALL_TYPED:
        return finish_typed(call, out_error);
    case WSB__CALL_COMMAND:
        return finish_command(call, out_error);
    default: {
        wsb_buf data = WSB_BUF_INIT;
        wsb_status status = wsb__structured_finish(call->structured, &data, out_error);
        if (status == WSB_OK)
            call->work.future.result.data = data;
        return status;
    }
    }
}

void wsb__guest_fini(wsb__async_call *call)
{
    if (call->structured) {
        wsb__structured_fini(call->structured);
        wsb__free(call->structured);
    } else if (call->values != call->few) {
        wsb__free(call->values);
    }
    call->structured = NULL;
    call->values = NULL;
    wsb__free(call->results);
    call->results = NULL;
    wsb_error_destroy(call->error);
    call->error = NULL;
}
