/* What wsb_call_context_waker() gives: it ends the wait of the host function that took it, in
 * either mode. It outlives the wait and the instance: a wake that comes later does nothing. */
#ifndef WSB_RUNTIME_WAIT_WAKER_H
#define WSB_RUNTIME_WAIT_WAKER_H

#include "runtime/instance.h"

/* The rest is called by the thread that runs the instance or, while it is suspended, steps it. */

/* Whether the present host function's wait was woken. False where it took no waker. */
bool wsb__wait_waker_woken(const wsb_instance *instance);

/* From now on a wake writes to the eventfd, or wakes the task. @return whether there was one
 * already: then nothing was set. */
bool wsb__wait_waker_aim_at_fd(wsb_instance *instance, int fd);
bool wsb__wait_waker_aim_at_task(wsb_instance *instance, wsb__task *task);

/* Takes the aim back; the wait can go on. After it no wake is under way. */
void wsb__wait_waker_lower(wsb_instance *instance);

/* The wait has ended: from now on a wake does nothing. */
void wsb__wait_waker_end(wsb_instance *instance);

/* The instance goes. */
void wsb__wait_waker_release(wsb_instance *instance);

#endif
