/* The inside of a builder. */
#ifndef WSB_SANDBOX_BUILDER_H
#define WSB_SANDBOX_BUILDER_H

#include <wasm_sandbox/sandbox.h>

/* Memory that lives as long as the builder, in blocks. */
typedef struct wsb__builder_block {
    struct wsb__builder_block *next;
    max_align_t data[];
} wsb__builder_block;

struct wsb_sandbox_builder {
    wsb__builder_block *blocks;
    wsb_error *problem; /* the first one */
    wsb_status problem_status;
    wsb_str path;
    wsb_bytes bytes;
    bool has_bytes;
    wsb_str engine;
    wsb_runtime *runtime;
    wsb_imports *imports;
    wsb_resource_limits limits;
    wsb_capabilities capabilities; /* without `directories` */
    wsb_filesystem_capability *directories;
    size_t directory_count;
};

/* Zeroed memory of the builder's; NULL, with the problem noted, when there is none. */
void *wsb__builder_alloc(wsb_sandbox_builder *builder, size_t count, size_t size);

/* A copy of the builder's; false, with the problem noted, when there is no memory. */
bool wsb__builder_copy(wsb_sandbox_builder *builder, wsb_str text, wsb_str *out_copy);

/* Notes a problem; takes ownership of `error`. The first one is kept. */
void wsb__builder_fail(wsb_sandbox_builder *builder, wsb_status status, wsb_error *error);

/* Copies capabilities deeply, except what capabilities.h says is borrowed. */
void wsb__builder_copy_capabilities(wsb_sandbox_builder *builder, const wsb_capabilities *given);

#endif
