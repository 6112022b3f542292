/* The state of one instance's WASI, and what the files of this folder share. */
#ifndef WSB_HOST_WASI_INTERNAL_H
#define WSB_HOST_WASI_INTERNAL_H

#include "core/little_endian.h"
#include "host/wasi/abi.h"
#include "host/wasi/wasi.h"

#include <poll.h>
#include <sys/uio.h>

/* What an implementation returns: a WASI errno, or one of these. */
enum { WASI__PENDING = -1, WASI__TRAP = -2 };

/* One iovec array is at most so long in one go; a longer one is served by a prefix. Few enough to
 * be kept on the stack without touching another page. */
enum { WASI__MAX_IOVECS = 128 };

/* One transfer is at most so long, so that a deadline is never overshot by a bulk copy. */
#define WASI__MAX_TRANSFER ((uint64_t)8 << 20)

/* What one preopen grants, and everything below it. */
typedef struct wsb__wasi_grant {
    uint64_t rights;    /* everything that may be done in it */
    uint64_t max_size;  /* of a file; UINT64_MAX: none */
    uint64_t hole_size; /* how far a file may be made to reach beyond its end */
    uint64_t
        plain_device; /* of the last file that was opened: no file system of the kernel's own */
    bool writable;
    const char *name; /* that the guest sees */
    uint32_t name_length;
} wsb__wasi_grant;

typedef enum wsb__wasi_kind {
    WASI__FREE = 0,
    WASI__STREAM,
    WASI__PREOPEN,
    WASI__DIRECTORY,
    WASI__FILE
} wsb__wasi_kind;

/* A descriptor of the guest: an index into the table, never a number of the host. The offset is
 * kept here, as nobody shares the host's open file: reads and writes are all positioned. */
typedef struct wsb__wasi_entry {
    uint8_t kind;   /* wsb__wasi_kind */
    uint16_t flags; /* WASI_FDFLAG_* */
    int fd;         /* of the host */
    uint32_t grant; /* index; of a stream: 0, 1, 2 */
    uint64_t rights;
    uint64_t inheriting;
    uint64_t position;
} wsb__wasi_entry;

/* What a stream's descriptor of the host is. */
typedef enum wsb__wasi_fd_type {
    WASI__FD_OTHER = 0,
    WASI__FD_REGULAR,
    WASI__FD_PIPE /* or socket: a write may raise SIGPIPE */
} wsb__wasi_fd_type;

/* A standard stream. Input and output use what concerns them. */
typedef struct wsb__wasi_stream {
    uint8_t kind;    /* wsb_input_kind or wsb_output_kind */
    uint8_t fd_type; /* wsb__wasi_fd_type: of `fd` */
    bool tty;
    bool poll_first; /* the kernel cannot read or write it without blocking */
    int fd;
    wsb_bytes bytes;
    wsb_input_fn read;
    wsb_output_fn write;
    void *user_data;
    uint64_t poll_ns;
    uint8_t *stash; /* what a poll took out of `read` already */
    uint32_t stash_length;
    uint32_t stash_used;
    bool at_end;
    bool truncated;
    wsb_buf captured;
} wsb__wasi_stream;

/* Strings as a guest fetches them: one NUL-terminated after the other. */
typedef struct wsb__wasi_strings {
    const char *data;
    uint32_t count;
    uint32_t size;
} wsb__wasi_strings;

typedef struct wsb__wasi_random {
    uint8_t kind; /* wsb_random_kind */
    uint8_t key[32];
    uint64_t position; /* in the stream, bytes */
} wsb__wasi_random;

typedef struct wsb__wasi {
    wsb__wasi_entry *entries;
    wsb__wasi_entry *first_entries; /* in this allocation; `entries` moves when it grows */
    uint32_t entry_count;           /* in use at most */
    uint32_t entry_capacity;
    uint32_t lowest_free; /* no free entry below it */
    uint32_t references;  /* the module names that share this state */
    uint64_t open_files;
    uint64_t max_open_files;
    uint64_t read_left;
    uint64_t write_left;
    uint64_t max_read;
    uint64_t max_write;
    uint64_t max_output;
    uint64_t output_left; /* of this call */
    bool output_reported;
    uint32_t clocks;
    wsb__wasi_random random;
    wsb__wasi_strings arguments;
    wsb__wasi_strings environment;
    wsb__wasi_grant *grants;
    uint32_t grant_count;
    wsb__wasi_stream streams[3];
    /* Of the one function that is pending. */
    struct pollfd wait_fd;
    uint64_t progress;
    uint64_t progress_cookie;
    struct wsb__wasi_poll *poll;
    uint64_t cpu_last; /* of the guest's CPU clock */
    int64_t cpu_offset;
    uint64_t cpu_thread;
} wsb__wasi;

/* One call of the guest. */
typedef struct wsb__wasi_call {
    wsb__wasi *wasi;
    wsb_call_context *context;
    wsb_raw_value *values;
    uint8_t *memory;
    uint64_t memory_size;
    const char *operation; /* the function's name, for events */
    wsb_resume_fn resume;  /* runs the function again after waiting */
    bool snapshot_0;
    bool resumed; /* after waiting */
} wsb__wasi_call;

typedef int (*wsb__wasi_function)(wsb__wasi_call *call);

/* --- arguments and guest memory --- */

static inline uint32_t wsb__wasi_u32(const wsb__wasi_call *call, size_t index)
{
    return call->values[index].u32;
}

static inline uint64_t wsb__wasi_u64(const wsb__wasi_call *call, size_t index)
{
    return call->values[index].u64;
}

/* The guest's bytes, NULL where any is outside its memory. */
static inline uint8_t *wsb__wasi_range(const wsb__wasi_call *call, uint32_t offset, uint64_t length)
{
    if (length > call->memory_size || offset > call->memory_size - length || !call->memory)
        return NULL;
    return call->memory + offset;
}

static inline int wsb__wasi_store32(const wsb__wasi_call *call, uint32_t offset, uint32_t value)
{
    uint8_t *at = wsb__wasi_range(call, offset, sizeof value);
    if (!at)
        return WASI_EFAULT;
    wsb__put32(at, value);
    return 0;
}

static inline int wsb__wasi_store64(const wsb__wasi_call *call, uint32_t offset, uint64_t value)
{
    uint8_t *at = wsb__wasi_range(call, offset, sizeof value);
    if (!at)
        return WASI_EFAULT;
    wsb__put64(at, value);
    return 0;
}

/* The sum of two sizes, or the largest there is. */
static inline uint64_t wsb__wasi_add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* The iovecs of a call, checked and copied out of the guest's reach. */
typedef struct wsb__wasi_iovecs {
    struct iovec list[WASI__MAX_IOVECS];
    int count;
    uint64_t total; /* bytes, at most WASI__MAX_TRANSFER */
} wsb__wasi_iovecs;

int wsb__wasi_load_iovecs(const wsb__wasi_call *call, uint32_t offset, uint32_t count,
                          wsb__wasi_iovecs *out);
/* Drops everything behind the first `length` bytes. */
void wsb__wasi_cut_iovecs(wsb__wasi_iovecs *iovecs, uint64_t length);

/* --- waiting --- */

/* Waits for `fd` (or only for the time, where negative), then runs the call's function again. */
int wsb__wasi_wait_fd(wsb__wasi_call *call, int fd, short events, uint64_t timeout_ns);
/* Lets the runtime look at the deadline, then runs the call's function again. */
int wsb__wasi_breathe(wsb__wasi_call *call);

/* --- context.c --- */

wsb_status wsb__wasi_create(wsb_instance *instance, const wsb_capabilities *capabilities,
                            const wsb_resource_limits *limits, void **out_state,
                            wsb_error **out_error);
void wsb__wasi_destroy(void *state);
void wsb__wasi_call_begin(void *state);

/* --- errno.c --- */

int wsb__wasi_errno(int host_errno);

/* --- events --- */

void wsb__wasi_limit_hit(const wsb__wasi_call *call, const char *limit, wsb_str detail,
                         uint64_t used, uint64_t allowed);
void wsb__wasi_denied(const wsb__wasi_call *call, const char *capability, wsb_str detail);

/* --- fd_table.c --- */

/* The open entry of a guest's number, else NULL. */
static inline wsb__wasi_entry *wsb__wasi_entry_get(const wsb__wasi *wasi, uint32_t number)
{
    if (number >= wasi->entry_count || wasi->entries[number].kind == WASI__FREE)
        return NULL;
    return &wasi->entries[number];
}

/* Whether one more may be opened; WASI_ENFILE with an event where not. */
int wsb__wasi_may_open(const wsb__wasi_call *call);
/* Takes the lowest free number; WASI_ENFILE with an event where the limit is reached. */
int wsb__wasi_entry_add(const wsb__wasi_call *call, const wsb__wasi_entry *entry,
                        uint32_t *out_number);
/* Puts an entry at a number while the table is made; there is room for it. */
void wsb__wasi_entry_put(wsb__wasi *wasi, uint32_t number, const wsb__wasi_entry *entry);
/* Closes what the entry owns and frees its number. */
void wsb__wasi_entry_close(wsb__wasi *wasi, wsb__wasi_entry *entry);
/* Closes everything. */
void wsb__wasi_table_fini(wsb__wasi *wasi);

/* Finds a regular file that has `rights`: WASI_EISDIR, WASI_ESPIPE for what is none. */
int wsb__wasi_file(wsb__wasi_call *call, uint32_t number, uint64_t rights,
                   wsb__wasi_entry **out_entry);
/* Finds a directory that has `rights`; reports what the capability denies. */
int wsb__wasi_directory(wsb__wasi_call *call, uint32_t number, uint64_t rights, wsb_str path,
                        wsb__wasi_entry **out_entry);
static inline const wsb__wasi_grant *wsb__wasi_grant_of(const wsb__wasi *wasi,
                                                        const wsb__wasi_entry *entry)
{
    return &wasi->grants[entry->grant];
}

/* Rights of a directory and of a file opened in it, under a grant. */
uint64_t wsb__wasi_directory_rights(const wsb_filesystem_capability *capability);
#define WASI__FILE_READ_RIGHTS                                                                     \
    (WASI_FD_DATASYNC | WASI_FD_READ | WASI_FD_SEEK | WASI_FD_FDSTAT_SET_FLAGS | WASI_FD_SYNC |    \
     WASI_FD_TELL | WASI_FD_ADVISE | WASI_FD_FILESTAT_GET | WASI_POLL_FD_READWRITE)
#define WASI__FILE_WRITE_RIGHTS                                                                    \
    (WASI_FD_WRITE | WASI_FD_ALLOCATE | WASI_FD_FILESTAT_SET_SIZE | WASI_FD_FILESTAT_SET_TIMES)
#define WASI__FILE_RIGHTS (WASI__FILE_READ_RIGHTS | WASI__FILE_WRITE_RIGHTS)
#define WASI__DIRECTORY_ONLY_RIGHTS                                                                \
    (WASI_PATH_CREATE_DIRECTORY | WASI_PATH_CREATE_FILE | WASI_PATH_LINK_SOURCE |                  \
     WASI_PATH_LINK_TARGET | WASI_PATH_OPEN | WASI_FD_READDIR | WASI_PATH_READLINK |               \
     WASI_PATH_RENAME_SOURCE | WASI_PATH_RENAME_TARGET | WASI_PATH_FILESTAT_GET |                  \
     WASI_PATH_FILESTAT_SET_SIZE | WASI_PATH_FILESTAT_SET_TIMES | WASI_PATH_SYMLINK |              \
     WASI_PATH_REMOVE_DIRECTORY | WASI_PATH_UNLINK_FILE)
#define WASI__DIRECTORY_RIGHTS                                                                     \
    (WASI__DIRECTORY_ONLY_RIGHTS | WASI_FD_DATASYNC | WASI_FD_SYNC | WASI_FD_FDSTAT_SET_FLAGS |    \
     WASI_FD_FILESTAT_GET | WASI_FD_FILESTAT_SET_TIMES)

/* --- streams.c, output.c --- */

int wsb__wasi_stream_read(wsb__wasi_call *call, wsb__wasi_entry *entry, wsb__wasi_iovecs *iovecs,
                          uint64_t *out_count);
int wsb__wasi_stream_write(wsb__wasi_call *call, wsb__wasi_entry *entry, wsb__wasi_iovecs *iovecs,
                           uint64_t *out_count);
/* Whether a read of what is no descriptor of the host would not wait, and what is there. */
bool wsb__wasi_stream_readable(wsb__wasi_stream *stream, uint64_t *out_bytes);
/* Looks at what a descriptor of the host is; false where it is none. */
bool wsb__wasi_stream_init_fd(wsb__wasi_stream *stream, int fd);

/* --- path.c, path_walk.c --- */

/* PATH_MAX of Linux, with its NUL. */
enum { WASI__PATH_SIZE = 4096 };

/* A path of the guest, terminated; relative and without NUL inside. */
typedef struct wsb__wasi_path {
    uint32_t length;
    char text[WASI__PATH_SIZE];
} wsb__wasi_path;

static inline wsb_str wsb__wasi_path_view(const wsb__wasi_path *path)
{
    return (wsb_str){path->text, path->length};
}

/* Copies a path out of the guest's memory. WASI errnos; an absolute one is denied. */
int wsb__wasi_load_path(const wsb__wasi_call *call, uint32_t offset, uint32_t length,
                        wsb__wasi_path *out);

/* Opens a path beneath a directory's descriptor and never outside of it. `flags` without
 * O_NOFOLLOW follow symbolic links that stay inside. Errnos of the host: EXDEV where the path
 * leads out. */
int wsb__wasi_open_beneath(int dir_fd, const char *path, int flags, uint32_t mode, int *out_fd);
/* The same without the kernel's help. */
int wsb__wasi_walk(int dir_fd, const char *path, int flags, uint32_t mode, int *out_fd);

/* The directory that holds the last component of a path, and that component (with one slash
 * behind it where the path ends so). */
typedef struct wsb__wasi_leaf {
    int fd;
    bool owned;
    const char *name;
} wsb__wasi_leaf;

/* Resolves up to the last component; WASI errnos, `dots_errno` where it is "." or "..".
 * Cuts `path` in two. */
int wsb__wasi_resolve_leaf(const wsb__wasi_call *call, const wsb__wasi_entry *entry,
                           wsb__wasi_path *path, int dots_errno, wsb__wasi_leaf *out);
void wsb__wasi_leaf_close(wsb__wasi_leaf *leaf);

/* The guest's errno for a host's of path resolution; reports a path that leads out. */
int wsb__wasi_path_failed(const wsb__wasi_call *call, int host_errno, wsb_str path);

/* --- random.c, clock.c --- */

void wsb__wasi_random_init(wsb__wasi_random *random, wsb_random_kind kind, uint64_t seed);
/* The time of a guest's clock in ns. WASI errnos. */
int wsb__wasi_clock_now(wsb__wasi *wasi, uint32_t clock, uint64_t *out_ns);

/* --- file_meta.c --- */

struct stat;
uint8_t wsb__wasi_filetype(uint32_t mode);
int wsb__wasi_store_filestat(const wsb__wasi_call *call, uint32_t offset, const struct stat *st);
/* The two times of utimensat(2) from the guest's. */
int wsb__wasi_times(uint64_t atim, uint64_t mtim, uint32_t flags, struct timespec out[2]);

/* --- file_io.c --- */

/* Charges what is written by other means than a write: WASI_EDQUOT with an event where it is more
 * than what is left. */
int wsb__wasi_charge_write(wsb__wasi_call *call, uint64_t count);

/* Ends a transfer of files and standard input: charges it and tells the guest how much it was. */
int wsb__wasi_end_read(wsb__wasi_call *call, uint32_t result_offset, uint64_t count);
/* How much of `length` bytes may be read yet; WASI_EDQUOT with an event where nothing may. */
int wsb__wasi_may_read(wsb__wasi_call *call, uint64_t *length);

/* How much of `length` bytes may be written at `offset`: the grant's and the instance's limits.
 * WASI_EDQUOT or WASI_EFBIG with an event where nothing may. */
int wsb__wasi_may_write(wsb__wasi_call *call, const wsb__wasi_entry *entry, uint64_t offset,
                        uint64_t *length);

/* --- the functions, one a WASI function; see functions.h --- */
#define WASI_DECLARE(name) int wsb__wasi_##name(wsb__wasi_call *call);
#include "host/wasi/functions.h"
#undef WASI_DECLARE

#endif
