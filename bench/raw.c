#include "raw.h"

#include "bench.h"

#include <stdlib.h>
#include <string.h>

void raw_check(wasmtime_error_t *error, wasm_trap_t *trap)
{
    wasm_byte_vec_t message;
    if (error) {
        wasmtime_error_message(error, &message);
    } else if (trap) {
        wasm_trap_message(trap, &message);
    } else {
        return;
    }
    bench_fail("raw Wasmtime: %.*s", (int)message.size, message.data);
}

wasm_engine_t *raw_engine_create(bool pool, size_t keep_resident)
{
    wasm_config_t *config = wasm_config_new();
    wasmtime_config_epoch_interruption_set(config, true);
    if (pool) {
        wasmtime_pooling_allocation_config_t *p = wasmtime_pooling_allocation_config_new();
        wasmtime_pooling_allocation_config_total_memories_set(p, 1000);
        wasmtime_pooling_allocation_config_total_core_instances_set(p, 1000);
        wasmtime_pooling_allocation_config_total_tables_set(p, 1000);
        wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(p, keep_resident);
        wasmtime_pooling_allocation_strategy_set(config, p);
        wasmtime_pooling_allocation_config_delete(p);
    }
    wasm_engine_t *engine = wasm_engine_new_with_config(config);
    if (!engine) {
        bench_fail("raw Wasmtime: no engine");
    }
    return engine;
}

wasmtime_module_t *raw_module_compile(wasm_engine_t *engine, const char *path)
{
    size_t len;
    uint8_t *bytes = bench_read_file(path, &len);
    wasmtime_module_t *module;
    raw_check(wasmtime_module_new(engine, bytes, len, &module), NULL);
    free(bytes);
    return module;
}

wasmtime_func_t raw_function(wasmtime_context_t *context, const wasmtime_instance_t *instance,
                             const char *name)
{
    wasmtime_extern_t item;
    if (!wasmtime_instance_export_get(context, instance, name, strlen(name), &item) ||
        item.kind != WASMTIME_EXTERN_FUNC) {
        bench_fail("raw Wasmtime: no function %s", name);
    }
    return item.of.func;
}

void raw_adds(wasmtime_context_t *context, const wasmtime_func_t *add, uint64_t iterations)
{
    for (uint64_t i = 0; i < iterations; i++) {
        wasmtime_val_raw_t values[2];
        values[0].i32 = (int32_t)i;
        values[1].i32 = 3;
        wasm_trap_t *trap = NULL;
        wasmtime_error_t *error = wasmtime_func_call_unchecked(context, add, values, 2, &trap);
        if (error || trap || values[0].i32 != (int32_t)i + 3) {
            raw_check(error, trap);
            bench_fail("raw: add gave a wrong sum");
        }
    }
}
