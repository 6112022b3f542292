/* What a new factory starts with: the one place that names built-in engines and host modules. They
 * are registered by the same calls as a stranger's. */
#include "core/alloc.h"
#include "core/buffer.h"
#include "host/wasi/wasi.h"
#include "runtime/factory.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <unistd.h>
#include <wasm_sandbox/plugin/error.h>

/* In the order in which an unnamed engine is chosen. */
static const char *const builtin_engines[] = {"wasmtime"};

static const wsb_host_module_ops *const builtin_host_modules[] = {
    &wsb__wasi_preview1,
    &wsb__wasi_unstable,
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

/* Finds an engine, or else gives the path at which it is missed. */
static wsb_status find_engine(const char *id, wsb_buf *out_path, wsb_error **out_error)
{
    char file[PATH_MAX];
    bool known = own_file(file);
    char *slash = known ? strrchr(file, '/') : NULL;
    if (slash)
        *slash = '\0';
    for (size_t i = 0; slash && i < COUNT_OF(engine_folders); i++) {
        char folder[PATH_MAX + 32];
        snprintf(folder, sizeof folder, "%s/%s", file, engine_folders[i]);
        if (engine_in(folder, id, out_path))
            return WSB_OK;
    }
#ifdef WSB_ENGINE_DIR
    (void)engine_in(WSB_ENGINE_DIR, id, out_path);
#endif
    if (out_path->len)
        return WSB_OK;
    wsb_error_details details = {.operation = "create factory"};
    return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, &details,
                         "create factory: no memory, or no path, for the engine %s", id);
}

static wsb_status register_engine(wsb_runtime_factory *factory, const char *id,
                                  wsb_error **out_error)
{
    wsb_buf path = WSB_BUF_INIT;
    wsb_status status = find_engine(id, &path, out_error);
    if (status == WSB_OK)
        status = wsb_runtime_factory_register_file(
            factory, wsb_cstr(id), (wsb_str){(const char *)path.data, path.len}, out_error);
    wsb_buf_fini(&path);
    return status;
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
        status = register_engine(factory, builtin_engines[i], out_error);
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
