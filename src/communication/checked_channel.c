#include "communication/checked_channel.h"

#include "communication/memory_channel.h"
#include "communication/rpc/frame.h"

/* A frame is read twice, to be checked and to be copied. In between nobody writes to it: a guest
 * does not run while its call into the host does. */
static wsb_status checked_send(void *self, wsb_bytes message)
{
    wsb_status status = wsb__rpc_check_frame(message, false);
    return status == WSB_OK ? wsb__memory_send(self, message) : status;
}

static wsb_status checked_send_result(void *self, wsb_bytes result)
{
    wsb_status status = wsb__rpc_check_frame(result, true);
    return status == WSB_OK ? wsb__memory_send_result(self, result) : status;
}

const wsb_channel_ops wsb__rpc_channel_ops = {
    .size = sizeof(wsb_channel_ops),
    .abi_version = WSB_CHANNEL_ABI_VERSION,
    .type = "rpc",
    .create = wsb__memory_create,
    .destroy = wsb__memory_destroy,
    .send = checked_send,
    .receive = wsb__memory_receive,
    .send_result = checked_send_result,
    .receive_result = wsb__memory_receive_result,
    .wait = wsb__memory_wait,
    .unwait = wsb__memory_unwait,
    .close = wsb__memory_close,
    .stats = wsb__memory_stats,
};
