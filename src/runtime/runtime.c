#include "runtime/runtime.h"

#include "core/alloc.h"
#include "core/options.h"
#include "runtime/bounds.h"
#include "runtime/code_key.h"
#include "runtime/features.h"
#include "runtime/thread.h"
#include "runtime/tick.h"
#include "runtime/ticks.h"

#include <stdio.h>
#include <string.h>

#include <wasm_sandbox/plugin/error.h>

enum {
    DEFAULT_POOL_INSTANCES = 1000,
    MAX_POOL_INSTANCES = 100000,
    DEFAULT_FIBERS = 1000,
    MAX_FIBERS = 1000000,
    MAX_VARIANTS = 64
};

wsb_status wsb__engine_failed(wsb_error **out_error, wsb_status status, const char *operation,
                              const wsb_engine_failure *failure)
{
    wsb_error_details details = {.operation = operation, .backtrace = failure->backtrace};
    return wsb_error_set(out_error, status, &details, "%s: the engine refused: %s", operation,
                         failure->message);
}

wsb_status wsb__runtime_check_fork(const wsb_runtime *runtime, const char *operation,
                                   wsb_error **out_error)
{
    if (runtime->fork_generation ==
        atomic_load_explicit(&wsb__fork_generation, memory_order_relaxed)) {
        return WSB_OK;
    }
    wsb_error_details details = {.operation = operation,
                                 .suggestion =
                                     "create a runtime (or sandbox) in the child, after fork()"};
    return wsb_error_set(out_error, WSB_ERROR_FORKED, &details,
                         "%s: the runtime was made before fork() and its watchdog thread does not "
                         "exist in this process",
                         operation);
}

/* The keys and the cache that compiled modules are kept with. */
static wsb_status open_cache(wsb_runtime *runtime, const wsb_runtime_options *options,
                             wsb_error **out_error)
{
    wsb_code_cache cache = WSB_CODE_CACHE_INIT;
    wsb_status status = WSB_OK;
    if (options->key.len == WSB__KEY_BYTES) {
        memcpy(runtime->key.bytes, options->key.data, WSB__KEY_BYTES);
        runtime->has_key = true;
    } else if (options->key.len != 0) {
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "create runtime: `key` has %zu bytes and needs %d", options->key.len,
                             WSB__KEY_BYTES);
    } else if (options->key_path.len > 0) {
        status = wsb__code_key_load(options->key_path, &runtime->key, out_error);
        runtime->has_key = status == WSB_OK;
    }
    if (status == WSB_OK && options->code_cache != NULL) {
        status = wsb__options_copy(options->code_cache, &cache, sizeof cache, "wsb_code_cache",
                                   out_error);
    }
    if (status != WSB_OK || cache.directory.len == 0) {
        return status;
    }
    if (!runtime->has_key) {
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "create runtime: a code cache needs `key` or `key_path`, since it "
                             "holds native code");
    }
    return wsb__code_cache_open(cache.directory, cache.max_bytes, &runtime->key,
                                &runtime->code_cache, out_error);
}

static wsb_status check_fibers(const wsb_runtime_ops *ops, uint64_t max_fibers,
                               wsb_error **out_error)
{
    if (max_fibers > MAX_FIBERS) {
        wsb_error_details details = {.operation = "create runtime",
                                     .subject = "max_fibers",
                                     .used = max_fibers,
                                     .allowed = MAX_FIBERS};
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, &details,
                             "create runtime: max_fibers is %llu and can be at most %d",
                             (unsigned long long)max_fibers, MAX_FIBERS);
    }
    if (max_fibers != 0 && (ops->features & WSB_ENGINE_FIBERS) == 0) {
        wsb_error_details details = {.operation = "create runtime",
                                     .subject = "max_fibers",
                                     .suggestion = "leave max_fibers at 0"};
        return wsb_error_set(out_error, WSB_ERROR_UNSUPPORTED, &details,
                             "create runtime: engine '%s' has no fibers", ops->id);
    }
    return WSB_OK;
}

static wsb_status check_engine_options(const wsb_runtime_ops *ops,
                                       const wsb_runtime_options *options, wsb_error **out_error)
{
    if (options->pool_instances > MAX_POOL_INSTANCES) {
        wsb_error_details details = {.operation = "create runtime",
                                     .subject = "pool_instances",
                                     .used = options->pool_instances,
                                     .allowed = MAX_POOL_INSTANCES};
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, &details,
                             "create runtime: pool_instances is %llu and can be at most %d",
                             (unsigned long long)options->pool_instances, MAX_POOL_INSTANCES);
    }
    if (options->pool_instances != 0 && options->avoid_pool) {
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "create runtime: pool_instances and avoid_pool are both set");
    }
    if (options->pool_instances != 0 && (ops->features & WSB_ENGINE_POOLING) == 0) {
        wsb_error_details details = {.operation = "create runtime",
                                     .subject = "pool_instances",
                                     .suggestion = "leave pool_instances at 0"};
        return wsb_error_set(out_error, WSB_ERROR_UNSUPPORTED, &details,
                             "create runtime: engine '%s' has no pool of instances", ops->id);
    }
    if (options->avoid_signals && (ops->features & WSB_ENGINE_NO_SIGNALS) == 0) {
        wsb_error_details details = {.operation = "create runtime",
                                     .subject = "avoid_signals",
                                     .suggestion = "use an engine that has the feature "
                                                   "no_signals, or allow signal handlers"};
        return wsb_error_set(out_error, WSB_ERROR_UNSUPPORTED, &details,
                             "create runtime: engine '%s' finds traps by signal handlers and "
                             "cannot do without them (avoid_signals)",
                             ops->id);
    }
    return check_fibers(ops, options->max_fibers, out_error);
}

static wsb_status init_runtime(wsb_runtime *runtime, const wsb_runtime_ops *ops,
                               const wsb_runtime_options *options, wsb_error **out_error)
{
    bool interruptible = (ops->features & WSB_ENGINE_DEADLINE) != 0;
    runtime->ops = ops;
    runtime->interrupt = interruptible ? ops->engine_interrupt : wsb__tick_no_interrupt;
    runtime->fork_generation = atomic_load(&wsb__fork_generation);
    runtime->avoid_signals = options->avoid_signals;
    runtime->allow_foreign_stacks = options->allow_foreign_stacks;
    if (!options->avoid_pool && (ops->features & WSB_ENGINE_POOLING) != 0) {
        runtime->pool_instances =
            options->pool_instances != 0 ? options->pool_instances : DEFAULT_POOL_INSTANCES;
    }
    runtime->max_fibers = options->max_fibers != 0 ? options->max_fibers : DEFAULT_FIBERS;
    wsb_status status = wsb__module_bounds_resolve(options->bounds, &runtime->bounds, out_error);
    if (status == WSB_OK) {
        status = open_cache(runtime, options, out_error);
    }
    return status;
}

wsb_status wsb__runtime_create(const wsb_runtime_ops *ops, const wsb_runtime_options *options,
                               wsb_runtime **out_runtime, wsb_error **out_error)
{
    wsb_runtime_options given = WSB_RUNTIME_OPTIONS_INIT;
    wsb_status status =
        wsb__options_copy(options, &given, sizeof given, "wsb_runtime_options", out_error);
    if (status == WSB_OK) {
        status = check_engine_options(ops, &given, out_error);
    }
    if (status != WSB_OK) {
        return status;
    }
    wsb_runtime *runtime = wsb__calloc(1, sizeof *runtime);
    if (runtime == NULL) {
        return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL, "no memory for a runtime");
    }
    wsb__ticks_init();
    wsb__fork_watch();
    atomic_init(&runtime->refs, 1);
    status = wsb__watchdog_init(&runtime->watchdog, out_error);
    if (status != WSB_OK) {
        wsb__free(runtime);
        return status;
    }
    pthread_mutex_init(&runtime->lock, NULL);
    status = init_runtime(runtime, ops, &given, out_error);
    if (status != WSB_OK) {
        wsb_runtime_destroy(runtime);
        return status;
    }
    *out_runtime = runtime;
    return WSB_OK;
}

wsb_runtime *wsb__runtime_ref(wsb_runtime *runtime)
{
    atomic_fetch_add_explicit(&runtime->refs, 1, memory_order_relaxed);
    return runtime;
}

void wsb_runtime_destroy(wsb_runtime *runtime)
{
    if (runtime == NULL ||
        atomic_fetch_sub_explicit(&runtime->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (runtime->fork_generation != atomic_load(&wsb__fork_generation)) {
        return; /* the watchdog and the engine's threads are not here: nothing can be torn down */
    }
    wsb__watchdog_fini(&runtime->watchdog);
    for (wsb__variant *variant = runtime->variants; variant != NULL;) {
        wsb__variant *next = variant->next;
        runtime->ops->engine_destroy(variant->engine);
        wsb__free(variant);
        variant = next;
    }
    wsb__code_cache_close(runtime->code_cache);
    wsb__code_key_wipe(&runtime->key);
    pthread_mutex_destroy(&runtime->lock);
    wsb__free(runtime);
}

void wsb_runtime_get_engine(const wsb_runtime *runtime, wsb_engine_info *out_info)
{
    size_t size = out_info->size < sizeof *out_info ? out_info->size : sizeof *out_info;
    wsb_engine_info info = {.size = out_info->size,
                            .id = runtime->ops->id,
                            .version = runtime->ops->version,
                            .features = wsb__features(runtime->ops),
                            .available = true,
                            .problem = "",
                            .own_features = runtime->ops->features};
    memcpy(out_info, &info, size);
}

static wsb__variant *find_variant(wsb_runtime *runtime, const wsb__variant_choice *choice)
{
    wsb__variant *variant = runtime->variants;
    while (variant != NULL && !wsb__variant_fits(variant, choice)) {
        variant = variant->next;
    }
    return variant;
}

/* Not an engine's result: this library's own memory ran out. */
#define NO_MEMORY ((wsb_engine_result) - 1)

/* With the lock held. */
static wsb_engine_result make_variant(wsb_runtime *runtime, const wsb__variant_choice *choice,
                                      wsb__variant **out_variant, wsb_engine_failure *out_failure)
{
    uint32_t added = wsb__features_added(runtime->ops, choice->fuel);
    wsb_engine_options options = {.size = sizeof options,
                                  .fuel = choice->fuel && (added & WSBN_ADD_FUEL) == 0,
                                  .max_stack = choice->max_stack,
                                  .pool_instances = choice->pool ? runtime->pool_instances : 0,
                                  .avoid_signals = runtime->avoid_signals,
                                  .fibers = choice->fibers ? runtime->max_fibers : 0};
    size_t count = 0;
    for (const wsb__variant *other = runtime->variants; other != NULL; other = other->next) {
        count++;
    }
    if (count >= MAX_VARIANTS) {
        snprintf(out_failure->message, sizeof out_failure->message,
                 "the runtime has %d combinations of fuel and max_stack in use already; use fewer "
                 "different values of max_stack",
                 MAX_VARIANTS);
        return WSB_ENGINE_UNSUPPORTED_BY_ENGINE;
    }
    wsb__variant *variant = wsb__calloc(1, sizeof *variant);
    if (variant == NULL) {
        return NO_MEMORY;
    }
    wsb_engine_result result = runtime->ops->engine_create(&options, &variant->engine, out_failure);
    if (result != WSB_ENGINE_OK) {
        wsb__free(variant);
        return result;
    }
    variant->choice = *choice;
    variant->next = runtime->variants;
    runtime->variants = variant;
    *out_variant = variant;
    return WSB_ENGINE_OK;
}

static wsb_engine_result find_or_make(wsb_runtime *runtime, const wsb__variant_choice *choice,
                                      wsb__variant **out_variant, wsb_engine_failure *out_failure)
{
    *out_variant = find_variant(runtime, choice);
    return *out_variant != NULL ? WSB_ENGINE_OK
                                : make_variant(runtime, choice, out_variant, out_failure);
}

/* The system or the engine has no room for so many stacks; the engine's words have the numbers. */
static wsb_status too_many_fibers(const wsb_runtime *runtime, const wsb_engine_failure *failure,
                                  wsb_error **out_error)
{
    wsb_error_details details = {.operation = "start engine",
                                 .subject = "max_fibers",
                                 .used = runtime->max_fibers,
                                 .suggestion = "lower wsb_runtime_options.max_fibers, or let the "
                                               "system allow more (vm.max_map_count)"};
    return wsb_error_set(out_error, WSB_ERROR_LIMIT_EXCEEDED, &details,
                         "start engine: %llu guests in fiber mode are not possible: %s",
                         (unsigned long long)runtime->max_fibers, failure->message);
}

wsb_status wsb__runtime_variant(wsb_runtime *runtime, const wsb__variant_choice *choice,
                                wsb__variant **out_variant, wsb_error **out_error)
{
    wsb_engine_failure failure = {.message = ""};
    wsb__variant_choice possible = *choice;
    wsb__variant *variant;
    pthread_mutex_lock(&runtime->lock);
    possible.pool =
        choice->pool && runtime->pool_instances != 0 && !runtime->pool_failed[choice->fibers];
    wsb_engine_result result = find_or_make(runtime, &possible, &variant, &failure);
    if (result == WSB_ENGINE_POOL_EXHAUSTED && possible.pool) {
        /* Too little address space for a pool: the plain allocator serves, and keeps doing so. */
        runtime->pool_failed[choice->fibers] = true;
        possible.pool = false;
        result = find_or_make(runtime, &possible, &variant, &failure);
    }
    pthread_mutex_unlock(&runtime->lock);
    if (result == NO_MEMORY) {
        return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL, "no memory for an engine");
    }
    if (result != WSB_ENGINE_OK && result != WSB_ENGINE_UNSUPPORTED_BY_ENGINE && choice->fibers) {
        return too_many_fibers(runtime, &failure, out_error);
    }
    if (result != WSB_ENGINE_OK) {
        return wsb__engine_failed(out_error, WSB_ERROR_UNSUPPORTED, "start engine", &failure);
    }
    *out_variant = variant;
    return WSB_OK;
}
