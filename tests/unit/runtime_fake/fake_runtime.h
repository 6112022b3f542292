/* What the tests of the runtime on the fake engine share. */
#ifndef WSB_TESTS_FAKE_RUNTIME_H
#define WSB_TESTS_FAKE_RUNTIME_H

#include "fakes/fake_engine.h"
#include "runtime/factory.h"
#include "unit/runtime/runtime_test.h"

#include <pthread.h>
#include <stdlib.h>

/* A runtime of `ops` (the fake engine's, or a variation of them). */
static inline wsb_status fake_runtime_of(const wsb_runtime_ops *ops,
                                         const wsb_runtime_options *options,
                                         wsb_runtime **out_runtime, wsb_error **out_error)
{
    wsb_runtime_factory *factory;
    wsb_status status = wsb__factory_create_empty(&factory, out_error);
    if (status != WSB_OK) {
        return status;
    }
    status = wsb_runtime_factory_register(factory, ops, out_error);
    if (status == WSB_OK) {
        status = wsb_runtime_factory_create_runtime(factory, wsb_cstr(ops->id), options,
                                                    out_runtime, out_error);
    }
    wsb_runtime_factory_destroy(factory);
    return status;
}

/* The engine under test: the fake one, or the one that leaves to the library what it can. */
static bool fake_is_small;

static inline const wsb_runtime_ops *fake_ops(void)
{
    return fake_is_small ? wsb_fake_small_engine_ops() : wsb_fake_engine_ops();
}

/* Runs a group on both; nothing that the one does may look different on the other. */
#define RUN_ON_BOTH(tests, setup, teardown)                                                        \
    (cmocka_run_group_tests(tests, setup, teardown) +                                              \
     (fake_is_small = true, cmocka_run_group_tests(tests, setup, teardown)))

static inline wsb_runtime *fake_runtime(void)
{
    wsb_runtime *runtime;
    MUST(fake_runtime_of(fake_ops(), NULL, &runtime, err));
    return runtime;
}

static inline int make_fake_runtime(void **state)
{
    *state = fake_runtime();
    return 0;
}

/* Destroys the runtime and checks that its engine kept nothing. */
static inline int drop_fake_runtime(void **state)
{
    wsb_runtime_destroy(*state);
    wsb_fake_engine_counts live = wsb_fake_engine_live();
    return live.engines != 0 || live.modules != 0 || live.links != 0 || live.instances != 0;
}

static inline void must_be_gone(void)
{
    wsb_fake_engine_counts live = wsb_fake_engine_live();
    assert_int_equal(live.instances, 0);
    assert_int_equal(live.links, 0);
    assert_int_equal(live.modules, 0);
    assert_int_equal(live.engines, 0);
}

/* A guest whose exports do what their names say; see fake_engine.h. */
#define FAKE_GUEST                                                                                 \
    "(module (memory (export \"memory\") 1 4)"                                                     \
    " (global (export \"counter\") (mut i64) (i64.const 5))"                                       \
    " (func (export \"nop\")) (func (export \"spin\"))"                                            \
    " (func (export \"add\") (param i32 i32) (result i32) i32.const 0)"                            \
    " (func (export \"trap unreachable\")))"

/* The same with one import, "env" "work". */
#define FAKE_CALLER                                                                                \
    "(module (import \"env\" \"work\" (func)) (memory (export \"memory\") 1 4)"                    \
    " (func (export \"callhost 0\")) (func (export \"sleephost 0\")) (func (export \"nop\"))"      \
    " (func (export \"spin\")))"

static inline wsb_imports *imports_of(wsb_raw_host_fn work, void *user_data,
                                      void (*destroy)(void *user_data))
{
    wsb_imports *imports;
    wsb_host_function function = WSB_HOST_FUNCTION_INIT;
    function.module = wsb_cstr("env");
    function.name = wsb_cstr("work");
    function.call_raw = work;
    function.user_data = user_data;
    function.destroy = destroy;
    MUST(wsb_imports_create(&imports, err));
    MUST(wsb_imports_define(imports, &function, err));
    return imports;
}

/* A FAKE_CALLER whose import is `work`; the set of functions is its own. */
static inline wsb_instance *caller_of(wsb_runtime *runtime, const wsb_resource_limits *limits,
                                      wsb_raw_host_fn work, void *user_data)
{
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    config.imports = imports_of(work, user_data, NULL);
    config.limits = limits;
    config.user_data = user_data;
    wsb_instance *instance = instantiate(runtime, FAKE_CALLER, &config);
    wsb_imports_destroy(config.imports);
    return instance;
}

static inline wsb_status call_plain(wsb_instance *instance, const char *name)
{
    wsb_function *function = function_of(instance, name);
    return wsb_function_call(function, NULL, 0, NULL, 0, NULL);
}

static inline void run_threads(size_t count, void *(*body)(void *), void *arguments, size_t size)
{
    pthread_t threads[64];
    assert_true(count <= 64);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, body, (char *)arguments + i * size), 0);
    }
    for (size_t i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
}

#endif
