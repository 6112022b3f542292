/* Wasmtime's errors and traps as a wsb_engine_failure. */
#include <stdio.h>

#include "backend.h"

/* Texts hold names that the guest chose: control characters would reach a terminal or forge a
 * line of a log. */
typedef struct text_sink {
    char *at;
    size_t left; /* without the closing NUL */
} text_sink;

static size_t sequence_length(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xe0)
        return 2;
    return first < 0xf0 ? 3 : 4;
}

static bool is_control(const unsigned char *bytes, size_t len)
{
    if (len == 1)
        return bytes[0] < 0x20 || bytes[0] == 0x7f;
    return len == 2 && bytes[0] == 0xc2 && bytes[1] < 0xa0;
}

/* Appends whole characters of UTF-8 while there is room. All texts come from Rust's strings, so
 * they are well-formed; a sequence that were cut off is left out. */
static void sink_text(text_sink *sink, const char *text, size_t len)
{
    const unsigned char *bytes = (const unsigned char *)text;
    for (size_t i = 0; i < len;) {
        size_t width = sequence_length(bytes[i]);
        if (width > len - i || width > sink->left)
            break;
        if (is_control(bytes + i, width)) {
            *sink->at++ = bytes[i] == '\n' ? ' ' : '?';
            sink->left--;
        } else {
            memcpy(sink->at, bytes + i, width);
            sink->at += width;
            sink->left -= width;
        }
        i += width;
    }
    *sink->at = '\0';
}

static void emit_text(const char *text, size_t len, void *data)
{
    sink_text(data, text, len);
}

static text_sink sink_of(char *buffer, size_t size)
{
    buffer[0] = '\0';
    return (text_sink){buffer, size - 1};
}

static void set_message(wsb_engine_failure *failure, const void *error, bool root)
{
    text_sink sink = sink_of(failure->message, sizeof failure->message);
    wsb_wasmtime_error_text(error, root, emit_text, &sink);
    /* The library says "the guest trapped" itself. */
    static const char prefix[] = "wasm trap: ";
    if (strncmp(failure->message, prefix, sizeof prefix - 1) == 0)
        memmove(failure->message, failure->message + sizeof prefix - 1,
                strlen(failure->message) - (sizeof prefix - 1) + 1);
}

/* "name @ 0xoffset", whole lines only. */
static bool sink_frame(text_sink *sink, wasm_frame_t *frame)
{
    char line[256];
    text_sink out = sink_of(line, sizeof line - 32);
    const wasm_name_t *name = wasmtime_frame_func_name(frame);
    if (name && name->size) {
        sink_text(&out, name->data, name->size);
    } else {
        int len = snprintf(line, sizeof line, "function %u", wasm_frame_func_index(frame));
        out.at = line + len;
    }
    size_t offset = wasm_frame_module_offset(frame);
    if (offset != SIZE_MAX)
        out.at += snprintf(out.at, 32, " @ 0x%zx", offset);
    size_t len = (size_t)(out.at - line);
    if (len + 1 > sink->left)
        return false;
    memcpy(sink->at, line, len);
    sink->at[len] = '\n';
    sink->at += len + 1;
    sink->left -= len + 1;
    *sink->at = '\0';
    return true;
}

static void set_backtrace(wsb_engine_failure *failure, wasm_frame_vec_t *frames)
{
    text_sink sink = sink_of(failure->backtrace, sizeof failure->backtrace);
    for (size_t i = 0; i < frames->size; i++) {
        if (!sink_frame(&sink, frames->data[i]))
            break;
    }
    wasm_frame_vec_delete(frames);
}

wsb_engine_result wt_fail_text(wsb_engine_failure *out_failure, wsb_engine_result result,
                               const char *text)
{
    text_sink sink = sink_of(out_failure->message, sizeof out_failure->message);
    sink_text(&sink, text, strlen(text));
    return result;
}

wsb_engine_result wt_fail_error(wsb_engine_failure *out_failure, wsb_engine_result result,
                                wasmtime_error_t *error)
{
    wasm_frame_vec_t frames;
    wasmtime_error_wasm_trace(error, &frames);
    /* With frames the outer text is the backtrace. */
    set_message(out_failure, error, frames.size > 0);
    set_backtrace(out_failure, &frames);
    wasmtime_error_delete(error);
    return result;
}

static wsb_trap trap_of(wasmtime_trap_code_t code)
{
    switch (code) {
    case WASMTIME_TRAP_CODE_STACK_OVERFLOW:
        return WSB_TRAP_STACK_OVERFLOW;
    case WASMTIME_TRAP_CODE_MEMORY_OUT_OF_BOUNDS:
        return WSB_TRAP_MEMORY_OUT_OF_BOUNDS;
    case WASMTIME_TRAP_CODE_TABLE_OUT_OF_BOUNDS:
        return WSB_TRAP_TABLE_OUT_OF_BOUNDS;
    case WASMTIME_TRAP_CODE_INDIRECT_CALL_TO_NULL:
        return WSB_TRAP_NULL_CALL;
    case WASMTIME_TRAP_CODE_BAD_SIGNATURE:
        return WSB_TRAP_SIGNATURE_MISMATCH;
    case WASMTIME_TRAP_CODE_INTEGER_OVERFLOW:
        return WSB_TRAP_INTEGER_OVERFLOW;
    case WASMTIME_TRAP_CODE_INTEGER_DIVISION_BY_ZERO:
        return WSB_TRAP_DIVISION_BY_ZERO;
    case WASMTIME_TRAP_CODE_BAD_CONVERSION_TO_INTEGER:
        return WSB_TRAP_BAD_CONVERSION;
    case WASMTIME_TRAP_CODE_UNREACHABLE_CODE_REACHED:
        return WSB_TRAP_UNREACHABLE;
    case WASMTIME_TRAP_CODE_NULL_REFERENCE:
        return WSB_TRAP_NULL_REFERENCE;
    default:
        return WSB_TRAP_UNKNOWN;
    }
}

/* An exception that nothing caught has no trap code, and its type is Rust's. Its text is the
 * engine's own; the conformance suite sees when another version words it otherwise. */
static bool is_exception(const wasm_trap_t *trap)
{
    char text[32];
    text_sink sink = sink_of(text, sizeof text);
    wsb_wasmtime_error_text(trap, true, emit_text, &sink);
    return strcmp(text, "thrown Wasm exception") == 0;
}

wsb_engine_result wt_fail_trap(wsb_engine_failure *out_failure, wasm_trap_t *trap)
{
    wasmtime_trap_code_t code = 0;
    wsb_engine_result result = WSB_ENGINE_TRAPPED;
    bool known = wasmtime_trap_code(trap, &code);
    if (known && code == WASMTIME_TRAP_CODE_OUT_OF_FUEL)
        result = WSB_ENGINE_NO_FUEL;
    else if (known && code == WASMTIME_TRAP_CODE_INTERRUPT)
        result = WSB_ENGINE_INTERRUPTED;
    if (known)
        out_failure->trap = trap_of(code);
    else
        out_failure->trap = is_exception(trap) ? WSB_TRAP_UNCAUGHT_EXCEPTION : WSB_TRAP_UNKNOWN;

    wasm_frame_vec_t frames;
    wasm_trap_trace(trap, &frames);
    set_message(out_failure, trap, true);
    set_backtrace(out_failure, &frames);
    wasm_trap_delete(trap);
    return result;
}
