#include "runtime/scan.h"

#include "runtime/bounds.h"

#include <wasm_sandbox/plugin/error.h>

static wsb_status failed(const wsbn_result *result, wsb_error **out_error)
{
    wsb_error_details details = {.operation = "load module",
                                 .subject = result->subject,
                                 .used = result->used,
                                 .allowed = result->allowed};
    switch (result->status) {
    case WSBN_INVALID:
        return wsb_error_set(out_error, WSB_ERROR_INVALID_MODULE, &details, "load module: %s",
                             result->message);
    case WSBN_UNSUPPORTED:
        return wsb_error_set(out_error, WSB_ERROR_UNSUPPORTED, &details, "load module: %s",
                             result->message);
    case WSBN_BOUND:
        details.suggestion = "raise this field of wsb_module_bounds, if the module is trusted to "
                             "take the time and memory to compile";
        return wsb_error_set(out_error, WSB_ERROR_LIMIT_EXCEEDED, &details, "load module: %s",
                             result->message);
    default:
        return wsb_error_set(out_error, WSB_ERROR_INTERNAL, &details, "load module: %s",
                             result->message);
    }
}

wsb_status wsb__scan(wsb_bytes source, const wsb_module_bounds *bounds, uint32_t add,
                     wsbn_result *out_result, wsb_error **out_error)
{
    wsbn_options options = {.bounds = wsb__module_bounds_native(bounds), .add = add};
    wsbn_process(source.data, source.len, &options, out_result);
    return out_result->status == WSBN_OK ? WSB_OK : failed(out_result, out_error);
}
