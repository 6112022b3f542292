/* Ending, yielding, signals, and the sockets that no guest has. */
#include "host/wasi/internal.h"

#include <sched.h>

int wsb__wasi_proc_exit(wsb__wasi_call *call)
{
    wsb_call_context_exit(call->context, call->values[0].i32);
    return WASI__TRAP;
}

/* A guest has no signals; libraries for WASI raise theirs inside of the guest. */
int wsb__wasi_proc_raise(wsb__wasi_call *call)
{
    (void)call;
    return WASI_ENOSYS;
}

int wsb__wasi_sched_yield(wsb__wasi_call *call)
{
    (void)call;
    sched_yield();
    return 0;
}

/* No descriptor of a guest is a socket. */
static int not_a_socket(const wsb__wasi_call *call)
{
    return wsb__wasi_entry_get(call->wasi, wsb__wasi_u32(call, 0)) ? WASI_ENOTSOCK : WASI_EBADF;
}

int wsb__wasi_sock_accept(wsb__wasi_call *call)
{
    return not_a_socket(call);
}

int wsb__wasi_sock_recv(wsb__wasi_call *call)
{
    return not_a_socket(call);
}

int wsb__wasi_sock_send(wsb__wasi_call *call)
{
    return not_a_socket(call);
}

int wsb__wasi_sock_shutdown(wsb__wasi_call *call)
{
    return not_a_socket(call);
}
