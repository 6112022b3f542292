/* Guests, signatures and the like for all groups. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "conformance.h"

bool declares(uint32_t feature)
{
    return (ops->features & feature) == feature;
}

void needs(uint32_t feature, const char *name)
{
    if (declares(feature))
        return;
    print_message("not declared: %s\n", name);
    skip();
}

wsb_bytes guest_bytes(const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s.wasm", WSB_GUESTS, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    uint8_t *data = malloc(1 << 16);
    assert_non_null(data);
    size_t len = fread(data, 1, 1 << 16, file);
    fclose(file);
    assert_true(len > 8 && len < 1 << 16);
    return wsb_bytes_of(data, len);
}

static bool should_stop(void *host)
{
    host_state *state = host;
    atomic_fetch_add(&state->asked, 1);
    return atomic_load(&state->stop);
}

/* Engines take signals for traps, once a process; cmocka takes the same signals for each test. */
static const int trap_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
static struct sigaction engine_actions[sizeof trap_signals / sizeof *trap_signals];

void remember_signals(void)
{
    for (size_t i = 0; i < sizeof trap_signals / sizeof *trap_signals; i++)
        sigaction(trap_signals[i], NULL, &engine_actions[i]);
}

static void restore_signals(void)
{
    for (size_t i = 0; i < sizeof trap_signals / sizeof *trap_signals; i++)
        sigaction(trap_signals[i], &engine_actions[i], NULL);
}

void guest_init(guest *g)
{
    restore_signals();
    memset(g, 0, sizeof *g);
    g->options.size = sizeof g->options;
    g->options.max_stack = TEST_STACK;
    g->options.fibers = all_on_fibers ? TEST_FIBERS : 0;
    g->limits.size = sizeof g->limits;
    g->limits.max_memory = 64 * WSB_MIB;
    g->limits.max_table_elements = 1000000;
    g->limits.host = &g->host;
    g->limits.should_stop = should_stop;
}

wsb_engine_result guest_load_bytes(guest *g, wsb_bytes bytes)
{
    wsb_engine_result result = ops->engine_create(&g->options, &g->engine, &g->failure);
    if (result != WSB_ENGINE_OK)
        return result;
    result = ops->module_compile(g->engine, bytes, &g->module, &g->failure);
    if (result != WSB_ENGINE_OK)
        return result;
    return ops->link(g->engine, g->module, g->imports, g->import_count, &g->link, &g->failure);
}

wsb_engine_result guest_load(guest *g, const char *name)
{
    wsb_bytes bytes = guest_bytes(name);
    wsb_engine_result result = guest_load_bytes(g, bytes);
    free((void *)bytes.data);
    return result;
}

wsb_engine_result guest_instantiate(guest *g, void **out_instance)
{
    memset(&g->failure, 0, sizeof g->failure);
    return ops->instance_create(g->link, &g->limits, out_instance, &g->failure);
}

void guest_open(guest *g, const char *name)
{
    ASSERT_OK(g, guest_load(g, name));
    ASSERT_OK(g, guest_instantiate(g, &g->instance));
    g->host.instance = g->instance;
    ops->export_get(g->instance, wsb_cstr("memory"), WSB_EXTERN_MEMORY, &g->host.memory);
}

void guest_close(guest *g)
{
    if (g->instance)
        ops->instance_destroy(g->instance);
    if (g->link)
        ops->unlink(g->link);
    if (g->module)
        ops->module_destroy(g->module);
    if (g->engine)
        ops->engine_destroy(g->engine);
    g->instance = g->link = g->module = g->engine = NULL;
}

static wsb_value_type type_of(char letter)
{
    switch (letter) {
    case 'i':
        return WSB_I32;
    case 'I':
        return WSB_I64;
    case 'f':
        return WSB_F32;
    case 'd':
        return WSB_F64;
    case 'v':
        return WSB_V128;
    case 'r':
        return WSB_EXTERNREF;
    case 'e':
        return WSB_FUNCREF;
    default:
        fail_msg("unknown type letter '%c'", letter);
        return WSB_OTHER;
    }
}

void signature_parse(signature *out, const char *text)
{
    size_t count = 0;
    size_t params = 0;
    memset(out, 0, sizeof *out);
    for (; *text; text++) {
        if (*text == ':')
            params = count;
        else
            out->types[count++] = type_of(*text);
    }
    out->type = (wsb_function_type){out->types, params, out->types + params, count - params};
}

wsb_engine_result instance_call(void *instance, const char *name, const char *types,
                                wsb_raw_value *values, wsb_engine_failure *failure)
{
    signature s;
    wsb_engine_handle function;
    signature_parse(&s, types);
    memset(failure, 0, sizeof *failure);
    if (!ops->export_get(instance, wsb_cstr(name), WSB_EXTERN_FUNCTION, &function))
        fail_msg("no export %s", name);
    bool references = false;
    for (size_t i = 0; i < s.type.param_count + s.type.result_count; i++)
        references |= s.types[i] == WSB_EXTERNREF || s.types[i] == WSB_FUNCREF;
    return (references ? ops->function_call_references
                       : ops->function_call)(instance, &function, &s.type, values, failure);
}

wsb_engine_result guest_call(guest *g, const char *name, const char *types, wsb_raw_value *values)
{
    return instance_call(g->instance, name, types, values, &g->failure);
}

long resident_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*d %ld", &pages), 1);
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

void assert_ok(const guest *g, wsb_engine_result result, const char *file, int line)
{
    if (result == WSB_ENGINE_OK)
        return;
    print_error("result %d: %s\n", result, g->failure.message);
    _fail(file, line);
}
