/* WASI file and clock operations against the same source built natively, on the same directory,
 * in turn. */
#include "bench.h"
#include "child.h"
#include "ours.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPERATIONS = 4, MAX_ROUNDS = 16, MAX_ENGINES = 8 };

static const char *const names[OPERATIONS] = {"pwrite", "pread", "open", "clock"};

typedef struct samples {
    double of[OPERATIONS][MAX_ROUNDS];
} samples;

static void parse(const char *text, samples *out, size_t round)
{
    for (int i = 0; i < OPERATIONS; i++) {
        char pattern[32];
        snprintf(pattern, sizeof pattern, "%s ", names[i]);
        const char *found = strstr(text, pattern);
        if (!found) {
            bench_fail("no figure for %s in: %s", names[i], text);
        }
        out->of[i][round] = strtod(found + strlen(pattern), NULL);
    }
}

static void run_guest(wsb_module *module, const char *directory, samples *out, size_t round)
{
    wsb_filesystem_capability preopen = WSB_FILESYSTEM_CAPABILITY_INIT;
    preopen.host_path = wsb_cstr(directory);
    preopen.guest_path = wsb_cstr("/data");
    preopen.access = WSB_FILESYSTEM_READ_WRITE;
    preopen.allow_create = true;
    wsb_capabilities capabilities;
    wsb_capabilities_minimal(&capabilities);
    wsb_str args[] = {wsb_cstr("io"), wsb_cstr("/data")};
    capabilities.arguments = args;
    capabilities.argument_count = 2;
    capabilities.filesystem = &preopen;
    capabilities.filesystem_count = 1;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    config.capabilities = &capabilities;
    wsb_instance *instance = ours_instance_create(module, &config);
    wsb_error *error = NULL;
    int32_t code = -1;
    ours_check(wsb_instance_run(instance, &code, &error), &error);
    if (code != 0) {
        wsb_bytes text = wsb_instance_output(instance, WSB_STANDARD_ERROR, NULL);
        bench_fail("the guest exited with %d: %.*s", code, (int)text.len, (const char *)text.data);
    }
    wsb_bytes output = wsb_instance_output(instance, WSB_STANDARD_OUTPUT, NULL);
    char *text = strndup((const char *)output.data, output.len);
    parse(text, out, round);
    free(text);
    wsb_instance_destroy(instance);
}

/* A row for each operation of one engine; `prefix` with a dot at its end. The clock has a bound
 * only on the default engine. */
static void report(const char *prefix, const samples *raw, const samples *ours, size_t rounds,
                   int operations)
{
    for (int i = 0; i < operations; i++) {
        char id[64];
        snprintf(id, sizeof id, "%s%s", prefix, names[i]);
        samples r = *raw, o = *ours; /* sorted below; the order is of no use to anybody else */
        bench_figures theirs = bench_figures_of(r.of[i], rounds);
        bench_figures mine = bench_figures_of(o.of[i], rounds);
        bench_row(id, theirs.median, mine.median, "minima %.0f and %.0f ns", theirs.minimum,
                  mine.minimum);
    }
}

static size_t split_names(char *text, const char **out, size_t capacity)
{
    size_t count = 0;
    char *rest = NULL;
    for (char *name = strtok_r(text, " ", &rest); name && count < capacity;
         name = strtok_r(NULL, " ", &rest)) {
        out[count++] = name;
    }
    return count;
}

int main(int argc, char **argv)
{
    bench_options options;
    bench_options_parse(&options, argc, argv);
    char directory[] = "/tmp/wsb-bench-XXXXXX";
    if (!mkdtemp(directory)) {
        bench_fail("cannot make a directory under /tmp");
    }
    char *guest = bench_path(options.data, "io.wasm");
    char *native = bench_path(options.tools, "bench_io_native");
    char engine_names[] = WSB_BENCH_ENGINES;
    const char *engines[MAX_ENGINES];
    size_t engine_count = split_names(engine_names, engines, MAX_ENGINES);
    wsb_module *modules[MAX_ENGINES];
    for (size_t i = 0; i < engine_count; i++) {
        modules[i] = ours_module_compile(ours_runtime_create_on(engines[i]), guest);
    }
    static samples raw, ours[MAX_ENGINES];
    size_t rounds = options.quick ? 7 : 15;
    for (size_t round = 0; round < rounds; round++) {
        char text[1024];
        char *command[] = {native, directory, NULL};
        spawn_timed(command, text, sizeof text);
        parse(text, &raw, round);
        for (size_t i = 0; i < engine_count; i++) {
            run_guest(modules[i], directory, &ours[i], round);
        }
    }
    for (size_t i = 0; i < engine_count; i++) {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "io.%s.", engines[i]);
        report(prefix, &raw, &ours[i], rounds, OPERATIONS - 1);
        if (strcmp(engines[i], "wasmtime") == 0) {
            report("io.", &raw, &ours[i], rounds, OPERATIONS);
        }
    }
    char *file = bench_path(directory, "io.bin");
    unlink(file);
    rmdir(directory);
    free(file);
    free(native);
    free(guest);
    return 0;
}
