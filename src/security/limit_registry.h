/* The limits that users add by name, of one runtime. */
#ifndef WSB_SECURITY_LIMIT_REGISTRY_H
#define WSB_SECURITY_LIMIT_REGISTRY_H

#include <wasm_sandbox/plugin/limit.h>

#define WSB__LIMIT_REGISTRY_MAX 16

/* Zeroed is empty. Not locked: the owner does. */
typedef struct wsb__limit_registry {
    const wsb_limit_ops *limits[WSB__LIMIT_REGISTRY_MAX];
    size_t count;
} wsb__limit_registry;

/* Statuses as wsb_runtime_register_limit() without BUSY; WSB_ERROR_INVALID_ARGUMENT for a name or
 * scope that cannot be. */
WSB_NODISCARD wsb_status wsb__limit_registry_add(wsb__limit_registry *registry,
                                                 const wsb_limit_ops *ops, wsb_error **out_error);

/* The index of a limit, or -1. */
int wsb__limit_registry_find(const wsb__limit_registry *registry, wsb_str name);

/* What an instance may use of each registered limit, by index, from what its configuration gives:
 * defaults for the others, WSB_NONE as 0, WSB_UNLIMITED as itself, so that they compare as they
 * are. Statuses: WSB_ERROR_NOT_FOUND (a name that is not registered, with those that are),
 * WSB_ERROR_INVALID_ARGUMENT (twice, or out of range), or what its `validate` says. */
WSB_NODISCARD wsb_status wsb__limit_registry_resolve(const wsb__limit_registry *registry,
                                                     const wsb_named_limit *named, size_t count,
                                                     uint64_t out_values[WSB__LIMIT_REGISTRY_MAX],
                                                     wsb_error **out_error);

#endif
