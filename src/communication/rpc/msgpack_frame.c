/* MessagePack-RPC: reading and writing of frames. Of ours are the errors, which the specification
 * leaves open: [code, message] or [code, message, data]; and the id nil, for an answer to what has
 * no id. Source: https://github.com/msgpack-rpc/msgpack-rpc/blob/master/spec.md */
#include "communication/rpc/frame.h"
#include "core/buffer.h"

enum { TYPE_REQUEST = 0, TYPE_RESPONSE = 1, TYPE_NOTIFICATION = 2 };

#define NIL 0xc0

/* What a frame is read with. */
typedef struct cursor {
    wsb_bytes data;
    size_t at;
} cursor;

static uint64_t load(const uint8_t *p, size_t count)
{
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++)
        value = value << 8 | p[i];
    return value;
}

/* The head of an array and how many elements it has. The bytes that follow are not checked. */
static bool read_array(cursor *c, uint64_t *out_count)
{
    size_t left = c->data.len - c->at;
    const uint8_t *p = c->data.data + c->at;
    if (left == 0)
        return false;
    if (p[0] >= 0x90 && p[0] <= 0x9f) {
        *out_count = p[0] & 0x0fu;
        c->at++;
        return true;
    }
    size_t size = p[0] == 0xdc ? 2 : p[0] == 0xdd ? 4 : 0;
    if (size == 0 || left <= size)
        return false;
    *out_count = load(p + 1, size);
    c->at += 1 + size;
    return true;
}

static bool read_value(cursor *c, wsb_bytes *out)
{
    size_t start = c->at;
    if (start < c->data.len && wsb__msgpack_is_single(c->data.data[start]))
        c->at++;
    else if (wsb__msgpack_walk(c->data, &c->at))
        return false;
    *out = wsb_bytes_of(c->data.data + start, c->at - start);
    return true;
}

/* Not negative, up to 64 bits, in whichever size it is written. */
static bool to_unsigned(wsb_bytes value, uint64_t *out)
{
    uint8_t head = value.data[0];
    if (head < 0x80) {
        *out = head;
        return true;
    }
    if (head >= 0xcc && head <= 0xcf) {
        *out = load(value.data + 1, value.len - 1);
        return true;
    }
    /* Signed ones that are not negative. */
    if (head < 0xd0 || head > 0xd3 || (value.data[1] & 0x80))
        return false;
    *out = load(value.data + 1, value.len - 1);
    return true;
}

static bool to_code(wsb_bytes value, int32_t *out)
{
    uint64_t number;
    uint8_t head = value.data[0];
    if (to_unsigned(value, &number)) {
        *out = (int32_t)number;
        return number <= INT32_MAX;
    }
    if (head >= 0xe0) {
        *out = (int32_t)head - 0x100;
        return true;
    }
    if (head < 0xd0 || head > 0xd3)
        return false;
    /* Negative: the bits above those that are written are ones. */
    size_t bits = 8 * (value.len - 1);
    number = load(value.data + 1, value.len - 1);
    if (bits < 64)
        number |= ~(uint64_t)0 << bits;
    *out = (int32_t)number;
    return (int64_t)number >= INT32_MIN;
}

static bool to_text(wsb_bytes value, wsb_str *out)
{
    uint8_t head = value.data[0];
    size_t size = head >= 0xa0 && head <= 0xbf ? 1
                  : head == 0xd9               ? 2
                  : head == 0xda               ? 3
                  : head == 0xdb               ? 5
                                               : 0;
    if (size == 0)
        return false;
    *out = (wsb_str){(const char *)value.data + size, value.len - size};
    return true;
}

static bool is_structured(wsb_bytes value)
{
    uint8_t head = value.data[0];
    return (head >= 0x80 && head <= 0x9f) || (head >= 0xdc && head <= 0xdf);
}

static bool is_nil(wsb_bytes value)
{
    return value.data[0] == NIL;
}

static bool is_id(wsb_bytes value)
{
    uint64_t id;
    return to_unsigned(value, &id) && id <= UINT32_MAX;
}

/* [code, message] or [code, message, data]. */
static bool read_error(wsb_bytes error, wsb__rpc_message *out)
{
    cursor c = {error, 0};
    uint64_t count;
    wsb_bytes value;
    if (!read_array(&c, &count) || count < 2 || count > 3)
        return false;
    if (!read_value(&c, &value) || !to_code(value, &out->code))
        return false;
    if (!read_value(&c, &value) || !to_text(value, &out->text))
        return false;
    return count == 2 || read_value(&c, &out->data);
}

static void as_call(const wsb_bytes *parts, size_t count, wsb__rpc_message *out)
{
    const wsb_bytes *method = &parts[count - 2];
    bool is_request = count == 4;
    out->names_method = to_text(*method, &out->method);
    if (is_request && is_id(parts[1]))
        out->id = parts[1];
    out->params = parts[count - 1];
    if (out->names_method && is_structured(out->params) && (!is_request || out->id.len))
        out->kind = is_request ? WSB__RPC_REQUEST : WSB__RPC_NOTIFICATION;
}

static void as_response(const wsb_bytes *parts, wsb__rpc_message *out)
{
    if (!is_id(parts[1]) && !is_nil(parts[1]))
        return;
    out->id = parts[1];
    if (is_nil(parts[2])) {
        out->result = parts[3];
        out->kind = WSB__RPC_RESULT;
    } else if (is_nil(parts[3]) && read_error(parts[2], out)) {
        out->kind = WSB__RPC_ERROR;
    }
}

static void read_parts(const wsb_bytes *parts, size_t count, wsb__rpc_message *out)
{
    uint64_t type;
    if (!to_unsigned(parts[0], &type))
        return;
    if ((count == 4 && type == TYPE_REQUEST) || (count == 3 && type == TYPE_NOTIFICATION))
        as_call(parts, count, out);
    else if (count == 4 && type == TYPE_RESPONSE)
        as_response(parts, out);
}

static void clear(wsb__rpc_message *message)
{
    message->kind = WSB__RPC_INVALID;
    message->id = wsb_bytes_of(NULL, 0);
    message->names_method = false;
    message->method = (wsb_str){NULL, 0};
    message->params = wsb_bytes_of(NULL, 0);
    message->result = wsb_bytes_of(NULL, 0);
    message->code = 0;
    message->text = (wsb_str){NULL, 0};
    message->data = wsb_bytes_of(NULL, 0);
}

static wsb_status msgpack_open(wsb__rpc_reader *reader)
{
    cursor c = {reader->frame, 0};
    wsb_bytes parts[4];
    uint64_t count = 0;
    clear(&reader->first);
    if (c.data.len > WSB__STRUCTURED_MAX_BYTES || c.data.len == 0)
        return WSB_ERROR_MALFORMED;
    reader->left = 1;
    if (!read_array(&c, &count) || count < 3 || count > 4) {
        c.at = 0;
        reader->left = read_value(&c, &parts[0]) && c.at == c.data.len;
        return reader->left ? WSB_OK : WSB_ERROR_MALFORMED;
    }
    for (size_t i = 0; i < count && reader->left; i++)
        reader->left = read_value(&c, &parts[i]);
    reader->left = reader->left && c.at == c.data.len;
    if (!reader->left)
        return WSB_ERROR_MALFORMED;
    read_parts(parts, (size_t)count, &reader->first);
    if (reader->first.kind == WSB__RPC_INVALID)
        reader->first = (wsb__rpc_message){.kind = WSB__RPC_INVALID,
                                           .id = reader->first.id,
                                           .names_method = reader->first.names_method};
    return WSB_OK;
}

/* There are no batches. */
static wsb_status msgpack_next(wsb__rpc_reader *reader, wsb__rpc_message *out)
{
    *out = reader->first;
    return WSB_OK;
}

static const char *msgpack_check_value(wsb__rpc_reader *reader, wsb_bytes value, bool is_params)
{
    (void)reader;
    size_t at = 0;
    if (value.len > WSB__STRUCTURED_MAX_BYTES)
        return "longer than 64 MiB";
    const char *problem = wsb__msgpack_walk(value, &at);
    if (!problem && at != value.len)
        problem = "bytes follow the value";
    if (!problem && is_params && !is_structured(value))
        problem = "neither an array nor a map";
    return problem;
}

static bool msgpack_read_id(wsb_bytes id, uint64_t *out_id)
{
    return id.len > 0 && to_unsigned(id, out_id);
}

static size_t put_big_endian(uint8_t *out, uint64_t value, size_t count)
{
    for (size_t i = count; i > 0; i--, value >>= 8)
        out[i - 1] = (uint8_t)value;
    return count;
}

static size_t put_unsigned(uint8_t *out, uint64_t value)
{
    if (value < 0x80) {
        out[0] = (uint8_t)value;
        return 1;
    }
    size_t size = value <= UINT8_MAX ? 1 : value <= UINT16_MAX ? 2 : value <= UINT32_MAX ? 4 : 8;
    out[0] = size == 1 ? 0xcc : size == 2 ? 0xcd : size == 4 ? 0xce : 0xcf;
    return 1 + put_big_endian(out + 1, value, size);
}

static size_t put_code(uint8_t *out, int32_t code)
{
    if (code >= 0)
        return put_unsigned(out, (uint64_t)code);
    out[0] = 0xd2;
    return 1 + put_big_endian(out + 1, (uint32_t)code, 4);
}

/* The head of a text, whose bytes follow it. */
static size_t put_text_head(uint8_t *out, size_t len)
{
    if (len < 32) {
        out[0] = (uint8_t)(0xa0 | len);
        return 1;
    }
    size_t size = len <= UINT8_MAX ? 1 : len <= UINT16_MAX ? 2 : 4;
    out[0] = size == 1 ? 0xd9 : size == 2 ? 0xda : 0xdb;
    return 1 + put_big_endian(out + 1, len, size);
}

/* All or nothing. */
static wsb_status append_parts(wsb_buf *out, size_t max, const wsb_bytes *parts, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        if (__builtin_add_overflow(total, parts[i].len, &total))
            return WSB_ERROR_LIMIT_EXCEEDED;
    wsb_status status = wsb__buf_reserve(out, total, max);
    if (status != WSB_OK)
        return status;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0)
            memcpy(out->data + out->len, parts[i].data, parts[i].len);
        out->len += parts[i].len;
    }
    out->data[out->len] = 0;
    return WSB_OK;
}

static const uint8_t nil = NIL;
static const uint8_t no_params = 0x90;

/* A value as it was written, `empty` where there is none. */
static wsb_bytes value_or(wsb_bytes value, const uint8_t *empty)
{
    return value.len > 0 ? value : wsb_bytes_of(empty, 1);
}

static wsb_status msgpack_write_call(wsb_buf *out, size_t max, const uint64_t *id, wsb_str method,
                                     wsb_bytes params)
{
    uint8_t head[24] = {id ? 0x94 : 0x93, id ? TYPE_REQUEST : TYPE_NOTIFICATION};
    size_t used = 2;
    if (id)
        used += put_unsigned(head + used, *id);
    used += put_text_head(head + used, method.len);
    const wsb_bytes parts[] = {wsb_bytes_of(head, used), wsb_bytes_of(method.data, method.len),
                               value_or(params, &no_params)};
    return append_parts(out, max, parts, sizeof parts / sizeof parts[0]);
}

static wsb_status msgpack_write_result(wsb_buf *out, size_t max, wsb_bytes id, wsb_bytes result)
{
    static const uint8_t head[] = {0x94, TYPE_RESPONSE};
    const wsb_bytes parts[] = {wsb_bytes_of(head, sizeof head), value_or(id, &nil),
                               wsb_bytes_of(&nil, 1), value_or(result, &nil)};
    return append_parts(out, max, parts, sizeof parts / sizeof parts[0]);
}

static wsb_status msgpack_write_error(wsb_buf *out, size_t max, wsb_bytes id, int32_t code,
                                      wsb_str text)
{
    static const uint8_t head[] = {0x94, TYPE_RESPONSE};
    uint8_t error[16] = {0x92};
    size_t used = 1 + put_code(error + 1, code);
    used += put_text_head(error + used, text.len);
    const wsb_bytes parts[] = {wsb_bytes_of(head, sizeof head), value_or(id, &nil),
                               wsb_bytes_of(error, used), wsb_bytes_of(text.data, text.len),
                               wsb_bytes_of(&nil, 1)};
    return append_parts(out, max, parts, sizeof parts / sizeof parts[0]);
}

const wsb__rpc_framing wsb__rpc_msgpack = {
    .name = "MessagePack",
    .id_max = UINT32_MAX,
    .batches_frames = false,
    .open = msgpack_open,
    .next = msgpack_next,
    .check_value = msgpack_check_value,
    .read_id = msgpack_read_id,
    .write_call = msgpack_write_call,
    .write_result = msgpack_write_result,
    .write_error = msgpack_write_error,
};
