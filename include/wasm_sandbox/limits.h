/**
 * @file limits.h
 * What an instance may use. Every limit is enforced; one that the engine cannot enforce makes
 * instantiation fail with WSB_ERROR_UNSUPPORTED.
 */
#ifndef WASM_SANDBOX_LIMITS_H
#define WASM_SANDBOX_LIMITS_H

#include <wasm_sandbox/error.h>

WSB_BEGIN_DECLS

/** A value for a limit that was registered by name (see plugin/limit.h). */
typedef struct wsb_named_limit {
    wsb_str name;
    uint64_t value; /**< 0 the registered default, WSB_UNLIMITED, WSB_NONE, or the limit */
} wsb_named_limit;

/**
 * Limits of one instance. In each field 0 is the default given here, WSB_UNLIMITED lifts the
 * limit (not `max_stack`: a guest runs on its caller's stack, which ends somewhere), and WSB_NONE
 * allows nothing at all (where that makes sense).
 *
 * | field | unit | scope | default | when it is hit |
 * | --- | --- | --- | --- | --- |
 * | max_memory | bytes | instance | 64 MiB | growth refused; reported if the guest then fails |
 * | max_table_elements | elements | instance | 1,000,000 | growth refused |
 * | max_stack | bytes | instance | 512 KiB | the guest traps (stack overflow) |
 * | max_cpu_time | ns | call | 30 s | WSB_ERROR_CPU_TIME; the instance is closed |
 * | max_wall_time | ns | call | 30 s | WSB_ERROR_TIMEOUT; the instance is closed |
 * | fuel | operators | call | off | WSB_ERROR_OUT_OF_FUEL; the instance is closed |
 * | max_file_descriptors | count | instance | 16 | ENFILE in the guest, event |
 * | max_network_connections | count | instance | 4 | refused in the guest, event |
 * | max_read_bytes | bytes | instance | 1 GiB | EDQUOT in the guest, event |
 * | max_write_bytes | bytes | instance | 1 GiB | EDQUOT in the guest, event |
 * | max_output | bytes | call | 16 MiB | EPIPE in the guest, event, marked truncated |
 *
 * `max_read_bytes` and `max_write_bytes` count files, standard input and the texts of symbolic
 * links; captured and inherited output counts against `max_output`, what is captured and was not
 * cleared also against that of later calls. How many files a guest makes is not limited.
 * `max_file_descriptors` counts what the guest opens, not its standard streams and preopens.
 * `fuel` 0 and WSB_UNLIMITED both mean off. A unit is about one WebAssembly operator, and the same
 * on every engine (docs/internals/module.md).
 */
typedef struct wsb_resource_limits {
    size_t size;
    uint64_t max_memory;
    uint64_t max_table_elements;
    uint64_t max_stack;
    uint64_t max_cpu_time;
    uint64_t max_wall_time;
    uint64_t fuel;
    uint64_t max_file_descriptors;
    uint64_t max_network_connections;
    uint64_t max_read_bytes;
    uint64_t max_write_bytes;
    uint64_t max_output;
    const wsb_named_limit *named; /**< limits of your own. Copied. */
    size_t named_count;
} wsb_resource_limits;

/** Every limit at its default. */
#define WSB_RESOURCE_LIMITS_INIT                                                                   \
    {sizeof(wsb_resource_limits), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, 0}

/** Units for limits: bytes of a mebibyte, nanoseconds of a second and of a millisecond. */
#define WSB_MIB ((uint64_t)1024 * 1024)
#define WSB_SECOND ((uint64_t)1000000000)
#define WSB_MILLISECOND ((uint64_t)1000000)

/**
 * Replaces zeros in `limits` by their defaults and checks the rest, as instantiation does.
 *
 * @param limits  NULL for all defaults
 * @param out_resolved  every field set, to be compared as it is: WSB_NONE becomes 0, and
 *         WSB_UNLIMITED (also for `fuel` when it is off) is the largest number. Not to be
 *         resolved again: a 0 would become the default. `named` still points to the caller's
 *         array.
 * @return WSB_ERROR_ABI_MISMATCH for a struct from a newer library with fields set that this
 *         one does not know, WSB_ERROR_INVALID_ARGUMENT for a value out of range. [thread-safe]
 */
WSB_API WSB_NODISCARD wsb_status wsb_resource_limits_resolve(const wsb_resource_limits *limits,
                                                             wsb_resource_limits *out_resolved,
                                                             wsb_error **out_error);

/**
 * Reads a size: an integer or decimal number with a unit, "64MiB", "1.5GB", "512KiB", "4096B".
 * Units are B, KB MB GB TB (powers of 1000) and KiB MiB GiB TiB; "unlimited" is
 * WSB_UNLIMITED and "none" is WSB_NONE. Rounded down to whole bytes.
 *
 * @return WSB_ERROR_INVALID_ARGUMENT where the unit is missing, unknown, the value does not fit,
 *         or is zero (which as a limit would be the default: say "none"); the error says what
 *         would be accepted. [thread-safe]
 */
WSB_API WSB_NODISCARD wsb_status wsb_parse_size(wsb_str text, uint64_t *out_bytes,
                                                wsb_error **out_error);

/**
 * Reads a time: "5s", "250ms", "1.5min", "10us", "100ns", "2h"; "unlimited" and
 * "none" as above. Statuses as wsb_parse_size(). [thread-safe]
 */
WSB_API WSB_NODISCARD wsb_status wsb_parse_duration(wsb_str text, uint64_t *out_ns,
                                                    wsb_error **out_error);

WSB_END_DECLS

#endif
