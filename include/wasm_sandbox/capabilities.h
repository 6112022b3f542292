/**
 * @file capabilities.h
 * What an instance may touch. Zeroed, it is nothing but computing.
 */
#ifndef WASM_SANDBOX_CAPABILITIES_H
#define WASM_SANDBOX_CAPABILITIES_H

#include <wasm_sandbox/channel.h>
#include <wasm_sandbox/error.h>

WSB_BEGIN_DECLS

/** How a directory may be used. */
typedef enum wsb_filesystem_access {
    WSB_FILESYSTEM_NONE = 0,
    WSB_FILESYSTEM_READ_ONLY = 1,
    WSB_FILESYSTEM_READ_WRITE = 2
} wsb_filesystem_access;

/**
 * One directory of the host that the guest sees (a WASI preopen). Nothing outside it can be
 * reached: not by "..", absolute paths, symbolic links, /proc links, renames or links.
 */
typedef struct wsb_filesystem_capability {
    size_t size;
    wsb_str host_path;  /**< the directory on the host; opened when an
                             instance is made whose module imports WASI. Copied. */
    wsb_str guest_path; /**< the name that the guest sees; empty: the same as host_path. Copied. */
    wsb_filesystem_access access;
    bool allow_create;      /**< READ_WRITE only: new files, directories, links */
    bool allow_delete;      /**< READ_WRITE only: unlink, rmdir, and rename (away or over) */
    uint64_t max_file_size; /**< bytes a file may grow to; 0: no bound but max_write_bytes */
} wsb_filesystem_capability;

/** No access; set `host_path` and `access`. */
#define WSB_FILESYSTEM_CAPABILITY_INIT                                                             \
    {sizeof(wsb_filesystem_capability), {NULL, 0}, {NULL, 0}, WSB_FILESYSTEM_NONE, false, false, 0}

/** Who the guest may talk to. */
typedef enum wsb_network_access {
    WSB_NETWORK_NONE = 0,
    WSB_NETWORK_LOOPBACK = 1,
    WSB_NETWORK_ALLOWED_HOSTS = 2,
    WSB_NETWORK_ALLOWED_PORTS = 3,
    WSB_NETWORK_FULL = 4
} wsb_network_access;

/** Network. Nothing in this version offers a guest a network, so any grant but NONE is refused
 * with WSB_ERROR_UNSUPPORTED rather than ignored. */
typedef struct wsb_network_capability {
    size_t size;
    wsb_network_access access;
    const wsb_str *hosts; /**< for ALLOWED_HOSTS */
    size_t host_count;
    const uint16_t *ports; /**< for ALLOWED_PORTS */
    size_t port_count;
} wsb_network_capability;

/** No network. */
#define WSB_NETWORK_CAPABILITY_INIT                                                                \
    {sizeof(wsb_network_capability), WSB_NETWORK_NONE, NULL, 0, NULL, 0}

/** An environment variable that the guest sees; no NUL in either, no '=' in the name. Copied. */
typedef struct wsb_environment_variable {
    wsb_str name;
    wsb_str value;
} wsb_environment_variable;

/** Where standard input comes from. */
typedef enum wsb_input_kind {
    WSB_INPUT_NONE = 0,     /**< no descriptor 0: reading fails with EBADF */
    WSB_INPUT_BYTES = 1,    /**< `bytes`, then end of file */
    WSB_INPUT_FD = 2,       /**< host descriptor `fd`, waited for under the deadline */
    WSB_INPUT_CALLBACK = 3, /**< `read` */
    WSB_INPUT_EMPTY = 4     /**< end of file at once */
} wsb_input_kind;

/**
 * Gives the guest input. Runs on the guest's thread, in its call.
 *
 * @param out_count  bytes written to `buffer`, at most `capacity`; 0 is the end of file
 * @return WSB_OK; WSB_ERROR_WOULD_BLOCK with *out_count 0 to be asked again after `poll_ns` or
 *         when the call's deadline passes (a callback must not block by itself: nothing can
 *         interrupt it); any other status makes the guest's read fail with EIO.
 */
typedef wsb_status (*wsb_input_fn)(uint8_t *buffer, size_t capacity, size_t *out_count,
                                   void *user_data);

/** Standard input. What belongs to another kind than the one chosen must be zero. */
typedef struct wsb_input {
    wsb_input_kind kind;
    wsb_bytes bytes; /**< Borrowed; valid until the instance is destroyed. */
    int fd;          /**< Borrowed; not closed. */
    wsb_input_fn read;
    void *user_data;
    uint64_t poll_ns; /**< 0: 1 ms */
} wsb_input;

/** Where an output stream goes. */
typedef enum wsb_output_kind {
    WSB_OUTPUT_NONE = 0,     /**< no descriptor: writing fails with EBADF */
    WSB_OUTPUT_CAPTURE = 1,  /**< kept, read with wsb_instance_output() */
    WSB_OUTPUT_CALLBACK = 2, /**< streamed to `write` */
    WSB_OUTPUT_FD = 3,       /**< written to host descriptor `fd`, waited for under the deadline */
    WSB_OUTPUT_DISCARD = 4   /**< accepted and dropped */
} wsb_output_kind;

/** Takes output. `data` is borrowed for the call. A status other than WSB_OK makes the guest's
 * write fail with EIO. Runs on the guest's thread, in its call. */
typedef wsb_status (*wsb_output_fn)(wsb_bytes data, void *user_data);

/** Standard output or error. What belongs to another kind than the one chosen must be zero. */
typedef struct wsb_output {
    wsb_output_kind kind;
    int fd; /**< Borrowed; not closed. */
    wsb_output_fn write;
    void *user_data;
} wsb_output;

/** Random numbers. */
typedef enum wsb_random_kind {
    WSB_RANDOM_NONE = 0, /**< random_get fails */
    WSB_RANDOM_SYSTEM = 1,
    WSB_RANDOM_SEEDED = 2 /**< the same numbers for the same seed, on every machine */
} wsb_random_kind;

/** Clocks. Each bit allows one; the others fail with ENOTSUP. Sleeping needs MONOTONIC. */
typedef enum wsb_clock_bits {
    WSB_CLOCK_NONE = 0,
    WSB_CLOCK_REALTIME = 1,
    WSB_CLOCK_MONOTONIC = 2,
    WSB_CLOCK_CPU_TIME = 4,
    WSB_CLOCK_ALL = 7
} wsb_clock_bits;

/** A channel that the guest may open by name, through the import module "wsb_channel". */
typedef struct wsb_channel_grant {
    wsb_str name;         /**< any UTF-8, 1 to 256 bytes */
    wsb_channel *channel; /**< the guest's end. Referenced by each instance. */
} wsb_channel_grant;

/** Everything an instance may touch. All pointers are borrowed for the call that takes the
 * struct and copied there, unless a field says otherwise. */
typedef struct wsb_capabilities {
    size_t size;
    const wsb_filesystem_capability *filesystem;
    size_t filesystem_count;
    const wsb_network_capability *network; /**< NULL: none */
    const wsb_str *arguments; /**< argv, with the program's name first; no NUL inside */
    size_t argument_count;
    const wsb_environment_variable *environment;
    size_t environment_count;
    wsb_input standard_input;
    wsb_output standard_output;
    wsb_output standard_error;
    uint32_t clocks; /**< wsb_clock_bits */
    wsb_random_kind random;
    uint64_t random_seed;
    const wsb_channel_grant *channels; /**< distinct names */
    size_t channel_count;
} wsb_capabilities;

/** Nothing at all; the same as zeroed with `size` set. */
#define WSB_CAPABILITIES_INIT                                                                      \
    {sizeof(wsb_capabilities),                                                                     \
     NULL,                                                                                         \
     0,                                                                                            \
     NULL,                                                                                         \
     NULL,                                                                                         \
     0,                                                                                            \
     NULL,                                                                                         \
     0,                                                                                            \
     {WSB_INPUT_NONE, {NULL, 0}, 0, NULL, NULL, 0},                                                \
     {WSB_OUTPUT_NONE, 0, NULL, NULL},                                                             \
     {WSB_OUTPUT_NONE, 0, NULL, NULL},                                                             \
     WSB_CLOCK_NONE,                                                                               \
     WSB_RANDOM_NONE,                                                                              \
     0,                                                                                            \
     NULL,                                                                                         \
     0}

/** Fills in the seeds' `Capabilities::minimal()`: clocks, system random numbers, captured
 * standard output and error, empty standard input; no files, no environment, no network.
 * [thread-safe] */
WSB_API void wsb_capabilities_minimal(wsb_capabilities *out_capabilities);

WSB_END_DECLS

#endif
