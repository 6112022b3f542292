/* An instance's exports, memory and globals from outside. */
#include "backend.h"

bool wt_export_get(void *instance, wsb_str name, wsb_extern_kind kind,
                   wsb_engine_handle *out_handle)
{
    wt_instance *self = instance;
    wasmtime_extern_t item;
    if (!wasmtime_instance_export_get(self->context, &self->instance, name.data, name.len, &item))
        return false;
    bool found = true;
    wsb_engine_handle handle = {{0}};
    if (kind == WSB_EXTERN_FUNCTION && item.kind == WASMTIME_EXTERN_FUNC)
        memcpy(&handle, &item.of.func, sizeof item.of.func);
    else if (kind == WSB_EXTERN_MEMORY && item.kind == WASMTIME_EXTERN_MEMORY)
        memcpy(&handle, &item.of.memory, sizeof item.of.memory);
    else if (kind == WSB_EXTERN_GLOBAL && item.kind == WASMTIME_EXTERN_GLOBAL)
        memcpy(&handle, &item.of.global, sizeof item.of.global);
    else
        found = false;
    wasmtime_extern_delete(&item);
    if (found)
        *out_handle = handle;
    return found;
}

static bool same(const wasmtime_memory_t *a, const wasmtime_memory_t *b)
{
    return a->store_id == b->store_id && a->__private1 == b->__private1 &&
           a->__private2 == b->__private2;
}

__attribute__((noinline, cold)) static void
look_up(wt_instance *instance, wasmtime_caller_t *caller, const wasmtime_memory_t *memory)
{
    wasmtime_context_t *context = caller ? wasmtime_caller_context(caller) : instance->context;
    wt_place *place = &instance->place;
    instance->limits.grows = false;
    place->memory = *memory;
    wsb_wasmtime_memory(context, memory, &place->base, &place->size);
}

/* Of the store's one memory mostly, which moves only when it grows. No host code runs between the
 * moment when `grows` is set and the growth. */
void wt_memory_get(void *instance, void *caller, const wsb_engine_handle *memory,
                   uint8_t **out_base, uint64_t *out_size)
{
    wt_instance *self = instance;
    const wasmtime_memory_t *handle = (const wasmtime_memory_t *)memory;
    if (__builtin_expect(self->limits.grows || !same(&self->place.memory, handle), false))
        look_up(self, caller, handle);
    *out_base = self->place.base;
    *out_size = self->place.size;
}

bool wt_memory_grow(void *instance, const wsb_engine_handle *memory, uint64_t pages)
{
    uint64_t before = 0;
    wasmtime_error_t *error = wasmtime_memory_grow(
        ((wt_instance *)instance)->context, (const wasmtime_memory_t *)memory, pages, &before);
    if (!error)
        return true;
    wasmtime_error_delete(error);
    return false;
}

void wt_global_get(void *instance, const wsb_engine_handle *global, wsb_value_type type,
                   wsb_raw_value *out_value)
{
    wasmtime_val_t value;
    wsb_raw_value raw = {.words = {0, 0}};
    wasmtime_global_get(((wt_instance *)instance)->context, (const wasmtime_global_t *)global,
                        &value);
    (void)type;
    switch (value.kind) {
    case WASMTIME_I32:
        raw.i32 = value.of.i32;
        break;
    case WASMTIME_I64:
        raw.i64 = value.of.i64;
        break;
    case WASMTIME_F32:
        raw.f32 = value.of.f32;
        break;
    case WASMTIME_F64:
        raw.f64 = value.of.f64;
        break;
    case WASMTIME_V128:
        memcpy(raw.v128, value.of.v128, sizeof raw.v128);
        break;
    default:
        wasmtime_val_unroot(&value);
        break;
    }
    *out_value = raw;
}

void wt_global_set(void *instance, const wsb_engine_handle *global, wsb_value_type type,
                   const wsb_raw_value *value)
{
    wasmtime_val_t converted = {.kind = WASMTIME_I32};
    switch (type) {
    case WSB_I32:
        converted.of.i32 = value->i32;
        break;
    case WSB_I64:
        converted.kind = WASMTIME_I64;
        converted.of.i64 = value->i64;
        break;
    case WSB_F32:
        converted.kind = WASMTIME_F32;
        converted.of.f32 = value->f32;
        break;
    case WSB_F64:
        converted.kind = WASMTIME_F64;
        converted.of.f64 = value->f64;
        break;
    case WSB_V128:
        converted.kind = WASMTIME_V128;
        memcpy(converted.of.v128, value->v128, sizeof converted.of.v128);
        break;
    case WSB_FUNCREF:
    case WSB_EXTERNREF:
    case WSB_OTHER:
    default:
        return; /* globals of references are not offered */
    }
    /* Refused for an immutable global, or another type; the library checked both. */
    wasmtime_error_t *error = wasmtime_global_set(((wt_instance *)instance)->context,
                                                  (const wasmtime_global_t *)global, &converted);
    if (error)
        wasmtime_error_delete(error);
}
