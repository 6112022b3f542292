/* Values of the specification's tests: from JSON, and compared bit by bit. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spec.h"

enum { MAX_LANES = 16 };

/* Numbers are decimal texts of the bits. */
static bool read_bits(const char *text, uint64_t *out_bits)
{
    char *end;
    errno = 0;
    *out_bits = strtoull(text, &end, 10);
    if (text[0] == '-') {
        *out_bits = (uint64_t)strtoll(text, &end, 10);
    }
    return errno == 0 && end != text && *end == '\0';
}

static wsb_value_type type_of(const char *name)
{
    static const struct {
        const char *name;
        wsb_value_type type;
    } types[] = {{"i32", WSB_I32},
                 {"i64", WSB_I64},
                 {"f32", WSB_F32},
                 {"f64", WSB_F64},
                 {"v128", WSB_V128},
                 {"funcref", WSB_FUNCREF},
                 {"externref", WSB_EXTERNREF}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(types[i].name, name) == 0) {
            return types[i].type;
        }
    }
    return WSB_OTHER;
}

static const char *member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

size_t spec_lane_size(const json_t *vector)
{
    const char *type = member(vector, "lane_type");
    if (strcmp(type, "i8") == 0) {
        return 1;
    }
    if (strcmp(type, "i16") == 0) {
        return 2;
    }
    if (strcmp(type, "i32") == 0 || strcmp(type, "f32") == 0) {
        return 4;
    }
    return strcmp(type, "i64") == 0 || strcmp(type, "f64") == 0 ? 8 : 0;
}

static bool read_vector(const json_t *from, uint8_t *out_bytes)
{
    const json_t *lanes = json_object_get(from, "value");
    size_t size = spec_lane_size(from);
    if (size == 0 || json_array_size(lanes) != MAX_LANES / size) {
        return false;
    }
    for (size_t i = 0; i < MAX_LANES / size; i++) {
        const char *text = json_string_value(json_array_get(lanes, i));
        uint64_t bits;
        if (text == NULL || !read_bits(text, &bits)) {
            return false;
        }
        memcpy(out_bytes + i * size, &bits, size);
    }
    return true;
}

bool spec_value_read(const json_t *from, wsb_value *out_value)
{
    const char *text = json_string_value(json_object_get(from, "value"));
    uint64_t bits = 0;
    memset(out_value, 0, sizeof *out_value);
    out_value->type = type_of(member(from, "type"));
    if (out_value->type == WSB_V128) {
        return read_vector(from, out_value->of.v128);
    }
    if (text == NULL || out_value->type == WSB_OTHER) {
        return false;
    }
    if (strcmp(text, "null") == 0) {
        return out_value->type == WSB_FUNCREF || out_value->type == WSB_EXTERNREF;
    }
    if (!read_bits(text, &bits) || out_value->type == WSB_FUNCREF) {
        return false;
    }
    /* A reference is any pointer of the host but null. */
    out_value->of.words[0] = out_value->type == WSB_EXTERNREF ? bits + 1 : bits;
    if (out_value->type == WSB_I32 || out_value->type == WSB_F32) {
        out_value->of.words[0] &= UINT32_MAX;
    }
    return true;
}

/* One number of `size` bytes against its pattern. */
static bool number_matches(const char *pattern, uint64_t bits, size_t size)
{
    uint64_t quiet = size == 4 ? 0x7fc00000u : 0x7ff8000000000000u;
    uint64_t sign = size == 4 ? 0x80000000u : 0x8000000000000000u;
    uint64_t mask = size == 8 ? UINT64_MAX : ((uint64_t)1 << (8 * size)) - 1;
    uint64_t expected;
    if (strcmp(pattern, "nan:canonical") == 0) {
        return (bits & ~sign) == quiet;
    }
    if (strcmp(pattern, "nan:arithmetic") == 0) {
        return (bits & quiet) == quiet;
    }
    return read_bits(pattern, &expected) && (expected & mask) == (bits & mask);
}

static bool vector_matches(const json_t *expected, const uint8_t *bytes)
{
    const json_t *lanes = json_object_get(expected, "value");
    size_t size = spec_lane_size(expected);
    if (size == 0 || json_array_size(lanes) != MAX_LANES / size) {
        return false;
    }
    for (size_t i = 0; i < MAX_LANES / size; i++) {
        const char *pattern = json_string_value(json_array_get(lanes, i));
        uint64_t bits = 0;
        memcpy(&bits, bytes + i * size, size);
        if (pattern == NULL || !number_matches(pattern, bits, size)) {
            return false;
        }
    }
    return true;
}

static bool is_reference(wsb_value_type type)
{
    return type == WSB_FUNCREF || type == WSB_EXTERNREF || type == WSB_OTHER;
}

static bool reference_matches(const json_t *expected, const wsb_value *value)
{
    const char *type = member(expected, "type");
    const char *pattern = json_string_value(json_object_get(expected, "value"));
    if (!is_reference(value->type)) {
        return false;
    }
    if (strncmp(type, "null", 4) == 0 || strcmp(type, "refnull") == 0 ||
        (pattern != NULL && strcmp(pattern, "null") == 0)) {
        return value->of.ref == NULL;
    }
    if (pattern == NULL) {
        return value->of.ref != NULL;
    }
    uint64_t bits;
    return value->type == WSB_EXTERNREF && read_bits(pattern, &bits) &&
           value->of.words[0] == bits + 1;
}

bool spec_value_matches(const json_t *expected, const wsb_value *value)
{
    const char *name = member(expected, "type");
    const json_t *one;
    size_t i;
    if (strcmp(name, "either") == 0) {
        json_array_foreach(json_object_get(expected, "values"), i, one)
        {
            if (spec_value_matches(one, value)) {
                return true;
            }
        }
        return false;
    }
    wsb_value_type type = type_of(name);
    if (is_reference(type)) {
        return reference_matches(expected, value);
    }
    if (type != value->type) {
        return false;
    }
    if (type == WSB_V128) {
        return vector_matches(expected, value->of.v128);
    }
    bool is_short = type == WSB_I32 || type == WSB_F32;
    return number_matches(member(expected, "value"), value->of.words[0], is_short ? 4 : 8);
}

size_t spec_values_halve(wsb_value *values, size_t count, size_t room)
{
    for (size_t i = 0; i < count; i++) {
        if (values[i].type != WSB_V128 || count == room) {
            continue;
        }
        memmove(&values[i + 1], &values[i], (count - i) * sizeof *values);
        count++;
        uint64_t low = values[i].of.words[0], high = values[i].of.words[1];
        values[i] = wsb_value_i64((int64_t)low);
        values[++i] = wsb_value_i64((int64_t)high);
    }
    return count;
}

/* Whether a vector is expected, of whatever lanes. */
static bool expects_vector(const json_t *expected)
{
    if (strcmp(member(expected, "type"), "either") == 0) {
        return expects_vector(json_array_get(json_object_get(expected, "values"), 0));
    }
    return strcmp(member(expected, "type"), "v128") == 0;
}

size_t spec_values_join(wsb_value *values, size_t count, const json_t *expected)
{
    for (size_t i = 0; i < json_array_size(expected) && i + 1 < count; i++) {
        if (!expects_vector(json_array_get(expected, i))) {
            continue;
        }
        uint64_t halves[2] = {values[i].of.words[0], values[i + 1].of.words[0]};
        values[i] = wsb_value_v128((const uint8_t *)halves);
        count--;
        memmove(&values[i + 1], &values[i + 2], (count - i - 1) * sizeof *values);
    }
    return count;
}
