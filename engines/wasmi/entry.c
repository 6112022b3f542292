/* The one symbol that wsb_engine_wasmi.so exports. */
#include "../capi/backend.h"

const ca_traits ca_engine_traits = {
    .min_stack = 4096,
    .max_stack = (uint64_t)1 << 30,
    .stack_problem = "the guest's stack must be of 4 KiB to 1 GiB",
    .needs_signals = false,
};

static const wsb_runtime_ops ops = {
    .size = sizeof ops,
    .abi_version = WSB_ENGINE_ABI_VERSION,
    .id = "wasmi",
    .version = "2.0.0",
    .features = WSB_ENGINE_STACK_LIMIT | WSB_ENGINE_NO_SIGNALS | WSB_ENGINE_VECTORS |
                WSB_ENGINE_SIMD | WSB_ENGINE_RELAXED_SIMD | WSB_ENGINE_TAIL_CALLS |
                WSB_ENGINE_MEMORY64,
    .engine_create = ca_engine_create,
    .engine_destroy = ca_engine_destroy,
    .module_compile = ca_module_compile,
    .module_destroy = ca_module_destroy,
    .link = ca_link_create,
    .unlink = ca_link_destroy,
    .instance_create = ca_instance_create,
    .instance_destroy = ca_instance_destroy,
    .export_get = ca_export_get,
    .function_call = ca_function_call,
    .memory_get = ca_memory_get,
    .memory_grow = ca_memory_grow,
    .global_get = ca_global_get,
    .global_set = ca_global_set,
};

const wsb_runtime_ops *wsb_engine_entry(void);

__attribute__((visibility("default"))) const wsb_runtime_ops *wsb_engine_entry(void)
{
    return &ops;
}
