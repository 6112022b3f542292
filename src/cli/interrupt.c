#include "interrupt.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "exit_status.h"
#include "text.h"

static _Atomic(wsb_instance *) running;

/* Ends the process without running anything else: other threads may be anywhere. */
static void die(void)
{
    static const char text[] = CLI_NAME ": interrupted\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
    (void)ignored;
    _exit(CLI_EXIT_INTERRUPTED);
}

/* wsb_instance_cancel() may be called from any thread, but not from a signal handler. */
static void *wait_for_signals(void *data)
{
    const sigset_t *signals = data;
    bool cancelled = false;
    for (;;) {
        int number = 0;
        if (sigwait(signals, &number) != 0) {
            continue;
        }
        wsb_instance *instance = atomic_load(&running);
        if (cancelled || !instance) {
            die();
        }
        wsb_instance_cancel(instance);
        cancelled = true;
    }
    return NULL;
}

/* A signal that our parent told us to ignore (nohup, a shell's background job) stays ignored. */
static void add_unless_ignored(sigset_t *signals, int number)
{
    struct sigaction action;
    if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_IGN) {
        sigaddset(signals, number);
    }
}

void cli_interrupt_start(void)
{
    static sigset_t signals;
    sigset_t before;
    pthread_attr_t attributes;
    pthread_t thread;
    sigemptyset(&signals);
    add_unless_ignored(&signals, SIGINT);
    add_unless_ignored(&signals, SIGTERM);
    if (pthread_attr_init(&attributes) != 0) {
        return;
    }
    pthread_sigmask(SIG_BLOCK, &signals, &before);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, (size_t)128 * 1024);
    if (pthread_create(&thread, &attributes, wait_for_signals, &signals) != 0) {
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    pthread_attr_destroy(&attributes);
}

void cli_interrupt_cancels(wsb_instance *instance)
{
    atomic_store(&running, instance);
}
