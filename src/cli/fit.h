/* Which engines can run a module. */
#ifndef WSB_CLI_FIT_H
#define WSB_CLI_FIT_H

#include "engine_list.h"

/* What the engine would need besides, to run the module at all: wsb_engine_feature bits. */
uint32_t cli_engine_lacks(const wsb_engine_info *engine, const wsb_module_info *module);

/* For `inspect`: a line an engine, and the same as JSON. */
void cli_print_fit(const cli_engine_list *list, const wsb_module_info *module);
json_t *cli_fit_json(const cli_engine_list *list, const wsb_module_info *module);

#endif
