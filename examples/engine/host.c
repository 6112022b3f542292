/*
 * A program that carries pebble in itself: it registers the engine's table under its name, makes
 * a runtime of it, and sees the library's limits hold, none of which pebble knows of.
 */
#include "../check.h"

#include <wasm_sandbox/plugin/engine.h>
#include <wasm_sandbox/wasm_sandbox.h>

static const char guest[] =
    "(module (memory (export \"memory\") 1) (table $t 1 funcref)"
    "  (func $fib (export \"fib\") (param i32) (result i32)"
    "    (if (i32.lt_s (local.get 0) (i32.const 2)) (then (return (local.get 0))))"
    "    (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))"
    "             (call $fib (i32.sub (local.get 0) (i32.const 2)))))"
    "  (func (export \"grow\") (param i32) (result i32) (memory.grow (local.get 0)))"
    "  (func (export \"table_grow\") (param i32) (result i32)"
    "    (table.grow $t (ref.null func) (local.get 0)))"
    "  (func $deep (export \"deep\") (param i32) (result i32)"
    "    (i32.add (call $deep (local.get 0)) (i32.const 1)))"
    "  (func (export \"spin\") (param i32) (result i32) (loop (br 0)) (unreachable)))";

/* From the engine's shared object, or, as here, linked into the program. */
const wsb_runtime_ops *wsb_engine_entry(void);

static wsb_status call(wsb_module *module, const wsb_resource_limits *limits, const char *name,
                       int32_t argument, int32_t *out_result)
{
    wsb_error *error = NULL;
    wsb_instance *instance = NULL;
    wsb_function *function = NULL;
    wsb_value value = wsb_value_i32(argument);
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    config.limits = limits;
    check(wsb_instance_create(module, &config, &instance, &error), &error);
    check(wsb_instance_function(instance, wsb_cstr(name), &function, &error), &error);
    wsb_status status = wsb_function_call(function, &value, 1, &value, 1, &error);
    if (status == WSB_OK)
        printf("%s(%d) = %d\n", name, (int)argument, (int)value.of.i32);
    else
        printf("%s(%d): %s\n", name, (int)argument, wsb_error_message(error));
    *out_result = value.of.i32;
    wsb_error_destroy(error);
    wsb_instance_destroy(instance);
    return status;
}

static void try_limits(wsb_module *module)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    int32_t result;
    limits.max_memory = WSB_MIB;
    limits.max_table_elements = 1000;
    limits.max_wall_time = 100 * WSB_MILLISECOND;
    expect(call(module, &limits, "fib", 15, &result) == WSB_OK && result == 610, "fib(15) = 610");
    expect(call(module, &limits, "grow", 15, &result) == WSB_OK && result == 1, "up to the limit");
    expect(call(module, &limits, "grow", 16, &result) == WSB_OK && result == -1, "not beyond it");
    expect(call(module, &limits, "table_grow", 999, &result) == WSB_OK && result == 1, "a table");
    expect(call(module, &limits, "table_grow", 1000, &result) == WSB_OK && result == -1, "too big");
    expect(call(module, &limits, "deep", 0, &result) == WSB_ERROR_TRAP, "the stack is bounded");
    expect(call(module, &limits, "spin", 0, &result) == WSB_ERROR_TIMEOUT, "the deadline holds");
    limits.max_wall_time = 0;
    limits.fuel = 10000;
    expect(call(module, &limits, "spin", 0, &result) == WSB_ERROR_OUT_OF_FUEL, "fuel runs out");
}

int main(void)
{
    wsb_error *error = NULL;
    wsb_runtime_factory *factory = NULL;
    wsb_runtime *runtime = NULL;
    wsb_module *module = NULL;
    wsb_engine_info info = WSB_ENGINE_INFO_INIT;
    check(wsb_runtime_factory_create(&factory, &error), &error);
    check(wsb_runtime_factory_register(factory, wsb_engine_entry(), &error), &error);
    check(wsb_runtime_factory_create_runtime(factory, wsb_cstr("pebble"), NULL, &runtime, &error),
          &error);
    wsb_runtime_factory_destroy(factory);

    wsb_runtime_get_engine(runtime, &info);
    printf("%s %s\n", info.id, info.version);
    expect(!(info.own_features & WSB_ENGINE_DEADLINE), "pebble cannot interrupt");
    expect(info.features & WSB_ENGINE_DEADLINE, "the library can");

    check(wsb_module_compile(runtime, wsb_bytes_of(guest, sizeof guest - 1), NULL, &module, &error),
          &error);
    try_limits(module);
    wsb_module_destroy(module);
    wsb_runtime_destroy(runtime);
    return 0;
}
