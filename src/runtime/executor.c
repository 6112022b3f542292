#include "runtime/executor_state.h"

#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/options.h"
#include "runtime/thread.h"
#include "runtime/ticks.h"

#include <wasm_sandbox/plugin/error.h>

enum { DEFAULT_MAX_THREADS = 64, DEFAULT_MAX_QUEUED = 65536, DEFAULT_SLICE_NS = 2000000 };

/* How often those that are to end are asked again while the last reference goes. */
enum { ASK_AGAIN_NS = 2000000 };

bool wsb__executor_is_forked(const wsb_executor *executor)
{
    return __builtin_expect(executor->fork_generation !=
                                atomic_load_explicit(&wsb__fork_generation, memory_order_relaxed),
                            0);
}

/* Those that the process may use, which can be fewer than there are. */
static uint32_t processors(void)
{
    cpu_set_t set;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        return (uint32_t)CPU_COUNT(&set);
    }
    return online > 0 ? (uint32_t)online : 1;
}

static void fill_in(wsb_executor_options *options)
{
    if (options->workers == 0) {
        options->workers = processors();
        if (options->max_threads != 0 && options->workers > options->max_threads) {
            options->workers = options->max_threads;
        }
    }
    if (options->max_threads == 0) {
        options->max_threads =
            options->workers > DEFAULT_MAX_THREADS ? options->workers : DEFAULT_MAX_THREADS;
    }
    if (options->max_queued == 0) {
        options->max_queued = DEFAULT_MAX_QUEUED;
    }
    if (options->time_slice == 0) {
        options->time_slice = DEFAULT_SLICE_NS;
    }
}

static wsb_status copy_options(const wsb_executor_options *given, wsb_executor_options *out,
                               wsb_error **out_error)
{
    wsb_status status =
        wsb__options_copy(given, out, sizeof *out, "wsb_executor_options", out_error);
    if (status != WSB_OK) {
        return status;
    }
    fill_in(out);
    if (out->max_threads < out->workers) {
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT,
                             &(wsb_error_details){.operation = "create executor",
                                                  .subject = "max_threads",
                                                  .suggestion = "set max_threads to 0, or to at "
                                                                "least workers",
                                                  .used = out->workers,
                                                  .allowed = out->max_threads},
                             "create executor: %u workers are more than max_threads, which is %u",
                             out->workers, out->max_threads);
    }
    return WSB_OK;
}

static void init_locks(wsb_executor *executor)
{
    pthread_mutexattr_t attributes;
    pthread_condattr_t clock;
    /* None of these can fail on this system: they take no memory. */
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_init(&executor->lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    pthread_mutex_init(&executor->monitor_lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&executor->changed, &clock);
    pthread_condattr_destroy(&clock);
}

wsb_status wsb_executor_create(const wsb_executor_options *options, wsb_executor **out_executor,
                               wsb_error **out_error)
{
    wsb_executor_options copy;
    if (out_executor == NULL) {
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT,
                             &(wsb_error_details){.operation = "create executor"},
                             "create executor: out_executor must not be NULL");
    }
    wsb_status status = copy_options(options, &copy, out_error);
    if (status != WSB_OK) {
        return status;
    }
    wsb_executor *executor = wsb__calloc(1, sizeof *executor);
    if (executor == NULL) {
        return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY,
                             &(wsb_error_details){.operation = "create executor"},
                             "create executor: out of memory");
    }
    wsb__fork_watch();
    wsb__ticks_init();
    wsb__strand_prepare();
    atomic_init(&executor->refs, 1);
    executor->fork_generation = atomic_load(&wsb__fork_generation);
    executor->options = copy;
    executor->slice_ticks = wsb__ns_to_ticks(copy.time_slice);
    init_locks(executor);
    *out_executor = executor;
    return WSB_OK;
}

wsb_executor *wsb__executor_ref(wsb_executor *executor)
{
    if (executor != NULL) {
        atomic_fetch_add_explicit(&executor->refs, 1, memory_order_relaxed);
    }
    return executor;
}

static void wait_a_little(wsb_executor *executor)
{
    uint64_t until = wsb__monotonic_ns() + ASK_AGAIN_NS;
    struct timespec absolute = {.tv_sec = (time_t)(until / 1000000000u),
                                .tv_nsec = (long)(until % 1000000000u)};
    pthread_cond_timedwait(&executor->changed, &executor->lock, &absolute);
}

static void *end(void *argument)
{
    wsb_executor *executor = argument;
    pthread_mutex_lock(&executor->lock);
    executor->ending = true;
    wsb__room_close(executor);
    while (executor->in_flight > 0 || executor->visitor_count > 0) {
        wsb__cancel_waiting(executor);
        wsb__cancel_running(executor, true);
        if (executor->in_flight > 0 || executor->visitor_count > 0) {
            wait_a_little(executor);
        }
    }
    pthread_mutex_unlock(&executor->lock);
    wsb__monitor_end(executor);
    pthread_mutex_lock(&executor->lock);
    wsb__workers_end(executor);
    pthread_mutex_unlock(&executor->lock);
    pthread_mutex_destroy(&executor->lock);
    pthread_mutex_destroy(&executor->monitor_lock);
    pthread_cond_destroy(&executor->changed);
    wsb__free(executor);
    return NULL;
}

void wsb_executor_destroy(wsb_executor *executor)
{
    pthread_t thread;
    if (executor == NULL || wsb__executor_is_forked(executor)) {
        return; /* in a child its threads and locks are as they were: it stays */
    }
    if (atomic_fetch_sub_explicit(&executor->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    const wsb__worker *worker = wsb__this_executor_thread.worker;
    if (worker == NULL || worker->executor != executor) {
        end(executor);
    } else if (wsb__thread_start(&thread, (size_t)256 * 1024, "wsb-end", end, executor)) {
        /* Not allowed on its own threads, which it waits for; but no reason to hang. */
        pthread_detach(thread);
    }
}

void wsb_executor_get_stats(const wsb_executor *executor, wsb_executor_stats *out_stats)
{
    wsb_executor_stats stats = {.size = sizeof stats};
    size_t size = out_stats->size;
    if (executor != NULL && !wsb__executor_is_forked(executor)) {
        wsb_executor *inside = (wsb_executor *)(uintptr_t)executor; /* its lock changes */
        pthread_mutex_lock(&inside->lock);
        stats = inside->stats;
        stats.threads = inside->thread_count;
        pthread_mutex_unlock(&inside->lock);
    }
    stats.size = size;
    memcpy(out_stats, &stats, size < sizeof stats ? size : sizeof stats);
}
