/**
 * @file wasm_sandbox_guest_host.h
 * For guests in C: calling functions of the host by name, with JSON, MessagePack or bytes.
 *
 *     wsb_guest_answer answer = WSB_GUEST_ANSWER_INIT;
 *     if (wsb_guest_call_json("lookup", "{\"id\": 7}", &answer) == WSB_GUEST_OK)
 *         use((const char *)answer.data.data);
 *     else
 *         complain(answer.code, wsb_guest_answer_message(&answer));
 *     wsb_guest_answer_free(&answer);
 *
 * The host defines them with wsb_imports_define_structured(). A guest that uses this header cannot
 * be instantiated where none is defined.
 */
#ifndef WASM_SANDBOX_GUEST_HOST_H
#define WASM_SANDBOX_GUEST_HOST_H

#include <wasm_sandbox_guest_buffer.h>

WSB_GUEST_IMPORT_("wsb_host", "call")
int64_t wsb_guest_host_call_(uintptr_t name, uint32_t name_len, uint32_t encoding, uintptr_t input,
                             uint32_t input_len, uintptr_t room, uint32_t room_len);
WSB_GUEST_IMPORT_("wsb_host", "take")
int64_t wsb_guest_host_take_(uintptr_t room, uint32_t room_len);

/** What input and output of a call are. The host transcodes between JSON and MessagePack. */
typedef enum wsb_guest_encoding {
    WSB_GUEST_JSON = 0,
    WSB_GUEST_MSGPACK = 1,
    WSB_GUEST_BYTES = 2
} wsb_guest_encoding;

/* Splits the status off what the host wrote. */
static inline int wsb_guest_answer_split_(wsb_guest_answer *answer, uint32_t length)
{
    uint8_t *data = answer->data.data;
    if (length < 4)
        return WSB_GUEST_MALFORMED;
    answer->code = (int32_t)((uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 |
                             (uint32_t)data[3] << 24);
    answer->data.len = length - 4;
    for (uint32_t i = 0; i < answer->data.len; i++)
        data[i] = data[i + 4];
    data[answer->data.len] = 0;
    return answer->code ? WSB_GUEST_REMOTE : WSB_GUEST_OK;
}

static inline int wsb_guest_call_(wsb_guest_bytes name, wsb_guest_encoding encoding,
                                  wsb_guest_bytes input, wsb_guest_answer *answer)
{
    wsb_guest_buffer *data = &answer->data;
    data->len = 0;
    if (!wsb_guest_buffer_reserve(data, 256))
        return WSB_GUEST_NO_MEMORY;
    int64_t length = wsb_guest_host_call_(
        wsb_guest_address_(name.data), name.len, (uint32_t)encoding, wsb_guest_address_(input.data),
        input.len, wsb_guest_address_(data->data), data->capacity);
    if (length > (int64_t)data->capacity) {
        if (length > 0x7fffffff || !wsb_guest_buffer_reserve(data, (uint32_t)length))
            return WSB_GUEST_NO_MEMORY;
        length = wsb_guest_host_take_(wsb_guest_address_(data->data), data->capacity);
        if (length > (int64_t)data->capacity)
            return WSB_GUEST_IO; /* not the answer whose length it was */
    }
    return length < 0 ? (int)length : wsb_guest_answer_split_(answer, (uint32_t)length);
}

/**
 * Calls a function of the host and waits for its answer.
 *
 * @param name  UTF-8, terminated
 * @param io_answer  what it held is replaced
 * @return WSB_GUEST_OK; WSB_GUEST_REMOTE (the function's own error: `io_answer->code` and the
 *         message); WSB_GUEST_NOT_FOUND (no such function), WSB_GUEST_MALFORMED (the input),
 *         WSB_GUEST_TOO_LARGE, WSB_GUEST_INVALID (bytes to a function with structured data, or the
 *         other way round), WSB_GUEST_NO_ROOM, WSB_GUEST_NO_MEMORY. Also in `io_answer->status`.
 */
static inline int wsb_guest_call(const char *name, wsb_guest_encoding encoding,
                                 wsb_guest_bytes input, wsb_guest_answer *io_answer)
{
    io_answer->code = 0;
    io_answer->status = wsb_guest_call_(wsb_guest_text(name), encoding, input, io_answer);
    if (io_answer->status != WSB_GUEST_OK && io_answer->status != WSB_GUEST_REMOTE)
        wsb_guest_buffer_clear_(&io_answer->data);
    return io_answer->status;
}

/** The same with JSON text, terminated. */
static inline int wsb_guest_call_json(const char *name, const char *json,
                                      wsb_guest_answer *io_answer)
{
    return wsb_guest_call(name, WSB_GUEST_JSON, wsb_guest_text(json), io_answer);
}

/** The same with MessagePack. */
static inline int wsb_guest_call_msgpack(const char *name, const void *data, uint32_t len,
                                         wsb_guest_answer *io_answer)
{
    wsb_guest_bytes input;
    input.data = (const uint8_t *)data;
    input.len = len;
    return wsb_guest_call(name, WSB_GUEST_MSGPACK, input, io_answer);
}

/** The same with bytes, which nobody interprets. */
static inline int wsb_guest_call_bytes(const char *name, const void *data, uint32_t len,
                                       wsb_guest_answer *io_answer)
{
    wsb_guest_bytes input;
    input.data = (const uint8_t *)data;
    input.len = len;
    return wsb_guest_call(name, WSB_GUEST_BYTES, input, io_answer);
}

#endif
