/* What "wsb_host" and "wsb_channel" have in common; see docs/internals/guest-abi.md. */
#ifndef WSB_HOST_GUEST_ABI_H
#define WSB_HOST_GUEST_ABI_H

#include <wasm_sandbox/plugin/host_module.h>

/* Returned to guests. Part of the ABI: append, never renumber. */
typedef enum wsb__guest_error {
    WSB__GUEST_INVALID = -1,
    WSB__GUEST_NOT_FOUND = -2,
    WSB__GUEST_WOULD_BLOCK = -3,
    WSB__GUEST_TIMED_OUT = -4,
    WSB__GUEST_CLOSED = -5,
    WSB__GUEST_TOO_LARGE = -6,
    WSB__GUEST_NO_ROOM = -7,
    WSB__GUEST_IO = -8,
    WSB__GUEST_MALFORMED = -9
} wsb__guest_error;

/* Reports that a guest asked for a name that it was not granted. */
void wsb__guest_denied(wsb_call_context *context, const char *operation, const char *capability,
                       const uint8_t *name, uint32_t len);

/* WSB_ERROR_UNKNOWN_IMPORT for an instance whose module imports from `module_name` what its
 * configuration does not grant. `suggestion` says what to set. */
wsb_status wsb__guest_not_granted(const wsb_instance *instance, const char *module_name,
                                  const char *capability, const char *suggestion,
                                  wsb_error **out_error);

#endif
