#include "fit.h"

#include <stdio.h>
#include <stdlib.h>

#include "report.h"
#include "text.h"

enum { INDENT = 13, NAMES_SHOWN = 4 };

/* What values of the type need of an engine, where they pass between guest and host. */
static uint32_t needed_by(wsb_value_type type)
{
    switch (type) {
    case WSB_I32:
    case WSB_I64:
    case WSB_F32:
    case WSB_F64:
        return 0;
    case WSB_V128:
        return WSB_ENGINE_VECTORS;
    default:
        return WSB_ENGINE_REFERENCES;
    }
}

static uint32_t needed_by_signature(const wsb_extern_info *item)
{
    uint32_t features = 0;
    if (item->kind != WSB_EXTERN_FUNCTION) {
        return 0;
    }
    for (size_t i = 0; i < item->function.param_count; i++) {
        features |= needed_by(item->function.params[i]);
    }
    for (size_t i = 0; i < item->function.result_count; i++) {
        features |= needed_by(item->function.results[i]);
    }
    return features;
}

uint32_t cli_engine_lacks(const wsb_engine_info *engine, const wsb_module_info *module)
{
    uint32_t features = module->required_features;
    for (size_t i = 0; i < module->import_count; i++) {
        features |= needed_by_signature(&module->imports[i]);
    }
    return features & ~engine->features;
}

/* Whether the host cannot call the export on this engine, which may run the module otherwise. */
static bool is_uncallable(const wsb_engine_info *engine, const wsb_extern_info *export)
{
    return (needed_by_signature(export) & ~engine->features) != 0;
}

static void add_uncallable(cli_column *column, const wsb_engine_info *engine,
                           const wsb_module_info *module)
{
    size_t found = 0;
    for (size_t i = 0; i < module->export_count; i++) {
        const wsb_extern_info *export = &module->exports[i];
        if (!is_uncallable(engine, export)) {
            continue;
        }
        if (found == 0) {
            cli_column_add(column, "but cannot be asked to call", ',');
        }
        if (found < NAMES_SHOWN) {
            char *name = cli_escape(export->name.data, export->name.len, false);
            cli_column_add(column, name, found ? ',' : 0);
            free(name);
        }
        found++;
    }
    if (found > NAMES_SHOWN) {
        char more[32];
        snprintf(more, sizeof more, "and %zu more", found - NAMES_SHOWN);
        cli_column_add(column, more, 0);
    }
}

static void add_lacks(cli_column *column, uint32_t lacks)
{
    bool first = true;
    cli_column_add(column, "cannot run it: it lacks", 0);
    for (unsigned i = 0; i < 32; i++) {
        if (lacks & (1u << i)) {
            cli_column_add(column, wsb_engine_feature_name(1u << i), first ? 0 : ',');
            first = false;
        }
    }
}

static void print_line(const wsb_engine_info *engine, const wsb_module_info *module,
                       bool is_default)
{
    char title[80];
    cli_column column;
    uint32_t lacks = cli_engine_lacks(engine, module);
    snprintf(title, sizeof title, "  %s%s", engine->id, strlen(engine->id) > INDENT - 3 ? " " : "");
    cli_column_start(&column, title, INDENT);
    if (!engine->available) {
        cli_column_add(&column, "not available; '" CLI_NAME " engines' says why", 0);
    } else if (lacks) {
        add_lacks(&column, lacks);
    } else {
        cli_column_add(&column, is_default ? "runs it (default)" : "runs it", 0);
        add_uncallable(&column, engine, module);
    }
    cli_column_end(&column, "");
}

void cli_print_fit(const cli_engine_list *list, const wsb_module_info *module)
{
    puts("\nengines");
    for (size_t i = 0; i < list->count; i++) {
        print_line(&list->items[i], module, strcmp(list->items[i].id, list->default_id) == 0);
    }
}

static json_t *uncallable_json(const wsb_engine_info *engine, const wsb_module_info *module)
{
    json_t *names = json_array();
    for (size_t i = 0; i < module->export_count; i++) {
        const wsb_extern_info *export = &module->exports[i];
        if (is_uncallable(engine, export)) {
            json_array_append_new(names, cli_json_text(export->name.data, export->name.len));
        }
    }
    return names;
}

json_t *cli_fit_json(const cli_engine_list *list, const wsb_module_info *module)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++) {
        const wsb_engine_info *engine = &list->items[i];
        uint32_t lacks = cli_engine_lacks(engine, module);
        json_t *object = json_object();
        json_object_set_new(object, "id", json_string(engine->id));
        json_object_set_new(object, "default",
                            json_boolean(strcmp(engine->id, list->default_id) == 0));
        json_object_set_new(object, "available", json_boolean(engine->available));
        json_object_set_new(object, "runs", engine->available ? json_boolean(!lacks) : json_null());
        if (engine->available) {
            json_object_set_new(object, "lacks", cli_feature_names(lacks));
            json_object_set_new(object, "uncallable", uncallable_json(engine, module));
        }
        json_array_append_new(array, object);
    }
    return array;
}
