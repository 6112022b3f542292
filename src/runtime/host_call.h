/* From the guest into the host. */
#ifndef WSB_RUNTIME_HOST_CALL_H
#define WSB_RUNTIME_HOST_CALL_H

#include <wasm_sandbox/instance.h>
#include <wasm_sandbox/plugin/engine.h>

/* What one import of a link is bound to. */
typedef struct wsb__host_binding {
    wsb_raw_host_fn raw;
    wsb_host_fn typed;
    void *user_data; /* of a function from a set */
    uint32_t slot;   /* of a host module's function */
    bool never_waits;
    const char *name;
    wsb_function_type type;
    wsb_engine_host_fn call; /* one of those below, where wsb__tick_host_call() goes before it */
} wsb__host_binding;

/* What a host function returned, made final: waits are waited for, or left to whoever suspends the
 * guest; unknown results are traps, and a guest that became due meanwhile ends here. */
wsb_host_result wsb__host_call_settle(wsb_instance *instance, wsb_raw_value *values,
                                      wsb_host_result result);

/* The functions that an engine calls: one for each kind of binding. `data` is the binding. */
wsb_host_result wsb__host_call_module(void *data, void *context, void *caller,
                                      wsb_raw_value *values);
wsb_host_result wsb__host_call_raw(void *data, void *context, void *caller, wsb_raw_value *values);
wsb_host_result wsb__host_call_typed(void *data, void *context, void *caller,
                                     wsb_raw_value *values);

#endif
