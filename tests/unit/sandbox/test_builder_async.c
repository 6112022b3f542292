/* What the builder has for asynchronous calls, channels and structured functions. wsb-test: engine
 */
#include "async_support.h"

static wsb_sandbox_builder *make_builder(const char *wat)
{
    wsb_sandbox_builder *builder = wsb_sandbox_builder_create();
    wsb_sandbox_builder_engine(builder, test_engine());
    wsb_sandbox_builder_module_bytes(builder, wsb_bytes_of(wat, strlen(wat)));
    return builder;
}

static wsb_sandbox *build(wsb_sandbox_builder *builder)
{
    wsb_sandbox *sandbox = NULL;
    wsb_error *error = NULL;
    assert_ok(wsb_sandbox_builder_build(builder, &sandbox, &error), error);
    return sandbox;
}

static void an_executor_of_its_own(void **state)
{
    (void)state;
    wsb_executor *executor = make_executor(1, 1, 0);
    wsb_executor *found = NULL;
    wsb_future *future = NULL;
    wsb_error *error = NULL;
    wsb_executor_stats stats = WSB_EXECUTOR_STATS_INIT;
    wsb_value args[] = {wsb_value_i32(5), wsb_value_i32(3)};
    wsb_sandbox_builder *builder = make_builder(WAT_ADD);
    wsb_sandbox_builder_executor(builder, executor);
    wsb_sandbox_builder_mode(builder, WSB_EXECUTION_FIBER_IF_ABLE);
    wsb_sandbox *sandbox = build(builder);
    wsb_sandbox_builder_destroy(builder);
    assert_ok(wsb_sandbox_executor(sandbox, &found, &error), error);
    assert_ptr_equal(found, executor);
    assert_ok(wsb_sandbox_call_async(sandbox, wsb_cstr("add"), args, 2, NULL, &future, &error),
              error);
    assert_int_equal(finish(future, 1).of.i32, 8);
    assert_ok(wsb_sandbox_call_json_async(sandbox, wsb_cstr("add"), wsb_cstr("[40, 2]"), NULL,
                                          &future, &error),
              error);
    finish_data(future, "42");
    wsb_executor_get_stats(executor, &stats);
    assert_int_equal(stats.submitted, 2);
    wsb_sandbox_destroy(sandbox);
    wsb_executor_destroy(executor);
}

static void fibers_where_there_are_none(void **state)
{
    (void)state;
    if (test_features_of(test_engine()) & WSB_ENGINE_FIBERS)
        skip();
    wsb_sandbox *sandbox = NULL;
    wsb_error *error = NULL;
    wsb_sandbox_builder *builder = make_builder(WAT_ADD);
    wsb_sandbox_builder_mode(builder, WSB_EXECUTION_FIBER);
    FAILS(wsb_sandbox_builder_build(builder, &sandbox, &error), WSB_ERROR_UNSUPPORTED, NULL);
    wsb_sandbox_builder_destroy(builder);
}

static void a_channel_for_each_build(void **state)
{
    (void)state;
    wsb_error *error = NULL;
    wsb_channel *ends[2] = {NULL, NULL};
    wsb_channel *none = NULL;
    wsb_sandbox *sandboxes[2];
    wsb_sandbox_builder *builder = make_builder(WAT_ADD);
    wsb_sandbox_builder_channel(builder, wsb_cstr("inbox"), NULL, wsb_cstr("memory"), NULL);
    wsb_sandbox_builder_channel(builder, wsb_cstr("outbox"), NULL, wsb_cstr("memory"), NULL);
    for (size_t i = 0; i < 2; i++) {
        sandboxes[i] = build(builder);
        assert_ok(wsb_sandbox_channel(sandboxes[i], wsb_cstr("inbox"), &ends[i], &error), error);
        assert_string_equal(wsb_channel_type(ends[i]), "memory");
    }
    assert_ptr_not_equal(ends[0], ends[1]);
    FAILS(wsb_sandbox_channel(sandboxes[0], wsb_cstr("mailbox"), &none, &error),
          WSB_ERROR_NOT_FOUND, "mailbox");
    FAILS(wsb_sandbox_channel(sandboxes[0], wsb_cstr("inbo"), &none, &error), WSB_ERROR_NOT_FOUND,
          NULL);
    for (size_t i = 0; i < 2; i++)
        wsb_sandbox_destroy(sandboxes[i]);
    wsb_sandbox_builder_destroy(builder);
}

static void channels_that_cannot_be(void **state)
{
    (void)state;
    wsb_error *error = NULL;
    wsb_sandbox *sandbox = NULL;
    wsb_sandbox_builder *builder = make_builder(WAT_ADD);
    wsb_sandbox_builder_channel(builder, wsb_cstr("inbox"), NULL, wsb_cstr("carrier pigeon"), NULL);
    FAILS(wsb_sandbox_builder_build(builder, &sandbox, &error), WSB_ERROR_NOT_FOUND,
          "carrier pigeon");
    wsb_sandbox_builder_destroy(builder);
    builder = make_builder(WAT_ADD);
    wsb_sandbox_builder_channel(builder, wsb_cstr("inbox"), NULL, wsb_cstr("memory"), NULL);
    wsb_sandbox_builder_channel(builder, wsb_cstr("inbox"), NULL, wsb_cstr("memory"), NULL);
    FAILS(wsb_sandbox_builder_build(builder, &sandbox, &error), WSB_ERROR_INVALID_CAPABILITY,
          "inbox");
    wsb_sandbox_builder_destroy(builder);
    assert_null(sandbox);
}

static wsb_status greet(wsb_call_context *context, wsb_bytes input, wsb_buf *io_output,
                        void *user_data)
{
    (void)context;
    (void)user_data;
    return wsb_buf_assign(io_output, input);
}

/* A guest that hands the text at 0 to "echo" and returns how much came back. */
static void a_structured_function(void **state)
{
    (void)state;
    wsb_value result = wsb_value_i64(0);
    wsb_error *error = NULL;
    wsb_sandbox_builder *builder = make_builder(
        "(module (import \"wsb_host\" \"call\""
        "  (func $call (param i32 i32 i32 i32 i32 i32 i32) (result i64)))"
        " (memory (export \"memory\") 1) (data (i32.const 0) \"echo\") (data (i32.const 8) \"[1]\")"
        " (func (export \"go\") (result i64) (call $call (i32.const 0) (i32.const 4) (i32.const 0)"
        "  (i32.const 8) (i32.const 3) (i32.const 64) (i32.const 100))))");
    wsb_structured_function function = WSB_STRUCTURED_FUNCTION_INIT;
    function.name = wsb_cstr("echo");
    function.call = greet;
    wsb_sandbox_builder_structured_function(builder, &function);
    wsb_sandbox *sandbox = build(builder);
    wsb_sandbox_builder_destroy(builder);
    assert_ok(wsb_sandbox_call(sandbox, wsb_cstr("go"), NULL, 0, &result, 1, &error), error);
    assert_int_equal(result.of.i64, 4 + 3); /* the status and the text */
    wsb_sandbox_destroy(sandbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_executor_of_its_own),   cmocka_unit_test(fibers_where_there_are_none),
        cmocka_unit_test(a_channel_for_each_build), cmocka_unit_test(channels_that_cannot_be),
        cmocka_unit_test(a_structured_function),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
