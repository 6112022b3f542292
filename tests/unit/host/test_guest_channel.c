/* "wsb_channel", called with every kind of argument. */
#include "unit/host/channel_test.h"

static void test_open_and_close(void **state)
{
    fixture *f = *state;
    assert_int_equal(open_named(f, "jobs"), 0);
    assert_int_equal(open_named(f, "jobs"), 1);
    assert_int_equal(open_named(f, "l\xc3\xb6g"), 2);
    assert_int_equal(CALL(f->instance, "close", 1), 0);
    assert_int_equal(CALL(f->instance, "close", 1), INVALID);
    assert_int_equal(open_named(f, "jobs"), 1);
    for (int i = 3; i < 64; i++)
        assert_int_equal(open_named(f, "jobs"), i);
    assert_int_equal(open_named(f, "jobs"), NO_ROOM);
    assert_int_equal(CALL(f->instance, "close", 17), 0);
    assert_int_equal(open_named(f, "l\xc3\xb6g"), 17);
    assert_int_equal(f->events, 0);
}

static void test_refused_opens_are_reported(void **state)
{
    fixture *f = *state;
    const char *names[] = {"", "job", "jobss", "Jobs", "jobs\x01", "\xff", "absent"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(open_named(f, names[i]), NOT_FOUND);
        assert_int_equal(f->events, i + 1);
        assert_string_equal(f->detail, names[i]);
    }
    assert_int_equal(CALL(f->instance, "open", 0, PAGE), NOT_FOUND);
    assert_int_equal(CALL(f->instance, "open", 0, PAGE + 1), INVALID);
    assert_int_equal(CALL(f->instance, "open", PAGE + 1, 0), INVALID);
    assert_int_equal(CALL(f->instance, "open", 0xffffffff, 0xffffffff), INVALID);
}

static void test_messages_and_results_both_ways(void **state)
{
    fixture *f = *state;
    int64_t jobs = open_named(f, "jobs");
    host_send(f->host, "to the guest");
    MUST(wsb_channel_send_result(f->host, wsb_bytes_of("42", 2), 0, err));
    assert_int_equal(guest_receive(f, jobs, RESULTS, 100, NO_WAIT), 2);
    assert_memory(f->instance, BUFFER, "42", 2);
    assert_int_equal(guest_receive(f, jobs, MESSAGES, 12, NO_WAIT), 12);
    assert_memory(f->instance, BUFFER, "to the guest", 12);
    assert_int_equal(guest_send(f, jobs, MESSAGES, "to the host", NO_WAIT), 0);
    assert_int_equal(guest_send(f, jobs, RESULTS, "", NO_WAIT), 0);
    host_expect(f->host, MESSAGES, "to the host");
    host_expect(f->host, RESULTS, "");
    wsb_channel_stats stats = WSB_CHANNEL_STATS_INIT;
    wsb_channel_get_stats(f->host, &stats);
    assert_int_equal(stats.messages.received_bytes, 11);
    assert_int_equal(stats.messages.sent_bytes, 12);
    assert_int_equal(stats.results.received, 1);
}

static void test_a_message_larger_than_the_room_is_kept(void **state)
{
    fixture *f = *state;
    int64_t jobs = open_named(f, "jobs");
    int64_t again = open_named(f, "jobs");
    host_send(f->host, "0123456789");
    host_send(f->host, "next");
    assert_int_equal(guest_receive(f, jobs, MESSAGES, 9, NO_WAIT), 10);
    assert_int_equal(guest_receive(f, jobs, MESSAGES, 0, NO_WAIT), 10);
    /* Nobody overtakes it, but the other lane is free. */
    assert_int_equal(guest_receive(f, again, MESSAGES, 100, NO_WAIT), NO_ROOM);
    assert_int_equal(guest_receive(f, again, RESULTS, 100, NO_WAIT), WOULD_BLOCK);
    /* It is there for wait(), too. */
    assert_int_equal(guest_wait(f, jobs, CAN_RECEIVE, NO_WAIT), CAN_RECEIVE);
    assert_int_equal(guest_receive(f, jobs, MESSAGES, 10, NO_WAIT), 10);
    assert_memory(f->instance, BUFFER, "0123456789", 10);
    assert_int_equal(guest_receive(f, again, MESSAGES, 3, NO_WAIT), 4);
    assert_int_equal(CALL(f->instance, "close", (uint64_t)again), 0);
    assert_int_equal(guest_receive(f, jobs, MESSAGES, 100, NO_WAIT), WOULD_BLOCK);
}

static void test_a_kept_message_survives_the_other_ends_close(void **state)
{
    fixture *f = *state;
    int64_t jobs = open_named(f, "jobs");
    host_send(f->host, "0123456789");
    assert_int_equal(guest_receive(f, jobs, MESSAGES, 1, NO_WAIT), 10);
    wsb_channel_close(f->host);
    assert_int_equal(guest_receive(f, jobs, MESSAGES, 100, FOREVER), 10);
    assert_int_equal(guest_receive(f, jobs, MESSAGES, 100, FOREVER), CLOSED);
    assert_int_equal(guest_send(f, jobs, MESSAGES, "x", FOREVER), CLOSED);
}

static void test_hostile_transfers(void **state)
{
    fixture *f = *state;
    int64_t jobs = open_named(f, "jobs");
    const struct {
        uint64_t args[5]; /* handle, lane, address, length, timeout */
    } rows[] = {
        {{(uint64_t)-1, 0, 0, 1, 0}},
        {{1, 0, 0, 1, 0}},
        {{63, 0, 0, 1, 0}},
        {{64, 0, 0, 1, 0}},
        {{0x7fffffff, 0, 0, 1, 0}},
        {{0x80000000, 0, 0, 1, 0}},
        {{0, 2, 0, 1, 0}},
        {{0, (uint64_t)-1, 0, 1, 0}},
        {{0, 0, PAGE, 1, 0}},
        {{0, 0, PAGE + 1, 0, 0}},
        {{0, 0, 0xffffffff, 1, 0}},
        {{0, 0, 0xffffffff, 0xffffffff, 0}},
        {{0, 0, 1, PAGE, 0}},
        {{0, 0, 0, 0xffffffff, 0}},
        {{0, 0, 0, 1, (uint64_t)-2}},
        {{0, 0, 0, 1, (uint64_t)INT64_MIN}},
    };
    host_send(f->host, "stays");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(call_raw(f->instance, "send", rows[i].args, 5), INVALID);
        assert_int_equal(call_raw(f->instance, "receive", rows[i].args, 5), INVALID);
    }
    /* Just inside. */
    assert_int_equal(CALL(f->instance, "send", (uint64_t)jobs, 0, PAGE, 0, NO_WAIT), 0);
    assert_int_equal(CALL(f->instance, "send", (uint64_t)jobs, 0, PAGE - 1, 1, INT64_MAX), 0);
    assert_int_equal(CALL(f->instance, "receive", (uint64_t)jobs, 0, PAGE - 5, 5, FOREVER), 5);
    assert_memory(f->instance, PAGE - 5, "stays", 5);
    assert_int_equal(CALL(f->instance, "close", 64), INVALID);
    assert_int_equal(CALL(f->instance, "close", (uint64_t)-1), INVALID);
}

static void test_a_full_channel_and_one_too_small(void **state)
{
    fixture *f = *state;
    int64_t jobs = open_named(f, "jobs");
    wsb_channel_stats stats = WSB_CHANNEL_STATS_INIT;
    assert_int_equal(CALL(f->instance, "send", (uint64_t)jobs, 0, 0, CAPACITY + 1, FOREVER),
                     TOO_LARGE);
    assert_int_equal(CALL(f->instance, "send", (uint64_t)jobs, 0, 0, CAPACITY, FOREVER), 0);
    assert_int_equal(guest_send(f, jobs, MESSAGES, "x", NO_WAIT), WOULD_BLOCK);
    assert_int_equal(guest_send(f, jobs, MESSAGES, "x", 1000000), TIMED_OUT);
    assert_int_equal(guest_send(f, jobs, RESULTS, "x", NO_WAIT), 0);
    wsb_channel_get_stats(f->guest, &stats);
    assert_int_equal(stats.messages.refused, 3);
    assert_true(stats.messages.send_blocked_ns > 0);
    assert_int_equal(guest_wait(f, jobs, CAN_SEND, NO_WAIT), WOULD_BLOCK);
    assert_int_equal(guest_wait(f, jobs, CAN_SEND, 1), TIMED_OUT);
    assert_int_equal(guest_receive(f, jobs, MESSAGES, 100, 1), TIMED_OUT);
}

static void test_memory_that_grows_meanwhile(void **state)
{
    fixture *f = *state;
    int64_t jobs = open_named(f, "jobs");
    host_send(f->host, "far away");
    assert_int_equal(CALL(f->instance, "receive", (uint64_t)jobs, 0, PAGE, 100, NO_WAIT), INVALID);
    assert_int_equal(CALL(f->instance, "grow", 1), 1);
    assert_int_equal(CALL(f->instance, "receive", (uint64_t)jobs, 0, PAGE, 100, NO_WAIT), 8);
    assert_memory(f->instance, PAGE, "far away", 8);
}

static void test_wait_over_several(void **state)
{
    fixture *f = *state;
    uint32_t jobs = (uint32_t)open_named(f, "jobs");
    uint32_t log = (uint32_t)open_named(f, "l\xc3\xb6g");
    const uint32_t entries[3][3] = {{jobs, CAN_RECEIVE, 77},
                                    {log, CAN_SEND | CAN_RECEIVE, 77},
                                    {jobs, CAN_RECEIVE_RESULT | CAN_SEND_RESULT, 77}};
    uint32_t got[3][3];
    put(f->instance, ENTRIES, entries, sizeof entries);
    assert_int_equal(CALL(f->instance, "wait", ENTRIES, 1, NO_WAIT), WOULD_BLOCK);
    MUST(wsb_instance_read_memory(f->instance, ENTRIES, got, sizeof got, err));
    assert_memory_equal(got, entries, sizeof got);
    assert_int_equal(CALL(f->instance, "wait", ENTRIES, 3, FOREVER), 2);
    MUST(wsb_instance_read_memory(f->instance, ENTRIES, got, sizeof got, err));
    assert_int_equal(got[0][2], 0);
    assert_int_equal(got[1][2], CAN_SEND);
    assert_int_equal(got[2][2], CAN_SEND_RESULT);
    host_send(f->host, "x");
    host_send(f->host_log, "y");
    assert_int_equal(CALL(f->instance, "wait", ENTRIES, 3, NO_WAIT), 3);
    MUST(wsb_instance_read_memory(f->instance, ENTRIES, got, sizeof got, err));
    assert_int_equal(got[0][2], CAN_RECEIVE);
    assert_int_equal(got[1][2], CAN_SEND | CAN_RECEIVE);
    /* Nothing was taken by waiting. */
    assert_int_equal(guest_receive(f, jobs, MESSAGES, 10, NO_WAIT), 1);
    assert_int_equal(guest_receive(f, log, MESSAGES, 10, NO_WAIT), 1);
}

static void test_hostile_waits(void **state)
{
    fixture *f = *state;
    uint32_t jobs = (uint32_t)open_named(f, "jobs");
    uint32_t many[64][3];
    for (size_t i = 0; i < 64; i++) {
        many[i][0] = jobs;
        many[i][1] = 15;
        many[i][2] = 0;
    }
    put(f->instance, ENTRIES, many, sizeof many);
    assert_int_equal(CALL(f->instance, "wait", ENTRIES, 64, FOREVER), 64);
    assert_int_equal(CALL(f->instance, "wait", ENTRIES, 65, FOREVER), INVALID);
    assert_int_equal(CALL(f->instance, "wait", ENTRIES, 0, FOREVER), INVALID);
    assert_int_equal(CALL(f->instance, "wait", ENTRIES, 0xffffffff, FOREVER), INVALID);
    assert_int_equal(CALL(f->instance, "wait", PAGE - 11, 1, FOREVER), INVALID);
    assert_int_equal(CALL(f->instance, "wait", 0xfffffff4, 1, FOREVER), INVALID);
    assert_int_equal(CALL(f->instance, "wait", 0xffffffff, 64, FOREVER), INVALID);
    assert_int_equal(CALL(f->instance, "wait", ENTRIES, 1, (uint64_t)-2), INVALID);
    const uint32_t bad[][3] = {{jobs, 0, 0},       {jobs, 16, 0}, {jobs, 0xffffffff, 0}, {1, 1, 0},
                               {0xffffffff, 1, 0}, {64, 1, 0},    {0x10000, 1, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        put(f->instance, ENTRIES + 12, bad[i], sizeof bad[i]);
        assert_int_equal(CALL(f->instance, "wait", ENTRIES, 2, FOREVER), INVALID);
    }
}

static void test_denied_by_default(void **state)
{
    fixture *f = *state;
    wsb_instance *instance = NULL;
    wsb_capabilities none = WSB_CAPABILITIES_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_module *module = compile(f->runtime, driver);
    MUST_FAIL(WSB_ERROR_UNKNOWN_IMPORT, "'wsb_channel.open', 'wsb_channel.send'",
              wsb_instance_create(module, NULL, &instance, err));
    config.capabilities = &none;
    MUST_FAIL(WSB_ERROR_UNKNOWN_IMPORT, "wsb_capabilities.channels",
              wsb_instance_create(module, &config, &instance, err));
    wsb_capabilities_minimal(&none);
    MUST_FAIL(WSB_ERROR_UNKNOWN_IMPORT, "5 of its 5 imports",
              wsb_instance_create(module, &config, &instance, err));
    assert_null(instance);
    wsb_module_destroy(module);
}

/* An instance holds a reference to what it was granted, and gives it back when it goes. */
static void test_the_instances_reference(void **state)
{
    fixture *f = *state;
    wsb_buf message = WSB_BUF_INIT;
    int64_t jobs = open_named(f, "jobs");
    wsb_channel_destroy(f->guest);
    f->guest = NULL;
    assert_int_equal(guest_send(f, jobs, MESSAGES, "last words", NO_WAIT), 0);
    assert_int_equal(CALL(f->instance, "close", (uint64_t)jobs), 0);
    MUST_FAIL(WSB_ERROR_WOULD_BLOCK, "", wsb_channel_receive_result(f->host, &message, 0, err));
    wsb_instance_destroy(f->instance);
    f->instance = NULL;
    MUST(wsb_channel_receive(f->host, &message, UINT64_MAX, err));
    MUST_FAIL(WSB_ERROR_CLOSED, "", wsb_channel_receive(f->host, &message, UINT64_MAX, err));
    wsb_buf_fini(&message);
}

static const char without_memory[] =
    "(module (import \"wsb_channel\" \"open\" (func $open (param i32 i32) (result i32)))"
    " (func (export \"open\") (result i32) (call $open (i32.const 0) (i32.const 0))))";

static void test_a_guest_without_memory(void **state)
{
    fixture *f = *state;
    wsb_channel_grant grant = {wsb_cstr("jobs"), f->guest};
    wsb_capabilities capabilities = WSB_CAPABILITIES_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_raw_value value = {.u64 = 0};
    capabilities.channels = &grant;
    capabilities.channel_count = 1;
    config.capabilities = &capabilities;
    config.mode = test_mode;
    wsb_instance *instance = instantiate(f->runtime, without_memory, &config);
    MUST(wsb_function_call_raw(function_of(instance, "open"), &value, 1, err));
    assert_int_equal(value.i32, INVALID);
    wsb_instance_destroy(instance);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_open_and_close),
        TEST(test_refused_opens_are_reported),
        TEST(test_messages_and_results_both_ways),
        TEST(test_a_message_larger_than_the_room_is_kept),
        TEST(test_a_kept_message_survives_the_other_ends_close),
        TEST(test_hostile_transfers),
        TEST(test_a_full_channel_and_one_too_small),
        TEST(test_memory_that_grows_meanwhile),
        TEST(test_wait_over_several),
        TEST(test_hostile_waits),
        TEST(test_denied_by_default),
        TEST(test_the_instances_reference),
        TEST(test_a_guest_without_memory),
    };
    return RUN_IN_BOTH_MODES(tests, NULL, NULL);
}
