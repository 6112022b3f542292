#include "runtime/factory.h"

#include "core/alloc.h"
#include "core/buffer.h"
#include "runtime/engine_loader.h"
#include "runtime/features.h"
#include "runtime/runtime.h"

#include <stdio.h>
#include <string.h>
#include <wasm_sandbox/plugin/error.h>

#define WSB__PROBLEM_MAX ((size_t)32768)

/* A registered engine: by its table, or by a constructor that makes it when first needed. */
typedef struct engine_entry {
    char *id;
    wsb_engine_constructor_fn construct; /* NULL: registered by its table */
    void *user_data;
    void (*destroy_user_data)(void *user_data);
    const wsb_runtime_ops *ops; /* NULL: not made */
    wsb_error *problem;         /* why it could not be made; kept, as its text is lent out */
    wsb_buf problem_text;       /* with what to do about it */
} engine_entry;

struct wsb_runtime_factory {
    engine_entry **entries; /* each stays where it is: ids are lent out */
    size_t count;
    size_t capacity;
    wsb__runtime_setup_fn setup;
    void *setup_data;
};

static wsb_status out_of_memory(wsb_error **out_error)
{
    return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL, "%s",
                         wsb_status_text(WSB_ERROR_OUT_OF_MEMORY));
}

wsb_status wsb__factory_create_empty(wsb_runtime_factory **out_factory, wsb_error **out_error)
{
    wsb_runtime_factory *factory = wsb__calloc(1, sizeof *factory);
    if (!factory)
        return out_of_memory(out_error);
    *out_factory = factory;
    return WSB_OK;
}

void wsb__factory_set_setup(wsb_runtime_factory *factory, wsb__runtime_setup_fn setup,
                            void *user_data)
{
    factory->setup = setup;
    factory->setup_data = user_data;
}

static void destroy_entry(engine_entry *entry)
{
    if (entry->destroy_user_data)
        entry->destroy_user_data(entry->user_data);
    wsb_buf_fini(&entry->problem_text);
    wsb_error_destroy(entry->problem);
    wsb__free(entry->id);
    wsb__free(entry);
}

void wsb_runtime_factory_destroy(wsb_runtime_factory *factory)
{
    if (!factory)
        return;
    for (size_t i = 0; i < factory->count; i++)
        destroy_entry(factory->entries[i]);
    wsb__free(factory->entries);
    wsb__free(factory);
}

static engine_entry *find_entry(const wsb_runtime_factory *factory, wsb_str id)
{
    for (size_t i = 0; i < factory->count; i++)
        if (wsb__str_equal(wsb_cstr(factory->entries[i]->id), id))
            return factory->entries[i];
    return NULL;
}

static wsb_status reserve_entry(wsb_runtime_factory *factory)
{
    if (factory->count < factory->capacity)
        return WSB_OK;
    size_t capacity = factory->capacity ? factory->capacity * 2 : 4;
    engine_entry **entries = wsb__realloc(factory->entries, capacity * sizeof *entries);
    if (!entries)
        return WSB_ERROR_OUT_OF_MEMORY;
    factory->entries = entries;
    factory->capacity = capacity;
    return WSB_OK;
}

/* Adds an entry that has only its id yet. */
static wsb_status add_entry(wsb_runtime_factory *factory, wsb_str id, engine_entry **out_entry,
                            wsb_error **out_error)
{
    if (find_entry(factory, id))
        return wsb_error_set(out_error, WSB_ERROR_ALREADY_EXISTS,
                             &(wsb_error_details){.operation = "register engine",
                                                  .subject = "id",
                                                  .suggestion = "give yours an id of its own"},
                             "register engine '%.*s': there is another engine of that id",
                             (int)id.len, id.data);
    if (reserve_entry(factory) != WSB_OK)
        return out_of_memory(out_error);
    engine_entry *entry = wsb__calloc(1, sizeof *entry);
    if (!entry)
        return out_of_memory(out_error);
    entry->id = wsb__str_dup(id);
    if (!entry->id) {
        wsb__free(entry);
        return out_of_memory(out_error);
    }
    factory->entries[factory->count++] = entry;
    *out_entry = entry;
    return WSB_OK;
}

static wsb_status no_factory(wsb_error **out_error)
{
    return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL, "the factory is NULL");
}

static wsb_status add_table(wsb_runtime_factory *factory, const wsb_runtime_ops *ops,
                            wsb_error **out_error)
{
    engine_entry *entry = NULL;
    wsb_status status = add_entry(factory, wsb_cstr(ops->id), &entry, out_error);
    if (entry)
        entry->ops = ops;
    return status;
}

wsb_status wsb_runtime_factory_register(wsb_runtime_factory *factory, const wsb_runtime_ops *ops,
                                        wsb_error **out_error)
{
    if (!factory)
        return no_factory(out_error);
    wsb_status status = wsb__engine_check(ops, "being registered", out_error);
    return status == WSB_OK ? add_table(factory, ops, out_error) : status;
}

wsb_status wsb_runtime_factory_register_constructor(wsb_runtime_factory *factory, wsb_str id,
                                                    wsb_engine_constructor_fn construct,
                                                    void *user_data,
                                                    void (*destroy_user_data)(void *user_data),
                                                    wsb_error **out_error)
{
    if (!factory)
        return no_factory(out_error);
    if (!wsb__engine_id_valid(id))
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT,
                             &(wsb_error_details){.operation = "register engine", .subject = "id"},
                             "register engine: an id is 1 to 64 of a-z 0-9 _ -");
    if (!construct)
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT,
                             &(wsb_error_details){.operation = "register engine"},
                             "register engine '%.*s': the constructor is NULL", (int)id.len,
                             id.data);
    engine_entry *entry = NULL;
    wsb_status status = add_entry(factory, id, &entry, out_error);
    if (entry) {
        entry->construct = construct;
        entry->user_data = user_data;
        entry->destroy_user_data = destroy_user_data;
    }
    return status;
}

static wsb_status construct_from_file(void *path, const wsb_runtime_ops **out_ops,
                                      wsb_error **out_error)
{
    return wsb__engine_load(wsb_cstr(path), out_ops, out_error);
}

wsb_status wsb_runtime_factory_register_file(wsb_runtime_factory *factory, wsb_str id, wsb_str path,
                                             wsb_error **out_error)
{
    if (path.len == 0 || !path.data || memchr(path.data, '\0', path.len))
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT,
                             &(wsb_error_details){.operation = "register engine"},
                             "register engine: the path is empty or has a NUL byte in it");
    char *copy = wsb__str_dup(path);
    if (!copy)
        return out_of_memory(out_error);
    wsb_status status = wsb_runtime_factory_register_constructor(factory, id, construct_from_file,
                                                                 copy, wsb__free, out_error);
    if (status != WSB_OK)
        wsb__free(copy);
    return status;
}

/* Keeps why an engine cannot be had, and what to do about it in the same text. */
static void keep_problem(engine_entry *entry, wsb_error *problem)
{
    const char *suggestion = wsb_error_suggestion(problem);
    entry->problem = problem;
    wsb_status status =
        wsb__buf_printf(&entry->problem_text, WSB__PROBLEM_MAX, "%s%s%s",
                        wsb_error_message(problem), *suggestion ? "; " : "", suggestion);
    if (status != WSB_OK)
        wsb_buf_fini(&entry->problem_text); /* then the message has to do */
}

static const char *problem_of(const engine_entry *entry)
{
    return entry->problem_text.data ? (const char *)entry->problem_text.data
                                    : wsb_error_message(entry->problem);
}

/* What a constructor made, checked as any engine's table. */
static wsb_status construct(const engine_entry *entry, const wsb_runtime_ops **out_ops,
                            wsb_error **out_error)
{
    const wsb_runtime_ops *ops = NULL;
    char origin[128];
    wsb_status status = entry->construct(entry->user_data, &ops, out_error);
    if (status != WSB_OK)
        return status;
    snprintf(origin, sizeof origin, "'%s' as constructed", entry->id);
    status = wsb__engine_check(ops, origin, out_error);
    if (status != WSB_OK)
        return status;
    if (strcmp(ops->id, entry->id) != 0)
        return wsb_error_set(out_error, WSB_ERROR_ABI_MISMATCH,
                             &(wsb_error_details){.operation = "load engine",
                                                  .subject = "id",
                                                  .suggestion = "register it under its own id"},
                             "load engine '%s': it calls itself '%s'", entry->id, ops->id);
    *out_ops = ops;
    return WSB_OK;
}

/* Makes an engine that is registered by a constructor, once. Whether it can be used. */
static bool make_available(engine_entry *entry)
{
    if (entry->ops)
        return true;
    if (entry->problem)
        return false;
    wsb_error *problem = NULL;
    wsb_status status = construct(entry, &entry->ops, &problem);
    if (status == WSB_OK)
        return true;
    if (!problem)
        (void)wsb_error_set(&problem, status, NULL, "load engine '%s': %s", entry->id,
                            wsb_status_text(status));
    keep_problem(entry, problem);
    return false;
}

wsb_status wsb_runtime_factory_load(wsb_runtime_factory *factory, wsb_str path, const char **out_id,
                                    wsb_error **out_error)
{
    if (!factory)
        return no_factory(out_error);
    const wsb_runtime_ops *ops;
    wsb_status status = wsb__engine_load(path, &ops, out_error);
    if (status != WSB_OK)
        return status;
    engine_entry *entry = find_entry(factory, wsb_cstr(ops->id));
    if (entry && !make_available(entry))
        entry->ops = ops; /* what was missed so far */
    /* The same object loaded again is the same engine. */
    if (!entry || entry->ops != ops) {
        status = add_table(factory, ops, out_error);
        if (status != WSB_OK)
            return status;
        entry = factory->entries[factory->count - 1];
    }
    if (out_id)
        *out_id = entry->id;
    return WSB_OK;
}

size_t wsb_runtime_factory_count(const wsb_runtime_factory *factory)
{
    return factory ? factory->count : 0;
}

wsb_status wsb_runtime_factory_info(wsb_runtime_factory *factory, size_t index,
                                    wsb_engine_info *out_info, wsb_error **out_error)
{
    if (!factory || !out_info)
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "engine info: a NULL argument");
    if (index >= factory->count)
        return wsb_error_set(out_error, WSB_ERROR_NOT_FOUND, NULL,
                             "engine info: there is no engine %zu, only %zu", index,
                             factory->count);
    engine_entry *entry = factory->entries[index];
    wsb_engine_info info = WSB_ENGINE_INFO_INIT;
    info.id = entry->id;
    info.available = make_available(entry);
    if (info.available) {
        info.version = entry->ops->version;
        info.features = wsb__features(entry->ops);
        info.own_features = entry->ops->features;
    } else {
        info.problem = problem_of(entry);
    }
    /* A caller built against an older header has room for less. */
    info.size = out_info->size;
    memcpy(out_info, &info, info.size < sizeof info ? info.size : sizeof info);
    return WSB_OK;
}

/* "wasmtime, wasmi"; the buffer may stay empty when out of memory. */
static void list_ids(const wsb_runtime_factory *factory, wsb_buf *out)
{
    for (size_t i = 0; i < factory->count; i++)
        if (wsb__buf_printf(out, 4096, "%s%s", i ? ", " : "one of the registered engines: ",
                            factory->entries[i]->id) != WSB_OK)
            return;
}

static wsb_status unknown_engine(const wsb_runtime_factory *factory, wsb_str id,
                                 wsb_error **out_error)
{
    wsb_buf known = WSB_BUF_INIT;
    list_ids(factory, &known);
    wsb_status status = wsb_error_set(
        out_error, WSB_ERROR_NOT_FOUND,
        &(wsb_error_details){.operation = "create runtime",
                             .suggestion = known.data ? (const char *)known.data
                                                      : "register or load an engine first"},
        "create runtime: there is no engine '%.*s'", id.len > 64 ? 64 : (int)id.len,
        id.data ? id.data : "");
    wsb_buf_fini(&known);
    return status;
}

static wsb_status unavailable(const engine_entry *entry, wsb_error **out_error)
{
    return wsb_error_set(out_error, WSB_ERROR_UNSUPPORTED,
                         &(wsb_error_details){.operation = "create runtime",
                                              .subject = entry->id,
                                              .suggestion = wsb_error_suggestion(entry->problem)},
                         "create runtime: engine '%s' is not available: %s", entry->id,
                         wsb_error_message(entry->problem));
}

/* Empty: the first in the order of registration that is available. */
static wsb_status choose(wsb_runtime_factory *factory, wsb_str id, engine_entry **out_entry,
                         wsb_error **out_error)
{
    engine_entry *entry = NULL;
    if (id.len > 0) {
        entry = find_entry(factory, id);
        if (!entry)
            return unknown_engine(factory, id, out_error);
        if (!make_available(entry))
            return unavailable(entry, out_error);
        *out_entry = entry;
        return WSB_OK;
    }
    for (size_t i = 0; i < factory->count; i++)
        if (make_available(factory->entries[i])) {
            *out_entry = factory->entries[i];
            return WSB_OK;
        }
    if (factory->count == 0)
        return unknown_engine(factory, wsb_cstr("(default)"), out_error);
    return unavailable(factory->entries[0], out_error);
}

wsb_status wsb_runtime_factory_create_runtime(wsb_runtime_factory *factory, wsb_str engine,
                                              const wsb_runtime_options *options,
                                              wsb_runtime **out_runtime, wsb_error **out_error)
{
    if (!factory || !out_runtime)
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "create runtime: a NULL argument");
    engine_entry *entry = NULL;
    wsb_status status = choose(factory, engine, &entry, out_error);
    if (!entry)
        return status;
    wsb_runtime *runtime = NULL;
    status = wsb__runtime_create(entry->ops, options, &runtime, out_error);
    if (status != WSB_OK)
        return status;
    if (factory->setup) {
        status = factory->setup(runtime, factory->setup_data, out_error);
        if (status != WSB_OK) {
            wsb_runtime_destroy(runtime);
            return status;
        }
    }
    *out_runtime = runtime;
    return WSB_OK;
}
