/* wasm-sandbox engines */
#include <jansson.h>
#include <stdlib.h>

#include "options.h"
#include "report.h"
#include "session.h"
#include "text.h"

static const cli_option options[] = {
    CLI_FLAG("json", 0, json, "print JSON"),
    CLI_TEXT("engine-path", 0, "FILE", engine_path, "also show the engine in a shared object"),
    CLI_HELP_OPTION,
};

static const struct {
    uint32_t bit;
    const char *name;
    const char *text;
} features[] = {
    {WSB_ENGINE_DEADLINE, "deadline", "time limits and interruption"},
    {WSB_ENGINE_FUEL, "fuel", "fuel"},
    {WSB_ENGINE_MEMORY_LIMIT, "memory_limit", "memory"},
    {WSB_ENGINE_TABLE_LIMIT, "table_limit", "tables"},
    {WSB_ENGINE_STACK_LIMIT, "stack_limit", "stack"},
    {WSB_ENGINE_SERIALIZE, "serialize", "keeps compiled modules"},
    {WSB_ENGINE_POOLING, "pooling", "instance pool"},
    {WSB_ENGINE_FIBERS, "fibers", "suspends without a thread"},
    {WSB_ENGINE_SIMD, "simd", "v128"},
    {WSB_ENGINE_REFERENCES, "references", "externref"},
};

#define FEATURE_COUNT (sizeof features / sizeof features[0])
#define ENFORCED                                                                                   \
    (WSB_ENGINE_DEADLINE | WSB_ENGINE_FUEL | WSB_ENGINE_MEMORY_LIMIT | WSB_ENGINE_TABLE_LIMIT |    \
     WSB_ENGINE_STACK_LIMIT)

static void print_features(const char *title, uint32_t bits)
{
    const char *separator = "";
    printf("  %-9s ", title);
    for (size_t i = 0; i < FEATURE_COUNT; i++) {
        if (features[i].bit & bits) {
            printf("%s%s", separator, features[i].text);
            separator = ", ";
        }
    }
    puts(*separator ? "" : "nothing");
}

static void print_engine(const wsb_engine_info *info, bool is_first)
{
    printf("%s%s%s%s%s\n", is_first ? "" : "\n", info->id, *info->version ? " " : "", info->version,
           is_first ? " (default)" : "");
    if (!info->available) {
        char *problem = cli_escape(info->problem, strlen(info->problem), false);
        printf("  not available: %s\n", problem);
        free(problem);
        return;
    }
    print_features("enforces", info->features & ENFORCED);
    print_features("can", info->features & ~(uint32_t)ENFORCED);
}

static json_t *engine_json(const wsb_engine_info *info)
{
    json_t *object = json_object();
    json_t *list = json_array();
    for (size_t i = 0; i < FEATURE_COUNT; i++) {
        if (features[i].bit & info->features) {
            json_array_append_new(list, json_string(features[i].name));
        }
    }
    json_object_set_new(object, "id", json_string(info->id));
    json_object_set_new(object, "version", json_string(info->version));
    json_object_set_new(object, "available", json_boolean(info->available));
    json_object_set_new(object, "problem",
                        info->available ? json_null()
                                        : cli_json_text(info->problem, strlen(info->problem)));
    json_object_set_new(object, "features", list);
    return object;
}

static wsb_status open_factory(const cli_settings *settings, wsb_runtime_factory **out_factory,
                               wsb_error **out_error)
{
    wsb_status status = wsb_runtime_factory_create(out_factory, out_error);
    if (status == WSB_OK && settings->engine_path) {
        status = wsb_runtime_factory_load(*out_factory, wsb_cstr(settings->engine_path), NULL,
                                          out_error);
    }
    return status;
}

static wsb_status list_engines(wsb_runtime_factory *factory, bool as_json, wsb_error **out_error)
{
    json_t *list = json_array();
    size_t count = wsb_runtime_factory_count(factory);
    for (size_t i = 0; i < count; i++) {
        wsb_engine_info info = WSB_ENGINE_INFO_INIT;
        wsb_status status = wsb_runtime_factory_info(factory, i, &info, out_error);
        if (status != WSB_OK) {
            json_decref(list);
            return status;
        }
        if (as_json) {
            json_array_append_new(list, engine_json(&info));
        } else {
            print_engine(&info, i == 0);
        }
    }
    if (as_json) {
        cli_write_json(stdout, list, JSON_INDENT(2));
        return WSB_OK;
    }
    json_decref(list);
    if (count == 0) {
        puts("no engine is built in; load one with --engine-path FILE");
    }
    return WSB_OK;
}

static int engines(const cli_command *command, int argc, char **argv)
{
    static cli_settings settings;
    wsb_runtime_factory *factory = NULL;
    wsb_error *error = NULL;
    int operands = 0;
    cli_parse parse = cli_parse_options(command, argc, argv, &settings, &operands);
    if (parse != CLI_PARSE_OK) {
        return parse == CLI_PARSE_HELP ? CLI_EXIT_OK : CLI_EXIT_REFUSED;
    }
    if (operands != 0) {
        cli_fail("engines: '%s' is too much", argv[0]);
        cli_try_help(command);
        return CLI_EXIT_REFUSED;
    }
    wsb_status status = open_factory(&settings, &factory, &error);
    if (status == WSB_OK) {
        status = list_engines(factory, settings.json, &error);
    }
    if (status != WSB_OK) {
        cli_print_error(error, status);
        return status == WSB_ERROR_NOT_FOUND ? CLI_EXIT_NOT_FOUND : CLI_EXIT_REFUSED;
    }
    return CLI_EXIT_OK;
}

const cli_command cli_engines_command = {
    .name = "engines",
    .synopsis = "engines [options]",
    .brief = "list the engines and what each enforces",
    .details = "Lists the engines that are available, their versions, and what each can enforce.\n"
               "A limit that the chosen engine cannot enforce is refused, never ignored.\n",
    .examples = "  wasm-sandbox engines\n"
                "  wasm-sandbox engines --json\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .order = CLI_ORDER_ANY,
    .run = engines,
};
