/* wasm-sandbox: chooses the subcommand. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "exit_status.h"
#include "options.h"
#include "text.h"

const cli_command *const cli_commands[] = {
    &cli_run_command,     &cli_call_command,    &cli_inspect_command,
    &cli_compile_command, &cli_engines_command,
};

#define COMMAND_COUNT (sizeof cli_commands / sizeof cli_commands[0])

const size_t cli_command_count = COMMAND_COUNT;

static const cli_command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(cli_commands[i]->name, name) == 0) {
            return cli_commands[i];
        }
    }
    return NULL;
}

static void print_overview(FILE *out)
{
    fputs(
        "Usage: " CLI_NAME " COMMAND [options] ...\n\n"
        "Runs code that you do not trust, compiled to WebAssembly. It can touch nothing that you\n"
        "did not grant, and use no more than its limits allow.\n\n"
        "Commands:\n",
        out);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        fprintf(out, "  %-10s %s\n", cli_commands[i]->name, cli_commands[i]->brief);
    }
    fputs("  help       show the help of a command\n\n"
          "Options:\n"
          "  -h, --help     show this help\n"
          "  -V, --version  show the version\n\n"
          "Examples:\n"
          "  wasm-sandbox run hello.wasm\n"
          "  wasm-sandbox run --dir ./texts --timeout 5s count.wasm texts/report.txt\n"
          "  wasm-sandbox call math.wasm add 5 3\n"
          "  wasm-sandbox help run\n",
          out);
}

static int unknown_command(const char *name)
{
    size_t best = COMMAND_COUNT;
    size_t best_distance = 3;
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        size_t distance = cli_edit_distance(name, cli_commands[i]->name);
        if (distance < best_distance) {
            best = i;
            best_distance = distance;
        }
    }
    cli_fail("there is no command '%s'", name);
    if (strchr(name, '.') || strchr(name, '/')) {
        cli_try(CLI_NAME " run %s", name);
    } else if (best < COMMAND_COUNT) {
        cli_try(CLI_NAME " %s", cli_commands[best]->name);
    } else {
        cli_try(CLI_NAME " --help");
    }
    return CLI_EXIT_REFUSED;
}

static int help(int argc, char **argv)
{
    if (argc < 2) {
        print_overview(stdout);
        return CLI_EXIT_OK;
    }
    const cli_command *command = find_command(argv[1]);
    if (!command) {
        return unknown_command(argv[1]);
    }
    cli_print_help(stdout, command);
    return CLI_EXIT_OK;
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        print_overview(stderr);
        return CLI_EXIT_REFUSED;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        print_overview(stdout);
        return CLI_EXIT_OK;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        printf(CLI_NAME " %s\n", wsb_version());
        return CLI_EXIT_OK;
    }
    if (strcmp(name, "help") == 0) {
        return help(argc - 1, argv + 1);
    }
    const cli_command *command = find_command(name);
    if (command) {
        return command->run(command, argc - 1, argv + 1);
    }
    if (name[0] == '-') {
        cli_fail("there is no option '%s' before the command", name);
        cli_try(CLI_NAME " run %s ... PROGRAM, or " CLI_NAME " --help", name);
        return CLI_EXIT_REFUSED;
    }
    return unknown_command(name);
}

/* Without this, a file that is opened later would take the place of a closed standard stream, and
 * the guest would read or write it. */
static bool fill_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != fd) {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    if (!fill_standard_streams()) {
        return CLI_EXIT_REFUSED;
    }
    /* A reader that went away is an error of that write, which the guest sees as one. */
    signal(SIGPIPE, SIG_IGN);
    int status = dispatch(argc, argv);
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == CLI_EXIT_OK) {
        cli_fail("standard output cannot be written: %s", strerror(errno));
        status = CLI_EXIT_REFUSED;
    }
    fflush(stderr);
    /* Nothing is left to do that the kernel does not do faster. */
    _exit(status);
}
