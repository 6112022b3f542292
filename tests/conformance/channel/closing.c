/* Closing, from either end, while others wait. */
#include "conformance.h"

static void test_what_was_sent_can_be_received(void **state)
{
    (void)state;
    ends pair = open_ends(0, 0);
    assert_int_equal(lane_send(pair.a, LANE_MESSAGES, 1, 100, 0), WSB_OK);
    assert_int_equal(lane_send(pair.a, LANE_RESULTS, 2, 1000, 0), WSB_OK);
    wsb_channel_close(pair.a);
    wsb_channel_close(pair.a);
    expect_number(pair.b, LANE_MESSAGES, 1);
    expect_number(pair.b, LANE_RESULTS, 2);
    wsb_buf message = WSB_BUF_INIT;
    for (channel_lane lane = LANE_MESSAGES; lane <= LANE_RESULTS; lane++) {
        assert_int_equal(lane_receive(pair.b, lane, &message, LONG_ENOUGH), WSB_ERROR_CLOSED);
        assert_int_equal(lane_send(pair.b, lane, 3, 10, LONG_ENOUGH), WSB_ERROR_CLOSED);
        assert_int_equal(lane_receive(pair.a, lane, &message, FOREVER), WSB_ERROR_CLOSED);
        assert_int_equal(lane_send(pair.a, lane, 3, 10, FOREVER), WSB_ERROR_CLOSED);
    }
    wsb_buf_fini(&message);
    drop_ends(&pair);
}

static void test_the_last_reference_closes(void **state)
{
    (void)state;
    ends pair = open_ends(0, 0);
    wsb_channel *more = wsb_channel_ref(pair.a);
    assert_int_equal(lane_send(pair.a, LANE_MESSAGES, 1, 5000, 0), WSB_OK);
    wsb_channel_destroy(pair.a);
    assert_int_equal(lane_send(pair.b, LANE_MESSAGES, 2, 100, 0), WSB_OK);
    expect_number(more, LANE_MESSAGES, 2);
    wsb_channel_destroy(more);
    expect_number(pair.b, LANE_MESSAGES, 1);
    wsb_buf message = WSB_BUF_INIT;
    assert_int_equal(lane_receive(pair.b, LANE_MESSAGES, &message, LONG_ENOUGH), WSB_ERROR_CLOSED);
    wsb_channel_destroy(pair.b);
}

static void test_unread_messages_are_released(void **state)
{
    (void)state;
    ends pair = open_ends(0, 0);
    for (uint64_t i = 0; i < 40; i++) {
        assert_int_equal(lane_send(pair.a, LANE_MESSAGES, i, 50 * i, LONG_ENOUGH), WSB_OK);
        assert_int_equal(lane_send(pair.b, LANE_RESULTS, i, 50 * i, LONG_ENOUGH), WSB_OK);
    }
    wsb_channel_close(pair.b);
    drop_ends(&pair);
}

typedef struct blocked {
    wsb_channel *end; /* a reference of its own */
    channel_lane lane;
    bool sends;
    wsb_status status;
} blocked;

static void *block(void *argument)
{
    blocked *self = argument;
    wsb_buf message = WSB_BUF_INIT;
    do {
        self->status = self->sends ? lane_send(self->end, self->lane, 1, 1000, FOREVER)
                                   : lane_receive(self->end, self->lane, &message, FOREVER);
    } while (self->status == WSB_OK);
    wsb_buf_fini(&message);
    wsb_channel_destroy(self->end);
    return NULL;
}

enum { EACH = 2, BLOCKED = 4 * EACH };

/* Threads that send and receive at `end`, on both lanes, and cannot go on. */
static void start_blocked(wsb_channel *end, blocked selves[BLOCKED], pthread_t threads[BLOCKED])
{
    fill_lane(end, LANE_MESSAGES, 1000);
    fill_lane(end, LANE_RESULTS, 1000);
    for (int i = 0; i < BLOCKED; i++) {
        selves[i] = (blocked){wsb_channel_ref(end), i % 2 ? LANE_RESULTS : LANE_MESSAGES,
                              i / 2 % 2 != 0, WSB_OK};
        threads[i] = start(block, &selves[i]);
    }
}

static void join_closed(blocked selves[BLOCKED], pthread_t threads[BLOCKED])
{
    for (int i = 0; i < BLOCKED; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(selves[i].status, WSB_ERROR_CLOSED);
    }
}

static void test_those_who_wait_are_let_go(void **state)
{
    (void)state;
    blocked selves[BLOCKED];
    pthread_t threads[BLOCKED];
    for (int other = 0; other < 2; other++) {
        ends pair = open_ends(4000, 0);
        start_blocked(pair.a, selves, threads);
        wsb_channel_close(other ? pair.b : pair.a);
        join_closed(selves, threads);
        drop_ends(&pair);
    }
}

/* Whoever waits has a reference, so the end lives as long as the wait. */
static void test_the_peer_goes_while_others_wait(void **state)
{
    (void)state;
    blocked selves[BLOCKED];
    pthread_t threads[BLOCKED];
    ends pair = open_ends(4000, 0);
    start_blocked(pair.a, selves, threads);
    wsb_channel_destroy(pair.a);
    wsb_channel_destroy(pair.b);
    join_closed(selves, threads);
}

static void *close_it(void *argument)
{
    wsb_channel *end = argument;
    wsb_channel_close(end);
    wsb_channel_destroy(end);
    return NULL;
}

static void test_many_close_at_once(void **state)
{
    (void)state;
    enum { CLOSERS = 4, ROUNDS = 10 };
    for (int round = 0; round < ROUNDS; round++) {
        blocked selves[BLOCKED];
        pthread_t threads[BLOCKED], closers[CLOSERS];
        ends pair = open_ends(4000, 0);
        start_blocked(pair.a, selves, threads);
        for (int i = 0; i < CLOSERS; i++)
            closers[i] = start(close_it, wsb_channel_ref(i % 2 ? pair.a : pair.b));
        join_closed(selves, threads);
        for (int i = 0; i < CLOSERS; i++)
            pthread_join(closers[i], NULL);
        drop_ends(&pair);
    }
}

int run_closing_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_sent_can_be_received),
        cmocka_unit_test(test_the_last_reference_closes),
        cmocka_unit_test(test_unread_messages_are_released),
        cmocka_unit_test(test_those_who_wait_are_let_go),
        cmocka_unit_test(test_the_peer_goes_while_others_wait),
        cmocka_unit_test(test_many_close_at_once),
    };
    return cmocka_run_group_tests_name("closing", tests, NULL, NULL);
}
