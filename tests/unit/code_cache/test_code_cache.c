#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after those: */
#include <cmocka.h>

#include "runtime/code_cache.h"
#include "unit/core/fail_nth.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];

static void make_folder(void)
{
    strcpy(folder, "/tmp/wsb-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
}

static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

static const wsb__key key = {{9}};

static wsb__code_cache_subject subject_of(const char *module)
{
    return (wsb__code_cache_subject){
        .module = wsb_bytes_of(module, strlen(module)),
        .engine = wsb_cstr("fake"),
        .version = wsb_cstr("1"),
        .variant = wsb_bytes_of("v", 1),
        .bounds = wsb_bytes_of("b", 1),
    };
}

static wsb__code_cache *open_cache(uint64_t max_bytes)
{
    wsb__code_cache *cache = NULL;
    assert_int_equal(wsb__code_cache_open(wsb_cstr(folder), max_bytes, &key, &cache, NULL), WSB_OK);
    return cache;
}

static bool store(wsb__code_cache *cache, const char *module, const void *code, size_t len)
{
    wsb__code_cache_subject subject = subject_of(module);
    wsb__code_cache_name name;
    wsb__code_cache_key(cache, &subject, &name);
    wsb__envelope_parts parts = {.engine = subject.engine,
                                 .version = subject.version,
                                 .variant = subject.variant,
                                 .info = wsb_bytes_of("info", 4),
                                 .code = wsb_bytes_of(code, len)};
    return wsb__code_cache_store(cache, &name, &parts);
}

static bool load(wsb__code_cache *cache, const char *module, wsb_buf *out_bytes,
                 wsb__envelope_parts *out_parts)
{
    wsb__code_cache_subject subject = subject_of(module);
    wsb__code_cache_name name;
    wsb__code_cache_key(cache, &subject, &name);
    return wsb__code_cache_load(cache, &name, &subject, out_bytes, out_parts);
}

static bool has(wsb__code_cache *cache, const char *module)
{
    wsb_buf bytes = WSB_BUF_INIT;
    wsb__envelope_parts parts;
    bool found = load(cache, module, &bytes, &parts);
    wsb_buf_fini(&bytes);
    return found;
}

static void path_of(wsb__code_cache *cache, const char *module, char out[160])
{
    wsb__code_cache_subject subject = subject_of(module);
    wsb__code_cache_name name;
    wsb__code_cache_key(cache, &subject, &name);
    snprintf(out, 160, "%s/%s", folder, name.text);
}

static bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static void test_gives_back_what_was_stored(void **state)
{
    (void)state;
    make_folder();
    wsb__code_cache *cache = open_cache(0);
    wsb_buf bytes = WSB_BUF_INIT;
    wsb__envelope_parts parts;
    assert_false(has(cache, "m"));
    assert_true(store(cache, "m", "code", 4));
    assert_true(load(cache, "m", &bytes, &parts));
    assert_int_equal(parts.code.len, 4);
    assert_memory_equal(parts.code.data, "code", 4);
    assert_memory_equal(parts.info.data, "info", 4);
    wsb_buf_fini(&bytes);
    assert_false(has(cache, "n"));
    wsb__code_cache_close(cache);
    wsb__code_cache_close(NULL);
    remove_folder();
}

static void test_every_part_of_the_subject_counts(void **state)
{
    (void)state;
    make_folder();
    wsb__code_cache *cache = open_cache(0);
    wsb__code_cache_subject subjects[6];
    wsb__code_cache_name names[6];
    for (int i = 0; i < 6; i++)
        subjects[i] = subject_of("module");
    subjects[1].engine = wsb_cstr("fake1");
    subjects[1].version = wsb_cstr("");
    subjects[2].version = wsb_cstr("2");
    subjects[3].variant = wsb_bytes_of("w", 1);
    subjects[4].bounds = wsb_bytes_of("c", 1);
    subjects[5].module = wsb_bytes_of("modulf", 6);
    for (int i = 0; i < 6; i++)
        wsb__code_cache_key(cache, &subjects[i], &names[i]);
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(names[i].text, names[j].text);
    wsb__code_cache_close(cache);
    remove_folder();
}

static void test_damaged_and_foreign_entries_go(void **state)
{
    (void)state;
    char path[160];
    char other[160];
    make_folder();
    wsb__code_cache *cache = open_cache(0);
    path_of(cache, "m", path);
    path_of(cache, "n", other);
    assert_true(store(cache, "m", "code", 4));
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, "X", 1, 100), 1);
    close(fd);
    assert_false(has(cache, "m"));
    assert_false(exists(path));
    assert_true(store(cache, "m", "code", 4));
    assert_int_equal(truncate(path, 50), 0);
    assert_false(has(cache, "m"));
    assert_false(exists(path));
    /* Authentic, but another module's. */
    assert_true(store(cache, "m", "code", 4));
    assert_int_equal(rename(path, other), 0);
    assert_false(has(cache, "n"));
    assert_false(exists(other));
    assert_true(store(cache, "m", "code", 4));
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(symlink(other, path), 0);
    assert_false(has(cache, "m"));
    assert_false(exists(path));
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(has(cache, "m"));
    assert_false(exists(path));
    /* A directory in its place stays, and is no more than a miss. */
    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(has(cache, "m"));
    assert_false(store(cache, "m", "code", 4));
    wsb__code_cache_close(cache);
    remove_folder();
}

static void age(wsb__code_cache *cache, const char *module, time_t seconds)
{
    char path[160];
    path_of(cache, module, path);
    struct timespec times[2] = {{seconds, 0}, {seconds, 0}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_the_least_recently_used_go_first(void **state)
{
    (void)state;
    char code[1000] = {0};
    char temp[160];
    make_folder();
    wsb__code_cache *cache = open_cache(3500);
    assert_true(store(cache, "a", code, sizeof code));
    assert_true(store(cache, "b", code, sizeof code));
    assert_true(store(cache, "c", code, sizeof code));
    age(cache, "a", 1000);
    age(cache, "b", 2000);
    age(cache, "c", 3000);
    assert_true(has(cache, "a")); /* is used, so that b is the oldest now */
    snprintf(temp, sizeof temp, "%s/.tmp-left", folder);
    close(open(temp, O_CREAT | O_WRONLY, 0600));
    struct timespec times[2] = {{1000, 0}, {1000, 0}};
    assert_int_equal(utimensat(AT_FDCWD, temp, times, 0), 0);
    assert_true(store(cache, "d", code, sizeof code));
    assert_true(has(cache, "a"));
    assert_false(has(cache, "b"));
    assert_true(has(cache, "c"));
    assert_true(has(cache, "d"));
    assert_false(exists(temp));
    /* What alone is too large is not stored, and pushes nothing out. */
    char large[4000] = {0};
    assert_false(store(cache, "e", large, sizeof large));
    assert_true(has(cache, "d"));
    wsb__code_cache_close(cache);
    remove_folder();
}

static void refused(const char *path, wsb_status status)
{
    wsb__code_cache *cache = NULL;
    wsb_error *error = NULL;
    assert_int_equal(wsb__code_cache_open(wsb_cstr(path), 0, &key, &cache, &error), status);
    assert_null(cache);
    assert_string_equal(wsb_error_subject(error), "code_cache");
    wsb_error_destroy(error);
}

static void test_refuses_folders_of_others(void **state)
{
    (void)state;
    char path[160];
    struct stat st;
    wsb__code_cache *cache;
    make_folder();
    snprintf(path, sizeof path, "%s/x/y", folder);
    EXPECT_OUT_OF_MEMORY_UNTIL_OK(wsb__code_cache_open(wsb_cstr(path), 0, &key, &cache, NULL));
    wsb__code_cache_close(cache);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(chmod(path, 0770), 0);
    refused(path, WSB_ERROR_ACCESS_DENIED);
    assert_int_equal(chmod(path, 01777), 0);
    refused(path, WSB_ERROR_ACCESS_DENIED);
    if (geteuid() == 0) {
        assert_int_equal(chmod(path, 0700), 0);
        assert_int_equal(chown(path, 12345, 0), 0);
        refused(path, WSB_ERROR_ACCESS_DENIED);
    }
    snprintf(path, sizeof path, "%s/file", folder);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    refused(path, WSB_ERROR_ACCESS_DENIED);
    refused("", WSB_ERROR_INVALID_ARGUMENT);
    refused("/proc/nowhere", WSB_ERROR_IO);
    remove_folder();
}

static void work(int seed)
{
    static char code[2000];
    wsb__code_cache *cache = open_cache(10000);
    memset(code, 'c', sizeof code);
    for (int i = 0; i < 200; i++) {
        char module[16];
        snprintf(module, sizeof module, "m%d", (i * 7 + seed) % 12);
        wsb_buf bytes = WSB_BUF_INIT;
        wsb__envelope_parts parts;
        if (!load(cache, module, &bytes, &parts))
            (void)store(cache, module, code, sizeof code);
        else if (parts.code.len != sizeof code || memcmp(parts.code.data, code, sizeof code) != 0)
            _exit(1);
        wsb_buf_fini(&bytes);
    }
    wsb__code_cache_close(cache);
    _exit(0);
}

static void test_processes_share_it(void **state)
{
    (void)state;
    make_folder();
    for (int i = 0; i < 6; i++)
        if (fork() == 0)
            work(i);
    for (int i = 0; i < 6; i++) {
        int status;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    char command[256];
    snprintf(command, sizeof command,
             "cd %s && test $(cat * | wc -c) -le 10000 && test -z \"$(ls -A | grep tmp)\"", folder);
    assert_int_equal(system(command), 0);
    remove_folder();
}

static void test_default_paths(void **state)
{
    (void)state;
    wsb_buf directory = WSB_BUF_INIT;
    wsb_buf key_path = WSB_BUF_INIT;
    char expected[160];
    make_folder();
    setenv("XDG_CACHE_HOME", "relative", 1);
    setenv("HOME", folder, 1);
    assert_int_equal(wsb_code_cache_default_paths(&directory, &key_path, NULL), WSB_OK);
    snprintf(expected, sizeof expected, "%s/.cache/wasm-sandbox/code", folder);
    assert_string_equal((char *)directory.data, expected);
    snprintf(expected, sizeof expected, "%s/.cache/wasm-sandbox/key", folder);
    assert_string_equal((char *)key_path.data, expected);
    wsb_buf_fini(&directory);
    wsb_buf_fini(&key_path);
    setenv("XDG_CACHE_HOME", folder, 1);
    EXPECT_OUT_OF_MEMORY_UNTIL_OK(wsb_code_cache_default_paths(&directory, &key_path, NULL));
    snprintf(expected, sizeof expected, "%s/wasm-sandbox/code", folder);
    assert_string_equal((char *)directory.data, expected);
    wsb_buf_fini(&directory);
    wsb_buf_fini(&key_path);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    assert_int_equal(wsb_code_cache_default_paths(&directory, &key_path, NULL),
                     WSB_ERROR_NOT_FOUND);
    setenv("HOME", "/proc", 1);
    assert_int_equal(wsb_code_cache_default_paths(&directory, &key_path, NULL), WSB_ERROR_IO);
    assert_int_equal(wsb_code_cache_default_paths(NULL, NULL, NULL), WSB_ERROR_INVALID_ARGUMENT);
    remove_folder();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gives_back_what_was_stored),
        cmocka_unit_test(test_every_part_of_the_subject_counts),
        cmocka_unit_test(test_damaged_and_foreign_entries_go),
        cmocka_unit_test(test_the_least_recently_used_go_first),
        cmocka_unit_test(test_refuses_folders_of_others),
        cmocka_unit_test(test_processes_share_it),
        cmocka_unit_test(test_default_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
