/* Asynchronous calls on the fake engine, for ThreadSanitizer: many threads, faults, the n-th
 * allocation. */
#include "async_support.h"

#include <stdatomic.h>

#include "core/alloc.h"
#include "fakes/fake_engine.h"
#include "runtime/factory.h"

static wsb_execution_mode mode; /* of the tests that run now */

typedef struct fixture {
    wsb_runtime *runtime;
    wsb_executor *executor;
    wsb_sandbox *sandbox;
    wsb_module_id module;
    gate *it;
    wsb_instance_id id;
} fixture;

/* A guest whose exports do what their names say; see fake_engine.h. */
#define FAKE                                                                                       \
    "(module (import \"env\" \"gate\" (func)) (memory (export \"memory\") 1 4)"                    \
    " (func (export \"nop\")) (func (export \"spin\")) (func (export \"callhost 0\"))"             \
    " (func (export \"add\") (param i32 i32) (result i32) i32.const 0)"                            \
    " (func (export \"wsb_alloc\") (param i32) (result i32) i32.const 1024)"                       \
    " (func (export \"wsb_free\") (param i32 i32))"                                                \
    " (func (export \"itself\") (param i32 i32) (result i64) i64.const 0)"                         \
    " (func (export \"trap unreachable\"))"                                                        \
    " (@custom \"fake\""                                                                           \
    "  \"wsb_alloc: const 1024\\nwsb_free: nop\\nitself: const 4398046511108\\n\"))"

static wsb_runtime *fake_runtime(void)
{
    wsb_runtime *runtime = NULL;
    wsb_runtime_factory *factory = NULL;
    wsb_error *error = NULL;
    wsb_runtime_options options = WSB_RUNTIME_OPTIONS_INIT;
    options.max_fibers = 2000;
    assert_ok(wsb__factory_create_empty(&factory, &error), error);
    assert_ok(wsb_runtime_factory_register(factory, wsb_fake_engine_ops(), &error), error);
    assert_ok(
        wsb_runtime_factory_create_runtime(factory, wsb_cstr("fake"), &options, &runtime, &error),
        error);
    wsb_runtime_factory_destroy(factory);
    return runtime;
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    wsb_error *error = NULL;
    wsb_sandbox_options options = WSB_SANDBOX_OPTIONS_INIT;
    f->runtime = fake_runtime();
    f->executor = make_executor(3, 6, 0);
    options.use_runtime = f->runtime;
    options.executor = f->executor;
    assert_ok(wsb_sandbox_create(&options, &f->sandbox, &error), error);
    f->it = gate_create(4096);
    f->module = load(f->sandbox, FAKE);
    f->id = gated(f->sandbox, f->module, f->it, mode, NULL);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    wsb_sandbox_destroy(f->sandbox);
    wsb_executor_destroy(f->executor);
    wsb_runtime_destroy(f->runtime);
    gate_destroy(f->it);
    free(f);
    wsb_fake_engine_counts live = wsb_fake_engine_live();
    return live.engines != 0 || live.modules != 0 || live.instances != 0 || live.suspended != 0;
}

static void each_kind(void **state)
{
    fixture *f = *state;
    wsb_value args[] = {wsb_value_i32(5), wsb_value_i32(3)};
    wsb_future *future = NULL;
    wsb_error *error = NULL;
    assert_int_equal(finish(start(f->sandbox, f->id, "add", args, 2), 1).of.i32, 8);
    assert_ok(wsb_sandbox_call_function_json_async(f->sandbox, f->id, wsb_cstr("add"),
                                                   wsb_cstr("[5, 3]"), NULL, &future, &error),
              error);
    finish_data(future, "8");
    /* The result is 4 bytes at 1024, which are the input's: refused, and the guest lives on. */
    assert_ok(wsb_sandbox_call_function_bytes_async(f->sandbox, f->id, wsb_cstr("itself"),
                                                    wsb_bytes_of("abcd", 4), NULL, &future, &error),
              error);
    await(future);
    wsb_buf data = WSB_BUF_INIT;
    FAILS(wsb_future_take_data(future, &data, &error), WSB_ERROR_GUEST, "overlaps");
    wsb_future_destroy(future);
    finish(start(f->sandbox, f->id, "nop", NULL, 0), 0);
    finish_fails(start(f->sandbox, f->id, "trap unreachable", NULL, 0), 0, WSB_ERROR_TRAP, NULL);
    finish_fails(start(f->sandbox, f->id, "nop", NULL, 0), 0, WSB_ERROR_CLOSED, NULL);
}

/* --- threads --- */

typedef struct player {
    pthread_t thread;
    fixture *f;
    wsb_instance_id id;
    unsigned seed;
    int wrong;
} player;

/* Calls, cancels, gives up, blocks in between. */
static void *play(void *user_data)
{
    player *it = user_data;
    wsb_sandbox *sandbox = it->f->sandbox;
    wsb_value args[] = {wsb_value_i32(5), wsb_value_i32(3)};
    for (int i = 0; i < 150; i++) {
        wsb_future *future = NULL;
        wsb_value result;
        unsigned action = (unsigned)rand_r(&it->seed) % 6;
        if (wsb_sandbox_call_function_async(sandbox, it->id, wsb_cstr("add"), args, 2, NULL,
                                            &future, NULL) != WSB_OK) {
            it->wrong++;
            continue;
        }
        if (action == 0)
            wsb_future_cancel(future);
        if (action == 1)
            (void)!wsb_sandbox_call_function(sandbox, it->id, wsb_cstr("add"), args, 2, &result, 1,
                                             NULL);
        if (action != 2) {
            wsb_future_wait(future, UINT64_MAX);
            wsb_status status = wsb_future_status(future);
            it->wrong +=
                status != WSB_OK && status != WSB_ERROR_CANCELLED && status != WSB_ERROR_CLOSED;
        }
        wsb_future_destroy(future);
    }
    return NULL;
}

static void many_threads_few_instances(void **state)
{
    fixture *f = *state;
    enum { COUNT = 6 };
    player players[COUNT];
    wsb_instance_id ids[2] = {f->id, gated(f->sandbox, f->module, f->it, mode, NULL)};
    for (size_t i = 0; i < COUNT; i++) {
        players[i] = (player){.f = f, .id = ids[i % 2], .seed = (unsigned)i};
        assert_int_equal(pthread_create(&players[i].thread, NULL, play, &players[i]), 0);
    }
    for (size_t i = 0; i < COUNT; i++) {
        pthread_join(players[i].thread, NULL);
        assert_int_equal(players[i].wrong, 0);
    }
}

static void *drop_some(void *user_data)
{
    player *it = user_data;
    it->wrong = wsb_sandbox_drop_instance(it->f->sandbox, it->id, NULL) != WSB_OK;
    return NULL;
}

/* Each with a guest that waits, one that spins, and some queued. */
static void dropped_by_many(void **state)
{
    fixture *f = *state;
    enum { COUNT = 8, EACH = 6 };
    player players[COUNT];
    wsb_future *futures[COUNT * EACH];
    for (size_t i = 0; i < COUNT; i++) {
        players[i] = (player){.f = f, .id = gated(f->sandbox, f->module, f->it, mode, NULL)};
        for (size_t k = 0; k < EACH; k++)
            futures[i * EACH + k] = start(f->sandbox, players[i].id,
                                          k > 0    ? "nop"
                                          : i == 0 ? "spin"
                                                   : "callhost 0",
                                          NULL, 0);
    }
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(pthread_create(&players[i].thread, NULL, drop_some, &players[i]), 0);
    for (size_t i = 0; i < COUNT; i++) {
        pthread_join(players[i].thread, NULL);
        assert_int_equal(players[i].wrong, 0);
    }
    for (size_t i = 0; i < COUNT * EACH; i++) {
        assert_true(wsb_future_poll(futures[i]));
        wsb_future_destroy(futures[i]);
    }
}

static void *cancel_all(void *user_data)
{
    wsb_future **futures = user_data;
    for (size_t i = 0; futures[i]; i++)
        wsb_future_cancel(futures[i]);
    return NULL;
}

/* Ends and cancellations from three sides at once. */
static void destroy_with_a_thousand(void **state)
{
    fixture *f = *state;
    enum { INSTANCES = 100, COUNT = 1000 };
    static wsb_future *futures[COUNT + 1];
    static wsb_instance_id ids[INSTANCES];
    pthread_t thread;
    for (size_t i = 0; i < INSTANCES; i++)
        ids[i] = gated(f->sandbox, f->module, f->it, mode, NULL);
    for (size_t i = 0; i < COUNT; i++)
        futures[i] = start(f->sandbox, ids[i % INSTANCES],
                           i < INSTANCES ? (i % 20 == 0 ? "spin" : "callhost 0") : "nop", NULL, 0);
    assert_int_equal(pthread_create(&thread, NULL, cancel_all, futures), 0);
    wsb_sandbox_destroy(f->sandbox);
    f->sandbox = NULL;
    pthread_join(thread, NULL);
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(wsb_future_poll(futures[i]));
        wsb_future_destroy(futures[i]);
        futures[i] = NULL;
    }
}

static void *call_blocking(void *user_data)
{
    player *it = user_data;
    wsb_status status = wsb_sandbox_call_function(it->f->sandbox, it->id, wsb_cstr("callhost 0"),
                                                  NULL, 0, NULL, 0, NULL);
    it->wrong = status != WSB_OK;
    return NULL;
}

static void behind_a_blocking_call(void **state)
{
    fixture *f = *state;
    player it = {.f = f, .id = f->id};
    wsb_future *futures[5];
    assert_int_equal(pthread_create(&it.thread, NULL, call_blocking, &it), 0);
    gate_await(f->it, 1);
    for (size_t i = 0; i < 5; i++)
        futures[i] = start(f->sandbox, f->id, "nop", NULL, 0);
    wsb_future_cancel(futures[0]);
    wsb_future_cancel(futures[3]);
    finish_fails(futures[0], 0, WSB_ERROR_CANCELLED, "before it began");
    assert_false(wsb_future_poll(futures[1]));
    gate_open(f->it);
    pthread_join(it.thread, NULL);
    assert_int_equal(it.wrong, 0);
    for (size_t i = 1; i < 5; i++) {
        if (i == 3)
            finish_fails(futures[i], 0, WSB_ERROR_CANCELLED, "before it began");
        else
            finish(futures[i], 0);
    }
}

/* Without a sandbox: nobody tells, so the turn looks again. */
static void behind_a_blocking_call_of_a_handle(void **state)
{
    fixture *f = *state;
    wsb_module *module = NULL;
    wsb_instance *instance = NULL;
    wsb_function *function = NULL;
    wsb_future *future = NULL;
    wsb_error *error = NULL;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_async_options options = WSB_ASYNC_OPTIONS_INIT;
    assert_ok(wsb_sandbox_module(f->sandbox, f->module, &module, &error), error);
    config.imports = gate_imports(f->it);
    config.mode = mode;
    options.executor = f->executor;
    assert_ok(wsb_instance_create(module, &config, &instance, &error), error);
    wsb_imports_destroy(config.imports);
    assert_ok(wsb_instance_function(instance, wsb_cstr("nop"), &function, &error), error);
    for (int i = 0; i < 50; i++) {
        assert_ok(wsb_function_call_async(function, NULL, 0, &options, &future, &error), error);
        (void)!wsb_function_call(function, NULL, 0, NULL, 0, NULL);
        finish(future, 0);
        assert_ok(wsb_function_call(function, NULL, 0, NULL, 0, &error), error);
    }
    wsb_instance_destroy(instance);
    wsb_module_destroy(module);
}

static wsb_host_result destroy_itself(wsb_call_context *context, wsb_raw_value *values,
                                      void *user_data)
{
    (void)context;
    (void)values;
    wsb_instance_destroy(*(wsb_instance **)user_data);
    return WSB_HOST_DONE;
}

/* In its own host function, with more calls queued: the last of them releases it. */
static void destroyed_in_its_own_call(void **state)
{
    fixture *f = *state;
    wsb_module *module = NULL;
    wsb_instance *instance = NULL;
    wsb_function *function = NULL;
    wsb_future *futures[3];
    wsb_error *error = NULL;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_async_options options = WSB_ASYNC_OPTIONS_INIT;
    wsb_host_function destroy = WSB_HOST_FUNCTION_INIT;
    wsb_executor *executor = make_executor(1, 1, 0);
    destroy.module = wsb_cstr("env");
    destroy.name = wsb_cstr("gate");
    destroy.call_raw = destroy_itself;
    destroy.user_data = &instance;
    config.mode = mode;
    options.executor = executor;
    assert_ok(wsb_sandbox_module(f->sandbox, f->module, &module, &error), error);
    assert_ok(wsb_imports_create(&config.imports, &error), error);
    assert_ok(wsb_imports_define(config.imports, &destroy, &error), error);
    assert_ok(wsb_instance_create(module, &config, &instance, &error), error);
    wsb_imports_destroy(config.imports);
    assert_ok(wsb_instance_function(instance, wsb_cstr("callhost 0"), &function, &error), error);
    /* The only thread is held until all three are queued. */
    wsb_instance_id holder = gated(f->sandbox, f->module, f->it, WSB_EXECUTION_DIRECT, NULL);
    wsb_future *first = start_on(executor, f->sandbox, holder, "callhost 0");
    gate_await(f->it, 1);
    for (size_t i = 0; i < 3; i++)
        assert_ok(wsb_function_call_async(function, NULL, 0, &options, &futures[i], &error), error);
    gate_open(f->it);
    finish(first, 0);
    for (size_t i = 0; i < 3; i++)
        finish_fails(futures[i], 0, i ? WSB_ERROR_CLOSED : WSB_ERROR_CANCELLED, NULL);
    wsb_module_destroy(module);
    wsb_executor_destroy(executor);
}

/* --- faults --- */

/* Counted for all threads, those of the executor among them. */
static _Atomic unsigned allocations_left;

static bool allocation_fails(void)
{
    unsigned left = atomic_load(&allocations_left);
    while (left > 0 && !atomic_compare_exchange_weak(&allocations_left, &left, left - 1)) {
    }
    return left == 1;
}

/* Each failure is told as one, where it is not made up for, and none does harm. */
static void every_nth_fails(fixture *f, wsb_status (*run)(fixture *f))
{
    unsigned failures = 0;
    unsigned successes = 0;
    for (unsigned n = 1; n <= 60; n++) {
        atomic_store(&allocations_left, n);
        wsb_status status = run(f);
        atomic_store(&allocations_left, 0);
        assert_true(status == WSB_OK || status == WSB_ERROR_OUT_OF_MEMORY);
        failures += status != WSB_OK;
        successes += status == WSB_OK;
    }
    assert_true(failures > 0 && successes > 0);
}

static wsb_status call_and_take(fixture *f, bool json)
{
    wsb_future *future = NULL;
    wsb_value args[] = {wsb_value_i32(5), wsb_value_i32(3)};
    wsb_value result;
    wsb_buf data = WSB_BUF_INIT;
    wsb_status status =
        json ? wsb_sandbox_call_function_json_async(f->sandbox, f->id, wsb_cstr("add"),
                                                    wsb_cstr("[5, 3]"), NULL, &future, NULL)
             : wsb_sandbox_call_function_async(f->sandbox, f->id, wsb_cstr("add"), args, 2, NULL,
                                               &future, NULL);
    if (status != WSB_OK)
        return status;
    wsb_future_wait(future, UINT64_MAX);
    status = json ? wsb_future_take_data(future, &data, NULL)
                  : wsb_future_take_values(future, &result, 1, NULL);
    wsb_buf_fini(&data);
    wsb_future_destroy(future);
    return status;
}

static wsb_status call_typed(fixture *f)
{
    return call_and_take(f, false);
}

static wsb_status call_json(fixture *f)
{
    return call_and_take(f, true);
}

static void the_nth_allocation(void **state)
{
    fixture *f = *state;
    every_nth_fails(f, call_typed);
    every_nth_fails(f, call_json);
    assert_int_equal(call_and_take(f, false), WSB_OK);
}

static wsb_status load_module(fixture *f)
{
    wsb_future *future = NULL;
    uint64_t id = 0;
    wsb_status status = wsb_sandbox_load_module_async(
        f->sandbox, wsb_bytes_of(FAKE, sizeof FAKE - 1), NULL, &future, NULL);
    if (status == WSB_OK) {
        wsb_future_wait(future, UINT64_MAX);
        status = wsb_future_take_id(future, &id, NULL);
        wsb_future_destroy(future);
    }
    return status;
}

static void the_nth_allocation_of_a_load(void **state)
{
    fixture *f = *state;
    every_nth_fails(f, load_module);
}

static void an_engine_that_fails(void **state)
{
    fixture *f = *state;
    assert_true(wsb_fake_engine_fail("function_call", 1, WSB_ENGINE_FAILED));
    finish_fails(start(f->sandbox, f->id, "nop", NULL, 0), 0, WSB_ERROR_INTERNAL, NULL);
    if (mode == WSB_EXECUTION_DIRECT)
        return;
    wsb_instance_id id = gated(f->sandbox, f->module, f->it, mode, NULL);
    assert_true(wsb_fake_engine_fail("function_resume", 1, WSB_ENGINE_FAILED));
    wsb_future *future = start(f->sandbox, id, "callhost 0", NULL, 0);
    gate_await(f->it, 1);
    gate_open(f->it);
    finish_fails(future, 0, WSB_ERROR_INTERNAL, NULL);
}

static void jobs_are_cancelled(void **state)
{
    fixture *f = *state;
    enum { COUNT = 100 };
    wsb_future *futures[COUNT];
    wsb_error *error = NULL;
    for (size_t i = 0; i < COUNT; i++) {
        if (i % 2)
            assert_ok(wsb_sandbox_create_instance_async(f->sandbox, f->module, NULL, NULL,
                                                        &futures[i], &error),
                      error);
        else
            assert_ok(wsb_sandbox_load_module_async(f->sandbox, wsb_bytes_of(FAKE, sizeof FAKE - 1),
                                                    NULL, &futures[i], &error),
                      error);
    }
    size_t done = 0;
    for (size_t i = 0; i < COUNT; i++)
        wsb_future_cancel(futures[i]);
    for (size_t i = 0; i < COUNT; i++) {
        await(futures[i]);
        wsb_status status = wsb_future_status(futures[i]);
        assert_true(status == WSB_OK || status == WSB_ERROR_CANCELLED ||
                    status == WSB_ERROR_UNKNOWN_IMPORT);
        done += status == WSB_OK;
        wsb_future_destroy(futures[i]);
    }
    /* What was not told of is not there. */
    size_t modules = wsb_sandbox_list_modules(f->sandbox, NULL, 0);
    size_t instances = wsb_sandbox_list_instances(f->sandbox, NULL, 0);
    assert_int_equal(modules + instances, done + 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_kind),
        TEST(many_threads_few_instances),
        TEST(dropped_by_many),
        TEST(destroy_with_a_thousand),
        TEST(behind_a_blocking_call),
        TEST(behind_a_blocking_call_of_a_handle),
        TEST(destroyed_in_its_own_call),
        TEST(the_nth_allocation),
        TEST(the_nth_allocation_of_a_load),
        TEST(an_engine_that_fails),
        TEST(jobs_are_cancelled),
    };
    wsb__alloc_fails = allocation_fails;
    int failed = cmocka_run_group_tests_name("direct", tests, NULL, NULL);
    mode = WSB_EXECUTION_FIBER;
    return failed + cmocka_run_group_tests_name("fibers", tests, NULL, NULL);
}
