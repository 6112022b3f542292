/* Guests that wait in "wsb_channel", and what ends their waits. */
#include "unit/host/channel_test.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#define MS ((uint64_t)1000000)

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* What another thread does once the guest is inside of its next host call. */
typedef struct other {
    fixture *f;
    void (*act)(fixture *f);
    uint64_t calls_before;
    pthread_t thread;
} other;

static uint64_t host_calls(const fixture *f)
{
    wsb_usage usage = WSB_USAGE_INIT;
    wsb_instance_usage(f->instance, &usage);
    return usage.host_calls;
}

static void *run_other(void *data)
{
    other *o = data;
    while (host_calls(o->f) == o->calls_before)
        sched_yield();
    o->act(o->f);
    return NULL;
}

static void begin(other *o, fixture *f, void (*act)(fixture *f))
{
    *o = (other){.f = f, .act = act, .calls_before = host_calls(f)};
    assert_int_equal(pthread_create(&o->thread, NULL, run_other, o), 0);
}

static void end(other *o)
{
    assert_int_equal(pthread_join(o->thread, NULL), 0);
}

static void send_one(fixture *f)
{
    host_send(f->host, "late");
}

static void send_result(fixture *f)
{
    MUST(wsb_channel_send_result(f->host, wsb_bytes_of("r", 1), 0, err));
}

static void take_one(fixture *f)
{
    wsb_buf message = WSB_BUF_INIT;
    MUST(wsb_channel_receive(f->host, &message, UINT64_MAX, err));
    wsb_buf_fini(&message);
}

static void close_host(fixture *f)
{
    wsb_channel_close(f->host);
}

static void close_guest(fixture *f)
{
    wsb_channel_close(f->guest);
}

static void cancel(fixture *f)
{
    wsb_instance_cancel(f->instance);
}

static void test_receive_ends(void **state)
{
    fixture *f = *state;
    int64_t jobs = open_named(f, "jobs");
    other o;
    begin(&o, f, send_one);
    assert_int_equal(guest_receive(f, jobs, MESSAGES, 100, FOREVER), 4);
    end(&o);
    assert_memory(f->instance, BUFFER, "late", 4);
    begin(&o, f, send_result);
    assert_int_equal(guest_receive(f, jobs, RESULTS, 100, 60000 * MS), 1);
    end(&o);
    begin(&o, f, close_host);
    assert_int_equal(guest_receive(f, jobs, RESULTS, 100, FOREVER), CLOSED);
    end(&o);
}

static void test_receive_ends_when_its_own_end_is_closed(void **state)
{
    fixture *f = *state;
    int64_t jobs = open_named(f, "jobs");
    other o;
    begin(&o, f, close_guest);
    assert_int_equal(guest_receive(f, jobs, MESSAGES, 100, FOREVER), CLOSED);
    end(&o);
}

static void test_send_ends(void **state)
{
    fixture *f = *state;
    int64_t jobs = open_named(f, "jobs");
    wsb_channel_stats stats = WSB_CHANNEL_STATS_INIT;
    other o;
    assert_int_equal(CALL(f->instance, "send", (uint64_t)jobs, 0, 0, CAPACITY, NO_WAIT), 0);
    begin(&o, f, take_one);
    assert_int_equal(CALL(f->instance, "send", (uint64_t)jobs, 0, 0, CAPACITY, FOREVER), 0);
    end(&o);
    wsb_channel_get_stats(f->guest, &stats);
    assert_int_equal(stats.messages.refused, 0);
    begin(&o, f, close_host);
    assert_int_equal(CALL(f->instance, "send", (uint64_t)jobs, 0, 0, CAPACITY, FOREVER), CLOSED);
    end(&o);
}

static void test_wait_ends(void **state)
{
    fixture *f = *state;
    int64_t jobs = open_named(f, "jobs");
    other o;
    begin(&o, f, send_one);
    assert_int_equal(guest_wait(f, jobs, CAN_RECEIVE | CAN_RECEIVE_RESULT, FOREVER), CAN_RECEIVE);
    end(&o);
    assert_int_equal(guest_receive(f, jobs, MESSAGES, 100, NO_WAIT), 4);
    begin(&o, f, close_host);
    assert_int_equal(guest_wait(f, jobs, CAN_RECEIVE_RESULT, 60000 * MS), CAN_RECEIVE_RESULT);
    end(&o);
}

static void test_timeouts(void **state)
{
    fixture *f = *state;
    int64_t jobs = open_named(f, "jobs");
    uint64_t start = now_ns();
    assert_int_equal(guest_receive(f, jobs, MESSAGES, 100, 20 * MS), TIMED_OUT);
    assert_true(now_ns() - start >= 20 * MS);
    start = now_ns();
    assert_int_equal(guest_wait(f, jobs, CAN_RECEIVE, 20 * MS), TIMED_OUT);
    assert_true(now_ns() - start >= 20 * MS);
    /* Nothing is left behind: a message for the next one is not lost. */
    host_send(f->host, "x");
    assert_int_equal(guest_receive(f, jobs, MESSAGES, 100, FOREVER), 1);
}

static wsb_status call_to_its_end(fixture *f, const char *name, const wsb_raw_value *args)
{
    wsb_raw_value values[8];
    wsb_error *error = NULL;
    memcpy(values, args, 5 * sizeof *args);
    wsb_status status = wsb_function_call_raw(function_of(f->instance, name), values, 8, &error);
    wsb_error_destroy(error);
    return status;
}

/* receive, send and wait that would take for ever. */
static void expect_endings(fixture *f, uint64_t wall_time, void (*act)(fixture *f),
                           wsb_status expected)
{
    static const uint8_t filling[CAPACITY / 2];
    const uint32_t entry[3] = {0, CAN_RECEIVE, 0};
    const wsb_raw_value receive[5] = {
        {.u32 = 0}, {.u32 = 0}, {.u32 = BUFFER}, {.u32 = 9}, {.i64 = -1}};
    const wsb_raw_value send[5] = {
        {.u32 = 0}, {.u32 = 0}, {.u32 = 0}, {.u32 = CAPACITY}, {.i64 = -1}};
    const wsb_raw_value wait[5] = {{.u32 = ENTRIES}, {.u32 = 1}, {.i64 = -1}};
    const struct {
        const char *name;
        const wsb_raw_value *args;
    } rows[] = {{"receive", receive}, {"send", send}, {"wait", wait}};
    MUST(wsb_channel_send(f->guest, wsb_bytes_of(filling, sizeof filling), 0, err));
    for (size_t i = 0; i < 3; i++) {
        other o;
        wsb_instance_destroy(f->instance);
        f->instance = make_instance(f, wall_time);
        assert_int_equal(open_named(f, "jobs"), 0);
        put(f->instance, ENTRIES, entry, sizeof entry);
        if (act)
            begin(&o, f, act);
        assert_int_equal(call_to_its_end(f, rows[i].name, rows[i].args), expected);
        if (act)
            end(&o);
    }
    /* What the ended ones waited for reaches others. */
    host_send(f->host, "for the next");
    host_expect(f->guest, MESSAGES, "for the next");
}

static void test_the_deadline_ends_them(void **state)
{
    expect_endings(*state, 30 * MS, NULL, WSB_ERROR_TIMEOUT);
}

static void test_a_cancellation_ends_them(void **state)
{
    expect_endings(*state, 0, cancel, WSB_ERROR_CANCELLED);
}

/* A guest that echoes, in a thread of its own. */
typedef struct echoing {
    wsb_instance *instance;
    pthread_t thread;
    int64_t result;
} echoing;

static void *run_echo(void *data)
{
    echoing *e = data;
    uint32_t len = put_text(e->instance, 0, "jobs");
    int64_t jobs = CALL(e->instance, "open", 0, len);
    e->result = CALL(e->instance, "echo", (uint64_t)jobs);
    return NULL;
}

static void start_echo(fixture *f, echoing *e)
{
    e->instance = make_instance(f, WSB_UNLIMITED);
    assert_int_equal(pthread_create(&e->thread, NULL, run_echo, e), 0);
}

static void finish_echo(echoing *e)
{
    assert_int_equal(pthread_join(e->thread, NULL), 0);
    assert_int_equal(e->result, CLOSED);
    wsb_instance_destroy(e->instance);
}

static void test_no_wake_is_lost_in_ping_pong(void **state)
{
    fixture *f = *state;
    echoing e;
    char text[16];
    start_echo(f, &e);
    for (int i = 0; i < 2000; i++) {
        snprintf(text, sizeof text, "%d", i);
        host_send(f->host, text);
        host_expect(f->host, RESULTS, text);
    }
    wsb_channel_close(f->host);
    finish_echo(&e);
}

/* Several guests at one end, which is full most of the time. */
static void test_guests_that_share_an_end(void **state)
{
    fixture *f = *state;
    enum { GUESTS = 3, COUNT = 2000 };
    echoing guests[GUESTS];
    static uint8_t data[700];
    wsb_buf message = WSB_BUF_INIT;
    int sent = 0;
    for (int i = 0; i < GUESTS; i++)
        start_echo(f, &guests[i]);
    for (int received = 0; received < COUNT;) {
        while (sent < COUNT &&
               wsb_channel_send(f->host, wsb_bytes_of(data, sizeof data), 0, NULL) == WSB_OK)
            sent++;
        MUST(wsb_channel_receive_result(f->host, &message, UINT64_MAX, err));
        assert_int_equal(message.len, sizeof data);
        received++;
    }
    wsb_buf_fini(&message);
    wsb_channel_close(f->host);
    for (int i = 0; i < GUESTS; i++)
        finish_echo(&guests[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_receive_ends),
        TEST(test_receive_ends_when_its_own_end_is_closed),
        TEST(test_send_ends),
        TEST(test_wait_ends),
        TEST(test_timeouts),
        TEST(test_the_deadline_ends_them),
        TEST(test_a_cancellation_ends_them),
        TEST(test_no_wake_is_lost_in_ping_pong),
        TEST(test_guests_that_share_an_end),
    };
    return RUN_IN_BOTH_MODES(tests, NULL, NULL);
}
