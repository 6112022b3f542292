/* The proposals that an engine declares: it runs what needs them. */
#include "conformance.h"

static void test_simd(void **state)
{
    (void)state;
    NEEDS(SIMD);
    guest g;
    guest_init(&g);
    guest_open(&g, "simd_inside");
    wsb_raw_value values[2] = {{.i32 = 40}, {.i32 = 2}};
    ASSERT_OK(&g, guest_call(&g, "add_lanes", "ii:i", values));
    assert_int_equal(values[0].i32, 168);
    values[0].u32 = (uint32_t)PAGE - 8;
    assert_int_equal(guest_call(&g, "load", "i:i", values), WSB_ENGINE_TRAPPED);
    assert_int_equal(g.failure.trap, WSB_TRAP_MEMORY_OUT_OF_BOUNDS);
    guest_close(&g);
}

static void test_relaxed_simd(void **state)
{
    (void)state;
    NEEDS(RELAXED_SIMD);
    guest g;
    guest_init(&g);
    guest_open(&g, "relaxed_simd");
    wsb_raw_value values[1] = {{.i32 = 5}};
    ASSERT_OK(&g, guest_call(&g, "swizzle", "i:i", values));
    assert_int_equal(values[0].i32, 5);
    guest_close(&g);
}

/* Far deeper than any stack. */
static void test_tail_calls(void **state)
{
    (void)state;
    NEEDS(TAIL_CALLS);
    guest g;
    guest_init(&g);
    guest_open(&g, "tail_calls");
    wsb_raw_value values[2] = {{.i64 = 1000000}, {.i64 = 0}};
    ASSERT_OK(&g, guest_call(&g, "sum", "II:I", values));
    assert_true(values[0].i64 == (int64_t)1000000 * 1000001 / 2);
    values[0].i64 = 1000000;
    ASSERT_OK(&g, guest_call(&g, "ping", "I:I", values));
    assert_true(values[0].i64 == 0);
    guest_close(&g);
}

static void test_memory64(void **state)
{
    (void)state;
    NEEDS(MEMORY64);
    guest g;
    guest_init(&g);
    guest_open(&g, "memory64");
    wsb_raw_value values[2] = {{.i64 = 100}, {.i64 = -7}};
    ASSERT_OK(&g, guest_call(&g, "poke", "II:", values));
    values[0].i64 = 100;
    ASSERT_OK(&g, guest_call(&g, "peek", "I:I", values));
    assert_true(values[0].i64 == -7);
    static const int64_t bad[] = {(int64_t)PAGE - 7, (int64_t)1 << 32, INT64_MAX, -1, -8};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        values[0].i64 = bad[i];
        assert_int_equal(guest_call(&g, "peek", "I:I", values), WSB_ENGINE_TRAPPED);
        assert_int_equal(g.failure.trap, WSB_TRAP_MEMORY_OUT_OF_BOUNDS);
    }
    static const int64_t too_much[] = {(int64_t)1 << 48, INT64_MAX, -1};
    for (size_t i = 0; i < sizeof too_much / sizeof *too_much; i++) {
        values[0].i64 = too_much[i];
        ASSERT_OK(&g, guest_call(&g, "grow", "I:I", values));
        assert_true(values[0].i64 == -1);
    }
    values[0].i64 = 2;
    ASSERT_OK(&g, guest_call(&g, "grow", "I:I", values));
    assert_true(values[0].i64 == 1);
    guest_close(&g);
}

/* (module (tag $t (param i32))
 *  (func (export "catch") (param i32) (result i32)
 *   (block $h (result i32)
 *    (try_table (result i32) (catch $t $h) (throw $t (local.get 0))))))
 * which wat2wasm does not know yet. */
static const uint8_t catcher[] = {0,    'a',  's', 'm',  1,  0,    0, 0,    1, 10,   2,    0x60,
                                  1,    0x7f, 0,   0x60, 1,  0x7f, 1, 0x7f, 3, 2,    1,    1,
                                  13,   3,    1,   0,    0,  7,    9, 1,    5, 'c',  'a',  't',
                                  'c',  'h',  0,   0,    10, 18,   1, 16,   0, 2,    0x7f, 0x1f,
                                  0x7f, 1,    0,   0,    0,  0x20, 0, 8,    0, 0x0b, 0x0b, 0x0b};

static void test_caught_exception(void **state)
{
    (void)state;
    NEEDS(EXCEPTIONS);
    guest g;
    guest_init(&g);
    ASSERT_OK(&g, guest_load_bytes(&g, wsb_bytes_of(catcher, sizeof catcher)));
    ASSERT_OK(&g, guest_instantiate(&g, &g.instance));
    for (int32_t i = 0; i < 1000; i++) {
        wsb_raw_value values[1] = {{.i32 = i}};
        ASSERT_OK(&g, guest_call(&g, "catch", "i:i", values));
        assert_int_equal(values[0].i32, i);
    }
    guest_close(&g);
}

static void test_uncaught_exception(void **state)
{
    (void)state;
    NEEDS(EXCEPTIONS);
    guest g;
    guest_init(&g);
    guest_open(&g, "exceptions");
    for (int i = 0; i < 3; i++) {
        wsb_raw_value values[1] = {{.i32 = i}};
        assert_int_equal(guest_call(&g, "throw", "i:", values), WSB_ENGINE_TRAPPED);
        assert_int_equal(g.failure.trap, WSB_TRAP_UNCAUGHT_EXCEPTION);
        assert_int_not_equal(g.failure.message[0], '\0');
    }
    guest_close(&g);
}

int run_proposal_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simd),
        cmocka_unit_test(test_relaxed_simd),
        cmocka_unit_test(test_tail_calls),
        cmocka_unit_test(test_memory64),
        cmocka_unit_test(test_caught_exception),
        cmocka_unit_test(test_uncaught_exception),
    };
    return cmocka_run_group_tests_name("proposals", tests, NULL, NULL);
}
