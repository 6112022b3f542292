#include "runtime/reactor.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "core/alloc.h"
#include "runtime/ticks.h"

/* What a task watches: an own epoll set rather than a handle of the loop for each, as this needs
 * no other thread and leaves the flags of the descriptors alone, which are the host's. */
typedef struct watched_fd {
    int given;
    int own; /* a duplicate, where the set had `given` already; -1: none */
} watched_fd;

struct wsb__fd_wait {
    wsb__task *task;
    uint64_t id;
    size_t count;
    watched_fd fds[];
};

/* Never an id of the table. */
enum { TIMER_ID = 0, EVENTS_AT_ONCE = 64 };

static wsb_status open_descriptors(wsb__reactor *reactor)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = TIMER_ID};
    reactor->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    reactor->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (reactor->epoll_fd < 0 || reactor->timer_fd < 0 ||
        epoll_ctl(reactor->epoll_fd, EPOLL_CTL_ADD, reactor->timer_fd, &event) != 0) {
        return WSB_ERROR_IO;
    }
    return WSB_OK;
}

static void close_if_open(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

wsb_status wsb__reactor_init(wsb__reactor *reactor)
{
    memset(reactor, 0, sizeof *reactor);
    wsb_status status = open_descriptors(reactor);
    reactor->waits = wsb__id_table_create();
    if (status == WSB_OK && reactor->waits == NULL) {
        status = WSB_ERROR_OUT_OF_MEMORY;
    }
    pthread_mutex_init(&reactor->lock, NULL);
    if (status != WSB_OK) {
        wsb__reactor_fini(reactor);
    }
    return status;
}

void wsb__reactor_fini(wsb__reactor *reactor)
{
    close_if_open(reactor->epoll_fd);
    close_if_open(reactor->timer_fd);
    wsb__id_table_destroy(reactor->waits);
    wsb__timer_heap_fini(&reactor->timers);
    wsb__free(reactor->owners);
    pthread_mutex_destroy(&reactor->lock);
}

/* The kernel's timer rings at the soonest of ours; one that has rung is silent again. */
static void arm(wsb__reactor *reactor)
{
    struct itimerspec when = {.it_value = {0, 0}};
    if (reactor->timers.count > 0) {
        uint64_t at = reactor->timers.items[0]->at;
        when.it_value.tv_sec = (time_t)(at / 1000000000u);
        when.it_value.tv_nsec = (long)(at % 1000000000u);
    }
    timerfd_settime(reactor->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void ring(wsb__reactor *reactor)
{
    uint64_t now = wsb__monotonic_ns();
    while (reactor->timers.count > 0 && reactor->timers.items[0]->at <= now) {
        wsb__timer *timer = reactor->timers.items[0];
        wsb__timer_heap_remove(&reactor->timers, timer);
        if (timer->hurry) {
            wsb__task_hurry(timer->task);
        } else {
            wsb__task_wake(timer->task);
        }
    }
    arm(reactor);
}

void wsb__reactor_dispatch(wsb__reactor *reactor)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    pthread_mutex_lock(&reactor->lock);
    int count = epoll_wait(reactor->epoll_fd, events, EVENTS_AT_ONCE, 0);
    for (int i = 0; i < count; i++) {
        if (events[i].data.u64 == TIMER_ID) {
            ring(reactor);
            continue;
        }
        struct wsb__fd_wait *wait = wsb__id_table_get(reactor->waits, events[i].data.u64);
        if (wait != NULL) {
            wsb__task_wake(wait->task);
        }
    }
    pthread_mutex_unlock(&reactor->lock);
}

/* Room to say who watches `fd`. */
static bool reserve_owner(wsb__reactor *reactor, int fd)
{
    size_t need = (size_t)fd + 1;
    if (need <= reactor->owner_count) {
        return true;
    }
    size_t count = need < 64 ? 64 : need * 2;
    uint64_t *owners = wsb__realloc(reactor->owners, count * sizeof *owners);
    if (owners == NULL) {
        return false;
    }
    memset(owners + reactor->owner_count, 0, (count - reactor->owner_count) * sizeof *owners);
    reactor->owners = owners;
    reactor->owner_count = count;
    return true;
}

/* 0, or an errno. */
static int watch_number(wsb__reactor *reactor, int fd, short events, uint64_t id)
{
    const short known =
        POLLIN | POLLPRI | POLLOUT | POLLRDNORM | POLLRDBAND | POLLWRNORM | POLLWRBAND | POLLRDHUP;
    struct epoll_event event = {.events = (uint32_t)(events & known) | EPOLLONESHOT,
                                .data.u64 = id};
    if (epoll_ctl(reactor->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        return errno;
    }
    /* Only now is it known that the number is that of a descriptor, and no larger than those. */
    if (!reserve_owner(reactor, fd)) {
        epoll_ctl(reactor->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return ENOMEM;
    }
    reactor->owners[fd] = id;
    return 0;
}

/* 0, or an errno; *out_ready where poll(2) would not wait for it. */
static int watch_fd(wsb__reactor *reactor, const struct pollfd *fd, uint64_t id, watched_fd *out,
                    bool *out_ready)
{
    *out = (watched_fd){.given = fd->fd, .own = -1};
    if (fd->fd < 0) {
        return 0; /* as poll(2): none */
    }
    int failed = watch_number(reactor, fd->fd, fd->events, id);
    if (failed == EEXIST) {
        out->own = fcntl(fd->fd, F_DUPFD_CLOEXEC, 0);
        out->given = -1;
        failed = out->own < 0 ? errno : watch_number(reactor, out->own, fd->events, id);
    }
    if (failed == EPERM || failed == EBADF) {
        *out_ready = true; /* a regular file or a directory; or closed, which poll(2) tells */
        failed = 0;
    }
    return failed;
}

/* Only where the wait is the one that watches it: a descriptor that was closed under it may be
 * another's by now. */
static void unwatch_number(wsb__reactor *reactor, int fd, uint64_t id)
{
    if (fd >= 0 && (size_t)fd < reactor->owner_count && reactor->owners[fd] == id) {
        reactor->owners[fd] = 0;
        epoll_ctl(reactor->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    }
}

static void drop_fds(wsb__reactor *reactor, struct wsb__fd_wait *wait)
{
    for (size_t i = 0; i < wait->count; i++) {
        unwatch_number(reactor, wait->fds[i].given, wait->id);
        unwatch_number(reactor, wait->fds[i].own, wait->id);
        close_if_open(wait->fds[i].own);
    }
    wsb__id_table_remove(reactor->waits, wait->id);
    wsb__free(wait);
}

static wsb_status add_fds(wsb__reactor *reactor, wsb__task *task, const struct pollfd *fds,
                          size_t count, bool *out_ready)
{
    struct wsb__fd_wait *wait = count < SIZE_MAX / sizeof(watched_fd) / 2
                                    ? wsb__alloc(sizeof *wait + count * sizeof(watched_fd))
                                    : NULL;
    if (wait == NULL) {
        return WSB_ERROR_OUT_OF_MEMORY;
    }
    wait->task = task;
    wait->count = 0;
    if (wsb__id_table_add(reactor->waits, wait, &wait->id) != WSB_OK) {
        wsb__free(wait);
        return WSB_ERROR_OUT_OF_MEMORY;
    }
    while (wait->count < count) {
        int failed =
            watch_fd(reactor, &fds[wait->count], wait->id, &wait->fds[wait->count], out_ready);
        wait->count++; /* what it may have duplicated is dropped, too */
        if (failed != 0) {
            drop_fds(reactor, wait);
            return failed == ENOMEM ? WSB_ERROR_OUT_OF_MEMORY : WSB_ERROR_IO;
        }
    }
    task->fds = wait;
    return WSB_OK;
}

static wsb_status add_timer(wsb__reactor *reactor, wsb__task *task, uint64_t until_ns)
{
    task->timer.task = task;
    task->timer.at = until_ns;
    task->timer.index = 0;
    wsb_status status = wsb__timer_heap_add(&reactor->timers, &task->timer);
    if (status == WSB_OK && task->timer.index == 1) {
        arm(reactor);
    }
    return status;
}

wsb_status wsb__reactor_add(wsb__reactor *reactor, wsb__task *task, const struct pollfd *fds,
                            size_t fd_count, uint64_t until_ns)
{
    bool ready = false;
    pthread_mutex_lock(&reactor->lock);
    wsb_status status = fd_count > 0 ? add_fds(reactor, task, fds, fd_count, &ready) : WSB_OK;
    if (status == WSB_OK && until_ns != UINT64_MAX) {
        status = add_timer(reactor, task, until_ns);
        if (status != WSB_OK && task->fds != NULL) {
            drop_fds(reactor, task->fds);
            task->fds = NULL;
        }
    }
    pthread_mutex_unlock(&reactor->lock);
    if (status == WSB_OK && ready) {
        wsb__task_wake(task);
    }
    return status;
}

void wsb__reactor_remove(wsb__reactor *reactor, wsb__task *task)
{
    pthread_mutex_lock(&reactor->lock);
    /* The kernel's timer is left as it is: it rings once in vain. */
    wsb__timer_heap_remove(&reactor->timers, &task->timer);
    if (task->fds != NULL) {
        drop_fds(reactor, task->fds);
        task->fds = NULL;
    }
    pthread_mutex_unlock(&reactor->lock);
}
