/* Asynchronous calls that are cancelled, dropped, refused or in the way. wsb-test: engine */
#include "async_fixture.h"

#include <sys/wait.h>

static wsb_status next_now(fixture *f)
{
    wsb_value result;
    return wsb_sandbox_call_function(f->sandbox, f->id, wsb_cstr("next"), NULL, 0, &result, 1,
                                     NULL);
}

static void cancel_a_queued_one(void **state)
{
    fixture *f = *state;
    wsb_future *first = start(f->sandbox, f->id, "gated", NULL, 0);
    gate_await(f->it, 1);
    wsb_future *second = start(f->sandbox, f->id, "next", NULL, 0);
    wsb_future *third = start(f->sandbox, f->id, "next", NULL, 0);
    wsb_future_cancel(second);
    finish_fails(second, 1, WSB_ERROR_CANCELLED, "before it began");
    assert_false(wsb_future_poll(first));
    gate_open(f->it);
    assert_int_equal(finish(first, 1).of.i32, 7);
    assert_int_equal(finish(third, 1).of.i32, 1);
    assert_int_equal(next_now(f), WSB_OK);
}

static void cancel_a_waiting_one(void **state)
{
    fixture *f = *state;
    wsb_future *future = start(f->sandbox, f->id, "gated", NULL, 0);
    gate_await(f->it, 1);
    uint64_t begin = now_ns();
    wsb_future_cancel(future);
    finish_fails(future, 1, WSB_ERROR_CANCELLED, NULL);
    assert_true(now_ns() - begin < 5 * WSB_SECOND);
    assert_int_equal(next_now(f), WSB_ERROR_CLOSED);
    assert_int_equal(f->it->left, 0);
}

static void cancel_a_running_one(void **state)
{
    fixture *f = *state;
    gate_open(f->it);
    wsb_future *future = start(f->sandbox, f->id, "enter_and_spin", NULL, 0);
    gate_await(f->it, 1);
    uint64_t begin = now_ns();
    wsb_future_cancel(future);
    finish_fails(future, 0, WSB_ERROR_CANCELLED, NULL);
    assert_true(now_ns() - begin < 5 * WSB_SECOND);
    assert_int_equal(next_now(f), WSB_ERROR_CLOSED);
}

static void cancel_an_ended_one(void **state)
{
    fixture *f = *state;
    wsb_future *future = start(f->sandbox, f->id, "next", NULL, 0);
    await(future);
    wsb_future_cancel(future);
    assert_int_equal(finish(future, 1).of.i32, 1);
    assert_int_equal(next_now(f), WSB_OK);
}

static void the_deadline_of_a_waiting_one(void **state)
{
    fixture *f = *state;
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    limits.max_wall_time = 50 * (WSB_SECOND / 1000);
    wsb_instance_id id = gated(f->sandbox, f->module, f->it, test_mode, &limits);
    finish_fails(start(f->sandbox, id, "gated", NULL, 0), 1, WSB_ERROR_TIMEOUT, NULL);
    assert_int_equal(next_now(f), WSB_OK);
}

/* One deadline for all guest calls of a buffer call, across its suspension. */
static void the_deadline_of_a_buffer_call(void **state)
{
    fixture *f = *state;
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    limits.max_wall_time = 50 * (WSB_SECOND / 1000);
    wsb_instance_id id = gated(f->sandbox, f->module, f->it, test_mode, &limits);
    wsb_future *future = NULL;
    wsb_error *error = NULL;
    wsb_buf data = WSB_BUF_INIT;
    assert_ok(wsb_sandbox_call_function_bytes_async(f->sandbox, id, wsb_cstr("copy"),
                                                    wsb_bytes_of("abc", 3), NULL, &future, &error),
              error);
    await(future);
    FAILS(wsb_future_take_data(future, &data, &error), WSB_ERROR_TIMEOUT, NULL);
    wsb_future_destroy(future);
}

/* Spinning, waiting and queued ones. */
static void destroy_with_a_thousand(void **state)
{
    fixture *f = *state;
    enum { INSTANCES = 100, EACH = 10, COUNT = INSTANCES * EACH };
    static wsb_future *futures[COUNT];
    for (size_t i = 0; i < INSTANCES; i++) {
        wsb_instance_id id = gated(f->sandbox, f->module, f->it, test_mode, NULL);
        for (size_t k = 0; k < EACH; k++)
            futures[i * EACH + k] = start(f->sandbox, id,
                                          i % 10 == 0 ? "spin"
                                          : k == 0    ? "gated"
                                                      : "none",
                                          NULL, 0);
    }
    wsb_sandbox_destroy(f->sandbox);
    f->sandbox = NULL;
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(wsb_future_poll(futures[i]));
        wsb_status status = wsb_future_status(futures[i]);
        assert_true(status == WSB_ERROR_CANCELLED || status == WSB_ERROR_CLOSED ||
                    status == WSB_OK);
        wsb_future_destroy(futures[i]);
    }
}

static void drop_with_queued(void **state)
{
    fixture *f = *state;
    enum { COUNT = 20 };
    wsb_future *futures[COUNT];
    wsb_error *error = NULL;
    futures[0] = start(f->sandbox, f->id, "gated", NULL, 0);
    for (size_t i = 1; i < COUNT; i++)
        futures[i] = start(f->sandbox, f->id, "next", NULL, 0);
    gate_await(f->it, 1);
    assert_ok(wsb_sandbox_drop_instance(f->sandbox, f->id, &error), error);
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(wsb_future_poll(futures[i]));
        assert_int_equal(wsb_future_status(futures[i]), WSB_ERROR_CANCELLED);
        wsb_future_destroy(futures[i]);
    }
    wsb_future *late = NULL;
    FAILS(wsb_sandbox_call_function_async(f->sandbox, f->id, wsb_cstr("next"), NULL, 0, NULL, &late,
                                          &error),
          WSB_ERROR_NOT_FOUND, "was dropped");
}

static void drop_it(wsb_future *future, void *user_data)
{
    fixture *f = user_data;
    (void)future;
    if (wsb_sandbox_drop_instance(f->sandbox, f->id, NULL) == WSB_OK)
        f->id = 0;
}

/* On the only thread that there is: it must not wait for those that are queued behind it. */
static void drop_in_a_callback(void **state)
{
    fixture *f = *state;
    wsb_error *error = NULL;
    wsb_executor *executor = make_executor(1, 1, 0);
    wsb_future *futures[3];
    wsb_instance_id other = gated(f->sandbox, f->module, f->it, WSB_EXECUTION_DIRECT, NULL);
    wsb_future *held = start_on(executor, f->sandbox, other, "gated");
    gate_await(f->it, 1);
    for (size_t i = 0; i < 3; i++)
        futures[i] = start_on(executor, f->sandbox, f->id, "next");
    assert_ok(wsb_future_on_done(futures[0], drop_it, f, &error), error);
    gate_open(f->it);
    assert_int_equal(finish(held, 1).of.i32, 7);
    assert_int_equal(finish(futures[0], 1).of.i32, 1);
    finish_fails(futures[1], 1, WSB_ERROR_CANCELLED, NULL);
    finish_fails(futures[2], 1, WSB_ERROR_CANCELLED, NULL);
    assert_int_equal(wsb_sandbox_list_instances(f->sandbox, NULL, 0), 1);
    wsb_sandbox_destroy(f->sandbox);
    f->sandbox = NULL;
    wsb_executor_destroy(executor);
}

typedef struct dropper {
    wsb_sandbox *sandbox;
    wsb_instance_id id;
} dropper;

static wsb_host_result drop_inside(wsb_call_context *context, wsb_raw_value *values,
                                   void *user_data)
{
    dropper *it = user_data;
    (void)context;
    (void)values;
    wsb_status status = wsb_sandbox_drop_instance(it->sandbox, it->id, NULL);
    return status == WSB_OK ? WSB_HOST_DONE : WSB_HOST_TRAP;
}

static void drop_from_inside(void **state)
{
    fixture *f = *state;
    wsb_error *error = NULL;
    dropper it = {.sandbox = f->sandbox};
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_host_function function = WSB_HOST_FUNCTION_INIT;
    function.module = wsb_cstr("env");
    function.name = wsb_cstr("gate");
    function.call_raw = drop_inside;
    function.user_data = &it;
    assert_ok(wsb_imports_create(&config.imports, &error), error);
    assert_ok(wsb_imports_define(config.imports, &function, &error), error);
    config.mode = test_mode;
    assert_ok(wsb_sandbox_create_instance(f->sandbox, f->module, &config, &it.id, &error), error);
    wsb_imports_destroy(config.imports);
    wsb_future *first = start(f->sandbox, it.id, "gated", NULL, 0);
    await(first);
    assert_int_not_equal(wsb_future_status(first), WSB_ERROR_TRAP);
    wsb_future_destroy(first);
    assert_int_equal(wsb_sandbox_list_instances(f->sandbox, NULL, 0), 1);
    assert_int_equal(next_now(f), WSB_OK);
}

static void *call_gated(void *user_data)
{
    fixture *f = user_data;
    wsb_value result = wsb_value_i32(0);
    wsb_status status =
        wsb_sandbox_call_function(f->sandbox, f->id, wsb_cstr("gated"), NULL, 0, &result, 1, NULL);
    return (void *)(intptr_t)(status == WSB_OK && result.of.i32 == 7);
}

/* Its turn comes while a blocking call is inside: it waits, and others find both. */
static void behind_a_blocking_call(void **state)
{
    fixture *f = *state;
    pthread_t thread;
    void *fine = NULL;
    assert_int_equal(pthread_create(&thread, NULL, call_gated, f), 0);
    gate_await(f->it, 1);
    wsb_future *cancelled = start(f->sandbox, f->id, "next", NULL, 0);
    wsb_future *future = start(f->sandbox, f->id, "next", NULL, 0);
    assert_int_equal(next_now(f), WSB_ERROR_BUSY);
    assert_false(wsb_future_wait(future, WSB_SECOND / 100));
    wsb_future_cancel(cancelled);
    finish_fails(cancelled, 1, WSB_ERROR_CANCELLED, NULL);
    assert_false(wsb_future_wait(future, WSB_SECOND / 100));
    gate_open(f->it);
    assert_int_equal(finish(future, 1).of.i32, 1);
    pthread_join(thread, &fine);
    assert_true(fine);
    assert_int_equal(next_now(f), WSB_OK);
}

static void drop_behind_a_blocking_call(void **state)
{
    fixture *f = *state;
    pthread_t thread;
    void *fine = NULL;
    wsb_error *error = NULL;
    assert_int_equal(pthread_create(&thread, NULL, call_gated, f), 0);
    gate_await(f->it, 1);
    wsb_future *future = start(f->sandbox, f->id, "next", NULL, 0);
    assert_false(wsb_future_wait(future, WSB_SECOND / 100));
    assert_ok(wsb_sandbox_drop_instance(f->sandbox, f->id, &error), error);
    finish_fails(future, 1, WSB_ERROR_CANCELLED, NULL);
    pthread_join(thread, &fine);
    assert_false(fine);
}

typedef struct patient {
    fixture *f;
    wsb_async_options options;
    wsb_future *future;
} patient;

static void *call_with_patience(void *user_data)
{
    patient *it = user_data;
    return (void *)(intptr_t)wsb_sandbox_call_function_async(
        it->f->sandbox, it->f->id, wsb_cstr("next"), NULL, 0, &it->options, &it->future, NULL);
}

static void a_full_queue(void **state)
{
    fixture *f = *state;
    wsb_error *error = NULL;
    wsb_executor *executor = make_executor(1, 2, 2);
    patient it = {.f = f, .options = WSB_ASYNC_OPTIONS_INIT};
    it.options.executor = executor;
    wsb_future *futures[3] = {NULL};
    static const char *const names[] = {"gated", "next", "next"};
    for (size_t i = 0; i < 3; i++) {
        futures[i] = start_on(executor, f->sandbox, f->id, names[i]);
        gate_await(f->it, 1);
    }
    FAILS(wsb_sandbox_call_function_async(f->sandbox, f->id, wsb_cstr("next"), NULL, 0, &it.options,
                                          &it.future, &error),
          WSB_ERROR_WOULD_BLOCK, NULL);
    it.options.queue_timeout = WSB_SECOND / 100;
    FAILS(wsb_sandbox_call_function_async(f->sandbox, f->id, wsb_cstr("next"), NULL, 0, &it.options,
                                          &it.future, &error),
          WSB_ERROR_TIMEOUT, NULL);
    assert_null(it.future);
    it.options.queue_timeout = UINT64_MAX;
    pthread_t thread;
    void *status = NULL;
    wsb_executor_stats stats = WSB_EXECUTOR_STATS_INIT;
    assert_int_equal(pthread_create(&thread, NULL, call_with_patience, &it), 0);
    gate_open(f->it);
    pthread_join(thread, &status);
    assert_int_equal((wsb_status)(intptr_t)status, WSB_OK);
    assert_int_equal(finish(futures[0], 1).of.i32, 7);
    assert_int_equal(finish(futures[1], 1).of.i32, 1);
    assert_int_equal(finish(futures[2], 1).of.i32, 2);
    assert_int_equal(finish(it.future, 1).of.i32, 3);
    wsb_executor_get_stats(executor, &stats);
    assert_int_equal(stats.refused, 2);
    wsb_sandbox_destroy(f->sandbox);
    f->sandbox = NULL;
    wsb_executor_destroy(executor);
}

/* The executor goes first: it ends what is in it, and the sandbox notices nothing. */
static void the_executor_goes_first(void **state)
{
    fixture *f = *state;
    wsb_executor *executor = make_executor(1, 2, 0);
    wsb_future *futures[2];
    for (size_t i = 0; i < 2; i++)
        futures[i] = start_on(executor, f->sandbox, f->id, "gated");
    gate_await(f->it, 1);
    wsb_executor_destroy(executor);
    finish_fails(futures[0], 1, WSB_ERROR_CANCELLED, NULL);
    finish_fails(futures[1], 1, WSB_ERROR_CANCELLED, NULL);
    assert_int_equal(next_now(f), WSB_ERROR_CLOSED);
}

/* The start function of an instance that is being made. */
static void a_start_that_never_ends(void **state)
{
    fixture *f = *state;
    wsb_future *futures[2];
    wsb_error *error = NULL;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_module_id module = load(f->sandbox, "(module (import \"env\" \"gate\" (func $gate))"
                                            " (func $s (call $gate) (loop (br 0))) (start $s))");
    config.imports = gate_imports(f->it);
    config.mode = test_mode;
    gate_open(f->it);
    for (size_t i = 0; i < 2; i++) {
        assert_ok(wsb_sandbox_create_instance_async(f->sandbox, module, &config, NULL, &futures[i],
                                                    &error),
                  error);
        gate_await(f->it, i + 1);
    }
    wsb_future_cancel(futures[0]);
    await(futures[0]);
    assert_int_equal(wsb_future_status(futures[0]), WSB_ERROR_CANCELLED);
    wsb_sandbox_destroy(f->sandbox);
    f->sandbox = NULL;
    assert_int_equal(wsb_future_status(futures[1]), WSB_ERROR_CANCELLED);
    wsb_future_destroy(futures[0]);
    wsb_future_destroy(futures[1]);
    wsb_imports_destroy(config.imports);
}

static void a_future_given_up(void **state)
{
    fixture *f = *state;
    wsb_future_destroy(start(f->sandbox, f->id, "next", NULL, 0));
    assert_int_equal(finish(start(f->sandbox, f->id, "next", NULL, 0), 1).of.i32, 2);
}

/* Without a sandbox: blocking calls are refused from when the first one was made. */
static void reserved_while_queued(void **state)
{
    fixture *f = *state;
    wsb_module *module = NULL;
    wsb_instance *instance = NULL;
    wsb_function *function = NULL;
    wsb_future *future = NULL;
    wsb_error *error = NULL;
    wsb_value result;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_async_options options = WSB_ASYNC_OPTIONS_INIT;
    wsb_executor *executor = make_executor(1, 1, 0);
    options.executor = executor;
    wsb_instance_id other = gated(f->sandbox, f->module, f->it, WSB_EXECUTION_DIRECT, NULL);
    wsb_future *held = start_on(executor, f->sandbox, other, "gated");
    gate_await(f->it, 1); /* the only thread */
    config.imports = gate_imports(f->it);
    config.mode = test_mode;
    assert_ok(wsb_sandbox_module(f->sandbox, f->module, &module, &error), error);
    assert_ok(wsb_instance_create(module, &config, &instance, &error), error);
    wsb_imports_destroy(config.imports);
    assert_ok(wsb_instance_function(instance, wsb_cstr("next"), &function, &error), error);
    assert_ok(wsb_function_call_async(function, NULL, 0, &options, &future, &error), error);
    FAILS(wsb_function_call(function, NULL, 0, &result, 1, &error), WSB_ERROR_BUSY, NULL);
    gate_open(f->it);
    assert_int_equal(finish(future, 1).of.i32, 1);
    assert_ok(wsb_function_call(function, NULL, 0, &result, 1, &error), error);
    assert_int_equal(finish(held, 1).of.i32, 7);
    wsb_instance_destroy(instance);
    wsb_module_destroy(module);
    wsb_sandbox_destroy(f->sandbox);
    f->sandbox = NULL;
    wsb_executor_destroy(executor);
}

static void children_refuse(void **state)
{
    fixture *f = *state;
    wsb_future *future = start(f->sandbox, f->id, "gated", NULL, 0);
    gate_await(f->it, 1);
    pid_t child = fork();
    if (child == 0) {
        wsb_future *mine = NULL;
        wsb_status status = wsb_sandbox_call_function_async(f->sandbox, f->id, wsb_cstr("next"),
                                                            NULL, 0, NULL, &mine, NULL);
        bool loads = wsb_sandbox_load_module_async(f->sandbox, wsb_bytes_of("x", 1), NULL, &mine,
                                                   NULL) == WSB_ERROR_FORKED;
        bool waits = wsb_future_wait(future, UINT64_MAX);
        wsb_sandbox_destroy(f->sandbox);
        _exit(status == WSB_ERROR_FORKED && loads && !waits ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    gate_open(f->it);
    assert_int_equal(finish(future, 1).of.i32, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(cancel_a_queued_one),
        TEST(cancel_a_waiting_one),
        TEST(cancel_a_running_one),
        TEST(cancel_an_ended_one),
        TEST(the_deadline_of_a_waiting_one),
        TEST(the_deadline_of_a_buffer_call),
        TEST(destroy_with_a_thousand),
        TEST(drop_with_queued),
        TEST(drop_in_a_callback),
        TEST(drop_from_inside),
        TEST(behind_a_blocking_call),
        TEST(drop_behind_a_blocking_call),
        TEST(a_full_queue),
        TEST(the_executor_goes_first),
        TEST(a_start_that_never_ends),
        TEST(a_future_given_up),
        TEST(reserved_while_queued),
        TEST(children_refuse),
    };
    return RUN_IN_BOTH_MODES(tests, NULL, NULL);
}
