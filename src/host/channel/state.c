#include "host/channel/state.h"

#include "core/alloc.h"
#include "core/buffer.h"
#include "core/options.h"
#include "runtime/ticks.h"

#include <wasm_sandbox/plugin/error.h>

/* The state with its ends and their names behind it. Checked before: see
 * security/capabilities_check.c. */
static wsb__guest_channels *allocate(const wsb_capabilities *capabilities)
{
    size_t names = 0;
    for (size_t i = 0; i < capabilities->channel_count; i++)
        names += capabilities->channels[i].name.len;
    wsb__guest_channels *channels = wsb__calloc(
        1, sizeof *channels + capabilities->channel_count * sizeof *channels->ends + names);
    if (channels)
        channels->ends = (wsb__guest_end *)(channels + 1);
    return channels;
}

static void take_grants(wsb__guest_channels *channels, const wsb_capabilities *capabilities)
{
    char *name = (char *)(channels->ends + capabilities->channel_count);
    channels->end_count = capabilities->channel_count;
    for (size_t i = 0; i < channels->end_count; i++) {
        const wsb_channel_grant *grant = &capabilities->channels[i];
        wsb__guest_end *end = &channels->ends[i];
        memcpy(name, grant->name.data, grant->name.len);
        end->name = (wsb_str){name, grant->name.len};
        end->channel = wsb_channel_ref(grant->channel);
        end->keeper[0] = end->keeper[1] = -1;
        name += grant->name.len;
    }
    for (size_t i = 0; i < WSB__GUEST_HANDLES; i++)
        channels->handles[i] = -1;
}

wsb_status wsb__guest_channels_create(wsb_instance *instance, const wsb_capabilities *capabilities,
                                      const wsb_resource_limits *limits, void **out_state,
                                      wsb_error **out_error)
{
    wsb_capabilities given = WSB_CAPABILITIES_INIT;
    (void)limits;
    wsb_status status =
        wsb__options_copy(capabilities, &given, sizeof given, "wsb_capabilities", out_error);
    if (status != WSB_OK)
        return status;
    if (given.channel_count == 0)
        return wsb__guest_not_granted(instance, "wsb_channel", "channels",
                                      "grant them by name in wsb_capabilities.channels", out_error);
    wsb__guest_channels *channels = allocate(&given);
    if (!channels)
        return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL, "no memory for channels");
    channels->instance = instance;
    take_grants(channels, &given);
    *out_state = channels;
    return WSB_OK;
}

void wsb__guest_channels_destroy(void *state)
{
    wsb__guest_channels *channels = state;
    if (!channels)
        return;
    for (size_t i = 0; i < channels->end_count; i++) {
        wsb_buf_fini(&channels->ends[i].message[0]);
        wsb_buf_fini(&channels->ends[i].message[1]);
        wsb_channel_destroy(channels->ends[i].channel);
    }
    wsb__free(channels);
}

wsb__guest_end *wsb__guest_handle(wsb__guest_channels *channels, int32_t handle)
{
    if (handle < 0 || handle >= WSB__GUEST_HANDLES || channels->handles[handle] < 0)
        return NULL;
    return &channels->ends[channels->handles[handle]];
}

bool wsb__guest_timeout(int64_t timeout, uint64_t *out_ns)
{
    *out_ns = timeout == -1 ? UINT64_MAX : (uint64_t)timeout;
    return timeout >= -1;
}

void wsb__guest_wait_from_now(wsb__guest_channels *channels, uint64_t timeout_ns)
{
    channels->until = wsb__monotonic_in(timeout_ns);
}

uint64_t wsb__guest_wait_left(const wsb__guest_channels *channels)
{
    if (channels->until == UINT64_MAX)
        return UINT64_MAX;
    uint64_t now = wsb__monotonic_ns();
    return now < channels->until ? channels->until - now : 0;
}

int wsb__guest_error_of(wsb_status status)
{
    switch (status) {
    case WSB_OK:
        return 0;
    case WSB_ERROR_WOULD_BLOCK:
        return WSB__GUEST_WOULD_BLOCK;
    case WSB_ERROR_TIMEOUT:
        return WSB__GUEST_TIMED_OUT;
    case WSB_ERROR_CLOSED:
        return WSB__GUEST_CLOSED;
    case WSB_ERROR_LIMIT_EXCEEDED:
        return WSB__GUEST_TOO_LARGE;
    case WSB_ERROR_OUT_OF_MEMORY:
        return WSB__GUEST_NO_ROOM;
    case WSB_ERROR_MALFORMED:
        return WSB__GUEST_MALFORMED;
    default:
        return WSB__GUEST_IO;
    }
}

static wsb_host_result done(wsb_raw_value *values, int32_t result)
{
    values[0].i32 = result;
    return WSB_HOST_DONE;
}

static int find_end(const wsb__guest_channels *channels, wsb_str name)
{
    for (size_t i = 0; i < channels->end_count; i++) {
        if (wsb__str_equal(channels->ends[i].name, name))
            return (int)i;
    }
    return -1;
}

wsb_host_result wsb__guest_open(wsb_call_context *context, wsb_raw_value *values, void *state)
{
    wsb__guest_channels *channels = state;
    uint8_t *name;
    uint32_t len = values[1].u32;
    if (wsb_call_context_memory(context, values[0].u32, len, &name) != WSB_OK)
        return done(values, WSB__GUEST_INVALID);
    int end = find_end(channels, (wsb_str){(const char *)name, len});
    if (end < 0) {
        wsb__guest_denied(context, "channel_open", "channels", name, len);
        return done(values, WSB__GUEST_NOT_FOUND);
    }
    for (int handle = 0; handle < WSB__GUEST_HANDLES; handle++) {
        if (channels->handles[handle] < 0) {
            channels->handles[handle] = (int16_t)end;
            return done(values, handle);
        }
    }
    return done(values, WSB__GUEST_NO_ROOM);
}

wsb_host_result wsb__guest_close(wsb_call_context *context, wsb_raw_value *values, void *state)
{
    wsb__guest_channels *channels = state;
    int32_t handle = values[0].i32;
    wsb__guest_end *end = wsb__guest_handle(channels, handle);
    (void)context;
    if (!end)
        return done(values, WSB__GUEST_INVALID);
    for (int lane = 0; lane < WSB__GUEST_LANES; lane++) {
        if (end->keeper[lane] == handle) {
            end->keeper[lane] = -1;
            wsb_buf_fini(&end->message[lane]);
        }
    }
    channels->handles[handle] = -1;
    return done(values, 0);
}
