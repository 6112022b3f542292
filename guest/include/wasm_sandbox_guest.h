/**
 * @file wasm_sandbox_guest.h
 * For guests in C: functions that a host calls with JSON, MessagePack or bytes.
 *
 *     #define WSB_GUEST_IMPLEMENTATION // in exactly one source file
 *     #include <wasm_sandbox_guest.h>
 *
 *     WSB_GUEST_FUNCTION(echo, json)
 *     {
 *         if (input.len > 1000)
 *             return wsb_guest_error(1, "too long");
 *         return wsb_guest_ok(input.data, input.len);
 *     }
 *
 *     WSB_GUEST_SCALAR(add) int add(int a, int b) { return a + b; }
 *
 * Build with clang, with or without a C library:
 *
 *     clang --target=wasm32-wasi --sysroot=… -mexec-model=reactor -O2 guest.c -o guest.wasm
 *     clang --target=wasm32 -nostdlib -Wl,--no-entry -O2 guest.c -o guest.wasm
 *
 * Beside it: wasm_sandbox_guest_host.h (functions of the host), wasm_sandbox_guest_channel.h
 * (channels), wasm_sandbox_guest_json.h and wasm_sandbox_guest_msgpack.h (reading and writing),
 * wasm_sandbox_guest_rpc.h (calls over channels).
 *
 * See docs/guide/guest-c.md. This file includes nothing of the host's and stands alone.
 */
#ifndef WASM_SANDBOX_GUEST_H
#define WASM_SANDBOX_GUEST_H

/* WSB_GUEST_NATIVE: for tests of these headers as part of an ordinary program, with gcc or clang,
 * which defines what is imported, wsb_alloc() and wsb_free() itself. */
#if !defined(WSB_GUEST_NATIVE) && (!defined(__wasm32__) || !defined(__clang__))
#error "wasm_sandbox_guest.h is for guests: compile it with clang for wasm32"
#endif

#include <stdint.h>

#ifdef __cplusplus
#define WSB_GUEST_C_ extern "C"
#else
#define WSB_GUEST_C_ extern
#endif

/* Before the declaration of what the host provides. */
#ifdef WSB_GUEST_NATIVE
#define WSB_GUEST_IMPORT_(module, name) WSB_GUEST_C_
#else
#define WSB_GUEST_IMPORT_(module, name)                                                            \
    WSB_GUEST_C_ __attribute__((import_module(module), import_name(name)))
#endif

/** What a function was called with, in the encoding that it declared. Valid until it returns. */
typedef struct wsb_guest_bytes {
    const uint8_t *data;
    uint32_t len;
} wsb_guest_bytes;

/** What a function returns: made by wsb_guest_ok() and the like, given up to the host. */
typedef uint64_t wsb_guest_result;

/** The code of the error that the host gets when the guest has no memory for a result. */
#define WSB_GUEST_OUT_OF_MEMORY (-1)

/** A result: `len` bytes in the declared encoding (UTF-8 text for json). Copied. */
WSB_GUEST_C_ wsb_guest_result wsb_guest_ok(const void *data, uint32_t len);

/** The same from a terminated string, without its terminator. */
WSB_GUEST_C_ wsb_guest_result wsb_guest_ok_text(const char *text);

/**
 * A failure: the host's call returns WSB_ERROR_GUEST with this code and message.
 *
 * @param code  yours; 0 would mean success and is sent as 1
 * @param message  UTF-8, terminated. Copied.
 */
WSB_GUEST_C_ wsb_guest_result wsb_guest_error(int32_t code, const char *message);

/** Room for a result of `len` bytes, to be written in place and then finished with the same
 * `len`; NULL when out of memory, which wsb_guest_finish() turns into an error. */
WSB_GUEST_C_ uint8_t *wsb_guest_begin(uint32_t len);
WSB_GUEST_C_ wsb_guest_result wsb_guest_finish(uint8_t *room, uint32_t len);

/** Memory from the allocator that the host uses too; NULL when there is none. */
WSB_GUEST_C_ void *wsb_alloc(uint32_t size);
/** Gives it back; NULL is allowed. */
WSB_GUEST_C_ void wsb_free(void *memory, uint32_t size);

/* A record of the custom section that tells the host how an export is called. */
#define WSB_GUEST_DECLARE_(name, convention, encoding)                                             \
    __asm__(".section .custom_section.wasm_sandbox,\"\",@\n"                                       \
            "\t.asciz \"1:" name ":" convention ":" encoding "\"\n"                                \
            "\t.text\n")

/**
 * Defines a function of the buffer convention; a body follows, with `input` in scope.
 *
 * @param name  of the export, an identifier
 * @param encoding  json, msgpack or bytes: what `input` holds and what the result must hold
 */
#define WSB_GUEST_FUNCTION(name, encoding)                                                         \
    WSB_GUEST_DECLARE_(#name, "buffer", #encoding);                                                \
    static wsb_guest_result wsb_guest_body_##name(wsb_guest_bytes input);                          \
    WSB_GUEST_C_ wsb_guest_result wsb_guest_export_##name(const uint8_t *data, uint32_t len);      \
    __attribute__((export_name(#name), used)) wsb_guest_result wsb_guest_export_##name(            \
        const uint8_t *data, uint32_t len)                                                         \
    {                                                                                              \
        wsb_guest_bytes input;                                                                     \
        input.data = data;                                                                         \
        input.len = len;                                                                           \
        return wsb_guest_body_##name(input);                                                       \
    }                                                                                              \
    static wsb_guest_result wsb_guest_body_##name(wsb_guest_bytes input)

/** Exports an ordinary function over numbers under its own name; the definition follows. */
#define WSB_GUEST_SCALAR(name)                                                                     \
    WSB_GUEST_DECLARE_(#name, "scalar", "-");                                                      \
    __attribute__((export_name(#name), used))

#endif /* WASM_SANDBOX_GUEST_H */

#if defined(WSB_GUEST_IMPLEMENTATION) && !defined(WSB_GUEST_IMPLEMENTED_)
#define WSB_GUEST_IMPLEMENTED_

/* With a C library its allocator is used; without one, a small one of this file. Define
 * WSB_GUEST_MALLOC(size) and WSB_GUEST_FREE(memory) before the inclusion for another. */
#ifndef WSB_GUEST_MALLOC
#ifdef __wasi__
#include <stdlib.h>
#define WSB_GUEST_MALLOC(size) malloc(size)
#define WSB_GUEST_FREE(memory) free(memory)
#else
#define WSB_GUEST_OWN_ALLOCATOR_
#define WSB_GUEST_MALLOC(size) wsb_guest_heap_alloc_(size)
#define WSB_GUEST_FREE(memory) wsb_guest_heap_free_(memory)
#endif
#endif

#ifdef WSB_GUEST_OWN_ALLOCATOR_

/* Blocks lie one after the other from the heap's base; a free one swallows the free ones behind
 * it when it is looked at. First fit: for guests that allocate little. */
typedef struct wsb_guest_block_ {
    uint32_t size; /* of the memory behind this header, a multiple of 16 */
    uint32_t used;
    uint32_t padding[2];
} wsb_guest_block_;

extern unsigned char __heap_base;
static uint32_t wsb_guest_heap_top_; /* end of the last block; 0: not started */

static wsb_guest_block_ *wsb_guest_block_at_(uint32_t address)
{
    return (wsb_guest_block_ *)(uintptr_t)address;
}

/* A new block at the end; NULL where memory cannot grow so far. */
static wsb_guest_block_ *wsb_guest_heap_extend_(uint32_t size)
{
    uint64_t end = (uint64_t)wsb_guest_heap_top_ + sizeof(wsb_guest_block_) + size;
    uint64_t have = (uint64_t)__builtin_wasm_memory_size(0) * 65536;
    if (end > UINT32_MAX)
        return 0;
    if (end > have &&
        __builtin_wasm_memory_grow(0, (uint32_t)((end - have + 65535) / 65536)) == UINT32_MAX)
        return 0;
    wsb_guest_block_ *block = wsb_guest_block_at_(wsb_guest_heap_top_);
    block->size = size;
    wsb_guest_heap_top_ = (uint32_t)end;
    return block;
}

/* Joins the free blocks that follow, and keeps no more than `size` where another block fits. */
static void wsb_guest_block_fit_(wsb_guest_block_ *block, uint32_t address, uint32_t size)
{
    uint32_t next = address + (uint32_t)sizeof *block + block->size;
    while (next < wsb_guest_heap_top_ && !wsb_guest_block_at_(next)->used) {
        block->size += (uint32_t)sizeof *block + wsb_guest_block_at_(next)->size;
        next = address + (uint32_t)sizeof *block + block->size;
    }
    if (block->size < size || block->size - size < 2 * sizeof *block)
        return;
    wsb_guest_block_ *rest = wsb_guest_block_at_(address + (uint32_t)sizeof *block + size);
    rest->size = block->size - size - (uint32_t)sizeof *block;
    rest->used = 0;
    block->size = size;
}

static void *wsb_guest_heap_alloc_(uint32_t wanted)
{
    if (wanted > UINT32_MAX - 64)
        return 0;
    uint32_t size = wanted ? (wanted + 15) & ~(uint32_t)15 : 16;
    uint32_t first = ((uint32_t)(uintptr_t)&__heap_base + 15) & ~(uint32_t)15;
    if (!wsb_guest_heap_top_)
        wsb_guest_heap_top_ = first;
    wsb_guest_block_ *block = 0;
    for (uint32_t at = first; at < wsb_guest_heap_top_;) {
        block = wsb_guest_block_at_(at);
        if (!block->used)
            wsb_guest_block_fit_(block, at, size);
        if (!block->used && block->size >= size)
            break;
        at += (uint32_t)sizeof *block + block->size;
        block = 0;
    }
    if (!block)
        block = wsb_guest_heap_extend_(size);
    if (!block)
        return 0;
    block->used = 1;
    return block + 1;
}

static void wsb_guest_heap_free_(void *memory)
{
    if (memory)
        ((wsb_guest_block_ *)memory - 1)->used = 0;
}

/* Eight bytes anywhere in memory. */
typedef struct __attribute__((packed, may_alias)) wsb_guest_word_ {
    uint64_t bits;
} wsb_guest_word_;

/* Upwards, each load before its store: right also where `to` overlaps with what lies behind it. */
__attribute__((no_builtin)) static inline void *wsb_guest_copy_up_(void *to, const void *from,
                                                                   __SIZE_TYPE__ size)
{
    unsigned char *out = (unsigned char *)to;
    const unsigned char *in = (const unsigned char *)from;
    for (; size >= 8; size -= 8, out += 8, in += 8)
        ((wsb_guest_word_ *)out)->bits = ((const wsb_guest_word_ *)in)->bits;
    for (; size; size--)
        *out++ = *in++;
    return to;
}

/* The compiler calls these by itself; a program's own ones win. Each turn of a loop costs a check
 * of the deadline, so they take eight bytes at once. */
__attribute__((weak, no_builtin)) void *memcpy(void *to, const void *from, __SIZE_TYPE__ size)
{
    return wsb_guest_copy_up_(to, from, size);
}

__attribute__((weak, no_builtin)) void *memset(void *to, int value, __SIZE_TYPE__ size)
{
    unsigned char *out = (unsigned char *)to;
    uint64_t bits = (uint64_t)(unsigned char)value * 0x0101010101010101;
    for (; size >= 8; size -= 8, out += 8)
        ((wsb_guest_word_ *)out)->bits = bits;
    for (; size; size--)
        *out++ = (unsigned char)value;
    return to;
}

__attribute__((weak, no_builtin)) void *memmove(void *to, const void *from, __SIZE_TYPE__ size)
{
    unsigned char *out = (unsigned char *)to;
    const unsigned char *in = (const unsigned char *)from;
    if (out <= in)
        return wsb_guest_copy_up_(to, from, size);
    for (; size >= 8; size -= 8)
        ((wsb_guest_word_ *)(out + size - 8))->bits =
            ((const wsb_guest_word_ *)(in + size - 8))->bits;
    for (; size; size--)
        out[size - 1] = in[size - 1];
    return to;
}

__attribute__((weak, no_builtin)) int memcmp(const void *a, const void *b, __SIZE_TYPE__ size)
{
    const unsigned char *x = (const unsigned char *)a;
    const unsigned char *y = (const unsigned char *)b;
    for (__SIZE_TYPE__ i = 0; i < size; i++) {
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    }
    return 0;
}

#endif /* WSB_GUEST_OWN_ALLOCATOR_ */

/* Status -1, little-endian, and its message: what is returned when nothing can be allocated. */
static uint8_t wsb_guest_no_memory_[] = {0xff, 0xff, 0xff, 0xff, 't', 'h', 'e', ' ', 'g', 'u',
                                         'e',  's',  't',  ' ',  'i', 's', ' ', 'o', 'u', 't',
                                         ' ',  'o',  'f',  ' ',  'm', 'e', 'm', 'o', 'r', 'y'};

__attribute__((export_name("wsb_alloc"), used)) void *wsb_alloc(uint32_t size)
{
    return WSB_GUEST_MALLOC(size);
}

__attribute__((export_name("wsb_free"), used)) void wsb_free(void *memory, uint32_t size)
{
    (void)size;
    if (memory != wsb_guest_no_memory_)
        WSB_GUEST_FREE(memory);
}

static wsb_guest_result wsb_guest_pack_(const uint8_t *memory, uint32_t len)
{
    return (uint64_t)(uintptr_t)memory << 32 | len;
}

static uint8_t *wsb_guest_begin_(int32_t code, uint32_t len)
{
    uint8_t *memory = len <= UINT32_MAX - 4 ? (uint8_t *)wsb_alloc(len + 4) : 0;
    for (int i = 0; memory && i < 4; i++)
        memory[i] = (uint8_t)((uint32_t)code >> (8 * i));
    return memory ? memory + 4 : 0;
}

uint8_t *wsb_guest_begin(uint32_t len)
{
    return wsb_guest_begin_(0, len);
}

wsb_guest_result wsb_guest_finish(uint8_t *room, uint32_t len)
{
    if (!room)
        return wsb_guest_pack_(wsb_guest_no_memory_, sizeof wsb_guest_no_memory_);
    return wsb_guest_pack_(room - 4, len + 4);
}

static wsb_guest_result wsb_guest_copy_(int32_t code, const void *data, uint32_t len)
{
    uint8_t *room = wsb_guest_begin_(code, len);
    for (uint32_t i = 0; room && i < len; i++)
        room[i] = ((const uint8_t *)data)[i];
    return wsb_guest_finish(room, len);
}

static uint32_t wsb_guest_length_(const char *text)
{
    uint32_t len = 0;
    while (text && text[len])
        len++;
    return len;
}

wsb_guest_result wsb_guest_ok(const void *data, uint32_t len)
{
    return wsb_guest_copy_(0, data, len);
}

wsb_guest_result wsb_guest_ok_text(const char *text)
{
    return wsb_guest_copy_(0, text, wsb_guest_length_(text));
}

wsb_guest_result wsb_guest_error(int32_t code, const char *message)
{
    return wsb_guest_copy_(code ? code : 1, message, wsb_guest_length_(message));
}

#endif /* WSB_GUEST_IMPLEMENTATION */
