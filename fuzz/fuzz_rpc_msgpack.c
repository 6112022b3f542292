/* Frames of MessagePack-RPC from the other side. Our walk and msgpack-c must agree about what is
 * MessagePack; the rest as for JSON-RPC. */
#include "fuzz_rpc.h"

static const wsb__site site = {{"f", 1}, "MessagePack", "the frame", WSB_ERROR_MALFORMED};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    msgpack_unpacked unpacked;
    wsb_bytes frame = wsb_bytes_of(data, size);
    if (wsb__msgpack_check(&site, frame, NULL) == WSB_OK) {
        if (wsb__msgpack_parse(&site, frame, &unpacked, NULL) != WSB_OK)
            abort();
        msgpack_unpacked_destroy(&unpacked);
    }
    fuzz_rpc_frame(WSB_RPC_MSGPACK, &wsb__rpc_msgpack, data, size);
    fuzz_rpc_conversation(WSB_RPC_MSGPACK, data, size);
    return 0;
}
