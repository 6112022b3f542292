/* Callbacks that destroy, forks, foreign stacks, sets of functions that come and go, many threads
 * that compile and link. */
#include "runtime/thread.h"
#include "unit/runtime_fake/fake_runtime.h"

#include <poll.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wasm_sandbox/plugin/host_module.h>

static wsb_host_result destroy_caller(wsb_call_context *context, wsb_raw_value *values, void *data)
{
    (void)values;
    (void)data;
    wsb_instance_destroy(wsb_call_context_instance(context));
    return WSB_HOST_DONE;
}

static const char initializer[] =
    "(module (@custom \"fake\" \"_initialize: callhost 0\") (import \"env\" \"work\" (func))"
    " (func (export \"_initialize\")))";

static void an_instance_destroyed_while_it_is_made_is_released_once(void **state)
{
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_instance *instance;
    wsb_module *module = compile(*state, initializer);
    config.imports = imports_of(destroy_caller, NULL, NULL);
    wsb_status status = wsb_instance_create(module, &config, &instance, NULL);
    assert_int_equal(status, WSB_ERROR_CANCELLED);
    assert_int_equal(wsb_fake_engine_live().instances, 0);
    wsb_imports_destroy(config.imports);
    wsb_module_destroy(module);
}

static void an_instance_destroyed_in_its_call_is_released_after_it(void **state)
{
    for (int i = 0; i < 2; i++) {
        wsb_instance *instance = caller_of(*state, NULL, destroy_caller, NULL);
        wsb_status status = call_plain(instance, i == 0 ? "callhost 0" : "sleephost 0");
        assert_int_equal(status, WSB_ERROR_CANCELLED);
        assert_int_equal(wsb_fake_engine_live().instances, 0);
    }
}

static void count_up(void *data)
{
    ++*(int *)data;
}

static wsb_host_result mark(wsb_call_context *context, wsb_raw_value *values, void *data)
{
    (void)context;
    (void)values;
    *(int *)data += 100;
    return WSB_HOST_DONE;
}

static void a_set_of_functions_goes_with_its_last_instance(void **state)
{
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_instance *instance;
    wsb_module *module = compile(*state, FAKE_CALLER);
    for (int round = 0; round < 20; round++) {
        int gone = 0;
        config.imports = imports_of(mark, &gone, count_up);
        MUST(wsb_instance_create(module, &config, &instance, err));
        wsb_imports_destroy(config.imports);
        assert_int_equal(gone, 0);
        MUST(call_plain(instance, "callhost 0"));
        wsb_instance_destroy(instance);
        assert_int_equal(gone, 101);
        /* No other instance is given what it had. */
        config.imports = NULL;
        MUST_FAIL(WSB_ERROR_UNKNOWN_IMPORT, "'env.work' (nothing provides it)",
                  wsb_instance_create(module, &config, &instance, err));
    }
    wsb_module_destroy(module);
}

static void a_name_without_letters_is_not_found(void **state)
{
    wsb_function *function;
    wsb_instance *instance = instantiate(*state, FAKE_GUEST, NULL);
    MUST_FAIL(WSB_ERROR_NOT_FOUND, "'nop'",
              wsb_instance_function(instance, (wsb_str){NULL, 0}, &function, err));
    wsb_instance_destroy(instance);
}

/* A file with holes costs its owner nothing. */
static void a_file_that_no_module_can_be_is_not_read(void **state)
{
    char path[] = "/tmp/wsb-edges-XXXXXX";
    wsb_module *module;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
    wsb_error *error = NULL;
    assert_int_equal(wsb_module_compile_file(*state, wsb_cstr(path), NULL, &module, &error),
                     WSB_ERROR_LIMIT_EXCEEDED);
    assert_string_equal(wsb_error_subject(error), "max_module_size");
    wsb_error_destroy(error);
    close(fd);
    unlink(path);
}

/* Whatever instances came since, the form is kept for which it was compiled at first. */
static void a_kept_module_is_for_the_limits_it_was_compiled_with(void **state)
{
    (void)state;
    static const uint8_t key[32] = {1, 2, 3};
    wsb_runtime *runtime;
    wsb_runtime_options options = WSB_RUNTIME_OPTIONS_INIT;
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_instance *instance;
    wsb_module *again;
    wsb_buf bytes = WSB_BUF_INIT;
    options.key = wsb_bytes_of(key, sizeof key);
    MUST(fake_runtime_of(fake_ops(), &options, &runtime, err));
    wsb_module *module = compile(runtime, FAKE_GUEST);
    limits.fuel = 1000;
    config.limits = &limits;
    MUST(wsb_instance_create(module, &config, &instance, err));
    wsb_instance_destroy(instance);
    MUST(wsb_module_serialize(module, &bytes, err));
    MUST(wsb_module_deserialize(runtime, wsb_bytes_of(bytes.data, bytes.len), &again, err));
    MUST(wsb_instance_create(again, NULL, &instance, err));
    wsb_instance_destroy(instance);
    MUST_FAIL(WSB_ERROR_UNSUPPORTED, "compiled in advance",
              wsb_instance_create(again, &config, &instance, err));
    wsb_buf_fini(&bytes);
    wsb_module_destroy(again);
    wsb_module_destroy(module);
    wsb_runtime_destroy(runtime);
}

static void destroy_instance(void *data)
{
    wsb_instance_destroy(data);
}

static void destroying_a_set_may_call_back(void **state)
{
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_instance *first;
    wsb_instance *second;
    int marks = 0;
    wsb_module *module = compile(*state, FAKE_CALLER);
    config.imports = imports_of(mark, &marks, NULL);
    MUST(wsb_instance_create(module, &config, &first, err));
    wsb_imports_destroy(config.imports);
    config.imports = imports_of(mark, first, destroy_instance);
    MUST(wsb_instance_create(module, &config, &second, err));
    wsb_imports_destroy(config.imports);
    wsb_instance_destroy(second);
    assert_int_equal(wsb_fake_engine_live().instances, 0);
    wsb_module_destroy(module);
}

static wsb_host_result resumed(wsb_call_context *context, wsb_raw_value *values, bool ready,
                               void *data)
{
    (void)context;
    (void)values;
    (void)ready;
    (void)data;
    return WSB_HOST_DONE;
}

enum { MANY = 5000 };

static wsb_host_result wait_for_thousands(wsb_call_context *context, wsb_raw_value *values,
                                          void *data)
{
    (void)values;
    wsb_call_context_wait(context, data, MANY, UINT64_MAX, resumed, NULL, NULL);
    return WSB_HOST_PENDING;
}

static void a_wait_that_the_system_refuses_ends_at_once(void **state)
{
    struct rlimit limit;
    struct rlimit low;
    struct pollfd *fds = calloc(MANY, sizeof *fds);
    assert_non_null(fds);
    for (size_t i = 0; i < MANY; i++) {
        fds[i].fd = -1;
    }
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = limit;
    low.rlim_cur = 1024;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    wsb_instance *instance = caller_of(*state, NULL, wait_for_thousands, fds);
    assert_int_equal(call_plain(instance, "callhost 0"), WSB_ERROR_IO);
    wsb_instance_destroy(instance);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    free(fds);
}

static wsb_host_result fail_by_status(wsb_call_context *context, wsb_raw_value *values, void *data)
{
    (void)values;
    wsb_call_context_fail(context, *(wsb_status *)data, "the query took too long");
    return WSB_HOST_TRAP;
}

static void a_host_functions_own_words_are_kept(void **state)
{
    const wsb_status statuses[] = {WSB_ERROR_TIMEOUT, WSB_ERROR_CANCELLED, WSB_ERROR_CPU_TIME,
                                   WSB_ERROR_GUEST};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        wsb_status given = statuses[i];
        wsb_instance *instance = caller_of(*state, NULL, fail_by_status, &given);
        wsb_function *function = function_of(instance, "callhost 0");
        MUST_FAIL(given, "the query took too long",
                  wsb_function_call(function, NULL, 0, NULL, 0, err));
        wsb_instance_destroy(instance);
    }
}

static void *spin_in_parent(void *argument)
{
    wsb_status status = call_plain(argument, "spin");
    return status == WSB_ERROR_CANCELLED ? argument : NULL;
}

/* In the child nothing waits for threads that are not there. */
static void a_child_can_drop_what_runs_in_the_parent(void **state)
{
    pthread_t thread;
    void *result;
    wsb_usage usage = WSB_USAGE_INIT;
    wsb_instance *instance = instantiate(*state, FAKE_GUEST, NULL);
    assert_int_equal(pthread_create(&thread, NULL, spin_in_parent, instance), 0);
    while (usage.wall_time == 0) {
        wsb_instance_usage(instance, &usage);
    }
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        wsb_instance_cancel(instance);
        wsb_instance_destroy(instance);
        wsb_runtime_destroy(*state);
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    wsb_instance_cancel(instance);
    pthread_join(thread, &result);
    assert_non_null(result);
    wsb_instance_destroy(instance);
}

typedef struct nest {
    wsb_instance *instances[20];
    size_t depth;
    wsb_status deepest;
} nest;

static wsb_host_result call_next(wsb_call_context *context, wsb_raw_value *values, void *data)
{
    (void)context;
    (void)values;
    nest *all = data;
    size_t next = ++all->depth;
    wsb_status status = next < 20 ? call_plain(all->instances[next], "callhost 0") : WSB_OK;
    if (status == WSB_ERROR_LIMIT_EXCEEDED) {
        all->deepest = status;
    }
    return WSB_HOST_DONE;
}

static void too_deep_nesting_is_refused(void **state)
{
    nest all = {.depth = 0};
    for (size_t i = 0; i < 20; i++) {
        all.instances[i] = caller_of(*state, NULL, call_next, &all);
    }
    MUST(call_plain(all.instances[0], "callhost 0"));
    assert_int_equal(all.depth, 16);
    assert_int_equal(all.deepest, WSB_ERROR_LIMIT_EXCEEDED);
    for (size_t i = 0; i < 20; i++) {
        wsb_instance_destroy(all.instances[i]);
    }
}

typedef struct builder {
    wsb_runtime *runtime;
    wsb_module *module;
    unsigned number;
    bool ok;
} builder;

/* The same module for several variants, with many sets of functions, made and dropped. */
static void *build_and_drop(void *argument)
{
    builder *self = argument;
    int marks = 0;
    self->ok = true;
    for (unsigned i = 0; i < 30; i++) {
        wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
        wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
        wsb_instance *instance = NULL;
        limits.fuel = i % 3 == 0 ? 1000 : 0;
        limits.max_stack = i % 4 == 0 ? 65536 : 0;
        config.limits = &limits;
        config.imports = imports_of(mark, &marks, NULL);
        self->ok = self->ok &&
                   wsb_instance_create(self->module, &config, &instance, NULL) == WSB_OK &&
                   call_plain(instance, "callhost 0") == WSB_OK;
        wsb_imports_destroy(config.imports);
        wsb_instance_destroy(instance);
    }
    self->ok = self->ok && marks == 3000;
    return NULL;
}

/* As on a coroutine's stack, which mostly lies below the thread's own. */
static void a_stack_below_the_threads_own_is_foreign(void **state)
{
    wsb_runtime *lenient;
    wsb_runtime_options options = WSB_RUNTIME_OPTIONS_INIT;
    options.allow_foreign_stacks = true;
    MUST(fake_runtime_of(fake_ops(), &options, &lenient, err));
    wsb_instance *strict_one = instantiate(*state, FAKE_GUEST, NULL);
    wsb_instance *lenient_one = instantiate(lenient, FAKE_GUEST, NULL);
    wsb_function *function = function_of(strict_one, "nop");
    MUST(wsb_function_call(function, NULL, 0, NULL, 0, err));
    wsb__thread known = wsb__this_thread;
    wsb__this_thread.stack_low = (uintptr_t)__builtin_frame_address(0) + 65536;
    wsb__this_thread.stack_high = wsb__this_thread.stack_low + 8 * WSB_MIB;
    wsb_error *error = NULL;
    wsb_status refused = wsb_function_call(function, NULL, 0, NULL, 0, &error);
    wsb_status let_through = call_plain(lenient_one, "nop");
    wsb__this_thread = known;
    assert_int_equal(refused, WSB_ERROR_UNSUPPORTED);
    assert_non_null(strstr(wsb_error_suggestion(error), "allow_foreign_stacks"));
    assert_int_equal(let_through, WSB_OK);
    wsb_error_destroy(error);
    wsb_instance_destroy(strict_one);
    wsb_instance_destroy(lenient_one);
    wsb_runtime_destroy(lenient);
}

static void many_threads_build_from_one_module(void **state)
{
    builder builders[8];
    wsb_module *module = compile(*state, FAKE_CALLER);
    for (unsigned i = 0; i < 8; i++) {
        builders[i] = (builder){.runtime = *state, .module = module, .number = i};
    }
    run_threads(8, build_and_drop, builders, sizeof *builders);
    for (unsigned i = 0; i < 8; i++) {
        assert_true(builders[i].ok);
    }
    wsb_module_destroy(module);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_instance_destroyed_while_it_is_made_is_released_once),
        cmocka_unit_test(an_instance_destroyed_in_its_call_is_released_after_it),
        cmocka_unit_test(a_set_of_functions_goes_with_its_last_instance),
        cmocka_unit_test(a_name_without_letters_is_not_found),
        cmocka_unit_test(a_file_that_no_module_can_be_is_not_read),
        cmocka_unit_test(a_kept_module_is_for_the_limits_it_was_compiled_with),
        cmocka_unit_test(destroying_a_set_may_call_back),
        cmocka_unit_test(a_wait_that_the_system_refuses_ends_at_once),
        cmocka_unit_test(a_host_functions_own_words_are_kept),
        cmocka_unit_test(a_child_can_drop_what_runs_in_the_parent),
        cmocka_unit_test(too_deep_nesting_is_refused),
        cmocka_unit_test(a_stack_below_the_threads_own_is_foreign),
        cmocka_unit_test(many_threads_build_from_one_module),
    };
    return RUN_ON_BOTH(tests, make_fake_runtime, drop_fake_runtime);
}
