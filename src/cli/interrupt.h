/* SIGINT and SIGTERM: the first ends the guest in good order, the second ends the command. */
#ifndef WSB_CLI_INTERRUPT_H
#define WSB_CLI_INTERRUPT_H

#include <wasm_sandbox/instance.h>

/* Handles the signals, on the main thread, which runs the guest. Until there is an instance they
 * end the command. */
void cli_interrupt_start(void);

/* From now on an interrupt cancels this instance, which must live until the command ends. */
void cli_interrupt_cancels(wsb_instance *instance);

#endif
