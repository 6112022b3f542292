#include "communication/rpc/json_scan.h"

#include "communication/rpc/json_keys.h"
#include "core/alloc.h"
#include "core/utf8.h"

#define IS_ARRAY UINT32_MAX /* in `starts` */

void wsb__json_scan_init(wsb__json_scan *scan)
{
    scan->text = NULL;
    scan->len = scan->at = scan->values = 0;
    scan->problem = NULL;
    scan->out_of_memory = false;
    scan->keys = NULL;
    scan->key_count = scan->key_capacity = 0;
    scan->decoded = (wsb_buf)WSB_BUF_INIT;
}

void wsb__json_scan_fini(wsb__json_scan *scan)
{
    wsb__free(scan->keys);
    wsb_buf_fini(&scan->decoded);
    wsb__json_scan_init(scan);
}

void wsb__json_scan_begin(wsb__json_scan *scan, wsb_bytes text)
{
    scan->text = text.data;
    scan->len = text.len;
    scan->at = scan->values = 0;
    scan->problem = NULL;
    scan->out_of_memory = false;
    scan->key_count = 0;
    scan->decoded.len = 0;
    if (text.len <= WSB__STRUCTURED_MAX_BYTES)
        return;
    scan->len = 0;
    scan->problem = "longer than 64 MiB";
}

static bool fail(wsb__json_scan *scan, const char *problem)
{
    if (!scan->problem)
        scan->problem = problem;
    return false;
}

uint8_t wsb__json_scan_peek(wsb__json_scan *scan)
{
    for (; scan->at < scan->len; scan->at++) {
        uint8_t c = scan->text[scan->at];
        if (c != ' ' && c != '\n' && c != '\t' && c != '\r')
            return c;
    }
    return 0;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first byte is the lowest");

/* How many of eight bytes are plain text before one that is not: a quote, a backslash, below 0x20,
 * from 0x80. A borrow can mark bytes after the first one only. */
static inline size_t count_plain(const uint8_t *p)
{
    const uint64_t ones = 0x0101010101010101u;
    const uint64_t tops = 0x8080808080808080u;
    uint64_t word;
    memcpy(&word, p, sizeof word);
    uint64_t quote = word ^ (ones * '"');
    uint64_t backslash = word ^ (ones * '\\');
    uint64_t low = word - ones * 0x20;
    uint64_t marks = (word | low | (quote - ones) | (backslash - ones)) & tops;
    return marks ? (size_t)__builtin_ctzll(marks) / 8 : sizeof word;
}

/* Four hexadecimal digits; -1 where they are not. */
static int32_t read_unit(const wsb__json_scan *scan, size_t at)
{
    if (scan->len - at < 4)
        return -1;
    int32_t unit = 0;
    for (size_t i = 0; i < 4; i++) {
        uint8_t c = scan->text[at + i];
        int32_t digit = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
        if (c < '0' || (c > '9' && ((c | 0x20) < 'a' || (c | 0x20) > 'f')))
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

/* At the byte after "\u". A high surrogate needs its low one. */
static bool scan_unicode(wsb__json_scan *scan)
{
    int32_t unit = read_unit(scan, scan->at);
    if (unit < 0)
        return fail(scan, "\\u without four hexadecimal digits");
    scan->at += 4;
    if (unit < 0xD800 || unit > 0xDFFF)
        return true;
    bool pair = unit < 0xDC00 && scan->len - scan->at >= 6 && scan->text[scan->at] == '\\' &&
                scan->text[scan->at + 1] == 'u';
    int32_t low = pair ? read_unit(scan, scan->at + 2) : -1;
    if (low < 0xDC00 || low > 0xDFFF)
        return fail(scan, "half of a surrogate pair");
    scan->at += 6;
    return true;
}

static bool scan_escape(wsb__json_scan *scan)
{
    if (scan->len - scan->at < 2)
        return fail(scan, "a string does not end");
    uint8_t c = scan->text[scan->at + 1];
    scan->at += 2;
    if (c == 'u')
        return scan_unicode(scan);
    if (c != 0 && strchr("\"\\/bfnrt", c))
        return true;
    return fail(scan, "an unknown escape");
}

/* One character that is not plain ASCII text. */
static bool scan_special(wsb__json_scan *scan, wsb__json_string *out)
{
    uint8_t c = scan->text[scan->at];
    if (c == '\\') {
        out->escaped = true;
        return scan_escape(scan);
    }
    if (c < 0x20)
        return fail(scan, "a control character in a string");
    size_t length = wsb__utf8_sequence(scan->text + scan->at, scan->len - scan->at);
    if (length == 0)
        return fail(scan, "a string is not UTF-8");
    scan->at += length;
    return true;
}

bool wsb__json_scan_string(wsb__json_scan *scan, wsb__json_string *out)
{
    if (wsb__json_scan_peek(scan) != '"')
        return fail(scan, "a string was expected");
    size_t start = ++scan->at;
    out->escaped = false;
    while (scan->at < scan->len) {
        if (scan->len - scan->at >= 8) {
            size_t plain = count_plain(scan->text + scan->at);
            scan->at += plain;
            if (plain == 8)
                continue;
        }
        uint8_t c = scan->text[scan->at];
        if (c == '"') {
            out->raw = (wsb_str){(const char *)scan->text + start, scan->at++ - start};
            return true;
        }
        if (c >= 0x20 && c < 0x80 && c != '\\')
            scan->at++;
        else if (!scan_special(scan, out))
            return false;
    }
    return fail(scan, "a string does not end");
}

static bool scan_digits(wsb__json_scan *scan)
{
    size_t start = scan->at;
    while (scan->at < scan->len && scan->text[scan->at] >= '0' && scan->text[scan->at] <= '9')
        scan->at++;
    return scan->at > start || fail(scan, "a number without a digit");
}

static bool take(wsb__json_scan *scan, uint8_t c)
{
    bool found = scan->at < scan->len && scan->text[scan->at] == c;
    scan->at += found;
    return found;
}

static bool scan_number(wsb__json_scan *scan)
{
    take(scan, '-');
    if (!take(scan, '0') && !scan_digits(scan))
        return false;
    if (take(scan, '.') && !scan_digits(scan))
        return false;
    if (!take(scan, 'e') && !take(scan, 'E'))
        return true;
    if (!take(scan, '+'))
        take(scan, '-');
    return scan_digits(scan);
}

static bool scan_word(wsb__json_scan *scan, const char *word)
{
    size_t len = strlen(word);
    if (scan->len - scan->at < len || memcmp(scan->text + scan->at, word, len) != 0)
        return fail(scan, "a value was expected");
    scan->at += len;
    return true;
}

static bool scan_scalar(wsb__json_scan *scan, uint8_t first)
{
    wsb__json_string string;
    switch (first) {
    case '"':
        return wsb__json_scan_string(scan, &string);
    case 't':
        return scan_word(scan, "true");
    case 'f':
        return scan_word(scan, "false");
    case 'n':
        return scan_word(scan, "null");
    default:
        if (first != '-' && (first < '0' || first > '9'))
            return fail(scan, "a value was expected");
        return scan_number(scan);
    }
}

/* A key and its colon. */
static bool scan_key(wsb__json_scan *scan, uint32_t first_key, wsb_str *out_key)
{
    wsb__json_string string;
    if (!wsb__json_scan_string(scan, &string) ||
        !wsb__json_keys_add(scan, first_key, &string, out_key))
        return false;
    if (wsb__json_scan_peek(scan) != ':')
        return fail(scan, "a colon was expected");
    scan->at++;
    return true;
}

/* Enters a container. `*out_empty`: it has ended already. */
static bool scan_open(wsb__json_scan *scan, size_t depth, bool is_object, bool *out_empty)
{
    if (depth == WSB__STRUCTURED_MAX_DEPTH)
        return fail(scan, "nested deeper than 512 levels");
    scan->starts[depth] = is_object ? (uint32_t)scan->key_count : IS_ARRAY;
    scan->at++;
    *out_empty = wsb__json_scan_peek(scan) == (is_object ? '}' : ']');
    wsb_str key;
    return *out_empty || !is_object || scan_key(scan, scan->starts[depth], &key);
}

/* After a value: leaves what ends, up to the next value. */
static bool scan_close(wsb__json_scan *scan, size_t *io_depth)
{
    while (*io_depth > 0) {
        uint32_t start = scan->starts[*io_depth - 1];
        bool is_object = start != IS_ARRAY;
        uint8_t c = wsb__json_scan_peek(scan);
        wsb_str key;
        if (c == ',') {
            scan->at++;
            return !is_object || scan_key(scan, start, &key);
        }
        if (c != (is_object ? '}' : ']'))
            return fail(scan, "a comma or the end of an array or object was expected");
        scan->at++;
        if (is_object && !wsb__json_keys_end(scan, start))
            return false;
        --*io_depth;
    }
    return true;
}

static bool scan_nested(wsb__json_scan *scan)
{
    size_t depth = 0;
    do {
        uint8_t c = wsb__json_scan_peek(scan);
        if (++scan->values > WSB__STRUCTURED_MAX_VALUES)
            return fail(scan, "more than 1000000 values");
        if (c == '{' || c == '[') {
            bool empty = false;
            if (!scan_open(scan, depth, c == '{', &empty))
                return false;
            depth++;
            if (!empty)
                continue;
        } else if (!scan_scalar(scan, c)) {
            return false;
        }
        if (!scan_close(scan, &depth))
            return false;
    } while (depth > 0);
    return true;
}

bool wsb__json_scan_value(wsb__json_scan *scan, wsb_bytes *out_value)
{
    if (scan->problem)
        return false;
    wsb__json_scan_peek(scan);
    size_t start = scan->at;
    if (!scan_nested(scan))
        return false;
    *out_value = wsb_bytes_of(scan->text + start, scan->at - start);
    return true;
}

bool wsb__json_scan_end(wsb__json_scan *scan)
{
    wsb__json_scan_peek(scan);
    return scan->at == scan->len || fail(scan, "something follows the value");
}

void wsb__json_object_open(wsb__json_scan *scan, wsb__json_object *object)
{
    scan->at++;
    scan->values++;
    object->first_key = (uint32_t)scan->key_count;
    object->begun = false;
}

bool wsb__json_object_next(wsb__json_scan *scan, wsb__json_object *object, wsb_str *out_key,
                           bool *out_end)
{
    uint8_t c = wsb__json_scan_peek(scan);
    *out_end = c == '}';
    if (*out_end) {
        scan->at++;
        return wsb__json_keys_end(scan, object->first_key);
    }
    if (object->begun) {
        if (c != ',')
            return fail(scan, "a comma or the end of an object was expected");
        scan->at++;
    }
    object->begun = true;
    return scan_key(scan, object->first_key, out_key);
}
