/* Guests made with the SDK for C, built beside the tests; calls of their functions over bytes. */
#ifndef WSB_TESTS_SDK_TEST_H
#define WSB_TESTS_SDK_TEST_H

#include <stdio.h>
#include <unistd.h>

#include "unit/host/host_test.h"

static inline wsb_module *load_guest(wsb_runtime *runtime, const char *name)
{
    static uint8_t bytes[1024 * 1024];
    char path[4096];
    wsb_module *module = NULL;
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 64);
    assert_true(len > 0);
    path[len] = '\0';
    snprintf(strrchr(path, '/'), 64, "/guests/%s.wasm", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    assert_true(size > 0 && size < sizeof bytes);
    fclose(file);
    MUST(wsb_module_compile(runtime, wsb_bytes_of(bytes, size), NULL, &module, err));
    return module;
}

static inline void give(wsb_instance *instance, const char *function, const void *input, size_t len,
                        const void *output, size_t output_len)
{
    wsb_buf out = WSB_BUF_INIT;
    MUST(
        wsb_instance_call_bytes(instance, wsb_cstr(function), wsb_bytes_of(input, len), &out, err));
    if (out.len != output_len || memcmp(out.data ? out.data : (uint8_t *)"", output, output_len)) {
        print_error("%.*s\n", (int)out.len, out.data);
        fail();
    }
    wsb_buf_fini(&out);
}

static inline void refuse(wsb_instance *instance, const char *function, const void *input,
                          size_t len, int32_t code, const char *message)
{
    wsb_buf out = WSB_BUF_INIT;
    wsb_error *error = NULL;
    wsb_status status = wsb_instance_call_bytes(instance, wsb_cstr(function),
                                                wsb_bytes_of(input, len), &out, &error);
    if (status != WSB_ERROR_GUEST || wsb_error_code(error) != code)
        print_error("%s %d: %s\n", wsb_status_name(status), (int)wsb_error_code(error),
                    wsb_error_message(error));
    assert_int_equal(status, WSB_ERROR_GUEST);
    assert_int_equal(wsb_error_code(error), code);
    assert_non_null(strstr(wsb_error_message(error), message));
    wsb_error_destroy(error);
}

#define TEXT(text) text, sizeof(text) - 1

#endif
