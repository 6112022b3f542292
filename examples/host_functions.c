/*
 * Functions of the host that a guest imports: a typed one, a raw one that reads the guest's
 * memory, and one that waits without breaking the call's deadline.
 */
#include "check.h"

#include <poll.h>
#include <unistd.h>
#include <wasm_sandbox/wasm_sandbox.h>

static const char guest[] =
    "(module"
    "  (import \"host\" \"scale\" (func $scale (param f64) (result f64)))"
    "  (import \"host\" \"log\" (func $log (param i32 i32)))"
    "  (import \"host\" \"receive\" (func $receive (result i32)))"
    "  (memory (export \"memory\") 1)"
    "  (data (i32.const 8) \"hello from the guest\")"
    "  (func (export \"run\") (param f64) (result f64)"
    "    (call $log (i32.const 8) (i32.const 20)) (call $scale (local.get 0)))"
    "  (func (export \"log_far_away\") (call $log (i32.const -16) (i32.const 32)))"
    "  (func (export \"receive\") (result i32) (call $receive)))";

/* Typed: the arguments have the declared types, the results are zeroed. */
static wsb_host_result scale(wsb_call_context *context, const wsb_value *args, wsb_value *results,
                             void *user_data)
{
    (void)context;
    results[0].of.f64 = args[0].of.f64 * *(const double *)user_data;
    return WSB_HOST_DONE;
}

/* Raw: faster. Whatever comes from the guest is checked before it is used. */
static wsb_host_result log_text(wsb_call_context *context, wsb_raw_value *values, void *user_data)
{
    (void)user_data;
    uint32_t offset = values[0].u32, length = values[1].u32;
    uint8_t *text = NULL;
    if (wsb_call_context_memory(context, offset, length, &text) != WSB_OK) {
        wsb_call_context_fail(context, WSB_ERROR_TRAP, "log: %u bytes at %u are not in the memory",
                              (unsigned)length, (unsigned)offset);
        return WSB_HOST_TRAP;
    }
    printf("guest: %.*s\n", (int)length, (const char *)text);
    return WSB_HOST_DONE;
}

typedef struct mailbox {
    struct pollfd fd; /* stays valid while the guest waits */
} mailbox;

static wsb_host_result received(wsb_call_context *context, wsb_raw_value *values, bool ready,
                                void *state)
{
    const mailbox *box = state;
    unsigned char letter;
    (void)context;
    values[0].i32 = ready && read(box->fd.fd, &letter, 1) == 1 ? letter : -1;
    return WSB_HOST_DONE;
}

/* Waits for a byte in a pipe. The deadline and a cancellation end the wait, and the guest. */
static wsb_host_result receive(wsb_call_context *context, wsb_raw_value *values, void *user_data)
{
    mailbox *box = user_data;
    (void)values;
    wsb_call_context_wait(context, &box->fd, 1, UINT64_MAX, received, NULL, box);
    return WSB_HOST_PENDING;
}

static wsb_imports *host_functions(double *factor, mailbox *box)
{
    static const wsb_value_type real[] = {WSB_F64}, integers[] = {WSB_I32, WSB_I32};
    wsb_host_function functions[3] = {WSB_HOST_FUNCTION_INIT, WSB_HOST_FUNCTION_INIT,
                                      WSB_HOST_FUNCTION_INIT};
    functions[0].name = wsb_cstr("scale");
    functions[0].params = functions[0].results = real;
    functions[0].param_count = functions[0].result_count = 1;
    functions[0].call = scale;
    functions[0].user_data = factor;
    functions[1].name = wsb_cstr("log");
    functions[1].params = integers;
    functions[1].param_count = 2;
    functions[1].call_raw = log_text;
    functions[2].name = wsb_cstr("receive");
    functions[2].results = integers;
    functions[2].result_count = 1;
    functions[2].call_raw = receive;
    functions[2].user_data = box;

    wsb_error *error = NULL;
    wsb_imports *imports = NULL;
    check(wsb_imports_create(&imports, &error), &error);
    for (size_t i = 0; i < 3; i++) {
        functions[i].module = wsb_cstr("host");
        check(wsb_imports_define(imports, &functions[i], &error), &error);
    }
    return imports;
}

static wsb_instance_id new_instance(wsb_sandbox *sandbox, wsb_module_id module,
                                    wsb_imports *imports)
{
    wsb_error *error = NULL;
    wsb_instance_id instance = 0;
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    limits.max_wall_time = 250 * WSB_MILLISECOND;
    config.limits = &limits;
    config.imports = imports;
    check(wsb_sandbox_create_instance(sandbox, module, &config, &instance, &error), &error);
    return instance;
}

/* A call that must end with `expected`; the message is the one that a user would see. */
static void call_stopped(wsb_sandbox *sandbox, wsb_instance_id instance, const char *name,
                         wsb_status expected)
{
    wsb_error *error = NULL;
    wsb_buf json = WSB_BUF_INIT;
    wsb_status status = wsb_sandbox_call_function_json(sandbox, instance, wsb_cstr(name),
                                                       wsb_cstr("[]"), &json, &error);
    printf("%s: %s\n", name, wsb_error_message(error));
    expect(status == expected, name);
    wsb_error_destroy(error);
    wsb_buf_fini(&json);
}

int main(void)
{
    wsb_error *error = NULL;
    wsb_sandbox *sandbox = NULL;
    wsb_module_id module = 0;
    double factor = 2.5;
    int ends[2];
    if (pipe(ends) != 0 || write(ends[1], "A", 1) != 1)
        return 1;
    mailbox box = {{ends[0], POLLIN, 0}};

    wsb_imports *imports = host_functions(&factor, &box);
    check(wsb_sandbox_create(NULL, &sandbox, &error), &error);
    check(wsb_sandbox_load_module(sandbox, wsb_bytes_of(guest, sizeof guest - 1), &module, &error),
          &error);
    wsb_instance_id instance = new_instance(sandbox, module, imports);

    wsb_value number = wsb_value_f64(4), letter;
    check(wsb_sandbox_call_function(sandbox, instance, wsb_cstr("run"), &number, 1, &number, 1,
                                    &error),
          &error);
    printf("4 scaled: %g\n", number.of.f64);
    check(wsb_sandbox_call_function(sandbox, instance, wsb_cstr("receive"), NULL, 0, &letter, 1,
                                    &error),
          &error);
    printf("received: %c\n", (char)letter.of.i32);

    /* Nothing comes any more: the deadline ends the wait. The instance is closed then. */
    call_stopped(sandbox, instance, "receive", WSB_ERROR_TIMEOUT);
    call_stopped(sandbox, new_instance(sandbox, module, imports), "log_far_away", WSB_ERROR_TRAP);

    wsb_sandbox_destroy(sandbox);
    wsb_imports_destroy(imports);
    close(ends[0]);
    close(ends[1]);
    return number.of.f64 == 10.0 && letter.of.i32 == 'A' ? 0 : 1;
}
