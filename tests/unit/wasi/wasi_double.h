/* Stands in for the runtime: a guest's memory, what was counted and reported, and a wait that is
 * waited for in place. With these the WASI functions are called as an engine would call them.
 * wsb-test: pure */
#ifndef WSB_TEST_WASI_DOUBLE_H
#define WSB_TEST_WASI_DOUBLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host/wasi/internal.h"
#include "host/wasi/os.h"
#include "runtime/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GUEST_MEMORY = 1 << 20, MAX_EVENTS = 64 };

typedef struct guest {
    uint8_t memory[GUEST_MEMORY];
    const wsb_host_module_ops *ops;
    void *state;
    uint64_t counters[WSB_COUNTER_COUNT_];
    int events;
    wsb_event_kind last_kind;
    char last_operation[32];
    char last_subject[32];
    char last_detail[256];
    int32_t exit_code;
    int waits;
    /* of the present wait */
    struct pollfd *fds;
    size_t fd_count;
    uint64_t timeout_ns;
    wsb_resume_fn resume;
    void *resume_state;
    wsb_capabilities capabilities;
    wsb_resource_limits limits;
    wsb_filesystem_capability directories[4];
    char folder[64];
} guest;

void wsb_call_context_count(wsb_call_context *context, wsb_counter counter, int64_t delta)
{
    ((guest *)(void *)context)->counters[counter] += (uint64_t)delta;
}

void wsb_call_context_event(wsb_call_context *context, wsb_event_kind kind, const char *operation,
                            const char *subject, wsb_str detail, uint64_t used, uint64_t allowed)
{
    guest *g = (guest *)(void *)context;
    (void)used;
    (void)allowed;
    g->events++;
    g->last_kind = kind;
    snprintf(g->last_operation, sizeof g->last_operation, "%s", operation);
    snprintf(g->last_subject, sizeof g->last_subject, "%s", subject);
    snprintf(g->last_detail, sizeof g->last_detail, "%.*s", (int)detail.len,
             detail.data ? detail.data : "");
}

void wsb_call_context_exit(wsb_call_context *context, int32_t code)
{
    ((guest *)(void *)context)->exit_code = code;
}

void wsb_call_context_memory_all(wsb_call_context *context, uint8_t **out_base, uint64_t *out_size)
{
    *out_base = ((guest *)(void *)context)->memory;
    *out_size = GUEST_MEMORY;
}

void wsb_call_context_wait(wsb_call_context *context, struct pollfd *fds, size_t fd_count,
                           uint64_t timeout_ns, wsb_resume_fn resume, void (*drop)(void *state),
                           void *state)
{
    guest *g = (guest *)(void *)context;
    (void)drop;
    g->fds = fds;
    g->fd_count = fd_count;
    g->timeout_ns = timeout_ns;
    g->resume = resume;
    g->resume_state = state;
}

void *wsb__instance_host_state(const wsb_instance *instance, const wsb_host_module_ops *ops)
{
    const guest *g = (const guest *)(const void *)instance;
    return g && g->ops == ops ? g->state : NULL;
}

/* What happens between a wait's begin and its end, in place of another thread. */
static void (*while_waiting)(guest *g);

static wsb_host_result settle(guest *g, wsb_raw_value *values, wsb_host_result result)
{
    while (result == WSB_HOST_PENDING) {
        g->waits++;
        assert_true(g->waits < 100000);
        if (while_waiting)
            while_waiting(g);
        struct timespec timeout = {(time_t)(g->timeout_ns / 1000000000u),
                                   (long)(g->timeout_ns % 1000000000u)};
        int ready = ppoll(g->fds, g->fd_count, g->timeout_ns == UINT64_MAX ? NULL : &timeout, NULL);
        result = g->resume((wsb_call_context *)(void *)g, values, ready > 0, g->resume_state);
    }
    return result;
}

/* Calls a WASI function with its arguments as 64-bit values. */
static inline int call_values(guest *g, const char *name, const uint64_t *args, size_t count)
{
    for (const wsb_host_module_function *f = g->ops->functions; f->name; f++) {
        if (strcmp(f->name, name) != 0)
            continue;
        wsb_raw_value values[10];
        memset(values, 0, sizeof values);
        assert_int_equal(strcspn(f->signature, ":"), count);
        for (size_t i = 0; i < count; i++)
            values[i].u64 = f->signature[i] == 'i' ? (uint32_t)args[i] : args[i];
        wsb_host_result result =
            settle(g, values, f->call((wsb_call_context *)(void *)g, values, g->state));
        return result == WSB_HOST_TRAP ? -1 : values[0].i32;
    }
    fail_msg("no function %s", name);
    return -1;
}

#define CALL(name, ...)                                                                            \
    call_values(g, #name, (const uint64_t[]){__VA_ARGS__},                                         \
                sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

/* Fixed places in the guest's memory. */
enum { AT_RESULT = 64, AT_IOVEC = 128, AT_PATH = 8192, AT_PATH_2 = 16384, AT_DATA = 65536 };

static inline uint32_t result32(const guest *g)
{
    return wsb__get32(g->memory + AT_RESULT);
}

static inline uint64_t result64(const guest *g)
{
    return wsb__get64(g->memory + AT_RESULT);
}

static inline uint32_t put_text(guest *g, uint32_t at, const char *text)
{
    memcpy(g->memory + at, text, strlen(text));
    return (uint32_t)strlen(text);
}

static inline void put_iovec(guest *g, uint32_t index, uint32_t data, uint32_t length)
{
    wsb__put32(g->memory + AT_IOVEC + index * 8, data);
    wsb__put32(g->memory + AT_IOVEC + index * 8 + 4, length);
}

static const uint64_t ALL_RIGHTS = (UINT64_C(1) << 30) - 1;

/* path_open; the descriptor is in result32(). */
static inline int open_path_at(guest *g, uint32_t dir, const char *path, uint32_t oflags,
                               uint64_t rights)
{
    uint32_t length = put_text(g, AT_PATH, path);
    return CALL(path_open, dir, WASI_LOOKUP_SYMLINK_FOLLOW, AT_PATH, length, oflags, rights,
                ALL_RIGHTS, 0, AT_RESULT);
}

static const uint64_t READ_RIGHTS = WASI__FILE_READ_RIGHTS | WASI_FD_READDIR;
static const uint64_t WRITE_RIGHTS = WASI__FILE_RIGHTS;

static inline int write_text(guest *g, uint32_t fd, const char *text)
{
    put_iovec(g, 0, AT_DATA, put_text(g, AT_DATA, text));
    return CALL(fd_write, fd, AT_IOVEC, 1, AT_RESULT);
}

/* --- folders on the host --- */

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

static inline const char *host_path(const guest *g, const char *name)
{
    static char path[4][PATH_MAX];
    static int next;
    char *out = path[next++ % 4];
    snprintf(out, PATH_MAX, "%s/%s", g->folder, name);
    return out;
}

static inline void host_write(const guest *g, const char *name, const char *text)
{
    FILE *file = fopen(host_path(g, name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static inline void host_mkdir(const guest *g, const char *name)
{
    assert_int_equal(mkdir(host_path(g, name), 0700), 0);
}

static inline bool host_has(const guest *g, const char *name, const char *text)
{
    char buffer[256] = "";
    FILE *file = fopen(host_path(g, name), "r");
    if (!file)
        return false;
    buffer[fread(buffer, 1, sizeof buffer - 1, file)] = '\0';
    fclose(file);
    return strcmp(buffer, text) == 0;
}

static inline bool host_exists(const guest *g, const char *name)
{
    struct stat st;
    return lstat(host_path(g, name), &st) == 0;
}

static inline void grant(guest *g, const char *name, wsb_filesystem_access access, bool create,
                         bool delete)
{
    static char paths[4][PATH_MAX];
    size_t i = g->capabilities.filesystem_count++;
    snprintf(paths[i], sizeof paths[i], "%s/%s", g->folder, name);
    g->directories[i] = (wsb_filesystem_capability){
        .size = sizeof g->directories[i],
        .host_path = wsb_cstr(paths[i]),
        .guest_path = wsb_cstr(name),
        .access = access,
        .allow_create = create,
        .allow_delete = delete,
    };
    g->capabilities.filesystem = g->directories;
}

static inline guest *guest_new(void)
{
    guest *g = calloc(1, sizeof *g);
    assert_non_null(g);
    g->capabilities = (wsb_capabilities)WSB_CAPABILITIES_INIT;
    g->limits = (wsb_resource_limits){
        .size = sizeof g->limits,
        .max_file_descriptors = 16,
        .max_read_bytes = 1 << 20,
        .max_write_bytes = 1 << 20,
        .max_output = 1000,
    };
    strcpy(g->folder, "/tmp/wsb-wasi-XXXXXX");
    assert_non_null(mkdtemp(g->folder));
    g->exit_code = -1;
    while_waiting = NULL;
    return g;
}

static inline void guest_start_as(guest *g, const wsb_host_module_ops *ops)
{
    wsb_error *error = NULL;
    wsb_instance *instance = (wsb_instance *)(void *)g;
    g->ops = NULL;
    wsb_status status =
        ops->instance_create(instance, &g->capabilities, &g->limits, &g->state, &error);
    assert_int_equal(status, WSB_OK);
    g->ops = ops;
    ops->call_begin(g->state);
}

static inline void guest_start(guest *g)
{
    guest_start_as(g, &wsb__wasi_preview1);
}

static inline void guest_end(guest *g)
{
    if (g->ops)
        g->ops->instance_destroy(g->state);
    nftw(g->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    wsb__os_set_resolver(WSB__OS_RESOLVER_AUTO);
    free(g);
}

#endif
