/* A guest of the C SDK that serves methods over a channel for each framing. */
#ifndef WSB_TESTS_SDK_RPC_TEST_H
#define WSB_TESTS_SDK_RPC_TEST_H

#include "unit/host/sdk_test.h"

enum { JSON = 0, MSGPACK = 1, CAPACITY = 16 * 1024 };
enum { WOULD_BLOCK = -3 };

typedef struct fixture {
    wsb_instance *instance;
    wsb_channel *host[2]; /* by framing */
    wsb_channel *guest[2];
    wsb_rpc_channel *rpc;
    int served; /* by the guest's serve() */
} fixture;

/* Compiled once for all tests. */
static wsb_runtime *runtime;
static wsb_module *guest;

static inline int load(void **state)
{
    (void)state;
    MUST(wsb_runtime_create(test_engine(), NULL, &runtime, err));
    guest = load_guest(runtime, "sdk_rpc");
    return 0;
}

static inline int unload(void **state)
{
    (void)state;
    wsb_module_destroy(guest);
    wsb_runtime_destroy(runtime);
    return 0;
}

static inline int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    wsb_capabilities capabilities = WSB_CAPABILITIES_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_channel_grant grants[2];
    assert_non_null(f);
    for (int i = 0; i < 2; i++) {
        MUST(wsb_memory_channel_create(CAPACITY, &f->host[i], &f->guest[i], err));
        grants[i].name = wsb_cstr(i == JSON ? "rpc_json" : "rpc_msgpack");
        grants[i].channel = f->guest[i];
    }
    capabilities.channels = grants;
    capabilities.channel_count = 2;
    config.capabilities = &capabilities;
    config.mode = test_mode;
    MUST(wsb_instance_create(guest, &config, &f->instance, err));
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    fixture *f = *state;
    wsb_rpc_channel_destroy(f->rpc);
    wsb_instance_destroy(f->instance);
    for (int i = 0; i < 2; i++) {
        wsb_channel_destroy(f->host[i]);
        wsb_channel_destroy(f->guest[i]);
    }
    free(f);
    return 0;
}

/* Lets the guest serve one frame and compares what it answers; NULL: nothing. */
static inline void exchange(fixture *f, int framing, const void *frame, size_t len,
                            const void *answer, size_t answer_len)
{
    wsb_buf got = WSB_BUF_INIT;
    MUST(wsb_channel_send(f->host[framing], wsb_bytes_of(frame, len), 0, err));
    assert_int_equal(CALL(f->instance, "serve_one", (uint64_t)framing), 0);
    wsb_status status = wsb_channel_receive_result(f->host[framing], &got, 0, NULL);
    assert_int_equal(status, answer ? WSB_OK : WSB_ERROR_WOULD_BLOCK);
    if (answer && (got.len != answer_len || memcmp(got.data, answer, answer_len) != 0)) {
        print_error("%.*s\n", (int)got.len, got.data);
        fail();
    }
    wsb_buf_fini(&got);
}

#endif
