/* Deadlines, cancellation, fuel and limits of growth for engines without them: the host's side of
 * what native/module puts into their modules. See docs/internals/runtime.md. */
#ifndef WSB_RUNTIME_TICK_H
#define WSB_RUNTIME_TICK_H

#include "runtime/instance.h"

/* The import that a module with a budget has last. */
extern const wsb_function_type wsb__tick_type;

/* The guest's budget is used up (negative); gives it another, or ends the guest. */
wsb_host_result wsb__tick(void *data, void *context, void *caller, wsb_raw_value *values);

/* For engines that are not interrupted: calls what the import is bound to (`data`), then looks
 * whether the guest is due, as a few calls of a slow host function can take as long as all of the
 * guest's budget should. */
wsb_host_result wsb__tick_host_call(void *data, void *context, void *caller, wsb_raw_value *values);

/* Sets the limits of a new instance and finds what its calls will need. */
WSB_NODISCARD wsb_status wsb__tick_prepare(wsb_instance *instance, wsb_error **out_error);

/* Before and after a call of an instance that meters fuel by its budget: hands out and counts. */
void wsb__tick_set_fuel(wsb_instance *instance, uint64_t fuel);
uint64_t wsb__tick_get_fuel(wsb_instance *instance);

/* For engines that are not interrupted, as their guests look by themselves. */
void wsb__tick_no_interrupt(void *engine);

#endif
