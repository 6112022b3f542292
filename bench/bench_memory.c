/* Resident memory: of idle instances, and over a million create/call/destroy cycles. */
#include "bench.h"
#include "ours.h"

#include <malloc.h>
#include <math.h>
#include <stdlib.h>

enum { IDLE = 1000 };

static void idle_instances(wsb_module *module)
{
    static wsb_instance *instances[IDLE];
    wsb_instance_destroy(ours_instance_create(module, NULL)); /* what is made only once */
    double before = bench_resident();
    for (int i = 0; i < IDLE; i++) {
        instances[i] = ours_instance_create(module, NULL);
    }
    double each = (bench_resident() - before) / (double)IDLE;
    wsb_usage usage = WSB_USAGE_INIT;
    wsb_instance_usage(instances[IDLE - 1], &usage);
    for (int i = 0; i < IDLE; i++) {
        wsb_instance_destroy(instances[i]);
    }
    bench_row("memory.idle", NAN, each / 1024,
              "%d instances; the guest touched nothing of its %.0f"
              " KiB",
              IDLE, (double)usage.memory / 1024);
}

static void cycle(wsb_module *module)
{
    wsb_instance *instance = ours_instance_create(module, NULL);
    wsb_value args[2] = {wsb_value_i32(5), wsb_value_i32(3)};
    wsb_value result;
    wsb_error *error = NULL;
    ours_check(wsb_function_call(ours_function(instance, "add"), args, 2, &result, 1, &error),
               &error);
    if (result.of.i32 != 8) {
        bench_fail("a wrong sum");
    }
    wsb_instance_destroy(instance);
}

/* The largest resident size seen in each tenth. */
static void cycles(wsb_module *module, size_t count)
{
    double tenths[10] = {0};
    for (size_t i = 0; i < count; i++) {
        cycle(module);
        if (i % 100 == 0) {
            double now = bench_resident();
            double *tenth = &tenths[i * 10 / count];
            *tenth = now > *tenth ? now : *tenth;
        }
    }
    bench_row("memory.cycles", NAN, (tenths[9] - tenths[1]) / 1024,
              "%zu cycles; resident %.0f KiB in the second tenth, %.0f in the last", count,
              tenths[1] / 1024, tenths[9] / 1024);
}

int main(int argc, char **argv)
{
    bench_options options;
    bench_options_parse(&options, argc, argv);
    char *path = bench_path(options.data, "tiny.wasm");
    wsb_module *module = ours_module_compile(ours_runtime_create(), path);
    idle_instances(module);
    cycles(module, options.quick ? 100000 : 1000000);
    free(path);
    return 0;
}
