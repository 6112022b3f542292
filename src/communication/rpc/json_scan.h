/* Reads JSON text without building anything: checks all of RFC 8259 and hands out slices. An RPC
 * frame is read once, and its parameters are handed on as they were written. */
#ifndef WSB_COMMUNICATION_RPC_JSON_SCAN_H
#define WSB_COMMUNICATION_RPC_JSON_SCAN_H

#include "communication/codec/codec.h"

/* A key of an object that is being read; kept to find the same one again. */
typedef struct wsb__json_key {
    uint32_t at; /* in the text, or in `decoded` */
    uint32_t len : 31;
    uint32_t is_decoded : 1;
} wsb__json_key;

typedef struct wsb__json_scan {
    const uint8_t *text;
    size_t len;
    size_t at;
    size_t values;
    const char *problem; /* why it is not JSON within the bounds; NULL: so far it is */
    bool out_of_memory;
    wsb__json_key *keys; /* of all objects that are open, innermost last */
    size_t key_count;
    size_t key_capacity;
    wsb_buf decoded;                            /* keys with escapes, without them */
    uint32_t starts[WSB__STRUCTURED_MAX_DEPTH]; /* first key of each container that is open */
} wsb__json_scan;

/* A string's inside, between the quotes. */
typedef struct wsb__json_string {
    wsb_str raw;
    bool escaped;
} wsb__json_string;

/* Zeroes what must be; the memory is kept from text to text. */
void wsb__json_scan_init(wsb__json_scan *scan);
void wsb__json_scan_fini(wsb__json_scan *scan);
/* At most WSB__STRUCTURED_MAX_BYTES; longer text is a problem at once. */
void wsb__json_scan_begin(wsb__json_scan *scan, wsb_bytes text);

/* All return false with `problem` or `out_of_memory` set. Space before is skipped. */
bool wsb__json_scan_value(wsb__json_scan *scan, wsb_bytes *out_value);
bool wsb__json_scan_string(wsb__json_scan *scan, wsb__json_string *out);
/* Nothing but space may follow. */
bool wsb__json_scan_end(wsb__json_scan *scan);

/* The next byte that is not space; 0 at the end. */
uint8_t wsb__json_scan_peek(wsb__json_scan *scan);

/* Walks an object: open where peek says '{', then next until it gives no key, reading the value
 * after each. Keys come without escapes and are valid until the scan goes on. */
typedef struct wsb__json_object {
    uint32_t first_key;
    bool begun;
} wsb__json_object;
void wsb__json_object_open(wsb__json_scan *scan, wsb__json_object *object);
bool wsb__json_object_next(wsb__json_scan *scan, wsb__json_object *object, wsb_str *out_key,
                           bool *out_end);

/* Where strings have escapes, appends what they mean. The text was checked. */
WSB_NODISCARD wsb_status wsb__json_decode(wsb_str raw, wsb_buf *out);
/* Appends valid UTF-8 as a string with its quotes. WSB_ERROR_LIMIT_EXCEEDED beyond `max`. */
WSB_NODISCARD wsb_status wsb__json_quote(wsb_str text, wsb_buf *out, size_t max);

#endif
