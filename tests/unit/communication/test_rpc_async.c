/* Attached to an executor: calls as futures, and requests served in the background. */
/* wsb-test: pure */
#include "rpc_test.h"

#include <sched.h>
#include <stdatomic.h>

static wsb_executor *make_executor(void)
{
    wsb_executor_options options = WSB_EXECUTOR_OPTIONS_INIT;
    wsb_executor *executor = NULL;
    options.workers = 2;
    assert_int_equal(wsb_executor_create(&options, &executor, NULL), WSB_OK);
    return executor;
}

static wsb_future *call_async(wsb_rpc_channel *rpc, const char *method, uint64_t timeout)
{
    wsb_future *future = NULL;
    assert_int_equal(wsb_rpc_channel_call_async(rpc, wsb_cstr(method), wsb_bytes_of(NULL, 0),
                                                timeout, &future, NULL),
                     WSB_OK);
    return future;
}

static void assert_ends(wsb_future *future, wsb_status status)
{
    wsb_buf data = WSB_BUF_INIT;
    assert_true(wsb_future_wait(future, AGES));
    assert_int_equal(wsb_future_take_data(future, &data, NULL), status);
    wsb_buf_fini(&data);
    wsb_future_destroy(future);
}

static void both_sides_in_the_background(void **state)
{
    conversation c = begin(*(wsb_rpc_framing *)*state);
    wsb_executor *executor = make_executor();
    offer(c.far, "echo", echo, NULL);
    assert_int_equal(wsb_rpc_channel_attach(c.near, executor, NULL), WSB_OK);
    assert_int_equal(wsb_rpc_channel_attach(c.far, executor, NULL), WSB_OK);
    assert_int_equal(wsb_rpc_channel_attach(c.far, executor, NULL), WSB_ERROR_ALREADY_EXISTS);
    wsb_future *futures[100];
    for (int i = 0; i < 100; i++)
        futures[i] = call_async(c.near, i % 10 ? "echo" : "nothing", AGES);
    for (int i = 0; i < 100; i++)
        assert_ends(futures[i], i % 10 ? WSB_OK : WSB_ERROR_REMOTE);
    for (int i = 0; i < 50; i++)
        assert_call(c.near, c.framing, "echo", "[1]", "[1]");
    finish(&c);
    wsb_executor_destroy(executor);
}

static void no_executor(void **state)
{
    conversation c = begin_raw(*(wsb_rpc_framing *)*state, NULL, NULL);
    wsb_future *future = NULL;
    assert_int_equal(
        wsb_rpc_channel_call_async(c.near, wsb_cstr("m"), wsb_bytes_of(NULL, 0), 0, &future, NULL),
        WSB_ERROR_INVALID_ARGUMENT);
    finish(&c);
}

static void timeouts_and_cancelling(void **state)
{
    conversation c = begin_raw(*(wsb_rpc_framing *)*state, NULL, NULL);
    wsb_executor *executor = make_executor();
    assert_int_equal(wsb_rpc_channel_attach(c.near, executor, NULL), WSB_OK);
    wsb_future *late = call_async(c.near, "m", 1000000);
    wsb_future *cancelled = call_async(c.near, "m", FOREVER);
    wsb_future *closed = call_async(c.near, "m", FOREVER);
    wsb_future *dropped = call_async(c.near, "m", FOREVER);
    wsb_future_destroy(dropped);
    assert_ends(late, WSB_ERROR_TIMEOUT);
    wsb_future_cancel(cancelled);
    assert_ends(cancelled, WSB_ERROR_CANCELLED);
    assert_int_equal(stats_of(c.near).calls_timed_out, 1);
    assert_int_equal(stats_of(c.near).outstanding, 2);
    wsb_rpc_channel_destroy(c.near);
    c.near = NULL;
    wsb_future_cancel(closed); /* the other is gone, the future is not */
    assert_ends(closed, WSB_ERROR_CLOSED);
    finish(&c);
    wsb_executor_destroy(executor);
}

static void no_room(void **state)
{
    wsb_channel_options small = WSB_CHANNEL_OPTIONS_INIT;
    small.capacity = 256;
    conversation c = begin_raw(*(wsb_rpc_framing *)*state, NULL, &small);
    wsb_rpc_options options = WSB_RPC_OPTIONS_INIT;
    options.framing = c.framing;
    assert_int_equal(wsb_rpc_channel_create(c.far_end, &options, &c.far, NULL), WSB_OK);
    wsb_executor *executor = make_executor();
    offer(c.far, "echo", echo, NULL);
    assert_int_equal(wsb_rpc_channel_attach(c.near, executor, NULL), WSB_OK);
    wsb_future *futures[200];
    for (int i = 0; i < 200; i++)
        futures[i] = call_async(c.near, "echo", AGES);
    /* Of those that wait for room, some are given up. */
    for (int i = 100; i < 200; i += 7)
        wsb_future_cancel(futures[i]);
    pthread_t far = start(serve_thread, c.far);
    for (int i = 0; i < 200; i++)
        assert_ends(futures[i], i >= 100 && (i - 100) % 7 == 0 ? WSB_ERROR_CANCELLED : WSB_OK);
    wsb_rpc_channel_close(c.near);
    join(far);
    finish(&c);
    wsb_executor_destroy(executor);
}

typedef struct gate {
    _Atomic int entered;
    _Atomic bool open;
} gate;

static wsb_status wait_at_gate(wsb_rpc_request *request, wsb_buf *io_result, void *user_data)
{
    gate *self = user_data;
    (void)request;
    (void)io_result;
    self->entered++;
    while (!self->open)
        sched_yield();
    return WSB_OK;
}

static void busy(void **state)
{
    wsb_rpc_options options = WSB_RPC_OPTIONS_INIT;
    options.max_outstanding = 2;
    conversation c = begin_raw(*(wsb_rpc_framing *)*state, &options, NULL);
    options = (wsb_rpc_options)WSB_RPC_OPTIONS_INIT;
    options.framing = c.framing;
    assert_int_equal(wsb_rpc_channel_create(c.far_end, &options, &c.far, NULL), WSB_OK);
    wsb_executor *executor = make_executor();
    gate at = {0, false};
    offer(c.near, "wait", wait_at_gate, &at);
    assert_int_equal(wsb_rpc_channel_attach(c.near, executor, NULL), WSB_OK);
    assert_int_equal(wsb_rpc_channel_attach(c.far, executor, NULL), WSB_OK);
    wsb_future *first = call_async(c.far, "wait", AGES);
    wsb_future *second = call_async(c.far, "wait", AGES);
    while (at.entered < 2)
        sched_yield();
    wsb_buf result = WSB_BUF_INIT;
    wsb_error *error = NULL;
    assert_int_equal(
        wsb_rpc_channel_call(c.far, wsb_cstr("wait"), wsb_bytes_of(NULL, 0), AGES, &result, &error),
        WSB_ERROR_REMOTE);
    assert_int_equal(wsb_error_code(error), WSB_RPC_SERVER_BUSY);
    wsb_error_destroy(error);
    at.open = true;
    assert_ends(first, WSB_OK);
    assert_ends(second, WSB_OK);
    finish(&c);
    wsb_executor_destroy(executor);
}

static void count_end(wsb_future *future, void *user_data)
{
    assert_true(wsb_future_poll(future));
    atomic_fetch_add((_Atomic int *)user_data, 1);
    wsb_future_destroy(future);
}

static void destroyed_in_the_middle(void **state)
{
    for (int round = 0; round < 20; round++) {
        conversation c = begin(*(wsb_rpc_framing *)*state);
        wsb_executor *executor = make_executor();
        _Atomic int ended = 0;
        offer(c.far, "echo", echo, NULL);
        assert_int_equal(wsb_rpc_channel_attach(c.near, executor, NULL), WSB_OK);
        assert_int_equal(wsb_rpc_channel_attach(c.far, executor, NULL), WSB_OK);
        for (int i = 0; i < 50; i++)
            assert_int_equal(
                wsb_future_on_done(call_async(c.near, "echo", AGES), count_end, &ended, NULL),
                WSB_OK);
        finish(&c);
        assert_int_equal(ended, 50);
        wsb_executor_destroy(executor);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(both_sides_in_the_background),
        BOTH(no_executor),
        BOTH(timeouts_and_cancelling),
        BOTH(no_room),
        BOTH(busy),
        BOTH(destroyed_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
