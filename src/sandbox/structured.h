/* Calls with structured data: the scalar and the buffer convention, as a series of guest calls that
 * whoever drives them makes, in one go or across suspensions. See
 * docs/internals/calling-conventions.md. */
#ifndef WSB_SANDBOX_STRUCTURED_H
#define WSB_SANDBOX_STRUCTURED_H

#include <wasm_sandbox/instance.h>

#include "communication/codec/codec.h"

enum { WSB__FEW_VALUES = 8 };

/* A range of guest memory that the guest's allocator made. */
typedef struct wsb__range {
    uint32_t ptr;
    uint32_t len;
} wsb__range;

/* Which call of the buffer convention is being made. */
typedef enum wsb__buffer_step {
    WSB__BUFFER_ALLOCATE,
    WSB__BUFFER_ENTER,
    WSB__BUFFER_FREE_RESULT,
    WSB__BUFFER_FREE_INPUT
} wsb__buffer_step;

/* The buffer convention's part of a call. */
typedef struct wsb__buffer_call {
    wsb__buffer_step step;
    bool has_status; /* the result starts with one */
    bool free_takes_size;
    wsb_function *alloc;
    wsb_function *free;
    wsb__range block; /* of the input */
    wsb_bytes input;  /* in the guest's encoding */
    wsb_buf encoded;  /* that input, where it is not the caller's */
} wsb__buffer_call;

/* One call: begin, then make the guest call `next` with `values` and tell how it ended, until there
 * is none, then finish; fini in any case. */
typedef struct wsb__structured {
    wsb_instance *instance;
    wsb_function *function;
    wsb_function *next; /* NULL: no guest call is left to be made */
    wsb_raw_value *values;
    wsb__site site;
    wsb_encoding form;  /* the caller's */
    wsb_encoding guest; /* of a buffer function, the guest's */
    bool is_buffer;     /* its guest calls are a sequence (runtime/instance.h) */
    wsb_status status;  /* the first failure of the guest calls */
    wsb_error *error;
    wsb__buffer_call buffer;
    wsb_buf payload; /* what the guest returned */
    wsb_raw_value few[WSB__FEW_VALUES];
} wsb__structured;

/* Checks the arguments and encodes them. `name` and `data` are borrowed until fini. */
WSB_NODISCARD wsb_status wsb__structured_begin(wsb__structured *call, wsb_instance *instance,
                                               wsb_encoding form, wsb_str name, wsb_bytes data,
                                               wsb_error **out_error);

/* The guest call `next` has ended so; takes `error`. */
void wsb__structured_returned(wsb__structured *call, wsb_status status, wsb_error *error);

/* The call's result in the caller's encoding, or why there is none. */
WSB_NODISCARD wsb_status wsb__structured_finish(wsb__structured *call, wsb_buf *out_data,
                                                wsb_error **out_error);

void wsb__structured_fini(wsb__structured *call);

/* --- the two conventions, for structured.c --- */

/* scalar_call.c */
WSB_NODISCARD wsb_status wsb__scalar_begin(wsb__structured *call, wsb_bytes data,
                                           wsb_error **out_error);
WSB_NODISCARD wsb_status wsb__scalar_finish(wsb__structured *call, wsb_buf *out_data,
                                            wsb_error **out_error);

/* buffer_call.c; begin() takes `buffer.input` as it is. */
WSB_NODISCARD wsb_status wsb__buffer_begin(wsb__structured *call, wsb_error **out_error);
void wsb__buffer_returned(wsb__structured *call);
/* Leaves the bare payload in `payload`. */
WSB_NODISCARD wsb_status wsb__buffer_finish(wsb__structured *call, wsb_error **out_error);

#endif
