/* The channel in memory, as one thread sees it. */
#include "channel_test.h"

#include <stdio.h>

static void test_passes_messages_both_ways(void **state)
{
    (void)state;
    channel_pair pair = make_pair(0, 0);
    assert_string_equal(wsb_channel_type(pair.a), "memory");
    assert_int_equal(send_text(pair.a, "one", 0), WSB_OK);
    assert_int_equal(send_text(pair.a, "", 0), WSB_OK);
    assert_int_equal(send_text(pair.b, "back", 0), WSB_OK);
    expect_text(pair.b, "one");
    expect_text(pair.b, "");
    expect_text(pair.a, "back");
    assert_int_equal(try_receive(pair.a), WSB_ERROR_WOULD_BLOCK);
    assert_int_equal(try_receive(pair.b), WSB_ERROR_WOULD_BLOCK);
    drop_pair(&pair);
}

static void test_lanes_are_independent(void **state)
{
    (void)state;
    wsb_buf result = WSB_BUF_INIT;
    channel_pair pair = make_pair(4, 16);
    assert_int_equal(send_text(pair.a, "full", 0), WSB_OK);
    assert_int_equal(send_text(pair.a, "x", 0), WSB_ERROR_WOULD_BLOCK);
    assert_int_equal(wsb_channel_send_result(pair.a, wsb_bytes_of("r", 1), 0, NULL), WSB_OK);
    assert_int_equal(wsb_channel_receive_result(pair.b, &result, 0, NULL), WSB_OK);
    assert_string_equal((char *)result.data, "r");
    assert_int_equal(wsb_channel_receive_result(pair.b, &result, 0, NULL), WSB_ERROR_WOULD_BLOCK);
    assert_string_equal((char *)result.data, "r");
    expect_text(pair.b, "full");
    wsb_buf_fini(&result);
    drop_pair(&pair);
}

/* Every length around the borders between slots, blocks and kept blocks. */
static void test_keeps_messages_of_any_length(void **state)
{
    (void)state;
    static const size_t lengths[] = {0,     1,      111,    112,    113,    255,  256, 511, 4095,
                                     65536, 131071, 131072, 131073, 300000, 1000, 113, 112, 0};
    enum { COUNT = sizeof lengths / sizeof lengths[0] };
    channel_pair pair = make_pair(0, 0);
    uint8_t *bytes = malloc(300000);
    wsb_buf message = WSB_BUF_INIT;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT; i++) {
            memset(bytes, (int)(i + 1), lengths[i]);
            assert_int_equal(wsb_channel_send(pair.a, wsb_bytes_of(bytes, lengths[i]), 0, NULL),
                             WSB_OK);
        }
        for (size_t i = 0; i < COUNT; i++) {
            assert_int_equal(wsb_channel_receive(pair.b, &message, 0, NULL), WSB_OK);
            assert_int_equal(message.len, lengths[i]);
            assert_int_equal(message.data[message.len], 0);
            memset(bytes, (int)(i + 1), lengths[i]);
            assert_memory_equal(message.data, bytes, lengths[i]);
        }
    }
    wsb_buf_fini(&message);
    free(bytes);
    drop_pair(&pair);
}

static void test_closing_lets_the_rest_through(void **state)
{
    (void)state;
    channel_pair pair = make_pair(0, 0);
    assert_int_equal(send_text(pair.a, "last", 0), WSB_OK);
    assert_int_equal(send_text(pair.b, "unread", 0), WSB_OK);
    wsb_channel_close(pair.a);
    wsb_channel_close(pair.a);
    assert_int_equal(send_text(pair.a, "no", FOREVER), WSB_ERROR_CLOSED);
    assert_int_equal(try_receive(pair.a), WSB_ERROR_CLOSED);
    assert_int_equal(send_text(pair.b, "no", FOREVER), WSB_ERROR_CLOSED);
    expect_text(pair.b, "last");
    assert_int_equal(try_receive(pair.b), WSB_ERROR_CLOSED);
    assert_int_equal(stats_of(pair.a).messages.dropped, 1);
    assert_int_equal(stats_of(pair.b).messages.dropped, 0);
    drop_pair(&pair);
}

static void test_the_last_reference_closes_its_end(void **state)
{
    (void)state;
    channel_pair pair = make_pair(0, 0);
    wsb_channel *again = wsb_channel_ref(pair.a);
    assert_null(wsb_channel_ref(NULL));
    assert_int_equal(send_text(pair.a, "kept", 0), WSB_OK);
    wsb_channel_destroy(pair.a);
    assert_int_equal(send_text(pair.b, "still open", 0), WSB_OK);
    wsb_channel_destroy(again);
    assert_int_equal(send_text(pair.b, "no", 0), WSB_ERROR_CLOSED);
    expect_text(pair.b, "kept");
    assert_int_equal(try_receive(pair.b), WSB_ERROR_CLOSED);
    wsb_channel_destroy(pair.b);
    wsb_channel_destroy(NULL);
}

static void test_bytes_are_bounded(void **state)
{
    (void)state;
    wsb_error *error = NULL;
    channel_pair pair = make_pair(100, 16);
    char text[102];
    memset(text, 'x', sizeof text);
    assert_int_equal(wsb_channel_send(pair.a, wsb_bytes_of(text, 101), FOREVER, &error),
                     WSB_ERROR_LIMIT_EXCEEDED);
    assert_int_equal(wsb_error_used(error), 101);
    assert_int_equal(wsb_error_allowed(error), 100);
    assert_string_equal(wsb_error_subject(error), "capacity");
    assert_true(strlen(wsb_error_suggestion(error)) > 0);
    wsb_error_destroy(error);
    assert_int_equal(wsb_channel_send(pair.a, wsb_bytes_of(text, 60), 0, NULL), WSB_OK);
    assert_int_equal(wsb_channel_send(pair.a, wsb_bytes_of(text, 41), 0, NULL),
                     WSB_ERROR_WOULD_BLOCK);
    assert_int_equal(wsb_channel_send(pair.a, wsb_bytes_of(text, 40), 0, NULL), WSB_OK);
    assert_int_equal(send_text(pair.a, "", 0), WSB_OK);
    assert_int_equal(send_text(pair.a, "y", 0), WSB_ERROR_WOULD_BLOCK);
    assert_int_equal(try_receive(pair.b), WSB_OK);
    assert_int_equal(wsb_channel_send(pair.a, wsb_bytes_of(text, 60), 0, NULL), WSB_OK);
    assert_int_equal(stats_of(pair.a).messages.refused, 3);
    drop_pair(&pair);
}

static void test_messages_are_bounded(void **state)
{
    (void)state;
    channel_pair pair = make_pair(100, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(send_text(pair.a, "", 0), WSB_OK);
    assert_int_equal(send_text(pair.a, "", 0), WSB_ERROR_WOULD_BLOCK);
    expect_text(pair.b, "");
    assert_int_equal(send_text(pair.a, "", 0), WSB_OK);
    drop_pair(&pair);
}

static void test_counts_what_goes_through(void **state)
{
    (void)state;
    channel_pair pair = make_pair(1000, 0);
    assert_int_equal(send_text(pair.a, "12345", 0), WSB_OK);
    assert_int_equal(send_text(pair.a, "123", 0), WSB_OK);
    assert_int_equal(send_text(pair.a, "1", 0), WSB_OK);
    expect_text(pair.b, "12345");
    wsb_lane_stats sender = stats_of(pair.a).messages;
    wsb_lane_stats receiver = stats_of(pair.b).messages;
    assert_int_equal(sender.sent, 3);
    assert_int_equal(sender.sent_bytes, 9);
    assert_int_equal(sender.received, 0);
    assert_int_equal(sender.depth, 0);
    assert_int_equal(receiver.sent, 0);
    assert_int_equal(receiver.received, 1);
    assert_int_equal(receiver.received_bytes, 5);
    assert_int_equal(receiver.depth, 2);
    assert_int_equal(receiver.depth_bytes, 4);
    assert_int_equal(receiver.depth_peak, 3);
    assert_int_equal(receiver.depth_bytes_peak, 9);
    uint64_t counted = 0;
    for (int i = 0; i < 24; i++)
        counted += receiver.latency.counts[i];
    assert_int_equal(counted, 1);
    assert_int_equal(stats_of(pair.b).results.received, 0);
    drop_pair(&pair);
}

/* A caller built against an older header has room for less, one with a newer header for more. */
static void test_fills_in_as_far_as_the_size_goes(void **state)
{
    (void)state;
    struct {
        wsb_channel_stats stats;
        uint64_t newer;
    } room;
    channel_pair pair = make_pair(0, 0);
    assert_int_equal(send_text(pair.a, "x", 0), WSB_OK);
    memset(&room, 0xFF, sizeof room);
    room.stats.size = 2 * sizeof(size_t);
    wsb_channel_get_stats(pair.a, &room.stats);
    assert_int_equal(room.stats.messages.sent, 1);
    assert_int_equal(room.stats.messages.sent_bytes, UINT64_MAX);
    room.stats.size = sizeof room;
    wsb_channel_get_stats(pair.a, &room.stats);
    assert_int_equal(room.stats.messages.sent_bytes, 1);
    assert_int_equal(room.newer, UINT64_MAX);
    assert_int_equal(room.stats.size, sizeof room);
    room.stats.size = 0;
    wsb_channel_get_stats(pair.a, &room.stats);
    wsb_channel_get_stats(NULL, &room.stats);
    wsb_channel_get_stats(pair.a, NULL);
    drop_pair(&pair);
}

static void test_refuses_bad_arguments(void **state)
{
    (void)state;
    wsb_buf message = WSB_BUF_INIT;
    channel_pair pair = make_pair(0, 0);
    wsb_bytes nowhere = {NULL, 1};
    assert_int_equal(wsb_channel_send(NULL, wsb_bytes_of("x", 1), 0, NULL),
                     WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_channel_send(pair.a, nowhere, 0, NULL), WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_channel_receive(NULL, &message, 0, NULL), WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_channel_receive(pair.a, NULL, 0, NULL), WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_memory_channel_create(1, NULL, &pair.b, NULL), WSB_ERROR_INVALID_ARGUMENT);
    wsb_channel_close(NULL);
    drop_pair(&pair);
}

static void test_the_short_way(void **state)
{
    (void)state;
    channel_pair pair;
    assert_int_equal(wsb_memory_channel_create(1024, &pair.a, &pair.b, NULL), WSB_OK);
    assert_int_equal(send_text(pair.b, "hello", 0), WSB_OK);
    expect_text(pair.a, "hello");
    drop_pair(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passes_messages_both_ways),
        cmocka_unit_test(test_lanes_are_independent),
        cmocka_unit_test(test_keeps_messages_of_any_length),
        cmocka_unit_test(test_closing_lets_the_rest_through),
        cmocka_unit_test(test_the_last_reference_closes_its_end),
        cmocka_unit_test(test_bytes_are_bounded),
        cmocka_unit_test(test_messages_are_bounded),
        cmocka_unit_test(test_counts_what_goes_through),
        cmocka_unit_test(test_fills_in_as_far_as_the_size_goes),
        cmocka_unit_test(test_refuses_bad_arguments),
        cmocka_unit_test(test_the_short_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
