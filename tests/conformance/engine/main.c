/* engine_conformance ENGINE.so [fibers] */
#include <dlfcn.h>
#include <stdio.h>

#include "conformance.h"

const wsb_runtime_ops *ops;
bool all_on_fibers;

static const wsb_runtime_ops *load(const char *path)
{
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!object) {
        fprintf(stderr, "%s\n", dlerror());
        return NULL;
    }
    wsb_engine_entry_fn entry = (wsb_engine_entry_fn)dlsym(object, WSB_ENGINE_ENTRY_SYMBOL);
    if (!entry) {
        fprintf(stderr, "%s: no %s\n", path, WSB_ENGINE_ENTRY_SYMBOL);
        return NULL;
    }
    return entry();
}

static void test_table(void **state)
{
    (void)state;
    assert_true(ops->size >= sizeof *ops);
    assert_int_equal(ops->abi_version, WSB_ENGINE_ABI_VERSION);
    assert_non_null(ops->id);
    assert_int_not_equal(ops->id[0], '\0');
    assert_int_equal(strspn(ops->id, "abcdefghijklmnopqrstuvwxyz0123456789_-"), strlen(ops->id));
    assert_non_null(ops->version);
    assert_int_not_equal(ops->version[0], '\0');
}

static void test_members(void **state)
{
    (void)state;
    assert_true(ops->engine_create);
    assert_true(ops->engine_destroy);
    assert_true(ops->module_compile);
    assert_true(ops->module_destroy);
    assert_true(ops->link);
    assert_true(ops->unlink);
    assert_true(ops->instance_create);
    assert_true(ops->instance_destroy);
    assert_true(ops->export_get);
    assert_true(ops->function_call);
    assert_true(ops->memory_get);
    assert_true(ops->memory_grow);
    assert_true(ops->global_get);
    assert_true(ops->global_set);
}

/* What is not declared is refused, not ignored. */
static void refuses(wsb_engine_options options, wsb_engine_result one, wsb_engine_result other)
{
    void *engine = NULL;
    wsb_engine_failure failure = {0};
    options.size = sizeof options;
    options.max_stack = TEST_STACK;
    wsb_engine_result result = ops->engine_create(&options, &engine, &failure);
    assert_null(engine);
    assert_true(result == one || result == other);
    assert_int_not_equal(failure.message[0], '\0');
}

static void test_options_of_features(void **state)
{
    (void)state;
    const wsb_engine_result no = WSB_ENGINE_UNSUPPORTED_BY_ENGINE;
    if (!declares(WSB_ENGINE_FUEL))
        refuses((wsb_engine_options){.fuel = true}, no, no);
    if (!declares(WSB_ENGINE_NO_SIGNALS))
        refuses((wsb_engine_options){.avoid_signals = true}, no, no);
    if (!declares(WSB_ENGINE_POOLING))
        refuses((wsb_engine_options){.pool_instances = 1}, no, WSB_ENGINE_POOL_EXHAUSTED);
    if (!declares(WSB_ENGINE_FIBERS))
        refuses((wsb_engine_options){.fibers = 1}, no, no);
}

static void test_members_of_features(void **state)
{
    (void)state;
    if (declares(WSB_ENGINE_DEADLINE))
        assert_true(ops->engine_interrupt);
    if (declares(WSB_ENGINE_SERIALIZE))
        assert_true(ops->module_serialize && ops->module_deserialize);
    if (declares(WSB_ENGINE_FUEL))
        assert_true(ops->instance_set_fuel && ops->instance_get_fuel);
    if (declares(WSB_ENGINE_REFERENCES))
        assert_true(ops->function_call_references);
    if (declares(WSB_ENGINE_FIBERS))
        assert_true(ops->function_resume);
}

/* Whenever an engine does that: the first engine, the first module, the first call. */
static void let_engine_install_handlers(void)
{
    guest g;
    remember_signals();
    guest_init(&g);
    guest_open(&g, "calls");
    wsb_raw_value values[2] = {{.i32 = 1}, {.i32 = 1}};
    ASSERT_OK(&g, guest_call(&g, "add", "ii:i", values));
    remember_signals();
    guest_close(&g);
}

int main(int argc, char **argv)
{
    all_on_fibers = argc == 3 && strcmp(argv[2], "fibers") == 0;
    if (argc != 2 && !all_on_fibers) {
        fprintf(stderr, "usage: %s ENGINE.so [fibers]\n", argv[0]);
        return 2;
    }
    ops = load(argv[1]);
    if (!ops)
        return 2;
    if (all_on_fibers && !declares(WSB_ENGINE_FIBERS)) {
        printf("engine %s has no fibers\n", ops->id);
        return 0;
    }
    printf("engine %s %s, features 0x%x\n", ops->id, ops->version, ops->features);
    const struct CMUnitTest table[] = {cmocka_unit_test(test_table), cmocka_unit_test(test_members),
                                       cmocka_unit_test(test_members_of_features),
                                       cmocka_unit_test(test_options_of_features)};
    int failed = cmocka_run_group_tests_name("table", table, NULL, NULL);
    if (failed)
        return 1;
    let_engine_install_handlers();
    failed += run_module_tests();
    failed += run_call_tests();
    failed += run_host_tests();
    failed += run_trap_tests();
    failed += run_limit_tests();
    failed += run_interrupt_tests();
    failed += run_reference_tests();
    failed += run_proposal_tests();
    failed += run_added_tests();
    failed += run_nested_tests();
    failed += run_pool_tests();
    failed += run_load_tests();
    failed += run_hostile_tests();
    failed += run_fiber_call_tests();
    failed += run_fiber_value_tests();
    failed += run_fiber_many_tests();
    return failed ? 1 : 0;
}
