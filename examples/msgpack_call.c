/*
 * A call with MessagePack: an array of the arguments goes in, the result comes out. The bytes are
 * written by hand here; a program would use its MessagePack library.
 */
#include "check.h"

#include <wasm_sandbox/wasm_sandbox.h>

static const char guest[] = "(module (func (export \"add\") (param i32 i32) (result i32)"
                            "  (i32.add (local.get 0) (local.get 1))))";

int main(void)
{
    static const uint8_t args[] = {0x92, 0x05, 0x03};      /* [5, 3] */
    static const uint8_t broken[] = {0x92, 0x05};          /* an array that is cut off */
    static const uint8_t text[] = {0x92, 0x05, 0xa1, '3'}; /* [5, "3"] */
    const wsb_bytes wrong[] = {{broken, sizeof broken}, {text, sizeof text}};
    const wsb_status expected[] = {WSB_ERROR_MALFORMED, WSB_ERROR_TYPE_MISMATCH};
    wsb_error *error = NULL;
    wsb_sandbox *sandbox = NULL;
    wsb_module_id module = 0;
    wsb_instance_id instance = 0;
    wsb_buf result = WSB_BUF_INIT;

    check(wsb_sandbox_create(NULL, &sandbox, &error), &error);
    check(wsb_sandbox_load_module(sandbox, wsb_bytes_of(guest, sizeof guest - 1), &module, &error),
          &error);
    check(wsb_sandbox_create_instance(sandbox, module, NULL, &instance, &error), &error);
    check(wsb_sandbox_call_function_msgpack(sandbox, instance, wsb_cstr("add"),
                                            wsb_bytes_of(args, sizeof args), &result, &error),
          &error);
    expect(result.len == 1 && result.data[0] == 8, "the integer 8");
    printf("add: %d\n", result.data[0]);

    /* What does not fit is refused before the guest runs, and the instance can still be used. */
    for (size_t i = 0; i < 2; i++) {
        wsb_status status = wsb_sandbox_call_function_msgpack(sandbox, instance, wsb_cstr("add"),
                                                              wrong[i], &result, &error);
        report(status, error);
        expect(status == expected[i], "a refusal");
        wsb_error_destroy(error);
        error = NULL;
    }
    wsb_buf_fini(&result);
    wsb_sandbox_destroy(sandbox);
    return 0;
}
