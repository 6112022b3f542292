/* Many guests that wait at channels in asynchronous calls: more than threads, where guests have
 * stacks of their own. */
#include "unit/host/channel_test.h"

enum { WORKERS = 2, THREADS = 8 };

typedef struct crowd {
    wsb_executor *executor;
    size_t count;
    fixture guests[64]; /* each with channels of its own; they share a runtime */
    wsb_future *futures[64];
} crowd;

static int make_crowd(void **state)
{
    crowd *c = calloc(1, sizeof *c);
    assert_non_null(c);
    wsb_executor_options options = WSB_EXECUTOR_OPTIONS_INIT;
    wsb_runtime_options runtime_options = WSB_RUNTIME_OPTIONS_INIT;
    wsb_runtime *runtime;
    bool fibers = test_mode != WSB_EXECUTION_DIRECT &&
                  (test_features_of(test_engine()) & WSB_ENGINE_FIBERS) != 0;
    c->count = fibers ? 64 : THREADS - 1;
    options.workers = WORKERS;
    options.max_threads = fibers ? WORKERS : THREADS;
    runtime_options.max_fibers = fibers ? 100 : 0;
    MUST(wsb_executor_create(&options, &c->executor, err));
    MUST(wsb_runtime_create(test_engine(), &runtime_options, &runtime, err));
    for (size_t i = 0; i < c->count; i++) {
        fixture *f = &c->guests[i];
        f->runtime = runtime;
        MUST(wsb_memory_channel_create(CAPACITY, &f->host, &f->guest, err));
        MUST(wsb_memory_channel_create(CAPACITY, &f->host_log, &f->guest_log, err));
        f->instance = make_instance(f, WSB_UNLIMITED);
        assert_int_equal(open_named(f, "jobs"), 0);
    }
    *state = c;
    return 0;
}

static int drop_crowd(void **state)
{
    crowd *c = *state;
    wsb_runtime *runtime = c->guests[0].runtime;
    for (size_t i = 0; i < c->count; i++) {
        fixture *f = &c->guests[i];
        wsb_future_destroy(c->futures[i]);
        wsb_instance_destroy(f->instance);
        wsb_channel_destroy(f->host);
        wsb_channel_destroy(f->guest);
        wsb_channel_destroy(f->host_log);
        wsb_channel_destroy(f->guest_log);
    }
    wsb_runtime_destroy(runtime);
    wsb_executor_destroy(c->executor);
    free(c);
    return 0;
}

static void start(crowd *c)
{
    wsb_async_options options = WSB_ASYNC_OPTIONS_INIT;
    options.executor = c->executor;
    for (size_t i = 0; i < c->count; i++) {
        wsb_value channel = wsb_value_i32(0);
        MUST(wsb_function_call_async(function_of(c->guests[i].instance, "echo"), &channel, 1,
                                     &options, &c->futures[i], err));
    }
}

static void expect_end(crowd *c, size_t i, wsb_status expected)
{
    wsb_value result;
    assert_true(wsb_future_wait(c->futures[i], UINT64_MAX));
    assert_int_equal(wsb_future_take_values(c->futures[i], &result, 1, NULL), expected);
    if (expected == WSB_OK)
        assert_int_equal(result.of.i32, CLOSED);
}

static void test_all_are_answered(void **state)
{
    crowd *c = *state;
    start(c);
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < c->count; i++)
            host_send(c->guests[i].host, "ping");
        for (size_t i = c->count; i > 0; i--)
            host_expect(c->guests[i - 1].host, RESULTS, "ping");
    }
    for (size_t i = 0; i < c->count; i++)
        wsb_channel_close(c->guests[i].host);
    for (size_t i = 0; i < c->count; i++)
        expect_end(c, i, WSB_OK);
}

static void test_some_are_cancelled(void **state)
{
    crowd *c = *state;
    start(c);
    for (size_t i = 0; i < c->count; i++) {
        host_send(c->guests[i].host, "ping");
        host_expect(c->guests[i].host, RESULTS, "ping");
    }
    for (size_t i = 0; i < c->count; i += 2)
        wsb_future_cancel(c->futures[i]);
    for (size_t i = 0; i < c->count; i += 2)
        expect_end(c, i, WSB_ERROR_CANCELLED);
    for (size_t i = 1; i < c->count; i += 2) {
        host_send(c->guests[i].host, "pong");
        host_expect(c->guests[i].host, RESULTS, "pong");
        wsb_channel_close(c->guests[i].host);
        expect_end(c, i, WSB_OK);
    }
    /* What the cancelled ones waited for was let go of. */
    host_send(c->guests[0].host, "late");
    host_expect(c->guests[0].guest, MESSAGES, "late");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_are_answered, make_crowd, drop_crowd),
        cmocka_unit_test_setup_teardown(test_some_are_cancelled, make_crowd, drop_crowd),
    };
    return RUN_IN_BOTH_MODES(tests, NULL, NULL);
}
