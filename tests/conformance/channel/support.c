#include "conformance.h"

#include <string.h>
#include <time.h>

const channel_kind *kind;

int channel_conformance(const channel_kind *tested)
{
    kind = tested;
    print_message("channel '%s'\n", kind->name);
    return run_transfer_tests() + run_closing_tests() + run_waiting_tests() + run_thread_tests();
}

ends open_ends(uint64_t capacity, uint64_t max_messages)
{
    ends pair = {NULL, NULL};
    wsb_channel_options options = WSB_CHANNEL_OPTIONS_INIT;
    options.capacity = capacity;
    options.max_messages = max_messages;
    assert_int_equal(kind->create(&options, &pair.a, &pair.b), WSB_OK);
    assert_non_null(pair.a);
    assert_non_null(pair.b);
    return pair;
}

void drop_ends(ends *pair)
{
    wsb_channel_destroy(pair->a);
    wsb_channel_destroy(pair->b);
}

enum { DIGITS = 16 };

static void write_number(char *to, uint64_t number)
{
    for (int i = DIGITS; i-- > 0; number /= 10)
        to[i] = (char)('0' + number % 10);
}

/* Letters that depend on the number, so that parts of two messages are told apart. */
static char letter(uint64_t number, size_t at)
{
    return (char)('a' + (number * 7 + at) % 26);
}

wsb_bytes make_message(channel_lane lane, uint64_t number, size_t len)
{
    const char *begin = kind->begin[lane] ? kind->begin[lane] : "";
    const char *end = kind->end[lane] ? kind->end[lane] : "";
    size_t head = strlen(begin), tail = strlen(end);
    if (len < head + DIGITS + tail)
        len = head + DIGITS + tail;
    char *bytes = malloc(len + 1);
    assert_non_null(bytes);
    memcpy(bytes, begin, head);
    write_number(bytes + head, number);
    for (size_t i = head + DIGITS; i < len - tail; i++)
        bytes[i] = letter(number, i);
    memcpy(bytes + len - tail, end, tail + 1);
    return wsb_bytes_of(bytes, len);
}

uint64_t number_of(channel_lane lane, const wsb_buf *message)
{
    size_t head = kind->begin[lane] ? strlen(kind->begin[lane]) : 0;
    assert_true(message->len >= head + DIGITS);
    uint64_t number = 0;
    for (size_t i = head; i < head + DIGITS; i++)
        number = number * 10 + (uint64_t)(message->data[i] - '0');
    wsb_bytes expected = make_message(lane, number, message->len);
    assert_int_equal(message->len, expected.len);
    assert_int_equal(memcmp(message->data, expected.data, expected.len), 0);
    assert_int_equal(message->data[message->len], 0);
    free((void *)(uintptr_t)expected.data);
    return number;
}

wsb_status lane_send(wsb_channel *end, channel_lane lane, uint64_t number, size_t len,
                     uint64_t timeout)
{
    wsb_bytes message = make_message(lane, number, len);
    wsb_status status = lane == LANE_MESSAGES
                            ? wsb_channel_send(end, message, timeout, NULL)
                            : wsb_channel_send_result(end, message, timeout, NULL);
    free((void *)(uintptr_t)message.data);
    return status;
}

wsb_status lane_receive(wsb_channel *end, channel_lane lane, wsb_buf *io_message, uint64_t timeout)
{
    return lane == LANE_MESSAGES ? wsb_channel_receive(end, io_message, timeout, NULL)
                                 : wsb_channel_receive_result(end, io_message, timeout, NULL);
}

void expect_number(wsb_channel *end, channel_lane lane, uint64_t number)
{
    wsb_buf message = WSB_BUF_INIT;
    assert_int_equal(lane_receive(end, lane, &message, LONG_ENOUGH), WSB_OK);
    assert_int_equal(number_of(lane, &message), number);
    wsb_buf_fini(&message);
}

wsb_status lane_try(wsb_channel *end, channel_lane lane)
{
    wsb_buf message = WSB_BUF_INIT;
    wsb_status status = lane_receive(end, lane, &message, 0);
    wsb_buf_fini(&message);
    return status;
}

wsb_channel_event receive_event(channel_lane lane)
{
    return lane == LANE_MESSAGES ? WSB_CHANNEL_CAN_RECEIVE : WSB_CHANNEL_CAN_RECEIVE_RESULT;
}

wsb_channel_event send_event(channel_lane lane)
{
    return lane == LANE_MESSAGES ? WSB_CHANNEL_CAN_SEND : WSB_CHANNEL_CAN_SEND_RESULT;
}

uint64_t fill_lane(wsb_channel *end, channel_lane lane, size_t len)
{
    uint64_t sent = 0;
    wsb_status status;
    while ((status = lane_send(end, lane, sent, len, 0)) == WSB_OK)
        sent++;
    assert_int_equal(status, WSB_ERROR_WOULD_BLOCK);
    return sent;
}

static void wake(void *user_data)
{
    test_waker *self = user_data;
    sem_post(&self->woken);
}

static void destroyed(void *user_data)
{
    test_waker *self = user_data;
    sem_post(&self->destroyed);
}

void make_waker(test_waker *self)
{
    sem_init(&self->woken, 0, 0);
    sem_init(&self->destroyed, 0, 0);
    assert_int_equal(wsb_waker_create(wake, self, destroyed, &self->waker, NULL), WSB_OK);
}

bool was_woken(test_waker *self)
{
    return sem_trywait(&self->woken) == 0;
}

static bool wait_for(sem_t *semaphore)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    return sem_timedwait(semaphore, &until) == 0;
}

void expect_wake(test_waker *self)
{
    assert_true(wait_for(&self->woken));
}

void expect_destroyed(test_waker *self)
{
    wsb_waker_unref(self->waker);
    assert_true(wait_for(&self->destroyed));
}

pthread_t start(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run, argument), 0);
    return thread;
}
