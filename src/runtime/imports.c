#include "runtime/imports.h"

#include "core/alloc.h"
#include "core/buffer.h"
#include "core/options.h"
#include "runtime/structured_function.h"

#include <string.h>

#include <wasm_sandbox/plugin/error.h>

enum { MAX_VALUES = 1000, MAX_FUNCTIONS = 100000 };

static _Atomic uint64_t last_serial;

wsb_status wsb_imports_create(wsb_imports **out_imports, wsb_error **out_error)
{
    if (out_imports == NULL) {
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "create a set of host functions: nowhere to put it");
    }
    wsb_imports *imports = wsb__calloc(1, sizeof *imports);
    if (imports == NULL) {
        return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL,
                             "no memory for a set of host functions");
    }
    atomic_init(&imports->refs, 1);
    imports->serial = atomic_fetch_add(&last_serial, 1) + 1;
    *out_imports = imports;
    return WSB_OK;
}

wsb_imports *wsb__imports_ref(wsb_imports *imports)
{
    if (imports != NULL) {
        atomic_fetch_add_explicit(&imports->refs, 1, memory_order_relaxed);
    }
    return imports;
}

static void free_entry(wsb__import_entry *entry)
{
    wsb__free(entry->module);
    wsb__free(entry->name);
    wsb__free(entry->types);
}

void wsb_imports_destroy(wsb_imports *imports)
{
    if (imports == NULL ||
        atomic_fetch_sub_explicit(&imports->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < imports->count; i++) {
        wsb__import_entry *entry = &imports->entries[i];
        if (entry->destroy != NULL) {
            entry->destroy(entry->user_data);
        }
        free_entry(entry);
    }
    wsb__structured_free(imports->structured);
    wsb__map_destroy(imports->structured_map);
    wsb__free(imports->entries);
    wsb__free(imports);
}

const wsb__import_entry *wsb__imports_find(const wsb_imports *imports, wsb_str module, wsb_str name)
{
    for (size_t i = 0; imports != NULL && i < imports->count; i++) {
        const wsb__import_entry *entry = &imports->entries[i];
        if (wsb__str_equal(wsb_cstr(entry->name), name) &&
            wsb__str_equal(wsb_cstr(entry->module), module)) {
            return entry;
        }
    }
    return NULL;
}

static bool types_are_known(const wsb_value_type *types, size_t count, bool raw)
{
    for (size_t i = 0; i < count; i++) {
        bool reference = types[i] == WSB_FUNCREF || types[i] == WSB_EXTERNREF;
        if (types[i] < WSB_I32 || types[i] > WSB_EXTERNREF || (raw && reference)) {
            return false;
        }
    }
    return true;
}

/* Whether all that has a length has an address. */
static bool is_whole(const wsb_host_function *function)
{
    return (function->name.data != NULL || function->name.len == 0) &&
           (function->module.data != NULL || function->module.len == 0) &&
           (function->params != NULL || function->param_count == 0) &&
           (function->results != NULL || function->result_count == 0);
}

static wsb_status check(const wsb_imports *imports, const wsb_host_function *function,
                        wsb_error **out_error)
{
    const char *problem = NULL;
    if (!is_whole(function)) {
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "define host function: a name or list of types is NULL and has a "
                             "length");
    }
    if (function->name.len == 0 || memchr(function->name.data, 0, function->name.len) != NULL ||
        (function->module.len > 0 &&
         memchr(function->module.data, 0, function->module.len) != NULL)) {
        problem = "its name is empty or has a NUL byte";
    } else if ((function->call == NULL) == (function->call_raw == NULL)) {
        problem = "exactly one of `call` and `call_raw` must be set";
    } else if (function->param_count > MAX_VALUES || function->result_count > MAX_VALUES) {
        problem = "it has more than 1000 parameters or results";
    } else if (!types_are_known(function->params, function->param_count,
                                function->call_raw != NULL) ||
               !types_are_known(function->results, function->result_count,
                                function->call_raw != NULL)) {
        problem = "a type in its signature is unknown, or a reference in a raw function";
    } else if (imports->count >= MAX_FUNCTIONS) {
        problem = "the set is full";
    }
    if (problem != NULL) {
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "define host function '%.*s': %s", (int)function->name.len,
                             function->name.data, problem);
    }
    if (wsb__imports_find(imports, function->module, function->name) != NULL) {
        return wsb_error_set(out_error, WSB_ERROR_ALREADY_EXISTS, NULL,
                             "define host function '%.*s': the set has '%.*s.%.*s' already",
                             (int)function->name.len, function->name.data,
                             (int)function->module.len, function->module.data,
                             (int)function->name.len, function->name.data);
    }
    return WSB_OK;
}

static bool copy_entry(wsb__import_entry *entry, const wsb_host_function *function)
{
    size_t count = function->param_count + function->result_count;
    entry->module = wsb__str_dup(function->module);
    entry->name = wsb__str_dup(function->name);
    entry->types = wsb__calloc(count, sizeof *entry->types);
    if (entry->module == NULL || entry->name == NULL || entry->types == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        entry->types[i] = i < function->param_count ? function->params[i]
                                                    : function->results[i - function->param_count];
    }
    entry->type = (wsb_function_type){.params = entry->types,
                                      .param_count = function->param_count,
                                      .results = entry->types + function->param_count,
                                      .result_count = function->result_count};
    entry->call = function->call;
    entry->call_raw = function->call_raw;
    entry->never_waits = function->never_waits;
    entry->user_data = function->user_data;
    entry->destroy = function->destroy;
    return true;
}

static bool make_room(wsb_imports *imports)
{
    if (imports->count < imports->capacity) {
        return true;
    }
    size_t capacity = imports->capacity == 0 ? 8 : imports->capacity * 2;
    wsb__import_entry *entries =
        wsb__realloc(imports->entries, capacity * sizeof *imports->entries);
    if (entries == NULL) {
        return false;
    }
    imports->entries = entries;
    imports->capacity = capacity;
    return true;
}

wsb_status wsb_imports_define(wsb_imports *imports, const wsb_host_function *function,
                              wsb_error **out_error)
{
    wsb_host_function given = WSB_HOST_FUNCTION_INIT;
    if (imports == NULL || function == NULL) {
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "define host function: no set or no function given");
    }
    wsb_status status =
        wsb__options_copy(function, &given, sizeof given, "wsb_host_function", out_error);
    if (status == WSB_OK && atomic_load(&imports->in_use)) {
        return wsb_error_set(out_error, WSB_ERROR_BUSY, NULL,
                             "define host function '%.*s': the set is in use already",
                             (int)given.name.len, given.name.data);
    }
    if (status == WSB_OK) {
        status = check(imports, &given, out_error);
    }
    if (status != WSB_OK) {
        return status;
    }
    wsb__import_entry entry = {0};
    if (!make_room(imports) || !copy_entry(&entry, &given)) {
        free_entry(&entry);
        return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL,
                             "no memory for a host function");
    }
    imports->entries[imports->count++] = entry;
    return WSB_OK;
}
