/*
 * Typed calls on the lower level: a runtime, a module, an instance, and functions that are looked
 * up and checked once. Also several results, memory and a global.
 */
#include "check.h"

#include <wasm_sandbox/wasm_sandbox.h>

static const char guest[] =
    "(module"
    "  (memory (export \"memory\") 1)"
    "  (global (export \"calls\") (mut i32) (i32.const 0))"
    "  (func (export \"divmod\") (param i32 i32) (result i32 i32)"
    "    (global.set 0 (i32.add (global.get 0) (i32.const 1)))"
    "    (i32.div_s (local.get 0) (local.get 1)) (i32.rem_s (local.get 0) (local.get 1)))"
    "  (func (export \"sum\") (param $at i32) (param $count i32) (result i64)"
    "    (local $total i64)"
    "    (block $end (loop $next (br_if $end (i32.eqz (local.get $count)))"
    "      (local.set $total (i64.add (local.get $total) (i64.load8_u (local.get $at))))"
    "      (local.set $at (i32.add (local.get $at) (i32.const 1)))"
    "      (local.set $count (i32.sub (local.get $count) (i32.const 1)))"
    "      (br $next)))"
    "    (local.get $total)))";

static void call_checked(wsb_instance *instance)
{
    wsb_error *error = NULL;
    wsb_function *divmod = NULL;
    check(wsb_instance_function(instance, wsb_cstr("divmod"), &divmod, &error), &error);

    wsb_value args[2] = {wsb_value_i32(17), wsb_value_i32(5)};
    wsb_value results[2];
    check(wsb_function_call(divmod, args, 2, results, 2, &error), &error);
    printf("17 / 5 = %d, rest %d\n", (int)results[0].of.i32, (int)results[1].of.i32);
    expect(results[0].of.i32 == 3 && results[1].of.i32 == 2, "divmod");

    /* Types and counts are checked on every call; nothing runs when they are wrong. */
    args[1] = wsb_value_f64(5.0);
    wsb_status status = wsb_function_call(divmod, args, 2, results, 2, &error);
    printf("with a real number: %s\n", wsb_error_message(error));
    expect(status == WSB_ERROR_TYPE_MISMATCH, "a type mismatch");
    wsb_error_destroy(error);
}

static void call_raw(wsb_instance *instance)
{
    wsb_error *error = NULL;
    wsb_function *sum = NULL;
    const uint8_t data[] = {1, 2, 3, 4};
    check(wsb_instance_write_memory(instance, 1024, data, sizeof data, &error), &error);
    check(wsb_instance_function(instance, wsb_cstr("sum"), &sum, &error), &error);

    /* The fastest call: arguments in, results out, in one array. The types are ours to know. */
    wsb_raw_value values[2] = {{0}, {0}};
    values[0].i32 = 1024;
    values[1].i32 = sizeof data;
    check(wsb_function_call_raw(sum, values, 2, &error), &error);
    printf("sum of 1, 2, 3, 4 = %lld\n", (long long)values[0].i64);
    expect(values[0].i64 == 10, "sum");
}

int main(void)
{
    wsb_error *error = NULL;
    wsb_runtime *runtime = NULL;
    wsb_module *module = NULL;
    wsb_instance *instance = NULL;
    check(wsb_runtime_create(wsb_cstr(""), NULL, &runtime, &error), &error);
    check(wsb_module_compile(runtime, wsb_bytes_of(guest, sizeof guest - 1), NULL, &module, &error),
          &error);
    check(wsb_instance_create(module, NULL, &instance, &error), &error);

    call_checked(instance);
    call_raw(instance);

    wsb_value calls;
    check(wsb_instance_get_global(instance, wsb_cstr("calls"), &calls, &error), &error);
    expect(calls.type == WSB_I32 && calls.of.i32 == 1, "the global");

    wsb_instance_destroy(instance);
    wsb_module_destroy(module);
    wsb_runtime_destroy(runtime);
    return 0;
}
