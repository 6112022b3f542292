#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after those: */
#include <cmocka.h>

#include "runtime/engine_loader.h"
#include "runtime/factory.h"
#include "unit/core/fail_nth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wasm_sandbox/plugin/error.h>

/* Functions that are only looked at, never called. */
static void nothing(void)
{
}

#define SET(member) .member = (__typeof__(((wsb_runtime_ops *)0)->member))(void *)nothing

static wsb_runtime_ops complete(const char *id)
{
    return (wsb_runtime_ops){
        .size = sizeof(wsb_runtime_ops),
        .abi_version = WSB_ENGINE_ABI_VERSION,
        .id = id,
        .version = "1.0",
        .features = WSB_ENGINE_DEADLINE,
        SET(engine_create),
        SET(engine_destroy),
        SET(engine_interrupt),
        SET(module_compile),
        SET(module_destroy),
        SET(link),
        SET(unlink),
        SET(instance_create),
        SET(instance_destroy),
        SET(export_get),
        SET(function_call),
        SET(memory_get),
        SET(memory_grow),
        SET(global_get),
        SET(global_set),
    };
}

static wsb_runtime_factory *make_factory(void)
{
    wsb_runtime_factory *factory = NULL;
    assert_int_equal(wsb__factory_create_empty(&factory, NULL), WSB_OK);
    return factory;
}

static void refused(const wsb_runtime_ops *ops, wsb_status status, const char *subject)
{
    wsb_error *error = NULL;
    wsb_runtime_factory *factory = make_factory();
    assert_int_equal(wsb_runtime_factory_register(factory, ops, &error), status);
    assert_string_equal(wsb_error_subject(error), subject);
    assert_int_equal(wsb_runtime_factory_count(factory), 0);
    wsb_error_destroy(error);
    wsb_runtime_factory_destroy(factory);
}

static void test_registers(void **state)
{
    (void)state;
    wsb_runtime_ops a = complete("a");
    wsb_runtime_ops b = complete("b-2_c");
    wsb_engine_info info = WSB_ENGINE_INFO_INIT;
    wsb_runtime_factory *factory = make_factory();
    assert_int_equal(wsb_runtime_factory_register(factory, &a, NULL), WSB_OK);
    EXPECT_OUT_OF_MEMORY_UNTIL_OK(wsb_runtime_factory_register(factory, &b, NULL));
    assert_int_equal(wsb_runtime_factory_register(factory, &a, NULL), WSB_ERROR_ALREADY_EXISTS);
    assert_int_equal(wsb_runtime_factory_count(factory), 2);
    assert_int_equal(wsb_runtime_factory_info(factory, 1, &info, NULL), WSB_OK);
    assert_string_equal(info.id, "b-2_c");
    assert_string_equal(info.version, "1.0");
    assert_int_equal(info.own_features, WSB_ENGINE_DEADLINE);
    assert_true(info.available);
    assert_int_equal(wsb_runtime_factory_info(factory, 2, &info, NULL), WSB_ERROR_NOT_FOUND);
    wsb_runtime_factory_destroy(factory);
    wsb_runtime_factory_destroy(NULL);
}

static void test_names_what_is_missing(void **state)
{
    (void)state;
    wsb_runtime_ops ops = complete("x");
    ops.abi_version = 7;
    refused(&ops, WSB_ERROR_ABI_MISMATCH, "abi_version");
    ops = complete("x");
    ops.size = 8;
    refused(&ops, WSB_ERROR_ABI_MISMATCH, "size");
    ops = complete("x");
    ops.size = offsetof(wsb_runtime_ops, global_get);
    refused(&ops, WSB_ERROR_ABI_MISMATCH, "global_get");
    ops = complete("x");
    ops.memory_grow = NULL;
    refused(&ops, WSB_ERROR_ABI_MISMATCH, "memory_grow");
    ops = complete("x");
    ops.features |= WSB_ENGINE_FUEL;
    refused(&ops, WSB_ERROR_ABI_MISMATCH, "instance_set_fuel");
    ops = complete("x");
    ops.features |= WSB_ENGINE_SERIALIZE;
    refused(&ops, WSB_ERROR_ABI_MISMATCH, "module_serialize");
    ops = complete("x");
    ops.version = "";
    refused(&ops, WSB_ERROR_ABI_MISMATCH, "version");
    ops = complete(NULL);
    refused(&ops, WSB_ERROR_ABI_MISMATCH, "id");
    ops = complete("Was Mtime");
    refused(&ops, WSB_ERROR_INVALID_ARGUMENT, "id");
    ops = complete("");
    refused(&ops, WSB_ERROR_INVALID_ARGUMENT, "id");
    refused(NULL, WSB_ERROR_INVALID_ARGUMENT, "");
}

static void test_a_missing_file_is_reported_when_needed(void **state)
{
    (void)state;
    wsb_engine_info info = WSB_ENGINE_INFO_INIT;
    wsb_error *error = NULL;
    wsb_runtime *runtime = NULL;
    wsb_runtime_factory *factory = make_factory();
    assert_int_equal(
        wsb_runtime_factory_create_runtime(factory, wsb_cstr(""), NULL, &runtime, NULL),
        WSB_ERROR_NOT_FOUND);
    assert_int_equal(wsb_runtime_factory_register_file(factory, wsb_cstr("gone"),
                                                       wsb_cstr("/nowhere/gone.so"), NULL),
                     WSB_OK);
    assert_int_equal(
        wsb_runtime_factory_register_file(factory, wsb_cstr("A"), wsb_cstr("/x"), NULL),
        WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_runtime_factory_register_file(factory, wsb_cstr("a"), wsb_cstr(""), NULL),
                     WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_runtime_factory_info(factory, 0, &info, NULL), WSB_OK);
    assert_false(info.available);
    assert_string_equal(info.version, "");
    assert_non_null(strstr(info.problem, "/nowhere/gone.so"));
    const char *ids[] = {"gone", ""};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            wsb_runtime_factory_create_runtime(factory, wsb_cstr(ids[i]), NULL, &runtime, &error),
            WSB_ERROR_UNSUPPORTED);
        assert_non_null(strstr(wsb_error_message(error), "gone"));
        wsb_error_destroy(error);
    }
    assert_int_equal(
        wsb_runtime_factory_create_runtime(factory, wsb_cstr("other"), NULL, &runtime, &error),
        WSB_ERROR_NOT_FOUND);
    assert_non_null(strstr(wsb_error_suggestion(error), "gone"));
    wsb_error_destroy(error);
    assert_null(runtime);
    wsb_runtime_factory_destroy(factory);
}

typedef struct maker {
    const wsb_runtime_ops *ops;
    const char *problem; /* to fail with */
    bool silent;         /* to fail without an error */
    int calls;
    int destroyed;
} maker;

static wsb_status make(void *user_data, const wsb_runtime_ops **out_ops, wsb_error **out_error)
{
    maker *self = user_data;
    self->calls++;
    if (self->silent)
        return WSB_ERROR_IO;
    if (self->problem)
        return wsb_error_set(out_error, WSB_ERROR_IO,
                             &(wsb_error_details){.suggestion = "turn it on"}, "%s", self->problem);
    *out_ops = self->ops;
    return WSB_OK;
}

static void forget(void *user_data)
{
    ((maker *)user_data)->destroyed++;
}

static wsb_status add_maker(wsb_runtime_factory *factory, const char *id, maker *self)
{
    return wsb_runtime_factory_register_constructor(factory, wsb_cstr(id), make, self, forget,
                                                    NULL);
}

static void test_a_constructor_is_called_when_needed(void **state)
{
    (void)state;
    wsb_runtime_ops ops = complete("lazy");
    maker self = {.ops = &ops};
    maker second = {.ops = &ops};
    wsb_engine_info info = WSB_ENGINE_INFO_INIT;
    wsb_runtime_factory *factory = make_factory();
    EXPECT_OUT_OF_MEMORY_UNTIL_OK(add_maker(factory, "lazy", &self));
    assert_int_equal(add_maker(factory, "lazy", &second), WSB_ERROR_ALREADY_EXISTS);
    assert_int_equal(wsb_runtime_factory_register(factory, &ops, NULL), WSB_ERROR_ALREADY_EXISTS);
    assert_int_equal(self.calls, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(wsb_runtime_factory_info(factory, 0, &info, NULL), WSB_OK);
        assert_true(info.available);
        assert_string_equal(info.version, "1.0");
    }
    assert_int_equal(self.calls, 1);
    assert_int_equal(second.calls, 0);
    wsb_runtime_factory_destroy(factory);
    assert_int_equal(self.destroyed, 1);
    assert_int_equal(second.destroyed, 0);
}

/* The problem of the one engine, registered as "lazy" with this constructor. */
static void has_problem(maker *self, const char *words, const char *more)
{
    wsb_engine_info info = WSB_ENGINE_INFO_INIT;
    wsb_runtime *runtime = NULL;
    wsb_error *error = NULL;
    wsb_runtime_factory *factory = make_factory();
    assert_int_equal(add_maker(factory, "lazy", self), WSB_OK);
    assert_int_equal(wsb_runtime_factory_info(factory, 0, &info, NULL), WSB_OK);
    assert_false(info.available);
    if (!strstr(info.problem, words) || !strstr(info.problem, more))
        fail_msg("%s", info.problem);
    assert_int_equal(
        wsb_runtime_factory_create_runtime(factory, wsb_cstr("lazy"), NULL, &runtime, &error),
        WSB_ERROR_UNSUPPORTED);
    assert_non_null(strstr(wsb_error_message(error), "engine 'lazy' is not available"));
    assert_non_null(strstr(wsb_error_message(error), words));
    assert_int_equal(self->calls, 1);
    wsb_error_destroy(error);
    wsb_runtime_factory_destroy(factory);
}

static void test_what_a_constructor_makes_is_checked(void **state)
{
    (void)state;
    wsb_runtime_ops ops = complete("lazy");
    ops.abi_version = 3;
    has_problem(&(maker){.ops = &ops}, "version 3", "version 2");
    ops = complete("lazy");
    ops.link = NULL;
    has_problem(&(maker){.ops = &ops}, "'link'", "missing");
    ops = complete("other");
    has_problem(&(maker){.ops = &ops}, "'other'", "its own id");
    has_problem(&(maker){.ops = NULL}, "no table", "");
    has_problem(&(maker){.problem = "the key is gone"}, "the key is gone", "; turn it on");
    has_problem(&(maker){.silent = true}, wsb_status_text(WSB_ERROR_IO), "lazy");
}

static void test_constructors_need_an_id_and_a_function(void **state)
{
    (void)state;
    maker self = {.silent = true};
    wsb_runtime_factory *factory = make_factory();
    assert_int_equal(add_maker(factory, "Lazy", &self), WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(add_maker(factory, "", &self), WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(add_maker(NULL, "lazy", &self), WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(
        wsb_runtime_factory_register_constructor(factory, wsb_cstr("a"), NULL, &self, forget, NULL),
        WSB_ERROR_INVALID_ARGUMENT);
    wsb_runtime_factory_destroy(factory);
    assert_int_equal(self.destroyed, 0);
}

static void test_an_unknown_name_lists_the_names_there_are(void **state)
{
    (void)state;
    wsb_runtime_ops a = complete("alpha");
    maker b = {.silent = true};
    wsb_runtime *runtime = NULL;
    wsb_error *error = NULL;
    wsb_runtime_factory *factory = make_factory();
    assert_int_equal(wsb_runtime_factory_register(factory, &a, NULL), WSB_OK);
    assert_int_equal(add_maker(factory, "beta", &b), WSB_OK);
    assert_int_equal(
        wsb_runtime_factory_create_runtime(factory, wsb_cstr("gamma"), NULL, &runtime, &error),
        WSB_ERROR_NOT_FOUND);
    assert_non_null(strstr(wsb_error_message(error), "'gamma'"));
    assert_non_null(strstr(wsb_error_suggestion(error), "alpha, beta"));
    assert_int_equal(b.calls, 0);
    wsb_error_destroy(error);
    wsb_runtime_factory_destroy(factory);
}

static void test_null_arguments(void **state)
{
    (void)state;
    wsb_engine_info info = WSB_ENGINE_INFO_INIT;
    wsb_runtime *runtime;
    wsb_runtime_factory *factory = NULL;
    assert_int_equal(wsb_runtime_factory_register(NULL, NULL, NULL), WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_runtime_factory_load(NULL, wsb_cstr("x"), NULL, NULL),
                     WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_runtime_factory_info(NULL, 0, &info, NULL), WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_runtime_factory_create_runtime(NULL, wsb_cstr(""), NULL, &runtime, NULL),
                     WSB_ERROR_INVALID_ARGUMENT);
    assert_int_equal(wsb_runtime_factory_count(NULL), 0);
    EXPECT_OUT_OF_MEMORY_UNTIL_OK(wsb__factory_create_empty(&factory, NULL));
    wsb_runtime_factory_destroy(factory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registers),
        cmocka_unit_test(test_names_what_is_missing),
        cmocka_unit_test(test_a_missing_file_is_reported_when_needed),
        cmocka_unit_test(test_a_constructor_is_called_when_needed),
        cmocka_unit_test(test_what_a_constructor_makes_is_checked),
        cmocka_unit_test(test_constructors_need_an_id_and_a_function),
        cmocka_unit_test(test_an_unknown_name_lists_the_names_there_are),
        cmocka_unit_test(test_null_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
