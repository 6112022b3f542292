#include "bench.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void bench_options_parse(bench_options *options, int argc, char **argv)
{
    *options = (bench_options){.data = ".", .tools = "."};
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--quick") == 0) {
            options->quick = true;
        } else if (more && strcmp(argv[i], "--data") == 0) {
            options->data = argv[++i];
        } else if (more && strcmp(argv[i], "--large") == 0) {
            options->large = argv[++i];
        } else if (more && strcmp(argv[i], "--tools") == 0) {
            options->tools = argv[++i];
        } else {
            fprintf(stderr, "usage: %s [--quick] [--data DIR] [--large DIR] [--tools DIR]\n",
                    argv[0]);
            exit(2);
        }
    }
}

static double time_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

double bench_now_ns(void)
{
    return time_ns(CLOCK_MONOTONIC);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

bench_figures bench_figures_of(double *samples, size_t count)
{
    qsort(samples, count, sizeof *samples, by_value);
    size_t last = count - 1;
    return (bench_figures){
        .median = (samples[last / 2] + samples[count / 2]) / 2,
        .minimum = samples[0],
        .p99 = samples[last - last / 100],
        .maximum = samples[last],
    };
}

static double timed(const bench_subject *subject, uint64_t iterations, clockid_t clock)
{
    double start = time_ns(clock);
    subject->run(subject->context, iterations);
    return time_ns(clock) - start;
}

/* The least of a few runs: one alone may have been interrupted. */
static double least_of_runs(const bench_subject *subject, uint64_t iterations)
{
    double least = timed(subject, iterations, CLOCK_MONOTONIC);
    for (int i = 0; i < 4; i++) {
        double ns = timed(subject, iterations, CLOCK_MONOTONIC);
        least = ns < least ? ns : least;
    }
    return least;
}

/* Finds how many iterations last a slice; warms the subject up on the way. */
static void calibrate(bench_subject *subject, double slice_ns)
{
    uint64_t iterations = 1;
    double ns;
    while ((ns = least_of_runs(subject, iterations)) < slice_ns / 4) {
        iterations *= 2;
    }
    double fitting = (double)iterations * slice_ns / ns;
    subject->iterations = fitting < 1 ? 1 : (uint64_t)fitting;
}

void bench_compare(bench_subject *subjects, size_t count, const bench_options *options)
{
    bench_compare_rounds(subjects, count, options->quick ? 201 : 1001, false);
}

void bench_compare_rounds(bench_subject *subjects, size_t count, size_t rounds, bool cpu)
{
    clockid_t clock = cpu ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
    double *samples = calloc(count * rounds, sizeof *samples);
    if (!samples) {
        bench_fail("out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        if (!subjects[i].iterations) {
            calibrate(&subjects[i], 1e6);
        }
    }
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < count; i++) {
            samples[i * rounds + round] =
                timed(&subjects[i], subjects[i].iterations, clock) / (double)subjects[i].iterations;
        }
    }
    for (size_t i = 0; i < count; i++) {
        bench_figures figures = bench_figures_of(samples + i * rounds, rounds);
        subjects[i].median_ns = figures.median;
        subjects[i].minimum_ns = figures.minimum;
        bench_note("  %-28s median %10.1f ns, minimum %10.1f ns", subjects[i].name, figures.median,
                   figures.minimum);
    }
    free(samples);
}

void bench_row(const char *id, double raw, double ours, const char *note_format, ...)
{
    char note[512];
    va_list args;
    va_start(args, note_format);
    vsnprintf(note, sizeof note, note_format, args);
    va_end(args);
    printf("{\"id\": \"%s\", ", id);
    if (!isnan(raw)) {
        printf("\"raw\": %.3f, ", raw);
    }
    printf("\"ours\": %.3f, \"note\": \"%s\"}\n", ours, note);
    fflush(stdout);
}

void bench_skip(const char *id, const char *reason)
{
    printf("{\"id\": \"%s\", \"skipped\": \"%s\"}\n", id, reason);
    fflush(stdout);
}

void bench_note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

void bench_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

double bench_resident(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long total, resident;
    if (!file || fscanf(file, "%lu %lu", &total, &resident) != 2) {
        bench_fail("cannot read /proc/self/statm");
    }
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

char *bench_path(const char *folder, const char *name)
{
    char *path;
    if (asprintf(&path, "%s/%s", folder, name) < 0) {
        bench_fail("out of memory");
    }
    return path;
}

uint8_t *bench_read_file(const char *path, size_t *out_len)
{
    FILE *file = fopen(path, "rbe");
    struct stat status;
    if (!file || fstat(fileno(file), &status) != 0) {
        bench_fail("%s: %s", path, strerror(errno));
    }
    size_t len = (size_t)status.st_size;
    uint8_t *bytes = malloc(len + 1);
    if (!bytes || fread(bytes, 1, len, file) != len) {
        bench_fail("%s: cannot be read", path);
    }
    fclose(file);
    *out_len = len;
    return bytes;
}
