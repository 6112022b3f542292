/* FIBERS: calls that are suspended in host functions, and go on. */
#include <stdlib.h>

#include "fibers.h"

static void suspended(fiber_guest *f, wsb_engine_result result)
{
    if (result != WSB_ENGINE_SUSPENDED)
        fail_msg("result %d: %s", result, f->g.failure.message);
}

static void test_pending(void **state)
{
    (void)state;
    NEEDS(FIBERS);
    fiber_guest f;
    fiber_init(&f);
    fiber_open(&f);
    f.host.pending = 3;
    wsb_raw_value values[1] = {{.i32 = 41}};
    suspended(&f, fiber_call(&f, "wait", "i:i", values));
    assert_int_equal(f.host.resumes, 0);
    suspended(&f, fiber_resume(&f));
    suspended(&f, fiber_resume(&f));
    ASSERT_OK(&f.g, fiber_resume(&f));
    assert_int_equal(values[0].i32, 42);
    assert_int_equal(f.host.resumes, 3);
    /* What is done at once suspends nothing. */
    f.host.pending = 0;
    ASSERT_OK(&f.g, fiber_call(&f, "wait", "i:i", values));
    assert_int_equal(values[0].i32, 43);
    fiber_close(&f);
}

/* Each part of a call on another thread. */
static void test_other_threads(void **state)
{
    (void)state;
    NEEDS(FIBERS);
    fiber_guest f;
    fiber_init(&f);
    fiber_open(&f);
    int32_t count = 100;
    wsb_raw_value values[1] = {{.i32 = count}};
    wsb_engine_result result = fiber_call(&f, "mix", "i:i", values);
    int32_t suspensions = 0;
    while (result == WSB_ENGINE_SUSPENDED) {
        suspensions++;
        result = fiber_resume_elsewhere(&f);
    }
    ASSERT_OK(&f.g, result);
    assert_int_equal(suspensions, 2 * count);
    assert_int_equal(values[0].i32, count * (count + 1) / 2 + count);
    fiber_close(&f);
}

static void test_values(void **state)
{
    (void)state;
    NEEDS(FIBERS);
    fiber_guest f;
    fiber_init(&f);
    fiber_open(&f);
    for (f.host.pending = 1; f.host.pending < 4; f.host.pending++) {
        wsb_raw_value values[4] = {{.i32 = -7}, {.i64 = INT64_MIN}, {.f32 = 1.5f}, {.f64 = -2.25}};
        wsb_engine_result result = fiber_call(&f, "all", "iIfd:dfIi", values);
        suspended(&f, result);
        ASSERT_OK(&f.g, fiber_finish(&f, result));
        assert_true(values[0].f64 == -3.5);
        assert_true(values[1].f32 == 0.125f);
        assert_int_equal(values[2].i64, INT64_MAX);
        assert_int_equal(values[3].i32, INT32_MIN);
    }
    fiber_close(&f);
}

/* A start function is an ordinary call; it may wait, too. */
static void test_start(void **state)
{
    (void)state;
    NEEDS(FIBERS);
    fiber_guest f;
    fiber_init(&f);
    fiber_open(&f);
    suspended(&f, fiber_call(&f, "start", ":", NULL));
    ASSERT_OK(&f.g, fiber_resume_elsewhere(&f));
    wsb_raw_value values[1];
    ASSERT_OK(&f.g, fiber_call(&f, "started", ":i", values));
    assert_int_equal(values[0].i32, 42);
    fiber_close(&f);
}

static wsb_host_result host_pending(void *data, void *context, void *caller, wsb_raw_value *values)
{
    (void)data;
    (void)context;
    (void)caller;
    (void)values;
    return WSB_HOST_PENDING;
}

/* Pending ends the guest where it was not to be expected. */
static void test_never_waits(void **state)
{
    (void)state;
    NEEDS(FIBERS);
    for (int direct = 0; direct < 2; direct++) {
        fiber_guest f;
        fiber_init(&f);
        f.imports[1].call = host_pending;
        if (direct)
            f.g.options.fibers = 0;
        fiber_open(&f);
        wsb_raw_value values[1] = {{.i32 = 1}};
        assert_int_equal(fiber_call(&f, "now", "i:i", values), WSB_ENGINE_HOST_TRAP);
        assert_int_equal(fiber_resume(&f), WSB_ENGINE_FAILED);
        if (direct)
            assert_int_equal(fiber_call(&f, "wait", "i:i", values), WSB_ENGINE_HOST_TRAP);
        fiber_close(&f);
    }
}

static void traps(fiber_guest *f, const char *name, const char *types, int32_t argument,
                  wsb_trap trap)
{
    wsb_raw_value values[1] = {{.i32 = argument}};
    suspended(f, fiber_call(f, name, types, values));
    assert_int_equal(fiber_resume_elsewhere(f), WSB_ENGINE_TRAPPED);
    assert_int_equal(f->g.failure.trap, trap);
    assert_int_not_equal(f->g.failure.message[0], '\0');
    if (declares(WSB_ENGINE_BACKTRACES))
        assert_non_null(strstr(f->g.failure.backtrace, " @ 0x"));
    memset(&f->g.failure, 0, sizeof f->g.failure);
}

static void test_traps(void **state)
{
    (void)state;
    NEEDS(FIBERS);
    fiber_guest f;
    fiber_init(&f);
    fiber_open(&f);
    for (int i = 0; i < 20; i++) {
        traps(&f, "unreachable", "i:", 1, WSB_TRAP_UNREACHABLE);
        traps(&f, "out_of_bounds", "i:i", 60000, WSB_TRAP_MEMORY_OUT_OF_BOUNDS);
        traps(&f, "overflow", "i:i", 1, WSB_TRAP_STACK_OVERFLOW);
        traps(&f, "null_call", "i:", 1, WSB_TRAP_NULL_CALL);
        traps(&f, "divide", "i:i", -1, WSB_TRAP_DIVISION_BY_ZERO);
    }
    f.host.pending = 0;
    f.host.end = WSB_HOST_TRAP;
    wsb_raw_value values[1] = {{.i32 = 1}};
    assert_int_equal(fiber_call(&f, "wait", "i:i", values), WSB_ENGINE_HOST_TRAP);
    f.host.pending = 2;
    suspended(&f, fiber_call(&f, "wait", "i:i", values));
    suspended(&f, fiber_resume(&f));
    assert_int_equal(fiber_resume_elsewhere(&f), WSB_ENGINE_HOST_TRAP);
    f.host.end = WSB_HOST_DONE;
    ASSERT_OK(&f.g, fiber_finish(&f, fiber_call(&f, "wait", "i:i", values)));
    fiber_close(&f);
}

/* All of the stack that max_stack gives is there on a fiber, and what is in use survives. */
static void test_stack(void **state)
{
    (void)state;
    NEEDS(FIBERS);
    fiber_guest f;
    fiber_init(&f);
    fiber_open(&f);
    int32_t depth = (int32_t)(TEST_STACK / 64 / 2);
    wsb_raw_value values[1] = {{.i32 = depth}};
    wsb_engine_result result = fiber_call(&f, "at_depth", "i:i", values);
    suspended(&f, result);
    ASSERT_OK(&f.g, fiber_resume_elsewhere(&f));
    assert_int_equal(values[0].i32, depth + 1);
    values[0].i32 = 100000000;
    assert_int_equal(fiber_call(&f, "at_depth", "i:i", values), WSB_ENGINE_TRAPPED);
    assert_int_equal(f.g.failure.trap, WSB_TRAP_STACK_OVERFLOW);
    fiber_close(&f);
}

static void test_memory_grows(void **state)
{
    (void)state;
    NEEDS(FIBERS);
    fiber_guest f;
    fiber_init(&f);
    fiber_open(&f);
    wsb_raw_value values[1] = {{.i32 = 20}};
    suspended(&f, fiber_call(&f, "grow", "i:i", values));
    ASSERT_OK(&f.g, fiber_resume_elsewhere(&f));
    assert_int_equal(values[0].i32, 77);
    uint8_t *base = NULL;
    uint64_t size = 0;
    ops->memory_get(f.g.instance, NULL, &f.g.host.memory, &base, &size);
    assert_int_equal(size, 22 * PAGE);
    assert_memory_equal(base + 4096, "data", 4);
    fiber_close(&f);
}

static void test_fuel(void **state)
{
    (void)state;
    NEEDS(FIBERS);
    NEEDS(FUEL);
    fiber_guest f;
    fiber_init(&f);
    f.g.options.fuel = true;
    fiber_open(&f);
    wsb_raw_value values[1] = {{.i64 = 10000}};
    ops->instance_set_fuel(f.g.instance, 10000000);
    suspended(&f, fiber_call(&f, "burn", "I:I", values));
    ASSERT_OK(&f.g, fiber_resume_elsewhere(&f));
    assert_int_equal(values[0].i64, 10000);
    uint64_t used = 10000000 - ops->instance_get_fuel(f.g.instance);
    assert_in_range(used, 20000, 1000000);
    /* Enough for what comes before it waits. */
    ops->instance_set_fuel(f.g.instance, used * 3 / 4);
    suspended(&f, fiber_call(&f, "burn", "I:I", values));
    assert_int_equal(fiber_resume_elsewhere(&f), WSB_ENGINE_NO_FUEL);
    assert_true(ops->instance_get_fuel(f.g.instance) < used / 4);
    fiber_close(&f);
}

static void keep_bytes(wsb_bytes bytes, void *user_data)
{
    wsb_bytes *out = user_data;
    uint8_t *copy = malloc(bytes.len);
    assert_non_null(copy);
    memcpy(copy, bytes.data, bytes.len);
    *out = wsb_bytes_of(copy, bytes.len);
}

/* Loads into `to`, an engine on fibers, what `from` compiled. */
static void transplant(guest *from, guest *to)
{
    wsb_bytes bytes = {NULL, 0};
    ASSERT_OK(from, ops->module_serialize(from->module, keep_bytes, &bytes, &from->failure));
    ASSERT_OK(to, ops->engine_create(&to->options, &to->engine, &to->failure));
    ASSERT_OK(to, ops->module_deserialize(to->engine, bytes, &to->module, &to->failure));
    free((void *)bytes.data);
    ASSERT_OK(to, ops->link(to->engine, to->module, to->imports, to->import_count, &to->link,
                            &to->failure));
    ASSERT_OK(to, guest_instantiate(to, &to->instance));
}

/* What one kind of engine compiled, the other loads. */
static void test_serialized(void **state)
{
    (void)state;
    NEEDS(FIBERS);
    NEEDS(SERIALIZE);
    int kinds = declares(WSB_ENGINE_POOLING) ? 4 : 2;
    for (int from = 0; from < kinds; from++) {
        fiber_guest f;
        fiber_guest other;
        fiber_init(&f);
        fiber_init(&other);
        f.g.options.fibers = from & 1 ? 0 : TEST_FIBERS;
        f.g.options.pool_instances = from & 2 ? 4 : 0;
        fiber_open(&f);
        transplant(&f.g, &other.g);
        wsb_raw_value values[1] = {{.i32 = 9}};
        suspended(&other, fiber_call(&other, "wait", "i:i", values));
        ASSERT_OK(&other.g, fiber_resume(&other));
        assert_int_equal(values[0].i32, 10);
        fiber_close(&other);
        fiber_close(&f);
    }
}

static void test_misuse(void **state)
{
    (void)state;
    NEEDS(FIBERS);
    fiber_guest f;
    fiber_init(&f);
    fiber_open(&f);
    wsb_raw_value values[2] = {{.i32 = 1}, {.i32 = 2}};
    assert_int_equal(fiber_resume(&f), WSB_ENGINE_FAILED);
    ASSERT_OK(&f.g, fiber_call(&f, "add", "ii:i", values));
    assert_int_equal(fiber_resume(&f), WSB_ENGINE_FAILED);
    assert_int_not_equal(f.g.failure.message[0], '\0');
    fiber_close(&f);
    fiber_init(&f);
    f.g.options.fibers = UINT64_MAX;
    assert_int_equal(ops->engine_create(&f.g.options, &f.g.engine, &f.g.failure),
                     WSB_ENGINE_FAILED);
    assert_null(f.g.engine);
    assert_int_not_equal(f.g.failure.message[0], '\0');
}

int run_fiber_call_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pending),     cmocka_unit_test(test_other_threads),
        cmocka_unit_test(test_values),      cmocka_unit_test(test_start),
        cmocka_unit_test(test_never_waits), cmocka_unit_test(test_traps),
        cmocka_unit_test(test_stack),       cmocka_unit_test(test_memory_grows),
        cmocka_unit_test(test_fuel),        cmocka_unit_test(test_serialized),
        cmocka_unit_test(test_misuse),
    };
    return cmocka_run_group_tests_name("fibers: calls", tests, NULL, NULL);
}
