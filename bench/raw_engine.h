/* What raw_run loads: Wasmtime in a shared object with one entry symbol, as this library's own
 * engine is loaded, so that whole-process times compare like with like. */
#ifndef WSB_BENCH_RAW_ENGINE_H
#define WSB_BENCH_RAW_ENGINE_H

#include <stddef.h>
#include <stdint.h>

typedef struct raw_engine_ops {
    /* Compiles `bytes` and writes the serialized module to `out_path`. */
    void (*compile)(const uint8_t *bytes, size_t len, const char *out_path);
    /* Runs a serialized module's `_start` with arguments; returns the exit code. */
    int (*run)(const uint8_t *bytes, size_t len, int argc, char **argv);
} raw_engine_ops;

#define RAW_ENGINE_ENTRY "raw_engine_entry"
typedef const raw_engine_ops *(*raw_engine_entry_fn)(void);

#endif
