/* Wasmtime's errors and traps as a wsb_engine_failure. */
#include <string.h>

#include "../text.h"
#include "backend.h"

typedef struct text_place {
    char *out;
    size_t room;
} text_place;

static void take_text(const char *text, size_t len, void *data)
{
    const text_place *place = data;
    wsb__engine_text(place->out, place->room, text, len);
}

static void set_message(wsb_engine_failure *failure, const void *error, bool root)
{
    text_place place = {failure->message, sizeof failure->message};
    wsb_wasmtime_error_text(error, root, take_text, &place);
    /* The library says "the guest trapped" itself. */
    static const char prefix[] = "wasm trap: ";
    if (strncmp(failure->message, prefix, sizeof prefix - 1) == 0)
        memmove(failure->message, failure->message + sizeof prefix - 1,
                strlen(failure->message) - (sizeof prefix - 1) + 1);
}

static bool add_frame(wsb_engine_failure *failure, size_t *io_used, wasm_frame_t *frame)
{
    const wasm_name_t *name = wasmtime_frame_func_name(frame);
    size_t offset = wasm_frame_module_offset(frame);
    return wsb__engine_frame(failure, io_used, name ? name->data : NULL, name ? name->size : 0,
                             wasm_frame_func_index(frame),
                             offset == SIZE_MAX ? UINT64_MAX : offset);
}

static void set_backtrace(wsb_engine_failure *failure, wasm_frame_vec_t *frames)
{
    size_t used = 0;
    for (size_t i = 0; i < frames->size; i++) {
        if (!add_frame(failure, &used, frames->data[i]))
            break;
    }
    wasm_frame_vec_delete(frames);
}

wsb_engine_result wt_fail_text(wsb_engine_failure *out_failure, wsb_engine_result result,
                               const char *text)
{
    wsb__engine_text(out_failure->message, sizeof out_failure->message, text, strlen(text));
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
    char text[32] = "";
    text_place place = {text, sizeof text};
    wsb_wasmtime_error_text(trap, true, take_text, &place);
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
