/* Each engine of the build through this library and directly, in one process and in turn: calls,
 * instances, what the library puts into the modules of lesser engines, compiling. */
#include "bench.h"
#include "direct.h"
#include "ours.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_ENGINES = 8, SWEPT = 400 * 1000 * 1000 };

typedef struct engine {
    const char *name;
    const direct_ops *direct;
    void *direct_module;
    void *direct_instance;
    wsb_runtime *runtime;
    wsb_module *module;
    wsb_instance *instance;
    wsb_instance *fuelled;
    wsb_function *add;
} engine;

/* One call of an export on one side, as a subject of bench_compare(). */
typedef struct work {
    engine *engine;
    wsb_instance *instance; /* NULL: directly */
    const char *export_name;
    int32_t argument;
    int32_t expected;
} work;

/* A file to compile. */
typedef struct source {
    engine *engine;
    uint8_t *bytes;
    size_t len;
} source;

static engine engines[MAX_ENGINES];
static size_t engine_count;

static void check_sum(const char *name, int32_t found, int32_t expected)
{
    if (found != expected) {
        bench_fail("%s gave %d instead of %d", name, found, expected);
    }
}

static const direct_ops *direct_load(const char *tools, const char *name)
{
    char file[64];
    snprintf(file, sizeof file, "direct_%s.so", name);
    char *path = bench_path(tools, file);
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    direct_entry_fn entry = object ? (direct_entry_fn)dlsym(object, DIRECT_ENTRY) : NULL;
    if (!entry) {
        bench_fail("%s: %s", path, dlerror());
    }
    free(path);
    return entry();
}

static wsb_host_result on_note(wsb_call_context *context, wsb_raw_value *values, void *user_data)
{
    (void)context;
    (void)values;
    (void)user_data;
    return WSB_HOST_DONE;
}

static wsb_imports *our_imports(void)
{
    static const wsb_value_type params[] = {WSB_I32};
    wsb_host_function note = WSB_HOST_FUNCTION_INIT;
    note.module = wsb_cstr("env");
    note.name = wsb_cstr("note");
    note.params = params;
    note.param_count = 1;
    note.call_raw = on_note;
    wsb_imports *imports = NULL;
    wsb_error *error = NULL;
    ours_check(wsb_imports_create(&imports, &error), &error);
    error = NULL;
    ours_check(wsb_imports_define(imports, &note, &error), &error);
    return imports;
}

/* An instance with deadline, memory cap and usage on, and fuel where it is not 0. */
static wsb_instance *our_instance(wsb_module *module, uint64_t fuel)
{
    static wsb_imports *imports;
    if (!imports) {
        imports = our_imports();
    }
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    limits.max_memory = 64 * WSB_MIB;
    limits.fuel = fuel;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    config.limits = &limits;
    config.imports = imports;
    return ours_instance_create(module, &config);
}

static void engine_open(engine *e, const char *name, const bench_options *options)
{
    char *path = bench_path(options->data, "speed.wasm");
    size_t len;
    uint8_t *bytes = bench_read_file(path, &len);
    e->name = name;
    e->direct = direct_load(options->tools, name);
    e->direct_module = e->direct->module_compile(bytes, len);
    e->direct_instance = e->direct->instance_create(e->direct_module);
    e->runtime = ours_runtime_create_on(name);
    e->module = ours_module_compile(e->runtime, path);
    e->instance = our_instance(e->module, 0);
    e->fuelled = our_instance(e->module, UINT64_C(1) << 60);
    e->add = ours_function(e->instance, "add");
    free(bytes);
    free(path);
}

static void row(const engine *e, const char *what, double raw, double ours, const char *note)
{
    char id[64];
    snprintf(id, sizeof id, "engines.%s.%s", e->name, what);
    bench_row(id, raw, ours, "%s", note);
}

static void direct_adds(void *context, uint64_t iterations)
{
    const engine *e = context;
    e->direct->adds(e->direct_instance, iterations);
}

static void our_adds(void *context, uint64_t iterations)
{
    const engine *e = context;
    for (uint64_t i = 0; i < iterations; i++) {
        wsb_value args[2] = {wsb_value_i32((int32_t)i), wsb_value_i32(3)};
        wsb_value result;
        if (wsb_function_call(e->add, args, 2, &result, 1, NULL) != WSB_OK) {
            bench_fail("our call failed");
        }
        check_sum("add", result.of.i32, (int32_t)i + 3);
    }
}

static void direct_cycles(void *context, uint64_t iterations)
{
    const engine *e = context;
    e->direct->cycles(e->direct_module, iterations);
}

static void our_cycles(void *context, uint64_t iterations)
{
    const engine *e = context;
    for (uint64_t i = 0; i < iterations; i++) {
        wsb_instance *instance = our_instance(e->module, 0);
        ours_function(instance, "add");
        wsb_instance_destroy(instance);
    }
}

/* Two subjects an engine, all in turn; the row's figures are medians of CPU time. */
static void measure_pairs(const char *what, void (*direct)(void *, uint64_t),
                          void (*ours)(void *, uint64_t), const bench_options *options)
{
    bench_subject subjects[2 * MAX_ENGINES];
    char names[2 * MAX_ENGINES][48];
    for (size_t i = 0; i < 2 * engine_count; i++) {
        engine *e = &engines[i / 2];
        snprintf(names[i], sizeof names[i], "%s %s %s", e->name, i % 2 ? "ours" : "direct", what);
        subjects[i] = (bench_subject){.name = names[i], .run = i % 2 ? ours : direct, .context = e};
    }
    bench_compare_rounds(subjects, 2 * engine_count, options->quick ? 201 : 1001, true);
    for (size_t i = 0; i < engine_count; i++) {
        char note[64];
        snprintf(note, sizeof note, "minima %.1f and %.1f ns", subjects[2 * i].minimum_ns,
                 subjects[2 * i + 1].minimum_ns);
        row(&engines[i], what, subjects[2 * i].median_ns, subjects[2 * i + 1].median_ns, note);
    }
}

static void do_work(void *context, uint64_t iterations)
{
    const work *w = context;
    for (uint64_t i = 0; i < iterations; i++) {
        int32_t found;
        if (w->instance) {
            wsb_value arg = wsb_value_i32(w->argument), result;
            wsb_error *error = NULL;
            ours_check(wsb_function_call(ours_function(w->instance, w->export_name), &arg, 1,
                                         &result, 1, &error),
                       &error);
            found = result.of.i32;
        } else {
            const engine *e = w->engine;
            found = e->direct->call(e->direct_instance, w->export_name, w->argument);
        }
        check_sum(w->export_name, found, w->expected);
    }
}

/* Three subjects an engine: directly, with the deadline, with fuel as well. What is compared is the
 * least CPU time: it is long enough for something to get in the way of every run. */
static void measure_work(const char *what, work common, const bench_options *options)
{
    bench_subject subjects[3 * MAX_ENGINES];
    char names[3 * MAX_ENGINES][48];
    work works[3 * MAX_ENGINES];
    static const char *const sides[] = {"direct", "ours", "with fuel"};
    for (size_t i = 0; i < 3 * engine_count; i++) {
        engine *e = &engines[i / 3];
        works[i] = common;
        works[i].engine = e;
        works[i].instance = i % 3 == 0 ? NULL : i % 3 == 1 ? e->instance : e->fuelled;
        snprintf(names[i], sizeof names[i], "%s %s %s", e->name, sides[i % 3], what);
        subjects[i] = (bench_subject){
            .name = names[i], .run = do_work, .context = &works[i], .iterations = 1};
    }
    bench_compare_rounds(subjects, 3 * engine_count, options->quick ? 3 : 7, true);
    for (size_t i = 0; i < engine_count; i++) {
        const bench_subject *s = &subjects[3 * i];
        char fuel_row[32];
        snprintf(fuel_row, sizeof fuel_row, "%s_fuel", what);
        row(&engines[i], what, s[0].minimum_ns, s[1].minimum_ns, "least of the runs");
        row(&engines[i], fuel_row, s[0].minimum_ns, s[2].minimum_ns, "least of the runs");
    }
}

/* What `sweep` of guests/speed.wat returns, and what it leaves in memory. */
static int32_t sweep_result(uint32_t end, uint32_t words[0x4000])
{
    uint32_t sum = 0;
    memset(words, 7, 0x4000 * sizeof *words);
    for (uint32_t i = 0; i < end; i += 4) {
        uint32_t *word = &words[(i & 0xfffc) / 4];
        sum += *word;
        *word = sum;
    }
    return (int32_t)sum;
}

/* What `plain` returns then. */
static int32_t plain_result(uint32_t end, const uint32_t words[0x4000])
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < end; i += 4) {
        sum += words[0x2000 + (i & 0x7ffc) / 4];
    }
    return (int32_t)sum;
}

static void measure_loops(const bench_options *options)
{
    static uint32_t words[0x4000];
    work sweep = {.export_name = "sweep", .argument = SWEPT};
    sweep.expected = sweep_result(SWEPT, words);
    measure_work("sweep", sweep, options);
    work plain = {.export_name = "plain", .argument = SWEPT};
    plain.expected = plain_result(SWEPT, words);
    measure_work("plain", plain, options);
}

static void direct_compiles(void *context, uint64_t iterations)
{
    const source *s = context;
    for (uint64_t i = 0; i < iterations; i++) {
        s->engine->direct->compile(s->bytes, s->len);
    }
}

static void our_compiles(void *context, uint64_t iterations)
{
    const source *s = context;
    for (uint64_t i = 0; i < iterations; i++) {
        wsb_module *module = NULL;
        wsb_error *error = NULL;
        ours_check(wsb_module_compile(s->engine->runtime, wsb_bytes_of(s->bytes, s->len), NULL,
                                      &module, &error),
                   &error);
        wsb_module_destroy(module);
    }
}

static void measure_compile(const char *what, const char *path, size_t rounds)
{
    size_t len;
    uint8_t *bytes = bench_read_file(path, &len);
    bench_subject subjects[2 * MAX_ENGINES];
    char names[2 * MAX_ENGINES][48];
    source sources[MAX_ENGINES];
    for (size_t i = 0; i < 2 * engine_count; i++) {
        engine *e = &engines[i / 2];
        sources[i / 2] = (source){e, bytes, len};
        snprintf(names[i], sizeof names[i], "%s %s %s", e->name, i % 2 ? "ours" : "direct", what);
        subjects[i] = (bench_subject){.name = names[i],
                                      .run = i % 2 ? our_compiles : direct_compiles,
                                      .context = &sources[i / 2],
                                      .iterations = 1};
    }
    bench_compare_rounds(subjects, 2 * engine_count, rounds, false); /* compilers have threads */
    for (size_t i = 0; i < engine_count; i++) {
        char note[64];
        snprintf(note, sizeof note, "%.2f MB, least of %zu", (double)len / 1e6, rounds);
        row(&engines[i], what, subjects[2 * i].minimum_ns, subjects[2 * i + 1].minimum_ns, note);
    }
    free(bytes);
}

static void measure_large(const bench_options *options)
{
    char *large = options->large ? bench_path(options->large, "python.wasm") : NULL;
    if (large && access(large, R_OK) == 0) {
        measure_compile("compile_python", large, 3);
    } else {
        for (size_t i = 0; i < engine_count; i++) {
            char id[64];
            snprintf(id, sizeof id, "engines.%s.compile_python", engines[i].name);
            bench_skip(id, "not downloaded; bench/run.sh does that");
        }
    }
    free(large);
}

int main(int argc, char **argv)
{
    bench_options options;
    bench_options_parse(&options, argc, argv);
    char names[] = WSB_BENCH_ENGINES;
    char *rest = NULL;
    for (char *name = strtok_r(names, " ", &rest); name && engine_count < MAX_ENGINES;
         name = strtok_r(NULL, " ", &rest)) {
        engine_open(&engines[engine_count++], name, &options);
    }
    measure_pairs("call", direct_adds, our_adds, &options);
    measure_pairs("instance", direct_cycles, our_cycles, &options);
    work fib = {.export_name = "fib", .argument = 35, .expected = 9227465};
    measure_work("fib", fib, &options);
    measure_loops(&options);
    char *library = bench_path(options.data, "library.wasm");
    measure_compile("compile", library, options.quick ? 3 : 7);
    free(library);
    if (!options.quick) {
        measure_large(&options);
    }
    return 0;
}
