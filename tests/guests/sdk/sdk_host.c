/* Calls functions of the host, and shows what the readers of the SDK make of data. Freestanding. */
#define WSB_GUEST_IMPLEMENTATION
#include <wasm_sandbox_guest.h>
#include <wasm_sandbox_guest_host.h>
#include <wasm_sandbox_guest_json.h>
#include <wasm_sandbox_guest_json_write.h>
#include <wasm_sandbox_guest_msgpack.h>

static wsb_guest_answer answer = WSB_GUEST_ANSWER_INIT;

static wsb_guest_result give(int status)
{
    if (status == WSB_GUEST_OK)
        return wsb_guest_ok(answer.data.data, answer.data.len);
    return wsb_guest_error(status == WSB_GUEST_REMOTE ? answer.code : status,
                           wsb_guest_answer_message(&answer));
}

/* "name\ninput": the name, terminated in place, and the rest. */
static wsb_guest_bytes split(wsb_guest_bytes input, const char **out_name)
{
    uint8_t *text = (uint8_t *)(uintptr_t)input.data;
    uint32_t at = 0;
    while (at + 1 < input.len && text[at] != '\n')
        at++;
    text[at] = 0;
    *out_name = (const char *)text;
    input.data += at + 1;
    input.len -= at + 1;
    return input;
}

WSB_GUEST_FUNCTION(call_json, bytes)
{
    const char *name;
    wsb_guest_bytes rest = split(input, &name);
    return give(wsb_guest_call(name, WSB_GUEST_JSON, rest, &answer));
}

WSB_GUEST_FUNCTION(call_msgpack, bytes)
{
    const char *name;
    wsb_guest_bytes rest = split(input, &name);
    return give(wsb_guest_call_msgpack(name, rest.data, rest.len, &answer));
}

WSB_GUEST_FUNCTION(call_bytes, bytes)
{
    const char *name;
    wsb_guest_bytes rest = split(input, &name);
    return give(wsb_guest_call_bytes(name, rest.data, rest.len, &answer));
}

WSB_GUEST_SCALAR(forget) void forget(void)
{
    wsb_guest_answer_free(&answer);
}

static bool copy_text(wsb_guest_json value, wsb_guest_buffer *out)
{
    wsb_guest_buffer text = WSB_GUEST_BUFFER_INIT;
    bool good = wsb_guest_json_string(value, &text) &&
                wsb_guest_json_write_string(out, wsb_guest_view(&text));
    wsb_guest_buffer_free(&text);
    return good;
}

static bool copy_json(wsb_guest_json value, wsb_guest_buffer *out, int depth);

static bool copy_elements(wsb_guest_json value, wsb_guest_buffer *out, int depth)
{
    wsb_guest_json_iterator it = wsb_guest_json_each(value);
    wsb_guest_json name, element;
    bool good = wsb_guest_buffer_text(out, it.object ? "{" : "[");
    for (uint32_t start = out->len; good && wsb_guest_json_next(&it, &name, &element);) {
        good = (out->len == start || wsb_guest_buffer_text(out, ",")) &&
               (!it.object || (copy_text(name, out) && wsb_guest_buffer_text(out, ":")));
        good = good && copy_json(element, out, depth + 1);
    }
    return good && wsb_guest_buffer_text(out, it.object ? "}" : "]");
}

/* Reads a value and writes it again without spaces: what the reader understood. */
static bool copy_json(wsb_guest_json value, wsb_guest_buffer *out, int depth)
{
    wsb_guest_json_type type = wsb_guest_json_type_of(value);
    int64_t number;
    bool flag;
    if (wsb_guest_json_int(value, &number))
        return wsb_guest_json_write_int(out, number);
    if (wsb_guest_json_bool(value, &flag))
        return wsb_guest_buffer_text(out, flag ? "true" : "false");
    if (type == WSB_GUEST_JSON_STRING)
        return copy_text(value, out);
    if (type < WSB_GUEST_JSON_ARRAY || depth > 20)
        return wsb_guest_buffer_append(out, value.data, value.len);
    return copy_elements(value, out, depth);
}

WSB_GUEST_FUNCTION(read_json, bytes)
{
    wsb_guest_json value;
    wsb_guest_buffer out = WSB_GUEST_BUFFER_INIT;
    if (!wsb_guest_json_parse(input, &value))
        return wsb_guest_error(1, "not JSON");
    if (!copy_json(value, &out, 0))
        return wsb_guest_error(2, "out of memory");
    wsb_guest_result result = wsb_guest_ok(out.data, out.len);
    wsb_guest_buffer_free(&out);
    return result;
}

static bool copy_msgpack(wsb_guest_msgpack_reader *r, wsb_guest_buffer *out, int depth)
{
    wsb_guest_bytes bytes;
    int64_t number;
    double real;
    bool flag;
    uint32_t count;
    if (wsb_guest_msgpack_nil(r))
        return wsb_guest_msgpack_write_nil(out);
    if (wsb_guest_msgpack_bool(r, &flag))
        return wsb_guest_msgpack_write_bool(out, flag);
    if (wsb_guest_msgpack_int(r, &number))
        return wsb_guest_msgpack_write_int(out, number);
    if (wsb_guest_msgpack_real(r, &real))
        return wsb_guest_msgpack_write_real(out, real);
    if (wsb_guest_msgpack_text(r, &bytes))
        return wsb_guest_msgpack_write_text(out, bytes);
    if (wsb_guest_msgpack_binary(r, &bytes))
        return wsb_guest_msgpack_write_binary(out, bytes);
    if (depth > 20)
        return false;
    bool good = false;
    if (wsb_guest_msgpack_array(r, &count)) {
        good = wsb_guest_msgpack_write_array(out, count);
    } else if (wsb_guest_msgpack_map(r, &count)) {
        good = wsb_guest_msgpack_write_map(out, count);
        count *= 2;
    } else {
        return wsb_guest_msgpack_skip(r, &bytes) &&
               wsb_guest_buffer_append(out, bytes.data, bytes.len);
    }
    for (uint32_t i = 0; good && i < count; i++)
        good = copy_msgpack(r, out, depth + 1);
    return good;
}

WSB_GUEST_FUNCTION(read_msgpack, bytes)
{
    wsb_guest_msgpack_reader all = wsb_guest_msgpack_read(input);
    wsb_guest_msgpack_reader r = all;
    wsb_guest_buffer out = WSB_GUEST_BUFFER_INIT;
    if (!wsb_guest_msgpack_skip(&all, 0) || !wsb_guest_msgpack_at_end(&all))
        return wsb_guest_error(1, "not MessagePack");
    if (!copy_msgpack(&r, &out, 0) || !wsb_guest_msgpack_at_end(&r))
        return wsb_guest_error(2, "read otherwise than skipped");
    wsb_guest_result result = wsb_guest_ok(out.data, out.len);
    wsb_guest_buffer_free(&out);
    return result;
}
