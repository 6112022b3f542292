/* What the tests of structured data share. */
#ifndef WSB_TESTS_STRUCTURED_SUPPORT_H
#define WSB_TESTS_STRUCTURED_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "sandbox/structured.h"

#include <cmocka.h>

static const wsb__site test_site = {{"f", 1}, "JSON", "the arguments", WSB_ERROR_MALFORMED};

/* A signature of numbers from letters as in plugin/host_module.h: "iIfF". */
typedef struct test_type {
    wsb_value_type params[16];
    wsb_value_type results[16];
    wsb_function_type type;
} test_type;

static inline size_t read_types(const char *letters, wsb_value_type *out)
{
    size_t count = 0;
    for (; letters[count]; count++)
        out[count] = letters[count] == 'i'   ? WSB_I32
                     : letters[count] == 'I' ? WSB_I64
                     : letters[count] == 'f' ? WSB_F32
                     : letters[count] == 'F' ? WSB_F64
                                             : WSB_V128;
    return count;
}

static inline const wsb_function_type *make_type(test_type *storage, const char *params,
                                                 const char *results)
{
    storage->type.param_count = read_types(params, storage->params);
    storage->type.result_count = read_types(results, storage->results);
    storage->type.params = storage->params;
    storage->type.results = storage->results;
    return &storage->type;
}

/* Checks an outcome and that the error says `part`; releases the error. */
static inline void assert_error(wsb_status status, wsb_status expected, wsb_error *error,
                                const char *part)
{
    assert_string_equal(wsb_status_name(status), wsb_status_name(expected));
    if (status != WSB_OK)
        assert_int_equal(wsb_error_status(error), expected);
    if (part && !strstr(wsb_error_message(error), part))
        fail_msg("\"%s\" does not say \"%s\"", wsb_error_message(error), part);
    wsb_error_destroy(error);
}

#endif
