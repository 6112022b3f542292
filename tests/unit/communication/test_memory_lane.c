/* What a lane in memory keeps for the next burst, and when it lets it go. */
#include "channel_test.h"
#include "communication/memory_lane.h"
#include "runtime/ticks.h"

static wsb__lane *make_lane(uint64_t capacity, uint64_t max_messages)
{
    wsb__lane *lane = calloc(1, sizeof *lane);
    assert_non_null(lane);
    wsb__ticks_init();
    wsb__lane_init(lane, capacity, max_messages);
    return lane;
}

static void drop_lane(wsb__lane *lane)
{
    wsb__lane_close(lane, WSB__LANE_RECEIVER);
    wsb__lane_fini(lane);
    free(lane);
}

static void burst(wsb__lane *lane, size_t len, size_t count)
{
    uint8_t *bytes = calloc(1, len + 1);
    wsb_buf message = WSB_BUF_INIT;
    for (size_t i = 0; i < count; i++)
        assert_int_equal(wsb__lane_send(lane, wsb_bytes_of(bytes, len)), WSB_OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(wsb__lane_receive(lane, &message), WSB_OK);
    wsb_buf_fini(&message);
    free(bytes);
}

static void test_chunks_are_used_again_and_let_go(void **state)
{
    (void)state;
    wsb__lane *lane = make_lane(1 << 20, 1 << 16);
    burst(lane, 64, 31 * 20);
    assert_true(lane->out.spare_count >= 18);
    lane->busy_at = wsb__ticks();
    burst(lane, 64, 1);
    assert_true(lane->out.spare_count >= 18);
    lane->busy_at = 0;
    burst(lane, 64, 1);
    assert_int_equal(lane->out.spare_count, 0);
    drop_lane(lane);
}

static void test_blocks_are_used_again_and_let_go(void **state)
{
    (void)state;
    wsb__lane *lane = make_lane(100000, 1 << 16);
    burst(lane, 10000, 10);
    assert_true(lane->blocks.count >= 7);
    assert_true(lane->blocks.bytes <= 100000);
    lane->busy_at = 0;
    burst(lane, 10000, 1);
    assert_int_equal(lane->blocks.count, 0);
    drop_lane(lane);
}

/* A short message must not hold a block that is much larger, and sizes that are not sent any more
 * do not stay in the way of those that are. */
static void test_blocks_fit_what_they_carry(void **state)
{
    (void)state;
    wsb__lane *lane = make_lane(1 << 20, 1 << 16);
    burst(lane, 50000, 10);
    uint8_t bytes[200] = {0};
    assert_int_equal(wsb__lane_send(lane, wsb_bytes_of(bytes, sizeof bytes)), WSB_OK);
    wsb_buf message = WSB_BUF_INIT;
    assert_int_equal(wsb__lane_receive(lane, &message), WSB_OK);
    assert_true(message.capacity <= 4 * sizeof bytes + 256);
    wsb_buf_fini(&message);
    for (int i = 0; i < 10; i++)
        burst(lane, 300, 10);
    for (uint32_t i = 0; i < lane->blocks.count; i++)
        assert_true(lane->blocks.kept[i].capacity < 10000);
    drop_lane(lane);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunks_are_used_again_and_let_go),
        cmocka_unit_test(test_blocks_are_used_again_and_let_go),
        cmocka_unit_test(test_blocks_fit_what_they_carry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
