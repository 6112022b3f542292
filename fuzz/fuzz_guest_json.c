/* The headers for guests in C over JSON from the other side, natively: the host's reader must agree
 * about what it is and says; the guest must answer or survive whatever comes. */
#include "fuzz_guest_rpc.h"

#include <errno.h>

/* What the host makes of the text between a string's quotes. */
static void check_string(wsb_guest_json value)
{
    wsb_guest_buffer text = WSB_GUEST_BUFFER_INIT;
    wsb_guest_buffer again = WSB_GUEST_BUFFER_INIT;
    wsb_buf decoded = WSB_BUF_INIT;
    wsb_str raw = {(const char *)value.data + 1, value.len - 2};
    require(wsb_guest_json_string(value, &text));
    require(text.data[text.len] == 0);
    require(wsb__json_decode(raw, &decoded) == WSB_OK);
    require(is_same(wsb_guest_view(&text), decoded.data, decoded.len));
    bool is_text = strlen((const char *)text.data) == text.len;
    require(wsb_guest_json_is(value, (const char *)text.data) == is_text);
    require(!wsb_guest_json_is(value, "no such text"));
    /* Written again it says the same. */
    require(wsb_guest_json_write_string(&again, wsb_guest_view(&text)));
    text.len = 0;
    require(wsb_guest_json_parse(wsb_guest_view(&again), &value));
    require(wsb_guest_json_string(value, &text));
    require(is_same(wsb_guest_view(&text), decoded.data, decoded.len));
    wsb_buf_fini(&decoded);
    wsb_guest_buffer_free(&again);
    wsb_guest_buffer_free(&text);
}

static void check_number(wsb_guest_json value)
{
    char text[32] = "";
    int64_t number = 0;
    bool whole = true;
    for (uint32_t i = 0; i < value.len; i++)
        whole = whole && value.data[i] != '.' && (value.data[i] | 32) != 'e';
    memcpy(text, value.data, value.len < sizeof text ? value.len : 0);
    errno = 0;
    long long theirs = strtoll(text, NULL, 10);
    bool fits = whole && errno == 0 && text[0];
    require(wsb_guest_json_int(value, &number) == fits);
    require(!fits || number == theirs);
    if (!fits)
        return;
    wsb_guest_buffer again = WSB_GUEST_BUFFER_INIT;
    require(wsb_guest_json_write_int(&again, number));
    /* -0 loses its sign. */
    require(number == 0 || is_same(wsb_guest_view(&again), value.data, value.len));
    wsb_guest_buffer_free(&again);
}

/* Each type's accessor takes its own type alone. */
static void check_scalar(wsb_guest_json value)
{
    wsb_guest_json_type type = wsb_guest_json_type_of(value);
    wsb_guest_buffer text = WSB_GUEST_BUFFER_INIT;
    bool flag = false;
    int64_t number;
    require(wsb_guest_json_bool(value, &flag) == (type == WSB_GUEST_JSON_BOOL));
    require(!flag || value.len == 4);
    require(type == WSB_GUEST_JSON_NUMBER || !wsb_guest_json_int(value, &number));
    require(type == WSB_GUEST_JSON_STRING || !wsb_guest_json_string(value, &text));
    require(type != WSB_GUEST_JSON_NULL || value.len == 4);
    if (type == WSB_GUEST_JSON_STRING)
        check_string(value);
    else if (type == WSB_GUEST_JSON_NUMBER)
        check_number(value);
    wsb_guest_buffer_free(&text);
}

/* A value that was parsed, and what is inside: in order, by place and by name the same. */
static void check_value(wsb_guest_json value)
{
    wsb_guest_json name, element, found;
    wsb_guest_json_iterator it = wsb_guest_json_each(value);
    bool is_array = wsb_guest_json_type_of(value) == WSB_GUEST_JSON_ARRAY;
    uint32_t count = 0;
    check_scalar(value);
    for (; wsb_guest_json_next(&it, &name, &element); count++) {
        require(element.data > value.data && element.data + element.len < value.data + value.len);
        if (is_array && count < 4)
            require(wsb_guest_json_at(value, count, &found) && found.data == element.data);
        if (it.object) {
            wsb_guest_buffer text = WSB_GUEST_BUFFER_INIT;
            check_string(name);
            require(wsb_guest_json_string(name, &text));
            bool is_text = strlen((const char *)text.data) == text.len;
            require(!is_text || wsb_guest_json_get(value, (const char *)text.data, &found));
            require(!is_text || found.data <= element.data); /* the first of several */
            wsb_guest_buffer_free(&text);
        }
        check_value(element);
    }
    require(!is_array || !wsb_guest_json_at(value, count, &found));
    require(count > 0 || wsb_guest_json_type_of(value) < WSB_GUEST_JSON_ARRAY ||
            memchr(value.data + 1, ',', value.len - 2) == NULL);
}

/* Bytes that nobody checked: whatever comes of it, nothing beyond them is looked at. */
static void touch_unchecked(wsb_guest_json value)
{
    wsb_guest_json name, element;
    wsb_guest_buffer text = WSB_GUEST_BUFFER_INIT;
    wsb_guest_json_iterator it = wsb_guest_json_each(value);
    bool flag;
    int64_t number;
    (void)wsb_guest_json_bool(value, &flag);
    (void)wsb_guest_json_int(value, &number);
    (void)wsb_guest_json_string(value, &text);
    (void)wsb_guest_json_is(value, "\"\\");
    (void)wsb_guest_json_at(value, 3, &element);
    (void)wsb_guest_json_get(value, "a", &element);
    while (wsb_guest_json_next(&it, &name, &element))
        check_value(element); /* which next() checks */
    wsb_guest_buffer_free(&text);
}

/* The same rules for a whole text. Only the host refuses a name that stands twice. */
static bool compare_text(wsb_guest_bytes frame, wsb_guest_json *out_value)
{
    wsb__json_scan scan;
    wsb_bytes value;
    wsb__json_scan_init(&scan);
    wsb__json_scan_begin(&scan, wsb_bytes_of(frame.data, frame.len));
    bool host = wsb__json_scan_value(&scan, &value) && wsb__json_scan_end(&scan);
    bool guest = wsb_guest_json_parse(frame, out_value);
    require(guest == host || (guest && strstr(scan.problem, "twice")));
    require(!host || is_same(*out_value, value.data, value.len));
    wsb__json_scan_fini(&scan);
    return guest;
}

/* The guest ignores what the other kind of message is made of; the host takes it for neither. */
static bool is_mixed(wsb_guest_json value)
{
    wsb_guest_json found;
    return (wsb_guest_json_get(value, "method", &found) ||
            wsb_guest_json_get(value, "params", &found)) &&
           (wsb_guest_json_get(value, "result", &found) ||
            wsb_guest_json_get(value, "error", &found));
}

/* One message after the other, as both read it. */
static void compare_messages(wsb_guest_bytes frame, wsb_guest_json value)
{
    wsb__rpc_reader reader;
    wsb__rpc_message host;
    wsb_guest_json one = value;
    wsb_guest_json_iterator it = wsb_guest_json_each(value);
    bool is_batch = wsb_guest_json_type_of(value) == WSB_GUEST_JSON_ARRAY;
    wsb__rpc_reader_init(&reader, peer.framing);
    if (wsb__rpc_open(&reader, wsb_bytes_of(frame.data, frame.len)) == WSB_OK) {
        require(reader.is_batch == is_batch);
        while (wsb__rpc_next(&reader, &host) == WSB_OK) {
            require(!is_batch || wsb_guest_json_next(&it, NULL, &one));
            wsb_guest_rpc_message_ guest = wsb_guest_rpc_read_json_(one);
            if (host.kind != WSB__RPC_INVALID || guest.kind == WSB_GUEST_RPC_INVALID_ ||
                !is_mixed(one))
                require_same(&host, &guest);
        }
        require(!is_batch || !wsb_guest_json_next(&it, NULL, &one));
    }
    wsb__rpc_reader_fini(&reader);
}

static void compare_frame(wsb_guest_bytes frame)
{
    wsb_guest_json value;
    if (compare_text(frame, &value)) {
        check_value(value);
        compare_messages(frame, value);
    }
    touch_unchecked(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_guest(&wsb__rpc_json, data, size);
    return 0;
}
