/* The engines beside each other: what this library costs on each, and what each is like. */
#include "bench_report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_ENGINES = 8, CELL = 26 };

typedef struct cell {
    double raw;
    double ours;
    const char *verdict;
} cell;

typedef struct table {
    const report_options *options;
    json_t *rows;
    json_t *results;
    const char *engines[MAX_ENGINES];
    size_t engine_count;
    int failures;
} table;

static bool has_word(const char *words, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = words; (at = strstr(at, word)); at += len) {
        if ((at == words || at[-1] == ' ') && (at[len] == ' ' || at[len] == 0)) {
            return true;
        }
    }
    return false;
}

static void id_of(const bench_metric *metric, const char *engine, char *out, size_t capacity)
{
    snprintf(out, capacity, "%s.%s.%s", metric->group, engine, metric->name);
}

static cell cell_of(const table *t, const bench_metric *metric, const char *engine)
{
    char id[64];
    id_of(metric, engine, id, sizeof id);
    const json_t *row = json_object_get(t->rows, id);
    bench_bound bound = {id, metric->what, metric->unit, BENCH_INFO, 0, metric->slow};
    if (has_word(metric->judged, engine)) {
        bound.kind = BENCH_RATIO;
        bound.bound = metric->bound;
    }
    cell c = {report_number(row, "raw"), report_number(row, "ours"), NULL};
    c.verdict = report_verdict(&bound, row, c.raw, c.ours);
    json_t *result = report_result(&bound, row, c.raw, c.ours, c.verdict);
    json_object_set_new(result, "engine", json_string(engine));
    json_array_append_new(t->results, result);
    return c;
}

static void print_figure(double value, const char *unit)
{
    double scaled = value / report_scale(unit);
    printf(" %8.*f %-2s", scaled < 100 ? 2 : 0, scaled, unit);
}

static void print_cell(const cell *c, const char *unit)
{
    if (isnan(c->ours) || isnan(c->raw)) {
        printf(" %*s", CELL - 1, c->verdict);
        return;
    }
    print_figure(c->ours, unit);
    printf(" %6.2f %-6s ", c->ours / c->raw, strcmp(c->verdict, "info") == 0 ? "-" : c->verdict);
}

static void print_heading(const table *t, const char *title)
{
    printf("\n%-42s", title);
    for (size_t i = 0; i < t->engine_count; i++) {
        printf(" %*s", CELL - 1, t->engines[i]);
    }
    putchar('\n');
}

static void print_costs(table *t)
{
    print_heading(t, "ours, and its ratio to the engine alone");
    for (size_t i = 0; i < bench_metric_count; i++) {
        const bench_metric *metric = &bench_metrics[i];
        char id[64];
        id_of(metric, "", id, sizeof id);
        if (!report_wanted(t->options, id, metric->slow)) {
            continue;
        }
        printf("%-42s", metric->what);
        for (size_t e = 0; e < t->engine_count; e++) {
            cell c = cell_of(t, metric, t->engines[e]);
            t->failures += c.verdict[0] == 'M';
            print_cell(&c, metric->unit);
        }
        if (metric->judged[0]) {
            printf(" at most %g (%s)", metric->bound, metric->judged);
        }
        putchar('\n');
    }
}

/* Ours on each engine, and how many times the first engine's that is. */
static void print_choice(const table *t)
{
    print_heading(t, "ours, and its ratio to the first engine");
    for (size_t i = 0; i < bench_metric_count; i++) {
        const bench_metric *metric = &bench_metrics[i];
        if (!metric->to_choose_by || (t->options->quick && metric->slow)) {
            continue;
        }
        double first = (double)NAN;
        printf("%-42.*s", (int)strcspn(metric->what, "/"), metric->what);
        for (size_t e = 0; e < t->engine_count; e++) {
            char id[64];
            id_of(metric, t->engines[e], id, sizeof id);
            double ours = report_number(json_object_get(t->rows, id), "ours");
            first = e == 0 ? ours : first;
            print_figure(ours, metric->unit);
            printf(" %13.2f", ours / first);
        }
        putchar('\n');
    }
}

int report_engines(const report_options *options, json_t *rows, json_t *results)
{
    if (options->only && strncmp(options->only, "engines.", 8) != 0 &&
        strncmp(options->only, "io.", 3) != 0) {
        return 0;
    }
    table t = {.options = options, .rows = rows, .results = results};
    char names[] = WSB_BENCH_ENGINES;
    char *rest = NULL;
    for (char *name = strtok_r(names, " ", &rest); name && t.engine_count < MAX_ENGINES;
         name = strtok_r(NULL, " ", &rest)) {
        t.engines[t.engine_count++] = name;
    }
    print_costs(&t);
    if (!options->only || strcmp(options->only, "engines.") == 0) {
        print_choice(&t);
    }
    return t.failures;
}
