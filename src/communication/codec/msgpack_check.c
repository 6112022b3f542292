/* MessagePack: walks a message without building anything, so that a header that declares four
 * billion elements is refused before memory is allocated for them. The walk is iterative: the
 * nesting is bounded by its own table, not by the thread's stack.
 * Source: https://github.com/msgpack/msgpack/blob/master/spec.md */
#include "communication/codec/codec.h"
#include "core/buffer.h"

typedef struct walk {
    const uint8_t *data;
    size_t len;
    size_t at;
    size_t values;
    size_t depth;
    uint64_t left[WSB__MSGPACK_MAX_DEPTH + 1]; /* values still to come, by level */
} walk;

/* What a leading byte announces. */
typedef struct head {
    size_t length_size;  /* bytes of length that follow */
    uint64_t payload;    /* bytes that follow, where no length does */
    unsigned per_length; /* bytes (text, binary, extension) or values (containers) a unit */
    bool container;
    bool text;
    bool extension;
} head;

static head fixed(uint64_t payload)
{
    return (head){.payload = payload};
}

/* Sizes of 0xc0 to 0xdf, by the specification's table; 255: never used. */
static const uint8_t length_sizes[32] = {
    0, 255, 0, 0, 1, 2, 4, 1, 2, 4, 0, 0, 0, 0, 0, 0, /* nil … uint64 */
    0, 0,   0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 2, 4, 2, 4, /* int8 … map32 */
};
static const uint8_t payload_sizes[32] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0,  0, 4, 8, 1, 2, 4, 8, /* nil … uint64 */
    1, 2, 4, 8, 2, 3, 5, 9, 17, 0, 0, 0, 0, 0, 0, 0, /* int8 … map32 */
};

static bool read_head(uint8_t byte, head *out)
{
    *out = fixed(0);
    if (byte < 0x80 || byte >= 0xe0)
        return true;
    if (byte < 0xa0) {
        *out =
            (head){.payload = byte & 0x0fu, .per_length = byte < 0x90 ? 2 : 1, .container = true};
        return true;
    }
    if (byte < 0xc0) {
        *out = (head){.payload = byte & 0x1fu, .text = true};
        return true;
    }
    unsigned index = byte - 0xc0u;
    if (length_sizes[index] == 255)
        return false;
    out->length_size = length_sizes[index];
    out->payload = payload_sizes[index];
    out->text = byte >= 0xd9 && byte <= 0xdb;
    out->container = byte >= 0xdc;
    out->per_length = byte >= 0xde ? 2 : 1;
    out->extension = (byte >= 0xc7 && byte <= 0xc9) || (byte >= 0xd4 && byte <= 0xd8);
    return true;
}

/* Returns NULL or the problem. */
static const char *read_length(walk *state, const head *what, uint64_t *out_length)
{
    if (what->length_size == 0) {
        *out_length = what->payload;
        return NULL;
    }
    if (what->length_size > state->len - state->at)
        return "the message ends inside a length";
    uint64_t length = 0;
    for (size_t i = 0; i < what->length_size; i++)
        length = length << 8 | state->data[state->at++];
    *out_length = length;
    return NULL;
}

static const char *enter(walk *state, uint64_t values)
{
    /* Every value takes a byte at least. */
    if (values > state->len - state->at)
        return "an array or map declares more elements than the message has bytes";
    if (state->depth == WSB__MSGPACK_MAX_DEPTH)
        return "nested deeper than 32 levels";
    state->left[++state->depth] = values;
    return NULL;
}

static const char *step(walk *state)
{
    if (state->at == state->len)
        return "the message ends before its last value";
    if (++state->values > WSB__STRUCTURED_MAX_VALUES)
        return "more than 1000000 values";
    head what;
    uint64_t length = 0;
    uint8_t byte = state->data[state->at++];
    if (wsb__msgpack_is_single(byte))
        return NULL;
    if (!read_head(byte, &what))
        return "the byte 0xc1 is never used";
    const char *problem = read_length(state, &what, &length);
    if (problem)
        return problem;
    if (what.container)
        return enter(state, length * what.per_length);
    if (what.extension && what.length_size)
        length++; /* its type */
    if (length > state->len - state->at)
        return "a value is longer than the message";
    if (what.text && !wsb__utf8_valid(state->data + state->at, (size_t)length))
        return "a string is not UTF-8";
    state->at += (size_t)length;
    return NULL;
}

const char *wsb__msgpack_walk(wsb_bytes data, size_t *io_at)
{
    walk state;
    state.data = data.data;
    state.len = data.len;
    state.at = *io_at;
    state.values = 0;
    state.depth = 0;
    state.left[0] = 1;
    const char *problem = NULL;
    for (;;) {
        while (state.depth && state.left[state.depth] == 0)
            state.depth--;
        if (problem || state.left[state.depth] == 0)
            break;
        state.left[state.depth]--;
        problem = step(&state);
    }
    *io_at = state.at;
    return problem;
}

wsb_status wsb__msgpack_check(const wsb__site *site, wsb_bytes data, wsb_error **out_error)
{
    if (data.len && !data.data)
        return wsb__site_error(site, WSB_ERROR_INVALID_ARGUMENT, NULL, out_error,
                               "the data is NULL but its length is %zu", data.len);
    if (data.len > WSB__STRUCTURED_MAX_BYTES)
        return wsb__site_error(site, site->malformed, "use wsb_instance_call_bytes()", out_error,
                               "%s are %zu bytes of MessagePack, more than the %zu allowed",
                               site->subject, data.len, WSB__STRUCTURED_MAX_BYTES);
    size_t at = 0;
    const char *problem = wsb__msgpack_walk(data, &at);
    if (!problem && at != data.len)
        problem = "bytes follow the value";
    if (!problem)
        return WSB_OK;
    return wsb__site_error(site, site->malformed, NULL, out_error,
                           "%s are not a valid MessagePack message: %s, at byte %zu", site->subject,
                           problem, at);
}
