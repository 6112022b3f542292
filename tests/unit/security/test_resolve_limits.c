#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after those: */
#include <cmocka.h>

#include <string.h>
#include <wasm_sandbox/limits.h>

static void test_defaults(void **state)
{
    (void)state;
    wsb_resource_limits r;
    assert_int_equal(wsb_resource_limits_resolve(NULL, &r, NULL), WSB_OK);
    assert_int_equal(r.size, sizeof r);
    assert_int_equal(r.max_memory, 64 * WSB_MIB);
    assert_int_equal(r.max_table_elements, 1000000);
    assert_int_equal(r.max_stack, 512 * 1024);
    assert_int_equal(r.max_cpu_time, 30 * WSB_SECOND);
    assert_int_equal(r.max_wall_time, 30 * WSB_SECOND);
    assert_true(r.fuel == WSB_UNLIMITED);
    assert_int_equal(r.max_file_descriptors, 16);
    assert_int_equal(r.max_network_connections, 4);
    assert_int_equal(r.max_read_bytes, 1024 * WSB_MIB);
    assert_int_equal(r.max_write_bytes, 1024 * WSB_MIB);
    assert_int_equal(r.max_output, 16 * WSB_MIB);
    assert_int_equal(r.named_count, 0);
}

static void test_explicit_values(void **state)
{
    (void)state;
    wsb_resource_limits given = WSB_RESOURCE_LIMITS_INIT;
    wsb_resource_limits r;
    given.max_memory = WSB_NONE;
    given.max_output = WSB_UNLIMITED;
    given.fuel = 12;
    given.max_read_bytes = INT64_MAX;
    assert_int_equal(wsb_resource_limits_resolve(&given, &r, NULL), WSB_OK);
    assert_int_equal(r.max_memory, 0);
    assert_true(r.max_output == WSB_UNLIMITED);
    assert_int_equal(r.fuel, 12);
    assert_int_equal(r.max_read_bytes, INT64_MAX);
}

static void refused(wsb_resource_limits given, const char *subject)
{
    wsb_resource_limits r = {.max_memory = 77};
    wsb_error *error = NULL;
    assert_int_equal(wsb_resource_limits_resolve(&given, &r, &error), WSB_ERROR_INVALID_ARGUMENT);
    assert_string_equal(wsb_error_subject(error), subject);
    assert_int_equal(r.max_memory, 77);
    wsb_error_destroy(error);
}

static void test_out_of_range(void **state)
{
    (void)state;
    const wsb_resource_limits init = WSB_RESOURCE_LIMITS_INIT;
    wsb_resource_limits given = init;
    given.max_stack = 1;
    refused(given, "max_stack");
    given.max_stack = WSB_NONE;
    refused(given, "max_stack");
    given.max_stack = WSB_UNLIMITED;
    refused(given, "max_stack");
    given = init;
    given.max_wall_time = WSB_NONE;
    refused(given, "max_wall_time");
    given = init;
    given.fuel = WSB_NONE;
    refused(given, "fuel");
    given = init;
    given.max_memory = (uint64_t)INT64_MAX + 1;
    refused(given, "max_memory");
    given = init;
    given.named_count = 1;
    refused(given, "named");
}

static void test_a_newer_limit_is_not_dropped(void **state)
{
    (void)state;
    struct {
        wsb_resource_limits known;
        uint64_t max_tomorrow;
    } given = {WSB_RESOURCE_LIMITS_INIT, 5};
    wsb_resource_limits r;
    given.known.size = sizeof given;
    assert_int_equal(wsb_resource_limits_resolve(&given.known, &r, NULL), WSB_ERROR_ABI_MISMATCH);
    given.max_tomorrow = 0;
    assert_int_equal(wsb_resource_limits_resolve(&given.known, &r, NULL), WSB_OK);
    given.known.size = offsetof(wsb_resource_limits, max_stack);
    given.known.max_stack = 1;
    assert_int_equal(wsb_resource_limits_resolve(&given.known, &r, NULL), WSB_OK);
    assert_int_equal(r.max_stack, 512 * 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_explicit_values),
        cmocka_unit_test(test_out_of_range),
        cmocka_unit_test(test_a_newer_limit_is_not_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
