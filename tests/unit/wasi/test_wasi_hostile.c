/* What a hostile guest hands over: addresses, lengths and numbers at every edge, paths to what is
 * no file, and ways to store bytes that are no writes. */
#include "wasi_double.h"

enum { DIR_FD = 3, ROUNDS = 4000 };

/* Numbers around which checks go wrong. */
static const uint64_t EDGES[] = {
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    8,
    AT_RESULT,
    AT_IOVEC,
    AT_PATH,
    AT_PATH_2,
    AT_DATA,
    4095,
    4096,
    GUEST_MEMORY / 8,
    GUEST_MEMORY - 8,
    GUEST_MEMORY - 4,
    GUEST_MEMORY - 1,
    GUEST_MEMORY,
    GUEST_MEMORY + 1,
    INT32_MAX,
    (uint64_t)INT32_MAX + 1,
    UINT32_MAX - 7,
    UINT32_MAX,
    (uint64_t)UINT32_MAX + 1,
    (uint64_t)INT64_MAX - 1,
    INT64_MAX,
    (uint64_t)INT64_MAX + 1,
    UINT64_MAX - 1,
    UINT64_MAX,
};

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

static jmp_buf enough;

/* A guest that would wait for long is left there, as at a deadline. */
static void give_up(guest *g)
{
    if (g->waits > 50 || g->timeout_ns > WSB_MILLISECOND)
        longjmp(enough, 1);
}

static void put_hostile_memory(guest *g, uint64_t *random)
{
    static const char *const paths[] = {"file", "sub", "..", "sub/../../secret", "link/x", "a/b/"};
    put_text(g, AT_PATH, paths[next_random(random) % 6]);
    put_text(g, AT_PATH_2, paths[next_random(random) % 6]);
    for (uint32_t at = 0; at < 512; at += 8) {
        uint64_t edge = EDGES[next_random(random) % (sizeof EDGES / sizeof *EDGES)];
        wsb__put32(g->memory + at, (uint32_t)edge);
        wsb__put32(g->memory + at + 4, (uint32_t)next_random(random) % 300);
        wsb__put64(g->memory + GUEST_MEMORY - 512 + at, edge);
    }
}

static void call_at_edges(guest *g, const wsb_host_module_function *f, uint64_t *random)
{
    const size_t edges = sizeof EDGES / sizeof *EDGES;
    uint64_t arguments[10];
    size_t count = strcspn(f->signature, ":");
    for (size_t i = 0; i < count; i++)
        arguments[i] = EDGES[next_random(random) % edges];
    if (count > 0 && next_random(random) % 2)
        arguments[0] = next_random(random) % 6; /* often an open descriptor */
    g->waits = 0;
    if (setjmp(enough) == 0)
        (void)call_values(g, f->name, arguments, count);
}

static void edges_of(const wsb_host_module_ops *ops)
{
    guest *g = guest_new();
    uint64_t random = 1;
    host_mkdir(g, "in");
    host_mkdir(g, "in/sub");
    host_write(g, "in/file", "inside");
    host_write(g, "secret", "SECRET");
    assert_int_equal(symlink("..", host_path(g, "in/link")), 0);
    grant(g, "in", WSB_FILESYSTEM_READ_WRITE, true, true);
    g->capabilities.clocks = WSB_CLOCK_ALL;
    g->capabilities.random = WSB_RANDOM_SEEDED;
    g->capabilities.standard_input.kind = WSB_INPUT_EMPTY;
    g->capabilities.standard_output.kind = WSB_OUTPUT_CAPTURE;
    guest_start_as(g, ops);
    void *state = g->state;
    while_waiting = give_up;
    for (int i = 0; i < ROUNDS; i++) {
        const wsb_host_module_function *f = ops->functions;
        for (; f->name; f++) {
            if (i % 16 == 0)
                put_hostile_memory(g, &random);
            call_at_edges(g, f, &random);
            /* What lies behind the guest's memory. */
            if (g->ops != ops || g->state != state)
                fail_msg("%s wrote beyond the memory", f->name);
        }
    }
    assert_true(host_has(g, "secret", "SECRET"));
    assert_true(g->counters[WSB_COUNTER_FILES_OPEN] <= g->limits.max_file_descriptors);
    assert_true(g->counters[WSB_COUNTER_BYTES_READ] <= g->limits.max_read_bytes);
    assert_true(g->counters[WSB_COUNTER_BYTES_WRITTEN] <= g->limits.max_write_bytes);
    assert_true(g->counters[WSB_COUNTER_OUTPUT_BYTES] <= g->limits.max_output);
    guest_end(g);
}

static void test_edges(void **state)
{
    (void)state;
    edges_of(&wsb__wasi_preview1);
    edges_of(&wsb__wasi_unstable);
}

/* A read into the list of iovecs that it is read by: the list counts as it was. */
static void test_iovecs_that_overlap_themselves(void **state)
{
    (void)state;
    guest *g = guest_new();
    host_mkdir(g, "in");
    grant(g, "in", WSB_FILESYSTEM_READ_WRITE, true, true);
    guest_start(g);
    assert_int_equal(open_path_at(g, DIR_FD, "f", WASI_OFLAG_CREAT, WRITE_RIGHTS), 0);
    uint32_t fd = result32(g);
    memset(g->memory + AT_DATA, 0xff, 64);
    put_iovec(g, 0, AT_DATA, 64);
    assert_int_equal(CALL(fd_write, fd, AT_IOVEC, 1, AT_RESULT), 0);
    put_iovec(g, 0, AT_IOVEC, 16); /* overwrites both entries with 0xff */
    put_iovec(g, 1, AT_DATA + 100, 8);
    assert_int_equal(CALL(fd_pread, fd, AT_IOVEC, 2, 0, AT_RESULT), 0);
    assert_int_equal(result32(g), 24);
    assert_int_equal(g->memory[AT_IOVEC + 15], 0xff);
    assert_int_equal(g->memory[AT_DATA + 107], 0xff);
    assert_int_equal(g->memory[AT_DATA + 108], 0);
    /* The count goes where the data went. */
    put_iovec(g, 0, AT_RESULT, 8);
    assert_int_equal(CALL(fd_pread, fd, AT_IOVEC, 1, 0, AT_RESULT), 0);
    assert_int_equal(result32(g), 8);
    guest_end(g);
}

/* The host's own memory is a regular file of procfs. */
static void process_files(wsb__os_resolver resolver, wsb_filesystem_access access)
{
    guest *g = guest_new();
    wsb__os_set_resolver(resolver);
    g->directories[0] = (wsb_filesystem_capability){
        .size = sizeof g->directories[0], .host_path = wsb_cstr("/proc"), .access = access};
    g->capabilities.filesystem = g->directories;
    g->capabilities.filesystem_count = 1;
    guest_start(g);
    static const char *const files[] = {"self/mem",  "self/maps",       "self/environ",
                                        "self/auxv", "thread-self/mem", "self/clear_refs"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        int result = open_path_at(g, DIR_FD, files[i], 0, READ_RIGHTS);
        if (result == 0)
            fail_msg("opened %s", files[i]);
        assert_int_not_equal(open_path_at(g, DIR_FD, files[i], 0, WRITE_RIGHTS), 0);
    }
    assert_int_equal(open_path_at(g, DIR_FD, "self/maps", 0, READ_RIGHTS), WASI_ENOTSUP);
    assert_string_equal(g->last_subject, "filesystem");
    assert_int_equal(g->counters[WSB_COUNTER_FILES_OPEN], 0);
    guest_end(g);
}

static void test_process_files(void **state)
{
    (void)state;
    process_files(WSB__OS_RESOLVER_KERNEL, WSB_FILESYSTEM_READ_ONLY);
    process_files(WSB__OS_RESOLVER_KERNEL, WSB_FILESYSTEM_READ_WRITE);
    process_files(WSB__OS_RESOLVER_WALK, WSB_FILESYSTEM_READ_WRITE);
}

static void test_link_texts_are_writes(void **state)
{
    (void)state;
    guest *g = guest_new();
    host_mkdir(g, "in");
    grant(g, "in", WSB_FILESYSTEM_READ_WRITE, true, true);
    g->limits.max_write_bytes = 1000;
    guest_start(g);
    memset(g->memory + AT_DATA, 'a', 600);
    uint32_t n = put_text(g, AT_PATH, "one");
    assert_int_equal(CALL(path_symlink, AT_DATA, 600, DIR_FD, AT_PATH, n), 0);
    assert_int_equal(g->counters[WSB_COUNTER_BYTES_WRITTEN], 600);
    n = put_text(g, AT_PATH, "two");
    assert_int_equal(CALL(path_symlink, AT_DATA, 600, DIR_FD, AT_PATH, n), WASI_EDQUOT);
    assert_string_equal(g->last_subject, "max_write_bytes");
    assert_false(host_exists(g, "in/two"));
    assert_int_equal(CALL(path_symlink, AT_DATA, 400, DIR_FD, AT_PATH, n), 0);
    guest_end(g);
}

/* A guest that is called again and again does not fill the host's memory. */
static void test_captured_output_of_many_calls(void **state)
{
    (void)state;
    guest *g = guest_new();
    g->capabilities.standard_output.kind = WSB_OUTPUT_CAPTURE;
    g->capabilities.standard_error.kind = WSB_OUTPUT_CAPTURE;
    guest_start(g);
    const wsb_instance *instance = (const wsb_instance *)(void *)g;
    bool truncated;
    for (uint32_t i = 0; i < 10; i++) {
        g->ops->call_begin(g->state);
        put_iovec(g, 0, AT_DATA, 400);
        int result = CALL(fd_write, 1 + i % 2, AT_IOVEC, 1, AT_RESULT);
        assert_int_equal(result, i < 3 ? 0 : WASI_EPIPE);
    }
    assert_int_equal(wsb_instance_output(instance, WSB_STANDARD_OUTPUT, &truncated).len, 600);
    assert_int_equal(wsb_instance_output(instance, WSB_STANDARD_ERROR, &truncated).len, 400);
    assert_true(truncated);
    wsb_instance_clear_output((wsb_instance *)(void *)g);
    g->ops->call_begin(g->state);
    assert_int_equal(CALL(fd_write, 1, AT_IOVEC, 1, AT_RESULT), 0);
    assert_int_equal(result32(g), 400);
    guest_end(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_iovecs_that_overlap_themselves),
        cmocka_unit_test(test_process_files),
        cmocka_unit_test(test_link_texts_are_writes),
        cmocka_unit_test(test_captured_output_of_many_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
