/* Bytes to numbers. Modules reach an engine validated, yet nothing is read unchecked. */
#include "pebble.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

wsb_engine_result pb_refuse(wsb_engine_failure *out, wsb_engine_result result, const char *text)
{
    snprintf(out->message, sizeof out->message, "%s", text);
    return result;
}

void pb_fail(pb_reader *r, wsb_engine_result result, const char *format, ...)
{
    char text[256];
    va_list arguments;
    if (r->result != WSB_ENGINE_OK)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    snprintf(r->failure->message, sizeof r->failure->message, "%s at offset 0x%zx", text,
             (size_t)(r->at - r->start));
    r->result = result;
    r->at = r->end; /* nothing more is read */
}

bool pb_ok(const pb_reader *r)
{
    return r->result == WSB_ENGINE_OK;
}

uint8_t pb_read_byte(pb_reader *r)
{
    if (r->at == r->end || !pb_ok(r)) {
        pb_fail(r, WSB_ENGINE_FAILED, "unexpected end");
        return 0;
    }
    return *r->at++;
}

uint64_t pb_read_unsigned(pb_reader *r, unsigned bits)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < bits; shift += 7) {
        uint8_t byte = pb_read_byte(r);
        if (bits - shift < 7 && byte >> (bits - shift))
            break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    pb_fail(r, WSB_ENGINE_FAILED, "a number is too long or too large");
    return 0;
}

uint32_t pb_read_u32(pb_reader *r)
{
    return (uint32_t)pb_read_unsigned(r, 32);
}

/* The bits of the last byte beyond `bits` must repeat the sign. */
static bool sign_is_repeated(uint8_t byte, unsigned used)
{
    int rest = (int8_t)(uint8_t)(byte << 1) >> used;
    return rest == 0 || rest == -1;
}

int64_t pb_read_signed(pb_reader *r, unsigned bits)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < bits; shift += 7) {
        uint8_t byte = pb_read_byte(r);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (bits - shift <= 7 && ((byte & 0x80) || !sign_is_repeated(byte, bits - shift)))
            break;
        if (byte & 0x80)
            continue;
        if ((byte & 0x40) && shift + 7 < 64)
            value |= UINT64_MAX << (shift + 7);
        return (int64_t)value;
    }
    pb_fail(r, WSB_ENGINE_FAILED, "a number is too long or too large");
    return 0;
}

wsb_bytes pb_read_bytes(pb_reader *r, uint32_t size)
{
    wsb_bytes bytes = {r->at, size};
    if (size > (size_t)(r->end - r->at) || !pb_ok(r)) {
        pb_fail(r, WSB_ENGINE_FAILED, "unexpected end");
        return (wsb_bytes){r->start, 0};
    }
    r->at += size;
    return bytes;
}

uint64_t pb_read_fixed(pb_reader *r, size_t size)
{
    uint64_t value = 0;
    wsb_bytes bytes = pb_read_bytes(r, (uint32_t)size);
    memcpy(&value, bytes.data, bytes.len);
    return value;
}

uint32_t pb_read_count(pb_reader *r)
{
    uint32_t count = pb_read_u32(r);
    if (count <= (size_t)(r->end - r->at))
        return count;
    pb_fail(r, WSB_ENGINE_FAILED, "a count is larger than what is left");
    return 0;
}

uint32_t pb_read_index(pb_reader *r, uint32_t limit, const char *what)
{
    uint32_t index = pb_read_u32(r);
    if (index < limit)
        return index;
    pb_fail(r, WSB_ENGINE_FAILED, "there is no %s %u", what, (unsigned)index);
    return 0;
}

wsb_value_type pb_read_type(pb_reader *r)
{
    uint8_t byte = pb_read_byte(r);
    switch (byte) {
    case 0x7f:
        return WSB_I32;
    case 0x7e:
        return WSB_I64;
    case 0x7d:
        return WSB_F32;
    case 0x7c:
        return WSB_F64;
    case 0x70:
        return WSB_FUNCREF;
    case 0x6f:
        return WSB_EXTERNREF;
    default:
        pb_fail(r, WSB_ENGINE_UNSUPPORTED_BY_ENGINE, "pebble has no type 0x%02x", (unsigned)byte);
        return WSB_I32;
    }
}

void *pb_read_list(pb_reader *r, size_t count, size_t size)
{
    void *list = pb_ok(r) ? calloc(count + 1, size) : NULL;
    if (!list)
        pb_fail(r, WSB_ENGINE_FAILED, "out of memory");
    return list;
}
