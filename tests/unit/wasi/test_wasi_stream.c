/* Arguments, streams, clocks, random numbers and poll_oneoff. */
#include "wasi_double.h"

#include <signal.h>
#include <time.h>

static void test_strings(void **state)
{
    (void)state;
    guest *g = guest_new();
    const wsb_str arguments[] = {wsb_cstr("prog"), {NULL, 0}, wsb_cstr("two words")};
    const wsb_environment_variable variables[] = {{wsb_cstr("A"), wsb_cstr("1")},
                                                  {wsb_cstr("EMPTY"), {NULL, 0}}};
    g->capabilities.arguments = arguments;
    g->capabilities.argument_count = 3;
    g->capabilities.environment = variables;
    g->capabilities.environment_count = 2;
    guest_start(g);
    assert_int_equal(CALL(args_sizes_get, AT_RESULT, AT_RESULT + 4), 0);
    assert_int_equal(wsb__get32(g->memory + AT_RESULT), 3);
    assert_int_equal(wsb__get32(g->memory + AT_RESULT + 4), 16);
    assert_int_equal(CALL(args_get, AT_RESULT, AT_DATA), 0);
    assert_memory_equal(g->memory + AT_DATA, "prog\0\0two words", 16);
    assert_int_equal(wsb__get32(g->memory + AT_RESULT + 8), AT_DATA + 6);
    assert_int_equal(CALL(environ_sizes_get, AT_RESULT, AT_RESULT + 4), 0);
    assert_int_equal(wsb__get32(g->memory + AT_RESULT + 4), 11);
    assert_int_equal(CALL(environ_get, AT_RESULT, AT_DATA), 0);
    assert_memory_equal(g->memory + AT_DATA, "A=1\0EMPTY=", 11);
    assert_int_equal(CALL(args_get, GUEST_MEMORY - 11, AT_DATA), WASI_EFAULT);
    assert_int_equal(CALL(args_get, AT_RESULT, GUEST_MEMORY - 15), WASI_EFAULT);
    guest_end(g);
}

static int read_some(guest *g, uint32_t length)
{
    put_iovec(g, 0, AT_DATA, length);
    return CALL(fd_read, 0, AT_IOVEC, 1, AT_RESULT);
}

static void test_nothing_granted(void **state)
{
    (void)state;
    guest *g = guest_new();
    guest_start(g);
    assert_int_equal(read_some(g, 1), WASI_EBADF);
    assert_int_equal(write_text(g, 1, "x"), WASI_EBADF);
    assert_int_equal(write_text(g, 2, "x"), WASI_EBADF);
    assert_int_equal(CALL(clock_time_get, 0, 0, AT_RESULT), WASI_ENOTSUP);
    assert_int_equal(CALL(clock_time_get, 1, 0, AT_RESULT), WASI_ENOTSUP);
    assert_int_equal(CALL(clock_time_get, 2, 0, AT_RESULT), WASI_ENOTSUP);
    assert_int_equal(CALL(clock_time_get, 4, 0, AT_RESULT), WASI_EINVAL);
    assert_int_equal(CALL(clock_res_get, 1, AT_RESULT), WASI_ENOTSUP);
    assert_int_equal(CALL(random_get, AT_DATA, 8), WASI_ENOTSUP);
    assert_int_equal(g->last_kind, WSB_EVENT_ACCESS_DENIED);
    assert_int_equal(CALL(sock_shutdown, 1, 0), WASI_EBADF);
    assert_int_equal(CALL(fd_prestat_get, 3, AT_RESULT), WASI_EBADF);
    guest_end(g);
}

static void test_input_bytes(void **state)
{
    (void)state;
    guest *g = guest_new();
    g->capabilities.standard_input.kind = WSB_INPUT_BYTES;
    g->capabilities.standard_input.bytes = wsb_bytes_of("hello", 5);
    guest_start(g);
    assert_int_equal(read_some(g, 3), 0);
    assert_int_equal(result32(g), 3);
    assert_int_equal(read_some(g, 3), 0);
    assert_int_equal(result32(g), 2);
    assert_memory_equal(g->memory + AT_DATA, "lo", 2);
    assert_int_equal(read_some(g, 3), 0);
    assert_int_equal(result32(g), 0);
    assert_int_equal(write_text(g, 0, "x"), WASI_EBADF);
    assert_int_equal(CALL(fd_seek, 0, 0, 0, AT_RESULT), WASI_ESPIPE);
    assert_int_equal(CALL(sock_recv, 0, 0, 0, 0, 0, 0), WASI_ENOTSOCK);
    guest_end(g);
}

static int pipe_fds[2];

static void feed_pipe(guest *g)
{
    (void)g;
    assert_int_equal(write(pipe_fds[1], "data", 4), 4);
    while_waiting = NULL;
}

static void test_input_pipe(void **state)
{
    (void)state;
    guest *g = guest_new();
    assert_int_equal(pipe(pipe_fds), 0);
    g->capabilities.standard_input.kind = WSB_INPUT_FD;
    g->capabilities.standard_input.fd = pipe_fds[0];
    guest_start(g);
    while_waiting = feed_pipe;
    assert_int_equal(read_some(g, 100), 0);
    assert_int_equal(result32(g), 4);
    assert_true(g->waits > 0);
    close(pipe_fds[1]);
    assert_int_equal(read_some(g, 100), 0);
    assert_int_equal(result32(g), 0);
    assert_int_equal(fcntl(pipe_fds[0], F_GETFL) & O_NONBLOCK, 0); /* the host's own is as it was */
    guest_end(g);
    close(pipe_fds[0]);
}

static int asked;

static wsb_status input(uint8_t *buffer, size_t capacity, size_t *out_count, void *user_data)
{
    (void)user_data;
    if (++asked % 3 != 0) {
        *out_count = 0;
        return WSB_ERROR_WOULD_BLOCK;
    }
    *out_count = capacity < 3 ? capacity : 3;
    memcpy(buffer, "abc", *out_count);
    return asked > 6 ? WSB_ERROR_IO : WSB_OK;
}

static void test_input_callback(void **state)
{
    (void)state;
    guest *g = guest_new();
    asked = 0;
    g->capabilities.standard_input =
        (wsb_input){.kind = WSB_INPUT_CALLBACK, .read = input, .poll_ns = 1000};
    guest_start(g);
    assert_int_equal(read_some(g, 100), 0);
    assert_int_equal(result32(g), 3);
    assert_int_equal(g->waits, 2);
    assert_int_equal(read_some(g, 2), 0);
    assert_int_equal(result32(g), 2);
    assert_int_equal(read_some(g, 100), WASI_EIO);
    guest_end(g);
}

/* The functions behind wsb_instance_output() take the instance; the double is one. */
static void expect_output(guest *g, wsb_stream stream, const char *text, bool truncated)
{
    bool cut = !truncated;
    wsb_bytes out = wsb_instance_output((const wsb_instance *)(const void *)g, stream, &cut);
    assert_int_equal(out.len, strlen(text));
    assert_memory_equal(out.data ? (const char *)out.data : "", text, out.len);
    assert_int_equal(cut, truncated);
}

static void test_capture(void **state)
{
    (void)state;
    guest *g = guest_new();
    g->limits.max_output = 10;
    g->capabilities.standard_output.kind = WSB_OUTPUT_CAPTURE;
    g->capabilities.standard_error.kind = WSB_OUTPUT_CAPTURE;
    guest_start(g);
    expect_output(g, WSB_STANDARD_OUTPUT, "", false);
    assert_int_equal(write_text(g, 1, "hello"), 0);
    assert_int_equal(write_text(g, 2, "err"), 0);
    assert_int_equal(g->events, 0);
    assert_int_equal(write_text(g, 1, "world"), 0);
    assert_int_equal(result32(g), 2);
    assert_int_equal(g->events, 1);
    assert_string_equal(g->last_subject, "max_output");
    assert_int_equal(write_text(g, 1, "x"), WASI_EPIPE);
    assert_int_equal(write_text(g, 2, "x"), WASI_EPIPE);
    assert_int_equal(g->events, 1);
    expect_output(g, WSB_STANDARD_OUTPUT, "hellowo", true);
    expect_output(g, WSB_STANDARD_ERROR, "err", true);
    /* The next call's limit is for what is kept from this one too. */
    g->ops->call_begin(g->state);
    assert_int_equal(write_text(g, 1, "!"), WASI_EPIPE);
    wsb_instance_clear_output((wsb_instance *)(void *)g);
    expect_output(g, WSB_STANDARD_OUTPUT, "", false);
    assert_int_equal(write_text(g, 1, "!"), 0);
    expect_output(g, WSB_STANDARD_OUTPUT, "!", false);
    assert_int_equal(g->counters[WSB_COUNTER_OUTPUT_BYTES], 11);
    guest_end(g);
}

static char taken[100];

static wsb_status take(wsb_bytes data, void *user_data)
{
    (void)user_data;
    if (data.len == 1)
        return WSB_ERROR_IO;
    strncat(taken, (const char *)data.data, data.len);
    return WSB_OK;
}

static void test_output_callback(void **state)
{
    (void)state;
    guest *g = guest_new();
    taken[0] = '\0';
    g->capabilities.standard_output = (wsb_output){.kind = WSB_OUTPUT_CALLBACK, .write = take};
    g->capabilities.standard_error.kind = WSB_OUTPUT_DISCARD;
    guest_start(g);
    assert_int_equal(write_text(g, 1, "taken"), 0);
    assert_string_equal(taken, "taken");
    assert_int_equal(write_text(g, 1, "x"), WASI_EIO);
    assert_int_equal(write_text(g, 2, "dropped"), 0);
    assert_int_equal(result32(g), 7);
    guest_end(g);
}

static void drain_pipe(guest *g)
{
    static char buffer[65536];
    (void)g;
    assert_true(read(pipe_fds[0], buffer, sizeof buffer) > 0);
}

static void test_output_pipe(void **state)
{
    (void)state;
    guest *g = guest_new();
    assert_int_equal(pipe(pipe_fds), 0);
    g->limits.max_output = UINT64_MAX;
    g->capabilities.standard_output.kind = WSB_OUTPUT_FD;
    g->capabilities.standard_output.fd = pipe_fds[1];
    guest_start(g);
    while_waiting = drain_pipe;
    memset(g->memory + AT_DATA, 'x', 200000);
    uint64_t left = 400000; /* several times what the pipe holds */
    while (left > 0) {
        put_iovec(g, 0, AT_DATA, left < 200000 ? (uint32_t)left : 200000);
        assert_int_equal(CALL(fd_write, 1, AT_IOVEC, 1, AT_RESULT), 0);
        left -= result32(g);
    }
    assert_true(g->waits > 0);
    close(pipe_fds[0]);
    /* No SIGPIPE for the host: this process would be gone. */
    assert_int_equal(write_text(g, 1, "x"), WASI_EPIPE);
    sigset_t pending;
    sigpending(&pending);
    assert_false(sigismember(&pending, SIGPIPE));
    guest_end(g);
    close(pipe_fds[1]);
}

static void test_seeded_random(void **state)
{
    (void)state;
    /* The key stream of ChaCha20 under the key "wasm-sandbox random seed" and the seed, nonce 0:
     * the same numbers on every machine, in every version. */
    static const uint8_t expected[8] = {0x7f, 0xce, 0x47, 0xba, 0x60, 0x1c, 0xc6, 0xb1};
    guest *g = guest_new();
    g->capabilities.random = WSB_RANDOM_SEEDED;
    g->capabilities.random_seed = 42;
    guest_start(g);
    assert_int_equal(CALL(random_get, AT_DATA, 1000), 0);
    assert_memory_equal(g->memory + AT_DATA, expected, sizeof expected);
    uint8_t whole[1000];
    memcpy(whole, g->memory + AT_DATA, sizeof whole);
    g->ops->instance_destroy(g->state);
    guest_start(g);
    uint32_t at = 0;
    for (uint32_t step = 0; at + step <= 1000; at += step, step += 3)
        assert_int_equal(CALL(random_get, AT_DATA + at, step), 0);
    assert_memory_equal(g->memory + AT_DATA, whole, at);
    guest_end(g);
}

static void test_system_random(void **state)
{
    (void)state;
    guest *g = guest_new();
    g->capabilities.random = WSB_RANDOM_SYSTEM;
    guest_start(g);
    assert_int_equal(CALL(random_get, AT_DATA, 600000), 0);
    assert_true(g->waits >= 2); /* it lets the deadline be looked at */
    uint8_t zeros[32] = {0};
    assert_memory_not_equal(g->memory + AT_DATA, zeros, 32);
    assert_memory_not_equal(g->memory + AT_DATA + 600000 - 32, zeros, 32);
    assert_memory_equal(g->memory + AT_DATA + 600000, zeros, 32);
    assert_int_equal(CALL(random_get, AT_DATA, 0), 0);
    guest_end(g);
}

static void test_clocks(void **state)
{
    (void)state;
    guest *g = guest_new();
    g->capabilities.clocks = WSB_CLOCK_ALL;
    guest_start(g);
    for (uint32_t clock = 0; clock < 4; clock++) {
        assert_int_equal(CALL(clock_time_get, clock, 0, AT_RESULT), 0);
        uint64_t first = result64(g);
        assert_int_equal(CALL(clock_time_get, clock, 0, AT_RESULT), 0);
        assert_true(result64(g) >= first);
        assert_int_equal(CALL(clock_res_get, clock, AT_RESULT), 0);
        assert_true(result64(g) > 0);
    }
    assert_int_equal(CALL(clock_time_get, 1, 0, GUEST_MEMORY - 7), WASI_EFAULT);
    guest_end(g);
}

/* --- poll_oneoff; subscriptions at AT_DATA, events at AT_PATH --- */

static void subscribe_clock(guest *g, uint32_t index, uint32_t clock, uint64_t timeout,
                            uint16_t flags)
{
    uint8_t *at = g->memory + AT_DATA + index * 48;
    memset(at, 0, 48);
    wsb__put64(at, 100 + index);
    at[8] = WASI_EVENT_CLOCK;
    wsb__put32(at + 16, clock);
    wsb__put64(at + 24, timeout);
    wsb__put16(at + 40, flags);
}

static void subscribe_fd(guest *g, uint32_t index, uint8_t type, uint32_t fd)
{
    uint8_t *at = g->memory + AT_DATA + index * 48;
    memset(at, 0, 48);
    wsb__put64(at, 100 + index);
    at[8] = type;
    wsb__put32(at + 16, fd);
}

static void expect_event(const guest *g, uint32_t index, uint64_t userdata, uint16_t error,
                         uint8_t type)
{
    const uint8_t *at = g->memory + AT_PATH + index * 32;
    assert_int_equal(wsb__get64(at), userdata);
    assert_int_equal(wsb__get16(at + 8), error);
    assert_int_equal(at[10], type);
}

static void test_poll_clock(void **state)
{
    (void)state;
    guest *g = guest_new();
    g->capabilities.clocks = WSB_CLOCK_MONOTONIC;
    guest_start(g);
    struct timespec before;
    struct timespec after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    subscribe_clock(g, 0, WASI_CLOCK_MONOTONIC, 2000000, 0);
    subscribe_clock(g, 1, WASI_CLOCK_REALTIME, UINT64_MAX, 0); /* relative: never */
    assert_int_equal(CALL(poll_oneoff, AT_DATA, AT_PATH, 2, AT_RESULT), 0);
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert_int_equal(result32(g), 1);
    expect_event(g, 0, 100, 0, WASI_EVENT_CLOCK);
    assert_true((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec >=
                2000000);
    subscribe_clock(g, 0, WASI_CLOCK_REALTIME, 0, WASI_SUBCLOCK_ABSTIME); /* not granted */
    subscribe_clock(g, 1, WASI_CLOCK_PROCESS_CPUTIME, 0, 0);
    subscribe_clock(g, 2, 9, 0, 0);
    subscribe_clock(g, 3, WASI_CLOCK_MONOTONIC, 1, WASI_SUBCLOCK_ABSTIME); /* long past */
    assert_int_equal(CALL(poll_oneoff, AT_DATA, AT_PATH, 4, AT_RESULT), 0);
    assert_int_equal(result32(g), 4);
    expect_event(g, 0, 100, WASI_ENOTSUP, WASI_EVENT_CLOCK);
    expect_event(g, 1, 101, WASI_ENOTSUP, WASI_EVENT_CLOCK);
    expect_event(g, 2, 102, WASI_EINVAL, WASI_EVENT_CLOCK);
    expect_event(g, 3, 103, 0, WASI_EVENT_CLOCK);
    assert_int_equal(CALL(poll_oneoff, AT_DATA, AT_PATH, 0, AT_RESULT), WASI_EINVAL);
    assert_int_equal(CALL(poll_oneoff, AT_DATA, AT_PATH, 0xffffffff, AT_RESULT), WASI_EINVAL);
    assert_int_equal(CALL(poll_oneoff, GUEST_MEMORY - 47, AT_PATH, 1, AT_RESULT), WASI_EFAULT);
    assert_int_equal(CALL(poll_oneoff, AT_DATA, GUEST_MEMORY - 31, 1, AT_RESULT), WASI_EFAULT);
    guest_end(g);
}

static void test_poll_fds(void **state)
{
    (void)state;
    guest *g = guest_new();
    assert_int_equal(pipe(pipe_fds), 0);
    g->capabilities.clocks = WSB_CLOCK_MONOTONIC;
    g->capabilities.standard_input.kind = WSB_INPUT_FD;
    g->capabilities.standard_input.fd = pipe_fds[0];
    g->capabilities.standard_output.kind = WSB_OUTPUT_CAPTURE;
    guest_start(g);
    subscribe_fd(g, 0, WASI_EVENT_FD_READ, 0);
    subscribe_fd(g, 1, WASI_EVENT_FD_WRITE, 1);
    subscribe_fd(g, 2, WASI_EVENT_FD_READ, 77);
    subscribe_fd(g, 3, WASI_EVENT_FD_READ, 1);
    subscribe_fd(g, 4, 9, 0);
    assert_int_equal(CALL(poll_oneoff, AT_DATA, AT_PATH, 5, AT_RESULT), 0);
    assert_int_equal(result32(g), 4);
    expect_event(g, 0, 101, 0, WASI_EVENT_FD_WRITE);
    expect_event(g, 1, 102, WASI_EBADF, WASI_EVENT_FD_READ);
    expect_event(g, 2, 103, WASI_ENOTCAPABLE, WASI_EVENT_FD_READ);
    expect_event(g, 3, 104, WASI_EINVAL, 9);
    subscribe_clock(g, 1, WASI_CLOCK_MONOTONIC, UINT64_C(3600000000000), 0);
    while_waiting = feed_pipe;
    assert_int_equal(CALL(poll_oneoff, AT_DATA, AT_PATH, 2, AT_RESULT), 0);
    assert_int_equal(result32(g), 1);
    expect_event(g, 0, 100, 0, WASI_EVENT_FD_READ);
    assert_int_equal(wsb__get64(g->memory + AT_PATH + 16), 4);
    close(pipe_fds[1]);
    assert_int_equal(CALL(poll_oneoff, AT_DATA, AT_PATH, 1, AT_RESULT), 0);
    assert_int_equal(wsb__get16(g->memory + AT_PATH + 24), WASI_EVENT_HANGUP);
    guest_end(g);
    close(pipe_fds[0]);
}

static void test_poll_callback(void **state)
{
    (void)state;
    guest *g = guest_new();
    asked = 0;
    g->capabilities.standard_input =
        (wsb_input){.kind = WSB_INPUT_CALLBACK, .read = input, .poll_ns = 1000};
    guest_start(g);
    subscribe_fd(g, 0, WASI_EVENT_FD_READ, 0);
    assert_int_equal(CALL(poll_oneoff, AT_DATA, AT_PATH, 1, AT_RESULT), 0);
    assert_int_equal(wsb__get64(g->memory + AT_PATH + 16), 3);
    assert_int_equal(asked, 3);
    assert_int_equal(read_some(g, 2), 0); /* what the poll took is not lost */
    assert_int_equal(result32(g), 2);
    assert_int_equal(read_some(g, 2), 0);
    assert_int_equal(result32(g), 1);
    assert_int_equal(g->memory[AT_DATA], 'c');
    assert_int_equal(asked, 3);
    guest_end(g);
}

static void test_poll_snapshot_0(void **state)
{
    (void)state;
    guest *g = guest_new();
    g->capabilities.clocks = WSB_CLOCK_ALL;
    guest_start_as(g, &wsb__wasi_unstable);
    uint8_t *at = g->memory + AT_DATA;
    memset(at, 0, 56);
    wsb__put64(at, 7);
    wsb__put64(at + 16, 12345); /* the identifier */
    wsb__put32(at + 24, WASI_CLOCK_MONOTONIC);
    wsb__put64(at + 32, 1000);
    assert_int_equal(CALL(poll_oneoff, AT_DATA, AT_PATH, 1, AT_RESULT), 0);
    expect_event(g, 0, 7, 0, WASI_EVENT_CLOCK);
    guest_end(g);
}

static void test_exit(void **state)
{
    (void)state;
    guest *g = guest_new();
    guest_start(g);
    assert_int_equal(CALL(proc_exit, 33), -1);
    assert_int_equal(g->exit_code, 33);
    assert_int_equal(CALL(proc_raise, 9), WASI_ENOSYS);
    guest_end(g);
}

static void test_streams_can_be_renumbered(void **state)
{
    (void)state;
    guest *g = guest_new();
    g->capabilities.standard_output.kind = WSB_OUTPUT_CAPTURE;
    g->capabilities.standard_error.kind = WSB_OUTPUT_CAPTURE;
    guest_start(g);
    assert_int_equal(CALL(fd_renumber, 1, 2), 0);
    assert_int_equal(write_text(g, 1, "x"), WASI_EBADF);
    assert_int_equal(write_text(g, 2, "to output"), 0);
    expect_output(g, WSB_STANDARD_OUTPUT, "to output", false);
    assert_int_equal(CALL(fd_close, 2), 0);
    assert_int_equal(write_text(g, 2, "x"), WASI_EBADF);
    expect_output(g, WSB_STANDARD_OUTPUT, "to output", false);
    guest_end(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_nothing_granted),
        cmocka_unit_test(test_input_bytes),
        cmocka_unit_test(test_input_pipe),
        cmocka_unit_test(test_input_callback),
        cmocka_unit_test(test_capture),
        cmocka_unit_test(test_output_callback),
        cmocka_unit_test(test_output_pipe),
        cmocka_unit_test(test_seeded_random),
        cmocka_unit_test(test_system_random),
        cmocka_unit_test(test_clocks),
        cmocka_unit_test(test_poll_clock),
        cmocka_unit_test(test_poll_fds),
        cmocka_unit_test(test_poll_callback),
        cmocka_unit_test(test_poll_snapshot_0),
        cmocka_unit_test(test_exit),
        cmocka_unit_test(test_streams_can_be_renumbered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
