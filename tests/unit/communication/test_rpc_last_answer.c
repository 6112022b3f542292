/* The other side answers and closes at once: the answer counts, whoever reads it. */
/* wsb-test: pure */
#include "rpc_test.h"

#include <sched.h>
#include <stdatomic.h>

#include "communication/memory_channel.h"
#include "runtime/ticks.h"

enum { ROUNDS = 10, PATIENCE_MS = 20 };

static wsb_channel *far_end;
static atomic_bool server_has_left;

static wsb_status answer_and_close(void *end, wsb_bytes message)
{
    static const char answer[] = "{\"jsonrpc\":\"2.0\",\"result\":5,\"id\":1}";
    wsb_status status = wsb__memory_send(end, message);
    assert_int_equal(
        wsb_channel_send_result(far_end, wsb_bytes_of(answer, sizeof answer - 1), 0, NULL), WSB_OK);
    wsb_channel_close(far_end);
    return status;
}

/* Whoever has an answer is slow: others see meanwhile that there will be no more. */
static wsb_status receive_slowly(void *end, wsb_buf *io_result)
{
    wsb_status status = wsb__memory_receive_result(end, io_result);
    uint64_t begin = wsb__monotonic_ns();
    while (status == WSB_OK && !server_has_left &&
           wsb__monotonic_ns() - begin < PATIENCE_MS * (uint64_t)1000000)
        sched_yield();
    return status;
}

static void *serve_and_leave(void *rpc)
{
    assert_int_equal(wsb_rpc_channel_serve(rpc, FOREVER, NULL), WSB_OK);
    server_has_left = true;
    return NULL;
}

static void the_last_answer_is_not_lost(void **state)
{
    static wsb_channel_ops ops;
    (void)state;
    ops = wsb__memory_channel_ops;
    ops.send = answer_and_close;
    ops.receive_result = receive_slowly;
    for (int i = 0; i < ROUNDS; i++) {
        wsb_channel *near_end;
        wsb_rpc_channel *rpc = NULL;
        wsb_buf result = WSB_BUF_INIT;
        server_has_left = false;
        assert_int_equal(wsb_channel_create(&ops, NULL, NULL, &near_end, &far_end, NULL), WSB_OK);
        assert_int_equal(wsb_rpc_channel_create(near_end, NULL, &rpc, NULL), WSB_OK);
        pthread_t server = start(serve_and_leave, rpc);
        assert_int_equal(
            wsb_rpc_channel_call(rpc, wsb_cstr("m"), wsb_bytes_of(NULL, 0), AGES, &result, NULL),
            WSB_OK);
        join(server);
        wsb_buf_fini(&result);
        wsb_rpc_channel_destroy(rpc);
        wsb_channel_destroy(near_end);
        wsb_channel_destroy(far_end);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_last_answer_is_not_lost)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
