#include "runtime/features.h"

#include <wsb_native_module.h>

#include <wasm_sandbox/plugin/error.h>

#define FILLED_IN                                                                                  \
    (WSB_ENGINE_DEADLINE | WSB_ENGINE_FUEL | WSB_ENGINE_MEMORY_LIMIT | WSB_ENGINE_TABLE_LIMIT)

static const struct {
    uint32_t bit;
    const char *name;
} names[] = {
    {WSB_ENGINE_DEADLINE, "deadline"},
    {WSB_ENGINE_FUEL, "fuel"},
    {WSB_ENGINE_MEMORY_LIMIT, "memory_limit"},
    {WSB_ENGINE_TABLE_LIMIT, "table_limit"},
    {WSB_ENGINE_STACK_LIMIT, "stack_limit"},
    {WSB_ENGINE_SERIALIZE, "serialize"},
    {WSB_ENGINE_POOLING, "pooling"},
    {WSB_ENGINE_FIBERS, "fibers"},
    {WSB_ENGINE_SIMD, "simd"},
    {WSB_ENGINE_REFERENCES, "references"},
    {WSB_ENGINE_VECTORS, "vectors"},
    {WSB_ENGINE_RELAXED_SIMD, "relaxed_simd"},
    {WSB_ENGINE_TAIL_CALLS, "tail_calls"},
    {WSB_ENGINE_EXCEPTIONS, "exceptions"},
    {WSB_ENGINE_MEMORY64, "memory64"},
    {WSB_ENGINE_NO_SIGNALS, "no_signals"},
    {WSB_ENGINE_BACKTRACES, "backtraces"},
};

const char *wsb_engine_feature_name(uint32_t feature)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].bit == feature) {
            return names[i].name;
        }
    }
    return "unknown";
}

uint32_t wsb__features(const wsb_runtime_ops *ops)
{
    return ops->features | FILLED_IN;
}

uint32_t wsb__features_added(const wsb_runtime_ops *ops, bool fuel)
{
    uint32_t add = 0;
    if ((ops->features & WSB_ENGINE_MEMORY_LIMIT) == 0) {
        add |= WSBN_ADD_MEMORY_LIMIT;
    }
    if ((ops->features & WSB_ENGINE_TABLE_LIMIT) == 0) {
        add |= WSBN_ADD_TABLE_LIMIT;
    }
    /* An engine that counts fuel and cannot be interrupted would count the countdown, too. */
    if (fuel && (~ops->features & (WSB_ENGINE_FUEL | WSB_ENGINE_DEADLINE)) != 0) {
        add |= WSBN_ADD_FUEL;
    } else if ((ops->features & WSB_ENGINE_DEADLINE) == 0) {
        add |= WSBN_ADD_COUNTDOWN;
    }
    return add;
}

wsb_status wsb__features_check(const wsb_runtime_ops *ops, uint32_t required, wsb_error **out_error)
{
    uint32_t missing = required & WSB_ENGINE_PROPOSALS & ~ops->features;
    if (missing == 0) {
        return WSB_OK;
    }
    const char *proposal = wsb_engine_feature_name(missing & (~missing + 1)); /* the lowest */
    wsb_error_details details = {.operation = "load module",
                                 .subject = proposal,
                                 .suggestion = "use an engine that has it, or build the module "
                                               "without it"};
    return wsb_error_set(out_error, WSB_ERROR_UNSUPPORTED, &details,
                         "load module: it uses the proposal %s, which engine '%s' does not have",
                         proposal, ops->id);
}

static const char *unpassable(uint32_t features, wsb_value_type type)
{
    switch (type) {
    case WSB_I32:
    case WSB_I64:
    case WSB_F32:
    case WSB_F64:
        return NULL;
    case WSB_V128:
        return (features & WSB_ENGINE_VECTORS) != 0 ? NULL : "v128";
    case WSB_FUNCREF:
        return (features & WSB_ENGINE_REFERENCES) != 0 ? NULL : "funcref";
    case WSB_EXTERNREF:
        return (features & WSB_ENGINE_REFERENCES) != 0 ? NULL : "externref";
    default:
        return (features & WSB_ENGINE_REFERENCES) != 0 ? NULL : "a reference";
    }
}

const char *wsb__features_unpassable(const wsb_runtime_ops *ops, const wsb_function_type *type)
{
    const char *found = NULL;
    for (size_t i = 0; i < type->param_count && found == NULL; i++) {
        found = unpassable(ops->features, type->params[i]);
    }
    for (size_t i = 0; i < type->result_count && found == NULL; i++) {
        found = unpassable(ops->features, type->results[i]);
    }
    return found;
}
