/* The one symbol that wsb_engine_wasmtime.so exports. */
#include "backend.h"

static const wsb_runtime_ops ops = {
    .size = sizeof ops,
    .abi_version = WSB_ENGINE_ABI_VERSION,
    .id = "wasmtime",
    .version = WASMTIME_VERSION,
    .features = WSB_ENGINE_DEADLINE | WSB_ENGINE_FUEL | WSB_ENGINE_MEMORY_LIMIT |
                WSB_ENGINE_TABLE_LIMIT | WSB_ENGINE_STACK_LIMIT | WSB_ENGINE_SERIALIZE |
                WSB_ENGINE_POOLING | WSB_ENGINE_FIBERS | WSB_ENGINE_NO_SIGNALS |
                WSB_ENGINE_REFERENCES | WSB_ENGINE_VECTORS | WSB_ENGINE_PROPOSALS |
                WSB_ENGINE_BACKTRACES,
    .engine_create = wt_engine_create,
    .engine_destroy = wt_engine_destroy,
    .engine_interrupt = wt_engine_interrupt,
    .module_compile = wt_module_compile,
    .module_destroy = wt_module_destroy,
    .module_serialize = wt_module_serialize,
    .module_deserialize = wt_module_deserialize,
    .link = wt_link_create,
    .unlink = wt_link_destroy,
    .instance_create = wt_instance_create,
    .instance_destroy = wt_instance_destroy,
    .instance_set_fuel = wt_instance_set_fuel,
    .instance_get_fuel = wt_instance_get_fuel,
    .export_get = wt_export_get,
    .function_call = wt_function_call,
    .function_call_references = wt_function_call_references,
    .memory_get = wt_memory_get,
    .memory_grow = wt_memory_grow,
    .global_get = wt_global_get,
    .global_set = wt_global_set,
    .function_resume = wt_function_resume,
};

const wsb_runtime_ops *wsb_engine_entry(void);

__attribute__((visibility("default"))) const wsb_runtime_ops *wsb_engine_entry(void)
{
    return &ops;
}
