/* wasm-sandbox engines */
#include <stdlib.h>

#include "engine_list.h"
#include "options.h"
#include "report.h"
#include "text.h"

enum { INDENT = 13 };

static const cli_option options[] = {
    CLI_FLAG("json", 0, json, "print JSON"),
    CLI_TEXT("engine", 0, "ID", engine, "show this one only"),
    CLI_TEXT("engine-path", 0, "FILE", engine_path, "also show the engine in a shared object"),
    CLI_CONFIG_OPTION,
    CLI_HELP_OPTION,
};

typedef enum feature_kind { LIMIT, PROPOSAL, ABILITY } feature_kind;

/* What follows "limits", "runs", "can" and "cannot". */
static const struct {
    uint32_t bit;
    feature_kind kind;
    const char *text;
} features[] = {
    {WSB_ENGINE_DEADLINE, LIMIT, "time and interruption"},
    {WSB_ENGINE_FUEL, LIMIT, "fuel"},
    {WSB_ENGINE_MEMORY_LIMIT, LIMIT, "memory"},
    {WSB_ENGINE_TABLE_LIMIT, LIMIT, "tables"},
    {WSB_ENGINE_STACK_LIMIT, LIMIT, "stack"},
    {WSB_ENGINE_SIMD, PROPOSAL, "simd"},
    {WSB_ENGINE_RELAXED_SIMD, PROPOSAL, "relaxed_simd"},
    {WSB_ENGINE_TAIL_CALLS, PROPOSAL, "tail_calls"},
    {WSB_ENGINE_EXCEPTIONS, PROPOSAL, "exceptions"},
    {WSB_ENGINE_MEMORY64, PROPOSAL, "memory64"},
    {WSB_ENGINE_SERIALIZE, ABILITY, "keep compiled modules"},
    {WSB_ENGINE_POOLING, ABILITY, "pool instances"},
    {WSB_ENGINE_VECTORS, ABILITY, "pass v128"},
    {WSB_ENGINE_REFERENCES, ABILITY, "pass externref"},
    {WSB_ENGINE_NO_SIGNALS, ABILITY, "do without signal handlers"},
    {WSB_ENGINE_BACKTRACES, ABILITY, "tell where a guest trapped"},
    {WSB_ENGINE_FIBERS, ABILITY, "suspend guests without a thread"},
};

#define FEATURE_COUNT (sizeof features / sizeof features[0])

static void print_features(const char *title, feature_kind kind, uint32_t bits, const char *nothing)
{
    cli_column column;
    cli_column_start(&column, title, INDENT);
    for (size_t i = 0; i < FEATURE_COUNT; i++) {
        if (features[i].kind == kind && (features[i].bit & bits)) {
            cli_column_add(&column, features[i].text, ',');
        }
    }
    cli_column_end(&column, nothing);
}

static void print_lacks(uint32_t bits)
{
    cli_column column;
    cli_column_start(&column, "  cannot", INDENT);
    for (size_t i = 0; i < FEATURE_COUNT; i++) {
        if ((features[i].bit & bits) == 0) {
            char text[64];
            const char *verb = features[i].kind == LIMIT      ? "limit "
                               : features[i].kind == PROPOSAL ? "run "
                                                              : "";
            snprintf(text, sizeof text, "%s%s", verb, features[i].text);
            cli_column_add(&column, text, ',');
        }
    }
    cli_column_end(&column, "-");
}

static void print_problem(const char *problem)
{
    cli_column column;
    char *safe = cli_escape(problem, strlen(problem), false);
    char *rest = safe;
    cli_column_start(&column, "  not available: ", 4);
    for (char *word = strsep(&rest, " "); word; word = strsep(&rest, " ")) {
        cli_column_add(&column, word, 0);
    }
    cli_column_end(&column, "");
    free(safe);
}

static void print_engine(const wsb_engine_info *info, bool is_default)
{
    char *version = cli_escape(info->version, strlen(info->version), false);
    printf("%s%s%s%s\n", info->id, *version ? " " : "", version, is_default ? " (default)" : "");
    free(version);
    if (!info->available) {
        print_problem(info->problem);
        return;
    }
    uint32_t rewritten = info->features & ~info->own_features;
    print_features("  limits", LIMIT, info->own_features, "nothing by itself");
    if (rewritten) {
        print_features("  rewritten", LIMIT, rewritten, "-");
    }
    print_features("  runs", PROPOSAL, info->features, "-");
    print_features("  can", ABILITY, info->features, "-");
    print_lacks(info->features);
}

/* Who enforces each limit: "engine", "rewriting", or null for nobody. */
static json_t *limits_json(const wsb_engine_info *info)
{
    json_t *limits = json_object();
    for (size_t i = 0; i < FEATURE_COUNT; i++) {
        uint32_t bit = features[i].bit;
        if (features[i].kind == LIMIT) {
            json_object_set_new(limits, wsb_engine_feature_name(bit),
                                info->own_features & bit ? json_string("engine")
                                : info->features & bit   ? json_string("rewriting")
                                                         : json_null());
        }
    }
    return limits;
}

static json_t *engine_json(const wsb_engine_info *info, bool is_default)
{
    json_t *object = json_object();
    uint32_t all = 0;
    for (size_t i = 0; i < FEATURE_COUNT; i++) {
        all |= features[i].bit;
    }
    json_object_set_new(object, "id", json_string(info->id));
    json_object_set_new(object, "version", cli_json_text(info->version, strlen(info->version)));
    json_object_set_new(object, "default", json_boolean(is_default));
    json_object_set_new(object, "available", json_boolean(info->available));
    if (!info->available) {
        json_object_set_new(object, "problem", cli_json_text(info->problem, strlen(info->problem)));
        return object;
    }
    json_object_set_new(object, "problem", json_null());
    json_object_set_new(object, "limits", limits_json(info));
    json_object_set_new(object, "proposals",
                        cli_feature_names(info->features & WSB_ENGINE_PROPOSALS));
    json_object_set_new(object, "features", cli_feature_names(info->features));
    json_object_set_new(object, "own_features", cli_feature_names(info->own_features));
    json_object_set_new(object, "lacks", cli_feature_names(all & ~info->features));
    return object;
}

static int print_list(const cli_engine_list *list, bool as_json)
{
    json_t *array = as_json ? json_array() : NULL;
    for (size_t i = 0; i < list->count; i++) {
        const wsb_engine_info *info = &list->items[i];
        bool is_default = strcmp(info->id, list->default_id) == 0;
        if (as_json) {
            json_array_append_new(array, engine_json(info, is_default));
        } else {
            fputs(i ? "\n" : "", stdout);
            print_engine(info, is_default);
        }
    }
    if (as_json && !cli_write_json(stdout, array, JSON_INDENT(2))) {
        cli_fail("the list cannot be written to standard output");
        return CLI_EXIT_REFUSED;
    }
    return CLI_EXIT_OK;
}

static int engines(const cli_command *command, int argc, char **argv)
{
    static cli_settings settings;
    cli_engine_list list;
    int operands = 0;
    int exit_status = CLI_EXIT_REFUSED;
    cli_parse parse = cli_parse_options(command, argc, argv, &settings, &operands);
    if (parse != CLI_PARSE_OK) {
        return cli_parse_exit(parse);
    }
    if (operands != 0) {
        cli_fail("engines: '%s' is too much", argv[0]);
        cli_try_help(command);
        return CLI_EXIT_REFUSED;
    }
    return cli_engine_list_open(&settings, &list, &exit_status) ? print_list(&list, settings.json)
                                                                : exit_status;
}

const cli_command cli_engines_command = {
    .name = "engines",
    .synopsis = "engines [options]",
    .brief = "list the engines and what each enforces",
    .details =
        "Lists the engines, their versions, and of each\n"
        "  limits     what it enforces by itself\n"
        "  rewritten  what is enforced by rewriting its modules, with the same meaning\n"
        "  runs       the proposals beyond the core of WebAssembly that its modules may use\n"
        "  can        what else it does\n"
        "  cannot     what it does not; a limit or grant that needs it is refused, never ignored\n"
        "Where no engine is named, the default is used.\n",
    .examples = "  wasm-sandbox engines\n"
                "  wasm-sandbox engines --json\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .order = CLI_ORDER_ANY,
    .run = engines,
};
