/* The scan and transform of native/module, with its failures as errors. */
#ifndef WSB_RUNTIME_SCAN_H
#define WSB_RUNTIME_SCAN_H

#include <wasm_sandbox/module.h>

#include <wsb_native_module.h>

/* `bounds` are resolved, `add` are WSBN_ADD_* bits. The caller releases the result with
 * wsbn_result_fini() in any case. Statuses: WSB_ERROR_INVALID_MODULE, WSB_ERROR_UNSUPPORTED (a
 * proposal or component: named), WSB_ERROR_LIMIT_EXCEEDED (the bound is the error's subject),
 * WSB_ERROR_INTERNAL. */
WSB_NODISCARD wsb_status wsb__scan(wsb_bytes source, const wsb_module_bounds *bounds, uint32_t add,
                                   wsbn_result *out_result, wsb_error **out_error);

#endif
