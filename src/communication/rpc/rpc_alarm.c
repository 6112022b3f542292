#include "communication/rpc/rpc_background.h"
#include "core/alloc.h"

static void wake(wsb_waker *waker)
{
    wsb__rpc_alarm *alarm = (wsb__rpc_alarm *)waker;
    wsb__lock_acquire(&alarm->lock);
    if (alarm->task)
        wsb__task_wake(alarm->task);
    wsb__lock_release(&alarm->lock);
}

static void destroy(wsb_waker *waker)
{
    wsb__rpc_alarm *alarm = (wsb__rpc_alarm *)waker;
    wsb__free(alarm);
}

wsb__rpc_alarm *wsb__rpc_alarm_create(wsb__task *task)
{
    wsb__rpc_alarm *alarm = wsb__alloc(sizeof *alarm);
    if (!alarm)
        return NULL;
    wsb__waker_init(&alarm->waker, wake, destroy);
    alarm->lock = (wsb__lock){0};
    alarm->task = task;
    return alarm;
}

void wsb__rpc_alarm_silence(wsb__rpc_alarm *alarm)
{
    wsb__lock_acquire(&alarm->lock);
    alarm->task = NULL;
    wsb__lock_release(&alarm->lock);
}
