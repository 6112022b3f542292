#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after those: */
#include <cmocka.h>

#include "runtime/envelope.h"
#include "unit/core/fail_nth.h"

#include <string.h>
#include <wasm_sandbox/status.h>

static const wsb__key key = {{1, 2, 3}};

static wsb__envelope_parts sample(void)
{
    return (wsb__envelope_parts){
        .engine = wsb_cstr("fake"),
        .version = wsb_cstr("1.2"),
        .variant = wsb_bytes_of("\1\0", 2),
        .info = wsb_bytes_of("info", 4),
        .code = wsb_bytes_of("machine code", 12),
    };
}

static wsb_buf seal(void)
{
    wsb__envelope_parts parts = sample();
    wsb_buf bytes = WSB_BUF_INIT;
    assert_int_equal(wsb__envelope_seal(&key, &parts, &bytes, NULL), WSB_OK);
    return bytes;
}

static wsb_bytes view(const wsb_buf *buf)
{
    return wsb_bytes_of(buf->data, buf->len);
}

static void test_gives_back_what_was_sealed(void **state)
{
    (void)state;
    wsb_buf bytes = seal();
    wsb__envelope_parts parts;
    assert_true(wsb__envelope_recognise(view(&bytes)));
    assert_int_equal(wsb__envelope_open(&key, view(&bytes), &parts, NULL), WSB_OK);
    assert_int_equal(parts.engine.len, 4);
    assert_memory_equal(parts.engine.data, "fake", 4);
    assert_memory_equal(parts.version.data, "1.2", 3);
    assert_memory_equal(parts.variant.data, "\1\0", 2);
    assert_memory_equal(parts.info.data, "info", 4);
    assert_int_equal(parts.code.len, 12);
    assert_memory_equal(parts.code.data, "machine code", 12);
    wsb_buf_fini(&bytes);
}

static void test_any_changed_bit_is_refused(void **state)
{
    (void)state;
    wsb_buf bytes = seal();
    wsb__envelope_parts parts = {.info = {NULL, 77}};
    for (size_t i = 0; i < bytes.len * 8; i++) {
        bytes.data[i / 8] ^= (uint8_t)(1 << i % 8);
        wsb_status status = wsb__envelope_open(&key, view(&bytes), &parts, NULL);
        assert_int_equal(status, i < 64 ? WSB_ERROR_MALFORMED : WSB_ERROR_UNTRUSTED);
        bytes.data[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t len = 0; len < bytes.len; len++) {
        wsb_status status = wsb__envelope_open(&key, wsb_bytes_of(bytes.data, len), &parts, NULL);
        assert_int_equal(status, len < 8 ? WSB_ERROR_MALFORMED : WSB_ERROR_UNTRUSTED);
    }
    assert_int_equal(parts.info.len, 77);
    assert_int_equal(wsb__envelope_open(&key, view(&bytes), &parts, NULL), WSB_OK);
    wsb_buf_fini(&bytes);
}

static void test_another_key_is_refused(void **state)
{
    (void)state;
    wsb_buf bytes = seal();
    wsb__key other = key;
    other.bytes[31] = 1;
    wsb__envelope_parts parts;
    wsb_error *error = NULL;
    assert_int_equal(wsb__envelope_open(&other, view(&bytes), &parts, &error), WSB_ERROR_UNTRUSTED);
    assert_non_null(strstr(wsb_error_suggestion(error), "key"));
    wsb_error_destroy(error);
    wsb_buf_fini(&bytes);
}

/* Authenticates bytes that seal() would not make. */
static void resign(wsb_buf *bytes)
{
    uint8_t once[32];
    wsb__key_hash hash;
    wsb__key_hash_start(&hash, &key, "wsb envelope v2");
    crypto_generichash_blake2b_update(&hash, bytes->data + 24, 96 - 24);
    crypto_generichash_blake2b_final(&hash, once, sizeof once);
    crypto_onetimeauth_poly1305(bytes->data + 8, bytes->data + 96, bytes->len - 96, once);
}

static void test_authentic_nonsense_is_refused(void **state)
{
    (void)state;
    wsb__envelope_parts parts;
    wsb_buf bytes = seal();
    bytes.data[40]++;
    resign(&bytes);
    assert_int_equal(wsb__envelope_open(&key, view(&bytes), &parts, NULL), WSB_ERROR_UNSUPPORTED);
    bytes.data[40]--;
    for (size_t i = 48; i < 88; i++) {
        bytes.data[i]++;
        resign(&bytes);
        assert_int_equal(wsb__envelope_open(&key, view(&bytes), &parts, NULL), WSB_ERROR_MALFORMED);
        bytes.data[i]--;
    }
    memset(bytes.data + 48, 0xff, 40);
    resign(&bytes);
    assert_int_equal(wsb__envelope_open(&key, view(&bytes), &parts, NULL), WSB_ERROR_MALFORMED);
    wsb_buf_fini(&bytes);
}

/* The nonce differs each time, and with it the tag. */
static void test_pieces_are_the_same_bytes(void **state)
{
    (void)state;
    wsb_buf bytes = seal();
    wsb_buf again = seal();
    assert_memory_not_equal(bytes.data + 24, again.data + 24, 16);
    assert_memory_not_equal(bytes.data + 8, again.data + 8, 16);
    wsb_buf_fini(&again);
    wsb__envelope_parts parts = sample();
    wsb__sealed sealed;
    assert_int_equal(wsb__envelope_seal_pieces(&key, &parts, &sealed, NULL), WSB_OK);
    assert_int_equal(sealed.size, bytes.len);
    memcpy(bytes.data + 8, sealed.header + 8, 32);
    size_t at = 0;
    for (size_t i = 0; i < WSB__ENVELOPE_PIECES; i++) {
        assert_memory_equal(bytes.data + at, sealed.pieces[i].iov_base, sealed.pieces[i].iov_len);
        at += sealed.pieces[i].iov_len;
    }
    assert_int_equal(at, bytes.len);
    assert_int_equal(wsb__envelope_open(&key, view(&bytes), &parts, NULL), WSB_OK);
    wsb_buf_fini(&bytes);
    parts.code.len = SIZE_MAX;
    assert_int_equal(wsb__envelope_seal_pieces(&key, &parts, &sealed, NULL),
                     WSB_ERROR_INVALID_ARGUMENT);
}

static void test_without_memory(void **state)
{
    (void)state;
    wsb__envelope_parts parts = sample();
    wsb_buf bytes = WSB_BUF_INIT;
    EXPECT_OUT_OF_MEMORY_UNTIL_OK(wsb__envelope_seal(&key, &parts, &bytes, NULL));
    wsb_buf_fini(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gives_back_what_was_sealed),
        cmocka_unit_test(test_any_changed_bit_is_refused),
        cmocka_unit_test(test_another_key_is_refused),
        cmocka_unit_test(test_authentic_nonsense_is_refused),
        cmocka_unit_test(test_pieces_are_the_same_bytes),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
