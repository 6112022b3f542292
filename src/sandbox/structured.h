/* Calls with structured data: the scalar and the buffer convention. See
 * docs/internals/calling-conventions.md. */
#ifndef WSB_SANDBOX_STRUCTURED_H
#define WSB_SANDBOX_STRUCTURED_H

#include <wasm_sandbox/instance.h>

#include "communication/codec/codec.h"

/* --- scalar functions (scalar_call.c) --- */

WSB_NODISCARD wsb_status wsb__scalar_call_json(wsb_function *function, const wsb__site *site,
                                               wsb_str text, wsb_buf *out_json,
                                               wsb_error **out_error);
WSB_NODISCARD wsb_status wsb__scalar_call_msgpack(wsb_function *function, const wsb__site *site,
                                                  wsb_bytes data, wsb_buf *out_data,
                                                  wsb_error **out_error);

/* --- buffer functions (buffer_call.c) --- */

/* Whether the signature is (i32, i32) -> i64. */
bool wsb__buffer_signature(const wsb_function_type *type);

/* Hands `input` to the guest, and its result to `out_payload`, uninterpreted. `has_status`: the
 * result starts with a status. */
WSB_NODISCARD wsb_status wsb__buffer_call(wsb_instance *instance, wsb_function *function,
                                          const wsb__site *site, bool has_status, wsb_bytes input,
                                          wsb_buf *out_payload, wsb_error **out_error);

#endif
