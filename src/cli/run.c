/* wasm-sandbox run */
#include <unistd.h>

#include "input.h"
#include "interrupt.h"
#include "options.h"
#include "session.h"
#include "text.h"

static const cli_option options[] = {
    CLI_GRANT_OPTIONS,
    CLI_TEXT("argv0", 0, "NAME", argv0, "the program's name, as it sees it [PROGRAM's]"),
    CLI_TEXT("stdin", 0, "FILE", stdin_path, "its standard input [yours]"),
    CLI_CUSTOM("seed", "N", false, cli_apply_seed,
               "random numbers that are the same for the same N [real ones]"),
    CLI_LIMIT_OPTIONS("unlimited"),
    CLI_HEADING("Other:"),
    CLI_ENGINE_OPTIONS,
    CLI_CACHE_OPTION,
    CLI_CONFIG_OPTION,
    CLI_USAGE_OPTION,
    CLI_VERBOSE_OPTION,
    CLI_HELP_OPTION,
};

/* A person is there to interrupt it, so time is not limited unless asked. */
static void lift_time_limits(wsb_resource_limits *limits)
{
    if (limits->max_wall_time == 0) {
        limits->max_wall_time = WSB_UNLIMITED;
    }
    if (limits->max_cpu_time == 0) {
        limits->max_cpu_time = WSB_UNLIMITED;
    }
}

static void set_arguments(wsb_capabilities *capabilities, const char *argv0, int count, char **argv)
{
    wsb_str *arguments = cli_allocate((size_t)count * sizeof *arguments);
    arguments[0] = wsb_cstr(argv0 ? argv0 : cli_base_name(argv[0]));
    for (int i = 1; i < count; i++) {
        arguments[i] = wsb_cstr(argv[i]);
    }
    capabilities->arguments = arguments;
    capabilities->argument_count = (size_t)count;
}

/* No `_start`: that is for `call`. Said before anything of the module runs. */
static bool check_command(cli_session *session)
{
    if (wsb_module_get_info(session->module)->is_command) {
        return true;
    }
    cli_session_refuse(session, WSB_ERROR_INVALID_MODULE,
                       "run: the module is not a program: it does not export '_start'",
                       "wasm-sandbox inspect MODULE to see its functions, then "
                       "wasm-sandbox call MODULE FUNCTION");
    return false;
}

static void run_guest(cli_session *session, wsb_capabilities *capabilities)
{
    if (cli_session_open(session) && cli_session_load(session) && check_command(session) &&
        cli_session_instantiate(session, capabilities)) {
        session->status = wsb_instance_run(session->instance, &session->exit_code, &session->error);
    }
}

static bool choose_streams(const cli_settings *settings, wsb_capabilities *capabilities,
                           int *out_exit)
{
    capabilities->standard_input.kind = WSB_INPUT_FD;
    capabilities->standard_input.fd = STDIN_FILENO;
    capabilities->standard_output.kind = WSB_OUTPUT_FD;
    capabilities->standard_output.fd = STDOUT_FILENO;
    capabilities->standard_error.kind = WSB_OUTPUT_FD;
    capabilities->standard_error.fd = STDERR_FILENO;
    if (settings->stdin_path) {
        capabilities->standard_input.fd = cli_open_input("--stdin", settings->stdin_path, out_exit);
    }
    return capabilities->standard_input.fd >= 0;
}

static int run(const cli_command *command, int argc, char **argv)
{
    static cli_settings settings;
    static cli_session session;
    wsb_capabilities capabilities = WSB_CAPABILITIES_INIT;
    int operands = 0;
    int exit_status = CLI_EXIT_REFUSED;
    cli_parse parse = cli_parse_options(command, argc, argv, &settings, &operands);
    if (parse != CLI_PARSE_OK) {
        return cli_parse_exit(parse);
    }
    if (operands == 0) {
        cli_fail("run: which PROGRAM?");
        cli_try_help(command);
        return CLI_EXIT_REFUSED;
    }
    lift_time_limits(&settings.limits);
    set_arguments(&capabilities, settings.argv0, operands, argv);
    if (!choose_streams(&settings, &capabilities, &exit_status)) {
        return exit_status;
    }
    cli_session_init(&session, &settings, argv[0]);
    cli_interrupt_start();
    run_guest(&session, &capabilities);
    return cli_session_finish(&session);
}

const cli_command cli_run_command = {
    .name = "run",
    .synopsis = "run [options] PROGRAM [ARG...]",
    .brief = "run a WebAssembly program (a WASI command)",
    .details =
        "Runs PROGRAM, a WASI command (.wasm, .wat, or .cwasm made by 'wasm-sandbox compile'),\n"
        "with the arguments that follow it. Options come before PROGRAM. It gets your standard\n"
        "streams, clocks and random numbers, and nothing else: no files, no environment, no\n"
        "network. The exit status is its own, or 124 out of time or fuel, 130 interrupted,\n"
        "134 trapped, 137 out of memory, 125 refused, 126 not a module, 127 not found.\n",
    .examples =
        "  wasm-sandbox run hello.wasm\n"
        "  wasm-sandbox run --dir ./texts count.wasm -n 10 texts/report.txt\n"
        "  wasm-sandbox run --dir-rw ./out::/out --env LANG --timeout 5s --memory 128MiB \\\n"
        "      --usage convert.wasm --to /out/result.json\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .order = CLI_ORDER_FIRST,
    .run = run,
};
