/* The raw program for whole-process times: loads the engine, reads and hashes the module,
 * deserializes its compiled form, runs it.
 *
 *   raw_run ENGINE.so compile MODULE.wasm OUT
 *   raw_run ENGINE.so run|run-hashing-both MODULE.wasm COMPILED [ARG…]
 *
 * "run" hashes the module's bytes only; "run-hashing-both" the native code too, which a host must
 * do that does not want to run whatever somebody left in its cache. */
#include "bench.h"
#include "raw_engine.h"

#include <dlfcn.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const raw_engine_ops *load(const char *path)
{
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!object) {
        bench_fail("%s", dlerror());
    }
    raw_engine_entry_fn entry = (raw_engine_entry_fn)dlsym(object, RAW_ENGINE_ENTRY);
    if (!entry) {
        bench_fail("%s: no %s", path, RAW_ENGINE_ENTRY);
    }
    return entry();
}

static void hash(const uint8_t *bytes, size_t len)
{
    static volatile unsigned char kept;
    unsigned char digest[crypto_generichash_BYTES];
    crypto_generichash(digest, sizeof digest, bytes, len, NULL, 0);
    kept = digest[0]; /* not to be optimised away */
    (void)kept;
}

int main(int argc, char **argv)
{
    if (argc < 5 || sodium_init() < 0) {
        bench_fail("usage: raw_run ENGINE.so compile|run|run-hashing-both MODULE FILE [ARG...]");
    }
    const raw_engine_ops *engine = load(argv[1]);
    size_t module_len, compiled_len;
    uint8_t *module = bench_read_file(argv[3], &module_len);
    if (strcmp(argv[2], "compile") == 0) {
        engine->compile(module, module_len, argv[4]);
        return 0;
    }
    hash(module, module_len);
    uint8_t *compiled = bench_read_file(argv[4], &compiled_len);
    if (strcmp(argv[2], "run-hashing-both") == 0) {
        hash(compiled, compiled_len);
    }
    argv[4] = argv[3]; /* the guest's own name */
    return engine->run(compiled, compiled_len, argc - 4, argv + 4);
}
