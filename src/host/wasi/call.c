/* What the functions share: iovecs, waiting, events. */
#include "host/wasi/internal.h"

int wsb__wasi_load_iovecs(const wsb__wasi_call *call, uint32_t offset, uint32_t count,
                          wsb__wasi_iovecs *out)
{
    const uint8_t *list = wsb__wasi_range(call, offset, (uint64_t)count * WASI_IOVEC_SIZE);
    if (!list)
        return WASI_EFAULT;
    if (count > WASI__MAX_IOVECS)
        count = WASI__MAX_IOVECS;
    out->count = (int)count;
    out->total = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *entry = list + (size_t)i * WASI_IOVEC_SIZE;
        uint32_t data = wsb__get32(entry);
        uint32_t length = wsb__get32(entry + 4);
        out->list[i].iov_base = wsb__wasi_range(call, data, length);
        if (!out->list[i].iov_base)
            return WASI_EFAULT;
        out->list[i].iov_len = length;
        out->total += length; /* at most 128 times 4 GiB */
    }
    if (out->total > WASI__MAX_TRANSFER)
        wsb__wasi_cut_iovecs(out, WASI__MAX_TRANSFER);
    return 0;
}

void wsb__wasi_cut_iovecs(wsb__wasi_iovecs *iovecs, uint64_t length)
{
    if (length >= iovecs->total)
        return;
    uint64_t left = length;
    int i = 0;
    for (; left > 0 && i < iovecs->count; i++) {
        if (iovecs->list[i].iov_len > left)
            iovecs->list[i].iov_len = left;
        left -= iovecs->list[i].iov_len;
    }
    iovecs->count = i;
    iovecs->total = length;
}

int wsb__wasi_wait_fd(wsb__wasi_call *call, int fd, short events, uint64_t timeout_ns)
{
    wsb__wasi *wasi = call->wasi;
    wasi->wait_fd = (struct pollfd){.fd = fd, .events = events};
    wsb_call_context_wait(call->context, fd < 0 ? NULL : &wasi->wait_fd, fd < 0 ? 0 : 1, timeout_ns,
                          call->resume, NULL, wasi);
    return WASI__PENDING;
}

int wsb__wasi_breathe(wsb__wasi_call *call)
{
    return wsb__wasi_wait_fd(call, -1, 0, 0);
}

void wsb__wasi_limit_hit(const wsb__wasi_call *call, const char *limit, wsb_str detail,
                         uint64_t used, uint64_t allowed)
{
    wsb_call_context_event(call->context, WSB_EVENT_LIMIT_HIT, call->operation, limit, detail, used,
                           allowed);
}

void wsb__wasi_denied(const wsb__wasi_call *call, const char *capability, wsb_str detail)
{
    wsb_call_context_event(call->context, WSB_EVENT_ACCESS_DENIED, call->operation, capability,
                           detail, 0, 0);
}
