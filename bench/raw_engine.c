#include "raw_engine.h"

#include "bench.h"
#include "raw.h"
#include "raw_wasi.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void compile(const uint8_t *bytes, size_t len, const char *out_path)
{
    wasm_engine_t *engine = raw_engine_create(false, 0);
    wasmtime_module_t *module;
    raw_check(wasmtime_module_new(engine, bytes, len, &module), NULL);
    wasm_byte_vec_t out;
    raw_check(wasmtime_module_serialize(module, &out), NULL);
    FILE *file = fopen(out_path, "wbe");
    if (!file || fwrite(out.data, 1, out.size, file) != out.size || fclose(file) != 0) {
        bench_fail("%s: %s", out_path, strerror(errno));
    }
    wasm_byte_vec_delete(&out);
    wasmtime_module_delete(module);
    wasm_engine_delete(engine);
}

static int run(const uint8_t *bytes, size_t len, int argc, char **argv)
{
    wasm_engine_t *engine = raw_engine_create(false, 0);
    wasmtime_module_t *module;
    raw_check(wasmtime_module_deserialize(engine, bytes, len, &module), NULL);
    wasmtime_store_t *store = wasmtime_store_new(engine, NULL, NULL);
    wasmtime_context_t *context = wasmtime_store_context(store);
    wasmtime_context_set_epoch_deadline(context, 1ull << 40);
    raw_wasi wasi = {.argc = argc, .argv = argv};
    wasmtime_linker_t *linker = wasmtime_linker_new(engine);
    raw_wasi_define(linker, module, &wasi);
    wasmtime_instance_t instance;
    wasm_trap_t *trap = NULL;
    raw_check(wasmtime_linker_instantiate(linker, context, module, &instance, &trap), trap);
    raw_wasi_attach(&wasi, context, &instance);
    wasmtime_func_t start = raw_function(context, &instance, "_start");
    wasmtime_error_t *error = wasmtime_func_call(context, &start, NULL, 0, NULL, 0, &trap);
    if (!wasi.exited) {
        raw_check(error, trap);
    }
    return wasi.exit_code; /* the process ends: nothing is torn down */
}

__attribute__((visibility("default"))) const raw_engine_ops *raw_engine_entry(void);

const raw_engine_ops *raw_engine_entry(void)
{
    static const raw_engine_ops ops = {compile, run};
    return &ops;
}
