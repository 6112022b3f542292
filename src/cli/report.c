#include "report.h"

#include <stdlib.h>

#include "text.h"

#define TEXT_SIZE 64

json_t *cli_json_text(const char *data, size_t len)
{
    char *safe = cli_escape(data, len, true);
    json_t *text = json_string(safe);
    free(safe);
    return text;
}

bool cli_write_json(FILE *out, json_t *value, size_t flags)
{
    char *text = json_dumps(value, flags | JSON_ENCODE_ANY);
    json_decref(value);
    if (!text) {
        return false;
    }
    bool written = fputs(text, out) >= 0 && fputc('\n', out) >= 0 && fflush(out) == 0;
    free(text);
    return written;
}

static void effective_limits(const cli_session *session, wsb_resource_limits *out_limits)
{
    *out_limits = (wsb_resource_limits)WSB_RESOURCE_LIMITS_INIT;
    if (wsb_resource_limits_resolve(&session->limits, out_limits, NULL) != WSB_OK) {
        *out_limits = session->limits;
    }
}

static void line(const char *name, uint64_t used, uint64_t limit, cli_unit unit, const char *more)
{
    char used_text[TEXT_SIZE];
    char limit_text[TEXT_SIZE];
    bool is_limited = limit != WSB_UNLIMITED;
    cli_format(used, unit, used_text, sizeof used_text);
    cli_format(limit, unit, limit_text, sizeof limit_text);
    fprintf(stderr, "  %-12s %s%s%s%s%s\n", name, used_text, is_limited ? " of " : " (", limit_text,
            is_limited ? "" : ")", more);
}

static void report_numbers(const wsb_usage *usage, const wsb_resource_limits *limits)
{
    char refused[TEXT_SIZE] = "";
    if (usage->memory_refusals) {
        snprintf(refused, sizeof refused, "; growth refused, %llu times",
                 (unsigned long long)usage->memory_refusals);
    }
    line("memory", usage->memory_peak, limits->max_memory, CLI_UNIT_BYTES, refused);
    line("cpu time", usage->cpu_time, limits->max_cpu_time, CLI_UNIT_TIME, "");
    line("wall time", usage->wall_time, limits->max_wall_time, CLI_UNIT_TIME, "");
    if (limits->fuel && limits->fuel != WSB_UNLIMITED) {
        line("fuel", usage->fuel, limits->fuel, CLI_UNIT_COUNT, "");
    }
    line("output", usage->output_bytes, limits->max_output, CLI_UNIT_BYTES, "");
    line("read", usage->bytes_read, limits->max_read_bytes, CLI_UNIT_BYTES, "");
    line("written", usage->bytes_written, limits->max_write_bytes, CLI_UNIT_BYTES, "");
    line("files open", usage->files_open, limits->max_file_descriptors, CLI_UNIT_COUNT, "");
    fprintf(stderr, "  %-12s %llu\n", "host calls", (unsigned long long)usage->host_calls);
}

static void report_text(const cli_session *session, int exit_status)
{
    wsb_engine_info engine = WSB_ENGINE_INFO_INIT;
    wsb_usage usage = WSB_USAGE_INIT;
    wsb_resource_limits limits;
    char *name = cli_escape(session->path, strlen(session->path), false);
    effective_limits(session, &limits);
    if (session->runtime) {
        wsb_runtime_get_engine(session->runtime, &engine);
    }
    fprintf(stderr, CLI_NAME ": usage of %s (%s %s)\n", name, engine.id, engine.version);
    fprintf(stderr, "  %-12s %s, status %d\n", "ended", cli_ended(session->status), exit_status);
    if (session->instance) {
        wsb_instance_usage(session->instance, &usage);
        report_numbers(&usage, &limits);
    }
    free(name);
}

static void set_number(json_t *object, const char *key, uint64_t value)
{
    /* No limit is null: 2^64-1 is not a number that JSON readers agree on. */
    json_object_set_new(object, key,
                        value > INT64_MAX ? json_null() : json_integer((json_int_t)value));
}

static json_t *usage_json(const wsb_usage *usage)
{
    json_t *object = json_object();
    set_number(object, "memory", usage->memory);
    set_number(object, "memory_peak", usage->memory_peak);
    set_number(object, "memory_refusals", usage->memory_refusals);
    set_number(object, "cpu_time_ns", usage->cpu_time);
    set_number(object, "wall_time_ns", usage->wall_time);
    set_number(object, "fuel", usage->fuel);
    set_number(object, "calls", usage->calls);
    set_number(object, "host_calls", usage->host_calls);
    set_number(object, "files_open", usage->files_open);
    set_number(object, "bytes_read", usage->bytes_read);
    set_number(object, "bytes_written", usage->bytes_written);
    set_number(object, "output_bytes", usage->output_bytes);
    return object;
}

static json_t *limits_json(const wsb_resource_limits *limits)
{
    json_t *object = json_object();
    set_number(object, "max_memory", limits->max_memory);
    set_number(object, "max_table_elements", limits->max_table_elements);
    set_number(object, "max_stack", limits->max_stack);
    set_number(object, "max_cpu_time_ns", limits->max_cpu_time);
    set_number(object, "max_wall_time_ns", limits->max_wall_time);
    set_number(object, "fuel", limits->fuel ? limits->fuel : WSB_UNLIMITED);
    set_number(object, "max_file_descriptors", limits->max_file_descriptors);
    set_number(object, "max_read_bytes", limits->max_read_bytes);
    set_number(object, "max_write_bytes", limits->max_write_bytes);
    set_number(object, "max_output", limits->max_output);
    return object;
}

static json_t *error_json(const cli_session *session)
{
    const wsb_error *error = session->error;
    json_t *object = json_object();
    json_object_set_new(object, "code", json_string(wsb_status_name(session->status)));
    if (error) {
        char *suggestion = cli_suggestion(error);
        const struct {
            const char *key;
            const char *text;
        } texts[] = {{"message", wsb_error_message(error)},
                     {"operation", wsb_error_operation(error)},
                     {"subject", wsb_error_subject(error)},
                     {"trap", wsb_error_trap(error)},
                     {"suggestion", suggestion},
                     {"backtrace", wsb_error_backtrace(error)}};
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
            if (*texts[i].text) {
                json_object_set_new(object, texts[i].key,
                                    cli_json_text(texts[i].text, strlen(texts[i].text)));
            }
        }
        free(suggestion);
    } else if (session->message) {
        json_object_set_new(object, "message",
                            cli_json_text(session->message, strlen(session->message)));
    }
    return object;
}

static void report_json(const cli_session *session, int exit_status)
{
    wsb_engine_info engine = WSB_ENGINE_INFO_INIT;
    wsb_usage usage = WSB_USAGE_INIT;
    wsb_resource_limits limits;
    bool exited = session->status == WSB_OK || session->status == WSB_ERROR_EXIT;
    int32_t code = cli_session_exit_code(session);
    json_t *object = json_object();
    effective_limits(session, &limits);
    json_object_set_new(object, "ended", json_string(cli_ended(session->status)));
    json_object_set_new(object, "status", json_integer(exit_status));
    json_object_set_new(object, "exit_code", exited ? json_integer(code) : json_null());
    json_object_set_new(object, "error", exited ? json_null() : error_json(session));
    if (session->runtime) {
        wsb_runtime_get_engine(session->runtime, &engine);
        json_object_set_new(object, "engine", json_string(engine.id));
        json_object_set_new(object, "engine_version", json_string(engine.version));
    }
    if (session->instance) {
        wsb_instance_usage(session->instance, &usage);
        json_object_set_new(object, "usage", usage_json(&usage));
    }
    json_object_set_new(object, "limits", limits_json(&limits));
    json_object_set_new(object, "refused", cli_refusals_json(&session->refusals));
    cli_write_json(stderr, object, JSON_COMPACT);
}

void cli_report(const cli_session *session, int exit_status)
{
    if (session->settings->usage == CLI_USAGE_TEXT) {
        report_text(session, exit_status);
    } else if (session->settings->usage == CLI_USAGE_JSON) {
        report_json(session, exit_status);
    }
}
