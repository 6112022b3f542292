/* Guests that wait, and are run at once by the thread that sends to them: what they are charged
 * for. */
#include "unit/host/channel_fake.h"

#include <sys/wait.h>
#include <unistd.h>

#include "communication/memory_channel.h"
#include "runtime/instance.h"
#include "runtime/thread.h"

enum { CPU_TIME_MS = 10 };

static pid_t child = -1;

/* Sends, and then does what takes longer than the guest may. */
static wsb_status send_and_compute(void *end, wsb_bytes message)
{
    wsb_status status = wsb__memory_send(end, message);
    uint64_t begin = wsb__cpu_clock_ns(CLOCK_THREAD_CPUTIME_ID);
    while (wsb__cpu_clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin < 3 * CPU_TIME_MS * MS) {
    }
    return status;
}

static wsb_instance *make_limited_guest(fixture *f)
{
    wsb_channel_grant grant = {wsb_cstr(channel_names[0]), f->guest[0]};
    wsb_capabilities capabilities = WSB_CAPABILITIES_INIT;
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    capabilities.channels = &grant;
    capabilities.channel_count = 1;
    limits.max_wall_time = WSB_UNLIMITED;
    limits.max_cpu_time = CPU_TIME_MS * MS;
    config.capabilities = &capabilities;
    config.limits = &limits;
    config.mode = mode;
    MUST(wsb_instance_create(f->module, &config, &f->instances[0], err));
    wsb_raw_value values[2] = {{.i32 = BUFFER}, {.i32 = 1}};
    MUST(wsb_instance_write_memory(f->instances[0], BUFFER, channel_names[0], 1, err));
    MUST(wsb_function_call_raw(function_of(f->instances[0], "callhost 0"), values, 2, err));
    return f->instances[0];
}

static void pass_time(uint64_t ns)
{
    uint64_t begin = wsb__monotonic_ns();
    while (wsb__monotonic_ns() - begin < ns)
        sched_yield();
}

static void until_waiting(const fixture *f)
{
    wsb_executor_stats stats = WSB_EXECUTOR_STATS_INIT;
    while (stats.suspended == 0) {
        sched_yield();
        wsb_executor_get_stats(f->executor, &stats);
    }
}

/* Channel 0 sends to guests in a way of its own. */
static wsb_rpc_channel *open_channel(fixture *f, wsb_status (*send)(void *, wsb_bytes))
{
    static wsb_channel_ops ops;
    wsb_rpc_channel *rpc = NULL;
    ops = wsb__memory_channel_ops;
    ops.send = send;
    wsb_channel_destroy(f->host[0]);
    wsb_channel_destroy(f->guest[0]);
    MUST(wsb_channel_create(&ops, NULL, NULL, &f->host[0], &f->guest[0], err));
    MUST(wsb_rpc_channel_create(f->host[0], NULL, &rpc, err));
    return rpc;
}

/* What the host's own channel does on the way is the host's time. */
static void not_charged_for_what_the_sender_does(void **state)
{
    fixture *f = *state;
    wsb_buf result = WSB_BUF_INIT;
    wsb_rpc_channel *rpc = open_channel(f, send_and_compute);
    wsb_future *future = begin_receive(f, make_limited_guest(f), 0, -1);
    f->instances[1] = make_guest(f);
    wsb_function *open = function_of(f->instances[1], "callhost 0");
    wsb_raw_value values[2] = {{.i32 = BUFFER}, {.i32 = 1}};
    until_waiting(f);
    pass_time(2 * CPU_TIME_MS * MS);
    MUST(wsb_function_call_raw(open, values, 2, err)); /* whose thread's time is known now */
    assert_int_equal(
        wsb_rpc_channel_call(rpc, wsb_cstr("m"), wsb_bytes_of(NULL, 0), 0, &result, NULL),
        WSB_ERROR_TIMEOUT);
    assert_true(must_end(future) > 0);
    wsb_rpc_channel_destroy(rpc);
}

/* A channel that forks: the guest that was woken is the parent's alone. */
static wsb_status send_and_fork(void *end, wsb_bytes message)
{
    wsb_status status = wsb__memory_send(end, message);
    child = fork();
    return status;
}

static void not_run_in_a_forked_child(void **state)
{
    fixture *f = *state;
    wsb_buf result = WSB_BUF_INIT;
    int ended = -1;
    wsb_rpc_channel *rpc = open_channel(f, send_and_fork);
    wsb_future *future = begin_receive(f, make_limited_guest(f), 0, -1);
    until_waiting(f);
    wsb_status status =
        wsb_rpc_channel_call(rpc, wsb_cstr("m"), wsb_bytes_of(NULL, 0), 0, &result, NULL);
    if (child == 0)
        _exit(wsb_future_poll(future));
    assert_int_equal(status, WSB_ERROR_TIMEOUT); /* guests give no answer */
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_int_equal(ended, 0);
    assert_true(must_end(future) > 0);
    wsb_rpc_channel_destroy(rpc);
}

/* Also of one that is stepped in the middle of it, for nothing. */
static void the_whole_wait_is_counted(void **state)
{
    fixture *f = *state;
    wsb_channel_stats stats = WSB_CHANNEL_STATS_INIT;
    wsb_future *future = begin_receive(f, make_limited_guest(f), 0, -1);
    until_waiting(f);
    pass_time(2 * CPU_TIME_MS * MS);
    wsb__task_wake(f->instances[0]->fiber->task);
    until_waiting(f);
    assert_int_equal(host_send(f->host[0], 5, 0), WSB_OK);
    assert_int_equal(must_end(future), 5);
    wsb_channel_get_stats(f->guest[0], &stats);
    assert_true(stats.messages.receive_blocked_ns >= 2 * CPU_TIME_MS * MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(not_charged_for_what_the_sender_does),
        TEST(not_run_in_a_forked_child),
        TEST(the_whole_wait_is_counted),
    };
    mode = WSB_EXECUTION_FIBER;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
