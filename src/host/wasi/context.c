/* Makes an instance's WASI state from its capabilities and limits, in one allocation. */
#include "core/alloc.h"
#include "host/wasi/internal.h"
#include "runtime/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <wasm_sandbox/plugin/error.h>

enum { FIRST_PREOPEN = 3, SPARE_ENTRIES = 4 };

/* The parts of the one allocation. */
typedef struct layout {
    uint64_t total;
    uint64_t grants;
    uint64_t entries;
    uint64_t names;
    uint64_t arguments;
    uint64_t environment;
    uint32_t grant_count;
    uint32_t entry_count;
} layout;

static wsb_status bad(wsb_error **out_error, const char *subject, const char *problem)
{
    const wsb_error_details details = {.operation = "create instance", .subject = subject};
    return wsb_error_set(out_error, WSB_ERROR_INVALID_CAPABILITY, &details, "%s: %s", subject,
                         problem);
}

static bool is_plain(wsb_str text)
{
    return text.len == 0 || (text.data && !memchr(text.data, 0, text.len));
}

static bool granted(const wsb_filesystem_capability *capability)
{
    return capability->access != WSB_FILESYSTEM_NONE;
}

static wsb_str guest_name(const wsb_filesystem_capability *capability)
{
    return capability->guest_path.len ? capability->guest_path : capability->host_path;
}

/* A stranger's runtime may not have checked what the library's own has: nothing is assumed. */
static wsb_status check_strings(const wsb_capabilities *given, wsb_error **out_error)
{
    for (size_t i = 0; i < given->argument_count; i++) {
        if (!is_plain(given->arguments[i]))
            return bad(out_error, "arguments", "an argument contains a NUL character");
    }
    for (size_t i = 0; i < given->environment_count; i++) {
        wsb_str name = given->environment[i].name;
        if (!is_plain(name) || !is_plain(given->environment[i].value))
            return bad(out_error, "environment", "a variable contains a NUL character");
        if (name.len == 0 || memchr(name.data, '=', name.len))
            return bad(out_error, "environment", "a name is empty or contains '='");
    }
    return WSB_OK;
}

static wsb_status check_directories(const wsb_capabilities *given, wsb_error **out_error)
{
    for (size_t i = 0; i < given->filesystem_count; i++) {
        const wsb_filesystem_capability *one = &given->filesystem[i];
        if (!granted(one))
            continue;
        if (one->access != WSB_FILESYSTEM_READ_ONLY && one->access != WSB_FILESYSTEM_READ_WRITE)
            return bad(out_error, "filesystem", "unknown kind of access");
        if (one->host_path.len == 0 || !is_plain(one->host_path) || !is_plain(one->guest_path))
            return bad(out_error, "filesystem", "a path is empty or contains a NUL character");
    }
    return WSB_OK;
}

static void measure(const wsb_capabilities *given, layout *out)
{
    memset(out, 0, sizeof *out);
    uint64_t names = 0;
    uint64_t arguments = 0;
    uint64_t environment = 0;
    uint64_t count = 0;
    for (size_t i = 0; i < given->filesystem_count; i++) {
        if (!granted(&given->filesystem[i]))
            continue;
        names = wsb__wasi_add(names, wsb__wasi_add(guest_name(&given->filesystem[i]).len, 1));
        count++;
    }
    for (size_t i = 0; i < given->argument_count; i++)
        arguments = wsb__wasi_add(arguments, wsb__wasi_add(given->arguments[i].len, 1));
    for (size_t i = 0; i < given->environment_count; i++) {
        const wsb_environment_variable *one = &given->environment[i];
        environment = wsb__wasi_add(environment, wsb__wasi_add(one->name.len, 2));
        environment = wsb__wasi_add(environment, one->value.len);
    }
    if (names > INT32_MAX || arguments > INT32_MAX || environment > INT32_MAX || count > 4096) {
        out->total = UINT64_MAX;
        return;
    }
    out->grant_count = (uint32_t)count;
    out->entry_count = FIRST_PREOPEN + out->grant_count + SPARE_ENTRIES;
    out->grants = sizeof(wsb__wasi);
    out->entries = out->grants + sizeof(wsb__wasi_grant) * count;
    out->names = out->entries + sizeof(wsb__wasi_entry) * out->entry_count;
    out->arguments = out->names + names;
    out->environment = out->arguments + arguments;
    out->total = out->environment + environment;
}

static char *append(char *at, wsb_str text)
{
    if (text.len > 0)
        memcpy(at, text.data, text.len);
    return at + text.len;
}

static void copy_strings(wsb__wasi *wasi, const wsb_capabilities *given, const layout *where)
{
    char *base = (char *)wasi;
    char *at = base + where->arguments;
    for (size_t i = 0; i < given->argument_count; i++) {
        at = append(at, given->arguments[i]);
        *at++ = '\0';
    }
    wasi->arguments.data = base + where->arguments;
    wasi->arguments.count = (uint32_t)given->argument_count;
    wasi->arguments.size = (uint32_t)(at - wasi->arguments.data);
    char *start = at;
    for (size_t i = 0; i < given->environment_count; i++) {
        at = append(at, given->environment[i].name);
        *at++ = '=';
        at = append(at, given->environment[i].value);
        *at++ = '\0';
    }
    wasi->environment.data = start;
    wasi->environment.count = (uint32_t)given->environment_count;
    wasi->environment.size = (uint32_t)(at - start);
}

static uint64_t limit_of(uint64_t limit)
{
    return limit == WSB_NONE ? 0 : limit;
}

static void set_limits(wsb__wasi *wasi, const wsb_resource_limits *limits)
{
    wasi->max_open_files = limit_of(limits->max_file_descriptors);
    wasi->max_read = wasi->read_left = limit_of(limits->max_read_bytes);
    wasi->max_write = wasi->write_left = limit_of(limits->max_write_bytes);
    wasi->max_output = wasi->output_left = limit_of(limits->max_output);
}

static wsb_status open_directory(const wsb_filesystem_capability *one, int *out_fd,
                                 wsb_error **out_error)
{
    char path[4096];
    if (one->host_path.len >= sizeof path)
        return bad(out_error, "filesystem", "a host path is too long");
    memcpy(path, one->host_path.data, one->host_path.len);
    path[one->host_path.len] = '\0';
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == EACCES)
        fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC); /* may be searched, not listed */
    if (fd >= 0) {
        *out_fd = fd;
        return WSB_OK;
    }
    const wsb_error_details details = {
        .operation = "create instance",
        .subject = "filesystem",
        .suggestion = "grant a directory that exists and that this process may read",
    };
    wsb_status status = errno == ENOENT    ? WSB_ERROR_NOT_FOUND
                        : errno == ENOTDIR ? WSB_ERROR_INVALID_CAPABILITY
                        : errno == EACCES  ? WSB_ERROR_ACCESS_DENIED
                                           : WSB_ERROR_IO;
    return wsb_error_set(out_error, status, &details, "cannot open the granted directory '%s': %s",
                         path, strerror(errno));
}

static void set_grant(wsb__wasi_grant *grant, const wsb_filesystem_capability *one,
                      uint64_t max_write)
{
    grant->writable = one->access == WSB_FILESYSTEM_READ_WRITE;
    grant->rights = wsb__wasi_directory_rights(one);
    grant->max_size = one->max_file_size ? limit_of(one->max_file_size) : UINT64_MAX;
    grant->hole_size = grant->max_size < max_write ? grant->max_size : max_write;
}

static wsb_status open_grants(wsb__wasi *wasi, const wsb_capabilities *given, const layout *where,
                              wsb_error **out_error)
{
    char *name = (char *)wasi + where->names;
    wasi->grants = (wsb__wasi_grant *)((char *)wasi + where->grants);
    for (size_t i = 0; i < given->filesystem_count; i++) {
        const wsb_filesystem_capability *one = &given->filesystem[i];
        if (!granted(one))
            continue;
        int fd;
        wsb_status status = open_directory(one, &fd, out_error);
        if (status != WSB_OK)
            return status;
        wsb__wasi_grant *grant = &wasi->grants[wasi->grant_count];
        set_grant(grant, one, wasi->max_write);
        grant->name = name;
        grant->name_length = (uint32_t)guest_name(one).len;
        name = append(name, guest_name(one));
        *name++ = '\0';
        const wsb__wasi_entry entry = {
            .kind = WASI__PREOPEN,
            .fd = fd,
            .grant = wasi->grant_count,
            .rights = grant->rights & WASI__DIRECTORY_RIGHTS,
            /* Also the rights to write that a read-only grant denies: a guest that asks for them
             * then learns when it opens that it cannot write, not at its first write. */
            .inheriting = grant->rights | WASI__FILE_RIGHTS,
        };
        wsb__wasi_entry_put(wasi, FIRST_PREOPEN + wasi->grant_count, &entry);
        wasi->grant_count++;
    }
    return WSB_OK;
}

static wsb_status set_input(wsb__wasi *wasi, const wsb_input *input, wsb_error **out_error)
{
    if (input->kind == WSB_INPUT_NONE)
        return WSB_OK;
    if ((unsigned)input->kind > WSB_INPUT_EMPTY)
        return bad(out_error, "standard_input", "unknown kind");
    if (input->kind == WSB_INPUT_CALLBACK && !input->read)
        return bad(out_error, "standard_input", "the callback is missing");
    if (input->kind == WSB_INPUT_BYTES && input->bytes.len > 0 && !input->bytes.data)
        return bad(out_error, "standard_input", "the bytes are missing");
    wsb__wasi_stream *stream = &wasi->streams[0];
    stream->kind = (uint8_t)input->kind;
    if (input->kind == WSB_INPUT_BYTES)
        stream->bytes = input->bytes;
    stream->read = input->read;
    stream->user_data = input->user_data;
    stream->poll_ns = input->poll_ns ? input->poll_ns : WSB_MILLISECOND;
    if (input->kind == WSB_INPUT_FD && !wsb__wasi_stream_init_fd(stream, input->fd))
        return bad(out_error, "standard_input", "not an open descriptor");
    const wsb__wasi_entry entry = {
        .kind = WASI__STREAM,
        .fd = -1,
        .grant = 0,
        .rights =
            WASI_FD_READ | WASI_FD_FILESTAT_GET | WASI_POLL_FD_READWRITE | WASI_FD_FDSTAT_SET_FLAGS,
    };
    wsb__wasi_entry_put(wasi, 0, &entry);
    return WSB_OK;
}

static wsb_status set_output(wsb__wasi *wasi, uint32_t number, const wsb_output *output,
                             const char *subject, wsb_error **out_error)
{
    if (output->kind == WSB_OUTPUT_NONE)
        return WSB_OK;
    if ((unsigned)output->kind > WSB_OUTPUT_DISCARD)
        return bad(out_error, subject, "unknown kind");
    if (output->kind == WSB_OUTPUT_CALLBACK && !output->write)
        return bad(out_error, subject, "the callback is missing");
    wsb__wasi_stream *stream = &wasi->streams[number];
    stream->kind = (uint8_t)output->kind;
    stream->write = output->write;
    stream->user_data = output->user_data;
    if (output->kind == WSB_OUTPUT_FD && !wsb__wasi_stream_init_fd(stream, output->fd))
        return bad(out_error, subject, "not an open descriptor");
    const wsb__wasi_entry entry = {
        .kind = WASI__STREAM,
        .fd = -1,
        .grant = number,
        .rights = WASI_FD_WRITE | WASI_FD_FILESTAT_GET | WASI_POLL_FD_READWRITE |
                  WASI_FD_FDSTAT_SET_FLAGS,
    };
    wsb__wasi_entry_put(wasi, number, &entry);
    return WSB_OK;
}

static wsb_status fill(wsb__wasi *wasi, const wsb_capabilities *given, const layout *where,
                       wsb_error **out_error)
{
    if (given->clocks & ~(uint32_t)WSB_CLOCK_ALL)
        return bad(out_error, "clocks", "unknown bits");
    if ((unsigned)given->random > WSB_RANDOM_SEEDED)
        return bad(out_error, "random", "unknown kind");
    wasi->clocks = given->clocks;
    wsb__wasi_random_init(&wasi->random, given->random, given->random_seed);
    copy_strings(wasi, given, where);
    wsb_status status = set_input(wasi, &given->standard_input, out_error);
    if (status == WSB_OK)
        status = set_output(wasi, 1, &given->standard_output, "standard_output", out_error);
    if (status == WSB_OK)
        status = set_output(wasi, 2, &given->standard_error, "standard_error", out_error);
    if (status == WSB_OK)
        status = open_grants(wasi, given, where, out_error);
    return status;
}

static wsb_status make(const wsb_capabilities *given, const wsb_resource_limits *limits,
                       void **out_state, wsb_error **out_error)
{
    wsb_status status = check_strings(given, out_error);
    if (status == WSB_OK)
        status = check_directories(given, out_error);
    if (status != WSB_OK)
        return status;
    layout where;
    measure(given, &where);
    if (where.total == UINT64_MAX)
        return bad(out_error, "arguments", "arguments, environment or directories are too many");
    wsb__wasi *wasi = wsb__calloc(1, where.total);
    if (!wasi)
        return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL, "no memory for WASI");
    wasi->references = 1;
    wasi->first_entries = (wsb__wasi_entry *)((char *)wasi + where.entries);
    wasi->entries = wasi->first_entries;
    wasi->entry_capacity = where.entry_count;
    set_limits(wasi, limits);
    status = fill(wasi, given, &where, out_error);
    if (status != WSB_OK) {
        wsb__wasi_destroy(wasi);
        return status;
    }
    *out_state = wasi;
    return WSB_OK;
}

wsb_status wsb__wasi_create(wsb_instance *instance, const wsb_capabilities *capabilities,
                            const wsb_resource_limits *limits, void **out_state,
                            wsb_error **out_error)
{
    /* A module that imports both versions sees one and the same descriptors. */
    wsb__wasi *shared = wsb__instance_host_state(instance, &wsb__wasi_preview1);
    if (!shared)
        shared = wsb__instance_host_state(instance, &wsb__wasi_unstable);
    if (shared) {
        shared->references++;
        *out_state = shared;
        return WSB_OK;
    }
    const wsb_capabilities none = WSB_CAPABILITIES_INIT;
    return make(capabilities ? capabilities : &none, limits, out_state, out_error);
}

void wsb__wasi_destroy(void *state)
{
    wsb__wasi *wasi = state;
    if (!wasi || --wasi->references > 0)
        return;
    wsb__wasi_table_fini(wasi);
    for (int i = 0; i < 3; i++) {
        wsb_buf_fini(&wasi->streams[i].captured);
        wsb__free(wasi->streams[i].stash);
    }
    wsb__free(wasi->poll);
    wsb__free(wasi);
}

void wsb__wasi_call_begin(void *state)
{
    wsb__wasi *wasi = state;
    wasi->output_left = wasi->max_output;
    wasi->output_reported = false;
}

static wsb__wasi *state_of(const wsb_instance *instance)
{
    if (!instance)
        return NULL;
    wsb__wasi *wasi = wsb__instance_host_state(instance, &wsb__wasi_preview1);
    return wasi ? wasi : wsb__instance_host_state(instance, &wsb__wasi_unstable);
}

wsb_bytes wsb_instance_output(const wsb_instance *instance, wsb_stream stream, bool *out_truncated)
{
    const wsb__wasi *wasi = state_of(instance);
    bool known = wasi && (stream == WSB_STANDARD_OUTPUT || stream == WSB_STANDARD_ERROR);
    if (out_truncated)
        *out_truncated = known && wasi->streams[stream].truncated;
    if (!known)
        return wsb_bytes_of(NULL, 0);
    return wsb_bytes_of(wasi->streams[stream].captured.data, wasi->streams[stream].captured.len);
}

void wsb_instance_clear_output(wsb_instance *instance)
{
    wsb__wasi *wasi = state_of(instance);
    for (int i = 1; wasi && i < 3; i++) {
        wasi->streams[i].captured.len = 0;
        wasi->streams[i].truncated = false;
    }
}
