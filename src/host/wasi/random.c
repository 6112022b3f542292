/* Random numbers: the kernel's, or the ChaCha20 key stream of a seed (the same on every
 * machine, however the guest cuts its requests). */
#include "host/wasi/internal.h"

#include <errno.h>
#include <sodium.h>
#include <sys/random.h>

/* How much is made before the deadline is looked at again. */
#define STEP ((uint64_t)256 << 10)

enum { BLOCK = 64 };

void wsb__wasi_random_init(wsb__wasi_random *random, wsb_random_kind kind, uint64_t seed)
{
    static const char domain[24] = "wasm-sandbox random seed";
    random->kind = (uint8_t)kind;
    random->position = 0;
    memcpy(random->key, domain, sizeof domain);
    wsb__put64(random->key + sizeof domain, seed);
}

static void seeded(wsb__wasi_random *random, uint8_t *out, uint64_t length)
{
    static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES] = {0};
    while (length > 0) {
        uint64_t block = random->position / BLOCK;
        uint64_t skip = random->position % BLOCK;
        uint64_t take = length;
        if (skip == 0 && length >= BLOCK) {
            take = length - length % BLOCK;
            memset(out, 0, take);
            crypto_stream_chacha20_xor_ic(out, out, take, nonce, block, random->key);
        } else {
            uint8_t whole[BLOCK] = {0};
            crypto_stream_chacha20_xor_ic(whole, whole, BLOCK, nonce, block, random->key);
            if (take > BLOCK - skip)
                take = BLOCK - skip;
            memcpy(out, whole + skip, take);
        }
        random->position += take;
        out += take;
        length -= take;
    }
}

static int from_system(uint8_t *out, uint64_t length)
{
    while (length > 0) {
        ssize_t got = getrandom(out, length, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return WASI_EIO;
        out += got;
        length -= (uint64_t)got;
    }
    return 0;
}

int wsb__wasi_random_get(wsb__wasi_call *call)
{
    wsb__wasi *wasi = call->wasi;
    uint64_t length = wsb__wasi_u32(call, 1);
    uint8_t *out = wsb__wasi_range(call, wsb__wasi_u32(call, 0), length);
    if (!out)
        return WASI_EFAULT;
    if (wasi->random.kind == WSB_RANDOM_NONE) {
        wsb__wasi_denied(call, "random", wsb_cstr(NULL));
        return WASI_ENOTSUP;
    }
    if (!call->resumed)
        wasi->progress = 0;
    uint64_t step = length - wasi->progress < STEP ? length - wasi->progress : STEP;
    if (wasi->random.kind == WSB_RANDOM_SEEDED)
        seeded(&wasi->random, out + wasi->progress, step);
    else if (from_system(out + wasi->progress, step) != 0)
        return WASI_EIO;
    wasi->progress += step;
    return wasi->progress < length ? wsb__wasi_breathe(call) : 0;
}
