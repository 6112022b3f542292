#include "security/capabilities_check.h"

#include "core/auto.h"
#include "core/buffer.h"
#include "core/map.h"
#include "core/options.h"

#include <fcntl.h>
#include <limits.h>
#include <wasm_sandbox/plugin/error.h>

/* Arguments and environment end up in a 32-bit memory, with a pointer for each. */
#define WSB__TEXT_TOTAL_MAX ((size_t)16 * 1024 * 1024)
#define WSB__ENTRIES_MAX ((size_t)65536)
/* A guest opens a channel by looking through them. */
#define WSB__CHANNELS_MAX ((size_t)1024)
#define WSB__CHANNEL_NAME_MAX ((size_t)256)

WSB_DEFINE_AUTO_PTR(wsb__map, wsb__map_destroy)

#define REFUSE(out_error, name, hint, ...)                                                         \
    wsb_error_set(out_error, WSB_ERROR_INVALID_CAPABILITY,                                         \
                  &(wsb_error_details){                                                            \
                      .operation = "check capabilities", .subject = (name), .suggestion = (hint)}, \
                  __VA_ARGS__)

static bool has_nul(wsb_str text)
{
    return text.len > 0 && memchr(text.data, '\0', text.len);
}

static int shown(wsb_str text)
{
    return text.len > 200 ? 200 : (int)text.len;
}

static wsb_status check_array(const void *array, size_t count, const char *name,
                              wsb_error **out_error)
{
    if (count > 0 && !array)
        return REFUSE(out_error, name, "", "capability %s: %zu entries, but the array is NULL",
                      name, count);
    if (count > WSB__ENTRIES_MAX)
        return REFUSE(out_error, name, "", "capability %s: %zu entries are too many (at most %zu)",
                      name, count, WSB__ENTRIES_MAX);
    return WSB_OK;
}

static wsb_status check_path(wsb_str path, const char *which, size_t index, wsb_error **out_error)
{
    if (path.len > 0 && !path.data)
        return REFUSE(out_error, "filesystem", "", "capability filesystem[%zu]: %s is NULL", index,
                      which);
    if (path.len >= PATH_MAX)
        return REFUSE(out_error, "filesystem", "", "capability filesystem[%zu]: %s is too long",
                      index, which);
    if (has_nul(path))
        return REFUSE(out_error, "filesystem", "",
                      "capability filesystem[%zu]: %s has a NUL byte in it", index, which);
    return WSB_OK;
}

/* "/data/" and "/data" are one name. */
static wsb_str without_slashes(wsb_str path)
{
    while (path.len > 1 && path.data[path.len - 1] == '/')
        path.len--;
    return path;
}

static wsb_status check_access(const wsb_filesystem_capability *fs, size_t index,
                               wsb_error **out_error)
{
    switch (fs->access) {
    case WSB_FILESYSTEM_NONE:
    case WSB_FILESYSTEM_READ_ONLY:
        if (fs->allow_create || fs->allow_delete)
            return REFUSE(out_error, "filesystem",
                          "use WSB_FILESYSTEM_READ_WRITE, or leave allow_create and allow_delete "
                          "unset",
                          "capability filesystem[%zu] '%.*s': %s needs read-write access", index,
                          shown(fs->host_path), fs->host_path.data,
                          fs->allow_create ? "allow_create" : "allow_delete");
        return WSB_OK;
    case WSB_FILESYSTEM_READ_WRITE:
        return WSB_OK;
    }
    return REFUSE(out_error, "filesystem", "", "capability filesystem[%zu]: access %d is unknown",
                  index, (int)fs->access);
}

static wsb_status check_directory(const wsb_filesystem_capability *fs, size_t index,
                                  wsb__map *guest_paths, wsb_error **out_error)
{
    if (fs->size != sizeof *fs)
        return wsb_error_set(out_error, WSB_ERROR_ABI_MISMATCH,
                             &(wsb_error_details){.operation = "check capabilities",
                                                  .subject = "filesystem",
                                                  .suggestion = "start each entry from "
                                                                "WSB_FILESYSTEM_CAPABILITY_INIT",
                                                  .used = fs->size,
                                                  .allowed = sizeof *fs},
                             "capability filesystem[%zu]: its size is %zu, not %zu", index,
                             fs->size, sizeof *fs);
    wsb_status status = check_path(fs->host_path, "host_path", index, out_error);
    if (status == WSB_OK)
        status = check_path(fs->guest_path, "guest_path", index, out_error);
    if (status != WSB_OK)
        return status;
    if (fs->host_path.len == 0)
        return REFUSE(out_error, "filesystem", "name a directory of the host",
                      "capability filesystem[%zu]: host_path is empty", index);
    status = check_access(fs, index, out_error);
    if (status != WSB_OK)
        return status;
    wsb_str guest = without_slashes(fs->guest_path.len > 0 ? fs->guest_path : fs->host_path);
    if (!wsb__utf8_valid(guest.data, guest.len))
        return REFUSE(out_error, "filesystem", "give a guest_path",
                      "capability filesystem[%zu]: the path for the guest is not UTF-8", index);
    if (wsb__map_get(guest_paths, guest))
        return REFUSE(out_error, "filesystem", "give each directory its own guest_path",
                      "capability filesystem[%zu]: the guest path '%.*s' is there twice", index,
                      shown(guest), guest.data);
    status = wsb__map_put(guest_paths, guest, (void *)fs);
    return status == WSB_OK ? WSB_OK
                            : wsb_error_set(out_error, status, NULL, "%s", wsb_status_text(status));
}

static wsb_status check_filesystem(const wsb_capabilities *c, wsb_error **out_error)
{
    wsb_status status = check_array(c->filesystem, c->filesystem_count, "filesystem", out_error);
    if (status != WSB_OK || c->filesystem_count == 0)
        return status;
    WSB_AUTO_PTR(wsb__map) guest_paths = wsb__map_create();
    if (!guest_paths)
        return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL, "check capabilities: %s",
                             wsb_status_text(WSB_ERROR_OUT_OF_MEMORY));
    for (size_t i = 0; i < c->filesystem_count && status == WSB_OK; i++)
        status = check_directory(&c->filesystem[i], i, guest_paths, out_error);
    return status;
}

static const char *network_name(wsb_network_access access)
{
    switch (access) {
    case WSB_NETWORK_NONE:
        return "none";
    case WSB_NETWORK_LOOPBACK:
        return "loopback";
    case WSB_NETWORK_ALLOWED_HOSTS:
        return "allowed hosts";
    case WSB_NETWORK_ALLOWED_PORTS:
        return "allowed ports";
    case WSB_NETWORK_FULL:
        return "full";
    }
    return NULL;
}

static wsb_status check_network(const wsb_network_capability *given, wsb_error **out_error)
{
    if (!given)
        return WSB_OK;
    wsb_network_capability network;
    wsb_status status =
        wsb__options_copy(given, &network, sizeof network, "wsb_network_capability", out_error);
    if (status != WSB_OK)
        return status;
    const char *name = network_name(network.access);
    if (!name)
        return REFUSE(out_error, "network", "", "capability network: access %d is unknown",
                      (int)network.access);
    if (network.access != WSB_NETWORK_NONE)
        return wsb_error_set(out_error, WSB_ERROR_UNSUPPORTED,
                             &(wsb_error_details){.operation = "check capabilities",
                                                  .subject = "network",
                                                  .suggestion = "leave the network out: nothing "
                                                                "offers guests one yet"},
                             "capability network: access '%s' cannot be granted: this version has "
                             "no network for guests",
                             name);
    if (network.host_count > 0 || network.port_count > 0)
        return REFUSE(out_error, "network", "leave hosts and ports out",
                      "capability network: hosts or ports are given, but the access is none");
    return WSB_OK;
}

static wsb_status check_total(size_t *total, size_t len, const char *name, wsb_error **out_error)
{
    if (len > WSB__TEXT_TOTAL_MAX - *total)
        return REFUSE(out_error, name, "", "capability %s: more than %zu bytes in all", name,
                      WSB__TEXT_TOTAL_MAX);
    *total += len;
    return WSB_OK;
}

static wsb_status check_text(wsb_str text, const char *name, size_t index, wsb_error **out_error)
{
    if (text.len > 0 && !text.data)
        return REFUSE(out_error, name, "", "capability %s[%zu]: its text is NULL", name, index);
    if (has_nul(text))
        return REFUSE(out_error, name, "", "capability %s[%zu] has a NUL byte in it", name, index);
    return WSB_OK;
}

static wsb_status check_arguments(const wsb_capabilities *c, wsb_error **out_error)
{
    wsb_status status = check_array(c->arguments, c->argument_count, "arguments", out_error);
    size_t total = 0;
    for (size_t i = 0; i < c->argument_count && status == WSB_OK; i++) {
        status = check_text(c->arguments[i], "arguments", i, out_error);
        if (status == WSB_OK)
            status = check_total(&total, c->arguments[i].len, "arguments", out_error);
    }
    return status;
}

static wsb_status check_variable(const wsb_environment_variable *v, size_t index, size_t *total,
                                 wsb_error **out_error)
{
    wsb_status status = check_text(v->name, "environment", index, out_error);
    if (status == WSB_OK)
        status = check_text(v->value, "environment", index, out_error);
    if (status != WSB_OK)
        return status;
    if (v->name.len == 0)
        return REFUSE(out_error, "environment", "",
                      "capability environment[%zu]: its name is empty", index);
    if (memchr(v->name.data, '=', v->name.len))
        return REFUSE(out_error, "environment", "put what follows the '=' into the value",
                      "capability environment[%zu]: the name '%.*s' has a '=' in it", index,
                      shown(v->name), v->name.data);
    status = check_total(total, v->name.len, "environment", out_error);
    return status == WSB_OK ? check_total(total, v->value.len, "environment", out_error) : status;
}

static wsb_status check_environment(const wsb_capabilities *c, wsb_error **out_error)
{
    wsb_status status = check_array(c->environment, c->environment_count, "environment", out_error);
    size_t total = 0;
    for (size_t i = 0; i < c->environment_count && status == WSB_OK; i++)
        status = check_variable(&c->environment[i], i, &total, out_error);
    return status;
}

static wsb_status check_fd(int fd, const char *name, wsb_error **out_error)
{
    if (fd < 0 || fcntl(fd, F_GETFD) < 0)
        return REFUSE(out_error, name, "give an open descriptor",
                      "capability %s: descriptor %d is not open", name, fd);
    return WSB_OK;
}

/* What is set for another kind would be ignored, so it is refused. */
static wsb_status check_input(const wsb_input *in, wsb_error **out_error)
{
    const char *name = "standard_input";
    if (in->bytes.len > 0 && (in->kind != WSB_INPUT_BYTES || !in->bytes.data))
        return REFUSE(out_error, name, "set kind to WSB_INPUT_BYTES",
                      "capability standard_input: bytes and kind do not go together");
    if ((in->read != NULL) != (in->kind == WSB_INPUT_CALLBACK))
        return REFUSE(out_error, name, "set both read and WSB_INPUT_CALLBACK, or neither",
                      "capability standard_input: read and kind do not go together");
    switch (in->kind) {
    case WSB_INPUT_FD:
        return check_fd(in->fd, name, out_error);
    case WSB_INPUT_NONE:
    case WSB_INPUT_BYTES:
    case WSB_INPUT_CALLBACK:
    case WSB_INPUT_EMPTY:
        return WSB_OK;
    }
    return REFUSE(out_error, name, "", "capability standard_input: kind %d is unknown",
                  (int)in->kind);
}

static wsb_status check_output(const wsb_output *out, const char *name, wsb_error **out_error)
{
    if ((out->write != NULL) != (out->kind == WSB_OUTPUT_CALLBACK))
        return REFUSE(out_error, name, "set both write and WSB_OUTPUT_CALLBACK, or neither",
                      "capability %s: write and kind do not go together", name);
    switch (out->kind) {
    case WSB_OUTPUT_FD:
        return check_fd(out->fd, name, out_error);
    case WSB_OUTPUT_NONE:
    case WSB_OUTPUT_CAPTURE:
    case WSB_OUTPUT_CALLBACK:
    case WSB_OUTPUT_DISCARD:
        return WSB_OK;
    }
    return REFUSE(out_error, name, "", "capability %s: kind %d is unknown", name, (int)out->kind);
}

static wsb_status check_streams(const wsb_capabilities *c, wsb_error **out_error)
{
    wsb_status status = check_input(&c->standard_input, out_error);
    if (status == WSB_OK)
        status = check_output(&c->standard_output, "standard_output", out_error);
    if (status == WSB_OK)
        status = check_output(&c->standard_error, "standard_error", out_error);
    return status;
}

static wsb_status check_clocks_and_random(const wsb_capabilities *c, wsb_error **out_error)
{
    if (c->clocks & ~(uint32_t)WSB_CLOCK_ALL)
        return REFUSE(out_error, "clocks", "use wsb_clock_bits",
                      "capability clocks: bits 0x%x are unknown",
                      (unsigned)(c->clocks & ~(uint32_t)WSB_CLOCK_ALL));
    if (c->random != WSB_RANDOM_NONE && c->random != WSB_RANDOM_SYSTEM &&
        c->random != WSB_RANDOM_SEEDED)
        return REFUSE(out_error, "random", "", "capability random: kind %d is unknown",
                      (int)c->random);
    if (c->random_seed != 0 && c->random != WSB_RANDOM_SEEDED)
        return REFUSE(out_error, "random", "set random to WSB_RANDOM_SEEDED",
                      "capability random: a seed is given, but random is not seeded");
    return WSB_OK;
}

static wsb_status check_channel(const wsb_channel_grant *grant, size_t index, wsb__map *names,
                                wsb_error **out_error)
{
    const char *name = "channels";
    if (grant->name.len == 0 || !grant->name.data)
        return REFUSE(out_error, name, "give it the name by which the guest opens it",
                      "capability channels[%zu]: it has no name", index);
    if (grant->name.len > WSB__CHANNEL_NAME_MAX)
        return REFUSE(out_error, name, "",
                      "capability channels[%zu]: its name has %zu bytes, "
                      "more than the %zu allowed",
                      index, grant->name.len, WSB__CHANNEL_NAME_MAX);
    if (!wsb__utf8_valid(grant->name.data, grant->name.len))
        return REFUSE(out_error, name, "", "capability channels[%zu]: its name is not UTF-8",
                      index);
    if (!grant->channel)
        return REFUSE(out_error, name, "leave out what is not to be granted",
                      "capability channels[%zu] '%.*s': its channel is NULL", index,
                      shown(grant->name), grant->name.data);
    if (wsb__map_get(names, grant->name))
        return REFUSE(out_error, name, "give each channel its own name",
                      "capability channels[%zu]: the name '%.*s' is there twice", index,
                      shown(grant->name), grant->name.data);
    wsb_status status = wsb__map_put(names, grant->name, (void *)(uintptr_t)grant);
    return status == WSB_OK ? WSB_OK
                            : wsb_error_set(out_error, status, NULL, "%s", wsb_status_text(status));
}

static wsb_status check_channels(const wsb_capabilities *c, wsb_error **out_error)
{
    wsb_status status = check_array(c->channels, c->channel_count, "channels", out_error);
    if (status != WSB_OK || c->channel_count == 0)
        return status;
    if (c->channel_count > WSB__CHANNELS_MAX)
        return REFUSE(out_error, "channels", "",
                      "capability channels: %zu are too many (at most %zu)", c->channel_count,
                      WSB__CHANNELS_MAX);
    WSB_AUTO_PTR(wsb__map) names = wsb__map_create();
    if (!names)
        return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL, "check capabilities: %s",
                             wsb_status_text(WSB_ERROR_OUT_OF_MEMORY));
    for (size_t i = 0; i < c->channel_count && status == WSB_OK; i++)
        status = check_channel(&c->channels[i], i, names, out_error);
    return status;
}

wsb_status wsb__capabilities_check(const wsb_capabilities *given, wsb_error **out_error)
{
    wsb_capabilities c;
    wsb_status status = wsb__options_copy(given, &c, sizeof c, "wsb_capabilities", out_error);
    if (status == WSB_OK)
        status = check_filesystem(&c, out_error);
    if (status == WSB_OK)
        status = check_network(c.network, out_error);
    if (status == WSB_OK)
        status = check_arguments(&c, out_error);
    if (status == WSB_OK)
        status = check_environment(&c, out_error);
    if (status == WSB_OK)
        status = check_streams(&c, out_error);
    if (status == WSB_OK)
        status = check_channels(&c, out_error);
    return status == WSB_OK ? check_clocks_and_random(&c, out_error) : status;
}
