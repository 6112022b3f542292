/* JSON: bounded parsing, arguments and results of scalar functions. */
#include "communication/codec/codec.h"
#include "core/buffer.h"

#include <math.h>

/* What the text holds in containers and values, counted without building anything. */
typedef struct text_scan {
    size_t depth;
    size_t values;
    size_t line;
    size_t line_start;
} text_scan;

/* The index after a string that starts at `i`, or the end. */
static size_t skip_string(wsb_str text, size_t i)
{
    for (i++; i < text.len && text.data[i] != '"'; i++) {
        if (text.data[i] == '\\')
            i++;
    }
    return i < text.len ? i : text.len - 1;
}

/* Depth and number of values, before a parser believes them. */
static wsb_status check_shape(const wsb__site *site, wsb_str text, wsb_error **out_error)
{
    text_scan scan = {0, 1, 1, 0};
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '"')
            i = skip_string(text, i);
        else if (c == ']' || c == '}')
            scan.depth -= scan.depth > 0;
        else if (c == '[' || c == '{')
            scan.depth++;
        else if (c == '\n') {
            scan.line++;
            scan.line_start = i + 1;
        }
        scan.values += c == '[' || c == '{' || c == ',';
        if (scan.depth > WSB__STRUCTURED_MAX_DEPTH || scan.values > WSB__STRUCTURED_MAX_VALUES)
            return wsb__site_error(
                site, site->malformed, NULL, out_error,
                "%s: JSON nested deeper than %d or of more than %zu values at line %zu, column %zu",
                site->subject, WSB__STRUCTURED_MAX_DEPTH, WSB__STRUCTURED_MAX_VALUES, scan.line,
                i + 1 - scan.line_start);
    }
    return WSB_OK;
}

static wsb_status check_bounds(const wsb__site *site, wsb_str text, wsb_error **out_error)
{
    if (text.len > WSB__STRUCTURED_MAX_BYTES)
        return wsb__site_error(site, site->malformed, "use wsb_instance_call_bytes()", out_error,
                               "%s are %zu bytes of JSON, more than the %zu allowed", site->subject,
                               text.len, WSB__STRUCTURED_MAX_BYTES);
    /* jansson skips NUL bytes wherever they stand; other readers do not. */
    const char *nul = text.len ? memchr(text.data, '\0', text.len) : NULL;
    if (nul)
        return wsb__site_error(site, site->malformed, NULL, out_error,
                               "%s are not valid JSON: a NUL byte at byte %zu", site->subject,
                               (size_t)(nul - text.data));
    return text.len <= WSB__STRUCTURED_MAX_DEPTH ? WSB_OK : check_shape(site, text, out_error);
}

wsb_status wsb__json_parse(const wsb__site *site, wsb_str text, json_t **out_json,
                           wsb_error **out_error)
{
    if (text.len && !text.data)
        return wsb__site_error(site, WSB_ERROR_INVALID_ARGUMENT, NULL, out_error,
                               "the text is NULL but its length is %zu", text.len);
    wsb_status status = check_bounds(site, text, out_error);
    if (status != WSB_OK)
        return status;
    json_error_t problem;
    json_t *json = json_loadb(text.len ? text.data : "", text.len,
                              JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &problem);
    if (json) {
        *out_json = json;
        return WSB_OK;
    }
    if (json_error_code(&problem) == json_error_out_of_memory)
        return wsb__site_error(site, WSB_ERROR_OUT_OF_MEMORY, NULL, out_error,
                               "out of memory for %s", site->subject);
    char reason[2 * JSON_ERROR_TEXT_LENGTH];
    wsb__sanitize(reason, sizeof reason, problem.text, strlen(problem.text));
    return wsb__site_error(site, site->malformed,
                           "JSON (RFC 8259) in UTF-8, without duplicate keys, integers within "
                           "-2^63 to 2^63-1",
                           out_error, "%s are not valid JSON: %s at line %d, column %d",
                           site->subject, reason, problem.line, problem.column);
}

static const char *type_text(const json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_NULL:
        return "null";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    default:
        return "a number";
    }
}

static wsb_status convert_argument(const wsb__site *site, const wsb_function_type *type,
                                   size_t index, const json_t *json, wsb_raw_value *out,
                                   wsb_error **out_error)
{
    wsb__number number;
    if (json_is_integer(json)) {
        number.kind = WSB__NUMBER_SIGNED;
        number.of.s = json_integer_value(json);
    } else if (json_is_real(json)) {
        number.kind = WSB__NUMBER_REAL;
        number.of.r = json_real_value(json);
    } else {
        return wsb__scalar_argument_error(site, type, index, type_text(json), "is not a number",
                                          out_error);
    }
    return wsb__scalar_convert(site, type, index, &number, out, out_error);
}

static wsb_status convert_arguments(const wsb__site *site, const json_t *json,
                                    const wsb_function_type *type, wsb_raw_value *values,
                                    wsb_error **out_error)
{
    if (!json_is_array(json)) {
        if (type->param_count != 1)
            return wsb__scalar_count_error(site, type, 1, out_error);
        return convert_argument(site, type, 0, json, &values[0], out_error);
    }
    if (json_array_size(json) != type->param_count)
        return wsb__scalar_count_error(site, type, json_array_size(json), out_error);
    wsb_status status = WSB_OK;
    for (size_t i = 0; i < type->param_count && status == WSB_OK; i++)
        status = convert_argument(site, type, i, json_array_get(json, i), &values[i], out_error);
    return status;
}

wsb_status wsb__json_args(const wsb__site *site, wsb_str text, const wsb_function_type *type,
                          wsb_raw_value *values, wsb_error **out_error)
{
    json_t *json = NULL;
    wsb_status status = wsb__json_parse(site, text, &json, out_error);
    if (!json)
        return status;
    status = convert_arguments(site, json, type, values, out_error);
    json_decref(json);
    return status;
}

static wsb_status not_finite(const wsb__site *site, double value, wsb_error **out_error)
{
    const char *text = isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
    return wsb__site_error(site, WSB_ERROR_TYPE_MISMATCH, "call with MessagePack or typed values",
                           out_error, "the result is %s, which JSON cannot say", text);
}

/* Prints one result; 0 where JSON has no form for it. */
static size_t print_result(char out[WSB__NUMBER_TEXT], wsb_value_type type,
                           const wsb_raw_value *value)
{
    switch (type) {
    case WSB_I32:
        return wsb__print_signed(out, value->i32);
    case WSB_I64:
        return wsb__print_signed(out, value->i64);
    case WSB_F32:
        return isfinite(value->f32) ? wsb__print_f32(out, value->f32) : 0;
    case WSB_F64:
        return isfinite(value->f64) ? wsb__print_f64(out, value->f64) : 0;
    default:
        return 0;
    }
}

static wsb_status append(const wsb__site *site, wsb_buf *buf, const char *text, size_t len,
                         wsb_error **out_error)
{
    wsb_status status = wsb__buf_append(buf, text, len, WSB__STRUCTURED_MAX_BYTES);
    if (status == WSB_OK)
        return WSB_OK;
    return wsb__site_error(site, status, NULL, out_error, "no room for the results as JSON");
}

wsb_status wsb__json_results(const wsb__site *site, const wsb_function_type *type,
                             const wsb_raw_value *values, wsb_buf *out_json, wsb_error **out_error)
{
    if (type->result_count == 0)
        return append(site, out_json, "null", 4, out_error);
    for (size_t i = 0; i < type->result_count; i++) {
        char text[WSB__NUMBER_TEXT + 2];
        char *number = text + 1;
        size_t len = print_result(number, type->results[i], &values[i]);
        if (len == 0 && type->results[i] == WSB_F32)
            return not_finite(site, (double)values[i].f32, out_error);
        if (len == 0)
            return not_finite(site, values[i].f64, out_error);
        bool many = type->result_count > 1;
        text[0] = i == 0 ? '[' : ',';
        if (many && i + 1 == type->result_count)
            number[len++] = ']';
        wsb_status status = append(site, out_json, many ? text : number, len + many, out_error);
        if (status != WSB_OK)
            return status;
    }
    return WSB_OK;
}
