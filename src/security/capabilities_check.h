/* Checks of what a caller grants, before anything is made from it. */
#ifndef WSB_SECURITY_CAPABILITIES_CHECK_H
#define WSB_SECURITY_CAPABILITIES_CHECK_H

#include <wasm_sandbox/capabilities.h>

/* Whether a grant is complete, unambiguous and can be honoured; `capabilities` NULL is none at
 * all. Statuses: WSB_ERROR_INVALID_CAPABILITY (the error names the field and the entry),
 * WSB_ERROR_UNSUPPORTED (a network grant), WSB_ERROR_ABI_MISMATCH and WSB_ERROR_INVALID_ARGUMENT
 * (sizes of structs). After WSB_OK the arrays have structs of exactly this library's size, so
 * they can be indexed. */
WSB_NODISCARD wsb_status wsb__capabilities_check(const wsb_capabilities *capabilities,
                                                 wsb_error **out_error);

#endif
