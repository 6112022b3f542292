/* The type "rpc": a channel in memory that lets through only well-formed frames of RPC. */
#ifndef WSB_COMMUNICATION_CHECKED_CHANNEL_H
#define WSB_COMMUNICATION_CHECKED_CHANNEL_H

#include <wasm_sandbox/plugin/channel.h>

extern const wsb_channel_ops wsb__rpc_channel_ops;

#endif
