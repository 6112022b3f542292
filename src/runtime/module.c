/* Compiling: scan and transform, then the engine; or the code cache. */
#include "runtime/module.h"

#include "core/alloc.h"
#include "core/auto.h"
#include "core/buffer.h"
#include "core/options.h"
#include "runtime/features.h"
#include "runtime/scan.h"

#include <string.h>

#include <wasm_sandbox/plugin/error.h>

/* What compiled code depends on besides the engine and its version. Part of files' names and
 * contents: a change of layout is a new format. */
typedef struct wsb__variant_key {
    uint64_t max_stack;
    uint8_t fuel;
    uint8_t avoid_signals;
    uint8_t padding[2];
    uint32_t added;     /* WSBN_ADD_* bits */
    uint32_t transform; /* WSBN_TRANSFORM_VERSION */
    uint32_t padding_2;
} wsb__variant_key;

static wsb__variant_key variant_key(const wsb_runtime *runtime, const wsb__variant *variant)
{
    wsb__variant_key key;
    memset(&key, 0, sizeof key);
    key.max_stack = variant->choice.max_stack;
    key.fuel = variant->choice.fuel;
    key.avoid_signals = runtime->avoid_signals;
    key.added = wsb__features_added(runtime->ops, variant->choice.fuel);
    key.transform = WSBN_TRANSFORM_VERSION;
    return key;
}

/* Scan and transform of the source. The caller releases the result in any case. */
static wsb_status scan(const wsb_module *module, const wsb__variant *variant,
                       wsbn_result *out_result, wsb_error **out_error)
{
    return wsb__scan(wsb_bytes_of(module->source.data, module->source.len), &module->bounds,
                     wsb__features_added(module->runtime->ops, variant->choice.fuel), out_result,
                     out_error);
}

/* Reads what the scan found, for the module where it is the first, and what was added to it;
 * refuses what the engine cannot run. */
static wsb_status read_info(wsb_module *module, wsb_bytes blob, uint64_t *out_flags,
                            wsb_error **out_error)
{
    wsb__module_info *info;
    wsb_status status = wsb__module_info_parse(blob, &info, out_error);
    if (status != WSB_OK) {
        return status;
    }
    *out_flags = info->flags & WSB__MODULE_ADDED;
    status = wsb__features_check(module->runtime->ops, info->info.required_features, out_error);
    if (status == WSB_OK && module->info == NULL) {
        module->info = info;
    } else {
        wsb__module_info_destroy(info);
    }
    return status;
}

/* The one compiled form for a variant, added to the module. With the lock held. */
static wsb_status add_compiled(wsb_module *module, wsb__variant *variant, void *code,
                               uint64_t flags, wsb__compiled **out_compiled, wsb_error **out_error)
{
    wsb__compiled *compiled = wsb__calloc(1, sizeof *compiled);
    if (compiled == NULL) {
        module->runtime->ops->module_destroy(code);
        return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL, "no memory for a module");
    }
    compiled->variant = variant;
    compiled->code = code;
    compiled->added = wsb__features_added(module->runtime->ops, variant->choice.fuel);
    compiled->flags = flags;
    compiled->next = module->compiled;
    module->compiled = compiled;
    *out_compiled = compiled;
    return WSB_OK;
}

typedef struct emitted {
    wsb_module *module;
    wsb__variant *variant;
    wsb__variant *target; /* to deserialize for; NULL: into `bytes` or the cache */
    wsb_bytes info;
    const wsb__code_cache_name *name; /* to store under; NULL: not */
    wsb_buf *bytes;                   /* to seal into; NULL: not */
    void *code;
    wsb_engine_failure *failure;
    wsb_engine_result result;
    wsb_status status;
    wsb_error **out_error;
} emitted;

static wsb__envelope_parts parts_of(const emitted *target, const wsb__variant_key *key,
                                    wsb_bytes code)
{
    const wsb_runtime_ops *ops = target->module->runtime->ops;
    return (wsb__envelope_parts){.engine = wsb_cstr(ops->id),
                                 .version = wsb_cstr(ops->version),
                                 .variant = wsb_bytes_of(key, sizeof *key),
                                 .info = target->info,
                                 .code = code};
}

/* Takes the serialized code where it is needed, without another copy of it. */
static void take_code(wsb_bytes code, void *user_data)
{
    emitted *target = user_data;
    wsb_runtime *runtime = target->module->runtime;
    wsb__variant_key key = variant_key(runtime, target->variant);
    wsb__envelope_parts parts = parts_of(target, &key, code);
    if (target->name != NULL) {
        bool stored = wsb__code_cache_store(runtime->code_cache, target->name, &parts);
        (void)stored; /* a cache that cannot be written is no reason to fail */
    }
    if (target->bytes != NULL) {
        target->status =
            wsb__envelope_seal(&runtime->key, &parts, target->bytes, target->out_error);
    }
    if (target->target != NULL) {
        target->result = runtime->ops->module_deserialize(target->target->engine, code,
                                                          &target->code, target->failure);
    }
}

static bool can_serialize(const wsb_runtime *runtime)
{
    return (runtime->ops->features & WSB_ENGINE_SERIALIZE) != 0;
}

/* The name under which the cache keeps the module for a variant. */
static void name_in_cache(const wsb_module *module, const wsb__variant_key *key,
                          wsb__code_cache_subject *subject, wsb__code_cache_name *out_name)
{
    const wsb_runtime *runtime = module->runtime;
    *subject =
        (wsb__code_cache_subject){.module = wsb_bytes_of(module->source.data, module->source.len),
                                  .engine = wsb_cstr(runtime->ops->id),
                                  .version = wsb_cstr(runtime->ops->version),
                                  .variant = wsb_bytes_of(key, sizeof *key),
                                  .bounds = wsb_bytes_of(&module->bounds, sizeof module->bounds)};
    wsb__code_cache_key(runtime->code_cache, subject, out_name);
}

/* Remembers that the engine's pool has no room for such a module, ever. */
static wsb_engine_result note_pool(wsb_module *module, wsb_engine_result result)
{
    if (result == WSB_ENGINE_POOL_EXHAUSTED) {
        module->unpoolable = true;
    }
    return result;
}

/* From the cache: scan's result and code at once. False is a miss. */
static bool load_cached(wsb_module *module, wsb__variant *variant, wsb__code_cache_name *out_name,
                        wsb__compiled **out_compiled)
{
    wsb_runtime *runtime = module->runtime;
    wsb__variant_key key = variant_key(runtime, variant);
    wsb__code_cache_subject subject;
    WSB_AUTO_BUF bytes = WSB_BUF_INIT;
    wsb__envelope_parts parts;
    wsb_engine_failure failure = {.message = ""};
    void *code = NULL;
    uint64_t flags;
    name_in_cache(module, &key, &subject, out_name);
    if (!wsb__code_cache_load(runtime->code_cache, out_name, &subject, &bytes, &parts)) {
        return false;
    }
    if (read_info(module, parts.info, &flags, NULL) != WSB_OK) {
        return false;
    }
    return note_pool(module, runtime->ops->module_deserialize(variant->engine, parts.code, &code,
                                                              &failure)) == WSB_ENGINE_OK &&
           add_compiled(module, variant, code, flags, out_compiled, NULL) == WSB_OK;
}

/* Scan, transform, compile; then keep the result. */
static wsb_status compile_source(wsb_module *module, wsb__variant *variant,
                                 const wsb__code_cache_name *name, wsb__compiled **out_compiled,
                                 wsb_error **out_error)
{
    const wsb_runtime_ops *ops = module->runtime->ops;
    wsb_engine_failure failure = {.message = ""};
    wsbn_result scanned;
    void *code = NULL;
    uint64_t flags;
    wsb_status status = scan(module, variant, &scanned, out_error);
    if (status == WSB_OK) {
        status = read_info(module, wsb_bytes_of(scanned.info, scanned.info_len), &flags, out_error);
    }
    if (status == WSB_OK) {
        wsb_engine_result result = ops->module_compile(
            variant->engine, wsb_bytes_of(scanned.module, scanned.module_len), &code, &failure);
        if (note_pool(module, result) != WSB_ENGINE_OK) {
            status = wsb__engine_failed(out_error, WSB_ERROR_UNSUPPORTED, "compile", &failure);
        }
    }
    if (status == WSB_OK && name != NULL) {
        emitted target = {.module = module,
                          .variant = variant,
                          .info = wsb_bytes_of(scanned.info, scanned.info_len),
                          .name = name};
        ops->module_serialize(code, take_code, &target, &failure);
    }
    if (status == WSB_OK) {
        status = add_compiled(module, variant, code, flags, out_compiled, out_error);
    }
    wsbn_result_fini(&scanned);
    return status;
}

/* Variants that differ in their pool or fibers run the same code: what one has compiled is loaded
 * for the other. */
static bool load_from_sibling(wsb_module *module, wsb__variant *variant,
                              wsb__compiled **out_compiled)
{
    const wsb_runtime_ops *ops = module->runtime->ops;
    wsb_engine_failure failure = {.message = ""};
    for (wsb__compiled *other = module->compiled; other != NULL; other = other->next) {
        if (other->variant->choice.fuel == variant->choice.fuel &&
            other->variant->choice.max_stack == variant->choice.max_stack &&
            can_serialize(module->runtime)) {
            emitted target = {.module = module,
                              .variant = other->variant,
                              .target = variant,
                              .failure = &failure,
                              .result = WSB_ENGINE_FAILED};
            return ops->module_serialize(other->code, take_code, &target, &failure) ==
                       WSB_ENGINE_OK &&
                   target.result == WSB_ENGINE_OK &&
                   add_compiled(module, variant, target.code, other->flags, out_compiled, NULL) ==
                       WSB_OK;
        }
    }
    return false;
}

static wsb_status no_source(const wsb__variant *variant, wsb_error **out_error)
{
    wsb_error_details details = {
        .operation = "instantiate",
        .subject = variant->choice.fuel ? "fuel" : "max_stack",
        .suggestion = "compile the module again with these limits (wsb_module_options.limits)"};
    return wsb_error_set(out_error, WSB_ERROR_UNSUPPORTED, &details,
                         "instantiate: the module was compiled in advance for other settings of "
                         "fuel or max_stack");
}

/* With the lock held. */
static wsb_status compile_for(wsb_module *module, wsb__variant *variant,
                              wsb__compiled **out_compiled, wsb_error **out_error)
{
    wsb__code_cache_name name;
    bool cached = module->runtime->code_cache != NULL && can_serialize(module->runtime);
    if (load_from_sibling(module, variant, out_compiled)) {
        return WSB_OK;
    }
    if (module->source.data == NULL) {
        return no_source(variant, out_error);
    }
    if (cached && load_cached(module, variant, &name, out_compiled)) {
        return WSB_OK;
    }
    if (variant->choice.pool && module->unpoolable) {
        return WSB_ERROR_UNSUPPORTED; /* found out just now: the caller takes the plain variant */
    }
    return compile_source(module, variant, cached ? &name : NULL, out_compiled, out_error);
}

wsb_status wsb__module_compiled(wsb_module *module, wsb__variant *variant,
                                wsb__compiled **out_compiled, wsb_error **out_error)
{
    wsb_status status = WSB_OK;
    pthread_mutex_lock(&module->lock);
    wsb__compiled *compiled = module->compiled;
    while (compiled != NULL && compiled->variant != variant) {
        compiled = compiled->next;
    }
    if (compiled == NULL) {
        status = compile_for(module, variant, &compiled, out_error);
    }
    pthread_mutex_unlock(&module->lock);
    if (status == WSB_OK) {
        *out_compiled = compiled;
    }
    return status;
}

wsb_status wsb__module_prepare(wsb_module *module, const wsb__variant_choice *choice,
                               wsb__variant **out_variant, wsb_error **out_error)
{
    wsb__variant_choice possible = *choice;
    wsb__variant *variant;
    wsb__compiled *compiled;
    possible.pool = choice->pool && !module->unpoolable;
    wsb_status status = wsb__runtime_variant(module->runtime, &possible, &variant, out_error);
    if (status == WSB_OK) {
        wsb_error *first = NULL;
        status = wsb__module_compiled(module, variant, &compiled, &first);
        if (status != WSB_OK && variant->choice.pool && module->unpoolable) {
            wsb_error_destroy(first);
            possible.pool = false;
            return wsb__module_prepare(module, &possible, out_variant, out_error);
        }
        if (out_error != NULL) {
            *out_error = first != NULL ? first : *out_error;
        } else {
            wsb_error_destroy(first);
        }
    }
    if (status == WSB_OK) {
        *out_variant = variant;
    }
    return status;
}

wsb_status wsb__module_seal(wsb_module *module, wsb_buf *out_bytes, wsb_error **out_error)
{
    const wsb_runtime_ops *ops = module->runtime->ops;
    wsb_engine_failure failure = {.message = ""};
    wsb_buf bytes = WSB_BUF_INIT;
    pthread_mutex_lock(&module->lock);
    wsb__compiled *compiled = module->compiled;
    while (compiled->next != NULL) {
        compiled = compiled->next; /* the first one: for the limits that it was compiled with */
    }
    emitted target = {.module = module,
                      .variant = compiled->variant,
                      .info = module->info->blob,
                      .bytes = &bytes,
                      .out_error = out_error};
    wsb_engine_result result = ops->module_serialize(compiled->code, take_code, &target, &failure);
    pthread_mutex_unlock(&module->lock);
    if (result != WSB_ENGINE_OK) {
        return wsb__engine_failed(out_error, WSB_ERROR_UNSUPPORTED, "serialize module", &failure);
    }
    if (target.status == WSB_OK) {
        *out_bytes = bytes;
    }
    return target.status;
}

static wsb_status made_for_another(const wsb__envelope_parts *parts, const wsb_runtime_ops *ops,
                                   wsb_error **out_error)
{
    bool same_engine = wsb__str_equal(parts->engine, wsb_cstr(ops->id));
    wsb_error_details details = {.operation = "load compiled module",
                                 .suggestion = same_engine
                                                   ? "compile the module again"
                                                   : "use the engine that it was made for, or "
                                                     "compile the module again"};
    return wsb_error_set(out_error, WSB_ERROR_UNSUPPORTED, &details,
                         "load compiled module: made for %.*s %.*s, this runtime is %s %s",
                         (int)parts->engine.len, parts->engine.data, (int)parts->version.len,
                         parts->version.data, ops->id, ops->version);
}

wsb_status wsb__module_unseal(wsb_module *module, wsb_bytes bytes, wsb_error **out_error)
{
    wsb_runtime *runtime = module->runtime;
    wsb__envelope_parts parts;
    wsb__variant_key key;
    wsb__variant *variant;
    wsb__compiled *compiled;
    wsb_engine_failure failure = {.message = ""};
    void *code = NULL;
    uint64_t flags;
    wsb_status status = wsb__envelope_open(&runtime->key, bytes, &parts, out_error);
    if (status != WSB_OK) {
        return status;
    }
    if (!wsb__str_equal(parts.engine, wsb_cstr(runtime->ops->id)) ||
        !wsb__str_equal(parts.version, wsb_cstr(runtime->ops->version)) ||
        parts.variant.len != sizeof key) {
        return made_for_another(&parts, runtime->ops, out_error);
    }
    memcpy(&key, parts.variant.data, sizeof key);
    if ((key.avoid_signals != 0) != runtime->avoid_signals ||
        key.transform != WSBN_TRANSFORM_VERSION ||
        key.added != wsb__features_added(runtime->ops, key.fuel != 0)) {
        return made_for_another(&parts, runtime->ops, out_error);
    }
    status = read_info(module, parts.info, &flags, out_error);
    wsb__variant_choice choice = {.fuel = key.fuel != 0, .pool = true, .max_stack = key.max_stack};
    for (; status == WSB_OK; choice.pool = false) {
        status = wsb__runtime_variant(runtime, &choice, &variant, out_error);
        if (status != WSB_OK) {
            break;
        }
        wsb_engine_result result = note_pool(
            module, runtime->ops->module_deserialize(variant->engine, parts.code, &code, &failure));
        if (result == WSB_ENGINE_OK) {
            return add_compiled(module, variant, code, flags, &compiled, out_error);
        }
        if (!variant->choice.pool) {
            return wsb__engine_failed(out_error, WSB_ERROR_UNSUPPORTED, "load compiled module",
                                      &failure);
        }
    }
    return status;
}
