/**
 * @file wasm_sandbox_guest_msgpack.h
 * For guests in C: reading and writing MessagePack without a C library and without allocating for
 * what is read.
 *
 *     wsb_guest_msgpack_reader reader = wsb_guest_msgpack_read(input);
 *     int64_t count;
 *     if (wsb_guest_msgpack_int(&reader, &count))
 *         …
 *
 * A reader stands before a value. Each function takes the value if it is of that type; else it
 * gives false and the reader stays. wsb_guest_msgpack_skip() takes any.
 */
#ifndef WASM_SANDBOX_GUEST_MSGPACK_H
#define WASM_SANDBOX_GUEST_MSGPACK_H

#include <wasm_sandbox_guest_buffer.h>

/** Where a message is being read. */
typedef struct wsb_guest_msgpack_reader {
    const uint8_t *at;
    const uint8_t *end;
} wsb_guest_msgpack_reader;

/** Stands before the first value. */
static inline wsb_guest_msgpack_reader wsb_guest_msgpack_read(wsb_guest_bytes data)
{
    wsb_guest_msgpack_reader r;
    r.at = data.data;
    r.end = data.data + data.len;
    return r;
}

/** Whether everything was read. */
static inline bool wsb_guest_msgpack_at_end(const wsb_guest_msgpack_reader *r)
{
    return r->at == r->end;
}

/* The big-endian number of `size` bytes behind the first one; false where it is not all there. */
static inline bool wsb_guest_msgpack_number_(const wsb_guest_msgpack_reader *r, uint32_t size,
                                             uint64_t *out)
{
    if ((uint32_t)(r->end - r->at) <= size)
        return false;
    *out = 0;
    for (uint32_t i = 1; i <= size; i++)
        *out = *out << 8 | r->at[i];
    return true;
}

static inline int wsb_guest_msgpack_first_(const wsb_guest_msgpack_reader *r)
{
    return r->at < r->end ? *r->at : -1;
}

/** nil. */
static inline bool wsb_guest_msgpack_nil(wsb_guest_msgpack_reader *r)
{
    if (wsb_guest_msgpack_first_(r) != 0xc0)
        return false;
    r->at++;
    return true;
}

/** true or false. */
static inline bool wsb_guest_msgpack_bool(wsb_guest_msgpack_reader *r, bool *out_flag)
{
    int first = wsb_guest_msgpack_first_(r);
    if (first != 0xc2 && first != 0xc3)
        return false;
    *out_flag = first == 0xc3;
    r->at++;
    return true;
}

/** A whole number that fits into 64 bits with a sign. */
static inline bool wsb_guest_msgpack_int(wsb_guest_msgpack_reader *r, int64_t *out_number)
{
    int first = wsb_guest_msgpack_first_(r);
    uint64_t value = 0;
    if (first >= 0 && (first < 0x80 || first >= 0xe0)) {
        *out_number = first < 0x80 ? first : first - 256;
        r->at++;
        return true;
    }
    if (first < 0xcc || first > 0xd3)
        return false;
    bool has_sign = first >= 0xd0;
    uint32_t size = 1u << (first - (has_sign ? 0xd0 : 0xcc));
    if (!wsb_guest_msgpack_number_(r, size, &value) || (!has_sign && value > INT64_MAX))
        return false;
    uint32_t unused = has_sign ? 64 - 8 * size : 0;
    *out_number = (int64_t)(value << unused) >> unused;
    r->at += 1 + size;
    return true;
}

/** A real number of 32 or 64 bits. */
static inline bool wsb_guest_msgpack_real(wsb_guest_msgpack_reader *r, double *out_number)
{
    int first = wsb_guest_msgpack_first_(r);
    uint64_t bits = 0;
    uint32_t size = first == 0xca ? 4 : 8;
    if ((first != 0xca && first != 0xcb) || !wsb_guest_msgpack_number_(r, size, &bits))
        return false;
    if (size == 4) {
        uint32_t bits32 = (uint32_t)bits;
        float number;
        __builtin_memcpy(&number, &bits32, 4);
        *out_number = (double)number;
    } else {
        __builtin_memcpy(out_number, &bits, 8);
    }
    r->at += 1 + size;
    return true;
}

/* A value that has a size of `base` + i, 2^i bytes, in front, or `fix` with the size inside. */
static inline bool wsb_guest_msgpack_head_(const wsb_guest_msgpack_reader *r, int fix, int fix_last,
                                           int base, int first_width, uint64_t *out_size,
                                           uint32_t *out_head)
{
    int first = wsb_guest_msgpack_first_(r);
    if (first >= fix && first <= fix_last) {
        *out_size = (uint64_t)(first - fix);
        *out_head = 1;
        return true;
    }
    int widths = first_width == 1 ? 3 : 2;
    if (first < base || first >= base + widths)
        return false;
    uint32_t width = (uint32_t)first_width << (first - base);
    *out_head = 1 + width;
    return wsb_guest_msgpack_number_(r, width, out_size);
}

static inline bool wsb_guest_msgpack_bytes_(wsb_guest_msgpack_reader *r, uint32_t head,
                                            uint64_t size, wsb_guest_bytes *out_bytes)
{
    if (size > (uint64_t)(r->end - r->at) - head)
        return false;
    out_bytes->data = r->at + head;
    out_bytes->len = (uint32_t)size;
    r->at += head + size;
    return true;
}

/** Text. Borrowed from what is read; not checked to be UTF-8 (the host does). */
static inline bool wsb_guest_msgpack_text(wsb_guest_msgpack_reader *r, wsb_guest_bytes *out_text)
{
    uint64_t size;
    uint32_t head;
    return wsb_guest_msgpack_head_(r, 0xa0, 0xbf, 0xd9, 1, &size, &head) &&
           wsb_guest_msgpack_bytes_(r, head, size, out_text);
}

/** Bytes. Borrowed from what is read. */
static inline bool wsb_guest_msgpack_binary(wsb_guest_msgpack_reader *r, wsb_guest_bytes *out_bytes)
{
    uint64_t size;
    uint32_t head;
    return wsb_guest_msgpack_head_(r, 1, 0, 0xc4, 1, &size, &head) &&
           wsb_guest_msgpack_bytes_(r, head, size, out_bytes);
}

/** The head of an array: so many values follow. The count is the writer's word: more than are
 * there makes a later read fail. */
static inline bool wsb_guest_msgpack_array(wsb_guest_msgpack_reader *r, uint32_t *out_count)
{
    uint64_t count;
    uint32_t head;
    if (!wsb_guest_msgpack_head_(r, 0x90, 0x9f, 0xdc, 2, &count, &head))
        return false;
    *out_count = (uint32_t)count;
    r->at += head;
    return true;
}

/** The head of a map: so many pairs, each a key and a value, follow. */
static inline bool wsb_guest_msgpack_map(wsb_guest_msgpack_reader *r, uint32_t *out_count)
{
    uint64_t count;
    uint32_t head;
    if (!wsb_guest_msgpack_head_(r, 0x80, 0x8f, 0xde, 2, &count, &head))
        return false;
    *out_count = (uint32_t)count;
    r->at += head;
    return true;
}

/* Takes an extension of any type and size. */
static inline bool wsb_guest_msgpack_extension_(wsb_guest_msgpack_reader *r, int first)
{
    wsb_guest_bytes bytes;
    uint64_t size;
    if (first >= 0xd4 && first <= 0xd8)
        return wsb_guest_msgpack_bytes_(r, 2, 1u << (first - 0xd4), &bytes);
    if (first < 0xc7 || first > 0xc9)
        return false;
    uint32_t width = 1u << (first - 0xc7);
    return wsb_guest_msgpack_number_(r, width, &size) &&
           wsb_guest_msgpack_bytes_(r, 1 + width, size + 1, &bytes);
}

/* Takes a value that has no others inside. */
static inline bool wsb_guest_msgpack_single_(wsb_guest_msgpack_reader *r, int first)
{
    wsb_guest_bytes bytes;
    int64_t number;
    double real;
    bool flag;
    if (first == 0xcf && (uint32_t)(r->end - r->at) > 8) { /* may be too large for int */
        r->at += 9;
        return true;
    }
    return wsb_guest_msgpack_nil(r) || wsb_guest_msgpack_bool(r, &flag) ||
           wsb_guest_msgpack_int(r, &number) || wsb_guest_msgpack_real(r, &real) ||
           wsb_guest_msgpack_text(r, &bytes) || wsb_guest_msgpack_binary(r, &bytes) ||
           wsb_guest_msgpack_extension_(r, first);
}

/* Takes a value without what is inside of it; false where it is not all there or no type. */
static inline bool wsb_guest_msgpack_shallow_(wsb_guest_msgpack_reader *r, uint64_t *io_more)
{
    uint32_t count;
    int first = wsb_guest_msgpack_first_(r);
    if (first >= 0 && (first < 0x80 || first >= 0xe0)) { /* a small number: the most frequent */
        r->at++;
        return true;
    }
    if (wsb_guest_msgpack_array(r, &count)) {
        *io_more += count;
        return true;
    }
    if (wsb_guest_msgpack_map(r, &count)) {
        *io_more += (uint64_t)count * 2;
        return true;
    }
    return wsb_guest_msgpack_single_(r, first);
}

/** Takes a whole value of any type. False where it is not well-formed; nothing is taken then. */
static inline bool wsb_guest_msgpack_skip(wsb_guest_msgpack_reader *r, wsb_guest_bytes *out_value)
{
    wsb_guest_msgpack_reader start = *r;
    for (uint64_t left = 1; left > 0; left--) {
        /* Each value has a byte at least: no count can make this long. */
        if (!wsb_guest_msgpack_shallow_(r, &left)) {
            *r = start;
            return false;
        }
    }
    if (out_value) {
        out_value->data = start.at;
        out_value->len = (uint32_t)(r->at - start.at);
    }
    return true;
}

/* --- writing: each appends, and gives false when out of memory --- */

static inline bool wsb_guest_msgpack_put_(wsb_guest_buffer *buffer, uint8_t first, uint64_t value,
                                          uint32_t size)
{
    uint8_t bytes[9];
    if (size == 0 && buffer->data && buffer->len < buffer->capacity) {
        buffer->data[buffer->len++] = first;
        buffer->data[buffer->len] = 0;
        return true;
    }
    bytes[0] = first;
    for (uint32_t i = 0; i < size; i++)
        bytes[1 + i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    return wsb_guest_buffer_append(buffer, bytes, 1 + size);
}

/** nil. */
static inline bool wsb_guest_msgpack_write_nil(wsb_guest_buffer *buffer)
{
    return wsb_guest_msgpack_put_(buffer, 0xc0, 0, 0);
}

/** true or false. */
static inline bool wsb_guest_msgpack_write_bool(wsb_guest_buffer *buffer, bool flag)
{
    return wsb_guest_msgpack_put_(buffer, flag ? 0xc3 : 0xc2, 0, 0);
}

/* Whether a number takes more than `bits` bits. */
static inline bool wsb_guest_msgpack_exceeds_(int64_t number, uint32_t bits)
{
    if (number < 0)
        return (uint64_t)~number >> (bits - 1) != 0;
    return (uint64_t)number >> bits != 0;
}

/** A whole number, in the fewest bytes. */
static inline bool wsb_guest_msgpack_write_int(wsb_guest_buffer *buffer, int64_t number)
{
    uint32_t size = 0;
    if (number >= -32 && number < 128)
        return wsb_guest_msgpack_put_(buffer, (uint8_t)number, 0, 0);
    while (size < 3 && wsb_guest_msgpack_exceeds_(number, 8u << size))
        size++;
    return wsb_guest_msgpack_put_(buffer, (uint8_t)((number < 0 ? 0xd0 : 0xcc) + size),
                                  (uint64_t)number, 1u << size);
}

/** A real number of 64 bits. */
static inline bool wsb_guest_msgpack_write_real(wsb_guest_buffer *buffer, double number)
{
    uint64_t bits;
    __builtin_memcpy(&bits, &number, 8);
    return wsb_guest_msgpack_put_(buffer, 0xcb, bits, 8);
}

static inline bool wsb_guest_msgpack_size_(wsb_guest_buffer *buffer, uint8_t base,
                                           uint32_t first_width, uint32_t size)
{
    uint32_t width = first_width;
    uint32_t step = 0;
    while (width < 4 && size >> (8 * width)) {
        width *= 2;
        step++;
    }
    return wsb_guest_msgpack_put_(buffer, (uint8_t)(base + step), size, width);
}

/** Text, which must be UTF-8. */
static inline bool wsb_guest_msgpack_write_text(wsb_guest_buffer *buffer, wsb_guest_bytes text)
{
    bool head = text.len < 32 ? wsb_guest_msgpack_put_(buffer, (uint8_t)(0xa0 | text.len), 0, 0)
                              : wsb_guest_msgpack_size_(buffer, 0xd9, 1, text.len);
    return head && wsb_guest_buffer_append(buffer, text.data, text.len);
}

/** Bytes. */
static inline bool wsb_guest_msgpack_write_binary(wsb_guest_buffer *buffer, wsb_guest_bytes bytes)
{
    return wsb_guest_msgpack_size_(buffer, 0xc4, 1, bytes.len) &&
           wsb_guest_buffer_append(buffer, bytes.data, bytes.len);
}

/** The head of an array; write so many values after it. */
static inline bool wsb_guest_msgpack_write_array(wsb_guest_buffer *buffer, uint32_t count)
{
    return count < 16 ? wsb_guest_msgpack_put_(buffer, (uint8_t)(0x90 | count), 0, 0)
                      : wsb_guest_msgpack_size_(buffer, 0xdc, 2, count);
}

/** The head of a map; write so many keys, each with its value, after it. */
static inline bool wsb_guest_msgpack_write_map(wsb_guest_buffer *buffer, uint32_t count)
{
    return count < 16 ? wsb_guest_msgpack_put_(buffer, (uint8_t)(0x80 | count), 0, 0)
                      : wsb_guest_msgpack_size_(buffer, 0xde, 2, count);
}

#endif
