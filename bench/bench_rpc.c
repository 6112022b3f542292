/* An RPC from the host to a guest that waits on a channel, and its answer, against a JSON call of
 * the same function: through the core as numbers, and through the guest's own JSON. */
#include "bench.h"
#include "ours.h"

#include <stdlib.h>
#include <string.h>

typedef struct rpc_side {
    wsb_rpc_channel *rpc;
    wsb_channel *end;
    wsb_instance *instance;
    wsb_future *future; /* of the guest's serving */
    wsb_bytes params;
    wsb_bytes result;
} rpc_side;

typedef struct json_side {
    wsb_instance *instance;
    wsb_str function;
} json_side;

static void by_rpc(void *context, uint64_t iterations)
{
    const rpc_side *side = context;
    for (uint64_t i = 0; i < iterations; i++) {
        wsb_buf result = WSB_BUF_INIT;
        wsb_error *error = NULL;
        ours_check(wsb_rpc_channel_call(side->rpc, wsb_cstr("add"), side->params, WSB_SECOND,
                                        &result, &error),
                   &error);
        if (result.len != side->result.len ||
            memcmp(result.data, side->result.data, result.len) != 0) {
            bench_fail("a wrong sum by RPC");
        }
        wsb_buf_fini(&result);
    }
}

static void by_json(void *context, uint64_t iterations)
{
    const json_side *side = context;
    for (uint64_t i = 0; i < iterations; i++) {
        wsb_buf text = WSB_BUF_INIT;
        wsb_error *error = NULL;
        ours_check(wsb_instance_call_json(side->instance, side->function, wsb_cstr("[5, 3]"), &text,
                                          &error),
                   &error);
        if (strcmp((const char *)text.data, "8") != 0) {
            bench_fail("a wrong sum by JSON");
        }
        wsb_buf_fini(&text);
    }
}

/* A guest that serves until its channel is closed. */
static rpc_side serve(wsb_module *module, wsb_executor *executor, wsb_rpc_framing framing)
{
    rpc_side side = {0};
    wsb_channel *host = NULL;
    wsb_error *error = NULL;
    wsb_rpc_options options = WSB_RPC_OPTIONS_INIT;
    options.framing = framing;
    ours_channel_create(0, &host, &side.end);
    ours_check(wsb_rpc_channel_create(host, &options, &side.rpc, &error), &error);
    wsb_channel_destroy(host);
    side.instance = ours_instance_with_channel(module, WSB_EXECUTION_FIBER, "rpc", side.end);
    wsb_value arg = wsb_value_i32((int32_t)framing);
    side.future = ours_start(ours_function(side.instance, "serve"), &arg, 1, executor);
    bool json = framing == WSB_RPC_JSON;
    side.params = json ? wsb_bytes_of("[5, 3]", 6) : wsb_bytes_of("\x92\x05\x03", 3);
    side.result = json ? wsb_bytes_of("8", 1) : wsb_bytes_of("\x08", 1);
    return side;
}

static void finish(rpc_side *side)
{
    wsb_rpc_channel_destroy(side->rpc);
    wsb_future_wait(side->future, UINT64_MAX);
    wsb_future_destroy(side->future);
    wsb_instance_destroy(side->instance);
    wsb_channel_destroy(side->end);
}

int main(int argc, char **argv)
{
    bench_options options;
    bench_options_parse(&options, argc, argv);
    char *path = bench_path(options.data, "rpc.wasm");
    char *tiny = bench_path(options.data, "tiny.wasm");
    wsb_runtime *runtime = ours_runtime_create();
    wsb_module *module = ours_module_compile(runtime, path);
    wsb_executor *executor = NULL;
    wsb_error *error = NULL;
    ours_check(wsb_executor_create(NULL, &executor, &error), &error);
    wsb_channel *unused[2];
    ours_channel_create(0, &unused[0], &unused[1]);
    rpc_side json = serve(module, executor, WSB_RPC_JSON);
    rpc_side msgpack = serve(module, executor, WSB_RPC_MSGPACK);
    json_side core = {ours_instance_create(ours_module_compile(runtime, tiny), NULL),
                      wsb_cstr("add")};
    json_side own = {ours_instance_with_channel(module, WSB_EXECUTION_FIBER, "rpc", unused[1]),
                     wsb_cstr("add_json")};
    bench_subject subjects[] = {
        {.name = "JSON call", .run = by_json, .context = &core},
        {.name = "JSON call, guest's JSON", .run = by_json, .context = &own},
        {.name = "MessagePack-RPC", .run = by_rpc, .context = &msgpack},
        {.name = "JSON-RPC", .run = by_rpc, .context = &json},
    };
    bench_compare(subjects, 4, &options);
    bench_row("rpc.guest", subjects[0].median_ns, subjects[2].median_ns,
              "MessagePack-RPC; a JSON call that the guest parses %.0f ns", subjects[1].median_ns);
    bench_row("rpc.guest_json", subjects[0].median_ns, subjects[3].median_ns, "JSON-RPC 2.0");
    finish(&json);
    finish(&msgpack);
    free(path);
    free(tiny);
    return 0;
}
