/* Driving Wasmtime's C API directly: the side that this library is compared with. */
#ifndef WSB_BENCH_RAW_H
#define WSB_BENCH_RAW_H

#include <stdbool.h>
#include <wasm.h>
#include <wasmtime.h>

/* Ends the program with the message where either is set. */
void raw_check(wasmtime_error_t *error, wasm_trap_t *trap);

/* An engine with epoch interruption. `pool`: with the pooling allocator, 1,000 slots that keep
 * `keep_resident` bytes of their memory. */
wasm_engine_t *raw_engine_create(bool pool, size_t keep_resident);

/* Compiles a file. */
wasmtime_module_t *raw_module_compile(wasm_engine_t *engine, const char *path);

/* An export of kind function; ends the program where there is none. */
wasmtime_func_t raw_function(wasmtime_context_t *context, const wasmtime_instance_t *instance,
                             const char *name);

/* Calls `add`, unchecked, and checks each sum. */
void raw_adds(wasmtime_context_t *context, const wasmtime_func_t *add, uint64_t iterations);

#endif
