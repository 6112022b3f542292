/* The one symbol that wsb_engine_wasmer.so exports. */
#include "../capi/backend.h"

const ca_traits ca_engine_traits = {
    .min_stack = 4096,
    .max_stack = (uint64_t)64 << 20, /* SIZE in src/stack.rs */
    .stack_problem = "the guest's stack must be of 4 KiB to 64 MiB on this engine",
    .needs_signals = true,
};

static const wsb_runtime_ops ops = {
    .size = sizeof ops,
    .abi_version = WSB_ENGINE_ABI_VERSION,
    .id = "wasmer",
    .version = "7.4.2",
    .features = WSB_ENGINE_STACK_LIMIT | WSB_ENGINE_SERIALIZE | WSB_ENGINE_VECTORS |
                WSB_ENGINE_SIMD | WSB_ENGINE_RELAXED_SIMD | WSB_ENGINE_BACKTRACES,
    .engine_create = ca_engine_create,
    .engine_destroy = ca_engine_destroy,
    .module_compile = ca_module_compile,
    .module_destroy = ca_module_destroy,
    .module_serialize = ca_module_serialize,
    .module_deserialize = ca_module_deserialize,
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
