/* Inside of the fake engine: its objects. */
#ifndef WSB_TESTS_FAKE_INSTANCE_H
#define WSB_TESTS_FAKE_INSTANCE_H

#include <stdatomic.h>

#include "fake_module.h"

typedef struct fake_engine {
    bool fuel;
    uint64_t max_stack;
    uint64_t pool_instances;
    atomic_uint_fast64_t pooled; /* instances of the pool in use */
    atomic_uint_fast64_t epoch;
} fake_engine;

typedef struct fake_link {
    fake_engine *engine;
    const fake_module *module;
    const wsb_engine_import *imports;
    size_t import_count;
} fake_link;

typedef struct fake_instance {
    const fake_link *link;
    void *host;
    bool (*should_stop)(void *host);
    uint64_t seen_epoch;
    uint64_t fuel;
    uint64_t max_memory;
    uint64_t table_left;
    uint8_t *memory;
    uint64_t pages;
    uint64_t tables[FAKE_MAX_TABLES];
    fake_global *budget; /* of a module that was rewritten; NULL: not */
    fake_global *memory_limit;
    fake_global *table_limit;
    fake_global globals[FAKE_MAX_GLOBALS];
} fake_instance;

/* The instance's storage; LIMIT, FAILED or OK. */
wsb_engine_result fake_instance_allocate(fake_instance *instance, wsb_engine_failure *out_failure);

bool fake_instance_grow(fake_instance *instance, uint64_t pages);

/* Runs a function by its behaviour. */
wsb_engine_result fake_instance_run(fake_instance *instance, wsb_str behaviour,
                                    const wsb_function_type *type, wsb_raw_value *values,
                                    wsb_engine_failure *out_failure);

wsb_engine_result fake_fail(wsb_engine_failure *out_failure, wsb_engine_result result,
                            const char *message);

#endif
