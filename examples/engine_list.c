/* Which engines there are, and what each enforces. */
#include "check.h"

#include <wasm_sandbox/wasm_sandbox.h>

static const struct {
    uint32_t bit;
    const char *name;
} features[] = {
    {WSB_ENGINE_DEADLINE, "deadline"},   {WSB_ENGINE_FUEL, "fuel"},
    {WSB_ENGINE_MEMORY_LIMIT, "memory"}, {WSB_ENGINE_TABLE_LIMIT, "tables"},
    {WSB_ENGINE_STACK_LIMIT, "stack"},   {WSB_ENGINE_SERIALIZE, "serialize"},
    {WSB_ENGINE_POOLING, "pooling"},     {WSB_ENGINE_FIBERS, "fibers"},
    {WSB_ENGINE_SIMD, "SIMD"},           {WSB_ENGINE_REFERENCES, "references"},
};

int main(int argc, char **argv)
{
    wsb_error *error = NULL;
    wsb_runtime_factory *factory = NULL;
    size_t available = 0;
    check(wsb_runtime_factory_create(&factory, &error), &error);
    /* Engines of others: shared objects that run with all of our rights. */
    for (int i = 1; i < argc; i++)
        check(wsb_runtime_factory_load(factory, wsb_cstr(argv[i]), NULL, &error), &error);

    for (size_t i = 0; i < wsb_runtime_factory_count(factory); i++) {
        wsb_engine_info info = WSB_ENGINE_INFO_INIT;
        check(wsb_runtime_factory_info(factory, i, &info, &error), &error);
        if (!info.available) {
            printf("%s: not available: %s\n", info.id, info.problem);
            continue;
        }
        printf("%s %s:", info.id, info.version);
        for (size_t f = 0; f < sizeof features / sizeof features[0]; f++)
            if (info.features & features[f].bit)
                printf(" %s", features[f].name);
        printf("\n");
        available++;
    }
    wsb_runtime_factory_destroy(factory);
    return available > 0 ? 0 : 1;
}
