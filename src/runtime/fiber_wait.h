/* The wait of a suspended call, for fiber.c. */
#ifndef WSB_RUNTIME_FIBER_WAIT_H
#define WSB_RUNTIME_FIBER_WAIT_H

#include "runtime/instance.h"

/* Whether the pending host function can go on, or the guest is to end in it. On the thread that
 * runs the call; `now` in ticks. */
bool wsb__fiber_wait_is_over(wsb_instance *instance, uint64_t now);

/* Lets the task be woken by what its guest waits for. */
void wsb__fiber_arm_wait(wsb_instance *instance, wsb__task *task);

#endif
