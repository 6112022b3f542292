/* The registry of types of channels. It knows none by name but the built-in ones, which it
 * registers as a stranger's. */
#include "communication/channel.h"
#include "communication/checked_channel.h"
#include "communication/memory_channel.h"
#include "core/alloc.h"
#include "core/buffer.h"

#include <wasm_sandbox/plugin/error.h>

enum { TYPE_MAX = 64, NAMES_MAX = 4096 };

typedef struct channel_type {
    const wsb_channel_ops *ops;
    void *user_data;
    void (*destroy_user_data)(void *user_data);
} channel_type;

struct wsb_channel_factory {
    channel_type *types;
    size_t count;
    size_t capacity;
};

static const wsb_channel_ops *const builtin_types[] = {
    &wsb__memory_channel_ops,
    &wsb__rpc_channel_ops,
};

static wsb_status mismatch(const char *type, const char *why, wsb_error **out_error)
{
    return wsb_error_set(out_error, WSB_ERROR_ABI_MISMATCH,
                         &(wsb_error_details){.operation = "register channel",
                                              .subject = type,
                                              .suggestion = "build it against this library's "
                                                            "plugin/channel.h, every member set"},
                         "register channel '%s': %s", type, why);
}

static const char *missing_member(const wsb_channel_ops *ops)
{
#define MEMBER(name) {(ops->name) != NULL, "member " #name " is missing"}
    const struct {
        bool is_set;
        const char *why;
    } members[] = {
        MEMBER(create),      MEMBER(destroy),        MEMBER(send), MEMBER(receive),
        MEMBER(send_result), MEMBER(receive_result), MEMBER(wait), MEMBER(unwait),
        MEMBER(close),       MEMBER(stats),
    };
#undef MEMBER
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (!members[i].is_set)
            return members[i].why;
    return NULL;
}

static bool type_is_valid(const char *type)
{
    size_t len = strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return len > 0 && len <= TYPE_MAX && type[len] == '\0';
}

/* Nothing of the table is read before its version and size are known to fit. */
wsb_status wsb__channel_check_ops(const wsb_channel_ops *ops, wsb_error **out_error)
{
    if (!ops)
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "register channel: ops is NULL");
    if (ops->size < offsetof(wsb_channel_ops, type) || ops->abi_version != WSB_CHANNEL_ABI_VERSION)
        return mismatch("?", "its abi_version is not this library's", out_error);
    if (ops->size < sizeof *ops)
        return mismatch("?", "size is not that of wsb_channel_ops", out_error);
    if (!ops->type)
        return mismatch("?", "member type is missing", out_error);
    if (!type_is_valid(ops->type))
        return wsb_error_set(
            out_error, WSB_ERROR_INVALID_ARGUMENT,
            &(wsb_error_details){.operation = "register channel", .subject = "type"},
            "register channel '%.64s': a type is 1 to 64 of a-z 0-9 _ -", ops->type);
    const char *missing = missing_member(ops);
    return missing ? mismatch(ops->type, missing, out_error) : WSB_OK;
}

static const channel_type *find(const wsb_channel_factory *factory, wsb_str type)
{
    for (size_t i = 0; i < factory->count; i++)
        if (wsb__str_equal(wsb_cstr(factory->types[i].ops->type), type))
            return &factory->types[i];
    return NULL;
}

static wsb_status out_of_memory(wsb_error **out_error)
{
    return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL, "%s",
                         wsb_status_text(WSB_ERROR_OUT_OF_MEMORY));
}

static wsb_status reserve(wsb_channel_factory *factory)
{
    if (factory->count < factory->capacity)
        return WSB_OK;
    size_t capacity = factory->capacity ? factory->capacity * 2 : 4;
    channel_type *types = wsb__realloc(factory->types, capacity * sizeof *types);
    if (!types)
        return WSB_ERROR_OUT_OF_MEMORY;
    factory->types = types;
    factory->capacity = capacity;
    return WSB_OK;
}

wsb_status wsb_channel_factory_register(wsb_channel_factory *factory, const wsb_channel_ops *ops,
                                        void *user_data, void (*destroy_user_data)(void *user_data),
                                        wsb_error **out_error)
{
    if (!factory)
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "register channel: the factory is NULL");
    wsb_status status = wsb__channel_check_ops(ops, out_error);
    if (status != WSB_OK)
        return status;
    if (find(factory, wsb_cstr(ops->type)))
        return wsb_error_set(out_error, WSB_ERROR_ALREADY_EXISTS,
                             &(wsb_error_details){.operation = "register channel",
                                                  .subject = ops->type,
                                                  .suggestion = "give yours a type of its own"},
                             "register channel '%s': there is another one of that type", ops->type);
    if (reserve(factory) != WSB_OK)
        return out_of_memory(out_error);
    factory->types[factory->count++] = (channel_type){ops, user_data, destroy_user_data};
    return WSB_OK;
}

wsb_status wsb_channel_factory_create(wsb_channel_factory **out_factory, wsb_error **out_error)
{
    if (!out_factory)
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "create channel factory: the place for the result is NULL");
    wsb_channel_factory *factory = wsb__calloc(1, sizeof *factory);
    if (!factory)
        return out_of_memory(out_error);
    wsb_status status = WSB_OK;
    for (size_t i = 0; i < sizeof builtin_types / sizeof builtin_types[0] && status == WSB_OK; i++)
        status = wsb_channel_factory_register(factory, builtin_types[i], NULL, NULL, out_error);
    if (status == WSB_OK)
        *out_factory = factory;
    else
        wsb_channel_factory_destroy(factory);
    return status;
}

void wsb_channel_factory_destroy(wsb_channel_factory *factory)
{
    if (!factory)
        return;
    for (size_t i = 0; i < factory->count; i++)
        if (factory->types[i].destroy_user_data)
            factory->types[i].destroy_user_data(factory->types[i].user_data);
    wsb__free(factory->types);
    wsb__free(factory);
}

/* "one of the registered types: memory, pipe"; the buffer may stay empty when out of memory. */
static void list_types(const wsb_channel_factory *factory, wsb_buf *out)
{
    for (size_t i = 0; i < factory->count; i++)
        if (wsb__buf_printf(out, NAMES_MAX, "%s%s", i ? ", " : "one of the registered types: ",
                            factory->types[i].ops->type) != WSB_OK)
            return;
}

static wsb_status unknown_type(const wsb_channel_factory *factory, wsb_str type,
                               wsb_error **out_error)
{
    wsb_buf known = WSB_BUF_INIT;
    list_types(factory, &known);
    wsb_status status = wsb_error_set(
        out_error, WSB_ERROR_NOT_FOUND,
        &(wsb_error_details){.operation = "create channel",
                             .subject = "type",
                             .suggestion = known.data ? (const char *)known.data : NULL},
        "create channel: there is no type '%.*s'", type.len > TYPE_MAX ? TYPE_MAX : (int)type.len,
        type.data ? type.data : "");
    wsb_buf_fini(&known);
    return status;
}

wsb_status wsb_channel_factory_create_channel(wsb_channel_factory *factory, wsb_str type,
                                              const wsb_channel_options *options,
                                              wsb_channel **out_end, wsb_channel **out_other,
                                              wsb_error **out_error)
{
    if (!factory || !out_end || !out_other || (type.len > 0 && !type.data))
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "create channel: a NULL argument");
    const channel_type *found = find(factory, type);
    if (!found)
        return unknown_type(factory, type, out_error);
    return wsb__channel_make(found->ops, options, found->user_data, out_end, out_other, out_error);
}
