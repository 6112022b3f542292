/* spec_compare [--fuel] ENGINE ENGINE FILE…: calls every function that the modules export on both
 * engines and compares what can be seen: results, traps, memory, globals, and with --fuel what the
 * calls cost. ENGINE is an id, or plain:PATH.so (see spec_engine_open).
 *
 * A module that one of them cannot run for want of a feature is left out, and what comes after a
 * stack overflow, which no two engines meet at the same depth; both are counted. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec.h"

enum { ENGINES = 2, MAX_VALUES = 64, ROUNDS = 2 };
static const uint64_t FUEL = 50000000;

/* A module on one engine. */
typedef struct side {
    spec_engine engine;
    wsb_module *module;
    wsb_imports *imports;
    wsb_instance *instance;
    uint64_t host_calls; /* decides what host functions return: the same on both sides */
    wsb_value values[MAX_VALUES];
    wsb_status status;
    char trap[40];
    uint64_t fuel;  /* of all calls */
    uint64_t spent; /* of the latest */
} side;

typedef struct counts {
    size_t modules;
    size_t calls;
    size_t trapped;
    size_t left_out;
    size_t overflows;
    size_t failed;
} counts;

typedef struct host_import {
    side *owner;
    wsb_function_type type;
} host_import;

static uint64_t mix(uint64_t value)
{
    value = (value ^ (value >> 31)) * 0x9e3779b97f4a7c15u;
    return value ^ (value >> 29);
}

static size_t width_of(wsb_value_type type)
{
    switch (type) {
    case WSB_I32:
    case WSB_F32:
        return 4;
    case WSB_I64:
    case WSB_F64:
        return 8;
    case WSB_V128:
        return 16;
    default:
        return 0; /* a reference */
    }
}

/* Any bits, but no NaN and no reference but null. */
static wsb_value make_value(wsb_value_type type, uint64_t seed)
{
    wsb_value value = {.type = type};
    uint64_t bits = mix(seed);
    switch (type) {
    case WSB_I32:
        return wsb_value_i32((int32_t)(seed % 3 == 0 ? bits % 70000 : bits));
    case WSB_I64:
        return wsb_value_i64((int64_t)(seed % 3 == 0 ? bits % 70000 : bits));
    case WSB_F32:
        return wsb_value_f32((float)(int32_t)bits / 16.0f);
    case WSB_F64:
        return wsb_value_f64((double)(int64_t)bits / 1024.0);
    case WSB_V128:
        value.of.words[0] = bits & 0x3fffffff3fffffffu;
        value.of.words[1] = mix(bits) & 0x3fffffff3fffffffu;
        return value;
    default:
        return value;
    }
}

static wsb_host_result host_function(wsb_call_context *context, const wsb_value *args,
                                     wsb_value *results, void *user_data)
{
    host_import *import = user_data;
    uint64_t seed = ++import->owner->host_calls;
    (void)context;
    for (size_t i = 0; i < import->type.param_count; i++) {
        if (import->type.params[i] < WSB_FUNCREF) {
            uint64_t bits = 0;
            memcpy(&bits, &args[i].of, width_of(import->type.params[i]) > 4 ? 8 : 4);
            seed = mix(seed + bits);
        }
    }
    for (size_t i = 0; i < import->type.result_count; i++) {
        results[i] = make_value(import->type.results[i], seed + i);
    }
    return WSB_HOST_DONE;
}

/* False where the module imports what no host function can be. */
static bool define_imports(side *one)
{
    const wsb_module_info *info = wsb_module_get_info(one->module);
    for (size_t i = 0; i < info->import_count; i++) {
        const wsb_extern_info *from = &info->imports[i];
        wsb_host_function function = WSB_HOST_FUNCTION_INIT;
        host_import *import = malloc(sizeof *import);
        if (import == NULL) {
            abort();
        }
        *import = (host_import){.owner = one, .type = from->function};
        function.module = from->module;
        function.name = from->name;
        function.params = from->function.params;
        function.param_count = from->function.param_count;
        function.results = from->function.results;
        function.result_count = from->function.result_count;
        function.call = host_function;
        function.user_data = import;
        function.destroy = free;
        wsb_error *error = NULL;
        wsb_status status = from->kind == WSB_EXTERN_FUNCTION
                                ? wsb_imports_define(one->imports, &function, &error)
                                : WSB_ERROR_UNSUPPORTED;
        wsb_error_destroy(error);
        if (status != WSB_OK) {
            free(import);
            if (status != WSB_ERROR_ALREADY_EXISTS) {
                return false;
            }
        }
    }
    return true;
}

/* Remembers how something ended, and what it cost. */
static void note(side *one, wsb_status status, wsb_error *error)
{
    wsb_usage usage = WSB_USAGE_INIT;
    one->status = status;
    snprintf(one->trap, sizeof one->trap, "%s", wsb_error_trap(error));
    if (one->instance != NULL) {
        wsb_instance_usage(one->instance, &usage);
        one->spent = usage.fuel - one->fuel;
        one->fuel = usage.fuel;
    }
    wsb_error_destroy(error);
}

static bool open_side(side *one, const char *path)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    wsb_module_options options = WSB_MODULE_OPTIONS_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_error *error = NULL;
    one->module = NULL;
    one->instance = NULL;
    one->imports = NULL;
    one->host_calls = one->fuel = 0;
    limits.fuel = one->engine.fuel ? FUEL : WSB_UNLIMITED;
    limits.max_table_elements = 100000;
    options.limits = config.limits = &limits;
    if (wsb_imports_create(&one->imports, NULL) != WSB_OK) {
        abort();
    }
    wsb_status status = wsb_module_compile_file(one->engine.runtime, wsb_cstr(path), &options,
                                                &one->module, &error);
    if (status == WSB_OK) {
        if (!define_imports(one)) {
            one->status = WSB_ERROR_UNSUPPORTED;
            return false;
        }
        config.imports = one->imports;
        status = wsb_instance_create(one->module, &config, &one->instance, &error);
    }
    note(one, status, error);
    return status == WSB_OK;
}

static void close_side(side *one)
{
    wsb_instance_destroy(one->instance);
    wsb_imports_destroy(one->imports);
    wsb_module_destroy(one->module);
}

static void call(side *one, const wsb_extern_info *export, uint64_t seed)
{
    wsb_value args[MAX_VALUES];
    wsb_function *function;
    wsb_error *error = NULL;
    const wsb_function_type *type = &export->function;
    for (size_t i = 0; i < type->param_count; i++) {
        args[i] = make_value(type->params[i], seed + i);
    }
    memset(one->values, 0, sizeof one->values);
    wsb_status status = wsb_instance_function(one->instance, export->name, &function, &error);
    if (status == WSB_OK) {
        status = wsb_function_call(function, args, type->param_count, one->values,
                                   type->result_count, &error);
    }
    note(one, status, error);
    if (status != WSB_OK) {
        spec_reopen(one->instance);
    }
}

/* A number that two memories with the same bytes have in common. */
static uint64_t memory_digest(side *one)
{
    static uint8_t page[65536];
    uint64_t size = wsb_instance_memory_size(one->instance), digest = size;
    for (uint64_t at = 0; at < size; at += sizeof page) {
        uint64_t word;
        if (wsb_instance_read_memory(one->instance, at, page, sizeof page, NULL) != WSB_OK) {
            return 0;
        }
        for (size_t i = 0; i < sizeof page; i += sizeof word) {
            memcpy(&word, page + i, sizeof word);
            digest = mix(digest + word);
        }
    }
    return digest;
}

__attribute__((format(printf, 3, 4))) static void fail(counts *sum, const char *path,
                                                       const char *format, ...)
{
    va_list args;
    printf("FAILED %s: ", path);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    sum->failed++;
}

static bool same_values(const side *a, const side *b, const wsb_function_type *type)
{
    for (size_t i = 0; i < type->result_count; i++) {
        if (memcmp(&a->values[i].of, &b->values[i].of, width_of(type->results[i])) != 0) {
            return false;
        }
    }
    return true;
}

static void compare_globals(side *sides, const char *path, counts *sum)
{
    const wsb_module_info *info = wsb_module_get_info(sides[0].module);
    for (size_t i = 0; i < info->export_count; i++) {
        const wsb_extern_info *export = &info->exports[i];
        wsb_value values[ENGINES];
        memset(values, 0, sizeof values);
        if (export->kind != WSB_EXTERN_GLOBAL || width_of(export->value_type) == 0) {
            continue;
        }
        for (size_t n = 0; n < ENGINES; n++) {
            if (wsb_instance_get_global(sides[n].instance, export->name, &values[n], NULL) !=
                WSB_OK) {
                return; /* vectors that the engine cannot pass */
            }
        }
        if (memcmp(&values[0].of, &values[1].of, width_of(export->value_type)) != 0) {
            fail(sum, path, "global %.*s differs", (int)export->name.len, export->name.data);
        }
    }
}

/* False where the rest of the module cannot be compared. */
static bool compare_call(side *sides, const char *path, const wsb_extern_info *export, counts *sum)
{
    const side *a = &sides[0], *b = &sides[1];
    int len = (int)export->name.len;
    const char *name = export->name.data;
    if (strcmp(a->trap, "stack_overflow") == 0 || strcmp(b->trap, "stack_overflow") == 0) {
        sum->overflows++;
        return false;
    }
    /* Where a block's fuel ends is a matter of the engine. */
    if (a->status == WSB_ERROR_OUT_OF_FUEL && b->status == WSB_ERROR_OUT_OF_FUEL) {
        sum->overflows++;
        return false;
    }
    if (a->status != b->status || strcmp(a->trap, b->trap) != 0) {
        fail(sum, path, "%.*s: %s %s, but %s %s", len, name, wsb_status_name(a->status), a->trap,
             wsb_status_name(b->status), b->trap);
        return false;
    }
    if (a->status != WSB_OK) {
        sum->trapped++;
        return true;
    }
    if (!same_values(a, b, &export->function)) {
        fail(sum, path, "%.*s: the results differ", len, name);
        return false;
    }
    if (a->engine.fuel && a->spent != b->spent) {
        fail(sum, path, "%.*s: costs %llu, but %llu", len, name, (unsigned long long)a->spent,
             (unsigned long long)b->spent);
        return false;
    }
    return true;
}

/* Whether both engines can pass the signature's types. */
static bool can_pass(const side *sides, const wsb_function_type *type)
{
    uint32_t features = sides[0].engine.info.features & sides[1].engine.info.features;
    if (type->param_count > MAX_VALUES || type->result_count > MAX_VALUES) {
        return false;
    }
    for (size_t i = 0; i < type->param_count + type->result_count; i++) {
        wsb_value_type one =
            i < type->param_count ? type->params[i] : type->results[i - type->param_count];
        if (one == WSB_OTHER || one == WSB_FUNCREF ||
            (one == WSB_EXTERNREF && (features & WSB_ENGINE_REFERENCES) == 0) ||
            (one == WSB_V128 && (features & WSB_ENGINE_VECTORS) == 0)) {
            return false;
        }
    }
    return true;
}

static void compare_instances(side *sides, const char *path, counts *sum)
{
    const wsb_module_info *info = wsb_module_get_info(sides[0].module);
    bool going = true;
    for (size_t n = 0; going && n < ROUNDS * info->export_count; n++) {
        const wsb_extern_info *export = &info->exports[n % info->export_count];
        if (export->kind != WSB_EXTERN_FUNCTION || !can_pass(sides, &export->function)) {
            continue;
        }
        for (size_t i = 0; i < ENGINES; i++) {
            call(&sides[i], export, mix(n));
        }
        sum->calls++;
        going = compare_call(sides, path, export, sum);
    }
    if (!going) {
        return;
    }
    if (memory_digest(&sides[0]) != memory_digest(&sides[1])) {
        fail(sum, path, "the memories differ");
    }
    compare_globals(sides, path, sum);
}

static void compare_module(side *sides, const char *path, counts *sum)
{
    bool good[ENGINES];
    for (size_t i = 0; i < ENGINES; i++) {
        good[i] = open_side(&sides[i], path);
    }
    sum->modules++;
    if (sides[0].status == WSB_ERROR_UNSUPPORTED || sides[1].status == WSB_ERROR_UNSUPPORTED) {
        sum->left_out++;
    } else if (sides[0].status != sides[1].status) {
        fail(sum, path, "instantiate: %s %s, but %s %s", wsb_status_name(sides[0].status),
             sides[0].trap, wsb_status_name(sides[1].status), sides[1].trap);
    } else if (good[0] && good[1]) {
        compare_instances(sides, path, sum);
    } else {
        sum->left_out++;
    }
    for (size_t i = 0; i < ENGINES; i++) {
        close_side(&sides[i]);
    }
}

static bool open_engine(side *one, const char *name, bool fuel)
{
    static const char plain[] = "plain:";
    size_t skip = strncmp(name, plain, sizeof plain - 1) == 0 ? sizeof plain - 1 : 0;
    return spec_engine_open(&one->engine, name + skip, skip != 0, fuel);
}

int main(int argc, char **argv)
{
    static side sides[ENGINES];
    counts sum = {0};
    bool fuel = argc > 1 && strcmp(argv[1], "--fuel") == 0;
    int at = fuel ? 2 : 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < at + ENGINES + 1) {
        fprintf(stderr, "usage: spec_compare [--fuel] ENGINE ENGINE FILE…\n");
        return EXIT_FAILURE;
    }
    for (int i = 0; i < ENGINES; i++) {
        if (!open_engine(&sides[i], argv[at + i], fuel)) {
            return EXIT_FAILURE;
        }
    }
    for (int i = at + ENGINES; i < argc; i++) {
        compare_module(sides, argv[i], &sum);
    }
    printf("%s and %s%s: %zu modules, %zu calls, %zu of them trapped, %zu failed; left out: %zu "
           "modules, %zu after their stack or fuel was used up\n",
           sides[0].engine.info.id, sides[1].engine.info.id, fuel ? " with fuel" : "", sum.modules,
           sum.calls, sum.trapped, sum.failed, sum.left_out, sum.overflows);
    for (int i = 0; i < ENGINES; i++) {
        spec_engine_close(&sides[i].engine);
    }
    return sum.failed == 0 && sum.calls > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
