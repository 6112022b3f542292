/* What the library fills in for an engine, what it cannot, and what it says of that. */
#include "unit/runtime_fake/fake_runtime.h"

#include "runtime/features.h"

#include <wsb_native_module.h>

/* Its code has real memory.grow and table.grow: only then are they bounded. */
#define GROWING_GUEST                                                                              \
    "(module (memory (export \"memory\") 1 100) (table $a 3 100 funcref) (table $b 4 funcref)"     \
    " (func (export \"grow\") (param i32) (result i32) (memory.grow (local.get 0)))"               \
    " (func (export \"growtable\") (param i32) (result i32)"                                       \
    "  (table.grow $a (ref.null func) (local.get 0)))"                                             \
    " (func (export \"trap unreachable\")))"

static wsb_runtime *small_runtime(void)
{
    wsb_runtime *runtime;
    MUST(fake_runtime_of(wsb_fake_small_engine_ops(), NULL, &runtime, err));
    return runtime;
}

static int32_t grow(wsb_instance *instance, const char *name, int32_t by)
{
    wsb_value argument = wsb_value_i32(by);
    wsb_value before;
    MUST(wsb_function_call(function_of(instance, name), &argument, 1, &before, 1, err));
    return before.of.i32;
}

static wsb_instance *with_limits(wsb_runtime *runtime, uint64_t memory, uint64_t elements)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    limits.max_memory = memory;
    limits.max_table_elements = elements;
    config.limits = &limits;
    return instantiate(runtime, GROWING_GUEST, &config);
}

static void a_guest_grows_up_to_its_limit(void **state)
{
    (void)state;
    wsb_runtime *runtime = small_runtime();
    /* Three pages and a part of one: three. */
    wsb_instance *instance = with_limits(runtime, 3 * 65536 + 65535, 10);
    assert_int_equal(grow(instance, "grow", 3), -1);
    assert_int_equal(grow(instance, "grow", 2), 1);
    assert_int_equal(grow(instance, "grow", 1), -1);
    assert_int_equal(grow(instance, "grow", 0), 3);
    assert_int_equal(grow(instance, "growtable", 4), -1);
    assert_int_equal(grow(instance, "growtable", 3), 3);
    assert_int_equal(grow(instance, "growtable", 1), -1);
    wsb_usage usage = WSB_USAGE_INIT;
    wsb_instance_usage(instance, &usage);
    assert_int_equal(usage.memory, 3 * 65536);
    assert_int_equal(usage.memory_refusals, 2);
    wsb_instance_destroy(instance);
    instance = with_limits(runtime, WSB_UNLIMITED, WSB_UNLIMITED);
    assert_int_equal(grow(instance, "grow", 99), 1);
    assert_int_equal(grow(instance, "growtable", 97), 3);
    wsb_instance_destroy(instance);
    instance = with_limits(runtime, 65536, 7);
    assert_int_equal(grow(instance, "grow", 1), -1);
    assert_int_equal(grow(instance, "growtable", 1), -1);
    assert_int_equal(call_plain(instance, "trap unreachable"), WSB_ERROR_GUEST_OUT_OF_MEMORY);
    wsb_instance_destroy(instance);
    wsb_runtime_destroy(runtime);
    must_be_gone();
}

static void the_host_grows_no_further(void **state)
{
    (void)state;
    wsb_runtime *runtime = small_runtime();
    wsb_instance *instance = with_limits(runtime, 3 * 65536 + 1, 10);
    const uint64_t too_many[] = {3, UINT64_MAX, UINT64_MAX / 65536, UINT64_MAX / 65536 + 1};
    for (size_t i = 0; i < 4; i++) {
        MUST_FAIL(WSB_ERROR_LIMIT_EXCEEDED, "max_memory",
                  wsb_instance_grow_memory(instance, too_many[i], err));
    }
    MUST(wsb_instance_grow_memory(instance, 2, err));
    MUST(wsb_instance_grow_memory(instance, 0, err));
    MUST_FAIL(WSB_ERROR_LIMIT_EXCEEDED, "max_memory", wsb_instance_grow_memory(instance, 1, err));
    assert_int_equal(wsb_instance_memory_size(instance), 3 * 65536);
    wsb_instance_destroy(instance);
    wsb_runtime_destroy(runtime);
}

static void what_starts_above_its_limit_is_refused(void **state)
{
    (void)state;
    for (int small = 0; small < 2; small++) {
        wsb_runtime *runtime;
        wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
        wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
        wsb_instance *instance;
        fake_is_small = small;
        runtime = fake_runtime();
        wsb_module *module = compile(runtime, GROWING_GUEST);
        config.limits = &limits;
        limits.max_memory = 65535;
        MUST_FAIL(WSB_ERROR_LIMIT_EXCEEDED, "memory starts with 65536",
                  wsb_instance_create(module, &config, &instance, err));
        limits.max_memory = WSB_NONE;
        MUST_FAIL(WSB_ERROR_LIMIT_EXCEEDED, "max_memory is 0",
                  wsb_instance_create(module, &config, &instance, err));
        limits.max_memory = 0;
        limits.max_table_elements = 6; /* more than either table has */
        MUST_FAIL(WSB_ERROR_LIMIT_EXCEEDED, "tables start with 7",
                  wsb_instance_create(module, &config, &instance, err));
        wsb_module_destroy(module);
        wsb_runtime_destroy(runtime);
    }
}

static void a_limit_that_cannot_be_set_refuses_the_instance(void **state)
{
    (void)state;
    wsb_runtime *runtime = small_runtime();
    wsb_module *module = compile(runtime, GROWING_GUEST);
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_instance *instance;
    const char *const names[] = {"wsb:memory_limit", "wsb:table_limit", "wsb:budget"};
    limits.fuel = 1000;
    config.limits = &limits;
    for (unsigned i = 0; i < 3; i++) {
        assert_true(wsb_fake_engine_fail("export_get", i + 1, WSB_ENGINE_FAILED));
        MUST_FAIL(WSB_ERROR_INTERNAL, names[i],
                  wsb_instance_create(module, &config, &instance, err));
        assert_int_equal(wsb_fake_engine_live().instances, 0);
    }
    MUST(wsb_instance_create(module, &config, &instance, err));
    wsb_instance_destroy(instance);
    wsb_module_destroy(module);
    wsb_runtime_destroy(runtime);
}

/* The globals that are added are nobody's exports. */
static void neither_host_nor_guest_sees_what_is_added(void **state)
{
    (void)state;
    wsb_runtime *runtime = small_runtime();
    wsb_instance *instance = with_limits(runtime, 0, 0);
    wsb_value value = wsb_value_i64(INT64_MAX);
    wsb_module *module = wsb_instance_module(instance);
    MUST_FAIL(WSB_ERROR_NOT_FOUND, "wsb:memory_limit",
              wsb_instance_set_global(instance, wsb_cstr("wsb:memory_limit"), &value, err));
    MUST_FAIL(WSB_ERROR_NOT_FOUND, "wsb:budget",
              wsb_instance_get_global(instance, wsb_cstr("wsb:budget"), &value, err));
    assert_int_equal(wsb_module_get_info(module)->import_count, 0);
    wsb_instance_destroy(instance);
    wsb_runtime_destroy(runtime);
}

static void a_proposal_that_the_engine_lacks_is_named(void **state)
{
    (void)state;
    static const struct {
        uint32_t bit;
        const char *name;
        const char *guest;
    } rows[] = {
        {WSB_ENGINE_SIMD, "simd", "(module (func (drop (v128.const i64x2 1 2))))"},
        {WSB_ENGINE_TAIL_CALLS, "tail_calls", "(module (func $f return_call $f))"},
        {WSB_ENGINE_EXCEPTIONS, "exceptions", "(module (tag $t) (func (throw $t)))"},
        {WSB_ENGINE_MEMORY64, "memory64", "(module (memory i64 1))"},
        {WSB_ENGINE_RELAXED_SIMD, "relaxed_simd",
         "(module (func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0)))))"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wsb_runtime_ops ops = *wsb_fake_engine_ops();
        wsb_runtime *runtime;
        wsb_module *module;
        wsb_error *error = NULL;
        ops.features = (ops.features | WSB_ENGINE_PROPOSALS) & ~rows[i].bit;
        MUST(fake_runtime_of(&ops, NULL, &runtime, err));
        assert_int_equal(wsb_module_compile(runtime,
                                            wsb_bytes_of(rows[i].guest, strlen(rows[i].guest)),
                                            NULL, &module, &error),
                         WSB_ERROR_UNSUPPORTED);
        assert_string_equal(wsb_error_subject(error), rows[i].name);
        assert_non_null(strstr(wsb_error_message(error), "engine 'fake'"));
        wsb_error_destroy(error);
        wsb_runtime_destroy(runtime);
        must_be_gone();
    }
}

/* The module runs; only what its boundary cannot carry is refused, where it is used. */
static void values_that_the_engine_cannot_pass_are_refused(void **state)
{
    (void)state;
    wsb_runtime *runtime = small_runtime();
    wsb_function *function;
    wsb_value value;
    wsb_instance *instance = instantiate(
        runtime,
        "(module (global (export \"g\") v128 (v128.const i64x2 1 2)) (func (export \"nop\"))"
        " (func (export \"v\") (param v128)) (func (export \"r\") (result externref)"
        " (ref.null extern)))",
        NULL);
    MUST(call_plain(instance, "nop"));
    MUST_FAIL(WSB_ERROR_UNSUPPORTED, "v128",
              wsb_instance_function(instance, wsb_cstr("v"), &function, err));
    MUST_FAIL(WSB_ERROR_UNSUPPORTED, "externref",
              wsb_instance_function(instance, wsb_cstr("r"), &function, err));
    MUST_FAIL(WSB_ERROR_UNSUPPORTED, "v128",
              wsb_instance_get_global(instance, wsb_cstr("g"), &value, err));
    wsb_instance_destroy(instance);
    wsb_module *module =
        compile(runtime, "(module (import \"env\" \"work\" (func (param i32 externref))))");
    MUST_FAIL(WSB_ERROR_UNSUPPORTED, "'env.work' has externref",
              wsb_instance_create(module, NULL, &instance, err));
    wsb_module_destroy(module);
    wsb_runtime_destroy(runtime);
    must_be_gone();
}

static void signals_are_avoided_or_the_runtime_is_not_made(void **state)
{
    (void)state;
    wsb_runtime_ops ops = *wsb_fake_engine_ops();
    wsb_runtime_options options = WSB_RUNTIME_OPTIONS_INIT;
    wsb_runtime *runtime;
    options.avoid_signals = true;
    MUST_FAIL(WSB_ERROR_UNSUPPORTED, "avoid_signals",
              fake_runtime_of(&ops, &options, &runtime, err));
    ops.features |= WSB_ENGINE_NO_SIGNALS;
    MUST(fake_runtime_of(&ops, &options, &runtime, err));
    wsb_runtime_destroy(runtime);
}

static void an_engine_tells_what_holds_and_what_is_its_own(void **state)
{
    (void)state;
    wsb_runtime *runtime = small_runtime();
    wsb_engine_info info = WSB_ENGINE_INFO_INIT;
    const uint32_t own = wsb_fake_small_engine_ops()->features;
    wsb_runtime_get_engine(runtime, &info);
    assert_int_equal(info.own_features, own);
    assert_int_equal(info.features, own | 15u);
    wsb_runtime_destroy(runtime);
    assert_string_equal(wsb_engine_feature_name(WSB_ENGINE_DEADLINE), "deadline");
    assert_string_equal(wsb_engine_feature_name(WSB_ENGINE_NO_SIGNALS), "no_signals");
    assert_string_equal(wsb_engine_feature_name(0), "unknown");
    assert_string_equal(wsb_engine_feature_name(3), "unknown");
    for (unsigned bit = 0; bit < 16; bit++) {
        assert_string_not_equal(wsb_engine_feature_name((uint32_t)1 << bit), "unknown");
    }
}

static void what_is_added_follows_from_what_is_lacking(void **state)
{
    (void)state;
    wsb_runtime_ops ops = *wsb_fake_engine_ops();
    assert_int_equal(wsb__features_added(&ops, false), 0);
    assert_int_equal(wsb__features_added(&ops, true), 0);
    ops.features &= ~(uint32_t)WSB_ENGINE_FUEL;
    assert_int_equal(wsb__features_added(&ops, false), 0);
    assert_int_equal(wsb__features_added(&ops, true), WSBN_ADD_FUEL);
    ops.features |= WSB_ENGINE_FUEL;
    ops.features &= ~(uint32_t)WSB_ENGINE_DEADLINE;
    assert_int_equal(wsb__features_added(&ops, false), WSBN_ADD_COUNTDOWN);
    assert_int_equal(wsb__features_added(&ops, true), WSBN_ADD_FUEL);
    ops.features = 0;
    assert_int_equal(wsb__features_added(&ops, false),
                     WSBN_ADD_COUNTDOWN | WSBN_ADD_MEMORY_LIMIT | WSBN_ADD_TABLE_LIMIT);
}

/* Code that was rewritten for an engine with other features is not its code. */
static void a_kept_module_is_for_an_engine_with_the_same_features(void **state)
{
    (void)state;
    static const uint8_t key[32] = {1};
    wsb_runtime_ops ops = *wsb_fake_engine_ops();
    wsb_runtime_options options = WSB_RUNTIME_OPTIONS_INIT;
    wsb_runtime *runtime;
    wsb_module *again;
    wsb_buf bytes = WSB_BUF_INIT;
    options.key = wsb_bytes_of(key, sizeof key);
    MUST(fake_runtime_of(&ops, &options, &runtime, err));
    wsb_module *module = compile(runtime, FAKE_GUEST);
    MUST(wsb_module_serialize(module, &bytes, err));
    wsb_module_destroy(module);
    wsb_runtime_destroy(runtime);
    ops.features &= ~(uint32_t)WSB_ENGINE_DEADLINE;
    MUST(fake_runtime_of(&ops, &options, &runtime, err));
    MUST_FAIL(WSB_ERROR_UNSUPPORTED, "made for",
              wsb_module_deserialize(runtime, wsb_bytes_of(bytes.data, bytes.len), &again, err));
    wsb_runtime_destroy(runtime);
    wsb_buf_fini(&bytes);
    must_be_gone();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_grows_up_to_its_limit),
        cmocka_unit_test(the_host_grows_no_further),
        cmocka_unit_test(what_starts_above_its_limit_is_refused),
        cmocka_unit_test(a_limit_that_cannot_be_set_refuses_the_instance),
        cmocka_unit_test(neither_host_nor_guest_sees_what_is_added),
        cmocka_unit_test(a_proposal_that_the_engine_lacks_is_named),
        cmocka_unit_test(values_that_the_engine_cannot_pass_are_refused),
        cmocka_unit_test(signals_are_avoided_or_the_runtime_is_not_made),
        cmocka_unit_test(an_engine_tells_what_holds_and_what_is_its_own),
        cmocka_unit_test(what_is_added_follows_from_what_is_lacking),
        cmocka_unit_test(a_kept_module_is_for_an_engine_with_the_same_features),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
