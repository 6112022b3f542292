/*
 * A guest in C that talks: messages over a channel, and a function of the host that takes and
 * returns JSON. The guest is guest_channel_guest.c, compiled to WebAssembly; GUEST is its path.
 */
#include "check.h"

#include <wasm_sandbox/wasm_sandbox.h>

/* JSON in, JSON out. The input is well-formed, and from a guest: believe nothing else of it. */
static wsb_status lookup(wsb_call_context *context, wsb_bytes input, wsb_buf *io_output,
                         void *user_data)
{
    static const char answer[] = "{\"id\": 7, \"name\": \"Ada\"}";
    (void)user_data;
    if (input.len != 1 || input.data[0] != '7')
        return wsb_call_context_report(context, 404, "no user %.*s",
                                       input.len < 20 ? (int)input.len : 20,
                                       (const char *)input.data);
    return wsb_buf_assign(io_output, wsb_bytes_of(answer, sizeof answer - 1));
}

static wsb_sandbox *build(const char *guest, wsb_error **error)
{
    wsb_sandbox_builder *builder = wsb_sandbox_builder_create();
    wsb_sandbox *sandbox = NULL;
    wsb_structured_function function = WSB_STRUCTURED_FUNCTION_INIT;
    function.name = wsb_cstr("lookup");
    function.call = lookup;
    wsb_sandbox_builder_module_path(builder, wsb_cstr(guest));
    wsb_sandbox_builder_channel(builder, wsb_cstr("host"), NULL, wsb_cstr("memory"), NULL);
    wsb_sandbox_builder_structured_function(builder, &function);
    check(wsb_sandbox_builder_build(builder, &sandbox, error), error);
    wsb_sandbox_builder_destroy(builder);
    return sandbox;
}

static void converse(wsb_sandbox *sandbox, wsb_error **error)
{
    wsb_channel *channel = NULL;
    wsb_future *future = NULL;
    wsb_buf data = WSB_BUF_INIT;
    check(wsb_sandbox_channel(sandbox, wsb_cstr("host"), &channel, error), error);
    check(wsb_sandbox_call_json_async(sandbox, wsb_cstr("converse"), wsb_cstr("null"), NULL,
                                      &future, error),
          error);
    for (int i = 0; i < 2; i++) {
        check(wsb_channel_send(channel, wsb_bytes_of("Hello from host", 15), UINT64_MAX, error),
              error);
        check(wsb_channel_receive(channel, &data, 10000000000u, error), error);
        printf("the guest sent: %s\n", (const char *)data.data);
    }
    expect(strcmp((const char *)data.data, "Hello from host - hello from the guest") == 0,
           "the guest answers");
    wsb_channel_close(channel);
    wsb_buf_fini(&data);
    expect(wsb_future_wait(future, UINT64_MAX), "the guest ends");
    check(wsb_future_take_data(future, &data, error), error);
    printf("the guest returned: %s\n", (const char *)data.data);
    wsb_buf_fini(&data);
    wsb_future_destroy(future);
}

static void describe(wsb_sandbox *sandbox, wsb_error **error)
{
    wsb_buf data = WSB_BUF_INIT;
    check(wsb_sandbox_call_json(sandbox, wsb_cstr("describe"), wsb_cstr("7"), &data, error), error);
    printf("the guest knows: %s\n", (const char *)data.data);
    wsb_buf_fini(&data);
    wsb_status status =
        wsb_sandbox_call_json(sandbox, wsb_cstr("describe"), wsb_cstr("8"), &data, error);
    expect(status == WSB_ERROR_GUEST && wsb_error_code(*error) == 404, "the error crosses twice");
    printf("the guest failed: %s (%d)\n", wsb_error_message(*error), (int)wsb_error_code(*error));
    wsb_error_destroy(*error);
    *error = NULL;
}

int main(void)
{
    wsb_error *error = NULL;
    wsb_sandbox *sandbox = build(GUEST, &error);
    converse(sandbox, &error);
    describe(sandbox, &error);
    wsb_sandbox_destroy(sandbox);
    return 0;
}
