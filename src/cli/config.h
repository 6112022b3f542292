/* Settings from a file (--config): the long options by their names. */
#ifndef WSB_CLI_CONFIG_H
#define WSB_CLI_CONFIG_H

#include "options.h"

/* Reads the file into the settings. What is wrong is said on stderr with its line. Texts in the
 * settings live as long as the process. */
cli_parse cli_config_read(const cli_command *command, const char *path, cli_settings *settings);

#endif
