/* Asynchronous calls: thousands in flight against the same calls made by threads, what a queued and
 * a suspended one take, and how soon a running guest is stopped. Two workers throughout. */
#include "bench.h"
#include "ours.h"

#include <malloc.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

enum { WORKERS = 2, FLIGHT = 10000, INSTANCES = 1000, GUESTS = 10000, CANCELS = 1000 };

static wsb_executor *executor_create(uint64_t max_queued)
{
    wsb_executor_options options = WSB_EXECUTOR_OPTIONS_INIT;
    options.workers = WORKERS;
    options.max_threads = WORKERS;
    options.max_queued = max_queued;
    wsb_executor *executor = NULL;
    wsb_error *error = NULL;
    ours_check(wsb_executor_create(&options, &executor, &error), &error);
    return executor;
}

/* An instance that may sleep and, with a channel, receive. */
static wsb_instance *instance_create(wsb_module *module, wsb_execution_mode mode,
                                     wsb_channel *inbox)
{
    static wsb_channel *unused; /* the guest imports channels, so there must be one */
    if (!inbox && !unused) {
        wsb_channel *other = NULL;
        ours_channel_create(1024, &unused, &other);
    }
    return ours_instance_with_channel(module, mode, "inbox", inbox ? inbox : unused);
}

/* --- throughput --- */

typedef struct load {
    wsb_function **functions; /* INSTANCES of them */
    const char *name;
    int32_t rounds; /* the argument of count */
    size_t calls;
} load;

typedef struct sync_side {
    pthread_t thread;
    const load *work;
    size_t first;
} sync_side;

static void call_once(wsb_function *function, int32_t rounds)
{
    wsb_value arg = wsb_value_i32(rounds);
    wsb_value result;
    wsb_error *error = NULL;
    ours_check(wsb_function_call(function, &arg, 1, &result, 1, &error), &error);
    if (result.of.i32 != rounds) {
        bench_fail("a wrong count");
    }
}

static void *sync_main(void *context)
{
    const sync_side *side = context;
    for (size_t i = side->first; i < side->work->calls; i += WORKERS) {
        call_once(side->work->functions[i % INSTANCES], side->work->rounds);
    }
    return NULL;
}

static double by_threads(const load *work)
{
    sync_side sides[WORKERS];
    double begin = bench_now_ns();
    for (size_t i = 0; i < WORKERS; i++) {
        sides[i] = (sync_side){.work = work, .first = i};
        if (pthread_create(&sides[i].thread, NULL, sync_main, &sides[i]) != 0) {
            bench_fail("cannot start a thread");
        }
    }
    for (size_t i = 0; i < WORKERS; i++) {
        pthread_join(sides[i].thread, NULL);
    }
    return bench_now_ns() - begin;
}

static double by_futures(const load *work, wsb_executor *executor)
{
    static wsb_future *futures[FLIGHT];
    double begin = bench_now_ns();
    for (size_t done = 0; done < work->calls; done += FLIGHT) {
        wsb_value arg = wsb_value_i32(work->rounds);
        for (size_t i = 0; i < FLIGHT; i++) {
            futures[i] = ours_start(work->functions[i % INSTANCES], &arg, 1, executor);
        }
        for (size_t i = 0; i < FLIGHT; i++) {
            wsb_value result;
            wsb_error *error = NULL;
            wsb_future_wait(futures[i], UINT64_MAX);
            ours_check(wsb_future_take_values(futures[i], &result, 1, &error), &error);
            if (result.of.i32 != work->rounds) {
                bench_fail("a wrong count");
            }
            wsb_future_destroy(futures[i]);
        }
    }
    return bench_now_ns() - begin;
}

static void throughput(const char *id, const load *work, size_t samples)
{
    wsb_executor *executor = executor_create(FLIGHT);
    double threads[15];
    double futures[15];
    for (size_t i = 0; i < samples; i++) {
        threads[i] = by_threads(work) / (double)work->calls;
        futures[i] = by_futures(work, executor) / (double)work->calls;
    }
    wsb_executor_destroy(executor);
    double by_thread = bench_figures_of(threads, samples).median;
    double by_future = bench_figures_of(futures, samples).median;
    bench_row(id, by_thread, by_future, "%d in flight, %s: throughput %.2f of %d threads'", FLIGHT,
              work->name, by_thread / by_future, WORKERS);
}

static void throughputs(wsb_module *module, wsb_execution_mode mode, const char *const ids[3],
                        bool quick)
{
    static wsb_instance *instances[INSTANCES];
    static wsb_function *functions[INSTANCES];
    for (size_t i = 0; i < INSTANCES; i++) {
        instances[i] = instance_create(module, mode, NULL);
        functions[i] = ours_function(instances[i], "count");
    }
    const load loads[3] = {
        {functions, "calls of some 20 us", 60000, FLIGHT},
        {functions, "calls of some 2 us", 6000, 4 * FLIGHT},
        {functions, "empty calls", 1, 10 * FLIGHT},
    };
    for (size_t i = 0; i < 3; i++) {
        throughput(ids[i], &loads[i], quick ? 3 : 9);
    }
    for (size_t i = 0; i < INSTANCES; i++) {
        wsb_instance_destroy(instances[i]);
    }
}

/* --- memory --- */

/* Calls that wait behind one that never ends. */
static void queued(wsb_module *module)
{
    static wsb_future *futures[FLIGHT];
    wsb_executor *executor = executor_create(FLIGHT + WORKERS);
    wsb_instance *instance = instance_create(module, WSB_EXECUTION_DIRECT, NULL);
    wsb_future *first = ours_start(ours_function(instance, "spin"), NULL, 0, executor);
    wsb_function *add = ours_function(instance, "add");
    wsb_value args[2] = {wsb_value_i32(5), wsb_value_i32(3)};
    size_t before = mallinfo2().uordblks;
    for (size_t i = 0; i < FLIGHT; i++) {
        futures[i] = ours_start(add, args, 2, executor);
    }
    double each = (double)(mallinfo2().uordblks - before) / FLIGHT;
    for (size_t i = 0; i < FLIGHT; i++) {
        wsb_future_cancel(futures[i]);
        wsb_future_wait(futures[i], UINT64_MAX);
        wsb_future_destroy(futures[i]);
    }
    wsb_future_cancel(first);
    wsb_future_wait(first, UINT64_MAX);
    wsb_future_destroy(first);
    wsb_instance_destroy(instance);
    wsb_executor_destroy(executor);
    bench_row("async.queued", NAN, each, "bytes allocated for each of %d calls of (i32, i32)",
              FLIGHT);
}

typedef struct crowd {
    wsb_instance *instances[GUESTS];
    wsb_future *futures[GUESTS];
    wsb_channel *inboxes[GUESTS]; /* the hosts' ends */
    wsb_channel *ends[GUESTS];
} crowd;

static void wait_until_suspended(wsb_executor *executor)
{
    wsb_executor_stats stats = WSB_EXECUTOR_STATS_INIT;
    double limit = bench_now_ns() + 60e9;
    do {
        wsb_executor_get_stats(executor, &stats);
        if (bench_now_ns() > limit) {
            bench_fail("only %llu of %d guests are suspended after a minute",
                       (unsigned long long)stats.suspended, GUESTS);
        }
    } while (stats.suspended < GUESTS);
}

/* Median ns of a short call that goes through the same executor. */
static double short_call(wsb_function *function, wsb_executor *executor)
{
    enum { SAMPLES = 1001 };
    static double samples[SAMPLES];
    for (size_t i = 0; i < SAMPLES; i++) {
        wsb_value arg = wsb_value_i32(1000);
        double begin = bench_now_ns();
        wsb_future *future = ours_start(function, &arg, 1, executor);
        wsb_future_wait(future, UINT64_MAX);
        samples[i] = bench_now_ns() - begin;
        wsb_future_destroy(future);
    }
    return bench_figures_of(samples, SAMPLES).median;
}

static void crowd_start(crowd *self, wsb_module *module, wsb_executor *executor, bool receive)
{
    wsb_value hour = wsb_value_i64((int64_t)(1000 * WSB_SECOND));
    for (size_t i = 0; i < GUESTS; i++) {
        self->instances[i] =
            instance_create(module, WSB_EXECUTION_FIBER, receive ? self->ends[i] : NULL);
        wsb_function *function = ours_function(self->instances[i], receive ? "receive" : "sleep");
        self->futures[i] = ours_start(function, &hour, receive ? 0 : 1, executor);
    }
    wait_until_suspended(executor);
}

/* Wakes all that receive, and cancels those that sleep. */
static void crowd_end(crowd *self, bool receive)
{
    for (size_t i = 0; i < GUESTS; i++) {
        if (receive) {
            wsb_error *error = NULL;
            ours_check(wsb_channel_send(self->inboxes[i], wsb_bytes_of("hello", 5), 0, &error),
                       &error);
        } else {
            wsb_future_cancel(self->futures[i]);
        }
    }
    for (size_t i = 0; i < GUESTS; i++) {
        wsb_future_wait(self->futures[i], UINT64_MAX);
        wsb_status expected = receive ? WSB_OK : WSB_ERROR_CANCELLED;
        if (wsb_future_status(self->futures[i]) != expected) {
            bench_fail("a suspended guest ended with %s",
                       wsb_status_name(wsb_future_status(self->futures[i])));
        }
        wsb_future_destroy(self->futures[i]);
        wsb_instance_destroy(self->instances[i]);
    }
}

static void suspended(wsb_module *module, const char *id, const char *slowed_id, bool receive)
{
    static crowd guests;
    wsb_executor *executor = executor_create(GUESTS + 1);
    for (size_t i = 0; receive && i < GUESTS; i++) {
        ours_channel_create(1024, &guests.inboxes[i], &guests.ends[i]);
    }
    wsb_instance *other = instance_create(module, WSB_EXECUTION_FIBER, NULL);
    wsb_function *count = ours_function(other, "count");
    double alone = short_call(count, executor);
    double before = bench_resident();
    double begin = bench_now_ns();
    crowd_start(&guests, module, executor, receive);
    double took = bench_now_ns() - begin;
    double each = (bench_resident() - before) / GUESTS;
    double beside = short_call(count, executor);
    bench_row(id, NAN, each / 1024, "%d guests on %d workers, each started in %.1f us", GUESTS,
              WORKERS, took / GUESTS / 1e3);
    bench_row(slowed_id, alone, beside, "a short call alone and beside them");
    crowd_end(&guests, receive);
    wsb_instance_destroy(other);
    wsb_executor_destroy(executor);
    for (size_t i = 0; receive && i < GUESTS; i++) {
        wsb_channel_destroy(guests.inboxes[i]);
        wsb_channel_destroy(guests.ends[i]);
    }
}

/* --- cancelling --- */

static void cancels(wsb_module *module, wsb_execution_mode mode, const char *id, size_t count)
{
    static double samples[CANCELS];
    wsb_executor *executor = executor_create(16);
    for (size_t i = 0; i < count; i++) {
        wsb_instance *instance = instance_create(module, mode, NULL);
        wsb_future *future = ours_start(ours_function(instance, "spin"), NULL, 0, executor);
        wsb_future_wait(future, 100000 + i % 7 * 300000);
        double begin = bench_now_ns();
        wsb_future_cancel(future);
        wsb_future_wait(future, UINT64_MAX);
        samples[i] = bench_now_ns() - begin;
        wsb_future_destroy(future);
        wsb_instance_destroy(instance);
    }
    wsb_executor_destroy(executor);
    bench_figures f = bench_figures_of(samples, count);
    bench_row(id, NAN, f.p99, "of %zu: p50 %.2f, p99 %.2f, max %.2f ms", count, f.median / 1e6,
              f.p99 / 1e6, f.maximum / 1e6);
}

/* With `guests` in fiber mode, and a few of ours beside them. */
static wsb_runtime *runtime_create(size_t guests)
{
    wsb_runtime_options options = WSB_RUNTIME_OPTIONS_INIT;
    options.pool_instances = guests + 2;
    options.max_fibers = guests + 2;
    wsb_runtime *runtime = NULL;
    wsb_error *error = NULL;
    ours_check(wsb_runtime_create(wsb_cstr("wasmtime"), &options, &runtime, &error), &error);
    return runtime;
}

/* One runtime at a time: ten thousand guests take nearly all mappings that the system allows. */
static void on_runtime(const bench_options *options, size_t guests,
                       void (*measure)(wsb_module *module, bool quick))
{
    char *path = bench_path(options->data, "async.wasm");
    wsb_runtime *runtime = runtime_create(guests);
    wsb_module *module = ours_module_compile(runtime, path);
    measure(module, options->quick);
    wsb_module_destroy(module);
    wsb_runtime_destroy(runtime);
    free(path);
}

static void measure_calls(wsb_module *module, bool quick)
{
    static const char *const direct_ids[3] = {"async.calls", "async.short", "async.empty"};
    static const char *const fiber_ids[3] = {"async.fiber_calls", "async.fiber_short",
                                             "async.fiber_empty"};
    size_t count = quick ? 200 : CANCELS;
    throughputs(module, WSB_EXECUTION_DIRECT, direct_ids, quick);
    throughputs(module, WSB_EXECUTION_FIBER, fiber_ids, quick);
    queued(module);
    cancels(module, WSB_EXECUTION_DIRECT, "async.cancel", count);
    cancels(module, WSB_EXECUTION_FIBER, "async.cancel_fiber", count);
}

static void measure_crowds(wsb_module *module, bool quick)
{
    (void)quick;
    suspended(module, "async.sleeping", "async.beside_sleep", false);
    suspended(module, "async.receiving", "async.beside_receive", true);
}

int main(int argc, char **argv)
{
    bench_options options;
    bench_options_parse(&options, argc, argv);
    on_runtime(&options, INSTANCES, measure_calls);
    on_runtime(&options, GUESTS, measure_crowds);
    return 0;
}
