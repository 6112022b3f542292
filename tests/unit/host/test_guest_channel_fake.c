/* Guests of the fake engine that wait at channels, for ThreadSanitizer: many at one, over several,
 * and what one of them was woken for and does not use. */
#include "unit/host/channel_fake.h"

/* --- one channel, many guests --- */

enum { SENDERS = 3, EACH = GUESTS * CALLS / (2 * SENDERS) };

static void *send_some(void *argument)
{
    worker *self = argument;
    for (size_t i = 0; i < EACH; i++) {
        size_t len = 1 + (self->number * EACH + i) % 100;
        self->wrong += host_send(self->f->host[0], len, FOREVER) != WSB_OK;
        self->bytes += len;
    }
    return NULL;
}

/* Each message comes to exactly one; those for whom there is none learn of the end. */
static void many_receive(void **state)
{
    fixture *f = *state;
    static wsb_future *futures[GUESTS * CALLS];
    worker senders[SENDERS];
    uint64_t count = 0;
    uint64_t bytes = 0;
    make_guests(f);
    for (size_t i = 0; i < GUESTS * CALLS; i++)
        futures[i] = begin_receive(f, f->instances[i % GUESTS], 0, -1);
    for (size_t i = 0; i < SENDERS; i++)
        senders[i] = (worker){.f = f, .number = i};
    run_threads(SENDERS, send_some, senders, sizeof *senders);
    wsb_channel_close(f->host[0]);
    for (size_t i = 0; i < GUESTS * CALLS; i++) {
        int64_t result = must_end(futures[i]);
        assert_true(result > 0 || result == CLOSED);
        count += result > 0;
        bytes += result > 0 ? (uint64_t)result : 0;
    }
    assert_int_equal(count, SENDERS * EACH);
    for (size_t i = 0; i < SENDERS; i++) {
        assert_int_equal(senders[i].wrong, 0);
        bytes -= senders[i].bytes;
    }
    assert_int_equal(bytes, 0);
}

static void *receive_all(void *argument)
{
    worker *self = argument;
    wsb_buf message = WSB_BUF_INIT;
    while (wsb_channel_receive(self->f->host[0], &message, FOREVER, NULL) == WSB_OK) {
        self->count++;
        self->wrong += message.len != 100;
    }
    wsb_buf_fini(&message);
    return NULL;
}

/* There is room for five; guests that are cancelled hand their turn on. */
static void many_send_and_some_are_cancelled(void **state)
{
    fixture *f = *state;
    static wsb_future *futures[GUESTS * CALLS];
    worker receivers[2] = {{.f = f}, {.f = f}};
    pthread_t threads[2];
    uint64_t sent = 0;
    uint64_t unknown = 0;
    make_guests(f);
    for (size_t i = 0; i < GUESTS * CALLS; i++)
        futures[i] = begin_send(f, f->instances[i % GUESTS], 0, 100, -1);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, receive_all, &receivers[i]), 0);
    for (size_t i = GUESTS * CALLS / 2; i < GUESTS * CALLS; i += 13)
        wsb_future_cancel(futures[i]);
    for (size_t i = 0; i < GUESTS * CALLS; i++) {
        int64_t result;
        wsb_status status = end(futures[i], &result);
        assert_true(status == WSB_OK || status == WSB_ERROR_CANCELLED ||
                    status == WSB_ERROR_CLOSED);
        assert_int_equal(result, 0);
        sent += status == WSB_OK;
        unknown += status == WSB_ERROR_CANCELLED; /* before or after it was sent */
    }
    wsb_channel_close(f->guest[0]);
    for (size_t i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    uint64_t received = receivers[0].count + receivers[1].count;
    assert_int_equal(receivers[0].wrong + receivers[1].wrong, 0);
    assert_in_range(received, sent, sent + unknown);
}

/* --- several channels --- */

/* Receives what is ready; false when all are closed. */
static bool receive_ready(worker *self, wsb_instance *instance)
{
    uint32_t entries[CHANNELS * ENTRY_WORDS];
    int closed = 0;
    MUST(wsb_instance_read_memory(instance, ENTRIES, entries, sizeof entries, err));
    for (uint32_t i = 0; i < CHANNELS; i++) {
        if (entries[i * ENTRY_WORDS + 2] == 0)
            continue;
        int64_t result = must_end(begin_receive(self->f, instance, (int)i, 0));
        self->count += result > 0;
        closed += result == CLOSED;
    }
    return closed < CHANNELS;
}

static void *wait_and_receive(void *argument)
{
    worker *self = argument;
    wsb_instance *instance = self->f->instances[self->number];
    bool more = true;
    while (more) {
        /* One that was closed is ready for ever: the wait is also an answer for the others. */
        int64_t ready = must_end(begin_wait(self->f, instance, self->number % 2 ? -1 : 200000));
        if (ready == TIMED_OUT)
            continue;
        assert_in_range(ready, 1, CHANNELS);
        more = receive_ready(self, instance);
    }
    return NULL;
}

static void *send_to_all(void *argument)
{
    worker *self = argument;
    for (unsigned i = 0; i < 100; i++)
        self->wrong += host_send(self->f->host[(i + self->number) % CHANNELS], 50, FOREVER);
    return NULL;
}

/* They compete for the same messages, and some give up again and again. */
static void many_wait_over_several(void **state)
{
    fixture *f = *state;
    worker guests[GUESTS];
    worker senders[2] = {{.f = f, .number = 0}, {.f = f, .number = 2}};
    pthread_t threads[GUESTS];
    uint64_t count = 0;
    make_guests(f);
    for (size_t i = 0; i < GUESTS; i++) {
        guests[i] = (worker){.f = f, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, wait_and_receive, &guests[i]), 0);
    }
    run_threads(2, send_to_all, senders, sizeof *senders);
    for (size_t i = 0; i < CHANNELS; i++)
        wsb_channel_close(f->host[i]);
    for (size_t i = 0; i < GUESTS; i++) {
        pthread_join(threads[i], NULL);
        count += guests[i].count;
    }
    assert_int_equal(senders[0].wrong + senders[1].wrong, 0);
    assert_int_equal(count, 200);
}

/* What woke a wait() and is not received by it wakes the next one. */
static void a_wake_is_handed_on(void **state)
{
    fixture *f = *state;
    make_guests(f);
    for (int round = 0; round < 50; round++) {
        wsb_future *waits = begin_wait(f, f->instances[0], -1);
        if (mode == WSB_EXECUTION_FIBER)
            until_suspended(1);
        wsb_future *receives = begin_receive(f, f->instances[1], 2, -1);
        if (mode == WSB_EXECUTION_FIBER)
            until_suspended(2);
        assert_int_equal(host_send(f->host[2], 7, 0), WSB_OK);
        assert_int_equal(must_end(receives), 7);
        /* On threads the other may have been the first, and have used it up. */
        if (mode == WSB_EXECUTION_DIRECT)
            assert_int_equal(host_send(f->host[2], 9, 0), WSB_OK);
        assert_int_equal(must_end(waits), 1);
        if (mode == WSB_EXECUTION_DIRECT)
            assert_int_equal(must_end(begin_receive(f, f->instances[1], 2, -1)), 9);
    }
}

static void *cancel_it(void *future)
{
    wsb_future_cancel(future);
    return NULL;
}

/* Of two that wait, one is cancelled just when the message comes: it is not lost on it. */
static void a_cancelled_guest_hands_on(void **state)
{
    fixture *f = *state;
    wsb_buf rest = WSB_BUF_INIT;
    f->instances[1] = make_guest(f);
    for (unsigned round = 0; round < 60; round++) {
        pthread_t thread;
        int64_t result;
        uint64_t before = received_by(f->guest[1]);
        wsb_instance *first = f->instances[0] = make_guest(f);
        wsb_future *cancelled =
            round % 2 ? begin_receive(f, first, 1, -1) : begin_wait(f, first, -1);
        if (mode == WSB_EXECUTION_FIBER)
            until_suspended(1);
        wsb_future *second = begin_receive(f, f->instances[1], 1, -1);
        assert_int_equal(pthread_create(&thread, NULL, cancel_it, cancelled), 0);
        assert_int_equal(host_send(f->host[1], 5, 0), WSB_OK);
        pthread_join(thread, NULL);
        wsb_status status = end(cancelled, &result);
        assert_true(status == WSB_OK || status == WSB_ERROR_CANCELLED);
        until_received(f->guest[1], before + 1);
        /* Where the first one has it, the second still waits. */
        assert_int_equal(host_send(f->host[1], 6, 0), WSB_OK);
        assert_in_range(must_end(second), 5, 6);
        (void)!wsb_channel_receive(f->guest[1], &rest, 0, NULL);
        wsb_instance_destroy(first);
        f->instances[0] = NULL;
    }
    wsb_buf_fini(&rest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(many_receive),
        TEST(many_send_and_some_are_cancelled),
        TEST(many_wait_over_several),
        TEST(a_wake_is_handed_on),
        TEST(a_cancelled_guest_hands_on),
    };
    mode = WSB_EXECUTION_DIRECT;
    int failed = cmocka_run_group_tests_name("direct", tests, NULL, NULL);
    mode = WSB_EXECUTION_FIBER;
    return failed + cmocka_run_group_tests_name("fibers", tests, NULL, NULL);
}
