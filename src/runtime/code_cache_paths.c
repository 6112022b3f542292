/* Where a user's compiled modules and key are. */
#include "core/buffer.h"
#include "runtime/code_cache_files.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <wasm_sandbox/plugin/error.h>
#include <wasm_sandbox/runtime.h>

/* The base directory specification: a relative path is to be ignored. */
static const char *absolute(const char *variable)
{
    const char *path = getenv(variable);
    return path && path[0] == '/' ? path : NULL;
}

static wsb_status find_base(wsb_buf *out, wsb_error **out_error)
{
    const char *cache = absolute("XDG_CACHE_HOME");
    const char *home = absolute("HOME");
    if (!cache && !home)
        return wsb_error_set(out_error, WSB_ERROR_NOT_FOUND,
                             &(wsb_error_details){.operation = "find cache",
                                                  .suggestion = "set HOME or XDG_CACHE_HOME"},
                             "find cache: neither XDG_CACHE_HOME nor HOME is an absolute path");
    wsb_status status = wsb__buf_printf(out, PATH_MAX, "%s%s/wasm-sandbox", cache ? cache : home,
                                        cache ? "" : "/.cache");
    if (status != WSB_OK)
        return wsb_error_set(out_error, status, NULL, "find cache: %s", wsb_status_text(status));
    if (!wsb__make_folders((const char *)out->data))
        return wsb_error_set(out_error, WSB_ERROR_IO,
                             &(wsb_error_details){.operation = "find cache",
                                                  .suggestion = "set XDG_CACHE_HOME to a folder "
                                                                "that can be written"},
                             "find cache: cannot make '%s': %s", (const char *)out->data,
                             strerror(errno));
    return WSB_OK;
}

wsb_status wsb_code_cache_default_paths(wsb_buf *out_directory, wsb_buf *out_key_path,
                                        wsb_error **out_error)
{
    if (!out_directory || !out_key_path)
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "find cache: a NULL argument");
    wsb_buf directory = WSB_BUF_INIT;
    wsb_buf key_path = WSB_BUF_INIT;
    wsb_status status = find_base(&directory, out_error);
    if (status == WSB_OK) {
        status = wsb__buf_printf(&key_path, PATH_MAX, "%s/key", (const char *)directory.data);
        if (status == WSB_OK)
            status = wsb__buf_append(&directory, "/code", 5, PATH_MAX);
        if (status == WSB_OK) {
            *out_directory = directory;
            *out_key_path = key_path;
            return WSB_OK;
        }
        status = wsb_error_set(out_error, status, NULL, "find cache: %s", wsb_status_text(status));
    }
    wsb_buf_fini(&directory);
    wsb_buf_fini(&key_path);
    return status;
}
