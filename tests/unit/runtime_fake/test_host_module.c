/* Host modules as a stranger writes them, and what a factory does to the runtimes it makes. */
#include "unit/runtime_fake/fake_runtime.h"

#include <wasm_sandbox/plugin/error.h>
#include <wasm_sandbox/plugin/host_module.h>
#include <wasm_sandbox/plugin/limit.h>

typedef struct log_state {
    int begun;
    int done;
} log_state;

static log_state last; /* of the state that was destroyed last */
static int alive;
static bool refuse_states;

static wsb_status make_state(wsb_instance *instance, const wsb_capabilities *capabilities,
                             const wsb_resource_limits *limits, void **out_state,
                             wsb_error **out_error)
{
    wsb_function *function;
    wsb_value value;
    char byte;
    (void)capabilities;
    /* There is nothing yet to look at. */
    assert_int_equal(wsb_instance_function(instance, wsb_cstr("nop"), &function, NULL),
                     WSB_ERROR_BUSY);
    assert_int_equal(wsb_instance_get_global(instance, wsb_cstr("g"), &value, NULL),
                     WSB_ERROR_BUSY);
    assert_int_equal(wsb_instance_read_memory(instance, 0, &byte, 1, NULL), WSB_ERROR_BUSY);
    assert_int_equal(wsb_instance_memory_size(instance), 0);
    if (refuse_states || limits->max_memory == 0) {
        return wsb_error_set(out_error, WSB_ERROR_CAPABILITY_NOT_GRANTED, NULL, "no log for you");
    }
    log_state *state = calloc(1, sizeof *state);
    if (state == NULL) {
        return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL, "no memory for a log");
    }
    alive++;
    *out_state = state;
    return WSB_OK;
}

static void drop_state(void *state)
{
    alive--;
    last = *(log_state *)state;
    free(state);
}

static void begin(void *state)
{
    ((log_state *)state)->begun++;
}

static wsb_host_result work(wsb_call_context *context, wsb_raw_value *values, void *user_data)
{
    (void)values;
    log_state *state = user_data;
    state->done++;
    wsb_call_context_count(context, WSB_COUNTER_BYTES_WRITTEN, 7);
    wsb_call_context_count(context, (wsb_counter)1000, 7); /* not one of them: ignored */
    return WSB_HOST_DONE;
}

static const char *const names[] = {"env", "env_old", NULL};
static const wsb_host_module_function functions[] = {{"work", ":", work, true},
                                                     {NULL, NULL, NULL, false}};

static const wsb_host_module_ops logger = {
    .size = sizeof logger,
    .abi_version = WSB_HOST_MODULE_ABI_VERSION,
    .id = "logger",
    .module_names = names,
    .functions = functions,
    .instance_create = make_state,
    .instance_destroy = drop_state,
    .call_begin = begin,
};

static void a_host_module_has_a_state_for_each_instance(void **state)
{
    (void)state;
    wsb_runtime *runtime = fake_runtime();
    wsb_usage usage = WSB_USAGE_INIT;
    MUST(wsb_runtime_register_host_module(runtime, &logger, err));
    wsb_instance *instance = instantiate(runtime, FAKE_CALLER, NULL);
    wsb_instance *other = instantiate(runtime, FAKE_CALLER, NULL);
    wsb_instance *stranger = instantiate(runtime, FAKE_GUEST, NULL);
    assert_int_equal(alive, 2);
    MUST(call_plain(instance, "callhost 0"));
    MUST(call_plain(instance, "callhost 0"));
    MUST(call_plain(instance, "nop"));
    wsb_instance_usage(instance, &usage);
    assert_int_equal(usage.bytes_written, 14);
    assert_int_equal(usage.host_calls, 2);
    wsb_instance_destroy(instance);
    assert_int_equal(last.begun, 3);
    assert_int_equal(last.done, 2);
    wsb_instance_destroy(other);
    assert_int_equal(last.begun, 0);
    wsb_instance_destroy(stranger);
    assert_int_equal(alive, 0);
    wsb_runtime_destroy(runtime);
    must_be_gone();
}

static void a_state_that_is_refused_refuses_the_instance(void **state)
{
    (void)state;
    wsb_runtime *runtime = fake_runtime();
    wsb_instance *instance;
    MUST(wsb_runtime_register_host_module(runtime, &logger, err));
    wsb_module *module = compile(runtime, FAKE_CALLER);
    refuse_states = true;
    MUST_FAIL(WSB_ERROR_CAPABILITY_NOT_GRANTED, "no log for you",
              wsb_instance_create(module, NULL, &instance, err));
    refuse_states = false;
    assert_true(wsb_fake_engine_fail("instance_create", 1, WSB_ENGINE_FAILED));
    MUST_FAIL(WSB_ERROR_UNSUPPORTED, "told to fail",
              wsb_instance_create(module, NULL, &instance, err));
    assert_int_equal(alive, 0);
    wsb_module_destroy(module);
    wsb_runtime_destroy(runtime);
    must_be_gone();
}

static void a_set_of_functions_shadows_a_host_module(void **state)
{
    (void)state;
    log_state own = {0};
    wsb_runtime *runtime = fake_runtime();
    MUST(wsb_runtime_register_host_module(runtime, &logger, err));
    wsb_instance *instance = caller_of(runtime, NULL, work, &own);
    assert_int_equal(alive, 0);
    MUST(call_plain(instance, "callhost 0"));
    assert_int_equal(own.done, 1);
    wsb_instance_destroy(instance);
    wsb_runtime_destroy(runtime);
}

static void refused(wsb_runtime *runtime, wsb_host_module_ops ops, wsb_status status,
                    const char *text)
{
    MUST_FAIL(status, text, wsb_runtime_register_host_module(runtime, &ops, err));
}

static void what_cannot_be_registered_is_refused(void **state)
{
    (void)state;
    static const char *const other_names[] = {"x", "env_old", NULL};
    static const wsb_host_module_function bad[] = {{"work", "ij:", work, true},
                                                   {NULL, NULL, NULL, false}};
    static const wsb_host_module_function open[] = {{"work", "ii", work, true},
                                                    {NULL, NULL, NULL, false}};
    wsb_runtime *runtime = fake_runtime();
    wsb_host_module_ops ops = logger;
    MUST_FAIL(WSB_ERROR_ABI_MISMATCH, "version",
              wsb_runtime_register_host_module(runtime, NULL, err));
    ops.abi_version = WSB_HOST_MODULE_ABI_VERSION + 1;
    refused(runtime, ops, WSB_ERROR_ABI_MISMATCH, "version 3, this library has 2");
    ops = logger;
    ops.size = sizeof ops - 1;
    refused(runtime, ops, WSB_ERROR_ABI_MISMATCH, "version");
    ops = logger;
    ops.instance_destroy = NULL;
    refused(runtime, ops, WSB_ERROR_ABI_MISMATCH, "'instance_destroy'");
    ops = logger;
    ops.functions = bad;
    refused(runtime, ops, WSB_ERROR_ABI_MISMATCH, "'work'");
    ops.functions = open;
    refused(runtime, ops, WSB_ERROR_ABI_MISMATCH, "'work'");
    MUST(wsb_runtime_register_host_module(runtime, &logger, err));
    refused(runtime, logger, WSB_ERROR_ALREADY_EXISTS, "'logger'");
    ops = logger;
    ops.id = "other";
    ops.module_names = other_names;
    refused(runtime, ops, WSB_ERROR_ALREADY_EXISTS, "'env_old'");
    wsb_module_destroy(compile(runtime, FAKE_GUEST));
    ops.module_names = (const char *const[]){"late", NULL};
    refused(runtime, ops, WSB_ERROR_BUSY, "compiled a module already");
    wsb_runtime_destroy(runtime);
}

static const wsb_limit_ops queries = {.size = sizeof queries,
                                      .abi_version = WSB_LIMIT_ABI_VERSION,
                                      .name = "max_queries",
                                      .unit = "queries",
                                      .scope = WSB_LIMIT_CALL,
                                      .default_value = 2};

static wsb_host_result charge(wsb_call_context *context, wsb_raw_value *values, void *data)
{
    (void)values;
    bool *edges = data;
    if (*edges) {
        assert_int_equal(wsb_call_context_charge(context, wsb_cstr("max_queries"), INT64_MAX),
                         WSB_ERROR_LIMIT_EXCEEDED);
        assert_int_equal(wsb_call_context_charge(context, wsb_cstr("max_queries"), INT64_MIN),
                         WSB_OK);
        assert_int_equal(wsb_call_context_charge(context, wsb_cstr("none"), 1),
                         WSB_ERROR_NOT_FOUND);
    }
    return wsb_call_context_charge(context, wsb_cstr("max_queries"), 1) == WSB_OK ? WSB_HOST_DONE
                                                                                  : WSB_HOST_TRAP;
}

static void a_limit_of_a_call_starts_anew_in_each(void **state)
{
    (void)state;
    bool edges = true;
    wsb_runtime *runtime = fake_runtime();
    MUST(wsb_runtime_register_limit(runtime, &queries, err));
    wsb_instance *instance = caller_of(runtime, NULL, charge, &edges);
    MUST_FAIL(WSB_ERROR_BUSY, "already", wsb_runtime_register_limit(runtime, &queries, err));
    for (int i = 0; i < 5; i++) {
        MUST(call_plain(instance, "callhost 0"));
    }
    edges = false;
    assert_int_equal(call_plain(instance, "sleephost 0"), WSB_ERROR_TRAP);
    wsb_instance_destroy(instance);
    wsb_runtime_destroy(runtime);
}

static wsb_status set_up(wsb_runtime *runtime, void *user_data, wsb_error **out_error)
{
    return *(bool *)user_data
               ? wsb_runtime_register_host_module(runtime, &logger, out_error)
               : wsb_error_set(out_error, WSB_ERROR_ACCESS_DENIED, NULL, "not this time");
}

static void a_factory_sets_its_runtimes_up(void **state)
{
    (void)state;
    bool allow = false;
    wsb_runtime *runtime;
    wsb_runtime_factory *factory;
    MUST(wsb__factory_create_empty(&factory, err));
    MUST(wsb_runtime_factory_register(factory, fake_ops(), err));
    wsb__factory_set_setup(factory, set_up, &allow);
    MUST_FAIL(WSB_ERROR_ACCESS_DENIED, "not this time",
              wsb_runtime_factory_create_runtime(factory, wsb_cstr(""), NULL, &runtime, err));
    allow = true;
    MUST(wsb_runtime_factory_create_runtime(factory, wsb_cstr(""), NULL, &runtime, err));
    wsb_runtime_factory_destroy(factory);
    wsb_instance *instance = instantiate(runtime, FAKE_CALLER, NULL);
    MUST(call_plain(instance, "callhost 0"));
    wsb_instance_destroy(instance);
    wsb_runtime_destroy(runtime);
    must_be_gone();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_module_has_a_state_for_each_instance),
        cmocka_unit_test(a_state_that_is_refused_refuses_the_instance),
        cmocka_unit_test(a_set_of_functions_shadows_a_host_module),
        cmocka_unit_test(what_cannot_be_registered_is_refused),
        cmocka_unit_test(a_limit_of_a_call_starts_anew_in_each),
        cmocka_unit_test(a_factory_sets_its_runtimes_up),
    };
    return RUN_ON_BOTH(tests, NULL, NULL);
}
