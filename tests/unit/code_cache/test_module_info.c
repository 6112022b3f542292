#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after those: */
#include <cmocka.h>

#include "core/buffer.h"
#include "runtime/module_info.h"
#include "unit/core/fail_nth.h"
#include <wasm_sandbox/runtime.h>

#include <string.h>

static void put(wsb_buf *b, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        uint8_t byte = (uint8_t)(i < 8 ? value >> (8 * i) : 0);
        assert_int_equal(wsb__buf_append(b, &byte, 1, SIZE_MAX), WSB_OK);
    }
}

static void put_str(wsb_buf *b, const char *text)
{
    put(b, strlen(text), 4);
    assert_int_equal(wsb__buf_append(b, text, strlen(text), SIZE_MAX), WSB_OK);
}

static void put_head(wsb_buf *b, uint64_t flags)
{
    put(b, 0x49425357, 4);
    put(b, 2, 4);
    put(b, flags, 8);
    const uint64_t numbers[] = {
        2, UINT64_MAX, 10, UINT64_MAX, WSB_ENGINE_SIMD | WSB_ENGINE_MEMORY64, 12, 3, 100, 1000};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        put(b, numbers[i], 8);
}

static void put_export(wsb_buf *b, const char *name, uint32_t type)
{
    put_str(b, name);
    put(b, WSB_EXTERN_FUNCTION, 1);
    put(b, type, 4);
    put(b, 1, 1);
    put(b, WSB_CONVENTION_BUFFER, 1);
    put(b, WSB_ENCODING_MSGPACK, 1);
}

static wsb_buf sample(void)
{
    wsb_buf b = WSB_BUF_INIT;
    put_head(&b, WSB__MODULE_HAS_MEMORY | WSB__MODULE_IS_REACTOR | WSB__MODULE_GROW_COUNTED);
    put(&b, 2, 4); /* types: (i32 i64) -> (f64), () -> () */
    put(&b, 2, 4);
    put(&b, 1, 4);
    put(&b, WSB_I32, 1);
    put(&b, WSB_I64, 1);
    put(&b, WSB_F64, 1);
    put(&b, 0, 8);
    put(&b, 2, 4); /* imports */
    put_str(&b, "env");
    put_str(&b, "log");
    put(&b, WSB_EXTERN_FUNCTION, 1);
    put(&b, 0, 4);
    put_str(&b, "env");
    put_str(&b, "g");
    put(&b, WSB_EXTERN_GLOBAL, 1);
    put(&b, WSB_F32, 1);
    put(&b, 1, 1);
    put(&b, 4, 4); /* exports */
    put_export(&b, "run", 1);
    put_str(&b, "memory");
    put(&b, WSB_EXTERN_MEMORY, 1);
    put(&b, 0, 1);
    put(&b, 2, 8);
    put(&b, UINT64_MAX, 8);
    put(&b, 0, 3);
    put_str(&b, "table");
    put(&b, WSB_EXTERN_TABLE, 1);
    put(&b, WSB_FUNCREF, 1);
    put(&b, 1, 1);
    put(&b, 5, 8);
    put(&b, 6, 8);
    put(&b, 0, 3);
    put_str(&b, "");
    put(&b, WSB_EXTERN_TAG, 1);
    put(&b, 0, 4);
    put(&b, 0, 3);
    put_str(&b, "malloc");
    put_str(&b, "free");
    return b;
}

static wsb_status parse(const wsb_buf *b, wsb__module_info **out)
{
    return wsb__module_info_parse(wsb_bytes_of(b->data, b->len), out, NULL);
}

static bool is(wsb_str text, const char *expected)
{
    return wsb__str_equal(text, wsb_cstr(expected));
}

static void test_reads_all_of_it(void **state)
{
    (void)state;
    wsb_buf b = sample();
    wsb__module_info *m = NULL;
    assert_int_equal(parse(&b, &m), WSB_OK);
    wsb_buf_fini(&b); /* it has its own copy */
    assert_true(m->info.has_memory && m->info.is_reactor && !m->info.is_command);
    assert_int_equal(m->info.memory_minimum, 131072);
    assert_true(m->info.memory_maximum == WSB_UNLIMITED);
    assert_int_equal(m->table_min, 10);
    assert_int_equal(m->info.required_features, WSB_ENGINE_SIMD | WSB_ENGINE_MEMORY64);
    assert_int_equal(m->table_min_sum, 12);
    assert_int_equal(m->info.module_size, 1000);
    assert_int_equal(m->info.import_count, 2);
    assert_true(is(m->info.imports[0].module, "env") && is(m->info.imports[0].name, "log"));
    assert_int_equal(m->info.imports[0].function.param_count, 2);
    assert_int_equal(m->info.imports[0].function.params[1], WSB_I64);
    assert_int_equal(m->info.imports[0].function.results[0], WSB_F64);
    assert_true(m->info.imports[1].is_mutable);
    assert_int_equal(m->info.export_count, 4);
    const wsb_extern_info *run = wsb__module_info_export(m, wsb_cstr("run"));
    assert_ptr_equal(run, &m->info.exports[0]);
    assert_int_equal(run->function.param_count, 0);
    assert_int_equal(run->convention, WSB_CONVENTION_BUFFER);
    assert_int_equal(run->encoding, WSB_ENCODING_MSGPACK);
    assert_true(run->declared);
    const wsb_extern_info *table = wsb__module_info_export(m, wsb_cstr("table"));
    assert_int_equal(table->minimum, 5);
    assert_int_equal(table->maximum, 6);
    assert_true(table->is_64);
    assert_non_null(wsb__module_info_export(m, wsb_cstr("")));
    assert_null(wsb__module_info_export(m, wsb_cstr("nope")));
    assert_true(is(m->info.allocator, "malloc") && is(m->info.deallocator, "free"));
    wsb__module_info_destroy(m);
    wsb__module_info_destroy(NULL);
}

static void test_any_cut_is_refused(void **state)
{
    (void)state;
    wsb_buf b = sample();
    wsb__module_info *m = NULL;
    size_t len = b.len;
    for (b.len = 0; b.len < len; b.len++) {
        /* In memory of exactly that size, so that reading beyond it is noticed. */
        uint8_t *copy = malloc(b.len ? b.len : 1);
        memcpy(copy, b.data, b.len);
        assert_int_equal(wsb__module_info_parse(wsb_bytes_of(copy, b.len), &m, NULL),
                         WSB_ERROR_MALFORMED);
        free(copy);
    }
    put(&b, 0, 1);
    assert_int_equal(parse(&b, &m), WSB_ERROR_MALFORMED);
    assert_null(m);
    wsb_buf_fini(&b);
}

static void test_any_changed_byte_is_survived(void **state)
{
    (void)state;
    static const uint8_t values[] = {0, 1, 4, 0x7f, 0x80, 0xff};
    wsb_buf b = sample();
    for (size_t i = 0; i < b.len; i++)
        for (size_t v = 0; v < sizeof values; v++) {
            wsb__module_info *m = NULL;
            uint8_t old = b.data[i];
            b.data[i] = values[v];
            wsb_status status = parse(&b, &m);
            assert_true(status == WSB_OK || status == WSB_ERROR_MALFORMED);
            wsb__module_info_destroy(m);
            b.data[i] = old;
        }
    wsb_buf_fini(&b);
}

static void test_huge_counts_are_refused(void **state)
{
    (void)state;
    for (int section = 0; section < 3; section++) {
        wsb_buf b = WSB_BUF_INIT;
        wsb__module_info *m = NULL;
        put_head(&b, 0);
        for (int i = 0; i < section; i++)
            put(&b, 0, 4);
        put(&b, UINT32_MAX, 4);
        put(&b, 0, 100);
        assert_int_equal(parse(&b, &m), WSB_ERROR_MALFORMED);
        wsb_buf_fini(&b);
    }
    wsb_buf b = WSB_BUF_INIT;
    wsb__module_info *m = NULL;
    put_head(&b, 0);
    put(&b, 1, 4);
    put(&b, UINT32_MAX, 4);
    put(&b, UINT32_MAX, 4);
    put(&b, 0, 100);
    assert_int_equal(parse(&b, &m), WSB_ERROR_MALFORMED);
    wsb_buf_fini(&b);
}

static void test_two_exports_of_one_name_are_refused(void **state)
{
    (void)state;
    wsb_buf b = WSB_BUF_INIT;
    wsb__module_info *m = NULL;
    put_head(&b, 0);
    put(&b, 1, 4);
    put(&b, 0, 8);
    put(&b, 0, 4);
    put(&b, 2, 4);
    put_export(&b, "twice", 0);
    put_export(&b, "twice", 0);
    put_str(&b, "");
    put_str(&b, "");
    assert_int_equal(parse(&b, &m), WSB_ERROR_MALFORMED);
    wsb_buf_fini(&b);
}

static void test_without_memory(void **state)
{
    (void)state;
    wsb_buf b = sample();
    wsb__module_info *m = NULL;
    EXPECT_OUT_OF_MEMORY_UNTIL_OK(parse(&b, &m));
    wsb__module_info_destroy(m);
    wsb_buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_all_of_it),
        cmocka_unit_test(test_any_cut_is_refused),
        cmocka_unit_test(test_any_changed_byte_is_survived),
        cmocka_unit_test(test_huge_counts_are_refused),
        cmocka_unit_test(test_two_exports_of_one_name_are_refused),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
