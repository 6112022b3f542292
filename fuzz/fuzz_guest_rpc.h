/* What the targets of both framings do with the headers' RPC. */
#ifndef WSB_FUZZ_GUEST_RPC_H
#define WSB_FUZZ_GUEST_RPC_H

#include "fuzz_guest_peer.h"

/* The target's: host and guest read the same of a frame of the target's framing. */
static void compare_frame(wsb_guest_bytes frame);

static wsb_guest_bytes guest_bytes(const void *data, size_t len)
{
    wsb_guest_bytes bytes = {data, (uint32_t)len};
    return bytes;
}

static bool is_same(wsb_guest_bytes guest, const void *data, size_t len)
{
    return guest.len == len && (len == 0 || memcmp(guest.data, data, len) == 0);
}

/* The text that a message has, as its framing writes it, is this. */
static void require_text(wsb_guest_bytes guest, wsb_str host)
{
    wsb_guest_buffer decoded = WSB_GUEST_BUFFER_INIT;
    if (peer.framing == &wsb__rpc_json && guest.len > 0) {
        require(wsb_guest_json_string(guest, &decoded));
        guest = wsb_guest_view(&decoded);
    }
    require(is_same(guest, host.data, host.len));
    wsb_guest_buffer_free(&decoded);
}

/* Both have read the same from the same frame. */
static void require_same(const wsb__rpc_message *host, const wsb_guest_rpc_message_ *guest)
{
    static const wsb_guest_rpc_kind_ kinds[] = {
        [WSB__RPC_REQUEST] = WSB_GUEST_RPC_REQUEST_,
        [WSB__RPC_NOTIFICATION] = WSB_GUEST_RPC_NOTIFICATION_,
        [WSB__RPC_RESULT] = WSB_GUEST_RPC_RESULT_,
        [WSB__RPC_ERROR] = WSB_GUEST_RPC_ERROR_,
        [WSB__RPC_INVALID] = WSB_GUEST_RPC_INVALID_,
    };
    require(guest->kind == kinds[host->kind]);
    /* An invalid one is answered with nil where it has no id. */
    if (host->kind != WSB__RPC_INVALID || host->id.len > 0 || guest->id.len != 1)
        require(is_same(guest->id, host->id.data, host->id.len));
    if (host->kind == WSB__RPC_REQUEST || host->kind == WSB__RPC_NOTIFICATION) {
        require_text(guest->method, host->method);
        require(is_same(guest->params, host->params.data, host->params.len));
    } else if (host->kind == WSB__RPC_RESULT) {
        require(is_same(guest->result, host->result.data, host->result.len));
    } else if (host->kind == WSB__RPC_ERROR) {
        require_text(guest->text, host->text);
        require(guest->code == host->code);
    }
}

/* --- a conversation --- */

static int guest_echo(wsb_guest_rpc_request *request, wsb_guest_buffer *result)
{
    return wsb_guest_buffer_append(result, request->params.data, request->params.len)
               ? WSB_GUEST_OK
               : WSB_GUEST_NO_MEMORY;
}

/* Fails with the text that its parameters begin with, if they do. */
static int guest_fail(wsb_guest_rpc_request *request, wsb_guest_buffer *result)
{
    wsb_guest_json first;
    wsb_guest_bytes text;
    uint32_t count;
    wsb_guest_msgpack_reader r = wsb_guest_msgpack_read(request->params);
    if (peer.framing == &wsb__rpc_json) {
        if (wsb_guest_json_at(request->params, 0, &first))
            (void)wsb_guest_json_string(first, result);
    } else if (wsb_guest_msgpack_array(&r, &count) && wsb_guest_msgpack_text(&r, &text)) {
        (void)wsb_guest_buffer_append(result, text.data, text.len);
    }
    return wsb_guest_rpc_fail(request, (int32_t)result->len, (const char *)result->data);
}

static int guest_broken(wsb_guest_rpc_request *request, wsb_guest_buffer *result)
{
    (void)request;
    return wsb_guest_buffer_text(result, "[") ? WSB_GUEST_OK : WSB_GUEST_NO_MEMORY;
}

/* Calls the other side, and looks for what the headers promise of an answer, whatever came. */
static int call_and_check(wsb_guest_rpc *rpc, wsb_guest_bytes params, wsb_guest_answer *answer)
{
    const wsb_guest_buffer *data = &answer->data;
    uint32_t id = rpc->last_id + 1;
    int status = wsb_guest_rpc_call(rpc, "m", params, WSB_GUEST_FOREVER, answer);
    require(answer->status == status && wsb_guest_answer_message(answer));
    require(data->len == 0 || data->data);
    require(!data->data || data->data[data->len] == 0);
    if (status == WSB_GUEST_OK || status == WSB_GUEST_REMOTE)
        require(was_answered(id, status == WSB_GUEST_REMOTE));
    if (status == WSB_GUEST_OK)
        require(wsb_guest_rpc_well_formed_(guest_framing(), wsb_guest_view(data)));
    else if (status != WSB_GUEST_REMOTE)
        require(data->len == 0);
    return status;
}

/* Calls back twice with its own parameters, and hands on what comes. */
static int guest_call(wsb_guest_rpc_request *request, wsb_guest_buffer *result)
{
    wsb_guest_rpc *rpc = request->user_data;
    wsb_guest_answer answer = WSB_GUEST_ANSWER_INIT;
    int status = WSB_GUEST_OK;
    require(rpc->nested < WSB_GUEST_RPC_NESTED_MAX_);
    for (int i = 0; i < 2; i++)
        status = call_and_check(rpc, request->params, &answer);
    if (status == WSB_GUEST_REMOTE)
        status = wsb_guest_rpc_fail(request, answer.code, wsb_guest_answer_message(&answer));
    else if (status == WSB_GUEST_OK &&
             !wsb_guest_buffer_append(result, answer.data.data, answer.data.len))
        status = WSB_GUEST_NO_MEMORY;
    wsb_guest_answer_free(&answer);
    return status;
}

static int guest_notify(wsb_guest_rpc_request *request, wsb_guest_buffer *result)
{
    (void)result;
    return wsb_guest_rpc_notify(request->user_data, "n\"\\\n", request->params, 0);
}

/* Frames for both lanes in turn: each a line, or of up to 255 bytes after its length. */
static void split(const uint8_t *data, size_t size)
{
    size_t at = 0;
    for (size_t i = 0; i < PEER_FRAMES && at < size; i++) {
        bool json = peer.framing == &wsb__rpc_json;
        const uint8_t *end = json ? memchr(data + at, '\n', size - at) : NULL;
        size_t len = end ? (size_t)(end - data) - at : size - at;
        if (!json) {
            len = data[at] < size - at - 1 ? data[at] : size - at - 1;
            at++;
        }
        peer_lane *lane = &peer.lanes[i % 2];
        lane->frames[lane->count++] = guest_bytes(data + at, len);
        at += len + json;
    }
}

/* The guest calls, serving meanwhile, and then serves what is left. Each answer that it sends is
 * looked at by its peer. */
static void converse(const uint8_t *data, size_t size, size_t until_failure)
{
    static const wsb_guest_rpc_method methods[] = {{"echo", guest_echo},
                                                   {"fail", guest_fail},
                                                   {"broken", guest_broken},
                                                   {"call", guest_call},
                                                   {"notify", guest_notify}};
    const wsb__rpc_framing *framing = peer.framing;
    wsb_guest_answer answer = WSB_GUEST_ANSWER_INIT;
    wsb_guest_rpc rpc;
    memset(&peer, 0, sizeof peer);
    peer.framing = framing;
    peer.capacity = size % 2 ? 16384 : 200;
    peer.until_failure = until_failure;
    split(data, size);
    wsb_guest_rpc_init(&rpc, 3, guest_framing(), methods, 5, &rpc);
    for (int i = 0; i < 2; i++)
        (void)call_and_check(&rpc, guest_bytes(NULL, 0), &answer);
    for (size_t i = 0; i < PEER_FRAMES; i++)
        (void)wsb_guest_rpc_serve_one(&rpc, WSB_GUEST_NO_WAIT);
    peer.until_failure = 0;
    peer.closed = true;
    require(wsb_guest_rpc_serve(&rpc) == WSB_GUEST_OK);
    require(wsb_guest_rpc_serve_one(&rpc, WSB_GUEST_FOREVER) == WSB_GUEST_CLOSED);
    wsb_guest_rpc_free(&rpc);
    wsb_guest_answer_free(&answer);
    require(peer.blocks == 0);
}

/* As part of the input, and with nothing behind it that could be read. */
static void compare_parts(const peer_lane *lane)
{
    for (size_t i = 0; i < lane->count; i++) {
        wsb_guest_bytes part = lane->frames[i];
        uint8_t *copy = malloc(part.len ? part.len : 1);
        require(copy);
        if (part.len > 0)
            memcpy(copy, part.data, part.len);
        compare_frame(guest_bytes(copy, part.len));
        free(copy);
    }
}

/* The input as one frame, then as several, in a conversation with enough memory, and in one where
 * an allocation fails. */
static void fuzz_guest(const wsb__rpc_framing *framing, const uint8_t *data, size_t size)
{
    size_t sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += data[i];
    peer.framing = framing;
    compare_frame(guest_bytes(data, size));
    converse(data, size, 0);
    compare_parts(&peer.lanes[0]);
    compare_parts(&peer.lanes[1]);
    converse(data, size, 1 + sum % 23);
}

#endif
