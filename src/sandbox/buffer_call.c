/* The buffer convention: (ptr, len) -> ptr << 32 | len, in memory that the guest allocates. Every
 * address comes from the guest and is checked, with its length, against the present memory. */
#include "core/buffer.h"
#include "runtime/instance.h"
#include "sandbox/structured.h"

#include <stdio.h>
#include <wasm_sandbox/plugin/error.h>

/* A range of guest memory that the guest's allocator made. */
typedef struct range {
    uint32_t ptr;
    uint32_t len;
} range;

typedef struct buffer_call {
    wsb_instance *instance;
    wsb_function *function;
    const wsb__site *site;
    wsb_function *alloc;
    wsb_function *free;
    bool free_takes_size;
} buffer_call;

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

bool wsb__buffer_signature(const wsb_function_type *type)
{
    return is_type(type, 2, 1) && type->results[0] == WSB_I64;
}

/* Finds the allocator. The scan named it; its signature is checked again, as the raw call below
 * relies on it. */
static wsb_status prepare(buffer_call *call, wsb_error **out_error)
{
    const wsb_module_info *info = wsb_module_get_info(wsb_instance_module(call->instance));
    if (!wsb__buffer_signature(wsb_function_get_type(call->function)))
        return wsb__site_error(call->site, WSB_ERROR_TYPE_MISMATCH, NULL, out_error,
                               "a function of the buffer convention has the signature "
                               "(i32, i32) -> i64, this one has another");
    if (info->allocator.len == 0 || !info->has_memory)
        return wsb__site_error(call->site, WSB_ERROR_UNSUPPORTED,
                               "export memory, wsb_alloc(i32) -> i32 and wsb_free(i32, i32) "
                               "(wasm_sandbox_guest.h does)",
                               out_error,
                               "the module exports no allocator that the buffer "
                               "convention knows");
    wsb_status status =
        wsb_instance_function(call->instance, info->allocator, &call->alloc, out_error);
    if (status == WSB_OK)
        status = wsb_instance_function(call->instance, info->deallocator, &call->free, out_error);
    if (status != WSB_OK)
        return status;
    const wsb_function_type *alloc = wsb_function_get_type(call->alloc);
    const wsb_function_type *release = wsb_function_get_type(call->free);
    call->free_takes_size = is_type(release, 2, 0);
    if (!is_type(alloc, 1, 1) || alloc->results[0] != WSB_I32 ||
        !(call->free_takes_size || is_type(release, 1, 0)))
        return wsb__site_error(call->site, WSB_ERROR_UNSUPPORTED, NULL, out_error,
                               "the module's allocator has another signature than the buffer "
                               "convention needs");
    return WSB_OK;
}

/* The guest's memory at `at`; WSB_ERROR_GUEST where it is not all inside. */
static wsb_status view(const buffer_call *call, range at, const char *what, uint8_t **out_data,
                       wsb_error **out_error)
{
    wsb_status status = wsb__instance_memory(call->instance, at.ptr, at.len, out_data, NULL);
    if (status != WSB_ERROR_LIMIT_EXCEEDED && status != WSB_ERROR_NOT_FOUND)
        return status == WSB_OK
                   ? WSB_OK
                   : wsb__instance_memory(call->instance, at.ptr, at.len, out_data, out_error);
    return wsb__site_error(call->site, WSB_ERROR_GUEST, NULL, out_error,
                           "the guest's %s, %u bytes at %u, is outside of its memory of %llu bytes",
                           what, at.len, at.ptr,
                           (unsigned long long)wsb_instance_memory_size(call->instance));
}

static wsb_status give_back(const buffer_call *call, range at, wsb_error **out_error)
{
    wsb_raw_value values[2] = {{.u32 = at.ptr}, {.u32 = at.len}};
    return wsb_function_call_raw(call->free, values, call->free_takes_size ? 2 : 1, out_error);
}

/* Copies the input into memory that the guest allocates; at least a byte, since an allocator may
 * answer 0 for none. */
static wsb_status hand_over(const buffer_call *call, wsb_bytes input, range *out_block,
                            wsb_error **out_error)
{
    range block = {0, input.len ? (uint32_t)input.len : 1};
    wsb_raw_value value = {.u32 = block.len};
    wsb_status status = wsb_function_call_raw(call->alloc, &value, 1, out_error);
    if (status != WSB_OK)
        return status;
    block.ptr = value.u32;
    if (block.ptr == 0)
        return wsb__site_error(call->site, WSB_ERROR_GUEST, "raise max_memory", out_error,
                               "the guest has no memory for %u bytes of arguments", block.len);
    uint8_t *data = NULL;
    status = view(call, block, "allocation", &data, out_error);
    if (status != WSB_OK)
        return status;
    if (input.len)
        memcpy(data, input.data, input.len);
    *out_block = block;
    return WSB_OK;
}

static bool overlaps(range a, range b)
{
    uint64_t a_end = (uint64_t)a.ptr + a.len;
    uint64_t b_end = (uint64_t)b.ptr + b.len;
    return a.ptr < b_end && b.ptr < a_end;
}

/* Copies the result out. On failure nothing of the result is known to be the allocator's. */
static wsb_status take(const buffer_call *call, range input, range result, wsb_buf *out_payload,
                       wsb_error **out_error)
{
    if (result.len == 0) /* many languages let an empty slice point anywhere */
        return WSB_OK;
    if (result.len > WSB__BUFFER_MAX_BYTES)
        return wsb__site_error(call->site, WSB_ERROR_GUEST, NULL, out_error,
                               "the guest's result has %u bytes, more than the %zu allowed",
                               result.len, WSB__BUFFER_MAX_BYTES);
    uint8_t *data = NULL;
    wsb_status status = view(call, result, "result", &data, out_error);
    if (status != WSB_OK)
        return status;
    if (overlaps(input, result))
        return wsb__site_error(call->site, WSB_ERROR_GUEST, "return a copy", out_error,
                               "the guest's result, %u bytes at %u, overlaps its arguments, %u "
                               "bytes at %u: the host frees both",
                               result.len, result.ptr, input.len, input.ptr);
    status = wsb__buf_append(out_payload, data, result.len, WSB__BUFFER_MAX_BYTES);
    if (status == WSB_OK)
        return WSB_OK;
    return wsb__site_error(call->site, status, NULL, out_error,
                           "no room on the host for a result of %u bytes", result.len);
}

static wsb_status enter(const buffer_call *call, range input, uint32_t len, wsb_buf *out_payload,
                        wsb_error **out_error)
{
    wsb_raw_value values[2] = {{.u32 = input.ptr}, {.u32 = len}};
    wsb_status status = wsb_function_call_raw(call->function, values, 2, out_error);
    if (status != WSB_OK)
        return status;
    range result = {(uint32_t)(values[0].u64 >> 32), (uint32_t)values[0].u64};
    status = take(call, input, result, out_payload, out_error);
    if (status == WSB_OK && result.len)
        status = give_back(call, result, out_error);
    return status;
}

/* Splits the status off a result. */
static wsb_status check_status(const wsb__site *site, wsb_buf *payload, wsb_error **out_error)
{
    if (payload->len < 4)
        return wsb__site_error(site, WSB_ERROR_GUEST, "return it with wsb_guest_ok()", out_error,
                               "the guest's result of %zu bytes is too short for its status",
                               payload->len);
    const uint8_t *bytes = payload->data;
    uint32_t code = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
                    (uint32_t)bytes[3] << 24;
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
    wsb__sanitize(message, sizeof message, bytes + 4, payload->len - 4);
    wsb_error_details details = {.operation = operation, .code = (int32_t)code};
    return wsb_error_set(out_error, WSB_ERROR_GUEST, &details, "%s",
                         message[0] ? message : "the guest reported an error without a message");
}

/* The calls of the convention; on success `out_payload` holds what the guest gave. */
static wsb_status exchange(const buffer_call *call, wsb_bytes input, wsb_buf *out_payload,
                           wsb_error **out_error)
{
    range block = {0, 0};
    wsb_status status = hand_over(call, input, &block, out_error);
    if (status != WSB_OK)
        return status;
    status = enter(call, block, (uint32_t)input.len, out_payload, out_error);
    /* After a failure the guest may be closed; giving back is then refused, and that is fine. */
    wsb_status freed = give_back(call, block, status == WSB_OK ? out_error : NULL);
    return status == WSB_OK ? freed : status;
}

wsb_status wsb__buffer_call(wsb_instance *instance, wsb_function *function, const wsb__site *site,
                            bool has_status, wsb_bytes input, wsb_buf *out_payload,
                            wsb_error **out_error)
{
    buffer_call call = {.instance = instance, .function = function, .site = site};
    if (input.len > WSB__BUFFER_MAX_BYTES || (input.len && !input.data))
        return wsb__site_error(site, WSB_ERROR_INVALID_ARGUMENT, NULL, out_error,
                               "the arguments are NULL or have more than the %zu bytes allowed",
                               WSB__BUFFER_MAX_BYTES);
    wsb_status status = prepare(&call, out_error);
    if (status == WSB_OK)
        status = wsb__sequence_begin(instance, "call a buffer function", out_error);
    if (status != WSB_OK)
        return status;
    wsb_buf payload = WSB_BUF_INIT;
    status = exchange(&call, input, &payload, out_error);
    wsb__sequence_end(instance);
    if (status == WSB_OK && has_status)
        status = check_status(site, &payload, out_error);
    if (status == WSB_OK)
        *out_payload = payload;
    else
        wsb_buf_fini(&payload);
    return status;
}
