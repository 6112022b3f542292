/* Deadlines, cancellations and readers of usage against calls of many threads. */
#include "unit/runtime_fake/fake_runtime.h"

#include <sched.h>
#include <stdatomic.h>

enum { THREADS = 8 };

typedef struct worker {
    wsb_runtime *runtime;
    wsb_instance *instance;
    _Atomic bool *stop;
    _Atomic unsigned *count;
    unsigned number;
    bool ok;
} worker;

static wsb_instance *limited(wsb_runtime *runtime, uint64_t wall_ns, uint64_t cpu_ns)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    limits.max_wall_time = wall_ns;
    limits.max_cpu_time = cpu_ns;
    config.limits = &limits;
    return instantiate(runtime, FAKE_GUEST, &config);
}

static void *spin_to_the_end(void *argument)
{
    worker *self = argument;
    self->ok = true;
    for (unsigned i = 0; i < 12; i++) {
        bool by_cpu = (i + self->number) % 3 == 2;
        uint64_t limit = (uint64_t)(1 + (i * 7 + self->number) % 5) * WSB_MILLISECOND;
        wsb_instance *instance =
            limited(self->runtime, by_cpu ? WSB_UNLIMITED : limit, by_cpu ? limit : WSB_UNLIMITED);
        wsb_status status = call_plain(instance, "spin");
        self->ok = self->ok && status == (by_cpu ? WSB_ERROR_CPU_TIME : WSB_ERROR_TIMEOUT) &&
                   call_plain(instance, "nop") == WSB_ERROR_CLOSED;
        wsb_instance_destroy(instance);
    }
    return NULL;
}

static void *call_shortly(void *argument)
{
    worker *self = argument;
    wsb_instance *instance = limited(self->runtime, 0, 0);
    self->ok = true;
    while (!atomic_load(self->stop)) {
        self->ok = self->ok && call_plain(instance, "nop") == WSB_OK;
    }
    wsb_instance_destroy(instance);
    return NULL;
}

static void deadlines_end_the_late_and_no_other(void **state)
{
    _Atomic bool stop = false;
    worker late[THREADS];
    worker timely[2];
    pthread_t threads[2];
    for (unsigned i = 0; i < 2; i++) {
        timely[i] = (worker){.runtime = *state, .stop = &stop};
        assert_int_equal(pthread_create(&threads[i], NULL, call_shortly, &timely[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        late[i] = (worker){.runtime = *state, .number = i};
    }
    run_threads(THREADS, spin_to_the_end, late, sizeof *late);
    atomic_store(&stop, true);
    for (unsigned i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_true(timely[i].ok);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_true(late[i].ok);
    }
}

/* Calls until it is cancelled, whatever the call is doing then. */
static void *call_until_cancelled(void *argument)
{
    worker *self = argument;
    wsb_status status = WSB_OK;
    while (status == WSB_OK) {
        atomic_fetch_add(self->count, 1);
        status = call_plain(self->instance, "nop");
    }
    self->ok =
        status == WSB_ERROR_CANCELLED && call_plain(self->instance, "nop") == WSB_ERROR_CLOSED;
    return NULL;
}

static void a_cancellation_arrives_whenever_it_comes(void **state)
{
    for (unsigned round = 0; round < 150; round++) {
        _Atomic unsigned count = 0;
        pthread_t thread;
        worker self = {.count = &count,
                       .instance = limited(*state, round % 2 ? WSB_UNLIMITED : 0,
                                           round % 2 ? WSB_UNLIMITED : 0)};
        assert_int_equal(pthread_create(&thread, NULL, call_until_cancelled, &self), 0);
        while (atomic_load(&count) < 1 + round % 4) {
            sched_yield();
        }
        wsb_instance_cancel(self.instance);
        pthread_join(thread, NULL);
        assert_true(self.ok);
        wsb_instance_destroy(self.instance);
    }
}

static void *spin_without_end(void *argument)
{
    worker *self = argument;
    atomic_fetch_add(self->count, 1);
    self->ok = call_plain(self->instance, "spin") == WSB_ERROR_CANCELLED;
    return NULL;
}

static void cancelling_twice_from_two_threads_ends_it_once(void **state)
{
    for (unsigned round = 0; round < 50; round++) {
        _Atomic unsigned count = 0;
        pthread_t thread;
        worker self = {.count = &count, .instance = limited(*state, WSB_UNLIMITED, WSB_UNLIMITED)};
        assert_int_equal(pthread_create(&thread, NULL, spin_without_end, &self), 0);
        while (atomic_load(&count) == 0) {
        }
        wsb_instance_cancel(self.instance);
        wsb_instance_cancel(self.instance);
        pthread_join(thread, NULL);
        assert_true(self.ok);
        wsb_instance_destroy(self.instance);
    }
}

static void *read_usage(void *argument)
{
    worker *self = argument;
    wsb_usage last = WSB_USAGE_INIT;
    self->ok = true;
    while (!atomic_load(self->stop)) {
        wsb_usage now = WSB_USAGE_INIT;
        wsb_instance_usage(self->instance, &now);
        self->ok = self->ok && now.memory == 65536 && now.calls >= last.calls &&
                   now.host_calls >= last.host_calls && now.wall_time < 100 * WSB_SECOND &&
                   wsb_instance_memory_size(self->instance) == 65536;
        last = now;
    }
    return NULL;
}

static void usage_is_read_while_calls_come_and_go(void **state)
{
    _Atomic bool stop = false;
    worker readers[3];
    pthread_t threads[3];
    wsb_instance *instance = limited(*state, 0, 0);
    for (unsigned i = 0; i < 3; i++) {
        readers[i] = (worker){.instance = instance, .stop = &stop};
        assert_int_equal(pthread_create(&threads[i], NULL, read_usage, &readers[i]), 0);
    }
    wsb_function *add = function_of(instance, "add");
    for (int32_t i = 0; i < 20000; i++) {
        wsb_value args[2] = {wsb_value_i32(i), wsb_value_i32(1)};
        wsb_value sum;
        char byte = 1;
        MUST(wsb_function_call(add, args, 2, &sum, 1, err));
        assert_int_equal(sum.of.i32, i + 1);
        if (i % 16 == 0) {
            MUST(wsb_instance_write_memory(instance, 10, &byte, 1, err));
            MUST(wsb_instance_read_memory(instance, 10, &byte, 1, err));
        }
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        assert_true(readers[i].ok);
    }
    wsb_usage usage = WSB_USAGE_INIT;
    wsb_instance_usage(instance, &usage);
    assert_int_equal(usage.calls, 20000);
    wsb_instance_destroy(instance);
}

/* What a pause between two calls must not look like, read just when the second one starts. */
static void time_between_calls_is_nobodys(void **state)
{
    _Atomic bool stop = false;
    pthread_t thread;
    wsb_instance *instance = limited(*state, 0, 0);
    uint64_t most = 0;
    MUST(call_plain(instance, "nop"));
    worker reader = {.instance = instance, .stop = &stop};
    assert_int_equal(pthread_create(&thread, NULL, read_usage, &reader), 0);
    for (int i = 0; i < 20; i++) {
        struct timespec pause = {.tv_nsec = 1000000};
        nanosleep(&pause, NULL);
        MUST(call_plain(instance, "nop"));
        wsb_usage usage = WSB_USAGE_INIT;
        wsb_instance_usage(instance, &usage);
        most = usage.wall_time > most ? usage.wall_time : most;
    }
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    assert_true(reader.ok);
    wsb_instance_destroy(instance);
}

static void *call_the_same(void *argument)
{
    worker *self = argument;
    self->ok = true;
    wsb_function *function = (wsb_function *)self->instance;
    for (int i = 0; i < 3000; i++) {
        wsb_error *error = NULL;
        wsb_status status = wsb_function_call(function, NULL, 0, NULL, 0, &error);
        self->ok = self->ok && (status == WSB_OK || status == WSB_ERROR_BUSY) &&
                   status == wsb_error_status(error);
        wsb_error_destroy(error);
    }
    return NULL;
}

static void two_threads_in_one_instance_are_busy_and_nothing_else(void **state)
{
    worker workers[4];
    wsb_instance *instance = limited(*state, 0, 0);
    wsb_function *function = function_of(instance, "nop");
    for (unsigned i = 0; i < 4; i++) {
        workers[i] = (worker){.instance = (wsb_instance *)function};
    }
    run_threads(4, call_the_same, workers, sizeof *workers);
    for (unsigned i = 0; i < 4; i++) {
        assert_true(workers[i].ok);
    }
    wsb_instance_destroy(instance);
}

static void *look_while_it_runs(void *argument)
{
    worker *self = argument;
    uint8_t byte = 0;
    wsb_value value = wsb_value_i64(1);
    self->ok = wsb_instance_read_memory(self->instance, 0, &byte, 1, NULL) == WSB_ERROR_BUSY &&
               wsb_instance_write_memory(self->instance, 0, &byte, 1, NULL) == WSB_ERROR_BUSY &&
               wsb_instance_grow_memory(self->instance, 1, NULL) == WSB_ERROR_BUSY &&
               wsb_instance_get_global(self->instance, wsb_cstr("counter"), &value, NULL) ==
                   WSB_ERROR_BUSY &&
               wsb_instance_set_global(self->instance, wsb_cstr("counter"), &value, NULL) ==
                   WSB_ERROR_BUSY;
    wsb_instance_cancel(self->instance);
    return NULL;
}

static void a_running_guest_is_closed_to_other_threads(void **state)
{
    _Atomic unsigned count = 0;
    pthread_t threads[2];
    worker runner = {.count = &count, .instance = limited(*state, 0, 0)};
    worker other = {.instance = runner.instance};
    assert_int_equal(pthread_create(&threads[0], NULL, spin_without_end, &runner), 0);
    wsb_usage usage = WSB_USAGE_INIT;
    do {
        wsb_instance_usage(runner.instance, &usage);
        sched_yield();
    } while (usage.wall_time == 0);
    assert_int_equal(pthread_create(&threads[1], NULL, look_while_it_runs, &other), 0);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    assert_true(runner.ok);
    assert_true(other.ok);
    wsb_instance_destroy(runner.instance);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deadlines_end_the_late_and_no_other),
        cmocka_unit_test(a_cancellation_arrives_whenever_it_comes),
        cmocka_unit_test(cancelling_twice_from_two_threads_ends_it_once),
        cmocka_unit_test(usage_is_read_while_calls_come_and_go),
        cmocka_unit_test(time_between_calls_is_nobodys),
        cmocka_unit_test(two_threads_in_one_instance_are_busy_and_nothing_else),
        cmocka_unit_test(a_running_guest_is_closed_to_other_threads),
    };
    return RUN_ON_BOTH(tests, make_fake_runtime, drop_fake_runtime);
}
