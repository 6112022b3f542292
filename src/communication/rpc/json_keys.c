#include "communication/rpc/json_keys.h"

#include "core/alloc.h"
#include "core/buffer.h"

/* Up to here each new key is compared with those before it; larger objects are sorted once, when
 * they end, so that their cost stays about linear whatever they hold. */
#define FEW_KEYS 16u

static wsb_str text_of(const wsb__json_scan *scan, const wsb__json_key *key)
{
    const uint8_t *base = key->is_decoded ? scan->decoded.data : scan->text;
    return (wsb_str){(const char *)base + key->at, key->len};
}

static inline bool same(wsb_str a, wsb_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static bool repeated(wsb__json_scan *scan)
{
    scan->problem = "a key stands twice in an object";
    return false;
}

static bool make_room(wsb__json_scan *scan)
{
    if (scan->key_count < scan->key_capacity)
        return true;
    size_t capacity = scan->key_capacity ? scan->key_capacity * 2 : 16;
    wsb__json_key *keys = wsb__realloc(scan->keys, capacity * sizeof *keys);
    if (!keys) {
        scan->out_of_memory = true;
        return false;
    }
    scan->keys = keys;
    scan->key_capacity = capacity;
    return true;
}

/* Keys are the same when they mean the same text, however it is written. */
static bool make_key(wsb__json_scan *scan, const wsb__json_string *string, wsb__json_key *out)
{
    if (!string->escaped) {
        out->at = (uint32_t)((const uint8_t *)string->raw.data - scan->text);
        out->len = (uint32_t)string->raw.len & 0x7FFFFFFFu;
        out->is_decoded = 0;
        return true;
    }
    size_t start = scan->decoded.len;
    if (wsb__json_decode(string->raw, &scan->decoded) != WSB_OK) {
        scan->out_of_memory = true;
        return false;
    }
    out->at = (uint32_t)start;
    out->len = (uint32_t)(scan->decoded.len - start) & 0x7FFFFFFFu;
    out->is_decoded = 1;
    return true;
}

bool wsb__json_keys_add(wsb__json_scan *scan, uint32_t first, const wsb__json_string *string,
                        wsb_str *out_key)
{
    wsb__json_key key;
    if (!make_room(scan) || !make_key(scan, string, &key))
        return false;
    *out_key = text_of(scan, &key);
    if (scan->key_count - first < FEW_KEYS) {
        for (size_t i = first; i < scan->key_count; i++)
            if (same(text_of(scan, &scan->keys[i]), *out_key))
                return repeated(scan);
    }
    scan->keys[scan->key_count++] = key;
    return true;
}

static int compare(const void *a, const void *b, void *user_data)
{
    wsb_str left = text_of(user_data, a);
    wsb_str right = text_of(user_data, b);
    if (left.len != right.len)
        return left.len < right.len ? -1 : 1;
    return left.len ? memcmp(left.data, right.data, left.len) : 0;
}

bool wsb__json_keys_end(wsb__json_scan *scan, uint32_t first)
{
    size_t count = scan->key_count - first;
    if (count > FEW_KEYS) {
        wsb__json_key *keys = scan->keys + first;
        qsort_r(keys, count, sizeof *keys, compare, scan);
        for (size_t i = 1; i < count; i++)
            if (compare(&keys[i - 1], &keys[i], scan) == 0)
                return repeated(scan);
    }
    scan->key_count = first;
    return true;
}
