/* What the library fills in for an engine, on a real one: the engine as it is beside the same one
 * that is said to have no deadlines, fuel and limits. Nobody may be able to tell them apart. */
#include "runtime/factory.h"
#include "runtime/runtime.h"
#include "unit/runtime/runtime_test.h"

#include <pthread.h>
#include <sched.h>

#define GUEST                                                                                      \
    "(module (import \"env\" \"host\" (func $host (param i32) (result i32)))"                      \
    " (memory (export \"memory\") 2 50) (table $a 3 100 funcref) (table $b 4 funcref)"             \
    " (type $unary (func (param i32) (result i32)))"                                               \
    " (elem (table $a) (i32.const 0) func $fib $sum $touch)"                                       \
    " (global $g (mut i32) (i32.const 0))"                                                         \
    " (func $fib (export \"fib\") (param $n i32) (result i32)"                                     \
    "  (if (result i32) (i32.lt_u (local.get $n) (i32.const 2)) (then (local.get $n)) (else"       \
    "   (i32.add (call $fib (i32.sub (local.get $n) (i32.const 1)))"                               \
    "            (call $fib (i32.sub (local.get $n) (i32.const 2)))))))"                           \
    " (func $sum (export \"sum\") (param $n i32) (result i32) (local $s i32)"                      \
    "  (block $done (loop $next (br_if $done (i32.eqz (local.get $n)))"                            \
    "   (local.set $s (i32.add (local.get $s) (local.get $n)))"                                    \
    "   (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br $next))) (local.get $s))"        \
    " (func $touch (export \"touch\") (param $n i32) (result i32) (local $i i32)"                  \
    "  (loop $next (i32.store (i32.and (i32.mul (local.get $i) (i32.const 68)) (i32.const 65532))" \
    "    (local.get $i)) (local.set $i (i32.add (local.get $i) (i32.const 1)))"                    \
    "   (br_if $next (i32.lt_u (local.get $i) (local.get $n)))) (i32.load (i32.const 0)))"         \
    " (func (export \"bulk\") (param $n i32) (result i32)"                                         \
    "  (memory.fill (i32.const 0) (i32.const 7) (local.get $n))"                                   \
    "  (memory.copy (i32.const 65536) (i32.const 0) (local.get $n))"                               \
    "  (memory.fill (i32.const 0) (i32.const 1) (i32.const 64))"                                   \
    "  (i32.load8_u (i32.const 65536)))"                                                           \
    " (func (export \"switch\") (param $n i32) (result i32) (local $r i32)"                        \
    "  (loop $next (block $c (block $b (block $a"                                                  \
    "    (br_table $a $b $c (i32.rem_u (local.get $n) (i32.const 3))))"                            \
    "   (local.set $r (i32.add (local.get $r) (i32.const 1))))"                                    \
    "   (local.set $r (i32.mul (local.get $r) (i32.const 3))))"                                    \
    "   (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1))))) (local.get $r))"      \
    " (func (export \"indirect\") (param $n i32) (result i32)"                                     \
    "  (call_indirect $a (type $unary) (local.get $n) (i32.rem_u (local.get $n) (i32.const 3))))"  \
    " (func (export \"hosts\") (param $n i32) (result i32)"                                        \
    "  (loop $next (local.set $n (call $host (local.get $n)))"                                     \
    "   (br_if $next (local.get $n))) (local.get $n))"                                             \
    " (func (export \"leave\") (param $n i32) (result i32)"                                        \
    "  (block $out (result i32) (loop $again (br_if $again (i32.ge_s"                              \
    "    (local.tee $n (i32.sub (local.get $n) (i32.const 1))) (i32.const 0))))"                   \
    "   (br $out (local.get $n))) (return))"                                                       \
    " (func (export \"grow\") (param i32) (result i32) (memory.grow (local.get 0)))"               \
    " (func (export \"growtable\") (param i32) (result i32)"                                       \
    "  (table.grow $a (ref.null func) (local.get 0)))"                                             \
    " (func (export \"growother\") (param i32) (result i32)"                                       \
    "  (table.grow $b (ref.null func) (local.get 0)))"                                             \
    " (func $spin (export \"spin\") (loop $again (br $again)))"                                    \
    " (func $deep (param i32) (if (local.get 0) (then"                                             \
    "  (call $deep (i32.sub (local.get 0) (i32.const 1)))"                                         \
    "  (call $deep (i32.sub (local.get 0) (i32.const 1))))))"                                      \
    " (func (export \"recurse\") (call $deep (i32.const 60)))"                                     \
    " (func (export \"fill\") (loop $again"                                                        \
    "  (memory.fill (i32.const 0) (i32.const 7) (i32.const 131072)) (br $again)))"                 \
    " (func (export \"wander\") (local $i i32) (loop $again"                                       \
    "  (global.set $g (i32.load (i32.and (local.get $i) (i32.const 131064))))"                     \
    "  (local.set $i (i32.add (local.get $i) (i32.const 4096))) (br $again))))"

typedef struct pair {
    wsb_runtime *own;
    wsb_runtime *filled;
    wsb_runtime_ops ops;
} pair;

static const char *const endless[] = {"spin", "recurse", "fill", "wander"};

static int make_pair(void **state)
{
    static pair both;
    const uint32_t lacking =
        WSB_ENGINE_DEADLINE | WSB_ENGINE_FUEL | WSB_ENGINE_MEMORY_LIMIT | WSB_ENGINE_TABLE_LIMIT;
    wsb_runtime_factory *factory;
    MUST(wsb_runtime_create(test_engine(), NULL, &both.own, err));
    both.ops = *both.own->ops;
    both.ops.features &= ~lacking;
    MUST(wsb__factory_create_empty(&factory, err));
    MUST(wsb_runtime_factory_register(factory, &both.ops, err));
    MUST(wsb_runtime_factory_create_runtime(factory, wsb_cstr(both.ops.id), NULL, &both.filled,
                                            err));
    wsb_runtime_factory_destroy(factory);
    *state = &both;
    return 0;
}

static int drop_pair(void **state)
{
    pair *both = *state;
    wsb_runtime_destroy(both->own);
    wsb_runtime_destroy(both->filled);
    return 0;
}

static wsb_host_result count_down(wsb_call_context *context, wsb_raw_value *values, void *data)
{
    (void)context;
    (void)data;
    values[0].i32--;
    return WSB_HOST_DONE;
}

static wsb_module *guest_of(wsb_runtime *runtime)
{
    return compile(runtime, GUEST);
}

static wsb_instance *instance_of(wsb_module *module, const wsb_resource_limits *limits)
{
    static const wsb_value_type i32[] = {WSB_I32};
    wsb_host_function host = WSB_HOST_FUNCTION_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_instance *instance;
    wsb_imports *imports;
    host.module = wsb_cstr("env");
    host.name = wsb_cstr("host");
    host.params = i32;
    host.param_count = 1;
    host.results = i32;
    host.result_count = 1;
    host.call_raw = count_down;
    MUST(wsb_imports_create(&imports, err));
    MUST(wsb_imports_define(imports, &host, err));
    config.imports = imports;
    config.limits = limits;
    MUST(wsb_instance_create(module, &config, &instance, err));
    wsb_imports_destroy(imports);
    return instance;
}

static wsb_status call_of(wsb_instance *instance, const char *name, int32_t argument,
                          int32_t *out_result)
{
    wsb_function *function = function_of(instance, name);
    wsb_value given = wsb_value_i32(argument);
    wsb_value result = wsb_value_i32(0);
    size_t count = wsb_function_get_type(function)->param_count;
    wsb_status status = wsb_function_call(function, &given, count, &result, count, NULL);
    *out_result = result.of.i32;
    return status;
}

static void a_rewritten_guest_computes_the_same(void **state)
{
    static const struct {
        const char *name;
        int32_t argument;
    } calls[] = {{"fib", 20},      {"sum", 100000}, {"touch", 100000}, {"bulk", 65536},
                 {"switch", 9999}, {"indirect", 9}, {"indirect", 10},  {"indirect", 11},
                 {"hosts", 999},   {"leave", 70000}};
    const pair *both = *state;
    wsb_module *modules[2] = {guest_of(both->own), guest_of(both->filled)};
    wsb_instance *instances[2] = {instance_of(modules[0], NULL), instance_of(modules[1], NULL)};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        int32_t results[2];
        for (int j = 0; j < 2; j++) {
            assert_int_equal(call_of(instances[j], calls[i].name, calls[i].argument, &results[j]),
                             WSB_OK);
        }
        assert_int_equal(results[0], results[1]);
    }
    for (int j = 0; j < 2; j++) {
        wsb_instance_destroy(instances[j]);
        wsb_module_destroy(modules[j]);
    }
}

static void whatever_does_not_end_is_ended(void **state)
{
    const pair *both = *state;
    wsb_module *module = guest_of(both->filled);
    for (size_t i = 0; i < sizeof endless / sizeof *endless; i++) {
        for (int how = 0; how < 4; how++) {
            wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
            int32_t ignored;
            limits.max_wall_time = how % 2 ? WSB_UNLIMITED : 10 * WSB_MILLISECOND;
            limits.max_cpu_time = how % 2 ? 10 * WSB_MILLISECOND : WSB_UNLIMITED;
            limits.fuel = how < 2 ? 0 : INT64_MAX;
            wsb_instance *instance = instance_of(module, &limits);
            assert_int_equal(call_of(instance, endless[i], 0, &ignored),
                             how % 2 ? WSB_ERROR_CPU_TIME : WSB_ERROR_TIMEOUT);
            wsb_usage usage = WSB_USAGE_INIT;
            wsb_instance_usage(instance, &usage);
            assert_true(usage.wall_time < WSB_SECOND);
            wsb_instance_destroy(instance);
        }
    }
    wsb_module_destroy(module);
}

typedef struct runner {
    wsb_instance *instance;
    const char *name;
    wsb_status status;
} runner;

static void *run(void *argument)
{
    runner *self = argument;
    int32_t ignored;
    self->status = call_of(self->instance, self->name, 0, &ignored);
    return NULL;
}

static void whatever_does_not_end_is_cancelled(void **state)
{
    const pair *both = *state;
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_module *module = guest_of(both->filled);
    limits.max_wall_time = WSB_UNLIMITED;
    limits.max_cpu_time = WSB_UNLIMITED;
    for (size_t i = 0; i < sizeof endless / sizeof *endless; i++) {
        for (int by_signal = 0; by_signal < 2; by_signal++) {
            runner self = {instance_of(module, &limits), endless[i], WSB_OK};
            pthread_t thread;
            assert_int_equal(pthread_create(&thread, NULL, run, &self), 0);
            wsb_usage usage = WSB_USAGE_INIT;
            do {
                sched_yield();
                wsb_instance_usage(self.instance, &usage);
            } while (usage.wall_time == 0);
            if (by_signal) {
                wsb_instance_cancel_from_signal(self.instance);
            } else {
                wsb_instance_cancel(self.instance);
            }
            pthread_join(thread, NULL);
            assert_int_equal(self.status, WSB_ERROR_CANCELLED);
            wsb_instance_destroy(self.instance);
        }
    }
    wsb_module_destroy(module);
}

static wsb_status fuel_of(wsb_module *module, uint64_t fuel, const char *name, int32_t argument,
                          uint64_t *out_used)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    int32_t ignored;
    limits.fuel = fuel;
    wsb_instance *instance = instance_of(module, &limits);
    wsb_status status = call_of(instance, name, argument, &ignored);
    wsb_usage usage = WSB_USAGE_INIT;
    wsb_instance_usage(instance, &usage);
    *out_used = usage.fuel;
    wsb_instance_destroy(instance);
    return status;
}

/* A unit is a unit: also with every amount that does not suffice. */
static void fuel_is_the_engines_own_fuel(void **state)
{
    static const struct {
        const char *name;
        int32_t argument;
    } calls[] = {{"fib", 5},      {"fib", 20},     {"sum", 9},       {"sum", 100000},
                 {"touch", 7},    {"touch", 9999}, {"bulk", 0},      {"bulk", 65536},
                 {"switch", 9},   {"indirect", 9}, {"indirect", 10}, {"indirect", 11},
                 {"hosts", 9},    {"leave", 9},    {"leave", 70000}, {"grow", 1},
                 {"growtable", 1}};
    const pair *both = *state;
    if ((both->own->ops->features & WSB_ENGINE_FUEL) == 0) {
        print_message("the engine has no fuel of its own to compare with\n");
        skip();
    }
    wsb_module *own = guest_of(both->own);
    wsb_module *filled = guest_of(both->filled);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        const char *name = calls[i].name;
        uint64_t needed;
        uint64_t used;
        assert_int_equal(fuel_of(own, 1u << 30, name, calls[i].argument, &needed), WSB_OK);
        assert_int_equal(fuel_of(filled, 1u << 30, name, calls[i].argument, &used), WSB_OK);
        if (used != needed) {
            print_error("%s(%d)\n", name, calls[i].argument);
        }
        assert_int_equal(used, needed);
        /* Their code is the library's on both, and looked at in other places. */
        bool grows = strncmp(name, "grow", 4) == 0;
        uint64_t step = needed < 500 ? 1 : needed / 97;
        for (uint64_t fuel = 1; fuel <= needed + 1 && !grows; fuel += step) {
            uint64_t mine;
            wsb_status expected = fuel_of(own, fuel, name, calls[i].argument, &used);
            wsb_status status = fuel_of(filled, fuel, name, calls[i].argument, &mine);
            if (status != expected) {
                print_error("%s(%d) with %llu of %llu\n", name, calls[i].argument,
                            (unsigned long long)fuel, (unsigned long long)needed);
            }
            assert_int_equal(status, expected);
            assert_int_equal(mine, used);
        }
    }
    wsb_module_destroy(own);
    wsb_module_destroy(filled);
}

static void growth_ends_where_the_limit_is(void **state)
{
    const pair *both = *state;
    wsb_runtime *const runtimes[] = {both->own, both->filled};
    for (int i = 0; i < 2; i++) {
        wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
        wsb_module *module = guest_of(runtimes[i]);
        limits.max_memory = 5 * 65536 + 1000;
        limits.max_table_elements = 20;
        wsb_instance *instance = instance_of(module, &limits);
        static const struct {
            const char *name;
            int32_t by;
            int32_t before;
        } steps[] = {{"grow", 4, -1},       {"grow", 2, 2},       {"grow", -1, -1},
                     {"grow", 1, 4},        {"grow", 1, -1},      {"grow", 0, 5},
                     {"growtable", 14, -1}, {"growtable", 3, 3},  {"growother", 11, -1},
                     {"growother", -1, -1}, {"growother", 10, 4}, {"growtable", 1, -1},
                     {"growtable", 0, 6}};
        for (size_t j = 0; j < sizeof steps / sizeof *steps; j++) {
            int32_t before;
            assert_int_equal(call_of(instance, steps[j].name, steps[j].by, &before), WSB_OK);
            assert_int_equal(before, steps[j].before);
        }
        MUST_FAIL(WSB_ERROR_LIMIT_EXCEEDED, "max_memory",
                  wsb_instance_grow_memory(instance, 1, err));
        wsb_usage usage = WSB_USAGE_INIT;
        wsb_instance_usage(instance, &usage);
        assert_int_equal(usage.memory, 5 * 65536);
        assert_int_equal(usage.memory_refusals, 3);
        wsb_instance_destroy(instance);
        wsb_module_destroy(module);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rewritten_guest_computes_the_same),
        cmocka_unit_test(whatever_does_not_end_is_ended),
        cmocka_unit_test(whatever_does_not_end_is_cancelled),
        cmocka_unit_test(fuel_is_the_engines_own_fuel),
        cmocka_unit_test(growth_ends_where_the_limit_is),
    };
    return cmocka_run_group_tests(tests, make_pair, drop_pair);
}
