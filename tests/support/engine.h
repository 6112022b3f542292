/* The engine under test. CTest runs each engine test once for each engine of the build and names
 * it in WSB_TEST_ENGINE; the library itself never reads the environment. A test may ask what the
 * engine can do, never which it is. */
#ifndef WSB_TESTS_ENGINE_H
#define WSB_TESTS_ENGINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <wasm_sandbox/runtime.h>

/* Its id; empty, for the default one, in a test that is run by hand. */
static inline wsb_str test_engine(void)
{
    const char *id = getenv("WSB_TEST_ENGINE");
    return wsb_cstr(id ? id : "");
}

/* What an engine can do (wsb_engine_feature bits); 0 where there is no such engine. */
static inline uint32_t test_features_of(wsb_str id)
{
    wsb_runtime_factory *factory = NULL;
    uint32_t features = 0;
    assert_int_equal(wsb_runtime_factory_create(&factory, NULL), WSB_OK);
    for (size_t i = 0; i < wsb_runtime_factory_count(factory) && features == 0; i++) {
        wsb_engine_info info = WSB_ENGINE_INFO_INIT;
        assert_int_equal(wsb_runtime_factory_info(factory, i, &info, NULL), WSB_OK);
        if (info.available && (id.len == 0 || strcmp(info.id, id.data) == 0))
            features = info.features;
    }
    wsb_runtime_factory_destroy(factory);
    return features;
}

/* A pool of so many instances, where the engine has pools; else it is refused if asked for. */
static inline uint64_t test_pool(wsb_str id, uint64_t instances)
{
    return test_features_of(id) & WSB_ENGINE_POOLING ? instances : 0;
}

/* For what an engine may lack and a test needs: skips the test, naming it. */
static inline void test_needs(const wsb_runtime *runtime, uint32_t feature, const char *name)
{
    wsb_engine_info info = WSB_ENGINE_INFO_INIT;
    wsb_runtime_get_engine(runtime, &info);
    if (info.features & feature)
        return;
    print_message("the engine %s lacks %s\n", info.id, name);
    skip();
}

#define TEST_NEEDS(runtime, feature) test_needs((runtime), WSB_ENGINE_##feature, #feature)

#endif
