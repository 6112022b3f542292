/* A transcript: what a scenario got from one engine, written down to be compared with what it got
 * from the others. Only an engine's own text for a trap is left out. wsb-test: engines */
#ifndef WSB_TESTS_TRANSCRIPT_H
#define WSB_TESTS_TRANSCRIPT_H

#include "unit/engines/engines_test.h"

#include <inttypes.h>

/* What is seen on one engine. */
typedef struct transcript {
    FILE *out;
    wsb_runtime *runtime;
} transcript;

static inline void write_text(FILE *out, const char *label, const char *text)
{
    if (text[0] != '\0') {
        fprintf(out, " | %s: %s", label, text);
    }
}

/* Notes an outcome and releases its error. */
static inline void note(transcript *t, const char *what, wsb_status status, wsb_error *error)
{
    static const char *const engines_own[] = {"the guest trapped: ", "tables were filled: "};
    char message[2048];
    snprintf(message, sizeof message, "%s", wsb_error_message(error));
    for (size_t i = 0; i < sizeof engines_own / sizeof *engines_own; i++) {
        char *own = strstr(message, engines_own[i]);
        if (own) {
            own[strlen(engines_own[i])] = '\0';
        }
    }
    fprintf(t->out, "%s: %s", what, wsb_status_name(status));
    if (status != WSB_OK) {
        write_text(t->out, "says", message);
        write_text(t->out, "doing", wsb_error_operation(error));
        write_text(t->out, "subject", wsb_error_subject(error));
        write_text(t->out, "try", wsb_error_suggestion(error));
        write_text(t->out, "trap", wsb_error_trap(error));
        fprintf(t->out, " | %" PRIu64 " of %" PRIu64 ", code %" PRId32, wsb_error_used(error),
                wsb_error_allowed(error), wsb_error_code(error));
    }
    fputc('\n', t->out);
    wsb_error_destroy(error);
}

#define NOTE(t, what, call)                                                                        \
    do {                                                                                           \
        wsb_error *error_ = NULL;                                                                  \
        wsb_error **err = &error_;                                                                 \
        wsb_status status_ = (call);                                                               \
        note((t), (what), status_, *err);                                                          \
    } while (0)

static inline void note_usage(transcript *t, wsb_instance *instance)
{
    wsb_usage usage = WSB_USAGE_INIT;
    wsb_instance_usage(instance, &usage);
    fprintf(t->out,
            "usage: memory %" PRIu64 " peak %" PRIu64 " refusals %" PRIu64 " fuel %" PRIu64
            " calls %" PRIu64 " host calls %" PRIu64 " output %" PRIu64 "\n",
            usage.memory, usage.memory_peak, usage.memory_refusals, usage.fuel, usage.calls,
            usage.host_calls, usage.output_bytes);
}

static inline void note_event(const wsb_event *event, void *data)
{
    transcript *t = data;
    fprintf(t->out, "event %d: %s, %s, %.*s, %" PRIu64 " of %" PRIu64 "\n", (int)event->kind,
            event->operation, event->subject, (int)event->detail.len,
            event->detail.data ? event->detail.data : "", event->used, event->allowed);
}

/* An instance; NULL, and noted, where it is refused. */
static inline wsb_instance *create(transcript *t, const char *text, wsb_instance_config *config)
{
    wsb_instance_config none = WSB_INSTANCE_CONFIG_INIT;
    wsb_instance *instance = NULL;
    wsb_module *module = NULL;
    wsb_error *error = NULL;
    config = config ? config : &none;
    config->on_event = note_event;
    config->on_event_data = t;
    wsb_status status =
        wsb_module_compile(t->runtime, wsb_bytes_of(text, strlen(text)), NULL, &module, &error);
    if (status == WSB_OK) {
        status = wsb_instance_create(module, config, &instance, &error);
    }
    note(t, "create", status, error);
    wsb_module_destroy(module);
    return instance;
}

/* Calls a function of integers (i32, by its own signature) with up to two arguments. */
static inline void call(transcript *t, wsb_instance *instance, const char *name, int64_t a,
                        int64_t b)
{
    wsb_function *function = NULL;
    wsb_error *error = NULL;
    wsb_value args[2] = {{.type = WSB_I32}};
    wsb_value results[4] = {{.type = WSB_I32}};
    const int64_t given[2] = {a, b};
    wsb_status status = wsb_instance_function(instance, wsb_cstr(name), &function, &error);
    if (status != WSB_OK) {
        note(t, name, status, error);
        return;
    }
    const wsb_function_type *type = wsb_function_get_type(function);
    assert_true(type->param_count <= 2 && type->result_count <= 4);
    for (size_t i = 0; i < 2 && i < type->param_count; i++) {
        args[i] =
            type->params[i] == WSB_I64 ? wsb_value_i64(given[i]) : wsb_value_i32((int32_t)given[i]);
    }
    status =
        wsb_function_call(function, args, type->param_count, results, type->result_count, &error);
    note(t, name, status, error);
    for (size_t i = 0; status == WSB_OK && i < type->result_count; i++) {
        fprintf(t->out, " -> %" PRId64 "\n",
                type->results[i] == WSB_I64 ? results[i].of.i64 : results[i].of.i32);
    }
}

/* Runs a scenario on each engine and shows the first line in which they differ. */
static inline void compare(void (*scenario)(transcript *))
{
    engine_list engines;
    char *texts[MAX_ENGINES] = {NULL};
    read_engines(&engines);
    for (size_t i = 0; i < engines.count; i++) {
        size_t size = 0;
        transcript t = {open_memstream(&texts[i], &size), open_engine(engines.ids[i])};
        assert_non_null(t.out);
        scenario(&t);
        assert_int_equal(fclose(t.out), 0);
        wsb_runtime_destroy(t.runtime);
        assert_true(size > 0);
    }
    for (size_t i = 1; i < engines.count; i++) {
        const char *first = texts[0];
        const char *other = texts[i];
        const char *line = first;
        for (; *first && *first == *other; first++, other++) {
            line = *first == '\n' ? first + 1 : line;
        }
        if (*first != *other) {
            const char *same = other - (first - line);
            fail_msg("\n%s: %.*s\n%s: %.*s", engines.ids[0], (int)strcspn(line, "\n"), line,
                     engines.ids[i], (int)strcspn(same, "\n"), same);
        }
    }
    for (size_t i = 0; i < engines.count; i++) {
        free(texts[i]);
    }
}

#define SCENARIO(name)                                                                             \
    static void same_##name(void **state)                                                          \
    {                                                                                              \
        (void)state;                                                                               \
        compare(name);                                                                             \
    }

#endif
