/* Defaults of the bounds that the scan puts on modules. */
#ifndef WSB_RUNTIME_BOUNDS_H
#define WSB_RUNTIME_BOUNDS_H

#include <wasm_sandbox/module.h>

#include <wsb_native_module.h>

/* Zeros become defaults (NULL: all of them). Statuses as wsb_resource_limits_resolve(). */
WSB_NODISCARD wsb_status wsb__module_bounds_resolve(const wsb_module_bounds *given,
                                                    wsb_module_bounds *out_bounds,
                                                    wsb_error **out_error);

/* For native/module. */
wsbn_bounds wsb__module_bounds_native(const wsb_module_bounds *bounds);

#endif
