/* The ABI rule of options structs: `size` first, an unknown non-zero tail is refused. */
#ifndef WSB_CORE_OPTIONS_H
#define WSB_CORE_OPTIONS_H

#include <wasm_sandbox/error.h>

/* Copies a caller's options struct over defaults (zeros).
 *
 * given   the caller's struct, NULL for all defaults; its first member is its size
 * out     ours, `known` bytes; `out` gets `size == known`
 * name    for the error, "wsb_instance_config"
 *
 * WSB_ERROR_INVALID_ARGUMENT where the size is impossible; WSB_ERROR_ABI_MISMATCH where the
 * caller's struct is longer and sets something that this library does not know. */
WSB_NODISCARD wsb_status wsb__options_copy(const void *given, void *out, size_t known,
                                           const char *name, wsb_error **out_error);

#endif
