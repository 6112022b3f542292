/* What the tests of several engines in one process share. wsb-test: engines */
#ifndef WSB_TESTS_ENGINES_TEST_H
#define WSB_TESTS_ENGINES_TEST_H

#include "unit/runtime/runtime_test.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ENGINES = 8 };

/* The engines of this build, from WSB_TEST_ENGINES; the default one in a test run by hand. */
typedef struct engine_list {
    char text[256];
    const char *ids[MAX_ENGINES];
    size_t count;
} engine_list;

static inline void read_engines(engine_list *out)
{
    const char *given = getenv("WSB_TEST_ENGINES");
    char *rest = NULL;
    snprintf(out->text, sizeof out->text, "%s", given ? given : "wasmtime");
    out->count = 0;
    for (char *id = strtok_r(out->text, ",", &rest); id && out->count < MAX_ENGINES;
         id = strtok_r(NULL, ",", &rest)) {
        out->ids[out->count++] = id;
    }
}

static inline wsb_runtime *open_engine(const char *id)
{
    wsb_runtime *runtime;
    wsb_runtime_options options = WSB_RUNTIME_OPTIONS_INIT;
    options.pool_instances = test_pool(wsb_cstr(id), 64);
    MUST(wsb_runtime_create(wsb_cstr(id), &options, &runtime, err));
    return runtime;
}

static inline bool engine_has(const wsb_runtime *runtime, uint32_t features)
{
    wsb_engine_info info = WSB_ENGINE_INFO_INIT;
    wsb_runtime_get_engine(runtime, &info);
    return (info.features & features) == features;
}

/* Traps of every kind: functions without parameters, and the names of their traps. */
#define TRAP_GUEST                                                                                 \
    "(module (type $none (func)) (memory 1 1) (table $t 4 funcref) (elem (i32.const 0) $one)"      \
    " (func $one (result i32) i32.const 1)"                                                        \
    " (func (export \"unreachable\") unreachable)"                                                 \
    " (func (export \"load\") (drop (i32.load (i32.const 65533))))"                                \
    " (func (export \"store\") (i64.store (i32.const -8) (i64.const 0)))"                          \
    " (func (export \"fill\") (memory.fill (i32.const 65535) (i32.const 0) (i32.const 2)))"        \
    " (func (export \"table\") (drop (table.get $t (i32.const 4))))"                               \
    " (func (export \"outside\") (call_indirect (type $none) (i32.const 4)))"                      \
    " (func (export \"null\") (call_indirect (type $none) (i32.const 1)))"                         \
    " (func (export \"other\") (call_indirect (type $none) (i32.const 0)))"                        \
    " (func (export \"divide\") (drop (i32.div_s (i32.const 1) (i32.const 0))))"                   \
    " (func (export \"overflow\")"                                                                 \
    "   (drop (i64.div_s (i64.const 0x8000000000000000) (i64.const -1))))"                         \
    " (func (export \"convert\") (drop (i32.trunc_f64_s (f64.const nan))))"                        \
    " (func $deep (export \"deep\") (call $deep)))"

typedef struct trap_case {
    const char *function;
    const char *trap;
} trap_case;

static const trap_case trap_cases[] = {
    {"unreachable", "unreachable"},           {"load", "memory_out_of_bounds"},
    {"store", "memory_out_of_bounds"},        {"fill", "memory_out_of_bounds"},
    {"table", "table_out_of_bounds"},         {"outside", "table_out_of_bounds"},
    {"null", "indirect_call_to_null"},        {"other", "signature_mismatch"},
    {"divide", "division_by_zero"},           {"overflow", "integer_overflow"},
    {"convert", "bad_conversion_to_integer"}, {"deep", "stack_overflow"},
};
enum { TRAP_CASES = sizeof trap_cases / sizeof *trap_cases };

#define THROW_GUEST                                                                                \
    "(module (tag $t (param i32)) (func (export \"throw\") (throw $t (i32.const 1))))"

#endif
