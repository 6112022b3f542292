/* Guests that hold all threads of an executor do not hold up the end of others. wsb-test: engine */
#include "async_support.h"

static void others_can_be_dropped(void **state)
{
    (void)state;
    wsb_error *error = NULL;
    wsb_sandbox *sandbox = make_sandbox();
    wsb_module_id module = load(sandbox, WAT_GATED);
    gate *it = gate_create(1);
    wsb_executor *executor = make_executor(1, 1, 0);
    wsb_instance_id holder = gated(sandbox, module, it, WSB_EXECUTION_DIRECT, NULL);
    wsb_instance_id other = gated(sandbox, module, it, WSB_EXECUTION_DIRECT, NULL);
    wsb_future *held = start_on(executor, sandbox, holder, "gated");
    gate_await(it, 1);
    wsb_future *queued[2];
    for (int i = 0; i < 2; i++)
        queued[i] = start_on(executor, sandbox, other, "next");
    assert_ok(wsb_sandbox_drop_instance(sandbox, other, &error), error);
    assert_false(wsb_future_poll(held));
    for (int i = 0; i < 2; i++)
        finish_fails(queued[i], 1, WSB_ERROR_CANCELLED, NULL);
    gate_open(it);
    assert_int_equal(finish(held, 1).of.i32, 7);
    wsb_sandbox_destroy(sandbox);
    wsb_executor_destroy(executor);
    gate_destroy(it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(others_can_be_dropped)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
