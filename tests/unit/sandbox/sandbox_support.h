/* What the tests of whole sandboxes share. */
#ifndef WSB_TESTS_SANDBOX_SUPPORT_H
#define WSB_TESTS_SANDBOX_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <wasm_sandbox/wasm_sandbox.h>

#include <cmocka.h>

#include "support/engine.h"

/* Prints what went wrong before failing. */
static inline void assert_ok(wsb_status status, wsb_error *error)
{
    if (status != WSB_OK)
        fail_msg("%s: %s", wsb_status_name(status), wsb_error_message(error));
}

/* Checks an outcome and that the error says `part`; releases the error. */
static inline void assert_fails(wsb_status status, wsb_status expected, wsb_error *error,
                                const char *part)
{
    if (status != expected)
        fail_msg("%s instead of %s: %s", wsb_status_name(status), wsb_status_name(expected),
                 wsb_error_message(error));
    if (part && !strstr(wsb_error_message(error), part))
        fail_msg("\"%s\" does not say \"%s\"", wsb_error_message(error), part);
    wsb_error_destroy(error);
}

static inline wsb_sandbox *make_sandbox(void)
{
    wsb_sandbox *sandbox = NULL;
    wsb_error *error = NULL;
    wsb_sandbox_options options = WSB_SANDBOX_OPTIONS_INIT;
    options.engine = test_engine();
    assert_ok(wsb_sandbox_create(&options, &sandbox, &error), error);
    return sandbox;
}

static inline wsb_module_id load(wsb_sandbox *sandbox, const char *wat)
{
    wsb_module_id id = 0;
    wsb_error *error = NULL;
    assert_ok(wsb_sandbox_load_module(sandbox, wsb_bytes_of(wat, strlen(wat)), &id, &error), error);
    return id;
}

static inline wsb_instance_id instantiate(wsb_sandbox *sandbox, const char *wat,
                                          const wsb_instance_config *config)
{
    wsb_instance_id id = 0;
    wsb_error *error = NULL;
    assert_ok(wsb_sandbox_create_instance(sandbox, load(sandbox, wat), config, &id, &error), error);
    return id;
}

/* Calls with JSON; checks the text of the result. */
static inline void expect_json(wsb_sandbox *sandbox, wsb_instance_id id, const char *name,
                               const char *args, const char *expected)
{
    wsb_buf json = WSB_BUF_INIT;
    wsb_error *error = NULL;
    assert_ok(
        wsb_sandbox_call_function_json(sandbox, id, wsb_cstr(name), wsb_cstr(args), &json, &error),
        error);
    assert_string_equal((const char *)json.data, expected);
    wsb_buf_fini(&json);
}

static inline void expect_json_error(wsb_sandbox *sandbox, wsb_instance_id id, const char *name,
                                     const char *args, wsb_status expected, const char *part)
{
    wsb_buf json = WSB_BUF_INIT;
    wsb_error *error = NULL;
    wsb_status status =
        wsb_sandbox_call_function_json(sandbox, id, wsb_cstr(name), wsb_cstr(args), &json, &error);
    assert_null(json.data);
    assert_fails(status, expected, error, part);
}

#define WAT_ADD                                                                                    \
    "(module"                                                                                      \
    " (func (export \"add\") (param i32 i32) (result i32)"                                         \
    "  (i32.add (local.get 0) (local.get 1)))"                                                     \
    " (func (export \"wide\") (param i64) (result i64) (local.get 0))"                             \
    " (func (export \"half\") (param f64) (result f64) (f64.div (local.get 0) (f64.const 2)))"     \
    " (func (export \"zero_by_zero\") (result f64) (f64.div (f64.const 0) (f64.const 0)))"         \
    " (func (export \"none\"))"                                                                    \
    " (func (export \"pair\") (param i32) (result i32 i64) (local.get 0) (i64.const 7))"           \
    " (func (export \"trap\") (unreachable))"                                                      \
    " (func (export \"spin\") (loop (br 0)))"                                                      \
    " (func (export \"like_buffer\") (param i32 i32) (result i64)"                                 \
    "  (i64.extend_i32_u (i32.add (local.get 0) (local.get 1)))))"

#endif
