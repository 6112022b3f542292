/* Arguments and environment: exactly those that were given. */
#include "host/wasi/internal.h"

static int sizes_get(const wsb__wasi_call *call, const wsb__wasi_strings *strings)
{
    int result = wsb__wasi_store32(call, wsb__wasi_u32(call, 0), strings->count);
    if (result)
        return result;
    return wsb__wasi_store32(call, wsb__wasi_u32(call, 1), strings->size);
}

static int get(const wsb__wasi_call *call, const wsb__wasi_strings *strings)
{
    uint32_t address = wsb__wasi_u32(call, 1);
    uint8_t *pointers = wsb__wasi_range(call, wsb__wasi_u32(call, 0), (uint64_t)strings->count * 4);
    uint8_t *data = wsb__wasi_range(call, address, strings->size);
    if (!pointers || !data)
        return WASI_EFAULT;
    if (strings->size > 0)
        memcpy(data, strings->data, strings->size);
    const char *text = strings->data;
    for (uint32_t i = 0; i < strings->count; i++) {
        wsb__put32(pointers + (size_t)i * 4, address + (uint32_t)(text - strings->data));
        text += strlen(text) + 1;
    }
    return 0;
}

int wsb__wasi_args_sizes_get(wsb__wasi_call *call)
{
    return sizes_get(call, &call->wasi->arguments);
}

int wsb__wasi_args_get(wsb__wasi_call *call)
{
    return get(call, &call->wasi->arguments);
}

int wsb__wasi_environ_sizes_get(wsb__wasi_call *call)
{
    return sizes_get(call, &call->wasi->environment);
}

int wsb__wasi_environ_get(wsb__wasi_call *call)
{
    return get(call, &call->wasi->environment);
}
