/* Compiling. */
#include <stdlib.h>

#include "backend.h"

wsb_engine_result ca_module_compile(void *engine, wsb_bytes bytes, void **out_module,
                                    wsb_engine_failure *out_failure)
{
    ca_module *module = calloc(1, sizeof *module);
    if (!module)
        return ca_fail_text(out_failure, WSB_ENGINE_FAILED, "out of memory");
    ca_sink place;
    ca_sink_init(&place, out_failure);
    uint32_t result = WSBX_FAILED;
    module->max_stack = ((const ca_engine *)engine)->max_stack;
    module->engine = wsbx_engine_new(module->max_stack);
    module->module = wsbx_module_new(module->engine, bytes.data, bytes.len, &place.sink, &result);
    if (!module->module) {
        ca_module_destroy(module);
        return ca_fail(result, out_failure);
    }
    *out_module = module;
    return WSB_ENGINE_OK;
}

void ca_module_destroy(void *module)
{
    ca_module *self = module;
    if (self->module)
        wasm_module_delete(self->module);
    wasm_engine_delete(self->engine);
    free(self);
}
