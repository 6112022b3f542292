#include "core/alloc.h"
#include "core/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <wasm_sandbox/plugin/error.h>

/* Texts may hold names that a guest chose: nothing of it may grow without bound. */
#define WSB__ERROR_TEXT_MAX ((size_t)16384)

struct wsb_error {
    wsb_status status;
    int32_t code;
    uint64_t used;
    uint64_t allowed;
    const char *message;
    const char *operation;
    const char *subject;
    const char *suggestion;
    const char *trap;
    const char *backtrace;
    bool is_static;
    char texts[];
};

/* One for each status, for when there is no memory for more. */
static const wsb_error static_errors[] = {
#define WSB_STATIC_ERROR(name, value, text)                                                        \
    [value] = {WSB_##name, 0, 0, 0, text, "", "", "", "", "", true},
    WSB_STATUS_MAP(WSB_STATIC_ERROR)
#undef WSB_STATIC_ERROR
};

static wsb_error *static_error(wsb_status status)
{
    size_t count = sizeof static_errors / sizeof static_errors[0];
    size_t index = (size_t)status < count ? (size_t)status : (size_t)WSB_ERROR_OUT_OF_MEMORY;
    return (wsb_error *)&static_errors[index];
}

/* Guests choose names that end up in messages, and messages end up on terminals: no control
 * characters (C0 but tab and newline, DEL, C1) and no malformed UTF-8 goes through. */
static void make_printable(char *text)
{
    uint8_t *p = (uint8_t *)text;
    size_t left = strlen(text);
    while (left > 0) {
        size_t length = wsb__utf8_sequence(p, left);
        bool c0 = *p < 0x20 && *p != '\n' && *p != '\t';
        bool c1 = length == 2 && p[0] == 0xC2 && p[1] < 0xA0;
        if (length == 0 || c0 || c1 || *p == 0x7F) {
            *p = '?';
            if (c1)
                p[1] = '?';
        }
        length = length ? length : 1;
        p += length;
        left -= length;
    }
}

static size_t text_size(const char *text)
{
    return text ? strnlen(text, WSB__ERROR_TEXT_MAX) + 1 : 0;
}

static const char *put_text(char **to, const char *text)
{
    if (!text)
        return "";
    size_t size = text_size(text);
    char *copy = *to;
    memcpy(copy, text, size - 1);
    copy[size - 1] = '\0';
    make_printable(copy);
    *to += size;
    return copy;
}

static const char *put_message(char **to, size_t length, const char *format, va_list args)
{
    char *copy = *to;
    vsnprintf(copy, length + 1, format, args);
    make_printable(copy);
    size_t written = strlen(copy);
    while (written > 0 && copy[written - 1] == '\n')
        copy[--written] = '\0';
    *to += length + 1;
    return copy;
}

static wsb_error *make_error(wsb_status status, const wsb_error_details *d, size_t message_length,
                             const char *format, va_list args)
{
    size_t size = sizeof(wsb_error) + message_length + 1 + text_size(d->operation) +
                  text_size(d->subject) + text_size(d->suggestion) + text_size(d->trap) +
                  text_size(d->backtrace);
    wsb_error *error = wsb__alloc(size);
    if (!error)
        return static_error(status);
    char *to = error->texts;
    error->status = status;
    error->is_static = false;
    error->code = d->code;
    error->used = d->used;
    error->allowed = d->allowed;
    error->message = put_message(&to, message_length, format, args);
    error->operation = put_text(&to, d->operation);
    error->subject = put_text(&to, d->subject);
    error->suggestion = put_text(&to, d->suggestion);
    error->trap = put_text(&to, d->trap);
    error->backtrace = put_text(&to, d->backtrace);
    return error;
}

wsb_status wsb_error_set(wsb_error **out_error, wsb_status status, const wsb_error_details *details,
                         const char *format, ...)
{
    static const wsb_error_details none;
    if (!out_error)
        return status;
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0) {
        *out_error = static_error(status);
        return status;
    }
    size_t kept = (size_t)length < WSB__ERROR_TEXT_MAX ? (size_t)length : WSB__ERROR_TEXT_MAX;
    va_start(args, format);
    *out_error = make_error(status, details ? details : &none, kept, format, args);
    va_end(args);
    return status;
}

void wsb_error_destroy(wsb_error *error)
{
    if (error && !error->is_static)
        wsb__free(error);
}

/* Accessors take NULL, so that a caller may print what a callee without an error left behind. */
#define WSB__ERROR_TEXT(field)                                                                     \
    const char *wsb_error_##field(const wsb_error *error)                                          \
    {                                                                                              \
        return error ? error->field : "";                                                          \
    }

WSB__ERROR_TEXT(message)
WSB__ERROR_TEXT(operation)
WSB__ERROR_TEXT(subject)
WSB__ERROR_TEXT(suggestion)
WSB__ERROR_TEXT(backtrace)
WSB__ERROR_TEXT(trap)

wsb_status wsb_error_status(const wsb_error *error)
{
    return error ? error->status : WSB_OK;
}

uint64_t wsb_error_used(const wsb_error *error)
{
    return error ? error->used : 0;
}

uint64_t wsb_error_allowed(const wsb_error *error)
{
    return error ? error->allowed : 0;
}

int32_t wsb_error_code(const wsb_error *error)
{
    return error ? error->code : 0;
}
