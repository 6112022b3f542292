#include "values.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "text.h"

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *found = strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
    return found && c ? (int)(found - digits) : -1;
}

/* Decimal or 0x…, with or without a sign. The bits as two's complement; unsigned values up to
 * 2^bits-1 are taken too, as wasm has no sign of its own. */
static bool parse_integer(const char *text, int bits, uint64_t *out_value)
{
    bool negative = text[0] == '-';
    const char *digits = text + (text[0] == '-' || text[0] == '+');
    int base = strncasecmp(digits, "0x", 2) == 0 ? 16 : 10;
    uint64_t most = negative ? (uint64_t)1 << (bits - 1) : UINT64_MAX >> (64 - bits);
    uint64_t value = 0;
    digits += base == 16 ? 2 : 0;
    if (!*digits) {
        return false;
    }
    for (; *digits; digits++) {
        int digit = hex_digit(*digits);
        if (digit < 0 || digit >= base || value > (most - (uint64_t)digit) / (uint64_t)base) {
            return false;
        }
        value = value * (uint64_t)base + (uint64_t)digit;
    }
    *out_value = negative ? 0 - value : value;
    return true;
}

static bool parse_float(const char *text, bool is_double, wsb_value *out_value)
{
    char *end = NULL;
    if (!*text || *text == ' ' || (*text >= '\t' && *text <= '\r')) {
        return false;
    }
    errno = 0;
    double value = is_double ? strtod(text, &end) : (double)strtof(text, &end);
    if (end == text || *end || (errno == ERANGE && isinf(value))) {
        return false;
    }
    *out_value = is_double ? wsb_value_f64(value) : wsb_value_f32((float)value);
    return true;
}

/* 0x and 32 digits: the vector as one number, so that lane 0 is on the right. */
static bool parse_v128(const char *text, wsb_value *out_value)
{
    uint8_t bytes[16];
    if (strncmp(text, "0x", 2) != 0 || strlen(text) != 34) {
        return false;
    }
    for (size_t i = 0; i < 16; i++) {
        int high = hex_digit(text[2 + 2 * i]);
        int low = hex_digit(text[3 + 2 * i]);
        if (high < 0 || low < 0) {
            return false;
        }
        bytes[15 - i] = (uint8_t)(high * 16 + low);
    }
    *out_value = wsb_value_v128(bytes);
    return true;
}

bool cli_parse_value(const char *text, wsb_value_type type, wsb_value *out_value)
{
    uint64_t bits = 0;
    switch (type) {
    case WSB_I32:
        if (!parse_integer(text, 32, &bits)) {
            return false;
        }
        *out_value = wsb_value_i32((int32_t)(uint32_t)bits);
        return true;
    case WSB_I64:
        if (!parse_integer(text, 64, &bits)) {
            return false;
        }
        *out_value = wsb_value_i64((int64_t)bits);
        return true;
    case WSB_F32:
    case WSB_F64:
        return parse_float(text, type == WSB_F64, out_value);
    case WSB_V128:
        return parse_v128(text, out_value);
    default:
        return false;
    }
}

const char *cli_describe_type(wsb_value_type type)
{
    switch (type) {
    case WSB_I32:
        return "a whole number from -2147483648 to 4294967295, decimal or 0x...";
    case WSB_I64:
        return "a whole number from -9223372036854775808 to 18446744073709551615, decimal or 0x...";
    case WSB_F32:
    case WSB_F64:
        return "a number, inf or nan";
    case WSB_V128:
        return "0x and 32 hexadecimal digits";
    default:
        return "a reference, which cannot be given on the command line";
    }
}

void cli_write_real(FILE *out, double value, bool narrow)
{
    char text[40];
    int digits = narrow ? 6 : 15;
    int most = narrow ? 9 : 17;
    do {
        snprintf(text, sizeof text, "%.*g", digits, value);
    } while ((narrow ? (double)strtof(text, NULL) : strtod(text, NULL)) != value &&
             ++digits <= most);
    /* The command sets no locale, so the point is a point. */
    fprintf(out, "%s%s", text, strpbrk(text, ".e") ? "" : ".0");
}

static void write_float(FILE *out, double value, bool narrow)
{
    if (isnan(value)) {
        fputs("\"NaN\"", out);
    } else if (isinf(value)) {
        fputs(value > 0 ? "\"Infinity\"" : "\"-Infinity\"", out);
    } else {
        cli_write_real(out, value, narrow);
    }
}

static bool write_value(FILE *out, const wsb_value *value)
{
    switch (value->type) {
    case WSB_I32:
        fprintf(out, "%ld", (long)value->of.i32);
        return true;
    case WSB_I64:
        fprintf(out, "%lld", (long long)value->of.i64);
        return true;
    case WSB_F32:
        write_float(out, (double)value->of.f32, true);
        return true;
    case WSB_F64:
        write_float(out, value->of.f64, false);
        return true;
    case WSB_V128:
        fputs("\"0x", out);
        for (size_t i = 16; i > 0; i--) {
            fprintf(out, "%02x", value->of.v128[i - 1]);
        }
        fputc('"', out);
        return true;
    default:
        return false;
    }
}

bool cli_write_values(FILE *out, const wsb_value *values, size_t count)
{
    if (count == 0) {
        fputs("null", out);
        return true;
    }
    if (count > 1) {
        fputc('[', out);
    }
    for (size_t i = 0; i < count; i++) {
        fputs(i ? "," : "", out);
        if (!write_value(out, &values[i])) {
            return false;
        }
    }
    if (count > 1) {
        fputc(']', out);
    }
    return true;
}

static size_t append(char *out, size_t used, size_t capacity, const char *text)
{
    if (used < capacity) {
        int added = snprintf(out + used, capacity - used, "%s", text);
        used += added > 0 ? (size_t)added : 0;
    }
    return used;
}

void cli_signature(const wsb_function_type *type, char *out, size_t capacity)
{
    size_t used = append(out, 0, capacity, "(");
    for (size_t i = 0; i < type->param_count; i++) {
        used = append(out, used, capacity, i ? ", " : "");
        used = append(out, used, capacity, wsb_value_type_name(type->params[i]));
    }
    used = append(out, used, capacity, ")");
    for (size_t i = 0; i < type->result_count; i++) {
        used = append(out, used, capacity, i ? ", " : " -> ");
        used = append(out, used, capacity, wsb_value_type_name(type->results[i]));
    }
}
