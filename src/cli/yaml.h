/* Reads settings from YAML, of which JSON is a part: one mapping of names to values or lists of
 * values. What else YAML has (nesting, anchors, aliases, tags, several documents) is refused, so
 * that nothing can grow beyond the bytes that were read. Prints nothing. */
#ifndef WSB_CLI_YAML_H
#define WSB_CLI_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most bytes, names, and values of a list. */
enum { CLI_YAML_MAX_BYTES = 65536, CLI_YAML_MAX_ENTRIES = 256, CLI_YAML_MAX_VALUES = 1024 };

typedef struct cli_yaml_value {
    char *text; /* UTF-8, without NUL bytes inside */
    size_t line;
    bool is_plain; /* neither quoted nor a block: null, true and the like mean what they say */
} cli_yaml_value;

typedef struct cli_yaml_entry {
    cli_yaml_value name;
    cli_yaml_value *values;
    size_t count;
    bool is_list;
} cli_yaml_entry;

typedef struct cli_yaml {
    cli_yaml_entry *entries;
    size_t count;
    char problem[256]; /* terminated; not escaped */
    size_t line;       /* of the problem, from 1 */
} cli_yaml;

/* False: `problem` and `line` say what is wrong. Release with cli_yaml_fini() in any case. */
bool cli_yaml_read(const uint8_t *data, size_t len, cli_yaml *out_yaml);
void cli_yaml_fini(cli_yaml *yaml);

#endif
