#include "runtime/structured_function.h"

#include "core/alloc.h"
#include "core/buffer.h"
#include "core/options.h"
#include "core/utf8.h"
#include "runtime/imports.h"
#include "runtime/instance.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <wasm_sandbox/plugin/error.h>

enum { MAX_FUNCTIONS = 100000, SHOWN_NAME = 100 };

static int shown(wsb_str name)
{
    return name.len > SHOWN_NAME ? SHOWN_NAME : (int)name.len;
}

static wsb_status refuse(wsb_error **out_error, wsb_status status, wsb_str name,
                         const char *problem)
{
    wsb_error_details details = {.operation = "define host function"};
    return wsb_error_set(out_error, status, &details, "define host function '%.*s': %s",
                         shown(name), name.data != NULL ? name.data : "", problem);
}

static const char *problem_of(const wsb_structured_function *function)
{
    if (function->name.len == 0 || function->name.data == NULL) {
        return "it has no name";
    }
    if (function->name.len > WSB__STRUCTURED_NAME_MAX) {
        return "its name has more than 256 bytes";
    }
    if (!wsb__utf8_valid(function->name.data, function->name.len)) {
        return "its name is not UTF-8";
    }
    if (function->call == NULL) {
        return "`call` is not set";
    }
    if (function->encoding != WSB_ENCODING_JSON && function->encoding != WSB_ENCODING_MSGPACK &&
        function->encoding != WSB_ENCODING_BYTES) {
        return "its encoding is unknown";
    }
    return NULL;
}

static wsb__structured *copy_of(const wsb_structured_function *function)
{
    wsb__structured *entry = wsb__calloc(1, sizeof *entry + function->name.len);
    if (entry != NULL) {
        memcpy(entry + 1, function->name.data, function->name.len);
        entry->name = (wsb_str){(const char *)(entry + 1), function->name.len};
        entry->encoding = function->encoding;
        entry->call = function->call;
        entry->user_data = function->user_data;
        entry->destroy = function->destroy;
    }
    return entry;
}

static wsb_status add(wsb_imports *imports, const wsb_structured_function *function,
                      wsb_error **out_error)
{
    if (imports->structured_map == NULL) {
        imports->structured_map = wsb__map_create();
    }
    wsb__structured *entry = imports->structured_map != NULL ? copy_of(function) : NULL;
    if (entry == NULL || wsb__map_put(imports->structured_map, entry->name, entry) != WSB_OK) {
        wsb__free(entry);
        return refuse(out_error, WSB_ERROR_OUT_OF_MEMORY, function->name,
                      wsb_status_text(WSB_ERROR_OUT_OF_MEMORY));
    }
    entry->next = imports->structured;
    imports->structured = entry;
    return WSB_OK;
}

wsb_status wsb_imports_define_structured(wsb_imports *imports,
                                         const wsb_structured_function *function,
                                         wsb_error **out_error)
{
    wsb_structured_function given = WSB_STRUCTURED_FUNCTION_INIT;
    if (imports == NULL || function == NULL) {
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "define host function: no set or no function given");
    }
    wsb_status status =
        wsb__options_copy(function, &given, sizeof given, "wsb_structured_function", out_error);
    if (status != WSB_OK) {
        return status;
    }
    if (atomic_load(&imports->in_use)) {
        return refuse(out_error, WSB_ERROR_BUSY, given.name, "the set is in use already");
    }
    const char *problem = problem_of(&given);
    if (problem != NULL) {
        return refuse(out_error, WSB_ERROR_INVALID_ARGUMENT, given.name, problem);
    }
    if (imports->structured_map != NULL && wsb__map_get(imports->structured_map, given.name)) {
        return refuse(out_error, WSB_ERROR_ALREADY_EXISTS, given.name, "the set has it already");
    }
    if (imports->structured_map != NULL &&
        wsb__map_count(imports->structured_map) >= MAX_FUNCTIONS) {
        return refuse(out_error, WSB_ERROR_INVALID_ARGUMENT, given.name, "the set is full");
    }
    return add(imports, &given, out_error);
}

void wsb__structured_free(wsb__structured *first)
{
    while (first != NULL) {
        wsb__structured *entry = first;
        first = entry->next;
        if (entry->destroy != NULL) {
            entry->destroy(entry->user_data);
        }
        wsb__free(entry);
    }
}

bool wsb__structured_offered(const wsb_instance *instance)
{
    const wsb_imports *imports = instance->link->imports;
    return imports != NULL && imports->structured != NULL;
}

const wsb__structured *wsb__structured_find(const wsb_instance *instance, wsb_str name)
{
    return wsb__structured_offered(instance)
               ? wsb__map_get(instance->link->imports->structured_map, name)
               : NULL;
}

/* Well-formed UTF-8, also where the text was cut: what is not becomes '?'. */
static size_t clean(char *text, size_t len, bool cut)
{
    size_t at = 0;
    while (at < len) {
        size_t step = wsb__utf8_sequence((const uint8_t *)text + at, len - at);
        if (step == 0 && cut && len - at < 4 && (text[at] & 0xc0) == 0xc0) {
            break; /* the beginning of the character that did not fit */
        }
        if (step == 0) {
            text[at] = '?';
            step = 1;
        }
        at += step;
    }
    text[at] = '\0';
    return at;
}

wsb_status wsb_call_context_report(wsb_call_context *context, int32_t code, const char *format, ...)
{
    wsb__report *report = ((wsb_instance *)context)->report;
    if (report == NULL) {
        return WSB_ERROR_REMOTE;
    }
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(report->message, sizeof report->message, format, arguments);
    va_end(arguments);
    size_t len = wanted < 0 ? 0 : (size_t)wanted;
    bool cut = len > WSB__REPORT_MAX;
    report->len = clean(report->message, cut ? WSB__REPORT_MAX : len, cut);
    report->code = code;
    report->given = true;
    return WSB_ERROR_REMOTE;
}

/* The guest ends with what the function returned; the message is its own where it gave one. */
static void fail_with(wsb_call_context *context, const wsb__structured *function, wsb_status status)
{
    wsb__ending *ending = &((wsb_instance *)context)->ending;
    if (ending->status == WSB_OK) {
        wsb_call_context_fail(context, status, "'%.*s': %s", shown(function->name),
                              function->name.data, wsb_status_text(status));
    } else if (ending->status != WSB_ERROR_EXIT && status != WSB_ERROR_EXIT) {
        ending->status = status;
    }
}

wsb__structured_end wsb__structured_run(wsb_call_context *context, const wsb__structured *function,
                                        wsb_bytes input, wsb_buf *io_output,
                                        wsb__report *out_report)
{
    wsb_instance *instance = (wsb_instance *)context;
    out_report->given = false;
    instance->report = out_report;
    wsb_status status = function->call(context, input, io_output, function->user_data);
    instance->report = NULL;
    if (status == WSB_OK) {
        return WSB__STRUCTURED_DONE;
    }
    if (status == WSB_ERROR_REMOTE && out_report->given) {
        return WSB__STRUCTURED_REPORTED;
    }
    fail_with(context, function, status);
    return WSB__STRUCTURED_FAILED;
}
