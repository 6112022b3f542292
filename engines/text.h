/* The engines' texts in a wsb_engine_failure. They hold names that the guest chose: control
 * characters, which would reach a terminal or forge a line of a log, are replaced. They come from
 * Rust's strings, so they are well-formed UTF-8. */
#ifndef WSB_ENGINE_TEXT_H
#define WSB_ENGINE_TEXT_H

#include <wasm_sandbox/plugin/engine.h>

/* Copies whole characters while there is room, and terminates; returns the bytes used. `room` is
 * not 0. */
size_t wsb__engine_text(char *out, size_t room, const char *text, size_t len);

/* Adds "name @ 0xoffset" to the backtrace, a whole line or nothing (false). `*io_used` bytes of it
 * are used. Without a name `len` is 0; UINT64_MAX: no offset. */
bool wsb__engine_frame(wsb_engine_failure *failure, size_t *io_used, const char *name, size_t len,
                       uint32_t function, uint64_t offset);

#endif
