#include <stdio.h>
#include <string.h>
#include <wasm_sandbox/wasm_sandbox.h>

int main(void)
{
    const char *module = "(module (func (export \"add\") (param i32 i32) (result i32)"
                         "  local.get 0 local.get 1 i32.add))";
    wsb_sandbox *sandbox = NULL;
    wsb_module_id id;
    wsb_instance_id instance;
    wsb_buf result = WSB_BUF_INIT;
    wsb_error *error = NULL;

    bool ok = wsb_sandbox_create(NULL, &sandbox, &error) == WSB_OK &&
              wsb_sandbox_load_module(sandbox, wsb_bytes_of(module, strlen(module)), &id, &error) ==
                  WSB_OK &&
              wsb_sandbox_create_instance(sandbox, id, NULL, &instance, &error) == WSB_OK &&
              wsb_sandbox_call_function_json(sandbox, instance, wsb_cstr("add"), wsb_cstr("[5, 3]"),
                                             &result, &error) == WSB_OK;
    if (ok)
        printf("%s\n", (const char *)result.data);
    else
        fprintf(stderr, "%s\n", wsb_error_message(error));

    wsb_error_destroy(error);
    wsb_buf_fini(&result);
    wsb_sandbox_destroy(sandbox);
    return ok ? 0 : 1;
}
