/* The host's errno as the guest knows it. */
#include "host/wasi/internal.h"

#include <errno.h>

#define SAME(name) [name] = WASI_##name

static const uint8_t numbers[] = {
    SAME(E2BIG),        SAME(EACCES),
    SAME(EADDRINUSE),   SAME(EADDRNOTAVAIL),
    SAME(EAFNOSUPPORT), SAME(EAGAIN),
    SAME(EALREADY),     SAME(EBADF),
    SAME(EBADMSG),      SAME(EBUSY),
    SAME(ECANCELED),    SAME(ECHILD),
    SAME(ECONNABORTED), SAME(ECONNREFUSED),
    SAME(ECONNRESET),   SAME(EDEADLK),
    SAME(EDESTADDRREQ), SAME(EDOM),
    SAME(EDQUOT),       SAME(EEXIST),
    SAME(EFAULT),       SAME(EFBIG),
    SAME(EHOSTUNREACH), SAME(EIDRM),
    SAME(EILSEQ),       SAME(EINPROGRESS),
    SAME(EINTR),        SAME(EINVAL),
    SAME(EIO),          SAME(EISCONN),
    SAME(EISDIR),       SAME(ELOOP),
    SAME(EMFILE),       SAME(EMLINK),
    SAME(EMSGSIZE),     SAME(EMULTIHOP),
    SAME(ENAMETOOLONG), SAME(ENETDOWN),
    SAME(ENETRESET),    SAME(ENETUNREACH),
    SAME(ENFILE),       SAME(ENOBUFS),
    SAME(ENODEV),       SAME(ENOENT),
    SAME(ENOEXEC),      SAME(ENOLCK),
    SAME(ENOLINK),      SAME(ENOMEM),
    SAME(ENOMSG),       SAME(ENOPROTOOPT),
    SAME(ENOSPC),       SAME(ENOSYS),
    SAME(ENOTCONN),     SAME(ENOTDIR),
    SAME(ENOTEMPTY),    SAME(ENOTRECOVERABLE),
    SAME(ENOTSOCK),     SAME(ENOTSUP),
    SAME(ENOTTY),       SAME(ENXIO),
    SAME(EOVERFLOW),    SAME(EOWNERDEAD),
    SAME(EPERM),        SAME(EPIPE),
    SAME(EPROTO),       SAME(EPROTONOSUPPORT),
    SAME(EPROTOTYPE),   SAME(ERANGE),
    SAME(EROFS),        SAME(ESPIPE),
    SAME(ESRCH),        SAME(ESTALE),
    SAME(ETIMEDOUT),    SAME(ETXTBSY),
    SAME(EXDEV),
};

int wsb__wasi_errno(int host_errno)
{
    if (host_errno <= 0 || (size_t)host_errno >= sizeof numbers || numbers[host_errno] == 0)
        return WASI_EIO;
    return numbers[host_errno];
}
