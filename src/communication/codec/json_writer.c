/* Writes JSON text from an unpacked MessagePack message. Strings were checked to be UTF-8 and the
 * nesting to be bounded (msgpack_check.c). */
#include "communication/codec/codec.h"
#include "core/alloc.h"
#include "core/buffer.h"

#include <math.h>
#include <stdio.h>

typedef struct writer {
    const wsb__site *site;
    wsb_buf *buf;
    wsb_error **out_error;
} writer;

static wsb_status write_value(const writer *w, const msgpack_object *object);

static wsb_status put(const writer *w, const void *text, size_t len)
{
    wsb_status status = wsb__buf_append(w->buf, text, len, WSB__STRUCTURED_MAX_BYTES);
    if (status == WSB_OK)
        return WSB_OK;
    return wsb__site_error(w->site, status, "use wsb_instance_call_bytes()", w->out_error,
                           "no room for %s as JSON", w->site->subject);
}

static wsb_status no_form(const writer *w, const char *what)
{
    return wsb__site_error(w->site, WSB_ERROR_TYPE_MISMATCH,
                           "use MessagePack on both sides, or change the data", w->out_error,
                           "%s hold %s, which JSON cannot say", w->site->subject, what);
}

static wsb_status put_escaped(const writer *w, unsigned char c)
{
    char text[8];
    int len = c == '"' || c == '\\' ? snprintf(text, sizeof text, "\\%c", c)
                                    : snprintf(text, sizeof text, "\\u%04x", c);
    return put(w, text, (size_t)len);
}

static wsb_status write_string(const writer *w, const msgpack_object_str *string)
{
    wsb_status status = put(w, "\"", 1);
    size_t from = 0;
    for (size_t i = 0; i < string->size && status == WSB_OK; i++) {
        unsigned char c = (unsigned char)string->ptr[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        if (from < i)
            status = put(w, string->ptr + from, i - from);
        if (status == WSB_OK)
            status = put_escaped(w, c);
        from = i + 1;
    }
    if (status == WSB_OK && from < string->size)
        status = put(w, string->ptr + from, string->size - from);
    return status == WSB_OK ? put(w, "\"", 1) : status;
}

static wsb_status write_real(const writer *w, double value, bool narrow)
{
    char text[WSB__NUMBER_TEXT];
    if (!isfinite(value))
        return no_form(w, isnan(value) ? "NaN" : "an infinity");
    return put(w, text, narrow ? wsb__print_f32(text, (float)value) : wsb__print_f64(text, value));
}

static wsb_status write_array(const writer *w, const msgpack_object_array *array)
{
    wsb_status status = put(w, "[", 1);
    for (uint32_t i = 0; i < array->size && status == WSB_OK; i++) {
        if (i)
            status = put(w, ",", 1);
        if (status == WSB_OK)
            status = write_value(w, &array->ptr[i]);
    }
    return status == WSB_OK ? put(w, "]", 1) : status;
}

static int compare_keys(const void *left, const void *right)
{
    const msgpack_object_str *a = &(*(const msgpack_object_kv *const *)left)->key.via.str;
    const msgpack_object_str *b = &(*(const msgpack_object_kv *const *)right)->key.via.str;
    size_t shorter = a->size < b->size ? a->size : b->size;
    int order = shorter ? memcmp(a->ptr, b->ptr, shorter) : 0;
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

/* Keys must be strings, each once: readers of JSON disagree about which of two wins. */
static wsb_status check_keys(const writer *w, const msgpack_object_map *map)
{
    for (uint32_t i = 0; i < map->size; i++) {
        if (map->ptr[i].key.type != MSGPACK_OBJECT_STR)
            return no_form(w, "a map key that is not a string");
    }
    if (map->size < 2)
        return WSB_OK;
    const msgpack_object_kv **sorted = wsb__calloc(map->size, sizeof *sorted);
    if (!sorted)
        return wsb__site_error(w->site, WSB_ERROR_OUT_OF_MEMORY, NULL, w->out_error,
                               "out of memory for %s", w->site->subject);
    for (uint32_t i = 0; i < map->size; i++)
        sorted[i] = &map->ptr[i];
    qsort(sorted, map->size, sizeof *sorted, compare_keys);
    bool twice = false;
    for (uint32_t i = 1; i < map->size && !twice; i++)
        twice = compare_keys(&sorted[i - 1], &sorted[i]) == 0;
    wsb__free(sorted);
    return twice ? no_form(w, "a map with the same key twice") : WSB_OK;
}

static wsb_status write_map(const writer *w, const msgpack_object_map *map)
{
    wsb_status status = check_keys(w, map);
    if (status == WSB_OK)
        status = put(w, "{", 1);
    for (uint32_t i = 0; i < map->size && status == WSB_OK; i++) {
        if (i)
            status = put(w, ",", 1);
        if (status == WSB_OK)
            status = write_string(w, &map->ptr[i].key.via.str);
        if (status == WSB_OK)
            status = put(w, ":", 1);
        if (status == WSB_OK)
            status = write_value(w, &map->ptr[i].val);
    }
    return status == WSB_OK ? put(w, "}", 1) : status;
}

static wsb_status write_value(const writer *w, const msgpack_object *object)
{
    char text[WSB__NUMBER_TEXT];
    switch (object->type) {
    case MSGPACK_OBJECT_NIL:
        return put(w, "null", 4);
    case MSGPACK_OBJECT_BOOLEAN:
        return object->via.boolean ? put(w, "true", 4) : put(w, "false", 5);
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        return put(w, text, wsb__print_unsigned(text, object->via.u64));
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return put(w, text, wsb__print_signed(text, object->via.i64));
    case MSGPACK_OBJECT_FLOAT32:
        return write_real(w, object->via.f64, true);
    case MSGPACK_OBJECT_FLOAT64:
        return write_real(w, object->via.f64, false);
    case MSGPACK_OBJECT_STR:
        return write_string(w, &object->via.str);
    case MSGPACK_OBJECT_ARRAY:
        return write_array(w, &object->via.array);
    case MSGPACK_OBJECT_MAP:
        return write_map(w, &object->via.map);
    case MSGPACK_OBJECT_BIN:
        return no_form(w, "binary data");
    default:
        return no_form(w, "an extension type");
    }
}

wsb_status wsb__msgpack_to_json(const wsb__site *site, wsb_bytes data, wsb_buf *out_json,
                                wsb_error **out_error)
{
    msgpack_unpacked message;
    wsb_status status = wsb__msgpack_parse(site, data, &message, out_error);
    if (status != WSB_OK)
        return status;
    writer w = {site, out_json, out_error};
    status = write_value(&w, &message.data);
    msgpack_unpacked_destroy(&message);
    return status;
}
