/* Two sides of a conversation, or one and a raw end of its channel, in both framings. What is said
 * is written as JSON and becomes MessagePack where that is the framing. */
#ifndef TESTS_UNIT_COMMUNICATION_RPC_TEST_H
#define TESTS_UNIT_COMMUNICATION_RPC_TEST_H

#include "communication/codec/codec.h"

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <wasm_sandbox/wasm_sandbox.h>

#define FOREVER UINT64_MAX
#define AGES ((uint64_t)60 * 1000000000u)

typedef struct conversation {
    wsb_rpc_framing framing;
    wsb_channel *near_end;
    wsb_channel *far_end;
    wsb_rpc_channel *near; /* makes calls */
    wsb_rpc_channel *far;  /* serves; NULL: the far end is used as it is */
} conversation;

static const wsb__site rpc_site = {{"test", 4}, "RPC", "the data", WSB_ERROR_MALFORMED};

/* In the framing's encoding; the caller releases it. NULL is nothing. */
static inline wsb_buf encode(wsb_rpc_framing framing, const char *json)
{
    wsb_buf buf = WSB_BUF_INIT;
    if (!json)
        return buf;
    if (framing == WSB_RPC_MSGPACK) {
        assert_int_equal(wsb__json_to_msgpack(&rpc_site, wsb_cstr(json), &buf, NULL), WSB_OK);
        return buf;
    }
    assert_int_equal(wsb_buf_assign(&buf, wsb_bytes_of(json, strlen(json))), WSB_OK);
    return buf;
}

static inline wsb_bytes view(const wsb_buf *buf)
{
    return wsb_bytes_of(buf->data, buf->len);
}

/* Compares as values, not as text. */
static inline void assert_says(wsb_rpc_framing framing, wsb_bytes data, const char *json)
{
    wsb_buf text = WSB_BUF_INIT;
    if (framing == WSB_RPC_MSGPACK)
        assert_int_equal(wsb__msgpack_to_json(&rpc_site, data, &text, NULL), WSB_OK);
    else
        assert_int_equal(wsb_buf_assign(&text, data), WSB_OK);
    json_t *is =
        json_loadb((const char *)text.data, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    json_t *should = json_loads(json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert_non_null(should);
    if (!is || !json_equal(is, should))
        fail_msg("%.*s is not %s", (int)text.len, (const char *)text.data, json);
    json_decref(is);
    json_decref(should);
    wsb_buf_fini(&text);
}

static inline conversation begin_raw(wsb_rpc_framing framing, const wsb_rpc_options *given,
                                     const wsb_channel_options *channel)
{
    conversation c = {.framing = framing};
    wsb_rpc_options options = WSB_RPC_OPTIONS_INIT;
    wsb_channel_factory *factory = NULL;
    if (given)
        options = *given;
    options.framing = framing;
    assert_int_equal(wsb_channel_factory_create(&factory, NULL), WSB_OK);
    assert_int_equal(wsb_channel_factory_create_channel(factory, wsb_cstr("memory"), channel,
                                                        &c.near_end, &c.far_end, NULL),
                     WSB_OK);
    wsb_channel_factory_destroy(factory);
    assert_int_equal(wsb_rpc_channel_create(c.near_end, &options, &c.near, NULL), WSB_OK);
    return c;
}

static inline conversation begin(wsb_rpc_framing framing)
{
    conversation c = begin_raw(framing, NULL, NULL);
    wsb_rpc_options options = WSB_RPC_OPTIONS_INIT;
    options.framing = framing;
    assert_int_equal(wsb_rpc_channel_create(c.far_end, &options, &c.far, NULL), WSB_OK);
    return c;
}

static inline void finish(conversation *c)
{
    wsb_rpc_channel_destroy(c->near);
    wsb_rpc_channel_destroy(c->far);
    wsb_channel_destroy(c->near_end);
    wsb_channel_destroy(c->far_end);
}

static inline void *serve_thread(void *rpc)
{
    assert_int_equal(wsb_rpc_channel_serve(rpc, FOREVER, NULL), WSB_OK);
    return NULL;
}

static inline pthread_t start(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run, argument), 0);
    return thread;
}

static inline void join(pthread_t thread)
{
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static inline wsb_rpc_stats stats_of(wsb_rpc_channel *rpc)
{
    wsb_rpc_stats stats = WSB_RPC_STATS_INIT;
    wsb_rpc_channel_get_stats(rpc, &stats);
    return stats;
}

/* Gives its parameters back. */
static inline wsb_status echo(wsb_rpc_request *request, wsb_buf *io_result, void *user_data)
{
    (void)user_data;
    wsb_bytes params = wsb_rpc_request_params(request);
    return params.len ? wsb_buf_assign(io_result, params) : WSB_OK;
}

static inline void offer(wsb_rpc_channel *rpc, const char *name, wsb_rpc_method_fn serve,
                         void *user_data)
{
    assert_int_equal(wsb_rpc_channel_register(rpc, wsb_cstr(name), serve, user_data, NULL, NULL),
                     WSB_OK);
}

/* Calls and compares the result. */
static inline void assert_call(wsb_rpc_channel *rpc, wsb_rpc_framing framing, const char *method,
                               const char *params, const char *expected)
{
    wsb_buf result = WSB_BUF_INIT;
    wsb_error *error = NULL;
    wsb_buf encoded = encode(framing, params);
    wsb_status status =
        wsb_rpc_channel_call(rpc, wsb_cstr(method), view(&encoded), AGES, &result, &error);
    if (status != WSB_OK)
        fail_msg("%s: %s", method, wsb_error_message(error));
    assert_says(framing, view(&result), expected);
    wsb_buf_fini(&result);
    wsb_buf_fini(&encoded);
}

/* A test in both framings; its state is the framing. */
__attribute__((unused)) static wsb_rpc_framing framings[] = {WSB_RPC_JSON, WSB_RPC_MSGPACK};

#define BOTH(function)                                                                             \
    {#function ".json", function, NULL, NULL, &framings[0]},                                       \
    {                                                                                              \
        #function ".msgpack", function, NULL, NULL, &framings[1]                                   \
    }

#endif
