/* The report's two parts: a row a figure, and a column an engine. */
#ifndef WSB_BENCH_REPORT_H
#define WSB_BENCH_REPORT_H

#include "bench.h"

#include <jansson.h>

typedef struct report_options {
    const char *json_path;
    bool check;
    bool quick;
    const char *only; /* rows whose id starts with it */
} report_options;

bool report_wanted(const report_options *options, const char *id, bool slow);

/* What a unit is divided by; times are given in ns. */
double report_scale(const char *unit);

/* A member of a row, NAN where it has none. `row` may be NULL. */
double report_number(const json_t *row, const char *key);

/* "ok", "MISSED", "MISSING", "skipped", "info". */
const char *report_verdict(const bench_bound *bound, const json_t *row, double raw, double ours);

/* The row as it goes into the JSON output. */
json_t *report_result(const bench_bound *bound, const json_t *row, double raw, double ours,
                      const char *verdict);

/* Prints the engines beside each other; adds to `results`; returns how many bounds were missed. */
int report_engines(const report_options *options, json_t *rows, json_t *results);

#endif
