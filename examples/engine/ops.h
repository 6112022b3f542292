/*
 * The instructions as lists. A row of arithmetic is the opcode, a name, the members of pb_value
 * that operands (a, b) and result are, and the result as an expression.
 */
#ifndef PEBBLE_OPS_H
#define PEBBLE_OPS_H

#include "compile.h"

enum {
    PB_BLOCK = 0x02,
    PB_LOOP = 0x03,
    PB_IF = 0x04,
    PB_BR = 0x0c,
    PB_BR_IF = 0x0d,
    PB_RETURN = 0x0f,
    PB_SELECT = 0x1b,
    PB_I32_CONST = 0x41,
    PB_I64_CONST = 0x42,
    PB_F32_CONST = 0x43
};

/* u, s: unsigned and signed member; compare, count: the first opcode of either group. */
#define PB_INTEGER_UNARY(X, t, u, bits, clz, ctz, popcount, count)                                 \
    X(count, t##_clz, u, u, a ? (unsigned)clz(a) : bits)                                           \
    X(count + 1, t##_ctz, u, u, a ? (unsigned)ctz(a) : bits)                                       \
    X(count + 2, t##_popcnt, u, u, (unsigned)popcount(a))

#define PB_INTEGER_BINARY(X, t, u, s, bits, compare, count)                                        \
    X(compare, t##_eq, u, u32, a == b)                                                             \
    X(compare + 1, t##_ne, u, u32, a != b)                                                         \
    X(compare + 2, t##_lt_s, s, u32, a < b)                                                        \
    X(compare + 3, t##_lt_u, u, u32, a < b)                                                        \
    X(compare + 4, t##_gt_s, s, u32, a > b)                                                        \
    X(compare + 5, t##_gt_u, u, u32, a > b)                                                        \
    X(compare + 6, t##_le_s, s, u32, a <= b)                                                       \
    X(compare + 7, t##_le_u, u, u32, a <= b)                                                       \
    X(compare + 8, t##_ge_s, s, u32, a >= b)                                                       \
    X(compare + 9, t##_ge_u, u, u32, a >= b)                                                       \
    X(count + 3, t##_add, u, u, a + b)                                                             \
    X(count + 4, t##_sub, u, u, a - b)                                                             \
    X(count + 5, t##_mul, u, u, a * b)                                                             \
    X(count + 10, t##_and, u, u, a & b)                                                            \
    X(count + 11, t##_or, u, u, a | b)                                                             \
    X(count + 12, t##_xor, u, u, a ^ b)                                                            \
    X(count + 13, t##_shl, u, u, a << (b & (bits - 1)))                                            \
    X(count + 14, t##_shr_s, s, s, a >> (b & (bits - 1)))                                          \
    X(count + 15, t##_shr_u, u, u, a >> (b & (bits - 1)))                                          \
    X(count + 16, t##_rotl, u, u, a << (b & (bits - 1)) | a >> ((0 - b) & (bits - 1)))             \
    X(count + 17, t##_rotr, u, u, a >> (b & (bits - 1)) | a << ((0 - b) & (bits - 1)))

/* With a trap before the result; 0 is none. */
#define PB_INTEGER_DIVISION(X, t, u, s, min, count)                                                \
    X(count + 6, t##_div_s, s, b == 0 ? DIVIDED : a == min && b == -1 ? OVERFLOWN : 0, a / b)      \
    X(count + 7, t##_div_u, u, b == 0 ? DIVIDED : 0, a / b)                                        \
    X(count + 8, t##_rem_s, s, b == 0 ? DIVIDED : 0, b == -1 ? 0 : a % b)                          \
    X(count + 9, t##_rem_u, u, b == 0 ? DIVIDED : 0, a % b)

/* Compilers replace some of these functions by code that leaves a signalling NaN as it is. */
#define PB_QUIET(a, expression) (isnan(a) ? (a) + (a) : (expression))

/* u: the member with the bits of the floating-point number f; sign: the sign among them. abs, neg
 * and copysign must not touch the rest, not even of a NaN. */
#define PB_FLOAT_UNARY(X, f, u, sign, suffix, first)                                               \
    X(first, f##_abs, u, u, a & ~sign)                                                             \
    X(first + 1, f##_neg, u, u, a ^ sign)                                                          \
    X(first + 2, f##_ceil, f, f, PB_QUIET(a, ceil##suffix(a)))                                     \
    X(first + 3, f##_floor, f, f, PB_QUIET(a, floor##suffix(a)))                                   \
    X(first + 4, f##_trunc, f, f, PB_QUIET(a, trunc##suffix(a)))                                   \
    X(first + 5, f##_nearest, f, f, PB_QUIET(a, nearbyint##suffix(a)))                             \
    X(first + 6, f##_sqrt, f, f, PB_QUIET(a, sqrt##suffix(a)))

#define PB_FLOAT_BINARY(X, f, u, sign, compare, first)                                             \
    X(compare, f##_eq, f, u32, a == b)                                                             \
    X(compare + 1, f##_ne, f, u32, a != b)                                                         \
    X(compare + 2, f##_lt, f, u32, a < b)                                                          \
    X(compare + 3, f##_gt, f, u32, a > b)                                                          \
    X(compare + 4, f##_le, f, u32, a <= b)                                                         \
    X(compare + 5, f##_ge, f, u32, a >= b)                                                         \
    X(first + 7, f##_add, f, f, a + b)                                                             \
    X(first + 8, f##_sub, f, f, a - b)                                                             \
    X(first + 9, f##_mul, f, f, a * b)                                                             \
    X(first + 10, f##_div, f, f, a / b)                                                            \
    X(first + 11, f##_min, f, f, min_of_##f(a, b))                                                 \
    X(first + 12, f##_max, f, f, max_of_##f(a, b))                                                 \
    X(first + 13, f##_copysign, u, u, (a & ~sign) | (b & sign))

#define PB_CONVERSIONS(X)                                                                          \
    X(0x45, i32_eqz, u32, u32, a == 0)                                                             \
    X(0x50, i64_eqz, u64, u32, a == 0)                                                             \
    X(0xa7, i32_wrap_i64, u64, u32, (uint32_t)a)                                                   \
    X(0xac, i64_extend_i32_s, s32, s64, a)                                                         \
    X(0xad, i64_extend_i32_u, u32, u64, a)                                                         \
    X(0xb2, f32_convert_i32_s, s32, f32, (float)a)                                                 \
    X(0xb3, f32_convert_i32_u, u32, f32, (float)a)                                                 \
    X(0xb4, f32_convert_i64_s, s64, f32, (float)a)                                                 \
    X(0xb5, f32_convert_i64_u, u64, f32, (float)a)                                                 \
    X(0xb6, f32_demote_f64, f64, f32, (float)a)                                                    \
    X(0xb7, f64_convert_i32_s, s32, f64, a)                                                        \
    X(0xb8, f64_convert_i32_u, u32, f64, a)                                                        \
    X(0xb9, f64_convert_i64_s, s64, f64, (double)a)                                                \
    X(0xba, f64_convert_i64_u, u64, f64, (double)a)                                                \
    X(0xbb, f64_promote_f32, f32, f64, (double)a)                                                  \
    X(0xbc, i32_reinterpret_f32, u32, u32, a)                                                      \
    X(0xbd, i64_reinterpret_f64, u64, u64, a)                                                      \
    X(0xbe, f32_reinterpret_i32, u32, u32, a)                                                      \
    X(0xbf, f64_reinterpret_i64, u64, u64, a)                                                      \
    X(0xc0, i32_extend8_s, u32, s32, (int8_t)a)                                                    \
    X(0xc1, i32_extend16_s, u32, s32, (int16_t)a)                                                  \
    X(0xc2, i64_extend8_s, u64, s64, (int8_t)a)                                                    \
    X(0xc3, i64_extend16_s, u64, s64, (int16_t)a)                                                  \
    X(0xc4, i64_extend32_s, u64, s64, (int32_t)a)

#define PB_UNARY(X)                                                                                \
    PB_INTEGER_UNARY(X, i32, u32, 32, __builtin_clz, __builtin_ctz, __builtin_popcount, 0x67)      \
    PB_INTEGER_UNARY(X, i64, u64, 64, __builtin_clzll, __builtin_ctzll, __builtin_popcountll,      \
                     0x79)                                                                         \
    PB_FLOAT_UNARY(X, f32, u32, 0x80000000u, f, 0x8b)                                              \
    PB_FLOAT_UNARY(X, f64, u64, 0x8000000000000000u, , 0x99)                                       \
    PB_CONVERSIONS(X)

#define PB_BINARY(X)                                                                               \
    PB_INTEGER_BINARY(X, i32, u32, s32, 32, 0x46, 0x67)                                            \
    PB_INTEGER_BINARY(X, i64, u64, s64, 64, 0x51, 0x79)                                            \
    PB_FLOAT_BINARY(X, f32, u32, 0x80000000u, 0x5b, 0x8b)                                          \
    PB_FLOAT_BINARY(X, f64, u64, 0x8000000000000000u, 0x61, 0x99)

#define PB_DIVISION(X)                                                                             \
    PB_INTEGER_DIVISION(X, i32, u32, s32, INT32_MIN, 0x67)                                         \
    PB_INTEGER_DIVISION(X, i64, u64, s64, INT64_MIN, 0x79)

/* Opcode of the form that traps, that of the form that does not; what is still in range, exactly
 * (an f32 is compared as an f64); and what the second form gives below and above. */
#define PB_TRUNCATION(X)                                                                           \
    X(0xa8, 0, i32_trunc_f32_s, f32, s32, > -2147483649.0, < 2147483648.0, INT32_MIN, INT32_MAX)   \
    X(0xa9, 1, i32_trunc_f32_u, f32, u32, > -1.0, < 4294967296.0, 0, UINT32_MAX)                   \
    X(0xaa, 2, i32_trunc_f64_s, f64, s32, > -2147483649.0, < 2147483648.0, INT32_MIN, INT32_MAX)   \
    X(0xab, 3, i32_trunc_f64_u, f64, u32, > -1.0, < 4294967296.0, 0, UINT32_MAX)                   \
    X(0xae, 4, i64_trunc_f32_s, f32, s64, >= -0x1p63, < 0x1p63, INT64_MIN, INT64_MAX)              \
    X(0xaf, 5, i64_trunc_f32_u, f32, u64, > -1.0, < 0x1p64, 0, UINT64_MAX)                         \
    X(0xb0, 6, i64_trunc_f64_s, f64, s64, >= -0x1p63, < 0x1p63, INT64_MIN, INT64_MAX)              \
    X(0xb1, 7, i64_trunc_f64_u, f64, u64, > -1.0, < 0x1p64, 0, UINT64_MAX)

/* The type in memory, and the member of the value. */
#define PB_LOAD(X)                                                                                 \
    X(0x28, i32_load, uint32_t, u32)                                                               \
    X(0x29, i64_load, uint64_t, u64)                                                               \
    X(0x2a, f32_load, uint32_t, u32)                                                               \
    X(0x2b, f64_load, uint64_t, u64)                                                               \
    X(0x2c, i32_load8_s, int8_t, s32)                                                              \
    X(0x2d, i32_load8_u, uint8_t, u32)                                                             \
    X(0x2e, i32_load16_s, int16_t, s32)                                                            \
    X(0x2f, i32_load16_u, uint16_t, u32)                                                           \
    X(0x30, i64_load8_s, int8_t, s64)                                                              \
    X(0x31, i64_load8_u, uint8_t, u64)                                                             \
    X(0x32, i64_load16_s, int16_t, s64)                                                            \
    X(0x33, i64_load16_u, uint16_t, u64)                                                           \
    X(0x34, i64_load32_s, int32_t, s64)                                                            \
    X(0x35, i64_load32_u, uint32_t, u64)

#define PB_STORE(X)                                                                                \
    X(0x36, i32_store, uint32_t, u32)                                                              \
    X(0x37, i64_store, uint64_t, u64)                                                              \
    X(0x38, f32_store, uint32_t, u32)                                                              \
    X(0x39, f64_store, uint64_t, u64)                                                              \
    X(0x3a, i32_store8, uint8_t, u32)                                                              \
    X(0x3b, i32_store16, uint16_t, u32)                                                            \
    X(0x3c, i64_store8, uint8_t, u64)                                                              \
    X(0x3d, i64_store16, uint16_t, u64)                                                            \
    X(0x3e, i64_store32, uint32_t, u64)

/* All others: opcode, name, how they are compiled, and what they pop and push as far as
 * that is the same for all of the kind. */
#define PB_OTHER(X)                                                                                \
    X(0x00, unreachable, pb_emit_unreachable, 0, 0)                                                \
    X(0x04, if, pb_emit_block, 0, 0)                                                               \
    X(0x05, else, pb_emit_else, 0, 0)                                                              \
    X(0x0c, br, pb_emit_branch, 0, 0)                                                              \
    X(0x0d, br_if, pb_emit_branch, 0, 0)                                                           \
    X(0x0e, br_table, pb_emit_branch_table, 0, 0)                                                  \
    X(0x0f, return, pb_emit_return, 0, 0)                                                          \
    X(0x10, call, pb_emit_call, 0, 0)                                                              \
    X(0x11, call_indirect, pb_emit_call_indirect, 0, 0)                                            \
    X(0x1a, drop, pb_emit_plain, 1, 0)                                                             \
    X(0x1b, select, pb_emit_select, 3, 1)                                                          \
    X(0x20, local_get, pb_emit_local, 0, 1)                                                        \
    X(0x21, local_set, pb_emit_local, 1, 0)                                                        \
    X(0x22, local_tee, pb_emit_local, 1, 1)                                                        \
    X(0x23, global_get, pb_emit_global, 0, 1)                                                      \
    X(0x24, global_set, pb_emit_global, 1, 0)                                                      \
    X(0x25, table_get, pb_emit_table, 1, 1)                                                        \
    X(0x26, table_set, pb_emit_table, 2, 0)                                                        \
    X(0x3f, memory_size, pb_emit_memory, 0, 1)                                                     \
    X(0x40, memory_grow, pb_emit_memory, 1, 1)                                                     \
    X(0x41, const32, pb_emit_constant, 0, 1)                                                       \
    X(0x42, const64, pb_emit_constant, 0, 1)                                                       \
    X(0xd0, ref_null, pb_emit_null, 0, 1)                                                          \
    X(0xd1, ref_is_null, pb_emit_plain, 1, 1)                                                      \
    X(0xd2, ref_func, pb_emit_function, 0, 1)                                                      \
    X(PB_PREFIXED + 8, memory_init, pb_emit_memory_init, 3, 0)                                     \
    X(PB_PREFIXED + 9, data_drop, pb_emit_data, 0, 0)                                              \
    X(PB_PREFIXED + 10, memory_copy, pb_emit_memory_copy, 3, 0)                                    \
    X(PB_PREFIXED + 11, memory_fill, pb_emit_memory, 3, 0)                                         \
    X(PB_PREFIXED + 12, table_init, pb_emit_table_init, 3, 0)                                      \
    X(PB_PREFIXED + 13, elem_drop, pb_emit_elements, 0, 0)                                         \
    X(PB_PREFIXED + 14, table_copy, pb_emit_table_copy, 3, 0)                                      \
    X(PB_PREFIXED + 15, table_grow, pb_emit_table, 2, 1)                                           \
    X(PB_PREFIXED + 16, table_size, pb_emit_table, 0, 1)                                           \
    X(PB_PREFIXED + 17, table_fill, pb_emit_table, 3, 0)

/* One function each. */
#define PB_DECLARE(code, name, ...)                                                                \
    pb_next pb_run_##name(pb_instance *in, const pb_word *pc, pb_value *sp);
#define PB_DECLARE_BOTH(code, saturating, name, ...)                                               \
    PB_DECLARE(code, name, )                                                                       \
    PB_DECLARE(code, name##_sat, )
PB_UNARY(PB_DECLARE)
PB_BINARY(PB_DECLARE)
PB_DIVISION(PB_DECLARE)
PB_TRUNCATION(PB_DECLARE_BOTH)
PB_LOAD(PB_DECLARE)
PB_STORE(PB_DECLARE)
PB_OTHER(PB_DECLARE)

#endif
