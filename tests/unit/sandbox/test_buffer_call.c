/* wsb-test: engine */
#include "sandbox_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A guest without the SDK, without a declaration: an allocator that only counts, and functions of
 * the buffer convention. */
#define WAT_PLAIN                                                                                  \
    "(module (memory (export \"memory\") 1)"                                                       \
    " (global $next (mut i32) (i32.const 1024))"                                                   \
    " (global $live (export \"live\") (mut i32) (i32.const 0))"                                    \
    " (func $alloc (export \"ALLOC\") (param i32) (result i32)"                                    \
    "  (global.set $live (i32.add (global.get $live) (i32.const 1)))"                              \
    "  (global.get $next)"                                                                         \
    "  (global.set $next (i32.add (global.get $next) (local.get 0))))"                             \
    " (func (export \"FREE\") (param FREEPARAMS)"                                                  \
    "  (global.set $live (i32.sub (global.get $live) (i32.const 1))))"                             \
    " (func (export \"copy\") (param i32 i32) (result i64) (local $to i32)"                        \
    "  (local.set $to (call $alloc (local.get 1)))"                                                \
    "  (memory.copy (local.get $to) (local.get 0) (local.get 1))"                                  \
    "  (i64.or (i64.shl (i64.extend_i32_u (local.get $to)) (i64.const 32))"                        \
    "   (i64.extend_i32_u (local.get 1))))"                                                        \
    " (func (export \"past_end\") (param i32 i32) (result i64) (i64.const 0xfff000001001))"        \
    " (func (export \"trap\") (param i32 i32) (result i64) (unreachable))"                         \
    " (func (export \"other\") (param i32) (result i64) (i64.const 0)))"

static wsb_status call_bytes(wsb_sandbox *sandbox, wsb_instance_id id, const char *name,
                             const char *data, wsb_buf *out, wsb_error **out_error)
{
    return wsb_sandbox_call_function_bytes(sandbox, id, wsb_cstr(name),
                                           wsb_bytes_of(data, strlen(data)), out, out_error);
}

static void expect_bytes(wsb_sandbox *sandbox, wsb_instance_id id, const char *name,
                         const char *data, const char *expected)
{
    wsb_buf out = WSB_BUF_INIT;
    wsb_error *error = NULL;
    assert_ok(call_bytes(sandbox, id, name, data, &out, &error), error);
    assert_int_equal(out.len, strlen(expected));
    if (out.len)
        assert_memory_equal(out.data, expected, out.len);
    wsb_buf_fini(&out);
}

static void expect_bytes_error(wsb_sandbox *sandbox, wsb_instance_id id, const char *name,
                               wsb_status expected, const char *part)
{
    wsb_buf out = WSB_BUF_INIT;
    wsb_error *error = NULL;
    wsb_status status = call_bytes(sandbox, id, name, "1234", &out, &error);
    assert_null(out.data);
    assert_fails(status, expected, error, part);
}

/* WAT_PLAIN with an allocator of these names and signature. */
static wsb_instance_id plain_guest(wsb_sandbox *sandbox, const char *alloc, const char *release,
                                   const char *params)
{
    const char *const names[][2] = {{"ALLOC", alloc}, {"FREEPARAMS", params}, {"FREE", release}};
    char wat[sizeof WAT_PLAIN + 64];
    strcpy(wat, WAT_PLAIN);
    for (size_t i = 0; i < 3; i++) {
        char *at = strstr(wat, names[i][0]);
        char rest[sizeof wat];
        strcpy(rest, at + strlen(names[i][0]));
        strcpy(at, names[i][1]);
        strcat(wat, rest);
    }
    return instantiate(sandbox, wat, NULL);
}

static void every_known_allocator(void **state)
{
    (void)state;
    static const char *const pairs[][3] = {{"wsb_alloc", "wsb_free", "i32 i32"},
                                           {"allocate", "deallocate", "i32 i32"},
                                           {"alloc", "dealloc", "i32 i32"},
                                           {"malloc", "free", "i32"}};
    wsb_sandbox *sandbox = make_sandbox();
    for (size_t i = 0; i < 4; i++) {
        wsb_instance_id id = plain_guest(sandbox, pairs[i][0], pairs[i][1], pairs[i][2]);
        expect_bytes(sandbox, id, "copy", "hello", "hello");
        expect_bytes(sandbox, id, "copy", "", "");
    }
    wsb_instance_id none = plain_guest(sandbox, "wsb_alloc", "wsb_free", "i32");
    expect_bytes_error(sandbox, none, "copy", WSB_ERROR_UNSUPPORTED, "allocator");
    wsb_sandbox_destroy(sandbox);
}

static void undeclared_hostile_guests(void **state)
{
    (void)state;
    wsb_sandbox *sandbox = make_sandbox();
    wsb_instance_id id = plain_guest(sandbox, "alloc", "dealloc", "i32 i32");
    expect_bytes_error(sandbox, id, "past_end", WSB_ERROR_GUEST, "outside of its memory");
    expect_bytes_error(sandbox, id, "other", WSB_ERROR_TYPE_MISMATCH, "(i32, i32) -> i64");
    expect_json_error(sandbox, id, "copy", "{\"a\": 1}", WSB_ERROR_TYPE_MISMATCH, NULL);
    expect_bytes(sandbox, id, "copy", "still usable", "still usable");
    expect_bytes_error(sandbox, id, "trap", WSB_ERROR_TRAP, NULL);
    expect_bytes_error(sandbox, id, "copy", WSB_ERROR_CLOSED, NULL);
    wsb_sandbox_destroy(sandbox);
}

/* --- guests made with the SDK --- */

static wsb_instance_id sdk_guest(wsb_sandbox *sandbox, const char *name)
{
    char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 64);
    assert_true(len > 0);
    path[len] = '\0';
    snprintf(strrchr(path, '/'), 64, "/guests/%s.wasm", name);
    wsb_module_id module = 0;
    wsb_instance_id id = 0;
    wsb_error *error = NULL;
    assert_ok(wsb_sandbox_load_module_file(sandbox, wsb_cstr(path), &module, &error), error);
    assert_ok(wsb_sandbox_create_instance(sandbox, module, NULL, &id, &error), error);
    return id;
}

static void the_example_of_the_guide(void **state)
{
    (void)state;
    wsb_sandbox *sandbox = make_sandbox();
    wsb_instance_id id = sdk_guest(sandbox, "sdk_greet");
    expect_json(sandbox, id, "greet", "\"Ada\"", "\"Hello, Ada!\"");
    expect_json(sandbox, id, "add", "[5, 3]", "8");
    expect_bytes(sandbox, id, "reverse", "abc", "cba");
    expect_bytes(sandbox, id, "reverse", "", "");
    wsb_buf out = WSB_BUF_INIT;
    wsb_error *error = NULL;
    wsb_status status =
        wsb_sandbox_call_function_json(sandbox, id, wsb_cstr("greet"), wsb_cstr("7"), &out, &error);
    assert_int_equal(wsb_error_code(error), 22);
    assert_fails(status, WSB_ERROR_GUEST, error, "greet takes a name");
    expect_json_error(sandbox, id, "greet", "\"Ada", WSB_ERROR_MALFORMED, "line 1");
    expect_json_error(sandbox, id, "reverse", "\"abc\"", WSB_ERROR_TYPE_MISMATCH, "raw bytes");
    expect_bytes_error(sandbox, id, "add", WSB_ERROR_TYPE_MISMATCH, "scalar");
    wsb_sandbox_destroy(sandbox);
}

static void transcoding(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[1,-2,0.5,null,true],\"b\":\"\xc3\xa9\"}";
    wsb_sandbox *sandbox = make_sandbox();
    wsb_instance_id id = sdk_guest(sandbox, "sdk_hostile");
    expect_json(sandbox, id, "echo_json", text, text);
    expect_json(sandbox, id, "echo_msgpack", text, text);
    const char *const functions[] = {"echo_json", "echo_msgpack"};
    for (size_t i = 0; i < 2; i++) {
        wsb_buf out = WSB_BUF_INIT;
        wsb_error *error = NULL;
        assert_ok(wsb_sandbox_call_function_msgpack(sandbox, id, wsb_cstr(functions[i]),
                                                    wsb_bytes_of("\x81\xa1x\x92\x01\xc0", 6), &out,
                                                    &error),
                  error);
        assert_int_equal(out.len, 6);
        assert_memory_equal(out.data, "\x81\xa1x\x92\x01\xc0", 6);
        wsb_buf_fini(&out);
    }
    wsb_buf out = WSB_BUF_INIT;
    wsb_error *error = NULL;
    wsb_status status = wsb_sandbox_call_function_msgpack(
        sandbox, id, wsb_cstr("echo_json"), wsb_bytes_of("\xc4\x01\x00", 3), &out, &error);
    assert_fails(status, WSB_ERROR_TYPE_MISMATCH, error, "binary data");
    wsb_sandbox_destroy(sandbox);
}

static void declared_hostile_guests(void **state)
{
    (void)state;
    wsb_sandbox *sandbox = make_sandbox();
    wsb_instance_id id = sdk_guest(sandbox, "sdk_hostile");
    expect_json_error(sandbox, id, "not_json", "1", WSB_ERROR_GUEST, "not valid JSON");
    expect_json_error(sandbox, id, "not_msgpack", "1", WSB_ERROR_GUEST, "more elements");
    expect_bytes_error(sandbox, id, "outside", WSB_ERROR_GUEST, "outside of its memory");
    expect_bytes_error(sandbox, id, "huge", WSB_ERROR_GUEST, "more than");
    expect_bytes_error(sandbox, id, "overlap", WSB_ERROR_GUEST, "overlaps");
    expect_bytes_error(sandbox, id, "no_status", WSB_ERROR_GUEST, "too short");
    expect_bytes_error(sandbox, id, "empty", WSB_ERROR_GUEST, "too short");
    expect_bytes_error(sandbox, id, "exhausted", WSB_ERROR_GUEST, "out of memory");
    wsb_buf out = WSB_BUF_INIT;
    wsb_error *error = NULL;
    wsb_status status = wsb_sandbox_call_function_json(sandbox, id, wsb_cstr("bad_text"),
                                                       wsb_cstr("1"), &out, &error);
    assert_int_equal(wsb_error_code(error), -7);
    assert_fails(status, WSB_ERROR_GUEST, error, "broken ??? text");
    expect_json(sandbox, id, "in_use", "[]", "0"); /* everything was given back */
    expect_json(sandbox, id, "echo_json", "[1]", "[1]");
    expect_json(sandbox, id, "in_use", "[]", "0");
    wsb_sandbox_destroy(sandbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_known_allocator),    cmocka_unit_test(undeclared_hostile_guests),
        cmocka_unit_test(the_example_of_the_guide), cmocka_unit_test(transcoding),
        cmocka_unit_test(declared_hostile_guests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
