/* MessagePack (github.com/msgpack/msgpack/blob/master/spec.md) written as JSON while it is read:
 * nothing is allocated for what the data declare. */
#include <math.h>

#include "text.h"
#include "values.h"

#define MAX_DEPTH 512

typedef struct reader {
    const uint8_t *at;
    size_t left;
    FILE *out;
    const char *problem;
} reader;

static void write_item(reader *r, unsigned depth, bool is_key);

static void fail(reader *r, const char *problem)
{
    if (!r->problem) {
        r->problem = problem;
    }
    r->left = 0;
}

static const uint8_t *take(reader *r, size_t count)
{
    static const uint8_t zeros[8];
    if (count > r->left) {
        fail(r, "data that end too early");
        return zeros;
    }
    const uint8_t *taken = r->at;
    r->at += count;
    r->left -= count;
    return taken;
}

/* A big-endian number of at most eight bytes. */
static uint64_t take_number(reader *r, size_t bytes)
{
    const uint8_t *from = take(r, bytes);
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | from[i];
    }
    return value;
}

/* Strings are UTF-8 in MessagePack; what is not is the writer's mistake, and not JSON. */
static void write_string(reader *r, size_t len)
{
    if (len > r->left) {
        fail(r, "data that end too early");
        return;
    }
    const uint8_t *text = take(r, len);
    if (!cli_is_utf8((const char *)text, len)) {
        fail(r, "a string that is not UTF-8");
        return;
    }
    fputc('"', r->out);
    for (size_t i = 0; i < len; i++) {
        if (text[i] < 0x20 || text[i] == 0x7f) {
            fprintf(r->out, "\\u%04x", text[i]);
        } else {
            fprintf(r->out, "%s%c", text[i] == '"' || text[i] == '\\' ? "\\" : "", text[i]);
        }
    }
    fputc('"', r->out);
}

static void write_array(reader *r, uint64_t count, unsigned depth)
{
    fputc('[', r->out);
    for (uint64_t i = 0; i < count && !r->problem; i++) {
        fputs(i ? "," : "", r->out);
        write_item(r, depth + 1, false);
    }
    fputc(']', r->out);
}

static void write_map(reader *r, uint64_t count, unsigned depth)
{
    fputc('{', r->out);
    for (uint64_t i = 0; i < count && !r->problem; i++) {
        fputs(i ? "," : "", r->out);
        write_item(r, depth + 1, true);
        fputc(':', r->out);
        write_item(r, depth + 1, false);
    }
    fputc('}', r->out);
}

static void write_real(reader *r, bool narrow)
{
    wsb_raw_value value = {.u64 = 0};
    if (narrow) {
        value.u32 = (uint32_t)take_number(r, 4);
    } else {
        value.u64 = take_number(r, 8);
    }
    double real = narrow ? (double)value.f32 : value.f64;
    if (!isfinite(real)) {
        fail(r, "a number that is not finite");
        return;
    }
    cli_write_real(r->out, real, narrow);
}

static void write_signed(reader *r, size_t bytes)
{
    unsigned unused = (unsigned)(64 - 8 * bytes);
    int64_t value = (int64_t)(take_number(r, bytes) << unused) >> unused;
    fprintf(r->out, "%lld", (long long)value);
}

/* The items whose first byte is 0xc0 to 0xdf. */
static void write_coded(reader *r, uint8_t code, unsigned depth)
{
    switch (code) {
    case 0xc0:
        fputs("null", r->out);
        return;
    case 0xc2:
    case 0xc3:
        fputs(code == 0xc3 ? "true" : "false", r->out);
        return;
    case 0xca:
    case 0xcb:
        write_real(r, code == 0xca);
        return;
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
        fprintf(r->out, "%llu", (unsigned long long)take_number(r, (size_t)1 << (code - 0xcc)));
        return;
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
        write_signed(r, (size_t)1 << (code - 0xd0));
        return;
    case 0xd9:
    case 0xda:
    case 0xdb:
        write_string(r, take_number(r, (size_t)1 << (code - 0xd9)));
        return;
    case 0xdc:
    case 0xdd:
        write_array(r, take_number(r, (size_t)2 << (code - 0xdc)), depth);
        return;
    case 0xde:
    case 0xdf:
        write_map(r, take_number(r, (size_t)2 << (code - 0xde)), depth);
        return;
    case 0xc4:
    case 0xc5:
    case 0xc6:
        fail(r, "binary data");
        return;
    default:
        fail(r, code == 0xc1 ? "a byte that MessagePack does not use" : "an extension type");
        return;
    }
}

static void write_item(reader *r, unsigned depth, bool is_key)
{
    uint8_t code = *take(r, 1);
    bool is_string = (code >= 0xa0 && code <= 0xbf) || (code >= 0xd9 && code <= 0xdb);
    if (r->problem) {
        return;
    }
    if (depth > MAX_DEPTH) {
        fail(r, "more than 512 levels of nesting");
    } else if (is_key && !is_string) {
        fail(r, "a map key that is not a string");
    } else if (code < 0x80) {
        fprintf(r->out, "%u", code);
    } else if (code < 0x90) {
        write_map(r, code & 0x0f, depth);
    } else if (code < 0xa0) {
        write_array(r, code & 0x0f, depth);
    } else if (code < 0xc0) {
        write_string(r, code & 0x1f);
    } else if (code < 0xe0) {
        write_coded(r, code, depth);
    } else {
        fprintf(r->out, "%d", (int)code - 256);
    }
}

const char *cli_write_msgpack(FILE *out, wsb_bytes data)
{
    reader r = {data.data, data.len, out, NULL};
    write_item(&r, 0, false);
    if (r.left) {
        fail(&r, "more than one value");
    }
    return r.problem;
}
