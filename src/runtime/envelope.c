#include "runtime/envelope.h"

#include "core/buffer.h"

#include <pthread.h>
#include <sodium.h>
#include <sys/random.h>
#include <wasm_sandbox/plugin/error.h>

/*
 * Layout, all numbers little-endian:
 *   0  magic                      8 bytes
 *   8  tag                        16
 *  24  nonce                      16
 *  40  format version             u32, then u32 zero
 *  48  lengths of engine, version, variant, info, code: five u64
 *  88  zero                       8
 *  96  the five parts
 * The tag is Poly1305 (RFC 8439, section 2.5) over the parts. Its one-time key is BLAKE2b-256 (RFC
 * 7693) with the user's key, personalised to this use, over what is between tag and parts: a random
 * nonce and all of the header. Native code is large, and Poly1305 is several times as fast as a
 * hash.
 */
#define FORMAT_VERSION 2u
#define TAG_AT 8
#define TAG_BYTES crypto_onetimeauth_poly1305_BYTES
#define NONCE_AT (TAG_AT + TAG_BYTES)
#define NONCE_BYTES 16
#define VERSION_AT (NONCE_AT + NONCE_BYTES)
#define LENGTHS_AT 48
#define PART_COUNT 5
#define MAC_BYTES 32

static const uint8_t magic[8] = {0x89, 'W', 'S', 'B', 'C', '\r', '\n', 0x1a};

static pthread_once_t sodium_once = PTHREAD_ONCE_INIT;

/* Only chooses the fastest implementation; hashing is right without it, too. */
static void start_sodium(void)
{
    if (sodium_init() < 0)
        return;
}

void wsb__key_hash_start(wsb__key_hash *hash, const wsb__key *key, const char personal[16])
{
    pthread_once(&sodium_once, start_sodium);
    crypto_generichash_blake2b_init_salt_personal(hash, key->bytes, sizeof key->bytes, MAC_BYTES,
                                                  NULL, (const unsigned char *)personal);
}

/* Begins the tag of an envelope with this header. */
static void tag_start(crypto_onetimeauth_poly1305_state *tag, const wsb__key *key,
                      const uint8_t *header)
{
    uint8_t once[crypto_onetimeauth_poly1305_KEYBYTES];
    wsb__key_hash hash;
    wsb__key_hash_start(&hash, key, "wsb envelope v2");
    crypto_generichash_blake2b_update(&hash, header + NONCE_AT, WSB__ENVELOPE_HEADER - NONCE_AT);
    crypto_generichash_blake2b_final(&hash, once, sizeof once);
    crypto_onetimeauth_poly1305_init(tag, once);
    sodium_memzero(once, sizeof once);
}

static void put_number(uint8_t *to, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get_number(const uint8_t *from, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)from[i] << (8 * i);
    return value;
}

wsb_status wsb__envelope_seal_pieces(const wsb__key *key, const wsb__envelope_parts *parts,
                                     wsb__sealed *out_sealed, wsb_error **out_error)
{
    const wsb_bytes all[PART_COUNT] = {
        wsb_bytes_of(parts->engine.data, parts->engine.len),
        wsb_bytes_of(parts->version.data, parts->version.len),
        parts->variant,
        parts->info,
        parts->code,
    };
    uint8_t *header = out_sealed->header;
    memset(header, 0, WSB__ENVELOPE_HEADER);
    memcpy(header, magic, sizeof magic);
    put_number(header + VERSION_AT, FORMAT_VERSION, 4);
    size_t size = WSB__ENVELOPE_HEADER;
    for (size_t i = 0; i < PART_COUNT; i++) {
        if (__builtin_add_overflow(size, all[i].len, &size))
            return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                                 "seal compiled module: the parts are too large");
        put_number(header + LENGTHS_AT + 8 * i, all[i].len, 8);
    }
    if (getrandom(header + NONCE_AT, NONCE_BYTES, 0) != NONCE_BYTES)
        return wsb_error_set(out_error, WSB_ERROR_IO, NULL,
                             "seal compiled module: the system has no random numbers");
    crypto_onetimeauth_poly1305_state tag;
    tag_start(&tag, key, header);
    out_sealed->pieces[0] = (struct iovec){header, WSB__ENVELOPE_HEADER};
    for (size_t i = 0; i < PART_COUNT; i++) {
        crypto_onetimeauth_poly1305_update(&tag, all[i].data, all[i].len);
        out_sealed->pieces[i + 1] = (struct iovec){(void *)all[i].data, all[i].len};
    }
    crypto_onetimeauth_poly1305_final(&tag, header + TAG_AT);
    out_sealed->size = size;
    return WSB_OK;
}

wsb_status wsb__envelope_seal(const wsb__key *key, const wsb__envelope_parts *parts,
                              wsb_buf *out_bytes, wsb_error **out_error)
{
    wsb__sealed sealed;
    wsb_status status = wsb__envelope_seal_pieces(key, parts, &sealed, out_error);
    if (status != WSB_OK)
        return status;
    wsb_buf bytes = WSB_BUF_INIT;
    status = wsb__buf_reserve(&bytes, sealed.size, SIZE_MAX);
    for (size_t i = 0; i < WSB__ENVELOPE_PIECES && status == WSB_OK; i++)
        status =
            wsb__buf_append(&bytes, sealed.pieces[i].iov_base, sealed.pieces[i].iov_len, SIZE_MAX);
    if (status != WSB_OK) {
        wsb_buf_fini(&bytes);
        return wsb_error_set(out_error, status, NULL, "seal compiled module: %s",
                             wsb_status_text(status));
    }
    *out_bytes = bytes;
    return WSB_OK;
}

bool wsb__envelope_recognise(wsb_bytes bytes)
{
    return bytes.len >= sizeof magic && memcmp(bytes.data, magic, sizeof magic) == 0;
}

static bool authentic(const wsb__key *key, wsb_bytes bytes)
{
    if (bytes.len < WSB__ENVELOPE_HEADER)
        return false;
    uint8_t expected[TAG_BYTES];
    crypto_onetimeauth_poly1305_state tag;
    tag_start(&tag, key, bytes.data);
    crypto_onetimeauth_poly1305_update(&tag, bytes.data + WSB__ENVELOPE_HEADER,
                                       bytes.len - WSB__ENVELOPE_HEADER);
    crypto_onetimeauth_poly1305_final(&tag, expected);
    return crypto_verify_16(expected, bytes.data + TAG_AT) == 0;
}

static bool split(wsb_bytes bytes, wsb__envelope_parts *out)
{
    wsb_bytes all[PART_COUNT];
    const uint8_t *at = bytes.data + WSB__ENVELOPE_HEADER;
    size_t left = bytes.len - WSB__ENVELOPE_HEADER;
    for (size_t i = 0; i < PART_COUNT; i++) {
        uint64_t len = get_number(bytes.data + LENGTHS_AT + 8 * i, 8);
        if (len > left)
            return false;
        all[i] = wsb_bytes_of(at, (size_t)len);
        at += len;
        left -= (size_t)len;
    }
    if (left > 0)
        return false;
    *out = (wsb__envelope_parts){
        .engine = {(const char *)all[0].data, all[0].len},
        .version = {(const char *)all[1].data, all[1].len},
        .variant = all[2],
        .info = all[3],
        .code = all[4],
    };
    return true;
}

wsb_status wsb__envelope_open(const wsb__key *key, wsb_bytes bytes, wsb__envelope_parts *out_parts,
                              wsb_error **out_error)
{
    wsb_error_details details = {
        .operation = "load compiled module",
        .suggestion = "compile the module again with this user's key",
    };
    if (!wsb__envelope_recognise(bytes))
        return wsb_error_set(out_error, WSB_ERROR_MALFORMED, &details,
                             "load compiled module: these bytes are not a compiled module");
    if (!authentic(key, bytes))
        return wsb_error_set(out_error, WSB_ERROR_UNTRUSTED, &details,
                             "load compiled module: it was altered, cut off, or made with another "
                             "key");
    uint64_t version = get_number(bytes.data + VERSION_AT, 4);
    if (version != FORMAT_VERSION) {
        details.used = version;
        details.allowed = FORMAT_VERSION;
        return wsb_error_set(out_error, WSB_ERROR_UNSUPPORTED, &details,
                             "load compiled module: its format has version %u, this library reads "
                             "version %u",
                             (unsigned)version, FORMAT_VERSION);
    }
    if (!split(bytes, out_parts))
        return wsb_error_set(out_error, WSB_ERROR_MALFORMED, &details,
                             "load compiled module: its lengths do not add up");
    return WSB_OK;
}
