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

wsb_function *ours_function(wsb_instance *instance, const char *name)
{
    wsb_function *function = NULL;
    wsb_error *error = NULL;
    ours_check(wsb_instance_function(instance, wsb_cstr(name), &function, &error), &error);
    return function;
}
