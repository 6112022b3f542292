/* How the waits of guests of the fake engine end, for ThreadSanitizer: deadlines, and host threads
 * that send, receive, close, cancel and destroy at the same time. */
#include "unit/host/channel_fake.h"

/* --- time --- */

static void a_deadline_ends_the_wait(void **state)
{
    fixture *f = *state;
    int64_t result;
    f->wall_time = 10 * MS;
    make_guests(f);
    wsb_future *futures[GUESTS];
    for (size_t i = 0; i < GUESTS; i++)
        futures[i] = i % 2 ? begin_receive(f, f->instances[i], 3, -1)
                           : begin_wait(f, f->instances[i], (int64_t)PATIENCE);
    for (size_t i = 0; i < GUESTS; i++)
        assert_int_equal(end(futures[i], &result), WSB_ERROR_TIMEOUT);
    f->wall_time = WSB_UNLIMITED;
    drop_instances(f);
    f->instances[0] = make_guest(f);
    assert_int_equal(must_end(begin_wait(f, f->instances[0], (int64_t)MS)), TIMED_OUT);
    assert_int_equal(must_end(begin_receive(f, f->instances[0], 0, (int64_t)MS)), TIMED_OUT);
    assert_int_equal(must_end(begin_send(f, f->instances[0], 0, ROOM, 0)), 0);
    assert_int_equal(must_end(begin_send(f, f->instances[0], 0, 1, (int64_t)MS)), TIMED_OUT);
    /* None of those that are gone takes a wake. */
    wsb_future *last = begin_receive(f, f->instances[0], 3, -1);
    assert_int_equal(host_send(f->host[3], 4, 0), WSB_OK);
    assert_int_equal(must_end(last), 4);
}

static void *send_now_and_then(void *argument)
{
    worker *self = argument;
    for (unsigned i = 0; i < 60; i++) {
        uint64_t until = wsb__monotonic_ns() + MS / 2;
        while (wsb__monotonic_ns() < until)
            sched_yield();
        self->wrong += host_send(self->f->host[0], 1 + i, FOREVER) != WSB_OK;
    }
    return NULL;
}

/* Messages that come when the time of those that wait is just up. */
static void deadlines_race_with_messages(void **state)
{
    fixture *f = *state;
    worker sender = {.f = f};
    pthread_t thread;
    uint64_t unknown = 0;
    uint64_t count = 0;
    int64_t result;
    wsb_instance *patient = f->instances[0] = make_guest(f);
    assert_int_equal(pthread_create(&thread, NULL, send_now_and_then, &sender), 0);
    while (count + unknown < 60) {
        f->wall_time = MS;
        wsb_instance *hasty = f->instances[1] = make_guest(f);
        wsb_future *first = begin_receive(f, hasty, 0, -1);
        wsb_future *second = begin_receive(f, patient, 0, (int64_t)(MS / 2));
        wsb_status status = end(first, &result);
        assert_true(status == WSB_OK || status == WSB_ERROR_TIMEOUT);
        count += status == WSB_OK;
        result = must_end(second);
        assert_true(result > 0 || result == TIMED_OUT);
        count += result > 0;
        wsb_instance_destroy(hasty);
        f->instances[1] = NULL;
        unknown = received_by(f->guest[0]) - count; /* received when the time was up */
    }
    pthread_join(thread, NULL);
    assert_int_equal(sender.wrong, 0);
    assert_int_equal(count + unknown, 60);
}

/* --- all at once --- */

enum { PARTS = 5 };

typedef struct storm {
    wsb_channel *host[CHANNELS]; /* references of its own */
    wsb_channel *guest[CHANNELS];
    wsb_instance *const *instances;
    wsb_future *const *futures;
    unsigned round;
    _Atomic uint32_t *started;
    void (*act)(struct storm *self);
} storm;

static void send_at_once(storm *self)
{
    for (unsigned i = 0; i < 200; i++)
        (void)!host_send(self->host[i % CHANNELS], 40, 0);
}

static void receive_at_once(storm *self)
{
    wsb_buf message = WSB_BUF_INIT;
    for (unsigned i = 0; i < 200; i++)
        (void)!wsb_channel_receive(self->host[i % CHANNELS], &message, 0, NULL);
    wsb_buf_fini(&message);
}

static void cancel_some(storm *self)
{
    for (size_t i = self->round % 3; i < GUESTS * CALLS; i += 3)
        wsb_future_cancel(self->futures[i]);
}

static void close_some(storm *self)
{
    for (unsigned i = 0; i < CHANNELS; i++)
        wsb_channel_close((self->round + i) % 2 ? self->host[i] : self->guest[i]);
}

static void cancel_instances(storm *self)
{
    for (size_t i = 0; i < GUESTS; i++)
        wsb_instance_cancel(self->instances[i]);
}

/* The last of the parts to end closes the host's ends, and instances have references, too. */
static void destroy_at_once(storm *self)
{
    (void)self;
}

static void *take_part(void *argument)
{
    storm *self = argument;
    atomic_fetch_add(self->started, 1);
    while (atomic_load(self->started) < PARTS)
        sched_yield();
    self->act(self);
    for (size_t i = 0; i < CHANNELS; i++) {
        wsb_channel_destroy(self->host[i]);
        wsb_channel_destroy(self->guest[i]);
    }
    return NULL;
}

static wsb_future *begin_any(fixture *f, size_t i)
{
    wsb_instance *instance = f->instances[i % GUESTS];
    int handle = (int)(i % CHANNELS);
    switch (i / GUESTS % 3) {
    case 0:
        return begin_receive(f, instance, handle, -1);
    case 1:
        return begin_send(f, instance, handle, 90, -1);
    default:
        return begin_receive(f, instance, handle, 100000);
    }
}

static void blow(fixture *f, wsb_future *const *futures, unsigned round)
{
    static void (*const acts[])(storm *) = {close_some, cancel_instances, destroy_at_once};
    _Atomic uint32_t started = 0;
    storm parts[PARTS];
    for (size_t i = 0; i < PARTS; i++) {
        parts[i] = (storm){
            .instances = f->instances, .futures = futures, .round = round, .started = &started};
        for (size_t k = 0; k < CHANNELS; k++) {
            parts[i].host[k] = wsb_channel_ref(f->host[k]);
            parts[i].guest[k] = wsb_channel_ref(f->guest[k]);
        }
    }
    drop_channels(f);
    parts[0].act = send_at_once;
    parts[1].act = receive_at_once;
    parts[2].act = round % 2 ? cancel_some : send_at_once;
    parts[3].act = acts[round % 3];
    parts[4].act = acts[(round + 1) % 3];
    run_threads(PARTS, take_part, parts, sizeof *parts);
}

/* Whatever comes first: every call ends, and nothing is left. */
static void everything_at_once(void **state)
{
    fixture *f = *state;
    static wsb_future *futures[GUESTS * CALLS];
    for (unsigned round = 0; round < 18; round++) {
        make_guests(f);
        /* A wait's entries are written before its call: it is the first of its instance. */
        for (size_t i = 0; i < GUESTS * CALLS; i++)
            futures[i] = i < GUESTS / 2 ? begin_wait(f, f->instances[i], -1) : begin_any(f, i);
        blow(f, futures, round);
        for (size_t i = 0; i < GUESTS * CALLS; i++) {
            int64_t result;
            wsb_status status = end(futures[i], &result);
            assert_true(status == WSB_OK || status == WSB_ERROR_CANCELLED ||
                        status == WSB_ERROR_CLOSED);
        }
        drop_instances(f);
        for (size_t i = 0; i < CHANNELS; i++)
            MUST(wsb_memory_channel_create(ROOM, &f->host[i], &f->guest[i], err));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_deadline_ends_the_wait),
        TEST(deadlines_race_with_messages),
        TEST(everything_at_once),
    };
    mode = WSB_EXECUTION_DIRECT;
    int failed = cmocka_run_group_tests_name("direct", tests, NULL, NULL);
    mode = WSB_EXECUTION_FIBER;
    return failed + cmocka_run_group_tests_name("fibers", tests, NULL, NULL);
}
