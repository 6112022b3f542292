/* The C ABI of native/module: reads, checks and rewrites WebAssembly modules with the crates
 * wasmparser, wasm-encoder and wat. No C of this project parses a module. */
#ifndef WSB_NATIVE_MODULE_H
#define WSB_NATIVE_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bounds, all resolved (UINT64_MAX: none); the same fields as wsb_module_bounds after `size`. */
typedef struct wsbn_bounds {
    uint64_t max_module_size;
    uint64_t max_functions;
    uint64_t max_function_size;
    uint64_t max_locals;
    uint64_t max_branch_targets;
    uint64_t max_function_branch_targets;
    uint64_t max_nesting;
    uint64_t max_types;
    uint64_t max_imports;
    uint64_t max_exports;
    uint64_t max_globals;
    uint64_t max_tables;
    uint64_t max_data_segments;
    uint64_t max_element_segments;
    uint64_t max_elements;
    uint64_t max_total_locals;
    uint64_t max_merges;
    uint64_t max_function_merges;
    uint64_t max_handlers;
    uint64_t max_function_handlers;
} wsbn_bounds;

/* What the transform puts into the module for engines that lack it. */
enum {
    /* memory.grow fails where the memory would have more pages than global "wsb:memory_limit". */
    WSBN_ADD_MEMORY_LIMIT = 1 << 0,
    /* table.grow fails where all tables together would have more elements than global
     * "wsb:table_limit". */
    WSBN_ADD_TABLE_LIMIT = 1 << 1,
    /* Function entries and loop heads take from global "wsb:budget"; see below. */
    WSBN_ADD_COUNTDOWN = 1 << 2,
    /* Every block takes its cost in fuel from "wsb:budget", instead of the countdown. */
    WSBN_ADD_FUEL = 1 << 3
};

/* Goes up with each change of what the transform writes: compiled modules are kept with it. */
#define WSBN_TRANSFORM_VERSION 5u

/* The added globals are exported, mutable, of type i64, and 0 at first: nothing grows and the
 * first block asks for a budget. What runs out of budget (it is negative; fuel: 0 too) calls the
 * last import, "wsb" "tick", an (i64) -> (i64), with the budget, and goes on with what that
 * returns, which must be more than 0. The countdown's unit is about one operator of a guest. */
typedef struct wsbn_options {
    wsbn_bounds bounds;
    uint32_t add; /* WSBN_ADD_* bits */
} wsbn_options;

typedef enum wsbn_status {
    WSBN_OK = 0,
    WSBN_INVALID = 1,     /* not a module; `message` has the offset or line and column */
    WSBN_UNSUPPORTED = 2, /* a proposal that is off, or a component: named */
    WSBN_BOUND = 3,       /* `subject`, `used`, `allowed` */
    WSBN_INTERNAL = 4
} wsbn_status;

/* Zeroed by wsbn_process(); release with wsbn_result_fini(). */
typedef struct wsbn_result {
    wsbn_status status;
    char message[512]; /* terminated UTF-8 */
    char subject[64];  /* name of the bound or proposal */
    uint64_t used;
    uint64_t allowed;
    uint8_t *module; /* the transformed binary */
    size_t module_len;
    uint8_t *info; /* see docs/internals/module.md */
    size_t info_len;
} wsbn_result;

/* Scans and transforms. `bytes`: binary or text format. Never panics, never aborts. [any thread] */
void wsbn_process(const uint8_t *bytes, size_t len, const wsbn_options *options,
                  wsbn_result *out_result);

void wsbn_result_fini(wsbn_result *result);

#ifdef __cplusplus
}
#endif

#endif
