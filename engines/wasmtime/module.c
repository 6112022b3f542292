/* Compiling, and compiled modules as bytes. */
#include <stdlib.h>
#include <string.h>

#include "backend.h"

/* Texts with which the pool refuses a module that does not fit its slots; the errors have no type
 * of their own. Tests of the conformance suite hold each of them to this version of Wasmtime. */
static const char *const pool_texts[] = {
    "exceeds the per-instance limit of ",
    "exceeds the total tables limit of ",
    "memory has a minimum byte size of ",
    " has a minimum element size of ",
    "instance allocation for this module requires ",
};

typedef struct text_search {
    bool found;
} text_search;

static void search_text(const char *text, size_t len, void *data)
{
    text_search *search = data;
    for (size_t i = 0; i < sizeof pool_texts / sizeof *pool_texts; i++) {
        if (memmem(text, len, pool_texts[i], strlen(pool_texts[i])))
            search->found = true;
    }
}

static wsb_engine_result fail_load(const wt_engine *engine, wasmtime_error_t *error,
                                   wsb_engine_failure *out_failure)
{
    text_search search = {false};
    if (engine->pooled)
        wsb_wasmtime_error_text(error, false, search_text, &search);
    return wt_fail_error(out_failure, search.found ? WSB_ENGINE_POOL_EXHAUSTED : WSB_ENGINE_FAILED,
                         error);
}

typedef wasmtime_error_t *(*load_fn)(wasm_engine_t *engine, const uint8_t *bytes, size_t len,
                                     wasmtime_module_t **out_module);

static wsb_engine_result load(wt_engine *engine, wsb_bytes bytes, load_fn load_module,
                              void **out_module, wsb_engine_failure *out_failure)
{
    wt_module *module = calloc(1, sizeof *module);
    if (!module)
        return wt_fail_text(out_failure, WSB_ENGINE_FAILED, "out of memory");
    module->engine = engine;
    wasmtime_error_t *error = load_module(engine->engine, bytes.data, bytes.len, &module->module);
    if (error) {
        free(module);
        return fail_load(engine, error, out_failure);
    }
    *out_module = module;
    return WSB_ENGINE_OK;
}

wsb_engine_result wt_module_compile(void *engine, wsb_bytes bytes, void **out_module,
                                    wsb_engine_failure *out_failure)
{
    return load(engine, bytes, wasmtime_module_new, out_module, out_failure);
}

wsb_engine_result wt_module_deserialize(void *engine, wsb_bytes bytes, void **out_module,
                                        wsb_engine_failure *out_failure)
{
    return load(engine, bytes, wasmtime_module_deserialize, out_module, out_failure);
}

void wt_module_destroy(void *module)
{
    wt_module *self = module;
    wasmtime_module_delete(self->module);
    free(self);
}

wsb_engine_result wt_module_serialize(void *module, void (*emit)(wsb_bytes bytes, void *user_data),
                                      void *user_data, wsb_engine_failure *out_failure)
{
    wasm_byte_vec_t bytes;
    wasmtime_error_t *error = wasmtime_module_serialize(((wt_module *)module)->module, &bytes);
    if (error)
        return wt_fail_error(out_failure, WSB_ENGINE_FAILED, error);
    emit(wsb_bytes_of(bytes.data, bytes.size), user_data);
    wasm_byte_vec_delete(&bytes);
    return WSB_ENGINE_OK;
}
