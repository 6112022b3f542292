/* What the scan found in a module: read from the blob of native/module. */
#ifndef WSB_RUNTIME_MODULE_INFO_H
#define WSB_RUNTIME_MODULE_INFO_H

#include "core/map.h"

#include <wasm_sandbox/module.h>

#define WSB__MODULE_HAS_MEMORY ((uint64_t)1 << 0)
#define WSB__MODULE_IS_COMMAND ((uint64_t)1 << 1)
#define WSB__MODULE_IS_REACTOR ((uint64_t)1 << 2)
#define WSB__MODULE_HAS_START ((uint64_t)1 << 3)
#define WSB__MODULE_MEMORY_64 ((uint64_t)1 << 4)
#define WSB__MODULE_GROW_COUNTED ((uint64_t)1 << 5) /* the global wsb:grow_refused exists */
#define WSB__MODULE_MEMORY_IMPORTED ((uint64_t)1 << 6)
#define WSB__MODULE_HAS_BUDGET ((uint64_t)1 << 7)       /* wsb:budget, and tick its last import */
#define WSB__MODULE_HAS_MEMORY_LIMIT ((uint64_t)1 << 8) /* wsb:memory_limit */
#define WSB__MODULE_HAS_TABLE_LIMIT ((uint64_t)1 << 9)  /* wsb:table_limit */
/* What a module has of what was added to it. */
#define WSB__MODULE_ADDED                                                                          \
    (WSB__MODULE_HAS_BUDGET | WSB__MODULE_HAS_MEMORY_LIMIT | WSB__MODULE_HAS_TABLE_LIMIT)

typedef struct wsb__module_info {
    wsb_module_info info;
    uint64_t flags;
    uint64_t memory_min_pages; /* as in the blob; UINT64_MAX: none */
    uint64_t memory_max_pages;
    uint64_t table_min;     /* largest minimum of any table */
    uint64_t table_max;     /* largest maximum of any defined table, UINT64_MAX if one has none, 0
                               without tables */
    uint64_t table_min_sum; /* minimums of all tables together, UINT64_MAX where they are more */
    wsb_bytes blob;         /* the owned copy that all strings point into */
    wsb__map *exports_by_name; /* wsb_extern_info */
} wsb__module_info;

/* Parses with full checks of bounds. The blob is copied. Statuses: WSB_ERROR_MALFORMED,
 * WSB_ERROR_OUT_OF_MEMORY. */
WSB_NODISCARD wsb_status wsb__module_info_parse(wsb_bytes blob, wsb__module_info **out_info,
                                                wsb_error **out_error);
void wsb__module_info_destroy(wsb__module_info *info);

/* The export of that name, NULL where there is none. Borrowed; valid while `info` is. */
const wsb_extern_info *wsb__module_info_export(const wsb__module_info *info, wsb_str name);

#endif
