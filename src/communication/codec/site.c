/* Errors of structured calls. */
#include "communication/codec/codec.h"
#include "core/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <wasm_sandbox/plugin/error.h>

#define NAME_SHOWN 120

wsb_status wsb__site_error(const wsb__site *site, wsb_status status, const char *suggestion,
                           wsb_error **out_error, const char *format, ...)
{
    char name[NAME_SHOWN];
    wsb__sanitize(name, sizeof name, site->function.data, site->function.len);
    char operation[NAME_SHOWN + 40];
    snprintf(operation, sizeof operation, "call '%s' with %s", name, site->form);
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    wsb_error_details details = {.operation = operation, .suggestion = suggestion};
    return wsb_error_set(out_error, status, &details, "%s", message);
}

/* Length of the well-formed UTF-8 sequence at `text`, 0 where there is none. */
static size_t sequence_length(const unsigned char *text, size_t len)
{
    for (size_t count = 1; count <= 4 && count <= len; count++) {
        if (wsb__utf8_valid(text, count))
            return count;
    }
    return 0;
}

void wsb__sanitize(char *out, size_t capacity, const void *text, size_t len)
{
    const unsigned char *bytes = text;
    size_t used = 0;
    for (size_t i = 0; i < len;) {
        size_t count = sequence_length(bytes + i, len - i);
        bool control = bytes[i] < 0x20 || bytes[i] == 0x7f;
        bool keep = count > 0 && (!control || bytes[i] == '\n' || bytes[i] == '\t');
        if (used + (keep ? count : 1) >= capacity)
            break;
        if (keep)
            memcpy(out + used, bytes + i, count);
        else
            out[used] = '?';
        used += keep ? count : 1;
        i += count ? count : 1;
    }
    out[used] = '\0';
}
