/* wasm-sandbox call */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "input.h"
#include "interrupt.h"
#include "options.h"
#include "report.h"
#include "session.h"
#include "text.h"
#include "values.h"

static const cli_option options[] = {
    CLI_HEADING("Data for the function, instead of VALUEs:"),
    CLI_TEXT("json", 0, "TEXT", json_text,
             "an array of the arguments, or the function's one value"),
    CLI_TEXT("json-file", 0, "FILE", json_path, "the same from a file; - is standard input"),
    CLI_TEXT("msgpack-file", 0, "FILE", msgpack_path, "the same as MessagePack"),
    CLI_FLAG("raw", 0, raw, "hand the data over as they are, and print the answer as it is"),
    CLI_HEADING(""),
    CLI_GRANT_OPTIONS,
    CLI_TEXT("stdin", 0, "FILE", stdin_path, "its standard input [empty]"),
    CLI_CUSTOM("seed", "N", false, cli_apply_seed,
               "random numbers that are the same for the same N [real ones]"),
    CLI_LIMIT_OPTIONS("30s"),
    CLI_HEADING("Other:"),
    CLI_ENGINE_OPTIONS,
    CLI_CACHE_OPTION,
    CLI_CONFIG_OPTION,
    CLI_USAGE_OPTION,
    CLI_VERBOSE_OPTION,
    CLI_HELP_OPTION,
};

typedef struct call_plan {
    const char *function;
    char **values;
    size_t value_count;
    bool has_data;
    wsb_buf data; /* of --json, --json-file or --msgpack-file */
} call_plan;

/* The messages are static: the session borrows them until the command ends. */
static char message[512];

static wsb_status wrong_value(cli_session *session, const wsb_function_type *type, size_t index,
                              const char *text)
{
    snprintf(message, sizeof message, "call: argument %zu, '%.100s', is not %s (%s)", index + 1,
             text, wsb_value_type_name(type->params[index]),
             cli_describe_type(type->params[index]));
    cli_session_refuse(session, WSB_ERROR_TYPE_MISMATCH, message, NULL);
    return WSB_ERROR_TYPE_MISMATCH;
}

static wsb_status wrong_count(cli_session *session, const call_plan *plan,
                              const wsb_function_type *type)
{
    char signature[200];
    cli_signature(type, signature, sizeof signature);
    snprintf(message, sizeof message, "call: '%.100s' takes %zu values, and got %zu: %s%s",
             plan->function, type->param_count, plan->value_count, plan->function, signature);
    cli_session_refuse(session, WSB_ERROR_INVALID_ARGUMENT, message, NULL);
    return WSB_ERROR_INVALID_ARGUMENT;
}

/* How the guest declared that its function is called, if it did. */
static bool is_buffer_function(wsb_module *module, const char *name)
{
    const wsb_module_info *info = wsb_module_get_info(module);
    for (size_t i = 0; i < info->export_count; i++) {
        const wsb_extern_info *export = &info->exports[i];
        if (export->kind == WSB_EXTERN_FUNCTION && export->name.len == strlen(name) &&
            memcmp(export->name.data, name, export->name.len) == 0) {
            return export->declared && export->convention == WSB_CONVENTION_BUFFER;
        }
    }
    return false;
}

static wsb_status call_typed(cli_session *session, const call_plan *plan, FILE *out)
{
    wsb_function *function = NULL;
    wsb_status status = wsb_instance_function(session->instance, wsb_cstr(plan->function),
                                              &function, &session->error);
    if (status != WSB_OK) {
        return status;
    }
    const wsb_function_type *type = wsb_function_get_type(function);
    if (type->param_count != plan->value_count) {
        return wrong_count(session, plan, type);
    }
    wsb_value *args = cli_allocate(type->param_count * sizeof *args);
    wsb_value *results = cli_allocate(type->result_count * sizeof *results);
    for (size_t i = 0; i < type->param_count; i++) {
        if (!cli_parse_value(plan->values[i], type->params[i], &args[i])) {
            status = wrong_value(session, type, i, plan->values[i]);
            break;
        }
    }
    if (status == WSB_OK) {
        status = wsb_function_call(function, args, type->param_count, results, type->result_count,
                                   &session->error);
    }
    if (status == WSB_OK && !cli_write_values(out, results, type->result_count)) {
        status = WSB_ERROR_UNSUPPORTED;
        cli_session_refuse(session, status,
                           "call: the result is a reference, which only the "
                           "guest can read",
                           NULL);
    }
    free(args);
    free(results);
    return status;
}

static wsb_status call_with_data(cli_session *session, const call_plan *plan, FILE *out)
{
    const cli_settings *settings = session->settings;
    wsb_str name = wsb_cstr(plan->function);
    wsb_bytes data = wsb_bytes_of(plan->data.data, plan->data.len);
    wsb_buf answer = WSB_BUF_INIT;
    wsb_status status = WSB_OK;
    const char *problem = NULL;
    if (settings->raw && !settings->msgpack_path) {
        status = wsb_instance_call_bytes(session->instance, name, data, &answer, &session->error);
    } else if (settings->msgpack_path) {
        status = wsb_instance_call_msgpack(session->instance, name, data, &answer, &session->error);
    } else {
        wsb_str text = {(const char *)data.data, data.len};
        status = wsb_instance_call_json(session->instance, name, text, &answer, &session->error);
    }
    if (status == WSB_OK && settings->msgpack_path && !settings->raw) {
        problem = cli_write_msgpack(out, wsb_bytes_of(answer.data, answer.len));
    } else if (status == WSB_OK && answer.len > 0) {
        fwrite(answer.data, 1, answer.len, out);
    }
    if (problem) {
        snprintf(message, sizeof message, "call: the answer holds %s, which JSON cannot say",
                 problem);
        status = WSB_ERROR_TYPE_MISMATCH;
        cli_session_refuse(session, status, message, "--raw, to get the MessagePack itself");
    }
    wsb_buf_fini(&answer);
    return status;
}

static void call_guest(cli_session *session, const call_plan *plan, wsb_capabilities *capabilities,
                       FILE *out)
{
    if (!cli_session_open(session) || !cli_session_load(session)) {
        return;
    }
    if (!plan->has_data && is_buffer_function(session->module, plan->function)) {
        snprintf(message, sizeof message, "call: '%.100s' takes data, not VALUEs", plan->function);
        cli_session_refuse(session, WSB_ERROR_INVALID_ARGUMENT, message,
                           "--json TEXT, --json-file FILE, --msgpack-file FILE or --raw");
    } else if (cli_session_instantiate(session, capabilities)) {
        session->status =
            plan->has_data ? call_with_data(session, plan, out) : call_typed(session, plan, out);
    }
}

/* Which of the ways to give data was used; at most one makes sense. */
static bool read_data(const cli_command *command, const cli_settings *settings, call_plan *plan,
                      int *out_exit)
{
    int ways = !!settings->json_text + !!settings->json_path + !!settings->msgpack_path +
               (plan->value_count > 0);
    *out_exit = CLI_EXIT_REFUSED;
    if (ways > 1) {
        cli_fail("call: give VALUEs, --json, --json-file or --msgpack-file, but only one of them");
        cli_try_help(command);
        return false;
    }
    if (settings->raw && plan->value_count > 1) {
        cli_fail("call: --raw takes one VALUE, the bytes to hand over");
        return false;
    }
    plan->has_data = settings->raw || (ways == 1 && plan->value_count == 0);
    if (settings->json_path || settings->msgpack_path) {
        return cli_read_file(settings->json_path ? "--json-file" : "--msgpack-file",
                             settings->json_path ? settings->json_path : settings->msgpack_path,
                             CLI_INPUT_MAX, &plan->data, out_exit);
    }
    const char *text = settings->json_text;
    if (settings->raw && plan->value_count == 1) {
        text = plan->values[0];
    }
    /* Borrowed, and never released. */
    plan->data.data = (uint8_t *)(uintptr_t)text;
    plan->data.len = text ? strlen(text) : 0;
    return true;
}

/* The guest's own output goes to stderr, so that stdout holds the answer and nothing else. */
static bool choose_streams(const cli_settings *settings, wsb_capabilities *capabilities,
                           int *out_exit)
{
    capabilities->standard_input.kind = settings->stdin_path ? WSB_INPUT_FD : WSB_INPUT_EMPTY;
    capabilities->standard_output.kind = WSB_OUTPUT_FD;
    capabilities->standard_output.fd = STDERR_FILENO;
    capabilities->standard_error.kind = WSB_OUTPUT_FD;
    capabilities->standard_error.fd = STDERR_FILENO;
    if (settings->stdin_path) {
        capabilities->standard_input.fd = cli_open_input("--stdin", settings->stdin_path, out_exit);
    }
    return capabilities->standard_input.fd >= 0;
}

static int print_answer(const cli_session *session, const char *answer, size_t len)
{
    bool is_text = !session->settings->raw;
    if (fwrite(answer, 1, len, stdout) == len && (!is_text || fputc('\n', stdout) != EOF) &&
        fflush(stdout) == 0) {
        return CLI_EXIT_OK;
    }
    cli_fail("the answer cannot be written to standard output: %s", strerror(errno));
    return CLI_EXIT_REFUSED;
}

static int call(const cli_command *command, int argc, char **argv)
{
    static cli_settings settings;
    static cli_session session;
    wsb_capabilities capabilities = WSB_CAPABILITIES_INIT;
    call_plan plan = {.data = WSB_BUF_INIT};
    char *answer = NULL;
    size_t answer_len = 0;
    int operands = 0;
    int exit_status = CLI_EXIT_REFUSED;
    cli_parse parse = cli_parse_options(command, argc, argv, &settings, &operands);
    if (parse != CLI_PARSE_OK) {
        return cli_parse_exit(parse);
    }
    if (operands < 2) {
        cli_fail("call: which %s?", operands == 0 ? "MODULE and FUNCTION" : "FUNCTION");
        cli_try_help(command);
        return CLI_EXIT_REFUSED;
    }
    plan.function = argv[1];
    plan.values = argv + 2;
    plan.value_count = (size_t)operands - 2;
    if (!read_data(command, &settings, &plan, &exit_status) ||
        !choose_streams(&settings, &capabilities, &exit_status)) {
        return exit_status;
    }
    /* A time that was asked for is the whole of it: less CPU time by default would surprise. */
    if (settings.limits.max_wall_time && !settings.limits.max_cpu_time) {
        settings.limits.max_cpu_time = settings.limits.max_wall_time;
    }
    FILE *out = open_memstream(&answer, &answer_len);
    if (!out) {
        cli_fail("the host is out of memory");
        return CLI_EXIT_REFUSED;
    }
    cli_session_init(&session, &settings, argv[0]);
    cli_interrupt_start();
    call_guest(&session, &plan, &capabilities, out);
    if (fclose(out) != 0 && session.status == WSB_OK) {
        cli_session_refuse(&session, WSB_ERROR_OUT_OF_MEMORY, "the host is out of memory", NULL);
    }
    if (session.status == WSB_OK) {
        exit_status = print_answer(&session, answer, answer_len);
        int finished = cli_session_finish(&session);
        return exit_status ? exit_status : finished;
    }
    return cli_session_finish(&session);
}

const cli_command cli_call_command = {
    .name = "call",
    .synopsis = "call [options] MODULE FUNCTION [VALUE...]",
    .brief = "call one function of a module",
    .details =
        "Calls FUNCTION of MODULE and prints its result as JSON: null for none, an array for\n"
        "several. VALUEs are read by the function's signature: whole numbers (decimal or 0x...),\n"
        "or floating point. Functions that take data get them with --json, --json-file or\n"
        "--msgpack-file. What the guest prints itself goes to standard error. The exit status is\n"
        "0, or 1 where the function reports an error of its own, or as for 'run'.\n",
    .examples = "  wasm-sandbox call math.wasm add 5 -3\n"
                "  wasm-sandbox call --json '{\"name\": \"Ada\"}' greeter.wasm greet\n"
                "  wasm-sandbox call --raw --json-file - tools.wasm compress < data > data.z\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .order = CLI_ORDER_ANY_LONG,
    .run = call,
};
