/* What fails on the way: the engine at its n-th step, the n-th allocation, missing features. */
#include "unit/core/fail_nth.h"
#include "unit/runtime_fake/fake_runtime.h"

static wsb_host_result work(wsb_call_context *context, wsb_raw_value *values, void *user_data)
{
    (void)context;
    (void)values;
    (void)user_data;
    return WSB_HOST_DONE;
}

/* Everything from the runtime to a call; whatever was made is released in any case. */
static wsb_status whole_life(const wsb_runtime_options *options)
{
    wsb_runtime *runtime = NULL;
    wsb_module *module = NULL;
    wsb_imports *imports = NULL;
    wsb_instance *instance = NULL;
    wsb_function *function;
    wsb_error *error = NULL;
    wsb_host_function import = WSB_HOST_FUNCTION_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    import.module = wsb_cstr("env");
    import.name = wsb_cstr("work");
    import.call_raw = work;
    wsb_status status = fake_runtime_of(fake_ops(), options, &runtime, &error);
    if (status == WSB_OK) {
        status = wsb_imports_create(&imports, &error);
    }
    if (status == WSB_OK) {
        status = wsb_imports_define(imports, &import, &error);
    }
    if (status == WSB_OK) {
        status = wsb_module_compile(runtime, wsb_bytes_of(FAKE_CALLER, strlen(FAKE_CALLER)), NULL,
                                    &module, &error);
    }
    config.imports = imports;
    if (status == WSB_OK) {
        status = wsb_instance_create(module, &config, &instance, &error);
    }
    if (status == WSB_OK) {
        status = wsb_instance_function(instance, wsb_cstr("callhost 0"), &function, &error);
    }
    if (status == WSB_OK) {
        status = wsb_function_call(function, NULL, 0, NULL, 0, &error);
    }
    assert_int_equal(wsb_error_status(error), status);
    wsb_error_destroy(error);
    wsb_instance_destroy(instance);
    wsb_imports_destroy(imports);
    wsb_module_destroy(module);
    wsb_runtime_destroy(runtime);
    return status;
}

static void no_allocation_is_trusted(void **state)
{
    (void)state;
    EXPECT_OUT_OF_MEMORY_UNTIL_OK(whole_life(NULL));
    must_be_gone();
}

static void no_allocation_is_trusted_without_a_pool(void **state)
{
    (void)state;
    wsb_runtime_options options = WSB_RUNTIME_OPTIONS_INIT;
    options.avoid_pool = true;
    EXPECT_OUT_OF_MEMORY_UNTIL_OK(whole_life(&options));
    must_be_gone();
}

static void an_engine_that_fails_leaves_nothing_behind(void **state)
{
    (void)state;
    const char *const operations[] = {"engine_create",   "module_compile", "link",
                                      "instance_create", "export_get",     "function_call"};
    const wsb_engine_result results[] = {WSB_ENGINE_FAILED, WSB_ENGINE_UNSUPPORTED_BY_ENGINE,
                                         WSB_ENGINE_LIMIT, (wsb_engine_result)99};
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        for (size_t j = 0; j < sizeof results / sizeof *results; j++) {
            assert_true(wsb_fake_engine_fail(operations[i], 1, results[j]));
            bool fails = whole_life(NULL) != WSB_OK;
            /* A memory that is not found is a guest without one: only its use fails. */
            assert_true(fails || strcmp(operations[i], "export_get") == 0);
            assert_true(wsb_fake_engine_fail(operations[i], 0, WSB_ENGINE_OK));
            must_be_gone();
        }
    }
    assert_int_equal(whole_life(NULL), WSB_OK);
}

static void a_pool_that_gives_nothing_is_gone_without(void **state)
{
    (void)state;
    const char *const operations[] = {"engine_create", "module_compile", "instance_create"};
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        assert_true(wsb_fake_engine_fail(operations[i], 1, WSB_ENGINE_POOL_EXHAUSTED));
        assert_int_equal(whole_life(NULL), WSB_OK);
        must_be_gone();
    }
}

static void a_failing_move_out_of_the_pool_compiles_again(void **state)
{
    (void)state;
    assert_true(wsb_fake_engine_fail("instance_create", 1, WSB_ENGINE_POOL_EXHAUSTED));
    assert_true(wsb_fake_engine_fail("module_serialize", 1, WSB_ENGINE_FAILED));
    assert_int_equal(whole_life(NULL), WSB_OK);
    assert_true(wsb_fake_engine_fail("instance_create", 1, WSB_ENGINE_POOL_EXHAUSTED));
    assert_true(wsb_fake_engine_fail("module_deserialize", 1, WSB_ENGINE_FAILED));
    assert_int_equal(whole_life(NULL), WSB_OK);
    must_be_gone();
}

static void more_instances_than_the_pool_holds(void **state)
{
    (void)state;
    wsb_runtime *runtime;
    wsb_runtime_options options = WSB_RUNTIME_OPTIONS_INIT;
    wsb_instance *instances[5];
    options.pool_instances = 2;
    MUST(fake_runtime_of(wsb_fake_engine_ops(), &options, &runtime, err));
    wsb_module *module = compile(runtime, FAKE_GUEST);
    for (size_t i = 0; i < 5; i++) {
        MUST(wsb_instance_create(module, NULL, &instances[i], err));
        MUST(call_plain(instances[i], "nop"));
    }
    assert_int_equal(wsb_fake_engine_live().engines, 2);
    for (size_t i = 0; i < 5; i++) {
        wsb_instance_destroy(instances[i]);
    }
    wsb_module_destroy(module);
    wsb_runtime_destroy(runtime);
    must_be_gone();
}

/* What an engine lacks the library does, whichever it is; not so the bound of the stack. */
static void what_an_engine_cannot_enforce_is_filled_in_or_refused(void **state)
{
    (void)state;
    const uint32_t filled_in =
        WSB_ENGINE_DEADLINE | WSB_ENGINE_FUEL | WSB_ENGINE_MEMORY_LIMIT | WSB_ENGINE_TABLE_LIMIT;
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_runtime_ops ops = *wsb_fake_engine_ops();
    wsb_runtime *runtime;
    wsb_instance *instance;
    limits.fuel = 1000;
    config.limits = &limits;
    for (uint32_t lacks = 0; lacks <= filled_in; lacks++) {
        ops.features = wsb_fake_engine_ops()->features & ~lacks;
        MUST(fake_runtime_of(&ops, NULL, &runtime, err));
        instance = instantiate(runtime, FAKE_GUEST, &config);
        MUST(call_plain(instance, "nop"));
        assert_int_equal(call_plain(instance, "spin"), WSB_ERROR_OUT_OF_FUEL);
        wsb_instance_destroy(instance);
        wsb_runtime_destroy(runtime);
        must_be_gone();
    }
    ops.features &= ~(uint32_t)WSB_ENGINE_STACK_LIMIT;
    MUST(fake_runtime_of(&ops, NULL, &runtime, err));
    wsb_module *module = compile(runtime, FAKE_GUEST);
    MUST_FAIL(WSB_ERROR_UNSUPPORTED, "max_stack",
              wsb_instance_create(module, NULL, &instance, err));
    wsb_module_destroy(module);
    wsb_runtime_destroy(runtime);
}

static void what_an_engine_cannot_do_is_refused(void **state)
{
    (void)state;
    wsb_runtime *runtime;
    wsb_runtime_ops ops = *wsb_fake_engine_ops();
    wsb_runtime_options options = WSB_RUNTIME_OPTIONS_INIT;
    wsb_buf bytes = WSB_BUF_INIT;
    ops.features &= ~(uint32_t)(WSB_ENGINE_POOLING | WSB_ENGINE_SERIALIZE);
    options.pool_instances = 1;
    MUST_FAIL(WSB_ERROR_UNSUPPORTED, "no pool", fake_runtime_of(&ops, &options, &runtime, err));
    options.pool_instances = 0;
    MUST(fake_runtime_of(&ops, &options, &runtime, err));
    wsb_module *module = compile(runtime, FAKE_GUEST);
    MUST_FAIL(WSB_ERROR_UNSUPPORTED, "cannot keep", wsb_module_serialize(module, &bytes, err));
    wsb_module_destroy(module);
    wsb_runtime_destroy(runtime);
}

static void engine_info_fits_older_callers(void **state)
{
    (void)state;
    wsb_runtime *runtime = fake_runtime();
    wsb_engine_info info = WSB_ENGINE_INFO_INIT;
    info.problem = "untouched";
    info.size = offsetof(wsb_engine_info, problem);
    wsb_runtime_get_engine(runtime, &info);
    assert_string_equal(info.id, "fake");
    assert_string_equal(info.problem, "untouched");
    wsb_runtime_destroy(runtime);
}

int main(void)
{
    const struct CMUnitTest on_both[] = {
        cmocka_unit_test(no_allocation_is_trusted),
        cmocka_unit_test(no_allocation_is_trusted_without_a_pool),
        cmocka_unit_test(an_engine_that_fails_leaves_nothing_behind),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pool_that_gives_nothing_is_gone_without),
        cmocka_unit_test(a_failing_move_out_of_the_pool_compiles_again),
        cmocka_unit_test(more_instances_than_the_pool_holds),
        cmocka_unit_test(what_an_engine_cannot_enforce_is_filled_in_or_refused),
        cmocka_unit_test(what_an_engine_cannot_do_is_refused),
        cmocka_unit_test(engine_info_fits_older_callers),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + RUN_ON_BOTH(on_both, NULL, NULL);
}
