/* The keys of the objects that a scan is inside of: each may stand once. */
#ifndef WSB_COMMUNICATION_RPC_JSON_KEYS_H
#define WSB_COMMUNICATION_RPC_JSON_KEYS_H

#include "communication/rpc/json_scan.h"

/* Both return false with the scan's `problem` or `out_of_memory` set. */
bool wsb__json_keys_add(wsb__json_scan *scan, uint32_t first, const wsb__json_string *string,
                        wsb_str *out_key);
/* The object has ended: forgets its keys. */
bool wsb__json_keys_end(wsb__json_scan *scan, uint32_t first);

#endif
