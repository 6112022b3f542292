/* One call does it all. */
#include "sandbox/builder.h"

static wsb_status run(wsb_str path, wsb_str function, wsb_str json_args, uint64_t timeout_ns,
                      wsb_buf *out_json, wsb_error **out_error)
{
    wsb_sandbox_builder *builder = wsb_sandbox_builder_create();
    wsb_sandbox *sandbox = NULL;
    wsb_sandbox_builder_module_path(builder, path);
    wsb_sandbox_builder_timeout(builder, timeout_ns);
    wsb_status status = wsb_sandbox_builder_build(builder, &sandbox, out_error);
    if (status == WSB_OK)
        status = wsb_sandbox_call_json(sandbox, function, json_args, out_json, out_error);
    wsb_sandbox_destroy(sandbox);
    wsb_sandbox_builder_destroy(builder);
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
    /* No time at all is no time, not the default. */
    return run(path, function, json_args, timeout_ns ? timeout_ns : WSB_NONE, out_json, out_error);
}
