/* The life of a C program: create, run with captured output, destroy. The raw side is Wasmtime
 * with its own WASI, so this program links another build of the engine than the others. */
#include "bench.h"
#include "ours.h"
#include "raw.h"

#include <stdlib.h>
#include <string.h>
#include <wasi.h>

static const char expected[] = "hello 1 \n";

typedef struct raw_side {
    wasm_engine_t *engine;
    wasmtime_instance_pre_t *pre;
    char output[256];
    size_t output_len;
} raw_side;

static ptrdiff_t raw_capture(void *context, const unsigned char *data, size_t len)
{
    raw_side *side = context;
    if (len > sizeof side->output - side->output_len) {
        bench_fail("raw: more output than expected");
    }
    memcpy(side->output + side->output_len, data, len);
    side->output_len += len;
    return (ptrdiff_t)len;
}

static void raw_run_once(raw_side *side)
{
    wasmtime_store_t *store = wasmtime_store_new(side->engine, NULL, NULL);
    wasmtime_context_t *c = wasmtime_store_context(store);
    wasi_config_t *wasi = wasi_config_new();
    const char *args[] = {"hello"};
    wasi_config_set_argv(wasi, 1, args);
    wasi_config_set_stdout_custom(wasi, raw_capture, side, NULL);
    raw_check(wasmtime_context_set_wasi(c, wasi), NULL);
    wasmtime_store_limiter(store, 64 << 20, -1, -1, -1, -1);
    wasmtime_context_set_epoch_deadline(c, 1000);
    wasmtime_instance_t instance;
    wasm_trap_t *trap = NULL;
    raw_check(wasmtime_instance_pre_instantiate(side->pre, c, &instance, &trap), trap);
    wasmtime_func_t start = raw_function(c, &instance, "_start");
    wasmtime_error_t *error = wasmtime_func_call(c, &start, NULL, 0, NULL, 0, &trap);
    int status = 0;
    if (error && (!wasmtime_error_exit_status(error, &status) || status)) {
        raw_check(error, trap);
    }
    if (error) {
        wasmtime_error_delete(error);
    }
    wasmtime_store_delete(store);
}

static void raw_cycle(void *context, uint64_t iterations)
{
    raw_side *side = context;
    for (uint64_t i = 0; i < iterations; i++) {
        side->output_len = 0;
        raw_run_once(side);
        if (side->output_len != sizeof expected - 1 ||
            memcmp(side->output, expected, side->output_len) != 0) {
            bench_fail("raw: unexpected output");
        }
    }
}

static void our_cycle(void *context, uint64_t iterations)
{
    wsb_capabilities capabilities;
    wsb_capabilities_minimal(&capabilities);
    wsb_str name = wsb_cstr("hello");
    capabilities.arguments = &name;
    capabilities.argument_count = 1;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    config.capabilities = &capabilities;
    for (uint64_t i = 0; i < iterations; i++) {
        wsb_instance *instance = ours_instance_create(context, &config);
        wsb_error *error = NULL;
        int32_t code = -1;
        ours_check(wsb_instance_run(instance, &code, &error), &error);
        wsb_bytes output = wsb_instance_output(instance, WSB_STANDARD_OUTPUT, NULL);
        if (code != 0 || output.len != sizeof expected - 1 ||
            memcmp(output.data, expected, output.len) != 0) {
            bench_fail("ours: unexpected output");
        }
        wsb_instance_destroy(instance);
    }
}

int main(int argc, char **argv)
{
    bench_options options;
    bench_options_parse(&options, argc, argv);
    char *path = bench_path(options.data, "hello.wasm");
    raw_side raw = {.engine = raw_engine_create(true, 1 << 20)};
    wasmtime_linker_t *linker = wasmtime_linker_new(raw.engine);
    raw_check(wasmtime_linker_define_wasi(linker), NULL);
    raw_check(
        wasmtime_linker_instantiate_pre(linker, raw_module_compile(raw.engine, path), &raw.pre),
        NULL);
    bench_subject subjects[] = {
        {.name = "raw, its own WASI", .run = raw_cycle, .context = &raw},
        {.name = "ours",
         .run = our_cycle,
         .context = ours_module_compile(ours_runtime_create(), path)},
    };
    bench_compare(subjects, 2, &options);
    bench_row("hello.cycle", subjects[0].median_ns, subjects[1].median_ns,
              "output captured and compared on both sides");
    free(path);
    return 0;
}
