#include "interrupt.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "exit_status.h"
#include "text.h"

/* How often the guest is asked again: one request can come just while it looks away. */
enum { AGAIN_US = 2000 };

static _Atomic(wsb_instance *) running;
static volatile sig_atomic_t cancelled;

/* Ends the process without running anything else. */
static void die(void)
{
    static const char text[] = CLI_NAME ": interrupted\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
    (void)ignored;
    _exit(CLI_EXIT_INTERRUPTED);
}

static void ask_again(int number)
{
    wsb_instance *instance = atomic_load(&running);
    (void)number;
    if (instance) {
        wsb_instance_cancel_from_signal(instance);
    }
}

/* A thread that waits for signals would be simpler, and cost a third of a short program's time. */
static void on_signal(int number)
{
    const struct itimerval soon = {{0, AGAIN_US}, {0, AGAIN_US}};
    if (cancelled || !atomic_load(&running)) {
        die();
    }
    cancelled = 1;
    ask_again(number);
    setitimer(ITIMER_REAL, &soon, NULL);
}

static void handle(int number, void (*handler)(int))
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGALRM);
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART | SA_ONSTACK;
    sigaction(number, &action, NULL);
}

/* A signal that our parent told us to ignore (nohup, a shell's background job) stays ignored. */
static void handle_unless_ignored(int number)
{
    struct sigaction action;
    if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_IGN) {
        handle(number, on_signal);
    }
}

void cli_interrupt_start(void)
{
    handle(SIGALRM, ask_again);
    handle_unless_ignored(SIGINT);
    handle_unless_ignored(SIGTERM);
}

void cli_interrupt_cancels(wsb_instance *instance)
{
    atomic_store(&running, instance);
}
