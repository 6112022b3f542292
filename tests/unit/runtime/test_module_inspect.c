/* Looking into a module without an engine. wsb-test: pure */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after those: */
#include <cmocka.h>

#include "unit/core/fail_nth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wasm_sandbox/wasm_sandbox.h>

static wsb_status inspect(const char *text, wsb_module_info **out_info, wsb_error **out_error)
{
    return wsb_module_inspect(wsb_bytes_of(text, strlen(text)), NULL, out_info, out_error);
}

static uint32_t required(const char *text)
{
    wsb_module_info *info = NULL;
    assert_int_equal(inspect(text, &info, NULL), WSB_OK);
    uint32_t features = info->required_features;
    wsb_module_info_destroy(info);
    return features;
}

static void test_tells_what_is_in_it(void **state)
{
    (void)state;
    wsb_module_info *info = NULL;
    EXPECT_OUT_OF_MEMORY_UNTIL_OK(
        inspect("(module (import \"a\" \"b\" (func (param i64))) (memory 2)"
                " (func (export \"f\") (param i32) (result i32) local.get 0))",
                &info, NULL));
    assert_int_equal(info->import_count, 1);
    assert_int_equal(info->export_count, 1);
    assert_int_equal(info->memory_minimum, 2 * 65536);
    assert_int_equal(info->exports[0].name.len, 1);
    assert_memory_equal(info->exports[0].name.data, "f", 1);
    wsb_module_info_destroy(info);
    wsb_module_info_destroy(NULL);
}

static void test_tells_what_it_requires(void **state)
{
    (void)state;
    assert_int_equal(required("(module)"), 0);
    assert_int_equal(required("(module (func (drop (v128.const i64x2 0 0))))"), WSB_ENGINE_SIMD);
    assert_int_equal(required("(module (memory i64 1))"), WSB_ENGINE_MEMORY64);
    assert_int_equal(required("(module (func $f (return_call $f)))"), WSB_ENGINE_TAIL_CALLS);
    assert_int_equal(required("(module (tag $t) (func (throw $t)))"), WSB_ENGINE_EXCEPTIONS);
}

static void test_refuses_as_compiling_does(void **state)
{
    (void)state;
    wsb_module_info *info = NULL;
    wsb_error *error = NULL;
    wsb_module_bounds bounds = WSB_MODULE_BOUNDS_INIT;
    assert_int_equal(inspect("(module (func i32.add))", &info, &error), WSB_ERROR_INVALID_MODULE);
    wsb_error_destroy(error);
    assert_int_equal(inspect("(module (memory 1 1 shared))", &info, &error), WSB_ERROR_UNSUPPORTED);
    wsb_error_destroy(error);
    bounds.max_module_size = 4;
    assert_int_equal(wsb_module_inspect(wsb_bytes_of("(module)", 8), &bounds, &info, &error),
                     WSB_ERROR_LIMIT_EXCEEDED);
    assert_string_equal(wsb_error_subject(error), "max_module_size");
    wsb_error_destroy(error);
    assert_int_equal(wsb_module_inspect((wsb_bytes){NULL, 3}, NULL, &info, NULL),
                     WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_module_inspect(wsb_bytes_of("(module)", 8), NULL, NULL, NULL),
                     WSB_ERROR_INVALID_ARGUMENT);
    assert_null(info);
}

static void test_reads_files(void **state)
{
    (void)state;
    char path[] = "/tmp/wsb-test-XXXXXX";
    wsb_module_info *info = NULL;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "(module (memory 3))", 19), 19);
    close(fd);
    assert_int_equal(wsb_module_inspect_file(wsb_cstr(path), NULL, &info, NULL), WSB_OK);
    assert_int_equal(info->memory_minimum, 3 * 65536);
    wsb_module_info_destroy(info);
    unlink(path);
    assert_int_equal(wsb_module_inspect_file(wsb_cstr(path), NULL, &info, NULL),
                     WSB_ERROR_NOT_FOUND);
    assert_int_equal(wsb_module_inspect_file(wsb_cstr("/tmp"), NULL, &info, NULL),
                     WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_module_inspect_file(wsb_cstr(path), NULL, NULL, NULL),
                     WSB_ERROR_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tells_what_is_in_it),
        cmocka_unit_test(test_tells_what_it_requires),
        cmocka_unit_test(test_refuses_as_compiling_does),
        cmocka_unit_test(test_reads_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
