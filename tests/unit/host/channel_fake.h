/* Guests of the fake engine that have four channels to the host, in asynchronous calls. */
#ifndef WSB_TESTS_CHANNEL_FAKE_H
#define WSB_TESTS_CHANNEL_FAKE_H

#include "unit/runtime_fake/fake_runtime.h"

#include <sched.h>
#include <stdatomic.h>

#include "host/channel/module.h"
#include "runtime/ticks.h"

enum {
    GUESTS = 8,
    CALLS = 20,
    CHANNELS = 4,
    BUFFER = 1024,
    ROOM = 512,
    ENTRIES = 8192,
    ENTRY_WORDS = 3
};
enum { CAN_RECEIVE = 1, TIMED_OUT = -4, CLOSED = -5 };

#define FOREVER UINT64_MAX
#define MS UINT64_C(1000000)
#define PATIENCE (60000 * MS)

/* Each export calls the import of its number with its own parameters. */
static const char guest_text[] =
    "(module (import \"wsb_channel\" \"open\" (func (param i32 i32) (result i32)))"
    " (import \"wsb_channel\" \"send\" (func (param i32 i32 i32 i32 i64) (result i32)))"
    " (import \"wsb_channel\" \"receive\" (func (param i32 i32 i32 i32 i64) (result i64)))"
    " (import \"wsb_channel\" \"wait\" (func (param i32 i32 i64) (result i32)))"
    " (memory (export \"memory\") 1 4)"
    " (func (export \"callhost 0\") (param i32 i32) (result i32) i32.const 0)"
    " (func (export \"callhost 1\") (param i32 i32 i32 i32 i64) (result i32) i32.const 0)"
    " (func (export \"callhost 2\") (param i32 i32 i32 i32 i64) (result i64) i64.const 0)"
    " (func (export \"callhost 3\") (param i32 i32 i64) (result i32) i32.const 0))";

static wsb_execution_mode mode; /* of the tests that run now */

typedef struct fixture {
    wsb_runtime *runtime;
    wsb_module *module;
    wsb_executor *executor;
    wsb_channel *host[CHANNELS];
    wsb_channel *guest[CHANNELS];
    wsb_instance *instances[GUESTS];
    uint64_t wall_time; /* of instances that are made next */
} fixture;

static inline int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    wsb_runtime_options options = WSB_RUNTIME_OPTIONS_INIT;
    wsb_executor_options executor = WSB_EXECUTOR_OPTIONS_INIT;
    assert_non_null(f);
    options.max_fibers = mode == WSB_EXECUTION_FIBER ? 100 : 0;
    executor.workers = mode == WSB_EXECUTION_FIBER ? 2 : GUESTS + 2;
    executor.max_threads = GUESTS + 2;
    MUST(fake_runtime_of(wsb_fake_engine_ops(), &options, &f->runtime, err));
    MUST(wsb_runtime_register_host_module(f->runtime, &wsb__guest_channel_module, err));
    MUST(wsb_executor_create(&executor, &f->executor, err));
    f->module = compile(f->runtime, guest_text);
    f->wall_time = WSB_UNLIMITED;
    for (size_t i = 0; i < CHANNELS; i++)
        MUST(wsb_memory_channel_create(ROOM, &f->host[i], &f->guest[i], err));
    *state = f;
    return 0;
}

static inline void drop_channels(fixture *f)
{
    for (size_t i = 0; i < CHANNELS; i++) {
        wsb_channel_destroy(f->host[i]);
        wsb_channel_destroy(f->guest[i]);
        f->host[i] = f->guest[i] = NULL;
    }
}

static inline void drop_instances(fixture *f)
{
    for (size_t i = 0; i < GUESTS; i++) {
        wsb_instance_destroy(f->instances[i]);
        f->instances[i] = NULL;
    }
}

static inline int tear_down(void **state)
{
    fixture *f = *state;
    drop_instances(f);
    drop_channels(f);
    wsb_module_destroy(f->module);
    wsb_executor_destroy(f->executor);
    wsb_runtime_destroy(f->runtime);
    free(f);
    wsb_fake_engine_counts live = wsb_fake_engine_live();
    return live.engines != 0 || live.modules != 0 || live.instances != 0 || live.suspended != 0;
}

static const char *const channel_names[CHANNELS] = {"a", "b", "c", "d"};

static inline wsb_instance *instantiate_guest(fixture *f)
{
    wsb_channel_grant grants[CHANNELS];
    wsb_capabilities capabilities = WSB_CAPABILITIES_INIT;
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_instance *instance;
    for (size_t i = 0; i < CHANNELS; i++)
        grants[i] = (wsb_channel_grant){wsb_cstr(channel_names[i]), f->guest[i]};
    capabilities.channels = grants;
    capabilities.channel_count = CHANNELS;
    limits.max_wall_time = f->wall_time;
    config.capabilities = &capabilities;
    config.limits = &limits;
    config.mode = mode;
    MUST(wsb_instance_create(f->module, &config, &instance, err));
    return instance;
}

/* Handle i is channel i. */
static inline wsb_status open_channels(wsb_instance *instance)
{
    wsb_status status = WSB_OK;
    for (size_t i = 0; i < CHANNELS && status == WSB_OK; i++) {
        wsb_raw_value values[2] = {{.i32 = BUFFER}, {.i32 = 1}};
        MUST(wsb_instance_write_memory(instance, BUFFER, channel_names[i], 1, err));
        status = wsb_function_call_raw(function_of(instance, "callhost 0"), values, 2, NULL);
        if (status == WSB_OK)
            assert_int_equal(values[0].i32, i);
    }
    return status;
}

/* All channels are granted and open. A limit of time can be over in that, on a busy machine. */
static inline wsb_instance *make_guest(fixture *f)
{
    for (;;) {
        wsb_instance *instance = instantiate_guest(f);
        wsb_status status = open_channels(instance);
        if (status == WSB_OK)
            return instance;
        wsb_instance_destroy(instance);
        assert_int_equal(status, WSB_ERROR_TIMEOUT);
    }
}

static inline void make_guests(fixture *f)
{
    for (size_t i = 0; i < GUESTS; i++)
        f->instances[i] = make_guest(f);
}

static inline wsb_future *call(fixture *f, wsb_instance *instance, const char *name,
                               const wsb_value *args, size_t count)
{
    wsb_future *future = NULL;
    wsb_async_options options = WSB_ASYNC_OPTIONS_INIT;
    options.executor = f->executor;
    MUST(wsb_function_call_async(function_of(instance, name), args, count, &options, &future, err));
    return future;
}

static inline wsb_future *begin_transfer(fixture *f, wsb_instance *instance, const char *name,
                                         int handle, int len, int64_t timeout)
{
    const wsb_value args[] = {wsb_value_i32(handle), wsb_value_i32(0), wsb_value_i32(BUFFER),
                              wsb_value_i32(len), wsb_value_i64(timeout)};
    return call(f, instance, name, args, 5);
}

static inline wsb_future *begin_receive(fixture *f, wsb_instance *instance, int handle,
                                        int64_t timeout)
{
    return begin_transfer(f, instance, "callhost 2", handle, ROOM, timeout);
}

static inline wsb_future *begin_send(fixture *f, wsb_instance *instance, int handle, int len,
                                     int64_t timeout)
{
    return begin_transfer(f, instance, "callhost 1", handle, len, timeout);
}

/* For a message on each of the channels. */
static inline wsb_future *begin_wait(fixture *f, wsb_instance *instance, int64_t timeout)
{
    uint32_t entries[CHANNELS * ENTRY_WORDS];
    const wsb_value args[] = {wsb_value_i32(ENTRIES), wsb_value_i32(CHANNELS),
                              wsb_value_i64(timeout)};
    for (uint32_t i = 0; i < CHANNELS; i++) {
        entries[i * ENTRY_WORDS] = i;
        entries[i * ENTRY_WORDS + 1] = CAN_RECEIVE;
        entries[i * ENTRY_WORDS + 2] = 77;
    }
    MUST(wsb_instance_write_memory(instance, ENTRIES, entries, sizeof entries, err));
    return call(f, instance, "callhost 3", args, 3);
}

/* How the call ended; its number where that is well. */
static inline wsb_status end(wsb_future *future, int64_t *out_result)
{
    wsb_value result = wsb_value_i64(0);
    if (!wsb_future_wait(future, PATIENCE))
        fail_msg("a guest was not woken");
    wsb_status status = wsb_future_take_values(future, &result, 1, NULL);
    *out_result = result.type == WSB_I32 ? result.of.i32 : result.of.i64;
    wsb_future_destroy(future);
    return status;
}

static inline int64_t must_end(wsb_future *future)
{
    int64_t result;
    assert_int_equal(end(future, &result), WSB_OK);
    return result;
}

static inline wsb_status host_send(wsb_channel *channel, size_t len, uint64_t timeout)
{
    static const char zeros[ROOM];
    return wsb_channel_send(channel, wsb_bytes_of(zeros, len), timeout, NULL);
}

static inline uint64_t received_by(wsb_channel *end)
{
    wsb_channel_stats stats = WSB_CHANNEL_STATS_INIT;
    wsb_channel_get_stats(end, &stats);
    return stats.messages.received;
}

static inline void until_received(wsb_channel *end, uint64_t count)
{
    uint64_t begin = wsb__monotonic_ns();
    while (received_by(end) < count) {
        if (wsb__monotonic_ns() - begin > PATIENCE)
            fail_msg("nobody was woken for a message");
        sched_yield();
    }
}

/* Fibers only: so many guests wait. */
static inline void until_suspended(long count)
{
    while (wsb_fake_engine_live().suspended < count)
        sched_yield();
}

/* A host thread. */
typedef struct worker {
    fixture *f;
    size_t number;
    uint64_t count;
    uint64_t bytes;
    int wrong;
} worker;

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
