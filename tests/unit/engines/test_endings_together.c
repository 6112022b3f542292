/* Guests of all engines at once: ending one, on any engine and in any way, disturbs no other.
 * wsb-test: engines */
#include "unit/engines/engines_test.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

static const char busy[] = "(module (memory (export \"memory\") 1)"
                           " (func (export \"spin\") (loop (br 0)))"
                           " (func (export \"count\") (param i64) (result i64) (local i64)"
                           "   (loop (local.set 1 (i64.add (local.get 1) (i64.const 1)))"
                           "     (br_if 0 (i64.lt_u (local.get 1) (local.get 0))))"
                           "   (local.get 1)))";

typedef struct sibling {
    wsb_instance *instance;
    _Atomic bool *stop;
    _Atomic unsigned *running;
    bool ok;
} sibling;

static void *count_on(void *data)
{
    sibling *self = data;
    wsb_function *count = function_of(self->instance, "count");
    wsb_value limit = wsb_value_i64(200000);
    self->ok = true;
    atomic_fetch_add(self->running, 1);
    while (!atomic_load(self->stop)) {
        wsb_value result;
        wsb_status status = wsb_function_call(count, &limit, 1, &result, 1, NULL);
        self->ok = self->ok && status == WSB_OK && result.of.i64 == 200000;
    }
    return NULL;
}

typedef struct ending {
    wsb_status status;
    uint64_t wall;
    uint64_t cpu;
    uint64_t fuel;
} ending;

static void end_one(wsb_module *module, const ending *how)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_instance *instance;
    limits.max_wall_time = how->wall;
    limits.max_cpu_time = how->cpu;
    limits.fuel = how->fuel;
    config.limits = &limits;
    MUST(wsb_instance_create(module, &config, &instance, err));
    assert_int_equal(wsb_function_call(function_of(instance, "spin"), NULL, 0, NULL, 0, NULL),
                     how->status);
    wsb_instance_destroy(instance);
}

static void *cancel_when_running(void *data)
{
    wsb_usage usage = WSB_USAGE_INIT;
    do {
        wsb_instance_usage(data, &usage);
    } while (usage.wall_time < WSB_MILLISECOND);
    wsb_instance_cancel(data);
    return NULL;
}

static void cancel_one(wsb_module *module)
{
    wsb_instance *instance;
    pthread_t thread;
    MUST(wsb_instance_create(module, NULL, &instance, err));
    wsb_function *spin = function_of(instance, "spin");
    assert_int_equal(pthread_create(&thread, NULL, cancel_when_running, instance), 0);
    assert_int_equal(wsb_function_call(spin, NULL, 0, NULL, 0, NULL), WSB_ERROR_CANCELLED);
    pthread_join(thread, NULL);
    wsb_instance_destroy(instance);
}

static void end_guests_of(wsb_module *module)
{
    static const ending endings[] = {
        {WSB_ERROR_TIMEOUT, 5 * WSB_MILLISECOND, 0, 0},
        {WSB_ERROR_CPU_TIME, WSB_UNLIMITED, 2 * WSB_MILLISECOND, 0},
        {WSB_ERROR_OUT_OF_FUEL, WSB_UNLIMITED, 0, 100000},
    };
    for (size_t i = 0; i < 2 * sizeof endings / sizeof *endings; i++) {
        end_one(module, &endings[i % (sizeof endings / sizeof *endings)]);
        cancel_one(module);
    }
}

static void endings_disturb_no_engine(void **state)
{
    engine_list engines;
    wsb_runtime *runtimes[MAX_ENGINES];
    wsb_module *modules[MAX_ENGINES];
    sibling siblings[MAX_ENGINES];
    pthread_t threads[MAX_ENGINES];
    _Atomic bool stop = false;
    _Atomic unsigned running = 0;
    (void)state;
    read_engines(&engines);
    for (size_t i = 0; i < engines.count; i++) {
        runtimes[i] = open_engine(engines.ids[i]);
        modules[i] = compile(runtimes[i], busy);
        siblings[i] = (sibling){.stop = &stop, .running = &running};
        MUST(wsb_instance_create(modules[i], NULL, &siblings[i].instance, err));
        assert_int_equal(pthread_create(&threads[i], NULL, count_on, &siblings[i]), 0);
    }
    while (atomic_load(&running) < engines.count) {
        sched_yield();
    }
    for (size_t i = 0; i < engines.count; i++) {
        end_guests_of(modules[i]);
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < engines.count; i++) {
        pthread_join(threads[i], NULL);
        assert_true(siblings[i].ok);
        wsb_instance_destroy(siblings[i].instance);
        wsb_module_destroy(modules[i]);
        wsb_runtime_destroy(runtimes[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(endings_disturb_no_engine)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
