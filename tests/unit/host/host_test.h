/* What the tests of "wsb_host" and "wsb_channel" share: instances in both modes, memory of the
 * guest, raw calls. */
#ifndef WSB_TESTS_HOST_TEST_H
#define WSB_TESTS_HOST_TEST_H

#include "support/modes.h"
#include "unit/runtime/runtime_test.h"

/* Puts text into the guest's memory; gives its length. */
static inline uint32_t put(wsb_instance *instance, uint32_t at, const void *data, size_t len)
{
    MUST(wsb_instance_write_memory(instance, at, data, len, err));
    return (uint32_t)len;
}

static inline uint32_t put_text(wsb_instance *instance, uint32_t at, const char *text)
{
    return put(instance, at, text, strlen(text));
}

static inline void assert_memory(wsb_instance *instance, uint32_t at, const void *data, size_t len)
{
    uint8_t *got = malloc(len + 1);
    assert_non_null(got);
    MUST(wsb_instance_read_memory(instance, at, got, len, err));
    assert_memory_equal(got, data, len);
    free(got);
}

/* Calls an export with i32 and i64 arguments, given as 64 bits each; gives the first result. */
static inline int64_t call_raw(wsb_instance *instance, const char *name, const uint64_t *args,
                               size_t count)
{
    wsb_raw_value values[8] = {{0}};
    wsb_function *function = function_of(instance, name);
    const wsb_function_type *type = wsb_function_get_type(function);
    assert_int_equal(type->param_count, count);
    for (size_t i = 0; i < count; i++)
        values[i].u64 = type->params[i] == WSB_I32 ? (uint32_t)args[i] : args[i];
    MUST(wsb_function_call_raw(function, values, 8, err));
    return type->results[0] == WSB_I32 ? values[0].i32 : values[0].i64;
}

#define CALL(instance, name, ...)                                                                  \
    call_raw(instance, name, (const uint64_t[]){__VA_ARGS__},                                      \
             sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

/* A structured function of the host that gives no output. */
static inline wsb_status nothing(wsb_call_context *context, wsb_bytes input, wsb_buf *io_output,
                                 void *user_data)
{
    (void)context;
    (void)input;
    (void)io_output;
    (void)user_data;
    return WSB_OK;
}

#endif
