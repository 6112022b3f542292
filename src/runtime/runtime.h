/* A runtime: an engine's functions, its variants in use, host modules, limits, the watchdog. */
#ifndef WSB_RUNTIME_RUNTIME_H
#define WSB_RUNTIME_RUNTIME_H

#include <pthread.h>
#include <stdatomic.h>

#include <wasm_sandbox/plugin/engine.h>
#include <wasm_sandbox/plugin/host_module.h>
#include <wasm_sandbox/plugin/limit.h>

#include "runtime/code_cache.h"
#include "runtime/watchdog.h"
#include "security/limit_registry.h"

enum { WSB__MAX_HOST_MODULES = 16 };

/* What an instance asks of its engine. */
typedef struct wsb__variant_choice {
    bool fuel;
    bool pool; /* a wish: without a pool the plain engine serves */
    bool fibers;
    uint64_t max_stack;
} wsb__variant_choice;

/* One engine of the runtime: fuel, stack, pooling and fibers are settings of an engine, not of an
 * instance, so there is one for each combination in use. Made when first needed, kept. */
typedef struct wsb__variant {
    struct wsb__variant *next;
    void *engine;
    wsb__variant_choice choice; /* `pool`: it has one */
} wsb__variant;

struct wsb_runtime {
    _Atomic unsigned refs;
    const wsb_runtime_ops *ops;
    void (*interrupt)(void *engine); /* the engine's, or one that does nothing */
    unsigned fork_generation;
    uint64_t pool_instances; /* 0: never pool */
    uint64_t max_fibers;
    bool avoid_signals;
    bool allow_foreign_stacks;
    wsb_module_bounds bounds;    /* resolved */
    wsb__code_cache *code_cache; /* NULL: none */
    bool has_key;
    wsb__key key;
    wsb__watchdog watchdog;
    wsb__limit_registry limits;
    pthread_mutex_t lock; /* of what follows */
    wsb__variant *variants;
    bool pool_failed[2]; /* without and with fibers: no pool could be made, nobody tries again */
    const wsb_host_module_ops *host_modules[WSB__MAX_HOST_MODULES];
    size_t host_module_count;
    bool in_use; /* a module was compiled: nothing can be registered any more */
};

/* `ops` were checked by the factory. */
WSB_NODISCARD wsb_status wsb__runtime_create(const wsb_runtime_ops *ops,
                                             const wsb_runtime_options *options,
                                             wsb_runtime **out_runtime, wsb_error **out_error);

wsb_runtime *wsb__runtime_ref(wsb_runtime *runtime);

/* WSB_ERROR_FORKED in a child that was forked after the runtime was made. */
WSB_NODISCARD wsb_status wsb__runtime_check_fork(const wsb_runtime *runtime, const char *operation,
                                                 wsb_error **out_error);

/* The variant for these settings. */
WSB_NODISCARD wsb_status wsb__runtime_variant(wsb_runtime *runtime,
                                              const wsb__variant_choice *choice,
                                              wsb__variant **out_variant, wsb_error **out_error);

/* Whether a variant of the runtime serves this choice, while a pool can be had. */
static inline bool wsb__variant_fits(const wsb__variant *variant, const wsb__variant_choice *choice)
{
    const wsb__variant_choice *own = &variant->choice;
    return own->fuel == choice->fuel && own->pool == choice->pool &&
           own->fibers == choice->fibers && own->max_stack == choice->max_stack;
}

/* An engine's failure as an error: for what has no better words of its own. */
wsb_status wsb__engine_failed(wsb_error **out_error, wsb_status status, const char *operation,
                              const wsb_engine_failure *failure);

#endif
