/* One side of an RPC conversation: making, closing and releasing it, its methods, its counts. */
#include "communication/rpc/rpc_state.h"
#include "core/alloc.h"
#include "core/buffer.h"
#include "core/options.h"
#include "runtime/thread.h"
#include "runtime/ticks.h"

#include <stdarg.h>
#include <stdio.h>
#include <wasm_sandbox/plugin/error.h>

#define DEFAULT_CALLS 1024u
#define DEFAULT_MESSAGE ((uint64_t)16 * 1024 * 1024)
#define MAX_CALLS ((uint64_t)1 << 20)

wsb_status wsb__rpc_error(wsb_status status, const char *what, wsb_str name, const char *suggestion,
                          wsb_error **out_error, const char *format, ...)
{
    if (!out_error)
        return status;
    char shown[120];
    char operation[160];
    char message[512];
    va_list args;
    wsb__sanitize(shown, sizeof shown, name.data, name.len);
    snprintf(operation, sizeof operation, name.len ? "%s '%s'" : "%s", what, shown);
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    wsb_error_details details = {.operation = operation, .suggestion = suggestion};
    return wsb_error_set(out_error, status, &details, "%s: %s", operation, message);
}

wsb_status wsb__rpc_status_error(wsb_status status, const char *what, wsb_str name,
                                 wsb_error **out_error)
{
    return wsb__rpc_error(status, what, name, NULL, out_error, "%s", wsb_status_text(status));
}

static wsb_status check_field(const char *name, uint64_t *io_value, uint64_t otherwise,
                              uint64_t most, wsb_error **out_error)
{
    if (*io_value == 0)
        *io_value = otherwise;
    if (*io_value <= most)
        return WSB_OK;
    wsb_error_details details = {
        .operation = "create RPC", .subject = name, .used = *io_value, .allowed = most};
    return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, &details,
                         "create RPC: %s is %llu, more than the %llu allowed", name,
                         (unsigned long long)*io_value, (unsigned long long)most);
}

static wsb_status resolve(const wsb_rpc_options *given, wsb_rpc_options *out, wsb_error **out_error)
{
    wsb_status status = wsb__options_copy(given, out, sizeof *out, "wsb_rpc_options", out_error);
    if (status != WSB_OK)
        return status;
    if (out->framing != WSB_RPC_JSON && out->framing != WSB_RPC_MSGPACK)
        return wsb__rpc_error(WSB_ERROR_INVALID_ARGUMENT, "create RPC", wsb_cstr(NULL),
                              "use WSB_RPC_JSON or WSB_RPC_MSGPACK", out_error,
                              "there is no framing %d", (int)out->framing);
    status =
        check_field("max_outstanding", &out->max_outstanding, DEFAULT_CALLS, MAX_CALLS, out_error);
    if (status == WSB_OK)
        status = check_field("max_batch", &out->max_batch, DEFAULT_CALLS, MAX_CALLS, out_error);
    if (status == WSB_OK)
        status = check_field("max_message", &out->max_message, DEFAULT_MESSAGE,
                             WSB__STRUCTURED_MAX_BYTES, out_error);
    return status;
}

wsb_status wsb_rpc_channel_create(wsb_channel *channel, const wsb_rpc_options *options,
                                  wsb_rpc_channel **out_rpc, wsb_error **out_error)
{
    wsb_rpc_options resolved;
    if (!channel || !out_rpc)
        return wsb__rpc_error(WSB_ERROR_INVALID_ARGUMENT, "create RPC", wsb_cstr(NULL), NULL,
                              out_error, "a NULL argument");
    wsb_status status = resolve(options, &resolved, out_error);
    if (status != WSB_OK)
        return status;
    wsb_rpc_channel *rpc = wsb__calloc(1, sizeof *rpc);
    wsb__map *methods = wsb__map_create();
    if (!rpc || !methods) {
        wsb__free(rpc);
        wsb__map_destroy(methods);
        return wsb__rpc_error(WSB_ERROR_OUT_OF_MEMORY, "create RPC", wsb_cstr(NULL), NULL,
                              out_error, "out of memory");
    }
    wsb__fork_watch();
    wsb__ticks_init();
    atomic_init(&rpc->refs, 1);
    rpc->fork_generation = wsb__fork_generation;
    rpc->framing = resolved.framing == WSB_RPC_JSON ? &wsb__rpc_json : &wsb__rpc_msgpack;
    rpc->channel = wsb_channel_ref(channel);
    rpc->options = resolved;
    rpc->methods = methods;
    *out_rpc = rpc;
    return WSB_OK;
}

wsb_status wsb_json_rpc_channel_create(wsb_channel *channel, wsb_rpc_channel **out_rpc,
                                       wsb_error **out_error)
{
    return wsb_rpc_channel_create(channel, NULL, out_rpc, out_error);
}

bool wsb__rpc_is_forked(const wsb_rpc_channel *rpc)
{
    return rpc->fork_generation != wsb__fork_generation;
}

wsb_status wsb__rpc_enter_locked(wsb_rpc_channel *rpc, wsb__rpc_scratch **out_scratch)
{
    *out_scratch = wsb__rpc_scratch_take(rpc);
    if (!*out_scratch)
        return WSB_ERROR_OUT_OF_MEMORY;
    rpc->users++;
    return WSB_OK;
}

wsb_status wsb__rpc_enter(wsb_rpc_channel *rpc, wsb__rpc_scratch **out_scratch)
{
    if (wsb__rpc_is_forked(rpc))
        return WSB_ERROR_FORKED;
    wsb__lock_acquire(&rpc->lock);
    wsb_status status = wsb__rpc_enter_locked(rpc, out_scratch);
    wsb__lock_release(&rpc->lock);
    return status;
}

void wsb__rpc_leave_locked(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch)
{
    wsb__rpc_scratch_give(rpc, scratch);
    rpc->users--;
    if (rpc->closed)
        wsb__lock_tell(&rpc->quiet);
}

void wsb__rpc_leave(wsb_rpc_channel *rpc, wsb__rpc_scratch *scratch)
{
    wsb__lock_acquire(&rpc->lock);
    wsb__rpc_leave_locked(rpc, scratch);
    wsb__lock_release(&rpc->lock);
}

void wsb__rpc_unref(wsb_rpc_channel *rpc)
{
    if (atomic_fetch_sub_explicit(&rpc->refs, 1, memory_order_acq_rel) != 1)
        return;
    wsb__free(rpc);
}

void wsb_rpc_channel_close(wsb_rpc_channel *rpc)
{
    if (!rpc || wsb__rpc_is_forked(rpc))
        return;
    wsb__lock_acquire(&rpc->lock);
    rpc->closed = true;
    rpc->users++;
    wsb__rpc_background_tell(rpc);
    wsb__lock_release(&rpc->lock);
    wsb_channel_close(rpc->channel); /* wakes whoever reads */
    wsb__rpc_calls_fail(rpc, WSB_ERROR_CLOSED, NULL);
    wsb__lock_acquire(&rpc->lock);
    rpc->users--;
    wsb__lock_tell(&rpc->quiet);
    wsb__lock_release(&rpc->lock);
}

static void release_methods(wsb_rpc_channel *rpc)
{
    while (rpc->first_method) {
        wsb__rpc_method *method = rpc->first_method;
        rpc->first_method = method->next;
        if (method->destroy)
            method->destroy(method->user_data);
        wsb__free(method);
    }
    wsb__map_destroy(rpc->methods);
    rpc->methods = NULL;
}

void wsb_rpc_channel_destroy(wsb_rpc_channel *rpc)
{
    /* In a forked child locks may be held by threads that are not there: its copy is left alone. */
    if (!rpc || wsb__rpc_is_forked(rpc))
        return;
    wsb_rpc_channel_close(rpc);
    wsb__rpc_background_end(rpc);
    wsb__lock_acquire(&rpc->lock);
    while (rpc->users > 0)
        wsb__lock_await(&rpc->lock, &rpc->quiet);
    wsb__rpc_call **slots = rpc->calls.slots;
    rpc->calls.slots = NULL;
    wsb__lock_release(&rpc->lock);
    wsb__free(slots);
    wsb__rpc_drop_answers(rpc);
    wsb__rpc_background_release(rpc);
    wsb__rpc_scratch_destroy_idle(rpc);
    release_methods(rpc);
    wsb_channel_destroy(rpc->channel);
    wsb__rpc_unref(rpc);
}

static wsb_status check_method(wsb_rpc_channel *rpc, wsb_str name, wsb_rpc_method_fn serve,
                               wsb_error **out_error)
{
    static const char reserved[] = "rpc.";
    if (!rpc || !serve || (name.len && !name.data) || !wsb__utf8_valid(name.data, name.len))
        return wsb__rpc_error(WSB_ERROR_INVALID_ARGUMENT, "register method", wsb_cstr(NULL), NULL,
                              out_error, "a NULL argument, or a name that is not UTF-8");
    if (name.len >= strlen(reserved) && memcmp(name.data, reserved, strlen(reserved)) == 0)
        return wsb__rpc_error(WSB_ERROR_INVALID_ARGUMENT, "register method", name,
                              "use another name", out_error,
                              "names that begin with \"rpc.\" are reserved");
    if (wsb__rpc_is_forked(rpc))
        return wsb__rpc_error(WSB_ERROR_FORKED, "register method", name, NULL, out_error,
                              "the RPC was made before fork(), in the parent");
    return WSB_OK;
}

static wsb_status add_method(wsb_rpc_channel *rpc, wsb__rpc_method *method, wsb_str name)
{
    wsb__lock_acquire(&rpc->lock);
    wsb_status status = wsb__map_get(rpc->methods, name) ? WSB_ERROR_ALREADY_EXISTS : WSB_OK;
    if (status == WSB_OK)
        status = wsb__map_put(rpc->methods, (wsb_str){method->name, name.len}, method);
    if (status == WSB_OK) {
        method->next = rpc->first_method;
        rpc->first_method = method;
    }
    wsb__lock_release(&rpc->lock);
    return status;
}

wsb_status wsb_rpc_channel_register(wsb_rpc_channel *rpc, wsb_str name, wsb_rpc_method_fn serve,
                                    void *user_data, void (*destroy)(void *user_data),
                                    wsb_error **out_error)
{
    wsb_status status = check_method(rpc, name, serve, out_error);
    if (status != WSB_OK)
        return status;
    wsb__rpc_method *method = wsb__alloc(sizeof *method + name.len + 1);
    if (!method)
        return wsb__rpc_error(WSB_ERROR_OUT_OF_MEMORY, "register method", name, NULL, out_error,
                              "out of memory");
    method->serve = serve;
    method->user_data = user_data;
    method->destroy = destroy;
    if (name.len)
        memcpy(method->name, name.data, name.len);
    method->name[name.len] = '\0';
    status = add_method(rpc, method, name);
    if (status == WSB_OK)
        return WSB_OK;
    wsb__free(method);
    return wsb__rpc_status_error(status, "register method", name, out_error);
}

void wsb_rpc_channel_get_stats(wsb_rpc_channel *rpc, wsb_rpc_stats *out_stats)
{
    if (!rpc || !out_stats || out_stats->size <= sizeof out_stats->size)
        return;
    size_t size = out_stats->size < sizeof *out_stats ? out_stats->size : sizeof *out_stats;
    wsb_rpc_stats stats = WSB_RPC_STATS_INIT;
    if (!wsb__rpc_is_forked(rpc)) {
        wsb__lock_acquire(&rpc->lock);
        stats = rpc->stats;
        stats.outstanding = rpc->calls.count;
        wsb__lock_release(&rpc->lock);
    }
    memcpy((char *)out_stats + sizeof stats.size, (char *)&stats + sizeof stats.size,
           size - sizeof stats.size);
}
