/* Ten thousand instances, one after the other, leave nothing behind. wsb-test: engine */
#include "unit/runtime/runtime_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* AddressSanitizer keeps freed memory back, so that it stays resident; it finds leaks itself. */
#if defined(__SANITIZE_ADDRESS__)
enum { FLAT = 0, CYCLES = 2000 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { FLAT = 0, CYCLES = 2000 };
#else
enum { FLAT = 1, CYCLES = 10000 };
#endif
#else
enum { FLAT = 1, CYCLES = 10000 };
#endif

static const char guest[] =
    "(module (import \"wasi_snapshot_preview1\" \"random_get\""
    "  (func $random (param i32 i32) (result i32)))"
    " (memory (export \"memory\") 1 10) (table $t 10 funcref)"
    " (data (i32.const 8) \"some data\")"
    " (func (export \"work\") (param i32) (result i32)"
    "  (drop (call $random (i32.const 100) (i32.const 16)))"
    "  (drop (memory.grow (i32.const 1)))"
    "  (drop (table.grow $t (ref.null func) (i32.const 10)))"
    "  (i32.store (i32.const 70000) (local.get 0))"
    "  (if (i32.eqz (i32.rem_u (local.get 0) (i32.const 10))) (then unreachable))"
    "  (i32.load (i32.const 70000))))";

static long resident(void)
{
    char text[256] = "";
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(read(fd, text, sizeof text - 1) > 0);
    close(fd);
    const char *second = strchr(text, ' '); /* the first is the size */
    assert_non_null(second);
    return strtol(second, NULL, 10) * sysconf(_SC_PAGESIZE);
}

/* Each tenth ends with a trap. */
static void cycle(wsb_module *module, int32_t number, const wsb_instance_config *config)
{
    wsb_instance *instance;
    wsb_value argument = wsb_value_i32(number);
    wsb_value result = wsb_value_i32(0);
    wsb_error *error = NULL;
    MUST(wsb_instance_create(module, config, &instance, err));
    wsb_status status =
        wsb_function_call(function_of(instance, "work"), &argument, 1, &result, 1, &error);
    if (number % 10 == 0) {
        assert_int_equal(status, WSB_ERROR_TRAP);
        wsb_error_destroy(error);
    } else {
        must(status, error);
        assert_int_equal(result.of.i32, number);
    }
    wsb_instance_destroy(instance);
}

static void cycles(wsb_runtime *runtime, uint64_t fuel)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    limits.fuel = fuel;
    config.limits = &limits;
    wsb_module *module = compile(runtime, guest);
    long before = 0;
    for (int32_t i = 1; i <= CYCLES; i++) {
        cycle(module, i, &config);
        if (i == CYCLES / 5) {
            before = resident();
        }
    }
    if (FLAT) {
        long grown = resident() - before;
        if (grown >= (long)WSB_MIB) {
            fail_msg("%ld KiB more after %d instances", grown / 1024, CYCLES - CYCLES / 5);
        }
    }
    wsb_module_destroy(module);
}

static void many_instances_leave_nothing(void **state)
{
    cycles(*state, 0);
}

static void many_instances_with_fuel_leave_nothing(void **state)
{
    cycles(*state, 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_instances_leave_nothing),
        cmocka_unit_test(many_instances_with_fuel_leave_nothing),
    };
    return cmocka_run_group_tests(tests, make_runtime, drop_runtime);
}
