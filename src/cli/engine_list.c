#include "engine_list.h"

#include <stdio.h>
#include <stdlib.h>

#include "exit_status.h"
#include "text.h"

enum { WIDTH = 80 };

static bool refused(wsb_error *error, wsb_status status, int *out_exit)
{
    cli_print_error(error, status, NULL);
    *out_exit = status == WSB_ERROR_NOT_FOUND ? CLI_EXIT_NOT_FOUND : CLI_EXIT_REFUSED;
    wsb_error_destroy(error);
    return false;
}

static wsb_status open_factory(const cli_settings *settings, cli_engine_list *out_list,
                               wsb_error **out_error)
{
    wsb_status status = wsb_runtime_factory_create(&out_list->factory, out_error);
    if (status == WSB_OK && settings->engine_path) {
        status = wsb_runtime_factory_load(out_list->factory, wsb_cstr(settings->engine_path), NULL,
                                          out_error);
    }
    if (status != WSB_OK) {
        return status;
    }
    size_t count = wsb_runtime_factory_count(out_list->factory);
    out_list->items = cli_allocate(count * sizeof *out_list->items);
    out_list->default_id = "";
    for (size_t i = 0; i < count && status == WSB_OK; i++) {
        wsb_engine_info *info = &out_list->items[i];
        *info = (wsb_engine_info)WSB_ENGINE_INFO_INIT;
        status = wsb_runtime_factory_info(out_list->factory, i, info, out_error);
        if (status == WSB_OK && info->available && !*out_list->default_id) {
            out_list->default_id = info->id;
        }
    }
    out_list->count = status == WSB_OK ? count : 0;
    return status;
}

static bool unknown_engine(const cli_engine_list *list, const char *id, int *out_exit)
{
    char known[512] = "";
    size_t used = 0;
    for (size_t i = 0; i < list->count && used < sizeof known; i++) {
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "",
                                 list->items[i].id);
    }
    cli_fail("there is no engine '%s'", id);
    cli_try("one of the registered engines: %s", known);
    *out_exit = CLI_EXIT_REFUSED;
    return false;
}

bool cli_engine_list_open(const cli_settings *settings, cli_engine_list *out_list, int *out_exit)
{
    wsb_error *error = NULL;
    *out_list = (cli_engine_list){.default_id = ""};
    wsb_status status = open_factory(settings, out_list, &error);
    if (status != WSB_OK) {
        return refused(error, status, out_exit);
    }
    if (!settings->engine || !*settings->engine) {
        return true;
    }
    for (size_t i = 0; i < out_list->count; i++) {
        if (strcmp(out_list->items[i].id, settings->engine) == 0) {
            out_list->items[0] = out_list->items[i];
            out_list->count = 1;
            return true;
        }
    }
    return unknown_engine(out_list, settings->engine, out_exit);
}

char *cli_engines_with(const cli_settings *settings, uint32_t features)
{
    cli_engine_list list = {.default_id = ""};
    wsb_error *error = NULL;
    char *text = cli_allocate(1);
    *text = '\0';
    if (open_factory(settings, &list, &error) != WSB_OK) {
        wsb_error_destroy(error);
        return text;
    }
    size_t used = 0;
    for (size_t i = 0; i < list.count; i++) {
        const wsb_engine_info *info = &list.items[i];
        if (info->available && (info->features & features) == features) {
            size_t room = used + strlen(info->id) + sizeof " or ";
            text = cli_reallocate(text, room);
            used +=
                (size_t)snprintf(text + used, room - used, "%s%s", used ? " or " : "", info->id);
        }
    }
    return text;
}

uint32_t cli_feature_of(const char *subject)
{
    static const uint32_t chosen_for =
        WSB_ENGINE_PROPOSALS | WSB_ENGINE_VECTORS | WSB_ENGINE_REFERENCES | WSB_ENGINE_SERIALIZE;
    if (strcmp(subject, "v128") == 0) {
        return WSB_ENGINE_VECTORS;
    }
    if (strcmp(subject, "externref") == 0 || strcmp(subject, "funcref") == 0) {
        return WSB_ENGINE_REFERENCES;
    }
    for (unsigned i = 0; i < 32; i++) {
        uint32_t bit = 1u << i;
        /* "fuel" is a feature and a limit, and none of these. */
        if ((bit & chosen_for) && strcmp(wsb_engine_feature_name(bit), subject) == 0) {
            return bit;
        }
    }
    return 0;
}

json_t *cli_feature_names(uint32_t features)
{
    json_t *names = json_array();
    for (unsigned i = 0; i < 32; i++) {
        if (features & (1u << i)) {
            json_array_append_new(names, json_string(wsb_engine_feature_name(1u << i)));
        }
    }
    return names;
}

void cli_column_start(cli_column *column, const char *title, size_t indent)
{
    size_t len = strlen(title);
    printf("%-*s", (int)indent, title);
    *column = (cli_column){.indent = indent, .used = len > indent ? len : indent};
}

void cli_column_add(cli_column *column, const char *item, char separator)
{
    size_t len = strlen(item);
    if (column->started) {
        if (separator) {
            putchar(separator);
            column->used++;
        }
        /* One column is kept for the separator that may follow. */
        bool fits = column->used + 1 + len < WIDTH;
        printf("%s%*s", fits ? " " : "\n", fits ? 0 : (int)column->indent, "");
        column->used = fits ? column->used + 1 : column->indent;
    }
    fputs(item, stdout);
    column->used += len;
    column->started = true;
}

void cli_column_end(cli_column *column, const char *nothing)
{
    puts(column->started ? "" : nothing);
}
