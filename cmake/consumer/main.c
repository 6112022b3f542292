/* Uses the installed library as a stranger would: public headers only, the default engine. */
#include <wasm_sandbox/wasm_sandbox.h>

#include <stdio.h>

static const char module_text[] = "(module (func (export \"add\") (param i32 i32) (result i32)"
                                  "  (i32.add (local.get 0) (local.get 1))))";

static int fail(const char *what, wsb_error *error)
{
    fprintf(stderr, "%s: %s\n", what, error ? wsb_error_message(error) : "no details");
    wsb_error_destroy(error);
    return 1;
}

int main(void)
{
    wsb_error *error = NULL;
    wsb_sandbox *sandbox = NULL;
    wsb_module_id module = 0;
    wsb_instance_id instance = 0;
    if (wsb_sandbox_create(NULL, &sandbox, &error) != WSB_OK)
        return fail("create", error);
    if (wsb_sandbox_load_module(sandbox, wsb_bytes_of(module_text, sizeof module_text - 1), &module,
                                &error) != WSB_OK)
        return fail("load", error);
    if (wsb_sandbox_create_instance(sandbox, module, NULL, &instance, &error) != WSB_OK)
        return fail("instantiate", error);

    wsb_value args[2] = {wsb_value_i32(5), wsb_value_i32(3)};
    wsb_value result = wsb_value_i32(0);
    if (wsb_sandbox_call_function(sandbox, instance, wsb_cstr("add"), args, 2, &result, 1,
                                  &error) != WSB_OK)
        return fail("call", error);
    wsb_buf json = WSB_BUF_INIT;
    if (wsb_sandbox_call_function_json(sandbox, instance, wsb_cstr("add"), wsb_cstr("[40, 2]"),
                                       &json, &error) != WSB_OK)
        return fail("call with JSON", error);
    printf("wasm-sandbox %s: add(5, 3) = %d, add(40, 2) = %s\n", wsb_version(), result.of.i32,
           (const char *)json.data);
    int wrong = result.of.i32 != 8 || json.len != 2 || memcmp(json.data, "42", 2) != 0;
    wsb_buf_fini(&json);
    wsb_sandbox_destroy(sandbox);
    return wrong;
}
