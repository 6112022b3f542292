/* Scan and transform of large programs, against the time that the engine takes to compile them
 * with all cores. */
#include "bench.h"
#include "raw.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wsb_native_module.h>

static double scan_ns(const uint8_t *bytes, size_t len)
{
    wsbn_options options = {.add = 0};                    /* as for Wasmtime */
    memset(&options.bounds, 0xff, sizeof options.bounds); /* no bounds */
    wsbn_result result;
    double start = bench_now_ns();
    wsbn_process(bytes, len, &options, &result);
    double elapsed = bench_now_ns() - start;
    if (result.status != WSBN_OK) {
        bench_fail("scan: %s", result.message);
    }
    wsbn_result_fini(&result);
    return elapsed;
}

static void measure(const char *id, const char *file, size_t compiles, const bench_options *options)
{
    char *path = options->large ? bench_path(options->large, file) : NULL;
    if (!path || access(path, R_OK) != 0) {
        bench_skip(id, "not downloaded; bench/run.sh does that");
        free(path);
        return;
    }
    size_t len;
    uint8_t *bytes = bench_read_file(path, &len);
    wasm_engine_t *engine = raw_engine_create(false, 0);
    double scans[5], compiled[5];
    for (size_t i = 0; i < 5; i++) {
        scans[i] = scan_ns(bytes, len);
    }
    for (size_t i = 0; i < compiles; i++) {
        wasmtime_module_t *module;
        double start = bench_now_ns();
        raw_check(wasmtime_module_new(engine, bytes, len, &module), NULL);
        compiled[i] = bench_now_ns() - start;
        wasmtime_module_delete(module);
    }
    bench_figures scan = bench_figures_of(scans, 5), compile = bench_figures_of(compiled, compiles);
    bench_row(id, compile.median, scan.median, "%.1f MB, scanned at %.0f MB/s", (double)len / 1e6,
              (double)len / scan.median * 1e3);
    wasm_engine_delete(engine);
    free(bytes);
    free(path);
}

int main(int argc, char **argv)
{
    bench_options options;
    bench_options_parse(&options, argc, argv);
    measure("scan.python", "python.wasm", 3, &options);
    measure("scan.yosys", "yosys.wasm", 1, &options);
    return 0;
}
