/* Many threads on one conversation, both directions at once, and its end in the middle of it. */
/* wsb-test: pure */
#include "rpc_test.h"

#include <sched.h>
#include <stdatomic.h>

enum { THREADS = 4, CALLS = 200, GUESSED = 40 };

typedef struct caller {
    conversation *c;
    wsb_rpc_channel *rpc;
    unsigned number;
    unsigned succeeded;
} caller;

static void *make_calls(void *argument)
{
    caller *self = argument;
    for (unsigned i = 0; i < CALLS; i++) {
        char params[32];
        snprintf(params, sizeof params, "[%u, %u]", self->number, i);
        assert_call(self->rpc, self->c->framing, "echo", params, params);
        self->succeeded++;
    }
    return NULL;
}

static void both_directions_at_once(void **state)
{
    conversation c = begin(*(wsb_rpc_framing *)*state);
    caller callers[2 * THREADS];
    pthread_t threads[2 * THREADS];
    offer(c.near, "echo", echo, NULL);
    offer(c.far, "echo", echo, NULL);
    pthread_t near = start(serve_thread, c.near);
    pthread_t far = start(serve_thread, c.far);
    for (unsigned i = 0; i < 2 * THREADS; i++) {
        callers[i] = (caller){&c, i % 2 ? c.near : c.far, i, 0};
        threads[i] = start(make_calls, &callers[i]);
    }
    for (unsigned i = 0; i < 2 * THREADS; i++) {
        join(threads[i]);
        assert_int_equal(callers[i].succeeded, CALLS);
    }
    wsb_rpc_stats stats = stats_of(c.near);
    assert_int_equal(stats.calls, THREADS * CALLS);
    assert_int_equal(stats.calls_failed + stats.unknown_ids + stats.malformed, 0);
    wsb_rpc_channel_close(c.near);
    join(near);
    join(far);
    finish(&c);
}

/* Without a thread that serves: those that wait do it for each other. */
static void callers_serve_each_other(void **state)
{
    conversation c = begin(*(wsb_rpc_framing *)*state);
    offer(c.near, "echo", echo, NULL);
    offer(c.far, "echo", echo, NULL);
    pthread_t far = start(serve_thread, c.far);
    caller near[3] = {{&c, c.near, 0, 0}, {&c, c.near, 1, 0}, {&c, c.far, 2, 0}};
    pthread_t threads[3];
    /* The far caller is served by the near ones, and by this thread when they are done. */
    for (unsigned i = 0; i < 3; i++)
        threads[i] = start(make_calls, &near[i]);
    pthread_t rest = start(serve_thread, c.near);
    for (unsigned i = 0; i < 3; i++)
        join(threads[i]);
    wsb_rpc_channel_close(c.far);
    join(rest);
    join(far);
    finish(&c);
}

static void *call_until_closed(void *argument)
{
    caller *self = argument;
    wsb_status status;
    do {
        wsb_buf result = WSB_BUF_INIT;
        status = wsb_rpc_channel_call(self->rpc, wsb_cstr("echo"), wsb_bytes_of(NULL, 0), FOREVER,
                                      &result, NULL);
        wsb_buf_fini(&result);
        self->succeeded += status == WSB_OK;
    } while (status == WSB_OK);
    assert_int_equal(status, WSB_ERROR_CLOSED);
    return NULL;
}

static void closed_in_the_middle(void **state)
{
    for (int round = 0; round < 10; round++) {
        conversation c = begin(*(wsb_rpc_framing *)*state);
        caller callers[THREADS];
        pthread_t threads[THREADS];
        offer(c.far, "echo", echo, NULL);
        pthread_t far = start(serve_thread, c.far);
        for (unsigned i = 0; i < THREADS; i++) {
            callers[i] = (caller){&c, c.near, i, 0};
            threads[i] = start(call_until_closed, &callers[i]);
        }
        while (stats_of(c.far).requests < 20)
            sched_yield();
        wsb_rpc_channel_close(round % 2 ? c.near : c.far);
        for (unsigned i = 0; i < THREADS; i++)
            join(threads[i]);
        join(far);
        finish(&c);
    }
}

static void *call_for_ever(void *argument)
{
    wsb_buf result = WSB_BUF_INIT;
    assert_int_equal(wsb_rpc_channel_call(argument, wsb_cstr("m"), wsb_bytes_of(NULL, 0), FOREVER,
                                          &result, NULL),
                     WSB_ERROR_CLOSED);
    return NULL;
}

static void destroyed_while_others_wait(void **state)
{
    conversation c = begin_raw(*(wsb_rpc_framing *)*state, NULL, NULL);
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        threads[i] = start(call_for_ever, c.near);
    while (stats_of(c.near).outstanding < THREADS)
        sched_yield();
    wsb_rpc_channel_destroy(c.near);
    c.near = NULL;
    for (unsigned i = 0; i < THREADS; i++)
        join(threads[i]);
    finish(&c);
}

typedef struct gate {
    _Atomic bool entered;
    _Atomic bool open;
} gate;

static wsb_status wait_at_gate(wsb_rpc_request *request, wsb_buf *io_result, void *user_data)
{
    gate *self = user_data;
    (void)request;
    (void)io_result;
    self->entered = true;
    while (!self->open)
        sched_yield();
    return WSB_OK;
}

/* A method holds the thread that reads; the others go on. */
static void a_method_that_takes_long(void **state)
{
    conversation c = begin(*(wsb_rpc_framing *)*state);
    gate at = {false, false};
    offer(c.far, "wait", wait_at_gate, &at);
    offer(c.far, "echo", echo, NULL);
    pthread_t servers[2] = {start(serve_thread, c.far), start(serve_thread, c.far)};
    assert_int_equal(
        wsb_rpc_channel_notify(c.near, wsb_cstr("wait"), wsb_bytes_of(NULL, 0), AGES, NULL),
        WSB_OK);
    while (!at.entered)
        sched_yield();
    for (int i = 0; i < 20; i++)
        assert_call(c.near, c.framing, "echo", "[7]", "[7]");
    at.open = true;
    wsb_rpc_channel_close(c.near);
    join(servers[0]);
    join(servers[1]);
    finish(&c);
}

/* Both lanes are so small that senders wait for room all the time. */
static void narrow_channel(void **state)
{
    wsb_channel_options small = WSB_CHANNEL_OPTIONS_INIT;
    small.capacity = 128;
    small.max_messages = 16;
    conversation c = begin_raw(*(wsb_rpc_framing *)*state, NULL, &small);
    wsb_rpc_options options = WSB_RPC_OPTIONS_INIT;
    options.framing = c.framing;
    assert_int_equal(wsb_rpc_channel_create(c.far_end, &options, &c.far, NULL), WSB_OK);
    offer(c.near, "echo", echo, NULL);
    offer(c.far, "echo", echo, NULL);
    pthread_t near = start(serve_thread, c.near);
    pthread_t far = start(serve_thread, c.far);
    caller callers[2 * THREADS];
    pthread_t threads[2 * THREADS];
    for (unsigned i = 0; i < 2 * THREADS; i++) {
        callers[i] = (caller){&c, i % 2 ? c.near : c.far, i, 0};
        threads[i] = start(make_calls, &callers[i]);
    }
    for (unsigned i = 0; i < 2 * THREADS; i++)
        join(threads[i]);
    wsb_rpc_channel_close(c.near);
    join(near);
    join(far);
    finish(&c);
}

/* Answers all ids there will be, again and again, and reads what is asked. */
static void *guess_ids(void *argument)
{
    conversation *c = argument;
    wsb_buf message = WSB_BUF_INIT;
    wsb_status status = WSB_OK;
    for (unsigned i = 0; status == WSB_OK || status == WSB_ERROR_WOULD_BLOCK; i++) {
        char json[64];
        snprintf(json, sizeof json,
                 c->framing == WSB_RPC_JSON ? "{\"jsonrpc\":\"2.0\",\"result\":5,\"id\":%u}"
                                            : "[1,%u,null,5]",
                 1 + i % (2 * GUESSED));
        wsb_buf frame = encode(c->framing, json);
        status = wsb_channel_send_result(c->far_end, view(&frame), 0, NULL);
        wsb_buf_fini(&frame);
        if (status == WSB_OK || status == WSB_ERROR_WOULD_BLOCK)
            status = wsb_channel_receive(c->far_end, &message, 0, NULL);
    }
    wsb_buf_fini(&message);
    return NULL;
}

/* The other side knows the ids, and may answer a call whose parameters are still being looked at:
 * that one has its result, and one that is refused is refused. */
static void answered_before_it_is_asked(void **state)
{
    enum { ELEMENTS = 50000 };
    static char json[2 * ELEMENTS + 2];
    conversation c = begin_raw(*(wsb_rpc_framing *)*state, NULL, NULL);
    for (size_t i = 0; i < ELEMENTS; i++)
        memcpy(json + 2 * i, i == 0 ? "[0" : ",0", 2);
    json[2 * ELEMENTS] = ']';
    wsb_buf params = encode(c.framing, json);
    pthread_t near = start(serve_thread, c.near);
    pthread_t far = start(guess_ids, &c);
    for (unsigned i = 0; i < GUESSED; i++) {
        wsb_buf result = WSB_BUF_INIT;
        size_t cut = i % 2; /* the end is missing */
        wsb_status status =
            wsb_rpc_channel_call(c.near, wsb_cstr("m"), wsb_bytes_of(params.data, params.len - cut),
                                 AGES, &result, NULL);
        assert_int_equal(status, cut ? WSB_ERROR_MALFORMED : WSB_OK);
        if (!cut)
            assert_says(c.framing, view(&result), "5");
        wsb_buf_fini(&result);
    }
    wsb_rpc_channel_close(c.near);
    join(near);
    join(far);
    wsb_buf_fini(&params);
    finish(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(both_directions_at_once),     BOTH(callers_serve_each_other),
        BOTH(closed_in_the_middle),        BOTH(destroyed_while_others_wait),
        BOTH(a_method_that_takes_long),    BOTH(narrow_channel),
        BOTH(answered_before_it_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
