/* Ending one guest disturbs no other; a host's own signal handlers and traps get along. */
#include "unit/runtime/runtime_test.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

static const char busy[] =
    "(module (memory 1 1)"
    " (func (export \"spin\") (loop (br 0)))"
    /* Counts to what it is told. */
    " (func (export \"count\") (param i64) (result i64) (local i64)"
    "   (loop (local.set 1 (i64.add (local.get 1) (i64.const 1)))"
    "     (br_if 0 (i64.lt_u (local.get 1) (local.get 0))))"
    "   (local.get 1))"
    " (func (export \"unreachable\") unreachable)"
    " (func (export \"outside\") (drop (i32.load (i32.const 65536))))"
    " (func (export \"divide\") (param i32) (result i32) (i32.div_s (i32.const 1) (local.get 0)))"
    " (func $deep (export \"deep\") (call $deep)))";

enum { SIBLINGS = 20 };

typedef struct sibling {
    wsb_instance *instance;
    _Atomic bool *stop;
    _Atomic unsigned *running;
    bool ok;
} sibling;

static void *count_on(void *argument)
{
    sibling *self = argument;
    wsb_function *function = function_of(self->instance, "count");
    atomic_fetch_add(self->running, 1);
    self->ok = true;
    while (!atomic_load(self->stop)) {
        wsb_value limit = wsb_value_i64(3000000);
        wsb_value result;
        self->ok = self->ok && wsb_function_call(function, &limit, 1, &result, 1, NULL) == WSB_OK &&
                   result.of.i64 == 3000000;
    }
    return NULL;
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * WSB_SECOND + (uint64_t)now.tv_nsec;
}

typedef enum ending { BY_WALL_TIME, BY_CPU_TIME, BY_FUEL, BY_CANCEL, ENDINGS } ending;

/* One that is ended; gives how much later than asked. */
static uint64_t end_one(wsb_runtime *runtime, ending how)
{
    static const wsb_status statuses[ENDINGS] = {WSB_ERROR_TIMEOUT, WSB_ERROR_CPU_TIME,
                                                 WSB_ERROR_OUT_OF_FUEL, WSB_ERROR_CANCELLED};
    const uint64_t limit_ns = 10 * WSB_MILLISECOND;
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    limits.max_wall_time = how == BY_WALL_TIME ? limit_ns : WSB_UNLIMITED;
    limits.max_cpu_time = how == BY_CPU_TIME ? limit_ns : 0;
    limits.fuel = how == BY_FUEL ? 1000000 : 0;
    config.limits = &limits;
    wsb_instance *instance = instantiate(runtime, busy, &config);
    wsb_function *spin = function_of(instance, "spin");
    if (how == BY_CANCEL) {
        wsb_instance_cancel(instance);
    }
    uint64_t start = now_ns();
    assert_int_equal(wsb_function_call(spin, NULL, 0, NULL, 0, NULL), statuses[how]);
    uint64_t taken = now_ns() - start;
    bool timed = how == BY_WALL_TIME || how == BY_CPU_TIME;
    assert_true(!timed || taken >= limit_ns - limit_ns / 50);
    wsb_instance_destroy(instance);
    return timed ? taken - limit_ns : taken;
}

/* Ends guests in these ways, one after the other, while `count` others are busy. */
static void end_among_siblings(wsb_runtime *runtime, size_t count, const ending *ways, size_t times)
{
    _Atomic bool stop = false;
    _Atomic unsigned running = 0;
    sibling siblings[SIBLINGS];
    pthread_t threads[SIBLINGS];
    uint64_t latest = 0;
    for (size_t i = 0; i < count; i++) {
        siblings[i] = (sibling){
            .instance = instantiate(runtime, busy, NULL), .stop = &stop, .running = &running};
        assert_int_equal(pthread_create(&threads[i], NULL, count_on, &siblings[i]), 0);
    }
    while (atomic_load(&running) < count) {
        sched_yield();
    }
    for (size_t i = 0; i < times; i++) {
        uint64_t late = end_one(runtime, ways[i % 2]);
        latest = late > latest ? late : latest;
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        assert_true(siblings[i].ok);
        wsb_instance_destroy(siblings[i].instance);
    }
    /* Far above what is promised: this machine may have other things to do. */
    assert_true(latest < 2 * WSB_SECOND);
}

static void twenty_busy_siblings_are_not_disturbed(void **state)
{
    static const ending ways[] = {BY_WALL_TIME, BY_CANCEL};
    end_among_siblings(*state, SIBLINGS, ways, 16);
}

/* Few, as what ends by processor time must first get that. */
static void a_guest_that_used_its_own_up_disturbs_none(void **state)
{
    static const ending ways[] = {BY_CPU_TIME, BY_FUEL};
    end_among_siblings(*state, 3, ways, 6);
}

static const int trap_signals[] = {SIGSEGV, SIGILL, SIGFPE, SIGBUS};
enum { TRAP_SIGNALS = sizeof trap_signals / sizeof *trap_signals };

static struct sigaction before[TRAP_SIGNALS];
static _Atomic unsigned seen;

/* What a host with handlers of its own does: what is not its own goes to whoever was there. */
static void pass_on(int number, siginfo_t *info, void *context)
{
    atomic_fetch_add(&seen, 1);
    for (size_t i = 0; i < TRAP_SIGNALS; i++) {
        if (trap_signals[i] == number) {
            if ((before[i].sa_flags & SA_SIGINFO) == 0) {
                _exit(99); /* nobody was there: a real crash */
            }
            before[i].sa_sigaction(number, info, context);
        }
    }
}

static void give_up(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    (void)context;
    _exit(98);
}

static void install(void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action = {.sa_sigaction = handler,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < TRAP_SIGNALS; i++) {
        assert_int_equal(sigaction(trap_signals[i], &action, &before[i]), 0);
    }
}

static void uninstall(void)
{
    for (size_t i = 0; i < TRAP_SIGNALS; i++) {
        assert_int_equal(sigaction(trap_signals[i], &before[i], NULL), 0);
    }
}

static void trap_each(wsb_runtime *runtime)
{
    const struct {
        const char *function;
        const char *trap;
        size_t args;
    } cases[] = {{"unreachable", "unreachable", 0},
                 {"outside", "memory_out_of_bounds", 0},
                 {"divide", "division_by_zero", 1},
                 {"deep", "stack_overflow", 0}};
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        size_t which = i % (sizeof cases / sizeof *cases);
        wsb_value zero = wsb_value_i32(0);
        wsb_value result;
        wsb_error *error = NULL;
        wsb_instance *instance = instantiate(runtime, busy, NULL);
        wsb_function *function = function_of(instance, cases[which].function);
        assert_int_equal(wsb_function_call(function, &zero, cases[which].args, &result,
                                           cases[which].args, &error),
                         WSB_ERROR_TRAP);
        assert_string_equal(wsb_error_trap(error), cases[which].trap);
        wsb_error_destroy(error);
        wsb_instance_destroy(instance);
    }
}

static void traps_reach_the_engine_through_a_hosts_handler(void **state)
{
    trap_each(*state); /* the engine's handlers are in place */
    install(pass_on);
    trap_each(*state);
    uninstall();
    print_message("%u signals were handed on\n", atomic_load(&seen)); /* interpreters need none */
}

static void without_signals_a_host_need_not_pass_them_on(void **state)
{
    TEST_NEEDS(*state, NO_SIGNALS);
    wsb_runtime *runtime;
    wsb_runtime_options options = WSB_RUNTIME_OPTIONS_INIT;
    options.avoid_signals = true;
    options.pool_instances = test_pool(test_engine(), 16);
    MUST(wsb_runtime_create(test_engine(), &options, &runtime, err));
    install(give_up);
    trap_each(runtime);
    uninstall();
    wsb_runtime_destroy(runtime);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twenty_busy_siblings_are_not_disturbed),
        cmocka_unit_test(a_guest_that_used_its_own_up_disturbs_none),
        cmocka_unit_test(traps_reach_the_engine_through_a_hosts_handler),
        cmocka_unit_test(without_signals_a_host_need_not_pass_them_on),
    };
    return cmocka_run_group_tests(tests, make_runtime, drop_runtime);
}
