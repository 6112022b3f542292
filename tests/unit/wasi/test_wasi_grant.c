/* What a grant allows: rights, two directories, what is refused when the state is made. */
#include "wasi_double.h"

enum { DIR_FD = 3 };

static guest *workshop(wsb_filesystem_access access, bool create, bool delete)
{
    guest *g = guest_new();
    host_mkdir(g, "dir");
    host_write(g, "dir/file", "0123456789");
    grant(g, "dir", access, create, delete);
    return g;
}

static uint32_t opened(guest *g, const char *path, uint32_t oflags, uint64_t rights)
{
    assert_int_equal(open_path_at(g, DIR_FD, path, oflags, rights), 0);
    return result32(g);
}

static void test_read_only(void **state)
{
    (void)state;
    guest *g = workshop(WSB_FILESYSTEM_READ_ONLY, true, true);
    guest_start(g);
    assert_int_equal(open_path_at(g, DIR_FD, "file", 0, WRITE_RIGHTS), WASI_EROFS);
    assert_int_equal(g->last_kind, WSB_EVENT_ACCESS_DENIED);
    assert_string_equal(g->last_detail, "file");
    assert_int_equal(open_path_at(g, DIR_FD, "file", WASI_OFLAG_TRUNC, READ_RIGHTS), WASI_EROFS);
    assert_int_equal(open_path_at(g, DIR_FD, "new", WASI_OFLAG_CREAT, READ_RIGHTS), WASI_EROFS);
    assert_int_equal(open_path_at(g, DIR_FD, "file", WASI_OFLAG_CREAT, READ_RIGHTS), 0);
    uint32_t fd = result32(g);
    assert_int_equal(write_text(g, fd, "x"), WASI_EBADF);
    assert_int_not_equal(CALL(fd_filestat_set_size, fd, 0), 0);
    assert_int_not_equal(CALL(fd_filestat_set_times, fd, 0, 0, 5), 0);
    assert_int_not_equal(CALL(fd_filestat_set_times, DIR_FD, 0, 0, 5), 0);
    assert_int_not_equal(CALL(fd_allocate, fd, 0, 100), 0);
    uint32_t n = put_text(g, AT_PATH, "file");
    uint32_t m = put_text(g, AT_PATH_2, "new");
    assert_int_equal(CALL(path_unlink_file, DIR_FD, AT_PATH, n), WASI_EROFS);
    assert_int_equal(CALL(path_create_directory, DIR_FD, AT_PATH_2, m), WASI_EROFS);
    assert_int_equal(CALL(path_rename, DIR_FD, AT_PATH, n, DIR_FD, AT_PATH_2, m), WASI_EROFS);
    assert_int_equal(CALL(path_link, DIR_FD, 0, AT_PATH, n, DIR_FD, AT_PATH_2, m), WASI_EROFS);
    assert_int_equal(CALL(path_symlink, AT_PATH, n, DIR_FD, AT_PATH_2, m), WASI_EROFS);
    assert_int_equal(CALL(path_filestat_set_times, DIR_FD, 0, AT_PATH, n, 0, 0, 5), WASI_EROFS);
    assert_true(host_has(g, "dir/file", "0123456789"));
    guest_end(g);
}

/* Whoever may neither create nor delete can still write what is there. */
static void test_no_create_no_delete(void **state)
{
    (void)state;
    guest *g = workshop(WSB_FILESYSTEM_READ_WRITE, false, false);
    guest_start(g);
    assert_int_equal(open_path_at(g, DIR_FD, "new", WASI_OFLAG_CREAT, WRITE_RIGHTS),
                     WASI_ENOTCAPABLE);
    assert_int_equal(
        open_path_at(g, DIR_FD, "file", WASI_OFLAG_CREAT | WASI_OFLAG_EXCL, WRITE_RIGHTS),
        WASI_ENOTCAPABLE);
    uint32_t fd = opened(g, "file", WASI_OFLAG_CREAT, WRITE_RIGHTS);
    assert_int_equal(write_text(g, fd, "X"), 0);
    uint32_t n = put_text(g, AT_PATH, "file");
    uint32_t m = put_text(g, AT_PATH_2, "new");
    assert_int_equal(CALL(path_unlink_file, DIR_FD, AT_PATH, n), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(path_create_directory, DIR_FD, AT_PATH_2, m), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(path_rename, DIR_FD, AT_PATH, n, DIR_FD, AT_PATH_2, m), WASI_ENOTCAPABLE);
    assert_true(host_has(g, "dir/file", "X123456789"));
    assert_false(host_exists(g, "dir/new"));
    guest_end(g);
}

static void test_two_directories(void **state)
{
    (void)state;
    guest *g = workshop(WSB_FILESYSTEM_READ_ONLY, false, false);
    host_mkdir(g, "work");
    host_mkdir(g, "drop");
    host_write(g, "work/mine", "mine");
    host_write(g, "drop/there", "there");
    grant(g, "work", WSB_FILESYSTEM_READ_WRITE, true, true);
    grant(g, "drop", WSB_FILESYSTEM_READ_WRITE, true, false);
    guest_start(g);
    enum { WORK_FD = 4, DROP_FD = 5 };
    uint32_t n = put_text(g, AT_PATH, "file");
    uint32_t m = put_text(g, AT_PATH_2, "stolen");
    /* A link would let a read-only file be written. */
    assert_int_equal(CALL(path_link, DIR_FD, 0, AT_PATH, n, WORK_FD, AT_PATH_2, m), WASI_EROFS);
    assert_int_equal(CALL(path_rename, DIR_FD, AT_PATH, n, WORK_FD, AT_PATH_2, m), WASI_EROFS);
    n = put_text(g, AT_PATH, "mine");
    assert_int_equal(CALL(path_rename, WORK_FD, AT_PATH, n, DIR_FD, AT_PATH_2, m), WASI_EROFS);
    assert_int_equal(CALL(path_link, WORK_FD, 0, AT_PATH, n, DIR_FD, AT_PATH_2, m), WASI_EROFS);
    /* Into a directory without deletion, but not over what is there. */
    m = put_text(g, AT_PATH_2, "there");
    assert_int_equal(CALL(path_rename, WORK_FD, AT_PATH, n, DROP_FD, AT_PATH_2, m), WASI_EEXIST);
    assert_true(host_has(g, "drop/there", "there"));
    m = put_text(g, AT_PATH_2, "moved");
    assert_int_equal(CALL(path_rename, WORK_FD, AT_PATH, n, DROP_FD, AT_PATH_2, m), 0);
    assert_true(host_has(g, "drop/moved", "mine"));
    assert_int_equal(CALL(path_rename, DROP_FD, AT_PATH_2, m, WORK_FD, AT_PATH, n),
                     WASI_ENOTCAPABLE);
    guest_end(g);
}

/* A file of a grant with a small max_file_size must not be lent to one without. */
static void test_links_between_sizes(void **state)
{
    (void)state;
    guest *g = workshop(WSB_FILESYSTEM_READ_WRITE, true, true);
    host_mkdir(g, "big");
    grant(g, "big", WSB_FILESYSTEM_READ_WRITE, true, true);
    g->directories[0].max_file_size = 100;
    guest_start(g);
    uint32_t n = put_text(g, AT_PATH, "file");
    assert_int_equal(CALL(path_link, DIR_FD, 0, AT_PATH, n, 4, AT_PATH, n), WASI_EXDEV);
    assert_int_equal(CALL(path_rename, 4, AT_PATH, n, DIR_FD, AT_PATH, n), WASI_EXDEV);
    assert_false(host_exists(g, "big/file"));
    guest_end(g);
}

static void test_rights_shrink(void **state)
{
    (void)state;
    guest *g = workshop(WSB_FILESYSTEM_READ_WRITE, true, true);
    guest_start(g);
    uint32_t fd = opened(g, "file", 0, WASI_FD_READ | WASI_FD_SEEK | WASI_FD_TELL);
    assert_int_equal(CALL(fd_fdstat_get, fd, AT_RESULT), 0);
    assert_int_equal(wsb__get64(g->memory + AT_RESULT + 8),
                     WASI_FD_READ | WASI_FD_SEEK | WASI_FD_TELL);
    assert_int_equal(CALL(fd_fdstat_set_rights, fd, WASI_FD_READ | WASI_FD_WRITE, 0),
                     WASI_ENOTCAPABLE);
    assert_int_equal(CALL(fd_fdstat_set_rights, fd, WASI_FD_TELL, 0), 0);
    put_iovec(g, 0, AT_DATA, 5);
    assert_int_equal(CALL(fd_read, fd, AT_IOVEC, 1, AT_RESULT), WASI_EBADF);
    assert_int_equal(CALL(fd_fdstat_set_rights, fd, WASI_FD_READ, 0), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(fd_fdstat_set_rights, DIR_FD, WASI_PATH_OPEN, WASI_FD_READ), 0);
    assert_int_equal(open_path_at(g, DIR_FD, "file", 0, WRITE_RIGHTS), WASI_ENOTCAPABLE);
    assert_int_equal(open_path_at(g, DIR_FD, "new", WASI_OFLAG_CREAT, WASI_FD_READ),
                     WASI_ENOTCAPABLE);
    assert_int_equal(open_path_at(g, DIR_FD, "file", WASI_OFLAG_TRUNC, WASI_FD_READ),
                     WASI_ENOTCAPABLE);
    assert_int_equal(open_path_at(g, DIR_FD, "file", 0, WASI_FD_READ), 0);
    guest_end(g);
}

static void test_special_files(void **state)
{
    (void)state;
    guest *g = workshop(WSB_FILESYSTEM_READ_WRITE, true, true);
    assert_int_equal(mkfifo(host_path(g, "dir/fifo"), 0600), 0);
    guest_start(g);
    assert_int_equal(open_path_at(g, DIR_FD, "fifo", 0, READ_RIGHTS), WASI_ENOTSUP);
    assert_string_equal(g->last_detail, "fifo");
    assert_int_not_equal(open_path_at(g, DIR_FD, "fifo", 0, WRITE_RIGHTS), 0);
    assert_int_equal(g->counters[WSB_COUNTER_FILES_OPEN], 0);
    guest_end(g);
}

/* A module that imports both versions has one table of descriptors for them. */
static void test_both_versions(void **state)
{
    (void)state;
    guest *g = workshop(WSB_FILESYSTEM_READ_WRITE, true, true);
    guest_start(g);
    void *second = NULL;
    wsb_instance *instance = (wsb_instance *)(void *)g;
    assert_int_equal(
        wsb__wasi_unstable.instance_create(instance, &g->capabilities, &g->limits, &second, NULL),
        WSB_OK);
    assert_ptr_equal(second, g->state);
    wsb__wasi_unstable.instance_destroy(second);
    assert_int_equal(open_path_at(g, DIR_FD, "file", 0, READ_RIGHTS), 0);
    guest_end(g);
}

static void refuse(const wsb_capabilities *capabilities, wsb_status expected)
{
    const wsb_resource_limits limits = {.size = sizeof limits};
    void *state = NULL;
    wsb_error *error = NULL;
    assert_int_equal(
        wsb__wasi_preview1.instance_create(NULL, capabilities, &limits, &state, &error), expected);
    assert_null(state);
    assert_non_null(error);
    wsb_error_destroy(error);
}

static void test_bad_capabilities(void **state)
{
    (void)state;
    wsb_capabilities c = WSB_CAPABILITIES_INIT;
    const wsb_str with_nul = {"a\0b", 3};
    c.arguments = &with_nul;
    c.argument_count = 1;
    refuse(&c, WSB_ERROR_INVALID_CAPABILITY);
    c = (wsb_capabilities)WSB_CAPABILITIES_INIT;
    const wsb_environment_variable variable = {{"A=B", 3}, {"c", 1}};
    c.environment = &variable;
    c.environment_count = 1;
    refuse(&c, WSB_ERROR_INVALID_CAPABILITY);
    c = (wsb_capabilities)WSB_CAPABILITIES_INIT;
    wsb_filesystem_capability directory = WSB_FILESYSTEM_CAPABILITY_INIT;
    directory.access = WSB_FILESYSTEM_READ_ONLY;
    directory.host_path = wsb_cstr("/no/such/place");
    c.filesystem = &directory;
    c.filesystem_count = 1;
    refuse(&c, WSB_ERROR_NOT_FOUND);
    directory.host_path = wsb_cstr("/dev/null");
    refuse(&c, WSB_ERROR_INVALID_CAPABILITY);
    c = (wsb_capabilities)WSB_CAPABILITIES_INIT;
    c.standard_input.kind = WSB_INPUT_CALLBACK;
    refuse(&c, WSB_ERROR_INVALID_CAPABILITY);
    c = (wsb_capabilities)WSB_CAPABILITIES_INIT;
    c.standard_output = (wsb_output){.kind = WSB_OUTPUT_FD, .fd = -1};
    refuse(&c, WSB_ERROR_INVALID_CAPABILITY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_only),       cmocka_unit_test(test_no_create_no_delete),
        cmocka_unit_test(test_two_directories), cmocka_unit_test(test_links_between_sizes),
        cmocka_unit_test(test_rights_shrink),   cmocka_unit_test(test_special_files),
        cmocka_unit_test(test_both_versions),   cmocka_unit_test(test_bad_capabilities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
