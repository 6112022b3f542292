/* Messages come whole, in order, each on its lane, and no more of them than was agreed on. */
#include "conformance.h"

#include <string.h>

static void test_messages_come_whole_and_in_order(void **state)
{
    (void)state;
    static const size_t lengths[] = {16, 64, 112, 113, 500, 4096, 20000, 60000};
    enum { COUNT = sizeof lengths / sizeof lengths[0] };
    ends pair = open_ends(0, 0);
    for (channel_lane lane = LANE_MESSAGES; lane <= LANE_RESULTS; lane++)
        for (uint64_t round = 0; round < 3; round++) {
            for (size_t i = 0; i < COUNT; i++)
                assert_int_equal(lane_send(pair.a, lane, i, lengths[i], LONG_ENOUGH), WSB_OK);
            for (size_t i = 0; i < COUNT; i++)
                expect_number(pair.b, lane, i);
            assert_int_equal(lane_try(pair.b, lane), WSB_ERROR_WOULD_BLOCK);
        }
    drop_ends(&pair);
}

static void test_both_ends_send(void **state)
{
    (void)state;
    ends pair = open_ends(0, 0);
    for (uint64_t i = 0; i < 100; i++) {
        assert_int_equal(lane_send(pair.a, LANE_MESSAGES, i, 50, LONG_ENOUGH), WSB_OK);
        assert_int_equal(lane_send(pair.b, LANE_MESSAGES, 1000 + i, 50, LONG_ENOUGH), WSB_OK);
    }
    for (uint64_t i = 0; i < 100; i++) {
        expect_number(pair.a, LANE_MESSAGES, 1000 + i);
        expect_number(pair.b, LANE_MESSAGES, i);
    }
    drop_ends(&pair);
}

static void test_any_bytes_pass(void **state)
{
    (void)state;
    if (kind->begin[LANE_MESSAGES])
        skip();
    ends pair = open_ends(0, 0);
    uint8_t bytes[256];
    for (int i = 0; i < 256; i++)
        bytes[i] = (uint8_t)i;
    wsb_buf message = WSB_BUF_INIT;
    assert_int_equal(wsb_channel_send(pair.a, wsb_bytes_of(bytes, 256), 0, NULL), WSB_OK);
    assert_int_equal(wsb_channel_send(pair.a, wsb_bytes_of(NULL, 0), 0, NULL), WSB_OK);
    assert_int_equal(wsb_channel_send(pair.a, wsb_bytes_of(bytes, 1), 0, NULL), WSB_OK);
    assert_int_equal(wsb_channel_receive(pair.b, &message, LONG_ENOUGH, NULL), WSB_OK);
    assert_int_equal(message.len, 256);
    assert_memory_equal(message.data, bytes, 256);
    assert_int_equal(wsb_channel_receive(pair.b, &message, LONG_ENOUGH, NULL), WSB_OK);
    assert_int_equal(message.len, 0);
    assert_int_equal(wsb_channel_receive(pair.b, &message, LONG_ENOUGH, NULL), WSB_OK);
    assert_int_equal(message.len, 1);
    wsb_buf_fini(&message);
    drop_ends(&pair);
}

/* A lane that is full holds up no other. */
static void test_lanes_are_independent(void **state)
{
    (void)state;
    ends pair = open_ends(8192, 0);
    for (channel_lane lane = LANE_MESSAGES; lane <= LANE_RESULTS; lane++) {
        channel_lane other = lane == LANE_MESSAGES ? LANE_RESULTS : LANE_MESSAGES;
        uint64_t sent = fill_lane(pair.a, lane, 1000);
        assert_true(sent > 0);
        assert_int_equal(lane_send(pair.a, other, 1, 100, 0), WSB_OK);
        assert_int_equal(lane_send(pair.b, lane, 2, 100, 0), WSB_OK);
        assert_int_equal(lane_send(pair.b, other, 3, 100, 0), WSB_OK);
        expect_number(pair.b, other, 1);
        expect_number(pair.a, lane, 2);
        expect_number(pair.a, other, 3);
        for (uint64_t i = 0; i < sent; i++)
            expect_number(pair.b, lane, i);
    }
    drop_ends(&pair);
}

static void test_bytes_and_messages_are_bounded(void **state)
{
    (void)state;
    unsigned times = kind->slack ? kind->slack : 1;
    ends pair = open_ends(10000, 0);
    uint64_t sent = fill_lane(pair.a, LANE_MESSAGES, 1000);
    assert_true(sent >= 1 && sent <= 10u * times);
    if (kind->slack == 0)
        assert_int_equal(sent, 10);
    for (uint64_t i = 0; i < sent; i++)
        expect_number(pair.b, LANE_MESSAGES, i);
    assert_true(fill_lane(pair.a, LANE_MESSAGES, 1000) > 0);
    drop_ends(&pair);

    pair = open_ends(100000, 20);
    sent = fill_lane(pair.a, LANE_RESULTS, 100);
    assert_true(sent >= 1 && sent <= 20u * times);
    drop_ends(&pair);
}

static void test_what_never_fits_is_refused_at_once(void **state)
{
    (void)state;
    wsb_error *error = NULL;
    ends pair = open_ends(1000, 0);
    wsb_bytes message = make_message(LANE_MESSAGES, 1, 1001);
    assert_int_equal(wsb_channel_send(pair.a, message, FOREVER, &error), WSB_ERROR_LIMIT_EXCEEDED);
    assert_int_equal(wsb_error_used(error), 1001);
    assert_int_equal(wsb_error_allowed(error), 1000);
    assert_true(strlen(wsb_error_suggestion(error)) > 0);
    wsb_error_destroy(error);
    free((void *)(uintptr_t)message.data);
    /* As large as can be. */
    assert_int_equal(lane_send(pair.a, LANE_MESSAGES, 2, 1000, 0), WSB_OK);
    expect_number(pair.b, LANE_MESSAGES, 2);
    drop_ends(&pair);
}

static void test_a_failed_receive_changes_nothing(void **state)
{
    (void)state;
    ends pair = open_ends(0, 0);
    wsb_buf message = WSB_BUF_INIT;
    assert_int_equal(lane_receive(pair.b, LANE_MESSAGES, &message, 0), WSB_ERROR_WOULD_BLOCK);
    assert_null(message.data);
    assert_int_equal(lane_send(pair.a, LANE_MESSAGES, 5, 100, 0), WSB_OK);
    assert_int_equal(lane_receive(pair.b, LANE_MESSAGES, &message, LONG_ENOUGH), WSB_OK);
    assert_int_equal(lane_receive(pair.b, LANE_MESSAGES, &message, 0), WSB_ERROR_WOULD_BLOCK);
    assert_int_equal(number_of(LANE_MESSAGES, &message), 5);
    wsb_buf_fini(&message);
    drop_ends(&pair);
}

static void test_counts(void **state)
{
    (void)state;
    wsb_channel_stats sender = WSB_CHANNEL_STATS_INIT, receiver = WSB_CHANNEL_STATS_INIT;
    ends pair = open_ends(0, 0);
    wsb_bytes message = make_message(LANE_RESULTS, 1, 100);
    for (int i = 0; i < 3; i++)
        assert_int_equal(wsb_channel_send_result(pair.a, message, 0, NULL), WSB_OK);
    for (int i = 0; i < 2; i++)
        expect_number(pair.b, LANE_RESULTS, 1);
    wsb_channel_get_stats(pair.a, &sender);
    wsb_channel_get_stats(pair.b, &receiver);
    assert_int_equal(sender.results.sent, 3);
    assert_int_equal(sender.results.sent_bytes, 3 * message.len);
    assert_int_equal(sender.messages.sent, 0);
    assert_int_equal(receiver.results.received, 2);
    assert_int_equal(receiver.results.received_bytes, 2 * message.len);
    assert_int_equal(receiver.messages.received, 0);
    free((void *)(uintptr_t)message.data);
    drop_ends(&pair);
}

int run_transfer_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_come_whole_and_in_order),
        cmocka_unit_test(test_both_ends_send),
        cmocka_unit_test(test_any_bytes_pass),
        cmocka_unit_test(test_lanes_are_independent),
        cmocka_unit_test(test_bytes_and_messages_are_bounded),
        cmocka_unit_test(test_what_never_fits_is_refused_at_once),
        cmocka_unit_test(test_a_failed_receive_changes_nothing),
        cmocka_unit_test(test_counts),
    };
    return cmocka_run_group_tests_name("transfer", tests, NULL, NULL);
}
