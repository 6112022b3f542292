#include "ours.h"

#include "bench.h"

void ours_check(wsb_status status, wsb_error **error)
{
    if (status != WSB_OK) {
        bench_fail("wasm-sandbox: %s: %s", wsb_status_name(status), wsb_error_message(*error));
    }
    wsb_error_destroy(*error);
    *error = NULL;
}

wsb_runtime *ours_runtime_create(void)
{
    return ours_runtime_create_on("wasmtime");
}

wsb_runtime *ours_runtime_create_on(const char *engine)
{
    wsb_runtime *runtime = NULL;
    wsb_error *error = NULL;
    ours_check(wsb_runtime_create(wsb_cstr(engine), NULL, &runtime, &error), &error);
    return runtime;
}

wsb_module *ours_module_compile(wsb_runtime *runtime, const char *path)
{
    wsb_module *module = NULL;
    wsb_error *error = NULL;
    ours_check(wsb_module_compile_file(runtime, wsb_cstr(path), NULL, &module, &error), &error);
    return module;
}

wsb_instance *ours_instance_create(wsb_module *module, const wsb_instance_config *config)
{
    wsb_instance *instance = NULL;
    wsb_error *error = NULL;
    ours_check(wsb_instance_create(module, config, &instance, &error), &error);
    return instance;
}

wsb_instance *ours_instance_with_channel(wsb_module *module, wsb_execution_mode mode,
                                         const char *name, wsb_channel *channel)
{
    wsb_channel_grant grant = {wsb_cstr(name), channel};
    wsb_capabilities capabilities = WSB_CAPABILITIES_INIT;
    capabilities.clocks = WSB_CLOCK_MONOTONIC;
    capabilities.channels = &grant;
    capabilities.channel_count = 1;
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    limits.max_wall_time = 3600 * WSB_SECOND;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    config.capabilities = &capabilities;
    config.limits = &limits;
    config.mode = mode;
    return ours_instance_create(module, &config);
}

wsb_function *ours_function(wsb_instance *instance, const char *name)
{
    wsb_function *function = NULL;
    wsb_error *error = NULL;
    ours_check(wsb_instance_function(instance, wsb_cstr(name), &function, &error), &error);
    return function;
}

wsb_future *ours_start(wsb_function *function, const wsb_value *args, size_t arg_count,
                       wsb_executor *executor)
{
    wsb_async_options options = WSB_ASYNC_OPTIONS_INIT;
    options.executor = executor;
    options.queue_timeout = UINT64_MAX;
    wsb_future *future = NULL;
    wsb_error *error = NULL;
    ours_check(wsb_function_call_async(function, args, arg_count, &options, &future, &error),
               &error);
    return future;
}

void ours_channel_create(uint64_t capacity, wsb_channel **out_first, wsb_channel **out_second)
{
    wsb_error *error = NULL;
    ours_check(wsb_memory_channel_create(capacity, out_first, out_second, &error), &error);
}
