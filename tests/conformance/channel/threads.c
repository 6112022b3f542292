/* Many threads at both ends: nothing is lost, nothing comes twice, and what one thread sent comes
 * in its order. */
#include "conformance.h"

enum { PRODUCERS = 4, CONSUMERS = 4, EACH_SENDS = 1500, STRIDE = 1000000 };

typedef struct traffic {
    ends pair;
    channel_lane lane;
    _Atomic uint64_t received;
    _Atomic uint64_t checksum;
    _Atomic unsigned producers;
} traffic;

typedef struct producer {
    traffic *shared;
    uint64_t index;
} producer;

/* Mostly short ones, some in blocks of their own. */
static size_t length_of(uint64_t number)
{
    return number % 16 == 0 ? 300 + number % 2000 : 20 + number % 90;
}

static void *produce(void *argument)
{
    producer *self = argument;
    traffic *shared = self->shared;
    for (uint64_t i = 0; i < EACH_SENDS; i++) {
        uint64_t number = self->index * STRIDE + i;
        assert_int_equal(
            lane_send(shared->pair.a, shared->lane, number, length_of(number), FOREVER), WSB_OK);
    }
    return NULL;
}

static void *consume(void *argument)
{
    traffic *shared = argument;
    uint64_t next[PRODUCERS] = {0};
    wsb_buf message = WSB_BUF_INIT;
    wsb_status status;
    while ((status = lane_receive(shared->pair.b, shared->lane, &message, FOREVER)) == WSB_OK) {
        uint64_t number = number_of(shared->lane, &message);
        uint64_t from = number / STRIDE, at = number % STRIDE;
        assert_true(from < PRODUCERS);
        assert_true(at >= next[from]);
        next[from] = at + 1;
        shared->received++;
        shared->checksum += number * 31 + 7;
    }
    assert_int_equal(status, WSB_ERROR_CLOSED);
    wsb_buf_fini(&message);
    return NULL;
}

static void run_traffic(channel_lane lane, uint64_t capacity, uint64_t max_messages)
{
    traffic shared = {.pair = open_ends(capacity, max_messages), .lane = lane};
    producer producers[PRODUCERS];
    pthread_t senders[PRODUCERS], receivers[CONSUMERS];
    uint64_t checksum = 0;
    for (uint64_t i = 0; i < CONSUMERS; i++)
        receivers[i] = start(consume, &shared);
    for (uint64_t i = 0; i < PRODUCERS; i++) {
        producers[i] = (producer){&shared, i};
        senders[i] = start(produce, &producers[i]);
        for (uint64_t n = 0; n < EACH_SENDS; n++)
            checksum += (i * STRIDE + n) * 31 + 7;
    }
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(senders[i], NULL);
    wsb_channel_close(shared.pair.a);
    for (int i = 0; i < CONSUMERS; i++)
        pthread_join(receivers[i], NULL);
    assert_int_equal(shared.received, PRODUCERS * EACH_SENDS);
    assert_int_equal(shared.checksum, checksum);
    drop_ends(&shared.pair);
}

static void test_nothing_is_lost(void **state)
{
    (void)state;
    run_traffic(LANE_MESSAGES, 0, 0);
}

/* There is hardly ever room: everyone waits for everyone. */
static void test_nothing_is_lost_where_it_is_tight(void **state)
{
    (void)state;
    run_traffic(LANE_RESULTS, 4000, 16);
}

static void *send_and_receive(void *argument)
{
    producer *self = argument;
    wsb_channel *mine = self->index % 2 ? self->shared->pair.a : self->shared->pair.b;
    wsb_buf message = WSB_BUF_INIT;
    for (uint64_t i = 0; i < 500; i++) {
        assert_int_equal(lane_send(mine, LANE_MESSAGES, i, 100, FOREVER), WSB_OK);
        assert_int_equal(lane_receive(mine, LANE_MESSAGES, &message, FOREVER), WSB_OK);
    }
    wsb_buf_fini(&message);
    return NULL;
}

/* As many at either end, each of which gets as many as it sends. */
static void test_there_and_back(void **state)
{
    (void)state;
    traffic shared = {.pair = open_ends(0, 0)};
    producer selves[PRODUCERS];
    pthread_t threads[PRODUCERS];
    for (uint64_t i = 0; i < PRODUCERS; i++) {
        selves[i] = (producer){&shared, i};
        threads[i] = start(send_and_receive, &selves[i]);
    }
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(lane_try(shared.pair.a, LANE_MESSAGES), WSB_ERROR_WOULD_BLOCK);
    assert_int_equal(lane_try(shared.pair.b, LANE_MESSAGES), WSB_ERROR_WOULD_BLOCK);
    drop_ends(&shared.pair);
}

int run_thread_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_lost),
        cmocka_unit_test(test_nothing_is_lost_where_it_is_tight),
        cmocka_unit_test(test_there_and_back),
    };
    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
