#include "communication/rpc/rpc_background.h"
#include "core/alloc.h"

static void wake(wsb_waker *waker)
{
    wsb__rpc_alarm *alarm = (wsb__rpc_alarm *)waker;
    pthread_mutex_lock(&alarm->lock);
    if (alarm->task)
        wsb__task_wake(alarm->task);
    pthread_mutex_unlock(&alarm->lock);
}

static void destroy(wsb_waker *waker)
{
    wsb__rpc_alarm *alarm = (wsb__rpc_alarm *)waker;
    pthread_mutex_destroy(&alarm->lock);
    wsb__free(alarm);
}

wsb__rpc_alarm *wsb__rpc_alarm_create(wsb__task *task)
{
    wsb__rpc_alarm *alarm = wsb__alloc(sizeof *alarm);
    if (!alarm)
        return NULL;
    wsb__waker_init(&alarm->waker, wake, destroy);
    pthread_mutex_init(&alarm->lock, NULL);
    alarm->task = task;
    return alarm;
}

void wsb__rpc_alarm_silence(wsb__rpc_alarm *alarm)
{
    pthread_mutex_lock(&alarm->lock);
    alarm->task = NULL;
    pthread_mutex_unlock(&alarm->lock);
}
