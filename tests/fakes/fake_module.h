/* What the fake engine reads from a module: declarations, no code. */
#ifndef WSB_TESTS_FAKE_MODULE_H
#define WSB_TESTS_FAKE_MODULE_H

#include <wasm_sandbox/plugin/engine.h>

#define FAKE_MAX_EXPORTS 256
#define FAKE_MAX_GLOBALS 64
#define FAKE_MAX_TABLES 16
#define FAKE_MAX_SEGMENTS 32
#define FAKE_PAGE ((uint64_t)65536)

typedef struct fake_limits {
    uint64_t min;
    uint64_t max;
} fake_limits;

typedef struct fake_export {
    wsb_str name;
    wsb_extern_kind kind;
    uint32_t index;
    wsb_str behaviour; /* functions: the line of the script, or the name */
} fake_export;

typedef struct fake_segment {
    uint64_t offset;
    wsb_bytes bytes;
} fake_segment;

typedef struct fake_global {
    wsb_value_type type;
    bool is_mutable;
    wsb_raw_value value;
} fake_global;

/* Views point into the bytes. */
typedef struct fake_module {
    wsb_bytes bytes;
    uint32_t import_count;
    bool has_memory;
    fake_limits memory;
    uint32_t table_count;
    fake_limits tables[FAKE_MAX_TABLES];
    uint32_t global_count;
    fake_global globals[FAKE_MAX_GLOBALS];
    uint32_t export_count;
    fake_export exports[FAKE_MAX_EXPORTS];
    uint32_t segment_count;
    fake_segment segments[FAKE_MAX_SEGMENTS];
} fake_module;

/* NULL on success, else what is wrong (static). */
const char *fake_module_read(fake_module *module, wsb_bytes bytes);

#endif
