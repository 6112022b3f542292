/* Inside of limits.h. */
#ifndef WSB_SECURITY_LIMITS_H
#define WSB_SECURITY_LIMITS_H

#include <wasm_sandbox/limits.h>

/* The largest finite limit: sums of two never overflow. */
#define WSB__LIMIT_MAX ((uint64_t)INT64_MAX)

/* The smallest stack that engines can run anything on. */
#define WSB__STACK_MIN ((uint64_t)16 * 1024)

/* Whether a field of wsb_resource_limits has that name. */
bool wsb__limit_is_builtin(wsb_str name);

#endif
