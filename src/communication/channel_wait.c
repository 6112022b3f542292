/* Waiting for a transfer, on the calling thread: spins a little, then sleeps until it is woken. */
#include "communication/channel.h"
#include "core/alloc.h"
#include "core/relax.h"
#include "core/signal_word.h"
#include "runtime/ticks.h"

#include <pthread.h>
#include <sched.h>

/* How long a thread spins before it sleeps, and how often it looks meanwhile. To put a thread to
 * sleep and to wake it again costs several microseconds on either side. */
enum { SPIN_NS = 4000, RELAXES = 16 };

/* What a sleeping thread is woken by. Others may hold it when the wait is long over. */
typedef struct word_waker {
    wsb_waker waker;
    _Atomic uint32_t woken;
} word_waker;

static void wake_word(wsb_waker *waker)
{
    word_waker *self = (word_waker *)waker;
    if (atomic_exchange_explicit(&self->woken, 1, memory_order_acq_rel) == 0)
        wsb__word_wake(&self->woken, 1);
}

static void destroy_word(wsb_waker *waker)
{
    wsb__free(waker);
}

static word_waker *create_word(void)
{
    word_waker *word = wsb__alloc(sizeof *word);
    if (!word)
        return NULL;
    wsb__waker_init(&word->waker, wake_word, destroy_word);
    atomic_init(&word->woken, 0);
    return word;
}

/* Spinning keeps a processor from those that spinners wait for: one is left to them. */
static _Atomic int spinners;
static int max_spinners;
static uint64_t spin_ticks;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void learn(void)
{
    cpu_set_t set;
    int processors = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    max_spinners = processors - 1;
    wsb__ticks_init();
    spin_ticks = wsb__ns_to_ticks(SPIN_NS);
}

static wsb_status spin(const wsb__transfer *transfer)
{
    wsb_status status = WSB_ERROR_WOULD_BLOCK;
    pthread_once(&once, learn);
    if (atomic_fetch_add_explicit(&spinners, 1, memory_order_relaxed) < max_spinners) {
        uint64_t start = wsb__ticks();
        do {
            for (int i = 0; i < RELAXES; i++)
                wsb__relax();
            status = wsb__transfer_try(transfer);
        } while (status == WSB_ERROR_WOULD_BLOCK && wsb__ticks() - start < spin_ticks);
    }
    atomic_fetch_sub_explicit(&spinners, 1, memory_order_relaxed);
    return status;
}

bool wsb__channel_sleep(_Atomic uint32_t *woken, uint64_t deadline)
{
    while (atomic_load_explicit(woken, memory_order_acquire) == 0) {
        uint64_t left = UINT64_MAX;
        if (deadline != UINT64_MAX) {
            uint64_t now = wsb__monotonic_ns();
            if (now >= deadline)
                return false;
            left = deadline - now;
        }
        (void)wsb__word_wait(woken, 0, left);
    }
    return true;
}

static bool is_over(uint64_t deadline)
{
    return deadline != UINT64_MAX && wsb__monotonic_ns() >= deadline;
}

static wsb_status sleep_and_try(const wsb__transfer *transfer, word_waker *word, uint64_t deadline)
{
    wsb_channel *channel = transfer->channel;
    wsb_status status = WSB_ERROR_WOULD_BLOCK;
    while (status == WSB_ERROR_WOULD_BLOCK) {
        atomic_store_explicit(&word->woken, 0, memory_order_relaxed);
        status = channel->ops->wait(channel->end, transfer->event, &word->waker);
        if (status != WSB_OK)
            return status;
        status = WSB_ERROR_TIMEOUT;
        if (wsb__channel_sleep(&word->woken, deadline)) {
            status = wsb__transfer_try(transfer);
            if (status == WSB_ERROR_WOULD_BLOCK) {
                wsb__channel_rearm(channel, transfer->event);
                if (is_over(deadline))
                    status = WSB_ERROR_TIMEOUT;
            }
        }
        /* Whoever gives up hands on what it was woken for. */
        if (status != WSB_OK && status != WSB_ERROR_WOULD_BLOCK)
            channel->ops->unwait(channel->end, transfer->event, &word->waker);
    }
    return status;
}

static wsb_status wait_for(const wsb__transfer *transfer, uint64_t deadline)
{
    wsb_status status = spin(transfer);
    if (status != WSB_ERROR_WOULD_BLOCK)
        return status;
    word_waker *word = create_word();
    if (!word)
        return WSB_ERROR_OUT_OF_MEMORY;
    status = sleep_and_try(transfer, word, deadline);
    wsb_waker_unref(&word->waker);
    return status;
}

wsb_status wsb__transfer_wait(const wsb__transfer *transfer, uint64_t timeout_ns)
{
    wsb_channel *channel = transfer->channel;
    wsb__channel_counters *counters =
        wsb__event_is_result(transfer->event) ? &channel->results : &channel->messages;
    uint64_t start = wsb__monotonic_ns();
    uint64_t deadline = timeout_ns < UINT64_MAX - start ? start + timeout_ns : UINT64_MAX;
    wsb_status status = wait_for(transfer, deadline);
    atomic_fetch_add_explicit(wsb__event_is_send(transfer->event) ? &counters->send_blocked_ns
                                                                  : &counters->receive_blocked_ns,
                              wsb__monotonic_ns() - start, memory_order_relaxed);
    return status;
}
