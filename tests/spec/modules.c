/* Commands about modules: compiling, instantiating, and modules that must be refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec.h"

enum { MAX_PATH = 1024 };
static const uint64_t HUGE_FUEL = (uint64_t)1 << 60;

static const char *member(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* A module with its vectors' halves, where the engine cannot pass vectors and the file is there. */
static bool find_file(const spec_script *script, const json_t *command, char *path)
{
    const char *name = member(command, "filename");
    if (name == NULL) {
        return false;
    }
    size_t len = strlen(name);
    if ((script->engine->info.features & WSB_ENGINE_VECTORS) == 0 && len > 5 &&
        strcmp(name + len - 5, ".wasm") == 0) {
        snprintf(path, MAX_PATH, "%s/%.*s.lanes.wasm", script->folder, (int)len - 5, name);
        FILE *file = fopen(path, "rb");
        if (file != NULL) {
            fclose(file);
            return true;
        }
    }
    return snprintf(path, MAX_PATH, "%s/%s", script->folder, name) < MAX_PATH;
}

static wsb_status compile(spec_script *script, const json_t *command, wsb_module **out_module,
                          wsb_error **out_error)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_module_options options = WSB_MODULE_OPTIONS_INIT;
    char path[MAX_PATH];
    if (!find_file(script, command, path)) {
        return WSB_ERROR_INVALID_ARGUMENT;
    }
    limits.fuel = script->engine->fuel ? HUGE_FUEL : WSB_UNLIMITED;
    options.limits = &limits;
    return wsb_module_compile_file(script->engine->runtime, wsb_cstr(path), &options, out_module,
                                   out_error);
}

static wsb_status instantiate(spec_script *script, wsb_module *module, wsb_imports *imports,
                              wsb_instance **out_instance, wsb_error **out_error)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    limits.max_memory = (uint64_t)4 << 30;
    limits.max_table_elements = 10000000;
    limits.max_cpu_time = 60 * WSB_SECOND;
    limits.max_wall_time = WSB_UNLIMITED;
    limits.fuel = script->engine->fuel ? HUGE_FUEL : WSB_UNLIMITED;
    config.limits = &limits;
    config.imports = imports;
    return wsb_instance_create(module, &config, out_instance, out_error);
}

static const char *kind_name(wsb_extern_kind kind)
{
    static const char *const names[] = {"function", "table", "memory", "global", "tag"};
    return kind <= WSB_EXTERN_TAG ? names[kind] : "?";
}

/* The first import that is no function; NULL: there is none. */
static const wsb_extern_info *strange_import(const wsb_module_info *info)
{
    for (size_t i = 0; i < info->import_count; i++) {
        if (info->imports[i].kind != WSB_EXTERN_FUNCTION) {
            return &info->imports[i];
        }
    }
    return NULL;
}

/* A module that the scan refuses for a proposal that is off, or that the engine lacks. */
static spec_verdict not_compiled(wsb_status status, wsb_error *error)
{
    if (status != WSB_ERROR_UNSUPPORTED || wsb_error_subject(error)[0] == '\0') {
        return spec_failed_with("compile", status, error);
    }
    spec_verdict verdict = spec_not_applicable("needs the proposal %s", wsb_error_subject(error));
    wsb_error_destroy(error);
    return verdict;
}

/* A module that imports more than functions: it must be refused. */
static spec_verdict check_strange(spec_script *script, wsb_module *module,
                                  const wsb_extern_info *import)
{
    wsb_error *error = NULL;
    wsb_instance *instance;
    wsb_status status = instantiate(script, module, NULL, &instance, &error);
    if (status != WSB_ERROR_UNKNOWN_IMPORT && status != WSB_ERROR_LIMIT_EXCEEDED) {
        return spec_failed_with("imports more than functions", status, error);
    }
    wsb_error_destroy(error);
    return spec_not_applicable("imports a %s; only functions can be imported",
                               kind_name(import->kind));
}

/* What is said to making an instance that ended so. Takes `error`. */
typedef spec_verdict (*judge_fn)(spec_script *script, const char *text, wsb_status status,
                                 wsb_error *error);

static spec_verdict must_be_made(spec_script *script, const char *text, wsb_status status,
                                 wsb_error *error)
{
    (void)script;
    (void)text;
    return status == WSB_OK ? spec_passed() : spec_failed_with("instantiate", status, error);
}

static spec_verdict must_not_link(spec_script *script, const char *text, wsb_status status,
                                  wsb_error *error)
{
    (void)script;
    (void)text;
    if (status != WSB_ERROR_UNKNOWN_IMPORT) {
        return spec_failed_with("must not be linkable", status, error);
    }
    wsb_error_destroy(error);
    return spec_passed();
}

/* `text` is for `judge`, which is not asked where the imports cannot be made. */
static spec_verdict make_instance(spec_script *script, wsb_module *module, judge_fn judge,
                                  const char *text, wsb_instance **out_instance)
{
    const wsb_module_info *info = wsb_module_get_info(module);
    const wsb_extern_info *strange = strange_import(info);
    spec_verdict verdict = spec_passed();
    wsb_error *error = NULL;
    if (strange != NULL) {
        return check_strange(script, module, strange);
    }
    wsb_imports *imports = spec_imports(script, info, &verdict);
    if (imports == NULL) {
        return verdict;
    }
    wsb_status status = instantiate(script, module, imports, out_instance, &error);
    wsb_imports_destroy(imports);
    return judge(script, text, status, error);
}

static spec_unit *add_unit(spec_script *script, const char *name)
{
    spec_unit *unit = calloc(1, sizeof *unit);
    if (unit == NULL) {
        abort();
    }
    unit->name = name != NULL ? strdup(name) : NULL;
    unit->next = script->units;
    unit->absent = spec_passed();
    script->units = unit;
    return unit;
}

spec_unit *spec_unit_find(const spec_script *script, const char *name)
{
    spec_unit *unit = script->units;
    while (unit != NULL && (name != NULL ? unit->name == NULL || strcmp(unit->name, name) != 0
                                         : unit->is_definition)) {
        unit = unit->next;
    }
    return unit;
}

/* Compiles into a new unit; where that fails, the unit says why. */
static spec_unit *compile_unit(spec_script *script, const json_t *command)
{
    wsb_error *error = NULL;
    spec_unit *unit = add_unit(script, member(command, "name"));
    wsb_status status = compile(script, command, &unit->module, &error);
    if (status != WSB_OK) {
        unit->absent = not_compiled(status, error);
    }
    return unit;
}

spec_verdict spec_do_module(spec_script *script, const json_t *command)
{
    spec_unit *unit = compile_unit(script, command);
    if (unit->module != NULL) {
        unit->absent = make_instance(script, unit->module, must_be_made, NULL, &unit->instance);
    }
    return unit->absent;
}

spec_verdict spec_do_definition(spec_script *script, const json_t *command)
{
    spec_unit *unit = compile_unit(script, command);
    unit->is_definition = true;
    return unit->absent;
}

spec_verdict spec_do_module_instance(spec_script *script, const json_t *command)
{
    const char *from = member(command, "module");
    spec_unit *definition = script->units;
    while (definition != NULL &&
           !(definition->is_definition &&
             (from == NULL || (definition->name != NULL && strcmp(definition->name, from) == 0)))) {
        definition = definition->next;
    }
    if (definition == NULL) {
        return spec_failed("no such definition");
    }
    spec_unit *unit = add_unit(script, member(command, "instance"));
    unit->absent = definition->absent;
    if (definition->module != NULL) {
        unit->module = wsb_module_ref(definition->module);
        unit->absent = make_instance(script, unit->module, must_be_made, NULL, &unit->instance);
    }
    return unit->absent;
}

spec_verdict spec_do_register(spec_script *script, const json_t *command)
{
    spec_unit *unit = spec_unit_find(script, member(command, "name"));
    spec_registration *registration = calloc(1, sizeof *registration);
    if (unit == NULL || registration == NULL) {
        free(registration);
        return spec_failed("nothing to register");
    }
    registration->as = strdup(member(command, "as"));
    registration->unit = unit;
    registration->next = script->registrations;
    script->registrations = registration;
    return unit->absent;
}

spec_verdict spec_do_refused(spec_script *script, const json_t *command)
{
    wsb_module *module = NULL;
    wsb_error *error = NULL;
    wsb_status status = compile(script, command, &module, &error);
    /* Only the scan says "load module"; no engine must see such a module. */
    bool by_scan = strcmp(wsb_error_operation(error), "load module") == 0 &&
                   (status == WSB_ERROR_INVALID_MODULE || status == WSB_ERROR_UNSUPPORTED ||
                    status == WSB_ERROR_LIMIT_EXCEEDED);
    wsb_module_destroy(module);
    if (!by_scan) {
        return spec_failed_with("must be refused by the scan", status, error);
    }
    wsb_error_destroy(error);
    return spec_passed();
}

/* An instance that is not kept. */
static spec_verdict try_instance(spec_script *script, const json_t *command, judge_fn judge)
{
    wsb_module *module = NULL;
    wsb_instance *instance = NULL;
    wsb_error *error = NULL;
    wsb_status status = compile(script, command, &module, &error);
    if (status != WSB_OK) {
        return not_compiled(status, error);
    }
    spec_verdict verdict = make_instance(script, module, judge, member(command, "text"), &instance);
    wsb_instance_destroy(instance);
    wsb_module_destroy(module);
    return verdict;
}

spec_verdict spec_do_unlinkable(spec_script *script, const json_t *command)
{
    return try_instance(script, command, must_not_link);
}

spec_verdict spec_do_uninstantiable(spec_script *script, const json_t *command)
{
    return try_instance(script, command, spec_check_trap);
}

void spec_script_close(spec_script *script)
{
    while (script->units != NULL) {
        spec_unit *unit = script->units;
        script->units = unit->next;
        wsb_instance_destroy(unit->instance);
        wsb_module_destroy(unit->module);
        free(unit->name);
        free(unit);
    }
    while (script->registrations != NULL) {
        spec_registration *registration = script->registrations;
        script->registrations = registration->next;
        free(registration->as);
        free(registration);
    }
}
