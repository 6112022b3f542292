/* Who is woken, how often, and who gets what nobody used. */
#include "channel_test.h"

#include <poll.h>

enum { WAITERS = 4 };

static void wait_all(wsb_channel *end, wsb_channel_event event, counting_waker wakers[WAITERS])
{
    for (int i = 0; i < WAITERS; i++) {
        make_counting(&wakers[i]);
        assert_int_equal(wsb_channel_wait(end, event, wakers[i].waker, NULL), WSB_OK);
    }
}

static int woken(const counting_waker wakers[WAITERS])
{
    int count = 0;
    for (int i = 0; i < WAITERS; i++)
        count += wakers[i].wakes;
    return count;
}

static void drop_all(counting_waker wakers[WAITERS])
{
    for (int i = 0; i < WAITERS; i++)
        drop_counting(&wakers[i]);
}

static void test_a_message_wakes_one_in_order(void **state)
{
    (void)state;
    counting_waker wakers[WAITERS];
    channel_pair pair = make_pair(0, 0);
    wait_all(pair.b, WSB_CHANNEL_CAN_RECEIVE, wakers);
    for (int i = 0; i < WAITERS; i++) {
        assert_int_equal(send_text(pair.a, "x", 0), WSB_OK);
        assert_int_equal(woken(wakers), i + 1);
        assert_int_equal(wakers[i].wakes, 1);
    }
    assert_int_equal(send_text(pair.a, "x", 0), WSB_OK);
    assert_int_equal(woken(wakers), WAITERS);
    drop_all(wakers);
    drop_pair(&pair);
}

static void test_an_unused_message_goes_to_the_next(void **state)
{
    (void)state;
    counting_waker wakers[WAITERS];
    channel_pair pair = make_pair(0, 0);
    wait_all(pair.b, WSB_CHANNEL_CAN_RECEIVE, wakers);
    assert_int_equal(send_text(pair.a, "x", 0), WSB_OK);
    for (int i = 0; i < WAITERS; i++) {
        assert_int_equal(wakers[i].wakes, 1);
        assert_int_equal(woken(wakers), i + 1);
        wsb_channel_unwait(pair.b, WSB_CHANNEL_CAN_RECEIVE, wakers[i].waker);
    }
    drop_all(wakers);
    drop_pair(&pair);
}

static void test_who_gives_up_unwoken_wakes_nobody(void **state)
{
    (void)state;
    counting_waker wakers[WAITERS];
    channel_pair pair = make_pair(0, 0);
    wait_all(pair.b, WSB_CHANNEL_CAN_RECEIVE, wakers);
    wsb_channel_unwait(pair.b, WSB_CHANNEL_CAN_RECEIVE, wakers[1].waker);
    wsb_channel_unwait(pair.b, WSB_CHANNEL_CAN_RECEIVE, wakers[0].waker);
    assert_int_equal(woken(wakers), 0);
    assert_int_equal(send_text(pair.a, "x", 0), WSB_OK);
    assert_int_equal(wakers[2].wakes, 1);
    assert_int_equal(woken(wakers), 1);
    wsb_channel_unwait(pair.b, WSB_CHANNEL_CAN_RECEIVE, wakers[3].waker);
    drop_all(wakers);
    drop_pair(&pair);
}

/* One large message makes room for many small ones: each sender wakes the next. */
static void test_room_for_several_wakes_several(void **state)
{
    (void)state;
    counting_waker wakers[WAITERS];
    channel_pair pair = make_pair(100, 16);
    char text[101] = {0};
    memset(text, 'x', 100);
    assert_int_equal(send_text(pair.a, text, 0), WSB_OK);
    assert_int_equal(send_text(pair.a, "y", 0), WSB_ERROR_WOULD_BLOCK);
    wait_all(pair.a, WSB_CHANNEL_CAN_SEND, wakers);
    assert_int_equal(woken(wakers), 0);
    expect_text(pair.b, text);
    assert_int_equal(woken(wakers), 1);
    for (int i = 0; i < WAITERS; i++) {
        assert_int_equal(wakers[i].wakes, 1);
        assert_int_equal(send_text(pair.a, "y", 0), WSB_OK);
    }
    assert_int_equal(woken(wakers), WAITERS);
    drop_all(wakers);
    drop_pair(&pair);
}

/* There is some room, but too little for the one who waits: it must not be woken for ever. */
static void test_too_little_room_wakes_nobody(void **state)
{
    (void)state;
    counting_waker waker;
    channel_pair pair = make_pair(100, 16);
    char text[61] = {0};
    memset(text, 'x', 60);
    make_counting(&waker);
    assert_int_equal(send_text(pair.a, text, 0), WSB_OK);
    assert_int_equal(send_text(pair.a, text, 0), WSB_ERROR_WOULD_BLOCK);
    assert_int_equal(wsb_channel_wait(pair.a, WSB_CHANNEL_CAN_SEND, waker.waker, NULL), WSB_OK);
    assert_int_equal(waker.wakes, 0);
    /* A short one still fits. */
    assert_int_equal(send_text(pair.a, "y", 0), WSB_OK);
    expect_text(pair.b, text);
    assert_true(waker.wakes >= 1);
    assert_int_equal(send_text(pair.a, text, 0), WSB_OK);
    drop_counting(&waker);
    drop_pair(&pair);
}

static void test_the_same_waker_can_wait_for_all(void **state)
{
    (void)state;
    counting_waker waker;
    channel_pair pair = make_pair(4, 16);
    make_counting(&waker);
    assert_int_equal(send_text(pair.a, "full", 0), WSB_OK);
    static const wsb_channel_event events[] = {WSB_CHANNEL_CAN_RECEIVE, WSB_CHANNEL_CAN_SEND,
                                               WSB_CHANNEL_CAN_RECEIVE_RESULT};
    for (int i = 0; i < 3; i++)
        assert_int_equal(wsb_channel_wait(pair.a, events[i], waker.waker, NULL), WSB_OK);
    assert_int_equal(wsb_channel_wait(pair.b, WSB_CHANNEL_CAN_RECEIVE_RESULT, waker.waker, NULL),
                     WSB_OK);
    assert_int_equal(waker.wakes, 0);
    wsb_channel_close(pair.b);
    assert_int_equal(waker.wakes, 4);
    drop_counting(&waker);
    drop_pair(&pair);
}

/* A waker that uses the channel when it is woken: no lock may be held then. */
typedef struct echo {
    channel_pair pair;
    wsb_waker *waker;
    int received;
} echo;

static void receive_and_wait_again(void *user_data)
{
    echo *self = user_data;
    while (try_receive(self->pair.b) == WSB_OK) {
        self->received++;
        assert_int_equal(send_text(self->pair.b, "echo", 0), WSB_OK);
    }
    if (self->received < 10)
        assert_int_equal(wsb_channel_wait(self->pair.b, WSB_CHANNEL_CAN_RECEIVE, self->waker, NULL),
                         WSB_OK);
    else
        wsb_channel_close(self->pair.b);
}

static void test_a_waker_may_use_the_channel(void **state)
{
    (void)state;
    echo self = {.pair = make_pair(0, 0)};
    assert_int_equal(wsb_waker_create(receive_and_wait_again, &self, NULL, &self.waker, NULL),
                     WSB_OK);
    receive_and_wait_again(&self);
    for (int i = 0; i < 10; i++)
        assert_int_equal(send_text(self.pair.a, "x", 0), WSB_OK);
    assert_int_equal(self.received, 10);
    assert_int_equal(send_text(self.pair.a, "x", 0), WSB_ERROR_CLOSED);
    for (int i = 0; i < 10; i++)
        expect_text(self.pair.a, "echo");
    wsb_waker_unref(self.waker);
    drop_pair(&self.pair);
}

/* Two sleep, a message wakes one; the other one gets the next. The first gives up as its time is
 * up, whether it was woken by then or not: the message is never left to nobody. */
typedef struct sleeper {
    wsb_channel *end;
    uint64_t timeout;
    wsb_status status;
} sleeper;

static void *sleep_for_message(void *argument)
{
    sleeper *self = argument;
    wsb_buf message = WSB_BUF_INIT;
    self->status = wsb_channel_receive(self->end, &message, self->timeout, NULL);
    wsb_buf_fini(&message);
    return NULL;
}

static void test_a_timeout_loses_no_message(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 300; i++) {
        channel_pair pair = make_pair(0, 0);
        sleeper brief = {pair.b, 5000 + i * 300, WSB_OK}, patient = {pair.b, FOREVER, WSB_OK};
        pthread_t first = start_thread(sleep_for_message, &brief);
        pthread_t second = start_thread(sleep_for_message, &patient);
        assert_int_equal(send_text(pair.a, "x", 0), WSB_OK);
        pthread_join(first, NULL);
        if (brief.status == WSB_OK)
            assert_int_equal(send_text(pair.a, "x", 0), WSB_OK);
        else
            assert_int_equal(brief.status, WSB_ERROR_TIMEOUT);
        pthread_join(second, NULL);
        assert_int_equal(patient.status, WSB_OK);
        drop_pair(&pair);
    }
}

/* The reading side of an event loop, told by a descriptor while another thread sends. */
static void *send_many(void *argument)
{
    for (int i = 0; i < 2000; i++)
        assert_int_equal(send_text(argument, "message", FOREVER), WSB_OK);
    wsb_channel_close(argument);
    return NULL;
}

static void test_a_descriptor_misses_nothing(void **state)
{
    (void)state;
    channel_pair pair = make_pair(100, 16);
    int fd = -1, received = 0;
    wsb_status status = WSB_OK;
    assert_int_equal(wsb_channel_fd(pair.b, WSB_CHANNEL_CAN_RECEIVE, &fd, NULL), WSB_OK);
    pthread_t thread = start_thread(send_many, pair.a);
    while (status != WSB_ERROR_CLOSED) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&poll_fd, 1, 60000), 1);
        while ((status = try_receive(pair.b)) == WSB_OK)
            received++;
    }
    assert_int_equal(received, 2000);
    pthread_join(thread, NULL);
    drop_pair(&pair);
}

/* Descriptors are made, raised, and let go with their channel, all at once. */
static void *watch_and_leave(void *argument)
{
    wsb_channel *end = argument;
    int fd;
    assert_int_equal(wsb_channel_fd(end, WSB_CHANNEL_CAN_RECEIVE, &fd, NULL), WSB_OK);
    (void)try_receive(end);
    wsb_channel_destroy(end);
    return NULL;
}

static void test_descriptors_go_while_they_are_raised(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        channel_pair pair = make_pair(0, 0);
        pthread_t first = start_thread(watch_and_leave, wsb_channel_ref(pair.b));
        pthread_t second = start_thread(watch_and_leave, pair.b);
        while (send_text(pair.a, "x", 0) == WSB_OK && stats_of(pair.a).messages.sent < 50)
            continue;
        pthread_join(first, NULL);
        pthread_join(second, NULL);
        wsb_channel_destroy(pair.a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_message_wakes_one_in_order),
        cmocka_unit_test(test_an_unused_message_goes_to_the_next),
        cmocka_unit_test(test_who_gives_up_unwoken_wakes_nobody),
        cmocka_unit_test(test_room_for_several_wakes_several),
        cmocka_unit_test(test_too_little_room_wakes_nobody),
        cmocka_unit_test(test_the_same_waker_can_wait_for_all),
        cmocka_unit_test(test_a_waker_may_use_the_channel),
        cmocka_unit_test(test_a_timeout_loses_no_message),
        cmocka_unit_test(test_a_descriptor_misses_nothing),
        cmocka_unit_test(test_descriptors_go_while_they_are_raised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
