/* Waiting inside a host function, under the deadline. */
#ifndef WSB_RUNTIME_WAIT_H
#define WSB_RUNTIME_WAIT_H

#include "runtime/instance.h"

/* Waits for what the host function left in `instance->pending` and continues it, until it is done.
 * A deadline or cancellation that comes first ends the guest. Never gives WSB_HOST_PENDING. */
wsb_host_result wsb__wait_out(wsb_instance *instance, wsb_raw_value *values);

/* What the host function left in `instance->pending`, which is empty then; the wait has ended. */
wsb__pending wsb__wait_take(wsb_instance *instance);

/* The wait has ended and is not continued: releases its state. */
void wsb__wait_drop(wsb_instance *instance);

/* For a host function that has just said what it waits for: what it does when it is resumed takes
 * so little that the guest's deadline, looked at before, need not be looked at after it. */
static inline void wsb__wait_is_brief(wsb_call_context *context)
{
    ((wsb_instance *)context)->pending.brief = true;
}

/* It is pending and did not say what for. */
void wsb__wait_not_asked(wsb_instance *instance);

#endif
