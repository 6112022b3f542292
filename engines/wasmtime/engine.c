/* One variant of the engine: its settings and its pool. */
#include <stdlib.h>

#include "backend.h"

#define WT_MAX_STACK ((uint64_t)1 << 30)
#define WT_MAX_POOL 100000u
/* Room on a fiber's stack for host functions, beside the guest's. */
#define WT_FIBER_MARGIN ((uint64_t)256 * 1024)
#define WT_TABLES_PER_MODULE 8u
#define WT_TABLES_PER_INSTANCE 4u
#define WT_INSTANCE_SIZE ((size_t)64 * 1024 * 1024)
/* Measured (docs/internals/engines.md): what a slot keeps for its next instance, and what all slots
 * keep of memories. */
#define WT_MEMORY_KEEP_RESIDENT ((size_t)256 * 1024)
#define WT_MEMORY_KEEP_RESIDENT_ALL ((size_t)256 * 1024 * 1024)
#define WT_TABLE_KEEP_RESIDENT ((size_t)4096)
#define WT_STACK_KEEP_RESIDENT ((size_t)4096)
#define WT_UNUSED_WARM_SLOTS 100u

/* The proposals that native/module lets through, and no others. */
static void set_proposals(wasm_config_t *config)
{
    wasmtime_config_wasm_simd_set(config, true);
    wasmtime_config_wasm_relaxed_simd_set(config, true);
    wasmtime_config_wasm_bulk_memory_set(config, true);
    wasmtime_config_wasm_multi_value_set(config, true);
    wasmtime_config_wasm_reference_types_set(config, true);
    wasmtime_config_wasm_tail_call_set(config, true);
    wasmtime_config_wasm_memory64_set(config, true);
    wasmtime_config_wasm_exceptions_set(config, true);

    wasmtime_config_shared_memory_set(config, false);
    wasmtime_config_wasm_multi_memory_set(config, false);
    wasmtime_config_wasm_function_references_set(config, false);
    wasmtime_config_wasm_gc_set(config, false);

    wasmtime_config_wasm_stack_switching_set(config, false);
    wasmtime_config_wasm_custom_page_sizes_set(config, false);
    wasmtime_config_wasm_wide_arithmetic_set(config, false);
}

/* All that goes into compiled code must be the same with and without a pool: a module that was
 * serialized by one is deserialized by the other. */
static wasm_config_t *make_config(const wsb_engine_options *options)
{
    wasm_config_t *config = wasm_config_new();
    wsb_wasmtime_config_harden(config);
    set_proposals(config);
    wasmtime_config_epoch_interruption_set(config, true);
    wasmtime_config_consume_fuel_set(config, options->fuel);
    wasmtime_config_max_wasm_stack_set(config, (size_t)options->max_stack);
    wasmtime_config_async_stack_size_set(config, (size_t)(options->max_stack + WT_FIBER_MARGIN));
    wasmtime_config_cranelift_opt_level_set(config, WASMTIME_OPT_LEVEL_SPEED);
    wasmtime_config_native_unwind_info_set(config, false);
    wasmtime_config_concurrency_support_set(config, false);
    if (options->avoid_signals)
        wasmtime_config_signals_based_traps_set(config, false);
    return config;
}

/* Slots that were in use at once keep it for good. */
static size_t memory_keep_resident(uint32_t instances)
{
    size_t share = WT_MEMORY_KEEP_RESIDENT_ALL / instances & ~(size_t)4095;
    return share < WT_MEMORY_KEEP_RESIDENT ? share : WT_MEMORY_KEEP_RESIDENT;
}

static void add_pool(wasm_config_t *config, uint32_t instances, bool fibers)
{
    wasmtime_pooling_allocation_config_t *pool = wasmtime_pooling_allocation_config_new();
    wasmtime_pooling_allocation_config_total_core_instances_set(pool, instances);
    /* A heap of references takes a memory's slot; twice as many, so that a running guest never
     * finds the pool empty when it is handed its first reference. */
    wasmtime_pooling_allocation_config_total_memories_set(pool, 2 * instances);
    wasmtime_pooling_allocation_config_total_gc_heaps_set(pool, instances);
    wasmtime_pooling_allocation_config_total_tables_set(pool, WT_TABLES_PER_INSTANCE * instances);
    /* A store keeps the stack of its last call. */
    wasmtime_pooling_allocation_config_total_stacks_set(pool, fibers ? instances : 0);
    wasmtime_pooling_allocation_config_max_memories_per_module_set(pool, 1);
    wasmtime_pooling_allocation_config_max_memory_size_set(pool, WT_POOL_MEMORY);
    wasmtime_pooling_allocation_config_max_tables_per_module_set(pool, WT_TABLES_PER_MODULE);
    wasmtime_pooling_allocation_config_table_elements_set(pool, WT_POOL_TABLE_ELEMENTS);
    wasmtime_pooling_allocation_config_max_core_instance_size_set(pool, WT_INSTANCE_SIZE);
    wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(
        pool, memory_keep_resident(instances));
    wasmtime_pooling_allocation_config_table_keep_resident_set(pool, WT_TABLE_KEEP_RESIDENT);
    wasmtime_pooling_allocation_config_async_stack_keep_resident_set(pool, WT_STACK_KEEP_RESIDENT);
    wasmtime_pooling_allocation_config_max_unused_warm_slots_set(pool, WT_UNUSED_WARM_SLOTS);
    wsb_wasmtime_pool_scan_pages(pool);
    wasmtime_pooling_allocation_strategy_set(config, pool);
    wasmtime_pooling_allocation_config_delete(pool);
}

/* A slot for each fiber too: guests that have none are slower to make, and need mappings beside
 * those of the pool. */
static uint64_t most_slots(const wsb_engine_options *options)
{
    bool more = options->fibers > options->pool_instances && options->fibers <= WT_MAX_POOL;
    return options->pool_instances > 0 && more ? options->fibers : options->pool_instances;
}

static wasmtime_error_t *make_engine(const wsb_engine_options *options, uint64_t slots,
                                     wasm_engine_t **out_engine)
{
    wasm_config_t *config = make_config(options);
    if (slots > 0)
        add_pool(config, (uint32_t)slots, options->fibers > 0);
    return wsb_wasmtime_engine_new(config, out_engine);
}

static wsb_engine_result check_options(const wsb_engine_options *options,
                                       wsb_engine_failure *out_failure)
{
    if (options->size < sizeof *options)
        return wt_fail_text(out_failure, WSB_ENGINE_FAILED, "engine options are too short");
    if (options->max_stack < 4096 || options->max_stack > WT_MAX_STACK)
        return wt_fail_text(out_failure, WSB_ENGINE_UNSUPPORTED_BY_ENGINE,
                            "the guest's stack must be of 4 KiB to 1 GiB");
    if (options->pool_instances > WT_MAX_POOL)
        return wt_fail_text(out_failure, WSB_ENGINE_POOL_EXHAUSTED,
                            "a pool holds at most 100,000 instances");
    if (options->fibers == 0)
        return WSB_ENGINE_OK;
    uint64_t slots = most_slots(options);
    return wt_maps_check(slots > 0 ? slots : options->fibers, out_failure);
}

wsb_engine_result wt_engine_create(const wsb_engine_options *options, void **out_engine,
                                   wsb_engine_failure *out_failure)
{
    wsb_engine_result result = check_options(options, out_failure);
    if (result != WSB_ENGINE_OK)
        return result;
    wt_engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return wt_fail_text(out_failure, WSB_ENGINE_FAILED, "out of memory");
    engine->fuel = options->fuel;
    engine->pooled = options->pool_instances > 0;
    engine->fibers = options->fibers;

    uint64_t slots = most_slots(options);
    wasmtime_error_t *error = make_engine(options, slots, &engine->engine);
    if (error && slots > options->pool_instances) {
        wasmtime_error_delete(error);
        error = make_engine(options, options->pool_instances, &engine->engine);
    }
    if (error) {
        /* Without the pool the same settings are tried again, and tell if they were the cause. */
        result = engine->pooled ? WSB_ENGINE_POOL_EXHAUSTED : WSB_ENGINE_FAILED;
        free(engine);
        return wt_fail_error(out_failure, result, error);
    }
    if (engine->fibers > 0 && (error = wt_fibers_init(engine)) != NULL) {
        wt_engine_destroy(engine);
        return wt_fail_error(out_failure, WSB_ENGINE_FAILED, error);
    }
    *out_engine = engine;
    return WSB_ENGINE_OK;
}

void wt_engine_destroy(void *engine)
{
    wt_engine *self = engine;
    wt_fibers_fini(self);
    wasm_engine_delete(self->engine);
    free(self);
}

void wt_engine_interrupt(void *engine)
{
    wasmtime_engine_increment_epoch(((wt_engine *)engine)->engine);
}
