/* What the runtime's tests share: a runtime on the engine under test, modules from text. */
#ifndef WSB_TESTS_RUNTIME_TEST_H
#define WSB_TESTS_RUNTIME_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <wasm_sandbox/wasm_sandbox.h>

#include "support/engine.h"

static inline void must(wsb_status status, wsb_error *error)
{
    if (status != WSB_OK) {
        print_error("%s: %s\n", wsb_status_name(status), wsb_error_message(error));
        wsb_error_destroy(error);
        fail();
    }
}

#define MUST(call)                                                                                 \
    do {                                                                                           \
        wsb_error *error_ = NULL;                                                                  \
        wsb_error **err = &error_;                                                                 \
        wsb_status status_ = (call);                                                               \
        must(status_, *err);                                                                       \
    } while (0)

/* Checks the status and that the message has `text`; releases the error. */
#define MUST_FAIL(expected, text, call)                                                            \
    do {                                                                                           \
        wsb_error *error_ = NULL;                                                                  \
        wsb_error **err = &error_;                                                                 \
        wsb_status status_ = (call);                                                               \
        if (status_ != (expected) || strstr(wsb_error_message(*err), (text)) == NULL) {            \
            print_error("%s: %s\n", wsb_status_name(status_), wsb_error_message(*err));            \
        }                                                                                          \
        assert_int_equal(status_, (expected));                                                     \
        assert_non_null(strstr(wsb_error_message(*err), (text)));                                  \
        wsb_error_destroy(*err);                                                                   \
    } while (0)

static inline int make_runtime(void **state)
{
    wsb_runtime *runtime;
    wsb_runtime_options options = WSB_RUNTIME_OPTIONS_INIT;
    options.pool_instances = test_pool(test_engine(), 64);
    MUST(wsb_runtime_create(test_engine(), &options, &runtime, err));
    *state = runtime;
    return 0;
}

static inline int drop_runtime(void **state)
{
    wsb_runtime_destroy(*state);
    return 0;
}

static inline wsb_module *compile(wsb_runtime *runtime, const char *text)
{
    wsb_module *module;
    MUST(wsb_module_compile(runtime, wsb_bytes_of(text, strlen(text)), NULL, &module, err));
    return module;
}

/* The instance keeps the module. */
static inline wsb_instance *instantiate(wsb_runtime *runtime, const char *text,
                                        const wsb_instance_config *config)
{
    wsb_instance *instance;
    wsb_module *module = compile(runtime, text);
    MUST(wsb_instance_create(module, config, &instance, err));
    wsb_module_destroy(module);
    return instance;
}

static inline wsb_function *function_of(wsb_instance *instance, const char *name)
{
    wsb_function *function;
    MUST(wsb_instance_function(instance, wsb_cstr(name), &function, err));
    return function;
}

#endif
