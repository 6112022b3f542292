/* Timers and descriptors that tasks wait for. */
#include "unit/executor/executor_test.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "runtime/reactor.h"
#include "unit/core/fail_nth.h"

/* --- timers --- */

static void must_be_a_heap(const wsb__timer_heap *heap)
{
    for (size_t i = 0; i < heap->count; i++) {
        assert_int_equal(heap->items[i]->index, i + 1);
        assert_true(i == 0 || heap->items[(i - 1) / 2]->at <= heap->items[i]->at);
    }
}

static void test_the_heap_is_one(void **state)
{
    enum { COUNT = 500 };
    static wsb__timer timers[COUNT];
    wsb__timer_heap heap = {.count = 0};
    uint64_t random = 12345;
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        timers[i] = (wsb__timer){.at = (random >> 33) % 100};
        assert_int_equal(wsb__timer_heap_add(&heap, &timers[i]), WSB_OK);
    }
    must_be_a_heap(&heap);
    for (int i = 0; i < COUNT; i += 2) {
        wsb__timer_heap_remove(&heap, &timers[(i * 7) % COUNT]);
        wsb__timer_heap_remove(&heap, &timers[(i * 7) % COUNT]);
        must_be_a_heap(&heap);
    }
    uint64_t last = 0;
    while (heap.count > 0) {
        wsb__timer *first = heap.items[0];
        assert_true(first->at >= last);
        last = first->at;
        wsb__timer_heap_remove(&heap, first);
        assert_int_equal(first->index, 0);
    }
    wsb__timer_heap_fini(&heap);
}

/* Until a time relative to now (`number`, ns), then notes its place. */
static wsb__step sleep_once(probe *self)
{
    wsb__task *task = &self->future.task;
    counter *order = self->data;
    wsb__task_unwatch(task);
    if (atomic_load(&self->steps) == 1 && wsb__task_watch(task, NULL, 0, self->number) == WSB_OK) {
        return WSB__STEP_WAIT;
    }
    self->number = wsb__monotonic_ns() >= self->number ? atomic_fetch_add(order, 1) : UINT64_MAX;
    return WSB__STEP_DONE;
}

enum { RINGS = 20 };

/* Whether all timers were set before the first of them rang: `lead_ns` after the beginning. */
static bool set_timers(wsb_executor *executor, counter *order, probe **probes, uint64_t lead_ns)
{
    uint64_t base = wsb__monotonic_ns() + lead_ns;
    for (uint64_t i = 0; i < RINGS; i++) {
        probes[i] = probe_new(sleep_once, order);
        probes[i]->number = base + (i * 7 % RINGS) * MS / 2;
        assert_int_equal(probe_submit(executor, NULL, probes[i], 0), WSB_OK);
    }
    while (stats_of(executor).suspended < RINGS && wsb__monotonic_ns() < base) {
        sched_yield();
    }
    return wsb__monotonic_ns() < base;
}

static bool ring_in_order(uint64_t lead_ns)
{
    probe *probes[RINGS];
    counter order = 0;
    wsb_executor *executor;
    wsb_executor_options options = WSB_EXECUTOR_OPTIONS_INIT;
    options.workers = 1;
    options.max_threads = 1;
    options.time_slice = LONG_NS; /* a thread that waits for a processor puts nobody behind */
    assert_int_equal(wsb_executor_create(&options, &executor, NULL), WSB_OK);
    bool in_time = set_timers(executor, &order, probes, lead_ns);
    for (uint64_t i = 0; i < RINGS; i++) {
        uint64_t place;
        assert_true(wsb_future_wait(&probes[i]->future, LONG_NS));
        assert_int_equal(wsb_future_take_id(&probes[i]->future, &place, NULL), WSB_OK);
        if (in_time) {
            assert_int_equal(place, i * 7 % RINGS);
        }
        wsb_future_destroy(&probes[i]->future);
    }
    wsb_executor_destroy(executor);
    return in_time;
}

static void test_timers_ring_in_order_and_not_early(void **state)
{
    uint64_t lead_ns = 20 * MS;
    (void)state;
    while (!ring_in_order(lead_ns)) {
        lead_ns *= 2; /* a busy machine */
    }
}

static void test_many_timers(void **state)
{
    enum { COUNT = 10000 };
    static probe *probes[COUNT];
    counter order = 0;
    wsb_executor *executor = executor_of(2, 2, 0);
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        probes[i] = probe_new(sleep_once, &order);
        probes[i]->number = i % 2 ? UINT64_MAX - 1 : wsb__monotonic_ns() + MS;
        assert_int_equal(probe_submit(executor, NULL, probes[i], 0), WSB_OK);
    }
    for (int i = 0; i < COUNT; i += 2) {
        assert_int_equal(finish(probes[i]), WSB_OK);
    }
    assert_int_equal(atomic_load(&order), COUNT / 2);
    assert_true(stats_of(executor).threads <= 2);
    for (int i = 1; i < COUNT; i += 2) {
        wsb_future_cancel(&probes[i]->future);
        assert_int_equal(finish(probes[i]), WSB_OK);
    }
    wsb_executor_destroy(executor);
}

static void test_a_time_that_has_passed_does_not_wait(void **state)
{
    counter order = 0;
    wsb_executor *executor = executor_of(1, 1, 0);
    probe *self = probe_new(sleep_once, &order);
    (void)state;
    self->number = 1;
    assert_int_equal(probe_submit(executor, NULL, self, 0), WSB_OK);
    assert_int_equal(finish(self), WSB_OK);
    wsb_executor_destroy(executor);
}

/* --- descriptors --- */

/* Watches fds[0..number) until one of them is ready; `next` tells how watch ended otherwise. */
static wsb__step wait_for_fds(probe *self)
{
    wsb__task *task = &self->future.task;
    nfds_t count = (nfds_t)self->number;
    wsb__task_unwatch(task);
    while (poll(self->fds, count, 0) == 0) {
        wsb_status status = wsb__task_watch(task, self->fds, count, UINT64_MAX);
        if (status == WSB_OK) {
            return WSB__STEP_WAIT;
        }
        self->next = (wsb__step)status;
        break;
    }
    return WSB__STEP_DONE;
}

static probe *watcher(wsb_executor *executor, int first, int second)
{
    probe *self = probe_new(wait_for_fds, NULL);
    self->number = second >= 0 ? 2 : 1;
    self->fds[0] = (struct pollfd){.fd = first, .events = POLLIN};
    self->fds[1] = (struct pollfd){.fd = second, .events = POLLIN};
    assert_int_equal(probe_submit(executor, NULL, self, 0), WSB_OK);
    return self;
}

static void make_pair(int pair[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
}

static void test_a_descriptor_wakes(void **state)
{
    int pipe_fds[2];
    int pair[2];
    wsb_executor *executor = executor_of(1, 1, 0);
    (void)state;
    assert_int_equal(pipe(pipe_fds), 0);
    make_pair(pair);
    for (int i = 0; i < 100; i++) {
        char byte = 'x';
        probe *self = watcher(executor, pipe_fds[0], pair[0]);
        AWAIT_STATS(executor, now.suspended == 1);
        assert_int_equal(write(i % 2 ? pipe_fds[1] : pair[1], &byte, 1), 1);
        assert_int_equal(finish(self), WSB_OK);
        assert_int_equal(read(i % 2 ? pipe_fds[0] : pair[0], &byte, 1), 1);
    }
    probe *self = watcher(executor, pipe_fds[0], pair[0]);
    AWAIT_STATS(executor, now.suspended == 1);
    close(pipe_fds[1]); /* the other side goes */
    assert_int_equal(finish(self), WSB_OK);
    wsb_executor_destroy(executor);
    close(pipe_fds[0]);
    close(pair[0]);
    close(pair[1]);
}

static int open_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 1024; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

static void test_one_descriptor_for_many(void **state)
{
    enum { COUNT = 20 };
    int pair[2];
    probe *probes[COUNT];
    wsb_executor *executor = executor_of(2, 2, 0);
    (void)state;
    make_pair(pair);
    int flags = fcntl(pair[0], F_GETFL);
    probe *warm_up = watcher(executor, pair[0], pair[0]); /* twice in one */
    AWAIT_STATS(executor, now.suspended == 1);
    wsb_future_cancel(&warm_up->future);
    assert_false(wsb_future_wait(&warm_up->future, 2 * MS)); /* it does not listen */
    for (int i = 0; i < COUNT; i++) {
        probes[i] = watcher(executor, pair[0], -1);
    }
    AWAIT_STATS(executor, now.suspended == COUNT + 1);
    assert_int_equal(write(pair[1], "x", 1), 1);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(finish(probes[i]), WSB_OK);
    }
    assert_int_equal(finish(warm_up), WSB_OK);
    assert_int_equal(fcntl(pair[0], F_GETFL), flags);
    wsb_executor_destroy(executor);
    close(pair[0]);
    close(pair[1]);
}

static void test_no_descriptor_is_kept(void **state)
{
    int before = open_descriptors();
    (void)state;
    test_one_descriptor_for_many(NULL);
    test_a_descriptor_wakes(NULL);
    assert_int_equal(open_descriptors(), before);
}

/* Watches without looking first, so that what epoll says counts. */
static wsb__step watch_blindly(probe *self)
{
    wsb__task *task = &self->future.task;
    wsb__task_unwatch(task);
    if (atomic_load(&self->steps) > 1) {
        return WSB__STEP_DONE;
    }
    return wsb__task_watch(task, self->fds, (size_t)self->number, UINT64_MAX) == WSB_OK
               ? WSB__STEP_WAIT
               : WSB__STEP_DONE;
}

static void must_be_ready(wsb_executor *executor, struct pollfd fd)
{
    probe *self = probe_new(watch_blindly, NULL);
    self->number = 1;
    self->fds[0] = fd;
    assert_int_equal(probe_submit(executor, NULL, self, 0), WSB_OK);
    assert_int_equal(finish(self), WSB_OK);
}

static void test_what_epoll_refuses_is_ready(void **state)
{
    int pair[2];
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    wsb_executor *executor = executor_of(1, 1, 0);
    (void)state;
    make_pair(pair);
    must_be_ready(executor, (struct pollfd){.fd = file, .events = POLLIN});
    must_be_ready(executor, (struct pollfd){.fd = folder, .events = POLLIN});
    must_be_ready(executor, (struct pollfd){.fd = pair[0], .events = POLLOUT});
    close(pair[1]);
    must_be_ready(executor, (struct pollfd){.fd = pair[0], .events = 0}); /* POLLHUP */
    close(pair[0]);
    must_be_ready(executor, (struct pollfd){.fd = pair[0], .events = POLLIN});
    close(file);
    close(folder);
    wsb_executor_destroy(executor);
}

static void test_a_negative_descriptor_is_none(void **state)
{
    wsb_executor *executor = executor_of(1, 1, 0);
    probe *self = probe_new(watch_blindly, NULL);
    (void)state;
    self->number = 1;
    self->fds[0] = (struct pollfd){.fd = -1, .events = POLLIN};
    assert_int_equal(probe_submit(executor, NULL, self, 0), WSB_OK);
    AWAIT_STATS(executor, now.suspended == 1);
    wsb__task_wake(&self->future.task);
    assert_int_equal(finish(self), WSB_OK);
    wsb_executor_destroy(executor);
}

/* The owner closes a descriptor under a wait, and its number becomes another's, which a second task
 * watches: the first one's end does not make the second deaf. */
static void test_a_descriptor_closed_by_its_owner(void **state)
{
    int first[2];
    int second[2];
    wsb_executor *executor = executor_of(1, 1, 0);
    (void)state;
    make_pair(first);
    probe *old = probe_new(watch_blindly, NULL);
    old->number = 1;
    old->fds[0] = (struct pollfd){.fd = first[0], .events = POLLIN};
    assert_int_equal(probe_submit(executor, NULL, old, 0), WSB_OK);
    AWAIT_STATS(executor, now.suspended == 1);
    make_pair(second);
    assert_int_equal(dup2(second[0], first[0]), first[0]);
    probe *young = watcher(executor, first[0], -1);
    AWAIT_STATS(executor, now.suspended == 2);
    wsb__task_wake(&old->future.task);
    assert_int_equal(finish(old), WSB_OK);
    assert_int_equal(write(second[1], "x", 1), 1);
    assert_int_equal(finish(young), WSB_OK);
    wsb_executor_destroy(executor);
    for (int i = 0; i < 2; i++) {
        close(first[i]);
        close(second[i]);
    }
}

/* The same while a copy keeps the old file alive: what the kernel still tells of it is nobody's. */
static void test_a_closed_descriptor_with_a_copy(void **state)
{
    int pair[2];
    int copy;
    wsb_executor *executor = executor_of(1, 1, 0);
    (void)state;
    make_pair(pair);
    copy = dup(pair[0]);
    probe *self = probe_new(watch_blindly, NULL);
    self->number = 1;
    self->fds[0] = (struct pollfd){.fd = pair[0], .events = POLLIN};
    assert_int_equal(probe_submit(executor, NULL, self, 0), WSB_OK);
    AWAIT_STATS(executor, now.suspended == 1);
    close(pair[0]);
    wsb__task_wake(&self->future.task);
    assert_int_equal(finish(self), WSB_OK);
    assert_int_equal(write(pair[1], "x", 1), 1); /* of a wait that is over */
    probe *other = watcher(executor, copy, -1);
    assert_int_equal(finish(other), WSB_OK);
    wsb_executor_destroy(executor);
    close(copy);
    close(pair[1]);
}

static wsb__step note_refusal(probe *self)
{
    wsb__task *task = &self->future.task;
    wsb_status status = wsb__task_watch(task, self->fds, (size_t)self->number, UINT64_MAX);
    if (status == WSB_OK && atomic_load(&self->steps) == 1) {
        return WSB__STEP_WAIT;
    }
    wsb__task_unwatch(task);
    self->number = (uint64_t)status;
    return WSB__STEP_DONE;
}

static wsb_status watch_twice(wsb_executor *executor, int fd)
{
    uint64_t status;
    probe *self = probe_new(note_refusal, NULL);
    self->number = 2;
    self->fds[0] = self->fds[1] = (struct pollfd){.fd = fd, .events = POLLOUT};
    assert_int_equal(probe_submit(executor, NULL, self, 0), WSB_OK);
    assert_true(wsb_future_wait(&self->future, LONG_NS));
    assert_int_equal(wsb_future_take_id(&self->future, &status, NULL), WSB_OK);
    wsb_future_destroy(&self->future);
    return (wsb_status)status;
}

static void test_no_descriptor_is_left(void **state)
{
    struct rlimit before;
    struct rlimit none;
    int pair[2];
    wsb_executor *executor = executor_of(1, 1, 0);
    (void)state;
    make_pair(pair);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    /* Not even the loop's, without which no slice would end: no call is taken. */
    assert_int_equal(probe_submit(executor, NULL, probe_new(do_nothing, NULL), 0), WSB_ERROR_IO);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    must_be_ready(executor, (struct pollfd){.fd = pair[0], .events = POLLOUT});
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(watch_twice(executor, pair[0]), WSB_ERROR_IO); /* the duplicate */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    must_be_ready(executor, (struct pollfd){.fd = pair[0], .events = POLLOUT});
    wsb_executor_destroy(executor);
    close(pair[0]);
    close(pair[1]);
}

/* Any allocation may fail: the reactor is as before then. */
static wsb_status use_reactor(int fd)
{
    wsb__reactor reactor;
    wsb_executor *executor = NULL;
    wsb__task task = {.ops = &probe_ops};
    struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    wsb_status status = wsb_executor_create(NULL, &executor, NULL);
    if (status != WSB_OK) {
        return status;
    }
    task.executor = executor;
    status = wsb__reactor_init(&reactor);
    if (status == WSB_OK) {
        status = wsb__reactor_add(&reactor, &task, fds, 2, UINT64_MAX - 1);
        if (status == WSB_OK) {
            wsb__reactor_remove(&reactor, &task);
        }
        assert_null(task.fds);
        assert_int_equal(task.timer.index, 0);
        wsb__reactor_fini(&reactor);
    }
    wsb_executor_destroy(executor);
    return status;
}

static void test_out_of_memory(void **state)
{
    int pair[2];
    (void)state;
    make_pair(pair);
    EXPECT_OUT_OF_MEMORY_UNTIL_OK(use_reactor(pair[0]));
    close(pair[0]);
    close(pair[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_heap_is_one),
        cmocka_unit_test(test_timers_ring_in_order_and_not_early),
        cmocka_unit_test(test_many_timers),
        cmocka_unit_test(test_a_time_that_has_passed_does_not_wait),
        cmocka_unit_test(test_a_descriptor_wakes),
        cmocka_unit_test(test_one_descriptor_for_many),
        cmocka_unit_test(test_no_descriptor_is_kept),
        cmocka_unit_test(test_what_epoll_refuses_is_ready),
        cmocka_unit_test(test_a_negative_descriptor_is_none),
        cmocka_unit_test(test_a_descriptor_closed_by_its_owner),
        cmocka_unit_test(test_a_closed_descriptor_with_a_copy),
        cmocka_unit_test(test_no_descriptor_is_left),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
