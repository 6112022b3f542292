/* Strings of JSON: what they mean, and how text is written as one. */
#include "communication/rpc/json_scan.h"
#include "core/buffer.h"

static uint32_t hex_digit(char c)
{
    return c <= '9' ? (uint32_t)(c - '0') : (uint32_t)((c | 0x20) - 'a' + 10);
}

static uint32_t hex_unit(const char *p)
{
    return hex_digit(p[0]) << 12 | hex_digit(p[1]) << 8 | hex_digit(p[2]) << 4 | hex_digit(p[3]);
}

static size_t put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t count = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = count - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3F));
    static const uint8_t leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    out[0] = (char)(leads[count] | c);
    return count;
}

/* One escape at `raw[*io_at]`, a backslash. Returns how many bytes it means. */
static size_t decode_escape(const char *raw, size_t *io_at, char *out)
{
    char c = raw[*io_at + 1];
    if (c != 'u') {
        static const char names[] = "bfnrt";
        static const char means[] = "\b\f\n\r\t";
        const char *name = strchr(names, c);
        out[0] = name ? means[name - names] : c;
        *io_at += 2;
        return 1;
    }
    uint32_t code = hex_unit(raw + *io_at + 2);
    *io_at += 6;
    if (code >= 0xD800 && code < 0xDC00) {
        code = 0x10000 + ((code - 0xD800) << 10) + (hex_unit(raw + *io_at + 2) - 0xDC00);
        *io_at += 6;
    }
    return put_utf8(out, code);
}

wsb_status wsb__json_decode(wsb_str raw, wsb_buf *out)
{
    /* What is decoded is never longer than what was written. */
    wsb_status status = wsb__buf_reserve(out, raw.len, WSB__STRUCTURED_MAX_BYTES);
    if (status != WSB_OK)
        return status;
    char *to = (char *)out->data + out->len;
    for (size_t i = 0; i < raw.len;) {
        if (raw.data[i] == '\\')
            to += decode_escape(raw.data, &i, to);
        else
            *to++ = raw.data[i++];
    }
    *to = '\0';
    out->len = (size_t)(to - (char *)out->data);
    return WSB_OK;
}

static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c != '"' && c != '\\';
}

static wsb_status quote_special(uint8_t c, wsb_buf *out, size_t max)
{
    if (c >= 0x20)
        return wsb__buf_append(out, (const char[]){'\\', (char)c}, 2, max);
    return wsb__buf_printf(out, max, "\\u%04x", c);
}

wsb_status wsb__json_quote(wsb_str text, wsb_buf *out, size_t max)
{
    wsb_status status = wsb__buf_append(out, "\"", 1, max);
    for (size_t i = 0; i < text.len && status == WSB_OK;) {
        size_t end = i;
        while (end < text.len && is_plain((uint8_t)text.data[end]))
            end++;
        status = wsb__buf_append(out, text.data + i, end - i, max);
        i = end;
        if (i < text.len && status == WSB_OK)
            status = quote_special((uint8_t)text.data[i++], out, max);
    }
    return status == WSB_OK ? wsb__buf_append(out, "\"", 1, max) : status;
}
