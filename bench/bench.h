/* The harness: alternating time slices, rows, and the table of bounds.
 *
 * A benchmark program measures and prints one JSON object a line on stdout (a "row": an id and
 * figures); bench_report reads the rows of all programs, and judges them by the bounds. */
#ifndef WSB_BENCH_H
#define WSB_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bench_options {
    bool quick;        /* fewer and shorter slices */
    const char *data;  /* folder with the built guests */
    const char *large; /* folder with the downloaded programs, NULL where there is none */
    const char *tools; /* folder with the programs that benchmarks start */
} bench_options;

/* Reads --quick, --data DIR, --large DIR, --tools DIR; exits with 2 on anything else. */
void bench_options_parse(bench_options *options, int argc, char **argv);

/* One of several ways to do the same thing. `run` does it `iterations` times. */
typedef struct bench_subject {
    const char *name;
    void (*run)(void *context, uint64_t iterations);
    void *context;
    uint64_t iterations; /* of a slice; found by bench_compare() unless set */
    double median_ns;    /* of one iteration; found by bench_compare() */
    double minimum_ns;
} bench_subject;

/* Runs the subjects in turn, A B C A B C …, a slice of a millisecond each, so that noise from
 * elsewhere on the machine meets all alike; each gets the median and minimum of its slices. */
void bench_compare(bench_subject *subjects, size_t count, const bench_options *options);

/* The same with `rounds` slices, by the CPU time of this thread where `cpu`: for subjects that last
 * long, and for machines that are not idle. */
void bench_compare_rounds(bench_subject *subjects, size_t count, size_t rounds, bool cpu);

typedef struct bench_figures {
    double median;
    double minimum;
    double p99;
    double maximum;
} bench_figures;

/* Sorts `samples`. `count` is not 0. */
bench_figures bench_figures_of(double *samples, size_t count);

/* Prints a row. `raw` is NAN where there is nothing to compare with. */
void bench_row(const char *id, double raw, double ours, const char *note_format, ...)
    __attribute__((format(printf, 4, 5)));

/* Says that a row could not be measured here, and why. */
void bench_skip(const char *id, const char *reason);

/* Text on stderr. */
void bench_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

_Noreturn void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

double bench_now_ns(void); /* monotonic */

/* Resident bytes of this process. */
double bench_resident(void);

/* Joins folder and name; the caller frees. */
char *bench_path(const char *folder, const char *name);

/* A whole file; the caller frees. Fails the program where it cannot be read. */
uint8_t *bench_read_file(const char *path, size_t *out_len);

/* How a row is judged. */
typedef enum bench_kind {
    BENCH_RATIO,    /* ours / raw at most `bound` */
    BENCH_ABSOLUTE, /* ours at most `bound` */
    BENCH_INFO      /* shown, not judged */
} bench_kind;

typedef struct bench_bound {
    const char *id;
    const char *what;
    const char *unit; /* of raw and ours; times are given in ns and shown in this unit */
    bench_kind kind;
    double bound;
    bool slow; /* left out by --quick */
} bench_bound;

extern const bench_bound bench_bounds[];
extern const size_t bench_bound_count;

/* What is measured on each engine of the build. Its rows are "GROUP.ENGINE.NAME", ratios. */
typedef struct bench_metric {
    const char *group;
    const char *name;
    const char *what;
    const char *unit;
    double bound;
    const char *judged; /* the engines that must keep the bound; shown for the others */
    bool to_choose_by;  /* our figure tells engines apart */
    bool slow;
} bench_metric;

extern const bench_metric bench_metrics[];
extern const size_t bench_metric_count;

#endif
