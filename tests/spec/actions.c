/* Commands that call exports and look at globals. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec.h"

enum { MAX_VALUES = 64, MAX_NAME = 512 };

typedef struct action {
    spec_script *script;
    spec_unit *unit;
    wsb_str field;
    const json_t *args;
    const json_t *expected; /* of assert_return; else NULL */
    wsb_value values[MAX_VALUES];
    wsb_value results[MAX_VALUES];
    size_t result_count;
} action;

static const char *member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

static bool trap_is(const char *trap, const char *expected)
{
    static const struct {
        const char *words;
        const char *trap;
    } traps[] = {{"unreachable", "unreachable"},
                 {"out of bounds memory access", "memory_out_of_bounds"},
                 {"out of bounds table access", "table_out_of_bounds"},
                 {"out of bounds", "memory_out_of_bounds"},
                 {"out of bounds", "table_out_of_bounds"},
                 {"out of bounds", "instantiation"}, /* of a segment */
                 {"undefined", "table_out_of_bounds"},
                 {"uninitialized", "indirect_call_to_null"},
                 {"indirect call", "signature_mismatch"},
                 {"integer overflow", "integer_overflow"},
                 {"integer divide by zero", "division_by_zero"},
                 {"invalid conversion to integer", "bad_conversion_to_integer"},
                 {"call stack exhausted", "stack_overflow"},
                 {"null", "null_reference"},
                 {"uncaught exception", "uncaught_exception"}};
    for (size_t i = 0; i < sizeof traps / sizeof *traps; i++) {
        if (strcmp(traps[i].trap, trap) == 0 &&
            strncmp(traps[i].words, expected, strlen(traps[i].words)) == 0) {
            return true;
        }
    }
    return false;
}

spec_verdict spec_check_trap(spec_script *script, const char *expected, wsb_status status,
                             wsb_error *error)
{
    const char *trap = wsb_error_trap(error);
    if (strcmp(trap, "host_function") == 0 && script->bridged_trap[0] != '\0') {
        trap = script->bridged_trap;
    }
    bool trapped = status == WSB_ERROR_TRAP || status == WSB_ERROR_GUEST_OUT_OF_MEMORY;
    if (trapped && trap_is(trap, expected)) {
        wsb_error_destroy(error);
        return spec_passed();
    }
    char what[160];
    snprintf(what, sizeof what, "expected the trap \"%s\", got \"%s\"", expected, trap);
    return spec_failed_with(what, status, error);
}

static spec_verdict read_arguments(action *call, size_t *out_count)
{
    size_t count = json_array_size(call->args);
    if (count > MAX_VALUES) {
        return spec_failed("more than %d arguments", MAX_VALUES);
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *argument = json_array_get(call->args, i);
        if (!spec_value_read(argument, &call->values[i])) {
            return spec_not_applicable("passes a %s from the host", member(argument, "type"));
        }
    }
    *out_count = count;
    return spec_passed();
}

/* An export with halves of vectors in place of vectors, where the module has one. */
static wsb_status find_function(action *call, wsb_function **out_function, bool *out_halves,
                                wsb_error **out_error)
{
    char name[MAX_NAME];
    int len = snprintf(name, sizeof name, "lanes:%.*s", (int)call->field.len, call->field.data);
    *out_halves = false;
    if ((call->script->engine->info.features & WSB_ENGINE_VECTORS) == 0 && len < MAX_NAME) {
        wsb_str halved = {name, (size_t)len};
        *out_halves =
            wsb_instance_function(call->unit->instance, halved, out_function, NULL) == WSB_OK;
    }
    return *out_halves
               ? WSB_OK
               : wsb_instance_function(call->unit->instance, call->field, out_function, out_error);
}

static bool has_type(const wsb_function_type *type, wsb_value_type wanted)
{
    for (size_t i = 0; i < type->param_count; i++) {
        if (type->params[i] == wanted) {
            return true;
        }
    }
    for (size_t i = 0; i < type->result_count; i++) {
        if (type->results[i] == wanted) {
            return true;
        }
    }
    return false;
}

/* What the library refuses to pass between guest and host, or NULL: references of the guest's own,
 * and what the engine's features leave out. */
static const char *refused_type(const spec_engine *engine, const wsb_function_type *type)
{
    if (has_type(type, WSB_OTHER)) {
        return "a reference that only guests can handle";
    }
    if (has_type(type, WSB_FUNCREF)) {
        return "a funcref";
    }
    if (has_type(type, WSB_EXTERNREF) && (engine->info.features & WSB_ENGINE_REFERENCES) == 0) {
        return "an externref, which the engine cannot";
    }
    if (has_type(type, WSB_V128) && (engine->info.features & WSB_ENGINE_VECTORS) == 0) {
        return "a v128, which the engine cannot";
    }
    return NULL;
}

/* Calls; a verdict other than passed means that there was no call. */
static spec_verdict invoke(action *call, wsb_status *out_status, wsb_error **out_error)
{
    wsb_function *function;
    size_t count = 0;
    bool halves;
    spec_verdict verdict = read_arguments(call, &count);
    if (verdict.outcome != SPEC_PASSED) {
        return verdict;
    }
    wsb_status status = find_function(call, &function, &halves, out_error);
    if (status == WSB_ERROR_UNSUPPORTED) {
        verdict = spec_not_applicable("the engine cannot pass the signature's types");
        wsb_error_destroy(*out_error);
        return verdict;
    }
    if (status != WSB_OK) {
        return spec_failed_with("look up the function", status, *out_error);
    }
    const wsb_function_type *type = wsb_function_get_type(function);
    if (halves) {
        count = spec_values_halve(call->values, count, MAX_VALUES);
    }
    if (type->result_count > MAX_VALUES) {
        return spec_failed("more than %d results", MAX_VALUES);
    }
    status = wsb_function_call(function, call->values, count, call->results, type->result_count,
                               out_error);
    const char *refused = refused_type(call->script->engine, type);
    /* Whether a null is passed shows only in the call: engines then say that it failed. */
    if ((status == WSB_ERROR_UNSUPPORTED || status == WSB_ERROR_INTERNAL) && refused != NULL) {
        wsb_error_destroy(*out_error);
        spec_reopen(call->unit->instance);
        return spec_not_applicable("the host would see %s", refused);
    }
    call->result_count = type->result_count;
    if (halves && status == WSB_OK && call->expected != NULL) {
        call->result_count = spec_values_join(call->results, call->result_count, call->expected);
    }
    *out_status = status;
    return spec_passed();
}

static spec_verdict get_global(action *call)
{
    wsb_error *error = NULL;
    wsb_status status =
        wsb_instance_get_global(call->unit->instance, call->field, &call->results[0], &error);
    if (status == WSB_ERROR_UNSUPPORTED) {
        wsb_error_destroy(error);
        return spec_not_applicable("reads a global of a type that the host cannot read");
    }
    call->result_count = 1;
    return status == WSB_OK ? spec_passed() : spec_failed_with("read a global", status, error);
}

static spec_verdict compare(const action *call)
{
    size_t expected = json_array_size(call->expected);
    if (expected != call->result_count) {
        return spec_failed("%zu results instead of %zu", call->result_count, expected);
    }
    for (size_t i = 0; i < expected; i++) {
        const json_t *pattern = json_array_get(call->expected, i);
        const wsb_value *value = &call->results[i];
        if (!spec_value_matches(pattern, value)) {
            char *text = json_dumps(pattern, JSON_COMPACT | JSON_ENCODE_ANY);
            spec_verdict verdict = spec_failed(
                "result %zu is %s %016llx %016llx, not %.200s", i, wsb_value_type_name(value->type),
                (unsigned long long)value->of.words[1], (unsigned long long)value->of.words[0],
                text != NULL ? text : "?");
            free(text);
            return verdict;
        }
    }
    return spec_passed();
}

/* What a call that ended with `status` means for the command. */
static spec_verdict judge(const action *call, const json_t *command, wsb_status status,
                          wsb_error *error)
{
    const char *type = member(command, "type");
    if (strcmp(type, "assert_trap") == 0 || strcmp(type, "assert_exhaustion") == 0) {
        return spec_check_trap(call->script, member(command, "text"), status, error);
    }
    if (strcmp(type, "assert_exception") == 0) {
        return spec_check_trap(call->script, "uncaught exception", status, error);
    }
    if (status != WSB_OK) {
        return spec_failed_with("call", status, error);
    }
    return call->expected != NULL ? compare(call) : spec_passed();
}

spec_verdict spec_do_action(spec_script *script, const json_t *command)
{
    const json_t *what = json_object_get(command, "action");
    const json_t *field = json_object_get(what, "field");
    const char *name = json_string_value(json_object_get(what, "module"));
    action call = {.script = script,
                   .unit = spec_unit_find(script, name),
                   .field = {json_string_value(field), json_string_length(field)},
                   .args = json_object_get(what, "args"),
                   .expected = json_object_get(command, "expected")};
    wsb_status status = WSB_OK;
    wsb_error *error = NULL;
    if (call.unit == NULL || call.field.data == NULL) {
        return spec_failed("no such module");
    }
    if (call.unit->instance == NULL) {
        call.unit->absent.follows = true;
        return call.unit->absent;
    }
    script->bridged_trap[0] = '\0';
    spec_verdict verdict = strcmp(member(what, "type"), "get") == 0
                               ? get_global(&call)
                               : invoke(&call, &status, &error);
    if (verdict.outcome != SPEC_PASSED) {
        return verdict;
    }
    verdict = judge(&call, command, status, error);
    for (spec_unit *unit = script->units; status != WSB_OK && unit != NULL; unit = unit->next) {
        if (unit->instance != NULL) {
            spec_reopen(unit->instance); /* a trap may have come through several */
        }
    }
    return verdict;
}
