/* Exported functions, prepared once; commands. */
#include "core/alloc.h"
#include "core/buffer.h"
#include "runtime/features.h"
#include "runtime/fiber.h"
#include "runtime/instance.h"

#include <string.h>

#include <wasm_sandbox/plugin/error.h>

enum { VALUES_ON_STACK = 16 };

/* So many prepared functions are found by going through them: an instance that lives for a call
 * or two has no map to make and destroy. */
enum { FEW_FUNCTIONS = 4 };

const wsb_extern_info *wsb__function_info(const wsb_function *function)
{
    return function->info;
}

const wsb_function_type *wsb_function_get_type(const wsb_function *function)
{
    return &function->info->function;
}

static bool is_reference(wsb_value_type type)
{
    return type == WSB_FUNCREF || type == WSB_EXTERNREF || type == WSB_OTHER;
}

static bool has_references(const wsb_function_type *type)
{
    for (size_t i = 0; i < type->param_count; i++) {
        if (is_reference(type->params[i])) {
            return true;
        }
    }
    for (size_t i = 0; i < type->result_count; i++) {
        if (is_reference(type->results[i])) {
            return true;
        }
    }
    return false;
}

/* Exports that are spelled alike, for the error: those that share the first letters, else the
 * first few. */
static void list_similar(const wsb_module_info *info, wsb_str name, wsb_buf *list)
{
    size_t prefix = name.len < 3 ? name.len : 3;
    size_t listed = 0;
    for (int pass = 0; pass < 2 && listed == 0; pass++) {
        for (size_t i = 0; i < info->export_count && listed < 8; i++) {
            const wsb_extern_info *export = &info->exports[i];
            bool alike =
                pass == 1 || prefix == 0 ||
                (export->name.len >= prefix && memcmp(export->name.data, name.data, prefix) == 0);
            if (export->kind == WSB_EXTERN_FUNCTION && alike &&
                wsb__buf_printf(list, 1024, "%s'%.*s'", listed > 0 ? ", " : "",
                                (int)export->name.len, export->name.data) == WSB_OK) {
                listed++;
            }
        }
    }
}

static wsb_status not_found(const wsb_instance *instance, wsb_str name, wsb_error **out_error)
{
    wsb_buf list = WSB_BUF_INIT;
    list_similar(&instance->module->info->info, name, &list);
    wsb_error_details details = {.operation = "look up function",
                                 .suggestion = "export the function when building the module"};
    wsb_status status = wsb_error_set(out_error, WSB_ERROR_NOT_FOUND, &details,
                                      "look up function '%.*s': %s exports %s%s", (int)name.len,
                                      name.data, instance->module->name,
                                      list.len > 0 ? "no such function; it has " : "no functions",
                                      list.len > 0 ? (const char *)list.data : "");
    wsb_buf_fini(&list);
    return status;
}

/* "call 'name'", with what cannot be printed left out. */
static void write_label(char *label, size_t size, wsb_str name)
{
    size_t used = 0;
    memcpy(label, "call '", 6);
    used = 6;
    for (size_t i = 0; i < name.len && used < size - 2; i++) {
        unsigned char c = (unsigned char)name.data[i];
        label[used++] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    label[used++] = '\'';
    label[used] = '\0';
}

static wsb_function *find_known(const wsb_instance *instance, wsb_str name)
{
    if (instance->function_map != NULL) {
        return wsb__map_get(instance->function_map, name);
    }
    for (wsb_function *function = instance->functions; function != NULL;
         function = function->next) {
        wsb_str known = function->info->name;
        if (known.len == name.len &&
            (name.len == 0 || memcmp(known.data, name.data, name.len) == 0)) {
            return function;
        }
    }
    return NULL;
}

/* A map of the few that there are. */
static wsb_status make_map(wsb_instance *instance)
{
    wsb__map *map = wsb__map_create();
    wsb_status status = map != NULL ? WSB_OK : WSB_ERROR_OUT_OF_MEMORY;
    for (wsb_function *known = instance->functions; known != NULL && status == WSB_OK;
         known = known->next) {
        status = wsb__map_put(map, known->info->name, known);
    }
    if (status != WSB_OK) {
        wsb__map_destroy(map);
        return status;
    }
    instance->function_map = map;
    return WSB_OK;
}

static wsb_status remember(wsb_instance *instance, wsb_function *function, wsb_error **out_error)
{
    wsb_status status = WSB_OK;
    if (instance->function_map == NULL && instance->function_count == FEW_FUNCTIONS) {
        status = make_map(instance);
    }
    if (status == WSB_OK && instance->function_map != NULL) {
        status = wsb__map_put(instance->function_map, function->info->name, function);
    }
    if (status != WSB_OK) {
        return wsb_error_set(out_error, status, NULL, "no memory for a prepared function");
    }
    function->next = instance->functions;
    instance->functions = function;
    instance->function_count++;
    return WSB_OK;
}

static wsb_status unpassable(const wsb_instance *instance, const wsb_extern_info *info,
                             const char *type, wsb_error **out_error)
{
    wsb_error_details details = {.operation = "look up function",
                                 .subject = type,
                                 .suggestion = "use another engine, or pass it through the "
                                               "guest's memory"};
    return wsb_error_set(out_error, WSB_ERROR_UNSUPPORTED, &details,
                         "look up function '%.*s': it has %s in its signature, which engine '%s' "
                         "cannot pass to or from the host",
                         (int)info->name.len, info->name.data, type, instance->ops->id);
}

static __typeof__(((wsb__target *)0)->enter) way_into(const wsb_instance *instance,
                                                      bool has_references)
{
    if (instance->fiber != NULL) {
        return has_references ? wsb__fiber_enter_references : wsb__fiber_enter;
    }
    return has_references ? instance->ops->function_call_references : instance->ops->function_call;
}

static wsb_status prepare(wsb_instance *instance, const wsb_extern_info *info,
                          wsb_function **out_function, wsb_error **out_error)
{
    const char *type = wsb__features_unpassable(instance->ops, &info->function);
    if (type != NULL) {
        return unpassable(instance, info, type, out_error);
    }
    wsb_function *function = wsb__calloc(1, sizeof *function);
    if (function == NULL) {
        return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL,
                             "no memory for a prepared function");
    }
    size_t slots = info->function.param_count > info->function.result_count
                       ? info->function.param_count
                       : info->function.result_count;
    function->instance = instance;
    function->info = info;
    function->slots = (uint32_t)slots;
    function->has_references = has_references(&info->function);
    write_label(function->label, sizeof function->label, info->name);
    function->target = (wsb__target){.enter = way_into(instance, function->has_references),
                                     .type = &info->function,
                                     .label = function->label};
    wsb_status status = WSB_OK;
    if (!instance->ops->export_get(instance->engine_instance, info->name, WSB_EXTERN_FUNCTION,
                                   &function->target.handle)) {
        status = wsb_error_set(out_error, WSB_ERROR_INTERNAL, NULL,
                               "the engine does not find function '%.*s'", (int)info->name.len,
                               info->name.data);
    }
    if (status == WSB_OK) {
        status = remember(instance, function, out_error);
    }
    if (status != WSB_OK) {
        wsb__free(function);
        return status;
    }
    *out_function = function;
    return WSB_OK;
}

wsb_status wsb_instance_function(wsb_instance *instance, wsb_str name, wsb_function **out_function,
                                 wsb_error **out_error)
{
    if (instance == NULL || out_function == NULL) {
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "look up function: no instance, or nowhere to put the function");
    }
    if (instance->engine_instance == NULL) {
        return wsb_error_set(out_error, WSB_ERROR_BUSY, NULL,
                             "look up function: the instance is being made");
    }
    wsb_function *known = find_known(instance, name);
    if (known != NULL) {
        *out_function = known;
        return WSB_OK;
    }
    wsb_status status = wsb__runtime_check_fork(instance->runtime, "look up function", out_error);
    if (status != WSB_OK) {
        return status;
    }
    const wsb_extern_info *info = wsb__module_info_export(instance->module->info, name);
    if (info == NULL || info->kind != WSB_EXTERN_FUNCTION) {
        return not_found(instance, name, out_error);
    }
    return prepare(instance, info, out_function, out_error);
}

__attribute__((noinline, cold)) static wsb_status wrong_count(const wsb_function *function,
                                                              const char *what, size_t given,
                                                              size_t needed, wsb_error **out_error)
{
    wsb_error_details details = {.operation = function->label, .used = given, .allowed = needed};
    return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, &details,
                         "%s: %zu %s given, it has %zu", function->label, given, what, needed);
}

__attribute__((noinline, cold)) static wsb_status
wrong_type(const wsb_function *function, size_t index, wsb_value_type given, wsb_error **out_error)
{
    wsb_error_details details = {.operation = function->label};
    return wsb_error_set(out_error, WSB_ERROR_TYPE_MISMATCH, &details,
                         "%s: argument %zu is %s and must be %s", function->label, index,
                         wsb_value_type_name(given),
                         wsb_value_type_name(function->info->function.params[index]));
}

/* As wide as its type: a wider load of what was just stored in parts would stall. */
static inline void copy_value(wsb_raw_value *to, const wsb_raw_value *from, wsb_value_type type)
{
    if (type == WSB_I32 || type == WSB_F32) {
        to->u32 = from->u32;
    } else if (type == WSB_V128) {
        memcpy(to->v128, from->v128, sizeof to->v128);
    } else {
        to->u64 = from->u64;
    }
}

__attribute__((noinline, cold)) static wsb_status
refuse_funcref(const wsb_function *function, size_t index, wsb_error **out_error)
{
    return wsb_error_set(out_error, WSB_ERROR_UNSUPPORTED, NULL,
                         "%s: argument %zu: only the null funcref can be passed", function->label,
                         index);
}

static inline wsb_status take_arguments(const wsb_function *function, const wsb_value *args,
                                        wsb_raw_value *values, wsb_error **out_error)
{
    const wsb_value_type *params = function->info->function.params;
    size_t count = function->info->function.param_count;
    for (size_t i = 0; i < count; i++) {
        wsb_value_type type = params[i];
        if (args[i].type != type) {
            return wrong_type(function, i, args[i].type, out_error);
        }
        copy_value(&values[i], &args[i].of, type);
        if (__builtin_expect(type == WSB_FUNCREF, 0) && args[i].of.ref != NULL) {
            return refuse_funcref(function, i, out_error);
        }
    }
    return WSB_OK;
}

/* `count` is that of the function's results. */
static inline void give_results(const wsb_function *function, const wsb_raw_value *values,
                                wsb_value *results, size_t count)
{
    const wsb_value_type *types = function->info->function.results;
    for (size_t i = 0; i < count; i++) {
        wsb_value_type type = types[i];
        results[i].type = type;
        copy_value(&results[i].of, &values[i], type);
    }
}

wsb_status wsb__function_arguments(const wsb_function *function, const wsb_value *args,
                                   size_t arg_count, wsb_raw_value *values, wsb_error **out_error)
{
    size_t needed = function->info->function.param_count;
    return arg_count == needed ? take_arguments(function, args, values, out_error)
                               : wrong_count(function, "arguments", arg_count, needed, out_error);
}

void wsb__function_results(const wsb_function *function, const wsb_raw_value *values,
                           wsb_value *results)
{
    give_results(function, values, results, function->info->function.result_count);
}

wsb_status wsb_function_call(wsb_function *function, const wsb_value *args, size_t arg_count,
                             wsb_value *results, size_t result_count, wsb_error **out_error)
{
    wsb_raw_value on_stack[VALUES_ON_STACK];
    wsb_raw_value *values = on_stack;
    if (function == NULL || (args == NULL && arg_count > 0) ||
        (results == NULL && result_count > 0)) {
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "call: no function, or NULL values with a count");
    }
    const wsb_function_type *type = &function->info->function;
    if (arg_count != type->param_count) {
        return wrong_count(function, "arguments", arg_count, type->param_count, out_error);
    }
    if (result_count != type->result_count) {
        return wrong_count(function, "results", result_count, type->result_count, out_error);
    }
    if (function->slots > VALUES_ON_STACK) {
        values = wsb__calloc(function->slots, sizeof *values);
        if (values == NULL) {
            return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL, "no memory for a call");
        }
    }
    wsb_status status = take_arguments(function, args, values, out_error);
    if (status == WSB_OK) {
        status = wsb__call(function->instance, &function->target, values, out_error);
    }
    if (status == WSB_OK) {
        give_results(function, values, results, result_count);
    }
    if (values != on_stack) {
        wsb__free(values);
    }
    return status;
}

wsb_status wsb_function_call_raw(wsb_function *function, wsb_raw_value *values, size_t count,
                                 wsb_error **out_error)
{
    if (function == NULL || (values == NULL && count > 0)) {
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "call: no function, or NULL values with a count");
    }
    if (count < function->slots) {
        return wrong_count(function, "values", count, function->slots, out_error);
    }
    if (function->has_references) {
        wsb_error_details details = {.operation = function->label,
                                     .suggestion = "use wsb_function_call()"};
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, &details,
                             "%s: has references, which the raw call does not take",
                             function->label);
    }
    return wsb__call(function->instance, &function->target, values, out_error);
}

wsb_status wsb__instance_command(wsb_instance *instance, wsb_function **out_function,
                                 wsb_error **out_error)
{
    if (instance->module->info->info.is_command) {
        return wsb_instance_function(instance, wsb_cstr("_start"), out_function, out_error);
    }
    wsb_error_details details = {.operation = "run",
                                 .suggestion = "call one of its functions instead"};
    return wsb_error_set(out_error, WSB_ERROR_NOT_FOUND, &details,
                         "run: %s is not a WASI command: it exports no function '_start' "
                         "without parameters and results",
                         instance->module->name);
}

wsb_status wsb_instance_run(wsb_instance *instance, int32_t *out_exit_code, wsb_error **out_error)
{
    wsb_function *function = NULL;
    wsb_error *error = NULL;
    if (instance == NULL || out_exit_code == NULL) {
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "run: no instance, or nowhere to put the exit code");
    }
    wsb_status status = wsb__instance_command(instance, &function, out_error);
    if (status != WSB_OK) {
        return status;
    }
    status = wsb_function_call(function, NULL, 0, NULL, 0, &error);
    if (status == WSB_OK || status == WSB_ERROR_EXIT) {
        *out_exit_code = status == WSB_OK ? 0 : wsb_error_code(error);
        wsb_error_destroy(error);
        return WSB_OK;
    }
    if (out_error != NULL) {
        *out_error = error;
    } else {
        wsb_error_destroy(error);
    }
    return status;
}
