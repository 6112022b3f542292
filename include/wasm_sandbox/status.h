/**
 * @file status.h
 * Every outcome a call can have. One list makes the codes, their names and their texts.
 */
#ifndef WASM_SANDBOX_STATUS_H
#define WASM_SANDBOX_STATUS_H

#include <wasm_sandbox/base.h>

WSB_BEGIN_DECLS

/* X(name, value, text). Values are part of the ABI: append, never renumber. */
#define WSB_STATUS_MAP(X)                                                                          \
    X(OK, 0, "success")                                                                            \
    X(ERROR_INVALID_ARGUMENT, 1, "invalid argument")                                               \
    X(ERROR_OUT_OF_MEMORY, 2, "the host is out of memory")                                         \
    X(ERROR_INVALID_MODULE, 3, "not a valid WebAssembly module")                                   \
    X(ERROR_UNSUPPORTED, 4, "not supported")                                                       \
    X(ERROR_SECURITY_VIOLATION, 5, "security violation")                                           \
    X(ERROR_CAPABILITY_NOT_GRANTED, 6, "capability not granted")                                   \
    X(ERROR_ACCESS_DENIED, 7, "access denied")                                                     \
    X(ERROR_INVALID_CAPABILITY, 8, "invalid capability")                                           \
    X(ERROR_NOT_FOUND, 9, "not found")                                                             \
    X(ERROR_ALREADY_EXISTS, 10, "already exists")                                                  \
    X(ERROR_BUSY, 11, "the instance is running")                                                   \
    X(ERROR_CLOSED, 12, "closed: it can no longer be used")                                        \
    X(ERROR_TIMEOUT, 13, "the deadline passed")                                                    \
    X(ERROR_CPU_TIME, 14, "the CPU time is used up")                                               \
    X(ERROR_OUT_OF_FUEL, 15, "out of fuel")                                                        \
    X(ERROR_CANCELLED, 16, "cancelled")                                                            \
    X(ERROR_TRAP, 17, "the guest trapped")                                                         \
    X(ERROR_GUEST_OUT_OF_MEMORY, 18, "the guest failed after its memory was refused to grow")      \
    X(ERROR_LIMIT_EXCEEDED, 19, "limit exceeded")                                                  \
    X(ERROR_EXIT, 20, "the guest exited")                                                          \
    X(ERROR_GUEST, 21, "the guest reported an error")                                              \
    X(ERROR_TYPE_MISMATCH, 22, "type mismatch")                                                    \
    X(ERROR_MALFORMED, 23, "malformed data")                                                       \
    X(ERROR_UNKNOWN_IMPORT, 24, "the module imports what nothing provides")                        \
    X(ERROR_WOULD_BLOCK, 25, "would block")                                                        \
    X(ERROR_IO, 26, "input/output error")                                                          \
    X(ERROR_UNTRUSTED, 27, "not made with this key")                                               \
    X(ERROR_ABI_MISMATCH, 28, "built against another version of the interface")                    \
    X(ERROR_FORKED, 29, "used in a forked child")                                                  \
    X(ERROR_INTERNAL, 30, "internal error")                                                        \
    X(ERROR_REMOTE, 31, "the other side reported an error")

/** WSB_OK and WSB_ERROR_…, from the list above. */
typedef enum wsb_status {
#define WSB_STATUS_ENUM(name, value, text) WSB_##name = (value),
    WSB_STATUS_MAP(WSB_STATUS_ENUM)
#undef WSB_STATUS_ENUM
} wsb_status;

/** The code's name, for instance "WSB_ERROR_TIMEOUT"; "WSB_ERROR_UNKNOWN" for a code that this
 * library does not know. Static. [thread-safe] */
WSB_API const char *wsb_status_name(wsb_status status);

/** A short text for the code, for instance "the deadline passed". Static. [thread-safe] */
WSB_API const char *wsb_status_text(wsb_status status);

/** Replaces what `buf` holds by a copy of `bytes`; its memory is used again where it is large
 * enough. WSB_ERROR_OUT_OF_MEMORY, and then `buf` is as before. [thread-safe] */
WSB_API WSB_NODISCARD wsb_status wsb_buf_assign(wsb_buf *buf, wsb_bytes bytes);

WSB_END_DECLS

#endif
