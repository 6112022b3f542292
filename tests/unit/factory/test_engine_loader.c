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
#define TABLE(version, id, function)                                                               \
    "static void f(void) {} static struct { unsigned long size; unsigned abi; const char *id, "    \
    "*v; unsigned features; void *fs[20]; } t = {sizeof t, " version ", \"" id                     \
    "\", \"9\", 1, {f,f,f,f,f,0,0,f,f,f,f,0,0,f,f,f,f,0,f," function                               \
    "}}; void *wsb_engine_entry(void) { return &t; }"

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
    build("good.so", TABLE("1", "good", "f"));
    assert_int_equal(load(factory, "good.so", NULL), WSB_OK);
    assert_int_equal(load(factory, "good.so", NULL), WSB_OK); /* again is fine */
    assert_int_equal(wsb_runtime_factory_count(factory), 1);
    build("same.so", TABLE("1", "good", "f"));
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

static void test_says_what_is_wrong(void **state)
{
    (void)state;
    wsb_runtime_factory *factory = NULL;
    make_folder();
    assert_int_equal(wsb__factory_create_empty(&factory, NULL), WSB_OK);
    build("old.so", TABLE("77", "old", "f"));
    build("short.so", TABLE("1", "short", "0"));
    build("none.so", "int x;");
    build("null.so", "void *wsb_engine_entry(void) { return 0; }");
    build("needs.so", "void gone(void); void *wsb_engine_entry(void) { gone(); return 0; }");
    build("id.so", TABLE("1", "Bad Id", "f"));
    build("price$.so", TABLE("1", "price", "f"));
    assert_int_equal(load(factory, "old.so", "version 77"), WSB_ERROR_ABI_MISMATCH);
    assert_int_equal(load(factory, "short.so", "global_set"), WSB_ERROR_ABI_MISMATCH);
    assert_int_equal(load(factory, "none.so", "wsb_engine_entry"), WSB_ERROR_ABI_MISMATCH);
    assert_int_equal(load(factory, "null.so", "no table"), WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(load(factory, "needs.so", "gone"), WSB_ERROR_UNSUPPORTED);
    assert_int_equal(load(factory, "id.so", "Bad Id"), WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(load(factory, "price$.so", "$"), WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(load(factory, "missing.so", "missing.so"), WSB_ERROR_NOT_FOUND);
    assert_int_equal(load(factory, "", "load engine"), WSB_ERROR_UNSUPPORTED);
    assert_int_equal(wsb_runtime_factory_load(factory, (wsb_str){"a\0b", 3}, NULL, NULL),
                     WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_runtime_factory_count(factory), 0);
    wsb_runtime_factory_destroy(factory);
    remove_folder();
}

static void test_a_file_must_be_the_engine_it_is_registered_as(void **state)
{
    (void)state;
    char path[160];
    wsb_runtime_factory *factory = NULL;
    wsb_engine_info info = WSB_ENGINE_INFO_INIT;
    make_folder();
    build("b.so", TABLE("1", "b", "f"));
    snprintf(path, sizeof path, "%s/b.so", folder);
    assert_int_equal(wsb__factory_create_empty(&factory, NULL), WSB_OK);
    assert_int_equal(
        wsb_runtime_factory_register_file(factory, wsb_cstr("a"), wsb_cstr(path), NULL), WSB_OK);
    assert_int_equal(
        wsb_runtime_factory_register_file(factory, wsb_cstr("b"), wsb_cstr(path), NULL), WSB_OK);
    assert_int_equal(wsb_runtime_factory_info(factory, 0, &info, NULL), WSB_OK);
    assert_false(info.available);
    assert_non_null(strstr(info.problem, "registered as"));
    assert_int_equal(wsb_runtime_factory_info(factory, 1, &info, NULL), WSB_OK);
    assert_true(info.available);
    wsb_runtime_factory_destroy(factory);
    remove_folder();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loads_an_engine_by_its_path),
        cmocka_unit_test(test_says_what_is_wrong),
        cmocka_unit_test(test_a_file_must_be_the_engine_it_is_registered_as),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
