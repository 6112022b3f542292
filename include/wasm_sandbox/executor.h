/**
 * @file executor.h
 * Runs asynchronous calls: a few threads, a bounded queue, timers and descriptors.
 */
#ifndef WASM_SANDBOX_EXECUTOR_H
#define WASM_SANDBOX_EXECUTOR_H

#include <wasm_sandbox/error.h>

WSB_BEGIN_DECLS

/**
 * An executor. Calls into one instance run one after the other, in the order in which they were
 * made; calls into different instances run in parallel. Reference-counted; one executor can serve
 * any number of sandboxes and runtimes. [thread-safe]
 *
 * A guest of an instance in fiber mode (wsb_instance_config.mode) holds a thread only while it
 * computes: after `time_slice` it makes room for others, and while it sleeps or waits it holds
 * none. Other calls hold their thread until they end; when all threads have been held for a while
 * and calls are waiting, more threads are started, up to `max_threads`.
 * What is only to end, as it was cancelled or its instance is dropped, never waits for those: where
 * no thread is free, one more does it, and leaves.
 */
typedef struct wsb_executor wsb_executor;

/** How an executor is made. 0 is the default in each field. */
typedef struct wsb_executor_options {
    size_t size;
    uint32_t workers;     /**< threads that are always there; 0: the processors of the process */
    uint32_t max_threads; /**< in all, when calls hold theirs; 0: 64, or `workers` if more */
    uint64_t max_queued;  /**< calls that were made and have not started; 0: 65,536 */
    uint64_t time_slice;  /**< ns that a fiber runs while others wait; 0: 2 ms */
} wsb_executor_options;

/** Every option at its default. */
#define WSB_EXECUTOR_OPTIONS_INIT {sizeof(wsb_executor_options), 0, 0, 0, 0}

/** How long something took, counted in buckets: `counts[i]` took less than 2^i microseconds and
 * not less than the bucket before; the last one takes the rest. */
typedef struct wsb_histogram {
    uint64_t counts[24];
} wsb_histogram;

/** What an executor does and did. */
typedef struct wsb_executor_stats {
    size_t size;
    uint64_t submitted; /**< calls accepted */
    uint64_t completed; /**< of those, ended in whatever way */
    uint64_t cancelled; /**< of those, cancelled before they began */
    uint64_t refused;   /**< not accepted: the queue was full */
    uint64_t queued;    /**< waiting for their turn now */
    uint64_t queued_peak;
    uint64_t running;   /**< on a thread now */
    uint64_t suspended; /**< asleep or waiting now, without a thread */
    uint64_t suspended_peak;
    uint64_t slices; /**< times that a guest made room for others */
    uint64_t threads;
    uint64_t threads_peak;
    uint64_t blocked_ns;   /**< that callers waited for room in the queue */
    wsb_histogram waited;  /**< from being made to starting */
    wsb_histogram latency; /**< from being made to ending */
} wsb_executor_stats;

/** To be filled in by wsb_executor_get_stats(). */
#define WSB_EXECUTOR_STATS_INIT                                                                    \
    {                                                                                              \
        sizeof(wsb_executor_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {{0}},                  \
        {{0}}                                                                                      \
    }

/**
 * Creates an executor; its threads start when first needed and take no signals.
 *
 * @param options  NULL: defaults
 * @param out_executor  Caller owns a reference; release with wsb_executor_destroy().
 * @return WSB_ERROR_INVALID_ARGUMENT, WSB_ERROR_OUT_OF_MEMORY, WSB_ERROR_IO (the system gives no
 *         descriptors or threads). [thread-safe]
 */
WSB_API WSB_NODISCARD wsb_status wsb_executor_create(const wsb_executor_options *options,
                                                     wsb_executor **out_executor,
                                                     wsb_error **out_error);

/** Drops the caller's reference; sandboxes keep the executor alive. With the last one: cancels
 * what is in flight, waits for its end, and ends the threads. Must not be called on one of its
 * threads (from a host function or a completion callback). NULL is allowed. */
WSB_API void wsb_executor_destroy(wsb_executor *executor);

/** Fills in `out_stats` as far as its `size` goes. [thread-safe] */
WSB_API void wsb_executor_get_stats(const wsb_executor *executor, wsb_executor_stats *out_stats);

WSB_END_DECLS

#endif
