/* The two tables of functions, and the way in and out that all of them share. */
#include "host/wasi/internal.h"

static inline wsb_host_result finish(wsb_raw_value *values, int result)
{
    if (result == WASI__PENDING)
        return WSB_HOST_PENDING;
    if (result == WASI__TRAP)
        return WSB_HOST_TRAP;
    values[0].i32 = result;
    return WSB_HOST_DONE;
}

static inline __attribute__((always_inline)) wsb_host_result
run(wsb_call_context *context, wsb_raw_value *values, void *state, wsb__wasi_function function,
    const char *name, wsb_resume_fn resume, bool snapshot_0, bool resumed)
{
    wsb__wasi_call call = {
        .wasi = state,
        .context = context,
        .values = values,
        .operation = name,
        .resume = resume,
        .snapshot_0 = snapshot_0,
        .resumed = resumed,
    };
    wsb_call_context_memory_all(context, &call.memory, &call.memory_size);
    return finish(values, function(&call));
}

#define DEFINE(version, name, is_0)                                                                \
    static wsb_host_result resume_##version##_##name(                                              \
        wsb_call_context *context, wsb_raw_value *values, bool ready, void *state)                 \
    {                                                                                              \
        (void)ready;                                                                               \
        return run(context, values, state, wsb__wasi_##name, #name, resume_##version##_##name,     \
                   is_0, true);                                                                    \
    }                                                                                              \
    static wsb_host_result enter_##version##_##name(wsb_call_context *context,                     \
                                                    wsb_raw_value *values, void *state)            \
    {                                                                                              \
        return run(context, values, state, wsb__wasi_##name, #name, resume_##version##_##name,     \
                   is_0, false);                                                                   \
    }

#define WASI_FUNCTION(name, signature, never_waits) DEFINE(1, name, false)
#include "host/wasi/functions.h"
#undef WASI_FUNCTION

#define WASI_SNAPSHOT_0
#define WASI_FUNCTION(name, signature, never_waits) DEFINE(0, name, true)
#include "host/wasi/functions.h"
#undef WASI_FUNCTION
#undef WASI_SNAPSHOT_0

static const wsb_host_module_function functions_1[] = {
#define WASI_FUNCTION(name, signature, never_waits) {#name, signature, enter_1_##name, never_waits},
#include "host/wasi/functions.h"
#undef WASI_FUNCTION
    {NULL, NULL, NULL, false},
};

#define WASI_SNAPSHOT_0
static const wsb_host_module_function functions_0[] = {
#define WASI_FUNCTION(name, signature, never_waits) {#name, signature, enter_0_##name, never_waits},
#include "host/wasi/functions.h"
#undef WASI_FUNCTION
    {NULL, NULL, NULL, false},
};
#undef WASI_SNAPSHOT_0

static const char *const names_1[] = {"wasi_snapshot_preview1", NULL};
static const char *const names_0[] = {"wasi_unstable", NULL};

const wsb_host_module_ops wsb__wasi_preview1 = {
    .size = sizeof(wsb_host_module_ops),
    .abi_version = WSB_HOST_MODULE_ABI_VERSION,
    .id = "wasi",
    .module_names = names_1,
    .functions = functions_1,
    .instance_create = wsb__wasi_create,
    .instance_destroy = wsb__wasi_destroy,
    .call_begin = wsb__wasi_call_begin,
};

const wsb_host_module_ops wsb__wasi_unstable = {
    .size = sizeof(wsb_host_module_ops),
    .abi_version = WSB_HOST_MODULE_ABI_VERSION,
    .id = "wasi_unstable",
    .module_names = names_0,
    .functions = functions_0,
    .instance_create = wsb__wasi_create,
    .instance_destroy = wsb__wasi_destroy,
    .call_begin = wsb__wasi_call_begin,
};
