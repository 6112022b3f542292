#include "host/channel/module.h"

#include "host/channel/state.h"

static const char *const module_names[] = {"wsb_channel", NULL};

static const wsb_host_module_function functions[] = {
    {"open", "ii:i", wsb__guest_open, true},           {"send", "iiiiI:i", wsb__guest_send, false},
    {"receive", "iiiiI:I", wsb__guest_receive, false}, {"wait", "iiI:i", wsb__guest_wait, false},
    {"close", "i:i", wsb__guest_close, true},          {NULL, NULL, NULL, false},
};

const wsb_host_module_ops wsb__guest_channel_module = {
    .size = sizeof(wsb_host_module_ops),
    .abi_version = WSB_HOST_MODULE_ABI_VERSION,
    .id = "channel",
    .module_names = module_names,
    .functions = functions,
    .instance_create = wsb__guest_channels_create,
    .instance_destroy = wsb__guest_channels_destroy,
    .call_begin = NULL,
};
