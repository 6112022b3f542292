/* One call does it all. */
#include "sandbox/builder.h"
#include "sandbox/state.h"

wsb_status wsb__run_build(wsb_str path, uint64_t limit_ns, wsb_sandbox **out_sandbox,
                          wsb_error **out_error)
{
    wsb_sandbox_builder *builder = wsb_sandbox_builder_create();
    wsb_sandbox_builder_module_path(builder, path);
    wsb_sandbox_builder_timeout(builder, limit_ns);
    wsb_status status = wsb_sandbox_builder_build(builder, out_sandbox, out_error);
    wsb_sandbox_builder_destroy(builder);
    return status;
}

uint64_t wsb__run_limit(uint64_t timeout_ns)
{
    /* No time at all is no time, not the default. */
    return timeout_ns ? timeout_ns : WSB_NONE;
}

static wsb_status run(wsb_str path, wsb_str function, wsb_str json_args, uint64_t limit_ns,
                      wsb_buf *out_json, wsb_error **out_error)
{
    wsb_sandbox *sandbox = NULL;
    wsb_status status = wsb__run_build(path, limit_ns, &sandbox, out_error);
    if (status == WSB_OK)
        status = wsb_sandbox_call_json(sandbox, function, json_args, out_json, out_error);
    wsb_sandbox_destroy(sandbox);
    return status;
}

wsb_status wsb_run(wsb_str path, wsb_str function, wsb_str json_args, wsb_buf *out_json,
                   wsb_error **out_error)
{
    return run(path, function, json_args, 0, out_json, out_error);
}

wsb_status wsb_run_with_timeout(wsb_str path, wsb_str function, wsb_str json_args,
                                uint64_t timeout_ns, wsb_buf *out_json, wsb_error **out_error)
{
    return run(path, function, json_args, wsb__run_limit(timeout_ns), out_json, out_error);
}
