#include "core/buffer.h"

#include "core/alloc.h"

#include <stdarg.h>
#include <stdio.h>

void wsb_buf_fini(wsb_buf *buf)
{
    if (!buf)
        return;
    wsb__free(buf->data);
    *buf = (wsb_buf)WSB_BUF_INIT;
}

/* Doubles, from 64 bytes, but never beyond what the cap can ever need. */
static size_t grown_capacity(size_t capacity, size_t needed, size_t max)
{
    size_t most = max < SIZE_MAX ? max + 1 : SIZE_MAX;
    size_t grown = capacity <= SIZE_MAX / 2 ? capacity * 2 : SIZE_MAX;
    if (grown < 64)
        grown = 64;
    if (grown > most)
        grown = most;
    return grown < needed ? needed : grown;
}

wsb_status wsb__buf_reserve(wsb_buf *buf, size_t extra, size_t max)
{
    if (buf->len > max || extra > max - buf->len)
        return WSB_ERROR_LIMIT_EXCEEDED;
    size_t total;
    if (__builtin_add_overflow(buf->len, extra, &total) || total == SIZE_MAX)
        return WSB_ERROR_OUT_OF_MEMORY;
    if (total < buf->capacity)
        return WSB_OK;
    size_t capacity = grown_capacity(buf->capacity, total + 1, max);
    uint8_t *data = wsb__realloc(buf->data, capacity);
    if (!data)
        return WSB_ERROR_OUT_OF_MEMORY;
    buf->data = data;
    buf->capacity = capacity;
    data[buf->len] = 0;
    return WSB_OK;
}

wsb_status wsb__buf_append(wsb_buf *buf, const void *data, size_t len, size_t max)
{
    wsb_status status = wsb__buf_reserve(buf, len, max);
    if (status != WSB_OK)
        return status;
    if (len > 0)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = 0;
    return WSB_OK;
}

wsb_status wsb_buf_assign(wsb_buf *buf, wsb_bytes bytes)
{
    if (!buf || (bytes.len > 0 && !bytes.data))
        return WSB_ERROR_INVALID_ARGUMENT;
    if (bytes.len < buf->capacity) {
        /* What is copied may be a part of what is replaced. */
        if (bytes.len > 0)
            memmove(buf->data, bytes.data, bytes.len);
        buf->data[bytes.len] = 0;
        buf->len = bytes.len;
        return WSB_OK;
    }
    wsb_buf fresh = WSB_BUF_INIT;
    wsb_status status = wsb__buf_append(&fresh, bytes.data, bytes.len, SIZE_MAX);
    if (status != WSB_OK)
        return status;
    wsb_buf_fini(buf);
    *buf = fresh;
    return WSB_OK;
}

wsb_status wsb__buf_printf(wsb_buf *buf, size_t max, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        return WSB_ERROR_INTERNAL;
    wsb_status status = wsb__buf_reserve(buf, (size_t)length, max);
    if (status != WSB_OK)
        return status;
    va_start(args, format);
    vsnprintf((char *)buf->data + buf->len, (size_t)length + 1, format, args);
    va_end(args);
    buf->len += (size_t)length;
    return WSB_OK;
}

char *wsb__str_dup(wsb_str text)
{
    if (text.len == SIZE_MAX)
        return NULL;
    char *copy = wsb__alloc(text.len + 1);
    if (!copy)
        return NULL;
    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    return copy;
}

bool wsb__str_equal(wsb_str a, wsb_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}
