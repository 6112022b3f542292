/* Calls of `add`: through this library, with deadline, memory cap and usage on, and raw. */
#include "bench.h"
#include "ours.h"
#include "raw.h"

#include <stdlib.h>

typedef struct raw_side {
    wasmtime_context_t *context;
    wasmtime_func_t add;
} raw_side;

typedef struct our_side {
    wsb_function *add;
    wsb_sandbox *sandbox;
    wsb_instance_id instance;
} our_side;

static raw_side raw_side_create(const char *path)
{
    wasm_engine_t *engine = raw_engine_create(true, 65536);
    wasmtime_module_t *module = raw_module_compile(engine, path);
    wasmtime_store_t *store = wasmtime_store_new(engine, NULL, NULL);
    wasmtime_store_limiter(store, 64 << 20, -1, -1, -1, -1);
    raw_side side = {.context = wasmtime_store_context(store)};
    wasmtime_context_set_epoch_deadline(side.context, 1ull << 40);
    wasmtime_instance_t instance;
    wasm_trap_t *trap = NULL;
    raw_check(wasmtime_instance_new(side.context, module, NULL, 0, &instance, &trap), trap);
    side.add = raw_function(side.context, &instance, "add");
    return side;
}

static void raw_unchecked(void *context, uint64_t iterations)
{
    const raw_side *side = context;
    raw_adds(side->context, &side->add, iterations);
}

static void raw_checked(void *context, uint64_t iterations)
{
    raw_side *side = context;
    for (uint64_t i = 0; i < iterations; i++) {
        wasmtime_val_t args[2] = {{.kind = WASMTIME_I32, .of.i32 = (int32_t)i},
                                  {.kind = WASMTIME_I32, .of.i32 = 3}};
        wasmtime_val_t result;
        wasm_trap_t *trap = NULL;
        wasmtime_error_t *error =
            wasmtime_func_call(side->context, &side->add, args, 2, &result, 1, &trap);
        if (error || trap || result.of.i32 != (int32_t)i + 3) {
            bench_fail("raw checked call failed");
        }
    }
}

static void our_prepared(void *context, uint64_t iterations)
{
    our_side *side = context;
    for (uint64_t i = 0; i < iterations; i++) {
        wsb_value args[2] = {wsb_value_i32((int32_t)i), wsb_value_i32(3)};
        wsb_value result;
        if (wsb_function_call(side->add, args, 2, &result, 1, NULL) != WSB_OK ||
            result.of.i32 != (int32_t)i + 3) {
            bench_fail("our prepared call failed");
        }
    }
}

static void our_prepared_raw(void *context, uint64_t iterations)
{
    our_side *side = context;
    for (uint64_t i = 0; i < iterations; i++) {
        wsb_raw_value values[2];
        values[0].i32 = (int32_t)i;
        values[1].i32 = 3;
        if (wsb_function_call_raw(side->add, values, 2, NULL) != WSB_OK ||
            values[0].i32 != (int32_t)i + 3) {
            bench_fail("our prepared raw call failed");
        }
    }
}

static void our_named(void *context, uint64_t iterations)
{
    our_side *side = context;
    for (uint64_t i = 0; i < iterations; i++) {
        wsb_value args[2] = {wsb_value_i32((int32_t)i), wsb_value_i32(3)};
        wsb_value result;
        if (wsb_sandbox_call_function(side->sandbox, side->instance, wsb_cstr("add"), args, 2,
                                      &result, 1, NULL) != WSB_OK ||
            result.of.i32 != (int32_t)i + 3) {
            bench_fail("our call by name failed");
        }
    }
}

static our_side our_side_create(const char *path)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    limits.max_memory = 64 * WSB_MIB;
    limits.max_wall_time = 30 * WSB_SECOND;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    config.limits = &limits;
    our_side side = {0};
    wsb_sandbox_options options = WSB_SANDBOX_OPTIONS_INIT;
    options.use_runtime = ours_runtime_create();
    wsb_error *error = NULL;
    ours_check(wsb_sandbox_create(&options, &side.sandbox, &error), &error);
    wsb_module *module = ours_module_compile(options.use_runtime, path);
    side.add = ours_function(ours_instance_create(module, &config), "add");
    wsb_module_id id;
    ours_check(wsb_sandbox_load_module_file(side.sandbox, wsb_cstr(path), &id, &error), &error);
    ours_check(wsb_sandbox_create_instance(side.sandbox, id, &config, &side.instance, &error),
               &error);
    return side;
}

int main(int argc, char **argv)
{
    bench_options options;
    bench_options_parse(&options, argc, argv);
    char *path = bench_path(options.data, "tiny.wasm");
    raw_side raw = raw_side_create(path);
    our_side ours = our_side_create(path);
    bench_subject subjects[] = {
        {.name = "raw unchecked", .run = raw_unchecked, .context = &raw},
        {.name = "raw checked", .run = raw_checked, .context = &raw},
        {.name = "prepared", .run = our_prepared, .context = &ours},
        {.name = "prepared raw", .run = our_prepared_raw, .context = &ours},
        {.name = "by name", .run = our_named, .context = &ours},
    };
    bench_compare(subjects, 5, &options);
    bench_row("call.prepared", subjects[0].median_ns, subjects[2].median_ns, "typed values");
    bench_row("call.prepared_raw", subjects[0].median_ns, subjects[3].median_ns,
              "values without types");
    bench_row("call.checked", subjects[1].median_ns, subjects[2].median_ns, "typed values");
    bench_row("call.name", subjects[1].median_ns, subjects[4].median_ns,
              "wsb_sandbox_call_function");
    free(path);
    return 0;
}
