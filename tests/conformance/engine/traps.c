/* Traps of every kind, with signals and without. */
#include "conformance.h"

typedef struct trap_case {
    const char *name;
    const char *types;
    wsb_raw_value value;
    wsb_trap trap;
} trap_case;

static const trap_case cases[] = {
    {"unreachable", ":", {0}, WSB_TRAP_UNREACHABLE},
    {"memory_out_of_bounds", ":", {0}, WSB_TRAP_MEMORY_OUT_OF_BOUNDS},
    {"memory_fill", ":", {0}, WSB_TRAP_MEMORY_OUT_OF_BOUNDS},
    {"table_out_of_bounds", ":", {0}, WSB_TRAP_TABLE_OUT_OF_BOUNDS},
    {"indirect_out_of_bounds", ":", {0}, WSB_TRAP_TABLE_OUT_OF_BOUNDS},
    {"indirect_call_to_null", ":", {0}, WSB_TRAP_NULL_CALL},
    {"signature_mismatch", ":", {0}, WSB_TRAP_SIGNATURE_MISMATCH},
    {"integer_overflow", "i:", {.i32 = -1}, WSB_TRAP_INTEGER_OVERFLOW},
    {"division_by_zero", "i:", {.i32 = 0}, WSB_TRAP_DIVISION_BY_ZERO},
    {"bad_conversion_to_integer", "f:", {.u32 = 0x7fc00000}, WSB_TRAP_BAD_CONVERSION},
    {"stack_overflow", ":", {0}, WSB_TRAP_STACK_OVERFLOW},
};

static void trap_all(bool avoid_signals)
{
    guest g;
    guest_init(&g);
    g.options.avoid_signals = avoid_signals;
    guest_open(&g, "traps");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wsb_raw_value values[1] = {cases[i].value};
        wsb_engine_result result = guest_call(&g, cases[i].name, cases[i].types, values);
        if (result != WSB_ENGINE_TRAPPED || g.failure.trap != cases[i].trap)
            fail_msg("%s: result %d, trap %d, %s", cases[i].name, result, g.failure.trap,
                     g.failure.message);
        assert_int_not_equal(g.failure.message[0], '\0');
    }
    /* The engine lives on. */
    wsb_raw_value values[1] = {{.i32 = 10}};
    ASSERT_OK(&g, guest_call(&g, "recurse", "i:", values));
    guest_close(&g);
}

static void test_traps(void **state)
{
    (void)state;
    trap_all(false);
}

static void test_traps_without_signals(void **state)
{
    (void)state;
    NEEDS(NO_SIGNALS);
    trap_all(true);
}

static void test_backtrace(void **state)
{
    (void)state;
    NEEDS(BACKTRACES);
    guest g;
    guest_init(&g);
    guest_open(&g, "names");
    assert_int_equal(guest_call(&g, "outer", ":", NULL), WSB_ENGINE_TRAPPED);
    const char *inner = strstr(g.failure.backtrace, "inner_most");
    const char *outer = strstr(g.failure.backtrace, "outer");
    assert_non_null(inner);
    assert_non_null(outer);
    assert_true(inner < outer);
    guest_close(&g);
}

static uint32_t depth_within(uint64_t stack)
{
    guest g;
    guest_init(&g);
    g.options.max_stack = stack;
    guest_open(&g, "traps");
    uint32_t good = 0;
    uint32_t bad = 1u << 24;
    while (bad - good > 1 + good / 16) {
        uint32_t depth = good + (bad - good) / 2;
        wsb_raw_value values[1] = {{.u32 = depth}};
        if (guest_call(&g, "recurse", "i:", values) == WSB_ENGINE_OK) {
            good = depth;
        } else {
            assert_int_equal(g.failure.trap, WSB_TRAP_STACK_OVERFLOW);
            bad = depth;
        }
    }
    guest_close(&g);
    return good;
}

static void test_stack_limit(void **state)
{
    (void)state;
    NEEDS(STACK_LIMIT);
    uint32_t small = depth_within(64 * 1024);
    uint32_t large = depth_within(1024 * 1024);
    assert_true(small > 100);
    assert_true(large > 8 * small);
}

int run_trap_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_traps),
        cmocka_unit_test(test_traps_without_signals),
        cmocka_unit_test(test_backtrace),
        cmocka_unit_test(test_stack_limit),
    };
    return cmocka_run_group_tests_name("traps", tests, NULL, NULL);
}
