/* Builds a sandbox with one main module and instance. */
#include "sandbox/builder.h"

#include "core/alloc.h"
#include "core/options.h"
#include "runtime/executor.h"
#include "runtime/runtime.h"
#include "sandbox/state.h"

#include <wasm_sandbox/plugin/error.h>

wsb_sandbox_builder *wsb_sandbox_builder_create(void)
{
    wsb_sandbox_builder *builder = wsb__calloc(1, sizeof *builder);
    if (builder) {
        builder->limits.size = sizeof builder->limits;
        builder->capabilities.size = sizeof builder->capabilities;
    }
    return builder;
}

void wsb_sandbox_builder_destroy(wsb_sandbox_builder *builder)
{
    if (!builder)
        return;
    while (builder->blocks) {
        wsb__builder_block *next = builder->blocks->next;
        wsb__free(builder->blocks);
        builder->blocks = next;
    }
    wsb__builder_drop_capabilities(builder);
    wsb_imports_destroy(builder->imports);
    wsb_runtime_destroy(builder->runtime);
    wsb_executor_destroy(builder->executor);
    wsb_error_destroy(builder->problem);
    wsb__free(builder);
}

void wsb_sandbox_builder_module_path(wsb_sandbox_builder *builder, wsb_str path)
{
    if (builder && wsb__builder_copy(builder, path, &builder->path))
        builder->has_bytes = false;
}

void wsb_sandbox_builder_module_bytes(wsb_sandbox_builder *builder, wsb_bytes bytes)
{
    wsb_str copy = {NULL, 0};
    if (!builder ||
        !wsb__builder_copy(builder, (wsb_str){(const char *)bytes.data, bytes.len}, &copy))
        return;
    builder->bytes = wsb_bytes_of(copy.data, copy.len);
    builder->has_bytes = true;
}

void wsb_sandbox_builder_engine(wsb_sandbox_builder *builder, wsb_str id)
{
    if (builder)
        (void)wsb__builder_copy(builder, id, &builder->engine);
}

void wsb_sandbox_builder_runtime(wsb_sandbox_builder *builder, wsb_runtime *runtime)
{
    if (!builder)
        return;
    wsb_runtime *taken = runtime ? wsb__runtime_ref(runtime) : NULL;
    wsb_runtime_destroy(builder->runtime);
    builder->runtime = taken;
}

void wsb_sandbox_builder_memory_limit(wsb_sandbox_builder *builder, uint64_t bytes)
{
    if (builder)
        builder->limits.max_memory = bytes;
}

void wsb_sandbox_builder_timeout(wsb_sandbox_builder *builder, uint64_t ns)
{
    if (!builder)
        return;
    builder->limits.max_wall_time = ns;
    builder->limits.max_cpu_time = ns;
}

void wsb_sandbox_builder_fuel(wsb_sandbox_builder *builder, uint64_t fuel)
{
    if (builder)
        builder->limits.fuel = fuel;
}

void wsb_sandbox_builder_limits(wsb_sandbox_builder *builder, const wsb_resource_limits *limits)
{
    if (!builder)
        return;
    wsb_error *error = NULL;
    wsb_resource_limits copy;
    wsb_status status =
        wsb__options_copy(limits, &copy, sizeof copy, "wsb_resource_limits", &error);
    if (status == WSB_OK && copy.named_count && !copy.named) {
        status = WSB_ERROR_INVALID_ARGUMENT;
        (void)wsb_error_set(&error, status, NULL,
                            "build sandbox: the named limits are NULL but not none");
    }
    if (status != WSB_OK) {
        wsb__builder_fail(builder, status, error);
        return;
    }
    wsb_named_limit *named =
        copy.named_count ? wsb__builder_alloc(builder, copy.named_count, sizeof *named) : NULL;
    if (copy.named_count && !named)
        return;
    for (size_t i = 0; i < copy.named_count; i++) {
        named[i] = copy.named[i];
        if (!wsb__builder_copy(builder, copy.named[i].name, &named[i].name))
            return;
    }
    copy.named = named;
    builder->limits = copy;
}

void wsb_sandbox_builder_capabilities(wsb_sandbox_builder *builder,
                                      const wsb_capabilities *capabilities)
{
    if (builder)
        wsb__builder_copy_capabilities(builder, capabilities);
}

void wsb_sandbox_builder_directory(wsb_sandbox_builder *builder, wsb_str host_path,
                                   wsb_str guest_path, bool writable)
{
    if (!builder)
        return;
    size_t count = builder->directory_count;
    wsb_filesystem_capability *all = wsb__builder_alloc(builder, count + 1, sizeof *all);
    if (!all)
        return;
    if (count)
        memcpy(all, builder->directories, count * sizeof *all);
    all[count] = (wsb_filesystem_capability)WSB_FILESYSTEM_CAPABILITY_INIT;
    all[count].access = writable ? WSB_FILESYSTEM_READ_WRITE : WSB_FILESYSTEM_READ_ONLY;
    all[count].allow_create = writable;
    all[count].allow_delete = writable;
    if (!wsb__builder_copy(builder, host_path, &all[count].host_path) ||
        !wsb__builder_copy(builder, guest_path, &all[count].guest_path))
        return;
    builder->directories = all;
    builder->directory_count = count + 1;
}

/* The set of host functions, made when the first one comes; NULL where there is no memory. */
static wsb_imports *imports_of(wsb_sandbox_builder *builder)
{
    wsb_error *error = NULL;
    if (builder->imports)
        return builder->imports;
    wsb_status status = wsb_imports_create(&builder->imports, &error);
    if (status != WSB_OK)
        wsb__builder_fail(builder, status, error);
    return builder->imports;
}

void wsb_sandbox_builder_host_function(wsb_sandbox_builder *builder,
                                       const wsb_host_function *function)
{
    wsb_error *error = NULL;
    if (!builder || !imports_of(builder))
        return;
    wsb_status status = wsb_imports_define(builder->imports, function, &error);
    if (status != WSB_OK)
        wsb__builder_fail(builder, status, error);
}

void wsb_sandbox_builder_structured_function(wsb_sandbox_builder *builder,
                                             const wsb_structured_function *function)
{
    wsb_error *error = NULL;
    if (!builder || !imports_of(builder))
        return;
    wsb_status status = wsb_imports_define_structured(builder->imports, function, &error);
    if (status != WSB_OK)
        wsb__builder_fail(builder, status, error);
}

void wsb_sandbox_builder_mode(wsb_sandbox_builder *builder, wsb_execution_mode mode)
{
    if (builder)
        builder->mode = mode;
}

void wsb_sandbox_builder_executor(wsb_sandbox_builder *builder, wsb_executor *executor)
{
    if (!builder)
        return;
    wsb_executor *taken = executor ? wsb__executor_ref(executor) : NULL;
    wsb_executor_destroy(builder->executor);
    builder->executor = taken;
}

/* The noted problem, as an error of the caller's own: the builder can be used again. */
static wsb_status report(const wsb_sandbox_builder *builder, wsb_error **out_error)
{
    const wsb_error *problem = builder->problem;
    wsb_error_details details = {
        .operation = wsb_error_operation(problem),
        .subject = wsb_error_subject(problem),
        .suggestion = wsb_error_suggestion(problem),
        .used = wsb_error_used(problem),
        .allowed = wsb_error_allowed(problem),
    };
    return wsb_error_set(out_error, builder->problem_status, &details, "%s",
                         wsb_error_message(problem));
}

static wsb_status create_instance(const wsb_sandbox_builder *builder, wsb_sandbox *sandbox,
                                  const wsb_capabilities *capabilities, wsb_error **out_error)
{
    wsb_module_options options = WSB_MODULE_OPTIONS_INIT;
    options.limits = &builder->limits;
    wsb_module_id module = 0;
    wsb_status status = wsb__sandbox_load(sandbox, builder->has_bytes ? NULL : &builder->path,
                                          builder->bytes, &options, &module, out_error);
    if (status != WSB_OK)
        return status;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    config.capabilities = capabilities;
    config.limits = &builder->limits;
    config.imports = builder->imports;
    config.mode = builder->mode;
    return wsb_sandbox_create_instance(sandbox, module, &config, &sandbox->main_instance,
                                       out_error);
}

static wsb_status check(const wsb_sandbox_builder *builder, const void *out_sandbox,
                        wsb_error **out_error)
{
    wsb_error_details details = {.operation = "build sandbox"};
    if (!builder)
        return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, &details,
                             "build sandbox: there was no memory for the builder");
    if (!out_sandbox)
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, &details,
                             "build sandbox: the place for the result is NULL");
    if (builder->problem_status != WSB_OK)
        return report(builder, out_error);
    if (!builder->has_bytes && builder->path.len == 0) {
        details.suggestion = "call wsb_sandbox_builder_module_path() or _module_bytes()";
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, &details,
                             "build sandbox: no module was given");
    }
    return WSB_OK;
}

wsb_status wsb_sandbox_builder_build(wsb_sandbox_builder *builder, wsb_sandbox **out_sandbox,
                                     wsb_error **out_error)
{
    wsb_status status = check(builder, out_sandbox, out_error);
    if (status != WSB_OK)
        return status;
    wsb_sandbox_options options = WSB_SANDBOX_OPTIONS_INIT;
    options.engine = builder->engine;
    options.use_runtime = builder->runtime;
    options.executor = builder->executor;
    wsb__build build = {.filesystem = NULL};
    wsb_sandbox *sandbox = NULL;
    status = wsb_sandbox_create(&options, &sandbox, out_error);
    if (status == WSB_OK)
        status = wsb__build_begin(&build, builder, sandbox, out_error);
    if (status == WSB_OK)
        status = create_instance(builder, sandbox, &build.capabilities, out_error);
    wsb__build_end(&build);
    if (status == WSB_OK)
        *out_sandbox = sandbox;
    else
        wsb_sandbox_destroy(sandbox);
    return status;
}
