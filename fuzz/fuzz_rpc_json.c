/* Frames of JSON-RPC from the other side. Our reader and jansson must agree about what is JSON; and
 * a side that serves, and one that waits for an answer, must answer or survive whatever comes. */
#include "fuzz_rpc.h"

/* jansson refuses some JSON: numbers that it cannot hold, and NUL in keys. */
static void compare_with_jansson(const uint8_t *data, size_t size)
{
    wsb__json_scan scan;
    wsb_bytes value;
    json_error_t problem;
    if (size > 0 && memchr(data, 0, size))
        return; /* which jansson skips */
    wsb__json_scan_init(&scan);
    wsb__json_scan_begin(&scan, wsb_bytes_of(data, size));
    bool ours = wsb__json_scan_value(&scan, &value) && wsb__json_scan_end(&scan);
    bool bounded = scan.problem && (strstr(scan.problem, "deeper") || strstr(scan.problem, "more"));
    wsb__json_scan_fini(&scan);
    json_t *json = json_loadb(size ? (const char *)data : "", size,
                              JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &problem);
    bool theirs = json != NULL;
    json_decref(json);
    bool limited = !theirs && (json_error_code(&problem) == json_error_numeric_overflow ||
                               json_error_code(&problem) == json_error_null_byte_in_key);
    if (ours != theirs && !limited && !bounded)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    compare_with_jansson(data, size);
    fuzz_rpc_frame(WSB_RPC_JSON, &wsb__rpc_json, data, size);
    fuzz_rpc_conversation(WSB_RPC_JSON, data, size);
    return 0;
}
