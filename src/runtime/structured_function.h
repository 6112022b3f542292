/* Functions of a set that take and return structured data: kept here, offered to guests by a host
 * module (src/host/function). */
#ifndef WSB_RUNTIME_STRUCTURED_FUNCTION_H
#define WSB_RUNTIME_STRUCTURED_FUNCTION_H

#include <wasm_sandbox/instance.h>

enum { WSB__STRUCTURED_NAME_MAX = 256, WSB__REPORT_MAX = 1000 };

/* One function, in a block of its own; the name is behind it. */
typedef struct wsb__structured {
    struct wsb__structured *next; /* defined before */
    wsb_str name;
    wsb_encoding encoding;
    wsb_structured_fn call;
    void *user_data;
    void (*destroy)(void *user_data);
} wsb__structured;

/* What wsb_call_context_report() said. */
typedef struct wsb__report {
    bool given;
    int32_t code;
    size_t len;
    char message[WSB__REPORT_MAX + 1];
} wsb__report;

/* How one ended. */
typedef enum wsb__structured_end {
    WSB__STRUCTURED_DONE,
    WSB__STRUCTURED_REPORTED, /* the guest is to get the report */
    WSB__STRUCTURED_FAILED    /* the guest is to end: wsb_call_context_fail() has been called */
} wsb__structured_end;

/* Whether the instance was created with any such function. */
bool wsb__structured_offered(const wsb_instance *instance);

/* The function of that name that the instance may call; NULL where there is none. */
const wsb__structured *wsb__structured_find(const wsb_instance *instance, wsb_str name);

/* Runs one on the guest's thread. `out_report` need not be initialised. */
wsb__structured_end wsb__structured_run(wsb_call_context *context, const wsb__structured *function,
                                        wsb_bytes input, wsb_buf *io_output,
                                        wsb__report *out_report);

/* Releases the list of a set that goes. */
void wsb__structured_free(wsb__structured *first);

#endif
