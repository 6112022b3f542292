/* Compiled modules as bytes, by the standard's functions. */
#include <stdlib.h>

#include "backend.h"

wsb_engine_result ca_module_serialize(void *module, void (*emit)(wsb_bytes bytes, void *user_data),
                                      void *user_data, wsb_engine_failure *out_failure)
{
    wasm_byte_vec_t bytes = {0, NULL};
    wasm_module_serialize(((const ca_module *)module)->module, &bytes);
    if (!bytes.data)
        return ca_fail_text(out_failure, WSB_ENGINE_FAILED, "the module could not be serialized");
    emit(wsb_bytes_of(bytes.data, bytes.size), user_data);
    wasm_byte_vec_delete(&bytes);
    return WSB_ENGINE_OK;
}

/* Only reads `bytes`, though the standard's type says otherwise. */
static wasm_module_t *deserialize(wasm_engine_t *engine, wsb_bytes bytes)
{
    wasm_store_t *store = wasm_store_new(engine);
    const wasm_byte_vec_t vec = {bytes.len, (wasm_byte_t *)(uintptr_t)bytes.data};
    wasm_module_t *module = wasm_module_deserialize(store, &vec);
    wasm_store_delete(store);
    return module;
}

wsb_engine_result ca_module_deserialize(void *engine, wsb_bytes bytes, void **out_module,
                                        wsb_engine_failure *out_failure)
{
    ca_module *module = calloc(1, sizeof *module);
    if (!module)
        return ca_fail_text(out_failure, WSB_ENGINE_FAILED, "out of memory");
    module->max_stack = ((const ca_engine *)engine)->max_stack;
    module->engine = wsbx_engine_new(module->max_stack);
    module->module = deserialize(module->engine, bytes);
    if (!module->module) {
        ca_module_destroy(module);
        return ca_fail_text(out_failure, WSB_ENGINE_FAILED,
                            "the bytes are not a module of this engine");
    }
    *out_module = module;
    return WSB_ENGINE_OK;
}
