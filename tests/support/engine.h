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

#include <cmocka.h>

#include <wasm_sandbox/runtime.h>

/* Its id; empty, for the default one, in a test that is run by hand. */
static inline wsb_str test_engine(void)
{
    const char *id = getenv("WSB_TEST_ENGINE");
    return wsb_cstr(id ? id : "");
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
