/* Both sides attached to one executor, calls from many threads, and the end in the middle of it;
 * on plain channels and on those that check their frames. */
/* wsb-test: pure */
#include "rpc_test.h"

#include <sched.h>
#include <stdatomic.h>

enum { THREADS = 6, MADE = 20 };

typedef struct attached {
    conversation c;
    wsb_executor *executor;
} attached;

static const char *channel_type; /* of the tests that run now */

static attached begin_attached(wsb_rpc_framing framing)
{
    attached a = {.c = {.framing = framing}};
    wsb_rpc_options options = WSB_RPC_OPTIONS_INIT;
    wsb_executor_options executor = WSB_EXECUTOR_OPTIONS_INIT;
    wsb_channel_factory *factory = NULL;
    options.framing = framing;
    executor.workers = 2;
    assert_int_equal(wsb_executor_create(&executor, &a.executor, NULL), WSB_OK);
    assert_int_equal(wsb_channel_factory_create(&factory, NULL), WSB_OK);
    assert_int_equal(wsb_channel_factory_create_channel(factory, wsb_cstr(channel_type), NULL,
                                                        &a.c.near_end, &a.c.far_end, NULL),
                     WSB_OK);
    wsb_channel_factory_destroy(factory);
    assert_int_equal(wsb_rpc_channel_create(a.c.near_end, &options, &a.c.near, NULL), WSB_OK);
    assert_int_equal(wsb_rpc_channel_create(a.c.far_end, &options, &a.c.far, NULL), WSB_OK);
    offer(a.c.near, "echo", echo, NULL);
    offer(a.c.far, "echo", echo, NULL);
    assert_int_equal(wsb_rpc_channel_attach(a.c.near, a.executor, NULL), WSB_OK);
    assert_int_equal(wsb_rpc_channel_attach(a.c.far, a.executor, NULL), WSB_OK);
    return a;
}

static void finish_attached(attached *a)
{
    finish(&a->c);
    wsb_executor_destroy(a->executor);
}

typedef struct caller {
    wsb_rpc_channel *rpc;
    unsigned number;
    wsb_future *futures[MADE];
    _Atomic unsigned *ready; /* how many have made their calls */
    unsigned succeeded;
    unsigned wrong;
} caller;

static bool may_be(wsb_status status)
{
    return status == WSB_OK || status == WSB_ERROR_CLOSED || status == WSB_ERROR_CANCELLED ||
           status == WSB_ERROR_TIMEOUT;
}

static wsb_status take(caller *self, wsb_future *future)
{
    wsb_buf data = WSB_BUF_INIT;
    if (!wsb_future_wait(future, AGES))
        abort();
    wsb_status status = wsb_future_take_data(future, &data, NULL);
    self->wrong += !may_be(status);
    self->succeeded += status == WSB_OK;
    wsb_buf_fini(&data);
    wsb_future_destroy(future);
    return status;
}

/* One call of each kind; the status of the one that waits. */
static wsb_status call_each_way(caller *self, unsigned round)
{
    const wsb_bytes none = {NULL, 0};
    wsb_future *future = NULL;
    wsb_buf result = WSB_BUF_INIT;
    if (wsb_rpc_channel_call_async(self->rpc, wsb_cstr("echo"), none,
                                   round % 7 == 0 ? 1000 : FOREVER, &future, NULL) == WSB_OK) {
        if (round % 5 == 0)
            wsb_future_cancel(future);
        if (round % 3 == 0)
            wsb_future_destroy(future);
        else
            take(self, future);
    }
    wsb_status status =
        wsb_rpc_channel_call(self->rpc, wsb_cstr("echo"), none, FOREVER, &result, NULL);
    wsb_buf_fini(&result);
    self->wrong += !may_be(status);
    return status;
}

static void *call_until_closed(void *argument)
{
    caller *self = argument;
    unsigned round = self->number;
    while (call_each_way(self, round) == WSB_OK)
        round++;
    return NULL;
}

static void closed_by_either_side(void **state)
{
    for (int round = 0; round < 8; round++) {
        attached a = begin_attached(*(wsb_rpc_framing *)*state);
        caller callers[THREADS];
        pthread_t threads[THREADS];
        for (unsigned i = 0; i < THREADS; i++) {
            callers[i] = (caller){.rpc = i % 2 ? a.c.near : a.c.far, .number = i};
            threads[i] = start(call_until_closed, &callers[i]);
        }
        while (stats_of(a.c.far).requests < 30 || stats_of(a.c.near).requests < 30)
            sched_yield();
        wsb_rpc_channel_close(round % 2 ? a.c.near : a.c.far);
        if (round % 4 > 1)
            wsb_rpc_channel_close(round % 2 ? a.c.far : a.c.near);
        for (unsigned i = 0; i < THREADS; i++) {
            join(threads[i]);
            assert_int_equal(callers[i].wrong, 0);
        }
        assert_int_equal(stats_of(a.c.near).malformed + stats_of(a.c.far).malformed, 0);
        finish_attached(&a);
    }
}

/* Makes its calls, and cancels and awaits them when the sides may be gone. */
static void *make_then_take(void *argument)
{
    caller *self = argument;
    for (unsigned i = 0; i < MADE; i++)
        self->wrong +=
            wsb_rpc_channel_call_async(self->rpc, wsb_cstr("echo"), wsb_bytes_of(NULL, 0), FOREVER,
                                       &self->futures[i], NULL) != WSB_OK;
    atomic_fetch_add(self->ready, 1);
    if (self->wrong > 0)
        return NULL;
    for (unsigned i = self->number % 3; i < MADE; i += 3)
        wsb_future_cancel(self->futures[i]);
    for (unsigned i = 0; i < MADE; i++)
        take(self, self->futures[i]);
    return NULL;
}

static void *destroy_side(void *rpc)
{
    wsb_rpc_channel_destroy(rpc);
    return NULL;
}

static void both_sides_are_destroyed_at_once(void **state)
{
    for (int round = 0; round < 15; round++) {
        attached a = begin_attached(*(wsb_rpc_framing *)*state);
        _Atomic unsigned ready = 0;
        caller callers[THREADS];
        pthread_t threads[THREADS];
        for (unsigned i = 0; i < THREADS; i++) {
            callers[i] = (caller){.rpc = i % 2 ? a.c.near : a.c.far, .number = i, .ready = &ready};
            threads[i] = start(make_then_take, &callers[i]);
        }
        while (ready < THREADS)
            sched_yield();
        pthread_t near = start(destroy_side, a.c.near);
        pthread_t far = start(destroy_side, a.c.far);
        a.c.near = a.c.far = NULL;
        if (round % 2) { /* the sides have references to what they stand on */
            wsb_executor_destroy(a.executor);
            a.executor = NULL;
        }
        join(near);
        join(far);
        for (unsigned i = 0; i < THREADS; i++) {
            join(threads[i]);
            assert_int_equal(callers[i].wrong, 0);
        }
        finish_attached(&a);
    }
}

/* --- a channel that checks --- */

typedef struct speaker {
    wsb_channel *end;
    wsb_bytes frame;
    wsb_status expected;
    unsigned wrong;
} speaker;

enum { SPOKEN = 300 };

static void *speak(void *argument)
{
    speaker *self = argument;
    for (unsigned i = 0; i < SPOKEN; i++)
        self->wrong += wsb_channel_send(self->end, self->frame, FOREVER, NULL) != self->expected;
    return NULL;
}

/* Frames and what is none, from many threads: the other end gets frames only. */
static void only_frames_come_through(void **state)
{
    static const char request[] = "{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":1}";
    wsb_channel_factory *factory = NULL;
    wsb_channel *near = NULL;
    wsb_channel *far = NULL;
    wsb_buf message = WSB_BUF_INIT;
    wsb_channel_options options = WSB_CHANNEL_OPTIONS_INIT;
    const wsb_bytes frame = wsb_bytes_of(request, sizeof request - 1);
    (void)state;
    options.capacity = 256;
    assert_int_equal(wsb_channel_factory_create(&factory, NULL), WSB_OK);
    assert_int_equal(
        wsb_channel_factory_create_channel(factory, wsb_cstr("rpc"), &options, &near, &far, NULL),
        WSB_OK);
    wsb_channel_factory_destroy(factory);
    speaker speakers[] = {
        {near, frame, WSB_OK, 0},
        {near, wsb_bytes_of(request, sizeof request - 2), WSB_ERROR_MALFORMED, 0},
        {near, frame, WSB_OK, 0},
        {near, wsb_bytes_of("\x94\x05", 2), WSB_ERROR_MALFORMED, 0},
    };
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        threads[i] = start(speak, &speakers[i]);
    for (int i = 0; i < 2 * SPOKEN; i++) {
        assert_int_equal(wsb_channel_receive(far, &message, AGES, NULL), WSB_OK);
        assert_int_equal(message.len, frame.len);
        assert_memory_equal(message.data, frame.data, frame.len);
    }
    for (int i = 0; i < 4; i++) {
        join(threads[i]);
        assert_int_equal(speakers[i].wrong, 0);
    }
    assert_int_equal(wsb_channel_receive(far, &message, 0, NULL), WSB_ERROR_WOULD_BLOCK);
    wsb_buf_fini(&message);
    wsb_channel_destroy(near);
    wsb_channel_destroy(far);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(closed_by_either_side),
        BOTH(both_sides_are_destroyed_at_once),
        cmocka_unit_test(only_frames_come_through),
    };
    channel_type = "memory";
    int failed = cmocka_run_group_tests_name("memory", tests, NULL, NULL);
    channel_type = "rpc";
    return failed + cmocka_run_group_tests_name("checked", tests, NULL, NULL);
}
