/* Files: descriptors, transfers and limits. */
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

static void test_lowest_numbers(void **state)
{
    (void)state;
    guest *g = workshop(WSB_FILESYSTEM_READ_WRITE, true, true);
    g->limits.max_file_descriptors = 3;
    guest_start(g);
    /* Without standard streams their numbers are free. */
    assert_int_equal(opened(g, "file", 0, READ_RIGHTS), 0);
    assert_int_equal(opened(g, "file", 0, READ_RIGHTS), 1);
    assert_int_equal(opened(g, "file", 0, READ_RIGHTS), 2);
    assert_int_equal(open_path_at(g, DIR_FD, "file", 0, READ_RIGHTS), WASI_ENFILE);
    assert_int_equal(g->last_kind, WSB_EVENT_LIMIT_HIT);
    assert_string_equal(g->last_subject, "max_file_descriptors");
    assert_int_equal(g->counters[WSB_COUNTER_FILES_OPEN], 3);
    assert_int_equal(CALL(fd_close, 1), 0);
    assert_int_equal(CALL(fd_close, 1), WASI_EBADF);
    assert_int_equal(CALL(fd_tell, 1, AT_RESULT), WASI_EBADF);
    assert_int_equal(opened(g, "file", 0, READ_RIGHTS), 1);
    assert_int_equal(CALL(fd_close, 0xffffffff), WASI_EBADF);
    assert_int_equal(CALL(fd_close, 0x7fffffff), WASI_EBADF);
    assert_int_equal(CALL(fd_renumber, 1, 0x7fffffff), WASI_EBADF);
    guest_end(g);
}

/* The table grows beyond what was allocated with the state, and nothing leaks on the host. */
static void test_many_descriptors(void **state)
{
    (void)state;
    guest *g = workshop(WSB_FILESYSTEM_READ_ONLY, false, false);
    g->limits.max_file_descriptors = 100;
    int before = dup(0);
    close(before);
    guest_start(g);
    for (int i = 0; i < 100; i++)
        (void)opened(g, "file", 0, READ_RIGHTS);
    assert_int_equal(open_path_at(g, DIR_FD, "file", 0, READ_RIGHTS), WASI_ENFILE);
    g->ops->instance_destroy(g->state);
    g->ops = NULL;
    int after = dup(0);
    assert_int_equal(after, before);
    close(after);
    guest_end(g);
}

static void test_renumber(void **state)
{
    (void)state;
    guest *g = workshop(WSB_FILESYSTEM_READ_WRITE, true, true);
    guest_start(g);
    uint32_t a = opened(g, "file", 0, READ_RIGHTS);
    uint32_t b = opened(g, "other", WASI_OFLAG_CREAT, WRITE_RIGHTS);
    assert_int_equal(CALL(fd_renumber, a, DIR_FD), WASI_ENOTSUP);
    assert_int_equal(CALL(fd_renumber, DIR_FD, a), WASI_ENOTSUP);
    assert_int_equal(CALL(fd_renumber, a, a), 0);
    assert_int_equal(CALL(fd_renumber, a, b), 0);
    assert_int_equal(g->counters[WSB_COUNTER_FILES_OPEN], 1);
    assert_int_equal(CALL(fd_close, a), WASI_EBADF);
    put_iovec(g, 0, AT_DATA, 4);
    assert_int_equal(CALL(fd_read, b, AT_IOVEC, 1, AT_RESULT), 0);
    assert_memory_equal(g->memory + AT_DATA, "0123", 4);
    assert_int_equal(opened(g, "file", 0, READ_RIGHTS), a);
    guest_end(g);
}

static void test_read_and_seek(void **state)
{
    (void)state;
    guest *g = workshop(WSB_FILESYSTEM_READ_ONLY, false, false);
    guest_start(g);
    uint32_t fd = opened(g, "file", 0, READ_RIGHTS);
    put_iovec(g, 0, AT_DATA, 2);
    put_iovec(g, 1, AT_DATA + 101, 3); /* odd addresses are fine */
    assert_int_equal(CALL(fd_read, fd, AT_IOVEC, 2, AT_RESULT + 1), 0);
    assert_int_equal(wsb__get32(g->memory + AT_RESULT + 1), 5);
    assert_memory_equal(g->memory + AT_DATA, "01", 2);
    assert_memory_equal(g->memory + AT_DATA + 101, "234", 3);
    assert_int_equal(CALL(fd_tell, fd, AT_RESULT), 0);
    assert_int_equal(result64(g), 5);
    assert_int_equal(CALL(fd_pread, fd, AT_IOVEC, 1, 8, AT_RESULT), 0);
    assert_memory_equal(g->memory + AT_DATA, "89", 2);
    assert_int_equal(CALL(fd_seek, fd, (uint64_t)-1, 2, AT_RESULT), 0);
    assert_int_equal(result64(g), 9);
    assert_int_equal(CALL(fd_read, fd, AT_IOVEC, 1, AT_RESULT), 0);
    assert_int_equal(result32(g), 1);
    assert_int_equal(CALL(fd_read, fd, AT_IOVEC, 1, AT_RESULT), 0);
    assert_int_equal(result32(g), 0);
    assert_int_equal(CALL(fd_seek, fd, (uint64_t)-11, 1, AT_RESULT), WASI_EINVAL);
    assert_int_equal(CALL(fd_seek, fd, INT64_MAX, 1, AT_RESULT), WASI_EOVERFLOW);
    assert_int_equal(CALL(fd_seek, fd, 0, 3, AT_RESULT), WASI_EINVAL);
    assert_int_equal(CALL(fd_seek, fd, 0, 1, AT_RESULT), 0);
    assert_int_equal(result64(g), 10);
    assert_int_equal(CALL(fd_pread, fd, AT_IOVEC, 1, UINT64_MAX, AT_RESULT), WASI_EINVAL);
    assert_int_equal(g->counters[WSB_COUNTER_BYTES_READ], 8);
    guest_end(g);
}

static void test_addresses(void **state)
{
    (void)state;
    guest *g = workshop(WSB_FILESYSTEM_READ_ONLY, false, false);
    guest_start(g);
    uint32_t fd = opened(g, "file", 0, READ_RIGHTS);
    static const uint32_t bad[][2] = {
        {GUEST_MEMORY, 1}, {GUEST_MEMORY - 1, 2}, {0xffffffff, 1},         {0xfffffff0, 0x20},
        {1, 0xffffffff},   {0, GUEST_MEMORY + 1}, {0x80000000, 0x80000000}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put_iovec(g, 0, bad[i][0], bad[i][1]);
        assert_int_equal(CALL(fd_read, fd, AT_IOVEC, 1, AT_RESULT), WASI_EFAULT);
        assert_int_equal(CALL(fd_pread, fd, AT_IOVEC, 1, 0, AT_RESULT), WASI_EFAULT);
        assert_int_equal(CALL(random_get, bad[i][0], bad[i][1]), WASI_EFAULT);
        assert_int_equal(CALL(path_create_directory, DIR_FD, bad[i][0], bad[i][1]), WASI_EFAULT);
        assert_int_equal(CALL(fd_readdir, DIR_FD, bad[i][0], bad[i][1], 0, AT_RESULT), WASI_EFAULT);
    }
    put_iovec(g, 0, GUEST_MEMORY, 0); /* nothing, at the very end */
    assert_int_equal(CALL(fd_read, fd, AT_IOVEC, 1, AT_RESULT), 0);
    put_iovec(g, 0, AT_DATA, 4);
    assert_int_equal(CALL(fd_read, fd, GUEST_MEMORY - 4, 1, AT_RESULT), WASI_EFAULT);
    assert_int_equal(CALL(fd_read, fd, AT_IOVEC, 0xffffffff, AT_RESULT), WASI_EFAULT);
    assert_int_equal(CALL(fd_read, fd, AT_IOVEC, 0x20000001, AT_RESULT), WASI_EFAULT);
    assert_int_equal(CALL(fd_read, fd, AT_IOVEC, 1, GUEST_MEMORY - 3), WASI_EFAULT);
    assert_int_equal(CALL(fd_tell, fd, AT_RESULT), 0);
    assert_int_equal(result64(g), 0); /* none of them read anything */
    assert_int_equal(CALL(fd_tell, fd, GUEST_MEMORY - 7), WASI_EFAULT);
    assert_int_equal(CALL(fd_fdstat_get, fd, GUEST_MEMORY - 23), WASI_EFAULT);
    assert_int_equal(CALL(fd_filestat_get, fd, GUEST_MEMORY - 63), WASI_EFAULT);
    guest_end(g);
}

/* An array of more iovecs than one transfer takes is served by a prefix. */
static void test_many_iovecs(void **state)
{
    (void)state;
    guest *g = workshop(WSB_FILESYSTEM_READ_WRITE, true, true);
    guest_start(g);
    uint32_t fd = opened(g, "many", WASI_OFLAG_CREAT, WRITE_RIGHTS);
    const uint32_t count = 3000;
    for (uint32_t i = 0; i < count; i++) {
        wsb__put32(g->memory + AT_DATA + i * 8, AT_PATH);
        wsb__put32(g->memory + AT_DATA + i * 8 + 4, 1);
    }
    assert_int_equal(CALL(fd_write, fd, AT_DATA, count, AT_RESULT), 0);
    assert_int_equal(result32(g), WASI__MAX_IOVECS);
    guest_end(g);
}

static void test_append(void **state)
{
    (void)state;
    guest *g = workshop(WSB_FILESYSTEM_READ_WRITE, true, true);
    g->directories[0].max_file_size = 14;
    guest_start(g);
    uint32_t length = put_text(g, AT_PATH, "file");
    assert_int_equal(CALL(path_open, DIR_FD, 1, AT_PATH, length, 0, ALL_RIGHTS, 0,
                          WASI_FDFLAG_APPEND, AT_RESULT),
                     0);
    uint32_t fd = result32(g);
    assert_int_equal(write_text(g, fd, "ab"), 0);
    assert_true(host_has(g, "dir/file", "0123456789ab"));
    assert_int_equal(CALL(fd_tell, fd, AT_RESULT), 0);
    assert_int_equal(result64(g), 12);
    assert_int_equal(write_text(g, fd, "cdef"), 0); /* cut at max_file_size */
    assert_int_equal(result32(g), 2);
    assert_int_equal(write_text(g, fd, "g"), WASI_EFBIG);
    assert_string_equal(g->last_subject, "max_file_size");
    put_iovec(g, 0, AT_DATA, 1);
    assert_int_equal(CALL(fd_pwrite, fd, AT_IOVEC, 1, 0, AT_RESULT), WASI_EFBIG);
    assert_int_equal(CALL(fd_fdstat_set_flags, fd, 0), 0);
    assert_int_equal(CALL(fd_seek, fd, 0, 0, AT_RESULT), 0);
    assert_int_equal(write_text(g, fd, "X"), 0);
    assert_true(host_has(g, "dir/file", "X123456789abcd"));
    assert_int_equal(CALL(fd_fdstat_set_flags, fd, WASI_FDFLAG_SYNC), WASI_ENOTSUP);
    assert_int_equal(CALL(fd_fdstat_set_flags, fd, 64), WASI_EINVAL);
    guest_end(g);
}

static void test_file_size(void **state)
{
    (void)state;
    guest *g = workshop(WSB_FILESYSTEM_READ_WRITE, true, true);
    g->directories[0].max_file_size = 100;
    guest_start(g);
    uint32_t fd = opened(g, "new", WASI_OFLAG_CREAT, ALL_RIGHTS);
    assert_int_equal(CALL(fd_filestat_set_size, fd, 100), 0);
    assert_int_equal(CALL(fd_filestat_set_size, fd, 101), WASI_EFBIG);
    assert_int_equal(CALL(fd_filestat_set_size, fd, UINT64_MAX), WASI_EFBIG);
    assert_int_equal(CALL(fd_allocate, fd, 50, 51), WASI_EFBIG);
    assert_int_equal(CALL(fd_allocate, fd, INT64_MAX, INT64_MAX), WASI_EFBIG);
    assert_int_equal(CALL(fd_allocate, fd, UINT64_MAX, 2), WASI_EINVAL);
    assert_int_equal(CALL(fd_allocate, fd, 0, 0), WASI_EINVAL);
    put_iovec(g, 0, AT_DATA, 10);
    assert_int_equal(CALL(fd_pwrite, fd, AT_IOVEC, 1, 95, AT_RESULT), 0);
    assert_int_equal(result32(g), 5);
    assert_int_equal(CALL(fd_pwrite, fd, AT_IOVEC, 1, 100, AT_RESULT), WASI_EFBIG);
    assert_int_equal(CALL(fd_pwrite, fd, AT_IOVEC, 1, INT64_MAX, AT_RESULT), WASI_EFBIG);
    assert_int_equal(CALL(fd_pwrite, fd, AT_IOVEC, 1, UINT64_MAX, AT_RESULT), WASI_EFBIG);
    struct stat st;
    assert_int_equal(stat(host_path(g, "dir/new"), &st), 0);
    assert_int_equal(st.st_size, 100);
    guest_end(g);
}

static void test_quotas(void **state)
{
    (void)state;
    guest *g = workshop(WSB_FILESYSTEM_READ_WRITE, true, true);
    g->limits.max_read_bytes = 7;
    g->limits.max_write_bytes = 20;
    guest_start(g);
    uint32_t fd = opened(g, "file", 0, ALL_RIGHTS);
    put_iovec(g, 0, AT_DATA, 5);
    assert_int_equal(CALL(fd_read, fd, AT_IOVEC, 1, AT_RESULT), 0);
    assert_int_equal(CALL(fd_read, fd, AT_IOVEC, 1, AT_RESULT), 0);
    assert_int_equal(result32(g), 2);
    assert_int_equal(CALL(fd_read, fd, AT_IOVEC, 1, AT_RESULT), WASI_EDQUOT);
    assert_string_equal(g->last_subject, "max_read_bytes");
    assert_int_equal(CALL(fd_pread, fd, AT_IOVEC, 1, 0, AT_RESULT), WASI_EDQUOT);
    /* A file may not be made to reach beyond its end by more than may be written. */
    assert_int_equal(CALL(fd_pwrite, fd, AT_IOVEC, 1, 1 << 30, AT_RESULT), WASI_EFBIG);
    assert_string_equal(g->last_subject, "max_write_bytes");
    assert_int_equal(CALL(fd_filestat_set_size, fd, 31), WASI_EDQUOT);
    assert_int_equal(CALL(fd_filestat_set_size, fd, 12), 0); /* costs 2 */
    assert_int_equal(write_text(g, fd, "0123456789012345678901234567890"), 0);
    assert_int_equal(result32(g), 18);
    assert_int_equal(write_text(g, fd, "x"), WASI_EDQUOT);
    assert_int_equal(CALL(fd_allocate, fd, 0, 100), WASI_EDQUOT);
    assert_int_equal(g->counters[WSB_COUNTER_BYTES_WRITTEN], 20);
    assert_int_equal(g->counters[WSB_COUNTER_BYTES_READ], 7);
    guest_end(g);
}

static void test_none_at_all(void **state)
{
    (void)state;
    guest *g = workshop(WSB_FILESYSTEM_READ_WRITE, true, true);
    g->limits.max_read_bytes = WSB_NONE;
    g->limits.max_write_bytes = WSB_NONE;
    guest_start(g);
    uint32_t fd = opened(g, "file", 0, ALL_RIGHTS);
    put_iovec(g, 0, AT_DATA, 5);
    assert_int_equal(CALL(fd_read, fd, AT_IOVEC, 1, AT_RESULT), WASI_EDQUOT);
    assert_int_equal(write_text(g, fd, "x"), WASI_EDQUOT);
    guest_end(g);
}

static void test_directories_are_no_files(void **state)
{
    (void)state;
    guest *g = workshop(WSB_FILESYSTEM_READ_WRITE, true, true);
    guest_start(g);
    put_iovec(g, 0, AT_DATA, 5);
    assert_int_equal(CALL(fd_read, DIR_FD, AT_IOVEC, 1, AT_RESULT), WASI_EISDIR);
    assert_int_equal(CALL(fd_pwrite, DIR_FD, AT_IOVEC, 1, 0, AT_RESULT), WASI_EISDIR);
    assert_int_equal(CALL(fd_seek, DIR_FD, 0, 0, AT_RESULT), WASI_EISDIR);
    uint32_t fd = opened(g, "file", 0, READ_RIGHTS);
    assert_int_equal(open_path_at(g, fd, "x", 0, READ_RIGHTS), WASI_ENOTDIR);
    assert_int_equal(CALL(fd_readdir, fd, AT_DATA, 100, 0, AT_RESULT), WASI_ENOTDIR);
    assert_int_equal(CALL(fd_prestat_get, fd, AT_RESULT), WASI_EBADF);
    assert_int_equal(CALL(fd_prestat_get, DIR_FD, AT_RESULT), 0);
    assert_int_equal(wsb__get32(g->memory + AT_RESULT + 4), 3);
    assert_int_equal(CALL(fd_prestat_dir_name, DIR_FD, AT_DATA, 2), WASI_ENAMETOOLONG);
    assert_int_equal(CALL(fd_prestat_dir_name, DIR_FD, AT_DATA, 3), 0);
    assert_memory_equal(g->memory + AT_DATA, "dir", 3);
    guest_end(g);
}

/* Reads the whole directory in buffers of `size`; each name's last letter is counted. */
static int list(guest *g, uint32_t size, int seen[128], bool delete_as_read)
{
    uint64_t cookie = 0;
    int count = 0;
    for (;;) {
        assert_int_equal(CALL(fd_readdir, DIR_FD, AT_DATA, size, cookie, AT_RESULT), 0);
        uint32_t used = result32(g);
        uint32_t at = 0;
        while (used - at >= WASI_DIRENT_SIZE) {
            const uint8_t *head = g->memory + AT_DATA + at;
            uint32_t length = wsb__get32(head + 16);
            if (used - at < WASI_DIRENT_SIZE + length)
                break;
            char name[64] = "";
            memcpy(name, head + WASI_DIRENT_SIZE, length);
            cookie = wsb__get64(head);
            at += WASI_DIRENT_SIZE + length;
            count++;
            if (name[0] != 'n')
                continue;
            seen[atoi(name + 1)]++;
            if (delete_as_read) {
                uint32_t n = put_text(g, AT_PATH, name);
                assert_int_equal(CALL(path_unlink_file, DIR_FD, AT_PATH, n), 0);
            }
        }
        if (used < size)
            return count;
    }
}

static void test_directory_cookies(void **state)
{
    (void)state;
    guest *g = workshop(WSB_FILESYSTEM_READ_WRITE, true, true);
    for (int i = 0; i < 100; i++) {
        char name[24];
        snprintf(name, sizeof name, "dir/n%d", i);
        host_write(g, name, "");
    }
    guest_start(g);
    int seen[128] = {0};
    assert_int_equal(list(g, 100, seen, false), 103);
    assert_int_equal(list(g, 4096, seen, false), 103);
    assert_int_equal(list(g, 65536, seen, false), 103);
    for (int i = 0; i < 100; i++)
        assert_int_equal(seen[i], 3);
    (void)list(g, 200, seen, true);
    for (int i = 0; i < 100; i++)
        assert_int_equal(seen[i], 4);
    assert_int_equal(CALL(fd_readdir, DIR_FD, AT_DATA, 0, 0, AT_RESULT), 0);
    assert_int_equal(result32(g), 0);
    assert_int_equal(CALL(fd_readdir, DIR_FD, AT_DATA, 100, UINT64_MAX, AT_RESULT), WASI_EINVAL);
    guest_end(g);
}

static void test_times_and_stat(void **state)
{
    (void)state;
    guest *g = workshop(WSB_FILESYSTEM_READ_WRITE, true, true);
    guest_start(g);
    uint32_t fd = opened(g, "file", 0, ALL_RIGHTS);
    const uint64_t time = 1234567890123456789u;
    assert_int_equal(CALL(fd_filestat_set_times, fd, time, time + 1, 5), 0);
    assert_int_equal(CALL(fd_filestat_get, fd, AT_RESULT), 0);
    assert_int_equal(wsb__get64(g->memory + AT_RESULT + 32), 10);
    assert_int_equal(wsb__get64(g->memory + AT_RESULT + 40), time);
    assert_int_equal(wsb__get64(g->memory + AT_RESULT + 48), time + 1);
    assert_int_equal(CALL(fd_filestat_set_times, fd, 0, 0, 3), WASI_EINVAL);
    assert_int_equal(CALL(fd_filestat_set_times, fd, 0, 0, 12), WASI_EINVAL);
    assert_int_equal(CALL(fd_filestat_set_times, fd, 0, 0, 16), WASI_EINVAL);
    uint32_t n = put_text(g, AT_PATH, "file");
    assert_int_equal(CALL(path_filestat_set_times, DIR_FD, 1, AT_PATH, n, 0, time + 2, 4), 0);
    assert_int_equal(CALL(path_filestat_get, DIR_FD, 1, AT_PATH, n, AT_RESULT), 0);
    assert_int_equal(wsb__get64(g->memory + AT_RESULT + 48), time + 2);
    assert_int_equal(CALL(fd_advise, fd, 0, 10, 2), 0);
    assert_int_equal(CALL(fd_advise, fd, 0, 10, 6), WASI_EINVAL);
    assert_int_equal(CALL(fd_advise, fd, INT64_MAX, 1, 0), WASI_EINVAL);
    assert_int_equal(CALL(fd_sync, fd), 0);
    assert_int_equal(CALL(fd_datasync, fd), 0);
    guest_end(g);
}

static void test_snapshot_0(void **state)
{
    (void)state;
    guest *g = workshop(WSB_FILESYSTEM_READ_WRITE, true, true);
    guest_start_as(g, &wsb__wasi_unstable);
    uint32_t fd = opened(g, "file", 0, ALL_RIGHTS);
    memset(g->memory + AT_RESULT, 0xaa, 64);
    assert_int_equal(CALL(fd_filestat_get, fd, AT_RESULT), 0);
    assert_int_equal(g->memory[AT_RESULT + 16], WASI_FILETYPE_REGULAR_FILE);
    assert_int_equal(wsb__get32(g->memory + AT_RESULT + 20), 1);
    assert_int_equal(wsb__get64(g->memory + AT_RESULT + 24), 10);
    assert_int_equal(g->memory[AT_RESULT + 56], 0xaa);
    assert_int_equal(CALL(fd_seek, fd, 0, 1, AT_RESULT), 0); /* the end */
    assert_int_equal(result64(g), 10);
    assert_int_equal(CALL(fd_seek, fd, (uint64_t)-3, 0, AT_RESULT), 0); /* from here */
    assert_int_equal(result64(g), 7);
    assert_int_equal(CALL(fd_seek, fd, 2, 2, AT_RESULT), 0); /* from the start */
    assert_int_equal(result64(g), 2);
    guest_end(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lowest_numbers),
        cmocka_unit_test(test_many_descriptors),
        cmocka_unit_test(test_renumber),
        cmocka_unit_test(test_read_and_seek),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_many_iovecs),
        cmocka_unit_test(test_append),
        cmocka_unit_test(test_file_size),
        cmocka_unit_test(test_quotas),
        cmocka_unit_test(test_none_at_all),
        cmocka_unit_test(test_directories_are_no_files),
        cmocka_unit_test(test_directory_cookies),
        cmocka_unit_test(test_times_and_stat),
        cmocka_unit_test(test_snapshot_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
