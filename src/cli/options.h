/* Options: one table a subcommand serves parsing, --help and the checks of man page and
 * completions. Nothing of it allocates but the lists in the settings. */
#ifndef WSB_CLI_OPTIONS_H
#define WSB_CLI_OPTIONS_H

#include <stdio.h>

#include "settings.h"

typedef enum cli_option_kind {
    CLI_OPTION_HEADING, /* `help` is a heading in --help */
    CLI_OPTION_FLAG,    /* bool */
    CLI_OPTION_TEXT,    /* const char * */
    CLI_OPTION_SIZE,    /* uint64_t, with a unit */
    CLI_OPTION_TIME,    /* uint64_t, with a unit */
    CLI_OPTION_COUNT,   /* uint64_t, without */
    CLI_OPTION_CUSTOM   /* `apply` */
} cli_option_kind;

/* What 0 means: the library takes a limit of 0 for its default, which is never what somebody who
 * typed 0 wants. */
typedef enum cli_zero { CLI_ZERO_AS_IT_IS, CLI_ZERO_IS_NONE, CLI_ZERO_IS_WRONG } cli_zero;

typedef struct cli_option {
    cli_option_kind kind;
    const char *name;    /* without the dashes */
    char letter;         /* short form, or 0 */
    const char *value;   /* name of the value in --help; NULL: takes none */
    bool value_optional; /* only as --name=VALUE */
    bool repeatable;     /* each adds to the ones before; a list in a file */
    cli_zero zero;
    size_t offset; /* of the field in cli_settings */
    /* Says what is wrong itself and returns false. `value` is NULL where it was left out. */
    bool (*apply)(cli_settings *settings, const char *value);
    const char *help; /* lines after the first are indented by the printer */
} cli_option;

/* Where options may stand. */
typedef enum cli_option_order {
    CLI_ORDER_FIRST,   /* before the first operand; what follows is the guest's */
    CLI_ORDER_ANY,     /* anywhere */
    CLI_ORDER_ANY_LONG /* before the first operand; after it long ones only, as -1 is a value */
} cli_option_order;

typedef struct cli_command cli_command;
struct cli_command {
    const char *name;
    const char *synopsis; /* after "wasm-sandbox " */
    const char *brief;    /* one line */
    const char *details;  /* paragraphs for --help, wrapped, each line ended */
    const char *examples; /* the same */
    const cli_option *options;
    size_t option_count;
    cli_option_order order;
    int (*run)(const cli_command *command, int argc, char **argv);
};

typedef enum cli_parse {
    CLI_PARSE_OK,
    CLI_PARSE_HELP,     /* --help was given and printed */
    CLI_PARSE_FAILED,   /* said on stderr */
    CLI_PARSE_NOT_FOUND /* the same: there is no such file of settings */
} cli_parse;

/* The exit status where nothing is left to do. */
int cli_parse_exit(cli_parse parse);

/* Reads `argv[1…]`, and the file that --config names, whose settings those of `argv` override or,
 * where they can be repeated, add to. The operands are moved, in order, to the front of `argv`;
 * their number goes to `out_operands`. Texts stay borrowed from `argv`. */
cli_parse cli_parse_options(const cli_command *command, int argc, char **argv,
                            cli_settings *settings, int *out_operands);

/* The option of that name; the one whose name is nearest to it. NULL where there is none. */
const cli_option *cli_find_option(const cli_command *command, const char *name, size_t len);
const cli_option *cli_find_similar(const cli_command *command, const char *name);

/* Sets what the option is for. `value` is NULL where it was left out. Says what is wrong. */
bool cli_option_apply(const cli_option *option, cli_settings *settings, const char *value);

void cli_print_help(FILE *out, const cli_command *command);

/* "try: wasm-sandbox <name> --help", after an error in how the command was used. */
void cli_try_help(const cli_command *command);

/* All of them, in the order of the overview. */
extern const cli_command *const cli_commands[];
extern const size_t cli_command_count;

extern const cli_command cli_run_command;
extern const cli_command cli_call_command;
extern const cli_command cli_inspect_command;
extern const cli_command cli_compile_command;
extern const cli_command cli_engines_command;

/* Tables that several subcommands share. */
#define CLI_HEADING(text)                                                                          \
    {CLI_OPTION_HEADING, NULL, 0, NULL, false, false, CLI_ZERO_AS_IT_IS, 0, NULL, text}
#define CLI_FLAG(name, letter, field, text)                                                        \
    {CLI_OPTION_FLAG,                                                                              \
     name,                                                                                         \
     letter,                                                                                       \
     NULL,                                                                                         \
     false,                                                                                        \
     false,                                                                                        \
     CLI_ZERO_AS_IT_IS,                                                                            \
     offsetof(cli_settings, field),                                                                \
     NULL,                                                                                         \
     text}
#define CLI_TEXT(name, letter, value, field, text)                                                 \
    {CLI_OPTION_TEXT,                                                                              \
     name,                                                                                         \
     letter,                                                                                       \
     value,                                                                                        \
     false,                                                                                        \
     false,                                                                                        \
     CLI_ZERO_AS_IT_IS,                                                                            \
     offsetof(cli_settings, field),                                                                \
     NULL,                                                                                         \
     text}
#define CLI_NUMBER(kind, name, value, zero, field, text)                                           \
    {kind, name, 0, value, false, false, zero, offsetof(cli_settings, field), NULL, text}
#define CLI_CUSTOM(name, value, optional, apply, text)                                             \
    {CLI_OPTION_CUSTOM, name, 0, value, optional, false, CLI_ZERO_AS_IT_IS, 0, apply, text}
#define CLI_REPEATABLE(name, value, apply, text)                                                   \
    {CLI_OPTION_CUSTOM, name, 0, value, false, true, CLI_ZERO_AS_IT_IS, 0, apply, text}

#define CLI_GRANT_OPTIONS                                                                          \
    CLI_HEADING("What the guest may touch (nothing, unless given):"),                              \
        CLI_REPEATABLE("dir", "HOST[::GUEST]", cli_apply_dir,                                      \
                       "let it read directory HOST, which it sees as GUEST"),                      \
        CLI_REPEATABLE("dir-rw", "HOST[::GUEST]", cli_apply_dir_rw,                                \
                       "the same, and write, create and delete"),                                  \
        CLI_REPEATABLE("env", "NAME[=VALUE]", cli_apply_env,                                       \
                       "set a variable; NAME alone passes yours on")

#define CLI_COMPILE_LIMIT_OPTIONS                                                                  \
    CLI_NUMBER(CLI_OPTION_COUNT, "fuel", "N", CLI_ZERO_IS_WRONG, limits.fuel,                      \
               "instructions, roughly, that it may execute [off]"),                                \
        CLI_NUMBER(CLI_OPTION_SIZE, "stack", "SIZE", CLI_ZERO_IS_WRONG, limits.max_stack,          \
                   "its call stack [512KiB]")

#define CLI_LIMIT_OPTIONS(time_default)                                                            \
    CLI_HEADING("Limits (SIZE as 64MiB, TIME as 5s or 250ms, or unlimited):"),                     \
        CLI_NUMBER(CLI_OPTION_SIZE, "memory", "SIZE", CLI_ZERO_IS_NONE, limits.max_memory,         \
                   "linear memory [64MiB]"),                                                       \
        CLI_NUMBER(CLI_OPTION_TIME, "timeout", "TIME", CLI_ZERO_IS_WRONG, limits.max_wall_time,    \
                   "time on the clock, waiting included [" time_default "]"),                      \
        CLI_NUMBER(CLI_OPTION_TIME, "cpu-time", "TIME", CLI_ZERO_IS_WRONG, limits.max_cpu_time,    \
                   "time on the processor [" time_default "]"),                                    \
        CLI_COMPILE_LIMIT_OPTIONS,                                                                 \
        CLI_NUMBER(CLI_OPTION_COUNT, "max-files", "N", CLI_ZERO_IS_NONE,                           \
                   limits.max_file_descriptors, "files open at once [16]"),                        \
        CLI_NUMBER(CLI_OPTION_SIZE, "max-output", "SIZE", CLI_ZERO_IS_NONE, limits.max_output,     \
                   "standard output and error together [16MiB]"),                                  \
        CLI_NUMBER(CLI_OPTION_SIZE, "max-read", "SIZE", CLI_ZERO_IS_NONE, limits.max_read_bytes,   \
                   "bytes read from files and standard input [1GiB]"),                             \
        CLI_NUMBER(CLI_OPTION_SIZE, "max-write", "SIZE", CLI_ZERO_IS_NONE, limits.max_write_bytes, \
                   "bytes written to files [1GiB]"),                                               \
        CLI_NUMBER(CLI_OPTION_COUNT, "max-table", "N", CLI_ZERO_IS_NONE,                           \
                   limits.max_table_elements, "table elements [1000000]")

#define CLI_ENGINE_OPTIONS                                                                         \
    CLI_TEXT("engine", 0, "ID", engine, "engine to use; see 'wasm-sandbox engines'"),              \
        CLI_TEXT("engine-path", 0, "FILE", engine_path, "load an engine from a shared object")

#define CLI_CACHE_OPTION                                                                           \
    CLI_FLAG("no-cache", 0, no_cache, "neither look for the compiled module nor keep it"),         \
        CLI_REPEATABLE("bound", "NAME=N", cli_apply_bound,                                         \
                       "change a bound on modules, as named by the error that refused one")

#define CLI_USAGE_OPTION                                                                           \
    CLI_CUSTOM("usage", "json", true, cli_apply_usage,                                             \
               "at the end, report on stderr what it used; =json for programs")

#define CLI_VERBOSE_OPTION                                                                         \
    CLI_FLAG("verbose", 'v', verbose, "tell everything that was refused, and cache problems")

#define CLI_CONFIG_OPTION                                                                          \
    CLI_TEXT("config", 0, "FILE", config_path, "take settings from a file; what is given here wins")

#define CLI_HELP_OPTION CLI_FLAG("help", 'h', help, "show this help")

#endif
