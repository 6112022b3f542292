/* A set of host functions. */
#ifndef WSB_RUNTIME_IMPORTS_H
#define WSB_RUNTIME_IMPORTS_H

#include <stdatomic.h>

#include <wasm_sandbox/host_function.h>

#include "core/map.h"

/* One function; strings and arrays are its own. */
typedef struct wsb__import_entry {
    char *module;
    char *name;
    wsb_value_type *types; /* parameters, then results */
    wsb_function_type type;
    wsb_host_fn call;
    wsb_raw_host_fn call_raw;
    bool never_waits;
    void *user_data;
    void (*destroy)(void *user_data);
} wsb__import_entry;

struct wsb_imports {
    _Atomic unsigned refs;
    _Atomic bool in_use;
    uint64_t serial; /* of this process, from 1: tells sets apart also when they are gone */
    wsb__import_entry *entries;
    size_t count;
    size_t capacity;
    struct wsb__structured *structured; /* the last one first; structured_function.h */
    wsb__map *structured_map;           /* by name; NULL while there are none */
};

wsb_imports *wsb__imports_ref(wsb_imports *imports);

/* The entry of that name; NULL where there is none. */
const wsb__import_entry *wsb__imports_find(const wsb_imports *imports, wsb_str module,
                                           wsb_str name);

#endif
