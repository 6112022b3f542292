/* Calling a guest's function, and an instance's exports, memory and globals from outside. */
#include "backend.h"

wsb_engine_result ca_function_call(void *instance, const wsb_engine_handle *function,
                                   const wsb_function_type *type, wsb_raw_value *values,
                                   wsb_engine_failure *out_failure)
{
    ca_instance *self = instance;
    ca_sink place;
    ca_sink_init(&place, out_failure);
    uint32_t result = wsbx_call(self->inner, function, type, values, &place.sink);
    if (__builtin_expect(result == WSBX_OK, true))
        return WSB_ENGINE_OK;
    wsb_engine_result outcome = self->outcome;
    self->outcome = WSB_ENGINE_OK;
    if (outcome != WSB_ENGINE_OK) {
        out_failure->backtrace[0] = '\0';
        return ca_fail_text(out_failure, outcome, "a host function ended the guest");
    }
    return ca_fail(result, out_failure);
}

bool ca_export_get(void *instance, wsb_str name, wsb_extern_kind kind,
                   wsb_engine_handle *out_handle)
{
    return wsbx_export(((ca_instance *)instance)->inner, name.data, name.len, kind, out_handle);
}

void ca_memory_get(void *instance, void *caller, const wsb_engine_handle *memory,
                   uint8_t **out_base, uint64_t *out_size)
{
    /* The instance knows itself whether a host function is asking. */
    (void)caller;
    wsbx_memory(((ca_instance *)instance)->inner, memory, out_base, out_size);
}

bool ca_memory_grow(void *instance, const wsb_engine_handle *memory, uint64_t pages)
{
    return wsbx_memory_grow(((ca_instance *)instance)->inner, memory, pages);
}

void ca_global_get(void *instance, const wsb_engine_handle *global, wsb_value_type type,
                   wsb_raw_value *out_value)
{
    (void)type;
    wsbx_global_get(((ca_instance *)instance)->inner, global, out_value);
}

void ca_global_set(void *instance, const wsb_engine_handle *global, wsb_value_type type,
                   const wsb_raw_value *value)
{
    if (type < WSB_FUNCREF)
        wsbx_global_set(((ca_instance *)instance)->inner, global, type, value);
}
