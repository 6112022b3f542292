/**
 * @file value.h
 * WebAssembly values and function types (core specification, section 2.3).
 */
#ifndef WASM_SANDBOX_VALUE_H
#define WASM_SANDBOX_VALUE_H

#include <wasm_sandbox/status.h>

WSB_BEGIN_DECLS

/** Value types. `WSB_OTHER` is any reference type that only the guest can handle. */
typedef enum wsb_value_type {
    WSB_I32 = 1,
    WSB_I64 = 2,
    WSB_F32 = 3,
    WSB_F64 = 4,
    WSB_V128 = 5,
    WSB_FUNCREF = 6,
    WSB_EXTERNREF = 7,
    WSB_OTHER = 8
} wsb_value_type;

/** The name as in the text format: "i32", "v128", "externref"; "?" for an unknown type. */
WSB_API const char *wsb_value_type_name(wsb_value_type type);

/** A value without its type, as engines take it: 16 bytes, little-endian. */
typedef union wsb_raw_value {
    int32_t i32;
    int64_t i64;
    uint32_t u32;
    uint64_t u64;
    float f32;
    double f64;
    uint8_t v128[16]; /**< lanes in little-endian order */
    void *ref;        /**< externref: the host's pointer, NULL for null; funcref: NULL only */
    uint64_t words[2];
} wsb_raw_value;

/** A value with its type. */
typedef struct wsb_value {
    wsb_value_type type;
    wsb_raw_value of;
} wsb_value;

/** A function's signature. Borrowed from the module that it belongs to. */
typedef struct wsb_function_type {
    const wsb_value_type *params;
    size_t param_count;
    const wsb_value_type *results;
    size_t result_count;
} wsb_function_type;

/* Whole words, not memset(): a call reads them at once, and stores of parts would stall it. */
/** An i32; u32 values are the same bits. */
static inline wsb_value wsb_value_i32(int32_t v)
{
    wsb_value value;
    value.type = WSB_I32;
    value.of.words[0] = (uint32_t)v;
    value.of.words[1] = 0;
    return value;
}

/** An i64; u64 values are the same bits. */
static inline wsb_value wsb_value_i64(int64_t v)
{
    wsb_value value;
    value.type = WSB_I64;
    value.of.words[0] = (uint64_t)v;
    value.of.words[1] = 0;
    return value;
}

/** An f32. */
static inline wsb_value wsb_value_f32(float v)
{
    wsb_value value;
    memset(&value, 0, sizeof value);
    value.type = WSB_F32;
    value.of.f32 = v;
    return value;
}

/** An f64. */
static inline wsb_value wsb_value_f64(double v)
{
    wsb_value value;
    value.type = WSB_F64;
    value.of.f64 = v;
    value.of.words[1] = 0;
    return value;
}

/** `bytes` are the sixteen bytes of the vector, lane 0 first. Copied. */
static inline wsb_value wsb_value_v128(const uint8_t bytes[16])
{
    wsb_value value;
    memset(&value, 0, sizeof value);
    value.type = WSB_V128;
    memcpy(value.of.v128, bytes, 16);
    return value;
}

/** An externref that carries the host's pointer; the guest can hold it but not look inside. */
static inline wsb_value wsb_value_externref(void *pointer)
{
    wsb_value value;
    memset(&value, 0, sizeof value);
    value.type = WSB_EXTERNREF;
    value.of.ref = pointer;
    return value;
}

WSB_END_DECLS

#endif
