/* Reading a file whole. */
#ifndef WSB_RUNTIME_FILE_H
#define WSB_RUNTIME_FILE_H

#include <wasm_sandbox/error.h>

/* Reads a regular file, pipe or device to its end, at most `max` bytes. Statuses:
 * WSB_ERROR_NOT_FOUND, WSB_ERROR_ACCESS_DENIED, WSB_ERROR_INVALID_ARGUMENT (a directory, or a NUL
 * byte in the path), WSB_ERROR_LIMIT_EXCEEDED, WSB_ERROR_IO, WSB_ERROR_OUT_OF_MEMORY. */
WSB_NODISCARD wsb_status wsb__file_read(wsb_str path, uint64_t max, wsb_buf *out_data,
                                        wsb_error **out_error);

#endif
