#include "config.h"

#include <stdlib.h>
#include <strings.h>

#include "exit_status.h"
#include "input.h"
#include "text.h"
#include "yaml.h"

/* Names of the file are those of long options, but for these, which make no sense in it. */
static bool is_for_the_command_line(const char *name)
{
    return strcmp(name, "config") == 0 || strcmp(name, "help") == 0;
}

/* The option of that name, of this command or of another one: a file may serve all of them. */
static const cli_option *find_option(const cli_command *command, const char *name,
                                     bool *out_is_ours)
{
    const cli_option *option = cli_find_option(command, name, strlen(name));
    *out_is_ours = option != NULL;
    for (size_t i = 0; i < cli_command_count && !option; i++) {
        option = cli_find_option(cli_commands[i], name, strlen(name));
    }
    return option && is_for_the_command_line(option->name) ? NULL : option;
}

static bool unknown_name(const cli_command *command, const cli_yaml_entry *entry)
{
    const char *name = entry->name.text;
    const cli_option *similar = cli_find_similar(command, name);
    for (size_t i = 0; i < cli_command_count && !similar; i++) {
        similar = cli_find_similar(cli_commands[i], name);
    }
    if (is_for_the_command_line(name)) {
        cli_fail("'%s' is for the command line only", name);
        return false;
    }
    cli_fail("there is no setting '%s'", name);
    if (strncmp(name, "--", 2) == 0) {
        cli_try("the same without the dashes");
    } else if (similar && !is_for_the_command_line(similar->name)) {
        cli_try("%s: %s", similar->name, similar->value ? similar->value : "true");
    } else {
        cli_try("the name of a long option; " CLI_NAME " %s --help lists them", command->name);
    }
    return false;
}

static bool is_one_of(const cli_yaml_value *value, const char *const words[3])
{
    for (size_t i = 0; value->is_plain && i < 3; i++) {
        if (strcmp(value->text, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* The core schema of YAML 1.2, section 10.3.2. */
static bool is_true(const cli_yaml_value *value)
{
    return is_one_of(value, (const char *const[]){"true", "True", "TRUE"});
}

static bool is_false(const cli_yaml_value *value)
{
    return is_one_of(value, (const char *const[]){"false", "False", "FALSE"});
}

static bool is_null(const cli_yaml_value *value)
{
    return is_one_of(value, (const char *const[]){"null", "Null", "NULL"}) ||
           is_one_of(value, (const char *const[]){"~", "", ""});
}

static bool apply_value(const cli_option *option, const cli_yaml_value *value,
                        cli_settings *settings)
{
    if (is_null(value)) {
        cli_fail("'%s' has no value", option->name);
        cli_try("%s: %s", option->name, option->value ? option->value : "true");
        return false;
    }
    if (is_false(value) && (!option->value || option->value_optional)) {
        return true;
    }
    if (is_true(value) && (!option->value || option->value_optional)) {
        return cli_option_apply(option, settings, NULL);
    }
    if (!option->value) {
        cli_fail("'%s' is a switch, true or false, and got '%s'", option->name, value->text);
        cli_try("%s: true", option->name);
        return false;
    }
    if (is_true(value) || is_false(value)) {
        cli_fail("'%s' is no switch: it takes %s", option->name, option->value);
        cli_try("%s: \"%s\", if that text is meant", option->name, value->text);
        return false;
    }
    return cli_option_apply(option, settings, value->text);
}

static bool apply_entry(const cli_command *command, const char *path, const cli_yaml_entry *entry,
                        cli_settings *settings)
{
    bool is_ours = false;
    cli_set_origin(path, entry->name.line);
    const cli_option *option = find_option(command, entry->name.text, &is_ours);
    if (!option) {
        return unknown_name(command, entry);
    }
    if (!is_ours) {
        return true; /* its value is that command's to judge */
    }
    if (entry->is_list && !option->repeatable) {
        cli_fail("'%s' takes one value, not a list", option->name);
        cli_try("%s: %s", option->name, option->value ? option->value : "true");
        return false;
    }
    for (size_t i = 0; i < entry->count; i++) {
        cli_set_origin(path, entry->values[i].line);
        if (!apply_value(option, &entry->values[i], settings)) {
            return false;
        }
    }
    return true;
}

cli_parse cli_config_read(const cli_command *command, const char *path, cli_settings *settings)
{
    wsb_buf data = WSB_BUF_INIT;
    cli_yaml yaml;
    int exit_status = CLI_EXIT_REFUSED;
    if (!cli_read_file("--config", path, CLI_YAML_MAX_BYTES, &data, &exit_status)) {
        return exit_status == CLI_EXIT_NOT_FOUND ? CLI_PARSE_NOT_FOUND : CLI_PARSE_FAILED;
    }
    bool applied = cli_yaml_read(data.data, data.len, &yaml);
    if (!applied) {
        cli_set_origin(path, yaml.line);
        cli_fail("%s", yaml.problem);
    }
    for (size_t i = 0; i < yaml.count && applied; i++) {
        applied = apply_entry(command, path, &yaml.entries[i], settings);
    }
    cli_set_origin(NULL, 0);
    free(data.data);
    /* The settings borrow from `yaml`, which stays. */
    return applied ? CLI_PARSE_OK : CLI_PARSE_FAILED;
}
