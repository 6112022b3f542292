/* wasm-sandbox compile */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "interrupt.h"
#include "options.h"
#include "session.h"
#include "text.h"

static const cli_option options[] = {
    CLI_TEXT("output", 'o', "FILE", output_path, "where to write the compiled module (required)"),
    CLI_HEADING("Limits that are compiled in; give 'run' and 'call' the same:"),
    CLI_COMPILE_LIMIT_OPTIONS,
    CLI_HEADING("Other:"),
    CLI_ENGINE_OPTIONS,
    CLI_CACHE_OPTION,
    CLI_CONFIG_OPTION,
    CLI_VERBOSE_OPTION,
    CLI_HELP_OPTION,
};

static bool write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t count = write(fd, data, len);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return false;
        }
        data += count;
        len -= (size_t)count;
    }
    return true;
}

/* Into a new file beside it, which then takes its name: a reader never sees half of one, and a
 * failure leaves an older file as it was. */
static int write_file(const char *path, const wsb_buf *data)
{
    char *temporary = NULL;
    mode_t mask = umask(0);
    umask(mask);
    if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
        return ENOMEM;
    }
    int fd = mkostemp(temporary, O_CLOEXEC);
    int problem = fd < 0 ? errno : 0;
    if (fd >= 0) {
        if (!write_all(fd, data->data, data->len) || fchmod(fd, 0666 & ~mask) != 0) {
            problem = errno;
        }
        if (close(fd) != 0 && !problem) {
            problem = errno;
        }
        if (!problem && rename(temporary, path) != 0) {
            problem = errno;
        }
        if (problem) {
            unlink(temporary);
        }
    }
    free(temporary);
    return problem;
}

static int compile_module(cli_session *session)
{
    wsb_buf bytes = WSB_BUF_INIT;
    if (!cli_session_open(session)) {
        return cli_session_finish(session);
    }
    if (session->key_failed) {
        cli_fail("compile: there is no key to sign with: %s", session->key_problem);
        cli_try("setting XDG_CACHE_HOME or HOME to a folder of yours that can be written to");
        return CLI_EXIT_REFUSED;
    }
    if (!cli_session_load(session)) {
        return cli_session_finish(session);
    }
    session->stage = CLI_STAGE_SETUP;
    session->status = wsb_module_serialize(session->module, &bytes, &session->error);
    if (session->status != WSB_OK) {
        return cli_session_finish(session);
    }
    int problem = write_file(session->settings->output_path, &bytes);
    if (problem) {
        cli_fail("compile: '%s' cannot be written: %s", session->settings->output_path,
                 strerror(problem));
        return CLI_EXIT_REFUSED;
    }
    return CLI_EXIT_OK;
}

static int compile(const cli_command *command, int argc, char **argv)
{
    static cli_settings settings;
    static cli_session session;
    int operands = 0;
    cli_parse parse = cli_parse_options(command, argc, argv, &settings, &operands);
    if (parse != CLI_PARSE_OK) {
        return cli_parse_exit(parse);
    }
    if (operands != 1) {
        cli_fail("compile: %s", operands ? "one MODULE at a time" : "which MODULE?");
        cli_try_help(command);
        return CLI_EXIT_REFUSED;
    }
    if (!settings.output_path) {
        cli_fail("compile: where should the compiled module go?");
        cli_try(CLI_NAME " compile %s -o FILE.cwasm", argv[0]);
        return CLI_EXIT_REFUSED;
    }
    cli_session_init(&session, &settings, argv[0]);
    cli_interrupt_start();
    return compile_module(&session);
}

const cli_command cli_compile_command = {
    .name = "compile",
    .synopsis = "compile [options] MODULE -o FILE.cwasm",
    .brief = "compile a module ahead of time",
    .details =
        "Compiles MODULE to native code, for 'run' and 'call' by the same user on this machine:\n"
        "the file is signed with your key, and one that was altered or made with another key is\n"
        "refused. There is a cache as well, so this is for files that are to be kept.\n",
    .examples = "  wasm-sandbox compile program.wasm -o program.cwasm\n"
                "  wasm-sandbox run program.cwasm\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .order = CLI_ORDER_ANY,
    .run = compile,
};
