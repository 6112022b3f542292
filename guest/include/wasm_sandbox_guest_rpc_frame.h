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

/* What a message is made of. */
enum {
    WSB_GUEST_RPC_ID_,
    WSB_GUEST_RPC_VERSION_,
    WSB_GUEST_RPC_METHOD_,
    WSB_GUEST_RPC_PARAMS_,
    WSB_GUEST_RPC_FAILURE_,
    WSB_GUEST_RPC_ANSWER_,
    WSB_GUEST_RPC_MEMBERS_
};

/* The members of an object, in one go; of several with a name the first. */
static inline void wsb_guest_rpc_json_members_(wsb_guest_json object, wsb_guest_json *out_members)
{
    static const char *const names[] = {"id", "jsonrpc", "method", "params", "error", "result"};
    wsb_guest_json_iterator it = wsb_guest_json_each(object);
    wsb_guest_json name, value;
    __builtin_memset(out_members, 0, WSB_GUEST_RPC_MEMBERS_ * sizeof *out_members);
    while (it.object && wsb_guest_json_next(&it, &name, &value)) {
        uint8_t first = name.data[1]; /* at least the closing quote */
        for (uint32_t i = 0; i < WSB_GUEST_RPC_MEMBERS_; i++) {
            if ((first == (uint8_t)names[i][0] || first == '\\') && !out_members[i].len &&
                wsb_guest_json_is(name, names[i])) {
                out_members[i] = value;
                break;
            }
        }
    }
}

static inline wsb_guest_rpc_kind_ wsb_guest_rpc_json_call_(wsb_guest_rpc_message_ *out)
{
    if (wsb_guest_json_type_of(out->method) != WSB_GUEST_JSON_STRING)
        return WSB_GUEST_RPC_INVALID_;
    if (out->params.len) {
        wsb_guest_json_type type = wsb_guest_json_type_of(out->params);
        if (type != WSB_GUEST_JSON_ARRAY && type != WSB_GUEST_JSON_OBJECT)
            return WSB_GUEST_RPC_INVALID_;
    }
    return out->id.len ? WSB_GUEST_RPC_REQUEST_ : WSB_GUEST_RPC_NOTIFICATION_;
}

static inline wsb_guest_rpc_kind_ wsb_guest_rpc_json_kind_(wsb_guest_json object,
                                                           wsb_guest_rpc_message_ *out)
{
    wsb_guest_json members[WSB_GUEST_RPC_MEMBERS_];
    wsb_guest_rpc_json_members_(object, members);
    if (members[WSB_GUEST_RPC_ID_].len && !wsb_guest_rpc_json_id_(members[WSB_GUEST_RPC_ID_]))
        return WSB_GUEST_RPC_INVALID_;
    out->id = members[WSB_GUEST_RPC_ID_];
    out->method = members[WSB_GUEST_RPC_METHOD_];
    out->params = members[WSB_GUEST_RPC_PARAMS_];
    out->result = members[WSB_GUEST_RPC_ANSWER_];
    if (!wsb_guest_json_is(members[WSB_GUEST_RPC_VERSION_], "2.0"))
        return WSB_GUEST_RPC_INVALID_;
    if (out->method.len)
        return wsb_guest_rpc_json_call_(out);
    bool has_error = members[WSB_GUEST_RPC_FAILURE_].len != 0;
    if (has_error == (out->result.len != 0) || !out->id.len ||
        (has_error && !wsb_guest_rpc_json_error_(members[WSB_GUEST_RPC_FAILURE_], out)))
        return WSB_GUEST_RPC_INVALID_;
    return has_error ? WSB_GUEST_RPC_ERROR_ : WSB_GUEST_RPC_RESULT_;
}

/* A value that wsb_guest_json_parse() checked. */
WSB_GUEST_APART_ wsb_guest_rpc_message_ wsb_guest_rpc_read_json_(wsb_guest_json value)
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

WSB_GUEST_APART_ bool wsb_guest_rpc_json_write_result_(wsb_guest_buffer *out, wsb_guest_bytes id,
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

/* Reads method and parameters, up to the end. */
WSB_GUEST_HOT_ bool wsb_guest_rpc_msgpack_call_(wsb_guest_msgpack_reader r,
                                                wsb_guest_rpc_message_ *out)
{
    if (!wsb_guest_msgpack_text(&r, &out->method))
        return false;
    const uint8_t *after = wsb_guest_msgpack_after_(r.at, r.end);
    if (!after || after != r.end)
        return false;
    out->params = wsb_guest_json_slice_(r.at, after);
    return (*r.at >= 0x80 && *r.at < 0xa0) || (*r.at >= 0xdc && *r.at <= 0xdf); /* array or map */
}

/* The id: nil or a number of 32 bits, which comes back as it was written. */
WSB_GUEST_HOT_ bool wsb_guest_rpc_msgpack_id_(wsb_guest_msgpack_reader *r, wsb_guest_bytes *out_id)
{
    const uint8_t *at = r->at;
    uint32_t size = 0;
    int64_t id;
    if (at >= r->end)
        return false;
    if (*at < 0x80 || *at == 0xc0)
        size = 1;
    else if (*at >= 0xcc && *at <= 0xce) /* 8, 16 or 32 bits without a sign */
        size = 1 + (1u << (*at - 0xcc));
    else if ((size = wsb_guest_msgpack_wide_int_(at, wsb_guest_msgpack_rest_(r), &id)) == 0 ||
             id < 0 || id > UINT32_MAX)
        return false;
    if (size > (uint32_t)(r->end - at))
        return false;
    r->at += size;
    *out_id = wsb_guest_json_slice_(at, r->at);
    return true;
}

/* Reads the type and, where there is one, the id of a frame. False: it has no such. */
WSB_GUEST_HOT_ bool wsb_guest_rpc_msgpack_head_(wsb_guest_msgpack_reader *r, int64_t *out_type,
                                                wsb_guest_bytes *out_id)
{
    uint32_t count;
    if (!wsb_guest_msgpack_array(r, &count) || !wsb_guest_msgpack_int(r, out_type))
        return false;
    if (*out_type == 2)
        return count == 3;
    return count == 4 && (*out_type == 0 || *out_type == 1) && wsb_guest_rpc_msgpack_id_(r, out_id);
}

/* Reads a request or notification up to its end: a message of which each part was read is
 * well-formed. False: something else; with the id, if there is one, so that the answer can name
 * it. */
WSB_GUEST_HOT_ bool wsb_guest_rpc_msgpack_read_call_(wsb_guest_bytes frame,
                                                     wsb_guest_rpc_message_ *out)
{
    wsb_guest_msgpack_reader r = wsb_guest_msgpack_read(frame);
    int64_t type;
    if (!wsb_guest_rpc_msgpack_head_(&r, &type, &out->id) || type == 1 ||
        (type == 0 && *out->id.data == 0xc0) || !wsb_guest_rpc_msgpack_call_(r, out))
        return false;
    out->kind = type == 2 ? WSB_GUEST_RPC_NOTIFICATION_ : WSB_GUEST_RPC_REQUEST_;
    return true;
}

/* Reads an answer up to its end. */
static inline wsb_guest_rpc_message_ wsb_guest_rpc_msgpack_read_answer_(wsb_guest_bytes frame)
{
    wsb_guest_rpc_message_ message = wsb_guest_rpc_invalid_();
    wsb_guest_msgpack_reader r = wsb_guest_msgpack_read(frame);
    int64_t type;
    bool good = false;
    if (!wsb_guest_rpc_msgpack_head_(&r, &type, &message.id) || type != 1)
        return message;
    bool result = wsb_guest_msgpack_nil(&r);
    if (result)
        good = wsb_guest_msgpack_skip(&r, &message.result);
    else
        good = wsb_guest_rpc_msgpack_error_(&r, &message) && wsb_guest_msgpack_nil(&r);
    if (good && wsb_guest_msgpack_at_end(&r))
        message.kind = result ? WSB_GUEST_RPC_RESULT_ : WSB_GUEST_RPC_ERROR_;
    return message;
}

/* One value, and nothing behind it. */
WSB_GUEST_HOT_ bool wsb_guest_rpc_is_msgpack_(wsb_guest_bytes data)
{
    const uint8_t *end = wsb_guest_end_(data);
    return data.len && wsb_guest_msgpack_after_(data.data, end) == end;
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

/* The head of an answer, and room for `more` bytes behind it, which are still to be counted. NULL:
 * out of memory. */
WSB_GUEST_HOT_ uint8_t *wsb_guest_rpc_msgpack_answer_to_(wsb_guest_buffer *out, wsb_guest_bytes id,
                                                         uint64_t more)
{
    uint8_t *at = wsb_guest_buffer_room_(out, 3 + (uint64_t)id.len + more);
    if (!at)
        return 0;
    *at++ = 0x94;
    *at++ = 1;
    if (id.len)
        at = wsb_guest_put_(at, id.data, id.len);
    else
        *at++ = 0xc0;
    out->len = (uint32_t)(at - out->data);
    return at;
}

WSB_GUEST_HOT_ bool wsb_guest_rpc_msgpack_write_result_(wsb_guest_buffer *out, wsb_guest_bytes id,
                                                        wsb_guest_bytes result)
{
    uint8_t *at = wsb_guest_rpc_msgpack_answer_to_(out, id, 2 + (uint64_t)result.len);
    if (!at)
        return false;
    *at++ = 0xc0;
    if (result.len)
        at = wsb_guest_put_(at, result.data, result.len);
    else
        *at++ = 0xc0;
    *at = 0;
    out->len = (uint32_t)(at - out->data);
    return true;
}

static inline bool wsb_guest_rpc_msgpack_write_error_(wsb_guest_buffer *out, wsb_guest_bytes id,
                                                      int32_t code, wsb_guest_bytes text)
{
    return wsb_guest_rpc_msgpack_answer_to_(out, id, 0) && wsb_guest_msgpack_write_array(out, 2) &&
           wsb_guest_msgpack_write_int(out, code) && wsb_guest_msgpack_write_text(out, text) &&
           wsb_guest_msgpack_write_nil(out);
}

/* --- either --- */

WSB_GUEST_HOT_ bool wsb_guest_rpc_well_formed_(wsb_guest_rpc_framing framing, wsb_guest_bytes data)
{
    wsb_guest_json value;
    return framing == WSB_GUEST_RPC_JSON ? wsb_guest_json_parse(data, &value)
                                         : wsb_guest_rpc_is_msgpack_(data);
}

WSB_GUEST_APART_ bool wsb_guest_rpc_write_error_(wsb_guest_rpc_framing framing,
                                                 wsb_guest_buffer *out, wsb_guest_bytes id,
                                                 int32_t code, wsb_guest_bytes text)
{
    return framing == WSB_GUEST_RPC_JSON ? wsb_guest_rpc_json_write_error_(out, id, code, text)
                                         : wsb_guest_rpc_msgpack_write_error_(out, id, code, text);
}

WSB_GUEST_APART_ bool wsb_guest_rpc_refuse_(wsb_guest_rpc_framing framing, wsb_guest_bytes id,
                                            int32_t code, const char *text, wsb_guest_buffer *out)
{
    return wsb_guest_rpc_write_error_(framing, out, id, code, wsb_guest_text(text));
}

#endif
