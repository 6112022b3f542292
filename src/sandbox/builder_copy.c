/* The builder's copies of what its setters were given. */
#include "core/alloc.h"
#include "core/options.h"
#include "sandbox/builder.h"

#include <wasm_sandbox/plugin/error.h>

void wsb__builder_fail(wsb_sandbox_builder *builder, wsb_status status, wsb_error *error)
{
    if (builder->problem_status != WSB_OK) {
        wsb_error_destroy(error);
        return;
    }
    builder->problem_status = status;
    builder->problem = error;
}

static void fail(wsb_sandbox_builder *builder, wsb_status status, const char *message)
{
    wsb_error_details details = {.operation = "build sandbox"};
    wsb_error *error = NULL;
    (void)wsb_error_set(&error, status, &details, "build sandbox: %s", message);
    wsb__builder_fail(builder, status, error);
}

void *wsb__builder_alloc(wsb_sandbox_builder *builder, size_t count, size_t size)
{
    size_t bytes = 0;
    wsb__builder_block *block = NULL;
    if (!__builtin_mul_overflow(count, size, &bytes) &&
        !__builtin_add_overflow(bytes, sizeof *block, &bytes))
        block = wsb__calloc(1, bytes);
    if (!block) {
        fail(builder, WSB_ERROR_OUT_OF_MEMORY, "out of memory");
        return NULL;
    }
    block->next = builder->blocks;
    builder->blocks = block;
    return block->data;
}

bool wsb__builder_copy(wsb_sandbox_builder *builder, wsb_str text, wsb_str *out_copy)
{
    if (text.len && !text.data) {
        fail(builder, WSB_ERROR_INVALID_ARGUMENT, "a text is NULL but its length is not 0");
        return false;
    }
    char *copy = wsb__builder_alloc(builder, text.len + 1, 1);
    if (!copy)
        return false;
    if (text.len)
        memcpy(copy, text.data, text.len);
    *out_copy = (wsb_str){copy, text.len};
    return true;
}

/* A copy of an array of texts; NULL for none. */
static wsb_str *copy_texts(wsb_sandbox_builder *builder, const wsb_str *texts, size_t count)
{
    wsb_str *copies = count ? wsb__builder_alloc(builder, count, sizeof *copies) : NULL;
    for (size_t i = 0; copies && i < count; i++) {
        if (!wsb__builder_copy(builder, texts[i], &copies[i]))
            return NULL;
    }
    return copies;
}

static void copy_filesystem(wsb_sandbox_builder *builder, wsb_capabilities *to)
{
    const wsb_filesystem_capability *from = to->filesystem;
    wsb_filesystem_capability *copies =
        to->filesystem_count ? wsb__builder_alloc(builder, to->filesystem_count, sizeof *copies)
                             : NULL;
    for (size_t i = 0; copies && i < to->filesystem_count; i++) {
        if (from[i].size != sizeof *from) {
            fail(builder, WSB_ERROR_ABI_MISMATCH,
                 "a wsb_filesystem_capability has another size than this library's");
            break;
        }
        copies[i] = from[i];
        if (!wsb__builder_copy(builder, from[i].host_path, &copies[i].host_path) ||
            !wsb__builder_copy(builder, from[i].guest_path, &copies[i].guest_path))
            break;
    }
    to->filesystem = copies;
}

static void copy_environment(wsb_sandbox_builder *builder, wsb_capabilities *to)
{
    const wsb_environment_variable *from = to->environment;
    wsb_environment_variable *copies =
        to->environment_count ? wsb__builder_alloc(builder, to->environment_count, sizeof *copies)
                              : NULL;
    for (size_t i = 0; copies && i < to->environment_count; i++) {
        if (!wsb__builder_copy(builder, from[i].name, &copies[i].name) ||
            !wsb__builder_copy(builder, from[i].value, &copies[i].value))
            break;
    }
    to->environment = copies;
}

static void copy_network(wsb_sandbox_builder *builder, wsb_capabilities *to)
{
    wsb_error *error = NULL;
    if (!to->network)
        return;
    wsb_network_capability *copy = wsb__builder_alloc(builder, 1, sizeof *copy);
    if (!copy)
        return;
    wsb_status status =
        wsb__options_copy(to->network, copy, sizeof *copy, "wsb_network_capability", &error);
    if (status != WSB_OK) {
        wsb__builder_fail(builder, status, error);
        return;
    }
    if ((copy->host_count && !copy->hosts) || (copy->port_count && !copy->ports)) {
        fail(builder, WSB_ERROR_INVALID_ARGUMENT, "an array of the network is NULL but not empty");
        return;
    }
    copy->hosts = copy_texts(builder, copy->hosts, copy->host_count);
    uint16_t *ports =
        copy->port_count ? wsb__builder_alloc(builder, copy->port_count, sizeof *ports) : NULL;
    if (ports)
        memcpy(ports, copy->ports, copy->port_count * sizeof *ports);
    copy->ports = ports;
    to->network = copy;
}

/* Each copy holds a reference. */
static void copy_channels(wsb_sandbox_builder *builder, wsb_capabilities *to)
{
    const wsb_channel_grant *from = to->channels;
    wsb_channel_grant *copies =
        to->channel_count ? wsb__builder_alloc(builder, to->channel_count, sizeof *copies) : NULL;
    size_t count = 0;
    for (; copies && count < to->channel_count; count++) {
        if (!wsb__builder_copy(builder, from[count].name, &copies[count].name))
            break;
        copies[count].channel = wsb_channel_ref(from[count].channel);
    }
    to->channels = copies;
    to->channel_count = count;
}

void wsb__builder_drop_capabilities(wsb_sandbox_builder *builder)
{
    for (size_t i = 0; i < builder->capabilities.channel_count; i++)
        wsb_channel_destroy(builder->capabilities.channels[i].channel);
    builder->capabilities.channel_count = 0;
}

void wsb__builder_copy_capabilities(wsb_sandbox_builder *builder, const wsb_capabilities *given)
{
    wsb_capabilities copy;
    wsb_error *error = NULL;
    wsb_status status = wsb__options_copy(given, &copy, sizeof copy, "wsb_capabilities", &error);
    if (status != WSB_OK) {
        wsb__builder_fail(builder, status, error);
        return;
    }
    if ((copy.filesystem_count && !copy.filesystem) || (copy.argument_count && !copy.arguments) ||
        (copy.environment_count && !copy.environment) || (copy.channel_count && !copy.channels)) {
        fail(builder, WSB_ERROR_INVALID_ARGUMENT, "an array of capabilities is NULL but not empty");
        return;
    }
    copy_filesystem(builder, &copy);
    copy_network(builder, &copy);
    copy_environment(builder, &copy);
    copy.arguments = copy_texts(builder, copy.arguments, copy.argument_count);
    copy_channels(builder, &copy);
    wsb__builder_drop_capabilities(builder);
    /* Half a copy is never used: build() looks at the problem first. */
    builder->capabilities = copy;
}
