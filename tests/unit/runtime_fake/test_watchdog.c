/* The watchdog by itself, on watches that no engine stands behind. wsb-test: pure */
#include "runtime/ticks.h"
#include "runtime/watchdog.h"
#include "unit/runtime/runtime_test.h"

#include <sched.h>
#include <stdlib.h>
#include <time.h>

static _Atomic unsigned interrupts;

static void count_interrupt(void *engine)
{
    (void)engine;
    atomic_fetch_add(&interrupts, 1);
}

/* Takes longer than the watchdog waits between two interrupts. */
static void slow_interrupt(void *engine)
{
    struct timespec time = {.tv_nsec = 2000000};
    nanosleep(&time, NULL);
    count_interrupt(engine);
}

static void prepare(wsb__watch *watch, uint64_t limit_ns, void (*interrupt)(void *engine))
{
    memset(watch, 0, sizeof *watch);
    watch->wall_limit_ticks = limit_ns == UINT64_MAX ? UINT64_MAX : wsb__ns_to_ticks(limit_ns);
    watch->cpu_limit_ns = UINT64_MAX;
    watch->shortest_ticks = watch->wall_limit_ticks;
    watch->interrupt = interrupt;
    atomic_store(&watch->started, wsb__ticks());
    atomic_store(&watch->state, WSB__RUNNING);
}

static void await_interrupts(unsigned count)
{
    while (atomic_load(&interrupts) < count) {
        sched_yield();
    }
}

static int init(void **state)
{
    static wsb__watchdog watchdog;
    wsb__ticks_init();
    atomic_store(&interrupts, 0);
    *state = &watchdog;
    return wsb__watchdog_init(&watchdog, NULL) != WSB_OK;
}

static int fini(void **state)
{
    wsb__watchdog_fini(*state);
    return 0;
}

static void an_overdue_call_is_interrupted_until_it_ends(void **state)
{
    wsb__watch watch;
    prepare(&watch, 1000, count_interrupt);
    assert_true(wsb__watchdog_add(*state, &watch));
    await_interrupts(3);
    atomic_store(&watch.state, WSB__IDLE);
    while (atomic_load(&watch.listed)) {
        sched_yield();
    }
    wsb__watchdog_remove(*state, &watch);
}

static void others_get_in_while_the_watchdog_is_behind(void **state)
{
    wsb__watch late;
    wsb__watch other;
    prepare(&late, 1, slow_interrupt);
    assert_true(wsb__watchdog_add(*state, &late));
    await_interrupts(2);
    for (int i = 0; i < 20; i++) {
        prepare(&other, 3600 * WSB_SECOND, count_interrupt);
        assert_true(wsb__watchdog_add(*state, &other));
        wsb__watchdog_remove(*state, &other);
    }
    wsb__watchdog_remove(*state, &late);
}

static void a_cancellation_needs_no_limit(void **state)
{
    wsb__watch watch;
    prepare(&watch, UINT64_MAX, count_interrupt);
    wsb__watchdog_cancel(*state, &watch);
    await_interrupts(4); /* again and again: the guest may just have looked away */
    atomic_store(&watch.state, WSB__CLOSED);
    wsb__watchdog_remove(*state, &watch);
}

static void an_idle_instance_is_not_interrupted_by_a_cancellation(void **state)
{
    wsb__watch watch;
    prepare(&watch, UINT64_MAX, count_interrupt);
    atomic_store(&watch.state, WSB__IDLE);
    wsb__watchdog_cancel(*state, &watch);
    assert_false(atomic_load(&watch.listed));
    assert_int_equal(atomic_load(&interrupts), 0);
}

static void many_deadlines_come_and_siblings_stay(void **state)
{
    enum { COUNT = 2000 };
    wsb__watch *watches = calloc(COUNT, sizeof *watches);
    _Atomic unsigned *before = &interrupts;
    assert_non_null(watches);
    for (size_t i = 0; i < COUNT; i++) {
        prepare(&watches[i], i == COUNT / 2 ? 1 : 3600 * WSB_SECOND, count_interrupt);
        assert_true(wsb__watchdog_add(*state, &watches[i]));
    }
    unsigned seen = atomic_load(before);
    await_interrupts(seen + 2);
    atomic_store(&watches[COUNT / 2].state, WSB__IDLE);
    while (atomic_load(&watches[COUNT / 2].listed)) {
        sched_yield();
    }
    assert_true(atomic_load(&watches[0].listed));
    for (size_t i = 0; i < COUNT; i++) {
        wsb__watchdog_remove(*state, &watches[i]);
    }
    free(watches);
}

static void times_near_the_largest_saturate(void **state)
{
    (void)state;
    assert_int_equal(wsb__ticks_to_ns(0), 0);
    assert_int_equal(wsb__ns_to_ticks(0), 0);
    assert_true(wsb__ns_to_ticks(INT64_MAX) > wsb__ns_to_ticks(INT64_MAX / 2));
    assert_true(wsb__ticks_to_ns(UINT64_MAX) >= wsb__ticks_to_ns(UINT64_MAX / 2));
    assert_true(wsb__ns_to_ticks(UINT64_MAX) >= wsb__ns_to_ticks(INT64_MAX));
}

static void ticks_measure_time(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        wsb__ticks_refine();
        uint64_t ns = wsb__monotonic_ns();
        uint64_t ticks = wsb__ticks();
        struct timespec time = {.tv_nsec = 200000};
        nanosleep(&time, NULL);
        uint64_t inner = wsb__ticks_to_ns(wsb__ticks() - ticks);
        uint64_t outer = wsb__monotonic_ns() - ns;
        assert_true(inner >= 190000);
        assert_true(inner <= outer + outer / 50 + 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_overdue_call_is_interrupted_until_it_ends, init, fini),
        cmocka_unit_test_setup_teardown(others_get_in_while_the_watchdog_is_behind, init, fini),
        cmocka_unit_test_setup_teardown(a_cancellation_needs_no_limit, init, fini),
        cmocka_unit_test_setup_teardown(an_idle_instance_is_not_interrupted_by_a_cancellation, init,
                                        fini),
        cmocka_unit_test_setup_teardown(many_deadlines_come_and_siblings_stay, init, fini),
        cmocka_unit_test_setup_teardown(times_near_the_largest_saturate, init, fini),
        cmocka_unit_test_setup_teardown(ticks_measure_time, init, fini),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
