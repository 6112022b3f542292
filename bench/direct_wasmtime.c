/* direct.h over Wasmtime's own C API, which is faster than the standard's: unchecked calls,
 * imports resolved once, instances from a pool. */
#include "bench.h"
#include "direct.h"
#include "raw.h"

#include <stdlib.h>

typedef struct direct_instance {
    wasmtime_store_t *store;
    wasmtime_context_t *context;
    wasmtime_instance_t instance;
    wasmtime_func_t add;
    wasmtime_extern_t memory; /* for host functions, which cannot look for it */
} direct_instance;

static wasm_engine_t *engine; /* of the instances */

static wasm_trap_t *on_note(void *data, wasmtime_caller_t *caller, wasmtime_val_raw_t *values,
                            size_t count)
{
    (void)data;
    (void)caller;
    (void)values;
    (void)count;
    return NULL;
}

static void *module_compile(const uint8_t *bytes, size_t len)
{
    engine = raw_engine_create(true, 65536);
    wasmtime_module_t *module;
    raw_check(wasmtime_module_new(engine, bytes, len, &module), NULL);
    wasmtime_linker_t *linker = wasmtime_linker_new(engine);
    wasm_functype_t *type = wasm_functype_new_1_0(wasm_valtype_new_i32());
    raw_check(wasmtime_linker_define_func_unchecked(linker, "env", 3, "note", 4, type, on_note,
                                                    NULL, NULL),
              NULL);
    wasm_functype_delete(type);
    wasmtime_instance_pre_t *pre; /* all of these stay to the program's end */
    raw_check(wasmtime_linker_instantiate_pre(linker, module, &pre), NULL);
    return pre;
}

static void compile(const uint8_t *bytes, size_t len)
{
    static wasm_engine_t *unpooled;
    if (!unpooled) {
        unpooled = raw_engine_create(false, 0);
    }
    wasmtime_module_t *module;
    raw_check(wasmtime_module_new(unpooled, bytes, len, &module), NULL);
    wasmtime_module_delete(module);
}

static void start(direct_instance *instance, const wasmtime_instance_pre_t *pre)
{
    instance->store = wasmtime_store_new(engine, NULL, NULL);
    instance->context = wasmtime_store_context(instance->store);
    wasmtime_store_limiter(instance->store, 64 << 20, -1, -1, -1, -1);
    wasmtime_context_set_epoch_deadline(instance->context, 1ull << 40);
    wasm_trap_t *trap = NULL;
    raw_check(wasmtime_instance_pre_instantiate(pre, instance->context, &instance->instance, &trap),
              trap);
    instance->add = raw_function(instance->context, &instance->instance, "add");
    if (!wasmtime_instance_export_get(instance->context, &instance->instance, "memory", 6,
                                      &instance->memory)) {
        bench_fail("direct: no memory");
    }
}

static void *instance_create(void *module)
{
    direct_instance *instance = malloc(sizeof *instance);
    if (!instance) {
        bench_fail("out of memory");
    }
    start(instance, module);
    return instance;
}

static void instance_destroy(void *opaque)
{
    direct_instance *instance = opaque;
    wasmtime_store_delete(instance->store);
    free(instance);
}

static void cycles(void *module, uint64_t iterations)
{
    for (uint64_t i = 0; i < iterations; i++) {
        direct_instance instance;
        start(&instance, module);
        wasmtime_store_delete(instance.store);
    }
}

static void adds(void *opaque, uint64_t iterations)
{
    const direct_instance *instance = opaque;
    raw_adds(instance->context, &instance->add, iterations);
}

static int32_t call(void *opaque, const char *name, int32_t argument)
{
    direct_instance *instance = opaque;
    wasmtime_func_t function = raw_function(instance->context, &instance->instance, name);
    wasmtime_val_raw_t value = {.i32 = argument};
    wasm_trap_t *trap = NULL;
    raw_check(wasmtime_func_call_unchecked(instance->context, &function, &value, 1, &trap), trap);
    return value.i32;
}

__attribute__((visibility("default"))) const direct_ops *direct_entry(void);

const direct_ops *direct_entry(void)
{
    static const direct_ops ops = {
        module_compile, compile, instance_create, instance_destroy, cycles, adds, call,
    };
    return &ops;
}
