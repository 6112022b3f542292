/* Waiting: with a timeout, with a waker, with a descriptor. */
#include "conformance.h"

#include <poll.h>
#include <time.h>

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 * MILLISECOND + (uint64_t)now.tv_nsec;
}

static void test_waits_as_long_as_it_was_told(void **state)
{
    (void)state;
    wsb_buf message = WSB_BUF_INIT;
    ends pair = open_ends(4000, 0);
    fill_lane(pair.a, LANE_MESSAGES, 1000);
    uint64_t start = now_ns();
    assert_int_equal(lane_receive(pair.a, LANE_MESSAGES, &message, 5 * MILLISECOND),
                     WSB_ERROR_TIMEOUT);
    assert_int_equal(lane_send(pair.a, LANE_MESSAGES, 1, 1000, 5 * MILLISECOND), WSB_ERROR_TIMEOUT);
    assert_int_equal(lane_receive(pair.a, LANE_RESULTS, &message, 1), WSB_ERROR_TIMEOUT);
    assert_true(now_ns() - start >= 10 * MILLISECOND);
    wsb_channel_stats stats = WSB_CHANNEL_STATS_INIT;
    wsb_channel_get_stats(pair.a, &stats);
    assert_true(stats.messages.receive_blocked_ns >= 5 * MILLISECOND);
    assert_true(stats.messages.send_blocked_ns >= 5 * MILLISECOND);
    assert_int_equal(stats.messages.refused, 2);
    drop_ends(&pair);
}

static void *send_later(void *argument)
{
    assert_int_equal(lane_send(argument, LANE_MESSAGES, 77, 100, FOREVER), WSB_OK);
    return NULL;
}

static void test_a_message_ends_a_wait(void **state)
{
    (void)state;
    ends pair = open_ends(0, 0);
    for (int i = 0; i < 50; i++) {
        pthread_t thread = start(send_later, pair.a);
        expect_number(pair.b, LANE_MESSAGES, 77);
        pthread_join(thread, NULL);
    }
    drop_ends(&pair);
}

static void test_room_ends_a_wait(void **state)
{
    (void)state;
    ends pair = open_ends(4000, 0);
    for (int i = 0; i < 50; i++) {
        uint64_t sent = fill_lane(pair.a, LANE_MESSAGES, 1000);
        pthread_t thread = start(send_later, pair.a);
        for (uint64_t n = 0; n < sent; n++)
            expect_number(pair.b, LANE_MESSAGES, n);
        expect_number(pair.b, LANE_MESSAGES, 77);
        pthread_join(thread, NULL);
    }
    drop_ends(&pair);
}

static void test_a_waker_is_woken_once(void **state)
{
    (void)state;
    for (channel_lane lane = LANE_MESSAGES; lane <= LANE_RESULTS; lane++) {
        test_waker waker;
        ends pair = open_ends(0, 0);
        make_waker(&waker);
        assert_int_equal(wsb_channel_wait(pair.b, receive_event(lane), waker.waker, NULL), WSB_OK);
        assert_false(was_woken(&waker));
        assert_int_equal(lane_send(pair.a, lane, 1, 100, 0), WSB_OK);
        expect_wake(&waker);
        assert_int_equal(lane_send(pair.a, lane, 2, 100, 0), WSB_OK);
        assert_false(was_woken(&waker));
        /* At once, where it has happened. */
        assert_int_equal(wsb_channel_wait(pair.b, receive_event(lane), waker.waker, NULL), WSB_OK);
        expect_wake(&waker);
        assert_int_equal(wsb_channel_wait(pair.b, send_event(lane), waker.waker, NULL), WSB_OK);
        expect_wake(&waker);
        expect_destroyed(&waker);
        drop_ends(&pair);
    }
}

static void test_a_waker_is_woken_by_room(void **state)
{
    (void)state;
    test_waker waker;
    ends pair = open_ends(4000, 0);
    uint64_t sent = fill_lane(pair.a, LANE_RESULTS, 1000);
    make_waker(&waker);
    assert_int_equal(wsb_channel_wait(pair.a, WSB_CHANNEL_CAN_SEND_RESULT, waker.waker, NULL),
                     WSB_OK);
    assert_false(was_woken(&waker));
    for (uint64_t i = 0; i < sent; i++)
        expect_number(pair.b, LANE_RESULTS, i);
    expect_wake(&waker);
    assert_int_equal(lane_send(pair.a, LANE_RESULTS, 1, 1000, 0), WSB_OK);
    expect_destroyed(&waker);
    drop_ends(&pair);
}

static void test_a_wait_can_be_taken_back(void **state)
{
    (void)state;
    test_waker waker;
    ends pair = open_ends(0, 0);
    make_waker(&waker);
    wsb_channel_unwait(pair.b, WSB_CHANNEL_CAN_RECEIVE, waker.waker);
    assert_int_equal(wsb_channel_wait(pair.b, WSB_CHANNEL_CAN_RECEIVE, waker.waker, NULL), WSB_OK);
    wsb_channel_unwait(pair.b, WSB_CHANNEL_CAN_RECEIVE, waker.waker);
    wsb_channel_unwait(pair.b, WSB_CHANNEL_CAN_RECEIVE, waker.waker);
    expect_destroyed(&waker);
    assert_int_equal(lane_send(pair.a, LANE_MESSAGES, 1, 100, 0), WSB_OK);
    expect_number(pair.b, LANE_MESSAGES, 1);
    assert_false(was_woken(&waker));
    drop_ends(&pair);
}

/* Whoever was woken and does not receive leaves the message to the next. */
static void test_an_unused_wake_is_handed_on(void **state)
{
    (void)state;
    test_waker first, second;
    ends pair = open_ends(0, 0);
    make_waker(&first);
    make_waker(&second);
    assert_int_equal(wsb_channel_wait(pair.b, WSB_CHANNEL_CAN_RECEIVE, first.waker, NULL), WSB_OK);
    assert_int_equal(wsb_channel_wait(pair.b, WSB_CHANNEL_CAN_RECEIVE, second.waker, NULL), WSB_OK);
    assert_int_equal(lane_send(pair.a, LANE_MESSAGES, 1, 100, 0), WSB_OK);
    expect_wake(&first);
    wsb_channel_unwait(pair.b, WSB_CHANNEL_CAN_RECEIVE, first.waker);
    expect_wake(&second);
    expect_number(pair.b, LANE_MESSAGES, 1);
    expect_destroyed(&first);
    expect_destroyed(&second);
    drop_ends(&pair);
}

static void test_closing_wakes(void **state)
{
    (void)state;
    for (int other = 0; other < 2; other++) {
        test_waker waker;
        ends pair = open_ends(4000, 0);
        make_waker(&waker);
        fill_lane(pair.a, LANE_MESSAGES, 1000);
        assert_int_equal(wsb_channel_wait(pair.a, WSB_CHANNEL_CAN_SEND, waker.waker, NULL), WSB_OK);
        assert_int_equal(
            wsb_channel_wait(pair.a, WSB_CHANNEL_CAN_RECEIVE_RESULT, waker.waker, NULL), WSB_OK);
        wsb_channel_close(other ? pair.b : pair.a);
        expect_wake(&waker);
        expect_wake(&waker);
        assert_int_equal(wsb_channel_wait(pair.a, WSB_CHANNEL_CAN_RECEIVE, waker.waker, NULL),
                         WSB_OK);
        expect_wake(&waker);
        expect_destroyed(&waker);
        drop_ends(&pair);
    }
}

/* A waker that nobody wakes is released with the channel. */
static void test_destroying_lets_wakers_go(void **state)
{
    (void)state;
    test_waker waker;
    ends pair = open_ends(0, 0);
    make_waker(&waker);
    assert_int_equal(wsb_channel_wait(pair.a, WSB_CHANNEL_CAN_RECEIVE, waker.waker, NULL), WSB_OK);
    drop_ends(&pair);
    expect_destroyed(&waker);
}

static bool is_readable(int fd, int timeout_ms)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, timeout_ms) == 1;
}

static void test_a_descriptor_tells_of_messages(void **state)
{
    (void)state;
    int fd = -1, again = -1;
    ends pair = open_ends(0, 0);
    assert_int_equal(wsb_channel_fd(pair.b, WSB_CHANNEL_CAN_RECEIVE, &fd, NULL), WSB_OK);
    assert_int_equal(wsb_channel_fd(pair.b, WSB_CHANNEL_CAN_RECEIVE, &again, NULL), WSB_OK);
    assert_int_equal(fd, again);
    assert_false(is_readable(fd, 0));
    for (uint64_t round = 0; round < 5; round++) {
        for (uint64_t i = 0; i < 3; i++)
            assert_int_equal(lane_send(pair.a, LANE_MESSAGES, i, 100, 0), WSB_OK);
        assert_true(is_readable(fd, 60000));
        for (uint64_t i = 0; i < 3; i++)
            expect_number(pair.b, LANE_MESSAGES, i);
        assert_int_equal(lane_try(pair.b, LANE_MESSAGES), WSB_ERROR_WOULD_BLOCK);
        assert_false(is_readable(fd, 0));
    }
    wsb_channel_close(pair.a);
    assert_true(is_readable(fd, 60000));
    assert_int_equal(lane_try(pair.b, LANE_MESSAGES), WSB_ERROR_CLOSED);
    assert_true(is_readable(fd, 60000));
    drop_ends(&pair);
}

static void test_a_descriptor_tells_of_room(void **state)
{
    (void)state;
    int fd = -1;
    ends pair = open_ends(4000, 0);
    assert_int_equal(wsb_channel_fd(pair.a, WSB_CHANNEL_CAN_SEND_RESULT, &fd, NULL), WSB_OK);
    assert_true(is_readable(fd, 60000));
    uint64_t sent = fill_lane(pair.a, LANE_RESULTS, 1000);
    assert_false(is_readable(fd, 0));
    for (uint64_t i = 0; i < sent; i++)
        expect_number(pair.b, LANE_RESULTS, i);
    assert_true(is_readable(fd, 60000));
    assert_int_equal(lane_send(pair.a, LANE_RESULTS, 1, 1000, 0), WSB_OK);
    drop_ends(&pair);
}

/* Nobody looks at the descriptor, but it waits, and it came first. */
static void test_a_descriptor_holds_up_no_thread(void **state)
{
    (void)state;
    int fd = -1;
    ends pair = open_ends(0, 0);
    assert_int_equal(wsb_channel_fd(pair.b, WSB_CHANNEL_CAN_RECEIVE, &fd, NULL), WSB_OK);
    for (int i = 0; i < 20; i++) {
        pthread_t thread = start(send_later, pair.a);
        expect_number(pair.b, LANE_MESSAGES, 77);
        pthread_join(thread, NULL);
    }
    drop_ends(&pair);
}

static void test_waits_for_one_event_at_a_time(void **state)
{
    (void)state;
    static const int wrong[] = {0, 3, 15, 16, -1};
    test_waker waker;
    int fd = -1;
    ends pair = open_ends(0, 0);
    make_waker(&waker);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        wsb_channel_event event = (wsb_channel_event)wrong[i];
        assert_int_equal(wsb_channel_fd(pair.a, event, &fd, NULL), WSB_ERROR_INVALID_ARGUMENT);
        assert_int_equal(wsb_channel_wait(pair.a, event, waker.waker, NULL),
                         WSB_ERROR_INVALID_ARGUMENT);
        wsb_channel_unwait(pair.a, event, waker.waker);
    }
    expect_destroyed(&waker);
    drop_ends(&pair);
}

int run_waiting_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waits_as_long_as_it_was_told),
        cmocka_unit_test(test_a_message_ends_a_wait),
        cmocka_unit_test(test_room_ends_a_wait),
        cmocka_unit_test(test_a_waker_is_woken_once),
        cmocka_unit_test(test_a_waker_is_woken_by_room),
        cmocka_unit_test(test_a_wait_can_be_taken_back),
        cmocka_unit_test(test_an_unused_wake_is_handed_on),
        cmocka_unit_test(test_closing_wakes),
        cmocka_unit_test(test_destroying_lets_wakers_go),
        cmocka_unit_test(test_a_descriptor_tells_of_messages),
        cmocka_unit_test(test_a_descriptor_tells_of_room),
        cmocka_unit_test(test_a_descriptor_holds_up_no_thread),
        cmocka_unit_test(test_waits_for_one_event_at_a_time),
    };
    return cmocka_run_group_tests_name("waiting", tests, NULL, NULL);
}
