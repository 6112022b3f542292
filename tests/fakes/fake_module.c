/* Reads the sections that the fake engine needs. Modules come from tests, through native/module,
 * so they are valid; a truncated one is still refused and never read beyond its end. */
#include "fake_module.h"

typedef struct reader {
    const uint8_t *at;
    const uint8_t *end;
    const char *problem;
} reader;

static uint8_t read_byte(reader *r)
{
    if (r->at >= r->end) {
        r->problem = "unexpected end";
        return 0;
    }
    return *r->at++;
}

static uint64_t read_unsigned(reader *r)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint8_t byte = read_byte(r);
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    r->problem = "integer too long";
    return 0;
}

static int64_t read_signed(reader *r)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint8_t byte = read_byte(r);
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            if ((byte & 0x40) && shift + 7 < 64)
                value |= ~(uint64_t)0 << (shift + 7);
            return (int64_t)value;
        }
    }
    r->problem = "integer too long";
    return 0;
}

static wsb_bytes read_span(reader *r, uint64_t len)
{
    if (len > (uint64_t)(r->end - r->at)) {
        r->problem = "unexpected end";
        return wsb_bytes_of(r->at, 0);
    }
    wsb_bytes span = wsb_bytes_of(r->at, (size_t)len);
    r->at += len;
    return span;
}

static wsb_str read_name(reader *r)
{
    wsb_bytes span = read_span(r, read_unsigned(r));
    return (wsb_str){(const char *)span.data, span.len};
}

static fake_limits read_limits(reader *r)
{
    uint64_t flags = read_unsigned(r);
    fake_limits limits = {.max = UINT64_MAX};
    limits.min = read_unsigned(r);
    if (flags & 1)
        limits.max = read_unsigned(r);
    return limits;
}

static wsb_value_type read_type(reader *r)
{
    switch (read_byte(r)) {
    case 0x7f:
        return WSB_I32;
    case 0x7e:
        return WSB_I64;
    case 0x7d:
        return WSB_F32;
    case 0x7c:
        return WSB_F64;
    case 0x7b:
        return WSB_V128;
    case 0x70:
        return WSB_FUNCREF;
    case 0x6f:
        return WSB_EXTERNREF;
    default:
        return WSB_OTHER;
    }
}

/* One constant and the end; anything longer is beyond this fake. */
static wsb_raw_value read_constant(reader *r)
{
    wsb_raw_value value = {.words = {0, 0}};
    size_t width = 0;
    switch (read_byte(r)) {
    case 0x41:
        value.i32 = (int32_t)read_signed(r);
        break;
    case 0x42:
        value.i64 = read_signed(r);
        break;
    case 0x43:
        width = 4;
        break;
    case 0x44:
        width = 8;
        break;
    case 0xfd:
        (void)read_byte(r);
        width = 16;
        break;
    case 0xd0:
        (void)read_byte(r);
        break;
    default:
        r->problem = "the fake engine takes plain constants only";
        break;
    }
    wsb_bytes bytes = read_span(r, width);
    if (!r->problem && width)
        memcpy(value.v128, bytes.data, bytes.len);
    if (read_byte(r) != 0x0b && !r->problem)
        r->problem = "the fake engine takes plain constants only";
    return value;
}

static void read_imports(fake_module *module, reader *r)
{
    uint64_t count = read_unsigned(r);
    for (uint64_t i = 0; i < count && !r->problem; i++) {
        (void)read_name(r);
        (void)read_name(r);
        if (read_byte(r) != 0)
            r->problem = "only functions can be imported";
        (void)read_unsigned(r);
        module->import_count++;
    }
}

static void read_tables(fake_module *module, reader *r)
{
    uint64_t count = read_unsigned(r);
    for (uint64_t i = 0; i < count && !r->problem; i++) {
        if (module->table_count == FAKE_MAX_TABLES) {
            r->problem = "too many tables for the fake engine";
            return;
        }
        (void)read_type(r);
        module->tables[module->table_count++] = read_limits(r);
    }
}

static void read_memories(fake_module *module, reader *r)
{
    uint64_t count = read_unsigned(r);
    if (count > 1)
        r->problem = "more than one memory";
    if (count == 1) {
        module->has_memory = true;
        module->memory = read_limits(r);
    }
}

static void read_globals(fake_module *module, reader *r)
{
    uint64_t count = read_unsigned(r);
    for (uint64_t i = 0; i < count && !r->problem; i++) {
        if (module->global_count == FAKE_MAX_GLOBALS) {
            r->problem = "too many globals for the fake engine";
            return;
        }
        fake_global *global = &module->globals[module->global_count++];
        global->type = read_type(r);
        global->is_mutable = read_byte(r) == 1;
        global->value = read_constant(r);
    }
}

static void read_exports(fake_module *module, reader *r)
{
    uint64_t count = read_unsigned(r);
    for (uint64_t i = 0; i < count && !r->problem; i++) {
        if (module->export_count == FAKE_MAX_EXPORTS) {
            r->problem = "too many exports for the fake engine";
            return;
        }
        fake_export *item = &module->exports[module->export_count++];
        item->name = read_name(r);
        item->kind = (wsb_extern_kind)read_byte(r); /* the same numbers as in the format */
        item->index = (uint32_t)read_unsigned(r);
        item->behaviour = item->name;
    }
}

static void read_segments(fake_module *module, reader *r)
{
    uint64_t count = read_unsigned(r);
    for (uint64_t i = 0; i < count && !r->problem; i++) {
        uint64_t flags = read_unsigned(r);
        if (flags > 1 || module->segment_count == FAKE_MAX_SEGMENTS) {
            r->problem = "data that the fake engine cannot place";
            return;
        }
        fake_segment segment = {0};
        if (flags == 0)
            segment.offset = read_constant(r).u32;
        segment.bytes = read_span(r, read_unsigned(r));
        if (flags == 0)
            module->segments[module->segment_count++] = segment;
    }
}

static bool same(wsb_str a, wsb_str b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

static wsb_str trim(wsb_str text)
{
    while (text.len && text.data[0] == ' ') {
        text.data++;
        text.len--;
    }
    while (text.len && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\r'))
        text.len--;
    return text;
}

static void apply_line(fake_module *module, wsb_str line)
{
    const char *colon = line.len ? memmem(line.data, line.len, ": ", 2) : NULL;
    if (!colon)
        return; /* names may have colons: "wsb:start" */
    wsb_str name = trim((wsb_str){line.data, (size_t)(colon - line.data)});
    wsb_str rest = trim((wsb_str){colon + 1, line.len - (size_t)(colon + 1 - line.data)});
    for (uint32_t i = 0; i < module->export_count; i++) {
        if (same(module->exports[i].name, name))
            module->exports[i].behaviour = rest;
    }
}

static void apply_script(fake_module *module, wsb_bytes script)
{
    if (script.len == 0)
        return;
    const char *at = (const char *)script.data;
    const char *end = at + script.len;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop)
            stop = end;
        apply_line(module, (wsb_str){at, (size_t)(stop - at)});
        at = stop + 1;
    }
}

static void read_section(fake_module *module, uint8_t id, reader *r, wsb_bytes *out_script)
{
    switch (id) {
    case 0:
        if (same(read_name(r), wsb_cstr("fake")))
            *out_script = wsb_bytes_of(r->at, (size_t)(r->end - r->at));
        break;
    case 2:
        read_imports(module, r);
        break;
    case 4:
        read_tables(module, r);
        break;
    case 5:
        read_memories(module, r);
        break;
    case 6:
        read_globals(module, r);
        break;
    case 7:
        read_exports(module, r);
        break;
    case 11:
        read_segments(module, r);
        break;
    default:
        break;
    }
}

const char *fake_module_read(fake_module *module, wsb_bytes bytes)
{
    static const uint8_t header[8] = {0, 'a', 's', 'm', 1, 0, 0, 0};
    memset(module, 0, sizeof *module);
    module->bytes = bytes;
    if (bytes.len < sizeof header || memcmp(bytes.data, header, sizeof header) != 0)
        return "not a WebAssembly module";
    reader r = {bytes.data + sizeof header, bytes.data + bytes.len, NULL};
    wsb_bytes script = {0};
    while (r.at < r.end && !r.problem) {
        uint8_t id = read_byte(&r);
        wsb_bytes content = read_span(&r, read_unsigned(&r));
        if (r.problem)
            break;
        reader section = {content.data, content.data + content.len, NULL};
        read_section(module, id, &section, &script);
        r.problem = section.problem;
    }
    if (!r.problem)
        apply_script(module, script);
    return r.problem;
}
