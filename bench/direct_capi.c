/* direct.h over the standard's C API: the same source for each engine that offers it. */
#include "bench.h"
#include "direct.h"

#include <stdlib.h>
#include <string.h>
#include <wasm.h>

typedef struct direct_module {
    wasm_module_t *module;
    wasm_exporttype_vec_t exports;
} direct_module;

typedef struct direct_instance {
    const direct_module *module;
    wasm_store_t *store;
    wasm_func_t *note;
    wasm_instance_t *instance;
    wasm_extern_vec_t exports;
} direct_instance;

static wasm_engine_t *engine;

static _Noreturn void fail(const char *what, const wasm_trap_t *trap)
{
    wasm_message_t text = WASM_EMPTY_VEC;
    if (trap) {
        wasm_trap_message(trap, &text);
    }
    bench_fail("direct: %s: %.*s", what, (int)text.size, text.data ? text.data : "");
}

static wasm_module_t *compiled(wasm_store_t *store, const uint8_t *bytes, size_t len)
{
    wasm_byte_vec_t binary;
    wasm_byte_vec_new(&binary, len, (const char *)bytes);
    wasm_module_t *module = wasm_module_new(store, &binary);
    wasm_byte_vec_delete(&binary);
    if (!module) {
        fail("the module does not compile", NULL);
    }
    return module;
}

static wasm_store_t *new_store(void)
{
    if (!engine) {
        engine = wasm_engine_new();
    }
    wasm_store_t *store = engine ? wasm_store_new(engine) : NULL;
    if (!store) {
        fail("no engine", NULL);
    }
    return store;
}

static void *module_compile(const uint8_t *bytes, size_t len)
{
    direct_module *module = calloc(1, sizeof *module);
    if (!module) {
        fail("out of memory", NULL);
    }
    module->module = compiled(new_store(), bytes, len); /* both stay to the program's end */
    wasm_module_exports(module->module, &module->exports);
    return module;
}

static void compile(const uint8_t *bytes, size_t len)
{
    wasm_store_t *store = new_store(); /* the API compiles within a store */
    wasm_module_delete(compiled(store, bytes, len));
    wasm_store_delete(store);
}

static wasm_trap_t *on_note(const wasm_val_vec_t *args, wasm_val_vec_t *results)
{
    (void)args;
    (void)results;
    return NULL;
}

static wasm_func_t *note_of(wasm_store_t *store)
{
    wasm_functype_t *type = wasm_functype_new_1_0(wasm_valtype_new_i32());
    wasm_func_t *function = wasm_func_new(store, type, on_note);
    wasm_functype_delete(type);
    return function;
}

static void start(direct_instance *instance, const direct_module *module)
{
    *instance = (direct_instance){.module = module, .store = wasm_store_new(engine)};
    instance->note = note_of(instance->store);
    wasm_extern_t *items[1] = {wasm_func_as_extern(instance->note)};
    wasm_extern_vec_t imports = {1, items};
    wasm_trap_t *trap = NULL;
    instance->instance = wasm_instance_new(instance->store, module->module, &imports, &trap);
    if (!instance->instance || trap) {
        fail("the module does not instantiate", trap);
    }
    wasm_instance_exports(instance->instance, &instance->exports);
}

static void finish(direct_instance *instance)
{
    wasm_extern_vec_delete(&instance->exports);
    wasm_instance_delete(instance->instance);
    wasm_func_delete(instance->note);
    wasm_store_delete(instance->store);
}

static void *instance_create(void *module)
{
    direct_instance *instance = malloc(sizeof *instance);
    if (!instance) {
        fail("out of memory", NULL);
    }
    start(instance, module);
    return instance;
}

static void instance_destroy(void *instance)
{
    finish(instance);
    free(instance);
}

static void cycles(void *module, uint64_t iterations)
{
    for (uint64_t i = 0; i < iterations; i++) {
        direct_instance instance;
        start(&instance, module);
        finish(&instance);
    }
}

static wasm_func_t *function_of(const direct_instance *instance, const char *name)
{
    const wasm_exporttype_vec_t *types = &instance->module->exports;
    for (size_t i = 0; i < types->size && i < instance->exports.size; i++) {
        const wasm_name_t *found = wasm_exporttype_name(types->data[i]);
        if (found->size == strlen(name) && memcmp(found->data, name, found->size) == 0) {
            return wasm_extern_as_func(instance->exports.data[i]);
        }
    }
    fail(name, NULL);
}

static void adds(void *instance, uint64_t iterations)
{
    wasm_func_t *add = function_of(instance, "add");
    for (uint64_t i = 0; i < iterations; i++) {
        wasm_val_t values[2] = {WASM_I32_VAL((int32_t)i), WASM_I32_VAL(3)};
        wasm_val_t result = WASM_INIT_VAL;
        wasm_val_vec_t args = {2, values}, results = {1, &result};
        wasm_trap_t *trap = wasm_func_call(add, &args, &results);
        if (trap || result.of.i32 != (int32_t)i + 3) {
            fail("add", trap);
        }
    }
}

static int32_t call(void *instance, const char *name, int32_t argument)
{
    wasm_val_t value = WASM_I32_VAL(argument);
    wasm_val_t result = WASM_INIT_VAL;
    wasm_val_vec_t args = {1, &value}, results = {1, &result};
    wasm_trap_t *trap = wasm_func_call(function_of(instance, name), &args, &results);
    if (trap) {
        fail(name, trap);
    }
    return result.of.i32;
}

__attribute__((visibility("default"))) const direct_ops *direct_entry(void);

const direct_ops *direct_entry(void)
{
    static const direct_ops ops = {
        module_compile, compile, instance_create, instance_destroy, cycles, adds, call,
    };
    return &ops;
}
