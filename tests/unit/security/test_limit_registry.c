#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after those: */
#include <cmocka.h>

#include "security/limit_registry.h"

#include <stdio.h>
#include <string.h>
#include <wasm_sandbox/plugin/error.h>

static wsb_status at_most_100(uint64_t value, wsb_error **out_error)
{
    if (value <= 100)
        return WSB_OK;
    return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL, "at most 100");
}

static const wsb_limit_ops queries = {
    .size = sizeof(wsb_limit_ops),
    .abi_version = WSB_LIMIT_ABI_VERSION,
    .name = "max_queries",
    .unit = "queries",
    .scope = WSB_LIMIT_CALL,
    .default_value = 10,
    .validate = at_most_100,
};

static void test_registers_and_finds(void **state)
{
    (void)state;
    wsb__limit_registry registry = {.count = 0};
    assert_int_equal(wsb__limit_registry_add(&registry, &queries, NULL), WSB_OK);
    assert_int_equal(wsb__limit_registry_find(&registry, wsb_cstr("max_queries")), 0);
    assert_int_equal(wsb__limit_registry_find(&registry, wsb_cstr("max_querie")), -1);
    assert_int_equal(wsb__limit_registry_add(&registry, &queries, NULL), WSB_ERROR_ALREADY_EXISTS);
}

static void refused(wsb_limit_ops ops, wsb_status status)
{
    wsb__limit_registry registry = {.count = 0};
    wsb_error *error = NULL;
    assert_int_equal(wsb__limit_registry_add(&registry, &ops, &error), status);
    assert_non_null(error);
    wsb_error_destroy(error);
    assert_int_equal(registry.count, 0);
}

static void test_refuses_bad_ones(void **state)
{
    (void)state;
    wsb_limit_ops ops = queries;
    ops.abi_version = 2;
    refused(ops, WSB_ERROR_ABI_MISMATCH);
    ops = queries;
    ops.size = 8;
    refused(ops, WSB_ERROR_ABI_MISMATCH);
    ops = queries;
    ops.name = NULL;
    refused(ops, WSB_ERROR_ABI_MISMATCH);
    ops = queries;
    ops.unit = NULL;
    refused(ops, WSB_ERROR_ABI_MISMATCH);
    ops = queries;
    ops.name = "Max Queries";
    refused(ops, WSB_ERROR_INVALID_ARGUMENT);
    ops.name = "";
    refused(ops, WSB_ERROR_INVALID_ARGUMENT);
    ops.name = "max_memory";
    refused(ops, WSB_ERROR_ALREADY_EXISTS);
    ops = queries;
    ops.scope = (wsb_limit_scope)9;
    refused(ops, WSB_ERROR_INVALID_ARGUMENT);
    wsb__limit_registry registry = {.count = 0};
    assert_int_equal(wsb__limit_registry_add(&registry, NULL, NULL), WSB_ERROR_INVALID_ARGUMENT);
}

static void test_holds_sixteen(void **state)
{
    (void)state;
    static char names[17][24];
    static wsb_limit_ops ops[17];
    wsb__limit_registry registry = {.count = 0};
    for (int i = 0; i < 17; i++) {
        snprintf(names[i], sizeof names[i], "limit_%d", i);
        ops[i] = queries;
        ops[i].name = names[i];
        assert_int_equal(wsb__limit_registry_add(&registry, &ops[i], NULL),
                         i < 16 ? WSB_OK : WSB_ERROR_LIMIT_EXCEEDED);
    }
    uint64_t values[WSB__LIMIT_REGISTRY_MAX];
    wsb_named_limit named = {wsb_cstr("nope"), 1};
    wsb_error *error = NULL;
    assert_int_equal(wsb__limit_registry_resolve(&registry, &named, 1, values, &error),
                     WSB_ERROR_NOT_FOUND);
    assert_non_null(strstr(wsb_error_suggestion(error), "limit_15"));
    wsb_error_destroy(error);
}

static void test_resolves(void **state)
{
    (void)state;
    wsb__limit_registry registry = {.count = 0};
    uint64_t values[WSB__LIMIT_REGISTRY_MAX] = {77};
    assert_int_equal(wsb__limit_registry_add(&registry, &queries, NULL), WSB_OK);
    assert_int_equal(wsb__limit_registry_resolve(&registry, NULL, 0, values, NULL), WSB_OK);
    assert_int_equal(values[0], 10);
    wsb_named_limit named[2] = {{wsb_cstr("max_queries"), 50}, {wsb_cstr("max_queries"), 5}};
    assert_int_equal(wsb__limit_registry_resolve(&registry, named, 1, values, NULL), WSB_OK);
    assert_int_equal(values[0], 50);
    assert_int_equal(wsb__limit_registry_resolve(&registry, named, 2, values, NULL),
                     WSB_ERROR_INVALID_ARGUMENT);
    named[0].value = WSB_NONE;
    assert_int_equal(wsb__limit_registry_resolve(&registry, named, 1, values, NULL), WSB_OK);
    assert_int_equal(values[0], 0);
    named[0].value = 101;
    assert_int_equal(wsb__limit_registry_resolve(&registry, named, 1, values, NULL),
                     WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb__limit_registry_resolve(&registry, NULL, 1, values, NULL),
                     WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(values[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registers_and_finds),
        cmocka_unit_test(test_refuses_bad_ones),
        cmocka_unit_test(test_holds_sixteen),
        cmocka_unit_test(test_resolves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
