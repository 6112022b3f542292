/* References between the guest's raw form and the host's pointers. */
#include "backend.h"

static const char foreign_reference[] = "a reference that only the guest can handle was passed";

bool wt_has_references(const wsb_value_type *types, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (types[i] >= WSB_FUNCREF)
            return true;
    }
    return false;
}

static const char *root(wasmtime_context_t *context, wsb_value_type type, wsb_raw_value *value,
                        wasmtime_externref_t *out_root)
{
    if (type < WSB_FUNCREF)
        return NULL;
    if (type == WSB_EXTERNREF && value->ref) {
        if (!wasmtime_externref_new(context, value->ref, NULL, out_root)) {
            wasmtime_externref_set_null(out_root);
            return "no room for another reference within max_memory";
        }
        return NULL;
    }
    return value->ref ? foreign_reference : NULL;
}

const char *wt_references_in(wasmtime_context_t *context, const wsb_value_type *types, size_t count,
                             wsb_raw_value *values, wasmtime_externref_t *roots)
{
    for (size_t i = 0; i < count; i++)
        wasmtime_externref_set_null(&roots[i]);
    for (size_t i = 0; i < count; i++) {
        const char *problem = root(context, types[i], &values[i], &roots[i]);
        if (problem)
            return problem;
    }
    /* Only when all exist: making one may collect those that nothing roots. */
    for (size_t i = 0; i < count; i++) {
        if (types[i] >= WSB_FUNCREF) {
            values[i].u64 = 0;
            if (!wasmtime_externref_is_null(&roots[i]))
                values[i].u32 = wasmtime_externref_to_raw(context, &roots[i]);
        }
    }
    return NULL;
}

void wt_references_drop(wasmtime_externref_t *roots, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!wasmtime_externref_is_null(&roots[i]))
            wasmtime_externref_unroot(&roots[i]);
    }
}

static void *pointer_of(wasmtime_context_t *context, uint32_t raw)
{
    wasmtime_externref_t reference;
    wasmtime_externref_from_raw(context, raw, &reference);
    if (wasmtime_externref_is_null(&reference))
        return NULL;
    void *pointer = wasmtime_externref_data(context, &reference);
    wasmtime_externref_unroot(&reference);
    return pointer;
}

const char *wt_references_out(wasmtime_context_t *context, const wsb_value_type *types,
                              size_t count, wsb_raw_value *values)
{
    for (size_t i = 0; i < count; i++) {
        if (types[i] < WSB_FUNCREF)
            continue;
        if (types[i] == WSB_EXTERNREF)
            values[i].ref = values[i].u32 ? pointer_of(context, values[i].u32) : NULL;
        else if (values[i].ref)
            return foreign_reference;
    }
    return NULL;
}
