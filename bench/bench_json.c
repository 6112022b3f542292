/* A JSON call of `add`, against parsing and printing the same texts with the JSON library. The
 * bound is 2 x the library plus the prepared call, so the call is taken off ours first. */
#include "bench.h"
#include "ours.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char request[] = "[5, 3]";
static const char response[] = "8";

typedef struct our_side {
    wsb_instance *instance;
    wsb_function *add;
} our_side;

static void library_only(void *context, uint64_t iterations)
{
    (void)context;
    for (uint64_t i = 0; i < iterations; i++) {
        json_error_t error;
        json_t *args = json_loadb(request, sizeof request - 1, JSON_DECODE_ANY, &error);
        json_t *sum = json_integer(json_integer_value(json_array_get(args, 0)) +
                                   json_integer_value(json_array_get(args, 1)));
        char *text = json_dumps(sum, JSON_ENCODE_ANY | JSON_COMPACT);
        if (!text || strcmp(text, response) != 0) {
            bench_fail("the JSON library printed something else");
        }
        free(text);
        json_decref(sum);
        json_decref(args);
    }
}

static void our_json(void *context, uint64_t iterations)
{
    our_side *side = context;
    for (uint64_t i = 0; i < iterations; i++) {
        wsb_buf text = WSB_BUF_INIT;
        wsb_str in = {request, sizeof request - 1};
        if (wsb_instance_call_json(side->instance, wsb_cstr("add"), in, &text, NULL) != WSB_OK ||
            strcmp((const char *)text.data, response) != 0) {
            bench_fail("our JSON call failed");
        }
        wsb_buf_fini(&text);
    }
}

static void our_prepared(void *context, uint64_t iterations)
{
    our_side *side = context;
    for (uint64_t i = 0; i < iterations; i++) {
        wsb_value args[2] = {wsb_value_i32(5), wsb_value_i32(3)};
        wsb_value result;
        if (wsb_function_call(side->add, args, 2, &result, 1, NULL) != WSB_OK) {
            bench_fail("our prepared call failed");
        }
    }
}

int main(int argc, char **argv)
{
    bench_options options;
    bench_options_parse(&options, argc, argv);
    char *path = bench_path(options.data, "tiny.wasm");
    wsb_module *module = ours_module_compile(ours_runtime_create(), path);
    our_side ours = {.instance = ours_instance_create(module, NULL)};
    ours.add = ours_function(ours.instance, "add");
    bench_subject subjects[] = {
        {.name = "JSON library only", .run = library_only},
        {.name = "our JSON call", .run = our_json, .context = &ours},
        {.name = "our prepared call", .run = our_prepared, .context = &ours},
    };
    bench_compare(subjects, 3, &options);
    bench_row("json.add", subjects[0].median_ns, subjects[1].median_ns - subjects[2].median_ns,
              "JSON call %.0f ns, of which prepared call %.0f ns", subjects[1].median_ns,
              subjects[2].median_ns);
    free(path);
    return 0;
}
