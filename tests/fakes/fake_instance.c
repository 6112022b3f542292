/* Memory, tables and behaviours of the fake engine's guests. */
#include "fake_instance.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

/* The library counts refused growth in this export of the module that it transforms. */
#define GROW_REFUSED "wsb:grow_refused"

wsb_engine_result fake_fail(wsb_engine_failure *out_failure, wsb_engine_result result,
                            const char *message)
{
    snprintf(out_failure->message, sizeof out_failure->message, "%s", message);
    return result;
}

static bool word_is(wsb_str text, const char *word, uint64_t *out_number, wsb_str *out_rest)
{
    size_t len = strlen(word);
    if (text.len < len || memcmp(text.data, word, len) != 0)
        return false;
    if (text.len > len && text.data[len] != ' ')
        return false;
    size_t at = text.len > len ? len + 1 : len;
    *out_rest = (wsb_str){text.data + at, text.len - at};
    *out_number = 0;
    for (size_t i = at; i < text.len && text.data[i] >= '0' && text.data[i] <= '9'; i++)
        *out_number = *out_number * 10 + (uint64_t)(text.data[i] - '0');
    return true;
}

/* What the library adds to modules for engines that lack it, the rewritten code would look at. */
static fake_global *added_global(fake_instance *instance, const char *name)
{
    const fake_module *module = instance->link->module;
    for (uint32_t i = 0; i < module->export_count; i++) {
        const fake_export *item = &module->exports[i];
        if (item->kind == WSB_EXTERN_GLOBAL && item->index < module->global_count &&
            item->name.len == strlen(name) && memcmp(item->name.data, name, item->name.len) == 0)
            return &instance->globals[item->index];
    }
    return NULL;
}

static void fill(fake_instance *instance)
{
    const fake_module *module = instance->link->module;
    memcpy(instance->globals, module->globals, sizeof instance->globals);
    for (uint32_t i = 0; i < module->table_count; i++)
        instance->tables[i] = module->tables[i].min;
    instance->budget = added_global(instance, "wsb:budget");
    instance->memory_limit = added_global(instance, "wsb:memory_limit");
    instance->table_limit = added_global(instance, "wsb:table_limit");
}

wsb_engine_result fake_instance_allocate(fake_instance *instance, wsb_engine_failure *out_failure)
{
    const fake_module *module = instance->link->module;
    for (uint32_t i = 0; i < module->table_count; i++) {
        if (module->tables[i].min > instance->table_left)
            return fake_fail(out_failure, WSB_ENGINE_LIMIT, "table minimum exceeds the limit");
        if (instance->table_left != WSB_UNLIMITED)
            instance->table_left -= module->tables[i].min;
    }
    fill(instance);
    if (!module->has_memory)
        return WSB_ENGINE_OK;
    if (module->memory.min > instance->max_memory / FAKE_PAGE)
        return fake_fail(out_failure, WSB_ENGINE_LIMIT, "memory minimum exceeds the limit");
    /* One byte more: an empty memory has an address, too. */
    instance->memory = calloc(1, (size_t)(module->memory.min * FAKE_PAGE) + 1);
    if (!instance->memory)
        return fake_fail(out_failure, WSB_ENGINE_FAILED, "out of memory");
    instance->pages = module->memory.min;
    for (uint32_t i = 0; i < module->segment_count; i++) {
        const fake_segment *segment = &module->segments[i];
        uint64_t size = instance->pages * FAKE_PAGE;
        if (segment->offset > size || segment->bytes.len > size - segment->offset) {
            out_failure->trap = WSB_TRAP_MEMORY_OUT_OF_BOUNDS;
            return fake_fail(out_failure, WSB_ENGINE_TRAPPED, "data outside the memory");
        }
        if (segment->bytes.len)
            memcpy(instance->memory + segment->offset, segment->bytes.data, segment->bytes.len);
    }
    return WSB_ENGINE_OK;
}

bool fake_instance_grow(fake_instance *instance, uint64_t pages)
{
    const fake_module *module = instance->link->module;
    uint64_t declared = module->memory.max < 65536 ? module->memory.max : 65536;
    uint64_t allowed = instance->max_memory / FAKE_PAGE;
    uint64_t most = declared < allowed ? declared : allowed;
    if (!module->has_memory || instance->pages > most || pages > most - instance->pages)
        return false;
    if (pages == 0)
        return true;
    uint64_t before = instance->pages * FAKE_PAGE;
    /* Always moved, so that a stale pointer is found. */
    uint8_t *grown = calloc(1, (size_t)(before + pages * FAKE_PAGE) + 1);
    if (!grown)
        return false;
    memcpy(grown, instance->memory, (size_t)before);
    free(instance->memory);
    instance->memory = grown;
    instance->pages += pages;
    return true;
}

static void count_refusal(fake_instance *instance)
{
    fake_global *counter = added_global(instance, GROW_REFUSED);
    if (counter)
        counter->value.u64++;
}

/* At `point` the guest asks whether it is to end or to yield. */
static wsb_engine_result check_interrupt(fake_instance *instance, fake_point point,
                                         wsb_engine_failure *out_failure)
{
    const fake_engine *engine = instance->link->engine;
    uint64_t epoch = atomic_load(&engine->epoch);
    if (epoch == instance->seen_epoch)
        return WSB_ENGINE_OK;
    instance->seen_epoch = epoch;
    if (instance->should_stop(instance->host))
        return fake_fail(out_failure, WSB_ENGINE_INTERRUPTED, "interrupted");
    if (!engine->fibers || !instance->should_yield || !instance->should_yield(instance->host))
        return WSB_ENGINE_OK;
    instance->call.point = point;
    return WSB_ENGINE_YIELDED;
}

/* Takes from the budget as rewritten code does, and asks for another: the tick is the last import.
 */
static wsb_engine_result use_budget(fake_instance *instance, uint64_t units,
                                    wsb_engine_failure *out_failure)
{
    const fake_link *link = instance->link;
    const wsb_engine_import *tick = &link->imports[link->import_count - 1];
    int64_t *budget = &instance->budget->value.i64;
    if (__builtin_sub_overflow(*budget, (int64_t)units, budget))
        *budget = INT64_MIN;
    if (*budget > 0)
        return WSB_ENGINE_OK;
    wsb_raw_value values = {.i64 = *budget};
    if (tick->call(tick->data, instance->host, instance, &values) != WSB_HOST_DONE)
        return fake_fail(out_failure, WSB_ENGINE_HOST_TRAP, "the tick ended the guest");
    *budget = values.i64;
    sched_yield();
    return WSB_ENGINE_OK;
}

static wsb_engine_result use_fuel(fake_instance *instance, uint64_t units,
                                  wsb_engine_failure *out_failure)
{
    if (instance->budget)
        return use_budget(instance, units, out_failure);
    if (!instance->link->engine->fuel)
        return WSB_ENGINE_OK;
    if (units > instance->fuel) {
        instance->fuel = 0;
        return fake_fail(out_failure, WSB_ENGINE_NO_FUEL, "all fuel consumed");
    }
    instance->fuel -= units;
    return WSB_ENGINE_OK;
}

static wsb_engine_result trap(wsb_engine_failure *out_failure, wsb_trap kind, const char *message)
{
    out_failure->trap = kind;
    snprintf(out_failure->backtrace, sizeof out_failure->backtrace, "fake @ 0x0\n");
    return fake_fail(out_failure, WSB_ENGINE_TRAPPED, message);
}

static wsb_engine_result trap_named(wsb_engine_failure *out_failure, wsb_str kind)
{
    static const char *const names[] = {
#define FAKE_TRAP_NAME(name, value, text) [value] = (text),
        WSB_TRAP_MAP(FAKE_TRAP_NAME)
#undef FAKE_TRAP_NAME
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strlen(names[i]) == kind.len && memcmp(names[i], kind.data, kind.len) == 0)
            return trap(out_failure, (wsb_trap)i, names[i]);
    }
    return fake_fail(out_failure, WSB_ENGINE_FAILED, "no such trap");
}

static wsb_engine_result spin(fake_instance *instance, wsb_engine_failure *out_failure)
{
    for (;;) {
        wsb_engine_result result = use_fuel(instance, 1, out_failure);
        if (result == WSB_ENGINE_OK)
            result = check_interrupt(instance, FAKE_SPIN, out_failure);
        if (result != WSB_ENGINE_OK)
            return result;
        if (!instance->budget)
            sched_yield();
    }
}

/* What becomes of a guest whose host function ended so; `may_wait`: it may be suspended in it. */
static wsb_engine_result host_ended(fake_instance *instance, wsb_host_result host, bool may_wait,
                                    wsb_engine_failure *out_failure)
{
    if (host == WSB_HOST_DONE)
        return WSB_ENGINE_OK;
    if (host != WSB_HOST_PENDING || !may_wait)
        return fake_fail(out_failure, WSB_ENGINE_HOST_TRAP, "a host function ended the guest");
    instance->call.point = FAKE_PENDING;
    return WSB_ENGINE_SUSPENDED;
}

/* Calls the import, or continues it where it is pending; again and again with `again`. */
static wsb_engine_result call_host(fake_instance *instance, uint64_t index, bool again,
                                   fake_point from, wsb_engine_failure *out_failure)
{
    const fake_link *link = instance->link;
    if (index >= link->import_count)
        return fake_fail(out_failure, WSB_ENGINE_FAILED, "no such import");
    const wsb_engine_import *import = &link->imports[index];
    wsb_raw_value *values = instance->call.values;
    if (from == FAKE_RETURNED && !again)
        return WSB_ENGINE_OK;
    wsb_engine_result result = WSB_ENGINE_OK;
    do {
        wsb_host_result host = from == FAKE_PENDING
                                   ? instance->resume(instance->host, instance, values)
                                   : import->call(import->data, instance->host, instance, values);
        from = FAKE_RETURNED;
        result =
            host_ended(instance, host, link->engine->fibers && !import->never_waits, out_failure);
        if (result == WSB_ENGINE_OK)
            result = check_interrupt(instance, FAKE_RETURNED, out_failure);
    } while (again && result == WSB_ENGINE_OK);
    return result;
}

static void add(const wsb_function_type *type, wsb_raw_value *values)
{
    uint64_t sum = 0;
    bool wide = type->param_count && type->params[0] == WSB_I64;
    for (size_t i = 0; i < type->param_count; i++)
        sum += wide ? values[i].u64 : values[i].u32;
    values[0] = (wsb_raw_value){.words = {0, 0}};
    if (wide)
        values[0].u64 = sum;
    else
        values[0].u32 = (uint32_t)sum;
}

static wsb_engine_result access_byte(fake_instance *instance, bool store, wsb_raw_value *values,
                                     wsb_engine_failure *out_failure)
{
    uint32_t address = values[0].u32;
    if (address >= instance->pages * FAKE_PAGE)
        return trap(out_failure, WSB_TRAP_MEMORY_OUT_OF_BOUNDS, "out of bounds memory access");
    if (store)
        instance->memory[address] = (uint8_t)values[1].u32;
    else
        values[0].u64 = instance->memory[address];
    return WSB_ENGINE_OK;
}

static void grow(fake_instance *instance, uint64_t pages, wsb_raw_value *values)
{
    uint64_t before = instance->pages;
    bool allowed = !instance->memory_limit || before + pages <= instance->memory_limit->value.u64;
    bool grown = allowed && fake_instance_grow(instance, pages);
    if (!grown)
        count_refusal(instance);
    values[0].i64 = grown ? (int64_t)before : -1;
}

static void grow_table(fake_instance *instance, uint64_t elements, wsb_raw_value *values)
{
    const fake_module *module = instance->link->module;
    uint64_t before = instance->tables[0];
    bool allowed = module->table_count && elements <= instance->table_left &&
                   elements <= module->tables[0].max - before;
    uint64_t all = elements;
    for (uint32_t i = 0; i < module->table_count; i++)
        all += instance->tables[i];
    allowed = allowed && (!instance->table_limit || all <= instance->table_limit->value.u64);
    if (allowed) {
        instance->tables[0] += elements;
        if (instance->table_left != WSB_UNLIMITED)
            instance->table_left -= elements;
    }
    values[0].i64 = allowed ? (int64_t)before : -1;
}

/* Behaviours that compute; false where it is none of these. */
static bool run_plain(fake_instance *instance, wsb_str behaviour, const wsb_function_type *type,
                      wsb_raw_value *values)
{
    uint64_t number = 0;
    wsb_str rest;
    if (word_is(behaviour, "add", &number, &rest)) {
        add(type, values);
    } else if (word_is(behaviour, "const", &number, &rest)) {
        values[0] = (wsb_raw_value){.words = {number, 0}};
    } else if (word_is(behaviour, "grow", &number, &rest)) {
        grow(instance, rest.len ? number : values[0].u32, values);
    } else if (word_is(behaviour, "growtable", &number, &rest)) {
        grow_table(instance, rest.len ? number : values[0].u32, values);
    } else if (word_is(behaviour, "nop", &number, &rest)) {
        if (type->result_count)
            memset(values, 0, type->result_count * sizeof *values);
    } else {
        return word_is(behaviour, "echo", &number, &rest);
    }
    return true;
}

static wsb_engine_result enter(fake_instance *instance, wsb_engine_failure *out_failure)
{
    wsb_engine_result result = use_fuel(instance, 1, out_failure);
    return result == WSB_ENGINE_OK ? check_interrupt(instance, FAKE_ENTRY, out_failure) : result;
}

/* The others: those that can end the guest, or suspend it. */
static wsb_engine_result run_other(fake_instance *instance, fake_point from,
                                   wsb_engine_failure *out_failure)
{
    wsb_str behaviour = instance->call.behaviour;
    wsb_raw_value *values = instance->call.values;
    uint64_t number = 0;
    wsb_str rest;
    if (word_is(behaviour, "load", &number, &rest))
        return access_byte(instance, false, values, out_failure);
    if (word_is(behaviour, "store", &number, &rest))
        return access_byte(instance, true, values, out_failure);
    if (word_is(behaviour, "spin", &number, &rest))
        return spin(instance, out_failure);
    if (word_is(behaviour, "trap", &number, &rest))
        return trap_named(out_failure, rest);
    if (word_is(behaviour, "fuel", &number, &rest))
        return use_fuel(instance, number, out_failure);
    if (word_is(behaviour, "callhost", &number, &rest))
        return call_host(instance, number, false, from, out_failure);
    if (word_is(behaviour, "sleephost", &number, &rest))
        return call_host(instance, number, true, from, out_failure);
    if (word_is(behaviour, "recurse", &number, &rest))
        return number <= instance->link->engine->max_stack
                   ? WSB_ENGINE_OK
                   : trap(out_failure, WSB_TRAP_STACK_OVERFLOW, "call stack exhausted");
    return fake_fail(out_failure, WSB_ENGINE_FAILED, "the fake engine knows no such behaviour");
}

wsb_engine_result fake_instance_run(fake_instance *instance, wsb_engine_failure *out_failure)
{
    const fake_call *call = &instance->call;
    fake_point from = call->point;
    if (from == FAKE_IDLE) {
        wsb_engine_result result = enter(instance, out_failure);
        if (result != WSB_ENGINE_OK)
            return result;
    }
    if (from <= FAKE_ENTRY && run_plain(instance, call->behaviour, call->type, call->values))
        return WSB_ENGINE_OK;
    return run_other(instance, from, out_failure);
}
