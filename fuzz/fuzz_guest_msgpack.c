/* The headers for guests in C over MessagePack from the other side, natively: the host's reader and
 * msgpack-c must agree about what it is and says; the guest must answer or survive whatever comes.
 */
#include "fuzz_guest_rpc.h"

#include "communication/codec/codec.h"

/* What the accessors made of one value, and what writing it gives. */
typedef struct value {
    int taken; /* by how many of them */
    wsb_guest_msgpack_reader after;
    msgpack_object object;
    wsb_guest_buffer again;
} value;

static void note(value *v, wsb_guest_msgpack_reader after, msgpack_object_type type, bool wrote)
{
    v->taken++;
    v->after = after;
    v->object.type = type;
    require(wrote);
}

static void read_number(value *v, wsb_guest_msgpack_reader r)
{
    wsb_guest_msgpack_reader start = r;
    int64_t number;
    double real;
    if (wsb_guest_msgpack_int(&r, &number)) {
        v->object.via.i64 = number;
        note(v, r, number < 0 ? MSGPACK_OBJECT_NEGATIVE_INTEGER : MSGPACK_OBJECT_POSITIVE_INTEGER,
             wsb_guest_msgpack_write_int(&v->again, number));
    }
    r = start;
    if (wsb_guest_msgpack_real(&r, &real)) {
        v->object.via.f64 = real;
        note(v, r, *start.at == 0xca ? MSGPACK_OBJECT_FLOAT32 : MSGPACK_OBJECT_FLOAT64,
             wsb_guest_msgpack_write_real(&v->again, real));
    }
}

static void read_bytes(value *v, wsb_guest_msgpack_reader r)
{
    wsb_guest_msgpack_reader start = r;
    wsb_guest_bytes bytes;
    if (wsb_guest_msgpack_text(&r, &bytes)) {
        v->object.via.str.ptr = (const char *)bytes.data;
        v->object.via.str.size = bytes.len;
        note(v, r, MSGPACK_OBJECT_STR, wsb_guest_msgpack_write_text(&v->again, bytes));
    }
    r = start;
    if (wsb_guest_msgpack_binary(&r, &bytes)) {
        v->object.via.bin.ptr = (const char *)bytes.data;
        v->object.via.bin.size = bytes.len;
        note(v, r, MSGPACK_OBJECT_BIN, wsb_guest_msgpack_write_binary(&v->again, bytes));
    }
}

static void read_rest(value *v, wsb_guest_msgpack_reader r)
{
    wsb_guest_msgpack_reader start = r;
    uint32_t count;
    bool flag;
    if (wsb_guest_msgpack_nil(&r))
        note(v, r, MSGPACK_OBJECT_NIL, wsb_guest_msgpack_write_nil(&v->again));
    r = start;
    if (wsb_guest_msgpack_bool(&r, &flag)) {
        v->object.via.boolean = flag;
        note(v, r, MSGPACK_OBJECT_BOOLEAN, wsb_guest_msgpack_write_bool(&v->again, flag));
    }
    r = start;
    if (wsb_guest_msgpack_array(&r, &count)) {
        v->object.via.array.size = count;
        note(v, r, MSGPACK_OBJECT_ARRAY, wsb_guest_msgpack_write_array(&v->again, count));
    }
    r = start;
    if (wsb_guest_msgpack_map(&r, &count)) {
        v->object.via.map.size = count;
        note(v, r, MSGPACK_OBJECT_MAP, wsb_guest_msgpack_write_map(&v->again, count));
    }
}

static value read_value(wsb_guest_msgpack_reader r)
{
    value v = {0, r, {.type = MSGPACK_OBJECT_NIL}, WSB_GUEST_BUFFER_INIT};
    read_number(&v, r);
    read_bytes(&v, r);
    read_rest(&v, r);
    require(v.taken <= 1);
    return v;
}

static bool is_container(const value *v)
{
    return v->taken &&
           (v->object.type == MSGPACK_OBJECT_ARRAY || v->object.type == MSGPACK_OBJECT_MAP);
}

/* Of what stands alone; a container's elements come later. */
static bool is_equal(const msgpack_object *a, const msgpack_object *b)
{
    if (a->type != b->type)
        return false;
    if (a->type == MSGPACK_OBJECT_FLOAT32 || a->type == MSGPACK_OBJECT_FLOAT64)
        return a->via.u64 == b->via.u64; /* to the bit, also what is no number */
    return a->type == MSGPACK_OBJECT_NIL || msgpack_object_equal(*a, *b);
}

/* msgpack-c reads the same; so do we what we wrote, which is not longer. */
static void check_value(const value *v, wsb_guest_msgpack_reader start)
{
    msgpack_unpacked theirs;
    size_t used = 0;
    wsb_guest_msgpack_reader again = wsb_guest_msgpack_read(wsb_guest_view(&v->again));
    value written = read_value(again);
    require(written.taken == 1 && wsb_guest_msgpack_at_end(&written.after));
    if (is_container(v)) {
        require(written.object.type == v->object.type);
        require(v->object.type == MSGPACK_OBJECT_MAP
                    ? written.object.via.map.size == v->object.via.map.size
                    : written.object.via.array.size == v->object.via.array.size);
    } else {
        msgpack_unpacked_init(&theirs);
        require(msgpack_unpack_next(&theirs, (const char *)start.at, (size_t)(start.end - start.at),
                                    &used) > 0);
        require(start.at + used == v->after.at);
        require(is_equal(&v->object, &theirs.data));
        msgpack_unpacked_destroy(&theirs);
        if (written.object.type == MSGPACK_OBJECT_FLOAT64)
            written.object.type = v->object.type;
        require(is_equal(&v->object, &written.object));
    }
    wsb_guest_buffer_free(&written.again);
}

/* The same rules for the value that `r` stands before. Only the host asks for UTF-8 and has bounds.
 */
static bool compare_value(wsb_guest_msgpack_reader r, wsb_guest_bytes *out_whole)
{
    size_t at = 0;
    wsb_guest_msgpack_reader after = r;
    const char *problem = wsb__msgpack_walk(wsb_bytes_of(r.at, (size_t)(r.end - r.at)), &at);
    bool taken = wsb_guest_msgpack_skip(&after, out_whole);
    if (taken) {
        require(after.at <= r.end && is_same(*out_whole, r.at, (size_t)(after.at - r.at)));
        require(problem ? strstr(problem, "UTF-8") || strstr(problem, "deeper")
                        : after.at == r.at + at);
    } else {
        require(problem && after.at == r.at);
    }
    wsb_guest_bytes rest = guest_bytes(r.at, (size_t)(r.end - r.at));
    require(wsb_guest_rpc_is_msgpack_(rest) == (taken && after.at == r.end));
    return taken;
}

/* Each value or head in order, until something is none; what no accessor takes is skipped. */
static void check_values(wsb_guest_bytes frame)
{
    wsb_guest_msgpack_reader r = wsb_guest_msgpack_read(frame);
    bool more = true;
    while (more) {
        wsb_guest_bytes whole = {r.at, 0};
        bool skips = compare_value(r, &whole);
        value v = read_value(r);
        if (v.taken && !is_container(&v))
            require(skips && whole.data + whole.len == v.after.at);
        if (v.taken)
            check_value(&v, r);
        more = v.taken || skips;
        r.at = v.taken ? v.after.at : whole.data + whole.len;
        wsb_guest_buffer_free(&v.again);
    }
}

static wsb_guest_rpc_message_ read_message(wsb_guest_bytes frame)
{
    wsb_guest_rpc_message_ call = wsb_guest_rpc_invalid_();
    if (wsb_guest_rpc_msgpack_read_call_(frame, &call))
        return call;
    wsb_guest_rpc_message_ answer = wsb_guest_rpc_msgpack_read_answer_(frame);
    return answer.kind == WSB_GUEST_RPC_INVALID_ ? call : answer;
}

static void compare_message(wsb_guest_bytes frame)
{
    wsb__rpc_reader reader;
    wsb__rpc_message host;
    wsb_guest_rpc_message_ guest = read_message(frame);
    require(guest.kind == WSB_GUEST_RPC_INVALID_ || wsb_guest_rpc_is_msgpack_(frame));
    wsb__rpc_reader_init(&reader, peer.framing);
    if (wsb__rpc_open(&reader, wsb_bytes_of(frame.data, frame.len)) == WSB_OK) {
        require(wsb__rpc_next(&reader, &host) == WSB_OK);
        require_same(&host, &guest);
    }
    wsb__rpc_reader_fini(&reader);
}

static void compare_frame(wsb_guest_bytes frame)
{
    check_values(frame);
    compare_message(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_guest(&wsb__rpc_msgpack, data, size);
    return 0;
}
