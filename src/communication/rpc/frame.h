/* Frames of RPC: what they say, in both framings; see docs/internals/rpc.md. */
#ifndef WSB_COMMUNICATION_RPC_FRAME_H
#define WSB_COMMUNICATION_RPC_FRAME_H

#include <wasm_sandbox/rpc.h>

#include "communication/rpc/json_scan.h"

typedef enum wsb__rpc_kind {
    WSB__RPC_REQUEST,
    WSB__RPC_NOTIFICATION,
    WSB__RPC_RESULT, /* a response */
    WSB__RPC_ERROR,  /* a response */
    WSB__RPC_INVALID /* well-formed text, but none of these */
} wsb__rpc_kind;

/* One message of a frame. Slices of the frame, as written; texts are decoded and valid until the
 * next message. */
typedef struct wsb__rpc_message {
    wsb__rpc_kind kind;
    wsb_bytes id;      /* as written; empty: none */
    bool names_method; /* an invalid one without a method may be meant as an answer */
    wsb_str method;
    wsb_bytes params; /* empty: none */
    wsb_bytes result;
    int32_t code;
    wsb_str text; /* an error's message */
    wsb_bytes data;
} wsb__rpc_message;

typedef struct wsb__rpc_reader wsb__rpc_reader;

/* How a framing reads and writes. Writers append, at most `max` bytes in all:
 * WSB_ERROR_LIMIT_EXCEEDED, WSB_ERROR_OUT_OF_MEMORY. */
typedef struct wsb__rpc_framing {
    const char *name;    /* "JSON", "MessagePack" */
    uint64_t id_max;     /* ids of ours are 0 to this */
    bool batches_frames; /* several messages go into one frame */

    wsb_status (*open)(wsb__rpc_reader *reader);
    wsb_status (*next)(wsb__rpc_reader *reader, wsb__rpc_message *out_message);

    /* Whether it is one value, and for params an array, object or map. NULL, or what is wrong. */
    const char *(*check_value)(wsb__rpc_reader *reader, wsb_bytes value, bool is_params);
    /* The number that an id of a response is; false where it cannot be one of ours. */
    bool (*read_id)(wsb_bytes id, uint64_t *out_id);

    /* `id` NULL: a notification. Empty params: none. */
    wsb_status (*write_call)(wsb_buf *out, size_t max, const uint64_t *id, wsb_str method,
                             wsb_bytes params);
    /* Empty id: null; empty result: null. */
    wsb_status (*write_result)(wsb_buf *out, size_t max, wsb_bytes id, wsb_bytes result);
    wsb_status (*write_error)(wsb_buf *out, size_t max, wsb_bytes id, int32_t code, wsb_str text);
} wsb__rpc_framing;

extern const wsb__rpc_framing wsb__rpc_json;
extern const wsb__rpc_framing wsb__rpc_msgpack;

/* Reads frames, one after the other; keeps its memory between them. */
struct wsb__rpc_reader {
    const wsb__rpc_framing *framing;
    wsb_bytes frame;
    bool is_batch;
    size_t left;            /* messages that next() has not given */
    wsb__rpc_message first; /* where it is no batch */
    wsb_buf text;           /* texts without their escapes */
    wsb__json_scan scan;
    wsb__json_scan check; /* of values meanwhile */
};

void wsb__rpc_reader_init(wsb__rpc_reader *reader, const wsb__rpc_framing *framing);
void wsb__rpc_reader_fini(wsb__rpc_reader *reader);

/* Begins a frame, which stays valid while it is read. WSB_ERROR_MALFORMED where it is not even
 * text of its encoding, WSB_ERROR_OUT_OF_MEMORY. A batch may be empty (`left`). */
WSB_NODISCARD wsb_status wsb__rpc_open(wsb__rpc_reader *reader, wsb_bytes frame);

/* The next message; WSB_ERROR_NOT_FOUND after the last, WSB_ERROR_OUT_OF_MEMORY. */
WSB_NODISCARD wsb_status wsb__rpc_next(wsb__rpc_reader *reader, wsb__rpc_message *out_message);

/* Whether a frame, in whichever framing, is valid as a whole: on the lane of messages requests and
 * notifications, on that of results responses. WSB_ERROR_MALFORMED, WSB_ERROR_OUT_OF_MEMORY. */
WSB_NODISCARD wsb_status wsb__rpc_check_frame(wsb_bytes frame, bool result_lane);

#endif
