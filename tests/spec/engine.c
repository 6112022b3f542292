/* The engine under test: as it is, or with what the library can fill in taken away. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "spec.h"

enum {
    FILLED_IN =
        WSB_ENGINE_DEADLINE | WSB_ENGINE_FUEL | WSB_ENGINE_MEMORY_LIMIT | WSB_ENGINE_TABLE_LIMIT
};

static bool report(const char *what, wsb_error *error)
{
    fprintf(stderr, "spec_runner: %s: %s\n", what, wsb_error_message(error));
    wsb_error_destroy(error);
    return false;
}

/* One a process, so that the copy can be static as the library wants it. */
static const wsb_runtime_ops *strip(const char *path)
{
    static wsb_runtime_ops ops;
    static char id[64];
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = object != NULL ? dlsym(object, WSB_ENGINE_ENTRY_SYMBOL) : NULL;
    wsb_engine_entry_fn entry;
    if (symbol == NULL) {
        fprintf(stderr, "spec_runner: %s: %s\n", path, dlerror());
        return NULL;
    }
    memcpy(&entry, &symbol, sizeof entry);
    ops = *entry();
    ops.features &= ~(uint32_t)FILLED_IN;
    snprintf(id, sizeof id, "plain-%s", ops.id);
    ops.id = id;
    return &ops;
}

static bool add(spec_engine *engine, const char *path, bool plain, const char **out_id)
{
    wsb_error *error = NULL;
    if (strchr(path, '/') == NULL) {
        *out_id = path; /* built in */
        return !plain || report("--plain needs the engine's path", NULL);
    }
    if (!plain) {
        return wsb_runtime_factory_load(engine->factory, wsb_cstr(path), out_id, &error) ==
                   WSB_OK ||
               report("load the engine", error);
    }
    const wsb_runtime_ops *ops = strip(path);
    if (ops == NULL) {
        return false;
    }
    *out_id = ops->id;
    return wsb_runtime_factory_register(engine->factory, ops, &error) == WSB_OK ||
           report("register the engine", error);
}

bool spec_engine_open(spec_engine *engine, const char *path, bool plain, bool fuel)
{
    wsb_error *error = NULL;
    const char *id;
    *engine = (spec_engine){.fuel = fuel, .info = WSB_ENGINE_INFO_INIT};
    if (wsb_runtime_factory_create(&engine->factory, &error) != WSB_OK) {
        return report("create a factory", error);
    }
    if (!add(engine, path, plain, &id)) {
        return false;
    }
    if (wsb_runtime_factory_create_runtime(engine->factory, wsb_cstr(id), NULL, &engine->runtime,
                                           &error) != WSB_OK) {
        return report("create a runtime", error);
    }
    wsb_runtime_get_engine(engine->runtime, &engine->info);
    return true;
}

void spec_engine_close(spec_engine *engine)
{
    wsb_runtime_destroy(engine->runtime);
    wsb_runtime_factory_destroy(engine->factory);
}
