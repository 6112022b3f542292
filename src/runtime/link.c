/* Resolving a module's imports, once for many instances. */
#include "core/alloc.h"
#include "core/auto.h"
#include "core/buffer.h"
#include "runtime/features.h"
#include "runtime/host_call.h"
#include "runtime/imports.h"
#include "runtime/module.h"
#include "runtime/tick.h"

#include <string.h>

#include <wasm_sandbox/plugin/error.h>

/* Links that a module keeps for reuse; beyond it those without instances go. A host that makes a
 * new set of functions for each instance would otherwise leave one behind each time. */
enum { KEPT_LINKS = 8, MAX_LIST = 65536 };

static wsb_value_type type_of_letter(char letter)
{
    switch (letter) {
    case 'i':
        return WSB_I32;
    case 'I':
        return WSB_I64;
    case 'f':
        return WSB_F32;
    case 'F':
        return WSB_F64;
    default:
        return WSB_OTHER;
    }
}

/* Whether a host module's signature, "iiI:i", is the one that the module imports. */
static bool signature_fits(const char *signature, const wsb_function_type *type)
{
    size_t i = 0;
    for (; *signature != ':' && *signature != '\0'; signature++, i++) {
        if (i >= type->param_count || type->params[i] != type_of_letter(*signature)) {
            return false;
        }
    }
    if (i != type->param_count || *signature != ':') {
        return false;
    }
    i = 0;
    for (signature++; *signature != '\0'; signature++, i++) {
        if (i >= type->result_count || type->results[i] != type_of_letter(*signature)) {
            return false;
        }
    }
    return i == type->result_count;
}

static bool same_types(const wsb_function_type *a, const wsb_function_type *b)
{
    size_t params = a->param_count * sizeof *a->params;
    size_t results = a->result_count * sizeof *a->results;
    return a->param_count == b->param_count && a->result_count == b->result_count &&
           (params == 0 || memcmp(a->params, b->params, params) == 0) &&
           (results == 0 || memcmp(a->results, b->results, results) == 0);
}

static const wsb_host_module_ops *find_host_module(const wsb_runtime *runtime, wsb_str name,
                                                   uint32_t *out_slot)
{
    for (size_t i = 0; i < runtime->host_module_count; i++) {
        const wsb_host_module_ops *ops = runtime->host_modules[i];
        for (const char *const *served = ops->module_names; *served != NULL; served++) {
            if (wsb__str_equal(wsb_cstr(*served), name)) {
                *out_slot = (uint32_t)i;
                return ops;
            }
        }
    }
    return NULL;
}

/* Binds one import. NULL when done, else what is wrong with it. */
static const char *bind_import(const wsb_module *module, const wsb_imports *imports,
                               const wsb_extern_info *import, wsb__link *link, size_t index)
{
    wsb__host_binding *binding = &link->bindings[index];
    wsb_engine_import *entry = &link->table[index];
    uint32_t slot = 0;
    if (import->kind != WSB_EXTERN_FUNCTION) {
        return "only functions can be imported";
    }
    *entry = (wsb_engine_import){
        .module = import->module, .name = import->name, .type = import->function, .data = binding};
    binding->type = import->function;
    const wsb__import_entry *own = wsb__imports_find(imports, import->module, import->name);
    if (own != NULL) {
        binding->name = own->name;
        binding->user_data = own->user_data;
        binding->raw = own->call_raw;
        binding->typed = own->call;
        entry->never_waits = own->never_waits;
        binding->never_waits = own->never_waits;
        entry->call = own->call_raw != NULL ? wsb__host_call_raw : wsb__host_call_typed;
        return same_types(&own->type, &import->function) ? NULL : "its signature is another";
    }
    const wsb_host_module_ops *ops = find_host_module(module->runtime, import->module, &slot);
    for (size_t i = 0; ops != NULL && ops->functions[i].name != NULL; i++) {
        const wsb_host_module_function *function = &ops->functions[i];
        if (wsb__str_equal(wsb_cstr(function->name), import->name)) {
            binding->name = function->name;
            binding->raw = function->call;
            binding->slot = slot;
            binding->never_waits = function->never_waits;
            entry->never_waits = function->never_waits;
            entry->call = wsb__host_call_module;
            link->host_modules |= (uint32_t)1 << slot;
            return signature_fits(function->signature, &import->function)
                       ? NULL
                       : "its signature is another";
        }
    }
    return "nothing provides it";
}

/* Guests of engines that are not interrupted are looked at after each host function. */
static void look_after_calls(wsb__link *link)
{
    for (size_t i = 0; i < link->own_count; i++) {
        link->bindings[i].call = link->table[i].call;
        link->table[i].call = wsb__tick_host_call;
    }
}

/* Imports whose values the engine cannot pass to the host. */
static wsb_status check_types(const wsb_module *module, wsb_error **out_error)
{
    const wsb_runtime_ops *ops = module->runtime->ops;
    const wsb_module_info *info = &module->info->info;
    for (size_t i = 0; i < info->import_count; i++) {
        const wsb_extern_info *import = &info->imports[i];
        const char *type = import->kind == WSB_EXTERN_FUNCTION
                               ? wsb__features_unpassable(ops, &import->function)
                               : NULL;
        if (type != NULL) {
            wsb_error_details details = {.operation = "instantiate",
                                         .subject = type,
                                         .suggestion = "use another engine, or pass it through "
                                                       "the guest's memory"};
            return wsb_error_set(out_error, WSB_ERROR_UNSUPPORTED, &details,
                                 "instantiate '%s': its import '%.*s.%.*s' has %s in its "
                                 "signature, which engine '%s' cannot pass to the host",
                                 module->name, (int)import->module.len, import->module.data,
                                 (int)import->name.len, import->name.data, type, ops->id);
        }
    }
    return WSB_OK;
}

static wsb_status bind_all(wsb_module *module, const wsb_imports *imports, wsb__link *link,
                           wsb_error **out_error)
{
    const wsb_module_info *info = &module->info->info;
    WSB_AUTO_BUF list = WSB_BUF_INIT;
    size_t unknown = 0;
    wsb_status status = check_types(module, out_error);
    if (status != WSB_OK) {
        return status;
    }
    for (size_t i = 0; i < info->import_count; i++) {
        const wsb_extern_info *import = &info->imports[i];
        const char *problem = bind_import(module, imports, import, link, i);
        if (problem == NULL) {
            continue;
        }
        wsb_status listed = wsb__buf_printf(
            &list, MAX_LIST, "%s'%.*s.%.*s' (%s)", unknown > 0 ? ", " : "", (int)import->module.len,
            import->module.data, (int)import->name.len, import->name.data, problem);
        (void)listed; /* a list too long to be read ends early; the count is right */
        unknown++;
    }
    if (unknown == 0) {
        return WSB_OK;
    }
    wsb_error_details details = {
        .operation = "instantiate",
        .used = unknown,
        .suggestion = "define them in a wsb_imports set, or build the module for wasm32-wasi "
                      "(preview 1)"};
    return wsb_error_set(out_error, WSB_ERROR_UNKNOWN_IMPORT, &details,
                         "instantiate '%s': %zu of its %zu imports cannot be provided: %s",
                         module->name, unknown, info->import_count,
                         list.data != NULL ? (const char *)list.data : "");
}

static void link_destroy(wsb_module *module, wsb__link *link)
{
    if (link->link != NULL) {
        module->runtime->ops->unlink(link->link);
    }
    wsb__free(link->table);
    wsb__free(link->bindings);
    wsb__free(link);
}

static wsb_status link_create(wsb_module *module, wsb__compiled *compiled, wsb_imports *imports,
                              wsb__link **out_link, wsb_error **out_error)
{
    size_t own = module->info->info.import_count;
    size_t count = own + ((compiled->flags & WSB__MODULE_HAS_BUDGET) != 0);
    wsb_engine_failure failure = {.message = ""};
    wsb__link *link = wsb__calloc(1, sizeof *link);
    if (link == NULL) {
        return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL, "no memory for a link");
    }
    link->compiled = compiled;
    link->count = count;
    link->own_count = own;
    link->imports_serial = imports != NULL ? imports->serial : 0;
    link->table = wsb__calloc(count, sizeof *link->table);
    link->bindings = wsb__calloc(count, sizeof *link->bindings);
    if (link->table == NULL || link->bindings == NULL) {
        link_destroy(module, link);
        return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL, "no memory for a link");
    }
    wsb_status status = bind_all(module, imports, link, out_error);
    if (status == WSB_OK && (module->runtime->ops->features & WSB_ENGINE_DEADLINE) == 0) {
        look_after_calls(link);
    }
    if (status == WSB_OK && count > own) {
        link->table[own] = (wsb_engine_import){.module = wsb_cstr("wsb"),
                                               .name = wsb_cstr("tick"),
                                               .type = wsb__tick_type,
                                               .call = wsb__tick,
                                               .never_waits = true};
    }
    if (status == WSB_OK &&
        module->runtime->ops->link(compiled->variant->engine, compiled->code, link->table, count,
                                   &link->link, &failure) != WSB_ENGINE_OK) {
        link->link = NULL;
        status = wsb__engine_failed(out_error, WSB_ERROR_UNSUPPORTED, "link", &failure);
    }
    if (status != WSB_OK) {
        link_destroy(module, link);
        return status;
    }
    *out_link = link;
    return WSB_OK;
}

/* Drops links that nobody uses, oldest last in the list, beyond what is kept. With the lock. A
 * link without users holds no set of host functions: no callback of the host runs in here. */
static void drop_unused(wsb_module *module)
{
    size_t kept = 0;
    for (wsb__link **at = &module->links; *at != NULL;) {
        wsb__link *link = *at;
        if (link->users == 0 && ++kept > KEPT_LINKS) {
            *at = link->next;
            link_destroy(module, link);
        } else {
            at = &link->next;
        }
    }
}

/* With the lock. Sets are told apart by serial: of a link without users the set may be gone, and
 * another may have its address. */
static void add_user(wsb__link *link, wsb_imports *imports)
{
    if (link->users++ == 0) {
        link->imports = wsb__imports_ref(imports);
    }
}

wsb__link *wsb__link_take(wsb_module *module, const wsb__variant_choice *choice,
                          wsb_imports *imports)
{
    uint64_t serial = imports != NULL ? imports->serial : 0;
    wsb__variant_choice possible = *choice;
    possible.pool = choice->pool && module->runtime->pool_instances != 0 && !module->unpoolable;
    pthread_mutex_lock(&module->lock);
    wsb__link *link = module->links;
    for (; link != NULL; link = link->next) {
        if (link->imports_serial == serial &&
            wsb__variant_fits(link->compiled->variant, &possible)) {
            add_user(link, imports);
            break;
        }
    }
    pthread_mutex_unlock(&module->lock);
    return link;
}

wsb_status wsb__link_acquire(wsb_module *module, wsb__variant *variant, wsb_imports *imports,
                             wsb__link **out_link, wsb_error **out_error)
{
    wsb__compiled *compiled;
    wsb_status status = wsb__module_compiled(module, variant, &compiled, out_error);
    if (status != WSB_OK) {
        return status;
    }
    uint64_t serial = 0;
    if (imports != NULL) {
        atomic_store(&imports->in_use, true);
        serial = imports->serial;
    }
    pthread_mutex_lock(&module->lock);
    wsb__link *link = module->links;
    while (link != NULL && !(link->compiled == compiled && link->imports_serial == serial)) {
        link = link->next;
    }
    if (link == NULL) {
        status = link_create(module, compiled, imports, &link, out_error);
        if (link != NULL) {
            link->next = module->links;
            module->links = link;
        }
    }
    if (link != NULL) {
        add_user(link, imports);
        drop_unused(module);
        *out_link = link;
    }
    pthread_mutex_unlock(&module->lock);
    return status;
}

void wsb__link_release(wsb_module *module, wsb__link *link)
{
    wsb_imports *unused = NULL;
    pthread_mutex_lock(&module->lock);
    if (--link->users == 0) {
        unused = link->imports;
        link->imports = NULL;
    }
    pthread_mutex_unlock(&module->lock);
    wsb_imports_destroy(unused); /* may call back into the host: not with the lock */
}

void wsb__links_destroy(wsb_module *module)
{
    while (module->links != NULL) {
        wsb__link *link = module->links;
        module->links = link->next;
        link_destroy(module, link);
    }
}
