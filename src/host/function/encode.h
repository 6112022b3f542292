/* Between the encoding of a host function and that of the guest that calls it. */
#ifndef WSB_HOST_FUNCTION_ENCODE_H
#define WSB_HOST_FUNCTION_ENCODE_H

#include "communication/codec/codec.h"
#include "host/guest_abi.h"
#include "runtime/structured_function.h"

/* Whether a guest that uses `encoding` can call it at all. */
bool wsb__encodings_meet(const wsb__structured *function, wsb_encoding encoding);

/* Checks the guest's data and turns it into the function's encoding. `*out_input` is `data`, or
 * what `storage` (empty) then holds. 0 or a wsb__guest_error. */
int wsb__encode_input(const wsb__structured *function, wsb_encoding encoding, wsb_bytes data,
                      wsb_buf *storage, wsb_bytes *out_input);

/* Checks the function's output and turns it into the guest's encoding, in place.
 *
 * *out_guest_error: where the output is well-formed and has no form in the guest's encoding
 * (WSB__GUEST_MALFORMED), else 0. WSB_ERROR_MALFORMED and the like: the function's fault. */
WSB_NODISCARD wsb_status wsb__encode_output(const wsb__structured *function, wsb_encoding encoding,
                                            wsb_buf *io_output, int *out_guest_error,
                                            wsb_error **out_error);

#endif
