/* A module: its scan, its compiled forms, and their links. */
#ifndef WSB_RUNTIME_MODULE_H
#define WSB_RUNTIME_MODULE_H

#include "runtime/module_info.h"
#include "runtime/runtime.h"

struct wsb__host_binding;

/* The module compiled for one variant. Kept as long as the module. */
typedef struct wsb__compiled {
    struct wsb__compiled *next;
    wsb__variant *variant;
    void *code;
    uint32_t added; /* WSBN_ADD_* bits: what its code was rewritten for */
    uint64_t flags; /* of WSB__MODULE_ADDED: what came of it */
} wsb__compiled;

/* A compiled module with its imports resolved, for any number of instances. */
typedef struct wsb__link {
    struct wsb__link *next;
    unsigned users; /* instances; under the module's lock */
    wsb__compiled *compiled;
    uint64_t imports_serial; /* of the caller's set of host functions; 0: none */
    wsb_imports *imports;    /* that set, referenced while there are users; else NULL */
    void *link;
    wsb_engine_import *table;
    struct wsb__host_binding *bindings;
    size_t count;
    size_t own_count;      /* without the tick, which a rewritten module imports last */
    uint32_t host_modules; /* bit i: the module imports from host_modules[i] */
} wsb__link;

struct wsb_module {
    _Atomic unsigned refs;
    wsb_runtime *runtime;
    wsb__module_info *info;
    char *name;
    wsb_module_bounds bounds; /* resolved */
    _Atomic bool unpoolable;  /* does not fit the engine's pool */
    pthread_mutex_t lock;     /* of what follows */
    wsb_buf source;           /* as given; empty for one that was deserialized */
    wsb__compiled *compiled;
    wsb__link *links;
};

/* The variant that serves this choice and the module compiled for it; the pool where it is wished,
 * there is one, and the module fits it. */
WSB_NODISCARD wsb_status wsb__module_prepare(wsb_module *module, const wsb__variant_choice *choice,
                                             wsb__variant **out_variant, wsb_error **out_error);

/* Seals the module's compiled form. */
WSB_NODISCARD wsb_status wsb__module_seal(wsb_module *module, wsb_buf *out_bytes,
                                          wsb_error **out_error);

/* Opens a sealed module into a new one whose runtime is set. */
WSB_NODISCARD wsb_status wsb__module_unseal(wsb_module *module, wsb_bytes bytes,
                                            wsb_error **out_error);

/* The module compiled for a variant, when needed now. */
WSB_NODISCARD wsb_status wsb__module_compiled(wsb_module *module, wsb__variant *variant,
                                              wsb__compiled **out_compiled, wsb_error **out_error);

/* A link that is there already for this choice and imports, taken for an instance; NULL where
 * there is none. */
wsb__link *wsb__link_take(wsb_module *module, const wsb__variant_choice *choice,
                          wsb_imports *imports);

/* Takes a link for an instance; give it back with wsb__link_release(). */
WSB_NODISCARD wsb_status wsb__link_acquire(wsb_module *module, wsb__variant *variant,
                                           wsb_imports *imports, wsb__link **out_link,
                                           wsb_error **out_error);
void wsb__link_release(wsb_module *module, wsb__link *link);

/* Destroys all of the module's links, when it goes. */
void wsb__links_destroy(wsb_module *module);

#endif
