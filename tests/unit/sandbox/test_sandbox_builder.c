/* wsb-test: engine */
#include "sandbox_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static wsb_host_result twice(wsb_call_context *context, wsb_raw_value *values, void *user_data)
{
    (void)context;
    values[0].i32 = 2 * values[0].i32 + *(int *)user_data;
    return WSB_HOST_DONE;
}

static wsb_sandbox_builder *make_builder(void)
{
    wsb_sandbox_builder *builder = wsb_sandbox_builder_create();
    wsb_sandbox_builder_engine(builder, test_engine());
    return builder;
}

static void builds_more_than_once(void **state)
{
    (void)state;
    static const wsb_value_type i32 = WSB_I32;
    static const char wat[] =
        "(module (import \"env\" \"twice\" (func $t (param i32) (result i32)))"
        " (memory (export \"memory\") 1)"
        " (func (export \"go\") (param i32) (result i32)"
        "  (call $t (local.get 0)))"
        " (func (export \"grow\") (result i32)"
        "  (memory.grow (i32.const 10))))";
    int bias = 1;
    wsb_host_function function = WSB_HOST_FUNCTION_INIT;
    function.module = wsb_cstr("env");
    function.name = wsb_cstr("twice");
    function.params = &i32;
    function.param_count = 1;
    function.results = &i32;
    function.result_count = 1;
    function.call_raw = twice;
    function.user_data = &bias;
    wsb_sandbox_builder *builder = make_builder();
    wsb_sandbox_builder_module_bytes(builder, wsb_bytes_of(wat, strlen(wat)));
    wsb_sandbox_builder_memory_limit(builder, 128 * 1024);
    wsb_sandbox_builder_timeout(builder, 5 * WSB_SECOND);
    wsb_sandbox_builder_host_function(builder, &function);
    for (int round = 0; round < 2; round++) {
        wsb_sandbox *sandbox = NULL;
        wsb_error *error = NULL;
        assert_ok(wsb_sandbox_builder_build(builder, &sandbox, &error), error);
        wsb_value arg = wsb_value_i32(20);
        wsb_value result = wsb_value_i32(0);
        assert_ok(wsb_sandbox_call(sandbox, wsb_cstr("go"), &arg, 1, &result, 1, &error), error);
        assert_int_equal(result.of.i32, 41);
        expect_json(sandbox, wsb_sandbox_main_instance(sandbox), "grow", "[]", "-1");
        wsb_sandbox_destroy(sandbox);
    }
    wsb_sandbox_builder_destroy(builder);
}

static void the_first_problem_is_reported_by_build(void **state)
{
    (void)state;
    wsb_sandbox_builder *builder = make_builder();
    wsb_sandbox *sandbox = NULL;
    wsb_error *error = NULL;
    wsb_status status = wsb_sandbox_builder_build(builder, &sandbox, &error);
    assert_fails(status, WSB_ERROR_INVALID_ARGUMENT, error, "no module");
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    limits.size = 3;
    wsb_sandbox_builder_limits(builder, &limits);
    wsb_sandbox_builder_module_bytes(builder, wsb_bytes_of("(module)", 8));
    for (int round = 0; round < 2; round++) {
        error = NULL;
        status = wsb_sandbox_builder_build(builder, &sandbox, &error);
        assert_fails(status, WSB_ERROR_INVALID_ARGUMENT, error, "wsb_resource_limits");
    }
    assert_null(sandbox);
    wsb_sandbox_builder_destroy(builder);
}

static void no_builder_is_out_of_memory(void **state)
{
    (void)state;
    wsb_sandbox *sandbox = NULL;
    wsb_sandbox_builder_timeout(NULL, 1);
    wsb_sandbox_builder_engine(NULL, wsb_cstr("x"));
    wsb_sandbox_builder_directory(NULL, wsb_cstr("/"), wsb_cstr("/"), false);
    assert_int_equal(wsb_sandbox_builder_build(NULL, &sandbox, NULL), WSB_ERROR_OUT_OF_MEMORY);
    wsb_sandbox_builder_destroy(NULL);
}

static void capabilities_are_copied(void **state)
{
    (void)state;
    char name[] = "program";
    wsb_str argument = {name, 7};
    wsb_capabilities capabilities = WSB_CAPABILITIES_INIT;
    capabilities.arguments = &argument;
    capabilities.argument_count = 1;
    wsb_sandbox_builder *builder = make_builder();
    wsb_sandbox_builder_capabilities(builder, &capabilities);
    memset(name, 0, sizeof name); /* a NUL inside would be refused */
    argument.data = NULL;
    static const char wat[] =
        "(module (import \"wasi_snapshot_preview1\" \"args_sizes_get\""
        "  (func $sizes (param i32 i32) (result i32)))"
        " (memory (export \"memory\") 1)"
        " (func (export \"size\") (result i32)"
        "  (drop (call $sizes (i32.const 0) (i32.const 4))) (i32.load (i32.const 4))))";
    wsb_sandbox_builder_module_bytes(builder, wsb_bytes_of(wat, strlen(wat)));
    wsb_sandbox *sandbox = NULL;
    wsb_error *error = NULL;
    assert_ok(wsb_sandbox_builder_build(builder, &sandbox, &error), error);
    expect_json(sandbox, wsb_sandbox_main_instance(sandbox), "size", "[]", "8");
    wsb_sandbox_destroy(sandbox);
    wsb_sandbox_builder_destroy(builder);
}

/* What building says after these capabilities, which is before any array is read. */
static void expect_refused(const wsb_capabilities *capabilities, const char *reason)
{
    wsb_sandbox *sandbox = NULL;
    wsb_error *error = NULL;
    wsb_sandbox_builder *builder = make_builder();
    wsb_sandbox_builder_module_bytes(builder, wsb_bytes_of("(module)", 8));
    wsb_sandbox_builder_capabilities(builder, capabilities);
    wsb_status status = wsb_sandbox_builder_build(builder, &sandbox, &error);
    assert_fails(status, WSB_ERROR_INVALID_ARGUMENT, error, reason);
    assert_null(sandbox);
    wsb_sandbox_builder_destroy(builder);
}

static void counts_without_arrays_are_refused(void **state)
{
    (void)state;
    wsb_capabilities arguments = WSB_CAPABILITIES_INIT;
    arguments.argument_count = 1;
    expect_refused(&arguments, "capabilities is NULL");
    wsb_capabilities environment = WSB_CAPABILITIES_INIT;
    environment.environment_count = 1;
    expect_refused(&environment, "capabilities is NULL");
    wsb_network_capability network = WSB_NETWORK_CAPABILITY_INIT;
    wsb_capabilities reached = WSB_CAPABILITIES_INIT;
    reached.network = &network;
    network.host_count = 1;
    expect_refused(&reached, "network is NULL");
    network.host_count = 0;
    network.port_count = 1;
    expect_refused(&reached, "network is NULL");
}

/* A module in a file of its own. */
static void write_module(char path[64], const char *wat)
{
    strcpy(path, "/tmp/wsb-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, wat, strlen(wat)), strlen(wat));
    close(fd);
}

/* On the default engine, always. */
static void one_call_does_it_all(void **state)
{
    (void)state;
    char path[64];
    wsb_buf json = WSB_BUF_INIT;
    wsb_error *error = NULL;
    write_module(path, WAT_ADD);
    assert_ok(wsb_run(wsb_cstr(path), wsb_cstr("add"), wsb_cstr("[5, 3]"), &json, &error), error);
    assert_string_equal((const char *)json.data, "8");
    wsb_buf_fini(&json);
    wsb_status status = wsb_run_with_timeout(wsb_cstr(path), wsb_cstr("spin"), wsb_cstr("[]"),
                                             30 * WSB_MILLISECOND, &json, &error);
    assert_true(status == WSB_ERROR_TIMEOUT || status == WSB_ERROR_CPU_TIME);
    wsb_error_destroy(error);
    error = NULL;
    unlink(path);
    status = wsb_run(wsb_cstr(path), wsb_cstr("add"), wsb_cstr("[]"), &json, &error);
    assert_fails(status, WSB_ERROR_NOT_FOUND, error, path);
    error = NULL;
    status = wsb_run(wsb_cstr("/tmp"), wsb_cstr("add"), wsb_cstr("[]"), &json, &error);
    assert_fails(status, WSB_ERROR_INVALID_ARGUMENT, error, "director");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builds_more_than_once),
        cmocka_unit_test(the_first_problem_is_reported_by_build),
        cmocka_unit_test(no_builder_is_out_of_memory),
        cmocka_unit_test(capabilities_are_copied),
        cmocka_unit_test(counts_without_arrays_are_refused),
        cmocka_unit_test(one_call_does_it_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
