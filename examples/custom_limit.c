/* A limit of one's own: how many queries a guest may make, charged by the host function. */
#include "check.h"

#include <wasm_sandbox/plugin/limit.h>
#include <wasm_sandbox/wasm_sandbox.h>

static const char guest[] =
    "(module (import \"db\" \"query\" (func $query (param i32) (result i32)))"
    "  (func (export \"run\") (param $count i32) (result i32)"
    "    (local $sum i32)"
    "    (block $end (loop $next (br_if $end (i32.eqz (local.get $count)))"
    "      (local.set $sum (i32.add (local.get $sum) (call $query (local.get $count))))"
    "      (local.set $count (i32.sub (local.get $count) (i32.const 1)))"
    "      (br $next)))"
    "    (local.get $sum)))";

static const wsb_limit_ops max_queries = {
    .size = sizeof(wsb_limit_ops),
    .abi_version = WSB_LIMIT_ABI_VERSION,
    .name = "max_queries",
    .unit = "queries",
    .scope = WSB_LIMIT_CALL, /* counts from zero in each call */
    .default_value = 100,
};

static wsb_host_result query(wsb_call_context *context, const wsb_value *args, wsb_value *results,
                             void *user_data)
{
    (void)user_data;
    wsb_status status = wsb_call_context_charge(context, wsb_cstr("max_queries"), 1);
    if (status != WSB_OK) {
        wsb_call_context_fail(context, status, "no more queries in this call");
        return WSB_HOST_TRAP;
    }
    results[0].of.i32 = args[0].of.i32 * 2; /* "the database" */
    return WSB_HOST_DONE;
}

static void on_event(const wsb_event *event, void *user_data)
{
    unsigned *events = user_data;
    printf("event: %s, %llu of %llu used\n", event->subject, (unsigned long long)event->used,
           (unsigned long long)event->allowed);
    ++*events;
}

static wsb_imports *database(void)
{
    static const wsb_value_type integer[] = {WSB_I32};
    wsb_error *error = NULL;
    wsb_imports *imports = NULL;
    wsb_host_function function = WSB_HOST_FUNCTION_INIT;
    function.module = wsb_cstr("db");
    function.name = wsb_cstr("query");
    function.params = function.results = integer;
    function.param_count = function.result_count = 1;
    function.call = query;
    check(wsb_imports_create(&imports, &error), &error);
    check(wsb_imports_define(imports, &function, &error), &error);
    return imports;
}

static wsb_status run(wsb_sandbox *sandbox, wsb_instance_id instance, const char *count)
{
    wsb_error *error = NULL;
    wsb_buf json = WSB_BUF_INIT;
    wsb_status status = wsb_sandbox_call_function_json(sandbox, instance, wsb_cstr("run"),
                                                       wsb_cstr(count), &json, &error);
    printf("%s queries: %s\n", count,
           status == WSB_OK ? (const char *)json.data : wsb_error_message(error));
    wsb_error_destroy(error);
    wsb_buf_fini(&json);
    return status;
}

int main(void)
{
    wsb_error *error = NULL;
    wsb_sandbox *sandbox = NULL;
    wsb_module_id module = 0;
    wsb_instance_id instance = 0;
    unsigned events = 0;
    check(wsb_sandbox_create(NULL, &sandbox, &error), &error);
    /* Before the first module is loaded. */
    check(wsb_runtime_register_limit(wsb_sandbox_runtime(sandbox), &max_queries, &error), &error);
    check(wsb_sandbox_load_module(sandbox, wsb_bytes_of(guest, sizeof guest - 1), &module, &error),
          &error);

    wsb_named_limit named = {wsb_cstr("max_queries"), 3};
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    limits.named = &named;
    limits.named_count = 1;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    config.limits = &limits;
    config.imports = database();
    config.on_event = on_event;
    config.on_event_data = &events;
    check(wsb_sandbox_create_instance(sandbox, module, &config, &instance, &error), &error);

    expect(run(sandbox, instance, "3") == WSB_OK, "three queries");
    expect(run(sandbox, instance, "3") == WSB_OK, "three more in the next call");
    expect(run(sandbox, instance, "4") == WSB_ERROR_LIMIT_EXCEEDED, "the fourth is refused");
    expect(events == 1, "one event");

    wsb_sandbox_destroy(sandbox);
    wsb_imports_destroy(config.imports);
    return 0;
}
