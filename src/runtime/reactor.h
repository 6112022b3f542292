/* Timers and descriptors that tasks wait for. One lock for all of it, taken before an executor's:
 * a task is woken with it held, so that none is woken after wsb__reactor_remove(). */
#ifndef WSB_RUNTIME_REACTOR_H
#define WSB_RUNTIME_REACTOR_H

#include "core/id_table.h"
#include "runtime/executor.h"

#include <pthread.h>

/* A heap of timers, the soonest first. Not locked. */
typedef struct wsb__timer_heap {
    wsb__timer **items;
    size_t count;
    size_t capacity;
} wsb__timer_heap;

WSB_NODISCARD wsb_status wsb__timer_heap_add(wsb__timer_heap *heap, wsb__timer *timer);
/* Does nothing where it is not in it. */
void wsb__timer_heap_remove(wsb__timer_heap *heap, wsb__timer *timer);
void wsb__timer_heap_fini(wsb__timer_heap *heap);

typedef struct wsb__reactor {
    pthread_mutex_t lock;
    int epoll_fd; /* readable when something happened */
    int timer_fd; /* in it, set to the soonest timer */
    wsb__timer_heap timers;
    wsb__id_table *waits; /* what the kernel gives back: it may be of a wait that is over */
    uint64_t *owners;     /* by descriptor, the wait that watches it; 0: none */
    size_t owner_count;
} wsb__reactor;

/* WSB_ERROR_IO, WSB_ERROR_OUT_OF_MEMORY. */
WSB_NODISCARD wsb_status wsb__reactor_init(wsb__reactor *reactor);
void wsb__reactor_fini(wsb__reactor *reactor);

/* Wakes the tasks to which something happened; called when `epoll_fd` is readable. */
void wsb__reactor_dispatch(wsb__reactor *reactor);

/* As wsb__task_watch() and wsb__task_unwatch(). */
WSB_NODISCARD wsb_status wsb__reactor_add(wsb__reactor *reactor, wsb__task *task,
                                          const struct pollfd *fds, size_t fd_count,
                                          uint64_t until_ns);
void wsb__reactor_remove(wsb__reactor *reactor, wsb__task *task);

#endif
