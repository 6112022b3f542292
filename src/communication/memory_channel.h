/* The type "memory": two ends in one process, with a queue for each lane and direction. */
#ifndef WSB_COMMUNICATION_MEMORY_CHANNEL_H
#define WSB_COMMUNICATION_MEMORY_CHANNEL_H

#include <wasm_sandbox/plugin/channel.h>

extern const wsb_channel_ops wsb__memory_channel_ops;

#endif
