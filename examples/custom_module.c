/*
 * A host module: functions with state of their own for each instance, made from its capabilities
 * and limits. WASI is built with nothing else. This one gives a guest a small key-value store.
 */
#include "check.h"

#include <wasm_sandbox/plugin/error.h>
#include <wasm_sandbox/plugin/host_module.h>
#include <wasm_sandbox/wasm_sandbox.h>

static const char guest[] =
    "(module"
    "  (import \"store\" \"put\" (func $put (param i32 i64) (result i32)))"
    "  (import \"store\" \"get\" (func $get (param i32) (result i64)))"
    "  (func (export \"put\") (param i32 i64) (result i32)"
    "    (call $put (local.get 0) (local.get 1)))"
    "  (func (export \"get\") (param i32) (result i64) (call $get (local.get 0))))";

enum { SLOTS = 16 };

typedef struct store {
    int64_t slots[SLOTS];
} store;

static wsb_status store_create(wsb_instance *instance, const wsb_capabilities *capabilities,
                               const wsb_resource_limits *limits, void **out_state,
                               wsb_error **out_error)
{
    (void)instance, (void)capabilities, (void)limits;
    store *state = calloc(1, sizeof *state);
    if (!state)
        return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL, "no memory for a store");
    *out_state = state;
    return WSB_OK;
}

static void store_destroy(void *state)
{
    free(state);
}

/* put(slot, value) -> whether there is such a slot */
static wsb_host_result store_put(wsb_call_context *context, wsb_raw_value *values, void *state)
{
    store *self = state;
    uint32_t slot = values[0].u32;
    bool fits = slot < SLOTS;
    (void)context;
    if (fits)
        self->slots[slot] = values[1].i64;
    values[0].i32 = fits;
    return WSB_HOST_DONE;
}

/* get(slot) -> value; traps where there is no such slot */
static wsb_host_result store_get(wsb_call_context *context, wsb_raw_value *values, void *state)
{
    const store *self = state;
    uint32_t slot = values[0].u32;
    if (slot >= SLOTS) {
        wsb_call_context_fail(context, WSB_ERROR_TRAP, "the store has no slot %u", (unsigned)slot);
        return WSB_HOST_TRAP;
    }
    values[0].i64 = self->slots[slot];
    return WSB_HOST_DONE;
}

static const char *const store_names[] = {"store", NULL};
static const wsb_host_module_function store_functions[] = {
    {"put", "iI:i", store_put, true},
    {"get", "i:I", store_get, true},
    {NULL, NULL, NULL, false},
};
static const wsb_host_module_ops store_ops = {
    .size = sizeof(wsb_host_module_ops),
    .abi_version = WSB_HOST_MODULE_ABI_VERSION,
    .id = "example.store",
    .module_names = store_names,
    .functions = store_functions,
    .instance_create = store_create,
    .instance_destroy = store_destroy,
};

static wsb_status call(wsb_sandbox *sandbox, wsb_instance_id instance, const char *name,
                       const char *args, int64_t expected)
{
    wsb_error *error = NULL;
    wsb_buf json = WSB_BUF_INIT;
    wsb_status status = wsb_sandbox_call_function_json(sandbox, instance, wsb_cstr(name),
                                                       wsb_cstr(args), &json, &error);
    printf("%s%s = %s\n", name, args,
           status == WSB_OK ? (const char *)json.data : wsb_error_message(error));
    if (status == WSB_OK)
        expect(strtoll((const char *)json.data, NULL, 10) == expected, name);
    wsb_error_destroy(error);
    wsb_buf_fini(&json);
    return status;
}

int main(void)
{
    wsb_error *error = NULL;
    wsb_sandbox *sandbox = NULL;
    wsb_module_id module = 0;
    wsb_instance_id first = 0, second = 0;
    check(wsb_sandbox_create(NULL, &sandbox, &error), &error);
    /* Before the first module is loaded. */
    check(wsb_runtime_register_host_module(wsb_sandbox_runtime(sandbox), &store_ops, &error),
          &error);
    check(wsb_sandbox_load_module(sandbox, wsb_bytes_of(guest, sizeof guest - 1), &module, &error),
          &error);
    check(wsb_sandbox_create_instance(sandbox, module, NULL, &first, &error), &error);
    check(wsb_sandbox_create_instance(sandbox, module, NULL, &second, &error), &error);

    expect(call(sandbox, first, "put", "[3, 42]", 1) == WSB_OK, "put");
    expect(call(sandbox, first, "get", "[3]", 42) == WSB_OK, "get");
    expect(call(sandbox, second, "get", "[3]", 0) == WSB_OK, "a store of its own");
    expect(call(sandbox, first, "put", "[99, 42]", 0) == WSB_OK, "put beyond the end");
    expect(call(sandbox, first, "get", "[99]", 0) == WSB_ERROR_TRAP, "get beyond the end");

    wsb_sandbox_destroy(sandbox);
    return 0;
}
