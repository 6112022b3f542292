/* Engines: loading them from shared objects and checking what they give. */
#ifndef WSB_RUNTIME_ENGINE_LOADER_H
#define WSB_RUNTIME_ENGINE_LOADER_H

#include <wasm_sandbox/plugin/engine.h>

/* Whether the table can be used: its version and size, its id, every member that its features
 * need. `origin` says in errors whose it is. Statuses: WSB_ERROR_ABI_MISMATCH,
 * WSB_ERROR_INVALID_ARGUMENT (NULL, or the id). */
WSB_NODISCARD wsb_status wsb__engine_check(const wsb_runtime_ops *ops, const char *origin,
                                           wsb_error **out_error);

/* Whether the text can be an engine's id: [a-z0-9_-]+, at most 64. */
bool wsb__engine_id_valid(wsb_str id);

/* Loads a shared object for good and checks its table. A path without a slash is of the working
 * directory; no search path is used. Statuses: WSB_ERROR_NOT_FOUND (no such file),
 * WSB_ERROR_UNSUPPORTED (it cannot be loaded: the dynamic linker's words), and as
 * wsb__engine_check(). */
WSB_NODISCARD wsb_status wsb__engine_load(wsb_str path, const wsb_runtime_ops **out_ops,
                                          wsb_error **out_error);

#endif
