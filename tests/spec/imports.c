/* What a module of the tests may import: functions of "spectest", and functions that a registered
 * instance exports, called through the library as any host would. */
#include <stdlib.h>
#include <string.h>

#include "spec.h"

/* An import that another instance's export serves. */
typedef struct bridge {
    spec_script *script;
    wsb_function *function;
} bridge;

static bool same(wsb_str a, const char *b)
{
    return a.len == strlen(b) && memcmp(a.data, b, a.len) == 0;
}

static wsb_host_result print(wsb_call_context *context, const wsb_value *args, wsb_value *results,
                             void *user_data)
{
    (void)context, (void)args, (void)results, (void)user_data;
    return WSB_HOST_DONE; /* nobody reads it */
}

static bool define_spectest(wsb_imports *imports)
{
    static const wsb_value_type i32[] = {WSB_I32}, i64[] = {WSB_I64}, f32[] = {WSB_F32},
                                f64[] = {WSB_F64}, i32_f32[] = {WSB_I32, WSB_F32},
                                f64_f64[] = {WSB_F64, WSB_F64};
    static const struct {
        const char *name;
        const wsb_value_type *params;
        size_t count;
    } functions[] = {{"print", NULL, 0},           {"print_i32", i32, 1},
                     {"print_i64", i64, 1},        {"print_f32", f32, 1},
                     {"print_f64", f64, 1},        {"print_i32_f32", i32_f32, 2},
                     {"print_f64_f64", f64_f64, 2}};
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        wsb_host_function function = WSB_HOST_FUNCTION_INIT;
        wsb_error *error = NULL;
        function.module = wsb_cstr("spectest");
        function.name = wsb_cstr(functions[i].name);
        function.params = functions[i].params;
        function.param_count = functions[i].count;
        function.call = print;
        if (wsb_imports_define(imports, &function, &error) != WSB_OK) {
            wsb_error_destroy(error);
            return false;
        }
    }
    return true;
}

static wsb_host_result call_bridge(wsb_call_context *context, const wsb_value *args,
                                   wsb_value *results, void *user_data)
{
    const bridge *to = user_data;
    const wsb_function_type *type = wsb_function_get_type(to->function);
    wsb_error *error = NULL;
    wsb_status status = wsb_function_call(to->function, args, type->param_count, results,
                                          type->result_count, &error);
    if (status == WSB_OK) {
        return WSB_HOST_DONE;
    }
    const char *trap = wsb_error_trap(error);
    if (strcmp(trap, "host_function") != 0) { /* else it has come through another bridge */
        strncpy(to->script->bridged_trap, trap, sizeof to->script->bridged_trap - 1);
    }
    wsb_call_context_fail(context, WSB_ERROR_TRAP, "%s", wsb_error_message(error));
    wsb_error_destroy(error);
    return WSB_HOST_TRAP;
}

static const spec_unit *registered(const spec_script *script, wsb_str as)
{
    for (spec_registration *one = script->registrations; one != NULL; one = one->next) {
        if (same(as, one->as)) {
            return one->unit;
        }
    }
    return NULL;
}

/* Provides one import from the registered instance. An instance that has no such function leaves
 * it out: the library then refuses the import, as it should. */
static spec_verdict define_bridge(spec_script *script, const spec_unit *unit,
                                  const wsb_extern_info *import, wsb_imports *imports)
{
    wsb_host_function function = WSB_HOST_FUNCTION_INIT;
    wsb_function *target;
    wsb_error *error = NULL;
    wsb_status status = wsb_instance_function(unit->instance, import->name, &target, &error);
    if (status == WSB_ERROR_NOT_FOUND) {
        wsb_error_destroy(error);
        return spec_passed();
    }
    if (status != WSB_OK) {
        return spec_failed_with("look up an import", status, error);
    }
    const wsb_function_type *type = wsb_function_get_type(target);
    bridge *to = malloc(sizeof *to);
    if (to == NULL) {
        abort();
    }
    *to = (bridge){.script = script, .function = target};
    function.module = import->module;
    function.name = import->name;
    function.params = type->params;
    function.param_count = type->param_count;
    function.results = type->results;
    function.result_count = type->result_count;
    function.call = call_bridge;
    function.user_data = to;
    function.destroy = free;
    status = wsb_imports_define(imports, &function, &error);
    if (status != WSB_OK) {
        free(to);
    }
    if (status == WSB_ERROR_ALREADY_EXISTS) { /* imported twice */
        wsb_error_destroy(error);
        return spec_passed();
    }
    return status == WSB_OK ? spec_passed() : spec_failed_with("define an import", status, error);
}

wsb_imports *spec_imports(spec_script *script, const wsb_module_info *info,
                          spec_verdict *out_verdict)
{
    wsb_imports *imports;
    *out_verdict = spec_passed();
    if (wsb_imports_create(&imports, NULL) != WSB_OK || !define_spectest(imports)) {
        abort();
    }
    for (size_t i = 0; i < info->import_count && out_verdict->outcome == SPEC_PASSED; i++) {
        const wsb_extern_info *import = &info->imports[i];
        const spec_unit *unit = registered(script, import->module);
        if (unit != NULL && unit->instance != NULL) {
            *out_verdict = define_bridge(script, unit, import, imports);
        } else if (unit != NULL) {
            *out_verdict = spec_not_applicable("imports from a module that is not applicable");
        }
    }
    if (out_verdict->outcome != SPEC_PASSED) {
        wsb_imports_destroy(imports);
        return NULL;
    }
    return imports;
}
