/* Makes the n-th allocation fail, for every n, until the tested function gets through. */
#ifndef TESTS_UNIT_CORE_FAIL_NTH_H
#define TESTS_UNIT_CORE_FAIL_NTH_H

#include "core/alloc.h"

static unsigned fail_nth_left;

static bool fail_nth_now(void)
{
    return fail_nth_left > 0 && --fail_nth_left == 0;
}

static inline void fail_nth_start(unsigned n)
{
    fail_nth_left = n;
    wsb__alloc_fails = fail_nth_now;
}

static inline void fail_nth_stop(void)
{
    wsb__alloc_fails = NULL;
}

/* Runs `statement` (an expression that gives a wsb_status) with ever later failures; asserts that
 * each failure is WSB_ERROR_OUT_OF_MEMORY and that in the end it succeeds. */
#define EXPECT_OUT_OF_MEMORY_UNTIL_OK(expression)                                                  \
    do {                                                                                           \
        unsigned n_ = 1;                                                                           \
        for (;; n_++) {                                                                            \
            fail_nth_start(n_);                                                                    \
            wsb_status status_ = (expression);                                                     \
            fail_nth_stop();                                                                       \
            if (status_ == WSB_OK)                                                                 \
                break;                                                                             \
            assert_int_equal(status_, WSB_ERROR_OUT_OF_MEMORY);                                    \
            assert_true(n_ < 1000);                                                                \
        }                                                                                          \
        assert_true(n_ > 1);                                                                       \
    } while (0)

#endif
