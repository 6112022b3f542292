/* The conformance suite of the engine ABI (plugin/engine.h), written against that header only. */
#ifndef WSB_ENGINE_CONFORMANCE_H
#define WSB_ENGINE_CONFORMANCE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <wasm_sandbox/limits.h>
#include <wasm_sandbox/plugin/engine.h>

/* The engine under test. */
extern const wsb_runtime_ops *ops;
/* All guests run on stacks of their own: the second run of an engine that has FIBERS. */
extern bool all_on_fibers;

/* What an instance's `host` points to. */
typedef struct host_state {
    atomic_bool stop;  /* what should_stop answers */
    atomic_long asked; /* how often it was asked */
    void *instance;
    wsb_engine_handle memory;
    long calls; /* of host functions */
} host_state;

/* An engine, and one module of it, linked and instantiated. Zero members are defaults. */
typedef struct guest {
    wsb_engine_options options;
    wsb_engine_instance_options limits;
    const wsb_engine_import *imports;
    size_t import_count;
    void *engine;
    void *module;
    void *link;
    void *instance;
    host_state host;
    wsb_engine_failure failure;
} guest;

#define TEST_STACK ((uint64_t)512 * 1024)
#define TEST_FIBERS ((uint64_t)1000)
#define PAGE ((uint64_t)65536)

/* Skips the test and says so where the engine does not declare `feature`. */
#define NEEDS(feature) needs(WSB_ENGINE_##feature, #feature)
void needs(uint32_t feature, const char *name);
bool declares(uint32_t feature);

/* The bytes of guests/NAME.wasm; released by the caller with free(). */
wsb_bytes guest_bytes(const char *name);

/* Steps of making a guest; each sets `failure`. */
void guest_init(guest *g);
wsb_engine_result guest_load(guest *g, const char *name);
wsb_engine_result guest_load_bytes(guest *g, wsb_bytes bytes);
wsb_engine_result guest_instantiate(guest *g, void **out_instance);
/* All of them, which must succeed. */
void guest_open(guest *g, const char *name);
void guest_close(guest *g);

/* "iIfdvre" for i32 i64 f32 f64 v128 externref funcref, as "ii:i" (parameters : results). */
typedef struct signature {
    wsb_value_type types[32];
    wsb_function_type type;
} signature;
void signature_parse(signature *out, const char *text);

/* Calls an export, which must exist. */
wsb_engine_result guest_call(guest *g, const char *name, const char *types, wsb_raw_value *values);
wsb_engine_result instance_call(void *instance, const char *name, const char *types,
                                wsb_raw_value *values, wsb_engine_failure *failure);

/* Keeps the signal handlers as they are now for all tests: cmocka replaces an engine's by its own.
 * To be called when the engine has installed them. */
void remember_signals(void);

/* Resident memory of the process, in bytes. */
long resident_bytes(void);

#define ASSERT_OK(g, result) assert_ok((g), (result), __FILE__, __LINE__)
void assert_ok(const guest *g, wsb_engine_result result, const char *file, int line);

int run_module_tests(void);
int run_call_tests(void);
int run_host_tests(void);
int run_trap_tests(void);
int run_limit_tests(void);
int run_interrupt_tests(void);
int run_reference_tests(void);
int run_proposal_tests(void);
int run_added_tests(void);
int run_nested_tests(void);
int run_pool_tests(void);
int run_load_tests(void);
int run_hostile_tests(void);
int run_fiber_call_tests(void);
int run_fiber_value_tests(void);
int run_fiber_many_tests(void);

#endif
