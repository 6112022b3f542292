/**
 * @file wasm_sandbox_guest_buffer.h
 * For guests in C: what the other headers share: growing buffers, UTF-8, errors, answers. Included
 * by them.
 */
#ifndef WASM_SANDBOX_GUEST_BUFFER_H
#define WASM_SANDBOX_GUEST_BUFFER_H

#include <stdbool.h>

#include <wasm_sandbox_guest.h>

/* What is seldom needed stays out of what is hot, where it would take the registers away; a call
 * costs a check of the stack and one of the deadline, so what is hot is one piece. */
#define WSB_GUEST_APART_ static __attribute__((noinline, unused))
#define WSB_GUEST_HOT_ static inline __attribute__((always_inline))

/** What the functions of these headers return: 0, or one of these. Those to -9 are the host's; see
 * docs/internals/guest-abi.md. */
typedef enum wsb_guest_status {
    WSB_GUEST_OK = 0,
    WSB_GUEST_INVALID = -1,     /**< an argument is wrong */
    WSB_GUEST_NOT_FOUND = -2,   /**< the host has granted nothing of that name */
    WSB_GUEST_WOULD_BLOCK = -3, /**< not now, and the timeout is 0 */
    WSB_GUEST_TIMED_OUT = -4,
    WSB_GUEST_CLOSED = -5,
    WSB_GUEST_TOO_LARGE = -6, /**< larger than what can ever go through */
    WSB_GUEST_NO_ROOM = -7,   /**< the host has no more handles or memory for this guest */
    WSB_GUEST_IO = -8,
    WSB_GUEST_MALFORMED = -9,
    WSB_GUEST_NO_MEMORY = -10, /**< the guest itself is out of memory */
    WSB_GUEST_REMOTE = -11     /**< the other side reported an error: it has a code and a message */
} wsb_guest_status;

/** A short text for a status. Static. */
static inline const char *wsb_guest_status_text(int status)
{
    switch (status) {
    case WSB_GUEST_OK:
        return "success";
    case WSB_GUEST_INVALID:
        return "invalid argument";
    case WSB_GUEST_NOT_FOUND:
        return "not granted by the host";
    case WSB_GUEST_WOULD_BLOCK:
        return "would block";
    case WSB_GUEST_TIMED_OUT:
        return "timed out";
    case WSB_GUEST_CLOSED:
        return "closed";
    case WSB_GUEST_TOO_LARGE:
        return "too large";
    case WSB_GUEST_NO_ROOM:
        return "the host has no room";
    case WSB_GUEST_IO:
        return "input/output error";
    case WSB_GUEST_MALFORMED:
        return "malformed data";
    case WSB_GUEST_NO_MEMORY:
        return "the guest is out of memory";
    case WSB_GUEST_REMOTE:
        return "the other side reported an error";
    default:
        return "unknown error";
    }
}

/**
 * Bytes that grow. Start from `WSB_GUEST_BUFFER_INIT`; release with wsb_guest_buffer_free().
 * `data[len]` is always a NUL that `len` does not count; `data` is NULL while nothing was put in.
 */
typedef struct wsb_guest_buffer {
    uint8_t *data;
    uint32_t len;
    uint32_t capacity; /**< private */
} wsb_guest_buffer;

/** Nothing. */
#define WSB_GUEST_BUFFER_INIT {0, 0, 0}

/** Releases what it holds and empties it. */
static inline void wsb_guest_buffer_free(wsb_guest_buffer *buffer)
{
    if (buffer->data)
        wsb_free(buffer->data, buffer->capacity + 1);
    buffer->data = 0;
    buffer->len = buffer->capacity = 0;
}

/* Empties it and keeps its memory. */
static inline void wsb_guest_buffer_clear_(wsb_guest_buffer *buffer)
{
    buffer->len = 0;
    if (buffer->data)
        buffer->data[0] = 0;
}

/* Moves to larger memory. */
WSB_GUEST_APART_ bool wsb_guest_buffer_grow_(wsb_guest_buffer *buffer, uint32_t capacity)
{
    uint64_t wanted = (uint64_t)buffer->capacity * 2;
    if (wanted < capacity)
        wanted = capacity;
    if (wanted < 64)
        wanted = 64;
    if (wanted > 0x7fffffff)
        wanted = capacity;
    uint8_t *data = capacity < 0x7fffffff ? (uint8_t *)wsb_alloc((uint32_t)wanted + 1) : 0;
    if (!data)
        return false;
    uint32_t len = buffer->len;
    if (len)
        __builtin_memcpy(data, buffer->data, len);
    data[len] = 0;
    wsb_guest_buffer_free(buffer);
    buffer->data = data;
    buffer->len = len;
    buffer->capacity = (uint32_t)wanted;
    return true;
}

/** Makes room for `capacity` bytes in all; what it holds stays. False: out of memory. */
static inline bool wsb_guest_buffer_reserve(wsb_guest_buffer *buffer, uint32_t capacity)
{
    return (buffer->data && capacity <= buffer->capacity) ||
           wsb_guest_buffer_grow_(buffer, capacity);
}

/* Where `len` more bytes can be written; they and their NUL are the caller's to write and to
 * count. NULL: out of memory. */
WSB_GUEST_HOT_ uint8_t *wsb_guest_buffer_room_(wsb_guest_buffer *buffer, uint64_t len)
{
    if (buffer->data && buffer->len + len <= buffer->capacity)
        return buffer->data + buffer->len;
    if (len > 0x7fffffff - buffer->len ||
        !wsb_guest_buffer_grow_(buffer, buffer->len + (uint32_t)len))
        return 0;
    return buffer->data + buffer->len;
}

/* Copies memory that does not overlap. Most is short, and a call of memcpy() dearer than that. */
WSB_GUEST_HOT_ uint8_t *wsb_guest_put_(uint8_t *to, const uint8_t *from, uint32_t len)
{
    uint64_t head8, tail8;
    uint32_t head4, tail4;
    if (len > 16) {
        __builtin_memcpy(to, from, len);
    } else if (len >= 8) {
        __builtin_memcpy(&head8, from, 8);
        __builtin_memcpy(&tail8, from + len - 8, 8);
        __builtin_memcpy(to, &head8, 8);
        __builtin_memcpy(to + len - 8, &tail8, 8);
    } else if (len >= 4) {
        __builtin_memcpy(&head4, from, 4);
        __builtin_memcpy(&tail4, from + len - 4, 4);
        __builtin_memcpy(to, &head4, 4);
        __builtin_memcpy(to + len - 4, &tail4, 4);
    } else if (len) {
        uint8_t middle = from[len / 2];
        uint8_t last = from[len - 1];
        to[0] = from[0];
        to[len / 2] = middle;
        to[len - 1] = last;
    }
    return to + len;
}

/** Appends bytes. False: out of memory, and nothing is appended. */
static inline bool wsb_guest_buffer_append(wsb_guest_buffer *buffer, const void *data, uint32_t len)
{
    uint8_t *room = wsb_guest_buffer_room_(buffer, len);
    if (!room)
        return false;
    wsb_guest_put_(room, (const uint8_t *)data, len)[0] = 0;
    buffer->len += len;
    return true;
}

/** Bytes of a terminated text, without its terminator. */
static inline wsb_guest_bytes wsb_guest_text(const char *text)
{
    wsb_guest_bytes bytes;
    bytes.data = (const uint8_t *)text;
    bytes.len = 0;
    while (text && text[bytes.len])
        bytes.len++;
    return bytes;
}

/** A view of what a buffer holds. */
static inline wsb_guest_bytes wsb_guest_view(const wsb_guest_buffer *buffer)
{
    wsb_guest_bytes bytes;
    bytes.data = buffer->data;
    bytes.len = buffer->len;
    return bytes;
}

enum { WSB_GUEST_BUFFER_KEPT_ = 65536, WSB_GUEST_SPARE_MAX_ = 4 };

/* Buffers that are used again: memory for each call is dear. */
typedef struct wsb_guest_spare_ {
    wsb_guest_buffer buffers[WSB_GUEST_SPARE_MAX_];
    uint32_t count;
} wsb_guest_spare_;

/* An empty buffer, which is the caller's until it gives it back, or frees it. */
WSB_GUEST_HOT_ wsb_guest_buffer wsb_guest_spare_take_(wsb_guest_spare_ *spare)
{
    wsb_guest_buffer buffer = WSB_GUEST_BUFFER_INIT;
    if (spare->count) {
        buffer = spare->buffers[--spare->count];
        buffer.len = 0;
        buffer.data[0] = 0;
    }
    return buffer;
}

/* Large ones are not kept. */
WSB_GUEST_HOT_ void wsb_guest_spare_give_(wsb_guest_spare_ *spare, wsb_guest_buffer *buffer)
{
    if (buffer->data && buffer->capacity <= WSB_GUEST_BUFFER_KEPT_ &&
        spare->count < WSB_GUEST_SPARE_MAX_)
        spare->buffers[spare->count++] = *buffer;
    else
        wsb_guest_buffer_free(buffer);
}

static inline void wsb_guest_spare_free_(wsb_guest_spare_ *spare)
{
    while (spare->count)
        wsb_guest_buffer_free(&spare->buffers[--spare->count]);
}

/** Appends terminated text. */
static inline bool wsb_guest_buffer_text(wsb_guest_buffer *buffer, const char *text)
{
    return wsb_guest_buffer_append(buffer, text, wsb_guest_text(text).len);
}

/* Behind the last byte. Behind NULL there is no place, not even for no bytes. */
static inline const uint8_t *wsb_guest_end_(wsb_guest_bytes bytes)
{
    return bytes.len ? bytes.data + bytes.len : bytes.data;
}

/** Whether the bytes are this terminated text. */
static inline bool wsb_guest_is(wsb_guest_bytes bytes, const char *text)
{
    const uint8_t *at = bytes.data;
    for (const uint8_t *end = wsb_guest_end_(bytes); at < end; at++, text++) {
        if (!*text || (uint8_t)*text != *at)
            return false;
    }
    return !*text;
}

/* How long the sequence is that begins with this byte; 0: none does. */
static inline uint32_t wsb_guest_utf8_size_(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* The length of the well-formed UTF-8 sequence at `p`; 0 where there is none. */
static inline uint32_t wsb_guest_utf8_(const uint8_t *p, const uint8_t *end)
{
    uint32_t size = p < end ? wsb_guest_utf8_size_(p[0]) : 0;
    if (size == 0 || size > (uint32_t)(end - p))
        return 0;
    for (uint32_t i = 1; i < size; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    /* Overlong, surrogates, beyond the last character. */
    uint8_t least = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    uint8_t most = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    return size > 1 && (p[1] < least || p[1] > most) ? 0 : size;
}

/* Writes a character as UTF-8; gives its length. */
static inline uint32_t wsb_guest_utf8_put_(uint8_t *out, int32_t c)
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    uint32_t size = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (uint32_t i = size - 1; i > 0; i--, c >>= 6)
        out[i] = (uint8_t)(0x80 | (c & 0x3f));
    out[0] = (uint8_t)((0xf00 >> size & 0xf0) | c);
    return size;
}

/** The address of memory as imports take it. */
static inline uintptr_t wsb_guest_address_(const void *memory)
{
    return (uintptr_t)memory;
}

/** What came back of a call; used again by the next one. Start from `WSB_GUEST_ANSWER_INIT`. */
typedef struct wsb_guest_answer {
    int status;            /**< of the call: a wsb_guest_status */
    int32_t code;          /**< WSB_GUEST_REMOTE: the error's code */
    wsb_guest_buffer data; /**< the result; for WSB_GUEST_REMOTE the error's message; terminated */
} wsb_guest_answer;

/** Nothing. */
#define WSB_GUEST_ANSWER_INIT {0, 0, WSB_GUEST_BUFFER_INIT}

/** Releases it. */
static inline void wsb_guest_answer_free(wsb_guest_answer *answer)
{
    wsb_guest_buffer_free(&answer->data);
}

/** Why the call failed, terminated. Borrowed; valid until the answer is used again. */
static inline const char *wsb_guest_answer_message(const wsb_guest_answer *answer)
{
    if (answer->status == WSB_GUEST_REMOTE && answer->data.len)
        return (const char *)answer->data.data;
    return wsb_guest_status_text(answer->status);
}

#endif
