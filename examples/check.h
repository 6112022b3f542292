/* What the examples do with a failure: say what went wrong and what to change, and end. */
#ifndef WSB_EXAMPLES_CHECK_H
#define WSB_EXAMPLES_CHECK_H

#include <wasm_sandbox/error.h>

#include <stdio.h>
#include <stdlib.h>

static inline void report(wsb_status status, const wsb_error *error)
{
    fprintf(stderr, "%s: %s\n", wsb_status_name(status), wsb_error_message(error));
    if (*wsb_error_suggestion(error))
        fprintf(stderr, "  try: %s\n", wsb_error_suggestion(error));
}

/* `check(wsb_something(…, &error), &error)`: a pointer, as the call sets `error` first. */
static inline void check(wsb_status status, wsb_error **error)
{
    if (status == WSB_OK)
        return;
    report(status, *error);
    wsb_error_destroy(*error);
    exit(1);
}

/* Examples are also tests: what they show must be so. */
static inline void expect(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "unexpected: %s\n", what);
    exit(1);
}

#endif
