/* JSON and MessagePack: parsing, checking, writing and turning one into the other, within bounds,
 * and between them and the values of functions. See docs/internals/calling-conventions.md. */
#ifndef WSB_COMMUNICATION_CODEC_H
#define WSB_COMMUNICATION_CODEC_H

#include <jansson.h>
#include <msgpack.h>
#include <wasm_sandbox/error.h>
#include <wasm_sandbox/value.h>

/* Bounds on one text or message, whoever wrote it. Parsing costs up to 150 bytes a value, so the
 * count is bounded as well: a guest must not make its host allocate what its own memory limit
 * forbids it. */
#define WSB__STRUCTURED_MAX_BYTES ((size_t)64 * 1024 * 1024)
#define WSB__STRUCTURED_MAX_VALUES ((size_t)1000000)
#define WSB__STRUCTURED_MAX_DEPTH 512
/* msgpack-c nests no deeper (MSGPACK_EMBED_STACK_SIZE). */
#define WSB__MSGPACK_MAX_DEPTH 32

/* What is handed over uninterpreted, by a host or by a guest. */
#define WSB__BUFFER_MAX_BYTES ((size_t)256 * 1024 * 1024)

/* Which data of which call is being looked at, for errors. */
typedef struct wsb__site {
    wsb_str function;
    const char *form;     /* how the caller calls: "JSON", "MessagePack", "bytes" */
    const char *subject;  /* "the arguments", "the guest's result" */
    wsb_status malformed; /* WSB_ERROR_MALFORMED for the caller's data, _GUEST for the guest's */
} wsb__site;

/* Sets an error whose operation is "call '<function>' with <form>". `suggestion` may be NULL. */
wsb_status wsb__site_error(const wsb__site *site, wsb_status status, const char *suggestion,
                           wsb_error **out_error, const char *format, ...) WSB_PRINTF(5, 6);

/* Copies `text` to `out` (terminated, at most `capacity`), with control characters and what is
 * not UTF-8 replaced by '?'. */
void wsb__sanitize(char *out, size_t capacity, const void *text, size_t len);

/* --- numbers (number.c) --- */

typedef enum wsb__number_kind {
    WSB__NUMBER_SIGNED,
    WSB__NUMBER_UNSIGNED,
    WSB__NUMBER_REAL
} wsb__number_kind;

typedef struct wsb__number {
    wsb__number_kind kind;
    union {
        int64_t s;
        uint64_t u;
        double r;
    } of;
} wsb__number;

/* Converts exactly. Returns NULL, or why the number does not fit the type. */
const char *wsb__number_convert(const wsb__number *number, wsb_value_type type,
                                wsb_raw_value *out_value);

#define WSB__NUMBER_TEXT 40

/* Write numbers in JSON's grammar, whatever the locale, into WSB__NUMBER_TEXT bytes, terminated;
 * return the length. Real ones get the fewest digits that read back as the same value. */
size_t wsb__print_signed(char *out, int64_t value);
size_t wsb__print_unsigned(char *out, uint64_t value);
size_t wsb__print_f64(char *out, double value);
size_t wsb__print_f32(char *out, float value);

/* --- JSON (json_value.c) --- */

/* Parses one JSON value within the bounds. The caller releases it with json_decref(). */
WSB_NODISCARD wsb_status wsb__json_parse(const wsb__site *site, wsb_str text, json_t **out_json,
                                         wsb_error **out_error);

/* Arguments of a scalar function: an array by position, or the one argument alone. `values` has
 * room for all parameters. */
WSB_NODISCARD wsb_status wsb__json_args(const wsb__site *site, wsb_str text,
                                        const wsb_function_type *type, wsb_raw_value *values,
                                        wsb_error **out_error);

/* Appends the results: null, one value, or an array. */
WSB_NODISCARD wsb_status wsb__json_results(const wsb__site *site, const wsb_function_type *type,
                                           const wsb_raw_value *values, wsb_buf *out_json,
                                           wsb_error **out_error);

/* --- MessagePack (msgpack_check.c, msgpack_value.c) --- */

/* Checks that `data` is exactly one message within the bounds, with text in UTF-8, before
 * anything is allocated for what it declares. */
WSB_NODISCARD wsb_status wsb__msgpack_check(const wsb__site *site, wsb_bytes data,
                                            wsb_error **out_error);

/* Walks over the one value that starts at `*io_at`, not behind the end, within the bounds but that
 * of bytes. NULL, or the problem; `*io_at` is then where it is, else behind the value. */
const char *wsb__msgpack_walk(wsb_bytes data, size_t *io_at);

/* Whether a byte is a whole value: a small number, nil, false, true. */
static inline bool wsb__msgpack_is_single(uint8_t byte)
{
    return byte < 0x80 || byte >= 0xe0 || byte == 0xc0 || byte == 0xc2 || byte == 0xc3;
}

/* Checks and unpacks. The caller releases it with msgpack_unpacked_destroy(). Strings point into
 * `data`. */
WSB_NODISCARD wsb_status wsb__msgpack_parse(const wsb__site *site, wsb_bytes data,
                                            msgpack_unpacked *out_message, wsb_error **out_error);

/* A packer that appends to `buf` within WSB__STRUCTURED_MAX_BYTES. */
void wsb__msgpack_packer(msgpack_packer *packer, wsb_buf *buf);

/* As for JSON. */
WSB_NODISCARD wsb_status wsb__msgpack_args(const wsb__site *site, wsb_bytes data,
                                           const wsb_function_type *type, wsb_raw_value *values,
                                           wsb_error **out_error);
WSB_NODISCARD wsb_status wsb__msgpack_results(const wsb__site *site, const wsb_function_type *type,
                                              const wsb_raw_value *values, wsb_buf *out_data,
                                              wsb_error **out_error);

/* --- between the two (msgpack_writer.c, json_writer.c) --- */

WSB_NODISCARD wsb_status wsb__json_to_msgpack(const wsb__site *site, wsb_str text,
                                              wsb_buf *out_data, wsb_error **out_error);
WSB_NODISCARD wsb_status wsb__msgpack_to_json(const wsb__site *site, wsb_bytes data,
                                              wsb_buf *out_json, wsb_error **out_error);

/* --- scalar functions (scalar.c) --- */

/* Says which parameter or result has no form outside of WebAssembly, before anything runs. */
WSB_NODISCARD wsb_status wsb__scalar_check_type(const wsb__site *site,
                                                const wsb_function_type *type,
                                                wsb_error **out_error);
/* Converts an argument, or says why it does not fit. */
WSB_NODISCARD wsb_status wsb__scalar_convert(const wsb__site *site, const wsb_function_type *type,
                                             size_t index, const wsb__number *number,
                                             wsb_raw_value *out, wsb_error **out_error);
/* The two errors that both encodings have. */
wsb_status wsb__scalar_count_error(const wsb__site *site, const wsb_function_type *type,
                                   size_t given, wsb_error **out_error);
wsb_status wsb__scalar_argument_error(const wsb__site *site, const wsb_function_type *type,
                                      size_t index, const char *given, const char *why,
                                      wsb_error **out_error);

#endif
