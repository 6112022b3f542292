/* What a module needs from its host, read from its imports. */
#ifndef WSB_CLI_NEEDS_H
#define WSB_CLI_NEEDS_H

#include <wasm_sandbox/module.h>

typedef enum cli_need {
    CLI_NEED_STREAMS,
    CLI_NEED_FILES,
    CLI_NEED_ARGUMENTS,
    CLI_NEED_ENVIRONMENT,
    CLI_NEED_CLOCKS,
    CLI_NEED_RANDOM,
    CLI_NEED_SOCKETS,
    CLI_NEED_HOST_FUNCTIONS,
    CLI_NEED_COUNT
} cli_need;

typedef struct cli_need_text {
    const char *name; /* for --json */
    const char *text; /* and where it comes from, for people */
} cli_need_text;

extern const cli_need_text cli_need_texts[CLI_NEED_COUNT];

/* The needs, a bit each. */
uint32_t cli_module_needs(const wsb_module_info *info);

/* Whether nothing in this command provides the import. */
bool cli_import_is_unknown(const wsb_extern_info *import);

#endif
