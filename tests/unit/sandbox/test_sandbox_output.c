/* What a guest that is called again and again prints. */
#include <string.h>

#include "sandbox_support.h"

static const char PRINTS[] =
    "(module (import \"wasi_snapshot_preview1\" \"fd_write\""
    "  (func $fd_write (param i32 i32 i32 i32) (result i32)))"
    " (memory (export \"memory\") 1)"
    " (data (i32.const 0) \"\\40\\00\\00\\00\\64\\00\\00\\00\")"
    " (func (export \"print\") (result i32)"
    "  (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))";

static int32_t print(wsb_sandbox *sandbox, wsb_instance_id id)
{
    wsb_value result;
    wsb_error *error = NULL;
    assert_ok(
        wsb_sandbox_call_function(sandbox, id, wsb_cstr("print"), NULL, 0, &result, 1, &error),
        error);
    return result.of.i32;
}

static size_t output_length(wsb_sandbox *sandbox, wsb_instance_id id, bool *out_truncated)
{
    wsb_buf output = WSB_BUF_INIT;
    wsb_error *error = NULL;
    assert_ok(wsb_sandbox_output(sandbox, id, WSB_STANDARD_OUTPUT, &output, out_truncated, &error),
              error);
    size_t length = output.len;
    wsb_buf_fini(&output);
    return length;
}

static void captured_output_does_not_add_up(void **state)
{
    (void)state;
    wsb_sandbox *sandbox = make_sandbox();
    wsb_capabilities capabilities = WSB_CAPABILITIES_INIT;
    capabilities.standard_output.kind = WSB_OUTPUT_CAPTURE;
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    limits.max_output = 250;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    config.capabilities = &capabilities;
    config.limits = &limits;
    wsb_instance_id id = instantiate(sandbox, PRINTS, &config);
    bool truncated = false;
    for (int i = 0; i < 20; i++)
        assert_int_equal(print(sandbox, id) != 0, i >= 3);
    assert_int_equal(output_length(sandbox, id, &truncated), 250);
    assert_true(truncated);
    wsb_error *error = NULL;
    assert_ok(wsb_sandbox_clear_output(sandbox, id, &error), error);
    assert_int_equal(print(sandbox, id), 0);
    assert_int_equal(output_length(sandbox, id, &truncated), 100);
    assert_false(truncated);
    wsb_status status = wsb_sandbox_clear_output(sandbox, id + 1000, &error);
    assert_fails(status, WSB_ERROR_NOT_FOUND, error, NULL);
    wsb_sandbox_destroy(sandbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captured_output_does_not_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
