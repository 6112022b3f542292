/* The engine itself, what the host sees of an instance, and the one symbol that is exported. */
#include "pebble.h"

#include <stdlib.h>

static wsb_engine_result engine_create(const wsb_engine_options *options, void **out_engine,
                                       wsb_engine_failure *out_failure)
{
    if (options->size < sizeof *options)
        return pb_refuse(out_failure, WSB_ENGINE_FAILED, "the engine's options are too short");
    if (options->fuel || options->pool_instances || options->fibers)
        return pb_refuse(out_failure, WSB_ENGINE_UNSUPPORTED_BY_ENGINE,
                         "pebble counts no fuel, has no pool and suspends no guests");
    if (options->max_stack > SIZE_MAX / 2)
        return pb_refuse(out_failure, WSB_ENGINE_UNSUPPORTED_BY_ENGINE,
                         "pebble needs a bound on the stack");
    pb_engine *engine = malloc(sizeof *engine);
    if (!engine)
        return pb_refuse(out_failure, WSB_ENGINE_FAILED, "out of memory");
    engine->stack = (size_t)options->max_stack / sizeof(pb_value);
    *out_engine = engine;
    return WSB_ENGINE_OK;
}

static bool export_get(void *instance, wsb_str name, wsb_extern_kind kind,
                       wsb_engine_handle *out_handle)
{
    const pb_instance *in = instance;
    uint32_t index;
    if (!pb_export_find(in->module, name, (uint8_t)kind, &index))
        return false;
    *out_handle = (wsb_engine_handle){{index}};
    return true;
}

static void memory_get(void *instance, void *caller, const wsb_engine_handle *memory,
                       uint8_t **out_base, uint64_t *out_size)
{
    const pb_instance *in = instance;
    (void)caller;
    (void)memory;
    *out_base = in->memory;
    *out_size = in->memory_size;
}

static bool memory_grow(void *instance, const wsb_engine_handle *memory, uint64_t pages)
{
    (void)memory;
    return pb_memory_grow(instance, pages);
}

static void global_get(void *instance, const wsb_engine_handle *global, wsb_value_type type,
                       wsb_raw_value *out_value)
{
    pb_value value = ((pb_instance *)instance)->globals[global->words[0]];
    bool half = type == WSB_I32 || type == WSB_F32;
    *out_value = (wsb_raw_value){.words = {half ? value.u32 : value.u64, 0}};
}

static void global_set(void *instance, const wsb_engine_handle *global, wsb_value_type type,
                       const wsb_raw_value *value)
{
    (void)type;
    ((pb_instance *)instance)->globals[global->words[0]].u64 = value->words[0];
}

static const wsb_runtime_ops ops = {
    .size = sizeof ops,
    .abi_version = WSB_ENGINE_ABI_VERSION,
    .id = "pebble",
    .version = "1.0",
    .features = WSB_ENGINE_STACK_LIMIT | WSB_ENGINE_NO_SIGNALS | WSB_ENGINE_REFERENCES,
    .engine_create = engine_create,
    .engine_destroy = free,
    .module_compile = pb_module_compile,
    .module_destroy = pb_module_destroy,
    .link = pb_link_create,
    .unlink = pb_link_destroy,
    .instance_create = pb_instance_create,
    .instance_destroy = pb_instance_destroy,
    .export_get = export_get,
    .function_call = pb_call,
    .memory_get = memory_get,
    .memory_grow = memory_grow,
    .function_call_references = pb_call,
    .global_get = global_get,
    .global_set = global_set,
};

WSB_API const wsb_runtime_ops *wsb_engine_entry(void);

const wsb_runtime_ops *wsb_engine_entry(void)
{
    return &ops;
}
