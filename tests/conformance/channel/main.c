/* The types that a new factory has: `channel_conformance TYPE`. */
#include "conformance.h"

#include <stdio.h>
#include <string.h>

static const char *type;

static wsb_status create(const wsb_channel_options *options, wsb_channel **out_end,
                         wsb_channel **out_other)
{
    wsb_channel_factory *factory = NULL;
    wsb_status status = wsb_channel_factory_create(&factory, NULL);
    if (status != WSB_OK)
        return status;
    status = wsb_channel_factory_create_channel(factory, wsb_cstr(type), options, out_end,
                                                out_other, NULL);
    wsb_channel_factory_destroy(factory);
    return status;
}

static const channel_kind kinds[] = {
    {.name = "memory", .create = create},
    {.name = "rpc",
     .create = create,
     .begin = {"{\"jsonrpc\":\"2.0\",\"method\":\"m",
               "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\""},
     .end = {"\"}", "\"}"}},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].name, argv[1]) == 0) {
            type = kinds[i].name;
            return channel_conformance(&kinds[i]);
        }
    fprintf(stderr, "usage: %s memory|rpc\n", argv[0]);
    return 2;
}
