/* Driving this library through its public headers. */
#ifndef WSB_BENCH_OURS_H
#define WSB_BENCH_OURS_H

#include <wasm_sandbox/wasm_sandbox.h>

/* Ends the program where `status` is no success, with what the error says; releases the error. */
void ours_check(wsb_status status, wsb_error **error);

/* A runtime on Wasmtime with the default options. */
wsb_runtime *ours_runtime_create(void);

/* The same on the engine of that id. */
wsb_runtime *ours_runtime_create_on(const char *engine);

wsb_module *ours_module_compile(wsb_runtime *runtime, const char *path);

wsb_instance *ours_instance_create(wsb_module *module, const wsb_instance_config *config);

wsb_function *ours_function(wsb_instance *instance, const char *name);

#endif
