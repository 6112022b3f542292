/* What the tests of asynchronous calls share: a gate in a host function, and short ways to make and
 * take calls. */
#ifndef WSB_TESTS_ASYNC_SUPPORT_H
#define WSB_TESTS_ASYNC_SUPPORT_H

#include "sandbox_support.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE (60 * WSB_SECOND) /* of a test, for what must come */

/* Checks how a call ends that is given `error`, which is then as it was before it. */
#define FAILS(call, expected, part)                                                                \
    do {                                                                                           \
        error = NULL;                                                                              \
        wsb_status status_ = (call);                                                               \
        assert_fails(status_, (expected), error, (part));                                          \
        error = NULL;                                                                              \
    } while (0)

/* A host function that waits until the test opens the gate; it tells how many came to it. */
typedef struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;
    size_t entered;
    size_t left;
    size_t capacity;
    wsb_waker **wakers;
} gate;

static inline gate *gate_create(size_t capacity)
{
    gate *it = calloc(1, sizeof *it);
    it->capacity = capacity;
    it->wakers = calloc(capacity, sizeof(wsb_waker *));
    pthread_mutex_init(&it->lock, NULL);
    pthread_cond_init(&it->changed, NULL);
    return it;
}

static inline void gate_destroy(gate *it)
{
    for (size_t i = 0; i < it->entered; i++)
        wsb_waker_unref(it->wakers[i]);
    free(it->wakers);
    pthread_cond_destroy(&it->changed);
    pthread_mutex_destroy(&it->lock);
    free(it);
}

static inline wsb_host_result gate_leave(wsb_call_context *context, wsb_raw_value *values,
                                         bool ready, void *state)
{
    gate *it = state;
    (void)context;
    (void)values;
    (void)ready;
    pthread_mutex_lock(&it->lock);
    it->left++;
    pthread_mutex_unlock(&it->lock);
    return WSB_HOST_DONE;
}

static inline wsb_host_result gate_enter(wsb_call_context *context, wsb_raw_value *values,
                                         void *user_data)
{
    gate *it = user_data;
    (void)values;
    wsb_waker *waker = wsb_call_context_waker(context);
    pthread_mutex_lock(&it->lock);
    bool fits = waker && it->entered < it->capacity;
    if (fits)
        it->wakers[it->entered++] = waker;
    else
        wsb_waker_unref(waker);
    bool open = it->open;
    pthread_cond_broadcast(&it->changed);
    pthread_mutex_unlock(&it->lock);
    if (!fits) {
        wsb_call_context_fail(context, WSB_ERROR_TRAP, "the gate is full");
        return WSB_HOST_TRAP;
    }
    wsb_call_context_wait(context, NULL, 0, open ? 0 : UINT64_MAX, gate_leave, NULL, it);
    return WSB_HOST_PENDING;
}

static inline void gate_open(gate *it)
{
    pthread_mutex_lock(&it->lock);
    it->open = true;
    size_t count = it->entered;
    pthread_mutex_unlock(&it->lock);
    for (size_t i = 0; i < count; i++)
        wsb_waker_wake(it->wakers[i]);
}

/* Waits until so many came. */
static inline void gate_await(gate *it, size_t count)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    pthread_mutex_lock(&it->lock);
    while (it->entered < count) {
        if (pthread_cond_timedwait(&it->changed, &it->lock, &until) != 0)
            fail_msg("only %zu of %zu came to the gate", it->entered, count);
    }
    pthread_mutex_unlock(&it->lock);
}

static inline wsb_imports *gate_imports(gate *it)
{
    wsb_imports *imports = NULL;
    wsb_error *error = NULL;
    wsb_host_function function = WSB_HOST_FUNCTION_INIT;
    function.module = wsb_cstr("env");
    function.name = wsb_cstr("gate");
    function.call_raw = gate_enter;
    function.user_data = it;
    assert_ok(wsb_imports_create(&imports, &error), error);
    assert_ok(wsb_imports_define(imports, &function, &error), error);
    return imports;
}

static inline uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * WSB_SECOND + (uint64_t)now.tv_nsec;
}

static inline wsb_executor *make_executor(uint32_t workers, uint32_t max_threads,
                                          uint64_t max_queued)
{
    wsb_executor *executor = NULL;
    wsb_error *error = NULL;
    wsb_executor_options options = WSB_EXECUTOR_OPTIONS_INIT;
    options.workers = workers;
    options.max_threads = max_threads;
    options.max_queued = max_queued;
    assert_ok(wsb_executor_create(&options, &executor, &error), error);
    return executor;
}

static inline wsb_future *start(wsb_sandbox *sandbox, wsb_instance_id id, const char *name,
                                const wsb_value *args, size_t count)
{
    wsb_future *future = NULL;
    wsb_error *error = NULL;
    assert_ok(wsb_sandbox_call_function_async(sandbox, id, wsb_cstr(name), args, count, NULL,
                                              &future, &error),
              error);
    return future;
}

/* On an executor that is not the sandbox's own. */
static inline wsb_future *start_on(wsb_executor *executor, wsb_sandbox *sandbox, wsb_instance_id id,
                                   const char *name)
{
    wsb_future *future = NULL;
    wsb_error *error = NULL;
    wsb_async_options options = WSB_ASYNC_OPTIONS_INIT;
    options.executor = executor;
    assert_ok(wsb_sandbox_call_function_async(sandbox, id, wsb_cstr(name), NULL, 0, &options,
                                              &future, &error),
              error);
    return future;
}

static inline void await(wsb_future *future)
{
    if (!wsb_future_wait(future, PATIENCE))
        fail_msg("a call does not end");
}

/* Waits, checks that it ended well with this many results, and destroys the future. */
static inline wsb_value finish(wsb_future *future, size_t count)
{
    wsb_value result = wsb_value_i32(0);
    wsb_error *error = NULL;
    await(future);
    assert_ok(wsb_future_take_values(future, &result, count, &error), error);
    wsb_future_destroy(future);
    return result;
}

/* The same for one that fails. */
static inline void finish_fails(wsb_future *future, size_t count, wsb_status expected,
                                const char *part)
{
    wsb_value result;
    wsb_error *error = NULL;
    await(future);
    assert_int_equal(wsb_future_status(future), expected);
    wsb_status status = wsb_future_take_values(future, &result, count, &error);
    assert_fails(status, expected, error, part);
    wsb_future_destroy(future);
}

static inline void finish_data(wsb_future *future, const char *expected)
{
    wsb_buf data = WSB_BUF_INIT;
    wsb_error *error = NULL;
    await(future);
    assert_ok(wsb_future_take_data(future, &data, &error), error);
    assert_int_equal(data.len, strlen(expected));
    assert_memory_equal(data.data, expected, data.len);
    wsb_buf_fini(&data);
    wsb_future_destroy(future);
}

/* Numbers, a gate, and a buffer function that goes through it in the middle. */
#define WAT_GATED                                                                                  \
    "(module (import \"env\" \"gate\" (func $gate))"                                               \
    " (memory (export \"memory\") 1) (global $count (mut i32) (i32.const 0))"                      \
    " (func (export \"add\") (param i32 i32) (result i32)"                                         \
    "  (i32.add (local.get 0) (local.get 1)))"                                                     \
    " (func (export \"next\") (result i32)"                                                        \
    "  (global.set $count (i32.add (global.get $count) (i32.const 1))) (global.get $count))"       \
    " (func (export \"gated\") (result i32) (call $gate) (i32.const 7))"                           \
    " (func (export \"trap\") (unreachable))"                                                      \
    " (func (export \"spin\") (loop (br 0)))"                                                      \
    " (func (export \"enter_and_spin\") (call $gate) (loop (br 0)))"                               \
    " (func (export \"none\"))"                                                                    \
    " (func (export \"wsb_alloc\") (param i32) (result i32) (i32.const 1024))"                     \
    " (func (export \"wsb_free\") (param i32 i32))"                                                \
    " (func (export \"copy\") (param i32 i32) (result i64)"                                        \
    "  (call $gate) (memory.copy (i32.const 4096) (local.get 0) (local.get 1))"                    \
    "  (i64.or (i64.shl (i64.const 4096) (i64.const 32))"                                          \
    "   (i64.extend_i32_u (local.get 1)))))"

static inline wsb_instance_id gated(wsb_sandbox *sandbox, wsb_module_id module, gate *it,
                                    wsb_execution_mode mode, const wsb_resource_limits *limits)
{
    wsb_instance_id id = 0;
    wsb_error *error = NULL;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    config.imports = gate_imports(it);
    config.mode = mode;
    config.limits = limits;
    assert_ok(wsb_sandbox_create_instance(sandbox, module, &config, &id, &error), error);
    wsb_imports_destroy(config.imports);
    return id;
}

#endif
