/* Whatever a host does, it gets the same from every engine: statuses, words, numbers. Each
 * scenario writes down what it got; what the engines got is then compared. wsb-test: engines */
#include "unit/engines/transcript.h"

#include "host/wasi/wasi.h"

#include <limits.h>

static void traps(transcript *t)
{
    for (size_t i = 0; i < TRAP_CASES; i++) {
        wsb_instance *instance = create(t, TRAP_GUEST, NULL);
        call(t, instance, trap_cases[i].function, 0, 0);
        call(t, instance, "divide", 0, 0);
        note_usage(t, instance);
        wsb_instance_destroy(instance);
    }
}

static void typed_calls(transcript *t)
{
    wsb_instance *instance = create(
        t,
        "(module (func (export \"add\") (param i32 i64) (result i64)"
        "   (i64.add (i64.extend_i32_s (local.get 0)) (local.get 1)))"
        " (func (export \"many\") (param i64) (result i32 i64 f32 f64)"
        "   (i32.wrap_i64 (local.get 0)) (local.get 0) (f32.const -0) (f64.const nan:0x123)))",
        NULL);
    wsb_function *add = function_of(instance, "add");
    wsb_value args[3] = {wsb_value_i32(-1), wsb_value_i64(INT64_MIN), wsb_value_i32(0)};
    wsb_value results[4] = {wsb_value_i32(7)};
    NOTE(t, "two", wsb_function_call(add, args, 2, results, 1, err));
    fprintf(t->out, "%" PRId64 "\n", results[0].of.i64);
    NOTE(t, "one", wsb_function_call(add, args, 1, results, 1, err));
    NOTE(t, "three", wsb_function_call(add, args, 3, results, 1, err));
    NOTE(t, "no result", wsb_function_call(add, args, 2, NULL, 0, err));
    args[1] = wsb_value_f64(1);
    NOTE(t, "other type", wsb_function_call(add, args, 2, results, 1, err));
    NOTE(t, "many",
         wsb_function_call(function_of(instance, "many"), &results[0], 1, results, 4, err));
    fprintf(t->out, "%d %" PRId64 " %08x\n", results[0].of.i32, results[1].of.i64,
            results[2].of.u32);
    wsb_function *none = NULL;
    NOTE(t, "unknown", wsb_instance_function(instance, wsb_cstr("addd"), &none, err));
    NOTE(t, "empty", wsb_instance_function(instance, wsb_cstr(""), &none, err));
    note_usage(t, instance);
    wsb_instance_destroy(instance);
}

static const char grower[] =
    "(module (memory (export \"memory\") 2 1000) (table $a 10 funcref) (table $b 10 externref)"
    " (func (export \"grow\") (param i32) (result i32) (memory.grow (local.get 0)))"
    " (func (export \"size\") (result i32) memory.size)"
    " (func (export \"must\") (param i32)"
    "   (if (i32.eq (memory.grow (local.get 0)) (i32.const -1)) (then unreachable)))"
    " (func (export \"a\") (param i32) (result i32)"
    "   (table.grow $a (ref.null func) (local.get 0)))"
    " (func (export \"b\") (param i32) (result i32)"
    "   (table.grow $b (ref.null extern) (local.get 0)))"
    " (func (export \"sizes\") (result i32 i32) (table.size $a) (table.size $b)))";

static void grow_memory(transcript *t, uint64_t max_memory)
{
    static const int32_t steps[] = {0, 1, 3, 1, 0, 500, -1, 65535, 65536, INT_MIN};
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    limits.max_memory = max_memory;
    config.limits = &limits;
    wsb_instance *instance = create(t, grower, &config);
    if (!instance) {
        return;
    }
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        call(t, instance, "grow", steps[i], 0);
    }
    call(t, instance, "size", 0, 0);
    note_usage(t, instance);
    NOTE(t, "host", wsb_instance_grow_memory(instance, 1, err));
    NOTE(t, "host far", wsb_instance_grow_memory(instance, UINT64_MAX, err));
    NOTE(t, "host nothing", wsb_instance_grow_memory(instance, 0, err));
    call(t, instance, "size", 0, 0);
    fprintf(t->out, "%" PRIu64 "\n", wsb_instance_memory_size(instance));
    char byte = 0;
    uint64_t size = wsb_instance_memory_size(instance);
    NOTE(t, "last", wsb_instance_write_memory(instance, size - 1, "x", 1, err));
    NOTE(t, "past", wsb_instance_read_memory(instance, size, &byte, 1, err));
    NOTE(t, "far", wsb_instance_read_memory(instance, UINT64_MAX, &byte, 1, err));
    call(t, instance, "must", 2000, 0);
    note_usage(t, instance);
    wsb_instance_destroy(instance);
}

static void memory(transcript *t)
{
    static const uint64_t limits[] = {
        65536,   131071, 131072,        262144,       262144 - 1,
        WSB_MIB, 0,      WSB_UNLIMITED, 64 * WSB_MIB, (uint64_t)1000 * 65536};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        fprintf(t->out, "max_memory %" PRIu64 "\n", limits[i]);
        grow_memory(t, limits[i]);
    }
}

static void tables(transcript *t)
{
    static const uint64_t maxima[] = {19, 20, 100, 0, WSB_UNLIMITED};
    static const int32_t steps[] = {0, 1, 50, 30, 1000000, -1};
    for (size_t i = 0; i < sizeof maxima / sizeof *maxima; i++) {
        wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
        wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
        limits.max_table_elements = maxima[i];
        config.limits = &limits;
        wsb_instance *instance = create(t, grower, &config);
        for (size_t k = 0; instance && k < sizeof steps / sizeof *steps; k++) {
            call(t, instance, "a", steps[k], 0);
            call(t, instance, "b", steps[k], 0);
        }
        if (instance) {
            call(t, instance, "sizes", 0, 0);
            note_usage(t, instance);
        }
        wsb_instance_destroy(instance);
    }
}

static void globals(transcript *t)
{
    wsb_instance *instance = create(t,
                                    "(module (global (export \"i\") (mut i32) (i32.const 5))"
                                    " (global (export \"I\") (mut i64) (i64.const -5))"
                                    " (global (export \"d\") f64 (f64.const 1.5))"
                                    " (global (export \"r\") (mut externref) (ref.null extern))"
                                    " (func (export \"get\") (result i32) (global.get 0)))",
                                    NULL);
    wsb_value value = wsb_value_i32(99);
    NOTE(t, "set", wsb_instance_set_global(instance, wsb_cstr("i"), &value, err));
    call(t, instance, "get", 0, 0);
    NOTE(t, "type", wsb_instance_set_global(instance, wsb_cstr("I"), &value, err));
    NOTE(t, "get", wsb_instance_get_global(instance, wsb_cstr("I"), &value, err));
    fprintf(t->out, "%" PRId64 "\n", value.of.i64);
    value = wsb_value_f64(2);
    NOTE(t, "constant", wsb_instance_set_global(instance, wsb_cstr("d"), &value, err));
    NOTE(t, "reference", wsb_instance_get_global(instance, wsb_cstr("r"), &value, err));
    NOTE(t, "none", wsb_instance_get_global(instance, wsb_cstr("x"), &value, err));
    NOTE(t, "function", wsb_instance_get_global(instance, wsb_cstr("get"), &value, err));
    /* What the library adds for an engine is not the guest's. */
    NOTE(t, "budget", wsb_instance_get_global(instance, wsb_cstr("wsb:budget"), &value, err));
    NOTE(t, "limit", wsb_instance_get_global(instance, wsb_cstr("wsb:memory_limit"), &value, err));
    wsb_instance_destroy(instance);
}

/* Fuel of several calls, and of one that has too little. */
static void fuel(transcript *t)
{
    static const char counter[] =
        "(module (func (export \"count\") (param i64) (result i64) (local i64)"
        "  (loop (local.set 1 (i64.add (local.get 1) (i64.const 1)))"
        "   (br_if 0 (i64.lt_u (local.get 1) (local.get 0)))) (local.get 1))"
        " (func $f (export \"fib\") (param i32) (result i32)"
        "  (if (result i32) (i32.lt_s (local.get 0) (i32.const 2)) (then (local.get 0))"
        "   (else (i32.add (call $f (i32.sub (local.get 0) (i32.const 1)))"
        "                  (call $f (i32.sub (local.get 0) (i32.const 2))))))))";
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    limits.fuel = 100000;
    config.limits = &limits;
    wsb_instance *instance = create(t, counter, &config);
    for (int64_t n = 1; n < 5000; n = n * 3 + 1) {
        call(t, instance, "count", n, 0);
        note_usage(t, instance);
    }
    for (int64_t n = 0; n < 15; n++) {
        call(t, instance, "fib", n, 0);
        note_usage(t, instance);
    }
    call(t, instance, "count", 1000000, 0);
    note_usage(t, instance);
    call(t, instance, "count", 1, 0);
    wsb_instance_destroy(instance);
    limits.fuel = 1;
    instance = create(t, counter, &config);
    call(t, instance, "count", 1, 0);
    note_usage(t, instance);
    wsb_instance_destroy(instance);
}

static wsb_status spin(transcript *t, uint64_t wall, uint64_t cpu, wsb_error **out_error)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    limits.max_wall_time = wall;
    limits.max_cpu_time = cpu;
    config.limits = &limits;
    wsb_instance *instance =
        instantiate(t->runtime, "(module (func (export \"spin\") (loop (nop) (br 0))))", &config);
    wsb_status status =
        wsb_function_call(function_of(instance, "spin"), NULL, 0, NULL, 0, out_error);
    wsb_instance_destroy(instance);
    return status;
}

/* How long it took differs, the rest does not. */
static void note_time(transcript *t, wsb_status status, wsb_error *error)
{
    fprintf(t->out, "%s %s %s %" PRIu64 "\n", wsb_status_name(status), wsb_error_subject(error),
            wsb_error_suggestion(error), wsb_error_allowed(error));
    wsb_error_destroy(error);
}

static void times(transcript *t)
{
    wsb_error *error = NULL;
    wsb_status status = spin(t, 10 * WSB_MILLISECOND, 0, &error);
    note_time(t, status, error);
    error = NULL;
    status = spin(t, 0, 10 * WSB_MILLISECOND, &error);
    note_time(t, status, error);
    wsb_instance *instance = create(t, grower, NULL);
    wsb_instance_cancel(instance);
    call(t, instance, "size", 0, 0);
    call(t, instance, "size", 0, 0);
    wsb_instance_destroy(instance);
}

static wsb_host_result fail_as_told(wsb_call_context *context, wsb_raw_value *values, void *data)
{
    (void)data;
    switch (values[0].i32) {
    case 0:
        values[0].i32 = 1000;
        return WSB_HOST_DONE;
    case 1:
        wsb_call_context_fail(context, WSB_ERROR_ACCESS_DENIED, "not for %s", "you");
        return WSB_HOST_TRAP;
    case 2:
        return WSB_HOST_TRAP;
    case 3:
        wsb_call_context_fail(context, WSB_OK, "just so");
        return WSB_HOST_TRAP;
    default:
        return (wsb_host_result)77;
    }
}

static void host_functions(transcript *t)
{
    static const char guest[] =
        "(module (import \"env\" \"f\" (func $f (param i32) (result i32)))"
        " (func (export \"f\") (param i32) (result i32) (call $f (local.get 0))))";
    static const wsb_value_type i32 = WSB_I32;
    static const wsb_value_type i64 = WSB_I64;
    wsb_host_function function = WSB_HOST_FUNCTION_INIT;
    function.module = wsb_cstr("env");
    function.name = wsb_cstr("f");
    function.params = function.results = &i32;
    function.param_count = function.result_count = 1;
    function.call_raw = fail_as_told;
    for (int32_t way = 0; way < 5; way++) {
        wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
        MUST(wsb_imports_create(&config.imports, err));
        MUST(wsb_imports_define(config.imports, &function, err));
        wsb_instance *instance = create(t, guest, &config);
        call(t, instance, "f", way, 0);
        note_usage(t, instance);
        call(t, instance, "f", 0, 0);
        wsb_instance_destroy(instance);
        wsb_imports_destroy(config.imports);
    }
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    assert_null(create(t, guest, &config));
    function.results = &i64;
    MUST(wsb_imports_create(&config.imports, err));
    MUST(wsb_imports_define(config.imports, &function, err));
    assert_null(create(t, guest, &config));
    wsb_imports_destroy(config.imports);
}

static void instantiation(transcript *t)
{
    static const char *const texts[] = {
        "(module (func $s unreachable) (start $s))",
        "(module (func $s (call $s)) (start $s))",
        "(module (memory 1) (data (i32.const 65536) \"x\"))",
        "(module (memory 1) (data (i32.const -1) \"xx\"))",
        "(module (table 1 funcref) (func $f) (elem (i32.const 1) $f))",
        "(module (import \"env\" \"f\" (func)) (import \"env\" \"g\" (func (param i32))))",
        "(module (import \"wasi_snapshot_preview1\" \"fd_write\" (func)))",
        "(module (import \"wasi_snapshot_preview1\" \"nothing\" (func)))",
        "(module (import \"wsb\" \"tick\" (func (param i64) (result i64))))",
        "(module (import \"env\" \"m\" (memory 1)))",
        "(module (import \"env\" \"g\" (global i32)))",
        "(module (memory 65536))",
        "(module (table 2000000 funcref))",
        "(module (memory 1 1) (memory 1 1))",
        "(module (memory 1 1 shared))",
        "(module (func (result i32) i64.const 1))",
        "(module (global (export \"wsb:budget\") (mut i64) (i64.const 1)) (memory 1))",
        "(module (func (export \"wsb:memory_limit\")) (memory 1))",
        "(module (func (export \"_initialize\") unreachable))",
        "(module (func (export \"_initialize\") (param i32)))",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        fprintf(t->out, "%s\n", texts[i]);
        wsb_instance_destroy(create(t, texts[i], NULL));
    }
}

static const char *type_name(char letter)
{
    return letter == 'i' ? "i32" : letter == 'I' ? "i64" : letter == 'f' ? "f32" : "f64";
}

/* A module that calls one WASI function with the same bad value in every place. */
static void write_wasi_guest(char out[1024], const char *module,
                             const wsb_host_module_function *function, int value)
{
    const char *results = strchr(function->signature, ':') + 1;
    FILE *text = fmemopen(out, 1024, "w");
    assert_non_null(text);
    fprintf(text, "(module (import \"%s\" \"%s\" (func $f (param", module, function->name);
    for (const char *p = function->signature; *p != ':'; p++) {
        fprintf(text, " %s", type_name(*p));
    }
    fprintf(text, ")%s)) (memory (export \"memory\") 1) (func (export \"go\")%s (call $f",
            *results ? " (result i32)" : "", *results ? " (result i32)" : "");
    for (const char *p = function->signature; *p != ':'; p++) {
        fprintf(text, " (%s.const %d)", type_name(*p), value);
    }
    fputs(")))", text);
    fclose(text);
}

/* Every WASI function, with small values, a hole's descriptor, and addresses outside. */
static void wasi(transcript *t)
{
    static const wsb_host_module_ops *const versions[] = {&wsb__wasi_preview1, &wsb__wasi_unstable};
    static const int values[] = {0, 3, -1};
    for (size_t i = 0; i < 2 * sizeof values / sizeof *values; i++) {
        const wsb_host_module_ops *ops = versions[i % 2];
        wsb_capabilities capabilities;
        wsb_capabilities_minimal(&capabilities);
        wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
        config.capabilities = &capabilities;
        for (const wsb_host_module_function *f = ops->functions; f->name; f++) {
            char text[1024];
            if (strcmp(f->name, "poll_oneoff") == 0 && values[i / 2] != 0) {
                continue; /* may wait as long as it is told */
            }
            write_wasi_guest(text, ops->module_names[0], f, values[i / 2]);
            fprintf(t->out, "%s %d: ", f->name, values[i / 2]);
            wsb_instance *instance = create(t, text, &config);
            call(t, instance, "go", 0, 0);
            note_usage(t, instance);
            wsb_instance_destroy(instance);
        }
    }
}

/* JSON, MessagePack and bytes, right and wrong. */
static void structured(transcript *t)
{
    static const char guest[] =
        "(module (memory (export \"memory\") 1) (global $next (mut i32) (i32.const 1024))"
        " (func (export \"wsb_alloc\") (param i32) (result i32) (local i32)"
        "  (local.set 1 (global.get $next))"
        "  (global.set $next (i32.add (global.get $next) (local.get 0))) (local.get 1))"
        " (func (export \"wsb_free\") (param i32 i32))"
        " (func (export \"echo\") (param i32 i32) (result i64)"
        "  (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32))"
        "   (i64.extend_i32_u (local.get 1))))"
        " (func (export \"wild\") (param i32 i32) (result i64) (i64.const -1))"
        " (func (export \"half\") (param f64) (result f64) (f64.div (local.get 0) (f64.const 2)))"
        " (func (export \"add\") (param i32 i64) (result i64)"
        "  (i64.add (i64.extend_i32_s (local.get 0)) (local.get 1))))";
    static const char *const json[] = {"[1, 2]", "[1]",      "[1, \"2\"]", "[1.5, 2]",
                                       "[1, 2",  "[-1, -9]", "{\"a\":1}",  "[4294967296, 0]",
                                       "",       "3"};
    static const char *const functions[] = {"add", "half", "echo", "wild", "none"};
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        for (size_t k = 0; k < sizeof json / sizeof *json; k++) {
            wsb_buf out = WSB_BUF_INIT;
            wsb_instance *instance = create(t, guest, NULL);
            NOTE(t, json[k],
                 wsb_instance_call_json(instance, wsb_cstr(functions[i]), wsb_cstr(json[k]), &out,
                                        err));
            fprintf(t->out, "%.*s\n", (int)out.len, out.data ? (const char *)out.data : "");
            wsb_buf_fini(&out);
            NOTE(t, "bytes",
                 wsb_instance_call_bytes(instance, wsb_cstr(functions[i]),
                                         wsb_bytes_of(json[k], strlen(json[k])), &out, err));
            fprintf(t->out, "%.*s\n", (int)out.len, out.data ? (const char *)out.data : "");
            wsb_buf_fini(&out);
            note_usage(t, instance);
            wsb_instance_destroy(instance);
        }
    }
}

SCENARIO(traps)
SCENARIO(typed_calls)
SCENARIO(memory)
SCENARIO(tables)
SCENARIO(globals)
SCENARIO(fuel)
SCENARIO(times)
SCENARIO(host_functions)
SCENARIO(instantiation)
SCENARIO(wasi)
SCENARIO(structured)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_traps),         cmocka_unit_test(same_typed_calls),
        cmocka_unit_test(same_memory),        cmocka_unit_test(same_tables),
        cmocka_unit_test(same_globals),       cmocka_unit_test(same_fuel),
        cmocka_unit_test(same_times),         cmocka_unit_test(same_host_functions),
        cmocka_unit_test(same_instantiation), cmocka_unit_test(same_wasi),
        cmocka_unit_test(same_structured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
