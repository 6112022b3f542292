/* What the tests of channels share. */
#ifndef WSB_TESTS_CHANNEL_TEST_H
#define WSB_TESTS_CHANNEL_TEST_H

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <wasm_sandbox/plugin/channel.h>

#define FOREVER UINT64_MAX
#define MILLISECOND ((uint64_t)1000000)
#define SECOND (1000 * MILLISECOND)

/* Both ends of a channel in memory. */
typedef struct channel_pair {
    wsb_channel *a;
    wsb_channel *b;
} channel_pair;

static inline channel_pair make_pair(uint64_t capacity, uint64_t max_messages)
{
    channel_pair pair = {NULL, NULL};
    wsb_channel_factory *factory = NULL;
    wsb_channel_options options = WSB_CHANNEL_OPTIONS_INIT;
    options.capacity = capacity;
    options.max_messages = max_messages;
    assert_int_equal(wsb_channel_factory_create(&factory, NULL), WSB_OK);
    assert_int_equal(wsb_channel_factory_create_channel(factory, wsb_cstr("memory"), &options,
                                                        &pair.a, &pair.b, NULL),
                     WSB_OK);
    wsb_channel_factory_destroy(factory);
    return pair;
}

static inline void drop_pair(channel_pair *pair)
{
    wsb_channel_destroy(pair->a);
    wsb_channel_destroy(pair->b);
}

static inline wsb_status send_text(wsb_channel *channel, const char *text, uint64_t timeout)
{
    return wsb_channel_send(channel, wsb_bytes_of(text, strlen(text)), timeout, NULL);
}

/* Receives, and expects this text. */
static inline void expect_text(wsb_channel *channel, const char *text)
{
    wsb_buf message = WSB_BUF_INIT;
    assert_int_equal(wsb_channel_receive(channel, &message, 0, NULL), WSB_OK);
    assert_int_equal(message.len, strlen(text));
    assert_string_equal((const char *)message.data, text);
    wsb_buf_fini(&message);
}

static inline wsb_status try_receive(wsb_channel *channel)
{
    wsb_buf message = WSB_BUF_INIT;
    wsb_status status = wsb_channel_receive(channel, &message, 0, NULL);
    wsb_buf_fini(&message);
    return status;
}

static inline wsb_channel_stats stats_of(wsb_channel *channel)
{
    wsb_channel_stats stats = WSB_CHANNEL_STATS_INIT;
    wsb_channel_get_stats(channel, &stats);
    return stats;
}

/* A waker that counts. */
typedef struct counting_waker {
    wsb_waker *waker;
    _Atomic int wakes;
    _Atomic int destroyed;
} counting_waker;

static inline void counting_wake(void *user_data)
{
    counting_waker *self = user_data;
    self->wakes++;
}

static inline void counting_destroy(void *user_data)
{
    counting_waker *self = user_data;
    self->destroyed++;
}

static inline void make_counting(counting_waker *self)
{
    self->wakes = 0;
    self->destroyed = 0;
    assert_int_equal(wsb_waker_create(counting_wake, self, counting_destroy, &self->waker, NULL),
                     WSB_OK);
}

/* Gives the test's reference back; nobody else may hold one. */
static inline void drop_counting(counting_waker *self)
{
    wsb_waker_unref(self->waker);
    assert_int_equal(self->destroyed, 1);
}

static inline pthread_t start_thread(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run, argument), 0);
    return thread;
}

#endif
