/* What the library adds to the modules of engines that lack deadline, fuel or limits: one more
 * import and a few globals. Every engine must run such modules, also the one that lacks nothing:
 * it is a module like any other. */
#include "conformance.h"

typedef struct counting {
    int ticks; /* how often the host was asked */
    int goes_on;
    int64_t slice;
    int64_t last;
} counting;

static wsb_host_result host_tick(void *data, void *context, void *caller, wsb_raw_value *values)
{
    counting *counts = data;
    (void)context;
    (void)caller;
    counts->last = values[0].i64;
    if (counts->ticks++ == counts->goes_on)
        return WSB_HOST_TRAP;
    values[0].i64 = counts->slice;
    return WSB_HOST_DONE;
}

static void open_added(guest *g, counting *counts, wsb_engine_import *import, signature *type)
{
    signature_parse(type, "I:I");
    *import =
        (wsb_engine_import){wsb_cstr("wsb"), wsb_cstr("tick"), type->type, host_tick, counts, true};
    guest_init(g);
    g->imports = import;
    g->import_count = 1;
    guest_open(g, "added");
}

static int64_t global(guest *g, const char *name, const int64_t *set)
{
    wsb_engine_handle handle;
    wsb_raw_value value = {0};
    assert_true(ops->export_get(g->instance, wsb_cstr(name), WSB_EXTERN_GLOBAL, &handle));
    if (set) {
        value.i64 = *set;
        ops->global_set(g->instance, &handle, WSB_I64, &value);
    }
    ops->global_get(g->instance, &handle, WSB_I64, &value);
    return value.i64;
}

static void test_budget_ends_a_loop(void **state)
{
    (void)state;
    guest g;
    signature type;
    wsb_engine_import import;
    counting counts = {.goes_on = 100, .slice = 1000};
    open_added(&g, &counts, &import, &type);
    assert_true(global(&g, "wsb:budget", NULL) == 0);
    assert_int_equal(guest_call(&g, "spin", ":", NULL), WSB_ENGINE_HOST_TRAP);
    assert_int_equal(counts.ticks, 101);
    assert_true(counts.last < 0);
    assert_true(global(&g, "wsb:budget", NULL) < 0);
    guest_close(&g);
}

/* What is left is seen after a call, and what is set before it is used. */
static void test_budget_is_exact(void **state)
{
    (void)state;
    guest g;
    signature type;
    wsb_engine_import import;
    counting counts = {.goes_on = 0, .slice = 1};
    open_added(&g, &counts, &import, &type);
    assert_true(global(&g, "wsb:budget", &(int64_t){1000}) == 1000);
    wsb_raw_value values[1] = {{.i64 = 600}};
    ASSERT_OK(&g, guest_call(&g, "count", "I:", values));
    assert_int_equal(counts.ticks, 0);
    assert_true(global(&g, "wsb:budget", NULL) == 400);
    values[0].i64 = 401;
    assert_int_equal(guest_call(&g, "count", "I:", values), WSB_ENGINE_HOST_TRAP);
    assert_int_equal(counts.ticks, 1);
    assert_true(counts.last == -1);
    guest_close(&g);
}

static void test_limits_are_globals(void **state)
{
    (void)state;
    guest g;
    signature type;
    wsb_engine_import import;
    counting counts = {.goes_on = 0};
    open_added(&g, &counts, &import, &type);
    wsb_raw_value values[1] = {{.i32 = 1}};
    ASSERT_OK(&g, guest_call(&g, "grow", "i:i", values));
    assert_int_equal(values[0].i32, -1);
    assert_true(global(&g, "wsb:memory_limit", &(int64_t){3}) == 3);
    values[0].i32 = 2;
    ASSERT_OK(&g, guest_call(&g, "grow", "i:i", values));
    assert_int_equal(values[0].i32, 1);
    values[0].i32 = 1;
    ASSERT_OK(&g, guest_call(&g, "grow", "i:i", values));
    assert_int_equal(values[0].i32, -1);
    guest_close(&g);
}

int run_added_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_budget_ends_a_loop),
        cmocka_unit_test(test_budget_is_exact),
        cmocka_unit_test(test_limits_are_globals),
    };
    return cmocka_run_group_tests_name("what the library adds", tests, NULL, NULL);
}
