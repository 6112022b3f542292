#include "options.h"

#include <stdlib.h>

#include "config.h"
#include "exit_status.h"
#include "text.h"

#define HELP_COLUMN 27

const cli_option *cli_find_option(const cli_command *command, const char *name, size_t len)
{
    for (size_t i = 0; i < command->option_count; i++) {
        const cli_option *option = &command->options[i];
        if (option->name && strlen(option->name) == len && memcmp(option->name, name, len) == 0) {
            return option;
        }
    }
    return NULL;
}

static const cli_option *find_short(const cli_command *command, char letter)
{
    for (size_t i = 0; i < command->option_count; i++) {
        if (command->options[i].letter == letter && letter) {
            return &command->options[i];
        }
    }
    return NULL;
}

const cli_option *cli_find_similar(const cli_command *command, const char *name)
{
    const cli_option *best = NULL;
    size_t best_distance = 4;
    for (size_t i = 0; i < command->option_count; i++) {
        const cli_option *option = &command->options[i];
        if (!option->name) {
            continue;
        }
        size_t distance = cli_edit_distance(name, option->name);
        size_t shorter = strlen(name) < strlen(option->name) ? strlen(name) : strlen(option->name);
        if (shorter >= 3 && strncmp(name, option->name, shorter) == 0) {
            distance = 1;
        }
        if (distance < best_distance && distance <= (shorter + 1) / 2) {
            best = option;
            best_distance = distance;
        }
    }
    return best;
}

void cli_try_help(const cli_command *command)
{
    cli_try(CLI_NAME " %s --help", command->name);
}

static void unknown_option(const cli_command *command, const char *arg, const char *name)
{
    const cli_option *similar = cli_find_similar(command, name);
    cli_fail("%s: there is no option '%s'", command->name, arg);
    if (similar) {
        cli_try("--%s%s%s", similar->name,
                similar->value ? (similar->value_optional ? "=" : " ") : "",
                similar->value ? similar->value : "");
    } else {
        cli_try_help(command);
    }
}

static bool parse_number(const cli_option *option, const char *text, uint64_t *out_value)
{
    wsb_error *error = NULL;
    uint64_t value = 0;
    wsb_status status = WSB_OK;
    if (option->kind == CLI_OPTION_SIZE) {
        status = wsb_parse_size(wsb_cstr(text), &value, &error);
    } else if (option->kind == CLI_OPTION_TIME) {
        status = wsb_parse_duration(wsb_cstr(text), &value, &error);
    } else if (strcmp(text, "unlimited") == 0) {
        value = WSB_UNLIMITED;
    } else if (!cli_parse_count(text, &value) || value >= WSB_NONE) {
        cli_fail("--%s '%s' is not a whole number", option->name, text);
        cli_try("--%s 1000, or --%s unlimited", option->name, option->name);
        return false;
    }
    if (status != WSB_OK) {
        cli_fail("--%s: %s", option->name,
                 error ? wsb_error_message(error) : wsb_status_text(status));
        cli_try("--%s %s", option->name, option->kind == CLI_OPTION_SIZE ? "64MiB" : "5s");
        wsb_error_destroy(error);
        return false;
    }
    if ((value == 0 || value == WSB_NONE) && option->zero == CLI_ZERO_IS_WRONG) {
        cli_fail("--%s %s would let nothing run; give more, or leave it out", option->name, text);
        return false;
    }
    *out_value = value == 0 && option->zero == CLI_ZERO_IS_NONE ? WSB_NONE : value;
    return true;
}

static bool missing_value(const cli_option *option)
{
    cli_fail("--%s needs a value", option->name);
    cli_try("--%s %s", option->name, option->value);
    return false;
}

bool cli_option_apply(const cli_option *option, cli_settings *settings, const char *value)
{
    char *field = (char *)settings + option->offset;
    switch (option->kind) {
    case CLI_OPTION_FLAG:
        memcpy(field, &(bool){true}, sizeof(bool));
        return true;
    case CLI_OPTION_TEXT:
        memcpy(field, &value, sizeof value);
        return true;
    case CLI_OPTION_CUSTOM:
        return option->apply(settings, value);
    default: {
        uint64_t number = 0;
        if (!value) {
            return missing_value(option);
        }
        if (!parse_number(option, value, &number)) {
            return false;
        }
        memcpy(field, &number, sizeof number);
        return true;
    }
    }
}

/* Takes `argv[*index]`, an option, and its value where that is the next argument. */
static bool take_long(const cli_command *command, int argc, char **argv, int *index,
                      cli_settings *settings)
{
    const char *arg = argv[*index];
    const char *name = arg + 2;
    const char *equals = strchr(name, '=');
    size_t len = equals ? (size_t)(equals - name) : strlen(name);
    const cli_option *option = cli_find_option(command, name, len);
    if (!option) {
        char *copy = strndup(name, len);
        unknown_option(command, arg, copy ? copy : name);
        free(copy);
        return false;
    }
    const char *value = equals ? equals + 1 : NULL;
    if (!option->value && value) {
        cli_fail("--%s takes no value, and got '%s'", option->name, value);
        return false;
    }
    if (option->value && !option->value_optional && !value) {
        /* A value that looks like an option is a forgotten one; --name=--x still says it. */
        if (*index + 1 >= argc || strncmp(argv[*index + 1], "--", 2) == 0) {
            return missing_value(option);
        }
        value = argv[++*index];
    }
    return cli_option_apply(option, settings, value);
}

static bool take_short(const cli_command *command, int argc, char **argv, int *index,
                       cli_settings *settings)
{
    const char *arg = argv[*index];
    const cli_option *option = find_short(command, arg[1]);
    if (!option || (arg[2] && !option->value)) {
        unknown_option(command, arg, arg + 1);
        return false;
    }
    const char *value = NULL;
    if (option->value) {
        if (!arg[2] && *index + 1 >= argc) {
            return missing_value(option);
        }
        value = arg[2] ? arg + 2 : argv[++*index];
    }
    return cli_option_apply(option, settings, value);
}

/* Whether an argument is an option here, where `operands` stand before it. */
static bool is_option(const cli_command *command, const char *arg, int operands)
{
    if (arg[0] != '-' || !arg[1]) {
        return false;
    }
    if (operands > 0 && command->order == CLI_ORDER_FIRST) {
        return false;
    }
    return arg[1] == '-' || operands == 0 || command->order != CLI_ORDER_ANY_LONG;
}

/* Takes all of `argv`, and moves the operands to its front. */
static bool take_all(const cli_command *command, int argc, char **argv, cli_settings *settings,
                     int *out_operands)
{
    int operands = 0;
    bool options_over = false;
    for (int i = 1; i < argc; i++) {
        if (options_over || !is_option(command, argv[i], operands)) {
            argv[operands++] = argv[i];
        } else if (strcmp(argv[i], "--") == 0) {
            options_over = true;
        } else {
            bool is_long = argv[i][1] == '-';
            bool taken = is_long ? take_long(command, argc, argv, &i, settings)
                                 : take_short(command, argc, argv, &i, settings);
            if (!taken) {
                return false;
            }
        }
    }
    *out_operands = operands;
    return true;
}

/* The file's settings first, then those of the command line once more, over them. */
static cli_parse parse_with_config(const cli_command *command, int argc, char **argv,
                                   cli_settings *settings, int *out_operands)
{
    const char *path = settings->config_path;
    cli_settings_init(settings);
    cli_parse parse = cli_config_read(command, path, settings);
    if (parse != CLI_PARSE_OK) {
        return parse;
    }
    cli_settings_end_of_file(settings);
    return take_all(command, argc, argv, settings, out_operands) ? CLI_PARSE_OK : CLI_PARSE_FAILED;
}

cli_parse cli_parse_options(const cli_command *command, int argc, char **argv,
                            cli_settings *settings, int *out_operands)
{
    size_t size = (size_t)argc * sizeof *argv;
    char **given = cli_allocate(size);
    memcpy(given, argv, size);
    cli_settings_init(settings);
    cli_parse parse = CLI_PARSE_OK;
    if (!take_all(command, argc, argv, settings, out_operands)) {
        parse = CLI_PARSE_FAILED;
    } else if (settings->help) {
        cli_print_help(stdout, command);
        parse = CLI_PARSE_HELP;
    } else if (settings->config_path) {
        memcpy(argv, given, size);
        parse = parse_with_config(command, argc, argv, settings, out_operands);
    }
    free(given);
    return parse;
}

int cli_parse_exit(cli_parse parse)
{
    return parse == CLI_PARSE_FAILED      ? CLI_EXIT_REFUSED
           : parse == CLI_PARSE_NOT_FOUND ? CLI_EXIT_NOT_FOUND
                                          : CLI_EXIT_OK;
}

static void print_option(FILE *out, const cli_option *option)
{
    char left[64];
    snprintf(left, sizeof left, "  %c%c%s--%s%s%s%s", option->letter ? '-' : ' ',
             option->letter ? option->letter : ' ', option->letter ? ", " : "  ", option->name,
             !option->value           ? ""
             : option->value_optional ? "[="
                                      : " ",
             option->value ? option->value : "", option->value_optional ? "]" : "");
    if (strlen(left) >= HELP_COLUMN + 3) {
        fprintf(out, "%s\n%*s%s\n", left, HELP_COLUMN + 3, "", option->help);
    } else {
        fprintf(out, "%-*s%s\n", HELP_COLUMN + 3, left, option->help);
    }
}

void cli_print_help(FILE *out, const cli_command *command)
{
    fprintf(out, "Usage: " CLI_NAME " %s\n\n%s\n", command->synopsis, command->details);
    bool headed = command->option_count && command->options[0].kind == CLI_OPTION_HEADING;
    if (!headed) {
        fputs("Options:\n", out);
    }
    for (size_t i = 0; i < command->option_count; i++) {
        const cli_option *option = &command->options[i];
        if (option->kind == CLI_OPTION_HEADING) {
            fprintf(out, "%s%s\n", i ? "\n" : "", option->help);
        } else {
            print_option(out, option);
        }
    }
    fprintf(out, "\nExamples:\n%s", command->examples);
}
