/* A process without descriptors when its first executor is used: libuv must not end it. In a
 * program of its own, as libuv asks only once. */
#include "unit/executor/executor_test.h"

#include <fcntl.h>
#include <sys/resource.h>

static void test_the_first_loop_gets_no_descriptor(void **state)
{
    struct rlimit before;
    wsb_executor *executor = executor_of(1, 1, 0);
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(next >= 0);
    close(next);
    for (unsigned left = 0; left < 12; left++) {
        struct rlimit few = before;
        few.rlim_cur = (rlim_t)next + left;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        assert_int_equal(probe_submit(executor, NULL, probe_new(do_nothing, NULL), 0),
                         WSB_ERROR_IO);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(finish(start(executor, NULL, do_nothing, NULL)), WSB_OK);
    wsb_executor_destroy(executor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_loop_gets_no_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
