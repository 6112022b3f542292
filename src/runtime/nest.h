/* A call that a host function makes into another guest is part of the call that it serves: the
 * outer deadline, CPU time and cancellation end it, too. */
#ifndef WSB_RUNTIME_NEST_H
#define WSB_RUNTIME_NEST_H

#include "runtime/instance.h"

/* Begins and ends a call inside that of `thread->current`. */
void wsb__nest_begin(wsb_instance *inner, wsb__thread *thread);
void wsb__nest_end(wsb_instance *inner, wsb__thread *thread);

/* Tells (fd >= 0) or forgets (-1) what ends a wait, for the instance and all it is part of. */
void wsb__nest_set_wait(wsb_instance *instance, int fd);

#endif
