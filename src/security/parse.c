/* Sizes and times as people write them. Exact: no floating point. */
#include "core/buffer.h"
#include "security/limits.h"

#include <wasm_sandbox/plugin/error.h>

typedef struct unit {
    const char *name;
    uint64_t factor;
} unit;

typedef struct grammar {
    const char *what;
    const char *accepted;
    const unit *units; /* ends with a NULL name */
} grammar;

#define KIB ((uint64_t)1024)
#define KB ((uint64_t)1000)

static const unit size_units[] = {
    {"B", 1},
    {"KB", KB},
    {"MB", KB *KB},
    {"GB", KB *KB *KB},
    {"TB", KB *KB *KB *KB},
    {"KiB", KIB},
    {"MiB", KIB *KIB},
    {"GiB", KIB *KIB *KIB},
    {"TiB", KIB *KIB *KIB *KIB},
    {NULL, 0},
};

static const unit time_units[] = {
    {"ns", 1},
    {"us", KB},
    {"ms", KB *KB},
    {"s", WSB_SECOND},
    {"min", 60 * WSB_SECOND},
    {"h", 3600 * WSB_SECOND},
    {NULL, 0},
};

static const grammar size_grammar = {
    "size",
    "write a number with B, KB, MB, GB, TB, KiB, MiB, GiB or TiB, such as 64MiB; or 'unlimited' "
    "or 'none'",
    size_units};

static const grammar time_grammar = {
    "time",
    "write a number with ns, us, ms, s, min or h, such as 5s or 250ms; or 'unlimited' or 'none'",
    time_units};

/* A decimal number: whole + fraction / scale. */
typedef struct decimal {
    uint64_t whole;
    uint64_t fraction;
    uint64_t scale;
    size_t length; /* bytes of text */
    bool too_large;
} decimal;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool digit_at(wsb_str text, size_t i)
{
    return i < text.len && is_digit(text.data[i]);
}

/* Digits, and after a point at least one more; false where the text does not start so. More than
 * 18 digits after the point, or a whole part beyond 64 bits, set `too_large`. */
static bool read_decimal(wsb_str text, decimal *out)
{
    *out = (decimal){.scale = 1};
    size_t i = 0;
    for (; digit_at(text, i); i++) {
        uint64_t digit = (uint64_t)(text.data[i] - '0');
        if (__builtin_mul_overflow(out->whole, (uint64_t)10, &out->whole) ||
            __builtin_add_overflow(out->whole, digit, &out->whole))
            out->too_large = true;
    }
    if (i == 0)
        return false;
    if (i < text.len && text.data[i] == '.') {
        if (!digit_at(text, i + 1))
            return false;
        for (i++; digit_at(text, i); i++) {
            if (out->scale == 1000000000000000000u) {
                out->too_large = true;
                continue;
            }
            out->fraction = out->fraction * 10 + (uint64_t)(text.data[i] - '0');
            out->scale *= 10;
        }
    }
    out->length = i;
    return true;
}

static const unit *find_unit(const grammar *g, wsb_str name)
{
    for (const unit *u = g->units; u->name; u++)
        if (wsb__str_equal(name, wsb_cstr(u->name)))
            return u;
    return NULL;
}

/* No value's text has to be shown in full to be recognised. */
static int shown(wsb_str text)
{
    return text.len > 60 ? 60 : (int)text.len;
}

static wsb_status refuse(const grammar *g, wsb_str text, const char *why, wsb_error **out_error)
{
    char operation[32] = "read ";
    memcpy(operation + 5, g->what, strlen(g->what) + 1);
    return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT,
                         &(wsb_error_details){.operation = operation, .suggestion = g->accepted},
                         "'%.*s' is not a %s: %s; %s", shown(text), text.data ? text.data : "",
                         g->what, why, g->accepted);
}

static wsb_status scale(const grammar *g, wsb_str text, const decimal *number, uint64_t factor,
                        uint64_t *out_value, wsb_error **out_error)
{
    uint64_t value;
    /* Rounded down: a limit is never larger than what was written. */
    uint64_t part = (uint64_t)((unsigned __int128)number->fraction * factor / number->scale);
    if (number->too_large || __builtin_mul_overflow(number->whole, factor, &value) ||
        __builtin_add_overflow(value, part, &value) || value > WSB__LIMIT_MAX)
        return refuse(g, text, "it does not fit into 63 bits", out_error);
    if (value == 0 && number->fraction > 0)
        return refuse(g, text, "it is less than the smallest unit", out_error);
    /* As a limit 0 would be the default, which nobody who writes a zero means. */
    if (value == 0)
        return refuse(g, text, "zero is said as 'none'", out_error);
    *out_value = value;
    return WSB_OK;
}

static wsb_status parse(const grammar *g, wsb_str text, uint64_t *out_value, wsb_error **out_error)
{
    if (!out_value || (text.len > 0 && !text.data))
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL, "read %s: NULL argument",
                             g->what);
    if (wsb__str_equal(text, wsb_cstr("unlimited"))) {
        *out_value = WSB_UNLIMITED;
        return WSB_OK;
    }
    if (wsb__str_equal(text, wsb_cstr("none"))) {
        *out_value = WSB_NONE;
        return WSB_OK;
    }
    decimal number;
    if (!read_decimal(text, &number))
        return refuse(g, text, "there is no number", out_error);
    wsb_str name = {text.data + number.length, text.len - number.length};
    if (name.len == 0)
        return refuse(g, text, "the unit is missing", out_error);
    const unit *u = find_unit(g, name);
    if (!u)
        return refuse(g, text, "the unit is unknown", out_error);
    return scale(g, text, &number, u->factor, out_value, out_error);
}

wsb_status wsb_parse_size(wsb_str text, uint64_t *out_bytes, wsb_error **out_error)
{
    return parse(&size_grammar, text, out_bytes, out_error);
}

wsb_status wsb_parse_duration(wsb_str text, uint64_t *out_ns, wsb_error **out_error)
{
    return parse(&time_grammar, text, out_ns, out_error);
}
