#include "host/guest_abi.h"

#include "core/auto.h"
#include "core/buffer.h"
#include "runtime/instance.h"

#include <wasm_sandbox/plugin/error.h>

enum { MAX_LIST = 65536, MAX_SHOWN = 256 };

void wsb__guest_denied(wsb_call_context *context, const char *operation, const char *capability,
                       const uint8_t *name, uint32_t len)
{
    wsb_str detail = {(const char *)name, len < MAX_SHOWN ? len : MAX_SHOWN};
    wsb_call_context_event(context, WSB_EVENT_ACCESS_DENIED, operation, capability, detail, 0, 0);
}

wsb_status wsb__guest_not_granted(const wsb_instance *instance, const char *module_name,
                                  const char *capability, const char *suggestion,
                                  wsb_error **out_error)
{
    const wsb_module_info *info = wsb_module_get_info(instance->module);
    wsb_str module = wsb_cstr(module_name);
    WSB_AUTO_BUF list = WSB_BUF_INIT;
    size_t count = 0;
    for (size_t i = 0; i < info->import_count; i++) {
        const wsb_extern_info *import = &info->imports[i];
        if (!wsb__str_equal(import->module, module))
            continue;
        wsb_status listed =
            wsb__buf_printf(&list, MAX_LIST, "%s'%.*s.%.*s'", count > 0 ? ", " : "",
                            (int)module.len, module.data, (int)import->name.len, import->name.data);
        (void)listed; /* a list too long to be read ends early; the count is right */
        count++;
    }
    wsb_error_details details = {
        .operation = "instantiate", .subject = capability, .used = count, .suggestion = suggestion};
    return wsb_error_set(out_error, WSB_ERROR_UNKNOWN_IMPORT, &details,
                         "instantiate '%s': %zu of its %zu imports cannot be provided: %s (%s are "
                         "not granted: %s)",
                         instance->module->name, count, info->import_count,
                         list.data != NULL ? (const char *)list.data : "", capability, suggestion);
}
