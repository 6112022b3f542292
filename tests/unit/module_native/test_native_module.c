/* The C ABI of native/module: what it refuses, what it changes, and the bytes that describe it. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wsb_native_module.h"

static const wsbn_options DEFAULTS = {
    .bounds = {.max_module_size = UINT64_C(256) << 20,
               .max_functions = 150000,
               .max_function_size = 7654321,
               .max_locals = 50000,
               .max_branch_targets = 2000000,
               .max_function_branch_targets = 200000,
               .max_nesting = 1000,
               .max_types = 1000000,
               .max_imports = 10000,
               .max_exports = 100000,
               .max_globals = 20000,
               .max_tables = 100,
               .max_data_segments = 100000,
               .max_element_segments = 100000,
               .max_elements = 10000000,
               .max_total_locals = 20000000,
               .max_merges = 80000000,
               .max_function_merges = 5000000,
               .max_handlers = 4000000,
               .max_function_handlers = 400000},
};

static wsbn_result process(const void *bytes, size_t len)
{
    wsbn_result result;
    memset(&result, 0xa5, sizeof(result));
    wsbn_process(bytes, len, &DEFAULTS, &result);
    return result;
}

static wsbn_result process_text(const char *text)
{
    return process(text, strlen(text));
}

/* Checks the status, that the message holds `word`, and the subject; releases. */
static void expect(wsbn_result result, wsbn_status status, const char *word, const char *subject)
{
    if (result.status != status || strstr(result.message, word) == NULL) {
        fail_msg("status %d: %s", (int)result.status, result.message);
    }
    assert_string_equal(result.subject, subject);
    assert_null(result.module);
    assert_null(result.info);
    wsbn_result_fini(&result);
}

/* --- Modules built by hand --- */

typedef struct writer {
    uint8_t *data;
    size_t len;
    size_t capacity;
} writer;

static void put(writer *w, const void *bytes, size_t len)
{
    if (w->capacity - w->len < len) {
        w->capacity = 2 * w->capacity + len;
        w->data = realloc(w->data, w->capacity);
        assert_non_null(w->data);
    }
    memcpy(w->data + w->len, bytes, len);
    w->len += len;
}

static void put_byte(writer *w, uint8_t byte)
{
    put(w, &byte, 1);
}

static void put_number(writer *w, uint64_t value)
{
    do {
        uint8_t byte = value & 0x7f;
        value >>= 7;
        put_byte(w, value != 0 ? byte | 0x80 : byte);
    } while (value != 0);
}

static void put_sized(writer *w, const writer *part)
{
    put_number(w, part->len);
    put(w, part->data, part->len);
}

/* `count` functions of type () -> () with the same body (locals and code). */
static writer module_of(const writer *body, uint32_t count)
{
    static const uint8_t head[] = {0, 'a', 's', 'm', 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0};
    writer module = {0};
    writer functions = {0};
    writer code = {0};
    put(&module, head, sizeof(head));
    put_number(&functions, count);
    put_number(&code, count);
    for (uint32_t i = 0; i < count; i++) {
        put_byte(&functions, 0);
        put_sized(&code, body);
    }
    put_byte(&module, 3);
    put_sized(&module, &functions);
    put_byte(&module, 10);
    put_sized(&module, &code);
    free(functions.data);
    free(code.data);
    return module;
}

static void expect_bound(const writer *body, uint32_t count, const char *subject, uint64_t used,
                         uint64_t allowed)
{
    writer module = module_of(body, count);
    wsbn_result result = process(module.data, module.len);
    assert_int_equal(result.used, used);
    assert_int_equal(result.allowed, allowed);
    expect(result, WSBN_BOUND, subject, subject);
    free(module.data);
}

/* --- Refusals --- */

static void test_no_arguments(void **state)
{
    (void)state;
    wsbn_result result;
    wsbn_process(NULL, 0, &DEFAULTS, NULL);
    wsbn_process((const uint8_t *)"", 0, NULL, &result);
    expect(result, WSBN_INTERNAL, "no options", "");
    wsbn_process(NULL, 1, &DEFAULTS, &result);
    expect(result, WSBN_INTERNAL, "no bytes", "");
    wsbn_process(NULL, 0, &DEFAULTS, &result);
    expect(result, WSBN_INVALID, "empty", "");
    wsbn_result_fini(NULL);
}

static void test_fini_twice(void **state)
{
    (void)state;
    wsbn_result result = process_text("(module)");
    assert_int_equal(result.status, WSBN_OK);
    assert_int_equal(result.module_len, 8);
    wsbn_result_fini(&result);
    wsbn_result_fini(&result);
    assert_null(result.module);
}

static void test_not_a_module(void **state)
{
    (void)state;
    expect(process("\x7f"
                   "ELF\x02",
                   5),
           WSBN_INVALID, "ELF", "");
    expect(process("\x1f\x8b\x08", 3), WSBN_INVALID, "gzip", "");
    expect(process_text("#!/bin/sh"), WSBN_INVALID, "script", "");
    expect(process("\0asm\x0d\0\x01\0", 8), WSBN_UNSUPPORTED, "wasip1", "component model");
    expect(process("\0asm\x07\0\0\0", 8), WSBN_INVALID, "version 7", "");
    expect(process_text("(module\n (func\n  i32.ad))"), WSBN_INVALID, "line 3, column 3", "");
    expect(process_text("(module (func (export \"wsb:memory\")))"), WSBN_INVALID, "reserved", "");
}

static void test_messages_are_one_printable_line(void **state)
{
    (void)state;
    wsbn_result result =
        process_text("(module (func call $a\x1b[31m\nb) (export \"\\1b[2J\" (func 0)))");
    assert_int_equal(result.status, WSBN_INVALID);
    for (const char *c = result.message; *c != '\0'; c++) {
        assert_true((unsigned char)*c >= ' ');
    }
    wsbn_result_fini(&result);
}

static void test_proposals_are_named(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"(module (memory 1 1 shared))", "threads"},
        {"(module (memory 1) (memory 1))", "multi-memory"},
        {"(module (type (struct)))", "gc"},
        {"(module (tag $t) (func try catch $t end))", "legacy-exceptions"},
        {"(module (memory 1 (pagesize 1)))", "custom-page-sizes"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect(process_text(cases[i][0]), WSBN_UNSUPPORTED, "offset 0x", cases[i][1]);
    }
}

static void test_gigabyte_of_locals(void **state)
{
    (void)state;
    writer body = {0};
    put_number(&body, 1);
    put_number(&body, UINT64_C(1) << 30);
    put(&body, "\x7e\x0b", 2);
    expect_bound(&body, 1, "max_locals", UINT64_C(1) << 30, 50000);
    free(body.data);
}

static void test_nested_blocks(void **state)
{
    (void)state;
    writer body = {0};
    put_byte(&body, 0);
    for (int i = 0; i < 10000; i++) {
        put(&body, "\x02\x40", 2);
    }
    for (int i = 0; i < 10001; i++) {
        put_byte(&body, 0x0b);
    }
    expect_bound(&body, 1, "max_nesting", 1001, 1000);
    free(body.data);
}

static void test_many_functions(void **state)
{
    (void)state;
    writer body = {0};
    put(&body, "\x00\x0b", 2);
    expect_bound(&body, 200000, "max_functions", 200000, 150000);
    free(body.data);
}

static void test_big_branch_table(void **state)
{
    (void)state;
    writer body = {0};
    put(&body, "\x00\x41\x00\x0e", 4);
    put_number(&body, 7000000);
    for (int i = 0; i <= 7000000; i++) {
        put_byte(&body, 0);
    }
    put_byte(&body, 0x0b);
    expect_bound(&body, 1, "max_function_branch_targets", 7000000, 200000);
    free(body.data);
}

static void test_deep_text(void **state)
{
    (void)state;
    size_t len = 1000000;
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, '(', len);
    expect(process(text, len), WSBN_INVALID, "nested", "");
    free(text);
}

/* A module with a bit of everything, as the transform made it, cut at every byte: the reserved
 * exports make even a complete one invalid, so nothing but the first sections passes. */
static void test_truncated(void **state)
{
    (void)state;
    wsbn_result whole = process_text("(module (import \"a\" \"b\" (func)) (memory 1) (func $s)"
                                     "(start $s) (table 1 funcref) (elem (i32.const 0) $s)"
                                     "(data (i32.const 0) \"x\"))");
    assert_int_equal(whole.status, WSBN_OK);
    for (size_t len = 0; len < whole.module_len; len++) {
        uint8_t *cut = malloc(len + 1); /* of its exact size, so that sanitizers see overruns */
        assert_non_null(cut);
        memcpy(cut, whole.module, len);
        wsbn_result result = process(cut, len);
        assert_true(result.status == WSBN_OK || result.status == WSBN_INVALID);
        wsbn_result_fini(&result);
        free(cut);
    }
    wsbn_result_fini(&whole);
}

static void test_garbage(void **state)
{
    (void)state;
    uint64_t seed = 88172645463325252U;
    uint8_t bytes[128];
    for (int round = 0; round < 2000; round++) {
        for (size_t i = 0; i < sizeof(bytes); i++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            bytes[i] = (uint8_t)(seed >> 32);
        }
        memcpy(bytes, "\0asm\1\0\0", 8);
        wsbn_result result = process(bytes, sizeof(bytes));
        assert_true(result.status == WSBN_INVALID || result.status == WSBN_BOUND ||
                    result.status == WSBN_UNSUPPORTED);
        wsbn_result_fini(&result);
    }
}

/* --- The description --- */

typedef struct reader {
    const uint8_t *at;
    const uint8_t *end;
} reader;

static uint64_t get(reader *r, size_t width)
{
    uint64_t value = 0;
    assert_true((size_t)(r->end - r->at) >= width);
    for (size_t i = 0; i < width; i++) {
        value |= (uint64_t)r->at[i] << (8 * i);
    }
    r->at += width;
    return value;
}

static void expect_numbers(reader *r, size_t width, size_t count, ...)
{
    va_list list;
    va_start(list, count);
    for (size_t i = 0; i < count; i++) {
        uint64_t wanted = va_arg(list, uint64_t);
        uint64_t found = get(r, width);
        if (found != wanted) {
            fail_msg("number %zu: %" PRIu64 ", not %" PRIu64, i, found, wanted);
        }
    }
    va_end(list);
}

static void expect_text(reader *r, const char *text)
{
    size_t len = (size_t)get(r, 4);
    assert_int_equal(len, strlen(text));
    assert_true((size_t)(r->end - r->at) >= len);
    assert_memory_equal(r->at, text, len);
    r->at += len;
}

#define U(n) UINT64_C(n)

static const char EVERYTHING[] =
    "(module (@custom \"wasm_sandbox\" \"1:join:buffer:msgpack\\00\")"
    "(type (func (param externref) (result v128)))" /* not used by an extern: not listed */
    "(import \"env\" \"log\" (func (param i32 f64)))"
    "(import \"env\" \"g\" (global i64))"
    "(memory (export \"memory\") 2 5)"
    "(table (export \"t\") 3 9 funcref) (table 1 externref)"
    "(global (export \"m\") (mut f32) (f32.const 0))"
    "(func $start) (start $start)"
    "(func (export \"_start\") (drop (memory.grow (i32.const 1))))"
    "(func (export \"join\") (param i32 i32) (result i64) i64.const 0)"
    "(func (export \"malloc\") (param i32) (result i32) i32.const 0)"
    "(func (export \"free\") (param i32))"
    "(func (export \"alloc\") (param i32) (result i32) i32.const 0))";

static void expect_head(reader *r)
{
    expect_numbers(r, 4, 2, U(0x49425357), U(2));
    /* memory, command, start, counted memory.grow */
    expect_numbers(r, 8, 1, U(1) | 1 << 1 | 1 << 3 | 1 << 5);
    expect_numbers(r, 8, 4, U(2), U(5), U(3), UINT64_MAX);
    expect_numbers(r, 8, 2, U(1) << 8, U(4)); /* SIMD, minimums of all tables */
    expect_numbers(r, 8, 1, U(6));            /* functions */
    get(r, 8);                                /* bytes of code */
    expect_numbers(r, 8, 1, U(sizeof(EVERYTHING) - 1));
}

static void expect_types(reader *r)
{
    expect_numbers(r, 4, 3, U(5), U(2), U(0));
    expect_numbers(r, 1, 2, U(1), U(4)); /* (i32, f64) */
    expect_numbers(r, 4, 2, U(0), U(0));
    expect_numbers(r, 4, 2, U(2), U(1));
    expect_numbers(r, 1, 3, U(1), U(1), U(2)); /* (i32, i32) -> i64 */
    expect_numbers(r, 4, 2, U(1), U(1));
    expect_numbers(r, 1, 2, U(1), U(1));
    expect_numbers(r, 4, 2, U(1), U(0));
    expect_numbers(r, 1, 1, U(1));
}

static void expect_function(reader *r, const char *name, uint64_t type, uint64_t declared,
                            uint64_t convention, uint64_t encoding)
{
    expect_text(r, name);
    expect_numbers(r, 1, 1, U(0));
    expect_numbers(r, 4, 1, type);
    expect_numbers(r, 1, 3, declared, convention, encoding);
}

static void expect_exports(reader *r)
{
    expect_numbers(r, 4, 1, U(8));
    expect_text(r, "memory");
    expect_numbers(r, 1, 2, U(2), U(0));
    expect_numbers(r, 8, 2, U(2), U(5));
    expect_numbers(r, 1, 3, U(0), U(0), U(0));
    expect_text(r, "t");
    expect_numbers(r, 1, 3, U(1), U(6), U(0));
    expect_numbers(r, 8, 2, U(3), U(9));
    expect_numbers(r, 1, 3, U(0), U(0), U(0));
    expect_text(r, "m");
    expect_numbers(r, 1, 6, U(3), U(3), U(1), U(0), U(0), U(0));
    expect_function(r, "_start", 1, 0, 2, 0);
    expect_function(r, "join", 2, 1, 1, 1);
    expect_function(r, "malloc", 3, 0, 0, 0);
    expect_function(r, "free", 4, 0, 0, 0);
    expect_function(r, "alloc", 3, 0, 0, 0);
}

static void test_info(void **state)
{
    (void)state;
    wsbn_result result = process_text(EVERYTHING);
    if (result.status != WSBN_OK) {
        fail_msg("%s", result.message);
    }
    assert_string_equal(result.message, "");
    reader r = {result.info, result.info + result.info_len};
    expect_head(&r);
    expect_types(&r);
    expect_numbers(&r, 4, 1, U(2));
    expect_text(&r, "env");
    expect_text(&r, "log");
    expect_numbers(&r, 1, 1, U(0));
    expect_numbers(&r, 4, 1, U(0));
    expect_text(&r, "env");
    expect_text(&r, "g");
    expect_numbers(&r, 1, 3, U(3), U(2), U(0));
    expect_exports(&r);
    expect_text(&r, "malloc");
    expect_text(&r, "free");
    assert_ptr_equal(r.at, r.end);
    wsbn_result_fini(&result);
}

/* What is asked for is put in, and told by the description's flags. */
static void test_additions(void **state)
{
    (void)state;
    static const char text[] = "(module (import \"a\" \"f\" (func $f)) (memory 1) (table 1 funcref)"
                               "(func (export \"g\") (call $f) (drop (memory.grow (i32.const 1)))"
                               "(drop (table.grow (ref.null func) (i32.const 1)))))";
    static const struct {
        uint32_t add;
        uint64_t flags; /* beyond those of a counted memory */
    } cases[] = {
        {0, 0},
        {WSBN_ADD_MEMORY_LIMIT, 1 << 8},
        {WSBN_ADD_TABLE_LIMIT, 1 << 9},
        {WSBN_ADD_COUNTDOWN, 1 << 7},
        {WSBN_ADD_FUEL | WSBN_ADD_COUNTDOWN, 1 << 7},
        {WSBN_ADD_MEMORY_LIMIT | WSBN_ADD_TABLE_LIMIT | WSBN_ADD_FUEL, 7 << 7},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        wsbn_options options = DEFAULTS;
        options.add = cases[i].add;
        wsbn_result result;
        wsbn_process((const uint8_t *)text, strlen(text), &options, &result);
        assert_int_equal(result.status, WSBN_OK);
        reader r = {result.info, result.info + result.info_len};
        get(&r, 8);
        expect_numbers(&r, 8, 1, U(1) | 1 << 5 | cases[i].flags);
        assert_true((memmem(result.module, result.module_len, "wsb:budget", 10) != NULL) ==
                    ((cases[i].flags & 1 << 7) != 0));
        wsbn_result_fini(&result);
    }
    wsbn_options options = DEFAULTS;
    options.add = 1 << 4;
    wsbn_result result;
    wsbn_process((const uint8_t *)text, strlen(text), &options, &result);
    expect(result, WSBN_INTERNAL, "not known", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_arguments),
        cmocka_unit_test(test_fini_twice),
        cmocka_unit_test(test_not_a_module),
        cmocka_unit_test(test_messages_are_one_printable_line),
        cmocka_unit_test(test_proposals_are_named),
        cmocka_unit_test(test_gigabyte_of_locals),
        cmocka_unit_test(test_nested_blocks),
        cmocka_unit_test(test_many_functions),
        cmocka_unit_test(test_big_branch_table),
        cmocka_unit_test(test_deep_text),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_additions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
