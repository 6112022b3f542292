/* Arithmetic, generated from the lists in ops.h. */
#include "ops.h"

#include <math.h>

typedef uint32_t t_u32;
typedef int32_t t_s32;
typedef uint64_t t_u64;
typedef int64_t t_s64;
typedef float t_f32;
typedef double t_f64;

#define DIVIDED WSB_TRAP_DIVISION_BY_ZERO
#define OVERFLOWN WSB_TRAP_INTEGER_OVERFLOW

/* A NaN wins, and -0 is less than +0. a + b makes a quiet NaN of any. */
#define EXTREMES(f)                                                                                \
    static t_##f min_of_##f(t_##f a, t_##f b)                                                      \
    {                                                                                              \
        if (isnan(a) || isnan(b))                                                                  \
            return a + b;                                                                          \
        return a < b || (a == b && signbit(a)) ? a : b;                                            \
    }                                                                                              \
    static t_##f max_of_##f(t_##f a, t_##f b)                                                      \
    {                                                                                              \
        if (isnan(a) || isnan(b))                                                                  \
            return a + b;                                                                          \
        return a > b || (a == b && !signbit(a)) ? a : b;                                           \
    }

EXTREMES(f32)
EXTREMES(f64)

#define UNARY(code, name, from, to, expression)                                                    \
    pb_next pb_run_##name(pb_instance *in, const pb_word *pc, pb_value *sp)                        \
    {                                                                                              \
        t_##from a = sp[-1].from;                                                                  \
        (void)in;                                                                                  \
        sp[-1].to = expression;                                                                    \
        return (pb_next){pc + 1, sp};                                                              \
    }

#define BINARY(code, name, from, to, expression)                                                   \
    pb_next pb_run_##name(pb_instance *in, const pb_word *pc, pb_value *sp)                        \
    {                                                                                              \
        t_##from a = sp[-2].from;                                                                  \
        t_##from b = sp[-1].from;                                                                  \
        (void)in;                                                                                  \
        sp[-2].to = expression;                                                                    \
        return (pb_next){pc + 1, sp - 1};                                                          \
    }

#define DIVISION(code, name, type, check, expression)                                              \
    pb_next pb_run_##name(pb_instance *in, const pb_word *pc, pb_value *sp)                        \
    {                                                                                              \
        t_##type a = sp[-2].type;                                                                  \
        t_##type b = sp[-1].type;                                                                  \
        wsb_trap trap = check;                                                                     \
        if (trap)                                                                                  \
            return pb_trap(in, trap);                                                              \
        sp[-2].type = expression;                                                                  \
        return (pb_next){pc + 1, sp - 1};                                                          \
    }

#define TRUNCATION(code, saturating, name, from, to, low, high, below, above)                      \
    pb_next pb_run_##name(pb_instance *in, const pb_word *pc, pb_value *sp)                        \
    {                                                                                              \
        double a = (double)sp[-1].from;                                                            \
        if (isnan(a))                                                                              \
            return pb_trap(in, WSB_TRAP_BAD_CONVERSION);                                           \
        if (!(a low && a high))                                                                    \
            return pb_trap(in, WSB_TRAP_INTEGER_OVERFLOW);                                         \
        sp[-1].to = (t_##to)a;                                                                     \
        return (pb_next){pc + 1, sp};                                                              \
    }                                                                                              \
    pb_next pb_run_##name##_sat(pb_instance *in, const pb_word *pc, pb_value *sp)                  \
    {                                                                                              \
        double a = (double)sp[-1].from;                                                            \
        (void)in;                                                                                  \
        if (isnan(a))                                                                              \
            sp[-1].to = 0;                                                                         \
        else if (!(a low))                                                                         \
            sp[-1].to = below;                                                                     \
        else                                                                                       \
            sp[-1].to = a high ? (t_##to)a : above;                                                \
        return (pb_next){pc + 1, sp};                                                              \
    }

PB_UNARY(UNARY)
PB_BINARY(BINARY)
PB_DIVISION(DIVISION)
PB_TRUNCATION(TRUNCATION)
