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
    r.end = wsb_guest_end_(data);
    return r;
}

/** Whether everything was read. */
static inline bool wsb_guest_msgpack_at_end(const wsb_guest_msgpack_reader *r)
{
    return r->at == r->end;
}

static inline int wsb_guest_msgpack_first_(const wsb_guest_msgpack_reader *r)
{
    return r->at < r->end ? *r->at : -1;
}

/* How many bytes there are behind the first one, which is there. */
static inline uint32_t wsb_guest_msgpack_rest_(const wsb_guest_msgpack_reader *r)
{
    return (uint32_t)(r->end - r->at) - 1;
}

/* The big-endian number of 1, 2, 4 or 8 bytes. */
static inline uint64_t wsb_guest_msgpack_number_(const uint8_t *at, uint32_t size)
{
    uint64_t eight;
    uint32_t four;
    uint16_t two;
    switch (size) {
    case 1:
        return *at;
    case 2:
        __builtin_memcpy(&two, at, 2);
        return __builtin_bswap16(two);
    case 4:
        __builtin_memcpy(&four, at, 4);
        return __builtin_bswap32(four);
    default:
        __builtin_memcpy(&eight, at, 8);
        return __builtin_bswap64(eight);
    }
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

/* A whole number of more than one byte, `rest` bytes behind its first. Gives the size of the whole;
 * 0: it is none, or does not fit. */
WSB_GUEST_APART_ uint32_t wsb_guest_msgpack_wide_int_(const uint8_t *at, uint32_t rest,
                                                      int64_t *out_number)
{
    uint32_t first = *at;
    if (first < 0xcc || first > 0xd3)
        return 0;
    bool has_sign = first >= 0xd0;
    uint32_t size = 1u << (first & 3);
    if (rest < size)
        return 0;
    uint64_t value = wsb_guest_msgpack_number_(at + 1, size);
    if (!has_sign && value > INT64_MAX)
        return 0;
    uint32_t unused = has_sign ? 64 - 8 * size : 0;
    *out_number = (int64_t)(value << unused) >> unused;
    return 1 + size;
}

/** A whole number that fits into 64 bits with a sign. */
static inline bool wsb_guest_msgpack_int(wsb_guest_msgpack_reader *r, int64_t *out_number)
{
    int64_t wide;
    if (r->at >= r->end)
        return false;
    int8_t first = (int8_t)*r->at;
    if (first >= -32) {
        *out_number = first;
        r->at++;
        return true;
    }
    uint32_t size = wsb_guest_msgpack_wide_int_(r->at, wsb_guest_msgpack_rest_(r), &wide);
    if (!size)
        return false;
    *out_number = wide;
    r->at += size;
    return true;
}

/** A real number of 32 or 64 bits. */
static inline bool wsb_guest_msgpack_real(wsb_guest_msgpack_reader *r, double *out_number)
{
    int first = wsb_guest_msgpack_first_(r);
    uint32_t size = first == 0xca ? 4 : 8;
    if ((first != 0xca && first != 0xcb) || wsb_guest_msgpack_rest_(r) < size)
        return false;
    uint64_t bits = wsb_guest_msgpack_number_(r->at + 1, size);
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

/* The size in a head of more than one byte, as the following. Gives the head's own size; 0: it is
 * none. */
WSB_GUEST_APART_ uint32_t wsb_guest_msgpack_wide_head_(const uint8_t *at, uint32_t rest,
                                                       uint32_t base, uint32_t first_width,
                                                       uint32_t *out_size)
{
    uint32_t widths = first_width == 1 ? 3 : 2;
    if (*at < base || *at >= base + widths)
        return 0;
    uint32_t width = first_width << (*at - base);
    if (rest < width)
        return 0;
    *out_size = (uint32_t)wsb_guest_msgpack_number_(at + 1, width);
    return 1 + width;
}

/* Takes the head of a value that has a size of `base` + i, 2^i bytes, in front, or `fix` with the
 * size inside. */
static inline bool wsb_guest_msgpack_head_(wsb_guest_msgpack_reader *r, uint32_t fix,
                                           uint32_t fix_count, uint32_t base, uint32_t first_width,
                                           uint32_t *out_size)
{
    uint32_t size;
    if (r->at >= r->end)
        return false;
    if (*r->at - fix < fix_count) {
        *out_size = *r->at - fix;
        r->at++;
        return true;
    }
    uint32_t head =
        wsb_guest_msgpack_wide_head_(r->at, wsb_guest_msgpack_rest_(r), base, first_width, &size);
    if (!head)
        return false;
    *out_size = size;
    r->at += head;
    return true;
}

/* Takes a head, as before, and so many bytes. */
static inline bool wsb_guest_msgpack_bytes_(wsb_guest_msgpack_reader *r, uint32_t fix,
                                            uint32_t fix_count, uint32_t base,
                                            wsb_guest_bytes *out_bytes)
{
    uint32_t size;
    wsb_guest_msgpack_reader in = *r;
    if (!wsb_guest_msgpack_head_(&in, fix, fix_count, base, 1, &size) ||
        size > (uint32_t)(in.end - in.at))
        return false;
    out_bytes->data = in.at;
    out_bytes->len = size;
    r->at = in.at + size;
    return true;
}

/** Text. Borrowed from what is read; not checked to be UTF-8 (the host does). */
static inline bool wsb_guest_msgpack_text(wsb_guest_msgpack_reader *r, wsb_guest_bytes *out_text)
{
    return wsb_guest_msgpack_bytes_(r, 0xa0, 32, 0xd9, out_text);
}

/** Bytes. Borrowed from what is read. */
static inline bool wsb_guest_msgpack_binary(wsb_guest_msgpack_reader *r, wsb_guest_bytes *out_bytes)
{
    return wsb_guest_msgpack_bytes_(r, 0, 0, 0xc4, out_bytes);
}

/** The head of an array: so many values follow. The count is the writer's word: more than are
 * there makes a later read fail. */
static inline bool wsb_guest_msgpack_array(wsb_guest_msgpack_reader *r, uint32_t *out_count)
{
    return wsb_guest_msgpack_head_(r, 0x90, 16, 0xdc, 2, out_count);
}

/** The head of a map: so many pairs, each a key and a value, follow. */
static inline bool wsb_guest_msgpack_map(wsb_guest_msgpack_reader *r, uint32_t *out_count)
{
    return wsb_guest_msgpack_head_(r, 0x80, 16, 0xde, 2, out_count);
}

/* What stands behind a first byte of 0xc0 to 0xdf: so many bytes (the lower five bits), which are a
 * number of what follows, or nothing more. */
enum {
    WSB_GUEST_MSGPACK_ALONE_ = 0 << 5,
    WSB_GUEST_MSGPACK_DATA_ = 1 << 5,
    WSB_GUEST_MSGPACK_EXTENSION_ = 2 << 5, /* a byte with its type, and data */
    WSB_GUEST_MSGPACK_VALUES_ = 3 << 5,
    WSB_GUEST_MSGPACK_PAIRS_ = 4 << 5,
    WSB_GUEST_MSGPACK_NEVER_ = 31 /* also more bytes than any has */
};

static inline uint8_t wsb_guest_msgpack_behind_(uint8_t first)
{
    enum {
        DATA = WSB_GUEST_MSGPACK_DATA_,
        EXTENSION = WSB_GUEST_MSGPACK_EXTENSION_,
        VALUES = WSB_GUEST_MSGPACK_VALUES_,
        PAIRS = WSB_GUEST_MSGPACK_PAIRS_,
        NEVER = WSB_GUEST_MSGPACK_NEVER_
    };
    static const uint8_t behind[32] = {
        0,
        NEVER,
        0,
        0, /* nil, false, true */
        DATA | 1,
        DATA | 2,
        DATA | 4,
        EXTENSION | 1,
        EXTENSION | 2,
        EXTENSION | 4,
        4,
        8, /* real */
        1,
        2,
        4,
        8,
        1,
        2,
        4,
        8, /* whole numbers */
        2,
        3,
        5,
        9,
        17,
        DATA | 1,
        DATA | 2,
        DATA | 4, /* extensions, text */
        VALUES | 2,
        VALUES | 4,
        PAIRS | 2,
        PAIRS | 4,
    };
    return behind[first & 31];
}

/* Takes a value of 0xc0 to 0xdf, `rest` bytes behind its first, without what is inside of it. Gives
 * where it ends; NULL: it is not all there or no type. */
WSB_GUEST_APART_ const uint8_t *wsb_guest_msgpack_wide_(const uint8_t *at, uint32_t rest,
                                                        uint64_t *out_more)
{
    uint32_t behind = wsb_guest_msgpack_behind_(*at);
    uint32_t width = behind & 31;
    uint32_t kind = behind & ~31u;
    *out_more = 0;
    if (behind == WSB_GUEST_MSGPACK_NEVER_ || rest < width)
        return 0;
    if (kind == WSB_GUEST_MSGPACK_ALONE_)
        return at + 1 + width;
    uint64_t size = wsb_guest_msgpack_number_(at + 1, width);
    if (kind >= WSB_GUEST_MSGPACK_VALUES_) {
        *out_more = kind == WSB_GUEST_MSGPACK_PAIRS_ ? size * 2 : size;
        return at + 1 + width;
    }
    size += kind == WSB_GUEST_MSGPACK_EXTENSION_;
    return size > rest - width ? 0 : at + 1 + width + (uint32_t)size;
}

/* Where the value at `at` ends; NULL: it is not well-formed. */
WSB_GUEST_HOT_ const uint8_t *wsb_guest_msgpack_after_(const uint8_t *at, const uint8_t *end)
{
    /* Each value has a byte at least: no count can make this long. */
    for (uint64_t left = 1; left > 0; left--) {
        if (at >= end)
            return 0;
        uint32_t first = *at++;
        if (first < 0x80 || first >= 0xe0)
            continue;
        if (first >= 0xc0) {
            uint64_t more;
            at = wsb_guest_msgpack_wide_(at - 1, (uint32_t)(end - at), &more);
            if (!at)
                return 0;
            left += more;
        } else if (first >= 0xa0) { /* text */
            if ((first & 31) > (uint32_t)(end - at))
                return 0;
            at += first & 31;
        } else {
            left += first < 0x90 ? (first & 15) * 2 : first & 15;
        }
    }
    return at;
}

WSB_GUEST_APART_ const uint8_t *wsb_guest_msgpack_after_any_(const uint8_t *at, const uint8_t *end)
{
    return wsb_guest_msgpack_after_(at, end);
}

/** Takes a whole value of any type. False where it is not well-formed; nothing is taken then. */
static inline bool wsb_guest_msgpack_skip(wsb_guest_msgpack_reader *r, wsb_guest_bytes *out_value)
{
    const uint8_t *after = wsb_guest_msgpack_after_any_(r->at, r->end);
    if (!after)
        return false;
    if (out_value) {
        out_value->data = r->at;
        out_value->len = (uint32_t)(after - r->at);
    }
    r->at = after;
    return true;
}

/* --- writing: each appends, and gives false when out of memory --- */

/* A first byte, and `size` bytes of a number behind it. */
WSB_GUEST_APART_ bool wsb_guest_msgpack_put_(wsb_guest_buffer *buffer, uint8_t first,
                                             uint64_t value, uint32_t size)
{
    uint8_t bytes[9];
    bytes[0] = first;
    for (uint32_t i = 0; i < size; i++)
        bytes[1 + i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    return wsb_guest_buffer_append(buffer, bytes, 1 + size);
}

static inline bool wsb_guest_msgpack_put_byte_(wsb_guest_buffer *buffer, uint8_t byte)
{
    if (!buffer->data || buffer->len >= buffer->capacity)
        return wsb_guest_msgpack_put_(buffer, byte, 0, 0);
    uint8_t *at = buffer->data + buffer->len++;
    at[0] = byte;
    at[1] = 0;
    return true;
}

/** nil. */
static inline bool wsb_guest_msgpack_write_nil(wsb_guest_buffer *buffer)
{
    return wsb_guest_msgpack_put_byte_(buffer, 0xc0);
}

/** true or false. */
static inline bool wsb_guest_msgpack_write_bool(wsb_guest_buffer *buffer, bool flag)
{
    return wsb_guest_msgpack_put_byte_(buffer, flag ? 0xc3 : 0xc2);
}

/* Whether a number takes more than `bits` bits. */
static inline bool wsb_guest_msgpack_exceeds_(int64_t number, uint32_t bits)
{
    if (number < 0)
        return (uint64_t)~number >> (bits - 1) != 0;
    return (uint64_t)number >> bits != 0;
}

WSB_GUEST_APART_ bool wsb_guest_msgpack_write_wide_(wsb_guest_buffer *buffer, int64_t number)
{
    uint32_t size = 0;
    while (size < 3 && wsb_guest_msgpack_exceeds_(number, 8u << size))
        size++;
    return wsb_guest_msgpack_put_(buffer, (uint8_t)((number < 0 ? 0xd0 : 0xcc) + size),
                                  (uint64_t)number, 1u << size);
}

/** A whole number, in the fewest bytes. */
static inline bool wsb_guest_msgpack_write_int(wsb_guest_buffer *buffer, int64_t number)
{
    return number >= -32 && number < 128 ? wsb_guest_msgpack_put_byte_(buffer, (uint8_t)number)
                                         : wsb_guest_msgpack_write_wide_(buffer, number);
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
    bool head = text.len < 32 ? wsb_guest_msgpack_put_byte_(buffer, (uint8_t)(0xa0 | text.len))
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
    return count < 16 ? wsb_guest_msgpack_put_byte_(buffer, (uint8_t)(0x90 | count))
                      : wsb_guest_msgpack_size_(buffer, 0xdc, 2, count);
}

/** The head of a map; write so many keys, each with its value, after it. */
static inline bool wsb_guest_msgpack_write_map(wsb_guest_buffer *buffer, uint32_t count)
{
    return count < 16 ? wsb_guest_msgpack_put_byte_(buffer, (uint8_t)(0x80 | count))
                      : wsb_guest_msgpack_size_(buffer, 0xde, 2, count);
}

#endif
