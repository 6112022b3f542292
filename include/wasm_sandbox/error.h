/**
 * @file error.h
 * What went wrong: what was attempted, what refused it, the limit and the value, what to change.
 */
#ifndef WASM_SANDBOX_ERROR_H
#define WASM_SANDBOX_ERROR_H

#include <wasm_sandbox/status.h>

WSB_BEGIN_DECLS

/**
 * Details of a failure. Created by the library; the caller owns what `out_error` received and
 * releases it with wsb_error_destroy(). Immutable. Strings are borrowed, valid until the error
 * is destroyed, and never NULL ("" where there is nothing to say). [thread-safe]
 */
typedef struct wsb_error wsb_error;

/** Releases an error. NULL is allowed, also in the functions below, which then say 0 or "". */
WSB_API void wsb_error_destroy(wsb_error *error);

/** The code that the failing call returned. */
WSB_API wsb_status wsb_error_status(const wsb_error *error);
/** One sentence (no newline at its end) that says what was attempted and what refused it. */
WSB_API const char *wsb_error_message(const wsb_error *error);
/** What was being done: "load module", "call 'add'", "path_open '../etc/passwd'". */
WSB_API const char *wsb_error_operation(const wsb_error *error);
/** The limit or capability that refused, by its name in the configuration: "max_memory". */
WSB_API const char *wsb_error_subject(const wsb_error *error);
/** What to change so that it works, or "". */
WSB_API const char *wsb_error_suggestion(const wsb_error *error);
/** The guest's call stack, innermost first, a line each, or "". */
WSB_API const char *wsb_error_backtrace(const wsb_error *error);
/** Where a limit refused: what was in use or asked for, in the limit's unit; else 0. */
WSB_API uint64_t wsb_error_used(const wsb_error *error);
/** Where a limit refused: what it allows, in the limit's unit; else 0. */
WSB_API uint64_t wsb_error_allowed(const wsb_error *error);
/** For WSB_ERROR_EXIT the guest's exit code, for WSB_ERROR_GUEST its error code; else 0. */
WSB_API int32_t wsb_error_code(const wsb_error *error);
/** For WSB_ERROR_TRAP which trap ("unreachable", "memory_out_of_bounds", …), else "". */
WSB_API const char *wsb_error_trap(const wsb_error *error);

WSB_END_DECLS

#endif
