/*
 * Asynchronous calls in a libuv loop, in both ways: the loop watches a future's descriptor with
 * uv_poll, or a completion callback, which runs on a thread of the executor, tells it by uv_async.
 */
#include "check.h"

#include <string.h>
#include <uv.h>
#include <wasm_sandbox/wasm_sandbox.h>

static const char guest[] = "(module"
                            "  (func (export \"add\") (param i32 i32) (result i32)"
                            "    (i32.add (local.get 0) (local.get 1))))";

/* A call that the loop watches by its descriptor. */
typedef struct watched_call {
    uv_poll_t poll;
    wsb_future *future;
    int sum;
} watched_call;

/* A call whose completion callback tells the loop. */
typedef struct told_call {
    uv_async_t async;
    wsb_future *future;
    int sum;
} told_call;

static int sum_of(wsb_future *future)
{
    wsb_buf json = WSB_BUF_INIT;
    wsb_error *error = NULL;
    check(wsb_future_take_data(future, &json, &error), &error);
    int sum = atoi((const char *)json.data);
    wsb_buf_fini(&json);
    return sum;
}

static wsb_future *add(wsb_sandbox *sandbox, wsb_instance_id id, const char *numbers)
{
    wsb_future *future = NULL;
    wsb_error *error = NULL;
    check(wsb_sandbox_call_function_json_async(sandbox, id, wsb_cstr("add"), wsb_cstr(numbers),
                                               NULL, &future, &error),
          &error);
    return future;
}

/* On the loop's thread. */
static void readable(uv_poll_t *poll, int status, int events)
{
    watched_call *call = poll->data;
    (void)events;
    expect(status == 0 && wsb_future_poll(call->future), "readable means ended");
    call->sum = sum_of(call->future);
    printf("uv_poll: %d\n", call->sum);
    uv_poll_stop(poll); /* before the future goes, and with it the descriptor */
    uv_close((uv_handle_t *)poll, NULL);
}

static void watch(uv_loop_t *loop, watched_call *call)
{
    int fd = -1;
    wsb_error *error = NULL;
    check(wsb_future_fd(call->future, &fd, &error), &error);
    expect(uv_poll_init(loop, &call->poll, fd) == 0, "the loop can watch a future");
    call->poll.data = call;
    uv_poll_start(&call->poll, UV_READABLE, readable);
}

/* On the loop's thread. */
static void told(uv_async_t *async)
{
    told_call *call = async->data;
    call->sum = sum_of(call->future);
    printf("uv_async: %d\n", call->sum);
    uv_close((uv_handle_t *)async, NULL);
}

/* On a thread of the executor: only what is allowed from any thread. */
static void done(wsb_future *future, void *user_data)
{
    told_call *call = user_data;
    (void)future;
    uv_async_send(&call->async);
}

static void be_told(uv_loop_t *loop, told_call *call)
{
    wsb_error *error = NULL;
    expect(uv_async_init(loop, &call->async, told) == 0, "the loop can be told");
    call->async.data = call;
    check(wsb_future_on_done(call->future, done, call, &error), &error);
}

int main(void)
{
    uv_loop_t loop;
    wsb_sandbox *sandbox = NULL;
    wsb_error *error = NULL;
    wsb_module_id module = 0;
    wsb_instance_id id = 0;
    watched_call first;
    told_call second;
    memset(&first, 0, sizeof first);
    memset(&second, 0, sizeof second);
    expect(uv_loop_init(&loop) == 0, "there is a loop");
    check(wsb_sandbox_create(NULL, &sandbox, &error), &error);
    check(wsb_sandbox_load_module(sandbox, wsb_bytes_of(guest, sizeof guest - 1), &module, &error),
          &error);
    check(wsb_sandbox_create_instance(sandbox, module, NULL, &id, &error), &error);
    /* Into one instance: they run one after the other. */
    first.future = add(sandbox, id, "[5, 3]");
    second.future = add(sandbox, id, "[40, 2]");
    watch(&loop, &first);
    be_told(&loop, &second);
    uv_run(&loop, UV_RUN_DEFAULT);
    expect(first.sum == 8 && second.sum == 42, "both calls have ended well");
    wsb_future_destroy(first.future);
    wsb_future_destroy(second.future);
    wsb_sandbox_destroy(sandbox);
    expect(uv_loop_close(&loop) == 0, "nothing is left in the loop");
    return 0;
}
