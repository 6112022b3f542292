/* A sandbox's own life. */
#include "core/alloc.h"
#include "core/options.h"
#include "runtime/runtime.h"
#include "sandbox/work.h"

#include <wasm_sandbox/plugin/error.h>

static wsb_status no_memory(wsb_error **out_error)
{
    wsb_error_details details = {.operation = "create sandbox"};
    return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, &details,
                         "out of memory for a sandbox");
}

/* The runtime that the options name, as a reference of ours. */
static wsb_status take_runtime(const wsb_sandbox_options *options, wsb_runtime **out_runtime,
                               wsb_error **out_error)
{
    if (!options->use_runtime)
        return wsb_runtime_create(options->engine, options->runtime, out_runtime, out_error);
    if (options->engine.len || options->runtime) {
        wsb_error_details details = {.operation = "create sandbox",
                                     .suggestion = "leave `engine` and `runtime` unset"};
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, &details,
                             "an existing runtime cannot be given another engine or options");
    }
    *out_runtime = wsb__runtime_ref(options->use_runtime);
    return WSB_OK;
}

static void free_sandbox(wsb_sandbox *sandbox)
{
    while (sandbox->channels) {
        wsb__channel_end *next = sandbox->channels->next;
        wsb_channel_destroy(sandbox->channels->channel);
        wsb__free(sandbox->channels);
        sandbox->channels = next;
    }
    wsb_executor_destroy(sandbox->executor);
    wsb__id_table_destroy(sandbox->modules);
    wsb__id_table_destroy(sandbox->instances);
    wsb_runtime_destroy(sandbox->runtime);
    pthread_cond_destroy(&sandbox->changed);
    pthread_mutex_destroy(&sandbox->lock);
    wsb__free(sandbox);
}

static wsb_sandbox *allocate(void)
{
    wsb_sandbox *sandbox = wsb__calloc(1, sizeof *sandbox);
    if (!sandbox)
        return NULL;
    /* Default attributes: neither can fail on the platforms supported. */
    pthread_mutex_init(&sandbox->lock, NULL);
    pthread_cond_init(&sandbox->changed, NULL);
    sandbox->modules = wsb__id_table_create();
    sandbox->instances = wsb__id_table_create();
    if (sandbox->modules && sandbox->instances)
        return sandbox;
    free_sandbox(sandbox);
    return NULL;
}

wsb_status wsb_sandbox_create(const wsb_sandbox_options *options, wsb_sandbox **out_sandbox,
                              wsb_error **out_error)
{
    if (!out_sandbox)
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "create sandbox: the place for the result is NULL");
    wsb_sandbox_options resolved;
    wsb_status status =
        wsb__options_copy(options, &resolved, sizeof resolved, "wsb_sandbox_options", out_error);
    if (status != WSB_OK)
        return status;
    wsb_sandbox *sandbox = allocate();
    if (!sandbox)
        return no_memory(out_error);
    status = take_runtime(&resolved, &sandbox->runtime, out_error);
    if (status != WSB_OK) {
        free_sandbox(sandbox);
        return status;
    }
    if (resolved.executor)
        sandbox->executor = wsb__executor_ref(resolved.executor);
    *out_sandbox = sandbox;
    return WSB_OK;
}

/* Any live object of a table, taken out; NULL when it is empty. */
static void *take_any(wsb__id_table *table)
{
    uint64_t id = 0;
    return wsb__id_table_list(table, &id, 1) ? wsb__id_table_remove(table, id) : NULL;
}

void wsb_sandbox_destroy(wsb_sandbox *sandbox)
{
    if (!sandbox)
        return;
    /* In a forked child the threads that would have to end are gone, and with them the locks they
     * held: what is here can only be left alone. */
    if (wsb__runtime_check_fork(sandbox->runtime, "destroy sandbox", NULL) != WSB_OK)
        return;
    pthread_mutex_lock(&sandbox->lock);
    sandbox->closing = true;
    /* All of it first: what is queued may need a thread that what runs now holds. */
    wsb__works_cancel(sandbox->works);
    for (wsb__slot *slot = sandbox->slots; slot; slot = slot->next)
        wsb__slot_stop(slot);
    /* A creation that is under way still adds its instance, so the table is emptied again. */
    for (;;) {
        wsb__slot *slot = take_any(sandbox->instances);
        if (slot)
            wsb__slot_drop(sandbox, slot);
        else if (sandbox->users || sandbox->slots)
            pthread_cond_wait(&sandbox->changed, &sandbox->lock);
        else
            break;
    }
    wsb_module *module;
    while ((module = take_any(sandbox->modules)))
        wsb_module_destroy(module);
    pthread_mutex_unlock(&sandbox->lock);
    free_sandbox(sandbox);
}

/* The executor's maker is not held up by others, nor holds them up: the first one made is kept. */
static wsb_status make_executor(wsb_sandbox *sandbox, wsb_error **out_error)
{
    wsb_executor *made = NULL;
    wsb_status status = wsb_executor_create(NULL, &made, out_error);
    if (status != WSB_OK)
        return status;
    pthread_mutex_lock(&sandbox->lock);
    if (!sandbox->executor) {
        sandbox->executor = made;
        made = NULL;
    }
    pthread_mutex_unlock(&sandbox->lock);
    wsb_executor_destroy(made); /* no task was ever in it: nothing is waited for */
    return WSB_OK;
}

wsb_status wsb_sandbox_executor(wsb_sandbox *sandbox, wsb_executor **out_executor,
                                wsb_error **out_error)
{
    wsb_error_details details = {.operation = "get executor"};
    if (!sandbox || !out_executor)
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, &details,
                             "get executor: the sandbox or the place for the result is NULL");
    wsb_status status = wsb__runtime_check_fork(sandbox->runtime, "get executor", out_error);
    if (status != WSB_OK)
        return status;
    pthread_mutex_lock(&sandbox->lock);
    bool there = sandbox->executor != NULL;
    pthread_mutex_unlock(&sandbox->lock);
    if (!there)
        status = make_executor(sandbox, out_error);
    if (status == WSB_OK)
        *out_executor = sandbox->executor; /* set once, and not before anybody's lock */
    return status;
}

wsb_status wsb__sandbox_keep_channel(wsb_sandbox *sandbox, wsb_str name, wsb_channel *channel,
                                     wsb_error **out_error)
{
    wsb__channel_end *end = wsb__calloc(1, sizeof *end + name.len + 1);
    if (!end)
        return no_memory(out_error);
    if (name.len)
        memcpy(end->name, name.data, name.len);
    end->name_len = name.len;
    end->channel = channel;
    end->next = sandbox->channels;
    sandbox->channels = end;
    return WSB_OK;
}

wsb_status wsb_sandbox_channel(wsb_sandbox *sandbox, wsb_str name, wsb_channel **out_channel,
                               wsb_error **out_error)
{
    wsb_error_details details = {.operation = "get channel"};
    if (!sandbox || !out_channel || (name.len && !name.data))
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, &details,
                             "get channel: the sandbox, name or place for the result is NULL");
    for (const wsb__channel_end *end = sandbox->channels; end; end = end->next) {
        if (end->name_len == name.len && memcmp(end->name, name.data, name.len) == 0) {
            *out_channel = end->channel;
            return WSB_OK;
        }
    }
    details.suggestion = "make it with wsb_sandbox_builder_channel()";
    return wsb_error_set(out_error, WSB_ERROR_NOT_FOUND, &details,
                         "get channel: the sandbox was built without a channel '%.*s'",
                         (int)(name.len < 256 ? name.len : 256), name.data);
}

wsb_runtime *wsb_sandbox_runtime(const wsb_sandbox *sandbox)
{
    return sandbox ? sandbox->runtime : NULL;
}

wsb_instance_id wsb_sandbox_main_instance(const wsb_sandbox *sandbox)
{
    return sandbox ? sandbox->main_instance : 0;
}

wsb_status wsb__sandbox_enter(wsb_sandbox *sandbox, const char *operation, wsb_error **out_error)
{
    wsb_error_details details = {.operation = operation};
    if (!sandbox)
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, &details,
                             "%s: the sandbox is NULL", operation);
    wsb_status status = wsb__runtime_check_fork(sandbox->runtime, operation, out_error);
    if (status != WSB_OK)
        return status;
    pthread_mutex_lock(&sandbox->lock);
    bool closing = sandbox->closing;
    sandbox->users += !closing;
    pthread_mutex_unlock(&sandbox->lock);
    if (!closing)
        return WSB_OK;
    return wsb_error_set(out_error, WSB_ERROR_CLOSED, &details,
                         "%s: the sandbox is being destroyed", operation);
}

void wsb__sandbox_leave(wsb_sandbox *sandbox)
{
    pthread_mutex_lock(&sandbox->lock);
    sandbox->users--;
    if (sandbox->closing)
        pthread_cond_broadcast(&sandbox->changed);
    pthread_mutex_unlock(&sandbox->lock);
}

wsb_status wsb__sandbox_id_error(const wsb_sandbox *sandbox, bool is_instance, uint64_t id,
                                 const char *operation, wsb_error **out_error)
{
    const wsb__id_table *own = is_instance ? sandbox->instances : sandbox->modules;
    const wsb__id_table *other = is_instance ? sandbox->modules : sandbox->instances;
    const char *kind = is_instance ? "instance" : "module";
    const char *why = "was not made by this sandbox";
    if (wsb__id_table_owns(own, id))
        why = is_instance ? "was dropped" : "was unloaded";
    else if (wsb__id_table_owns(other, id))
        why = is_instance ? "is the id of a module" : "is the id of an instance";
    wsb_error_details details = {.operation = operation};
    return wsb_error_set(out_error, WSB_ERROR_NOT_FOUND, &details, "%s: the %s id 0x%llx %s",
                         operation, kind, (unsigned long long)id, why);
}

static size_t list(wsb_sandbox *sandbox, bool instances, uint64_t *out_ids, size_t capacity)
{
    if (!sandbox)
        return 0;
    pthread_mutex_lock(&sandbox->lock);
    const wsb__id_table *table = instances ? sandbox->instances : sandbox->modules;
    size_t count = wsb__id_table_list(table, out_ids, out_ids ? capacity : 0);
    pthread_mutex_unlock(&sandbox->lock);
    return count;
}

size_t wsb_sandbox_list_modules(wsb_sandbox *sandbox, wsb_module_id *out_ids, size_t capacity)
{
    return list(sandbox, false, out_ids, capacity);
}

size_t wsb_sandbox_list_instances(wsb_sandbox *sandbox, wsb_instance_id *out_ids, size_t capacity)
{
    return list(sandbox, true, out_ids, capacity);
}
