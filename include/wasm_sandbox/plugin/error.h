/**
 * @file plugin/error.h
 * Making errors, for implementers of engines, host modules, limits and the like.
 */
#ifndef WASM_SANDBOX_PLUGIN_ERROR_H
#define WASM_SANDBOX_PLUGIN_ERROR_H

#include <wasm_sandbox/error.h>

WSB_BEGIN_DECLS

/** What an error says; every string may be NULL and is copied. */
typedef struct wsb_error_details {
    const char *operation;  /**< what was attempted: "load module" */
    const char *subject;    /**< the limit or capability that refused */
    const char *suggestion; /**< what to change */
    const char *trap;
    const char *backtrace;
    uint64_t used;
    uint64_t allowed;
    int32_t code;
} wsb_error_details;

/**
 * Makes an error, so that a function can end with `return wsb_error_set(out_error, …)`.
 *
 * @param out_error  receives it unless NULL; an error that it holds already is not released
 * @param details  NULL: none
 * @param format  the message, as printf(3)
 * @return `status`. Out of memory still gives an error object, a static one. [thread-safe]
 */
WSB_API wsb_status wsb_error_set(wsb_error **out_error, wsb_status status,
                                 const wsb_error_details *details, const char *format, ...)
    WSB_PRINTF(4, 5);

WSB_END_DECLS

#endif
