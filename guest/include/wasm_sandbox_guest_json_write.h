/**
 * @file wasm_sandbox_guest_json_write.h
 * For guests in C: writing JSON into a buffer. Included by wasm_sandbox_guest_rpc.h.
 *
 * Each appends and gives false when out of memory; commas, colons and brackets are the caller's,
 * with wsb_guest_buffer_text().
 */
#ifndef WASM_SANDBOX_GUEST_JSON_WRITE_H
#define WASM_SANDBOX_GUEST_JSON_WRITE_H

#include <wasm_sandbox_guest_buffer.h>

/** A whole number. */
static inline bool wsb_guest_json_write_int(wsb_guest_buffer *buffer, int64_t number)
{
    uint8_t text[20];
    uint32_t at = sizeof text;
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do {
        text[--at] = (uint8_t)('0' + left % 10);
        left /= 10;
    } while (left);
    if (number < 0)
        text[--at] = '-';
    return wsb_guest_buffer_append(buffer, text + at, (uint32_t)sizeof text - at);
}

/** A string, escaped and in quotes. The bytes must be UTF-8. */
static inline bool wsb_guest_json_write_string(wsb_guest_buffer *buffer, wsb_guest_bytes text)
{
    static const char hex[] = "0123456789abcdef";
    bool good = wsb_guest_buffer_append(buffer, "\"", 1);
    for (uint32_t i = 0; good && i < text.len; i++) {
        uint8_t c = text.data[i];
        char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4 & 15], hex[c & 15]};
        if (c == '"' || c == '\\') {
            escape[1] = (char)c;
            good = wsb_guest_buffer_append(buffer, escape, 2);
        } else if (c < 0x20) {
            good = wsb_guest_buffer_append(buffer, escape, 6);
        } else {
            good = wsb_guest_buffer_append(buffer, &c, 1);
        }
    }
    return good && wsb_guest_buffer_append(buffer, "\"", 1);
}

#endif
