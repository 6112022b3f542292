/* The host module "wsb_channel": the guest's end of channels that it was granted by name. */
#ifndef WSB_HOST_CHANNEL_MODULE_H
#define WSB_HOST_CHANNEL_MODULE_H

#include <wasm_sandbox/plugin/host_module.h>

extern const wsb_host_module_ops wsb__guest_channel_module;

#endif
