/* The authenticated container of a compiled module, in files and for wsb_module_serialize(). */
#ifndef WSB_RUNTIME_ENVELOPE_H
#define WSB_RUNTIME_ENVELOPE_H

#include <sodium.h>
#include <sys/uio.h>
#include <wasm_sandbox/error.h>

#define WSB__KEY_BYTES 32

/* The key that authenticates compiled code. */
typedef struct wsb__key {
    uint8_t bytes[WSB__KEY_BYTES];
} wsb__key;

/* BLAKE2b-256 with the key; `personal` (16 bytes) keeps the uses of the key apart. */
typedef crypto_generichash_blake2b_state wsb__key_hash;
void wsb__key_hash_start(wsb__key_hash *hash, const wsb__key *key, const char personal[16]);

/* What is inside. Views: borrowed from the bytes that were opened. */
typedef struct wsb__envelope_parts {
    wsb_str engine;    /* id */
    wsb_str version;   /* of the engine */
    wsb_bytes variant; /* the settings it was compiled for; opaque */
    wsb_bytes info;    /* blob of the module scan */
    wsb_bytes code;
} wsb__envelope_parts;

/* A sealed envelope as pieces to write one after the other; `pieces[1]` onwards are borrowed from
 * the parts, so that the code is not copied. */
#define WSB__ENVELOPE_PIECES 6
#define WSB__ENVELOPE_HEADER 96
typedef struct wsb__sealed {
    uint8_t header[WSB__ENVELOPE_HEADER];
    struct iovec pieces[WSB__ENVELOPE_PIECES];
    uint64_t size; /* of all */
} wsb__sealed;

/* Seals without copying: one hash pass. WSB_ERROR_INVALID_ARGUMENT where the parts are too large.
 * `out_sealed` must stay where it is (its pieces point into it) until it was written. */
WSB_NODISCARD wsb_status wsb__envelope_seal_pieces(const wsb__key *key,
                                                   const wsb__envelope_parts *parts,
                                                   wsb__sealed *out_sealed, wsb_error **out_error);

/* Seals into one buffer. Caller owns; release with wsb_buf_fini(). */
WSB_NODISCARD wsb_status wsb__envelope_seal(const wsb__key *key, const wsb__envelope_parts *parts,
                                            wsb_buf *out_bytes, wsb_error **out_error);

/* Authenticates, then parses. Statuses: WSB_ERROR_UNTRUSTED (altered, cut off, or another key),
 * WSB_ERROR_UNSUPPORTED (authentic, but of another format version), WSB_ERROR_MALFORMED (not an
 * envelope at all, or authentic and inconsistent). */
WSB_NODISCARD wsb_status wsb__envelope_open(const wsb__key *key, wsb_bytes bytes,
                                            wsb__envelope_parts *out_parts, wsb_error **out_error);

/* Whether the bytes say that they are an envelope (its magic); says nothing of trust. */
bool wsb__envelope_recognise(wsb_bytes bytes);

#endif
