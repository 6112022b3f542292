/* The inside of a builder. */
#ifndef WSB_SANDBOX_BUILDER_H
#define WSB_SANDBOX_BUILDER_H

#include <wasm_sandbox/sandbox.h>

/* Memory that lives as long as the builder, in blocks. */
typedef struct wsb__builder_block {
    struct wsb__builder_block *next;
    max_align_t data[];
} wsb__builder_block;

/* A channel that each build makes. */
typedef struct wsb__builder_channel {
    struct wsb__builder_channel *next;
    wsb_str name;
    wsb_str type;
    wsb_channel_factory *factory; /* NULL: the built-in types */
    wsb_channel_options options;
} wsb__builder_channel;

struct wsb_sandbox_builder {
    wsb__builder_block *blocks;
    wsb_error *problem; /* the first one */
    wsb_status problem_status;
    wsb_str path;
    wsb_bytes bytes;
    bool has_bytes;
    wsb_str engine;
    wsb_runtime *runtime;
    wsb_executor *executor;
    wsb_imports *imports;
    wsb_execution_mode mode;
    wsb_resource_limits limits;
    wsb_capabilities capabilities; /* without `directories` */
    wsb_filesystem_capability *directories;
    size_t directory_count;
    wsb__builder_channel *channels;
    size_t channel_count;
};

/* Zeroed memory of the builder's; NULL, with the problem noted, when there is none. */
void *wsb__builder_alloc(wsb_sandbox_builder *builder, size_t count, size_t size);

/* A copy of the builder's; false, with the problem noted, when there is no memory. */
bool wsb__builder_copy(wsb_sandbox_builder *builder, wsb_str text, wsb_str *out_copy);

/* Notes a problem; takes ownership of `error`. The first one is kept. */
void wsb__builder_fail(wsb_sandbox_builder *builder, wsb_status status, wsb_error *error);

/* What a build makes beside the sandbox: the capabilities with all that setters added. */
typedef struct wsb__build {
    wsb_capabilities capabilities;
    wsb_filesystem_capability *filesystem; /* one array of all, where directories were added */
    wsb_channel_grant *grants;             /* of all, where channels were added */
    size_t made;                           /* of those, the last ones: ours to release */
} wsb__build;

/* Joins the capabilities, makes the channels and gives their other ends to the sandbox. */
WSB_NODISCARD wsb_status wsb__build_begin(wsb__build *build, const wsb_sandbox_builder *builder,
                                          wsb_sandbox *sandbox, wsb_error **out_error);
void wsb__build_end(wsb__build *build);

/* Gives back the references that copied capabilities hold. */
void wsb__builder_drop_capabilities(wsb_sandbox_builder *builder);

/* Copies capabilities deeply, except what capabilities.h says is borrowed. */
void wsb__builder_copy_capabilities(wsb_sandbox_builder *builder, const wsb_capabilities *given);

#endif
