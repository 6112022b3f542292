/* The monitor: a thread with a loop that wakes tasks to which something happened, ends time slices,
 * and starts more threads when all are held. */
#include "runtime/executor_state.h"

#include <fcntl.h>
#include <unistd.h>
#include <uv.h>

#include "core/alloc.h"
#include "runtime/reactor.h"
#include "runtime/ticks.h"

#define STACK_SIZE ((size_t)256 * 1024)

/* A thread that steps one task for so long is held. One in a guest that makes room when it is
 * interrupted only waits for a processor, unless that takes very long: then it is in a host
 * function that blocks. */
#define HELD_NS UINT64_C(5000000)
#define HELD_IN_GUEST_NS UINT64_C(50000000)

enum {
    TICK_MS_MAX = 5,
    QUIET_TICKS = 50 /* it goes on looking for so long after nobody waits any more */
};

struct wsb__monitor {
    wsb_executor *executor;
    wsb__reactor reactor;
    pthread_t thread;
    uv_loop_t loop;
    uv_async_t told;
    uv_timer_t ticks;
    uv_poll_t events;
    _Atomic bool ending;
    unsigned quiet;
    const void *urgent; /* the first task that was to end when it looked the last time */
    bool ticking;
};

/* @return whether there is a guest to interrupt. */
static bool interrupt(wsb__worker *worker, const void **last)
{
    wsb__guard_take(worker);
    bool able = worker->interrupt != NULL;
    if (able && worker->engine != *last) {
        *last = worker->engine;
        worker->interrupt(worker->engine);
    }
    wsb__guard_give(worker);
    return able;
}

/* Interrupts what had its time slice. @return whether all threads are held. */
static bool look_at_threads(wsb_executor *executor, bool waiting, bool *out_visited)
{
    uint64_t now = wsb__ticks();
    uint64_t held_ticks = wsb__ns_to_ticks(HELD_NS);
    uint64_t held_in_guest_ticks = wsb__ns_to_ticks(HELD_IN_GUEST_NS);
    uint32_t held = 0;
    const void *last = NULL;
    for (wsb__worker *each = executor->workers; each != NULL; each = each->next) {
        uint64_t began = atomic_load_explicit(&each->began, memory_order_relaxed);
        uint64_t elapsed = began != 0 && now > began ? now - began : 0;
        *out_visited = *out_visited || each->visitor;
        bool makes_room = (waiting || each->visitor) && elapsed >= executor->slice_ticks &&
                          interrupt(each, &last);
        held += !each->visitor && elapsed >= (makes_room ? held_in_guest_ticks : held_ticks);
    }
    return held == executor->thread_count;
}

/* Twice as many at most, so that they are there soon where each of them is held, too. */
static void start_more(wsb_executor *executor)
{
    uint64_t wanted = executor->thread_count / 2 + 1;
    uint64_t ready = atomic_load_explicit(&executor->ready_count, memory_order_relaxed);
    uint32_t room = executor->options.max_threads - executor->thread_count;
    wanted = wanted < ready ? wanted : ready;
    for (uint32_t i = 0; i < room && i < wanted; i++) {
        if (wsb__worker_start(executor) != WSB_OK) {
            return; /* with those that there are; the next tick tries again */
        }
        executor->searching++;
    }
}

/* With the lock held: whether a task that is to end has been waiting for a thread since the last
 * look. */
static bool is_kept_waiting(wsb__monitor *monitor)
{
    const wsb_executor *executor = monitor->executor;
    const void *first = executor->urgent.first;
    bool still = first != NULL && first == monitor->urgent;
    monitor->urgent = first;
    return still && executor->searching == 0;
}

/* @return whether to look again. */
static bool look(wsb__monitor *monitor)
{
    wsb_executor *executor = monitor->executor;
    bool visited = false;
    pthread_mutex_lock(&executor->lock);
    bool waiting = atomic_load_explicit(&executor->ready_count, memory_order_relaxed) > 0;
    bool held = look_at_threads(executor, waiting, &visited);
    if (waiting && held && executor->thread_count < executor->options.max_threads) {
        start_more(executor);
    }
    if (is_kept_waiting(monitor) && !executor->has_clerk) {
        wsb__clerk_start(executor);
    }
    bool cancelling = wsb__cancel_running(executor, false);
    monitor->quiet = waiting || visited || cancelling ? 0 : monitor->quiet + 1;
    executor->ticking = monitor->quiet < QUIET_TICKS;
    bool again = executor->ticking;
    pthread_mutex_unlock(&executor->lock);
    return again;
}

static void on_tick(uv_timer_t *timer)
{
    wsb__monitor *monitor = timer->data;
    if (!look(monitor)) {
        monitor->ticking = false;
        uv_timer_stop(timer);
    }
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    wsb__monitor *monitor = poll->data;
    (void)status;
    (void)events;
    wsb__reactor_dispatch(&monitor->reactor);
}

static uint64_t tick_ms(const wsb_executor *executor)
{
    uint64_t ms = executor->options.time_slice / 2000000;
    return ms < 1 ? 1 : ms > TICK_MS_MAX ? TICK_MS_MAX : ms;
}

static void on_told(uv_async_t *async)
{
    wsb__monitor *monitor = async->data;
    if (atomic_load(&monitor->ending)) {
        uv_close((uv_handle_t *)&monitor->told, NULL);
        uv_close((uv_handle_t *)&monitor->ticks, NULL);
        uv_close((uv_handle_t *)&monitor->events, NULL);
    } else if (!monitor->ticking) {
        uint64_t ms = tick_ms(monitor->executor);
        monitor->quiet = 0;
        monitor->ticking = uv_timer_start(&monitor->ticks, on_tick, ms, ms) == 0;
    }
}

static void *run(void *argument)
{
    wsb__monitor *monitor = argument;
    uv_run(&monitor->loop, UV_RUN_DEFAULT);
    return NULL;
}

static bool init_handles(wsb__monitor *monitor)
{
    uv_loop_t *loop = &monitor->loop;
    if (uv_async_init(loop, &monitor->told, on_told) != 0) {
        return false;
    }
    uv_timer_init(loop, &monitor->ticks);
    if (uv_poll_init(loop, &monitor->events, monitor->reactor.epoll_fd) != 0) {
        uv_close((uv_handle_t *)&monitor->told, NULL);
        uv_close((uv_handle_t *)&monitor->ticks, NULL);
        return false;
    }
    monitor->told.data = monitor;
    monitor->ticks.data = monitor;
    monitor->events.data = monitor;
    return uv_poll_start(&monitor->events, UV_READABLE, on_event) == 0;
}

/* The loop is left without handles. */
static void close_loop(wsb__monitor *monitor)
{
    uv_run(&monitor->loop, UV_RUN_DEFAULT);
    uv_loop_close(&monitor->loop);
}

/* Making its first loop, libuv ends the process where it gets no pipe. What one needs in all is
 * asked for here, so that a few that others take meanwhile do not matter. */
static bool has_descriptors(void)
{
    enum { PIPES = 6 };
    int pipes[PIPES][2];
    int count = 0;
    while (count < PIPES && pipe2(pipes[count], O_CLOEXEC) == 0) {
        count++;
    }
    for (int i = 0; i < count; i++) {
        close(pipes[i][0]);
        close(pipes[i][1]);
    }
    return count == PIPES;
}

static wsb_status start(wsb__monitor *monitor)
{
    if (!has_descriptors() || uv_loop_init(&monitor->loop) != 0) {
        return WSB_ERROR_IO;
    }
    if (!init_handles(monitor)) {
        close_loop(monitor);
        return WSB_ERROR_IO;
    }
    if (!wsb__thread_start(&monitor->thread, STACK_SIZE, "wsb-monitor", run, monitor)) {
        atomic_store(&monitor->ending, true);
        on_told(&monitor->told);
        close_loop(monitor);
        return WSB_ERROR_IO;
    }
    return WSB_OK;
}

static wsb_status create(wsb_executor *executor, wsb__monitor **out_monitor)
{
    wsb__monitor *monitor = wsb__calloc(1, sizeof *monitor);
    if (monitor == NULL) {
        return WSB_ERROR_OUT_OF_MEMORY;
    }
    monitor->executor = executor;
    wsb_status status = wsb__reactor_init(&monitor->reactor);
    if (status == WSB_OK) {
        status = start(monitor);
        if (status != WSB_OK) {
            wsb__reactor_fini(&monitor->reactor);
        }
    }
    if (status != WSB_OK) {
        wsb__free(monitor);
        return status;
    }
    *out_monitor = monitor;
    return WSB_OK;
}

static wsb_status need(wsb_executor *executor, wsb__monitor **out_monitor)
{
    wsb_status status = WSB_OK;
    *out_monitor = atomic_load_explicit(&executor->monitor, memory_order_acquire);
    if (*out_monitor != NULL) {
        return WSB_OK;
    }
    pthread_mutex_lock(&executor->monitor_lock);
    *out_monitor = atomic_load(&executor->monitor);
    if (*out_monitor == NULL) {
        status = create(executor, out_monitor);
        if (status == WSB_OK) {
            atomic_store_explicit(&executor->monitor, *out_monitor, memory_order_release);
        }
    }
    pthread_mutex_unlock(&executor->monitor_lock);
    return status;
}

wsb_status wsb__monitor_need(wsb_executor *executor, wsb__reactor **out_reactor)
{
    wsb__monitor *monitor;
    wsb_status status = need(executor, &monitor);
    if (status == WSB_OK) {
        *out_reactor = &monitor->reactor;
    }
    return status;
}

void wsb__monitor_tell(wsb_executor *executor)
{
    wsb__monitor *monitor;
    if (need(executor, &monitor) == WSB_OK) {
        uv_async_send(&monitor->told);
        return;
    }
    pthread_mutex_lock(&executor->lock);
    executor->ticking = false; /* the next one that needs it tries again */
    pthread_mutex_unlock(&executor->lock);
}

void wsb__monitor_end(wsb_executor *executor)
{
    wsb__monitor *monitor = atomic_load(&executor->monitor);
    if (monitor == NULL) {
        return;
    }
    atomic_store(&monitor->ending, true);
    uv_async_send(&monitor->told);
    pthread_join(monitor->thread, NULL);
    uv_loop_close(&monitor->loop);
    wsb__reactor_fini(&monitor->reactor);
    wsb__free(monitor);
    atomic_store(&executor->monitor, NULL);
}

wsb_status wsb__task_watch(wsb__task *task, struct pollfd *fds, size_t fd_count, uint64_t until_ns)
{
    wsb__reactor *reactor;
    if (until_ns != UINT64_MAX && until_ns <= wsb__monotonic_ns()) {
        wsb__task_wake(task);
        return WSB_OK;
    }
    if (fd_count == 0 && until_ns == UINT64_MAX) {
        return WSB_OK;
    }
    wsb_status status = wsb__monitor_need(task->executor, &reactor);
    if (status == WSB_OK) {
        status = wsb__reactor_add(reactor, task, fds, fd_count, until_ns);
    }
    task->watching = status == WSB_OK;
    return status;
}

void wsb__task_unwatch(wsb__task *task)
{
    wsb__reactor *reactor;
    if (task->watching && wsb__monitor_need(task->executor, &reactor) == WSB_OK) {
        wsb__reactor_remove(reactor, task);
        task->watching = false;
    }
}

bool wsb__task_watches(const wsb__task *task, uint64_t until_ns)
{
    return task->watching && task->fds == NULL && task->timer.at == until_ns &&
           atomic_load_explicit(&task->timer.index, memory_order_relaxed) != 0;
}
