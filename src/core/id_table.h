/* Ids for objects: never reused, told apart between tables, found without scanning. */
#ifndef WSB_CORE_ID_TABLE_H
#define WSB_CORE_ID_TABLE_H

#include <wasm_sandbox/error.h>

/* An id is table tag (16 bits) | generation (24) | slot + 1 (24). Not locked: the owner does. */
typedef struct wsb__id_table wsb__id_table;

wsb__id_table *wsb__id_table_create(void); /* NULL when out of memory */
void wsb__id_table_destroy(wsb__id_table *table);

/* Statuses: WSB_ERROR_OUT_OF_MEMORY, WSB_ERROR_LIMIT_EXCEEDED (slots or generations used up). */
WSB_NODISCARD wsb_status wsb__id_table_add(wsb__id_table *table, void *object, uint64_t *out_id);

/* NULL where the id is not of a live object. */
void *wsb__id_table_get(const wsb__id_table *table, uint64_t id);

/* Takes the object out; NULL as above. */
void *wsb__id_table_remove(wsb__id_table *table, uint64_t id);

/* Whether the id was made by this table at all, live or not. */
bool wsb__id_table_owns(const wsb__id_table *table, uint64_t id);

/* The live objects in the order they were added: writes at most `capacity` ids. Returns how many
 * there are. */
size_t wsb__id_table_list(const wsb__id_table *table, uint64_t *out_ids, size_t capacity);

#endif
