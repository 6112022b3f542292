/* As little of WASI preview 1 as a program needs to start and print: arguments, standard output,
 * clocks, random numbers, exit. Everything else answers ENOSYS or EBADF. No limits, no checks
 * beyond bounds: what a host would write that only wants to run its own programs. */
#ifndef WSB_BENCH_RAW_WASI_H
#define WSB_BENCH_RAW_WASI_H

#include <stdbool.h>
#include <wasmtime.h>

typedef struct raw_wasi {
    int argc;
    char **argv;
    wasmtime_context_t *context;
    wasmtime_memory_t memory;
    bool exited;
    int exit_code;
} raw_wasi;

/* Defines every function that the module imports. */
void raw_wasi_define(wasmtime_linker_t *linker, const wasmtime_module_t *module, raw_wasi *wasi);

/* After instantiation, before the first call: finds the memory. */
void raw_wasi_attach(raw_wasi *wasi, wasmtime_context_t *context,
                     const wasmtime_instance_t *instance);

#endif
