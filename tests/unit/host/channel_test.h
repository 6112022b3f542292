/* A guest whose exports are the functions of "wsb_channel", with two channels to the host. */
#ifndef WSB_TESTS_CHANNEL_TEST_H
#define WSB_TESTS_CHANNEL_TEST_H

#include "unit/host/host_test.h"

enum { BUFFER = 1024, ENTRIES = 8192, PAGE = 65536, CAPACITY = 4096 };
enum { MESSAGES = 0, RESULTS = 1 };
enum { CAN_RECEIVE = 1, CAN_SEND = 2, CAN_RECEIVE_RESULT = 4, CAN_SEND_RESULT = 8 };
enum {
    INVALID = -1,
    NOT_FOUND = -2,
    WOULD_BLOCK = -3,
    TIMED_OUT = -4,
    CLOSED = -5,
    TOO_LARGE = -6,
    NO_ROOM = -7
};

#define NO_WAIT ((uint64_t)0)
#define FOREVER ((uint64_t)-1)

static const char driver[] =
    "(module (import \"wsb_channel\" \"open\" (func $open (param i32 i32) (result i32)))"
    " (import \"wsb_channel\" \"send\" (func $send (param i32 i32 i32 i32 i64) (result i32)))"
    " (import \"wsb_channel\" \"receive\""
    "  (func $receive (param i32 i32 i32 i32 i64) (result i64)))"
    " (import \"wsb_channel\" \"wait\" (func $wait (param i32 i32 i64) (result i32)))"
    " (import \"wsb_channel\" \"close\" (func $close (param i32) (result i32)))"
    " (memory (export \"memory\") 1 4)"
    " (func (export \"open\") (param i32 i32) (result i32)"
    "  (call $open (local.get 0) (local.get 1)))"
    " (func (export \"send\") (param i32 i32 i32 i32 i64) (result i32)"
    "  (call $send (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4)))"
    " (func (export \"receive\") (param i32 i32 i32 i32 i64) (result i64)"
    "  (call $receive (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4)))"
    " (func (export \"wait\") (param i32 i32 i64) (result i32)"
    "  (call $wait (local.get 0) (local.get 1) (local.get 2)))"
    " (func (export \"close\") (param i32) (result i32) (call $close (local.get 0)))"
    " (func (export \"grow\") (param i32) (result i32) (memory.grow (local.get 0)))"
    /* Sends each message back as a result, until something fails; gives what failed. */
    " (func (export \"echo\") (param $channel i32) (result i32)"
    "  (local $length i64) (local $sent i32)"
    "  (loop $next"
    "   (local.set $length (call $receive (local.get $channel) (i32.const 0) (i32.const 1024)"
    "    (i32.const 4096) (i64.const -1)))"
    "   (if (i64.lt_s (local.get $length) (i64.const 0))"
    "    (then (return (i32.wrap_i64 (local.get $length)))))"
    "   (local.set $sent (call $send (local.get $channel) (i32.const 1) (i32.const 1024)"
    "    (i32.wrap_i64 (local.get $length)) (i64.const -1)))"
    "   (br_if $next (i32.eqz (local.get $sent))))"
    "  (local.get $sent)))";

typedef struct fixture {
    wsb_runtime *runtime;
    wsb_instance *instance;
    wsb_channel *host; /* of "jobs" */
    wsb_channel *guest;
    wsb_channel *host_log; /* of "lög" */
    wsb_channel *guest_log;
    unsigned events;
    char detail[300];
} fixture;

static inline void on_event(const wsb_event *event, void *user_data)
{
    fixture *f = user_data;
    if (event->kind != WSB_EVENT_ACCESS_DENIED)
        return;
    assert_string_equal(event->operation, "channel_open");
    assert_string_equal(event->subject, "channels");
    assert_true(event->detail.len < sizeof f->detail);
    if (event->detail.len > 0)
        memcpy(f->detail, event->detail.data, event->detail.len);
    f->detail[event->detail.len] = '\0';
    f->events++;
}

/* `wall_time` 0: the default. */
static inline wsb_instance *make_instance(fixture *f, uint64_t wall_time)
{
    const wsb_channel_grant grants[] = {{wsb_cstr("jobs"), f->guest},
                                        {wsb_cstr("l\xc3\xb6g"), f->guest_log}};
    wsb_capabilities capabilities = WSB_CAPABILITIES_INIT;
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    capabilities.channels = grants;
    capabilities.channel_count = 2;
    limits.max_wall_time = wall_time;
    config.capabilities = &capabilities;
    config.limits = &limits;
    config.on_event = on_event;
    config.on_event_data = f;
    config.mode = test_mode;
    return instantiate(f->runtime, driver, &config);
}

static inline int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    MUST(wsb_runtime_create(test_engine(), NULL, &f->runtime, err));
    MUST(wsb_memory_channel_create(CAPACITY, &f->host, &f->guest, err));
    MUST(wsb_memory_channel_create(CAPACITY, &f->host_log, &f->guest_log, err));
    f->instance = make_instance(f, 0);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    fixture *f = *state;
    wsb_instance_destroy(f->instance);
    wsb_channel_destroy(f->host);
    wsb_channel_destroy(f->guest);
    wsb_channel_destroy(f->host_log);
    wsb_channel_destroy(f->guest_log);
    wsb_runtime_destroy(f->runtime);
    free(f);
    return 0;
}

static inline int64_t open_named(fixture *f, const char *name)
{
    uint32_t len = put_text(f->instance, 0, name);
    return CALL(f->instance, "open", 0, len);
}

static inline int64_t guest_send(fixture *f, int64_t handle, int lane, const char *text,
                                 uint64_t timeout)
{
    uint32_t len = put_text(f->instance, BUFFER, text);
    return CALL(f->instance, "send", (uint64_t)handle, (uint64_t)lane, BUFFER, len, timeout);
}

static inline int64_t guest_receive(fixture *f, int64_t handle, int lane, uint32_t room,
                                    uint64_t timeout)
{
    return CALL(f->instance, "receive", (uint64_t)handle, (uint64_t)lane, BUFFER, room, timeout);
}

/* Waits with one entry; gives what is ready, or an error. */
static inline int64_t guest_wait(fixture *f, int64_t handle, uint32_t events, uint64_t timeout)
{
    uint32_t entry[3] = {(uint32_t)handle, events, 0};
    put(f->instance, ENTRIES, entry, sizeof entry);
    int64_t result = CALL(f->instance, "wait", ENTRIES, 1, timeout);
    if (result < 0)
        return result;
    assert_int_equal(result, 1);
    MUST(wsb_instance_read_memory(f->instance, ENTRIES, entry, sizeof entry, err));
    return entry[2];
}

static inline void host_send(wsb_channel *channel, const char *text)
{
    MUST(wsb_channel_send(channel, wsb_bytes_of(text, strlen(text)), 0, err));
}

static inline void host_expect(wsb_channel *channel, int lane, const char *text)
{
    wsb_buf message = WSB_BUF_INIT;
    MUST(lane == MESSAGES ? wsb_channel_receive(channel, &message, UINT64_MAX, err)
                          : wsb_channel_receive_result(channel, &message, UINT64_MAX, err));
    assert_int_equal(message.len, strlen(text));
    if (message.len > 0)
        assert_memory_equal(message.data, text, message.len);
    wsb_buf_fini(&message);
}

#endif
