/* What a new factory starts with: the one place that names built-in engines and host modules. They
 * are registered by the same calls as a stranger's. */
#include "core/buffer.h"
#include "host/channel/module.h"
#include "host/function/function.h"
#include "host/wasi/wasi.h"
#include "runtime/engine_loader.h"
#include "runtime/factory.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wasm_sandbox/plugin/error.h>

typedef struct builtin_engine {
    const char *id;
    const char *option; /* of CMake, that builds it */
} builtin_engine;

/* In the order in which an unnamed engine is chosen. A build need not have all of them. */
static const builtin_engine builtin_engines[] = {
    {"wasmtime", "WSB_ENGINE_WASMTIME"},
    {"wasmer", "WSB_ENGINE_WASMER"},
    {"wasmi", "WSB_ENGINE_WASMI"},
};

static const wsb_host_module_ops *const builtin_host_modules[] = {
    &wsb__wasi_preview1,
    &wsb__wasi_unstable,
    &wsb__host_functions,
    &wsb__guest_channel_module,
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Folders of engines, relative to the folder of the file that holds this code: as built, as
 * installed beside the library, as installed for a program that carries the library with it. */
static const char *const engine_folders[] = {
    "engines",
    "wasm-sandbox/engines",
#ifdef WSB_ENGINE_DIR_FROM_BIN
    WSB_ENGINE_DIR_FROM_BIN,
#endif
};

/* The file that holds this code, absolute: the library, or the program where that is linked
 * statically. The name by which a program was started is its caller's word, so the kernel is
 * asked instead. */
static bool own_file(char path[PATH_MAX])
{
    Dl_info info;
    struct link_map *map = NULL;
    if (!dladdr1((const void *)builtin_engines, &info, (void **)&map, RTLD_DL_LINKMAP) || !map ||
        !map->l_name || map->l_name[0] == '\0')
        return realpath("/proc/self/exe", path) != NULL;
    return realpath(map->l_name, path) != NULL;
}

/* Writes the path of an engine's shared object in `folder`; whether it fits and is there. */
static bool engine_in(const char *folder, const char *id, wsb_buf *out_path)
{
    out_path->len = 0;
    return wsb__buf_printf(out_path, PATH_MAX, "%s/wsb_engine_%s.so", folder, id) == WSB_OK &&
           access((const char *)out_path->data, R_OK) == 0;
}

/* Whether it is there; else `out_path` is where it was looked for last, or empty. */
static bool find_engine(const char *id, wsb_buf *out_path)
{
    char file[PATH_MAX];
    char *slash = own_file(file) ? strrchr(file, '/') : NULL;
    if (slash)
        *slash = '\0';
    for (size_t i = 0; slash && i < COUNT_OF(engine_folders); i++) {
        char folder[PATH_MAX + 32];
        snprintf(folder, sizeof folder, "%s/%s", file, engine_folders[i]);
        if (engine_in(folder, id, out_path))
            return true;
    }
#ifdef WSB_ENGINE_DIR
    return engine_in(WSB_ENGINE_DIR, id, out_path);
#else
    return false;
#endif
}

static wsb_status not_built(const builtin_engine *engine, const wsb_buf *path,
                            wsb_error **out_error)
{
    char how[128];
    snprintf(how, sizeof how, "build it with -D%s=ON, or install its package", engine->option);
    return wsb_error_set(out_error, WSB_ERROR_NOT_FOUND,
                         &(wsb_error_details){.operation = "load engine", .suggestion = how},
                         "it is not installed (no %s)",
                         path->len ? (const char *)path->data : "file of it");
}

/* Looked for when first needed only: a start must not pay for engines that it does not use. */
static wsb_status construct(void *user_data, const wsb_runtime_ops **out_ops, wsb_error **out_error)
{
    const builtin_engine *engine = user_data;
    wsb_buf path = WSB_BUF_INIT;
    wsb_status status =
        find_engine(engine->id, &path)
            ? wsb__engine_load((wsb_str){(const char *)path.data, path.len}, out_ops, out_error)
            : not_built(engine, &path, out_error);
    wsb_buf_fini(&path);
    return status;
}

static wsb_status register_engine(wsb_runtime_factory *factory, const builtin_engine *engine,
                                  wsb_error **out_error)
{
    return wsb_runtime_factory_register_constructor(factory, wsb_cstr(engine->id), construct,
                                                    (void *)(uintptr_t)engine, NULL, out_error);
}

static wsb_status set_up(wsb_runtime *runtime, void *user_data, wsb_error **out_error)
{
    (void)user_data;
    wsb_status status = WSB_OK;
    for (size_t i = 0; i < COUNT_OF(builtin_host_modules) && status == WSB_OK; i++)
        status = wsb_runtime_register_host_module(runtime, builtin_host_modules[i], out_error);
    return status;
}

wsb_status wsb_runtime_factory_create(wsb_runtime_factory **out_factory, wsb_error **out_error)
{
    if (!out_factory)
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "create factory: the place for the result is NULL");
    wsb_runtime_factory *factory = NULL;
    wsb_status status = wsb__factory_create_empty(&factory, out_error);
    if (status != WSB_OK)
        return status;
    wsb__factory_set_setup(factory, set_up, NULL);
    for (size_t i = 0; i < COUNT_OF(builtin_engines) && status == WSB_OK; i++)
        status = register_engine(factory, &builtin_engines[i], out_error);
    if (status == WSB_OK)
        *out_factory = factory;
    else
        wsb_runtime_factory_destroy(factory);
    return status;
}

wsb_status wsb_runtime_create(wsb_str engine, const wsb_runtime_options *options,
                              wsb_runtime **out_runtime, wsb_error **out_error)
{
    wsb_runtime_factory *factory = NULL;
    wsb_status status = wsb_runtime_factory_create(&factory, out_error);
    if (status != WSB_OK)
        return status;
    status = wsb_runtime_factory_create_runtime(factory, engine, options, out_runtime, out_error);
    wsb_runtime_factory_destroy(factory);
    return status;
}
