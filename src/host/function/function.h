/* The host module "wsb_host": guests call functions with structured data by name. */
#ifndef WSB_HOST_FUNCTION_FUNCTION_H
#define WSB_HOST_FUNCTION_FUNCTION_H

#include <wasm_sandbox/plugin/host_module.h>

extern const wsb_host_module_ops wsb__host_functions;

#endif
