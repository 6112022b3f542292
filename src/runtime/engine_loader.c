#include "runtime/engine_loader.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <wasm_sandbox/plugin/error.h>

#define WSB__ENGINE_ID_MAX ((size_t)64)
#define WSB__ENGINE_VERSION_MAX ((size_t)128)

typedef struct member {
    const char *name;
    size_t offset;
    uint32_t feature; /* needed only where the engine has it; 0: always */
} member;

#define MEMBER(name, feature) {#name, offsetof(wsb_runtime_ops, name), feature}

static const member members[] = {
    MEMBER(engine_create, 0),
    MEMBER(engine_destroy, 0),
    MEMBER(engine_interrupt, WSB_ENGINE_DEADLINE),
    MEMBER(module_compile, 0),
    MEMBER(module_destroy, 0),
    MEMBER(module_serialize, WSB_ENGINE_SERIALIZE),
    MEMBER(module_deserialize, WSB_ENGINE_SERIALIZE),
    MEMBER(link, 0),
    MEMBER(unlink, 0),
    MEMBER(instance_create, 0),
    MEMBER(instance_destroy, 0),
    MEMBER(instance_set_fuel, WSB_ENGINE_FUEL),
    MEMBER(instance_get_fuel, WSB_ENGINE_FUEL),
    MEMBER(export_get, 0),
    MEMBER(function_call, 0),
    MEMBER(function_call_references, WSB_ENGINE_REFERENCES),
    MEMBER(memory_get, 0),
    MEMBER(memory_grow, 0),
    MEMBER(global_get, 0),
    MEMBER(global_set, 0),
    MEMBER(function_resume, WSB_ENGINE_FIBERS),
};

bool wsb__engine_id_valid(wsb_str id)
{
    if (id.len == 0 || id.len > WSB__ENGINE_ID_MAX || !id.data)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        char c = id.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
            return false;
    }
    return true;
}

static wsb_status mismatch(const char *origin, wsb_error **out_error, const char *member_name,
                           const char *why)
{
    return wsb_error_set(out_error, WSB_ERROR_ABI_MISMATCH,
                         &(wsb_error_details){.operation = "register engine",
                                              .subject = member_name,
                                              .suggestion = "build it against this library's "
                                                            "plugin/engine.h"},
                         "engine %s: member '%s' %s", origin, member_name, why);
}

static wsb_status check_members(const wsb_runtime_ops *ops, const char *origin,
                                wsb_error **out_error)
{
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const member *m = &members[i];
        if (m->offset + sizeof(void *) > ops->size)
            return mismatch(origin, out_error, m->name, "is missing: its table is too short");
        void *function;
        memcpy(&function, (const uint8_t *)ops + m->offset, sizeof function);
        if (!function && (m->feature == 0 || (ops->features & m->feature)))
            return mismatch(origin, out_error, m->name, "is missing: it is NULL");
    }
    return WSB_OK;
}

wsb_status wsb__engine_check(const wsb_runtime_ops *ops, const char *origin, wsb_error **out_error)
{
    if (!ops)
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "engine %s: it has no table of functions", origin);
    /* Nothing is read before it is known to be there. */
    if (ops->size < offsetof(wsb_runtime_ops, engine_create))
        return mismatch(origin, out_error, "size", "says that its table is too short");
    if (ops->abi_version != WSB_ENGINE_ABI_VERSION)
        return wsb_error_set(
            out_error, WSB_ERROR_ABI_MISMATCH,
            &(wsb_error_details){.operation = "register engine",
                                 .subject = "abi_version",
                                 .suggestion = "build it against this library's plugin/engine.h",
                                 .used = ops->abi_version,
                                 .allowed = WSB_ENGINE_ABI_VERSION},
            "engine %s: it is built for version %u of the engine interface, this library has "
            "version %u",
            origin, (unsigned)ops->abi_version, WSB_ENGINE_ABI_VERSION);
    if (!ops->id)
        return mismatch(origin, out_error, "id", "is missing: it is NULL");
    if (!ops->version || !*ops->version || strlen(ops->version) > WSB__ENGINE_VERSION_MAX)
        return mismatch(origin, out_error, "version", "is missing, empty or too long");
    if (!wsb__engine_id_valid(wsb_cstr(ops->id)))
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT,
                             &(wsb_error_details){.operation = "register engine", .subject = "id"},
                             "engine %s: the id '%.64s' is not 1 to 64 of a-z 0-9 _ -", origin,
                             ops->id);
    return check_members(ops, origin, out_error);
}

static wsb_status not_loaded(wsb_status status, const char *path, const char *hint, const char *why,
                             wsb_error **out_error)
{
    return wsb_error_set(out_error, status,
                         &(wsb_error_details){.operation = "load engine", .suggestion = hint},
                         "load engine '%s': %s", path, why);
}

/* The one file meant: absolute, so that the dynamic linker neither searches nor expands. */
static wsb_status resolve(wsb_str path, char out_file[PATH_MAX], wsb_error **out_error)
{
    char given[PATH_MAX];
    if (path.len == 0 || !path.data || path.len >= sizeof given ||
        memchr(path.data, '\0', path.len))
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "load engine: the path is empty, too long or has a NUL byte in it");
    memcpy(given, path.data, path.len);
    given[path.len] = '\0';
    if (!realpath(given, out_file)) {
        char why[256];
        snprintf(why, sizeof why, "%s", strerror(errno));
        wsb_status status =
            errno == ENOENT || errno == ENOTDIR ? WSB_ERROR_NOT_FOUND : WSB_ERROR_UNSUPPORTED;
        return not_loaded(status, given, "build or install the engine, or correct the path", why,
                          out_error);
    }
    if (strchr(out_file, '$'))
        return not_loaded(WSB_ERROR_INVALID_ARGUMENT, out_file, "move it to another folder",
                          "the dynamic linker would expand the '$' in its path", out_error);
    return WSB_OK;
}

/* Only a regular file: opening a FIFO would wait for a writer. */
static wsb_status check_kind(const char *file, wsb_error **out_error)
{
    struct stat entry;
    if (stat(file, &entry) != 0) {
        char why[256];
        snprintf(why, sizeof why, "%s", strerror(errno));
        return not_loaded(WSB_ERROR_UNSUPPORTED, file, "", why, out_error);
    }
    if (S_ISREG(entry.st_mode))
        return WSB_OK;
    return not_loaded(WSB_ERROR_UNSUPPORTED, file, "name the engine's shared object",
                      S_ISDIR(entry.st_mode) ? "it is a directory" : "it is not a regular file",
                      out_error);
}

/* The dynamic linker's words, which start with the path: that is said already. */
static wsb_status linker_refused(const char *file, wsb_error **out_error)
{
    const char *why = dlerror();
    size_t len = strlen(file);
    if (!why)
        why = "the dynamic linker does not say why";
    if (strncmp(why, file, len) == 0 && strncmp(why + len, ": ", 2) == 0)
        why += len + 2;
    bool is_symbol = strstr(why, "undefined symbol") != NULL;
    return not_loaded(WSB_ERROR_UNSUPPORTED, file,
                      is_symbol ? "link it with every library that it uses"
                                : "name a shared object that is built for this machine",
                      why, out_error);
}

static wsb_status no_engine(const char *file, const char *why, wsb_error **out_error)
{
    return not_loaded(WSB_ERROR_ABI_MISMATCH, file,
                      "export `const wsb_runtime_ops *" WSB_ENGINE_ENTRY_SYMBOL
                      "(void)` as plugin/engine.h says",
                      why, out_error);
}

wsb_status wsb__engine_load(wsb_str path, const wsb_runtime_ops **out_ops, wsb_error **out_error)
{
    char file[PATH_MAX];
    wsb_status status = resolve(path, file, out_error);
    if (status == WSB_OK)
        status = check_kind(file, out_error);
    if (status != WSB_OK)
        return status;
    /* Never unloaded: engines install signal handlers and thread-local destructors. */
    void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return linker_refused(file, out_error);
    void *symbol = dlsym(handle, WSB_ENGINE_ENTRY_SYMBOL);
    if (!symbol)
        return no_engine(file, "it is no engine: it does not export " WSB_ENGINE_ENTRY_SYMBOL,
                         out_error);
    wsb_engine_entry_fn entry;
    memcpy(&entry, &symbol, sizeof entry);
    const wsb_runtime_ops *ops = entry();
    if (!ops)
        return no_engine(file, "its " WSB_ENGINE_ENTRY_SYMBOL "() gave no table (NULL)", out_error);
    status = wsb__engine_check(ops, file, out_error);
    if (status == WSB_OK)
        *out_ops = ops;
    return status;
}
