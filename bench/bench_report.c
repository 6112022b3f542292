/* Reads rows (see bench.h) on stdin; prints the table; --json FILE writes it; --check exits with
 * 1 where a row misses its bound or is missing. */
#include "bench_report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static report_options parse(int argc, char **argv)
{
    report_options options = {0};
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--check") == 0) {
            options.check = true;
        } else if (strcmp(argv[i], "--quick") == 0) {
            options.quick = true;
        } else if (more && strcmp(argv[i], "--json") == 0) {
            options.json_path = argv[++i];
        } else if (more && strcmp(argv[i], "--only") == 0) {
            options.only = argv[++i];
        } else {
            bench_fail("usage: %s [--quick] [--check] [--only NAME] [--json FILE]", argv[0]);
        }
    }
    return options;
}

static json_t *read_rows(void)
{
    json_t *rows = json_object();
    json_t *row;
    json_error_t error;
    while ((row = json_loadf(stdin, JSON_DISABLE_EOF_CHECK, &error))) {
        const char *id = json_string_value(json_object_get(row, "id"));
        if (id) {
            json_object_set(rows, id, row);
        }
        json_decref(row);
    }
    return rows;
}

double report_scale(const char *unit)
{
    if (strcmp(unit, "us") == 0) {
        return 1e3;
    }
    return strcmp(unit, "ms") == 0 ? 1e6 : 1;
}

const char *report_verdict(const bench_bound *bound, const json_t *row, double raw, double ours)
{
    if (!row) {
        return "MISSING";
    }
    if (json_object_get(row, "skipped")) {
        return "skipped";
    }
    switch (bound->kind) {
    case BENCH_RATIO:
        return raw > 0 && ours / raw <= bound->bound ? "ok" : "MISSED";
    case BENCH_ABSOLUTE:
        return ours <= bound->bound ? "ok" : "MISSED";
    default:
        return "info";
    }
}

static void print_figure(double value, double scale, const char *unit)
{
    if (isnan(value)) {
        printf(" %13s", "-");
    } else {
        printf(" %9.*f %-3s", value / scale < 100 ? 2 : 0, value / scale, unit);
    }
}

static void print_row(const bench_bound *bound, const json_t *row, double raw, double ours,
                      const char *verdict)
{
    double scale = report_scale(bound->unit);
    printf("%-48s", bound->what);
    print_figure(raw, scale, bound->unit);
    print_figure(ours, scale, bound->unit);
    if (isnan(raw) || isnan(ours) || raw <= 0 || bound->kind == BENCH_ABSOLUTE) {
        printf(" %8s", "-");
    } else {
        printf(" %8.3f", ours / raw);
    }
    if (bound->kind == BENCH_INFO) {
        printf(" %11s", "-");
    } else if (bound->kind == BENCH_RATIO) {
        printf(" %10gx", bound->bound);
    } else {
        printf(" %7g %-3s", bound->bound / scale, bound->unit);
    }
    const char *note = json_string_value(json_object_get(row, "note"));
    const char *reason = json_string_value(json_object_get(row, "skipped"));
    printf("  %-8s%s\n", verdict, reason ? reason : note ? note : "");
}

/* The row as it goes into the JSON output. */
json_t *report_result(const bench_bound *bound, const json_t *row, double raw, double ours,
                      const char *verdict)
{
    json_t *out = json_object();
    json_object_set_new(out, "id", json_string(bound->id));
    json_object_set_new(out, "what", json_string(bound->what));
    if (!isnan(raw)) {
        json_object_set_new(out, "raw", json_real(raw));
    }
    if (!isnan(ours)) {
        json_object_set_new(out, "ours", json_real(ours));
    }
    if (raw > 0 && !isnan(ours)) {
        json_object_set_new(out, "ratio", json_real(ours / raw));
    }
    json_object_set_new(out, "unit",
                        json_string(report_scale(bound->unit) > 1 ? "ns" : bound->unit));
    if (bound->kind != BENCH_INFO) {
        json_object_set_new(out, "bound", json_real(bound->bound));
        json_object_set_new(out, "bound_is",
                            json_string(bound->kind == BENCH_RATIO ? "ratio" : "absolute"));
    }
    json_object_set_new(out, "verdict", json_string(verdict));
    json_t *note = json_object_get(row, "note");
    if (note) {
        json_object_set(out, "note", note);
    }
    return out;
}

double report_number(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);
    return value ? json_number_value(value) : (double)NAN;
}

bool report_wanted(const report_options *options, const char *id, bool slow)
{
    return !(options->quick && slow) &&
           (!options->only || strncmp(id, options->only, strlen(options->only)) == 0);
}

int main(int argc, char **argv)
{
    report_options options = parse(argc, argv);
    json_t *rows = read_rows();
    json_t *results = json_array();
    int failures = 0;
    printf("%-48s %13s %13s %8s %11s  %s\n", "what", "raw", "ours", "ratio", "bound", "verdict");
    for (size_t i = 0; i < bench_bound_count; i++) {
        const bench_bound *bound = &bench_bounds[i];
        if (!report_wanted(&options, bound->id, bound->slow)) {
            continue;
        }
        const json_t *row = json_object_get(rows, bound->id);
        double raw = report_number(row, "raw"), ours = report_number(row, "ours");
        const char *verdict = report_verdict(bound, row, raw, ours);
        failures += verdict[0] == 'M';
        print_row(bound, row, raw, ours, verdict);
        json_array_append_new(results, report_result(bound, row, raw, ours, verdict));
    }
    failures += report_engines(&options, rows, results);
    json_t *document = json_pack("{s:b, s:o}", "quick", options.quick, "results", results);
    if (options.json_path && json_dump_file(document, options.json_path, JSON_INDENT(2)) != 0) {
        bench_fail("%s: cannot be written", options.json_path);
    }
    json_decref(document);
    json_decref(rows);
    return options.check && failures ? 1 : 0;
}
