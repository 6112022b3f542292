#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after those: */
#include <cmocka.h>

#include "runtime/code_key.h"

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

static char file[128];

static void in_folder(const char *name)
{
    snprintf(file, sizeof file, "%s/%s", folder, name);
}

static void refused(wsb_status status)
{
    wsb__key key = {{0}};
    wsb_error *error = NULL;
    assert_int_equal(wsb__code_key_load(wsb_cstr(file), &key, &error), status);
    assert_int_equal(wsb_error_status(error), status);
    assert_string_equal(wsb_error_subject(error), "key_path");
    assert_int_equal(key.bytes[0] | key.bytes[31], 0);
    wsb_error_destroy(error);
}

static void test_makes_one_and_reads_it_again(void **state)
{
    (void)state;
    wsb__key first;
    wsb__key second;
    struct stat st;
    make_folder();
    in_folder("a/b/key");
    assert_int_equal(wsb__code_key_load(wsb_cstr(file), &first, NULL), WSB_OK);
    assert_int_equal(wsb__code_key_load(wsb_cstr(file), &second, NULL), WSB_OK);
    assert_memory_equal(&first, &second, sizeof first);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, 32);
    assert_int_equal(st.st_nlink, 1);
    in_folder("a/b");
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    in_folder("other");
    assert_int_equal(wsb__code_key_load(wsb_cstr(file), &second, NULL), WSB_OK);
    assert_memory_not_equal(&first, &second, sizeof first);
    wsb__code_key_wipe(&first);
    wsb__code_key_wipe(NULL);
    remove_folder();
}

static void test_refuses_what_others_can_touch(void **state)
{
    (void)state;
    wsb__key key;
    make_folder();
    in_folder("key");
    assert_int_equal(wsb__code_key_load(wsb_cstr(file), &key, NULL), WSB_OK);
    assert_int_equal(chmod(file, 0640), 0);
    refused(WSB_ERROR_ACCESS_DENIED);
    assert_int_equal(chmod(file, 0602), 0);
    refused(WSB_ERROR_ACCESS_DENIED);
    assert_int_equal(chmod(file, 0600), 0);
    assert_int_equal(truncate(file, 31), 0);
    refused(WSB_ERROR_MALFORMED);
    assert_int_equal(truncate(file, 33), 0);
    refused(WSB_ERROR_MALFORMED);
    if (geteuid() == 0) {
        assert_int_equal(truncate(file, 32), 0);
        assert_int_equal(chown(file, 12345, 0), 0);
        refused(WSB_ERROR_ACCESS_DENIED);
    }
    remove_folder();
}

static void test_refuses_what_is_no_file(void **state)
{
    (void)state;
    char target[128];
    make_folder();
    in_folder("folder");
    assert_int_equal(mkdir(file, 0700), 0);
    refused(WSB_ERROR_ACCESS_DENIED);
    in_folder("fifo");
    assert_int_equal(mkfifo(file, 0600), 0);
    refused(WSB_ERROR_ACCESS_DENIED);
    in_folder("real");
    wsb__key key;
    assert_int_equal(wsb__code_key_load(wsb_cstr(file), &key, NULL), WSB_OK);
    strcpy(target, file);
    in_folder("link");
    assert_int_equal(symlink(target, file), 0);
    refused(WSB_ERROR_ACCESS_DENIED);
    in_folder("dangling");
    assert_int_equal(symlink("nowhere", file), 0);
    refused(WSB_ERROR_ACCESS_DENIED);
    in_folder("real/below");
    refused(WSB_ERROR_IO);
    file[0] = 0;
    refused(WSB_ERROR_INVALID_ARGUMENT);
    remove_folder();
}

static void child(int start, int result)
{
    char byte;
    wsb__key key;
    if (read(start, &byte, 1) != 0 || wsb__code_key_load(wsb_cstr(file), &key, NULL) != WSB_OK)
        _exit(1);
    _exit(write(result, key.bytes, sizeof key.bytes) == sizeof key.bytes ? 0 : 1);
}

/* All children wait for one pipe to close, so that they start together. */
static void race(int count)
{
    int start[2];
    int result[2];
    assert_int_equal(pipe(start), 0);
    assert_int_equal(pipe(result), 0);
    for (int i = 0; i < count; i++)
        if (fork() == 0) {
            close(start[1]);
            child(start[0], result[1]);
        }
    close(start[0]);
    close(start[1]);
    for (int i = 0; i < count; i++) {
        int status;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    uint8_t first[32];
    uint8_t next[32];
    assert_int_equal(read(result[0], first, 32), 32);
    for (int i = 1; i < count; i++) {
        assert_int_equal(read(result[0], next, 32), 32);
        assert_memory_equal(first, next, 32);
    }
    close(result[0]);
    close(result[1]);
}

static void test_racing_processes_agree(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        make_folder();
        in_folder("new/key");
        race(8);
        in_folder("new");
        /* No temporary file is left. */
        struct stat st;
        assert_int_equal(stat(file, &st), 0);
        char command[160];
        snprintf(command, sizeof command, "test \"$(ls -A %s)\" = key", file);
        assert_int_equal(system(command), 0);
        remove_folder();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_makes_one_and_reads_it_again),
        cmocka_unit_test(test_refuses_what_others_can_touch),
        cmocka_unit_test(test_refuses_what_is_no_file),
        cmocka_unit_test(test_racing_processes_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
