/* The buffer convention: (ptr, len) -> ptr << 32 | len, in memory that the guest allocates. Every
 * address comes from the guest and is checked, with its length, against the present memory. */
#include "core/buffer.h"
#include "core/little_endian.h"
#include "runtime/instance.h"
#include "sandbox/structured.h"

#include <stdio.h>
#include <wasm_sandbox/plugin/error.h>

static bool is_type(const wsb_function_type *type, size_t params, size_t results)
{
    if (type->param_count != params || type->result_count != results)
        return false;
    for (size_t i = 0; i < params; i++) {
        if (type->params[i] != WSB_I32)
            return false;
    }
    return true;
}

/* Finds the allocator. The scan named it; its signature is checked again, as the calls below rely
 * on it. */
static wsb_status find_allocator(wsb__structured *call, wsb_error **out_error)
{
    wsb__buffer_call *buffer = &call->buffer;
    const wsb_module_info *info = wsb_module_get_info(wsb_instance_module(call->instance));
    if (info->allocator.len == 0 || !info->has_memory)
        return wsb__site_error(&call->site, WSB_ERROR_UNSUPPORTED,
                               "export memory, wsb_alloc(i32) -> i32 and wsb_free(i32, i32) "
                               "(wasm_sandbox_guest.h does)",
                               out_error,
                               "the module exports no allocator that the buffer "
                               "convention knows");
    wsb_status status =
        wsb_instance_function(call->instance, info->allocator, &buffer->alloc, out_error);
    if (status == WSB_OK)
        status = wsb_instance_function(call->instance, info->deallocator, &buffer->free, out_error);
    if (status != WSB_OK)
        return status;
    const wsb_function_type *alloc = wsb_function_get_type(buffer->alloc);
    const wsb_function_type *release = wsb_function_get_type(buffer->free);
    buffer->free_takes_size = is_type(release, 2, 0);
    if (!is_type(alloc, 1, 1) || alloc->results[0] != WSB_I32 ||
        !(buffer->free_takes_size || is_type(release, 1, 0)))
        return wsb__site_error(&call->site, WSB_ERROR_UNSUPPORTED, NULL, out_error,
                               "the module's allocator has another signature than the buffer "
                               "convention needs");
    return WSB_OK;
}

wsb_status wsb__buffer_begin(wsb__structured *call, wsb_error **out_error)
{
    wsb__buffer_call *buffer = &call->buffer;
    const wsb_function_type *type = wsb_function_get_type(call->function);
    if (buffer->input.len > WSB__BUFFER_MAX_BYTES || (buffer->input.len && !buffer->input.data))
        return wsb__site_error(&call->site, WSB_ERROR_INVALID_ARGUMENT, NULL, out_error,
                               "the arguments are NULL or have more than the %zu bytes allowed",
                               WSB__BUFFER_MAX_BYTES);
    if (!is_type(type, 2, 1) || type->results[0] != WSB_I64)
        return wsb__site_error(&call->site, WSB_ERROR_TYPE_MISMATCH, NULL, out_error,
                               "a function of the buffer convention has the signature "
                               "(i32, i32) -> i64, this one has another");
    wsb_status status = find_allocator(call, out_error);
    if (status != WSB_OK)
        return status;
    /* At least a byte, since an allocator may answer 0 for none. */
    buffer->block = (wsb__range){0, buffer->input.len ? (uint32_t)buffer->input.len : 1};
    buffer->step = WSB__BUFFER_ALLOCATE;
    call->values[0].u32 = buffer->block.len;
    call->next = buffer->alloc;
    return WSB_OK;
}

/* The guest's memory at `at`; WSB_ERROR_GUEST where it is not all inside. */
static wsb_status view(const wsb__structured *call, wsb__range at, const char *what,
                       uint8_t **out_data, wsb_error **out_error)
{
    wsb_status status = wsb__instance_memory(call->instance, at.ptr, at.len, out_data, NULL);
    if (status != WSB_ERROR_LIMIT_EXCEEDED && status != WSB_ERROR_NOT_FOUND)
        return status == WSB_OK
                   ? WSB_OK
                   : wsb__instance_memory(call->instance, at.ptr, at.len, out_data, out_error);
    return wsb__site_error(&call->site, WSB_ERROR_GUEST, NULL, out_error,
                           "the guest's %s, %u bytes at %u, is outside of its memory of %llu bytes",
                           what, at.len, at.ptr,
                           (unsigned long long)wsb_instance_memory_size(call->instance));
}

/* The guest's call next: to give a block back. */
static void give_back(wsb__structured *call, wsb__buffer_step step, wsb__range at)
{
    call->buffer.step = step;
    call->values[0].u32 = at.ptr;
    call->values[1].u32 = at.len;
    call->next = call->buffer.free;
}

/* Copies the input into the memory that the guest allocated. */
static wsb_status hand_over(wsb__structured *call, wsb_error **out_error)
{
    wsb__buffer_call *buffer = &call->buffer;
    buffer->block.ptr = call->values[0].u32;
    if (buffer->block.ptr == 0)
        return wsb__site_error(&call->site, WSB_ERROR_GUEST, "raise max_memory", out_error,
                               "the guest has no memory for %u bytes of arguments",
                               buffer->block.len);
    uint8_t *data = NULL;
    wsb_status status = view(call, buffer->block, "allocation", &data, out_error);
    if (status != WSB_OK)
        return status;
    if (buffer->input.len)
        memcpy(data, buffer->input.data, buffer->input.len);
    buffer->step = WSB__BUFFER_ENTER;
    call->values[0].u32 = buffer->block.ptr;
    call->values[1].u32 = (uint32_t)buffer->input.len;
    call->next = call->function;
    return WSB_OK;
}

static bool overlaps(wsb__range a, wsb__range b)
{
    uint64_t a_end = (uint64_t)a.ptr + a.len;
    uint64_t b_end = (uint64_t)b.ptr + b.len;
    return a.ptr < b_end && b.ptr < a_end;
}

/* Copies the result out. On failure nothing of the result is known to be the allocator's. */
static wsb_status take(wsb__structured *call, wsb__range result, wsb_error **out_error)
{
    wsb__range input = call->buffer.block;
    if (result.len > WSB__BUFFER_MAX_BYTES)
        return wsb__site_error(&call->site, WSB_ERROR_GUEST, NULL, out_error,
                               "the guest's result has %u bytes, more than the %zu allowed",
                               result.len, WSB__BUFFER_MAX_BYTES);
    uint8_t *data = NULL;
    wsb_status status = view(call, result, "result", &data, out_error);
    if (status != WSB_OK)
        return status;
    if (overlaps(input, result))
        return wsb__site_error(&call->site, WSB_ERROR_GUEST, "return a copy", out_error,
                               "the guest's result, %u bytes at %u, overlaps its arguments, %u "
                               "bytes at %u: the host frees both",
                               result.len, result.ptr, input.len, input.ptr);
    status = wsb__buf_append(&call->payload, data, result.len, WSB__BUFFER_MAX_BYTES);
    if (status == WSB_OK)
        return WSB_OK;
    return wsb__site_error(&call->site, status, NULL, out_error,
                           "no room on the host for a result of %u bytes", result.len);
}

/* The function has returned: takes its result, and gives back what is to be given back next. */
static void take_result(wsb__structured *call)
{
    uint64_t packed = call->values[0].u64;
    wsb__range result = {(uint32_t)(packed >> 32), (uint32_t)packed};
    /* Many languages let an empty slice point anywhere: there is nothing to take or to free. */
    if (call->status == WSB_OK && result.len)
        call->status = take(call, result, &call->error);
    if (call->status == WSB_OK && result.len)
        give_back(call, WSB__BUFFER_FREE_RESULT, result);
    else
        give_back(call, WSB__BUFFER_FREE_INPUT, call->buffer.block);
}

/* After a failure the guest may be closed; giving back is then refused, and that is fine: the first
 * failure is the one that is told. */
void wsb__buffer_returned(wsb__structured *call)
{
    switch (call->buffer.step) {
    case WSB__BUFFER_ALLOCATE:
        if (call->status == WSB_OK)
            call->status = hand_over(call, &call->error);
        break;
    case WSB__BUFFER_ENTER:
        take_result(call);
        break;
    case WSB__BUFFER_FREE_RESULT:
        give_back(call, WSB__BUFFER_FREE_INPUT, call->buffer.block);
        break;
    case WSB__BUFFER_FREE_INPUT:
        break;
    }
}

/* Splits the status off a result. */
static wsb_status check_status(const wsb__site *site, wsb_buf *payload, wsb_error **out_error)
{
    if (payload->len < 4)
        return wsb__site_error(site, WSB_ERROR_GUEST, "return it with wsb_guest_ok()", out_error,
                               "the guest's result of %zu bytes is too short for its status",
                               payload->len);
    uint32_t code = wsb__get32(payload->data);
    if (code == 0) {
        payload->len -= 4;
        memmove(payload->data, payload->data + 4, payload->len + 1);
        return WSB_OK;
    }
    char name[128];
    char operation[160];
    char message[1024];
    wsb__sanitize(name, sizeof name, site->function.data, site->function.len);
    snprintf(operation, sizeof operation, "call '%s' with %s", name, site->form);
    wsb__sanitize(message, sizeof message, payload->data + 4, payload->len - 4);
    wsb_error_details details = {.operation = operation, .code = (int32_t)code};
    return wsb_error_set(out_error, WSB_ERROR_GUEST, &details, "%s",
                         message[0] ? message : "the guest reported an error without a message");
}

wsb_status wsb__buffer_finish(wsb__structured *call, wsb_error **out_error)
{
    return call->buffer.has_status ? check_status(&call->site, &call->payload, out_error) : WSB_OK;
}
