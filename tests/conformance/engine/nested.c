/* Host functions that call other guests of the same engine. */
#include "conformance.h"

#define DEPTH 16

typedef struct chain {
    void *instances[DEPTH];
    const char *innermost; /* export that the last one runs */
    unsigned depth;
    wsb_engine_result result; /* of the innermost */
    wsb_trap trap;
} chain;

static wsb_host_result host_next(void *data, void *context, void *caller, wsb_raw_value *values)
{
    chain *links = data;
    wsb_engine_failure failure = {0};
    (void)context;
    (void)caller;
    unsigned depth = ++links->depth;
    if (depth < DEPTH - 1) {
        wsb_engine_result result =
            instance_call(links->instances[depth], "next", "i:i", values, &failure);
        if (result != WSB_ENGINE_OK)
            return WSB_HOST_TRAP;
    } else {
        int32_t kept = values[0].i32;
        links->result =
            instance_call(links->instances[depth], links->innermost, "i:i", values, &failure);
        links->trap = failure.trap;
        if (links->result != WSB_ENGINE_OK)
            values[0].i32 = kept;
    }
    return WSB_HOST_DONE;
}

static void run_chain(const char *innermost, wsb_engine_result expected, wsb_trap trap,
                      int32_t answer)
{
    guest g;
    signature type;
    chain links = {.innermost = innermost};
    signature_parse(&type, "i:i");
    wsb_engine_import import = {wsb_cstr("host"), wsb_cstr("next"), type.type,
                                host_next,        &links,           true};
    guest_init(&g);
    g.imports = &import;
    g.import_count = 1;
    ASSERT_OK(&g, guest_load(&g, "nested"));
    for (unsigned i = 0; i < DEPTH; i++)
        ASSERT_OK(&g, guest_instantiate(&g, &links.instances[i]));
    for (int round = 0; round < 20; round++) {
        wsb_raw_value values[1] = {{.i32 = 100}};
        links.depth = 0;
        ASSERT_OK(&g, instance_call(links.instances[0], "next", "i:i", values, &g.failure));
        assert_int_equal(links.depth, DEPTH - 1);
        assert_int_equal(links.result, expected);
        if (expected == WSB_ENGINE_TRAPPED)
            assert_int_equal(links.trap, trap);
        assert_int_equal(values[0].i32, answer);
    }
    for (unsigned i = 0; i < DEPTH; i++)
        ops->instance_destroy(links.instances[i]);
    guest_close(&g);
}

/* Each adds one on its way back. */
static void test_calls_nest(void **state)
{
    (void)state;
    run_chain("leaf", WSB_ENGINE_OK, WSB_TRAP_UNKNOWN, 1000 + DEPTH - 1);
}

/* A trap ends its own guest; those around it go on. */
static void test_traps_nest(void **state)
{
    (void)state;
    run_chain("outside", WSB_ENGINE_TRAPPED, WSB_TRAP_MEMORY_OUT_OF_BOUNDS, 100 + DEPTH - 1);
    run_chain("boom", WSB_ENGINE_TRAPPED, WSB_TRAP_UNREACHABLE, 100 + DEPTH - 1);
    run_chain("deep", WSB_ENGINE_TRAPPED, WSB_TRAP_STACK_OVERFLOW, 100 + DEPTH - 1);
}

int run_nested_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_nest),
        cmocka_unit_test(test_traps_nest),
    };
    return cmocka_run_group_tests_name("nested calls", tests, NULL, NULL);
}
