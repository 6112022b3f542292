/* How long after its deadline a spinning guest is back, alone and beside 50 busy siblings on
 * threads of their own; and the same inside a bulk memory operation. */
#include "bench.h"
#include "ours.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { SIBLINGS = 50, MAX_SAMPLES = 1000 };
static const int32_t sibling_count_to = 1000000;

typedef struct sibling {
    pthread_t thread;
    wsb_module *module;
    atomic_bool *stop;
    uint64_t rounds;
    uint64_t disturbed;
} sibling;

static void *sibling_main(void *context)
{
    sibling *self = context;
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    limits.max_wall_time = 3600 * WSB_SECOND;
    limits.max_cpu_time = 3600 * WSB_SECOND;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    config.limits = &limits;
    wsb_instance *instance = ours_instance_create(self->module, &config);
    wsb_function *count = ours_function(instance, "count");
    while (!atomic_load_explicit(self->stop, memory_order_relaxed)) {
        wsb_value argument = wsb_value_i32(sibling_count_to);
        wsb_value result;
        wsb_status status = wsb_function_call(count, &argument, 1, &result, 1, NULL);
        if (status != WSB_OK || result.of.i32 != sibling_count_to) {
            self->disturbed++;
            break; /* a closed instance would only fail again */
        }
        self->rounds++;
    }
    wsb_instance_destroy(instance);
    return NULL;
}

/* ns between the deadline and the return of a call that would never end. */
static double overshoot(wsb_module *module, const char *name, uint64_t deadline)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    limits.max_wall_time = deadline;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    config.limits = &limits;
    wsb_instance *instance = ours_instance_create(module, &config);
    wsb_function *function = ours_function(instance, name);
    double start = bench_now_ns();
    wsb_status status = wsb_function_call(function, NULL, 0, NULL, 0, NULL);
    double elapsed = bench_now_ns() - start;
    if (status != WSB_ERROR_TIMEOUT) {
        bench_fail("%s ended with %s instead of a timeout", name, wsb_status_name(status));
    }
    wsb_instance_destroy(instance);
    return elapsed - (double)deadline;
}

static bench_figures overshoots(wsb_module *module, const char *name, uint64_t deadline,
                                size_t count)
{
    static double samples[MAX_SAMPLES];
    for (size_t i = 0; i < count; i++) {
        samples[i] = overshoot(module, name, deadline);
    }
    return bench_figures_of(samples, count);
}

static void figures_row(const char *id, bench_figures f, double less, size_t count)
{
    bench_row(id, NAN, f.p99 - less, "of %zu: p50 %.2f, p99 %.2f, max %.2f ms", count,
              f.median / 1e6, f.p99 / 1e6, f.maximum / 1e6);
}

static void beside_siblings(wsb_module *module, size_t count)
{
    static sibling siblings[SIBLINGS];
    atomic_bool stop = false;
    for (int i = 0; i < SIBLINGS; i++) {
        siblings[i] = (sibling){.module = module, .stop = &stop};
        if (pthread_create(&siblings[i].thread, NULL, sibling_main, &siblings[i]) != 0) {
            bench_fail("cannot start a thread");
        }
    }
    bench_figures figures = overshoots(module, "spin", 10 * WSB_MILLISECOND, count);
    atomic_store(&stop, true);
    uint64_t rounds = 0, disturbed = 0;
    for (int i = 0; i < SIBLINGS; i++) {
        pthread_join(siblings[i].thread, NULL);
        rounds += siblings[i].rounds;
        disturbed += siblings[i].disturbed;
    }
    figures_row("deadline.spin", figures, 0, count);
    bench_row("deadline.siblings", NAN, (double)disturbed, "%llu calls of siblings meanwhile",
              (unsigned long long)rounds);
}

/* ns that one fill of the whole memory takes. */
static double one_fill(wsb_instance *instance)
{
    double samples[15];
    for (int i = 0; i < 15; i++) {
        wsb_error *error = NULL;
        double start = bench_now_ns();
        ours_check(
            wsb_function_call(ours_function(instance, "fill_once"), NULL, 0, NULL, 0, &error),
            &error);
        samples[i] = bench_now_ns() - start;
    }
    return bench_figures_of(samples, 15).median;
}

static double fill_overshoot(wsb_module *module, double *out_fill)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    limits.max_memory = 64 * WSB_MIB;
    limits.max_wall_time = 300 * WSB_MILLISECOND;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    config.limits = &limits;
    wsb_instance *instance = ours_instance_create(module, &config);
    wsb_error *error = NULL;
    ours_check(wsb_instance_grow_memory(instance, 1023, &error), &error);
    *out_fill = one_fill(instance);
    wsb_function *fill = ours_function(instance, "fill");
    double start = bench_now_ns();
    wsb_status status = wsb_function_call(fill, NULL, 0, NULL, 0, NULL);
    double elapsed = bench_now_ns() - start;
    if (status != WSB_ERROR_TIMEOUT) {
        bench_fail("fill ended with %s instead of a timeout", wsb_status_name(status));
    }
    wsb_instance_destroy(instance);
    return elapsed - (double)limits.max_wall_time;
}

static void during_fill(wsb_module *module, size_t count)
{
    double samples[100], fills[100];
    for (size_t i = 0; i < count; i++) {
        samples[i] = fill_overshoot(module, &fills[i]);
    }
    bench_figures figures = bench_figures_of(samples, count);
    double fill = bench_figures_of(fills, count).median;
    bench_row("deadline.fill", NAN, figures.p99 - fill,
              "of %zu: p50 %.2f, p99 %.2f, max %.2f ms; one fill of 64 MiB %.2f ms", count,
              figures.median / 1e6, figures.p99 / 1e6, figures.maximum / 1e6, fill / 1e6);
}

int main(int argc, char **argv)
{
    bench_options options;
    bench_options_parse(&options, argc, argv);
    char *path = bench_path(options.data, "tiny.wasm");
    wsb_module *module = ours_module_compile(ours_runtime_create(), path);
    size_t count = options.quick ? 200 : MAX_SAMPLES;
    figures_row("deadline.alone", overshoots(module, "spin", 10 * WSB_MILLISECOND, count), 0,
                count);
    beside_siblings(module, count);
    during_fill(module, options.quick ? 10 : 50);
    free(path);
    return 0;
}
