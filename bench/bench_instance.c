/* Creating and destroying a tiny instance, limits on, from the pool. */
#include "bench.h"
#include "ours.h"
#include "raw.h"

#include <stdlib.h>

typedef struct raw_side {
    wasm_engine_t *engine;
    wasmtime_instance_pre_t *pre;
} raw_side;

static void raw_cycle(void *context, uint64_t iterations)
{
    raw_side *side = context;
    for (uint64_t i = 0; i < iterations; i++) {
        wasmtime_store_t *store = wasmtime_store_new(side->engine, NULL, NULL);
        wasmtime_context_t *c = wasmtime_store_context(store);
        wasmtime_store_limiter(store, 64 << 20, -1, -1, -1, -1);
        wasmtime_context_set_epoch_deadline(c, 1000);
        wasmtime_instance_t instance;
        wasm_trap_t *trap = NULL;
        raw_check(wasmtime_instance_pre_instantiate(side->pre, c, &instance, &trap), trap);
        wasmtime_store_delete(store);
    }
}

static void our_cycle(void *context, uint64_t iterations)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    limits.max_memory = 64 * WSB_MIB;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    config.limits = &limits;
    for (uint64_t i = 0; i < iterations; i++) {
        wsb_instance_destroy(ours_instance_create(context, &config));
    }
}

static raw_side raw_side_create(const char *path)
{
    raw_side side = {.engine = raw_engine_create(true, 65536)};
    wasmtime_module_t *module = raw_module_compile(side.engine, path);
    wasmtime_linker_t *linker = wasmtime_linker_new(side.engine);
    raw_check(wasmtime_linker_instantiate_pre(linker, module, &side.pre), NULL);
    return side;
}

int main(int argc, char **argv)
{
    bench_options options;
    bench_options_parse(&options, argc, argv);
    char *path = bench_path(options.data, "tiny.wasm");
    raw_side raw = raw_side_create(path);
    bench_subject subjects[] = {
        {.name = "raw store and instance", .run = raw_cycle, .context = &raw},
        {.name = "our instance",
         .run = our_cycle,
         .context = ours_module_compile(ours_runtime_create(), path)},
    };
    bench_compare(subjects, 2, &options);
    bench_row("instance.cycle", subjects[0].median_ns, subjects[1].median_ns,
              "pooling allocator on both sides");
    free(path);
    return 0;
}
