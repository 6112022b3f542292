/* What only Linux has, in one place. All functions return 0 or an errno of the host. */
#ifndef WSB_HOST_WASI_OS_H
#define WSB_HOST_WASI_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct iovec;
struct timespec;

/* openat2(2) with RESOLVE_BENEATH and RESOLVE_NO_MAGICLINKS; ENOSYS where this kernel or this
 * process's seccomp filter has none. EAGAIN was retried. */
int wsb__os_open_beneath(int dir_fd, const char *path, int flags, mode_t mode, int *out_fd);

/* How paths are resolved: by the kernel where it can (AUTO finds out), or step by step. WALK is
 * set by tests. */
typedef enum wsb__os_resolver {
    WSB__OS_RESOLVER_AUTO = 0,
    WSB__OS_RESOLVER_KERNEL = 1,
    WSB__OS_RESOLVER_WALK = 2
} wsb__os_resolver;
void wsb__os_set_resolver(wsb__os_resolver resolver);

/* Reserves blocks; never writes by hand where the filesystem cannot. */
int wsb__os_allocate(int fd, uint64_t offset, uint64_t length);

/* Whether a file is the kernel's window on processes (procfs); true where it cannot be told. */
bool wsb__os_is_process_files(int fd);

/* Fills `buffer` with raw entries from `cookie` on (0: the start). */
int wsb__os_read_directory(int fd, uint64_t cookie, void *buffer, size_t size, size_t *out_length);
/* Takes the next entry out; false at the end. */
typedef struct wsb__os_entry {
    uint64_t inode;
    uint64_t next; /* cookie of what follows */
    uint8_t type;  /* DT_* */
    const char *name;
    size_t name_length;
} wsb__os_entry;
bool wsb__os_next_entry(const uint8_t *buffer, size_t length, size_t *position,
                        wsb__os_entry *out_entry);

/* Reads or writes a pipe, terminal or socket. With `now` it never waits: EAGAIN where it would,
 * EOPNOTSUPP where the kernel cannot promise that for this descriptor. */
int wsb__os_read(int fd, const struct iovec *iovecs, int count, bool now, size_t *out_count);
int wsb__os_write(int fd, const struct iovec *iovecs, int count, bool now, size_t *out_count);

/* renameat2(2); `replace` false refuses an existing target with EEXIST. */
int wsb__os_rename(int from_fd, const char *from, int to_fd, const char *to, bool replace);

/* utimensat(2) of an O_PATH descriptor. */
int wsb__os_set_times(int path_fd, const struct timespec times[2]);

/* readlink(2) of the link that an O_PATH | O_NOFOLLOW descriptor is, or of `name` in `fd`. */
int wsb__os_read_link(int fd, const char *name, char *buffer, size_t size, size_t *out_length);

#endif
