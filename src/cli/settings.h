/* What the command line asked for. */
#ifndef WSB_CLI_SETTINGS_H
#define WSB_CLI_SETTINGS_H

#include <wasm_sandbox/wasm_sandbox.h>

typedef enum cli_usage { CLI_USAGE_NONE, CLI_USAGE_TEXT, CLI_USAGE_JSON } cli_usage;

typedef struct cli_settings {
    wsb_resource_limits limits; /* as asked; 0 where nothing was said */
    wsb_filesystem_capability *dirs;
    size_t dir_count;
    wsb_environment_variable *env;
    size_t env_count;
    size_t file_dir_count; /* of these, those that came from the file of settings */
    size_t file_env_count;
    const char *config_path;
    const char *engine;
    const char *engine_path;
    const char *argv0;
    const char *stdin_path;
    const char *output_path;
    const char *json_text;
    const char *json_path;
    const char *msgpack_path;
    uint64_t seed;
    bool seeded;
    bool raw;
    bool json;
    bool no_cache;
    bool verbose;
    bool help;
    cli_usage usage;
    wsb_module_bounds bounds; /* as asked; 0 where nothing was said */
} cli_settings;

/* Nothing asked. */
void cli_settings_init(cli_settings *settings);

/* What is set so far came from a file: a directory or variable that is given again replaces it. */
void cli_settings_end_of_file(cli_settings *settings);

/* Options that are more than a number or a text; see cli_option.apply. */
bool cli_apply_dir(cli_settings *settings, const char *value);
bool cli_apply_dir_rw(cli_settings *settings, const char *value);
bool cli_apply_env(cli_settings *settings, const char *value);
bool cli_apply_seed(cli_settings *settings, const char *value);
bool cli_apply_bound(cli_settings *settings, const char *value);
bool cli_apply_usage(cli_settings *settings, const char *value);

/* Whether the library's error names a bound of modules, which --bound sets. */
bool cli_is_bound(const char *name);

/* A decimal number without sign or unit; false where it is none. */
bool cli_parse_count(const char *text, uint64_t *out_value);

#endif
