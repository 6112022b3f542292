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

/* One with a channel under `name`, the monotonic clock and an hour of time. */
wsb_instance *ours_instance_with_channel(wsb_module *module, wsb_execution_mode mode,
                                         const char *name, wsb_channel *channel);

wsb_function *ours_function(wsb_instance *instance, const char *name);

/* Calls it on the executor, however long that has no room. */
wsb_future *ours_start(wsb_function *function, const wsb_value *args, size_t arg_count,
                       wsb_executor *executor);

/* A channel in memory. */
void ours_channel_create(uint64_t capacity, wsb_channel **out_first, wsb_channel **out_second);

#endif
