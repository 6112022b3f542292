/* Modules as users make and keep them. */
#include "core/alloc.h"
#include "core/auto.h"
#include "core/buffer.h"
#include "core/options.h"
#include "runtime/bounds.h"
#include "runtime/file.h"
#include "runtime/module.h"
#include "runtime/scan.h"
#include "runtime/thread.h"

#include <string.h>

#include <wasm_sandbox/plugin/error.h>

WSB_DEFINE_AUTO_PTR(wsb_module, wsb_module_destroy)

enum { COMPILED_RATIO = 16 };

static wsb_status module_create(wsb_runtime *runtime, const wsb_module_options *options,
                                wsb_module **out_module, wsb_error **out_error)
{
    wsb_module *module = wsb__calloc(1, sizeof *module);
    if (module == NULL) {
        return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL, "no memory for a module");
    }
    atomic_init(&module->refs, 1);
    pthread_mutex_init(&module->lock, NULL);
    module->runtime = wsb__runtime_ref(runtime);
    module->bounds = runtime->bounds;
    module->name = wsb__str_dup(options->name.len > 0 ? options->name : wsb_cstr("module"));
    wsb_status status = WSB_OK;
    if (module->name == NULL) {
        status = wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL, "no memory for a module");
    } else if (options->bounds != NULL) {
        status = wsb__module_bounds_resolve(options->bounds, &module->bounds, out_error);
    }
    if (status != WSB_OK) {
        wsb_module_destroy(module);
        return status;
    }
    pthread_mutex_lock(&runtime->lock);
    runtime->in_use = true;
    pthread_mutex_unlock(&runtime->lock);
    *out_module = module;
    return WSB_OK;
}

wsb_module *wsb_module_ref(wsb_module *module)
{
    atomic_fetch_add_explicit(&module->refs, 1, memory_order_relaxed);
    return module;
}

void wsb_module_destroy(wsb_module *module)
{
    if (module == NULL || atomic_fetch_sub_explicit(&module->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (module->runtime->fork_generation != atomic_load(&wsb__fork_generation)) {
        return; /* the engine's locks may be held by threads that are not in this process */
    }
    wsb__links_destroy(module);
    while (module->compiled != NULL) {
        wsb__compiled *compiled = module->compiled;
        module->compiled = compiled->next;
        module->runtime->ops->module_destroy(compiled->code);
        wsb__free(compiled);
    }
    wsb__module_info_destroy(module->info);
    wsb_buf_fini(&module->source);
    wsb__free(module->name);
    pthread_mutex_destroy(&module->lock);
    wsb_runtime_destroy(module->runtime);
    wsb__free(module);
}

const wsb_module_info *wsb_module_get_info(const wsb_module *module)
{
    return &module->info->info;
}

/* Takes the source's bytes over. */
static wsb_status compile_owned(wsb_runtime *runtime, wsb_buf *source,
                                const wsb_module_options *options, wsb_module **out_module,
                                wsb_error **out_error)
{
    WSB_AUTO_PTR(wsb_module) module = NULL;
    wsb_resource_limits limits;
    wsb__variant *variant;
    wsb_status status = wsb_resource_limits_resolve(options->limits, &limits, out_error);
    if (status == WSB_OK) {
        status = module_create(runtime, options, &module, out_error);
    }
    if (module != NULL) {
        module->source = *source;
        *source = (wsb_buf)WSB_BUF_INIT;
        wsb__variant_choice choice = {
            .fuel = limits.fuel != WSB_UNLIMITED, .pool = true, .max_stack = limits.max_stack};
        status = wsb__module_prepare(module, &choice, &variant, out_error);
    }
    if (status == WSB_OK) {
        *out_module = module;
        module = NULL;
    }
    return status;
}

static wsb_status check_call(const wsb_runtime *runtime, wsb_module *const *out_module,
                             const wsb_module_options *given, wsb_module_options *out_options,
                             wsb_error **out_error)
{
    if (runtime == NULL || out_module == NULL) {
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "load module: no runtime, or nowhere to put the module");
    }
    wsb_status status =
        wsb__options_copy(given, out_options, sizeof *out_options, "wsb_module_options", out_error);
    return status == WSB_OK ? wsb__runtime_check_fork(runtime, "load module", out_error) : status;
}

static wsb_status check_size(const wsb_module_bounds *bounds, uint64_t size, wsb_error **out_error)
{
    if (size <= bounds->max_module_size) {
        return WSB_OK;
    }
    wsb_error_details details = {.operation = "load module",
                                 .subject = "max_module_size",
                                 .used = size,
                                 .allowed = bounds->max_module_size,
                                 .suggestion = "raise wsb_module_bounds.max_module_size"};
    return wsb_error_set(out_error, WSB_ERROR_LIMIT_EXCEEDED, &details,
                         "load module: it has %llu bytes and max_module_size is %llu",
                         (unsigned long long)size, (unsigned long long)bounds->max_module_size);
}

/* The bounds of one module: its own, or else the runtime's. */
static wsb_status choose_bounds(const wsb_runtime *runtime, const wsb_module_options *options,
                                wsb_module_bounds *out_bounds, wsb_error **out_error)
{
    if (options->bounds != NULL) {
        return wsb__module_bounds_resolve(options->bounds, out_bounds, out_error);
    }
    *out_bounds = runtime->bounds;
    return WSB_OK;
}

wsb_status wsb_module_compile(wsb_runtime *runtime, wsb_bytes bytes,
                              const wsb_module_options *options, wsb_module **out_module,
                              wsb_error **out_error)
{
    wsb_module_options given = WSB_MODULE_OPTIONS_INIT;
    WSB_AUTO_BUF source = WSB_BUF_INIT;
    wsb_module_bounds bounds;
    wsb_status status = check_call(runtime, out_module, options, &given, out_error);
    if (status == WSB_OK && bytes.data == NULL && bytes.len > 0) {
        status = wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                               "load module: its bytes are NULL");
    }
    if (status == WSB_OK) {
        status = choose_bounds(runtime, &given, &bounds, out_error);
    }
    if (status == WSB_OK) {
        status = check_size(&bounds, bytes.len, out_error);
    }
    if (status == WSB_OK && wsb__envelope_recognise(bytes)) {
        wsb_error_details details = {.operation = "load module",
                                     .suggestion = "use wsb_module_deserialize()"};
        status = wsb_error_set(out_error, WSB_ERROR_INVALID_MODULE, &details,
                               "load module: these bytes are a compiled module, not WebAssembly");
    }
    if (status == WSB_OK && wsb__buf_append(&source, bytes.data, bytes.len, SIZE_MAX) != WSB_OK) {
        status = wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL,
                               "load module: no memory for its %zu bytes", bytes.len);
    }
    return status == WSB_OK ? compile_owned(runtime, &source, &given, out_module, out_error)
                            : status;
}

/* How much of a file is read: a compiled module has several times the size of its source, but what
 * is far larger than any module can be is not even read. */
static uint64_t max_file_size(const wsb_module_bounds *bounds)
{
    uint64_t most = bounds->max_module_size;
    return most < UINT64_MAX / COMPILED_RATIO - WSB_MIB ? most * COMPILED_RATIO + WSB_MIB
                                                        : UINT64_MAX;
}

wsb_status wsb_module_compile_file(wsb_runtime *runtime, wsb_str path,
                                   const wsb_module_options *options, wsb_module **out_module,
                                   wsb_error **out_error)
{
    wsb_module_options given = WSB_MODULE_OPTIONS_INIT;
    WSB_AUTO_BUF source = WSB_BUF_INIT;
    wsb_module_bounds bounds;
    wsb_status status = check_call(runtime, out_module, options, &given, out_error);
    if (status == WSB_OK) {
        status = choose_bounds(runtime, &given, &bounds, out_error);
    }
    if (status == WSB_OK) {
        status = wsb__file_read(path, max_file_size(&bounds), &source, out_error);
    }
    if (status != WSB_OK) {
        return status;
    }
    if (given.name.len == 0) {
        given.name = path;
    }
    wsb_bytes bytes = wsb_bytes_of(source.data, source.len);
    if (wsb__envelope_recognise(bytes)) {
        return wsb_module_deserialize(runtime, bytes, out_module, out_error);
    }
    status = check_size(&bounds, bytes.len, out_error);
    return status == WSB_OK ? compile_owned(runtime, &source, &given, out_module, out_error)
                            : status;
}

/* What serves as a module but is none to look into: the caller may have a key and an engine. */
static wsb_status is_compiled(wsb_error **out_error)
{
    wsb_error_details details = {.operation = "inspect module",
                                 .subject = "compiled_module",
                                 .suggestion = "use wsb_module_deserialize()"};
    return wsb_error_set(out_error, WSB_ERROR_INVALID_MODULE, &details,
                         "inspect module: this is a compiled module, not WebAssembly");
}

static wsb_status inspect(wsb_bytes bytes, const wsb_module_bounds *bounds,
                          wsb_module_info **out_info, wsb_error **out_error)
{
    wsb__module_info *info;
    wsbn_result result;
    if (wsb__envelope_recognise(bytes)) {
        return is_compiled(out_error);
    }
    wsb_status status = check_size(bounds, bytes.len, out_error);
    if (status != WSB_OK) {
        return status;
    }
    status = wsb__scan(bytes, bounds, 0, &result, out_error);
    if (status == WSB_OK) {
        status =
            wsb__module_info_parse(wsb_bytes_of(result.info, result.info_len), &info, out_error);
    }
    if (status == WSB_OK) {
        *out_info = &info->info;
    }
    wsbn_result_fini(&result);
    return status;
}

wsb_status wsb_module_inspect(wsb_bytes bytes, const wsb_module_bounds *bounds,
                              wsb_module_info **out_info, wsb_error **out_error)
{
    wsb_module_bounds resolved;
    if (out_info == NULL || (bytes.data == NULL && bytes.len > 0)) {
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "inspect module: its bytes are NULL, or there is nowhere to put the "
                             "result");
    }
    wsb_status status = wsb__module_bounds_resolve(bounds, &resolved, out_error);
    return status == WSB_OK ? inspect(bytes, &resolved, out_info, out_error) : status;
}

wsb_status wsb_module_inspect_file(wsb_str path, const wsb_module_bounds *bounds,
                                   wsb_module_info **out_info, wsb_error **out_error)
{
    wsb_module_bounds resolved;
    WSB_AUTO_BUF source = WSB_BUF_INIT;
    if (out_info == NULL) {
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "inspect module: there is nowhere to put the result");
    }
    wsb_status status = wsb__module_bounds_resolve(bounds, &resolved, out_error);
    if (status == WSB_OK) {
        status = wsb__file_read(path, max_file_size(&resolved), &source, out_error);
    }
    return status == WSB_OK
               ? inspect(wsb_bytes_of(source.data, source.len), &resolved, out_info, out_error)
               : status;
}

void wsb_module_info_destroy(wsb_module_info *info)
{
    if (info != NULL) {
        wsb__module_info_destroy(
            (wsb__module_info *)((char *)info - offsetof(wsb__module_info, info)));
    }
}

static wsb_status check_key(const wsb_runtime *runtime, const char *operation,
                            wsb_error **out_error)
{
    wsb_error_details details = {.operation = operation,
                                 .suggestion = "set `key` or `key_path` in wsb_runtime_options"};
    if ((runtime->ops->features & WSB_ENGINE_SERIALIZE) == 0) {
        details.subject = "serialize";
        details.suggestion = "use an engine that has the feature serialize";
        return wsb_error_set(out_error, WSB_ERROR_UNSUPPORTED, &details,
                             "%s: engine '%s' cannot keep compiled modules", operation,
                             runtime->ops->id);
    }
    if (!runtime->has_key) {
        return wsb_error_set(out_error, WSB_ERROR_UNSUPPORTED, &details,
                             "%s: the runtime has no key to authenticate native code with",
                             operation);
    }
    return wsb__runtime_check_fork(runtime, operation, out_error);
}

wsb_status wsb_module_serialize(wsb_module *module, wsb_buf *out_bytes, wsb_error **out_error)
{
    if (module == NULL || out_bytes == NULL) {
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "serialize module: no module, or nowhere to put the bytes");
    }
    wsb_status status = check_key(module->runtime, "serialize module", out_error);
    return status == WSB_OK ? wsb__module_seal(module, out_bytes, out_error) : status;
}

wsb_status wsb_module_deserialize(wsb_runtime *runtime, wsb_bytes bytes, wsb_module **out_module,
                                  wsb_error **out_error)
{
    wsb_module_options options = WSB_MODULE_OPTIONS_INIT;
    WSB_AUTO_PTR(wsb_module) module = NULL;
    if (runtime == NULL || out_module == NULL) {
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "load compiled module: no runtime, or nowhere to put the module");
    }
    wsb_status status = check_key(runtime, "load compiled module", out_error);
    if (status == WSB_OK) {
        status = module_create(runtime, &options, &module, out_error);
    }
    if (status == WSB_OK) {
        status = wsb__module_unseal(module, bytes, out_error);
    }
    if (status == WSB_OK) {
        *out_module = module;
        module = NULL;
    }
    return status;
}
