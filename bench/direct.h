/* An engine used directly, through its own C API: the raw side of bench_engines. Each engine is in
 * a shared object of its own with one entry symbol, as the standard's C API has the same names in
 * all of them. */
#ifndef WSB_BENCH_DIRECT_H
#define WSB_BENCH_DIRECT_H

#include <stddef.h>
#include <stdint.h>

/* All functions end the program where anything fails. */
typedef struct direct_ops {
    /* Compiles guests/speed.wat, whose only import is "env" "note", an (i32) -> (). */
    void *(*module_compile)(const uint8_t *bytes, size_t len);
    /* Compiles and forgets any module, whatever it imports. */
    void (*compile)(const uint8_t *bytes, size_t len);
    /* An instance in a store of its own, with its imports, its exports looked up. */
    void *(*instance_create)(void *module);
    void (*instance_destroy)(void *instance);
    /* Creates and destroys so many instances. */
    void (*cycles)(void *module, uint64_t iterations);
    /* Calls "add" so often by the API's cheapest call; checks each result. */
    void (*adds)(void *instance, uint64_t iterations);
    /* Calls an export of type (i32) -> (i32). */
    int32_t (*call)(void *instance, const char *name, int32_t argument);
} direct_ops;

#define DIRECT_ENTRY "direct_entry"
typedef const direct_ops *(*direct_entry_fn)(void);

#endif
