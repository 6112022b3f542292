/* Asynchronous calls of each kind, on real engines, in both modes. wsb-test: engine */
#include "async_fixture.h"

#include <poll.h>

static void typed(void **state)
{
    fixture *f = *state;
    wsb_value args[] = {wsb_value_i32(5), wsb_value_i32(3)};
    wsb_future *future = start(f->sandbox, f->id, "add", args, 2);
    args[0] = wsb_value_i32(1000); /* they were copied */
    await(future);
    assert_true(wsb_future_poll(future));
    wsb_value result;
    wsb_error *error = NULL;
    FAILS(wsb_future_take_values(future, &result, 2, &error), WSB_ERROR_INVALID_ARGUMENT, NULL);
    error = NULL;
    assert_ok(wsb_future_take_values(future, &result, 1, &error), error);
    assert_int_equal(result.of.i32, 8);
    FAILS(wsb_future_take_values(future, &result, 1, &error), WSB_ERROR_CLOSED, NULL);
    wsb_future_destroy(future);
}

static void through_the_gate(void **state)
{
    fixture *f = *state;
    wsb_future *future = start(f->sandbox, f->id, "gated", NULL, 0);
    gate_await(f->it, 1);
    assert_false(wsb_future_poll(future));
    assert_int_equal(wsb_future_status(future), WSB_ERROR_WOULD_BLOCK);
    gate_open(f->it);
    assert_int_equal(finish(future, 1).of.i32, 7);
}

static void structured(void **state)
{
    fixture *f = *state;
    wsb_future *future = NULL;
    wsb_error *error = NULL;
    assert_ok(wsb_sandbox_call_function_json_async(f->sandbox, f->id, wsb_cstr("add"),
                                                   wsb_cstr("[5, 3]"), NULL, &future, &error),
              error);
    finish_data(future, "8");
    assert_ok(wsb_sandbox_call_function_msgpack_async(f->sandbox, f->id, wsb_cstr("add"),
                                                      wsb_bytes_of("\x92\x05\x03", 3), NULL,
                                                      &future, &error),
              error);
    finish_data(future, "\x08");
}

/* A series of guest calls that is suspended in the middle. */
static void bytes(void **state)
{
    fixture *f = *state;
    wsb_future *future = NULL;
    wsb_error *error = NULL;
    assert_ok(wsb_sandbox_call_function_bytes_async(f->sandbox, f->id, wsb_cstr("copy"),
                                                    wsb_bytes_of("whole", 5), NULL, &future,
                                                    &error),
              error);
    gate_await(f->it, 1);
    assert_false(wsb_future_poll(future));
    gate_open(f->it);
    finish_data(future, "whole");
}

static void a_command(void **state)
{
    fixture *f = *state;
    wsb_instance_id id = instantiate(
        f->sandbox,
        "(module (import \"wasi_snapshot_preview1\" \"proc_exit\" (func (param i32)))"
        " (memory (export \"memory\") 1) (func (export \"_start\") (call 0 (i32.const 3))))",
        NULL);
    wsb_future *future = NULL;
    wsb_error *error = NULL;
    int32_t code = 0;
    assert_ok(wsb_sandbox_run_async(f->sandbox, id, NULL, &future, &error), error);
    await(future);
    assert_ok(wsb_future_take_exit_code(future, &code, &error), error);
    assert_int_equal(code, 3);
    wsb_future_destroy(future);
    assert_ok(wsb_sandbox_run_async(f->sandbox, f->id, NULL, &future, &error), error);
    await(future);
    FAILS(wsb_future_take_exit_code(future, &code, &error), WSB_ERROR_NOT_FOUND,
          "not a WASI command");
    wsb_future_destroy(future);
}

static void errors_come_through(void **state)
{
    fixture *f = *state;
    wsb_value one = wsb_value_i64(1);
    finish_fails(start(f->sandbox, f->id, "nothing", NULL, 0), 0, WSB_ERROR_NOT_FOUND, "nothing");
    finish_fails(start(f->sandbox, f->id, "add", &one, 1), 1, WSB_ERROR_INVALID_ARGUMENT,
                 "arguments");
    wsb_value wrong[] = {wsb_value_i32(1), wsb_value_i64(1)};
    finish_fails(start(f->sandbox, f->id, "add", wrong, 2), 1, WSB_ERROR_TYPE_MISMATCH,
                 "argument 1");
    wsb_future *future = NULL;
    wsb_error *error = NULL;
    assert_ok(wsb_sandbox_call_function_json_async(f->sandbox, f->id, wsb_cstr("add"),
                                                   wsb_cstr("[5,"), NULL, &future, &error),
              error);
    await(future);
    wsb_buf data = WSB_BUF_INIT;
    wsb_status status = wsb_future_take_data(future, &data, &error);
    assert_fails(status, WSB_ERROR_MALFORMED, error, NULL);
    wsb_future_destroy(future);
    future = start(f->sandbox, f->id, "trap", NULL, 0);
    await(future);
    status = wsb_future_take_values(future, NULL, 0, &error);
    assert_int_equal(status, WSB_ERROR_TRAP);
    assert_string_equal(wsb_error_trap(error), "unreachable");
    wsb_error_destroy(error);
    wsb_future_destroy(future);
    finish_fails(start(f->sandbox, f->id, "none", NULL, 0), 0, WSB_ERROR_CLOSED, NULL);
}

static void bad_arguments(void **state)
{
    fixture *f = *state;
    wsb_future *future = NULL;
    wsb_error *error = NULL;
    FAILS(wsb_sandbox_call_function_async(f->sandbox, 12345, wsb_cstr("add"), NULL, 0, NULL,
                                          &future, &error),
          WSB_ERROR_NOT_FOUND, "was not made by");
    FAILS(wsb_sandbox_call_function_async(f->sandbox, f->id, wsb_cstr("add"), NULL, 2, NULL,
                                          &future, &error),
          WSB_ERROR_INVALID_ARGUMENT, NULL);
    FAILS(wsb_sandbox_call_function_async(f->sandbox, f->id, wsb_cstr("add"), NULL, 0, NULL, NULL,
                                          &error),
          WSB_ERROR_INVALID_ARGUMENT, NULL);
    FAILS(wsb_run_async(wsb_cstr("x"), wsb_cstr("f"), wsb_cstr("[]"), 0, NULL, &future, &error),
          WSB_ERROR_INVALID_ARGUMENT, "executor");
    assert_null(future);
}

static void in_order(void **state)
{
    fixture *f = *state;
    enum { COUNT = 200 };
    wsb_future *futures[COUNT];
    wsb_future *first = start(f->sandbox, f->id, "gated", NULL, 0);
    gate_await(f->it, 1);
    for (size_t i = 0; i < COUNT; i++)
        futures[i] = start(f->sandbox, f->id, "next", NULL, 0);
    /* Blocking calls find it in use. */
    wsb_value result;
    wsb_error *error = NULL;
    FAILS(
        wsb_sandbox_call_function(f->sandbox, f->id, wsb_cstr("next"), NULL, 0, &result, 1, &error),
        WSB_ERROR_BUSY, NULL);
    gate_open(f->it);
    assert_int_equal(finish(first, 1).of.i32, 7);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(finish(futures[i], 1).of.i32, (int32_t)i + 1);
    error = NULL;
    assert_ok(
        wsb_sandbox_call_function(f->sandbox, f->id, wsb_cstr("next"), NULL, 0, &result, 1, &error),
        error);
    assert_int_equal(result.of.i32, COUNT + 1);
}

/* All of them are inside of their guests at once. */
static void in_parallel(void **state)
{
    fixture *f = *state;
    enum { COUNT = 8 };
    wsb_future *futures[COUNT];
    wsb_module_id module = load(f->sandbox, WAT_GATED);
    for (size_t i = 0; i < COUNT; i++)
        futures[i] =
            start(f->sandbox, gated(f->sandbox, module, f->it, test_mode, NULL), "gated", NULL, 0);
    gate_await(f->it, COUNT);
    gate_open(f->it);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(finish(futures[i], 1).of.i32, 7);
}

static void a_descriptor_for_poll(void **state)
{
    fixture *f = *state;
    wsb_future *future = start(f->sandbox, f->id, "gated", NULL, 0);
    wsb_error *error = NULL;
    struct pollfd waited = {.events = POLLIN};
    assert_ok(wsb_future_fd(future, &waited.fd, &error), error);
    gate_await(f->it, 1);
    assert_int_equal(poll(&waited, 1, 0), 0);
    gate_open(f->it);
    assert_int_equal(poll(&waited, 1, 60000), 1);
    assert_true(wsb_future_poll(future));
    assert_int_equal(finish(future, 1).of.i32, 7);
}

typedef struct chain {
    fixture *f;
    int left;
    wsb_status failed;
    pthread_mutex_t lock;
    pthread_cond_t done;
} chain;

/* One more has come, so. @return whether another one is to follow. */
static bool chain_goes_on(chain *it, wsb_status status)
{
    pthread_mutex_lock(&it->lock);
    it->left--;
    if (status != WSB_OK)
        it->failed = status;
    bool goes_on = it->left > 0 && it->failed == WSB_OK;
    if (!goes_on)
        pthread_cond_signal(&it->done);
    pthread_mutex_unlock(&it->lock);
    return goes_on;
}

static void again(wsb_future *future, void *user_data);

static wsb_status follow(chain *it)
{
    wsb_future *next = NULL;
    wsb_status status = wsb_sandbox_call_function_async(it->f->sandbox, it->f->id, wsb_cstr("next"),
                                                        NULL, 0, NULL, &next, NULL);
    return status == WSB_OK ? wsb_future_on_done(next, again, it, NULL) : status;
}

/* Calls the same instance again, blocking and not, and destroys its future. */
static void again(wsb_future *future, void *user_data)
{
    chain *it = user_data;
    wsb_value result;
    wsb_status status = wsb_future_take_values(future, &result, 1, NULL);
    wsb_future_destroy(future);
    if (status == WSB_OK)
        status = wsb_sandbox_call_function(it->f->sandbox, it->f->id, wsb_cstr("next"), NULL, 0,
                                           &result, 1, NULL);
    if (chain_goes_on(it, status))
        status = follow(it);
    if (status != WSB_OK)
        (void)chain_goes_on(it, status);
}

static void a_callback_calls_again(void **state)
{
    fixture *f = *state;
    chain it = {
        .f = f, .left = 50, .lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};
    wsb_error *error = NULL;
    wsb_future *future = start(f->sandbox, f->id, "next", NULL, 0);
    assert_ok(wsb_future_on_done(future, again, &it, &error), error);
    pthread_mutex_lock(&it.lock);
    while (it.left > 0 && it.failed == WSB_OK)
        pthread_cond_wait(&it.done, &it.lock);
    pthread_mutex_unlock(&it.lock);
    assert_int_equal(it.failed, WSB_OK);
}

static uint64_t finish_id(wsb_future *future)
{
    uint64_t id = 0;
    wsb_error *error = NULL;
    await(future);
    assert_ok(wsb_future_take_id(future, &id, &error), error);
    wsb_future_destroy(future);
    return id;
}

static void modules_and_instances(void **state)
{
    fixture *f = *state;
    wsb_future *future = NULL;
    wsb_error *error = NULL;
    uint64_t id = 0;
    char wat[] = WAT_ADD;
    assert_ok(wsb_sandbox_load_module_async(f->sandbox, wsb_bytes_of(wat, sizeof wat - 1), NULL,
                                            &future, &error),
              error);
    memset(wat, ' ', sizeof wat); /* they were copied */
    wsb_module_id module = finish_id(future);
    assert_ok(wsb_sandbox_create_instance_async(f->sandbox, module, NULL, NULL, &future, &error),
              error);
    expect_json(f->sandbox, finish_id(future), "add", "[1, 2]", "3");
    assert_ok(
        wsb_sandbox_load_module_async(f->sandbox, wsb_bytes_of("junk", 4), NULL, &future, &error),
        error);
    await(future);
    FAILS(wsb_future_take_id(future, &id, &error), WSB_ERROR_INVALID_MODULE, NULL);
    wsb_future_destroy(future);
    error = NULL;
    assert_ok(wsb_sandbox_load_module_file_async(f->sandbox, wsb_cstr("/nowhere/at.all"), NULL,
                                                 &future, &error),
              error);
    await(future);
    FAILS(wsb_future_take_id(future, &id, &error), WSB_ERROR_NOT_FOUND, "/nowhere/at.all");
    wsb_future_destroy(future);
}

static void all_in_one(void **state)
{
    (void)state;
    if (test_engine().len && strcmp(test_engine().data, "wasmtime") != 0)
        skip(); /* it takes the default engine */
    char path[] = "/tmp/wsb-async-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, WAT_ADD, sizeof WAT_ADD - 1), sizeof WAT_ADD - 1);
    close(fd);
    wsb_executor *executor = make_executor(1, 1, 0);
    wsb_async_options options = WSB_ASYNC_OPTIONS_INIT;
    options.executor = executor;
    wsb_future *future = NULL;
    wsb_error *error = NULL;
    assert_ok(wsb_run_async(wsb_cstr(path), wsb_cstr("add"), wsb_cstr("[5, 3]"), 60 * WSB_SECOND,
                            &options, &future, &error),
              error);
    finish_data(future, "8");
    assert_ok(wsb_run_async(wsb_cstr(path), wsb_cstr("spin"), wsb_cstr("[]"), 3600 * WSB_SECOND,
                            &options, &future, &error),
              error);
    wsb_executor_stats stats = WSB_EXECUTOR_STATS_INIT;
    do {
        wsb_executor_get_stats(executor, &stats);
    } while (stats.running == 0);
    wsb_future_cancel(future);
    await(future);
    assert_int_equal(wsb_future_status(future), WSB_ERROR_CANCELLED);
    wsb_future_destroy(future);
    wsb_executor_destroy(executor);
    unlink(path);
}

/* The same through handles, without a sandbox. */
static void without_a_sandbox(void **state)
{
    fixture *f = *state;
    wsb_module *module = NULL;
    wsb_instance *instance = NULL;
    wsb_function *function = NULL;
    wsb_future *future = NULL;
    wsb_future *second = NULL;
    wsb_error *error = NULL;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_async_options options = WSB_ASYNC_OPTIONS_INIT;
    assert_ok(wsb_sandbox_module(f->sandbox, load(f->sandbox, WAT_GATED), &module, &error), error);
    config.imports = gate_imports(f->it);
    config.mode = test_mode;
    assert_ok(wsb_instance_create(module, &config, &instance, &error), error);
    wsb_imports_destroy(config.imports);
    assert_ok(wsb_instance_function(instance, wsb_cstr("gated"), &function, &error), error);
    FAILS(wsb_function_call_async(function, NULL, 0, NULL, &future, &error),
          WSB_ERROR_INVALID_ARGUMENT, "executor");
    error = NULL;
    assert_ok(wsb_sandbox_executor(f->sandbox, &options.executor, &error), error);
    assert_ok(wsb_function_call_async(function, NULL, 0, &options, &future, &error), error);
    assert_ok(wsb_instance_call_json_async(instance, wsb_cstr("add"), wsb_cstr("[5, 3]"), &options,
                                           &second, &error),
              error);
    gate_await(f->it, 1);
    wsb_value result;
    FAILS(wsb_function_call(function, NULL, 0, &result, 1, &error), WSB_ERROR_BUSY, NULL);
    gate_open(f->it);
    assert_int_equal(finish(future, 1).of.i32, 7);
    finish_data(second, "8");
    error = NULL;
    assert_ok(wsb_function_call(function, NULL, 0, &result, 1, &error), error);
    assert_ok(wsb_instance_call_bytes_async(instance, wsb_cstr("copy"), wsb_bytes_of("abc", 3),
                                            &options, &future, &error),
              error);
    finish_data(future, "abc");
    wsb_instance_destroy(instance);
    wsb_module_destroy(module);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(typed),
        TEST(through_the_gate),
        TEST(structured),
        TEST(bytes),
        TEST(a_command),
        TEST(errors_come_through),
        TEST(bad_arguments),
        TEST(in_order),
        TEST(in_parallel),
        TEST(a_descriptor_for_poll),
        TEST(a_callback_calls_again),
        TEST(modules_and_instances),
        TEST(all_in_one),
        TEST(without_a_sandbox),
    };
    return RUN_IN_BOTH_MODES(tests, NULL, NULL);
}
