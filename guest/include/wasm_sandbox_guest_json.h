/**
 * @file wasm_sandbox_guest_json.h
 * For guests in C: reading and writing JSON without a C library and without allocating for what is
 * read: a value is a view of its text.
 *
 *     wsb_guest_json object, count;
 *     int64_t number;
 *     if (wsb_guest_json_parse(input, &object) && wsb_guest_json_get(object, "count", &count) &&
 *         wsb_guest_json_int(count, &number))
 *         …
 *
 * wsb_guest_json_parse() checks the whole text (RFC 8259, UTF-8, at most 512 deep); the others take
 * values that came out of it.
 */
#ifndef WASM_SANDBOX_GUEST_JSON_H
#define WASM_SANDBOX_GUEST_JSON_H

#include <wasm_sandbox_guest_buffer.h>

/** The text of one value. Borrowed from what was parsed. */
typedef wsb_guest_bytes wsb_guest_json;

/** What a value is. */
typedef enum wsb_guest_json_type {
    WSB_GUEST_JSON_NULL,
    WSB_GUEST_JSON_BOOL,
    WSB_GUEST_JSON_NUMBER,
    WSB_GUEST_JSON_STRING,
    WSB_GUEST_JSON_ARRAY,
    WSB_GUEST_JSON_OBJECT
} wsb_guest_json_type;

enum { WSB_GUEST_JSON_DEPTH_ = 512 };

/* Where a text is being read. Private. */
typedef struct wsb_guest_json_reader_ {
    const uint8_t *at;
    const uint8_t *end;
} wsb_guest_json_reader_;

static inline void wsb_guest_json_space_(wsb_guest_json_reader_ *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
        r->at++;
}

static inline bool wsb_guest_json_take_(wsb_guest_json_reader_ *r, uint8_t c)
{
    if (r->at >= r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

static inline bool wsb_guest_json_word_(wsb_guest_json_reader_ *r, const char *word)
{
    for (; *word; word++) {
        if (!wsb_guest_json_take_(r, (uint8_t)*word))
            return false;
    }
    return true;
}

static inline bool wsb_guest_json_digits_(wsb_guest_json_reader_ *r)
{
    const uint8_t *first = r->at;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
        r->at++;
    return r->at > first;
}

static inline bool wsb_guest_json_number_(wsb_guest_json_reader_ *r)
{
    (void)wsb_guest_json_take_(r, '-');
    if (!wsb_guest_json_take_(r, '0') && !wsb_guest_json_digits_(r))
        return false;
    if (wsb_guest_json_take_(r, '.') && !wsb_guest_json_digits_(r))
        return false;
    if (wsb_guest_json_take_(r, 'e') || wsb_guest_json_take_(r, 'E')) {
        if (!wsb_guest_json_take_(r, '+'))
            (void)wsb_guest_json_take_(r, '-');
        return wsb_guest_json_digits_(r);
    }
    return true;
}

/* Four hexadecimal digits, or -1. */
static inline int32_t wsb_guest_json_hex_(wsb_guest_json_reader_ *r)
{
    int32_t value = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t c = r->at < r->end ? *r->at++ : 0;
        if (c >= '0' && c <= '9')
            value = value * 16 + (c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            value = value * 16 + ((c | 32) - 'a' + 10);
        else
            return -1;
    }
    return value;
}

/* The character of an escape, behind its backslash; -1 where it is none. */
static inline int32_t wsb_guest_json_escape_(wsb_guest_json_reader_ *r)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    uint8_t c = r->at < r->end ? *r->at++ : 0;
    for (int i = 0; letters[i]; i++) {
        if (c == (uint8_t)letters[i])
            return values[i];
    }
    if (c != 'u')
        return -1;
    int32_t high = wsb_guest_json_hex_(r);
    if (high < 0xd800 || high > 0xdfff)
        return high;
    if (high > 0xdbff || !wsb_guest_json_take_(r, '\\') || !wsb_guest_json_take_(r, 'u'))
        return -1;
    int32_t low = wsb_guest_json_hex_(r);
    return low < 0xdc00 || low > 0xdfff ? -1 : 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/* Goes to the next quote, backslash, control character or byte beyond ASCII, eight at once. */
static inline void wsb_guest_json_plain_(wsb_guest_json_reader_ *r)
{
    const uint64_t ones = 0x0101010101010101;
    for (uint64_t eight; r->end - r->at >= 8; r->at += 8) {
        __builtin_memcpy(&eight, r->at, 8);
        uint64_t quote = eight ^ ones * '"';
        uint64_t slash = eight ^ ones * '\\';
        uint64_t special = ((eight - ones * 0x20) & ~eight) | ((quote - ones) & ~quote) |
                           ((slash - ones) & ~slash) | eight;
        special &= ones * 0x80; /* the lowest bit is right; only above it can others be wrong */
        if (special) {
            r->at += __builtin_ctzll(special) / 8;
            return;
        }
    }
    while (r->at < r->end && *r->at >= 0x20 && *r->at < 0x80 && *r->at != '"' && *r->at != '\\')
        r->at++;
}

static inline bool wsb_guest_json_string_(wsb_guest_json_reader_ *r)
{
    if (!wsb_guest_json_take_(r, '"'))
        return false;
    for (;;) {
        wsb_guest_json_plain_(r);
        if (r->at >= r->end || *r->at < 0x20)
            return false;
        if (*r->at == '\\') {
            r->at++;
            if (wsb_guest_json_escape_(r) < 0)
                return false;
            continue;
        }
        if (*r->at == '"') {
            r->at++;
            return true;
        }
        uint32_t size = wsb_guest_utf8_(r->at, r->end);
        if (size == 0)
            return false;
        r->at += size;
    }
}

static inline bool wsb_guest_json_scalar_(wsb_guest_json_reader_ *r)
{
    switch (r->at < r->end ? *r->at : 0) {
    case '"':
        return wsb_guest_json_string_(r);
    case 't':
        return wsb_guest_json_word_(r, "true");
    case 'f':
        return wsb_guest_json_word_(r, "false");
    case 'n':
        return wsb_guest_json_word_(r, "null");
    default:
        return wsb_guest_json_number_(r);
    }
}

/* A member's name and colon. */
static inline bool wsb_guest_json_name_(wsb_guest_json_reader_ *r)
{
    wsb_guest_json_space_(r);
    if (!wsb_guest_json_string_(r))
        return false;
    wsb_guest_json_space_(r);
    return wsb_guest_json_take_(r, ':');
}

/* What is open around the value that is read: a bit each, set for an object. */
typedef struct wsb_guest_json_stack_ {
    uint32_t depth;
    uint8_t objects[WSB_GUEST_JSON_DEPTH_ / 8];
} wsb_guest_json_stack_;

static inline bool wsb_guest_json_in_object_(const wsb_guest_json_stack_ *s)
{
    return (s->objects[(s->depth - 1) / 8] >> ((s->depth - 1) % 8) & 1) != 0;
}

static inline bool wsb_guest_json_push_(wsb_guest_json_stack_ *s, bool object)
{
    if (s->depth == WSB_GUEST_JSON_DEPTH_)
        return false;
    uint8_t bit = (uint8_t)(1 << s->depth % 8);
    uint8_t *byte = &s->objects[s->depth++ / 8];
    *byte = object ? (uint8_t)(*byte | bit) : (uint8_t)(*byte & ~bit);
    return true;
}

/* After a value: closes what ends here. True where another value follows, whose name was read. */
static inline bool wsb_guest_json_close_(wsb_guest_json_reader_ *r, wsb_guest_json_stack_ *s,
                                         bool *out_good)
{
    while (s->depth) {
        bool object = wsb_guest_json_in_object_(s);
        wsb_guest_json_space_(r);
        if (wsb_guest_json_take_(r, ',')) {
            *out_good = !object || wsb_guest_json_name_(r);
            return *out_good;
        }
        if (!wsb_guest_json_take_(r, object ? '}' : ']')) {
            *out_good = false;
            return false;
        }
        s->depth--;
    }
    *out_good = true;
    return false;
}

/* Reads over one value, without recursion. */
WSB_GUEST_APART_ bool wsb_guest_json_value_(wsb_guest_json_reader_ *r)
{
    wsb_guest_json_stack_ stack;
    stack.depth = 0;
    bool good = true;
    do {
        wsb_guest_json_space_(r);
        bool object = r->at < r->end && *r->at == '{';
        if (object || (r->at < r->end && *r->at == '[')) {
            r->at++;
            if (!wsb_guest_json_push_(&stack, object))
                return false;
            wsb_guest_json_space_(r);
            if (r->at < r->end && *r->at == (object ? '}' : ']')) {
                stack.depth--;
                r->at++;
            } else {
                good = !object || wsb_guest_json_name_(r);
                if (!good)
                    return false;
                continue;
            }
        } else if (!wsb_guest_json_scalar_(r)) {
            return false;
        }
        if (!wsb_guest_json_close_(r, &stack, &good))
            return good;
    } while (good);
    return false;
}

static inline wsb_guest_json wsb_guest_json_slice_(const uint8_t *from, const uint8_t *to)
{
    wsb_guest_json value;
    value.data = from;
    value.len = (uint32_t)(to - from);
    return value;
}

/** Checks a text, and gives its one value. False: it is not JSON. */
WSB_GUEST_APART_ bool wsb_guest_json_parse(wsb_guest_bytes text, wsb_guest_json *out_value)
{
    wsb_guest_json_reader_ r;
    r.at = text.data;
    r.end = wsb_guest_end_(text);
    wsb_guest_json_space_(&r);
    const uint8_t *first = r.at;
    if (!wsb_guest_json_value_(&r))
        return false;
    const uint8_t *last = r.at;
    wsb_guest_json_space_(&r);
    if (r.at != r.end)
        return false;
    *out_value = wsb_guest_json_slice_(first, last);
    return true;
}

/** What a value is. */
static inline wsb_guest_json_type wsb_guest_json_type_of(wsb_guest_json value)
{
    switch (value.len ? value.data[0] : 'n') {
    case '{':
        return WSB_GUEST_JSON_OBJECT;
    case '[':
        return WSB_GUEST_JSON_ARRAY;
    case '"':
        return WSB_GUEST_JSON_STRING;
    case 't':
    case 'f':
        return WSB_GUEST_JSON_BOOL;
    case 'n':
        return WSB_GUEST_JSON_NULL;
    default:
        return WSB_GUEST_JSON_NUMBER;
    }
}

/** Goes through an array or object: start from wsb_guest_json_each(). */
typedef struct wsb_guest_json_iterator {
    const uint8_t *at;
    const uint8_t *end;
    bool object;
} wsb_guest_json_iterator;

/** Begins; what is neither an array nor an object has no elements. */
static inline wsb_guest_json_iterator wsb_guest_json_each(wsb_guest_json value)
{
    wsb_guest_json_iterator it;
    wsb_guest_json_type type = wsb_guest_json_type_of(value);
    bool nested = type == WSB_GUEST_JSON_ARRAY || type == WSB_GUEST_JSON_OBJECT;
    it.object = type == WSB_GUEST_JSON_OBJECT;
    it.at = nested ? value.data + 1 : value.data;
    it.end = nested ? value.data + value.len - 1 : value.data;
    return it;
}

/** The next element; for an object also its name, a JSON string as it is written (`out_name` may be
 * NULL). False at the end. */
static inline bool wsb_guest_json_next(wsb_guest_json_iterator *it, wsb_guest_json *out_name,
                                       wsb_guest_json *out_value)
{
    wsb_guest_json_reader_ r;
    r.at = it->at;
    r.end = it->end;
    wsb_guest_json_space_(&r);
    (void)wsb_guest_json_take_(&r, ',');
    wsb_guest_json_space_(&r);
    if (r.at >= r.end)
        return false;
    if (it->object) {
        const uint8_t *name = r.at;
        (void)wsb_guest_json_string_(&r);
        if (out_name)
            *out_name = wsb_guest_json_slice_(name, r.at);
        wsb_guest_json_space_(&r);
        (void)wsb_guest_json_take_(&r, ':');
        wsb_guest_json_space_(&r);
    }
    const uint8_t *first = r.at;
    if (!wsb_guest_json_value_(&r))
        return false;
    *out_value = wsb_guest_json_slice_(first, r.at);
    it->at = r.at;
    return true;
}

/* Takes the next character of a string's inside, decoded, up to 4 bytes; its length, 0 at the
 * end. */
static inline uint32_t wsb_guest_json_char_(wsb_guest_json_reader_ *r, uint8_t *out)
{
    if (r->at >= r->end)
        return 0;
    if (*r->at != '\\') {
        out[0] = *r->at++;
        return 1;
    }
    r->at++;
    int32_t c = wsb_guest_json_escape_(r);
    return wsb_guest_utf8_put_(out, c < 0 ? '?' : c);
}

static inline wsb_guest_json_reader_ wsb_guest_json_inside_(wsb_guest_json string)
{
    wsb_guest_json_reader_ r;
    bool is_string = string.len >= 2 && string.data[0] == '"';
    r.at = is_string ? string.data + 1 : string.data;
    r.end = is_string ? string.data + string.len - 1 : string.data;
    return r;
}

/** Whether a JSON string says this terminated text, however it is escaped. */
static inline bool wsb_guest_json_is(wsb_guest_json string, const char *text)
{
    wsb_guest_json_reader_ r = wsb_guest_json_inside_(string);
    uint8_t part[4];
    if (wsb_guest_json_type_of(string) != WSB_GUEST_JSON_STRING)
        return false;
    for (; r.at < r.end && *r.at != '\\'; r.at++, text++) {
        if (!*text || (uint8_t)*text != *r.at)
            return false;
    }
    for (uint32_t size; (size = wsb_guest_json_char_(&r, part)) > 0;) {
        for (uint32_t i = 0; i < size; i++, text++) {
            if (!*text || (uint8_t)*text != part[i])
                return false;
        }
    }
    return !*text;
}

/** The member of an object with that name, the first of several. False: there is none. */
static inline bool wsb_guest_json_get(wsb_guest_json object, const char *name,
                                      wsb_guest_json *out_value)
{
    wsb_guest_json_iterator it = wsb_guest_json_each(object);
    wsb_guest_json key, value;
    while (it.object && wsb_guest_json_next(&it, &key, &value)) {
        if (wsb_guest_json_is(key, name)) {
            *out_value = value;
            return true;
        }
    }
    return false;
}

/** The element of an array at that place. False: there is none. */
static inline bool wsb_guest_json_at(wsb_guest_json array, uint32_t index,
                                     wsb_guest_json *out_value)
{
    wsb_guest_json_iterator it = wsb_guest_json_each(array);
    wsb_guest_json value;
    for (; !it.object && wsb_guest_json_next(&it, 0, &value); index--) {
        if (index == 0) {
            *out_value = value;
            return true;
        }
    }
    return false;
}

/** A whole number that fits. False: another type, a fraction or exponent, or too large. */
static inline bool wsb_guest_json_int(wsb_guest_json value, int64_t *out_number)
{
    uint32_t at = value.len && value.data[0] == '-';
    bool negative = at == 1;
    uint64_t number = 0;
    if (wsb_guest_json_type_of(value) != WSB_GUEST_JSON_NUMBER || at == value.len)
        return false;
    for (; at < value.len; at++) {
        uint8_t digit = (uint8_t)(value.data[at] - '0');
        if (digit > 9 || number > (UINT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    if (number > (uint64_t)INT64_MAX + negative)
        return false;
    *out_number = (int64_t)(negative ? 0 - number : number);
    return true;
}

/** true or false. False (and nothing written): another type. */
static inline bool wsb_guest_json_bool(wsb_guest_json value, bool *out_flag)
{
    if (wsb_guest_json_type_of(value) != WSB_GUEST_JSON_BOOL)
        return false;
    *out_flag = value.data[0] == 't';
    return true;
}

/** Appends what a string says, decoded. False: another type, or out of memory. */
static inline bool wsb_guest_json_string(wsb_guest_json value, wsb_guest_buffer *out_text)
{
    wsb_guest_json_reader_ r = wsb_guest_json_inside_(value);
    uint8_t part[4];
    if (wsb_guest_json_type_of(value) != WSB_GUEST_JSON_STRING ||
        !wsb_guest_buffer_reserve(out_text, out_text->len + value.len))
        return false;
    for (uint32_t size; (size = wsb_guest_json_char_(&r, part)) > 0;) {
        if (!wsb_guest_buffer_append(out_text, part, size))
            return false;
    }
    return true;
}

#endif
