/* wasm-sandbox inspect */
#include <jansson.h>
#include <stdlib.h>

#include "fit.h"
#include "needs.h"
#include "options.h"
#include "report.h"
#include "session.h"
#include "text.h"
#include "values.h"

enum { SIGNATURE_SIZE = 512, INDENT = 13 };

static const cli_option options[] = {
    CLI_FLAG("json", 0, json, "print JSON"),
    CLI_TEXT("engine", 0, "ID", engine, "tell of this engine only"),
    CLI_TEXT("engine-path", 0, "FILE", engine_path, "also tell of the engine in a shared object"),
    CLI_CACHE_OPTION,
    CLI_CONFIG_OPTION,
    CLI_VERBOSE_OPTION,
    CLI_HELP_OPTION,
};

static const char *kind_name(wsb_extern_kind kind)
{
    static const char *const names[] = {"function", "table", "memory", "global", "tag"};
    return (size_t)kind < sizeof names / sizeof names[0] ? names[kind] : "?";
}

static const char *convention_name(const wsb_extern_info *export)
{
    static const char *const names[] = {"scalar", "buffer", "command", "reactor"};
    return (size_t)export->convention < sizeof names / sizeof names[0] ? names[export->convention]
                                                                       : "?";
}

static const char *encoding_name(wsb_encoding encoding)
{
    static const char *const names[] = {"json", "msgpack", "bytes"};
    return (size_t)encoding < sizeof names / sizeof names[0] ? names[encoding] : "?";
}

static const char *module_kind(const wsb_module_info *info)
{
    return info->is_command ? "command" : info->is_reactor ? "reactor" : "library";
}

/* "(i32) -> i32", "1 page or more", "mutable i64". */
static void describe(const wsb_extern_info *item, char *out, size_t capacity)
{
    const char *unit = item->kind == WSB_EXTERN_MEMORY ? "pages of 64 KiB" : "elements";
    switch (item->kind) {
    case WSB_EXTERN_FUNCTION:
        cli_signature(&item->function, out, capacity);
        return;
    case WSB_EXTERN_GLOBAL:
        snprintf(out, capacity, "%s%s", item->is_mutable ? "mutable " : "",
                 wsb_value_type_name(item->value_type));
        return;
    case WSB_EXTERN_TABLE:
    case WSB_EXTERN_MEMORY:
        if (item->maximum == WSB_UNLIMITED) {
            snprintf(out, capacity, "%llu %s or more", (unsigned long long)item->minimum, unit);
        } else {
            snprintf(out, capacity, "%llu to %llu %s", (unsigned long long)item->minimum,
                     (unsigned long long)item->maximum, unit);
        }
        return;
    default:
        snprintf(out, capacity, "%s", kind_name(item->kind));
        return;
    }
}

static void print_export(const wsb_extern_info *export)
{
    char text[SIGNATURE_SIZE];
    char *name = cli_escape(export->name.data, export->name.len, false);
    describe(export, text, sizeof text);
    printf("  %-8s %s%s%s", kind_name(export->kind), name,
           export->kind == WSB_EXTERN_FUNCTION ? "" : ": ", text);
    if (export->kind == WSB_EXTERN_FUNCTION && export->declared &&
        export->convention == WSB_CONVENTION_BUFFER) {
        printf("  takes and gives %s", encoding_name(export->encoding));
    } else if (export->kind == WSB_EXTERN_FUNCTION &&
               export->convention >= WSB_CONVENTION_COMMAND) {
        printf("  (%s)", convention_name(export));
    }
    putchar('\n');
    free(name);
}

static void print_import(const wsb_extern_info *import)
{
    char text[SIGNATURE_SIZE];
    char *module = cli_escape(import->module.data, import->module.len, false);
    char *name = cli_escape(import->name.data, import->name.len, false);
    describe(import, text, sizeof text);
    printf("  %-8s %s.%s%s%s%s\n", kind_name(import->kind), module, name,
           import->kind == WSB_EXTERN_FUNCTION ? "" : ": ", text,
           cli_import_is_unknown(import) ? "  (needs a host function)" : "");
    free(module);
    free(name);
}

static void print_needs(const wsb_module_info *info)
{
    uint32_t needs = cli_module_needs(info);
    printf("\nneeds%s\n", needs ? "" : "\n  nothing but computing");
    for (size_t i = 0; i < CLI_NEED_COUNT; i++) {
        if (needs & (1u << i)) {
            printf("  %s\n", cli_need_texts[i].text);
        }
    }
}

static void print_memory(const wsb_module_info *info)
{
    char least[64];
    char most[64];
    if (!info->has_memory) {
        printf("memory       none\n");
        return;
    }
    cli_format(info->memory_minimum, CLI_UNIT_BYTES, least, sizeof least);
    if (info->memory_maximum == WSB_UNLIMITED) {
        printf("memory       %s or more\n", least);
    } else {
        printf("memory       %s to %s\n", least,
               cli_format(info->memory_maximum, CLI_UNIT_BYTES, most, sizeof most));
    }
}

static void print_proposals(const wsb_module_info *info)
{
    cli_column column;
    if (info->required_features == 0) {
        return;
    }
    cli_column_start(&column, "proposals", INDENT);
    for (unsigned i = 0; i < 32; i++) {
        if (info->required_features & (1u << i)) {
            cli_column_add(&column, wsb_engine_feature_name(1u << i), ',');
        }
    }
    cli_column_end(&column, "");
}

static void print_text(const char *path, const wsb_module_info *info, const cli_engine_list *list)
{
    char size[64];
    char code[64];
    char *name = cli_escape(path, strlen(path), false);
    cli_format(info->module_size, CLI_UNIT_BYTES, size, sizeof size);
    cli_format(info->code_size, CLI_UNIT_BYTES, code, sizeof code);
    printf("%s\n", name);
    free(name);
    printf("kind         %s%s\n", module_kind(info),
           info->has_start ? ", with a start function" : "");
    printf("size         %s; %llu functions, %s of code\n", size,
           (unsigned long long)info->function_count, code);
    print_memory(info);
    print_proposals(info);
    if (info->allocator.len) {
        char *allocator = cli_escape(info->allocator.data, info->allocator.len, false);
        char *deallocator = cli_escape(info->deallocator.data, info->deallocator.len, false);
        printf("allocator    %s, %s\n", allocator, deallocator);
        free(allocator);
        free(deallocator);
    }
    print_needs(info);
    cli_print_fit(list, info);
    printf("\nimports%s\n", info->import_count ? "" : "\n  none");
    for (size_t i = 0; i < info->import_count; i++) {
        print_import(&info->imports[i]);
    }
    printf("\nexports%s\n", info->export_count ? "" : "\n  none");
    for (size_t i = 0; i < info->export_count; i++) {
        print_export(&info->exports[i]);
    }
}

static json_t *number(uint64_t value)
{
    return value > INT64_MAX ? json_null() : json_integer((json_int_t)value);
}

static json_t *types_json(const wsb_value_type *types, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, json_string(wsb_value_type_name(types[i])));
    }
    return list;
}

static void set_details(json_t *object, const wsb_extern_info *item)
{
    if (item->kind == WSB_EXTERN_FUNCTION) {
        json_object_set_new(object, "params",
                            types_json(item->function.params, item->function.param_count));
        json_object_set_new(object, "results",
                            types_json(item->function.results, item->function.result_count));
    } else if (item->kind == WSB_EXTERN_MEMORY || item->kind == WSB_EXTERN_TABLE) {
        json_object_set_new(object, "minimum", number(item->minimum));
        json_object_set_new(object, "maximum", number(item->maximum));
        json_object_set_new(object, "is_64", json_boolean(item->is_64));
    } else if (item->kind == WSB_EXTERN_GLOBAL) {
        json_object_set_new(object, "type", json_string(wsb_value_type_name(item->value_type)));
        json_object_set_new(object, "mutable", json_boolean(item->is_mutable));
    }
}

static json_t *extern_json(const wsb_extern_info *item, bool is_import)
{
    json_t *object = json_object();
    if (is_import) {
        json_object_set_new(object, "module", cli_json_text(item->module.data, item->module.len));
    }
    json_object_set_new(object, "name", cli_json_text(item->name.data, item->name.len));
    json_object_set_new(object, "kind", json_string(kind_name(item->kind)));
    set_details(object, item);
    if (is_import) {
        json_object_set_new(object, "provided", json_boolean(!cli_import_is_unknown(item)));
    } else if (item->kind == WSB_EXTERN_FUNCTION) {
        json_object_set_new(object, "convention", json_string(convention_name(item)));
        json_object_set_new(object, "declared", json_boolean(item->declared));
        if (item->convention == WSB_CONVENTION_BUFFER) {
            json_object_set_new(object, "encoding", json_string(encoding_name(item->encoding)));
        }
    }
    return object;
}

static json_t *externs_json(const wsb_extern_info *items, size_t count, bool are_imports)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, extern_json(&items[i], are_imports));
    }
    return list;
}

static json_t *needs_json(const wsb_module_info *info)
{
    uint32_t needs = cli_module_needs(info);
    json_t *list = json_array();
    for (size_t i = 0; i < CLI_NEED_COUNT; i++) {
        if (needs & (1u << i)) {
            json_array_append_new(list, json_string(cli_need_texts[i].name));
        }
    }
    return list;
}

static json_t *info_json(const char *path, const wsb_module_info *info, const cli_engine_list *list)
{
    json_t *object = json_object();
    json_t *memory = json_null();
    if (info->has_memory) {
        memory = json_object();
        json_object_set_new(memory, "minimum", number(info->memory_minimum));
        json_object_set_new(memory, "maximum", number(info->memory_maximum));
    }
    json_object_set_new(object, "module", cli_json_text(path, strlen(path)));
    json_object_set_new(object, "kind", json_string(module_kind(info)));
    json_object_set_new(object, "has_start", json_boolean(info->has_start));
    json_object_set_new(object, "module_size", number(info->module_size));
    json_object_set_new(object, "function_count", number(info->function_count));
    json_object_set_new(object, "code_size", number(info->code_size));
    json_object_set_new(object, "memory", memory);
    json_object_set_new(object, "allocator",
                        info->allocator.len
                            ? cli_json_text(info->allocator.data, info->allocator.len)
                            : json_null());
    json_object_set_new(object, "needs", needs_json(info));
    json_object_set_new(object, "proposals", cli_feature_names(info->required_features));
    json_object_set_new(object, "engines", cli_fit_json(list, info));
    json_object_set_new(object, "imports", externs_json(info->imports, info->import_count, true));
    json_object_set_new(object, "exports", externs_json(info->exports, info->export_count, false));
    return object;
}

/* A compiled module is opened with the user's key by the engine that it was made for. */
static const wsb_module_info *open_compiled(cli_session *session)
{
    if (!cli_session_open(session) || !cli_session_load(session)) {
        return NULL;
    }
    return wsb_module_get_info(session->module);
}

/* Without an engine: it need not be one that can run the module. NULL: the session knows why. */
static const wsb_module_info *look_into(cli_session *session)
{
    wsb_module_info *info = NULL;
    session->stage = CLI_STAGE_LOAD;
    session->status = wsb_module_inspect_file(wsb_cstr(session->path), &session->settings->bounds,
                                              &info, &session->error);
    if (session->status == WSB_ERROR_INVALID_MODULE &&
        strcmp(wsb_error_subject(session->error), "compiled_module") == 0) {
        wsb_error_destroy(session->error);
        session->error = NULL;
        return open_compiled(session);
    }
    return info;
}

static int inspect(const cli_command *command, int argc, char **argv)
{
    static cli_settings settings;
    static cli_session session;
    cli_engine_list list;
    int operands = 0;
    int exit_status = CLI_EXIT_REFUSED;
    cli_parse parse = cli_parse_options(command, argc, argv, &settings, &operands);
    if (parse != CLI_PARSE_OK) {
        return cli_parse_exit(parse);
    }
    if (operands != 1) {
        cli_fail("inspect: %s", operands ? "one MODULE at a time" : "which MODULE?");
        cli_try_help(command);
        return CLI_EXIT_REFUSED;
    }
    cli_session_init(&session, &settings, argv[0]);
    const wsb_module_info *info = look_into(&session);
    if (!info) {
        return cli_session_finish(&session);
    }
    if (!cli_engine_list_open(&settings, &list, &exit_status)) {
        return exit_status;
    }
    if (!settings.json) {
        print_text(session.path, info, &list);
    } else if (!cli_write_json(stdout, info_json(session.path, info, &list), JSON_INDENT(2))) {
        cli_fail("the report cannot be written to standard output");
        return CLI_EXIT_REFUSED;
    }
    return CLI_EXIT_OK;
}

const cli_command cli_inspect_command = {
    .name = "inspect",
    .synopsis = "inspect [options] MODULE",
    .brief = "show what a module imports, exports and needs, and what can run it",
    .details =
        "Shows MODULE's imports and exports with their signatures, its memory, how its functions\n"
        "are called, the capabilities that it needs, and which engines can run it. Nothing of it\n"
        "is compiled or run, so no engine need be able to.\n",
    .examples = "  wasm-sandbox inspect program.wasm\n"
                "  wasm-sandbox inspect --json plugin.wasm\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .order = CLI_ORDER_ANY,
    .run = inspect,
};
