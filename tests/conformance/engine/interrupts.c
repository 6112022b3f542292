/* Interrupting a running guest from another thread. */
#include <pthread.h>
#include <sched.h>

#include "conformance.h"

typedef struct runner {
    guest *g;
    void *instance;
    wsb_engine_failure failure;
    wsb_engine_result result;
} runner;

static void *run_spin(void *data)
{
    runner *self = data;
    signature s;
    wsb_engine_handle function;
    signature_parse(&s, ":");
    ops->export_get(self->instance, wsb_cstr("spin"), WSB_EXTERN_FUNCTION, &function);
    self->result = ops->function_call(self->instance, &function, &s.type, NULL, &self->failure);
    return NULL;
}

/* Interrupts until the guest was asked `more` times; whatever it answers, it must be asked. */
static void interrupt_until_asked(guest *g, long more)
{
    long goal = atomic_load(&g->host.asked) + more;
    while (atomic_load(&g->host.asked) < goal) {
        ops->engine_interrupt(g->engine);
        sched_yield();
    }
}

static void test_goes_on_then_stops(void **state)
{
    (void)state;
    NEEDS(DEADLINE);
    guest g;
    pthread_t thread;
    guest_init(&g);
    guest_open(&g, "calls");
    runner spinner = {.g = &g, .instance = g.instance};
    assert_int_equal(pthread_create(&thread, NULL, run_spin, &spinner), 0);
    interrupt_until_asked(&g, 5);
    atomic_store(&g.host.stop, true);
    interrupt_until_asked(&g, 1);
    pthread_join(thread, NULL);
    assert_int_equal(spinner.result, WSB_ENGINE_INTERRUPTED);
    assert_int_not_equal(spinner.failure.message[0], '\0');
    guest_close(&g);
}

/* Another instance of the same engine is asked, too, and is not disturbed. */
static void test_sibling_goes_on(void **state)
{
    (void)state;
    NEEDS(DEADLINE);
    guest g;
    pthread_t thread;
    host_state sibling_host = {0};
    guest_init(&g);
    guest_open(&g, "calls");
    void *host = g.limits.host;
    void *sibling = NULL;
    g.limits.host = &sibling_host;
    ASSERT_OK(&g, guest_instantiate(&g, &sibling));
    g.limits.host = host;
    runner spinner = {.g = &g, .instance = g.instance};
    assert_int_equal(pthread_create(&thread, NULL, run_spin, &spinner), 0);
    interrupt_until_asked(&g, 1);
    wsb_raw_value values[2] = {{.i32 = 20}, {.i32 = 22}};
    ASSERT_OK(&g, instance_call(sibling, "add", "ii:i", values, &g.failure));
    assert_int_equal(values[0].i32, 42);
    atomic_store(&g.host.stop, true);
    interrupt_until_asked(&g, 1);
    pthread_join(thread, NULL);
    assert_int_equal(spinner.result, WSB_ENGINE_INTERRUPTED);
    values[0].i64 = 100000;
    ASSERT_OK(&g, instance_call(sibling, "count", "I:", values, &g.failure));
    ops->instance_destroy(sibling);
    guest_close(&g);
}

/* An interrupt while nothing runs is not lost on the next call, nor fatal to it. */
static void test_interrupt_when_idle(void **state)
{
    (void)state;
    NEEDS(DEADLINE);
    guest g;
    guest_init(&g);
    guest_open(&g, "calls");
    for (int i = 0; i < 1000; i++)
        ops->engine_interrupt(g.engine);
    wsb_raw_value values[2] = {{.i32 = 1}, {.i32 = 1}};
    ASSERT_OK(&g, guest_call(&g, "add", "ii:i", values));
    atomic_store(&g.host.stop, true);
    ops->engine_interrupt(g.engine);
    assert_int_equal(guest_call(&g, "spin", ":", NULL), WSB_ENGINE_INTERRUPTED);
    guest_close(&g);
}

int run_interrupt_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goes_on_then_stops),
        cmocka_unit_test(test_sibling_goes_on),
        cmocka_unit_test(test_interrupt_when_idle),
    };
    return cmocka_run_group_tests_name("interrupts", tests, NULL, NULL);
}
