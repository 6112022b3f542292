/**
 * @file usage.h
 * What an instance has used.
 */
#ifndef WASM_SANDBOX_USAGE_H
#define WASM_SANDBOX_USAGE_H

#include <wasm_sandbox/base.h>

WSB_BEGIN_DECLS

/**
 * Totals since the instance was created, unless a field says otherwise. While the guest runs,
 * the times are as of the watchdog's last tick and the memory as of the last host call.
 *
 * CPU time is the calling thread's clock; a call that ends within one watchdog tick (a few
 * milliseconds) is charged its wall time instead, which is never less.
 */
typedef struct wsb_usage {
    size_t size;
    uint64_t memory;          /**< bytes of linear memory now */
    uint64_t memory_peak;     /**< bytes; linear memory never shrinks, so the same as `memory` */
    uint64_t memory_refusals; /**< memory.grow refused, as of the last call that ended */
    uint64_t cpu_time;        /**< ns */
    uint64_t wall_time;       /**< ns spent in calls */
    uint64_t fuel;            /**< units; 0 unless the `fuel` limit is on */
    uint64_t calls;           /**< calls from the host into the guest that have ended */
    uint64_t host_calls;      /**< calls from the guest into the host */
    uint64_t files_open; /**< descriptors that the guest holds now, without preopens and streams */
    uint64_t bytes_read; /**< from files and standard input */
    uint64_t bytes_written; /**< to files */
    uint64_t output_bytes;  /**< to standard output and error */
} wsb_usage;

/** To be filled in by wsb_instance_usage() or wsb_sandbox_usage(). */
#define WSB_USAGE_INIT {sizeof(wsb_usage), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

WSB_END_DECLS

#endif
