/* Imports, instances, and host functions as the engine calls them. */
#include <stdlib.h>

#include "backend.h"

static bool has_references(const wsb_value_type *types, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (types[i] >= WSB_FUNCREF)
            return true;
    }
    return false;
}

/* Whether they are the module's: engines check it late, and not all of them gracefully. */
static wsb_engine_result check_imports(const ca_module *module, const wsb_engine_import *imports,
                                       size_t count, wsb_engine_failure *out_failure)
{
    const wsb_function_type **types = calloc(count + 1, sizeof(*types));
    if (!types)
        return ca_fail_text(out_failure, WSB_ENGINE_FAILED, "out of memory");
    for (size_t i = 0; i < count; i++)
        types[i] = &imports[i].type;
    bool match = wsbx_imports_match(module->module, types, count);
    free(types);
    return match ? WSB_ENGINE_OK
                 : ca_fail_text(out_failure, WSB_ENGINE_FAILED,
                                "the imports are not those of the module");
}

wsb_engine_result ca_link_create(void *engine, void *module, const wsb_engine_import *imports,
                                 size_t import_count, void **out_link,
                                 wsb_engine_failure *out_failure)
{
    (void)engine;
    for (size_t i = 0; i < import_count; i++) {
        const wsb_function_type *type = &imports[i].type;
        if (has_references(type->params, type->param_count) ||
            has_references(type->results, type->result_count))
            return ca_fail_text(out_failure, WSB_ENGINE_UNSUPPORTED_BY_ENGINE,
                                "a host function with references as parameters or results");
    }
    wsb_engine_result result = check_imports(module, imports, import_count, out_failure);
    if (result != WSB_ENGINE_OK)
        return result;
    ca_link *link = calloc(1, sizeof *link);
    if (!link)
        return ca_fail_text(out_failure, WSB_ENGINE_FAILED, "out of memory");
    link->module = module;
    link->imports = imports;
    link->import_count = import_count;
    *out_link = link;
    return WSB_ENGINE_OK;
}

void ca_link_destroy(void *link)
{
    free(link);
}

static bool call_host(void *env, void *caller, wsb_raw_value *values)
{
    const ca_host *self = env;
    ca_instance *instance = self->instance;
    if (self->import->call(self->import->data, instance->host, caller, values) == WSB_HOST_DONE)
        return true;
    instance->outcome = WSB_ENGINE_HOST_TRAP;
    return false;
}

static wsb_engine_result instantiate(const ca_link *link, ca_instance *instance,
                                     wsb_engine_failure *out_failure)
{
    wsbx_import *imports = calloc(link->import_count + 1, sizeof *imports);
    if (!imports)
        return ca_fail_text(out_failure, WSB_ENGINE_FAILED, "out of memory");
    for (size_t i = 0; i < link->import_count; i++) {
        instance->hosts[i] = (ca_host){instance, &link->imports[i]};
        imports[i] = (wsbx_import){&link->imports[i].type, call_host, &instance->hosts[i]};
    }
    ca_sink place;
    ca_sink_init(&place, out_failure);
    uint32_t result = WSBX_FAILED;
    const ca_module *module = link->module;
    instance->inner = wsbx_instance_new(module->engine, module->module, module->max_stack, imports,
                                        link->import_count, &place.sink, &result);
    free(imports);
    return instance->inner ? WSB_ENGINE_OK : ca_fail(result, out_failure);
}

wsb_engine_result ca_instance_create(void *link, const wsb_engine_instance_options *options,
                                     void **out_instance, wsb_engine_failure *out_failure)
{
    const ca_link *from = link;
    if (options->size < sizeof *options)
        return ca_fail_text(out_failure, WSB_ENGINE_FAILED, "instance options are too short");
    ca_instance *instance =
        calloc(1, sizeof *instance + from->import_count * sizeof *instance->hosts);
    if (!instance)
        return ca_fail_text(out_failure, WSB_ENGINE_FAILED, "out of memory");
    instance->host = options->host;
    wsb_engine_result result = instantiate(from, instance, out_failure);
    if (result != WSB_ENGINE_OK) {
        free(instance);
        return result;
    }
    *out_instance = instance;
    return WSB_ENGINE_OK;
}

void ca_instance_destroy(void *instance)
{
    ca_instance *self = instance;
    wsbx_instance_delete(self->inner);
    free(self);
}
