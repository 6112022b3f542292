/* Groups of tests that are run once in each mode of execution. */
#ifndef WSB_TESTS_MODES_H
#define WSB_TESTS_MODES_H

#include "support/engine.h"

#include <wasm_sandbox/instance.h>

/* The mode of the tests that run now. */
static wsb_execution_mode test_mode;

static inline int run_in_both_modes(const struct CMUnitTest *tests, size_t count,
                                    CMFixtureFunction setup, CMFixtureFunction teardown)
{
    test_mode = WSB_EXECUTION_DIRECT;
    int failed = _cmocka_run_group_tests("direct", tests, count, setup, teardown);
    test_mode = WSB_EXECUTION_FIBER_IF_ABLE;
    return failed + _cmocka_run_group_tests("fiber, if able", tests, count, setup, teardown);
}

#define RUN_IN_BOTH_MODES(tests, setup, teardown)                                                  \
    run_in_both_modes(tests, sizeof(tests) / sizeof((tests)[0]), setup, teardown)

#endif
