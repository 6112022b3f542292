/**
 * @file wasm_sandbox_guest_rpc_frame.h
 * For guests in C: the frames of RPC, in both framings. Included by wasm_sandbox_guest_rpc.h.
 */
#ifndef WASM_SANDBOX_GUEST_RPC_FRAME_H
#define WASM_SANDBOX_GUEST_RPC_FRAME_H

#include <wasm_sandbox_guest_json.h>
#include <wasm_sandbox_guest_json_write.h>
#include <wasm_sandbox_guest_msgpack.h>

/** How calls are written; both sides must use the same. */
typedef enum wsb_guest_rpc_framing {
    WSB_GUEST_RPC_JSON = 0,   /**< JSON-RPC 2.0; parameters and results are JSON text */
    WSB_GUEST_RPC_MSGPACK = 1 /**< MessagePack-RPC; parameters and results are MessagePack */
} wsb_guest_rpc_framing;

/** The codes of JSON-RPC 2.0, used in both framings. Your own lie outside of -32768 to -32000. */
typedef enum wsb_guest_rpc_code {
    WSB_GUEST_RPC_PARSE_ERROR = -32700,
    WSB_GUEST_RPC_INVALID_REQUEST = -32600,
    WSB_GUEST_RPC_METHOD_NOT_FOUND = -32601,
    WSB_GUEST_RPC_INVALID_PARAMS = -32602,
    WSB_GUEST_RPC_INTERNAL_ERROR = -32603
} wsb_guest_rpc_code;

typedef enum wsb_guest_rpc_kind_ {
    WSB_GUEST_RPC_REQUEST_,
    WSB_GUEST_RPC_NOTIFICATION_,
    WSB_GUEST_RPC_RESULT_,
    WSB_GUEST_RPC_ERROR_,
    WSB_GUEST_RPC_INVALID_
} wsb_guest_rpc_kind_;

/* One message: views of its frame. Texts are as the framing writes them. */
typedef struct wsb_guest_rpc_message_ {
    wsb_guest_rpc_kind_ kind;
    wsb_guest_bytes id;     /* empty: none */
    wsb_guest_bytes method; /* JSON: a JSON string; MessagePack: text */
    wsb_guest_bytes params; /* empty: none */
    wsb_guest_bytes result;
    wsb_guest_bytes text; /* an error's message, as the method */
    int32_t code;
} wsb_guest_rpc_message_;

static inline wsb_guest_rpc_message_ wsb_guest_rpc_invalid_(void)
{
    wsb_guest_rpc_message_ message;
    __builtin_memset(&message, 0, sizeof message);
    message.kind = WSB_GUEST_RPC_INVALID_;
    return message;
}

/* --- JSON-RPC 2.0 --- */

static inline bool wsb_guest_rpc_json_id_(wsb_guest_json id)
{
    wsb_guest_json_type type = wsb_guest_json_type_of(id);
    return type == WSB_GUEST_JSON_STRING || type == WSB_GUEST_JSON_NUMBER ||
           type == WSB_GUEST_JSON_NULL;
}

static inline bool wsb_guest_rpc_json_error_(wsb_guest_json error, wsb_guest_rpc_message_ *out)
{
    wsb_guest_json code;
    int64_t number;
    if (!wsb_guest_json_get(error, "code", &code) || !wsb_guest_json_int(code, &number) ||
        number != (int32_t)number || !wsb_guest_json_get(error, "message", &out->text) ||
        wsb_guest_json_type_of(out->text) != WSB_GUEST_JSON_STRING)
        return false;
    out->code = (int32_t)number;
    return true;
}

static inline wsb_guest_rpc_kind_ wsb_guest_rpc_json_call_(wsb_guest_json object,
                                                           wsb_guest_rpc_message_ *out)
{
    if (wsb_guest_json_type_of(out->method) != WSB_GUEST_JSON_STRING)
        return WSB_GUEST_RPC_INVALID_;
    if (wsb_guest_json_get(object, "params", &out->params)) {
        wsb_guest_json_type type = wsb_guest_json_type_of(out->params);
        if (type != WSB_GUEST_JSON_ARRAY && type != WSB_GUEST_JSON_OBJECT)
            return WSB_GUEST_RPC_INVALID_;
    }
    return out->id.len ? WSB_GUEST_RPC_REQUEST_ : WSB_GUEST_RPC_NOTIFICATION_;
}

static inline wsb_guest_rpc_kind_ wsb_guest_rpc_json_kind_(wsb_guest_json object,
                                                           wsb_guest_rpc_message_ *out)
{
    wsb_guest_json value;
    if (wsb_guest_json_get(object, "id", &value)) {
        if (!wsb_guest_rpc_json_id_(value))
            return WSB_GUEST_RPC_INVALID_;
        out->id = value;
    }
    if (!wsb_guest_json_get(object, "jsonrpc", &value) || !wsb_guest_json_is(value, "2.0"))
        return WSB_GUEST_RPC_INVALID_;
    if (wsb_guest_json_get(object, "method", &out->method))
        return wsb_guest_rpc_json_call_(object, out);
    bool has_error = wsb_guest_json_get(object, "error", &value);
    bool has_result = wsb_guest_json_get(object, "result", &out->result);
    if (has_error == has_result || !out->id.len ||
        (has_error && !wsb_guest_rpc_json_error_(value, out)))
        return WSB_GUEST_RPC_INVALID_;
    return has_error ? WSB_GUEST_RPC_ERROR_ : WSB_GUEST_RPC_RESULT_;
}

/* A value that wsb_guest_json_parse() checked. */
static inline wsb_guest_rpc_message_ wsb_guest_rpc_read_json_(wsb_guest_json value)
{
    wsb_guest_rpc_message_ message = wsb_guest_rpc_invalid_();
    message.kind = wsb_guest_rpc_json_kind_(value, &message);
    return message;
}

static inline bool wsb_guest_rpc_json_close_(wsb_guest_buffer *out, const char *name,
                                             wsb_guest_bytes value, const char *otherwise)
{
    return wsb_guest_buffer_text(out, name) &&
           (value.len ? wsb_guest_buffer_append(out, value.data, value.len)
                      : wsb_guest_buffer_text(out, otherwise)) &&
           wsb_guest_buffer_text(out, "}");
}

static inline bool wsb_guest_rpc_json_write_call_(wsb_guest_buffer *out, const uint32_t *id,
                                                  wsb_guest_bytes method, wsb_guest_bytes params)
{
    return wsb_guest_buffer_text(out, "{\"jsonrpc\":\"2.0\",") &&
           (!id || (wsb_guest_buffer_text(out, "\"id\":") && wsb_guest_json_write_int(out, *id) &&
                    wsb_guest_buffer_text(out, ","))) &&
           wsb_guest_buffer_text(out, "\"method\":") && wsb_guest_json_write_string(out, method) &&
           (params.len ? wsb_guest_rpc_json_close_(out, ",\"params\":", params, "")
                       : wsb_guest_buffer_text(out, "}"));
}

static inline bool wsb_guest_rpc_json_write_result_(wsb_guest_buffer *out, wsb_guest_bytes id,
                                                    wsb_guest_bytes result)
{
    return wsb_guest_buffer_text(out, "{\"jsonrpc\":\"2.0\",\"result\":") &&
           (result.len ? wsb_guest_buffer_append(out, result.data, result.len)
                       : wsb_guest_buffer_text(out, "null")) &&
           wsb_guest_rpc_json_close_(out, ",\"id\":", id, "null");
}

static inline bool wsb_guest_rpc_json_write_error_(wsb_guest_buffer *out, wsb_guest_bytes id,
                                                   int32_t code, wsb_guest_bytes text)
{
    return wsb_guest_buffer_text(out, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":") &&
           wsb_guest_json_write_int(out, code) && wsb_guest_buffer_text(out, ",\"message\":") &&
           wsb_guest_json_write_string(out, text) &&
           wsb_guest_rpc_json_close_(out, "},\"id\":", id, "null");
}

/* --- MessagePack-RPC: [0, id, method, params], [1, id, error, result], [2, method, params] --- */

static inline bool wsb_guest_rpc_msgpack_error_(wsb_guest_msgpack_reader *r,
                                                wsb_guest_rpc_message_ *out)
{
    uint32_t count;
    int64_t code;
    if (!wsb_guest_msgpack_array(r, &count) || count < 2 || count > 3 ||
        !wsb_guest_msgpack_int(r, &code) || code != (int32_t)code ||
        !wsb_guest_msgpack_text(r, &out->text))
        return false;
    out->code = (int32_t)code;
    return count == 2 || wsb_guest_msgpack_skip(r, 0);
}

static inline bool wsb_guest_rpc_msgpack_answer_(wsb_guest_msgpack_reader *r,
                                                 wsb_guest_rpc_message_ *out)
{
    if (wsb_guest_msgpack_nil(r)) {
        out->kind = WSB_GUEST_RPC_RESULT_;
        return wsb_guest_msgpack_skip(r, &out->result);
    }
    out->kind = WSB_GUEST_RPC_ERROR_;
    return wsb_guest_rpc_msgpack_error_(r, out) && wsb_guest_msgpack_nil(r);
}

static inline bool wsb_guest_rpc_msgpack_call_(wsb_guest_msgpack_reader *r,
                                               wsb_guest_rpc_message_ *out)
{
    uint32_t count;
    wsb_guest_msgpack_reader inside;
    if (!wsb_guest_msgpack_text(r, &out->method))
        return false;
    inside = *r;
    return wsb_guest_msgpack_skip(r, &out->params) &&
           (wsb_guest_msgpack_array(&inside, &count) || wsb_guest_msgpack_map(&inside, &count));
}

/* The id, also where what follows is wrong, so that the answer can name it. */
static inline bool wsb_guest_rpc_msgpack_id_(wsb_guest_msgpack_reader *r,
                                             wsb_guest_rpc_message_ *out)
{
    int64_t id;
    const uint8_t *first = r->at;
    if (wsb_guest_msgpack_nil(r)) {
        out->id = wsb_guest_json_slice_(first, r->at);
        return true;
    }
    if (!wsb_guest_msgpack_int(r, &id) || id < 0 || id > UINT32_MAX)
        return false;
    out->id = wsb_guest_json_slice_(first, r->at);
    return true;
}

static inline bool wsb_guest_rpc_msgpack_parts_(wsb_guest_msgpack_reader *r,
                                                wsb_guest_rpc_message_ *out)
{
    uint32_t count;
    int64_t type;
    if (!wsb_guest_msgpack_array(r, &count) || !wsb_guest_msgpack_int(r, &type))
        return false;
    if (type == 2 && count == 3) {
        out->kind = WSB_GUEST_RPC_NOTIFICATION_;
        return wsb_guest_rpc_msgpack_call_(r, out);
    }
    if (count != 4 || (type != 0 && type != 1) || !wsb_guest_rpc_msgpack_id_(r, out))
        return false;
    if (type == 1)
        return wsb_guest_rpc_msgpack_answer_(r, out);
    out->kind = WSB_GUEST_RPC_REQUEST_;
    return out->id.data[0] != 0xc0 && wsb_guest_rpc_msgpack_call_(r, out);
}

/* A frame that wsb_guest_msgpack_skip() checked. */
static inline wsb_guest_rpc_message_ wsb_guest_rpc_read_msgpack_(wsb_guest_bytes frame)
{
    wsb_guest_rpc_message_ message = wsb_guest_rpc_invalid_();
    wsb_guest_msgpack_reader r = wsb_guest_msgpack_read(frame);
    if (!wsb_guest_rpc_msgpack_parts_(&r, &message) || !wsb_guest_msgpack_at_end(&r))
        message.kind = WSB_GUEST_RPC_INVALID_;
    return message;
}

static inline bool wsb_guest_rpc_msgpack_write_call_(wsb_guest_buffer *out, const uint32_t *id,
                                                     wsb_guest_bytes method, wsb_guest_bytes params)
{
    return wsb_guest_msgpack_write_array(out, id ? 4 : 3) &&
           wsb_guest_msgpack_write_int(out, id ? 0 : 2) &&
           (!id || wsb_guest_msgpack_write_int(out, *id)) &&
           wsb_guest_msgpack_write_text(out, method) &&
           (params.len ? wsb_guest_buffer_append(out, params.data, params.len)
                       : wsb_guest_msgpack_write_array(out, 0));
}

static inline bool wsb_guest_rpc_msgpack_answer_to_(wsb_guest_buffer *out, wsb_guest_bytes id)
{
    return wsb_guest_msgpack_write_array(out, 4) && wsb_guest_msgpack_write_int(out, 1) &&
           (id.len ? wsb_guest_buffer_append(out, id.data, id.len)
                   : wsb_guest_msgpack_write_nil(out));
}

static inline bool wsb_guest_rpc_msgpack_write_result_(wsb_guest_buffer *out, wsb_guest_bytes id,
                                                       wsb_guest_bytes result)
{
    return wsb_guest_rpc_msgpack_answer_to_(out, id) && wsb_guest_msgpack_write_nil(out) &&
           (result.len ? wsb_guest_buffer_append(out, result.data, result.len)
                       : wsb_guest_msgpack_write_nil(out));
}

static inline bool wsb_guest_rpc_msgpack_write_error_(wsb_guest_buffer *out, wsb_guest_bytes id,
                                                      int32_t code, wsb_guest_bytes text)
{
    return wsb_guest_rpc_msgpack_answer_to_(out, id) && wsb_guest_msgpack_write_array(out, 2) &&
           wsb_guest_msgpack_write_int(out, code) && wsb_guest_msgpack_write_text(out, text) &&
           wsb_guest_msgpack_write_nil(out);
}

#endif
