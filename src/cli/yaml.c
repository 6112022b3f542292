#include "yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "text.h"

typedef struct reader {
    yaml_parser_t parser;
    cli_yaml *yaml;
} reader;

static bool fail(cli_yaml *yaml, size_t line, const char *problem)
{
    snprintf(yaml->problem, sizeof yaml->problem, "%s", problem);
    yaml->line = line;
    return false;
}

static bool parser_failed(reader *in)
{
    const yaml_parser_t *parser = &in->parser;
    char text[sizeof in->yaml->problem];
    const char *problem = parser->problem ? parser->problem : "it cannot be read";
    if (parser->error == YAML_MEMORY_ERROR) {
        problem = "the host is out of memory";
    }
    snprintf(text, sizeof text, "it is not YAML: %s%s%s%s", problem, parser->context ? " (" : "",
             parser->context ? parser->context : "", parser->context ? ")" : "");
    return fail(in->yaml, parser->problem_mark.line + 1, text);
}

static const char *refusal(const yaml_event_t *event)
{
    bool is_scalar = event->type == YAML_SCALAR_EVENT;
    bool is_list = event->type == YAML_SEQUENCE_START_EVENT;
    bool is_mapping = event->type == YAML_MAPPING_START_EVENT;
    const yaml_char_t *anchor = is_scalar    ? event->data.scalar.anchor
                                : is_list    ? event->data.sequence_start.anchor
                                : is_mapping ? event->data.mapping_start.anchor
                                             : NULL;
    const yaml_char_t *tag = is_scalar    ? event->data.scalar.tag
                             : is_list    ? event->data.sequence_start.tag
                             : is_mapping ? event->data.mapping_start.tag
                                          : NULL;
    if (event->type == YAML_ALIAS_EVENT || anchor) {
        return "anchors and aliases (& and *) are not taken";
    }
    if (tag) {
        return "tags (!) are not taken";
    }
    if (is_scalar && memchr(event->data.scalar.value, '\0', event->data.scalar.length)) {
        return "a value has a NUL byte in it";
    }
    return NULL;
}

/* The next event, which the caller deletes where this returns true. */
static bool next(reader *in, yaml_event_t *out_event)
{
    if (!yaml_parser_parse(&in->parser, out_event)) {
        return parser_failed(in);
    }
    const char *problem = refusal(out_event);
    if (!problem) {
        return true;
    }
    fail(in->yaml, out_event->start_mark.line + 1, problem);
    yaml_event_delete(out_event);
    return false;
}

static cli_yaml_value take_scalar(const yaml_event_t *event)
{
    size_t len = event->data.scalar.length;
    cli_yaml_value value = {.text = cli_allocate(len + 1),
                            .line = event->start_mark.line + 1,
                            .is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE};
    memcpy(value.text, event->data.scalar.value, len);
    value.text[len] = '\0';
    return value;
}

/* Adds the value that the event is; false where it is none or one too many. */
static bool add_value(reader *in, cli_yaml_entry *entry, const yaml_event_t *event)
{
    size_t line = event->start_mark.line + 1;
    if (event->type != YAML_SCALAR_EVENT) {
        return fail(in->yaml, line,
                    "a value is a text, a number, true or false, or a list of them");
    }
    if (entry->count == CLI_YAML_MAX_VALUES) {
        return fail(in->yaml, line, "the list has more than 1,024 values");
    }
    entry->values = cli_reallocate(entry->values, (entry->count + 1) * sizeof *entry->values);
    entry->values[entry->count++] = take_scalar(event);
    return true;
}

static bool read_list(reader *in, cli_yaml_entry *entry)
{
    bool more = true;
    entry->is_list = true;
    while (more) {
        yaml_event_t event;
        if (!next(in, &event)) {
            return false;
        }
        more = event.type != YAML_SEQUENCE_END_EVENT;
        bool taken = !more || add_value(in, entry, &event);
        yaml_event_delete(&event);
        if (!taken) {
            return false;
        }
    }
    return true;
}

static bool read_value(reader *in, cli_yaml_entry *entry)
{
    yaml_event_t event;
    if (!next(in, &event)) {
        return false;
    }
    bool is_list = event.type == YAML_SEQUENCE_START_EVENT;
    bool taken = is_list || add_value(in, entry, &event);
    yaml_event_delete(&event);
    return is_list ? read_list(in, entry) : taken;
}

static bool is_repeated(const cli_yaml *yaml, const char *name, size_t *out_line)
{
    for (size_t i = 0; i < yaml->count; i++) {
        if (strcmp(yaml->entries[i].name.text, name) == 0) {
            *out_line = yaml->entries[i].name.line;
            return true;
        }
    }
    return false;
}

/* One name with its value. `event` is the name's. */
static bool read_entry(reader *in, const yaml_event_t *event)
{
    cli_yaml *yaml = in->yaml;
    size_t line = event->start_mark.line + 1;
    size_t first;
    if (event->type != YAML_SCALAR_EVENT) {
        return fail(yaml, line, "a name is expected here, as the options have them");
    }
    if (yaml->count == CLI_YAML_MAX_ENTRIES) {
        return fail(yaml, line, "there are more than 256 names");
    }
    cli_yaml_entry entry = {.name = take_scalar(event)};
    if (is_repeated(yaml, entry.name.text, &first)) {
        snprintf(yaml->problem, sizeof yaml->problem, "'%.64s' is there already, in line %zu",
                 entry.name.text, first);
        yaml->line = line;
        free(entry.name.text);
        return false;
    }
    yaml->entries = cli_reallocate(yaml->entries, (yaml->count + 1) * sizeof *yaml->entries);
    yaml->entries[yaml->count] = entry;
    return read_value(in, &yaml->entries[yaml->count++]);
}

static bool read_mapping(reader *in)
{
    for (;;) {
        yaml_event_t event;
        if (!next(in, &event)) {
            return false;
        }
        bool is_end = event.type == YAML_MAPPING_END_EVENT;
        bool taken = is_end || read_entry(in, &event);
        yaml_event_delete(&event);
        if (is_end || !taken) {
            return taken;
        }
    }
}

/* What a document holds: a mapping, or nothing. */
static bool read_root(reader *in)
{
    yaml_event_t event;
    if (!next(in, &event)) {
        return false;
    }
    yaml_event_type_t type = event.type;
    bool is_empty = type == YAML_SCALAR_EVENT && event.data.scalar.length == 0 &&
                    event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    size_t line = event.start_mark.line + 1;
    yaml_event_delete(&event);
    if (type == YAML_MAPPING_START_EVENT) {
        return read_mapping(in);
    }
    return is_empty || fail(in->yaml, line, "lines of `name: value` are expected");
}

/* One document at most: what follows it would be forgotten otherwise. */
static bool read_stream(reader *in)
{
    bool seen = false;
    for (;;) {
        yaml_event_t event;
        if (!next(in, &event)) {
            return false;
        }
        yaml_event_type_t type = event.type;
        size_t line = event.start_mark.line + 1;
        yaml_event_delete(&event);
        if (type == YAML_STREAM_END_EVENT) {
            return true;
        }
        if (type == YAML_DOCUMENT_START_EVENT) {
            if (seen) {
                return fail(in->yaml, line, "a second document is not taken");
            }
            seen = true;
            if (!read_root(in)) {
                return false;
            }
        }
    }
}

bool cli_yaml_read(const uint8_t *data, size_t len, cli_yaml *out_yaml)
{
    reader in = {.yaml = out_yaml};
    *out_yaml = (cli_yaml){.line = 1};
    if (len > CLI_YAML_MAX_BYTES) {
        return fail(out_yaml, 1, "it is larger than 64 KiB");
    }
    if (!yaml_parser_initialize(&in.parser)) {
        return fail(out_yaml, 1, "the host is out of memory");
    }
    yaml_parser_set_encoding(&in.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&in.parser, data, len);
    bool read = read_stream(&in);
    yaml_parser_delete(&in.parser);
    return read;
}

void cli_yaml_fini(cli_yaml *yaml)
{
    for (size_t i = 0; i < yaml->count; i++) {
        cli_yaml_entry *entry = &yaml->entries[i];
        for (size_t j = 0; j < entry->count; j++) {
            free(entry->values[j].text);
        }
        free(entry->values);
        free(entry->name.text);
    }
    free(yaml->entries);
    *yaml = (cli_yaml){.entries = NULL};
}
