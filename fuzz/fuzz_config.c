/* The command's file of settings: what is read keeps its bounds, and what is refused says why and
 * where. */
#include "cli/yaml.h"

#include <stdlib.h>
#include <string.h>

static size_t lines_of(const uint8_t *data, size_t size)
{
    size_t lines = 1;
    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n' || data[i] == '\r' || data[i] == 0x85 || data[i] == 0xA8 ||
                 data[i] == 0xA9;
    return lines;
}

static void check_value(const cli_yaml_value *value, size_t lines)
{
    if (!value->text || strlen(value->text) > CLI_YAML_MAX_BYTES || value->line == 0 ||
        value->line > lines)
        abort();
}

static void check_entry(const cli_yaml_entry *entry, size_t lines)
{
    check_value(&entry->name, lines);
    if (entry->count > CLI_YAML_MAX_VALUES || (!entry->is_list && entry->count != 1))
        abort();
    for (size_t i = 0; i < entry->count; i++)
        check_value(&entry->values[i], lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cli_yaml yaml;
    size_t lines = lines_of(data, size);
    bool read = cli_yaml_read(data, size, &yaml);
    if (yaml.count > CLI_YAML_MAX_ENTRIES)
        abort();
    if (!read && (yaml.problem[0] == '\0' || yaml.line == 0 || yaml.line > lines + 1))
        abort();
    for (size_t i = 0; read && i < yaml.count; i++)
        check_entry(&yaml.entries[i], lines + 1);
    cli_yaml_fini(&yaml);
    return 0;
}
