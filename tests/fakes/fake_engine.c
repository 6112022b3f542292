/* The fake engine's table of functions, its failures on demand and its counts. */
#include "fake_engine.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake_instance.h"

enum {
    OP_ENGINE_CREATE,
    OP_MODULE_COMPILE,
    OP_MODULE_SERIALIZE,
    OP_MODULE_DESERIALIZE,
    OP_LINK,
    OP_INSTANCE_CREATE,
    OP_EXPORT_GET,
    OP_FUNCTION_CALL,
    OP_FUNCTION_RESUME,
    OP_MEMORY_GROW,
    OP_COUNT
};

static const char *const op_names[OP_COUNT] = {
    "engine_create",   "module_compile", "module_serialize", "module_deserialize", "link",
    "instance_create", "export_get",     "function_call",    "function_resume",    "memory_grow",
};

static struct {
    pthread_mutex_t lock;
    unsigned left[OP_COUNT]; /* calls until the one that fails; 0: none */
    wsb_engine_result result[OP_COUNT];
    atomic_uint armed; /* how many are set: the lock is taken only then */
} faults = {.lock = PTHREAD_MUTEX_INITIALIZER};

static atomic_long live_engines, live_modules, live_links, live_instances, all_calls;
static atomic_long all_resumes, suspended_now;

bool wsb_fake_engine_fail(const char *operation, unsigned nth, wsb_engine_result result)
{
    for (int op = 0; op < OP_COUNT; op++) {
        if (strcmp(operation, op_names[op]) != 0)
            continue;
        pthread_mutex_lock(&faults.lock);
        if (!faults.left[op] && nth)
            atomic_fetch_add(&faults.armed, 1);
        if (faults.left[op] && !nth)
            atomic_fetch_sub(&faults.armed, 1);
        faults.left[op] = nth;
        faults.result[op] = result;
        pthread_mutex_unlock(&faults.lock);
        return true;
    }
    return false;
}

/* The result to fail with, or OK. */
static wsb_engine_result fault(int op, wsb_engine_failure *out_failure)
{
    if (!atomic_load(&faults.armed))
        return WSB_ENGINE_OK;
    wsb_engine_result result = WSB_ENGINE_OK;
    pthread_mutex_lock(&faults.lock);
    if (faults.left[op] == 1) {
        atomic_fetch_sub(&faults.armed, 1);
        result = faults.result[op];
    }
    if (faults.left[op])
        faults.left[op]--;
    pthread_mutex_unlock(&faults.lock);
    if (result != WSB_ENGINE_OK && out_failure)
        snprintf(out_failure->message, sizeof out_failure->message, "%s was told to fail",
                 op_names[op]);
    return result;
}

wsb_fake_engine_counts wsb_fake_engine_live(void)
{
    wsb_fake_engine_counts counts = {
        .engines = atomic_load(&live_engines),
        .modules = atomic_load(&live_modules),
        .links = atomic_load(&live_links),
        .instances = atomic_load(&live_instances),
        .calls = atomic_load(&all_calls),
        .resumes = atomic_load(&all_resumes),
        .suspended = atomic_load(&suspended_now),
    };
    return counts;
}

static wsb_engine_result engine_create(const wsb_engine_options *options, void **out_engine,
                                       wsb_engine_failure *out_failure)
{
    wsb_engine_result result = fault(OP_ENGINE_CREATE, out_failure);
    if (result != WSB_ENGINE_OK)
        return result;
    fake_engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return fake_fail(out_failure, WSB_ENGINE_FAILED, "out of memory");
    engine->fuel = options->fuel;
    engine->max_stack = options->max_stack;
    engine->pool_instances = options->pool_instances;
    engine->fibers = options->fibers;
    atomic_fetch_add(&live_engines, 1);
    *out_engine = engine;
    return WSB_ENGINE_OK;
}

static void engine_destroy(void *engine)
{
    atomic_fetch_sub(&live_engines, 1);
    free(engine);
}

static void engine_interrupt(void *engine)
{
    atomic_fetch_add(&((fake_engine *)engine)->epoch, 1);
}

static wsb_engine_result read_module(wsb_bytes bytes, void **out_module,
                                     wsb_engine_failure *out_failure)
{
    fake_module *module = malloc(sizeof *module);
    uint8_t *copy = malloc(bytes.len + 1);
    const char *problem = "out of memory";
    if (module && copy) {
        if (bytes.len)
            memcpy(copy, bytes.data, bytes.len);
        problem = fake_module_read(module, wsb_bytes_of(copy, bytes.len));
    }
    if (problem) {
        free(module);
        free(copy);
        return fake_fail(out_failure, WSB_ENGINE_FAILED, problem);
    }
    atomic_fetch_add(&live_modules, 1);
    *out_module = module;
    return WSB_ENGINE_OK;
}

static wsb_engine_result module_compile(void *engine, wsb_bytes bytes, void **out_module,
                                        wsb_engine_failure *out_failure)
{
    (void)engine;
    wsb_engine_result result = fault(OP_MODULE_COMPILE, out_failure);
    return result != WSB_ENGINE_OK ? result : read_module(bytes, out_module, out_failure);
}

static void module_destroy(void *module)
{
    atomic_fetch_sub(&live_modules, 1);
    free((void *)((fake_module *)module)->bytes.data);
    free(module);
}

static const char serial_magic[8] = "fake-1\n";

static wsb_engine_result module_serialize(void *module,
                                          void (*emit)(wsb_bytes bytes, void *user_data),
                                          void *user_data, wsb_engine_failure *out_failure)
{
    wsb_engine_result result = fault(OP_MODULE_SERIALIZE, out_failure);
    if (result != WSB_ENGINE_OK)
        return result;
    wsb_bytes bytes = ((fake_module *)module)->bytes;
    uint8_t *out = malloc(sizeof serial_magic + bytes.len);
    if (!out)
        return fake_fail(out_failure, WSB_ENGINE_FAILED, "out of memory");
    memcpy(out, serial_magic, sizeof serial_magic);
    memcpy(out + sizeof serial_magic, bytes.data, bytes.len);
    emit(wsb_bytes_of(out, sizeof serial_magic + bytes.len), user_data);
    free(out);
    return WSB_ENGINE_OK;
}

static wsb_engine_result module_deserialize(void *engine, wsb_bytes bytes, void **out_module,
                                            wsb_engine_failure *out_failure)
{
    (void)engine;
    wsb_engine_result result = fault(OP_MODULE_DESERIALIZE, out_failure);
    if (result != WSB_ENGINE_OK)
        return result;
    if (bytes.len < sizeof serial_magic ||
        memcmp(bytes.data, serial_magic, sizeof serial_magic) != 0)
        return fake_fail(out_failure, WSB_ENGINE_FAILED, "not a module of the fake engine");
    return read_module(
        wsb_bytes_of(bytes.data + sizeof serial_magic, bytes.len - sizeof serial_magic), out_module,
        out_failure);
}

static wsb_engine_result link_imports(void *engine, void *module, const wsb_engine_import *imports,
                                      size_t import_count, void **out_link,
                                      wsb_engine_failure *out_failure)
{
    wsb_engine_result result = fault(OP_LINK, out_failure);
    if (result != WSB_ENGINE_OK)
        return result;
    if (import_count != ((fake_module *)module)->import_count)
        return fake_fail(out_failure, WSB_ENGINE_FAILED, "an import for each is needed");
    fake_link *link = calloc(1, sizeof *link);
    if (!link)
        return fake_fail(out_failure, WSB_ENGINE_FAILED, "out of memory");
    *link = (fake_link){engine, module, imports, import_count};
    atomic_fetch_add(&live_links, 1);
    *out_link = link;
    return WSB_ENGINE_OK;
}

static void unlink_imports(void *link)
{
    atomic_fetch_sub(&live_links, 1);
    free(link);
}

static bool take_slot(fake_engine *engine)
{
    if (!engine->pool_instances)
        return true;
    if (atomic_fetch_add(&engine->pooled, 1) < engine->pool_instances)
        return true;
    atomic_fetch_sub(&engine->pooled, 1);
    return false;
}

static void give_slot(fake_engine *engine)
{
    if (engine->pool_instances)
        atomic_fetch_sub(&engine->pooled, 1);
}

static wsb_engine_result instance_create(void *link, const wsb_engine_instance_options *options,
                                         void **out_instance, wsb_engine_failure *out_failure)
{
    const fake_link *from = link;
    wsb_engine_result result = fault(OP_INSTANCE_CREATE, out_failure);
    if (result != WSB_ENGINE_OK)
        return result;
    fake_instance *instance = calloc(1, sizeof *instance);
    if (!instance)
        return fake_fail(out_failure, WSB_ENGINE_FAILED, "out of memory");
    if (!take_slot(from->engine)) {
        free(instance);
        return fake_fail(out_failure, WSB_ENGINE_POOL_EXHAUSTED, "the pool is full");
    }
    instance->link = from;
    instance->host = options->host;
    instance->should_stop = options->should_stop;
    instance->should_yield = options->should_yield;
    instance->resume = options->resume;
    instance->seen_epoch = atomic_load(&from->engine->epoch);
    instance->max_memory = options->max_memory;
    instance->table_left = options->max_table_elements;
    result = fake_instance_allocate(instance, out_failure);
    if (result != WSB_ENGINE_OK) {
        give_slot(from->engine);
        free(instance->memory);
        free(instance);
        return result;
    }
    atomic_fetch_add(&live_instances, 1);
    *out_instance = instance;
    return WSB_ENGINE_OK;
}

static bool take_stack(fake_engine *engine)
{
    uint_fast64_t taken = atomic_load(&engine->stacks);
    do {
        if (engine->fibers && taken >= engine->fibers)
            return false;
    } while (engine->fibers && !atomic_compare_exchange_weak(&engine->stacks, &taken, taken + 1));
    return true;
}

static void give_stack(fake_engine *engine)
{
    if (engine->fibers)
        atomic_fetch_sub(&engine->stacks, 1);
}

static void instance_destroy(void *instance)
{
    fake_instance *self = instance;
    if (self->call.point != FAKE_IDLE) {
        atomic_fetch_sub(&suspended_now, 1);
        give_stack(self->link->engine);
    }
    atomic_fetch_sub(&live_instances, 1);
    give_slot(self->link->engine);
    free(self->memory);
    free(self);
}

static void instance_set_fuel(void *instance, uint64_t fuel)
{
    ((fake_instance *)instance)->fuel = fuel;
}

static uint64_t instance_get_fuel(void *instance)
{
    return ((fake_instance *)instance)->fuel;
}

/* Handles hold the index of the export (functions) or of the global. */
static bool export_get(void *instance, wsb_str name, wsb_extern_kind kind,
                       wsb_engine_handle *out_handle)
{
    const fake_module *module = ((fake_instance *)instance)->link->module;
    if (fault(OP_EXPORT_GET, NULL) != WSB_ENGINE_OK)
        return false;
    for (uint32_t i = 0; i < module->export_count; i++) {
        const fake_export *item = &module->exports[i];
        if (item->kind != kind || item->name.len != name.len ||
            memcmp(item->name.data, name.data, name.len) != 0)
            continue;
        if (kind == WSB_EXTERN_GLOBAL && item->index >= module->global_count)
            return false;
        *out_handle = (wsb_engine_handle){{kind == WSB_EXTERN_FUNCTION ? i : item->index}};
        return true;
    }
    return false;
}

/* Runs the call that is set until it ends or is suspended. */
static wsb_engine_result go_on(fake_instance *instance, wsb_engine_failure *out_failure)
{
    wsb_engine_result result = fake_instance_run(instance, out_failure);
    if (result == WSB_ENGINE_SUSPENDED || result == WSB_ENGINE_YIELDED) {
        atomic_fetch_add(&suspended_now, 1);
        return result;
    }
    instance->call.point = FAKE_IDLE;
    give_stack(instance->link->engine);
    return result;
}

static wsb_engine_result function_call(void *instance, const wsb_engine_handle *function,
                                       const wsb_function_type *type, wsb_raw_value *values,
                                       wsb_engine_failure *out_failure)
{
    fake_instance *self = instance;
    wsb_engine_result result = fault(OP_FUNCTION_CALL, out_failure);
    atomic_fetch_add(&all_calls, 1);
    if (result != WSB_ENGINE_OK)
        return result;
    if (self->call.point != FAKE_IDLE)
        return fake_fail(out_failure, WSB_ENGINE_FAILED, "a call of it is suspended");
    if (!take_stack(self->link->engine))
        return fake_fail(out_failure, WSB_ENGINE_POOL_EXHAUSTED, "all stacks are in use");
    wsb_str behaviour = self->link->module->exports[function->words[0]].behaviour;
    self->call = (fake_call){FAKE_IDLE, behaviour, type, values};
    return go_on(self, out_failure);
}

static wsb_engine_result function_resume(void *instance, wsb_engine_failure *out_failure)
{
    fake_instance *self = instance;
    if (self->call.point == FAKE_IDLE)
        return fake_fail(out_failure, WSB_ENGINE_FAILED, "no call of it is suspended");
    atomic_fetch_add(&all_resumes, 1);
    atomic_fetch_sub(&suspended_now, 1);
    wsb_engine_result result = fault(OP_FUNCTION_RESUME, out_failure);
    if (result == WSB_ENGINE_OK)
        return go_on(self, out_failure);
    self->call.point = FAKE_IDLE;
    give_stack(self->link->engine);
    return result;
}

static void memory_get(void *instance, void *caller, const wsb_engine_handle *memory,
                       uint8_t **out_base, uint64_t *out_size)
{
    const fake_instance *self = instance;
    (void)caller;
    (void)memory;
    *out_base = self->memory;
    *out_size = self->pages * FAKE_PAGE;
}

static bool memory_grow(void *instance, const wsb_engine_handle *memory, uint64_t pages)
{
    (void)memory;
    return fault(OP_MEMORY_GROW, NULL) == WSB_ENGINE_OK && fake_instance_grow(instance, pages);
}

static void global_get(void *instance, const wsb_engine_handle *global, wsb_value_type type,
                       wsb_raw_value *out_value)
{
    (void)type;
    *out_value = ((fake_instance *)instance)->globals[global->words[0]].value;
}

static void global_set(void *instance, const wsb_engine_handle *global, wsb_value_type type,
                       const wsb_raw_value *value)
{
    fake_global *to = &((fake_instance *)instance)->globals[global->words[0]];
    if (to->is_mutable && to->type == type)
        to->value = *value;
}

static const wsb_runtime_ops ops = {
    .size = sizeof ops,
    .abi_version = WSB_ENGINE_ABI_VERSION,
    .id = "fake",
    .version = "1",
    .features = WSB_ENGINE_DEADLINE | WSB_ENGINE_FUEL | WSB_ENGINE_MEMORY_LIMIT |
                WSB_ENGINE_TABLE_LIMIT | WSB_ENGINE_STACK_LIMIT | WSB_ENGINE_SERIALIZE |
                WSB_ENGINE_POOLING | WSB_ENGINE_FIBERS | WSB_ENGINE_SIMD | WSB_ENGINE_REFERENCES,
    .engine_create = engine_create,
    .engine_destroy = engine_destroy,
    .engine_interrupt = engine_interrupt,
    .module_compile = module_compile,
    .module_destroy = module_destroy,
    .module_serialize = module_serialize,
    .module_deserialize = module_deserialize,
    .link = link_imports,
    .unlink = unlink_imports,
    .instance_create = instance_create,
    .instance_destroy = instance_destroy,
    .instance_set_fuel = instance_set_fuel,
    .instance_get_fuel = instance_get_fuel,
    .export_get = export_get,
    .function_call = function_call,
    .function_call_references = function_call,
    .memory_get = memory_get,
    .memory_grow = memory_grow,
    .global_get = global_get,
    .global_set = global_set,
    .function_resume = function_resume,
};

const wsb_runtime_ops *wsb_fake_engine_ops(void)
{
    return &ops;
}
