/* The per-user key file that authenticates compiled code. */
#ifndef WSB_RUNTIME_CODE_KEY_H
#define WSB_RUNTIME_CODE_KEY_H

#include "runtime/envelope.h"

/* Reads the key; makes the file (mode 0600, random) and its folders (0700) where they are missing.
 * Processes that race agree on one key. Statuses: WSB_ERROR_ACCESS_DENIED (not a regular file, not
 * the user's own, or open to others), WSB_ERROR_MALFORMED (its length), WSB_ERROR_IO,
 * WSB_ERROR_INVALID_ARGUMENT (the path), WSB_ERROR_OUT_OF_MEMORY. */
WSB_NODISCARD wsb_status wsb__code_key_load(wsb_str path, wsb__key *out_key, wsb_error **out_error);

/* Overwrites a key that is no longer needed. NULL is allowed. */
void wsb__code_key_wipe(wsb__key *key);

#endif
