/* No path leads out: by the kernel's resolution and by our own walk. */
#include "wasi_double.h"

#include <pthread.h>
#include <stdatomic.h>

enum { DIR_FD = 3 };

static guest *playground(wsb__os_resolver resolver)
{
    guest *g = guest_new();
    wsb__os_set_resolver(resolver);
    host_mkdir(g, "in");
    host_mkdir(g, "in/sub");
    host_mkdir(g, "in/sub/deep");
    host_mkdir(g, "out");
    host_write(g, "out/secret", "SECRET");
    host_write(g, "in/file", "inside");
    host_write(g, "in/sub/deep/file", "deep");
    grant(g, "in", WSB_FILESYSTEM_READ_WRITE, true, true);
    return g;
}

static void link_on_host(guest *g, const char *target, const char *name)
{
    assert_int_equal(symlink(target, host_path(g, name)), 0);
}

static void expect_open(guest *g, const char *path, int expected)
{
    int result = open_path_at(g, DIR_FD, path, 0, READ_RIGHTS);
    if (result != expected)
        fail_msg("open '%s': %d instead of %d", path, result, expected);
    if (result == 0)
        assert_int_equal(CALL(fd_close, result32(g)), 0);
}

static void paths(wsb__os_resolver resolver)
{
    guest *g = playground(resolver);
    guest_start(g);
    expect_open(g, "file", 0);
    expect_open(g, "./file", 0);
    expect_open(g, "sub/../file", 0);
    expect_open(g, "sub/.//deep/../../sub/deep///./file", 0);
    expect_open(g, "sub/deep/", 0);
    expect_open(g, "sub/deep/..", 0);
    expect_open(g, ".", 0);
    expect_open(g, "file/", WASI_ENOTDIR);
    expect_open(g, "file/.", WASI_ENOTDIR);
    expect_open(g, "file/..", WASI_ENOTDIR);
    expect_open(g, "missing", WASI_ENOENT);
    expect_open(g, "missing/file", WASI_ENOENT);
    expect_open(g, "..", WASI_ENOTCAPABLE);
    expect_open(g, "../out/secret", WASI_ENOTCAPABLE);
    expect_open(g, "sub/../../out/secret", WASI_ENOTCAPABLE);
    expect_open(g, "sub/deep/../../../out/secret", WASI_ENOTCAPABLE);
    expect_open(g, "./..", WASI_ENOTCAPABLE);
    expect_open(g, "/etc/passwd", WASI_ENOTCAPABLE);
    expect_open(g, "//etc/passwd", WASI_ENOTCAPABLE);
    assert_string_equal(g->last_subject, "filesystem");
    assert_string_equal(g->last_operation, "path_open");
    expect_open(g, "", WASI_ENOENT);
    guest_end(g);
}

static void test_paths(void **state)
{
    (void)state;
    paths(WSB__OS_RESOLVER_KERNEL);
    paths(WSB__OS_RESOLVER_WALK);
}

static void links(wsb__os_resolver resolver)
{
    guest *g = playground(resolver);
    link_on_host(g, "../out/secret", "in/up");
    link_on_host(g, host_path(g, "out/secret"), "in/absolute");
    link_on_host(g, "..", "in/parent");
    link_on_host(g, "../..", "in/sub/grandparent");
    link_on_host(g, "/", "in/root");
    link_on_host(g, "/proc/self/root", "in/magic");
    link_on_host(g, "loop_b", "in/loop_a");
    link_on_host(g, "loop_a", "in/loop_b");
    link_on_host(g, "../file", "in/sub/good");
    link_on_host(g, "sub/deep", "in/folder");
    link_on_host(g, "folder/../../file", "in/twice");
    link_on_host(g, "nowhere", "in/dangling");
    guest_start(g);
    expect_open(g, "up", WASI_ENOTCAPABLE);
    expect_open(g, "absolute", WASI_ENOTCAPABLE);
    expect_open(g, "parent", WASI_ENOTCAPABLE);
    expect_open(g, "parent/out/secret", WASI_ENOTCAPABLE);
    expect_open(g, "sub/grandparent/out/secret", WASI_ENOTCAPABLE);
    expect_open(g, "root/etc/passwd", WASI_ENOTCAPABLE);
    expect_open(g, "magic/etc/passwd", WASI_ENOTCAPABLE);
    expect_open(g, "loop_a", WASI_ELOOP);
    expect_open(g, "sub/good", 0);
    expect_open(g, "folder", 0);
    expect_open(g, "folder/", 0);
    expect_open(g, "folder/file", 0);
    expect_open(g, "folder/../deep/file", 0);
    expect_open(g, "twice", 0);
    expect_open(g, "dangling", WASI_ENOENT);
    assert_int_equal(open_path_at(g, DIR_FD, "dangling", WASI_OFLAG_CREAT, WRITE_RIGHTS), 0);
    assert_true(host_exists(g, "in/nowhere"));
    assert_int_equal(
        open_path_at(g, DIR_FD, "up", WASI_OFLAG_CREAT | WASI_OFLAG_TRUNC, WRITE_RIGHTS),
        WASI_ENOTCAPABLE);
    assert_true(host_has(g, "out/secret", "SECRET"));
    guest_end(g);
}

static void test_links(void **state)
{
    (void)state;
    links(WSB__OS_RESOLVER_KERNEL);
    links(WSB__OS_RESOLVER_WALK);
}

static void no_follow(wsb__os_resolver resolver)
{
    guest *g = playground(resolver);
    link_on_host(g, "file", "in/link");
    link_on_host(g, "sub", "in/dirlink");
    guest_start(g);
    uint32_t length = put_text(g, AT_PATH, "link");
    assert_int_equal(CALL(path_open, DIR_FD, 0, AT_PATH, length, 0, READ_RIGHTS, 0, 0, AT_RESULT),
                     WASI_ELOOP);
    length = put_text(g, AT_PATH, "dirlink");
    int result = CALL(path_open, DIR_FD, 0, AT_PATH, length, WASI_OFLAG_DIRECTORY, READ_RIGHTS, 0,
                      0, AT_RESULT);
    assert_true(result == WASI_ENOTDIR || result == WASI_ELOOP);
    length = put_text(g, AT_PATH, "link");
    assert_int_equal(CALL(path_filestat_get, DIR_FD, 0, AT_PATH, length, AT_RESULT), 0);
    assert_int_equal(g->memory[AT_RESULT + 16], WASI_FILETYPE_SYMBOLIC_LINK);
    assert_int_equal(CALL(path_filestat_get, DIR_FD, 1, AT_PATH, length, AT_RESULT), 0);
    assert_int_equal(g->memory[AT_RESULT + 16], WASI_FILETYPE_REGULAR_FILE);
    guest_end(g);
}

static void test_no_follow(void **state)
{
    (void)state;
    no_follow(WSB__OS_RESOLVER_KERNEL);
    no_follow(WSB__OS_RESOLVER_WALK);
}

/* Every function that takes a path, with paths that lead out. */
static void every_function(wsb__os_resolver resolver)
{
    static const char *const bad[] = {
        "../out/secret", "parent/out/secret", "sub/../../out/secret", "parent/out/new", "../new",
        "/new"};
    guest *g = playground(resolver);
    link_on_host(g, "..", "in/parent");
    guest_start(g);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint32_t n = put_text(g, AT_PATH, bad[i]);
        uint32_t m = put_text(g, AT_PATH_2, "file");
        assert_int_equal(CALL(path_create_directory, DIR_FD, AT_PATH, n), WASI_ENOTCAPABLE);
        assert_int_equal(CALL(path_remove_directory, DIR_FD, AT_PATH, n), WASI_ENOTCAPABLE);
        assert_int_equal(CALL(path_unlink_file, DIR_FD, AT_PATH, n), WASI_ENOTCAPABLE);
        assert_int_equal(CALL(path_filestat_get, DIR_FD, 1, AT_PATH, n, AT_RESULT),
                         WASI_ENOTCAPABLE);
        assert_int_equal(CALL(path_filestat_set_times, DIR_FD, 1, AT_PATH, n, 0, 0, 5),
                         WASI_ENOTCAPABLE);
        assert_int_equal(CALL(path_readlink, DIR_FD, AT_PATH, n, AT_DATA, 100, AT_RESULT),
                         WASI_ENOTCAPABLE);
        assert_int_equal(CALL(path_symlink, AT_PATH_2, m, DIR_FD, AT_PATH, n), WASI_ENOTCAPABLE);
        assert_int_equal(CALL(path_link, DIR_FD, 0, AT_PATH, n, DIR_FD, AT_PATH_2, m),
                         WASI_ENOTCAPABLE);
        assert_int_equal(CALL(path_link, DIR_FD, 0, AT_PATH_2, m, DIR_FD, AT_PATH, n),
                         WASI_ENOTCAPABLE);
        assert_int_equal(CALL(path_rename, DIR_FD, AT_PATH, n, DIR_FD, AT_PATH_2, m),
                         WASI_ENOTCAPABLE);
        assert_int_equal(CALL(path_rename, DIR_FD, AT_PATH_2, m, DIR_FD, AT_PATH, n),
                         WASI_ENOTCAPABLE);
    }
    assert_true(host_has(g, "out/secret", "SECRET"));
    assert_true(host_has(g, "in/file", "inside"));
    assert_false(host_exists(g, "new"));
    assert_false(host_exists(g, "out/new"));
    guest_end(g);
}

static void test_every_function(void **state)
{
    (void)state;
    every_function(WSB__OS_RESOLVER_KERNEL);
    every_function(WSB__OS_RESOLVER_WALK);
}

/* A slash behind a link's name must not make the kernel follow it. */
static void test_slash_behind_a_link(void **state)
{
    (void)state;
    guest *g = playground(WSB__OS_RESOLVER_KERNEL);
    host_mkdir(g, "out/empty");
    link_on_host(g, "../out/empty", "in/folder");
    link_on_host(g, "../out/secret", "in/link");
    guest_start(g);
    uint32_t n = put_text(g, AT_PATH, "folder/");
    uint32_t m = put_text(g, AT_PATH_2, "moved");
    assert_int_not_equal(CALL(path_remove_directory, DIR_FD, AT_PATH, n), 0);
    assert_int_not_equal(CALL(path_unlink_file, DIR_FD, AT_PATH, n), 0);
    assert_int_not_equal(CALL(path_rename, DIR_FD, AT_PATH, n, DIR_FD, AT_PATH_2, m), 0);
    assert_int_not_equal(CALL(path_link, DIR_FD, 0, AT_PATH, n, DIR_FD, AT_PATH_2, m), 0);
    assert_int_not_equal(CALL(path_readlink, DIR_FD, AT_PATH, n, AT_DATA, 99, AT_RESULT), 0);
    assert_int_equal(CALL(path_filestat_get, DIR_FD, 0, AT_PATH, n, AT_RESULT), WASI_ENOTCAPABLE);
    n = put_text(g, AT_PATH, "link/");
    assert_int_not_equal(CALL(path_link, DIR_FD, 0, AT_PATH, n, DIR_FD, AT_PATH_2, m), 0);
    assert_int_not_equal(CALL(path_create_directory, DIR_FD, AT_PATH, n), 0);
    assert_int_not_equal(CALL(path_symlink, AT_PATH_2, m, DIR_FD, AT_PATH, n), 0);
    assert_true(host_exists(g, "out/empty"));
    assert_true(host_has(g, "out/secret", "SECRET"));
    assert_false(host_exists(g, "in/moved"));
    guest_end(g);
}

static void test_absolute_link_texts(void **state)
{
    (void)state;
    guest *g = playground(WSB__OS_RESOLVER_KERNEL);
    link_on_host(g, host_path(g, "out/secret"), "in/absolute");
    guest_start(g);
    uint32_t n = put_text(g, AT_PATH, "/etc/passwd");
    uint32_t m = put_text(g, AT_PATH_2, "link");
    assert_int_equal(CALL(path_symlink, AT_PATH, n, DIR_FD, AT_PATH_2, m), WASI_ENOTCAPABLE);
    assert_false(host_exists(g, "in/link"));
    n = put_text(g, AT_PATH, "absolute");
    assert_int_equal(CALL(path_readlink, DIR_FD, AT_PATH, n, AT_DATA, 200, AT_RESULT),
                     WASI_ENOTCAPABLE);
    n = put_text(g, AT_PATH, "sub/../file");
    assert_int_equal(CALL(path_symlink, AT_PATH, n, DIR_FD, AT_PATH_2, m), 0);
    assert_int_equal(CALL(path_readlink, DIR_FD, AT_PATH_2, m, AT_DATA, 6, AT_RESULT), 0);
    assert_int_equal(result32(g), 6);
    assert_memory_equal(g->memory + AT_DATA, "sub/..", 6);
    guest_end(g);
}

static void test_long_names(void **state)
{
    (void)state;
    guest *g = playground(WSB__OS_RESOLVER_KERNEL);
    guest_start(g);
    for (int walk = 0; walk < 2; walk++) {
        wsb__os_set_resolver(walk ? WSB__OS_RESOLVER_WALK : WSB__OS_RESOLVER_KERNEL);
        memset(g->memory + AT_PATH, 'x', 8000);
        assert_int_equal(CALL(path_create_directory, DIR_FD, AT_PATH, 256), WASI_ENAMETOOLONG);
        assert_int_equal(CALL(path_unlink_file, DIR_FD, AT_PATH, 4096), WASI_ENAMETOOLONG);
        assert_int_equal(CALL(path_unlink_file, DIR_FD, AT_PATH, 8000), WASI_ENAMETOOLONG);
        for (int i = 0; i < 4000; i += 2)
            memcpy(g->memory + AT_PATH + i, "./", 2);
        memcpy(g->memory + AT_PATH + 4000, "file", 4);
        assert_int_equal(CALL(path_filestat_get, DIR_FD, 1, AT_PATH, 4004, AT_RESULT), 0);
        memcpy(g->memory + AT_PATH, "file\0x", 6);
        assert_int_equal(CALL(path_filestat_get, DIR_FD, 1, AT_PATH, 5, AT_RESULT), WASI_EINVAL);
    }
    guest_end(g);
}

/* "In beneath a descriptor that the guest opened" is beneath that one, not the preopen. */
static void test_beneath_an_opened_directory(void **state)
{
    (void)state;
    guest *g = playground(WSB__OS_RESOLVER_KERNEL);
    guest_start(g);
    for (int walk = 0; walk < 2; walk++) {
        wsb__os_set_resolver(walk ? WSB__OS_RESOLVER_WALK : WSB__OS_RESOLVER_KERNEL);
        assert_int_equal(
            open_path_at(g, DIR_FD, "sub", WASI_OFLAG_DIRECTORY, ALL_RIGHTS & ~WASI_FD_WRITE), 0);
        uint32_t sub = result32(g);
        assert_int_equal(open_path_at(g, sub, "deep/file", 0, READ_RIGHTS), 0);
        assert_int_equal(CALL(fd_close, result32(g)), 0);
        assert_int_equal(open_path_at(g, sub, "../file", 0, READ_RIGHTS), WASI_ENOTCAPABLE);
        assert_int_equal(CALL(fd_close, sub), 0);
        assert_int_equal(open_path_at(g, sub, "deep/file", 0, READ_RIGHTS), WASI_EBADF);
    }
    guest_end(g);
}

static atomic_bool stop_swapping;

/* Swaps a directory with a link that leads out, as fast as it can. */
static void *swapper(void *data)
{
    guest *g = data;
    char real[PATH_MAX];
    char evil[PATH_MAX];
    snprintf(real, sizeof real, "%s/in/swap", g->folder);
    snprintf(evil, sizeof evil, "%s/in/evil", g->folder);
    while (!atomic_load(&stop_swapping))
        (void)renameat2(AT_FDCWD, real, AT_FDCWD, evil, RENAME_EXCHANGE);
    return NULL;
}

static void race(wsb__os_resolver resolver)
{
    guest *g = playground(resolver);
    host_mkdir(g, "in/swap");
    host_write(g, "in/swap/secret", "public");
    link_on_host(g, "../out", "in/evil");
    g->limits.max_read_bytes = UINT64_MAX;
    guest_start(g);
    atomic_store(&stop_swapping, false);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, swapper, g), 0);
    int opened = 0;
    int refused = 0;
    for (int i = 0; i < 200000 && (i < 3000 || opened == 0 || refused == 0); i++) {
        int result = open_path_at(g, DIR_FD, "swap/secret", 0, READ_RIGHTS);
        refused += result == WASI_ENOTCAPABLE;
        if (result != 0)
            continue;
        opened++;
        uint32_t fd = result32(g);
        put_iovec(g, 0, AT_DATA, 6);
        assert_int_equal(CALL(fd_read, fd, AT_IOVEC, 1, AT_RESULT), 0);
        assert_memory_equal(g->memory + AT_DATA, "public", 6);
        assert_int_equal(CALL(fd_close, fd), 0);
        uint32_t n = put_text(g, AT_PATH, "swap/new");
        if (CALL(path_create_directory, DIR_FD, AT_PATH, n) == 0)
            (void)CALL(path_remove_directory, DIR_FD, AT_PATH, n);
        assert_false(host_exists(g, "out/new"));
    }
    atomic_store(&stop_swapping, true);
    pthread_join(thread, NULL);
    assert_true(opened > 0);
    assert_true(refused > 0);
    guest_end(g);
}

static void test_race(void **state)
{
    (void)state;
    race(WSB__OS_RESOLVER_KERNEL);
    race(WSB__OS_RESOLVER_WALK);
}

/* With the process's own /proc granted, its magic links still lead nowhere. */
static void magic(wsb__os_resolver resolver)
{
    guest *g = guest_new();
    wsb__os_set_resolver(resolver);
    g->directories[0] = (wsb_filesystem_capability){
        .size = sizeof g->directories[0],
        .host_path = wsb_cstr("/proc"),
        .access = WSB_FILESYSTEM_READ_ONLY,
    };
    g->capabilities.filesystem = g->directories;
    g->capabilities.filesystem_count = 1;
    guest_start(g);
    static const char *const bad[] = {
        "self/root/etc/passwd", "self/cwd", "self/exe", "self/fd/0", "self/root", "self/ns/mnt"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int result = open_path_at(g, DIR_FD, bad[i], 0, READ_RIGHTS);
        if (result == 0)
            fail_msg("opened %s", bad[i]);
    }
    guest_end(g);
}

static void test_magic_links(void **state)
{
    (void)state;
    magic(WSB__OS_RESOLVER_KERNEL);
    magic(WSB__OS_RESOLVER_WALK);
}

static void test_deep_walk(void **state)
{
    (void)state;
    guest *g = playground(WSB__OS_RESOLVER_WALK);
    guest_start(g);
    char path[600] = "";
    for (int i = 0; i < 140; i++)
        strcat(path, "d/");
    int fd = open(host_path(g, "in"), O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 140; i++) {
        assert_int_equal(mkdirat(fd, "d", 0700), 0);
        int next = openat(fd, "d", O_RDONLY | O_DIRECTORY);
        close(fd);
        fd = next;
    }
    close(fd);
    int before = open("/dev/null", O_RDONLY);
    assert_int_equal(open_path_at(g, DIR_FD, path, 0, READ_RIGHTS), WASI_ENAMETOOLONG);
    path[200] = '\0';
    assert_int_equal(open_path_at(g, DIR_FD, path, 0, READ_RIGHTS), 0);
    assert_int_equal(CALL(fd_close, result32(g)), 0);
    int after = open("/dev/null", O_RDONLY);
    assert_int_equal(after, before + 1); /* nothing was left open */
    close(after);
    close(before);
    guest_end(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_no_follow),
        cmocka_unit_test(test_every_function),
        cmocka_unit_test(test_slash_behind_a_link),
        cmocka_unit_test(test_absolute_link_texts),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_beneath_an_opened_directory),
        cmocka_unit_test(test_race),
        cmocka_unit_test(test_magic_links),
        cmocka_unit_test(test_deep_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
