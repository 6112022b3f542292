/* A hash map from text to pointers. Keys are borrowed: they must outlive the map. */
#ifndef WSB_CORE_MAP_H
#define WSB_CORE_MAP_H

#include <wasm_sandbox/status.h>

typedef struct wsb__map wsb__map;

wsb__map *wsb__map_create(void); /* NULL when out of memory */
void wsb__map_destroy(wsb__map *map);

/* Makes room for `count` keys in all. WSB_ERROR_OUT_OF_MEMORY. */
WSB_NODISCARD wsb_status wsb__map_reserve(wsb__map *map, size_t count);

/* Adds or replaces. WSB_ERROR_OUT_OF_MEMORY. */
WSB_NODISCARD wsb_status wsb__map_put(wsb__map *map, wsb_str key, void *value);
void *wsb__map_get(const wsb__map *map, wsb_str key); /* NULL where absent */
size_t wsb__map_count(const wsb__map *map);

#endif
