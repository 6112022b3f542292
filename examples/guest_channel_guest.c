/* The guest of guest_channel.c: answers messages until the channel is closed, and asks the host
 * for what it does not know. */
#define WSB_GUEST_IMPLEMENTATION
#include <wasm_sandbox_guest.h>
#include <wasm_sandbox_guest_channel.h>
#include <wasm_sandbox_guest_host.h>

WSB_GUEST_FUNCTION(converse, json)
{
    wsb_guest_buffer message = WSB_GUEST_BUFFER_INIT;
    int32_t host = wsb_guest_channel_open("host");
    int status = host < 0 ? host : WSB_GUEST_OK;
    (void)input;
    while (status == WSB_GUEST_OK) {
        status = wsb_guest_channel_receive(host, &message, WSB_GUEST_FOREVER);
        if (status == WSB_GUEST_OK && wsb_guest_buffer_text(&message, " - hello from the guest"))
            status = wsb_guest_channel_send(host, message.data, message.len, WSB_GUEST_FOREVER);
    }
    wsb_guest_buffer_free(&message);
    if (status != WSB_GUEST_CLOSED)
        return wsb_guest_error(status, wsb_guest_status_text(status));
    return wsb_guest_ok_text("\"the host hung up\"");
}

WSB_GUEST_FUNCTION(describe, json)
{
    wsb_guest_answer answer = WSB_GUEST_ANSWER_INIT;
    if (wsb_guest_call("lookup", WSB_GUEST_JSON, input, &answer) != WSB_GUEST_OK)
        return wsb_guest_error(answer.code, wsb_guest_answer_message(&answer));
    wsb_guest_result result = wsb_guest_ok(answer.data.data, answer.data.len);
    wsb_guest_answer_free(&answer);
    return result;
}
