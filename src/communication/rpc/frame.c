#include "communication/rpc/frame.h"

void wsb__rpc_reader_init(wsb__rpc_reader *reader, const wsb__rpc_framing *framing)
{
    reader->framing = framing;
    reader->frame = wsb_bytes_of(NULL, 0);
    reader->is_batch = false;
    reader->left = 0;
    reader->text = (wsb_buf)WSB_BUF_INIT;
    wsb__json_scan_init(&reader->scan);
    wsb__json_scan_init(&reader->check);
}

void wsb__rpc_reader_fini(wsb__rpc_reader *reader)
{
    wsb_buf_fini(&reader->text);
    wsb__json_scan_fini(&reader->scan);
    wsb__json_scan_fini(&reader->check);
}

wsb_status wsb__rpc_open(wsb__rpc_reader *reader, wsb_bytes frame)
{
    reader->frame = frame;
    reader->is_batch = false;
    reader->left = 0;
    return reader->framing->open(reader);
}

wsb_status wsb__rpc_next(wsb__rpc_reader *reader, wsb__rpc_message *out_message)
{
    if (reader->left == 0)
        return WSB_ERROR_NOT_FOUND;
    reader->left--;
    if (reader->is_batch)
        return reader->framing->next(reader, out_message);
    *out_message = reader->first;
    return WSB_OK;
}

/* JSON begins with '{', '[' or space, which in MessagePack are numbers; MessagePack-RPC with the
 * head of an array, which no text in UTF-8 begins with. */
static const wsb__rpc_framing *framing_of(wsb_bytes frame)
{
    return frame.len > 0 && frame.data[0] >= 0x80 ? &wsb__rpc_msgpack : &wsb__rpc_json;
}

static bool belongs(wsb__rpc_kind kind, bool result_lane)
{
    if (result_lane)
        return kind == WSB__RPC_RESULT || kind == WSB__RPC_ERROR;
    return kind == WSB__RPC_REQUEST || kind == WSB__RPC_NOTIFICATION;
}

static wsb_status check_messages(wsb__rpc_reader *reader, bool result_lane)
{
    wsb__rpc_message message;
    wsb_status status = reader->left > 0 ? WSB_OK : WSB_ERROR_MALFORMED;
    while (status == WSB_OK) {
        status = wsb__rpc_next(reader, &message);
        if (status == WSB_OK && !belongs(message.kind, result_lane))
            status = WSB_ERROR_MALFORMED;
    }
    return status == WSB_ERROR_NOT_FOUND ? WSB_OK : status;
}

wsb_status wsb__rpc_check_frame(wsb_bytes frame, bool result_lane)
{
    wsb__rpc_reader reader;
    if (frame.len == 0 || !frame.data)
        return WSB_ERROR_MALFORMED;
    wsb__rpc_reader_init(&reader, framing_of(frame));
    wsb_status status = wsb__rpc_open(&reader, frame);
    if (status == WSB_OK)
        status = check_messages(&reader, result_lane);
    wsb__rpc_reader_fini(&reader);
    return status;
}
