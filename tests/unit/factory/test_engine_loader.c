#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after those: */
#include <cmocka.h>

#include "runtime/engine_loader.h"
#include "runtime/factory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

/* Builds a shared object from one line of C. */
static void build(const char *name, const char *code)
{
    char command[2048];
    snprintf(command, sizeof command,
             "printf '%%s' '%s' | cc -shared -fPIC -x c -o %s/%s - -nostdlib", code, folder, name);
    assert_int_equal(system(command), 0);
}

/* A table as an engine has it, laid out by hand: what a foreign build might give. */
#define TABLE_WITH(version, id, function, features)                                                \
    "static void f(void) {} static struct { unsigned long size; unsigned abi; const char *id, "    \
    "*v; unsigned features; void *fs[21]; } t = {sizeof t, " version ", \"" id                     \
    "\", \"9\", " features ", {f,f,f,f,f,0,0,f,f,f,f,0,0,f,f,f,f,0,f," function                    \
    ",0}}; void *wsb_engine_entry(void) { return &t; }"
#define TABLE(version, id, function) TABLE_WITH(version, id, function, "1")

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

static wsb_status load(wsb_runtime_factory *factory, const char *name, const char *needle)
{
    char path[160];
    wsb_error *error = NULL;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    wsb_status status = wsb_runtime_factory_load(factory, wsb_cstr(path), NULL, &error);
    if (needle)
        assert_non_null(strstr(wsb_error_message(error), needle));
    wsb_error_destroy(error);
    return status;
}

static void test_loads_an_engine_by_its_path(void **state)
{
    (void)state;
    const char *id = NULL;
    wsb_runtime_factory *factory = NULL;
    wsb_engine_info info = WSB_ENGINE_INFO_INIT;
    make_folder();
    assert_int_equal(wsb__factory_create_empty(&factory, NULL), WSB_OK);
    build("good.so", TABLE("2", "good", "f"));
    assert_int_equal(load(factory, "good.so", NULL), WSB_OK);
    assert_int_equal(load(factory, "good.so", NULL), WSB_OK); /* again is fine */
    assert_int_equal(wsb_runtime_factory_count(factory), 1);
    build("same.so", TABLE("2", "good", "f"));
    assert_int_equal(load(factory, "same.so", "good"), WSB_ERROR_ALREADY_EXISTS);
    /* A bare name is of the working directory. */
    char old[4096];
    assert_non_null(getcwd(old, sizeof old));
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(wsb_runtime_factory_load(factory, wsb_cstr("good.so"), &id, NULL), WSB_OK);
    assert_string_equal(id, "good");
    assert_int_equal(chdir(old), 0);
    assert_int_equal(wsb_runtime_factory_load(factory, wsb_cstr("libc.so.6"), &id, NULL),
                     WSB_ERROR_NOT_FOUND);
    assert_int_equal(wsb_runtime_factory_info(factory, 0, &info, NULL), WSB_OK);
    assert_string_equal(info.version, "9");
    wsb_runtime_factory_destroy(factory);
    remove_folder();
}

/* Loads `name`: it must be refused with this status, and the message must have these words. */
static void refused(const char *name, wsb_status expected, const char *words, const char *more)
{
    char path[160];
    wsb_error *error = NULL;
    const char *id = "untouched";
    wsb_runtime_factory *factory = NULL;
    assert_int_equal(wsb__factory_create_empty(&factory, NULL), WSB_OK);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(wsb_runtime_factory_load(factory, wsb_cstr(path), &id, &error), expected);
    assert_string_equal(id, "untouched");
    assert_int_equal(wsb_runtime_factory_count(factory), 0);
    if (!strstr(wsb_error_message(error), words) || !strstr(wsb_error_message(error), more))
        fail_msg("%s", wsb_error_message(error));
    /* The file is named, and named once. */
    const char *named = strstr(wsb_error_message(error), name);
    assert_non_null(named);
    assert_null(strstr(named + 1, name));
    wsb_error_destroy(error);
    wsb_runtime_factory_destroy(factory);
}

static int in_folder(void **state)
{
    (void)state;
    make_folder();
    return 0;
}

static int out_of_folder(void **state)
{
    (void)state;
    remove_folder();
    return 0;
}

static void write_file(const char *name, const char *content)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void test_another_abi_version(void **state)
{
    (void)state;
    build("old.so", TABLE("77", "old", "f"));
    refused("old.so", WSB_ERROR_ABI_MISMATCH, "version 77", "version 2");
}

static void test_a_missing_member(void **state)
{
    (void)state;
    build("lacks.so", TABLE("2", "lacks", "0"));
    refused("lacks.so", WSB_ERROR_ABI_MISMATCH, "global_set", "missing");
    build("rests.so", TABLE_WITH("2", "rests", "f", "129"));
    refused("rests.so", WSB_ERROR_ABI_MISMATCH, "function_resume", "missing");
}

static void test_a_table_too_short(void **state)
{
    (void)state;
    build("tiny.so", "static unsigned long t[9] = {8}; void *wsb_engine_entry(void) { return t; }");
    refused("tiny.so", WSB_ERROR_ABI_MISMATCH, "'size'", "too short");
    build("short.so", "static unsigned char z; static struct { unsigned long size; unsigned abi; "
                      "const char *id, *v; unsigned features; void *fs[2]; } t = {sizeof t, 2, "
                      "\"short\", \"9\", 0, {&z, &z}}; "
                      "void *wsb_engine_entry(void) { return &t; }");
    refused("short.so", WSB_ERROR_ABI_MISMATCH, "engine_interrupt", "too short");
}

static void test_no_entry_symbol(void **state)
{
    (void)state;
    build("none.so", "int x;");
    refused("none.so", WSB_ERROR_ABI_MISMATCH, "does not export", "wsb_engine_entry");
}

static void test_an_entry_that_gives_nothing(void **state)
{
    (void)state;
    build("null.so", "void *wsb_engine_entry(void) { return 0; }");
    refused("null.so", WSB_ERROR_ABI_MISMATCH, "wsb_engine_entry()", "NULL");
}

static void test_an_invalid_id(void **state)
{
    (void)state;
    build("id.so", TABLE("2", "Bad Id", "f"));
    refused("id.so", WSB_ERROR_INVALID_ARGUMENT, "'Bad Id'", "a-z 0-9 _ -");
}

static void test_not_a_shared_object(void **state)
{
    (void)state;
    write_file("text.so", "this is no shared object, whatever its name says, of that be sure");
    refused("text.so", WSB_ERROR_UNSUPPORTED, "load engine", "ELF");
    write_file("empty.so", "");
    refused("empty.so", WSB_ERROR_UNSUPPORTED, "load engine", "short");
}

static void test_an_unresolved_symbol(void **state)
{
    (void)state;
    build("needs.so", "void gone(void); void *wsb_engine_entry(void) { gone(); return 0; }");
    refused("needs.so", WSB_ERROR_UNSUPPORTED, "undefined symbol", "gone");
}

static void test_no_such_file(void **state)
{
    (void)state;
    refused("missing.so", WSB_ERROR_NOT_FOUND, "load engine", "No such file");
    refused("missing/missing-too.so", WSB_ERROR_NOT_FOUND, "load engine", "No such file");
}

static void test_neither_a_directory_nor_a_pipe(void **state)
{
    (void)state;
    char path[160];
    snprintf(path, sizeof path, "%s/folder.so", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    refused("folder.so", WSB_ERROR_UNSUPPORTED, "load engine", "directory");
    snprintf(path, sizeof path, "%s/pipe.so", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    refused("pipe.so", WSB_ERROR_UNSUPPORTED, "load engine", "regular file");
}

static void test_paths_that_mean_something_else(void **state)
{
    (void)state;
    wsb_runtime_factory *factory = NULL;
    build("price$.so", TABLE("2", "price", "f"));
    refused("price$.so", WSB_ERROR_INVALID_ARGUMENT, "'$'", "linker");
    assert_int_equal(wsb__factory_create_empty(&factory, NULL), WSB_OK);
    assert_int_equal(wsb_runtime_factory_load(factory, (wsb_str){"a\0b", 3}, NULL, NULL),
                     WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_runtime_factory_load(factory, (wsb_str){NULL, 0}, NULL, NULL),
                     WSB_ERROR_INVALID_ARGUMENT);
    wsb_runtime_factory_destroy(factory);
}

/* A built-in engine that this installation lacks can be given by its path. */
static void test_a_file_takes_the_place_of_what_is_missing(void **state)
{
    (void)state;
    wsb_runtime_factory *factory = NULL;
    wsb_engine_info info = WSB_ENGINE_INFO_INIT;
    build("good.so", TABLE("2", "good", "f"));
    assert_int_equal(wsb__factory_create_empty(&factory, NULL), WSB_OK);
    assert_int_equal(wsb_runtime_factory_register_file(factory, wsb_cstr("good"),
                                                       wsb_cstr("/nowhere/good.so"), NULL),
                     WSB_OK);
    assert_int_equal(wsb_runtime_factory_info(factory, 0, &info, NULL), WSB_OK);
    assert_false(info.available);
    assert_int_equal(load(factory, "good.so", NULL), WSB_OK);
    assert_int_equal(wsb_runtime_factory_count(factory), 1);
    assert_int_equal(wsb_runtime_factory_info(factory, 0, &info, NULL), WSB_OK);
    assert_true(info.available);
    wsb_runtime_factory_destroy(factory);
}

static void test_a_file_must_be_the_engine_it_is_registered_as(void **state)
{
    (void)state;
    char path[160];
    wsb_runtime_factory *factory = NULL;
    wsb_engine_info info = WSB_ENGINE_INFO_INIT;
    make_folder();
    build("b.so", TABLE("2", "b", "f"));
    snprintf(path, sizeof path, "%s/b.so", folder);
    assert_int_equal(wsb__factory_create_empty(&factory, NULL), WSB_OK);
    assert_int_equal(
        wsb_runtime_factory_register_file(factory, wsb_cstr("a"), wsb_cstr(path), NULL), WSB_OK);
    assert_int_equal(
        wsb_runtime_factory_register_file(factory, wsb_cstr("b"), wsb_cstr(path), NULL), WSB_OK);
    assert_int_equal(wsb_runtime_factory_info(factory, 0, &info, NULL), WSB_OK);
    assert_false(info.available);
    assert_non_null(strstr(info.problem, "calls itself 'b'"));
    assert_int_equal(wsb_runtime_factory_info(factory, 1, &info, NULL), WSB_OK);
    assert_true(info.available);
    wsb_runtime_factory_destroy(factory);
    remove_folder();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loads_an_engine_by_its_path),
        cmocka_unit_test_setup_teardown(test_another_abi_version, in_folder, out_of_folder),
        cmocka_unit_test_setup_teardown(test_a_missing_member, in_folder, out_of_folder),
        cmocka_unit_test_setup_teardown(test_a_table_too_short, in_folder, out_of_folder),
        cmocka_unit_test_setup_teardown(test_no_entry_symbol, in_folder, out_of_folder),
        cmocka_unit_test_setup_teardown(test_an_entry_that_gives_nothing, in_folder, out_of_folder),
        cmocka_unit_test_setup_teardown(test_an_invalid_id, in_folder, out_of_folder),
        cmocka_unit_test_setup_teardown(test_not_a_shared_object, in_folder, out_of_folder),
        cmocka_unit_test_setup_teardown(test_an_unresolved_symbol, in_folder, out_of_folder),
        cmocka_unit_test_setup_teardown(test_no_such_file, in_folder, out_of_folder),
        cmocka_unit_test_setup_teardown(test_neither_a_directory_nor_a_pipe, in_folder,
                                        out_of_folder),
        cmocka_unit_test_setup_teardown(test_paths_that_mean_something_else, in_folder,
                                        out_of_folder),
        cmocka_unit_test_setup_teardown(test_a_file_takes_the_place_of_what_is_missing, in_folder,
                                        out_of_folder),
        cmocka_unit_test(test_a_file_must_be_the_engine_it_is_registered_as),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
