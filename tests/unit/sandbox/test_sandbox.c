/* wsb-test: engine */
#include "sandbox_support.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

static void typed_calls_by_name(void **state)
{
    (void)state;
    wsb_sandbox *sandbox = make_sandbox();
    wsb_instance_id id = instantiate(sandbox, WAT_ADD, NULL);
    wsb_value args[2] = {wsb_value_i32(5), wsb_value_i32(3)};
    wsb_value result = wsb_value_i32(0);
    wsb_error *error = NULL;
    assert_ok(wsb_sandbox_call_function(sandbox, id, wsb_cstr("add"), args, 2, &result, 1, &error),
              error);
    assert_int_equal(result.of.i32, 8);
    wsb_status status =
        wsb_sandbox_call_function(sandbox, id, wsb_cstr("add"), args, 1, &result, 1, &error);
    assert_fails(status, WSB_ERROR_INVALID_ARGUMENT, error, NULL);
    error = NULL;
    args[0] = wsb_value_f64(1);
    status = wsb_sandbox_call_function(sandbox, id, wsb_cstr("add"), args, 2, &result, 1, &error);
    assert_fails(status, WSB_ERROR_TYPE_MISMATCH, error, NULL);
    error = NULL;
    status =
        wsb_sandbox_call_function(sandbox, id, wsb_cstr("missing"), args, 2, &result, 1, &error);
    assert_fails(status, WSB_ERROR_NOT_FOUND, error, "missing");
    wsb_sandbox_destroy(sandbox);
}

static void scalar_calls_with_json(void **state)
{
    (void)state;
    wsb_sandbox *sandbox = make_sandbox();
    wsb_instance_id id = instantiate(sandbox, WAT_ADD, NULL);
    expect_json(sandbox, id, "add", "[5, 3]", "8");
    expect_json(sandbox, id, "add", "[4294967295, 1]", "0");
    expect_json(sandbox, id, "wide", "9007199254740993", "9007199254740993");
    expect_json(sandbox, id, "half", "[1]", "0.5");
    expect_json(sandbox, id, "none", "[]", "null");
    expect_json(sandbox, id, "pair", "[1]", "[1,7]");
    expect_json(sandbox, id, "like_buffer", "[1, 2]", "3");
    expect_json_error(sandbox, id, "add", "[5]", WSB_ERROR_TYPE_MISMATCH, "given 1");
    expect_json_error(sandbox, id, "add", "[5, \"3\"]", WSB_ERROR_TYPE_MISMATCH, "a string");
    expect_json_error(sandbox, id, "add", "[5, 3", WSB_ERROR_MALFORMED, "line 1");
    expect_json_error(sandbox, id, "half", "[9007199254740993]", WSB_ERROR_TYPE_MISMATCH,
                      "exactly");
    expect_json_error(sandbox, id, "zero_by_zero", "[]", WSB_ERROR_TYPE_MISMATCH, "NaN");
    expect_json(sandbox, id, "add", "[5, 3]", "8");
    wsb_sandbox_destroy(sandbox);
}

static void vectors_have_no_json(void **state)
{
    (void)state;
    wsb_sandbox *sandbox = make_sandbox();
    test_needs(wsb_sandbox_runtime(sandbox), WSB_ENGINE_VECTORS, "VECTORS");
    wsb_instance_id id = instantiate(
        sandbox, "(module (func (export \"vector\") (result v128) (v128.const i64x2 0 0)))", NULL);
    expect_json_error(sandbox, id, "vector", "[]", WSB_ERROR_TYPE_MISMATCH, "v128");
    wsb_sandbox_destroy(sandbox);
}

static void scalar_calls_with_msgpack(void **state)
{
    (void)state;
    wsb_sandbox *sandbox = make_sandbox();
    wsb_instance_id id = instantiate(sandbox, WAT_ADD, NULL);
    wsb_buf result = WSB_BUF_INIT;
    wsb_error *error = NULL;
    assert_ok(wsb_sandbox_call_function_msgpack(sandbox, id, wsb_cstr("add"),
                                                wsb_bytes_of("\x92\x05\x03", 3), &result, &error),
              error);
    assert_int_equal(result.len, 1);
    assert_int_equal(result.data[0], 8);
    wsb_buf_fini(&result);
    assert_ok(wsb_sandbox_call_function_msgpack(sandbox, id, wsb_cstr("zero_by_zero"),
                                                wsb_bytes_of("\x90", 1), &result, &error),
              error);
    assert_int_equal(result.len, 9);
    wsb_buf_fini(&result);
    wsb_sandbox_destroy(sandbox);
}

static void ids_stale_foreign_and_mixed_up(void **state)
{
    (void)state;
    wsb_sandbox *sandbox = make_sandbox();
    wsb_sandbox *other = make_sandbox();
    wsb_module_id module = load(sandbox, WAT_ADD);
    wsb_instance_id id = 0;
    wsb_error *error = NULL;
    assert_ok(wsb_sandbox_create_instance(sandbox, module, NULL, &id, &error), error);
    assert_int_equal(wsb_sandbox_list_modules(sandbox, NULL, 0), 1);
    assert_int_equal(wsb_sandbox_list_instances(sandbox, NULL, 0), 1);
    expect_json_error(other, id, "add", "[1,2]", WSB_ERROR_NOT_FOUND,
                      "was not made by this sandbox");
    expect_json_error(sandbox, module, "add", "[1,2]", WSB_ERROR_NOT_FOUND, "id of a module");
    expect_json_error(sandbox, 0, "add", "[1,2]", WSB_ERROR_NOT_FOUND, NULL);
    assert_ok(wsb_sandbox_unload_module(sandbox, module, &error), error);
    wsb_instance_id second = 0;
    wsb_status status = wsb_sandbox_create_instance(sandbox, module, NULL, &second, &error);
    assert_fails(status, WSB_ERROR_NOT_FOUND, error, "was unloaded");
    expect_json(sandbox, id, "add", "[1,2]", "3"); /* its instances live on */
    error = NULL;
    assert_ok(wsb_sandbox_drop_instance(sandbox, id, &error), error);
    expect_json_error(sandbox, id, "add", "[1,2]", WSB_ERROR_NOT_FOUND, "was dropped");
    status = wsb_sandbox_drop_instance(sandbox, id, &error);
    assert_fails(status, WSB_ERROR_NOT_FOUND, error, "was dropped");
    wsb_sandbox_destroy(other);
    wsb_sandbox_destroy(sandbox);
}

static void a_trap_closes_only_its_instance(void **state)
{
    (void)state;
    wsb_sandbox *sandbox = make_sandbox();
    wsb_instance_id broken = instantiate(sandbox, WAT_ADD, NULL);
    wsb_instance_id sound = instantiate(sandbox, WAT_ADD, NULL);
    expect_json_error(sandbox, broken, "trap", "[]", WSB_ERROR_TRAP, NULL);
    expect_json_error(sandbox, broken, "add", "[1,2]", WSB_ERROR_CLOSED, NULL);
    expect_json(sandbox, sound, "add", "[1,2]", "3");
    wsb_sandbox_destroy(sandbox);
}

/* --- calls from inside --- */

#define WAT_CALLBACK                                                                               \
    "(module (import \"test\" \"inside\" (func $inside))"                                          \
    " (func (export \"go\") (call $inside))"                                                       \
    " (func (export \"spin\") (call $inside) (loop (br 0)))"                                       \
    " (func (export \"one\") (result i32) (i32.const 1)))"

typedef struct inside {
    wsb_sandbox *sandbox;
    wsb_instance_id id;
    wsb_instance_id target;
    wsb_status status;
    bool drop;
    atomic_bool entered;
    atomic_bool may_drop;
} inside;

static wsb_host_result call_inside(wsb_call_context *context, wsb_raw_value *values,
                                   void *user_data)
{
    (void)context;
    (void)values;
    inside *test = user_data;
    atomic_store(&test->entered, true);
    while (!atomic_load(&test->may_drop))
        sched_yield();
    wsb_value result = wsb_value_i32(0);
    if (test->drop)
        test->status = wsb_sandbox_drop_instance(test->sandbox, test->target, NULL);
    else
        test->status = wsb_sandbox_call_function(test->sandbox, test->target, wsb_cstr("one"), NULL,
                                                 0, &result, 1, NULL);
    return WSB_HOST_DONE;
}

static void make_inside(inside *test, wsb_sandbox *sandbox)
{
    wsb_error *error = NULL;
    wsb_imports *imports = NULL;
    wsb_host_function function = WSB_HOST_FUNCTION_INIT;
    function.module = wsb_cstr("test");
    function.name = wsb_cstr("inside");
    function.call_raw = call_inside;
    function.user_data = test;
    assert_ok(wsb_imports_create(&imports, &error), error);
    assert_ok(wsb_imports_define(imports, &function, &error), error);
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    config.imports = imports;
    memset(test, 0, sizeof *test);
    test->sandbox = sandbox;
    test->id = instantiate(sandbox, WAT_CALLBACK, &config);
    test->target = test->id;
    atomic_store(&test->may_drop, true);
    wsb_imports_destroy(imports);
}

static void reentrancy_is_busy(void **state)
{
    (void)state;
    inside test;
    wsb_sandbox *sandbox = make_sandbox();
    make_inside(&test, sandbox);
    expect_json(sandbox, test.id, "go", "[]", "null");
    assert_int_equal(test.status, WSB_ERROR_BUSY);
    expect_json(sandbox, test.id, "one", "[]", "1");
    wsb_sandbox_destroy(sandbox);
}

static void dropping_from_inside_is_deferred(void **state)
{
    (void)state;
    inside test;
    wsb_sandbox *sandbox = make_sandbox();
    make_inside(&test, sandbox);
    test.drop = true;
    wsb_error *error = NULL;
    wsb_status status =
        wsb_sandbox_call_function(sandbox, test.id, wsb_cstr("spin"), NULL, 0, NULL, 0, &error);
    assert_fails(status, WSB_ERROR_CANCELLED, error, NULL);
    assert_int_equal(test.status, WSB_OK);
    expect_json_error(sandbox, test.id, "one", "[]", WSB_ERROR_NOT_FOUND, "was dropped");
    wsb_sandbox_destroy(sandbox);
}

static void *run_spin(void *user_data)
{
    inside *test = user_data;
    return (void *)(uintptr_t)wsb_sandbox_call_function(test->sandbox, test->id, wsb_cstr("spin"),
                                                        NULL, 0, NULL, 0, NULL);
}

static void wait_until(atomic_bool *flag)
{
    while (!atomic_load(flag))
        sched_yield();
}

static void dropping_ends_a_call_on_another_thread(void **state)
{
    (void)state;
    inside test;
    pthread_t thread;
    void *status = NULL;
    wsb_sandbox *sandbox = make_sandbox();
    make_inside(&test, sandbox);
    pthread_create(&thread, NULL, run_spin, &test);
    wait_until(&test.entered);
    expect_json_error(sandbox, test.id, "one", "[]", WSB_ERROR_BUSY, "running");
    wsb_usage usage = WSB_USAGE_INIT;
    assert_int_equal(wsb_sandbox_usage(sandbox, test.id, &usage, NULL), WSB_OK);
    assert_int_equal(wsb_sandbox_drop_instance(sandbox, test.id, NULL), WSB_OK);
    pthread_join(thread, &status);
    assert_int_equal((uintptr_t)status, WSB_ERROR_CANCELLED);
    wsb_sandbox_destroy(sandbox);
}

static void destroying_ends_all_calls(void **state)
{
    (void)state;
    inside tests[3];
    pthread_t threads[3];
    wsb_sandbox *sandbox = make_sandbox();
    for (int i = 0; i < 3; i++) {
        make_inside(&tests[i], sandbox);
        pthread_create(&threads[i], NULL, run_spin, &tests[i]);
    }
    for (int i = 0; i < 3; i++)
        wait_until(&tests[i].entered);
    wsb_sandbox_destroy(sandbox);
    for (int i = 0; i < 3; i++) {
        void *status = NULL;
        pthread_join(threads[i], &status);
        assert_int_equal((uintptr_t)status, WSB_ERROR_CANCELLED);
    }
}

/* Two calls whose host functions drop each other's instance must both end. */
static void dropping_each_other_does_not_deadlock(void **state)
{
    (void)state;
    inside tests[2];
    pthread_t threads[2];
    wsb_sandbox *sandbox = make_sandbox();
    for (int i = 0; i < 2; i++) {
        make_inside(&tests[i], sandbox);
        tests[i].drop = true;
        atomic_store(&tests[i].may_drop, false);
    }
    tests[0].target = tests[1].id;
    tests[1].target = tests[0].id;
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, run_spin, &tests[i]);
    for (int i = 0; i < 2; i++)
        wait_until(&tests[i].entered);
    for (int i = 0; i < 2; i++)
        atomic_store(&tests[i].may_drop, true);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(tests[0].status, WSB_OK);
    assert_int_equal(tests[1].status, WSB_OK);
    assert_int_equal(wsb_sandbox_list_instances(sandbox, NULL, 0), 0);
    wsb_sandbox_destroy(sandbox);
}

static void *hammer(void *user_data)
{
    inside *test = user_data;
    wsb_value result = wsb_value_i32(0);
    wsb_status status = WSB_OK;
    while (status == WSB_OK || status == WSB_ERROR_BUSY)
        status = wsb_sandbox_call_function(test->sandbox, test->id, wsb_cstr("one"), NULL, 0,
                                           &result, 1, NULL);
    return (void *)(uintptr_t)status;
}

static void threads_calling_what_is_dropped(void **state)
{
    (void)state;
    wsb_sandbox *sandbox = make_sandbox();
    for (int round = 0; round < 20; round++) {
        inside test;
        pthread_t threads[3];
        make_inside(&test, sandbox);
        for (int i = 0; i < 3; i++)
            pthread_create(&threads[i], NULL, hammer, &test);
        wsb_usage usage = WSB_USAGE_INIT;
        while (usage.calls < 50)
            assert_int_equal(wsb_sandbox_usage(sandbox, test.id, &usage, NULL), WSB_OK);
        assert_int_equal(wsb_sandbox_drop_instance(sandbox, test.id, NULL), WSB_OK);
        for (int i = 0; i < 3; i++) {
            void *status = NULL;
            pthread_join(threads[i], &status);
            assert_true((uintptr_t)status == WSB_ERROR_NOT_FOUND ||
                        (uintptr_t)status == WSB_ERROR_CANCELLED);
        }
    }
    wsb_sandbox_destroy(sandbox);
}

static void bad_arguments(void **state)
{
    (void)state;
    wsb_sandbox *sandbox = make_sandbox();
    assert_int_equal(wsb_sandbox_create(NULL, NULL, NULL), WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_sandbox_load_module(sandbox, wsb_bytes_of("", 0), NULL, NULL),
                     WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_sandbox_run(NULL, 1, NULL, NULL), WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_sandbox_usage(sandbox, 1, NULL, NULL), WSB_ERROR_INVALID_ARGUMENT);
    wsb_sandbox_options options = WSB_SANDBOX_OPTIONS_INIT;
    options.use_runtime = wsb_sandbox_runtime(sandbox);
    options.engine = wsb_cstr("wasmtime");
    wsb_sandbox *other = NULL;
    assert_int_equal(wsb_sandbox_create(&options, &other, NULL), WSB_ERROR_INVALID_ARGUMENT);
    options.engine = wsb_cstr("");
    assert_int_equal(wsb_sandbox_create(&options, &other, NULL), WSB_OK);
    wsb_sandbox_destroy(other);
    wsb_sandbox_destroy(sandbox);
    wsb_sandbox_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(typed_calls_by_name),
        cmocka_unit_test(scalar_calls_with_json),
        cmocka_unit_test(vectors_have_no_json),
        cmocka_unit_test(scalar_calls_with_msgpack),
        cmocka_unit_test(ids_stale_foreign_and_mixed_up),
        cmocka_unit_test(a_trap_closes_only_its_instance),
        cmocka_unit_test(reentrancy_is_busy),
        cmocka_unit_test(dropping_from_inside_is_deferred),
        cmocka_unit_test(dropping_ends_a_call_on_another_thread),
        cmocka_unit_test(destroying_ends_all_calls),
        cmocka_unit_test(dropping_each_other_does_not_deadlock),
        cmocka_unit_test(threads_calling_what_is_dropped),
        cmocka_unit_test(bad_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
