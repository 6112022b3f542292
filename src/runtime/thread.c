#include "runtime/thread.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

_Thread_local wsb__thread wsb__this_thread __attribute__((tls_model("initial-exec")));

_Atomic unsigned wsb__fork_generation = 1;

static pthread_once_t fork_once = PTHREAD_ONCE_INIT;
static pthread_key_t exit_key;
static bool exit_key_made;

static void close_wake_fd(void *value)
{
    wsb__thread *thread = value;
    if (thread->wake_fd > 0) {
        close(thread->wake_fd - 1);
        thread->wake_fd = 0;
    }
}

static void in_child(void)
{
    /* Of all threads only this one is in the child; it learns about itself anew. */
    atomic_fetch_add(&wsb__fork_generation, 1);
    wsb__this_thread.generation = 0;
    /* The descriptor is shared with the parent's thread: waiting on it would steal its wake-ups. */
    wsb__this_thread.wake_fd = 0;
}

static void install(void)
{
    pthread_atfork(NULL, NULL, in_child);
    exit_key_made = pthread_key_create(&exit_key, close_wake_fd) == 0;
}

void wsb__fork_watch(void)
{
    pthread_once(&fork_once, install);
}

/* Where the main thread's stack begins; glibc's dynamic linker has it. */
extern void *__libc_stack_end;

/* The main thread's stack grows to its limit, for which the kernel leaves room at exec(2): at least
 * 128 MiB. Asking the C library instead costs reading all of /proc/self/maps. */
static bool learn_main_stack(wsb__thread *thread)
{
    enum { CAP = 64 * 1024 * 1024 };
    struct rlimit limit;
    if (gettid() != getpid() || __libc_stack_end == NULL || getrlimit(RLIMIT_STACK, &limit) != 0) {
        return false;
    }
    /* Arguments and environment, at most a quarter (execve(2)), are above the end. */
    uintptr_t size = limit.rlim_cur < CAP ? (uintptr_t)limit.rlim_cur : CAP;
    size -= size / 4;
    uintptr_t high = (uintptr_t)__libc_stack_end;
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    if (here > high || size > high || here < high - size) {
        return false;
    }
    thread->stack_low = high - size;
    thread->stack_high = high;
    return true;
}

static bool learn_stack(wsb__thread *thread)
{
    pthread_attr_t attributes;
    void *low = NULL;
    size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) {
        return false;
    }
    int failed = pthread_attr_getstack(&attributes, &low, &size);
    pthread_attr_destroy(&attributes);
    thread->stack_low = (uintptr_t)low;
    thread->stack_high = (uintptr_t)low + size;
    return failed == 0;
}

bool wsb__thread_learn(wsb__thread *thread)
{
    if ((!learn_main_stack(thread) && !learn_stack(thread)) ||
        pthread_getcpuclockid(pthread_self(), &thread->cpu_clock) != 0) {
        return false;
    }
    thread->generation = atomic_load(&wsb__fork_generation);
    return true;
}

/* A system call: not inside of what every call goes through, whose frame it would enlarge. */
__attribute__((noinline)) uint64_t wsb__cpu_clock_ns(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now) != 0) {
        return 0;
    }
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void wsb__thread_sample_cpu(wsb__thread *thread, uint64_t now_ticks)
{
    thread->cpu_sample = wsb__cpu_clock_ns(CLOCK_THREAD_CPUTIME_ID);
    thread->cpu_sample_ticks = now_ticks;
}

int wsb__thread_wake_fd(wsb__thread *thread)
{
    if (thread->wake_fd == 0 && exit_key_made) {
        int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (fd >= 0 && pthread_setspecific(exit_key, thread) == 0) {
            thread->wake_fd = fd + 1;
        } else if (fd >= 0) {
            close(fd);
        }
    }
    return thread->wake_fd - 1;
}
