/* The channel in memory without memory, in a forked child, and under a peer that never reads. */
#include "channel_test.h"
#include "core/buffer.h"
#include "unit/core/fail_nth.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

static wsb_status send_bytes(wsb_channel *end, size_t len)
{
    uint8_t *bytes = calloc(1, len + 1);
    wsb_status status = wsb_channel_send(end, wsb_bytes_of(bytes, len), 0, NULL);
    free(bytes);
    return status;
}

/* A send or receive that finds no memory changes nothing. */
static void test_sends_and_receives_are_whole_or_not_at_all(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 50, 5000, 200000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        channel_pair pair = make_pair(0, 0);
        wsb_buf message = WSB_BUF_INIT;
        EXPECT_OUT_OF_MEMORY_UNTIL_OK(send_bytes(pair.a, lengths[i]));
        assert_int_equal(stats_of(pair.a).messages.sent, 1);
        assert_int_equal(stats_of(pair.b).messages.depth_bytes, lengths[i]);
        fail_nth_start(1);
        wsb_status status = wsb_channel_receive(pair.b, &message, 0, NULL);
        fail_nth_stop();
        assert_int_equal(status, WSB_ERROR_OUT_OF_MEMORY);
        assert_null(message.data);
        assert_int_equal(stats_of(pair.b).messages.depth, 1);
        assert_int_equal(wsb_channel_receive(pair.b, &message, 0, NULL), WSB_OK);
        assert_int_equal(message.len, lengths[i]);
        /* With a buffer that was used before, a receive needs none. */
        assert_int_equal(send_bytes(pair.a, lengths[i]), WSB_OK);
        if (message.capacity > 113) {
            fail_nth_start(1);
            status = wsb_channel_receive(pair.b, &message, 0, NULL);
            fail_nth_stop();
            assert_int_equal(status, WSB_OK);
        }
        wsb_buf_fini(&message);
        drop_pair(&pair);
    }
}

static void test_a_wait_without_memory_is_not_begun(void **state)
{
    (void)state;
    counting_waker wakers[6];
    channel_pair pair = make_pair(0, 0);
    for (int i = 0; i < 6; i++) {
        make_counting(&wakers[i]);
        if (i == 0 || i == 4) {
            EXPECT_OUT_OF_MEMORY_UNTIL_OK(
                wsb_channel_wait(pair.b, WSB_CHANNEL_CAN_RECEIVE, wakers[i].waker, NULL));
        } else {
            assert_int_equal(
                wsb_channel_wait(pair.b, WSB_CHANNEL_CAN_RECEIVE, wakers[i].waker, NULL), WSB_OK);
        }
    }
    for (int i = 0; i < 6; i++) {
        assert_int_equal(send_text(pair.a, "x", 0), WSB_OK);
        assert_int_equal(wakers[i].wakes, 1);
        drop_counting(&wakers[i]);
    }
    drop_pair(&pair);
}

static wsb_status receive_for_a_while(wsb_channel *end)
{
    wsb_buf message = WSB_BUF_INIT;
    wsb_status status = wsb_channel_receive(end, &message, MILLISECOND, NULL);
    wsb_buf_fini(&message);
    return status == WSB_ERROR_TIMEOUT ? WSB_OK : status;
}

static wsb_status get_descriptor(wsb_channel *end)
{
    int fd;
    return wsb_channel_fd(end, WSB_CHANNEL_CAN_RECEIVE, &fd, NULL);
}

/* Where the type cannot keep the descriptor's waker, the descriptor stays readable, so that whoever
 * looks at it tries again. */
static void test_a_descriptor_without_memory(void **state)
{
    (void)state;
    int fd = -1;
    channel_pair pair = make_pair(0, 0);
    EXPECT_OUT_OF_MEMORY_UNTIL_OK(receive_for_a_while(pair.b));
    wsb_channel_destroy(pair.a);
    wsb_channel_destroy(pair.b);
    pair = make_pair(0, 0);
    EXPECT_OUT_OF_MEMORY_UNTIL_OK(get_descriptor(pair.b));
    assert_int_equal(wsb_channel_fd(pair.b, WSB_CHANNEL_CAN_RECEIVE, &fd, NULL), WSB_OK);
    while (try_receive(pair.b) != WSB_ERROR_WOULD_BLOCK)
        continue;
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&poll_fd, 1, 0), 0);
    assert_int_equal(send_text(pair.a, "x", 0), WSB_OK);
    assert_int_equal(poll(&poll_fd, 1, 0), 1);
    drop_pair(&pair);
}

/* What waits is bounded, whatever is sent, and comes back when it is received. */
static void test_a_peer_that_never_reads(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 112, 113, 4000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        channel_pair pair = make_pair(100000, 1000);
        uint64_t sent = 0;
        while (send_bytes(pair.a, lengths[i]) == WSB_OK)
            sent++;
        uint64_t by_bytes = lengths[i] ? 100000 / lengths[i] : UINT64_MAX;
        assert_int_equal(sent, by_bytes < 1000 ? by_bytes : 1000);
        for (int again = 0; again < 1000; again++)
            assert_int_equal(send_bytes(pair.a, lengths[i]), WSB_ERROR_WOULD_BLOCK);
        assert_int_equal(stats_of(pair.a).messages.refused, 1001);
        assert_int_equal(stats_of(pair.b).messages.depth, sent);
        wsb_channel_close(pair.b);
        assert_int_equal(stats_of(pair.b).messages.dropped, sent);
        assert_int_equal(stats_of(pair.b).messages.depth_bytes, 0);
        drop_pair(&pair);
    }
}

/* In the child: 0, or the number of what was wrong. */
static int use_in_child(channel_pair *pair, bool destroys)
{
    int fd;
    counting_waker waker;
    make_counting(&waker);
    if (send_text(pair->a, "from the child", 0) != WSB_ERROR_FORKED)
        return 1;
    if (try_receive(pair->b) != WSB_ERROR_FORKED)
        return 2;
    if (wsb_channel_wait(pair->b, WSB_CHANNEL_CAN_SEND, waker.waker, NULL) != WSB_ERROR_FORKED)
        return 3;
    if (wsb_channel_fd(pair->b, WSB_CHANNEL_CAN_RECEIVE, &fd, NULL) != WSB_OK)
        return 4;
    (void)stats_of(pair->a);
    wsb_channel_close(pair->a);
    wsb_channel_close(pair->b);
    if (destroys)
        drop_pair(pair);
    channel_pair own = make_pair(0, 0);
    if (send_text(own.a, "x", 0) != WSB_OK || try_receive(own.b) != WSB_OK)
        return 5;
    drop_pair(&own);
    return 0;
}

static void test_a_forked_child_disturbs_nothing(void **state)
{
    (void)state;
    for (int destroys = 0; destroys < 2; destroys++) {
        int fd = -1, status = -1;
        channel_pair pair = make_pair(0, 0);
        assert_int_equal(wsb_channel_fd(pair.b, WSB_CHANNEL_CAN_RECEIVE, &fd, NULL), WSB_OK);
        assert_int_equal(send_text(pair.a, "before", 0), WSB_OK);
        pid_t child = fork();
        if (child == 0)
            _exit(use_in_child(&pair, destroys != 0));
        assert_true(child > 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&poll_fd, 1, 0), 1);
        expect_text(pair.b, "before");
        assert_int_equal(try_receive(pair.b), WSB_ERROR_WOULD_BLOCK);
        assert_int_equal(poll(&poll_fd, 1, 0), 0);
        assert_int_equal(send_text(pair.a, "after", 0), WSB_OK);
        expect_text(pair.b, "after");
        drop_pair(&pair);
    }
}

static void test_assigns_buffers(void **state)
{
    (void)state;
    wsb_buf buf = WSB_BUF_INIT;
    assert_int_equal(wsb_buf_assign(NULL, wsb_bytes_of("x", 1)), WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_buf_assign(&buf, wsb_bytes_of(NULL, 1)), WSB_ERROR_INVALID_ARGUMENT);
    EXPECT_OUT_OF_MEMORY_UNTIL_OK(wsb_buf_assign(&buf, wsb_bytes_of("hello", 5)));
    const uint8_t *memory = buf.data;
    assert_int_equal(wsb_buf_assign(&buf, wsb_bytes_of("you", 3)), WSB_OK);
    assert_ptr_equal(buf.data, memory);
    assert_string_equal((char *)buf.data, "you");
    /* From inside of itself, shorter and longer than what fits. */
    assert_int_equal(wsb_buf_assign(&buf, wsb_bytes_of(buf.data + 1, 2)), WSB_OK);
    assert_string_equal((char *)buf.data, "ou");
    fail_nth_start(1);
    uint8_t longer[200] = {0};
    assert_int_equal(wsb_buf_assign(&buf, wsb_bytes_of(longer, 200)), WSB_ERROR_OUT_OF_MEMORY);
    fail_nth_stop();
    assert_string_equal((char *)buf.data, "ou");
    assert_int_equal(wsb_buf_assign(&buf, wsb_bytes_of(NULL, 0)), WSB_OK);
    assert_int_equal(buf.len, 0);
    wsb_buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sends_and_receives_are_whole_or_not_at_all),
        cmocka_unit_test(test_a_wait_without_memory_is_not_begun),
        cmocka_unit_test(test_a_descriptor_without_memory),
        cmocka_unit_test(test_a_peer_that_never_reads),
        cmocka_unit_test(test_a_forked_child_disturbs_nothing),
        cmocka_unit_test(test_assigns_buffers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
