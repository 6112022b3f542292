/* The sections of a module. */
#include "pebble.h"

#include <stdlib.h>

#define PB_MAX_PAGES 65536u

/* The binary format writes 64 bits, whatever the memory's or table's own width. */
static void read_limits(pb_reader *r, uint32_t *out_min, uint32_t *out_max, uint32_t most)
{
    uint8_t flags = pb_read_byte(r);
    if (flags > 1)
        pb_fail(r, WSB_ENGINE_UNSUPPORTED_BY_ENGINE,
                "pebble has no shared or 64-bit memories and tables");
    uint64_t min = pb_read_unsigned(r, 64);
    uint64_t max = flags ? pb_read_unsigned(r, 64) : most;
    if (min > max || max > most)
        pb_fail(r, WSB_ENGINE_FAILED, "limits out of order");
    *out_min = (uint32_t)min;
    *out_max = (uint32_t)max;
}

/* Adds `count` to what the reader read before of the same kind. */
static void read_values(pb_reader *r, pb_type *type, uint32_t *out_count)
{
    uint32_t before = type->params;
    uint32_t count = pb_read_count(r);
    if (count > UINT16_MAX)
        pb_fail(r, WSB_ENGINE_FAILED, "a function type is too long");
    if (!pb_ok(r))
        return;
    wsb_value_type *values =
        realloc(type->values, (before + (size_t)count + 1) * sizeof *type->values);
    if (!values) {
        pb_fail(r, WSB_ENGINE_FAILED, "out of memory");
        return;
    }
    type->values = values;
    for (uint32_t i = 0; i < count; i++) {
        values[before + i] = pb_read_type(r);
        type->has_functions |= values[before + i] == WSB_FUNCREF;
    }
    *out_count = count;
}

static void read_types(pb_module *module, pb_reader *r)
{
    uint32_t count = pb_read_count(r);
    module->types = pb_read_list(r, count, sizeof *module->types);
    for (; module->type_count < count && pb_ok(r); module->type_count++) {
        pb_type *type = &module->types[module->type_count];
        if (pb_read_byte(r) != 0x60)
            pb_fail(r, WSB_ENGINE_UNSUPPORTED_BY_ENGINE, "pebble has function types only");
        read_values(r, type, &type->params);
        read_values(r, type, &type->results);
    }
}

static wsb_str read_name(pb_reader *r)
{
    wsb_bytes bytes = pb_read_bytes(r, pb_read_u32(r));
    return (wsb_str){(const char *)bytes.data, bytes.len};
}

static void read_imports(pb_module *module, pb_reader *r)
{
    uint32_t count = pb_read_count(r);
    module->imports = pb_read_list(r, count, sizeof *module->imports);
    module->functions = pb_read_list(r, count, sizeof *module->functions);
    for (uint32_t i = 0; i < count && pb_ok(r); i++) {
        module->imports[i].module = read_name(r);
        module->imports[i].name = read_name(r);
        if (pb_read_byte(r) != 0) { /* never linked, so nothing more of the module is needed */
            module->imports_more = true;
            r->at = r->end;
            return;
        }
        uint32_t type = pb_read_index(r, module->type_count, "type");
        if (pb_ok(r))
            module->functions[i].type = &module->types[type];
    }
    module->import_count = module->function_count = count;
}

static void read_functions(pb_module *module, pb_reader *r)
{
    uint32_t before = module->function_count;
    uint32_t count = pb_read_count(r);
    pb_function *functions = pb_read_list(r, (size_t)before + count, sizeof *functions);
    if (!functions)
        return;
    if (before)
        memcpy(functions, module->functions, before * sizeof *functions);
    free(module->functions);
    module->functions = functions;
    module->function_count = before + count;
    for (uint32_t i = 0; i < count && pb_ok(r); i++) {
        uint32_t type = pb_read_index(r, module->type_count, "type");
        if (pb_ok(r))
            functions[before + i].type = &module->types[type];
    }
}

static void read_tables(pb_module *module, pb_reader *r)
{
    uint32_t count = pb_read_count(r);
    if (count > UINT16_MAX) /* instructions keep a table's index in 16 bits */
        pb_fail(r, WSB_ENGINE_FAILED, "too many tables");
    module->tables = pb_read_list(r, count, sizeof *module->tables);
    for (uint32_t i = 0; i < count && pb_ok(r); i++) {
        (void)pb_read_type(r);
        read_limits(r, &module->tables[i].min, &module->tables[i].max, UINT32_MAX);
    }
    module->table_count = count;
}

static void read_memories(pb_module *module, pb_reader *r)
{
    module->memory_count = pb_read_count(r);
    if (module->memory_count > 1)
        pb_fail(r, WSB_ENGINE_UNSUPPORTED_BY_ENGINE, "pebble has one memory only");
    if (module->memory_count == 1)
        read_limits(r, &module->memory_min, &module->memory_max, PB_MAX_PAGES);
}

static void read_globals(pb_module *module, pb_reader *r)
{
    uint32_t count = pb_read_count(r);
    module->globals = pb_read_list(r, count, sizeof *module->globals);
    /* An initial value sees only the globals before it. */
    for (; module->global_count < count && pb_ok(r); module->global_count++) {
        (void)pb_read_type(r);
        (void)pb_read_byte(r); /* whether it is mutable: the library knows */
        pb_compile_constant(module, &module->globals[module->global_count], r);
    }
}

static int compare_names(const void *a, const void *b)
{
    const wsb_str *x = &((const pb_export *)a)->name;
    const wsb_str *y = &((const pb_export *)b)->name;
    size_t shared = x->len < y->len ? x->len : y->len;
    int order = shared ? memcmp(x->data, y->data, shared) : 0;
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

static void read_exports(pb_module *module, pb_reader *r)
{
    const uint32_t limits[4] = {module->function_count, module->table_count, module->memory_count,
                                module->global_count};
    uint32_t count = pb_read_count(r);
    module->exports = pb_read_list(r, count, sizeof *module->exports);
    for (uint32_t i = 0; i < count && pb_ok(r); i++) {
        pb_export *item = &module->exports[i];
        item->name = read_name(r);
        item->kind = pb_read_byte(r);
        if (item->kind > 3)
            pb_fail(r, WSB_ENGINE_UNSUPPORTED_BY_ENGINE, "pebble has no exception tags");
        else
            item->index = pb_read_index(r, limits[item->kind], "export");
    }
    if (!pb_ok(r))
        return;
    module->export_count = count;
    qsort(module->exports, count, sizeof *module->exports, compare_names);
}

bool pb_export_find(const pb_module *module, wsb_str name, uint8_t kind, uint32_t *out_index)
{
    const pb_export key = {name, 0, 0};
    const pb_export *found = bsearch(&key, module->exports, module->export_count,
                                     sizeof *module->exports, compare_names);
    if (!found || found->kind != kind)
        return false;
    *out_index = found->index;
    return true;
}

static void read_start(pb_module *module, pb_reader *r)
{
    (void)module;
    pb_fail(r, WSB_ENGINE_UNSUPPORTED_BY_ENGINE, "pebble leaves start functions to the library");
}

static void read_code(pb_module *module, pb_reader *r)
{
    const uint8_t *end = r->end;
    module->code_count = pb_read_count(r);
    if (module->code_count != module->function_count - module->import_count)
        pb_fail(r, WSB_ENGINE_FAILED, "functions and bodies differ in number");
    for (uint32_t i = module->import_count; i < module->function_count && pb_ok(r); i++) {
        uint32_t size = pb_read_count(r);
        r->end = r->at + size;
        pb_compile_body(module, &module->functions[i], r);
        r->end = end;
    }
}

static void read_data_count(pb_module *module, pb_reader *r)
{
    module->data_count = pb_read_u32(r);
    module->has_data_count = true;
}

/* Reads one section whole; `section` is NULL for those that mean nothing here. */
static void read_section(pb_module *module, pb_reader *r, uint32_t size,
                         void (*section)(pb_module *module, pb_reader *r))
{
    const uint8_t *end = r->end;
    if (size > (size_t)(end - r->at) || !pb_ok(r)) {
        pb_fail(r, WSB_ENGINE_FAILED, "unexpected end");
        return;
    }
    r->end = r->at + size;
    if (section)
        section(module, r);
    else
        r->at = r->end;
    if (r->at != r->end)
        pb_fail(r, WSB_ENGINE_FAILED, "a section is longer than what is in it");
    r->end = end;
}

static void read_sections(pb_module *module, pb_reader *r)
{
    static const struct {
        uint8_t order; /* in which they come: the number of data segments before the code */
        void (*read)(pb_module *module, pb_reader *r);
    } sections[] = {
        {0, NULL},
        {1, read_types},
        {2, read_imports},
        {3, read_functions},
        {4, read_tables},
        {5, read_memories},
        {6, read_globals},
        {7, read_exports},
        {8, read_start},
        {9, pb_read_elements},
        {11, read_code},
        {12, pb_read_data},
        {10, read_data_count},
    };
    uint8_t last = 0;
    if (pb_read_fixed(r, 8) != 0x000000016d736100)
        pb_fail(r, WSB_ENGINE_FAILED, "not a WebAssembly module");
    while (pb_ok(r) && r->at != r->end && !module->imports_more) {
        uint8_t id = pb_read_byte(r);
        uint32_t size = pb_read_u32(r);
        if (id >= sizeof sections / sizeof *sections)
            pb_fail(r, WSB_ENGINE_UNSUPPORTED_BY_ENGINE, "pebble has no section %u", (unsigned)id);
        else if (id && sections[id].order <= last)
            pb_fail(r, WSB_ENGINE_FAILED, "section %u is out of order", (unsigned)id);
        else
            read_section(module, r, size, sections[id].read);
        if (pb_ok(r) && id)
            last = sections[id].order;
    }
    if (module->imports_more)
        return;
    if (module->code_count != module->function_count - module->import_count)
        pb_fail(r, WSB_ENGINE_FAILED, "functions without bodies");
    if (module->has_data_count && module->data_count != module->data_read)
        pb_fail(r, WSB_ENGINE_FAILED, "data segments differ in number");
}

static void free_functions(pb_function *functions, uint32_t count)
{
    for (uint32_t i = 0; functions && i < count; i++)
        free(functions[i].code);
    free(functions);
}

void pb_module_destroy(void *module)
{
    pb_module *self = module;
    for (uint32_t i = 0; self->types && i < self->type_count; i++)
        free(self->types[i].values);
    for (uint32_t i = 0; self->elements && i < self->element_count; i++) {
        free(self->elements[i].offset.code);
        free(self->elements[i].items);
    }
    for (uint32_t i = 0; self->data && i < self->data_read; i++)
        free(self->data[i].offset.code);
    free_functions(self->functions, self->function_count);
    free_functions(self->globals, self->global_count);
    free(self->types);
    free(self->imports);
    free(self->tables);
    free(self->exports);
    free(self->elements);
    free(self->data);
    free(self->bytes);
    free(self);
}

wsb_engine_result pb_module_compile(void *engine, wsb_bytes bytes, void **out_module,
                                    wsb_engine_failure *out_failure)
{
    pb_module *module = calloc(1, sizeof *module);
    if (module)
        module->bytes = malloc(bytes.len + 1);
    if (!module || !module->bytes) {
        free(module);
        return pb_refuse(out_failure, WSB_ENGINE_FAILED, "out of memory");
    }
    module->engine = engine;
    if (bytes.len)
        memcpy(module->bytes, bytes.data, bytes.len);
    pb_reader r = {module->bytes, module->bytes, module->bytes + bytes.len, WSB_ENGINE_OK,
                   out_failure};
    read_sections(module, &r);
    if (r.result != WSB_ENGINE_OK) {
        pb_module_destroy(module);
        return r.result;
    }
    *out_module = module;
    return WSB_ENGINE_OK;
}
