#include "runtime/nest.h"

/* Whoever interrupts an outer call must reach the code that runs: the innermost guest's. */
static void redirect(wsb_instance *outer, const wsb_instance *running)
{
    for (; outer != NULL; outer = outer->outer) {
        wsb__watchdog_redirect(&outer->runtime->watchdog, &outer->watch,
                               running->runtime->interrupt,
                               running->link->compiled->variant->engine);
    }
}

void wsb__nest_begin(wsb_instance *inner, wsb__thread *thread)
{
    inner->outer = thread->current;
    redirect(inner->outer, inner);
}

void wsb__nest_end(wsb_instance *inner, wsb__thread *thread)
{
    wsb_instance *outer = inner->outer;
    inner->outer = NULL;
    thread->current = outer;
    if (inner->ended_by_outer) {
        /* Found to be due: the outer guest is looked at when its host function returns. */
        outer->ending.status = inner->ending.status;
    }
    redirect(outer, outer);
}

void wsb__nest_set_wait(wsb_instance *instance, int fd)
{
    for (; instance != NULL; instance = instance->outer) {
        wsb__watchdog_set_wait(&instance->runtime->watchdog, &instance->watch, fd);
    }
}
