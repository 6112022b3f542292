/* Growing of owned buffers, always under a cap. */
#ifndef WSB_CORE_BUFFER_H
#define WSB_CORE_BUFFER_H

#include <wasm_sandbox/status.h>

/* Makes room for `extra` more bytes (and the closing NUL). `max` caps len + extra:
 * WSB_ERROR_LIMIT_EXCEEDED beyond it, WSB_ERROR_OUT_OF_MEMORY; the buffer is untouched then. */
WSB_NODISCARD wsb_status wsb__buf_reserve(wsb_buf *buf, size_t extra, size_t max);

/* Appends; statuses as wsb__buf_reserve(). */
WSB_NODISCARD wsb_status wsb__buf_append(wsb_buf *buf, const void *data, size_t len, size_t max);

/* Appends formatted text, at most `max` bytes in all. */
WSB_NODISCARD wsb_status wsb__buf_printf(wsb_buf *buf, size_t max, const char *format, ...)
    WSB_PRINTF(3, 4);

/* Owned, terminated copy of a view; NULL when out of memory. */
char *wsb__str_dup(wsb_str text);

bool wsb__str_equal(wsb_str a, wsb_str b);

/* Whether the bytes are well-formed UTF-8 (Unicode 15, table 3-7). */
bool wsb__utf8_valid(const void *data, size_t len);

#endif
