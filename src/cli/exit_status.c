#include "exit_status.h"

/* A process has eight bits for it. A code outside of them must not turn into success. */
static int guest_exit(int32_t code)
{
    return code >= 0 && code <= 255 ? (int)code : 255;
}

static int not_found(cli_stage stage)
{
    /* Later than loading, only a directory to grant is looked up by name before the call. */
    return stage == CLI_STAGE_LOAD || stage == CLI_STAGE_INSTANTIATE ? CLI_EXIT_NOT_FOUND
                                                                     : CLI_EXIT_REFUSED;
}

int cli_exit_status(wsb_status status, cli_stage stage, int32_t code)
{
    switch (status) {
    case WSB_OK:
    case WSB_ERROR_EXIT:
        return guest_exit(code);
    case WSB_ERROR_TIMEOUT:
    case WSB_ERROR_CPU_TIME:
    case WSB_ERROR_OUT_OF_FUEL:
        return CLI_EXIT_TIME;
    case WSB_ERROR_CANCELLED:
        return CLI_EXIT_INTERRUPTED;
    case WSB_ERROR_TRAP:
        return CLI_EXIT_TRAP;
    case WSB_ERROR_GUEST_OUT_OF_MEMORY:
        return CLI_EXIT_OUT_OF_MEMORY;
    case WSB_ERROR_GUEST:
        return CLI_EXIT_GUEST_ERROR;
    case WSB_ERROR_INVALID_MODULE:
    case WSB_ERROR_UNKNOWN_IMPORT:
        return CLI_EXIT_NOT_A_MODULE;
    case WSB_ERROR_UNSUPPORTED:
    case WSB_ERROR_IO:
        return stage == CLI_STAGE_LOAD ? CLI_EXIT_NOT_A_MODULE : CLI_EXIT_REFUSED;
    case WSB_ERROR_NOT_FOUND:
        return not_found(stage);
    default:
        return CLI_EXIT_REFUSED;
    }
}

const char *cli_ended(wsb_status status)
{
    switch (status) {
    case WSB_OK:
    case WSB_ERROR_EXIT:
        return "exit";
    case WSB_ERROR_TIMEOUT:
        return "timeout";
    case WSB_ERROR_CPU_TIME:
        return "cpu_time";
    case WSB_ERROR_OUT_OF_FUEL:
        return "out_of_fuel";
    case WSB_ERROR_CANCELLED:
        return "interrupted";
    case WSB_ERROR_TRAP:
        return "trap";
    case WSB_ERROR_GUEST_OUT_OF_MEMORY:
        return "out_of_memory";
    case WSB_ERROR_GUEST:
        return "guest_error";
    default:
        return "refused";
    }
}
