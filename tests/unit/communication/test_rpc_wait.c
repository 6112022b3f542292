/* How long a thread waits. */
/* wsb-test: pure */
#include "rpc_test.h"

#include "communication/rpc/rpc_state.h"
#include "runtime/ticks.h"

/* The thread goes on on a processor whose counter is a little behind. */
static void it_began_on_another_processor(void **state)
{
    conversation c = begin(*(wsb_rpc_framing *)*state);
    wsb__rpc_scratch *scratch;
    wsb__rpc_goal goal = {.serves = true, .timeout_ns = AGES};
    assert_int_equal(wsb_rpc_channel_notify(c.far, wsb_cstr("m"), wsb_bytes_of(NULL, 0), 0, NULL),
                     WSB_OK);
    wsb_rpc_channel_close(c.far);
    assert_int_equal(wsb__rpc_enter(c.near, &scratch), WSB_OK);
    goal.began = wsb__ticks() + 1000 * wsb__ticks_per_ms;
    assert_int_equal(wsb__rpc_wait(c.near, scratch, &goal, NULL), WSB_ERROR_CLOSED);
    wsb__rpc_leave(c.near, scratch);
    finish(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {BOTH(it_began_on_another_processor)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
