/*
 * Asynchronous calls in a loop of plain poll(2): each call is a descriptor that becomes readable
 * when it has ended. One guest waits for another program, some compute, one is cancelled.
 */
#include "check.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <wasm_sandbox/wasm_sandbox.h>

static const char guest[] =
    "(module"
    "  (import \"host\" \"receive\" (func $receive (result i32)))"
    "  (func (export \"receive\") (result i32) (call $receive))"
    "  (func (export \"count\") (param i32) (result i32) (local $n i32)"
    "    (loop $again"
    "      (local.set $n (i32.add (local.get $n) (i32.const 1)))"
    "      (br_if $again (i32.lt_u (local.get $n) (local.get 0))))"
    "    (local.get $n))"
    "  (func (export \"for_ever\") (result i32) (loop $again (br $again)) (unreachable)))";

typedef struct mailbox {
    struct pollfd fd; /* stays valid while the guest waits */
} mailbox;

static wsb_host_result received(wsb_call_context *context, wsb_raw_value *values, bool ready,
                                void *state)
{
    const mailbox *box = state;
    unsigned char letter;
    (void)context;
    values[0].i32 = ready && read(box->fd.fd, &letter, 1) == 1 ? letter : -1;
    return WSB_HOST_DONE;
}

/* The guest waits here; in fiber mode it holds no thread meanwhile. */
static wsb_host_result receive(wsb_call_context *context, wsb_raw_value *values, void *user_data)
{
    mailbox *box = user_data;
    (void)values;
    wsb_call_context_wait(context, &box->fd, 1, UINT64_MAX, received, NULL, box);
    return WSB_HOST_PENDING;
}

/* A sandbox whose instances may call `receive`, each in its own. */
static wsb_instance_id instantiate(wsb_sandbox *sandbox, wsb_module_id module, mailbox *box)
{
    static const wsb_value_type integer[] = {WSB_I32};
    wsb_host_function function = WSB_HOST_FUNCTION_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_instance_id id = 0;
    wsb_error *error = NULL;
    function.module = wsb_cstr("host");
    function.name = wsb_cstr("receive");
    function.results = integer;
    function.result_count = 1;
    function.call_raw = receive;
    function.user_data = box;
    check(wsb_imports_create(&config.imports, &error), &error);
    check(wsb_imports_define(config.imports, &function, &error), &error);
    config.mode = WSB_EXECUTION_FIBER_IF_ABLE;
    check(wsb_sandbox_create_instance(sandbox, module, &config, &id, &error), &error);
    wsb_imports_destroy(config.imports);
    return id;
}

static wsb_future *call(wsb_sandbox *sandbox, wsb_instance_id id, const char *name,
                        const int32_t *argument)
{
    wsb_value value = wsb_value_i32(argument ? *argument : 0);
    wsb_future *future = NULL;
    wsb_error *error = NULL;
    check(wsb_sandbox_call_function_async(sandbox, id, wsb_cstr(name), &value, argument ? 1 : 0,
                                          NULL, &future, &error),
          &error);
    return future;
}

enum { COUNTING, RECEIVING, ENDLESS, CALLS };

/* What the program does when a call has ended. */
static void ended(int which, wsb_future *future)
{
    wsb_value result = wsb_value_i32(0);
    wsb_error *error = NULL;
    wsb_status status = wsb_future_take_values(future, &result, 1, &error);
    if (which == ENDLESS) {
        expect(status == WSB_ERROR_CANCELLED, "a cancelled call says so");
        printf("the endless call: %s\n", wsb_error_message(error));
        wsb_error_destroy(error);
        return;
    }
    check(status, &error);
    printf("%s gave %d\n", which == COUNTING ? "count" : "receive", (int)result.of.i32);
    expect(result.of.i32 == (which == COUNTING ? 1000000 : 'x'), "the results are as computed");
}

/* The loop: any other descriptors of the program could be in it. */
static void run(wsb_future **futures, int pipe_end)
{
    struct pollfd fds[CALLS];
    wsb_error *error = NULL;
    int left = CALLS;
    for (int i = 0; i < CALLS; i++) {
        fds[i].events = POLLIN;
        check(wsb_future_fd(futures[i], &fds[i].fd, &error), &error);
    }
    while (left > 0 && poll(fds, CALLS, -1) > 0) {
        for (int i = 0; i < CALLS; i++) {
            if (!(fds[i].revents & POLLIN))
                continue;
            ended(i, futures[i]);
            fds[i].fd = -1; /* poll(2) leaves it out from now on */
            left--;
            if (i == COUNTING) { /* then the others shall end, too */
                expect(write(pipe_end, "x", 1) == 1, "the pipe takes a byte");
                wsb_future_cancel(futures[ENDLESS]);
            }
        }
    }
}

int main(void)
{
    wsb_sandbox *sandbox = NULL;
    wsb_error *error = NULL;
    wsb_module_id module = 0;
    wsb_future *futures[CALLS];
    const int32_t million = 1000000;
    int ends[2];
    expect(pipe(ends) == 0, "there is a pipe");
    mailbox box = {{ends[0], POLLIN, 0}};
    check(wsb_sandbox_create(NULL, &sandbox, &error), &error);
    check(wsb_sandbox_load_module(sandbox, wsb_bytes_of(guest, sizeof guest - 1), &module, &error),
          &error);
    futures[COUNTING] = call(sandbox, instantiate(sandbox, module, &box), "count", &million);
    futures[RECEIVING] = call(sandbox, instantiate(sandbox, module, &box), "receive", NULL);
    futures[ENDLESS] = call(sandbox, instantiate(sandbox, module, &box), "for_ever", NULL);
    run(futures, ends[1]);
    for (int i = 0; i < CALLS; i++)
        wsb_future_destroy(futures[i]);
    wsb_sandbox_destroy(sandbox);
    close(ends[0]);
    close(ends[1]);
    return 0;
}
