/* Links and instances. */
#include "pebble.h"

#include <stdio.h>
#include <stdlib.h>

static bool same_types(const wsb_value_type *a, const wsb_value_type *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

static bool same_name(wsb_str a, wsb_str b)
{
    return a.len == b.len && (a.len == 0 || !memcmp(a.data, b.data, a.len));
}

static bool import_fits(const pb_module *module, uint32_t index, const wsb_engine_import *given)
{
    const pb_type *type = module->functions[index].type;
    return same_name(module->imports[index].module, given->module) &&
           same_name(module->imports[index].name, given->name) &&
           type->params == given->type.param_count && type->results == given->type.result_count &&
           same_types(type->values, given->type.params, type->params) &&
           same_types(type->values + type->params, given->type.results, type->results);
}

wsb_engine_result pb_link_create(void *engine, void *module, const wsb_engine_import *imports,
                                 size_t import_count, void **out_link,
                                 wsb_engine_failure *out_failure)
{
    const pb_module *self = module;
    (void)engine;
    if (self->imports_more)
        return pb_refuse(out_failure, WSB_ENGINE_FAILED, "only functions can be imported");
    for (uint32_t i = 0; i < self->import_count; i++) {
        if (i < import_count && import_fits(self, i, &imports[i]))
            continue;
        snprintf(out_failure->message, sizeof out_failure->message,
                 "import %u is missing or has another type", (unsigned)i);
        return WSB_ENGINE_FAILED;
    }
    pb_link *link = malloc(sizeof *link);
    if (!link)
        return pb_refuse(out_failure, WSB_ENGINE_FAILED, "out of memory");
    *link = (pb_link){self, imports};
    *out_link = link;
    return WSB_ENGINE_OK;
}

void pb_link_destroy(void *link)
{
    free(link);
}

static bool allocate(pb_instance *in)
{
    const pb_module *module = in->module;
    size_t stack = module->engine->stack;
    in->stack = malloc(stack * sizeof *in->stack);
    in->globals = calloc((size_t)module->global_count + 1, sizeof *in->globals);
    in->tables = calloc((size_t)module->table_count + 1, sizeof *in->tables);
    in->elements_gone = calloc((size_t)module->element_count + 1, sizeof *in->elements_gone);
    in->data_gone = calloc((size_t)module->data_read + 1, sizeof *in->data_gone);
    if (!in->stack || !in->globals || !in->tables || !in->elements_gone || !in->data_gone)
        return false;
    in->stack_end = in->stack + stack;
    in->top = in->stack;
    for (uint32_t i = 0; i < module->table_count; i++) {
        in->tables[i].max = module->tables[i].max;
        if (!pb_table_grow(&in->tables[i], module->tables[i].min, (pb_value){.u64 = 0}))
            return false;
    }
    return !module->memory_count || pb_memory_grow(in, module->memory_min);
}

static wsb_engine_result evaluate(pb_instance *in, const pb_function *constant, pb_value *out)
{
    wsb_engine_result result = pb_run(in, constant, in->top);
    *out = *in->top;
    return result;
}

static wsb_engine_result fill_table(pb_instance *in, uint32_t segment)
{
    const pb_elements *elements = &in->module->elements[segment];
    pb_value to = {.u64 = 0};
    if (elements->mode == PB_PASSIVE)
        return WSB_ENGINE_OK;
    if (elements->mode == PB_ACTIVE) {
        wsb_engine_result result = evaluate(in, &elements->offset, &to);
        if (result != WSB_ENGINE_OK)
            return result;
        if (!pb_table_init(in, elements->table, segment, to.u32, 0, elements->count)) {
            in->failure->trap = WSB_TRAP_TABLE_OUT_OF_BOUNDS;
            return pb_refuse(in->failure, WSB_ENGINE_TRAPPED, "elements do not fit the table");
        }
    }
    in->elements_gone[segment] = true;
    return WSB_ENGINE_OK;
}

static wsb_engine_result fill_memory(pb_instance *in, uint32_t segment)
{
    const pb_data *data = &in->module->data[segment];
    pb_value to = {.u64 = 0};
    if (data->mode == PB_PASSIVE)
        return WSB_ENGINE_OK;
    wsb_engine_result result = evaluate(in, &data->offset, &to);
    if (result != WSB_ENGINE_OK)
        return result;
    if (data->bytes.len > UINT32_MAX ||
        !pb_memory_init(in, segment, to.u32, 0, (uint32_t)data->bytes.len)) {
        in->failure->trap = WSB_TRAP_MEMORY_OUT_OF_BOUNDS;
        return pb_refuse(in->failure, WSB_ENGINE_TRAPPED, "data does not fit the memory");
    }
    in->data_gone[segment] = true;
    return WSB_ENGINE_OK;
}

/* In the specification's order; what an instance began with is seen by what comes later. */
static wsb_engine_result fill(pb_instance *in)
{
    const pb_module *module = in->module;
    wsb_engine_result result = WSB_ENGINE_OK;
    for (uint32_t i = 0; i < module->global_count && result == WSB_ENGINE_OK; i++)
        result = evaluate(in, &module->globals[i], &in->globals[i]);
    for (uint32_t i = 0; i < module->element_count && result == WSB_ENGINE_OK; i++)
        result = fill_table(in, i);
    for (uint32_t i = 0; i < module->data_read && result == WSB_ENGINE_OK; i++)
        result = fill_memory(in, i);
    return result;
}

/* `max_memory` and `max_table_elements` are not looked at: that is what leaving MEMORY_LIMIT and
 * TABLE_LIMIT out of the features means. */
wsb_engine_result pb_instance_create(void *link, const wsb_engine_instance_options *options,
                                     void **out_instance, wsb_engine_failure *out_failure)
{
    if (options->size < sizeof *options)
        return pb_refuse(out_failure, WSB_ENGINE_FAILED, "the instance's options are too short");
    pb_instance *in = calloc(1, sizeof *in);
    if (!in)
        return pb_refuse(out_failure, WSB_ENGINE_FAILED, "out of memory");
    in->link = link;
    in->module = in->link->module;
    in->host = options->host;
    in->failure = out_failure;
    wsb_engine_result result =
        allocate(in) ? fill(in)
                     : pb_refuse(out_failure, WSB_ENGINE_FAILED, "no memory for the instance");
    if (result != WSB_ENGINE_OK) {
        pb_instance_destroy(in);
        return result;
    }
    *out_instance = in;
    return WSB_ENGINE_OK;
}

void pb_instance_destroy(void *instance)
{
    pb_instance *in = instance;
    for (uint32_t i = 0; in->tables && i < in->module->table_count; i++)
        free(in->tables[i].values);
    pb_memory_free(in);
    free(in->stack);
    free(in->globals);
    free(in->tables);
    free(in->elements_gone);
    free(in->data_gone);
    free(in);
}

/* How a call leaves no trace of how it ended: where the next begins, and whose failure is filled,
 * are as before. */
wsb_engine_result pb_call(void *instance, const wsb_engine_handle *function,
                          const wsb_function_type *type, wsb_raw_value *values,
                          wsb_engine_failure *out_failure)
{
    static const char passed[] = "a reference to a function cannot be passed";
    pb_instance *in = instance;
    wsb_engine_failure *failure = in->failure;
    size_t room = type->param_count > type->result_count ? type->param_count : type->result_count;
    if (room > (size_t)(in->stack_end - in->top)) {
        out_failure->trap = WSB_TRAP_STACK_OVERFLOW;
        return pb_refuse(out_failure, WSB_ENGINE_TRAPPED, "stack overflow");
    }
    for (size_t i = 0; i < type->param_count; i++) {
        if (type->params[i] == WSB_FUNCREF && values[i].words[0])
            return pb_refuse(out_failure, WSB_ENGINE_FAILED, passed);
        in->top[i].u64 = values[i].words[0];
    }
    in->failure = out_failure;
    wsb_engine_result result = pb_run_index(in, (uint32_t)function->words[0], in->top);
    in->failure = failure;
    for (size_t i = 0; i < type->result_count && result == WSB_ENGINE_OK; i++) {
        bool half = type->results[i] == WSB_I32 || type->results[i] == WSB_F32;
        if (type->results[i] == WSB_FUNCREF && in->top[i].u64)
            result = pb_refuse(out_failure, WSB_ENGINE_FAILED, passed);
        values[i] = (wsb_raw_value){.words = {half ? in->top[i].u32 : in->top[i].u64, 0}};
    }
    return result;
}
