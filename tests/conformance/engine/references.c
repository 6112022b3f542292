/* References: the host's pointers through guests. */
#include "conformance.h"

static int things[64];

static wsb_host_result host_wrap(void *data, void *context, void *caller, wsb_raw_value *values)
{
    (void)data;
    (void)context;
    (void)caller;
    values[0].ref = &things[values[0].u32 % 64];
    return WSB_HOST_DONE;
}

static wsb_host_result host_look(void *data, void *context, void *caller, wsb_raw_value *values)
{
    (void)data;
    (void)context;
    (void)caller;
    assert_null(values[1].ref);
    values[0].i32 = values[0].ref == &things[values[2].u32 % 64];
    return WSB_HOST_DONE;
}

static wsb_host_result host_bad(void *data, void *context, void *caller, wsb_raw_value *values)
{
    (void)data;
    (void)context;
    (void)caller;
    values[0].ref = things;
    return WSB_HOST_DONE;
}

typedef struct reference_guest {
    guest g;
    signature types[3];
    wsb_engine_import imports[3];
} reference_guest;

static void open_references(reference_guest *r)
{
    static const char *const names[] = {"wrap", "look", "bad_funcref"};
    static const char *const types[] = {"i:r", "rei:i", ":e"};
    static const wsb_engine_host_fn calls[] = {host_wrap, host_look, host_bad};
    for (size_t i = 0; i < 3; i++) {
        signature_parse(&r->types[i], types[i]);
        r->imports[i] = (wsb_engine_import){
            wsb_cstr("host"), wsb_cstr(names[i]), r->types[i].type, calls[i], NULL, true};
    }
    r->g.imports = r->imports;
    r->g.import_count = 3;
    guest_open(&r->g, "references");
}

static void test_echo(void **state)
{
    (void)state;
    NEEDS(REFERENCES);
    reference_guest r;
    guest_init(&r.g);
    open_references(&r);
    wsb_raw_value values[3] = {{.ref = &things[1]}, {.i32 = 5}, {.ref = NULL}};
    ASSERT_OK(&r.g, guest_call(&r.g, "echo", "rir:rri", values));
    assert_null(values[0].ref);
    assert_ptr_equal(values[1].ref, &things[1]);
    assert_int_equal(values[2].i32, 5);
    guest_close(&r.g);
}

static void test_host_sees_pointers(void **state)
{
    (void)state;
    NEEDS(REFERENCES);
    reference_guest r;
    guest_init(&r.g);
    open_references(&r);
    wsb_raw_value values[2] = {{.i32 = 9}};
    ASSERT_OK(&r.g, guest_call(&r.g, "wrap", "i:r", values));
    assert_ptr_equal(values[0].ref, &things[9]);
    values[1].i32 = 9;
    ASSERT_OK(&r.g, guest_call(&r.g, "look", "ri:i", values));
    assert_int_equal(values[0].i32, 1);
    guest_close(&r.g);
}

/* A reference in a table outlives calls and many others. */
static void test_kept(void **state)
{
    (void)state;
    NEEDS(REFERENCES);
    reference_guest r;
    guest_init(&r.g);
    open_references(&r);
    for (uint32_t i = 0; i < 64; i++) {
        wsb_raw_value values[2] = {{.u32 = i}, {.ref = &things[i]}};
        ASSERT_OK(&r.g, guest_call(&r.g, "keep", "ir:", values));
    }
    wsb_raw_value count[1] = {{.u32 = 200000}};
    ASSERT_OK(&r.g, guest_call(&r.g, "churn", "i:", count));
    for (uint32_t i = 0; i < 64; i++) {
        wsb_raw_value values[1] = {{.u32 = i}};
        ASSERT_OK(&r.g, guest_call(&r.g, "kept", "i:r", values));
        assert_ptr_equal(values[0].ref, &things[i]);
    }
    guest_close(&r.g);
}

/* What a guest hoards is bounded by its limits. */
static void test_hoard(void **state)
{
    (void)state;
    NEEDS(REFERENCES);
    NEEDS(MEMORY_LIMIT);
    reference_guest r;
    guest_init(&r.g);
    r.g.limits.max_memory = 2 * WSB_MIB;
    open_references(&r);
    long before = resident_bytes();
    wsb_raw_value values[1] = {{.u32 = 900000}};
    wsb_engine_result result = guest_call(&r.g, "hoard", "i:i", values);
    assert_int_not_equal(result, WSB_ENGINE_OK);
    assert_int_not_equal(r.g.failure.message[0], '\0');
    assert_true(resident_bytes() - before < 64 * (long)WSB_MIB);
    guest_close(&r.g);
}

static void test_functions_are_not_passed(void **state)
{
    (void)state;
    NEEDS(REFERENCES);
    reference_guest r;
    guest_init(&r.g);
    open_references(&r);
    wsb_raw_value values[1] = {{.ref = NULL}};
    ASSERT_OK(&r.g, guest_call(&r.g, "null_func", "e:e", values));
    assert_null(values[0].ref);
    assert_int_equal(guest_call(&r.g, "look_funcref", ":i", values), WSB_ENGINE_TRAPPED);
    assert_int_not_equal(r.g.failure.message[0], '\0');
    assert_int_equal(guest_call(&r.g, "bad_funcref", ":", values), WSB_ENGINE_TRAPPED);
    assert_int_equal(guest_call(&r.g, "give_func", ":e", values), WSB_ENGINE_FAILED);
    values[0].ref = things;
    assert_int_equal(guest_call(&r.g, "null_func", "e:e", values), WSB_ENGINE_FAILED);
    guest_close(&r.g);
}

int run_reference_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_host_sees_pointers),
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_hoard),
        cmocka_unit_test(test_functions_are_not_passed),
    };
    return cmocka_run_group_tests_name("references", tests, NULL, NULL);
}
