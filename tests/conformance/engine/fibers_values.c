/* FIBERS: vectors and references in calls that are suspended. */
#include "fibers.h"

static int things[64];

static void fill(wsb_raw_value *vector, uint8_t first)
{
    for (uint8_t i = 0; i < 16; i++)
        vector->v128[i] = (uint8_t)(first + i);
}

static wsb_host_result host_vector(void *data, void *context, void *caller, wsb_raw_value *values)
{
    (void)data;
    return fiber_wait(context, caller, values);
}

static wsb_host_result resume_vector(void *context, void *caller, wsb_raw_value *values)
{
    fiber_host *host = context;
    wsb_raw_value expected;
    fill(&expected, 100);
    if (caller != host->caller || values != host->values || values[1].i32 != 6 ||
        memcmp(values[0].v128, expected.v128, 16) != 0)
        atomic_fetch_add(&host->wrong, 1);
    if (--host->left > 0)
        return WSB_HOST_PENDING;
    values[0] = (wsb_raw_value){.i32 = 7};
    fill(&values[1], 200);
    return WSB_HOST_DONE;
}

/* Opens `name`, whose imports are these. */
static void open_with(fiber_guest *f, const char *name, const char *const *names,
                      const char *const *types, const wsb_engine_host_fn *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        signature_parse(&f->types[i], types[i]);
        f->imports[i] = (wsb_engine_import){.module = wsb_cstr("host"),
                                            .name = wsb_cstr(names[i]),
                                            .type = f->types[i].type,
                                            .call = calls[i]};
    }
    f->g.import_count = count;
    guest_open(&f->g, name);
}

static void test_vectors(void **state)
{
    (void)state;
    NEEDS(FIBERS);
    NEEDS(SIMD);
    NEEDS(VECTORS);
    fiber_guest f;
    fiber_init(&f);
    f.g.limits.resume = resume_vector;
    f.host.pending = 2;
    open_with(&f, "fibers_simd", (const char *const[]){"vector"}, (const char *const[]){"vi:iv"},
              (const wsb_engine_host_fn[]){host_vector}, 1);
    wsb_raw_value values[2] = {{.i32 = 0}, {.i32 = 6}};
    wsb_raw_value expected;
    fill(&values[0], 100);
    fill(&expected, 200);
    assert_int_equal(fiber_call(&f, "through", "vi:iv", values), WSB_ENGINE_SUSPENDED);
    assert_int_equal(fiber_resume_elsewhere(&f), WSB_ENGINE_SUSPENDED);
    ASSERT_OK(&f.g, fiber_resume_elsewhere(&f));
    assert_int_equal(values[0].i32, 7);
    assert_memory_equal(values[1].v128, expected.v128, 16);
    fiber_close(&f);
}

static wsb_host_result host_wrap(void *data, void *context, void *caller, wsb_raw_value *values)
{
    (void)data;
    return fiber_wait(context, caller, values);
}

static wsb_host_result host_fresh(void *data, void *context, void *caller, wsb_raw_value *values)
{
    (void)data;
    (void)context;
    (void)caller;
    values[0].ref = &things[values[0].u32 % 64];
    return WSB_HOST_DONE;
}

/* Of "wrap" and "pass": the second is the one that got a pointer. */
static wsb_host_result resume_reference(void *context, void *caller, wsb_raw_value *values)
{
    fiber_host *host = context;
    if (caller != host->caller || values != host->values)
        atomic_fetch_add(&host->wrong, 1);
    if (--host->left > 0)
        return WSB_HOST_PENDING;
    if (values[0].ref == &things[1]) {
        if (values[1].i32 != 5 || values[2].ref)
            atomic_fetch_add(&host->wrong, 1);
        values[1].ref = &things[2];
        values[0].ref = NULL;
    } else {
        values[0].ref = &things[values[0].u32 % 64];
    }
    return WSB_HOST_DONE;
}

static void open_references(fiber_guest *f)
{
    fiber_init(f);
    f->g.limits.resume = resume_reference;
    open_with(f, "fibers_references", (const char *const[]){"wrap", "pass", "fresh"},
              (const char *const[]){"i:r", "rir:rr", "i:r"},
              (const wsb_engine_host_fn[]){host_wrap, host_wrap, host_fresh}, 3);
}

static void test_references(void **state)
{
    (void)state;
    NEEDS(FIBERS);
    NEEDS(REFERENCES);
    fiber_guest f;
    open_references(&f);
    for (int i = 0; i < 3; i++) {
        f.host.pending = i;
        wsb_raw_value values[3] = {{.i32 = 9}};
        if (i > 0) {
            wsb_engine_result result = fiber_call(&f, "wrap", "i:r", values);
            assert_int_equal(result, WSB_ENGINE_SUSPENDED);
            ASSERT_OK(&f.g, fiber_finish(&f, result));
            assert_ptr_equal(values[0].ref, &things[9]);
            values[0].ref = &things[1];
            values[1] = (wsb_raw_value){.i32 = 5};
            values[2] = (wsb_raw_value){.ref = NULL};
            result = fiber_call(&f, "pass", "rir:rr", values);
            assert_int_equal(result, WSB_ENGINE_SUSPENDED);
            ASSERT_OK(&f.g, fiber_finish(&f, result));
            assert_null(values[0].ref);
            assert_ptr_equal(values[1].ref, &things[2]);
        }
    }
    fiber_close(&f);
}

/* What a guest holds while it is suspended is not collected, and what nobody holds is. */
static void test_held_references(void **state)
{
    (void)state;
    NEEDS(FIBERS);
    NEEDS(REFERENCES);
    fiber_guest f;
    open_references(&f);
    wsb_raw_value values[2] = {{.ref = &things[33]}, {.i32 = 20000}};
    wsb_engine_result result = fiber_call(&f, "hold", "ri:r", values);
    assert_int_equal(result, WSB_ENGINE_SUSPENDED);
    for (int i = 0; i < 10; i++)
        assert_int_equal(fiber_resume_elsewhere(&f), WSB_ENGINE_SUSPENDED);
    ASSERT_OK(&f.g, fiber_finish(&f, WSB_ENGINE_SUSPENDED));
    assert_ptr_equal(values[0].ref, &things[33]);
    /* Dropped with what it holds. */
    values[0].ref = &things[33];
    values[1].i32 = 2;
    assert_int_equal(fiber_call(&f, "hold", "ri:r", values), WSB_ENGINE_SUSPENDED);
    fiber_close(&f);
}

int run_fiber_value_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_held_references),
    };
    return cmocka_run_group_tests_name("fibers: values", tests, NULL, NULL);
}
