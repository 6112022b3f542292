/* What a build makes beside the sandbox: the capabilities of the main instance, and channels. */
#include "core/alloc.h"
#include "core/options.h"
#include "sandbox/builder.h"
#include "sandbox/state.h"

#include <wasm_sandbox/plugin/error.h>

void wsb_sandbox_builder_channel(wsb_sandbox_builder *builder, wsb_str name,
                                 wsb_channel_factory *factory, wsb_str type,
                                 const wsb_channel_options *options)
{
    if (!builder)
        return;
    wsb__builder_channel *channel = wsb__builder_alloc(builder, 1, sizeof *channel);
    if (!channel || !wsb__builder_copy(builder, name, &channel->name) ||
        !wsb__builder_copy(builder, type, &channel->type))
        return;
    wsb_error *error = NULL;
    wsb_status status = wsb__options_copy(options, &channel->options, sizeof channel->options,
                                          "wsb_channel_options", &error);
    if (status != WSB_OK) {
        wsb__builder_fail(builder, status, error);
        return;
    }
    channel->factory = factory;
    channel->next = builder->channels;
    builder->channels = channel;
    builder->channel_count++;
}

static wsb_status no_memory(wsb_error **out_error)
{
    wsb_error_details details = {.operation = "build sandbox"};
    return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, &details,
                         "build sandbox: out of memory");
}

static wsb_status join_directories(wsb__build *build, const wsb_sandbox_builder *builder,
                                   wsb_error **out_error)
{
    wsb_capabilities *out = &build->capabilities;
    size_t given = out->filesystem_count;
    size_t count = given + builder->directory_count;
    if (builder->directory_count == 0)
        return WSB_OK;
    build->filesystem = wsb__calloc(count, sizeof *build->filesystem);
    if (!build->filesystem)
        return no_memory(out_error);
    if (given)
        memcpy(build->filesystem, out->filesystem, given * sizeof *build->filesystem);
    memcpy(build->filesystem + given, builder->directories,
           builder->directory_count * sizeof *build->filesystem);
    out->filesystem = build->filesystem;
    out->filesystem_count = count;
    return WSB_OK;
}

/* The sandbox keeps one end, the build the other until the instance has its own reference. */
static wsb_status make_channel(wsb__build *build, const wsb__builder_channel *wanted,
                               wsb_channel_factory *factory, wsb_sandbox *sandbox,
                               wsb_error **out_error)
{
    wsb_channel *end = NULL;
    wsb_channel *other = NULL;
    wsb_status status =
        wsb_channel_factory_create_channel(wanted->factory ? wanted->factory : factory,
                                           wanted->type, &wanted->options, &end, &other, out_error);
    if (status != WSB_OK)
        return status;
    status = wsb__sandbox_keep_channel(sandbox, wanted->name, end, out_error);
    if (status != WSB_OK) {
        wsb_channel_destroy(end);
        wsb_channel_destroy(other);
        return status;
    }
    wsb_capabilities *out = &build->capabilities;
    build->grants[out->channel_count++] = (wsb_channel_grant){wanted->name, other};
    build->made++;
    return WSB_OK;
}

static wsb_status make_channels(wsb__build *build, const wsb_sandbox_builder *builder,
                                wsb_sandbox *sandbox, wsb_error **out_error)
{
    wsb_capabilities *out = &build->capabilities;
    if (builder->channel_count == 0)
        return WSB_OK;
    build->grants = wsb__calloc(out->channel_count + builder->channel_count, sizeof *build->grants);
    if (!build->grants)
        return no_memory(out_error);
    if (out->channel_count)
        memcpy(build->grants, out->channels, out->channel_count * sizeof *build->grants);
    out->channels = build->grants;
    wsb_channel_factory *factory = NULL;
    wsb_status status = wsb_channel_factory_create(&factory, out_error);
    for (const wsb__builder_channel *wanted = builder->channels; wanted && status == WSB_OK;
         wanted = wanted->next)
        status = make_channel(build, wanted, factory, sandbox, out_error);
    wsb_channel_factory_destroy(factory);
    return status;
}

wsb_status wsb__build_begin(wsb__build *build, const wsb_sandbox_builder *builder,
                            wsb_sandbox *sandbox, wsb_error **out_error)
{
    build->capabilities = builder->capabilities;
    wsb_status status = join_directories(build, builder, out_error);
    return status == WSB_OK ? make_channels(build, builder, sandbox, out_error) : status;
}

void wsb__build_end(wsb__build *build)
{
    for (size_t i = 0; i < build->made; i++)
        wsb_channel_destroy(build->grants[build->capabilities.channel_count - 1 - i].channel);
    wsb__free(build->grants);
    wsb__free(build->filesystem);
}
