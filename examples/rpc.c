/* Remote procedure calls in both directions, between two sides of one process: a worker that scales
 * numbers, and its boss, whom the worker asks for the factor meanwhile. With a guest the other side
 * is written in the guest's language; this side stays the same. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <wasm_sandbox/wasm_sandbox.h>

#include "check.h"

/* The worker's method: asks the boss for the factor, while the boss waits for the worker. */
static wsb_status scale(wsb_rpc_request *request, wsb_buf *io_result, void *user_data)
{
    wsb_rpc_channel *boss = user_data;
    wsb_bytes params = wsb_rpc_request_params(request);
    wsb_buf factor = WSB_BUF_INIT;
    wsb_bytes none = {NULL, 0};
    int value = 0;
    int by = 0;
    char text[32];
    snprintf(text, sizeof text, "%.*s", (int)params.len, (const char *)params.data);
    if (sscanf(text, "[%d]", &value) != 1)
        return wsb_rpc_request_fail(request, WSB_RPC_INVALID_PARAMS, "expected [number]");
    wsb_status status =
        wsb_rpc_channel_call(boss, wsb_cstr("factor"), none, UINT64_MAX, &factor, NULL);
    if (status != WSB_OK)
        return status;
    sscanf((const char *)factor.data, "%d", &by);
    wsb_buf_fini(&factor);
    snprintf(text, sizeof text, "%d", value * by);
    return wsb_buf_assign(io_result, wsb_bytes_of(text, strlen(text)));
}

/* The boss's method. */
static wsb_status factor(wsb_rpc_request *request, wsb_buf *io_result, void *user_data)
{
    (void)request;
    (void)user_data;
    return wsb_buf_assign(io_result, wsb_bytes_of("10", 2));
}

static void *work(void *rpc)
{
    expect(wsb_rpc_channel_serve(rpc, UINT64_MAX, NULL) == WSB_OK, "served until closed");
    return NULL;
}

int main(void)
{
    wsb_channel *ends[2];
    wsb_rpc_channel *boss;
    wsb_rpc_channel *worker;
    wsb_error *error = NULL;
    wsb_buf result = WSB_BUF_INIT;
    pthread_t thread;
    check(wsb_memory_channel_create(0, &ends[0], &ends[1], &error), &error);
    check(wsb_json_rpc_channel_create(ends[0], &boss, &error), &error);
    check(wsb_json_rpc_channel_create(ends[1], &worker, &error), &error);
    check(wsb_rpc_channel_register(boss, wsb_cstr("factor"), factor, NULL, NULL, &error), &error);
    check(wsb_rpc_channel_register(worker, wsb_cstr("scale"), scale, worker, NULL, &error), &error);
    expect(pthread_create(&thread, NULL, work, worker) == 0, "a thread");

    check(wsb_rpc_channel_call(boss, wsb_cstr("scale"), wsb_bytes_of("[4]", 3), UINT64_MAX, &result,
                               &error),
          &error);
    printf("scale [4] is %s\n", (const char *)result.data);
    expect(strcmp((const char *)result.data, "40") == 0, "40");
    wsb_buf_fini(&result);

    /* Errors have a code and a text. */
    expect(wsb_rpc_channel_call(boss, wsb_cstr("scale"), wsb_bytes_of("[]", 2), UINT64_MAX, &result,
                                &error) == WSB_ERROR_REMOTE,
           "an error of the worker");
    printf("scale [] is error %d: %s\n", (int)wsb_error_code(error), wsb_error_message(error));
    expect(wsb_error_code(error) == WSB_RPC_INVALID_PARAMS, "invalid params");
    wsb_error_destroy(error);

    wsb_rpc_channel_close(boss);
    pthread_join(thread, NULL);
    wsb_rpc_channel_destroy(boss);
    wsb_rpc_channel_destroy(worker);
    wsb_channel_destroy(ends[0]);
    wsb_channel_destroy(ends[1]);
    return 0;
}
