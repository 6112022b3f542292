/* Numbers: exact conversion to WebAssembly's types, and printing that reads back the same. */
#include "communication/codec/codec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define TWO_63 9223372036854775808.0
#define TWO_64 18446744073709551616.0

static const char *to_i32(const wsb__number *number, wsb_raw_value *out)
{
    bool fits = number->kind == WSB__NUMBER_SIGNED
                    ? number->of.s >= INT32_MIN && number->of.s <= (int64_t)UINT32_MAX
                    : number->of.u <= UINT32_MAX;
    if (!fits)
        return "is outside of i32, -2147483648 to 4294967295";
    /* The bit pattern: from 2^31 on it is the unsigned reading of the same 32 bits. */
    out->u32 = (uint32_t)number->of.u;
    return NULL;
}

static const char *to_f64(const wsb__number *number, wsb_raw_value *out)
{
    double value = number->of.r;
    bool exact = true;
    if (number->kind == WSB__NUMBER_SIGNED) {
        value = (double)number->of.s;
        exact = value < TWO_63 && (int64_t)value == number->of.s;
    } else if (number->kind == WSB__NUMBER_UNSIGNED) {
        value = (double)number->of.u;
        exact = value < TWO_64 && (uint64_t)value == number->of.u;
    }
    if (!exact)
        return "is an integer that f64 cannot represent exactly";
    out->f64 = value;
    return NULL;
}

static const char *to_f32(const wsb__number *number, wsb_raw_value *out)
{
    wsb_raw_value wide;
    if (to_f64(number, &wide))
        return "is an integer that f32 cannot represent exactly";
    /* From half a step above FLT_MAX on, rounding to nearest would give infinity. */
    if (isfinite(wide.f64) && fabs(wide.f64) >= 0x1.ffffffp127)
        return "is outside of the range of f32";
    float narrow = (float)wide.f64;
    if (number->kind != WSB__NUMBER_REAL && (double)narrow != wide.f64)
        return "is an integer that f32 cannot represent exactly";
    out->f32 = narrow;
    return NULL;
}

const char *wsb__number_convert(const wsb__number *number, wsb_value_type type,
                                wsb_raw_value *out_value)
{
    wsb_raw_value value = {0};
    const char *why = NULL;
    if (type == WSB_F32)
        why = to_f32(number, &value);
    else if (type == WSB_F64)
        why = to_f64(number, &value);
    else if (number->kind == WSB__NUMBER_REAL)
        why = "is not an integer";
    else if (type == WSB_I32)
        why = to_i32(number, &value);
    else if (type == WSB_I64)
        value.u64 = number->of.u; /* every 64-bit pattern, signed or unsigned, is an i64 */
    else
        why = "cannot be given as a number";
    if (!why)
        *out_value = value;
    return why;
}

size_t wsb__print_unsigned(char *out, uint64_t value)
{
    char reversed[WSB__NUMBER_TEXT];
    size_t len = 0;
    do {
        reversed[len++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    for (size_t i = 0; i < len; i++)
        out[i] = reversed[len - 1 - i];
    out[len] = '\0';
    return len;
}

size_t wsb__print_signed(char *out, int64_t value)
{
    if (value >= 0)
        return wsb__print_unsigned(out, (uint64_t)value);
    out[0] = '-';
    return 1 + wsb__print_unsigned(out + 1, -(uint64_t)value);
}

/* Makes the output of "%g" JSON: the locale's decimal point (possibly several bytes) becomes '.',
 * and a number that would read as an integer gets ".0". */
static size_t to_json_grammar(char *out)
{
    size_t len = 0;
    bool is_real = false;
    for (size_t i = 0; out[i]; i++) {
        bool known = (out[i] >= '0' && out[i] <= '9') || strchr("+-e", out[i]) != NULL;
        if (known)
            out[len++] = out[i];
        else if (len && out[len - 1] != '.')
            out[len++] = '.';
        is_real = is_real || !known || out[i] == 'e';
    }
    if (!is_real) {
        out[len++] = '.';
        out[len++] = '0';
    }
    out[len] = '\0';
    return len;
}

/* For errors: what JSON has no form for is caught before it is written. */
static size_t print_special(char *out, double value)
{
    return (size_t)snprintf(out, WSB__NUMBER_TEXT, "%s",
                            isnan(value) ? "NaN"
                            : value > 0  ? "Infinity"
                                         : "-Infinity");
}

size_t wsb__print_f64(char *out, double value)
{
    if (!isfinite(value))
        return print_special(out, value);
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, WSB__NUMBER_TEXT - 2, "%.*g", digits, value);
        if (strtod(out, NULL) == value)
            break;
    }
    return to_json_grammar(out);
}

size_t wsb__print_f32(char *out, float value)
{
    if (!isfinite(value))
        return print_special(out, (double)value);
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(out, WSB__NUMBER_TEXT - 2, "%.*g", digits, (double)value);
        if (strtof(out, NULL) == value)
            break;
    }
    return to_json_grammar(out);
}
