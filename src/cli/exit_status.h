/* How the command ends: one table from the library's statuses to exit statuses. */
#ifndef WSB_CLI_EXIT_STATUS_H
#define WSB_CLI_EXIT_STATUS_H

#include <wasm_sandbox/status.h>

typedef enum cli_exit {
    CLI_EXIT_OK = 0,
    CLI_EXIT_GUEST_ERROR = 1, /* call: the function reported an error of its own */
    CLI_EXIT_TIME = 124,      /* deadline, CPU time or fuel */
    CLI_EXIT_REFUSED = 125,   /* configuration, policy, usage, or an internal error */
    CLI_EXIT_NOT_A_MODULE = 126,
    CLI_EXIT_NOT_FOUND = 127,
    CLI_EXIT_INTERRUPTED = 130,
    CLI_EXIT_TRAP = 134,
    CLI_EXIT_OUT_OF_MEMORY = 137
} cli_exit;

/* What was being done; the same status can mean different things. */
typedef enum cli_stage {
    CLI_STAGE_SETUP,
    CLI_STAGE_LOAD,
    CLI_STAGE_INSTANTIATE,
    CLI_STAGE_CALL
} cli_stage;

/* `code` is the guest's, where it exited. */
int cli_exit_status(wsb_status status, cli_stage stage, int32_t code);

/* The word for `--usage=json`: "exit", "trap", "timeout", … */
const char *cli_ended(wsb_status status);

#endif
