/* Inside of the fake engine: its objects. */
#ifndef WSB_TESTS_FAKE_INSTANCE_H
#define WSB_TESTS_FAKE_INSTANCE_H

#include <stdatomic.h>

#include "fake_module.h"

typedef struct fake_engine {
    bool fuel;
    uint64_t max_stack;
    uint64_t pool_instances;
    uint64_t fibers;
    atomic_uint_fast64_t pooled; /* instances of the pool in use */
    atomic_uint_fast64_t stacks; /* calls of guests that have begun, where it has fibers */
    atomic_uint_fast64_t epoch;
} fake_engine;

typedef struct fake_link {
    fake_engine *engine;
    const fake_module *module;
    const wsb_engine_import *imports;
    size_t import_count;
} fake_link;

/* Where a guest is while its call is suspended: what a stack of its own would hold. */
typedef enum fake_point {
    FAKE_IDLE,    /* no call */
    FAKE_ENTRY,   /* before its behaviour */
    FAKE_SPIN,    /* in `spin` */
    FAKE_PENDING, /* in a host function that is pending */
    FAKE_RETURNED /* behind a host function that has returned */
} fake_point;

typedef struct fake_call {
    fake_point point;
    wsb_str behaviour;
    const wsb_function_type *type;
    wsb_raw_value *values;
} fake_call;

typedef struct fake_instance {
    const fake_link *link;
    void *host;
    bool (*should_stop)(void *host);
    bool (*should_yield)(void *host);
    wsb_host_result (*resume)(void *host, void *caller, wsb_raw_value *values);
    fake_call call;
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

/* Runs the call that `instance->call` describes from its point on. Where it is suspended, the
 * point says where it goes on. */
wsb_engine_result fake_instance_run(fake_instance *instance, wsb_engine_failure *out_failure);

wsb_engine_result fake_fail(wsb_engine_failure *out_failure, wsb_engine_result result,
                            const char *message);

#endif
