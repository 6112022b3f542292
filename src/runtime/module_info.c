#include "runtime/module_info.h"

#include "core/alloc.h"

#include <wasm_sandbox/plugin/error.h>
#include <wasm_sandbox/runtime.h>

#define BLOB_MAGIC 0x49425357u
#define BLOB_VERSION 2u
#define PAGE_BITS 16

/* The smallest an entry can be, to refuse counts that the blob has no room for. */
#define TYPE_BYTES_MIN 8
#define IMPORT_BYTES_MIN 11
#define EXPORT_BYTES_MIN 10

/* Reads little-endian fields; after the first one that is not there everything is 0 and `bad`. */
typedef struct reader {
    const uint8_t *at;
    size_t left;
    bool bad;
} reader;

/* One allocation for everything of the blob's contents. */
typedef struct arena {
    uint8_t *at;
    size_t left;
} arena;

/* Its start; the arena follows. */
typedef struct parsed {
    wsb__module_info public;
    wsb_function_type *types;
    uint32_t type_count;
} parsed;

static const uint8_t *take(reader *r, size_t len)
{
    if (r->bad || len > r->left) {
        r->bad = true;
        return NULL;
    }
    const uint8_t *p = r->at;
    r->at += len;
    r->left -= len;
    return p;
}

static uint64_t read_number(reader *r, size_t bytes)
{
    const uint8_t *p = take(r, bytes);
    uint64_t value = 0;
    for (size_t i = 0; p && i < bytes; i++)
        value |= (uint64_t)p[i] << (8 * i);
    return value;
}

static uint8_t read_u8(reader *r)
{
    return (uint8_t)read_number(r, 1);
}

static uint32_t read_u32(reader *r)
{
    return (uint32_t)read_number(r, 4);
}

static uint64_t read_u64(reader *r)
{
    return read_number(r, 8);
}

static bool read_bool(reader *r)
{
    uint8_t value = read_u8(r);
    if (value > 1)
        r->bad = true;
    return value == 1;
}

static uint8_t read_up_to(reader *r, uint8_t least, uint8_t most)
{
    uint8_t value = read_u8(r);
    if (value < least || value > most)
        r->bad = true;
    return value;
}

static wsb_str read_str(reader *r)
{
    uint32_t len = read_u32(r);
    const uint8_t *p = take(r, len);
    return p ? (wsb_str){(const char *)p, len} : (wsb_str){NULL, 0};
}

/* A count of entries, none of them smaller than `least` bytes. */
static uint32_t read_count(reader *r, size_t least)
{
    uint32_t count = read_u32(r);
    if (count > r->left / least) {
        r->bad = true;
        return 0;
    }
    return count;
}

static void *arena_take(arena *a, size_t count, size_t size)
{
    uint8_t *p = a->at;
    size_t bytes = (count * size + 15) & ~(size_t)15;
    if (bytes > a->left)
        return NULL;
    a->at += bytes;
    a->left -= bytes;
    return p;
}

static const wsb_value_type *read_types(reader *r, arena *a, size_t count)
{
    const uint8_t *p = take(r, count);
    if (!p || count == 0)
        return NULL;
    wsb_value_type *types = arena_take(a, count, sizeof *types);
    if (!types) {
        r->bad = true;
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (p[i] < WSB_I32 || p[i] > WSB_OTHER)
            r->bad = true;
        types[i] = (wsb_value_type)p[i];
    }
    return types;
}

static void read_type(reader *r, arena *a, wsb_function_type *type)
{
    uint32_t params = read_u32(r);
    uint32_t results = read_u32(r);
    /* take() refuses both where they are more than is left. */
    type->params = read_types(r, a, params);
    type->param_count = params;
    type->results = read_types(r, a, results);
    type->result_count = results;
}

static void read_range(reader *r, wsb_extern_info *e)
{
    e->is_64 = read_bool(r);
    e->minimum = read_u64(r);
    e->maximum = read_u64(r);
}

static void read_extern(reader *r, const parsed *p, wsb_extern_info *e)
{
    e->kind = (wsb_extern_kind)read_up_to(r, WSB_EXTERN_FUNCTION, WSB_EXTERN_TAG);
    e->maximum = WSB_UNLIMITED;
    uint32_t type;
    switch (e->kind) {
    case WSB_EXTERN_FUNCTION:
    case WSB_EXTERN_TAG:
        type = read_u32(r);
        if (type >= p->type_count)
            r->bad = true;
        else
            e->function = p->types[type];
        break;
    case WSB_EXTERN_TABLE:
        e->value_type = (wsb_value_type)read_up_to(r, WSB_FUNCREF, WSB_OTHER);
        read_range(r, e);
        break;
    case WSB_EXTERN_MEMORY:
        read_range(r, e);
        break;
    case WSB_EXTERN_GLOBAL:
        e->value_type = (wsb_value_type)read_up_to(r, WSB_I32, WSB_OTHER);
        e->is_mutable = read_bool(r);
        break;
    }
}

static uint64_t pages_to_bytes(uint64_t pages)
{
    return pages > UINT64_MAX >> PAGE_BITS ? WSB_UNLIMITED : pages << PAGE_BITS;
}

static void read_head(reader *r, wsb__module_info *out)
{
    if (read_u32(r) != BLOB_MAGIC || read_u32(r) != BLOB_VERSION)
        r->bad = true;
    out->flags = read_u64(r);
    out->memory_min_pages = read_u64(r);
    out->memory_max_pages = read_u64(r);
    out->table_min = read_u64(r);
    out->table_max = read_u64(r);
    uint64_t required = read_u64(r);
    if (required & ~(uint64_t)WSB_ENGINE_PROPOSALS)
        r->bad = true;
    out->table_min_sum = read_u64(r);
    wsb_module_info *info = &out->info;
    info->size = sizeof *info;
    info->required_features = (uint32_t)required;
    info->function_count = read_u64(r);
    info->code_size = read_u64(r);
    info->module_size = read_u64(r);
    info->has_memory = out->flags & WSB__MODULE_HAS_MEMORY;
    info->is_command = out->flags & WSB__MODULE_IS_COMMAND;
    info->is_reactor = out->flags & WSB__MODULE_IS_REACTOR;
    info->has_start = out->flags & WSB__MODULE_HAS_START;
    info->memory_minimum = pages_to_bytes(out->memory_min_pages);
    info->memory_maximum = pages_to_bytes(out->memory_max_pages);
}

static void read_type_section(reader *r, arena *a, parsed *p)
{
    uint32_t count = read_count(r, TYPE_BYTES_MIN);
    p->types = arena_take(a, count, sizeof *p->types);
    if (!p->types) {
        r->bad = true;
        return;
    }
    for (uint32_t i = 0; i < count && !r->bad; i++)
        read_type(r, a, &p->types[i]);
    p->type_count = count;
}

static void read_imports(reader *r, arena *a, parsed *p)
{
    uint32_t count = read_count(r, IMPORT_BYTES_MIN);
    wsb_extern_info *imports = arena_take(a, count, sizeof *imports);
    if (!imports) {
        r->bad = true;
        return;
    }
    for (uint32_t i = 0; i < count && !r->bad; i++) {
        imports[i] = (wsb_extern_info){.module = read_str(r)};
        imports[i].name = read_str(r);
        read_extern(r, p, &imports[i]);
    }
    p->public.info.imports = imports;
    p->public.info.import_count = count;
}

static void read_exports(reader *r, arena *a, parsed *p)
{
    uint32_t count = read_count(r, EXPORT_BYTES_MIN);
    wsb_extern_info *exports = arena_take(a, count, sizeof *exports);
    if (!exports) {
        r->bad = true;
        return;
    }
    for (uint32_t i = 0; i < count && !r->bad; i++) {
        exports[i] = (wsb_extern_info){.name = read_str(r)};
        read_extern(r, p, &exports[i]);
        exports[i].declared = read_bool(r);
        exports[i].convention =
            (wsb_convention)read_up_to(r, WSB_CONVENTION_SCALAR, WSB_CONVENTION_REACTOR);
        exports[i].encoding = (wsb_encoding)read_up_to(r, WSB_ENCODING_JSON, WSB_ENCODING_BYTES);
    }
    p->public.info.exports = exports;
    p->public.info.export_count = count;
}

/* Exports of one name do not pass validation, so that they are here too means a broken blob. */
static wsb_status index_exports(wsb__module_info *info, reader *r)
{
    info->exports_by_name = wsb__map_create();
    if (!info->exports_by_name ||
        wsb__map_reserve(info->exports_by_name, info->info.export_count) != WSB_OK)
        return WSB_ERROR_OUT_OF_MEMORY;
    for (size_t i = 0; i < info->info.export_count; i++) {
        wsb_extern_info *e = (wsb_extern_info *)&info->info.exports[i];
        if (wsb__map_put(info->exports_by_name, e->name, e) != WSB_OK)
            return WSB_ERROR_OUT_OF_MEMORY;
    }
    if (wsb__map_count(info->exports_by_name) != info->info.export_count)
        r->bad = true;
    return WSB_OK;
}

/* Skips over the blob's entries once, to know how much memory they take. */
static size_t arena_size(reader r)
{
    wsb__module_info head;
    read_head(&r, &head);
    size_t size = 0;
    uint32_t types = read_count(&r, TYPE_BYTES_MIN);
    size += types * sizeof(wsb_function_type) + 16;
    for (uint32_t i = 0; i < types && !r.bad; i++) {
        size_t values = (size_t)read_u32(&r) + read_u32(&r);
        take(&r, values);
        /* Where they are not there, parsing stops at them as well. */
        if (!r.bad)
            size += values * sizeof(wsb_value_type) + 32;
    }
    /* Every entry that follows takes at least so many bytes of the blob. */
    return size + r.left / EXPORT_BYTES_MIN * sizeof(wsb_extern_info) + 32;
}

static wsb_status read_all(reader *r, arena *a, parsed *p)
{
    wsb__module_info *info = &p->public;
    read_head(r, info);
    read_type_section(r, a, p);
    read_imports(r, a, p);
    read_exports(r, a, p);
    info->info.allocator = read_str(r);
    info->info.deallocator = read_str(r);
    if (r->left > 0)
        r->bad = true;
    return r->bad ? WSB_OK : index_exports(info, r);
}

wsb_status wsb__module_info_parse(wsb_bytes blob, wsb__module_info **out_info,
                                  wsb_error **out_error)
{
    size_t arena_bytes = arena_size((reader){blob.data, blob.len, false});
    size_t size = ((sizeof(parsed) + 15) & ~(size_t)15) + arena_bytes;
    parsed *p = wsb__alloc(size + blob.len);
    if (!p)
        return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL, "read module info: %s",
                             wsb_status_text(WSB_ERROR_OUT_OF_MEMORY));
    memset(p, 0, sizeof *p);
    uint8_t *copy = (uint8_t *)p + size;
    if (blob.len > 0)
        memcpy(copy, blob.data, blob.len);
    p->public.blob = wsb_bytes_of(copy, blob.len);
    reader r = {copy, blob.len, false};
    arena a = {(uint8_t *)p + (size - arena_bytes), arena_bytes};
    wsb_status status = read_all(&r, &a, p);
    if (status == WSB_OK && !r.bad) {
        *out_info = &p->public;
        return WSB_OK;
    }
    wsb__module_info_destroy(&p->public);
    if (status != WSB_OK)
        return wsb_error_set(out_error, status, NULL, "read module info: %s",
                             wsb_status_text(status));
    return wsb_error_set(out_error, WSB_ERROR_MALFORMED, NULL,
                         "read module info: malformed at byte %zu of %zu", blob.len - r.left,
                         blob.len);
}

void wsb__module_info_destroy(wsb__module_info *info)
{
    if (!info)
        return;
    wsb__map_destroy(info->exports_by_name);
    wsb__free(info);
}

const wsb_extern_info *wsb__module_info_export(const wsb__module_info *info, wsb_str name)
{
    return wsb__map_get(info->exports_by_name, name);
}
