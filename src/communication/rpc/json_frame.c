/* JSON-RPC 2.0: reading and writing of frames. Source: https://www.jsonrpc.org/specification */
#include "communication/rpc/frame.h"
#include "core/buffer.h"

/* What the members of an object said, before it is known what they make together. */
typedef struct members {
    bool version;
    bool has_method;
    bool has_params;
    bool has_result;
    bool has_error;
    bool wrong; /* one that is there cannot be what its name says */
} members;

static wsb_status scan_status(const wsb__rpc_reader *reader)
{
    return reader->scan.out_of_memory ? WSB_ERROR_OUT_OF_MEMORY : WSB_ERROR_MALFORMED;
}

static bool is_string(wsb_bytes value)
{
    return value.data[0] == '"';
}

static bool is_structured(wsb_bytes value)
{
    return value.data[0] == '[' || value.data[0] == '{';
}

static bool is_id(wsb_bytes value)
{
    uint8_t c = value.data[0];
    return c == '"' || c == '-' || c == 'n' || (c >= '0' && c <= '9');
}

/* The inside of a checked string: of the frame where it has no escapes, else of `text`. */
static wsb_status string_text(wsb_bytes value, wsb_buf *text, wsb_str *out)
{
    wsb_str raw = {(const char *)value.data + 1, value.len - 2};
    *out = raw;
    if (!memchr(raw.data, '\\', raw.len))
        return WSB_OK;
    text->len = 0;
    wsb_status status = wsb__json_decode(raw, text);
    if (status == WSB_OK)
        *out = (wsb_str){(const char *)text->data, text->len};
    return status;
}

/* Inlined, the compiler knows the name's length. */
static inline bool is_name(wsb_str key, const char *name)
{
    return key.len == strlen(name) && memcmp(key.data, name, strlen(name)) == 0;
}

/* Exactly, also where it is written with escapes. */
static wsb_status read_version(wsb_bytes value, wsb_buf *text, members *seen)
{
    wsb_str version;
    if (!is_string(value))
        return WSB_OK;
    wsb_status status = string_text(value, text, &version);
    seen->version = status == WSB_OK && is_name(version, "2.0");
    return status;
}

/* An integer of 32 bits, as text. */
static bool read_code(wsb_bytes value, int32_t *out)
{
    bool negative = value.data[0] == '-';
    size_t i = negative;
    int64_t code = 0;
    if (value.len - i == 0 || value.len - i > 10)
        return false;
    for (; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return false;
        code = code * 10 + (value.data[i] - '0');
    }
    code = negative ? -code : code;
    *out = (int32_t)code;
    return code >= INT32_MIN && code <= INT32_MAX;
}

/* The error object of a response. Returns false where the scan failed. */
static bool read_error(wsb__rpc_reader *reader, wsb__rpc_message *out, wsb_bytes *out_text,
                       bool *out_right)
{
    wsb__json_object object;
    wsb_str key;
    bool end = false;
    bool has_code = false;
    wsb__json_object_open(&reader->scan, &object);
    while (wsb__json_object_next(&reader->scan, &object, &key, &end) && !end) {
        bool is_code = is_name(key, "code");
        bool is_message = is_name(key, "message");
        bool is_data = is_name(key, "data");
        wsb_bytes value;
        if (!wsb__json_scan_value(&reader->scan, &value))
            return false;
        if (is_code)
            has_code = read_code(value, &out->code);
        else if (is_message && is_string(value))
            *out_text = value;
        else if (is_data)
            out->data = value;
    }
    *out_right = has_code && out_text->len > 0;
    return end;
}

typedef enum member { VERSION, METHOD, PARAMS, ID, RESULT, ERROR, OTHER } member;

static member find_member(wsb_str key)
{
    static const struct {
        const char *name;
        size_t len;
    } names[] = {
        [VERSION] = {"jsonrpc", 7}, [METHOD] = {"method", 6}, [PARAMS] = {"params", 6},
        [ID] = {"id", 2},           [RESULT] = {"result", 6}, [ERROR] = {"error", 5},
    };
    member found = VERSION;
    while (found < OTHER &&
           (key.len != names[found].len || memcmp(key.data, names[found].name, key.len) != 0))
        found++;
    return found;
}

/* A value that was read; `io_text` takes what is to be decoded. */
static wsb_status take_member(wsb__rpc_reader *reader, member name, wsb_bytes value, members *seen,
                              wsb__rpc_message *out, wsb_bytes *io_text)
{
    switch (name) {
    case VERSION:
        return read_version(value, &reader->text, seen);
    case METHOD:
        seen->has_method = true;
        seen->wrong = seen->wrong || !is_string(value);
        *io_text = is_string(value) ? value : *io_text;
        break;
    case PARAMS:
        seen->has_params = true;
        seen->wrong = seen->wrong || !is_structured(value);
        out->params = value;
        break;
    case ID:
        seen->wrong = seen->wrong || !is_id(value);
        out->id = is_id(value) ? value : out->id;
        break;
    case RESULT:
        seen->has_result = true;
        out->result = value;
        break;
    case ERROR: /* not an object */
        seen->has_error = true;
        seen->wrong = true;
        break;
    default:
        break;
    }
    return WSB_OK;
}

static wsb_status read_member(wsb__rpc_reader *reader, wsb_str key, members *seen,
                              wsb__rpc_message *out, wsb_bytes *io_text)
{
    wsb_bytes value;
    member name = find_member(key);
    if (name == ERROR && wsb__json_scan_peek(&reader->scan) == '{') {
        bool right = false;
        seen->has_error = true;
        if (!read_error(reader, out, io_text, &right))
            return scan_status(reader);
        seen->wrong = seen->wrong || !right;
        return WSB_OK;
    }
    if (!wsb__json_scan_value(&reader->scan, &value))
        return scan_status(reader);
    return take_member(reader, name, value, seen, out, io_text);
}

static wsb__rpc_kind kind_of(const members *seen, const wsb__rpc_message *message)
{
    bool answers = seen->has_result || seen->has_error;
    bool calls = seen->has_method || seen->has_params;
    if (seen->wrong || !seen->version || answers == calls)
        return WSB__RPC_INVALID;
    if (calls) {
        if (!seen->has_method)
            return WSB__RPC_INVALID;
        return message->id.len > 0 ? WSB__RPC_REQUEST : WSB__RPC_NOTIFICATION;
    }
    if (seen->has_result == seen->has_error || message->id.len == 0)
        return WSB__RPC_INVALID;
    return seen->has_error ? WSB__RPC_ERROR : WSB__RPC_RESULT;
}

/* Makes of the members what they are together. */
static wsb_status finish_message(wsb__rpc_reader *reader, const members *seen, wsb_bytes text,
                                 wsb__rpc_message *out)
{
    out->kind = kind_of(seen, out);
    if (out->kind == WSB__RPC_INVALID) {
        *out = (wsb__rpc_message){
            .kind = WSB__RPC_INVALID, .id = out->id, .names_method = seen->has_method};
        return WSB_OK;
    }
    wsb_str decoded = {"", 0};
    wsb_status status = text.len > 0 ? string_text(text, &reader->text, &decoded) : WSB_OK;
    if (out->kind == WSB__RPC_ERROR)
        out->text = decoded;
    else
        out->method = decoded;
    return status;
}

/* At a '{'. */
static wsb_status read_message(wsb__rpc_reader *reader, wsb__rpc_message *out)
{
    members seen = {0};
    wsb_bytes text = {NULL, 0};
    wsb__json_object object;
    wsb_str key;
    bool end = false;
    *out = (wsb__rpc_message){.kind = WSB__RPC_INVALID};
    wsb__json_object_open(&reader->scan, &object);
    while (wsb__json_object_next(&reader->scan, &object, &key, &end) && !end) {
        wsb_status status = read_member(reader, key, &seen, out, &text);
        if (status != WSB_OK)
            return status;
    }
    return end ? finish_message(reader, &seen, text, out) : scan_status(reader);
}

/* An object or not, as an element of a batch or alone. */
static wsb_status read_element(wsb__rpc_reader *reader, wsb__rpc_message *out)
{
    if (wsb__json_scan_peek(&reader->scan) == '{')
        return read_message(reader, out);
    wsb_bytes value;
    *out = (wsb__rpc_message){.kind = WSB__RPC_INVALID};
    return wsb__json_scan_value(&reader->scan, &value) ? WSB_OK : scan_status(reader);
}

/* Checks all of a batch and counts its elements, before any of them is acted on. */
static wsb_status open_batch(wsb__rpc_reader *reader)
{
    wsb__json_scan *scan = &reader->scan;
    wsb_bytes value;
    size_t start = ++scan->at;
    size_t count = 0;
    if (wsb__json_scan_peek(scan) != ']') {
        do {
            scan->at += count > 0; /* the comma */
            if (!wsb__json_scan_value(scan, &value))
                return scan_status(reader);
            count++;
        } while (wsb__json_scan_peek(scan) == ',');
    }
    if (wsb__json_scan_peek(scan) != ']')
        return WSB_ERROR_MALFORMED;
    scan->at++;
    if (!wsb__json_scan_end(scan))
        return scan_status(reader);
    scan->at = start;
    scan->values = 0;
    scan->decoded.len = 0;
    reader->is_batch = true;
    reader->left = count;
    return WSB_OK;
}

static wsb_status json_open(wsb__rpc_reader *reader)
{
    wsb__json_scan_begin(&reader->scan, reader->frame);
    if (reader->scan.problem)
        return WSB_ERROR_MALFORMED;
    if (wsb__json_scan_peek(&reader->scan) == '[')
        return open_batch(reader);
    wsb_status status = read_element(reader, &reader->first);
    if (status == WSB_OK && !wsb__json_scan_end(&reader->scan))
        status = scan_status(reader);
    reader->left = status == WSB_OK;
    return status;
}

static wsb_status json_next(wsb__rpc_reader *reader, wsb__rpc_message *out)
{
    wsb_status status = read_element(reader, out);
    if (status == WSB_OK && wsb__json_scan_peek(&reader->scan) == ',')
        reader->scan.at++;
    return status;
}

static const char *json_check_value(wsb__rpc_reader *reader, wsb_bytes value, bool is_params)
{
    wsb__json_scan *scan = &reader->check;
    wsb_bytes whole;
    wsb__json_scan_begin(scan, value);
    if (!wsb__json_scan_value(scan, &whole) || !wsb__json_scan_end(scan))
        return scan->problem ? scan->problem : "out of memory";
    return is_params && !is_structured(whole) ? "neither an array nor an object" : NULL;
}

/* Ours are written as plain integers; nobody has a reason to give them back otherwise. */
static bool json_read_id(wsb_bytes id, uint64_t *out_id)
{
    uint64_t value = 0;
    if (id.len == 0 || id.len > 16)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        if (id.data[i] < '0' || id.data[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(id.data[i] - '0');
    }
    *out_id = value;
    return true;
}

static wsb_status append_text(wsb_buf *out, size_t max, const char *text)
{
    return wsb__buf_append(out, text, strlen(text), max);
}

/* `name`, then a value as it was written, "null" where there is none. */
static wsb_status append_member(wsb_buf *out, size_t max, const char *name, wsb_bytes value)
{
    wsb_status status = append_text(out, max, name);
    if (status != WSB_OK)
        return status;
    return value.len ? wsb__buf_append(out, value.data, value.len, max)
                     : append_text(out, max, "null");
}

static wsb_status json_write_call(wsb_buf *out, size_t max, const uint64_t *id, wsb_str method,
                                  wsb_bytes params)
{
    wsb_status status = append_text(out, max, "{\"jsonrpc\":\"2.0\",\"method\":");
    if (status == WSB_OK)
        status = wsb__json_quote(method, out, max);
    if (status == WSB_OK && params.len > 0)
        status = append_member(out, max, ",\"params\":", params);
    if (status == WSB_OK && id) {
        char number[WSB__NUMBER_TEXT];
        size_t len = wsb__print_unsigned(number, *id);
        status = append_member(out, max, ",\"id\":", wsb_bytes_of(number, len));
    }
    return status == WSB_OK ? append_text(out, max, "}") : status;
}

static wsb_status json_write_result(wsb_buf *out, size_t max, wsb_bytes id, wsb_bytes result)
{
    wsb_status status = append_member(out, max, "{\"jsonrpc\":\"2.0\",\"result\":", result);
    if (status == WSB_OK)
        status = append_member(out, max, ",\"id\":", id);
    return status == WSB_OK ? append_text(out, max, "}") : status;
}

static wsb_status json_write_error(wsb_buf *out, size_t max, wsb_bytes id, int32_t code,
                                   wsb_str text)
{
    char number[WSB__NUMBER_TEXT];
    size_t len = wsb__print_signed(number, code);
    wsb_status status = append_member(
        out, max, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":", wsb_bytes_of(number, len));
    if (status == WSB_OK)
        status = append_text(out, max, ",\"message\":");
    if (status == WSB_OK)
        status = wsb__json_quote(text, out, max);
    if (status == WSB_OK)
        status = append_member(out, max, "},\"id\":", id);
    return status == WSB_OK ? append_text(out, max, "}") : status;
}

const wsb__rpc_framing wsb__rpc_json = {
    .name = "JSON",
    .id_max = ((uint64_t)1 << 53) - 1, /* what every reader of JSON keeps exactly */
    .batches_frames = true,
    .open = json_open,
    .next = json_next,
    .check_value = json_check_value,
    .read_id = json_read_id,
    .write_call = json_write_call,
    .write_result = json_write_result,
    .write_error = json_write_error,
};
