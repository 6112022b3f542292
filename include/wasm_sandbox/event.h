/**
 * @file event.h
 * What a guest was refused, as it happens.
 */
#ifndef WASM_SANDBOX_EVENT_H
#define WASM_SANDBOX_EVENT_H

#include <wasm_sandbox/base.h>

WSB_BEGIN_DECLS

/** What happened. */
typedef enum wsb_event_kind {
    WSB_EVENT_LIMIT_HIT = 1,     /**< a limit refused something; `subject` is its field's name */
    WSB_EVENT_ACCESS_DENIED = 2, /**< a capability refused something */
    WSB_EVENT_MEMORY_REFUSED = 3 /**< memory.grow was refused; reported when the call ends */
} wsb_event_kind;

/** One refusal. Borrowed for the callback. */
typedef struct wsb_event {
    size_t size;
    wsb_event_kind kind;
    const char *operation; /**< what the guest attempted: "path_open", "fd_write" */
    const char *subject;   /**< the limit or capability that refused: "max_write_bytes" */
    wsb_str detail;        /**< the path or name concerned, as the guest gave it; may be empty */
    uint64_t used;         /**< for limits, in the limit's unit; else 0 */
    uint64_t allowed;      /**< the same */
    uint64_t tag;          /**< `wsb_instance_config.tag` */
} wsb_event;

/** Runs on the guest's thread, in its call. Must return quickly. */
typedef void (*wsb_event_fn)(const wsb_event *event, void *user_data);

WSB_END_DECLS

#endif
