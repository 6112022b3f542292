/* Host functions: values, traps, waiting under the deadline, and what they may do to their guest.
 */
#include "unit/runtime/runtime_test.h"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <wasm_sandbox/plugin/limit.h>

static const char guest[] =
    "(module (import \"env\" \"mix\" (func $mix (param i32 i64 f64) (result i64)))"
    " (import \"env\" \"raw\" (func $raw (param i32 i32) (result i32)))"
    " (memory (export \"memory\") 1)"
    " (func (export \"mix\") (result i64)"
    "   i32.const 1 i64.const 2 f64.const 3 call $mix)"
    " (func (export \"raw\") (param i32 i32) (result i32) local.get 0 local.get 1 call $raw))";

typedef struct seen {
    wsb_instance *instance;
    wsb_status status;
    wsb_host_result answer;
    int pipe_fd;
    int resumed;
    int dropped;
    struct pollfd fds[1];
} seen;

static wsb_host_result mix(wsb_call_context *context, const wsb_value *args, wsb_value *results,
                           void *user_data)
{
    (void)context;
    (void)user_data;
    results[0].of.i64 = args[0].of.i32 * 100 + args[1].of.i64 * 10 + (int64_t)args[2].of.f64;
    return WSB_HOST_DONE;
}

static void define(wsb_imports *imports, const char *name, wsb_raw_host_fn call, void *data)
{
    static const wsb_value_type types[] = {WSB_I32, WSB_I32};
    wsb_host_function function = WSB_HOST_FUNCTION_INIT;
    function.module = wsb_cstr("env");
    function.name = wsb_cstr(name);
    function.params = types;
    function.param_count = 2;
    function.results = types;
    function.result_count = 1;
    function.call_raw = call;
    function.user_data = data;
    MUST(wsb_imports_define(imports, &function, err));
}

static wsb_imports *make_imports(wsb_raw_host_fn raw, void *data)
{
    static const wsb_value_type params[] = {WSB_I32, WSB_I64, WSB_F64};
    static const wsb_value_type results[] = {WSB_I64};
    wsb_imports *imports;
    wsb_host_function function = WSB_HOST_FUNCTION_INIT;
    MUST(wsb_imports_create(&imports, err));
    function.module = wsb_cstr("env");
    function.name = wsb_cstr("mix");
    function.params = params;
    function.param_count = 3;
    function.results = results;
    function.result_count = 1;
    function.call = mix;
    MUST(wsb_imports_define(imports, &function, err));
    MUST_FAIL(WSB_ERROR_ALREADY_EXISTS, "env.mix", wsb_imports_define(imports, &function, err));
    define(imports, "raw", raw, data);
    return imports;
}

static wsb_instance *with_raw(wsb_runtime *runtime, wsb_raw_host_fn raw, void *data, uint64_t wall)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    limits.max_wall_time = wall;
    config.limits = &limits;
    config.imports = make_imports(raw, data);
    wsb_instance *instance = instantiate(runtime, guest, &config);
    wsb_imports_destroy(config.imports);
    return instance;
}

static wsb_status call_raw(wsb_instance *instance, int32_t a, int32_t b, int32_t *out,
                           wsb_error **out_error)
{
    wsb_raw_value values[2] = {{.i32 = a}, {.i32 = b}};
    wsb_status status = wsb_function_call_raw(function_of(instance, "raw"), values, 2, out_error);
    *out = values[0].i32;
    return status;
}

static wsb_host_result add_from_memory(wsb_call_context *context, wsb_raw_value *values, void *data)
{
    uint8_t *bytes;
    (void)data;
    if (wsb_call_context_memory(context, values[0].u32, values[1].u32, &bytes) != WSB_OK) {
        wsb_call_context_fail(context, WSB_ERROR_ACCESS_DENIED, "%u bytes at %u are outside",
                              values[1].u32, values[0].u32);
        return WSB_HOST_TRAP;
    }
    int32_t sum = 0;
    for (uint32_t i = 0; i < values[1].u32; i++) {
        sum += bytes[i];
    }
    values[0].i32 = sum;
    return WSB_HOST_DONE;
}

static void typed_and_raw_functions_give_results(void **state)
{
    int32_t sum;
    wsb_value result;
    wsb_instance *instance = with_raw(*state, add_from_memory, NULL, 0);
    MUST(wsb_function_call(function_of(instance, "mix"), NULL, 0, &result, 1, err));
    assert_int_equal(result.of.i64, 123);
    MUST(wsb_instance_write_memory(instance, 65533, "\1\2\3", 3, err));
    MUST(call_raw(instance, 65533, 3, &sum, err));
    assert_int_equal(sum, 6);
    wsb_instance_destroy(instance);
}

static void addresses_outside_memory_are_refused(void **state)
{
    static const int32_t bad[][2] = {{65533, 4}, {-1, 1}, {0, -1}, {-1, -1}, {65537, 0}};
    int32_t sum;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        wsb_instance *instance = with_raw(*state, add_from_memory, NULL, 0);
        MUST_FAIL(WSB_ERROR_ACCESS_DENIED, "are outside",
                  call_raw(instance, bad[i][0], bad[i][1], &sum, err));
        wsb_instance_destroy(instance);
    }
}

static wsb_host_result call_back(wsb_call_context *context, wsb_raw_value *values, void *data)
{
    seen *s = data;
    wsb_value result;
    (void)context;
    (void)values;
    s->status = wsb_function_call(function_of(s->instance, "mix"), NULL, 0, &result, 1, NULL);
    return WSB_HOST_DONE;
}

static void calling_the_guest_that_calls_is_busy(void **state)
{
    seen s = {0};
    int32_t out;
    s.instance = with_raw(*state, call_back, &s, 0);
    MUST(call_raw(s.instance, 1, 2, &out, err));
    assert_int_equal(s.status, WSB_ERROR_BUSY);
    wsb_instance_destroy(s.instance);
}

static wsb_host_result destroy_it(wsb_call_context *context, wsb_raw_value *values, void *data)
{
    seen *s = data;
    (void)context;
    (void)values;
    wsb_instance_destroy(s->instance);
    return WSB_HOST_DONE;
}

static void destroying_the_guest_that_calls_waits_for_its_end(void **state)
{
    seen s = {0};
    wsb_raw_value values[2] = {{.i32 = 1}, {.i32 = 2}};
    s.instance = with_raw(*state, destroy_it, &s, 0);
    wsb_function *function = function_of(s.instance, "raw");
    wsb_status status = wsb_function_call_raw(function, values, 2, NULL);
    assert_true(status == WSB_ERROR_CLOSED || status == WSB_ERROR_CANCELLED);
}

static wsb_host_result resumed(wsb_call_context *context, wsb_raw_value *values, bool ready,
                               void *data)
{
    seen *s = data;
    (void)context;
    s->resumed++;
    values[0].i32 = ready ? 1000 + s->fds[0].revents : 7;
    return WSB_HOST_DONE;
}

static void dropped(void *data)
{
    ((seen *)data)->dropped++;
}

/* Waits values[0] milliseconds (-1: for ever), on a pipe where there is one. */
static wsb_host_result wait_for(wsb_call_context *context, wsb_raw_value *values, void *data)
{
    seen *s = data;
    uint64_t timeout = values[0].i32 < 0 ? UINT64_MAX : values[0].u32 * WSB_MILLISECOND;
    s->fds[0] = (struct pollfd){.fd = s->pipe_fd, .events = POLLIN};
    wsb_call_context_wait(context, s->pipe_fd > 0 ? s->fds : NULL, 1, timeout, resumed, dropped, s);
    return WSB_HOST_PENDING;
}

/* Calls another guest that never ends by itself, under the default limits of 30 s. */
static wsb_host_result call_endless(wsb_call_context *context, wsb_raw_value *values, void *data)
{
    seen *s = data;
    wsb_raw_value wait[2] = {{.i32 = -1}, {.i32 = 0}};
    bool spins = values[0].i32 != 0;
    (void)context;
    s->status = spins ? wsb_function_call(function_of(s->instance, "spin"), NULL, 0, NULL, 0, NULL)
                      : wsb_function_call_raw(function_of(s->instance, "raw"), wait, 2, NULL);
    return WSB_HOST_DONE;
}

static void the_outer_deadline_ends_an_inner_call(void **state)
{
    for (int32_t spins = 0; spins < 2; spins++) {
        seen s = {0};
        seen waiting = {0};
        int32_t out;
        s.instance =
            spins ? instantiate(*state, "(module (func (export \"spin\") (loop br 0)))", NULL)
                  : with_raw(*state, wait_for, &waiting, 0);
        wsb_instance *outer = with_raw(*state, call_endless, &s, 30 * WSB_MILLISECOND);
        MUST_FAIL(WSB_ERROR_TIMEOUT, "max_wall_time is 30.0 ms",
                  call_raw(outer, spins, 0, &out, err));
        assert_int_equal(s.status, WSB_ERROR_TIMEOUT);
        wsb_instance_destroy(outer);
        wsb_instance_destroy(s.instance);
    }
}

static void a_wait_ends_by_time_or_descriptor(void **state)
{
    seen s = {0};
    int32_t out;
    int ends[2];
    wsb_instance *instance = with_raw(*state, wait_for, &s, 0);
    MUST(call_raw(instance, 5, 0, &out, err));
    assert_int_equal(out, 7);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    s.pipe_fd = ends[0];
    MUST(call_raw(instance, -1, 0, &out, err));
    assert_int_equal(out, 1000 + POLLIN);
    assert_int_equal(s.resumed, 2);
    assert_int_equal(s.dropped, 0);
    close(ends[0]);
    close(ends[1]);
    wsb_instance_destroy(instance);
}

static void the_deadline_ends_a_wait(void **state)
{
    seen s = {0};
    int32_t out;
    wsb_instance *instance = with_raw(*state, wait_for, &s, 20 * WSB_MILLISECOND);
    MUST_FAIL(WSB_ERROR_TIMEOUT, "max_wall_time", call_raw(instance, -1, 0, &out, err));
    assert_int_equal(s.resumed, 0);
    assert_int_equal(s.dropped, 1);
    wsb_instance_destroy(instance);
}

static void *cancel_when_waiting(void *argument)
{
    wsb_instance *instance = argument;
    wsb_usage usage = WSB_USAGE_INIT;
    do {
        wsb_instance_usage(instance, &usage);
    } while (usage.host_calls == 0);
    wsb_instance_cancel(instance);
    return NULL;
}

static void a_cancellation_ends_a_wait(void **state)
{
    for (int i = 0; i < 50; i++) {
        seen s = {0};
        int32_t out;
        pthread_t thread;
        wsb_instance *instance = with_raw(*state, wait_for, &s, 0);
        wsb_function *function = function_of(instance, "raw");
        wsb_raw_value values[2] = {{.i32 = -1}, {.i32 = 0}};
        (void)out;
        assert_int_equal(pthread_create(&thread, NULL, cancel_when_waiting, instance), 0);
        MUST_FAIL(WSB_ERROR_CANCELLED, "cancelled",
                  wsb_function_call_raw(function, values, 2, err));
        pthread_join(thread, NULL);
        assert_int_equal(s.dropped, 1);
        wsb_instance_destroy(instance);
    }
}

static wsb_host_result charge(wsb_call_context *context, wsb_raw_value *values, void *data)
{
    (void)data;
    values[0].i32 = (int32_t)wsb_call_context_charge(context, wsb_cstr("queries"), values[0].i32);
    return WSB_HOST_DONE;
}

static void a_limit_of_ones_own_is_enforced(void **state)
{
    static const wsb_limit_ops ops = {.size = sizeof ops,
                                      .abi_version = WSB_LIMIT_ABI_VERSION,
                                      .name = "queries",
                                      .unit = "queries",
                                      .scope = WSB_LIMIT_CALL,
                                      .default_value = 5};
    wsb_runtime *runtime;
    int32_t out;
    (void)state;
    MUST(wsb_runtime_create(test_engine(), NULL, &runtime, err));
    MUST(wsb_runtime_register_limit(runtime, &ops, err));
    MUST_FAIL(WSB_ERROR_ALREADY_EXISTS, "queries", wsb_runtime_register_limit(runtime, &ops, err));
    wsb_instance *instance = with_raw(runtime, charge, NULL, 0);
    MUST(call_raw(instance, 6, 0, &out, err));
    assert_int_equal(out, WSB_ERROR_LIMIT_EXCEEDED);
    MUST(call_raw(instance, 5, 0, &out, err));
    assert_int_equal(out, WSB_OK);
    MUST(call_raw(instance, 5, 0, &out, err)); /* call scope: counted anew */
    assert_int_equal(out, WSB_OK);
    wsb_instance_destroy(instance);
    wsb_runtime_destroy(runtime);
}

static void every_unknown_import_is_named(void **state)
{
    wsb_module *module = compile(*state, guest);
    wsb_instance *instance;
    MUST_FAIL(WSB_ERROR_UNKNOWN_IMPORT,
              "'env.mix' (nothing provides it), 'env.raw' (nothing provides it)",
              wsb_instance_create(module, NULL, &instance, err));
    wsb_module_destroy(module);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(typed_and_raw_functions_give_results),
        cmocka_unit_test(addresses_outside_memory_are_refused),
        cmocka_unit_test(calling_the_guest_that_calls_is_busy),
        cmocka_unit_test(destroying_the_guest_that_calls_waits_for_its_end),
        cmocka_unit_test(a_wait_ends_by_time_or_descriptor),
        cmocka_unit_test(the_deadline_ends_a_wait),
        cmocka_unit_test(a_cancellation_ends_a_wait),
        cmocka_unit_test(a_limit_of_ones_own_is_enforced),
        cmocka_unit_test(every_unknown_import_is_named),
        cmocka_unit_test(the_outer_deadline_ends_an_inner_call),
    };
    return cmocka_run_group_tests(tests, make_runtime, drop_runtime);
}
