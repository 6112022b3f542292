/* What is known of the calling thread: its stack, its CPU clock, how deep it is in guests. */
#ifndef WSB_RUNTIME_THREAD_H
#define WSB_RUNTIME_THREAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

typedef struct wsb__thread {
    unsigned generation;          /* 0: nothing is known yet; else wsb__fork_generation */
    unsigned depth;               /* calls into guests that are active on this thread */
    struct wsb_instance *current; /* the innermost of them, while depth > 0 */
    uintptr_t stack_low;          /* lowest usable address */
    uintptr_t stack_high;
    clockid_t cpu_clock;
    uint64_t cpu_sample;       /* ns of CPU time at `cpu_sample_ticks` */
    uint64_t cpu_sample_ticks; /* 0: never */
    int wake_fd;               /* eventfd + 1 that ends a wait of this thread; 0: none yet */
} wsb__thread;

/* Small and touched in every call, so in the static TLS block. */
extern _Thread_local wsb__thread wsb__this_thread __attribute__((tls_model("initial-exec")));

/* Host → guest → host → guest …: how deep a thread may go. */
enum { WSB__MAX_DEPTH = 16 };

/* Fills in wsb__this_thread. False where the system does not tell. */
bool wsb__thread_learn(wsb__thread *thread);

/* A new sample of the thread's CPU clock. */
void wsb__thread_sample_cpu(wsb__thread *thread, uint64_t now_ticks);

/* The thread's eventfd, made when first needed; -1 on failure. */
int wsb__thread_wake_fd(wsb__thread *thread);

/* CPU time of a thread by its clock; 0 when it is gone. */
uint64_t wsb__cpu_clock_ns(clockid_t clock);

/* From 1; goes up in every forked child. A runtime made before is unusable there. */
extern _Atomic unsigned wsb__fork_generation;

/* Installs the fork handler; cheap when repeated. */
void wsb__fork_watch(void);

#endif
