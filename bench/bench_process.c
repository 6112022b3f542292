/* Whole processes: the command running a cached program, against raw_run doing the same. */
#include "bench.h"
#include "child.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_ROUNDS = 200, MAX_SIDES = 3 };

typedef struct side {
    const char *name;
    char *argv[16];
    double samples[MAX_ROUNDS];
    bench_figures figures;
} side;

/* Runs the sides in turn; all must print the same, as long as `expected` has a value. */
static void compare(side *sides, size_t count, size_t rounds, const char *expected)
{
    char output[4096];
    for (size_t i = 0; i < count; i++) {
        spawn_timed(sides[i].argv, output, sizeof output); /* fills the caches */
    }
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < count; i++) {
            sides[i].samples[round] = spawn_timed(sides[i].argv, output, sizeof output);
            if (strcmp(output, expected) != 0) {
                bench_fail("%s printed: %s", sides[i].name, output);
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        sides[i].figures = bench_figures_of(sides[i].samples, rounds);
        bench_note("  %-28s median %8.3f ms, minimum %8.3f ms", sides[i].name,
                   sides[i].figures.median / 1e6, sides[i].figures.minimum / 1e6);
    }
}

typedef struct tools {
    char *command;
    char *raw_run;
    char *raw_engine;
    char *compiled;
} tools;

static void compile_raw(const tools *t, char *module)
{
    char output[256];
    char *argv[] = {t->raw_run, t->raw_engine, "compile", module, t->compiled, NULL};
    spawn_timed(argv, output, sizeof output);
}

static void hello(const tools *t, char *module, size_t rounds)
{
    compile_raw(t, module);
    static side sides[2];
    sides[0] =
        (side){.name = "raw hello",
               .argv = {t->raw_run, t->raw_engine, "run", module, t->compiled, "there", NULL}};
    sides[1] = (side){.name = "our hello", .argv = {t->command, "run", module, "there", NULL}};
    compare(sides, 2, rounds, "hello 2 there\n");
    bench_row("process.hello", sides[0].figures.median, sides[1].figures.median,
              "minima %.2f and %.2f ms", sides[0].figures.minimum / 1e6,
              sides[1].figures.minimum / 1e6);
}

static void python(const tools *t, char *module, size_t rounds)
{
    compile_raw(t, module);
    static side sides[3];
    char script[] = "print(6 * 7)";
    sides[0] =
        (side){.name = "raw CPython",
               .argv = {t->raw_run, t->raw_engine, "run", module, t->compiled, "-c", script, NULL}};
    sides[1] =
        (side){.name = "our CPython",
               .argv = {t->command, "run", "--memory", "256MiB", module, "-c", script, NULL}};
    sides[2] = (side){.name = "raw CPython, hashing both",
                      .argv = {t->raw_run, t->raw_engine, "run-hashing-both", module, t->compiled,
                               "-c", script, NULL}};
    compare(sides, 3, rounds, "42\n");
    bench_row("process.python", sides[0].figures.median, sides[1].figures.median,
              "minima %.0f and %.0f ms", sides[0].figures.minimum / 1e6,
              sides[1].figures.minimum / 1e6);
    bench_row("process.python_mac", sides[2].figures.median, sides[1].figures.median,
              "minima %.0f and %.0f ms", sides[2].figures.minimum / 1e6,
              sides[1].figures.minimum / 1e6);
}

int main(int argc, char **argv)
{
    bench_options options;
    bench_options_parse(&options, argc, argv);
    char cache[] = "/tmp/wsb-bench-cache-XXXXXX";
    if (!mkdtemp(cache) || setenv("XDG_CACHE_HOME", cache, 1) != 0) {
        bench_fail("cannot make a directory under /tmp");
    }
    tools t = {
        .command = bench_path(options.tools, "../wasm-sandbox"),
        .raw_run = bench_path(options.tools, "raw_run"),
        .raw_engine = bench_path(options.tools, "raw_engine.so"),
        .compiled = bench_path(cache, "raw.compiled"),
    };
    hello(&t, bench_path(options.data, "hello.wasm"), options.quick ? 20 : 100);
    char *large = options.large ? bench_path(options.large, "python.wasm") : NULL;
    if (large && access(large, R_OK) == 0) {
        python(&t, large, options.quick ? 5 : 21);
    } else {
        bench_skip("process.python", "not downloaded; bench/run.sh does that");
        bench_skip("process.python_mac", "not downloaded; bench/run.sh does that");
    }
    char *remove[] = {"rm", "-rf", cache, NULL};
    char output[256];
    spawn_timed(remove, output, sizeof output);
    return 0;
}
