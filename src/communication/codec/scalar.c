/* What both encodings say of a scalar function: which types they carry, and what does not fit. */
#include "communication/codec/codec.h"

#include <stdio.h>

static bool is_number(wsb_value_type type)
{
    return type == WSB_I32 || type == WSB_I64 || type == WSB_F32 || type == WSB_F64;
}

wsb_status wsb__scalar_check_type(const wsb__site *site, const wsb_function_type *type,
                                  wsb_error **out_error)
{
    for (size_t i = 0; i < type->param_count + type->result_count; i++) {
        bool is_param = i < type->param_count;
        size_t index = is_param ? i : i - type->param_count;
        wsb_value_type value = is_param ? type->params[index] : type->results[index];
        if (!is_number(value))
            return wsb__site_error(site, WSB_ERROR_TYPE_MISMATCH, "use wsb_function_call()",
                                   out_error, "%s %zu has type %s, which %s cannot carry",
                                   is_param ? "parameter" : "result", index + 1,
                                   wsb_value_type_name(value), site->form);
    }
    return WSB_OK;
}

/* "(i32, f64)", shortened where there are many. */
static void print_params(char *out, size_t capacity, const wsb_function_type *type)
{
    size_t used = (size_t)snprintf(out, capacity, "(");
    for (size_t i = 0; i < type->param_count && used + 20 < capacity; i++)
        used += (size_t)snprintf(out + used, capacity - used, "%s%s", i ? ", " : "",
                                 wsb_value_type_name(type->params[i]));
    snprintf(out + used, capacity - used, used + 20 < capacity ? ")" : ", ...)");
}

wsb_status wsb__scalar_count_error(const wsb__site *site, const wsb_function_type *type,
                                   size_t given, wsb_error **out_error)
{
    char params[160];
    print_params(params, sizeof params, type);
    return wsb__site_error(site, WSB_ERROR_TYPE_MISMATCH,
                           "give an array with one element for each parameter", out_error,
                           "the function takes %zu argument%s %s, given %zu", type->param_count,
                           type->param_count == 1 ? "" : "s", params, given);
}

wsb_status wsb__scalar_argument_error(const wsb__site *site, const wsb_function_type *type,
                                      size_t index, const char *given, const char *why,
                                      wsb_error **out_error)
{
    return wsb__site_error(site, WSB_ERROR_TYPE_MISMATCH, NULL, out_error,
                           "argument %zu (%s): %s %s", index + 1,
                           wsb_value_type_name(type->params[index]), given, why);
}

wsb_status wsb__scalar_convert(const wsb__site *site, const wsb_function_type *type, size_t index,
                               const wsb__number *number, wsb_raw_value *out, wsb_error **out_error)
{
    const char *why = wsb__number_convert(number, type->params[index], out);
    if (!why)
        return WSB_OK;
    char given[WSB__NUMBER_TEXT];
    if (number->kind == WSB__NUMBER_UNSIGNED)
        wsb__print_unsigned(given, number->of.u);
    else if (number->kind == WSB__NUMBER_SIGNED)
        wsb__print_signed(given, number->of.s);
    else
        wsb__print_f64(given, number->of.r);
    return wsb__scalar_argument_error(site, type, index, given, why, out_error);
}
